//! A taxonomy as it is opened on the page: labels come level by level, only opened branches are rows.
//!
//! A label with two parents stands in two places; each place is a node of its own. What edits change is put in its place
//! branch by branch, so that open branches stay open.

use std::collections::{BTreeMap, BTreeSet};

use arborist_shared::api::drafts::DraftLabel;

/// Position in the arena.
pub type NodeIndex = usize;

/// A label at one place of the tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub label: DraftLabel,
    pub parent: Option<NodeIndex>,
    /// None until they were asked for.
    pub children: Option<Vec<NodeIndex>>,
}

/// A row that is on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub node: NodeIndex,
    /// 1 below the root.
    pub depth: u32,
    /// Counts from 1 among the siblings.
    pub position: usize,
    pub siblings: usize,
    /// None for leaves.
    pub expanded: Option<bool>,
}

/// What is known of the tree, and which branches are open.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabelTree {
    nodes: Vec<Node>,
    top: Vec<NodeIndex>,
    open: BTreeSet<NodeIndex>,
}

impl LabelTree {
    pub fn node(&self, index: NodeIndex) -> Option<&Node> {
        self.nodes.get(index)
    }

    pub fn top(&self) -> &[NodeIndex] {
        &self.top
    }

    /// Puts labels below a node, or below the root. Labels that are there already stay where they are.
    pub fn insert(&mut self, parent: Option<NodeIndex>, labels: &[DraftLabel]) {
        let mut children = self.branch(parent).unwrap_or_default().to_vec();
        let known: BTreeSet<String> = children
            .iter()
            .map(|child| self.nodes[*child].label.id.clone())
            .collect();
        for label in labels.iter().filter(|label| !known.contains(&label.id)) {
            children.push(self.plant(label, parent));
        }
        self.set_branch(parent, children);
    }

    /// Puts exactly these labels below a node, or below the root, in their order. Those that stood there before keep
    /// what is known below them.
    pub fn replace(&mut self, parent: Option<NodeIndex>, labels: &[DraftLabel]) {
        let before: BTreeMap<String, NodeIndex> = self
            .branch(parent)
            .unwrap_or_default()
            .iter()
            .map(|node| (self.nodes[*node].label.id.clone(), *node))
            .collect();
        let children = labels
            .iter()
            .map(|label| match before.get(&label.id) {
                Some(node) => {
                    self.nodes[*node].label = label.clone();
                    *node
                }
                None => self.plant(label, parent),
            })
            .collect();
        self.set_branch(parent, children);
    }

    fn plant(&mut self, label: &DraftLabel, parent: Option<NodeIndex>) -> NodeIndex {
        self.nodes.push(Node {
            label: label.clone(),
            parent,
            children: None,
        });
        self.nodes.len() - 1
    }

    /// What stands below a node, or below the root; none until it was asked for.
    fn branch(&self, parent: Option<NodeIndex>) -> Option<&[NodeIndex]> {
        match parent {
            Some(parent) => self.nodes.get(parent)?.children.as_deref(),
            None => Some(&self.top),
        }
    }

    fn set_branch(&mut self, parent: Option<NodeIndex>, children: Vec<NodeIndex>) {
        match parent {
            Some(parent) => self.nodes[parent].children = Some(children),
            None => self.top = children,
        }
    }

    /// Writes what is known of a label at every place where it stands.
    pub fn update(&mut self, label: &DraftLabel) {
        for node in self.places(&label.id) {
            self.nodes[node].label = label.clone();
        }
    }

    /// Gives a label another name at every place where it stands.
    pub fn rename(&mut self, id: &str, name: &str) {
        for node in self.places(id) {
            name.clone_into(&mut self.nodes[node].label.name);
        }
    }

    /// Every place where a label stands, as far as branches were opened.
    pub fn places(&self, id: &str) -> Vec<NodeIndex> {
        let mut places = self.standing();
        places.retain(|node| self.nodes[*node].label.id == id);
        places
    }

