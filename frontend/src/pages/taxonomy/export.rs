//! A version as a file in any format that the server writes, and links by which other tools read the newest one.

use arborist_shared::api::accounts::Role;
use arborist_shared::api::taxonomies::{Taxonomy, TaxonomyFile, TaxonomyLink};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::use_may;
use crate::api::{self, ApiError};
use crate::components::copy::CopyButton;
use crate::components::field::{Field, Input};
use crate::components::{
    Ago, Button, Dialog, Failure, Icon, Lines, Notice, NoticeKind, Panel, Variant, icon, show,
};
use crate::hooks::use_query;

#[derive(PartialEq, Properties)]
pub struct ExportProps {
    pub project: i64,
    pub taxonomy: Taxonomy,
}

#[component]
pub fn Export(props: &ExportProps) -> Html {
    let taxonomy = props.taxonomy.id;
    let files = use_query(taxonomy, api::taxonomy_files);
    html! {
        <div class="ab-stack">
            <Panel title={format!("Version {} as a file", props.taxonomy.version)} flush=true testid="taxonomy-files">
                { show(&files, html! { <div class="ab-inset"><Lines count={8} /></div> }, |files| html! {
                    <ul class="ab-downloads">{ for files.iter().map(|one| file(taxonomy, one)) }</ul>
                }) }
            </Panel>
            <Links project={props.project} />
        </div>
    }
}

fn file(taxonomy: i64, file: &TaxonomyFile) -> Html {
    let word = file.format.as_str();
    let holds = match (&file.error, file.notes.is_empty()) {
        (Some(error), _) => html! { <p class="ab-muted">{ api::sentence(error) }</p> },
        (None, true) => html! { <p class="ab-muted">{ "Holds everything." }</p> },
        (None, false) => html! {
            <ul class="ab-list ab-muted">for (at, note) in file.notes.iter().enumerate() { <li key={at} dir="auto">{ api::sentence(note) }</li> }</ul>
        },
    };
    html! {
        <li key={word} class="ab-downloads__one" data-testid={format!("file-{word}")}>
            <div><strong>{ file.format.title() }</strong>{ holds }</div>
            if file.error.is_none() {
                <a class="pf-v6-c-button pf-m-secondary pf-m-small" href={api::taxonomy_file(taxonomy, word)} download={file.name.clone()} aria-label={format!("Download {}", file.format.title())} data-testid={format!("download-{word}")}>
                    <span class="pf-v6-c-button__icon pf-m-start">{ icon(Icon::Download) }</span><span class="pf-v6-c-button__text">{ "Download" }</span>
                </a>
            }
        </li>
    }
}

#[derive(PartialEq, Properties)]
struct LinksProps {
    project: i64,
}

/// Links that Label Studio reads the newest taxonomy by.
#[component]
fn Links(props: &LinksProps) -> Html {
    let project = props.project;
    let links = use_query(project, api::taxonomy_links);
    let may = use_may(project, Role::Manager);
    let creating = use_state_eq(|| false);
    let revoking = use_state(|| None::<TaxonomyLink>);
    let create = {
        let creating = creating.clone();
        Callback::from(move |_: MouseEvent| creating.set(true))
    };
    let close = {
        let (creating, revoking, reload) =
            (creating.clone(), revoking.clone(), links.reload.clone());
        Callback::from(move |()| {
            creating.set(false);
            revoking.set(None);
            reload.emit(());
        })
    };
    let actions = match may {
        true => {
            html! { <Button label="Make a link" icon={Icon::Plus} testid="new-link" onclick={create} /> }
        }
        false => Html::default(),
    };
    html! {
        <Panel title="Links for other tools" hint="Label Studio asks such a link for the labels below one while people annotate, and gets those of the newest version." {actions} testid="taxonomy-links">
            { show(&links, html! { <Lines count={2} /> }, |links| if links.is_empty() {
                html! { <p class="ab-muted">{ "None yet. A link shows the labels of the newest version to whoever has it, and nothing else." }</p> }
            } else { html! {
                <ul class="ab-names">
                    for link in links.iter() {
                        <li key={link.id}><strong dir="auto">{ if link.name.is_empty() { "Without a name" } else { link.name.as_str() } }</strong><span class="ab-muted"><Ago at={link.created_at.clone()} /></span>
                            if may { <span class="ab-names__actions"><Button label="Revoke" variant={Variant::Link} small=true testid={format!("revoke-link-{}", link.id)} onclick={let (revoking, link) = (revoking.clone(), link.clone()); Callback::from(move |_: MouseEvent| revoking.set(Some(link.clone())))} /></span> }
                        </li>
                    }
                </ul>
            } }) }
            if *creating { <Create {project} onclose={close.clone()} /> }
            if let Some(link) = &*revoking { <Revoke link={link.clone()} onclose={close} /> }
        </Panel>
    }
}

