//! The tree by the WAI-ARIA pattern: the focus stays on the whole, rows are named by it, and only those in
//! view exist. Where a draft is worked on, rows can be dragged, and keys edit.

use std::rc::Rc;

use arborist_shared::api::drafts::DraftLabel;
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlElement;
use yew::prelude::*;

use super::gardener::{Gardener, State};
use super::menu::LabelMenu;
use super::node_row::{NodeEvent, NodeRow, ROW};
use super::workbench::{Task, Workbench, use_workbench};
use crate::api::{self, Source};
use crate::components::{
    Button, Empty, Failure, Icon, LabelPath, Lines, Variant, VirtualList, show,
};
use crate::format;
use crate::hooks::{use_query, use_search};
use crate::model::moves::{self, Step, Zone};
use crate::model::tree::{LabelTree, Move, NodeIndex, key};

#[derive(PartialEq, Properties)]
pub struct TreeViewProps {
    pub source: Source,
    /// Id of the chosen label, or empty.
    pub chosen: String,
    pub onchoose: Callback<String>,
}

#[component]
pub fn TreeView(props: &TreeViewProps) -> Html {
    let source = props.source;
    let bench = use_workbench();
    // What is asked for from here on shows at least this revision.
    let seen = use_mut_ref(|| bench.as_ref().map_or(0, Workbench::seen));
    let top = use_query(source, |source| api::labels_below(source, String::new()));
    let seen = *seen.borrow();
    html! {
        <>{ show(&top, html! { <Lines count={14} /> }, |top| html! { <Loaded {source} {seen} top={top.clone()} chosen={props.chosen.clone()} onchoose={props.onchoose.clone()} /> }) }</>
    }
}

#[derive(PartialEq, Properties)]
struct LoadedProps {
    source: Source,
    /// Revision that the first labels show at least.
    seen: i64,
    top: Vec<DraftLabel>,
    chosen: String,
    onchoose: Callback<String>,
}

