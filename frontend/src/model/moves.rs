//! Edits that put a label of the tree elsewhere: dragged with the mouse, or moved with keys.
//!
//! A label with several parents stands in several places. Moving it from one of them leaves the others as they are.

use arborist_shared::edits::Edit;

use super::tree::{LabelTree, NodeIndex};

/// Where something is dropped, seen from the label below the pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    Before,
    Into,
    After,
}

/// The zone of a row at a height within it.
pub fn zone(at: f64, row: f64) -> Zone {
    if at < row * 0.28 {
        Zone::Before
    } else if at > row * 0.72 {
        Zone::After
    } else {
        Zone::Into
    }
}

/// Where a label goes with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Before the sibling above it.
    Up,
    /// After the sibling below it.
    Down,
    /// Below the sibling above it.
    In,
    /// Beside its parent.
    Out,
}

fn id(tree: &LabelTree, node: NodeIndex) -> Option<&str> {
    Some(&tree.node(node)?.label.id)
}

fn parent_of(tree: &LabelTree, node: NodeIndex) -> Option<NodeIndex> {
    tree.node(node)?.parent
}

/// Whether a label may be dropped there: not on itself, and not on anything below it.
pub fn may_drop(tree: &LabelTree, dragged: NodeIndex, target: NodeIndex, zone: Zone) -> bool {
    let Some(label) = id(tree, dragged) else {
        return false;
    };
    match zone {
        Zone::Into => !tree.is_at_or_above(label, target),
        Zone::Before | Zone::After => {
            let above = parent_of(tree, target);
            id(tree, target) != Some(label)
                && above.is_none_or(|above| !tree.is_at_or_above(label, above))
        }
    }
}

/// A move to below a node (or the root), before a sibling there.
fn move_to(
    tree: &LabelTree,
    node: NodeIndex,
    parent: Option<NodeIndex>,
    before: Option<NodeIndex>,
) -> Option<Edit> {
    let of = |node: Option<NodeIndex>| node.and_then(|node| id(tree, node)).map(str::to_owned);
    let parent = of(parent);
    // Away from the root there is no parent whose place another one could take.
    let from = of(parent_of(tree, node)).filter(|_| parent.is_some());
    Some(Edit::Move {
        label: id(tree, node)?.to_owned(),
        parent,
        from,
        before: of(before),
    })
}

/// Edits that put a label where it was dropped; none where it cannot go.
pub fn dropped(
    tree: &LabelTree,
    dragged: NodeIndex,
    target: NodeIndex,
    zone: Zone,
) -> Option<Vec<Edit>> {
    if !may_drop(tree, dragged, target, zone) {
        return None;
    }
    let above = parent_of(tree, target);
    match zone {
        Zone::Into => Some(vec![move_to(tree, dragged, Some(target), None)?]),
        Zone::Before => Some(vec![move_to(tree, dragged, above, Some(target))?]),
        Zone::After => match tree.sibling(target, 1) {
            Some(next) if next != dragged => Some(vec![move_to(tree, dragged, above, Some(next))?]),
            // It is there already.
            Some(_) => None,
            // There is no place after the last one: it comes before it, and that one before it.
            None => Some(vec![
                move_to(tree, dragged, above, Some(target))?,
                Edit::Move {
                    label: id(tree, target)?.to_owned(),
                    parent: above.and_then(|above| id(tree, above)).map(str::to_owned),
                    from: above.and_then(|above| id(tree, above)).map(str::to_owned),
                    before: Some(id(tree, dragged)?.to_owned()),
                },
            ]),
        },
    }
}

/// Edits that move a label by a key; none where there is no such place.
pub fn stepped(tree: &LabelTree, node: NodeIndex, step: Step) -> Option<Vec<Edit>> {
    match step {
        Step::Up => dropped(tree, node, tree.sibling(node, -1)?, Zone::Before),
        Step::Down => dropped(tree, node, tree.sibling(node, 1)?, Zone::After),
        Step::In => dropped(tree, node, tree.sibling(node, -1)?, Zone::Into),
        Step::Out => dropped(tree, node, parent_of(tree, node)?, Zone::After),
    }
}

