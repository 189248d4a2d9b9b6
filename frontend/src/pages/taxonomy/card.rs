//! The card of a label beside the tree, with what can be done to it where a draft is worked on.

use arborist_shared::api::drafts::DraftLabel;
use yew::prelude::*;

use super::facts::{LabelFacts, Wanted};
use super::menu::items;
use super::workbench::{Task, Workbench, use_workbench};
use crate::api::{self, Source};
use crate::components::menu::Menu;
use crate::components::{Button, Icon, Variant, icon};
use crate::hooks::{use_search, use_url_query};

#[derive(PartialEq, Properties)]
pub struct LabelCardProps {
    pub project: i64,
    pub source: Source,
    pub label: String,
    pub onclose: Callback<()>,
}

#[component]
pub fn LabelCard(props: &LabelCardProps) -> Html {
    let query = use_url_query();
    let bench = use_workbench();
    let seen = bench.as_ref().map_or(0, Workbench::seen);
    let choose = Callback::from(move |label: String| query.set(&[("label", Some(label))]));
    let wanted = Wanted::In(props.source, props.label.clone(), seen);
    html! {
        <aside class="ab-pane" aria-label="Label" data-testid="label-card">
            <header class="ab-pane__head"><span class="ab-pane__place">{ "Label" }</span>
                <Button variant={Variant::Plain} icon={Icon::Close} title="Close" testid="label-close" onclick={props.onclose.reform(|_| ())} />
            </header>
            if let Some(bench) = bench.filter(Workbench::is_open) { <Actions {bench} id={props.label.clone()} /> }
            <div class="ab-pane__body">
                <LabelFacts key={props.label.clone()} project={props.project} {wanted} onchoose={choose} />
            </div>
        </aside>
    }
}

#[derive(PartialEq, Properties)]
struct ActionsProps {
    bench: Workbench,
    id: String,
}

#[component]
fn Actions(props: &ActionsProps) -> Html {
    let bench = &props.bench;
    let key = (bench.source, props.id.clone(), bench.seen());
    let label = use_search(key, |(source, id, _)| async move {
        Ok(api::find_label(source, &id).await?.map(|card| card.label))
    });
    let label: Option<DraftLabel> = label
        .data()
        .and_then(|label| (*label).clone())
        .filter(|label| label.id == props.id);
    let ask = |task: Task| {
        let (bench, label) = (bench.clone(), label.clone());
        Callback::from(move |_: MouseEvent| {
            let parent = label
                .as_ref()
                .and_then(|label| label.parents.first().cloned());
            if label.is_some() {
                bench.ask(task, label.clone(), parent);
            }
        })
    };
    let is_gone = label.is_none();
    html! {
        <div class="ab-pane__actions" data-testid="label-actions">
            <Button label="Rename" icon={Icon::Pencil} small=true disabled={is_gone} testid="card-rename" onclick={ask(Task::Rename)} />
            <Button label="Add below" icon={Icon::Plus} small=true disabled={is_gone} testid="card-add" onclick={ask(Task::AddBelow)} />
            <Button label="Details" icon={Icon::Corpus} small=true disabled={is_gone} testid="card-describe" onclick={ask(Task::Describe)} />
            if let Some(label) = &label {
                <Menu toggle={html! { <>{ icon(Icon::More) }<span>{ "More" }</span></> }} label="More that can be done to the label" end=true testid="card-menu">
                    { items(bench, label, label.parents.first().map(String::as_str)) }
                </Menu>
            }
        </div>
    }
}
