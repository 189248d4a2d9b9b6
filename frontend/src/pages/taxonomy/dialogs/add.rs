//! A new label, below another one or at the top.

use arborist_shared::api::drafts::DraftLabel;
use arborist_shared::edits::Edit;
use yew::prelude::*;

use super::super::workbench::{Ask, Task, Workbench};
use super::{EditDialog, chosen};
use crate::api::{self, Source};
use crate::components::field::{Field, Input};
use crate::components::label_picker::LabelPicker;
use crate::components::{Toast, ToastKind};
use crate::hooks::{use_debounced, use_query, use_search};
use crate::model::draft::new_id;

#[derive(PartialEq, Properties)]
pub struct AddProps {
    pub bench: Workbench,
    pub ask: Ask,
    pub onclose: Callback<()>,
    pub onshow: Callback<String>,
}

/// A free id for a name: ids that labels have now are passed over.
pub async fn free_id(
    source: Source,
    name: String,
    parent: Option<(String, String)>,
) -> api::Answer<String> {
    let mut taken: Vec<String> = Vec::new();
    loop {
        let parent = parent
            .as_ref()
            .map(|(id, name)| (id.as_str(), name.as_str()));
        let id = new_id(&name, parent, &|id| taken.iter().any(|other| other == id));
        if id.is_empty() || api::find_label(source, &id).await?.is_none() {
            return Ok(id);
        }
        taken.push(id);
    }
}

#[component]
pub fn Add(props: &AddProps) -> Html {
    let source = props.bench.source;
    let name = use_state(String::new);
    let typed_id = use_state(|| None::<String>);
    let parent = use_state(|| None::<DraftLabel>);
    let added = use_mut_ref(|| None::<String>);
    // Below the label, or below the parent at whose place it was met.
    let wanted = match (props.ask.task, &props.ask.label) {
        (Task::AddBelow, Some(label)) => Some(label.id.clone()),
        _ => props.ask.parent.clone(),
    };
    let first = use_query((source, wanted), |(source, wanted)| async move {
        match wanted {
            Some(id) => Ok(api::find_label(source, &id).await?.map(|card| card.label)),
            None => Ok(None),
        }
    });
    {
        let parent = parent.setter();
        let found = first.data().and_then(|found| (*found).clone());
        use_effect_with(found, move |found| parent.set(found.clone()));
    }
    let above = (*parent)
        .as_ref()
        .map(|parent| (parent.id.clone(), parent.name.clone()));
    let settled = use_debounced((name.trim().to_owned(), above, props.bench.seen()), 120);
    let free = use_search(settled.clone(), move |(name, above, _)| {
        free_id(source, name, above)
    });
    let is_settled = settled.0 == name.trim()
        && free.data().is_some()
        && matches!(&free.state, crate::hooks::Loading::Ready(loaded) if !loaded.outdated);
    let id = match &*typed_id {
        Some(id) => id.trim().to_owned(),
        None => free.data().map_or_else(String::new, |id| (*id).clone()),
    };
    let is_complete =
        !name.trim().is_empty() && !id.is_empty() && (typed_id.is_some() || is_settled);
    let edits = is_complete.then(|| {
        *added.borrow_mut() = Some(id.clone());
        vec![Edit::Add {
            id: id.clone(),
            name: name.trim().to_owned(),
            parents: (*parent).iter().map(|parent| parent.id.clone()).collect(),
            before: None,
            details: None,
        }]
    });
    let set = |state: &UseStateHandle<String>| {
        let state = state.clone();
        Callback::from(move |value: String| state.set(value))
    };
    let onid = {
        let typed_id = typed_id.clone();
        Callback::from(move |value: String| {
            typed_id.set(Some(value).filter(|value| !value.trim().is_empty()));
        })
    };
    let onparent = {
        let parent = parent.clone();
        Callback::from(move |label: DraftLabel| parent.set(Some(label)))
    };
    let todrop = {
        let parent = parent.clone();
        Callback::from(move |_: MouseEvent| parent.set(None))
    };
    let ondone = {
        let (added, onshow, onclose) = (added.clone(), props.onshow.clone(), props.onclose.clone());
        Callback::from(move |()| {
            onclose.emit(());
            if let Some(id) = added.borrow().clone() {
                onshow.emit(id);
            }
        })
    };
    let next = {
        let (name, typed_id, toaster) =
            (name.clone(), typed_id.clone(), props.bench.toaster.clone());
        Callback::from(move |()| {
            toaster.show(Toast::new(
                ToastKind::Success,
                format!("Added “{}”", name.trim()),
            ));
            name.set(String::new());
            typed_id.set(None);
            focus("add-name");
        })
    };
    html! {
        <EditDialog bench={props.bench.clone()} title="Add a label" seen={props.ask.seen.max(props.bench.seen())} {edits} words="Add" {ondone} onclose={props.onclose.clone()} again={Some((AttrValue::Static("Add, and another"), next))} testid="add-dialog">
            <Field id="add-name" label="Name">
                <Input id="add-name" value={(*name).clone()} onchange={set(&name)} autofocus=true autocomplete="off" testid="add-name" />
            </Field>
            <Field id="add-parent" label="Below" help={html! { "Without a parent it stands at the top level." }}>
                if let Some(parent) = &*parent { <div>{ chosen(parent, "add-parent-chosen", Some(todrop)) }</div> }
                <LabelPicker {source} id="add-parent" label="Parent" placeholder={if parent.is_some() { "Another parent" } else { "Top level" }} onchoose={onparent} testid="add-parent" />
            </Field>
            <Field id="add-id" label="Id" help={html! { "How documents and programs name the label. It never changes and is never used again." }}>
                <Input id="add-id" value={id} onchange={onid} autocomplete="off" testid="add-id" />
            </Field>
        </EditDialog>
    }
}

fn focus(id: &str) {
    let element = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.get_element_by_id(id))
        .and_then(|element| wasm_bindgen::JsCast::dyn_into::<web_sys::HtmlElement>(element).ok());
    if let Some(element) = element {
        let _ = element.focus();
    }
}
