//! A label that should not be used any more.

use arborist_shared::api::drafts::DraftLabel;
use arborist_shared::edits::Edit;
use yew::prelude::*;

use super::{EditDialog, TaskProps, about, chosen};
use crate::components::field::Field;
use crate::components::label_picker::LabelPicker;

#[component]
pub fn Deprecate(props: &TaskProps) -> Html {
    let label = &props.label;
    let instead = use_state(|| None::<DraftLabel>);
    let edits = Some(vec![Edit::Deprecate {
        label: label.id.clone(),
        replaced_by: (*instead).as_ref().map(|instead| instead.id.clone()),
        deprecated: true,
    }]);
    let onchoose = {
        let instead = instead.clone();
        Callback::from(move |label: DraftLabel| instead.set(Some(label)))
    };
    let todrop = {
        let instead = instead.clone();
        Callback::from(move |_: MouseEvent| instead.set(None))
    };
    html! {
        <EditDialog bench={props.bench.clone()} title="Deprecate the label" seen={props.ask.seen} {edits} words="Deprecate" ondone={props.onclose.clone()} onclose={props.onclose.clone()} testid="deprecate-dialog">
            { about(label) }
            <p>{ "It should not be used any more. Documents that have it keep it, and models go on predicting it." }</p>
            <Field id="deprecate-instead" label="Use instead" help={html! { "Optional: the label that takes its place." }}>
                if let Some(instead) = &*instead { <div>{ chosen(instead, "deprecate-chosen", Some(todrop)) }</div> }
                <LabelPicker source={props.bench.source} id="deprecate-instead" label="Replacement" placeholder="Search a label" except={vec![label.id.clone()]} {onchoose} autofocus=true testid="deprecate-instead" />
            </Field>
        </EditDialog>
    }
}
