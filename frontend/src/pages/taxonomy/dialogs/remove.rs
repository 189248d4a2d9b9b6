//! A label that goes.

use arborist_shared::edits::Edit;
use yew::prelude::*;

use super::{EditDialog, TaskProps, about};
use crate::components::field::Checkbox;
use crate::format;

#[component]
pub fn Remove(props: &TaskProps) -> Html {
    let label = &props.label;
    let with_descendants = use_state_eq(|| false);
    let review = use_state_eq(|| false);
    let edits = Some(vec![Edit::Delete {
        label: label.id.clone(),
        with_descendants: *with_descendants,
        review: *review,
    }]);
    let set = |state: &UseStateHandle<bool>| {
        let state = state.clone();
        Callback::from(move |on: bool| state.set(on))
    };
    let documents = format::counted(label.n_documents, "document", "documents");
    let children = format::counted(label.n_children, "label", "labels");
    let place = if label.parents.is_empty() {
        "lose it: there is nothing above it"
    } else {
        "get its parents instead"
    };
    html! {
        <EditDialog bench={props.bench.clone()} title="Delete the label" seen={props.ask.seen} {edits} words="Delete" danger=true ondone={props.onclose.clone()} onclose={props.onclose.clone()} testid="delete-dialog">
            { about(label) }
            <ul class="ab-facts">
                <li>{ format!("{documents} with it or a label below it: those that have it {place}.") }</li>
                if label.n_children > 0 {
                    <li>{ if *with_descendants { format!("{children} directly below it, and what is below them, go too.") } else { format!("{children} directly below it go up in its place.") } }</li>
                }
                <li>{ "Nothing happens to documents before the draft is published." }</li>
            </ul>
            if label.n_children > 0 {
                <Checkbox id="delete-all" checked={*with_descendants} text="Delete everything below it as well" onchange={set(&with_descendants)} testid="delete-all" />
            }
            <Checkbox id="delete-review" checked={*review} text="A person looks at its documents afterwards" onchange={set(&review)} testid="delete-review" />
        </EditDialog>
    }
}