#[component]
fn Loaded(props: &LoadedProps) -> Html {
    let redraw = use_force_update();
    let bench = use_workbench();
    let is_open = bench.as_ref().is_some_and(Workbench::is_open);
    let menu = use_state_eq(|| None::<(NodeIndex, (i32, i32))>);
    let shared = use_mut_ref({
        let (top, applied) = (props.top.clone(), props.seen);
        move || {
            let mut tree = LabelTree::default();
            tree.insert(None, &top);
            let focus = tree.top().first().copied();
            State {
                tree,
                focus,
                applied,
                ..State::default()
            }
        }
    });
    let gardener = Gardener {
        source: props.source,
        state: shared.clone(),
        redraw,
    };
    // What others and the person did to the draft.
    {
        let entries = bench
            .as_ref()
            .map(|bench| bench.session.view.entries.clone())
            .unwrap_or_default();
        let latest = use_mut_ref({
            let entries = entries.clone();
            move || entries
        });
        *latest.borrow_mut() = entries.clone();
        let gardener = gardener.clone();
        let revision = entries.last().map_or(0, |entry| entry.revision);
        use_effect_with(revision, move |_| {
            spawn_local(async move { gardener.catch_up(latest).await });
        });
    }
    // A label that was chosen elsewhere (search, address) is opened up to.
    {
        let gardener = gardener.clone();
        use_effect_with(props.chosen.clone(), move |chosen| {
            let is_there = {
                let state = gardener.state.borrow();
                state
                    .focus
                    .and_then(|focus| state.tree.node(focus))
                    .is_some_and(|node| node.label.id == *chosen)
            };
            if !chosen.is_empty() && !is_there {
                let chosen = chosen.clone();
                spawn_local(async move { gardener.reveal(chosen).await });
            }
        });
    }
    let open = {
        let gardener = gardener.clone();
        Callback::from(move |nodes: Vec<NodeIndex>| {
            for node in nodes {
                let gardener = gardener.clone();
                spawn_local(async move {
                    gardener.open(node).await;
                });
            }
        })
    };
    let rows = Rc::new(shared.borrow().tree.rows());
    let focus_at = {
        let mut state = shared.borrow_mut();
        let found = state
            .focus
            .and_then(|focus| rows.iter().position(|row| row.node == focus));
        let at = found.unwrap_or(state.focus_at.min(rows.len().saturating_sub(1)));
        state.focus_at = at;
        if found.is_none() {
            state.focus = rows.get(at).map(|row| row.node);
        }
        at
    };
    let focused = rows.get(focus_at).map(|row| row.node);
    let choose = {
        let (gardener, onchoose) = (gardener.clone(), props.onchoose.clone());
        Callback::from(move |node: NodeIndex| {
            gardener.change(|state| state.focus = Some(node));
            if let Some((label, _)) = gardener.at(node) {
                onchoose.emit(label.id);
            }
        })
    };
    let list = use_node_ref();
    let onkeydown = {
        let (gardener, rows, open, choose, bench, menu, list) = (
            gardener.clone(),
            rows.clone(),
            open.clone(),
            choose.clone(),
            bench.clone(),
            menu.setter(),
            list.clone(),
        );
        Callback::from(move |event: KeyboardEvent| {
            if let (Some(bench), Some(node)) = (&bench, focused)
                && bench.is_open()
            {
                if is_menu_key(&event) {
                    event.prevent_default();
                    menu.set(Some((node, place_of(&list, node))));
                    return;
                }
                if edit_by_key(&gardener, bench, node, &event) {
                    event.prevent_default();
                    event.stop_propagation();
                    return;
                }
            }
            if event.ctrl_key()
                || event.meta_key()
                || event.alt_key()
                || matches!(event.key().as_str(), "/" | "?")
            {
                return;
            }
            let step = key(&gardener.state.borrow().tree, &rows, focus_at, &event.key());
            let Some(step) = step else { return };
            event.prevent_default();
            event.stop_propagation();
            match step {
                Move::Go(to) => {
                    if let Some(row) = rows.get(to) {
                        gardener.change(|state| state.focus = Some(row.node));
                    }
                }
                Move::Open(nodes) => open.emit(nodes),
                Move::Close(node) => gardener.change(|state| state.tree.set_open(node, false)),
                Move::Choose(node) => choose.emit(node),
            }
        })
    };
    let onevent = {
        let (gardener, open, choose, bench, menu) = (
            gardener.clone(),
            open.clone(),
            choose.clone(),
            bench.clone(),
            menu.setter(),
        );
        Callback::from(move |event: NodeEvent| match event {
            NodeEvent::Toggle(node, true) => {
                gardener.change(|state| state.tree.set_open(node, false));
            }
            NodeEvent::Toggle(node, false) => open.emit(vec![node]),
            NodeEvent::Choose(node) => choose.emit(node),
            NodeEvent::Menu(node, at) => {
                gardener.change(|state| state.focus = Some(node));
                menu.set(Some((node, at)));
            }
            event => {
                if let Some(bench) = &bench {
                    drag(&gardener, bench, &event);
                }
            }
        })
    };
    let row = {
        let (shared, rows, chosen) = (shared.clone(), rows.clone(), props.chosen.clone());
        let source = props.source;
        Callback::from(move |index: usize| {
            let state = shared.borrow();
            let Some((row, node)) = rows
                .get(index)
                .and_then(|row| Some((row, state.tree.node(row.node)?)))
            else {
                return Html::default();
            };
            let label = node.label.clone();
            let path = state.tree.path(row.node).into_iter().map(str::to_owned);
            let over = state.over.filter(|(over, _)| *over == row.node);
            html! {
                <NodeRow key={row.node} {source} row={*row} chosen={label.id == chosen} {label} path={path.collect::<Vec<_>>()} focused={index == focus_at}
                    editable={is_open} lifted={state.lifted == Some(row.node)} over={over.map(|(_, zone)| zone)} onevent={onevent.clone()} />
            }
        })
    };
    let close_all = {
        let gardener = gardener.clone();
        Callback::from(move |_: MouseEvent| gardener.change(|state| state.tree.collapse_all()))
    };
    let onclose = {
        let menu = menu.setter();
        Callback::from(move |()| menu.set(None))
    };
    let error = shared.borrow().error.clone();
    let opened = (*menu).and_then(|(node, at)| Some((gardener.at(node)?, at)));
    html! {
        <>
            if let Some(error) = error { <Failure {error} compact=true /> }
            <VirtualList
                node={list}
                class="ab-tree"
                count={rows.len()}
                row_height={ROW}
                {row}
                role="tree"
                label="Labels"
                focusable=true
                active={Some(focus_at)}
                active_id={focused.map(|node| AttrValue::from(format!("node-{node}")))}
                {onkeydown}
                testid="taxonomy-tree"
            />
            <div class="ab-tree__foot">
                <span>{ format::counted(rows.len() as u64, "label in view", "labels in view") }</span>
                if let Some(bench) = bench.clone().filter(|_| is_open) {
                    <Button label="Add a label at the top" variant={Variant::Link} testid="tree-add-top" onclick={Callback::from(move |_: MouseEvent| bench.ask(Task::AddBelow, None, None))} />
                }
                <Button label="Close all branches" variant={Variant::Link} testid="tree-close-all" onclick={close_all} />
            </div>
            if let (Some(bench), Some(((label, parent), at))) = (bench, opened) {
                <LabelMenu {bench} {label} {parent} {at} {onclose} />
            }
        </>
    }
}

fn is_menu_key(event: &KeyboardEvent) -> bool {
    event.key() == "ContextMenu" || (event.shift_key() && event.key() == "F10")
}

/// Where the menu of a row opens by the keyboard: below its name.
fn place_of(list: &NodeRef, node: NodeIndex) -> (i32, i32) {
    let row = list.cast::<HtmlElement>().and_then(|list| {
        list.query_selector(&format!("#node-{node} .ab-node__name"))
            .ok()?
    });
    row.map_or((0, 0), |row| {
        let place = row.get_bounding_client_rect();
        (place.left() as i32, place.bottom() as i32)
    })
}

