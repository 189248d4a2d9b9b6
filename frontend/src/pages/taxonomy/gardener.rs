//! Looks after the tree on the page: fetches branches when they open, and again where a draft changed them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use arborist_shared::api::drafts::{DraftEntry, DraftLabel, EntryKind};
use arborist_shared::edits::Edit;
use futures_util::future::join_all;
use yew::prelude::*;

use crate::api::{self, Answer, ApiError, Source};
use crate::model::draft::{concerns, is_structural};
use crate::model::moves::Zone;
use crate::model::tree::{LabelTree, NodeIndex};

/// Labels that are looked at one by one after an edit; more are not told apart from all that is shown.
const ONE_BY_ONE: usize = 40;

/// The tree, its focus, and what is about to be moved. Shared by drawings and by tasks that fetch, so that all of them
/// see the same nodes.
#[derive(Default)]
pub struct State {
    pub tree: LabelTree,
    pub focus: Option<NodeIndex>,
    /// Row of the focus when it was drawn last: where it stays when its label goes.
    pub focus_at: usize,
    pub error: Option<ApiError>,
    /// A label that should be shown as soon as it is there.
    pub wanted: Option<String>,
    /// Dragged, or cut to be put elsewhere.
    pub lifted: Option<NodeIndex>,
    pub over: Option<(NodeIndex, Zone)>,
    /// Revision of the draft that the tree shows.
    pub applied: i64,
    /// A task brings it up to date.
    pub is_catching_up: bool,
}

/// Changes the tree and draws it again.
#[derive(Clone)]
pub struct Gardener {
    pub source: Source,
    pub state: Rc<RefCell<State>>,
    pub redraw: UseForceUpdateHandle,
}

impl Gardener {
    pub fn change(&self, change: impl FnOnce(&mut State)) {
        {
            let mut state = self.state.borrow_mut();
            state.error = None;
            change(&mut state);
        }
        self.redraw.force_update();
    }

    /// The label at a node, and the id of its parent there.
    pub fn at(&self, node: NodeIndex) -> Option<(DraftLabel, Option<String>)> {
        let state = self.state.borrow();
        let label = state.tree.node(node)?.label.clone();
        let parent = state.tree.above(node).map(|parent| parent.id.clone());
        Some((label, parent))
    }

