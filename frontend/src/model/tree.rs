//! A taxonomy as it is opened on the page: labels come level by level, only opened branches are rows.
//!
//! A label with two parents stands in two places; each place is a node of its own.

use std::collections::BTreeSet;

use arborist_shared::api::taxonomies::LabelRow;

/// Position in the arena.
pub type NodeIndex = usize;

/// A label at one place of the tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub label: LabelRow,
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
    pub fn insert(&mut self, parent: Option<NodeIndex>, labels: &[LabelRow]) {
        let mut children = match parent {
            Some(parent) => self.nodes[parent].children.clone().unwrap_or_default(),
            None => self.top.clone(),
        };
        let known: BTreeSet<String> = children
            .iter()
            .map(|child| self.nodes[*child].label.id.clone())
            .collect();
        for label in labels.iter().filter(|label| !known.contains(&label.id)) {
            children.push(self.nodes.len());
            self.nodes.push(Node {
                label: label.clone(),
                parent,
                children: None,
            });
        }
        match parent {
            Some(parent) => self.nodes[parent].children = Some(children),
            None => self.top = children,
        }
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
        let children = match parent {
            Some(parent) => self.nodes.get(parent)?.children.as_deref()?,
            None => &self.top,
        };
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

    fn label(path: &str, n_children: u64) -> LabelRow {
        let path: Vec<String> = path.split('/').map(str::to_owned).collect();
        LabelRow {
            id: path.join("/"),
            name: path.last().cloned().unwrap_or_default(),
            level: path.len() as u32,
            path,
            n_children,
            ..LabelRow::default()
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

    #[test]
    fn paths_are_walked_by_name_and_end_by_id() {
        let tree = tree();
        let culture = tree.child(None, "Culture", None);
        assert_eq!(culture, Some(0));
        assert_eq!(tree.child(culture, "Music", Some("Culture/Music")), Some(4));
        assert_eq!(tree.child(culture, "Music", Some("Culture/Opera")), None);
    }
}
