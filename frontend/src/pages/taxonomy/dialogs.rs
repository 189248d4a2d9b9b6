//! Dialogs of what can be done to a label. Each makes edits of its fields; [`EditDialog`] sends them and says what is wrong.

pub mod add;
pub mod deprecate;
pub mod describe;
pub mod lists;
pub mod merge;
pub mod place;
pub mod remove;
pub mod rename;
pub mod split;

use arborist_shared::api::drafts::DraftLabel;
use arborist_shared::edits::Edit;
use yew::prelude::*;

use super::workbench::{Ask, Task, Workbench};
use crate::api::{Answer, ApiError};
use crate::components::{Button, Dialog, Failure, Icon, LabelPath, Variant, icon};
use crate::hooks::Wish;

/// What every dialog is given.
#[derive(Clone, PartialEq, Properties)]
pub struct TaskProps {
    pub bench: Workbench,
    pub ask: Ask,
    pub label: DraftLabel,
    pub onclose: Callback<()>,
    /// Shows a label in the tree.
    pub onshow: Callback<String>,
}

#[derive(PartialEq, Properties)]
pub struct DialogsProps {
    pub bench: Workbench,
    pub ask: Ask,
    pub onclose: Callback<()>,
    pub onshow: Callback<String>,
}

/// The dialog of a task.
#[component]
pub fn Dialogs(props: &DialogsProps) -> Html {
    let ask = props.ask.clone();
    if matches!(ask.task, Task::AddBelow | Task::AddBeside) {
        return html! { <add::Add bench={props.bench.clone()} {ask} onclose={props.onclose.clone()} onshow={props.onshow.clone()} /> };
    }
    let Some(label) = ask.label.clone() else {
        return Html::default();
    };
    let task = ask.task;
    let all = TaskProps {
        bench: props.bench.clone(),
        ask,
        label,
        onclose: props.onclose.clone(),
        onshow: props.onshow.clone(),
    };
    match task {
        Task::Rename => html! { <rename::Rename ..all /> },
        Task::Move | Task::AddParent => html! { <place::Place ..all /> },
        Task::Merge => html! { <merge::Merge ..all /> },
        Task::Split => html! { <split::Split ..all /> },
        Task::Deprecate => html! { <deprecate::Deprecate ..all /> },
        Task::Describe => html! { <describe::Describe ..all /> },
        Task::Delete => html! { <remove::Remove ..all /> },
        Task::AddBelow | Task::AddBeside | Task::Reinstate => Html::default(),
    }
}

#[derive(PartialEq, Properties)]
pub struct EditDialogProps {
    pub bench: Workbench,
    pub title: AttrValue,
    /// The revision that the fields rest on.
    pub seen: i64,
    /// What the fields say; none as long as something is missing.
    pub edits: Option<Vec<Edit>>,
    /// What stands on the button.
    pub words: AttrValue,
    #[prop_or_default]
    pub danger: bool,
    /// Done, or nothing was to be done.
    pub ondone: Callback<()>,
    pub onclose: Callback<()>,
    /// A second button that does the edits and stays; told when they are done.
    #[prop_or_default]
    pub again: Option<(AttrValue, Callback<()>)>,
    pub testid: AttrValue,
    pub children: Html,
}

/// A form that does edits.
#[component]
pub fn EditDialog(props: &EditDialogProps) -> Html {
    let busy = use_state_eq(|| false);
    let error = use_state_eq(|| None::<ApiError>);
    let send = {
        let (bench, edits, seen) = (props.bench.clone(), props.edits.clone(), props.seen);
        let (busy, error, onclose) = (busy.clone(), error.clone(), props.onclose.clone());
        Callback::from(move |after: Callback<()>| {
            let Some(edits) = edits.clone().filter(|_| !*busy) else {
                return;
            };
            if edits.is_empty() {
                after.emit(());
                return;
            }
            busy.set(true);
            error.set(None);
            let (busy, error, onclose) = (busy.clone(), error.clone(), onclose.clone());
            let done = Callback::from(move |answer: Answer<_>| {
                busy.set(false);
                match answer {
                    Ok(_) => after.emit(()),
                    // The dialog of the conflict takes over, with these edits.
                    Err(problem) if problem.code() == Some("draft_stale") => onclose.emit(()),
                    Err(problem) => error.set(Some(problem)),
                }
            });
            bench.session.propose(Wish::Edits(edits), seen, done);
        })
    };
    let onsubmit = {
        let (send, ondone) = (send.clone(), props.ondone.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            send.emit(ondone.clone());
        })
    };
    let again = props.again.clone().map(|(words, after)| {
        let onclick = send.reform(move |_: MouseEvent| after.clone());
        html! { <Button label={words} disabled={props.edits.is_none() || *busy} testid="edit-again" {onclick} /> }
    });
    let variant = if props.danger {
        Variant::Danger
    } else {
        Variant::Primary
    };
    html! {
        <Dialog title={props.title.clone()} onclose={props.onclose.clone()} testid={props.testid.clone()}>
            <form class="ab-form" {onsubmit} novalidate=true>
                if let Some(error) = &*error { <Failure error={error.clone()} compact=true /> }
                { props.children.clone() }
                <div class="ab-form__actions">
                    <Button label={props.words.clone()} {variant} submit=true busy={*busy} disabled={props.edits.is_none()} testid="edit-submit" />
                    if let Some(again) = again { { again } }
                    <Button label="Cancel" variant={Variant::Link} testid="edit-cancel" onclick={props.onclose.reform(|_| ())} />
                </div>
            </form>
        </Dialog>
    }
}

/// The label that a dialog is about.
fn about(label: &DraftLabel) -> Html {
    html! { <p class="ab-about"><LabelPath path={label.path.clone()} level={label.level} /></p> }
}

/// A label that was chosen, with a way to drop it.
fn chosen(label: &DraftLabel, testid: &'static str, ondrop: Option<Callback<MouseEvent>>) -> Html {
    html! {
        <span key={label.id.clone()} class="ab-filter" data-testid={testid}>
            <LabelPath path={label.path.clone()} level={label.level} />
            if let Some(onclick) = ondrop {
                <button type="button" class="ab-search__clear" aria-label={format!("Take {} away", label.name)} title="Take away" {onclick}>{ icon(Icon::Close) }</button>
            }
        </span>
    }
}