    /// All nodes that can be reached from the root, open or not.
    fn standing(&self) -> Vec<NodeIndex> {
        let mut standing = self.top.clone();
        let mut at = 0;
        while let Some(node) = standing.get(at) {
            standing.extend(self.nodes[*node].children.iter().flatten());
            at += 1;
        }
        standing
    }

    /// Branches whose labels are there and among which one of these stands, or that are below one of these.
    pub fn branches_with(&self, ids: &BTreeSet<String>) -> BTreeSet<Option<NodeIndex>> {
        let mut branches = BTreeSet::new();
        for node in self.standing() {
            let found = &self.nodes[node];
            if ids.contains(&found.label.id) {
                branches.insert(found.parent);
                if found.children.is_some() {
                    branches.insert(Some(node));
                }
            }
        }
        branches
    }

    /// Branches whose labels are there.
    pub fn branches(&self) -> Vec<Option<NodeIndex>> {
        let known = self.standing().into_iter();
        let known = known.filter(|node| self.nodes[*node].children.is_some());
        std::iter::once(None).chain(known.map(Some)).collect()
    }

    /// Whether a label is the one at a node, or stands on the way from the root to it.
    pub fn is_at_or_above(&self, id: &str, node: NodeIndex) -> bool {
        let mut at = Some(node);
        while let Some(node) = at.and_then(|node| self.nodes.get(node)) {
            if node.label.id == id {
                return true;
            }
            at = node.parent;
        }
        false
    }

    /// The label above a node; none below the root.
    pub fn above(&self, node: NodeIndex) -> Option<&DraftLabel> {
        let parent = self.nodes.get(node)?.parent?;
        Some(&self.nodes.get(parent)?.label)
    }

    /// The sibling so many places further down (or up).
    pub fn sibling(&self, node: NodeIndex, step: isize) -> Option<NodeIndex> {
        let siblings = self.branch(self.nodes.get(node)?.parent)?;
        let at = siblings.iter().position(|other| *other == node)?;
        siblings.get(at.checked_add_signed(step)?).copied()
    }

    /// Names from below the root to a node.
    pub fn path(&self, node: NodeIndex) -> Vec<&str> {
        let mut names = Vec::new();
        let mut at = Some(node);
        while let Some(node) = at.and_then(|node| self.nodes.get(node)) {
            names.push(node.label.name.as_str());
            at = node.parent;
        }
        names.reverse();
        names
    }

    /// Whether the children of a node must be fetched before it can open.
    pub fn needs_children(&self, node: NodeIndex) -> bool {
        self.nodes
            .get(node)
            .is_some_and(|node| node.label.n_children > 0 && node.children.is_none())
    }

    pub fn set_open(&mut self, node: NodeIndex, open: bool) {
        if open {
            self.open.insert(node);
        } else {
            self.open.remove(&node);
        }
    }

    pub fn collapse_all(&mut self) {
        self.open.clear();
    }

    /// The child of a node (or of the root) on the way down a path: by id if it is the last step, else by name.
    pub fn child(
        &self,
        parent: Option<NodeIndex>,
        name: &str,
        id: Option<&str>,
    ) -> Option<NodeIndex> {
        let children = self.branch(parent)?;
        let named = |index: &&NodeIndex| self.nodes[**index].label.name == name;
        match id {
            Some(id) => children
                .iter()
                .find(|index| self.nodes[**index].label.id == id),
            None => children.iter().find(named),
        }
        .copied()
    }

    /// All rows of open branches, top to bottom.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        // Last sibling first, so that the first one is taken first.
        let mut stack: Vec<Row> = self.level(&self.top, 1);
        while let Some(row) = stack.pop() {
            rows.push(row);
            if row.expanded == Some(true)
                && let Some(children) = &self.nodes[row.node].children
            {
                stack.extend(self.level(children, row.depth + 1));
            }
        }
        rows
    }

    fn level(&self, nodes: &[NodeIndex], depth: u32) -> Vec<Row> {
        let row = |(position, node): (usize, &NodeIndex)| Row {
            node: *node,
            depth,
            position: position + 1,
            siblings: nodes.len(),
            expanded: (self.nodes[*node].label.n_children > 0)
                .then(|| self.open.contains(node) && self.nodes[*node].children.is_some()),
        };
        let mut level: Vec<Row> = nodes.iter().enumerate().map(row).collect();
        level.reverse();
        level
    }
}

