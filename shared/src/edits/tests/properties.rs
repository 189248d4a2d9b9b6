//! What holds for any taxonomy and any edits.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::edits::tree::{Key, ROOT};
use crate::fixtures::{any_labels, any_taxonomy};
use crate::taxonomy::{LabelDetails, check, check_labels};

/// Numbers from which an edit is drawn for the tree as it is by then.
type Draw = (u8, Index, Index, Index, bool);

fn any_draws(n: usize) -> impl Strategy<Value = Vec<Draw>> {
    proptest::collection::vec(
        (
            0_u8..12,
            any::<Index>(),
            any::<Index>(),
            any::<Index>(),
            any::<bool>(),
        ),
        0..=n,
    )
}

/// An edit of labels that are there; whether it can be done is another matter.
fn draw(tree: &WorkingTree<&Taxonomy>, number: usize, draw: &Draw) -> Option<Edit> {
    let order = tree.order();
    if order.is_empty() {
        return None;
    }
    let (op, first, second, third, flag) = draw;
    let id = |index: &Index| tree.id_of(*index.get(&order)).to_owned();
    let label = id(first);
    let some = |yes: bool, index: &Index| yes.then(|| id(index));
    let of = |keys: &[Key], index: &Index| match keys {
        [] => id(index),
        keys => tree.id_of(*index.get(keys)).to_owned(),
    };
    let key = *first.get(&order);
    let new = |what: &str| format!("{what}{number}");
    Some(match op {
        0 => Edit::Rename {
            label,
            name: new("renamed "),
        },
        1 | 2 => Edit::Move {
            label,
            parent: some(*op == 1 || *flag, second),
            from: flag.then(|| of(tree.parents_of(key), third)),
            before: some(*op == 2, third),
        },
        3 => Edit::Merge {
            labels: vec![label, id(second)],
            into: id(third),
        },
        4 | 5 => Edit::Split {
            into: vec![
                Part {
                    id: new("part a"),
                    children: tree
                        .children_of(key)
                        .iter()
                        .take(2)
                        .map(|&key| tree.id_of(key).to_owned())
                        .collect(),
                    ..Part::default()
                },
                Part {
                    id: new("part b"),
                    children: tree
                        .children_of(key)
                        .iter()
                        .skip(1)
                        .take(1)
                        .map(|&key| tree.id_of(key).to_owned())
                        .collect(),
                    ..Part::default()
                },
            ],
            label,
            keep: *op == 4,
        },
        6 => Edit::Add {
            id: new("new"),
            name: String::new(),
            parents: vec![label, id(second)],
            before: some(*flag, third),
            details: Some(Box::new(LabelDetails {
                related: vec![id(third)],
                ..LabelDetails::default()
            })),
        },
        7 | 8 => Edit::Delete {
            label,
            with_descendants: *flag,
            review: *op == 7,
        },
        9 => Edit::Deprecate {
            replaced_by: some(*flag, second),
            label,
            deprecated: true,
        },
        10 if *flag => Edit::AddParent {
            label,
            parent: id(second),
        },
        10 => Edit::RemoveParent {
            parent: of(tree.parents_of(key), second),
            label,
        },
        _ if *flag => Edit::SetPrimaryParent {
            parent: of(tree.parents_of(key), second),
            label,
        },
        _ => Edit::Describe {
            label,
            details: DetailsChange {
                related: Some(vec![id(second), id(third)]),
                ..DetailsChange::default()
            },
        },
    })
}

/// Edits that can be done, and what they make.
fn done(taxonomy: &Taxonomy, draws: &[Draw]) -> (Vec<Edit>, Edited) {
    let (edits, _) = drawn(taxonomy, draws);
    let edited = apply(taxonomy, &edits).unwrap();
    (edits, edited)
}

/// The edits of these draws that can be done, in their order.
fn drawn(taxonomy: &Taxonomy, draws: &[Draw]) -> (Vec<Edit>, Vec<Undo>) {
    let mut tree = WorkingTree::new(taxonomy);
    let done = draws.iter().enumerate().filter_map(|(number, one)| {
        let edit = draw(&tree, number, one)?;
        let undo = tree.apply(&edit).ok()?;
        Some((edit, undo))
    });
    done.unzip()
}

fn canonical(taxonomy: &Taxonomy) -> String {
    serde_json::to_string(taxonomy).unwrap()
}

