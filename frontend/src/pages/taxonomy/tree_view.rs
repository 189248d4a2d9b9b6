//! The tree by the WAI-ARIA pattern: the focus stays on the whole, rows are named by it, and only those in
//! view exist. Children are fetched when a branch opens.

use std::cell::RefCell;
use std::rc::Rc;

use arborist_shared::api::taxonomies::LabelRow;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::api::{self, Answer, ApiError};
use crate::components::{
    Button, Empty, Failure, Icon, LabelPath, Lines, Variant, VirtualList, icon, show,
};
use crate::format;
use crate::hooks::{use_query, use_search};
use crate::model::tree::{LabelTree, Move, NodeIndex, Row, key};

/// `.ab-node` in the style sheet is as high.
const ROW: f64 = 32.0;
/// Labels of one request.
const PAGE: u32 = 1_000;

/// The tree and its focus. Shared by drawings and by tasks that fetch, so that all of them see the same nodes.
#[derive(Default)]
struct State {
    tree: LabelTree,
    focus: Option<NodeIndex>,
    error: Option<ApiError>,
}

/// Changes the tree and draws it again.
#[derive(Clone)]
struct Gardener {
    taxonomy: i64,
    state: Rc<RefCell<State>>,
    redraw: UseForceUpdateHandle,
}

impl Gardener {
    fn change(&self, change: impl FnOnce(&mut State)) {
        {
            let mut state = self.state.borrow_mut();
            state.error = None;
            change(&mut state);
        }
        self.redraw.force_update();
    }

    /// Opens a branch, fetching its labels first where they are not there.
    async fn open(&self, node: NodeIndex) -> bool {
        let wanted = {
            let state = self.state.borrow();
            state.tree.needs_children(node).then(|| {
                state
                    .tree
                    .node(node)
                    .map(|node| node.label.id.clone())
                    .unwrap_or_default()
            })
        };
        if let Some(id) = wanted {
            match all_children(self.taxonomy, id).await {
                Ok(labels) => self.change(|state| state.tree.insert(Some(node), &labels)),
                Err(error) => {
                    self.change(|state| state.error = Some(error));
                    return false;
                }
            }
        }
        self.change(|state| state.tree.set_open(node, true));
        true
    }

    /// Opens the branches on the way to a label and puts the focus there.
    async fn reveal(&self, id: String) {
        let Ok(found) = api::search_labels(self.taxonomy, &id, 200).await else {
            return;
        };
        let Some(label) = found.labels.into_iter().find(|label| label.id == id) else {
            return;
        };
        let mut parent: Option<NodeIndex> = None;
        for (depth, name) in label.path.iter().enumerate() {
            if let Some(node) = parent
                && !self.open(node).await
            {
                return;
            }
            let is_last = depth + 1 == label.path.len();
            let child =
                self.state
                    .borrow()
                    .tree
                    .child(parent, name, is_last.then_some(id.as_str()));
            match child {
                Some(child) => parent = Some(child),
                None => return,
            }
        }
        self.change(|state| state.focus = parent);
    }
}

/// All labels below a parent, however many pages they take.
async fn all_children(taxonomy: i64, parent: String) -> Answer<Vec<LabelRow>> {
    let mut labels = Vec::new();
    let mut cursor = None;
    loop {
        let page = api::labels(taxonomy, Some(&parent), PAGE, cursor).await?;
        labels.extend(page.labels);
        cursor = page.next;
        if cursor.is_none() {
            return Ok(labels);
        }
    }
}

#[derive(PartialEq, Properties)]
pub struct TreeViewProps {
    pub taxonomy: i64,
    /// Id of the chosen label, or empty.
    pub chosen: String,
    pub onchoose: Callback<String>,
}

#[component]
pub fn TreeView(props: &TreeViewProps) -> Html {
    let taxonomy = props.taxonomy;
    let top = use_query(taxonomy, |taxonomy| all_children(taxonomy, String::new()));
    html! {
        <>{ show(&top, html! { <Lines count={14} /> }, |top| html! { <Loaded {taxonomy} top={top.clone()} chosen={props.chosen.clone()} onchoose={props.onchoose.clone()} /> }) }</>
    }
}

#[derive(PartialEq, Properties)]
struct LoadedProps {
    taxonomy: i64,
    top: Vec<LabelRow>,
    chosen: String,
    onchoose: Callback<String>,
}

