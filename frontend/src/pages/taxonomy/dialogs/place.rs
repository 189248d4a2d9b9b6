//! Another place for a label: moved there, or put there as well.

use arborist_shared::api::drafts::DraftLabel;
use arborist_shared::edits::Edit;
use yew::prelude::*;

use super::super::names::use_names_now;
use super::super::workbench::Task;
use super::{EditDialog, TaskProps, about, chosen};
use crate::components::field::Checkbox;
use crate::components::field::{Field, Select};
use crate::components::label_picker::LabelPicker;

#[component]
pub fn Place(props: &TaskProps) -> Html {
    let label = &props.label;
    let is_move = props.ask.task == Task::Move;
    let parent = use_state(|| None::<DraftLabel>);
    let to_top = use_state_eq(|| false);
    // Of several parents one is left; the others stay.
    let from = use_state(|| props.ask.parent.clone().or(label.parents.first().cloned()));
    let names = use_names_now(props.bench.source, props.ask.seen, label.parents.clone());
    let edit = match (is_move, &*parent, *to_top) {
        (true, _, true) => Some(Edit::Move {
            label: label.id.clone(),
            parent: None,
            from: None,
            before: None,
        }),
        (true, Some(parent), _) => Some(Edit::Move {
            label: label.id.clone(),
            parent: Some(parent.id.clone()),
            from: (*from).clone(),
            before: None,
        }),
        (false, Some(parent), _) => Some(Edit::AddParent {
            label: label.id.clone(),
            parent: parent.id.clone(),
        }),
        _ => None,
    };
    let onchoose = {
        let parent = parent.clone();
        Callback::from(move |label: DraftLabel| parent.set(Some(label)))
    };
    let ontop = {
        let to_top = to_top.clone();
        Callback::from(move |on: bool| to_top.set(on))
    };
    let onfrom = {
        let from = from.clone();
        Callback::from(move |id: String| from.set(Some(id)))
    };
    let ondone = {
        let (onclose, onshow, id) = (
            props.onclose.clone(),
            props.onshow.clone(),
            label.id.clone(),
        );
        Callback::from(move |()| {
            onclose.emit(());
            onshow.emit(id.clone());
        })
    };
    let (title, words, help) = if is_move {
        (
            "Move the label",
            "Move",
            "Everything below it comes along. Documents keep the label and get its new ancestors.",
        )
    } else {
        (
            "Add a parent",
            "Add the parent",
            "The label then stands in several places. Its documents count for all ancestors.",
        )
    };
    let except: Vec<String> = label.parents.iter().chain([&label.id]).cloned().collect();
    html! {
        <EditDialog bench={props.bench.clone()} {title} seen={props.ask.seen} edits={edit.map(|edit| vec![edit])} {words} {ondone} onclose={props.onclose.clone()} testid="place-dialog">
            { about(label) }
            if is_move && label.parents.len() > 1 && !*to_top {
                <Field id="place-from" label="Away from" help={html! { "The other parents stay." }}>
                    <Select id="place-from" value={(*from).clone().unwrap_or_default()} onchange={onfrom} testid="place-from"
                        choices={label.parents.iter().map(|id| (id.clone().into(), names.of(id).into())).collect::<Vec<_>>()} />
                </Field>
            }
            if !*to_top {
                <Field id="place-parent" label="Below" help={html! { { help } }}>
                    if let Some(parent) = &*parent { <div>{ chosen(parent, "place-chosen", None) }</div> }
                    <LabelPicker source={props.bench.source} id="place-parent" label="New parent" placeholder="Search a label" {except} {onchoose} autofocus=true testid="place-parent" />
                </Field>
            }
            if is_move && !label.parents.is_empty() {
                <Checkbox id="place-top" checked={*to_top} text="To the top level, away from all its parents" onchange={ontop} testid="place-top" />
            }
        </EditDialog>
    }
}