/// What became of a label, followed edit by edit through whole taxonomies: which labels a document with only that one
/// has in the end, as given.
fn followed(taxonomy: &Taxonomy, edits: &[Edit], label: LabelIndex) -> Vec<String> {
    let mut at = taxonomy.clone();
    let mut labels = vec![taxonomy.id(label).to_owned()];
    for edit in edits {
        let next = apply(&at, std::slice::from_ref(edit)).unwrap().taxonomy;
        let parents = |id: &str| -> Vec<String> {
            let label = at.index_of(id).unwrap();
            at.parents(label)
                .iter()
                .map(|&parent| at.id(parent).to_owned())
                .collect()
        };
        labels = labels
            .into_iter()
            .flat_map(|id| match edit {
                Edit::Merge { labels, into } if labels.contains(&id) => vec![into.clone()],
                Edit::Split {
                    label, keep: false, ..
                } if *label == id => parents(&id),
                Edit::Delete { label, .. } if next.index_of(&id).is_none() => parents(label),
                _ => vec![id],
            })
            .collect();
        at = next;
    }
    labels.sort_unstable();
    labels.dedup();
    labels
}

fn with_edits(
    n_labels: usize,
    n_edits: usize,
) -> impl Strategy<Value = (Taxonomy, Vec<Draw>, Vec<LabelIndex>)> {
    (any_taxonomy(n_labels), any_draws(n_edits)).prop_flat_map(|(taxonomy, draws)| {
        let n = taxonomy.len();
        (Just(taxonomy), Just(draws), any_labels(n))
    })
}

