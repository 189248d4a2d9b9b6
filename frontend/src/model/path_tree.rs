//! A tree out of label paths: the labels of a document, or what several runs predict.

use std::collections::BTreeMap;

/// A row of the tree, parents before children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathRow {
    /// Names from below the root to this node.
    pub path: Vec<String>,
    /// Positions in the input of the paths that end here; none for a node that only leads on.
    pub entries: Vec<usize>,
    pub has_children: bool,
}

impl PathRow {
    /// 1 below the root.
    pub fn depth(&self) -> usize {
        self.path.len()
    }

    pub fn name(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }

    /// The name without its parent's in front.
    pub fn short_name(&self) -> &str {
        let parent = self
            .path
            .len()
            .checked_sub(2)
            .map(|at| self.path[at].as_str());
        crate::format::below(self.name(), parent)
    }
}

#[derive(Default)]
struct Node {
    entries: Vec<usize>,
    /// Best rank below or at this node; smaller is earlier.
    rank: usize,
    children: BTreeMap<String, Node>,
}

/// Rows of the tree that the paths make. Siblings stand in the order of their best path, so that whoever
/// passes paths best first gets the best branch on top.
pub fn rows(paths: &[&[String]]) -> Vec<PathRow> {
    let mut root = Node {
        rank: 0,
        ..Node::default()
    };
    for (index, path) in paths.iter().enumerate() {
        let mut node = &mut root;
        for name in *path {
            node = node.children.entry(name.clone()).or_insert_with(|| Node {
                rank: index,
                ..Node::default()
            });
            node.rank = node.rank.min(index);
        }
        if !path.is_empty() {
            node.entries.push(index);
        }
    }
    let mut rows = Vec::new();
    walk(&root, &mut Vec::new(), &mut rows);
    rows
}

fn walk(node: &Node, path: &mut Vec<String>, rows: &mut Vec<PathRow>) {
    let mut children: Vec<_> = node.children.iter().collect();
    children.sort_by_key(|(_, child)| child.rank);
    for (name, child) in children {
        path.push(name.clone());
        rows.push(PathRow {
            path: path.clone(),
            entries: child.entries.clone(),
            has_children: !child.children.is_empty(),
        });
        walk(child, path, rows);
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('/').map(str::to_owned).collect()
    }

    #[test]
    fn paths_become_a_tree_with_the_best_branch_on_top() {
        let paths = [
            path("Sport/Rowing"),
            path("Culture/Music"),
            path("Sport"),
            path("Culture/Film"),
            path("Sport/Rowing"),
        ];
        let paths: Vec<&[String]> = paths.iter().map(Vec::as_slice).collect();
        let rows = rows(&paths);
        let shown: Vec<_> = rows
            .iter()
            .map(|row| (row.depth(), row.name(), row.entries.clone()))
            .collect();
        assert_eq!(
            shown,
            vec![
                (1, "Sport", vec![2]),
                (2, "Rowing", vec![0, 4]),
                (1, "Culture", vec![]),
                (2, "Music", vec![1]),
                (2, "Film", vec![3]),
            ]
        );
        assert!(rows[0].has_children && !rows[1].has_children);
    }

    #[test]
    fn one_name_under_two_parents_stays_two_nodes() {
        let paths = [path("Medicine/Depression"), path("Psychology/Depression")];
        let paths: Vec<&[String]> = paths.iter().map(Vec::as_slice).collect();
        assert_eq!(
            rows(&paths)
                .iter()
                .filter(|row| row.name() == "Depression")
                .count(),
            2
        );
        assert!(rows_of_nothing().is_empty());
    }

    fn rows_of_nothing() -> Vec<PathRow> {
        rows(&[])
    }
}
