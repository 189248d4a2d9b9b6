//! Somebody changed the same labels meanwhile: what they did, what was to be done, and the choice between the two.

use yew::prelude::*;

use super::names::use_names;
use super::workbench::Workbench;
use crate::api::{Answer, ApiError};
use crate::components::{Ago, Button, Dialog, Failure, Toast, ToastKind, Variant};
use crate::hooks::Wish;
use crate::model::draft::{named, sentence};
use crate::pages::taxonomy::edits_pane::entry_words;

#[derive(PartialEq, Properties)]
pub struct ConflictProps {
    pub bench: Workbench,
}

#[component]
pub fn ConflictDialog(props: &ConflictProps) -> Html {
    let bench = &props.bench;
    let busy = use_state_eq(|| false);
    let error = use_state(|| None::<ApiError>);
    let conflict = bench.session.view.conflict.clone();
    let edits = conflict.as_ref().map(|conflict| {
        let others = conflict.others.iter().map(|entry| entry.edit.clone());
        conflict
            .edits
            .iter()
            .cloned()
            .chain(others)
            .collect::<Vec<_>>()
    });
    let names = use_names(bench, named(&edits.unwrap_or_default()));
    let Some(conflict) = conflict else {
        return Html::default();
    };
    let name = |id: &str| names.of(id);
    let mine: Vec<String> = conflict
        .edits
        .iter()
        .map(|edit| sentence(edit, &name))
        .collect();
    let again = {
        let (bench, conflict) = (bench.clone(), conflict.clone());
        let (busy, error) = (busy.clone(), error.clone());
        Callback::from(move |_: MouseEvent| {
            busy.set(true);
            error.set(None);
            let (busy, error, session) = (busy.clone(), error.clone(), bench.session.clone());
            let done = Callback::from(move |answer: Answer<_>| {
                busy.set(false);
                match answer {
                    Ok(_) => session.settle(),
                    // Another conflict is shown in the place of this one.
                    Err(problem) if problem.code() == Some("draft_stale") => {}
                    Err(problem) => error.set(Some(problem)),
                }
            });
            let wish = Wish::Edits(conflict.edits.clone());
            bench.session.propose(wish, conflict.revision, done);
        })
    };
    let settle = {
        let (bench, mine) = (bench.clone(), mine.join("; "));
        Callback::from(move |()| {
            let toast = Toast::new(ToastKind::Info, "Your edit was dropped").text(mine.clone());
            bench.toaster.show(toast);
            bench.session.settle();
        })
    };
    html! {
        <Dialog title="Somebody was faster" onclose={settle.clone()} testid="conflict-dialog">
            if let Some(error) = &*error { <Failure error={error.clone()} compact=true /> }
            <p>{ "The same labels were changed after you had seen them. Nothing of yours was done yet." }</p>
            <h3 class="ab-drawer__title">{ "Done meanwhile" }</h3>
            <ul class="ab-drawer__list" data-testid="conflict-others">
                for entry in conflict.others.iter() {
                    <li key={entry.revision}><p>{ entry_words(entry, &name) }</p><p class="ab-muted">{ format!("{} · ", entry.author) }<Ago at={entry.at.clone()} /></p></li>
                }
            </ul>
            <h3 class="ab-drawer__title">{ "Yours" }</h3>
            <ul class="ab-drawer__list" data-testid="conflict-mine">{ for mine.iter().enumerate().map(|(at, words)| html! { <li key={at}>{ words }</li> }) }</ul>
            <div class="ab-form__actions">
                <Button label="Do mine on top" variant={Variant::Primary} busy={*busy} testid="conflict-again" onclick={again} />
                <Button label="Drop mine" testid="conflict-drop" onclick={settle.reform(|_: MouseEvent| ())} />
            </div>
        </Dialog>
    }
}