proptest! {
    #[test]
    fn edits_make_the_taxonomy_that_their_tree_shows((taxonomy, draws, _) in with_edits(12, 12)) {
        let (edits, _) = drawn(&taxonomy, &draws);
        let mut tree = WorkingTree::new(&taxonomy);
        for edit in &edits {
            tree.apply(edit).unwrap();
            // The tree says the same as the taxonomy that is built from it.
            let built = tree.build().unwrap();
            let order = tree.order();
            let positions = tree.positions(&order);
            for (position, &key) in (0..).zip(&order) {
                prop_assert_eq!(built.id(position), tree.id_of(key));
                prop_assert_eq!(built.name(position), tree.name_of(key));
                prop_assert_eq!(built.details(position), tree.details_of(key));
                let mut children: Vec<_> = tree.children_of(key).iter().map(|&key| positions[key as usize]).collect();
                children.sort_unstable();
                prop_assert_eq!(built.children(position), children);
            }
            let mut top: Vec<_> = tree.children_of(ROOT).iter().map(|&key| positions[key as usize]).collect();
            top.sort_unstable();
            prop_assert_eq!(built.top_level(), top);
            prop_assert_eq!(tree.check(), check(&built));
            prop_assert_eq!(check_labels(&built.to_labels()), check(&built));
            prop_assert_eq!(Taxonomy::new(built.to_labels()).unwrap(), built);
        }
        prop_assert_eq!(tree.finish().unwrap(), apply(&taxonomy, &edits).unwrap());
        let json = serde_json::to_string(&edits).unwrap();
        prop_assert_eq!(serde_json::from_str::<Vec<Edit>>(&json).unwrap(), edits);
    }

    #[test]
    fn undoing_goes_back_byte_by_byte_and_redoing_forward((taxonomy, draws, _) in with_edits(12, 12)) {
        let mut tree = WorkingTree::new(&taxonomy);
        let mut states = vec![tree.finish().unwrap()];
        let mut undo = Vec::new();
        for (number, one) in draws.iter().enumerate() {
            let Some(edit) = draw(&tree, number, one) else { break };
            if let Ok(done) = tree.apply(&edit) {
                undo.push(done);
                states.push(tree.finish().unwrap());
            } else {
                prop_assert_eq!(&tree.finish().unwrap(), &states[states.len() - 1]);
            }
        }
        let mut redo = Vec::new();
        for (at, one) in undo.into_iter().enumerate().rev() {
            redo.push(tree.undo(one).unwrap());
            let state = tree.finish().unwrap();
            prop_assert_eq!(canonical(&state.taxonomy), canonical(&states[at].taxonomy));
            prop_assert_eq!(&state, &states[at]);
        }
        prop_assert_eq!(canonical(&tree.build().unwrap()), canonical(&taxonomy));
        for (one, state) in redo.into_iter().rev().zip(&states[1..]) {
            tree.undo(one).unwrap();
            prop_assert_eq!(&tree.finish().unwrap(), state);
        }
    }

    #[test]
    fn undoing_in_any_order_keeps_a_hierarchy((taxonomy, draws, _) in with_edits(10, 10), order in any::<u64>()) {
        let mut tree = WorkingTree::new(&taxonomy);
        let mut undo = Vec::new();
        for (number, one) in draws.iter().enumerate() {
            let Some(edit) = draw(&tree, number, one) else { break };
            undo.extend(tree.apply(&edit));
        }
        let mut turn: Vec<(u64, Undo)> = (1_u64..).zip(undo).map(|(n, undo)| (n.wrapping_mul(order | 1), undo)).collect();
        turn.sort_by_key(|&(n, _)| n);
        for (_, one) in turn {
            let before = tree.build().unwrap();
            match tree.undo(one) {
                Ok(_) => { tree.finish().unwrap(); }
                Err(_) => prop_assert_eq!(tree.build().unwrap(), before),
            }
            let edited = tree.finish().unwrap();
            for label in edited.lineage.fated() {
                let fate = edited.lineage.fate(label).unwrap();
                prop_assert!(fate.targets.iter().all(|&target| (target as usize) < edited.taxonomy.len()));
            }
        }
    }

    #[test]
    fn the_lineage_is_what_single_edits_do_one_after_another((taxonomy, draws, _) in with_edits(10, 8)) {
        let (edits, Edited { taxonomy: new, lineage }) = done(&taxonomy, &draws);
        for label in taxonomy.indexes() {
            let expected = followed(&taxonomy, &edits, label);
            let found = match lineage.fate(label) {
                Some(fate) => fate.targets.clone(),
                None => lineage.new_of(label).into_iter().collect(),
            };
            let mut found: Vec<String> = found.iter().map(|&label| new.id(label).to_owned()).collect();
            found.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn migrated_sets_are_closed_and_lose_nothing(
        (taxonomy, draws, labels) in with_edits(10, 8),
        chosen in any::<bool>(),
    ) {
        let (_, Edited { taxonomy: new, lineage }) = done(&taxonomy, &draws);
        let ancestors = if chosen { GivenAncestors::Chosen } else { GivenAncestors::Implied };
        let migration = Migration::new(&taxonomy, &new, &lineage, ancestors);
        let migrated = migration.migrate(&labels);
        prop_assert!(new.is_closed(&migrated.closed));
        prop_assert_eq!(&new.close(&migrated.explicit), &migrated.closed);
        prop_assert!(!labels.is_empty() || migrated == MigratedSet::default());
        prop_assert!(!migrated.explicit.is_empty() || labels.is_empty() || !migrated.review.is_empty());
        for &label in &labels {
            let is_implied = labels.iter().any(|&below| taxonomy.ancestors(below).contains(&label));
            if is_implied && !chosen {
                continue;
            }
            // Whatever the label became is there, as given unless it is a parent that others imply.
            match lineage.fate(label) {
                None => prop_assert!(migrated.explicit.contains(&lineage.new_of(label).unwrap())),
                Some(fate) => {
                    prop_assert!(fate.targets.iter().all(|target| migrated.closed.contains(target)));
                    if fate.rule == Rule::Union {
                        prop_assert!(fate.targets.iter().all(|target| migrated.explicit.contains(target)));
                    }
                    let said = fate.candidates.iter().any(|part| migrated.closed.contains(part));
                    let asked = migrated.review.iter().any(|review| review.label == label);
                    prop_assert!(asked || said || !fate.review);
                }
            }
        }
        // And nothing else is there.
        let became: Vec<LabelIndex> = labels.iter().flat_map(|&label| match lineage.fate(label) {
            Some(fate) => fate.targets.clone(),
            None => lineage.new_of(label).into_iter().collect(),
        }).collect();
        let all = new.close(&became);
        prop_assert!(migrated.explicit.iter().all(|label| all.contains(label)));
        // A set that no edit touches is the same by ids.
        if labels.iter().all(|&label| !migration.touches(label)) {
            let old_ids = |labels: &[LabelIndex]| { let mut ids: Vec<_> = labels.iter().map(|&l| taxonomy.id(l).to_owned()).collect(); ids.sort(); ids };
            let new_ids = |labels: &[LabelIndex]| { let mut ids: Vec<_> = labels.iter().map(|&l| new.id(l).to_owned()).collect(); ids.sort(); ids };
            prop_assert_eq!(old_ids(&labels), new_ids(&migrated.explicit));
            prop_assert_eq!(old_ids(&taxonomy.close(&labels)), new_ids(&migrated.closed));
            prop_assert!(migrated.review.is_empty());
        }
    }

    #[test]
    fn labels_away_from_all_edits_are_not_touched((taxonomy, draws, _) in with_edits(12, 3)) {
        let (edits, Edited { taxonomy: new, lineage }) = done(&taxonomy, &draws);
        let migration = Migration::new(&taxonomy, &new, &lineage, GivenAncestors::Implied);
        // Touched is what an edit names, and what was below it in either taxonomy.
        let mut near: Vec<LabelIndex> = Vec::new();
        for edit in &edits {
            let named: Vec<&str> = match edit {
                Edit::Merge { labels, .. } => labels.iter().map(String::as_str).collect(),
                other => vec![other.label()],
            };
            for id in named {
                if let Some(label) = taxonomy.index_of(id) {
                    near.push(label);
                    near.extend(taxonomy.descendants(label));
                }
                if let Some(label) = new.index_of(id) {
                    near.extend(new.descendants(label).iter().filter_map(|&label| taxonomy.index_of(new.id(label))));
                }
            }
        }
        prop_assert!(migration.touched().iter().all(|label| near.contains(label)));
    }

    #[test]
    fn scopes_count_what_single_edits_touch(
        (taxonomy, draws, _) in with_edits(10, 6),
        sets in proptest::collection::vec(proptest::collection::vec(any::<Index>(), 0..4), 0..12),
    ) {
        let (edits, _) = drawn(&taxonomy, &draws);
        let Edited { lineage, .. } = apply(&taxonomy, &edits).unwrap();
        let sets: Vec<Vec<LabelIndex>> = sets.iter().map(|set| {
            let mut labels: Vec<LabelIndex> = set.iter().map(|index| index.index(taxonomy.len()) as LabelIndex).collect();
            labels.sort_unstable();
            labels.dedup();
            // As most specific, so that no ancestor is left that only other labels explained.
            labels.iter().copied().filter(|&label| !labels.iter().any(|&below| taxonomy.ancestors(below).contains(&label))).collect()
        }).collect();
        let scopes: Vec<&Scope> = lineage.edits().iter().map(|edit| &edit.touched).collect();
        let mut tally = Tally::new(&scopes);
        for set in &sets {
            tally.add(set, &taxonomy.close(set));
        }
        for (at, edit) in edits.iter().enumerate() {
            // Migrate as far as the edit, and look there.
            let before = apply(&taxonomy, &edits[..at]).unwrap();
            let migration = Migration::new(&taxonomy, &before.taxonomy, &before.lineage, GivenAncestors::Chosen);
            let named: Vec<&str> = match edit {
                Edit::Merge { labels, into } => labels.iter().filter(|label| *label != into).map(String::as_str).collect(),
                Edit::Add { .. } => Vec::new(),
                other => vec![other.label()],
            };
            let named: Vec<LabelIndex> = named.iter().map(|id| before.taxonomy.index_of(id).unwrap()).collect();
            let expected = sets.iter().filter(|set| {
                // Every label for itself: parents that others imply are not given, but touched.
                set.iter().any(|&label| migration.migrate(&[label]).closed.iter().any(|label| named.contains(label)))
            }).count() as u64;
            prop_assert_eq!(tally.counts()[at], expected, "{:?}", edit);
        }
    }

    #[test]
    fn a_diff_is_empty_only_where_nothing_is_different((taxonomy, draws, _) in with_edits(10, 6)) {
        let (_, Edited { taxonomy: new, lineage }) = done(&taxonomy, &draws);
        let diff = TaxonomyDiff::new(&taxonomy, &new, &lineage);
        let sorted = |taxonomy: &Taxonomy| { let mut labels = taxonomy.to_labels(); labels.sort_by(|a, b| a.id.cmp(&b.id)); labels };
        let same = sorted(&taxonomy) == sorted(&new);
        prop_assert_eq!(diff.changes.is_empty(), same);
        prop_assert_eq!(TaxonomyDiff::between(&taxonomy, &new).changes.is_empty(), same);
        prop_assert_eq!(diff.to_string().lines().count(), diff.changes.len());
    }
}
