//! Beginning to edit: a new draft, or one that is open already.

use std::rc::Rc;

use arborist_shared::api::drafts::{Draft, DraftState};
use arborist_shared::api::taxonomies::Taxonomy;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::api::{self, ApiError};
use crate::components::field::{Field, Input};
use crate::components::{Ago, Button, Dialog, Failure, Lines, Variant, show};
use crate::format;
use crate::hooks::{use_query, use_url_query};

/// Versions whose drafts are shown: the newest, and those from which one may want to go on.
const VERSIONS: usize = 5;

#[derive(PartialEq, Properties)]
pub struct BeginProps {
    pub project: i64,
    /// Newest first.
    pub taxonomies: Rc<Vec<Taxonomy>>,
    pub onclose: Callback<()>,
}

#[component]
pub fn Begin(props: &BeginProps) -> Html {
    let query = use_url_query();
    let name = use_state(String::new);
    let busy = use_state_eq(|| false);
    let error = use_state(|| None::<ApiError>);
    let newest = props.taxonomies.first().map(|taxonomy| taxonomy.id);
    let ids: Vec<i64> = props
        .taxonomies
        .iter()
        .map(|taxonomy| taxonomy.id)
        .take(VERSIONS)
        .collect();
    let open =
        use_query(ids, |ids| async move {
            let mut open: Vec<Draft> = Vec::new();
            for taxonomy in ids {
                let drafts = api::drafts(taxonomy).await?.into_iter();
                open.extend(drafts.filter(|draft| {
                    matches!(draft.state, DraftState::Open | DraftState::Publishing)
                }));
            }
            Ok(open)
        });
    let go = {
        let query = query.clone();
        Callback::from(move |draft: i64| {
            query.push(&[
                ("draft", Some(draft.to_string())),
                ("edit", None),
                ("version", None),
                ("tab", None),
            ]);
        })
    };
    let onsubmit = {
        let (name, busy, error, go) = (name.clone(), busy.clone(), error.clone(), go.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let Some(taxonomy) = newest.filter(|_| !*busy) else {
                return;
            };
            busy.set(true);
            error.set(None);
            let (name, busy, error, go) = (
                name.trim().to_owned(),
                busy.clone(),
                error.clone(),
                go.clone(),
            );
            spawn_local(async move {
                match api::new_draft(taxonomy, name).await {
                    Ok(draft) => go.emit(draft.id),
                    Err(problem) => {
                        error.set(Some(problem));
                        busy.set(false);
                    }
                }
            });
        })
    };
    let onchange = {
        let name = name.clone();
        Callback::from(move |value: String| name.set(value))
    };
    let version_of = |draft: &Draft| {
        let mut all = props.taxonomies.iter();
        all.find(|taxonomy| taxonomy.id == draft.taxonomy)
            .map_or(0, |taxonomy| taxonomy.version)
    };
    html! {
        <Dialog title="Edit the taxonomy" onclose={props.onclose.clone()} testid="begin-dialog">
            <p>{ "Edits collect in a draft that others see as well. Nothing changes for documents and models before it is published." }</p>
            { show(&open, html! { <Lines count={2} /> }, |drafts| if drafts.is_empty() { Html::default() } else { html! {
                <>
                    <h3 class="ab-drawer__title">{ "Go on with a draft" }</h3>
                    <ul class="ab-list">
                        for draft in drafts.iter() {
                            <li key={draft.id}><button type="button" class="ab-choice" data-testid={format!("open-draft-{}", draft.id)} onclick={let id = draft.id; go.reform(move |_: MouseEvent| id)}>
                                <strong dir="auto">{ named(draft) }</strong>
                                <span class="ab-muted">{ format!("{} · of version {} · by {} · ", format::counted(u64::try_from(draft.revision).unwrap_or(0), "change", "changes"), version_of(draft), draft.author) }<Ago at={draft.updated_at.clone()} /></span>
                            </button></li>
                        }
                    </ul>
                    <h3 class="ab-drawer__title">{ "Or begin a new one" }</h3>
                </>
            } }) }
            <form class="ab-form" {onsubmit} novalidate=true>
                if let Some(error) = &*error { <Failure error={error.clone()} compact=true /> }
                <Field id="draft-name" label="What is it about?" help={html! { "Optional; it becomes the name of the version." }}>
                    <Input id="draft-name" value={(*name).clone()} {onchange} autofocus=true autocomplete="off" testid="draft-name" />
                </Field>
                <div class="ab-form__actions">
                    <Button label="Begin a draft" variant={Variant::Primary} submit=true busy={*busy} testid="begin-draft" />
                    <Button label="Cancel" variant={Variant::Link} onclick={props.onclose.reform(|_| ())} />
                </div>
            </form>
        </Dialog>
    }
}

/// What a draft is called.
pub fn named(draft: &Draft) -> String {
    match draft.name.as_str() {
        "" => format!("Draft {}", draft.id),
        name => name.to_owned(),
    }
}
