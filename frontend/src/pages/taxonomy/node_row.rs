//! A label in the tree: its name, what a draft did to it, its documents.

use arborist_shared::api::drafts::{DraftLabel, LabelMark};
use yew::prelude::*;

use super::names::use_names_now;
use super::workbench::use_workbench;
use crate::api::Source;
use crate::components::{Icon, icon};
use crate::format;
use crate::model::moves::Zone;
use crate::model::tree::{NodeIndex, Row};

/// `.ab-node` in the style sheet is as high.
pub const ROW: f64 = 32.0;

/// What happens to a row.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeEvent {
    Toggle(NodeIndex, bool),
    Choose(NodeIndex),
    /// The menu is asked for, at a place of the window.
    Menu(NodeIndex, (i32, i32)),
    DragStart(NodeIndex),
    DragOver(NodeIndex, Zone),
    DragEnd,
    Drop(NodeIndex, Zone),
}

#[derive(PartialEq, Properties)]
struct InsteadProps {
    source: Source,
    /// Id of the label that replaces a deprecated one.
    label: String,
}

/// Says what is used instead of a deprecated label.
#[component]
fn Instead(props: &InsteadProps) -> Html {
    let seen = use_workbench().map_or(0, |bench| bench.seen());
    let names = use_names_now(props.source, seen, vec![props.label.clone()]);
    let name = names.of(&props.label);
    html! {
        <span class="ab-tag" title={format!("Deprecated: use “{name}” instead")} data-testid="node-deprecated">{ format!("deprecated → {}", format::middle(&name, 24)) }</span>
    }
}

#[derive(PartialEq, Properties)]
pub struct NodeRowProps {
    pub source: Source,
    pub row: Row,
    pub label: DraftLabel,
    /// Names from below the root to this place.
    pub path: Vec<String>,
    pub chosen: bool,
    pub focused: bool,
    /// It can be dragged, and has a menu.
    pub editable: bool,
    /// It was cut, or is being dragged.
    pub lifted: bool,
    /// Something is dragged over it.
    pub over: Option<Zone>,
    pub onevent: Callback<NodeEvent>,
}

/// What a draft did to a label, in a word.
pub fn mark_word(mark: LabelMark) -> &'static str {
    match mark {
        LabelMark::Added => "new",
        LabelMark::Renamed => "renamed",
        LabelMark::Moved => "moved",
        LabelMark::Merged => "merged",
        LabelMark::Split => "split",
        LabelMark::Deprecated => "deprecation",
        LabelMark::Described => "details",
    }
}

fn zone_of(event: &DragEvent) -> Zone {
    // The event's own element may be any part of the row.
    let top = event
        .target_dyn_into::<web_sys::Element>()
        .and_then(|part| part.closest(".ab-node").ok().flatten())
        .map_or(0.0, |row| row.get_bounding_client_rect().top());
    crate::model::moves::zone(f64::from(event.client_y()) - top, ROW)
}

