//! API keys: made, shown once, revoked.

use arborist_shared::api::accounts::{Key, NewKey, Role};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::api::{self, ApiError};
use crate::components::copy::CopyButton;
use crate::components::field::{Field, Input, Select};
use crate::components::toast::{Toast, ToastKind, use_toaster};
use crate::components::{
    Ago, Button, Dialog, Empty, Failure, Icon, Lines, Notice, NoticeKind, Panel, Variant, show,
};
use crate::hooks::use_query;
use crate::pages::guide::chapter;
use crate::shell::role_word;

const ROLES: [(Role, &str); 5] = [
    (Role::Viewer, "may read and classify"),
    (Role::Annotator, "may also label documents"),
    (Role::Reviewer, "may also review"),
    (Role::Manager, "may also import, train and delete"),
    (Role::Admin, "may do everything, also make keys"),
];

fn key_of(role: Role) -> String {
    serde_json::to_value(role)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

#[component]
pub fn KeyRing() -> Html {
    let keys = use_query((), |()| async {
        api::keys().await.map(|answer| answer.keys)
    });
    let creating = use_state_eq(|| false);
    let revoking = use_state(|| None::<Key>);
    let set = |value: bool| {
        let creating = creating.clone();
        Callback::from(move |_: MouseEvent| creating.set(value))
    };
    let close = {
        let (creating, revoking, reload) =
            (creating.clone(), revoking.clone(), keys.reload.clone());
        Callback::from(move |()| {
            creating.set(false);
            revoking.set(None);
            reload.emit(());
        })
    };
    let ask = |key: &Key| {
        let (revoking, key) = (revoking.clone(), key.clone());
        Callback::from(move |_: MouseEvent| revoking.set(Some(key.clone())))
    };
    let create = html! { <Button label="Create a key" variant={Variant::Primary} icon={Icon::Plus} testid="new-key" onclick={set(true)} /> };
    let is_empty = keys.data().is_some_and(|keys| keys.is_empty());
    html! {
        <>
            <Panel title="API keys" flush=true actions={if is_empty { Html::default() } else { create.clone() }}>
                { show(&keys, html! { <div class="ab-inset"><Lines count={4} /></div> }, |keys| if keys.is_empty() {
                    html! { <Empty icon={Icon::Key} title="No keys yet" action={create} guide={chapter::TRY}>{ "A key lets a program do what the pages do: import, train, classify." }</Empty> }
                } else {
                    html! {
                        <div class="ab-scroll"><table class="ab-table" data-testid="keys">
                            <thead><tr><th scope="col">{ "Name" }</th><th scope="col">{ "Role" }</th><th scope="col">{ "Created" }</th><th scope="col">{ "Last used" }</th><th scope="col"><span class="pf-v6-screen-reader">{ "Actions" }</span></th></tr></thead>
                            <tbody>
                                for key in keys.iter() {
                                    <tr key={key.id}>
                                        <th scope="row" dir="auto">{ &key.name }</th>
                                        <td>{ role_word(key.role) }</td>
                                        <td><Ago at={key.created_at.clone()} /></td>
                                        <td>{ key.last_used_at.as_ref().map_or_else(|| html! { <span class="ab-muted">{ "never" }</span> }, |at| html! { <Ago at={at.clone()} /> }) }</td>
                                        <td class="ab-number"><Button label="Revoke" variant={Variant::Link} testid={format!("revoke-key-{}", key.id)} onclick={ask(key)} /></td>
                                    </tr>
                                }
                            </tbody>
                        </table></div>
                    }
                }) }
            </Panel>
            if *creating { <Create onclose={close.clone()} /> }
            if let Some(key) = &*revoking { <Revoke id={key.id} name={key.name.clone()} onclose={close} /> }
        </>
    }
}

#[derive(PartialEq, Properties)]
struct CreateProps {
    onclose: Callback<()>,
}

#[component]
fn Create(props: &CreateProps) -> Html {
    let name = use_state(String::new);
    let role = use_state_eq(|| key_of(Role::Viewer));
    let made = use_state(|| None::<String>);
    let error = use_state(|| None::<ApiError>);
    let busy = use_state_eq(|| false);
    if let Some(key) = &*made {
        return html! {
            <Dialog title="The key" onclose={props.onclose.clone()} testid="key-dialog">
                <Notice kind={NoticeKind::Warning} title="Copy it now"><p>{ "It is shown this once. Whoever has it can do what its role may do." }</p></Notice>
                <div class="ab-secret"><code data-testid="key-secret" tabindex="0">{ key }</code><CopyButton text={key.clone()} /></div>
                <p class="ab-muted">{ "Send it as the header " }<code>{ "Authorization: Bearer …" }</code>{ "." }</p>
                <div class="ab-form__actions"><Button label="Done" variant={Variant::Primary} testid="key-done" onclick={props.onclose.reform(|_| ())} /></div>
            </Dialog>
        };
    }
    let onsubmit = {
        let (name, role, made, error, busy) = (
            name.clone(),
            role.clone(),
            made.clone(),
            error.clone(),
            busy.clone(),
        );
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let Ok(role) = serde_json::from_value((*role).clone().into()) else {
                return;
            };
            let key = NewKey {
                name: name.trim().to_owned(),
                role,
            };
            if key.name.is_empty() || *busy {
                return;
            }
            let (made, error, busy) = (made.clone(), error.clone(), busy.clone());
            busy.set(true);
            error.set(None);
            spawn_local(async move {
                match api::create_key(&key).await {
                    Ok(created) => made.set(Some(created.key)),
                    Err(problem) => error.set(Some(problem)),
                }
                busy.set(false);
            });
        })
    };
    let set_name = {
        let name = name.clone();
        Callback::from(move |value: String| name.set(value))
    };
    let set_role = {
        let role = role.clone();
        Callback::from(move |value: String| role.set(value))
    };
    let choices = ROLES
        .iter()
        .map(|(role, may)| {
            (
                key_of(*role).into(),
                format!("{}: {may}", role_word(*role)).into(),
            )
        })
        .collect::<Vec<_>>();
    html! {
        <Dialog title="Create a key" onclose={props.onclose.clone()} testid="key-dialog">
            <form class="ab-form" {onsubmit} novalidate=true>
                if let Some(error) = &*error { <Failure error={error.clone()} compact=true /> }
                <Field id="key-name" label="Name" help={html! { "Who or what will use it." }}><Input id="key-name" value={(*name).clone()} onchange={set_name} autofocus=true required=true autocomplete="off" testid="key-name" /></Field>
                <Field id="key-role" label="Role" help={html! { "The least that does the job." }}><Select id="key-role" value={(*role).clone()} onchange={set_role} testid="key-role" {choices} /></Field>
                <div class="ab-form__actions">
                    <Button label="Create" variant={Variant::Primary} submit=true busy={*busy} disabled={name.trim().is_empty()} testid="create-key" />
                    <Button label="Cancel" variant={Variant::Link} onclick={props.onclose.reform(|_| ())} />
                </div>
            </form>
        </Dialog>
    }
}

