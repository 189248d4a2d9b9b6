//! What is known of a label beside its name and place.

use std::rc::Rc;

use arborist_shared::api::drafts::{DraftLabel, LabelCard};
use arborist_shared::edits::Edit;
use arborist_shared::taxonomy::LabelDetails;
use yew::prelude::*;

use super::super::names::use_names;
use super::lists::{Words, lines};
use super::{EditDialog, TaskProps, about};
use crate::api;
use crate::components::field::{Field, Input};
use crate::components::label_picker::LabelPicker;
use crate::components::{Dialog, Icon, Lines, icon, show};
use crate::hooks::use_query;
use crate::model::details_form::change;

const NAMES: Words = Words {
    key: "names",
    title: "Other names",
    one: "Name",
    help: "In other languages, and other words for the same. All of them are searched.",
};
const DEFINITIONS: Words = Words {
    key: "definitions",
    title: "Definitions",
    one: "Definition",
    help: "What the label means.",
};
const NOTES: Words = Words {
    key: "notes",
    title: "Notes",
    one: "Note",
    help: "How the label is to be used.",
};
const EXAMPLES: Words = Words {
    key: "examples",
    title: "Examples",
    one: "Example",
    help: "What the label is used for.",
};

#[component]
pub fn Describe(props: &TaskProps) -> Html {
    let key = (props.bench.source, props.label.id.clone());
    let card = use_query(key, |(source, id)| async move {
        api::label_card(source, &id).await.map(Rc::new)
    });
    match card.data() {
        Some(card) => html! { <Form task={props.clone()} card={(*card).clone()} /> },
        None => html! {
            <Dialog title="Edit details" onclose={props.onclose.clone()} testid="describe-dialog">{ show(&card, html! { <Lines count={6} /> }, |_| Html::default()) }</Dialog>
        },
    }
}

#[derive(PartialEq, Properties)]
struct FormProps {
    task: TaskProps,
    card: Rc<LabelCard>,
}

#[component]
fn Form(props: &FormProps) -> Html {
    let task = &props.task;
    let details = use_state(|| props.card.details.clone());
    // Two changes may come before the page is drawn again.
    let latest = use_mut_ref(|| props.card.details.clone());
    let names = use_names(&task.bench, details.related.clone());
    let edits = change(&props.card.details, &details).map(|details| {
        vec![Edit::Describe {
            label: task.label.id.clone(),
            details,
        }]
    });
    let set = {
        let (details, latest) = (details.setter(), latest.clone());
        move |put: &dyn Fn(&mut LabelDetails)| {
            put(&mut latest.borrow_mut());
            details.set(latest.borrow().clone());
        }
    };
    let put = |change: fn(&mut LabelDetails, String)| {
        let set = set.clone();
        Callback::from(move |value: String| set(&|details| change(details, value.clone())))
    };
    macro_rules! list {
        ($words:expr, $field:ident) => {{
            let set = set.clone();
            let onchange =
                Callback::from(move |all: Vec<_>| set(&|details| details.$field.clone_from(&all)));
            lines($words, &details.$field, &onchange)
        }};
    }
    let relate = {
        let set = set.clone();
        Callback::from(move |label: DraftLabel| {
            set(&|details| details.related.push(label.id.clone()));
        })
    };
    let unrelate = |id: &str| {
        let (set, id) = (set.clone(), id.to_owned());
        Callback::from(move |_: MouseEvent| {
            set(&|details| details.related.retain(|other| *other != id));
        })
    };
    let mut except = details.related.clone();
    except.push(task.label.id.clone());
    html! {
        <EditDialog bench={task.bench.clone()} title="Edit details" seen={task.ask.seen} {edits} words="Save" ondone={task.onclose.clone()} onclose={task.onclose.clone()} testid="describe-dialog">
            { about(&task.label) }
            <div class="ab-form__row">
                <Field id="describe-notation" label="Notation" help={html! { "Code in a classification scheme, such as 616.8." }}>
                    <Input id="describe-notation" value={details.notation.clone()} onchange={put(|details, value| details.notation = value)} autofocus=true autocomplete="off" testid="describe-notation" />
                </Field>
                <Field id="describe-language" label="Language of the name" help={html! { "A tag such as en or pt-BR." }}>
                    <Input id="describe-language" value={details.language.clone()} onchange={put(|details, value| details.language = value)} autocomplete="off" testid="describe-language" />
                </Field>
            </div>
            { list!(NAMES, names) }
            { list!(DEFINITIONS, definitions) }
            { list!(NOTES, notes) }
            { list!(EXAMPLES, examples) }
            <Field id="describe-related" label="Related labels" help={html! { "Labels that have to do with it without being above or below." }}>
                <div class="ab-chips">
                    for id in details.related.iter() {
                        <span key={id.clone()} class="ab-filter"><bdi>{ names.of(id) }</bdi><button type="button" class="ab-search__clear" aria-label={format!("Take {} away", names.of(id))} title="Take away" onclick={unrelate(id)}>{ icon(Icon::Close) }</button></span>
                    }
                </div>
                <LabelPicker source={task.bench.source} id="describe-related" label="Related label" placeholder="Search a label" {except} onchoose={relate} testid="describe-related" />
            </Field>
        </EditDialog>
    }
}
