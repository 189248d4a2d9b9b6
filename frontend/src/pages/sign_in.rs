//! Signing in: one card.

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::api::{self, ApiError};
use crate::components::field::{Field, Input};
use crate::components::{Button, Failure, Icon, Variant, icon};
use crate::hooks::use_title;

#[derive(PartialEq, Properties)]
pub struct DoorProps {
    pub title: AttrValue,
    #[prop_or_default]
    pub lead: Html,
    pub children: Html,
}

/// The card in the middle of an empty page.
#[component]
pub fn Door(props: &DoorProps) -> Html {
    html! {
        <main class="ab-door">
            <div class="ab-door__card">
                <p class="ab-door__brand"><span class="ab-brand__mark">{ icon(Icon::Mark) }</span>{ "Arborist" }</p>
                <h1 class="ab-door__title">{ &props.title }</h1>
                if props.lead != Html::default() { <p class="ab-door__lead">{ props.lead.clone() }</p> }
                { props.children.clone() }
            </div>
        </main>
    }
}

#[derive(PartialEq, Properties)]
pub struct SignInProps {
    pub done: Callback<()>,
}

#[component]
pub fn SignInPage(props: &SignInProps) -> Html {
    use_title(vec!["Sign in".into()]);
    let name = use_state(String::new);
    let password = use_state(String::new);
    let error = use_state(|| None::<ApiError>);
    let busy = use_state_eq(|| false);

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
            let (name, password) = ((*name).clone(), (*password).clone());
            let (error, busy, done) = (error.clone(), busy.clone(), done.clone());
            busy.set(true);
            error.set(None);
            spawn_local(async move {
                match api::sign_in(name, password).await {
                    Ok(()) => done.emit(()),
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
        <Door title="Sign in">
            <form class="ab-form" {onsubmit} novalidate=true>
                if let Some(error) = &*error { <Failure error={error.clone()} compact=true /> }
                <Field id="name" label="Name"><Input id="name" value={(*name).clone()} onchange={set(&name)} autocomplete="username" autofocus=true required=true testid="sign-in-name" /></Field>
                <Field id="password" label="Password"><Input id="password" kind="password" value={(*password).clone()} onchange={set(&password)} autocomplete="current-password" required=true testid="sign-in-password" /></Field>
                <Button label="Sign in" variant={Variant::Primary} submit=true block=true busy={*busy} disabled={name.is_empty() || password.is_empty()} testid="sign-in" />
            </form>
        </Door>
    }
}