#[component]
fn Loaded(props: &LoadedProps) -> Html {
    let taxonomy = props.taxonomy;
    let redraw = use_force_update();
    let shared = use_mut_ref({
        let top = props.top.clone();
        move || {
            let mut tree = LabelTree::default();
            tree.insert(None, &top);
            let focus = tree.top().first().copied();
            State {
                tree,
                focus,
                error: None,
            }
        }
    });
    let gardener = Gardener {
        taxonomy,
        state: shared.clone(),
        redraw,
    };
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
    let state = shared.borrow();
    let rows = Rc::new(state.tree.rows());
    let focus_at = state
        .focus
        .and_then(|focus| rows.iter().position(|row| row.node == focus))
        .unwrap_or(0);
    let choose = {
        let (gardener, onchoose) = (gardener.clone(), props.onchoose.clone());
        Callback::from(move |node: NodeIndex| {
            gardener.change(|state| state.focus = Some(node));
            let id = gardener
                .state
                .borrow()
                .tree
                .node(node)
                .map(|node| node.label.id.clone());
            if let Some(id) = id {
                onchoose.emit(id);
            }
        })
    };
    let onkeydown = {
        let (gardener, rows, open, choose) =
            (gardener.clone(), rows.clone(), open.clone(), choose.clone());
        Callback::from(move |event: KeyboardEvent| {
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
    let ontoggle = {
        let (gardener, open) = (gardener.clone(), open.clone());
        Callback::from(move |(node, is_open): (NodeIndex, bool)| {
            if is_open {
                gardener.change(|state| state.tree.set_open(node, false))
            } else {
                open.emit(vec![node])
            }
        })
    };
    let row = {
        let (shared, rows, chosen, choose) = (
            shared.clone(),
            rows.clone(),
            props.chosen.clone(),
            choose.clone(),
        );
        Callback::from(move |index: usize| {
            let Some(row) = rows.get(index) else {
                return Html::default();
            };
            let Some(label) = shared
                .borrow()
                .tree
                .node(row.node)
                .map(|node| node.label.clone())
            else {
                return Html::default();
            };
            html! { <NodeRow key={row.node} row={*row} chosen={label.id == chosen} {label} focused={index == focus_at} ontoggle={ontoggle.clone()} onchoose={choose.clone()} /> }
        })
    };
    let close_all = {
        let gardener = gardener.clone();
        Callback::from(move |_: MouseEvent| gardener.change(|state| state.tree.collapse_all()))
    };
    html! {
        <>
            if let Some(error) = &state.error { <Failure error={error.clone()} compact=true /> }
            <VirtualList
                class="ab-tree"
                count={rows.len()}
                row_height={ROW}
                {row}
                role="tree"
                label="Labels"
                focusable=true
                active={Some(focus_at)}
                active_id={rows.get(focus_at).map(|row| AttrValue::from(format!("node-{}", row.node)))}
                {onkeydown}
                testid="taxonomy-tree"
            />
            <p class="ab-tree__foot">{ format::counted(rows.len() as u64, "label in view", "labels in view") }<Button label="Close all branches" variant={Variant::Link} testid="tree-close-all" onclick={close_all} /></p>
        </>
    }
}

#[derive(PartialEq, Properties)]
struct NodeRowProps {
    row: Row,
    label: LabelRow,
    chosen: bool,
    focused: bool,
    ontoggle: Callback<(NodeIndex, bool)>,
    onchoose: Callback<NodeIndex>,
}

#[component]
fn NodeRow(props: &NodeRowProps) -> Html {
    let (row, label) = (props.row, &props.label);
    let parent = label
        .path
        .len()
        .checked_sub(2)
        .map(|at| label.path[at].as_str());
    let short = format::below(&label.name, parent);
    let toggle = {
        let ontoggle = props.ontoggle.clone();
        Callback::from(move |event: MouseEvent| {
            event.stop_propagation();
            ontoggle.emit((row.node, row.expanded == Some(true)));
        })
    };
    html! {
        <div
            id={format!("node-{}", row.node)}
            class={classes!("ab-virtual__row", "ab-node", props.chosen.then_some("ab-node--chosen"), props.focused.then_some("ab-node--focused"))}
            role="treeitem"
            aria-level={row.depth.to_string()}
            aria-posinset={row.position.to_string()}
            aria-setsize={row.siblings.to_string()}
            aria-expanded={row.expanded.map(|open| open.to_string())}
            aria-selected={props.chosen.to_string()}
            style={format!("--depth: {}; --level: var(--ab-level-{})", row.depth - 1, (label.level.max(1) - 1) % 6 + 1)}
            title={label.path.join(" › ")}
            data-testid="tree-node"
            onclick={props.onchoose.reform(move |_| row.node)}
        >
            if let Some(open) = row.expanded {
                <span class={classes!("ab-node__toggle", open.then_some("ab-node__toggle--open"))} onclick={toggle} data-testid="tree-toggle" aria-hidden="true">{ icon(Icon::ChevronRight) }</span>
            } else {
                <span class="ab-node__toggle" aria-hidden="true" />
            }
            <span class="ab-path__dot" aria-hidden="true" />
            <bdi class="ab-node__name">{ format::middle(short, 80) }</bdi>
            <span class="ab-node__count" title={format::counted(label.n_documents, "document", "documents")}>{ format::count(label.n_documents) }</span>
        </div>
    }
}

#[derive(PartialEq, Properties)]
pub struct FoundProps {
    pub taxonomy: i64,
    pub search: String,
    pub onchoose: Callback<String>,
}

/// Search results as paths.
#[component]
pub fn Found(props: &FoundProps) -> Html {
    let found = use_search(
        (props.taxonomy, props.search.clone()),
        |(taxonomy, search)| async move { api::search_labels(taxonomy, &search, 200).await },
    );
    html! {
        <>{ show(&found, html! { <Lines count={8} /> }, |page| if page.labels.is_empty() {
            html! { <Empty icon={Icon::Search} title="No label matches" compact=true>{ "Names and ids are searched." }</Empty> }
        } else {
            html! {
                <ul class="ab-found" aria-label="Labels that match">
                    for label in page.labels.iter() {
                        <li key={label.id.clone()}>
                            <button type="button" class="ab-found__label" data-testid="found-label" onclick={let (onchoose, id) = (props.onchoose.clone(), label.id.clone()); Callback::from(move |_: MouseEvent| onchoose.emit(id.clone()))}>
                                <LabelPath path={label.path.clone()} level={label.level} /><span class="ab-number ab-muted">{ format::count(label.n_documents) }</span>
                            </button>
                        </li>
                    }
                    if page.next.is_some() { <li class="ab-muted">{ "More labels match; go on typing." }</li> }
                </ul>
            }
        }) }</>
    }
}