/// What a key does in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// Go to a row.
    Go(usize),
    Open(Vec<NodeIndex>),
    Close(NodeIndex),
    Choose(NodeIndex),
}

/// Keys of the WAI-ARIA tree pattern.
pub fn key(tree: &LabelTree, rows: &[Row], current: usize, key: &str) -> Option<Move> {
    let row = rows.get(current)?;
    match key {
        "ArrowDown" => (current + 1 < rows.len()).then_some(Move::Go(current + 1)),
        "ArrowUp" => current.checked_sub(1).map(Move::Go),
        "Home" => Some(Move::Go(0)),
        "End" => Some(Move::Go(rows.len() - 1)),
        "PageDown" => Some(Move::Go((current + 15).min(rows.len() - 1))),
        "PageUp" => Some(Move::Go(current.saturating_sub(15))),
        "ArrowRight" => match row.expanded {
            Some(false) => Some(Move::Open(vec![row.node])),
            Some(true) => Some(Move::Go(current + 1)),
            None => None,
        },
        "ArrowLeft" if row.expanded == Some(true) => Some(Move::Close(row.node)),
        "ArrowLeft" => rows[..current]
            .iter()
            .rposition(|other| other.depth < row.depth)
            .map(Move::Go),
        "*" => {
            let parent = tree.node(row.node)?.parent;
            let closed = rows.iter().filter(|other| {
                other.expanded == Some(false)
                    && tree
                        .node(other.node)
                        .is_some_and(|node| node.parent == parent)
            });
            Some(Move::Open(closed.map(|row| row.node).collect()))
        }
        "Enter" | " " => Some(Move::Choose(row.node)),
        _ => {
            let mut letters = key.chars();
            let (letter, None) = (letters.next()?, letters.next()) else {
                return None;
            };
            let starts = |at: &usize| {
                tree.node(rows[*at].node).is_some_and(|node| {
                    node.label
                        .name
                        .to_lowercase()
                        .starts_with(&letter.to_lowercase().to_string())
                })
            };
            (current + 1..rows.len())
                .chain(0..current)
                .find(starts)
                .map(Move::Go)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(path: &str, n_children: u64) -> DraftLabel {
        let path: Vec<String> = path.split('/').map(str::to_owned).collect();
        DraftLabel {
            id: path.join("/"),
            name: path.last().cloned().unwrap_or_default(),
            parents: Vec::new(),
            level: path.len() as u32,
            path,
            n_children,
            n_documents: 0,
            deprecated: false,
            marks: Vec::new(),
            replaced_by: None,
            n_problems: 0,
        }
    }

    fn tree() -> LabelTree {
        let mut tree = LabelTree::default();
        tree.insert(
            None,
            &[label("Culture", 2), label("Sport", 1), label("Weather", 0)],
        );
        tree.insert(
            Some(0),
            &[label("Culture/Film", 0), label("Culture/Music", 0)],
        );
        tree
    }

    fn names(tree: &LabelTree) -> Vec<String> {
        tree.rows()
            .iter()
            .map(|row| {
                tree.node(row.node)
                    .map(|node| node.label.name.clone())
                    .unwrap_or_default()
            })
            .collect()
    }

    #[test]
    fn only_open_branches_are_rows() {
        let mut tree = tree();
        assert_eq!(names(&tree), ["Culture", "Sport", "Weather"]);
        tree.set_open(0, true);
        assert_eq!(
            names(&tree),
            ["Culture", "Film", "Music", "Sport", "Weather"]
        );
        assert!(tree.needs_children(1) && !tree.needs_children(0) && !tree.needs_children(2));
        tree.set_open(1, true);
        assert_eq!(
            tree.rows()[3].expanded,
            Some(false),
            "a branch opens when its labels are there"
        );
        tree.insert(Some(0), &[label("Culture/Film", 0)]);
        assert_eq!(names(&tree).len(), 5, "labels are not doubled");
        let film = tree.rows()[1];
        assert_eq!(
            (film.depth, film.position, film.siblings, film.expanded),
            (2, 1, 2, None)
        );
    }

    #[test]
    fn keys_follow_the_tree_pattern() {
        let mut tree = tree();
        tree.set_open(0, true);
        let rows = tree.rows();
        assert_eq!(key(&tree, &rows, 0, "ArrowDown"), Some(Move::Go(1)));
        assert_eq!(key(&tree, &rows, 0, "ArrowUp"), None);
        assert_eq!(key(&tree, &rows, 0, "ArrowRight"), Some(Move::Go(1)));
        assert_eq!(
            key(&tree, &rows, 3, "ArrowRight"),
            Some(Move::Open(vec![1]))
        );
        assert_eq!(key(&tree, &rows, 2, "ArrowLeft"), Some(Move::Go(0)));
        assert_eq!(key(&tree, &rows, 0, "ArrowLeft"), Some(Move::Close(0)));
        assert_eq!(key(&tree, &rows, 0, "*"), Some(Move::Open(vec![1])));
        assert_eq!(key(&tree, &rows, 0, "w"), Some(Move::Go(4)));
        assert_eq!(key(&tree, &rows, 4, "End"), Some(Move::Go(4)));
        assert_eq!(key(&tree, &rows, 1, "Enter"), Some(Move::Choose(3)));
        assert_eq!(key(&tree, &rows, 1, "Shift"), None);
    }

    fn ids(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn what_edits_change_is_put_in_its_place() {
        let mut tree = tree();
        tree.set_open(0, true);
        let renamed = DraftLabel {
            name: "Cinema".into(),
            ..label("Culture/Film", 0)
        };
        tree.update(&renamed);
        tree.rename("Culture", "Arts");
        assert_eq!(tree.path(3), ["Arts", "Cinema"]);
        tree.replace(
            None,
            &[
                label("Weather", 0),
                label("Culture", 1),
                label("Politics", 0),
            ],
        );
        assert_eq!(
            names(&tree),
            ["Weather", "Culture", "Cinema", "Music", "Politics"],
            "an open branch stays open where it goes"
        );
        tree.replace(Some(0), &[label("Culture/Music", 0)]);
        assert_eq!(names(&tree), ["Weather", "Culture", "Music", "Politics"]);
        assert!(
            tree.places("Culture/Film").is_empty(),
            "what is gone stands nowhere"
        );
        assert!(tree.places("Sport").is_empty());
        assert_eq!(tree.branches(), [None, Some(0)]);
        assert_eq!(
            tree.branches_with(&ids(&["Culture/Music", "Culture"])),
            BTreeSet::from([None, Some(0)])
        );
        assert_eq!(tree.branches_with(&ids(&["Sport"])), BTreeSet::new());
    }

    #[test]
    fn neighbors_and_ancestors_are_found() {
        let tree = tree();
        assert!(tree.is_at_or_above("Culture", 3) && tree.is_at_or_above("Culture/Film", 3));
        assert!(!tree.is_at_or_above("Culture/Film", 0));
        assert_eq!(
            tree.above(3).map(|label| label.id.as_str()),
            Some("Culture")
        );
        assert_eq!(tree.above(0), None);
        assert_eq!((tree.sibling(3, 1), tree.sibling(3, -1)), (Some(4), None));
        assert_eq!((tree.sibling(1, 1), tree.sibling(2, 1)), (Some(2), None));
    }

    #[test]
    fn paths_are_walked_by_name_and_end_by_id() {
        let tree = tree();
        let culture = tree.child(None, "Culture", None);
        assert_eq!(culture, Some(0));
        assert_eq!(tree.child(culture, "Music", Some("Culture/Music")), Some(4));
        assert_eq!(tree.child(culture, "Music", Some("Culture/Opera")), None);
    }
}