    /// Opens a branch, fetching its labels first where they are not there.
    pub async fn open(&self, node: NodeIndex) -> bool {
        let wanted = {
            let state = self.state.borrow();
            let label = state.tree.node(node).map(|node| node.label.id.clone());
            label.filter(|_| state.tree.needs_children(node))
        };
        if let Some(id) = wanted {
            match api::labels_below(self.source, id).await {
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

    /// Opens the branches on the way to a label and puts the focus there; a label that is not in the tree yet is shown
    /// when it comes.
    pub async fn reveal(&self, id: String) {
        self.state.borrow_mut().wanted = Some(id.clone());
        let card = match api::find_label(self.source, &id).await {
            Ok(Some(card)) => card,
            // It is gone: the focus stays where it was.
            Ok(None) => return self.state.borrow_mut().wanted = None,
            Err(_) => return,
        };
        let path = card.label.path;
        let mut parent: Option<NodeIndex> = None;
        for (depth, name) in path.iter().enumerate() {
            if let Some(node) = parent
                && !self.open(node).await
            {
                return;
            }
            let last = (depth + 1 == path.len()).then_some(id.as_str());
            let child = self.state.borrow().tree.child(parent, name, last);
            match child {
                Some(child) => parent = Some(child),
                None => return,
            }
        }
        // Another one may have been wanted meanwhile.
        if self.state.borrow().wanted.as_ref() == Some(&id) {
            self.change(|state| {
                state.focus = parent;
                state.wanted = None;
            });
        }
    }

    /// Brings the tree up to the last of these entries, in one task at a time.
    pub async fn catch_up(&self, latest: Rc<RefCell<Rc<Vec<DraftEntry>>>>) {
        if std::mem::replace(&mut self.state.borrow_mut().is_catching_up, true) {
            return;
        }
        loop {
            let applied = self.state.borrow().applied;
            let entries = latest.borrow().clone();
            let new: Vec<&DraftEntry> = entries
                .iter()
                .filter(|entry| entry.revision > applied)
                .collect();
            let Some(last) = new.last().map(|entry| entry.revision) else {
                break;
            };
            self.rename(&new);
            let focus = self.state.borrow().focus;
            let focused = focus
                .and_then(|node| self.at(node))
                .map(|(label, _)| label.id);
            if let Err(error) = self.refresh(&new).await {
                self.change(|state| state.error = Some(error));
                break;
            }
            let mut state = self.state.borrow_mut();
            state.applied = last;
            // The focus goes along with a label that was put elsewhere.
            if let (Some(focus), Some(focused), None) = (focus, focused, &state.wanted)
                && !state.tree.places(&focused).contains(&focus)
            {
                state.wanted = Some(focused);
            }
        }
        self.state.borrow_mut().is_catching_up = false;
        let wanted = self.state.borrow().wanted.clone();
        if let Some(wanted) = wanted {
            self.reveal(wanted).await;
        }
    }

    /// New names are shown at once; what else follows from them comes with the labels.
    fn rename(&self, entries: &[&DraftEntry]) {
        let renamed = entries
            .iter()
            .filter_map(|entry| match (entry.kind, &entry.edit) {
                (EntryKind::Edit | EntryKind::Redo, Edit::Rename { label, name }) => {
                    Some((label, name))
                }
                _ => None,
            });
        let renamed: Vec<(&String, &String)> = renamed.collect();
        if !renamed.is_empty() {
            self.change(|state| {
                for (label, name) in renamed {
                    state.tree.rename(label, name);
                }
            });
        }
    }

    /// Fetches again what these entries may have changed.
    async fn refresh(&self, entries: &[&DraftEntry]) -> Answer<()> {
        let touched: BTreeSet<String> = entries
            .iter()
            .flat_map(|entry| concerns(&entry.edit))
            .collect();
        if touched.len() > ONE_BY_ONE {
            let branches = self.state.borrow().tree.branches();
            return self.fetch(branches.into_iter().collect()).await;
        }
        let rows = self.rows(touched.iter().cloned()).await?;
        let structural: BTreeSet<String> = entries
            .iter()
            .filter(|entry| is_structural(&entry.edit))
            .flat_map(|entry| concerns(&entry.edit))
            .collect();
        if structural.is_empty() {
            self.change(|state| {
                rows.values()
                    .flatten()
                    .for_each(|row| state.tree.update(row))
            });
            return Ok(());
        }
        // Where the labels stood, and where they stand now.
        let parents: BTreeSet<String> = rows
            .values()
            .flatten()
            .filter(|row| structural.contains(&row.id))
            .flat_map(|row| row.parents.iter().cloned())
            .collect();
        let is_top = rows
            .values()
            .flatten()
            .any(|row| structural.contains(&row.id) && row.parents.is_empty());
        let (branches, above) = {
            let state = self.state.borrow();
            let mut branches = state.tree.branches_with(&structural);
            for parent in &parents {
                let places = state.tree.places(parent).into_iter();
                let known = places.filter(|place| !state.tree.needs_children(*place));
                branches.extend(known.map(Some));
            }
            if is_top {
                branches.insert(None);
            }
            // Labels above count their children anew.
            let above: BTreeSet<String> = branches
                .iter()
                .flatten()
                .filter_map(|node| Some(state.tree.node(*node)?.label.id.clone()))
                .chain(parents)
                .collect();
            (branches, above)
        };
        let above = above.into_iter().filter(|id| !rows.contains_key(id));
        let above = self.rows(above).await?;
        self.fetch(branches).await?;
        self.change(|state| {
            let rows = rows.values().chain(above.values()).flatten();
            rows.for_each(|row| state.tree.update(row));
        });
        Ok(())
    }

    /// The labels with these ids as they are now; none for those that are gone.
    async fn rows(
        &self,
        ids: impl Iterator<Item = String>,
    ) -> Answer<BTreeMap<String, Option<DraftLabel>>> {
        let ask = |id: String| async move {
            let card = api::find_label(self.source, &id).await?;
            Ok((id, card.map(|card| card.label)))
        };
        join_all(ids.map(ask)).await.into_iter().collect()
    }

    /// Fetches what stands below these labels, and puts it in the place of what stood there.
    async fn fetch(&self, branches: BTreeSet<Option<NodeIndex>>) -> Answer<()> {
        let wanted: Vec<(Option<NodeIndex>, String)> = {
            let state = self.state.borrow();
            let id = |branch: &Option<NodeIndex>| match branch {
                Some(node) => state.tree.node(*node).map(|node| node.label.id.clone()),
                None => Some(String::new()),
            };
            branches
                .into_iter()
                .filter_map(|branch| Some((branch, id(&branch)?)))
                .collect()
        };
        let ask = |(branch, id): (Option<NodeIndex>, String)| async move {
            match api::labels_below(self.source, id).await {
                Ok(labels) => Ok(Some((branch, labels))),
                // It is gone itself, and so is its branch once the one above it is there.
                Err(error) if error.code() == Some("label_not_found") => Ok(None),
                Err(error) => Err(error),
            }
        };
        let found: Vec<Option<(Option<NodeIndex>, Vec<DraftLabel>)>> =
            join_all(wanted.into_iter().map(ask))
                .await
                .into_iter()
                .collect::<Answer<_>>()?;
        self.change(|state| {
            for (branch, labels) in found.into_iter().flatten() {
                state.tree.replace(branch, &labels);
            }
        });
        Ok(())
    }
}