#[derive(PartialEq, Properties)]
struct RevokeProps {
    id: i64,
    name: String,
    onclose: Callback<()>,
}

#[component]
fn Revoke(props: &RevokeProps) -> Html {
    let error = use_state(|| None::<ApiError>);
    let busy = use_state_eq(|| false);
    let toaster = use_toaster();
    let revoke = {
        let (id, name, error, busy, onclose) = (
            props.id,
            props.name.clone(),
            error.clone(),
            busy.clone(),
            props.onclose.clone(),
        );
        Callback::from(move |_: MouseEvent| {
            let (name, error, busy, onclose, toaster) = (
                name.clone(),
                error.clone(),
                busy.clone(),
                onclose.clone(),
                toaster.clone(),
            );
            busy.set(true);
            spawn_local(async move {
                match api::revoke_key(id).await {
                    Ok(()) => {
                        toaster.show(Toast::new(
                            ToastKind::Success,
                            format!("The key {name} is revoked"),
                        ));
                        onclose.emit(());
                    }
                    Err(problem) => {
                        error.set(Some(problem));
                        busy.set(false);
                    }
                }
            });
        })
    };
    html! {
        <Dialog title="Revoke the key?" onclose={props.onclose.clone()} testid="revoke-dialog">
            if let Some(error) = &*error { <Failure error={error.clone()} compact=true /> }
            <p>{ "Programs that use " }<strong dir="auto">{ &props.name }</strong>{ " are shut out at once. This cannot be taken back; a new key can be made at any time." }</p>
            <div class="ab-form__actions">
                <Button label="Revoke" variant={Variant::Danger} busy={*busy} testid="revoke-key" onclick={revoke} />
                <Button label="Keep it" variant={Variant::Link} onclick={props.onclose.reform(|_| ())} />
            </div>
        </Dialog>
    }
}