/// Whether a key edits; it has done so then.
fn edit_by_key(
    gardener: &Gardener,
    bench: &Workbench,
    node: NodeIndex,
    event: &KeyboardEvent,
) -> bool {
    let key = event.key();
    let with_control = event.ctrl_key() || event.meta_key();
    let ask = |task: Task| {
        if let Some((label, parent)) = gardener.at(node) {
            bench.ask(task, Some(label), parent);
        }
    };
    let step = |step: Step| {
        let edits = moves::stepped(&gardener.state.borrow().tree, node, step);
        if let Some(edits) = edits {
            follow(gardener, node);
            bench.edit(edits);
        }
    };
    match (key.as_str(), with_control, event.alt_key()) {
        ("F2", false, false) => ask(Task::Rename),
        ("Insert", false, false) if event.shift_key() => ask(Task::AddBeside),
        ("Insert", false, false) => ask(Task::AddBelow),
        ("Delete", false, false) => ask(Task::Delete),
        ("x" | "X", true, false) => gardener.change(|state| state.lifted = Some(node)),
        ("v" | "V", true, false) => {
            let lifted = gardener.state.borrow().lifted;
            if let Some(lifted) = lifted {
                put(gardener, bench, lifted, node, Zone::Into);
            }
        }
        ("Escape", false, false) if gardener.state.borrow().lifted.is_some() => {
            gardener.change(|state| state.lifted = None);
        }
        ("ArrowUp", false, true) => step(Step::Up),
        ("ArrowDown", false, true) => step(Step::Down),
        ("ArrowRight", false, true) => step(Step::In),
        ("ArrowLeft", false, true) => step(Step::Out),
        _ => return false,
    }
    true
}

/// A label that goes elsewhere is shown there.
fn follow(gardener: &Gardener, node: NodeIndex) {
    let id = gardener.at(node).map(|(label, _)| label.id);
    gardener.state.borrow_mut().wanted = id;
}

fn put(gardener: &Gardener, bench: &Workbench, lifted: NodeIndex, target: NodeIndex, zone: Zone) {
    let edits = moves::dropped(&gardener.state.borrow().tree, lifted, target, zone);
    gardener.change(|state| {
        state.lifted = None;
        state.over = None;
    });
    if let Some(edits) = edits {
        follow(gardener, lifted);
        bench.edit(edits);
    }
}

/// What dragging does.
fn drag(gardener: &Gardener, bench: &Workbench, event: &NodeEvent) {
    match *event {
        NodeEvent::DragStart(node) => gardener.change(|state| state.lifted = Some(node)),
        NodeEvent::DragOver(node, zone) => {
            let over = {
                let state = gardener.state.borrow();
                let may = state
                    .lifted
                    .is_some_and(|lifted| moves::may_drop(&state.tree, lifted, node, zone));
                may.then_some((node, zone))
            };
            if gardener.state.borrow().over != over {
                gardener.change(|state| state.over = over);
            }
        }
        NodeEvent::DragEnd => gardener.change(|state| {
            state.lifted = None;
            state.over = None;
        }),
        NodeEvent::Drop(node, zone) => {
            let lifted = gardener.state.borrow().lifted;
            if let Some(lifted) = lifted {
                put(gardener, bench, lifted, node, zone);
            }
        }
        NodeEvent::Toggle(..) | NodeEvent::Choose(_) | NodeEvent::Menu(..) => {}
    }
}

#[derive(PartialEq, Properties)]
pub struct FoundProps {
    pub source: Source,
    pub search: String,
    /// Revision of the draft that is searched.
    pub revision: i64,
    pub onchoose: Callback<String>,
}

/// Search results as paths.
#[component]
pub fn Found(props: &FoundProps) -> Html {
    let found = use_search(
        (props.source, props.search.clone(), props.revision),
        |(source, search, _)| async move { api::found_labels(source, &search, 200).await },
    );
    html! {
        <>{ show(&found, html! { <Lines count={8} /> }, |page| if page.labels.is_empty() {
            html! { <Empty icon={Icon::Search} title="No label matches" compact=true>{ "Names in all languages, ids, notations and parts of paths are searched." }</Empty> }
        } else {
            html! {
                <ul class="ab-found" aria-label="Labels that match">
                    for label in page.labels.iter() {
                        <li key={label.id.clone()}>
                            <button type="button" class="ab-found__label" data-testid="found-label" onclick={let (onchoose, id) = (props.onchoose.clone(), label.id.clone()); Callback::from(move |_: MouseEvent| onchoose.emit(id.clone()))}>
                                <LabelPath path={label.path.clone()} level={label.level} />if label.deprecated { <span class="ab-tag">{ "deprecated" }</span> }<span class="ab-number ab-muted">{ format::count(label.n_documents) }</span>
                            </button>
                        </li>
                    }
                    if page.next.is_some() { <li class="ab-muted">{ "More labels match; go on typing." }</li> }
                </ul>
            }
        }) }</>
    }
}