#[cfg(test)]
mod tests {
    use arborist_shared::api::drafts::DraftLabel;

    use super::*;

    fn label(id: &str, n_children: u64) -> DraftLabel {
        serde_json::from_value(serde_json::json!({
            "id": id, "name": id, "path": [id], "parents": [], "level": 1, "n_children": n_children, "n_documents": 0,
            "deprecated": false, "marks": [], "n_problems": 0
        }))
        .expect("a label")
    }

    /// a (0) with aa (3) and ab (4), b (1), c (2).
    fn tree() -> LabelTree {
        let mut tree = LabelTree::default();
        tree.insert(None, &[label("a", 2), label("b", 0), label("c", 0)]);
        tree.insert(Some(0), &[label("aa", 0), label("ab", 0)]);
        tree
    }

    fn to(label: &str, parent: Option<&str>, from: Option<&str>, before: Option<&str>) -> Edit {
        let owned = |id: Option<&str>| id.map(str::to_owned);
        Edit::Move {
            label: label.into(),
            parent: owned(parent),
            from: owned(from),
            before: owned(before),
        }
    }

    #[test]
    fn a_row_has_three_zones() {
        assert_eq!(
            [zone(2.0, 32.0), zone(16.0, 32.0), zone(30.0, 32.0)],
            [Zone::Before, Zone::Into, Zone::After]
        );
    }

    #[test]
    fn labels_go_where_they_are_dropped() {
        let tree = tree();
        assert_eq!(
            dropped(&tree, 1, 0, Zone::Into),
            Some(vec![to("b", Some("a"), None, None)])
        );
        assert_eq!(
            dropped(&tree, 3, 1, Zone::Before),
            Some(vec![to("aa", None, None, Some("b"))])
        );
        assert_eq!(
            dropped(&tree, 1, 3, Zone::After),
            Some(vec![to("b", Some("a"), None, Some("ab"))])
        );
        assert_eq!(
            dropped(&tree, 1, 4, Zone::After),
            Some(vec![
                to("b", Some("a"), None, Some("ab")),
                to("ab", Some("a"), Some("a"), Some("b"))
            ]),
            "after the last one"
        );
        assert_eq!(
            dropped(&tree, 4, 3, Zone::Before),
            Some(vec![to("ab", Some("a"), Some("a"), Some("aa"))]),
            "among its siblings"
        );
    }

    #[test]
    fn nothing_goes_below_itself() {
        let tree = tree();
        assert_eq!(dropped(&tree, 0, 0, Zone::Into), None);
        assert_eq!(dropped(&tree, 0, 3, Zone::Into), None);
        assert_eq!(dropped(&tree, 0, 3, Zone::After), None);
        assert_eq!(dropped(&tree, 0, 0, Zone::Before), None);
        assert_eq!(dropped(&tree, 1, 0, Zone::After), None, "it is there");
    }

    #[test]
    fn keys_move_labels_step_by_step() {
        let tree = tree();
        assert_eq!(
            stepped(&tree, 1, Step::Up),
            Some(vec![to("b", None, None, Some("a"))])
        );
        assert_eq!(
            stepped(&tree, 0, Step::Down),
            Some(vec![to("a", None, None, Some("c"))])
        );
        assert_eq!(
            stepped(&tree, 1, Step::In),
            Some(vec![to("b", Some("a"), None, None)])
        );
        assert_eq!(
            stepped(&tree, 3, Step::Out),
            Some(vec![to("aa", None, None, Some("b"))])
        );
        assert_eq!(stepped(&tree, 0, Step::Up), None);
        assert_eq!(stepped(&tree, 0, Step::Out), None);
    }
}