#[component]
pub fn NodeRow(props: &NodeRowProps) -> Html {
    let (row, label) = (props.row, &props.label);
    let parent = props
        .path
        .len()
        .checked_sub(2)
        .map(|at| props.path[at].as_str());
    let short = format::below(&label.name, parent);
    let emit = |event: NodeEvent| props.onevent.reform(move |_: MouseEvent| event.clone());
    let toggle = {
        let onevent = props.onevent.clone();
        Callback::from(move |event: MouseEvent| {
            event.stop_propagation();
            onevent.emit(NodeEvent::Toggle(row.node, row.expanded == Some(true)));
        })
    };
    let menu = {
        let onevent = props.onevent.clone();
        Callback::from(move |event: MouseEvent| {
            event.prevent_default();
            event.stop_propagation();
            onevent.emit(NodeEvent::Menu(
                row.node,
                (event.client_x(), event.client_y()),
            ));
        })
    };
    let drag = |make: fn(NodeIndex, &DragEvent) -> NodeEvent| {
        let onevent = props.onevent.clone();
        Callback::from(move |event: DragEvent| {
            event.prevent_default();
            onevent.emit(make(row.node, &event));
        })
    };
    let ondragstart = {
        let (onevent, id) = (props.onevent.clone(), label.id.clone());
        Callback::from(move |event: DragEvent| {
            if let Some(data) = event.data_transfer() {
                data.set_effect_allowed("move");
                // Some browsers drag nothing that carries nothing; one that refuses drags all the same.
                let _ = data.set_data("text/plain", &id);
            }
            onevent.emit(NodeEvent::DragStart(row.node));
        })
    };
    let over = props.over.map(|zone| match zone {
        Zone::Before => "ab-node--before",
        Zone::Into => "ab-node--into",
        Zone::After => "ab-node--after",
    });
    let marks: Vec<&'static str> = label.marks.iter().map(|mark| mark_word(*mark)).collect();
    html! {
        <div
            id={format!("node-{}", row.node)}
            class={classes!(
                "ab-virtual__row", "ab-node", over,
                props.chosen.then_some("ab-node--chosen"),
                props.focused.then_some("ab-node--focused"),
                props.lifted.then_some("ab-node--lifted"),
                label.deprecated.then_some("ab-node--deprecated"),
            )}
            role="treeitem"
            aria-level={row.depth.to_string()}
            aria-posinset={row.position.to_string()}
            aria-setsize={row.siblings.to_string()}
            aria-expanded={row.expanded.map(|open| open.to_string())}
            aria-selected={props.chosen.to_string()}
            style={format!("--depth: {}; --level: var(--ab-level-{})", row.depth - 1, (label.level.max(1) - 1) % 6 + 1)}
            title={props.path.join(" › ")}
            data-testid="tree-node"
            data-label={label.id.clone()}
            draggable={props.editable.then_some("true")}
            onclick={emit(NodeEvent::Choose(row.node))}
            oncontextmenu={props.editable.then(|| menu.clone())}
            ondragstart={props.editable.then_some(ondragstart)}
            ondragover={props.editable.then(|| drag(|node, event| NodeEvent::DragOver(node, zone_of(event))))}
            ondrop={props.editable.then(|| drag(|node, event| NodeEvent::Drop(node, zone_of(event))))}
            ondragend={props.editable.then(|| drag(|_, _| NodeEvent::DragEnd))}
        >
            if let Some(open) = row.expanded {
                <span class={classes!("ab-node__toggle", open.then_some("ab-node__toggle--open"))} onclick={toggle} data-testid="tree-toggle" aria-hidden="true">{ icon(Icon::ChevronRight) }</span>
            } else {
                <span class="ab-node__toggle" aria-hidden="true" />
            }
            <span class="ab-path__dot" aria-hidden="true" />
            <bdi class="ab-node__name">{ format::middle(short, 80) }</bdi>
            if let Some(other) = label.replaced_by.as_ref().filter(|_| label.deprecated) { <Instead source={props.source} label={other.clone()} /> }
            else if label.deprecated { <span class="ab-tag" data-testid="node-deprecated">{ "deprecated" }</span> }
            if !marks.is_empty() { <span class="ab-tag ab-tag--mark" data-testid="node-marks">{ marks.join(", ") }</span> }
            if label.n_problems > 0 {
                <span class="ab-node__problems" title={format::counted(label.n_problems, "problem", "problems")} data-testid="node-problems">{ icon(Icon::Warning) }<span class="pf-v6-screen-reader">{ format::counted(label.n_problems, "problem", "problems") }</span></span>
            }
            <span class="ab-node__count" title={format::counted(label.n_documents, "document", "documents")}>{ format::count(label.n_documents) }</span>
            if props.editable {
                <button type="button" class="ab-node__menu" tabindex="-1" aria-hidden="true" title="What can be done" data-testid="node-menu" onclick={menu}>{ icon(Icon::More) }</button>
            }
        </div>
    }
}
