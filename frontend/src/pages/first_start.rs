//! First start: the link on the console leads here, and the administrator sets a password.

use arborist_shared::api::accounts::FirstStart;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;
use yew_router::prelude::*;

use super::sign_in::Door;
use crate::api::{self, ApiError};
use crate::components::field::{Field, Input};
use crate::components::{Button, Failure, Notice, NoticeKind, Variant};
use crate::hooks::{use_title, use_url_query};
use crate::route::Route;

#[derive(PartialEq, Properties)]
pub struct FirstStartProps {
    pub done: Callback<()>,
}

/// Shortest password that is taken.
const SHORTEST: usize = 8;

#[component]
pub fn FirstStartPage(props: &FirstStartProps) -> Html {
    use_title(vec!["First start".into()]);
    let query = use_url_query();
    let navigator = use_navigator();
    let name = use_state(|| "admin".to_owned());
    let password = use_state(String::new);
    let again = use_state(String::new);
    let error = use_state(|| None::<ApiError>);
    let busy = use_state_eq(|| false);

    let token = query.text("token");
    if token.is_empty() {
        return html! {
            <Door title="Welcome" lead={html! { "This server has not been set up yet." }}>
                <Notice kind={NoticeKind::Info} title="Open the link from the console" testid="first-start-no-token">
                    <p>{ "When the server started for the first time, it printed a link that begins with this address and carries a one-time token. Open that link to set the administrator's password. The link is printed again at every start until then." }</p>
                </Notice>
            </Door>
        };
    }
    let too_short = !password.is_empty() && password.chars().count() < SHORTEST;
    let differs = !again.is_empty() && *again != *password;
    let complete =
        !name.trim().is_empty() && password.chars().count() >= SHORTEST && *again == *password;

    let onsubmit = {
        let (name, password, error, busy, done) = (
            name.clone(),
            password.clone(),
            error.clone(),
            busy.clone(),
            props.done.clone(),
        );
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            if !complete {
                return;
            }
            let first = FirstStart {
                token: token.clone(),
                name: name.trim().to_owned(),
                password: (*password).clone(),
            };
            let (error, busy, done, navigator) =
                (error.clone(), busy.clone(), done.clone(), navigator.clone());
            busy.set(true);
            error.set(None);
            spawn_local(async move {
                let (name, password) = (first.name.clone(), first.password.clone());
                match api::first_start(first).await {
                    Ok(()) => {
                        let signed_in = api::session()
                            .await
                            .is_ok_and(|session| session.user.is_some());
                        if !signed_in {
                            // If this fails, the sign-in page comes next and says why.
                            let _ = api::sign_in(name, password).await;
                        }
                        if let Some(navigator) = navigator {
                            navigator.replace(&Route::Projects);
                        }
                        done.emit(());
                    }
                    Err(problem) => error.set(Some(problem)),
                }
                busy.set(false);
            });
        })
    };
    let set = |state: &UseStateHandle<String>| {
        let state = state.clone();
        Callback::from(move |value: String| state.set(value))
    };
    html! {
        <Door title="Welcome" lead={html! { "Set the password of the administrator. Keys for programs are made in the settings." }}>
            <form class="ab-form" {onsubmit} novalidate=true>
                if let Some(error) = &*error { <Failure error={error.clone()} compact=true /> }
                <Field id="name" label="Name"><Input id="name" value={(*name).clone()} onchange={set(&name)} autocomplete="username" required=true testid="first-start-name" /></Field>
                <Field id="password" label="Password" help={html! { format!("At least {SHORTEST} characters.") }} error={too_short.then(|| AttrValue::from(format!("{} more characters.", SHORTEST - password.chars().count())))}>
                    <Input id="password" kind="password" value={(*password).clone()} onchange={set(&password)} autocomplete="new-password" autofocus=true required=true invalid={too_short} testid="first-start-password" />
                </Field>
                <Field id="again" label="Password again" error={differs.then_some(AttrValue::Static("The two differ."))}>
                    <Input id="again" kind="password" value={(*again).clone()} onchange={set(&again)} autocomplete="new-password" required=true invalid={differs} testid="first-start-again" />
                </Field>
                <Button label="Set the password" variant={Variant::Primary} submit=true block=true busy={*busy} disabled={!complete} testid="first-start" />
            </form>
        </Door>
    }
}
