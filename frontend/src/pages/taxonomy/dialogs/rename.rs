//! Another name for a label.

use arborist_shared::edits::Edit;
use yew::prelude::*;

use super::{EditDialog, TaskProps, about};
use crate::components::field::{Field, Input};

#[component]
pub fn Rename(props: &TaskProps) -> Html {
    let name = use_state(|| props.label.name.clone());
    let wanted = name.trim().to_owned();
    let edits = (!wanted.is_empty()).then(|| {
        let is_other = wanted != props.label.name;
        let edit = Edit::Rename {
            label: props.label.id.clone(),
            name: wanted,
        };
        is_other.then_some(edit).into_iter().collect::<Vec<_>>()
    });
    let onchange = {
        let name = name.clone();
        Callback::from(move |value: String| name.set(value))
    };
    html! {
        <EditDialog bench={props.bench.clone()} title="Rename the label" seen={props.ask.seen} {edits} words="Rename" ondone={props.onclose.clone()} onclose={props.onclose.clone()} testid="rename-dialog">
            { about(&props.label) }
            <Field id="rename-name" label="Name" help={html! { "Documents keep the label: its id stays as it is. Methods that read names have read the old one." }}>
                <Input id="rename-name" value={(*name).clone()} {onchange} autofocus=true autocomplete="off" testid="rename-name" />
            </Field>
        </EditDialog>
    }
}
