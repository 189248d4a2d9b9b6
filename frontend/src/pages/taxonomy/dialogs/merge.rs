//! Several labels become one.

use arborist_shared::api::drafts::DraftLabel;
use arborist_shared::edits::Edit;
use yew::prelude::*;

use super::{EditDialog, TaskProps, chosen};
use crate::components::field::Field;
use crate::components::label_picker::LabelPicker;
use crate::components::{Button, Icon};
use crate::format;

#[component]
pub fn Merge(props: &TaskProps) -> Html {
    let going = use_state(|| vec![props.label.clone()]);
    let target = use_state(|| None::<DraftLabel>);
    let edits = (*target)
        .as_ref()
        .filter(|_| !going.is_empty())
        .map(|target| {
            vec![Edit::Merge {
                labels: going.iter().map(|label| label.id.clone()).collect(),
                into: target.id.clone(),
            }]
        });
    let onadd = {
        let going = going.clone();
        Callback::from(move |label: DraftLabel| {
            let mut all = (*going).clone();
            all.push(label);
            going.set(all);
        })
    };
    let drop_one = |id: &str| {
        let (going, id) = (going.clone(), id.to_owned());
        Callback::from(move |_: MouseEvent| {
            let left = going.iter().filter(|label| label.id != id);
            going.set(left.cloned().collect());
        })
    };
    let onchoose = {
        let target = target.clone();
        Callback::from(move |label: DraftLabel| target.set(Some(label)))
    };
    let turn = {
        let (going, target) = (going.clone(), target.clone());
        Callback::from(move |_: MouseEvent| {
            if let ([one], Some(other)) = (going.as_slice(), &*target) {
                let (one, other) = (one.clone(), other.clone());
                going.set(vec![other]);
                target.set(Some(one));
            }
        })
    };
    let ondone = {
        let (onclose, onshow, target) =
            (props.onclose.clone(), props.onshow.clone(), target.clone());
        Callback::from(move |()| {
            onclose.emit(());
            if let Some(target) = &*target {
                onshow.emit(target.id.clone());
            }
        })
    };
    let n_documents: u64 = going.iter().map(|label| label.n_documents).sum();
    let mut except: Vec<String> = going.iter().map(|label| label.id.clone()).collect();
    except.extend((*target).iter().map(|target| target.id.clone()));
    html! {
        <EditDialog bench={props.bench.clone()} title="Merge labels" seen={props.ask.seen} {edits} words="Merge" {ondone} onclose={props.onclose.clone()} testid="merge-dialog">
            <Field id="merge-more" label="These labels go" help={html! { { format!("Up to {} get the other label; labels below go below it.", format::counted(n_documents, "document", "documents")) } }}>
                <div class="ab-chips">{ for going.iter().map(|label| chosen(label, "merge-going", (going.len() > 1).then(|| drop_one(&label.id)))) }</div>
                <LabelPicker source={props.bench.source} id="merge-more" label="Another label that goes" placeholder="Add another label" except={except.clone()} onchoose={onadd} testid="merge-more" />
            </Field>
            <Field id="merge-into" label="Into" help={html! { "It keeps its id, name, details and parents." }}>
                if let Some(target) = &*target { <div>{ chosen(target, "merge-chosen", None) }</div> }
                <LabelPicker source={props.bench.source} id="merge-into" label="The label that stays" placeholder="Search the label that stays" {except} {onchoose} autofocus=true testid="merge-into" />
            </Field>
            if target.is_some() && going.len() == 1 {
                <div><Button label="The other way round" icon={Icon::Refresh} small=true testid="merge-turn" onclick={turn} /></div>
            }
        </EditDialog>
    }
}