#[derive(PartialEq, Properties)]
struct CreateProps {
    project: i64,
    onclose: Callback<()>,
}

#[component]
fn Create(props: &CreateProps) -> Html {
    let name = use_state(String::new);
    let made = use_state(|| None::<String>);
    let error = use_state(|| None::<ApiError>);
    let busy = use_state_eq(|| false);
    if let Some(path) = &*made {
        let origin = web_sys::window().and_then(|window| window.location().origin().ok());
        let whole = format!("{}{path}", origin.unwrap_or_default());
        let tag = format!("<Taxonomy name=\"labels\" toName=\"text\" apiUrl=\"{whole}\"/>");
        return html! {
            <Dialog title="The link" onclose={props.onclose.clone()} testid="link-dialog">
                <Notice kind={NoticeKind::Warning} title="Copy it now"><p>{ "It is shown this once, and works for everybody who has it." }</p></Notice>
                <div class="ab-secret"><code data-testid="link-address" tabindex="0">{ &whole }</code><CopyButton text={whole.clone()} /></div>
                <p class="ab-muted">{ "In Label Studio's configuration:" }</p>
                <div class="ab-secret"><code tabindex="0">{ &tag }</code><CopyButton text={tag.clone()} /></div>
                <div class="ab-form__actions"><Button label="Done" variant={Variant::Primary} testid="link-done" onclick={props.onclose.reform(|_| ())} /></div>
            </Dialog>
        };
    }
    let onsubmit = {
        let project = props.project;
        let (name, made, error, busy) = (name.clone(), made.clone(), error.clone(), busy.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            if *busy {
                return;
            }
            let (made, error, busy) = (made.clone(), error.clone(), busy.clone());
            let name = name.trim().to_owned();
            busy.set(true);
            error.set(None);
            spawn_local(async move {
                match api::create_taxonomy_link(project, name).await {
                    Ok(created) => made.set(Some(created.path)),
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
    html! {
        <Dialog title="Make a link" onclose={props.onclose.clone()} testid="link-dialog">
            <form class="ab-form" {onsubmit} novalidate=true>
                if let Some(error) = &*error { <Failure error={error.clone()} compact=true /> }
                <Field id="link-name" label="Name" help={html! { "What it is for." }}><Input id="link-name" value={(*name).clone()} onchange={set_name} autofocus=true autocomplete="off" testid="link-name" /></Field>
                <div class="ab-form__actions">
                    <Button label="Make it" variant={Variant::Primary} submit=true busy={*busy} testid="create-link" />
                    <Button label="Cancel" variant={Variant::Link} onclick={props.onclose.reform(|_| ())} />
                </div>
            </form>
        </Dialog>
    }
}

#[derive(PartialEq, Properties)]
struct RevokeProps {
    link: TaxonomyLink,
    onclose: Callback<()>,
}

#[component]
fn Revoke(props: &RevokeProps) -> Html {
    let error = use_state(|| None::<ApiError>);
    let busy = use_state_eq(|| false);
    let revoke = {
        let (id, error, busy, onclose) = (
            props.link.id,
            error.clone(),
            busy.clone(),
            props.onclose.clone(),
        );
        Callback::from(move |_: MouseEvent| {
            let (error, busy, onclose) = (error.clone(), busy.clone(), onclose.clone());
            busy.set(true);
            spawn_local(async move {
                match api::revoke_taxonomy_link(id).await {
                    Ok(()) => onclose.emit(()),
                    Err(problem) => {
                        error.set(Some(problem));
                        busy.set(false);
                    }
                }
            });
        })
    };
    html! {
        <Dialog title="Revoke the link?" onclose={props.onclose.clone()} testid="revoke-link-dialog">
            if let Some(error) = &*error { <Failure error={error.clone()} compact=true /> }
            <p>{ "Tools that use it see no labels from now on. This cannot be taken back; a new link can be made at any time." }</p>
            <div class="ab-form__actions">
                <Button label="Revoke" variant={Variant::Danger} busy={*busy} testid="revoke-link" onclick={revoke} />
                <Button label="Keep it" variant={Variant::Link} onclick={props.onclose.reform(|_| ())} />
            </div>
        </Dialog>
    }
}
