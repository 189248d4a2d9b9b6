//! What large taxonomies get: sparse weights, sparse scores, groups of labels, a beam. Tried on small ones with the
//! limits lowered.

use arborist_plugin_api::{Model, ScoreRow, Scores};

use super::toy::{Toy, taxonomy, two_levels};
use crate::classifier::{Classifier, Weights};
use crate::scale::Scale;
use crate::tables::NONE;
use crate::{Hyperparameters, LinearModel, Mode, checkpoint};

const TEXTS: [&str; 5] = [
    "common words topa noise3 leafa2 leafa2 more",
    "topb leafb3 leafb3 common",
    "topa topb leafa1 leafa1 leafb2 leafb2",
    "common words nothing here",
    "",
];

/// Weights are sparse whatever their number.
fn sparse() -> Scale {
    Scale {
        max_dense_weights: 0,
        ..Scale::default()
    }
}

/// Every node with more than two children gets groups.
fn grouped() -> Scale {
    Scale {
        min_children: 2,
        max_visits: 0,
        ..Scale::default()
    }
}

fn tree() -> Hyperparameters {
    Hyperparameters {
        mode: Mode::Tree,
        prune: 0.0,
        ..Hyperparameters::default()
    }
}

/// Trains without validation: calibration sees the nodes that prediction found, which is what is compared here.
fn trained(toy: &Toy, hyperparameters: Hyperparameters, scale: Scale) -> LinearModel {
    toy.train_at(hyperparameters, 2, false, scale).unwrap();
    toy.load().unwrap()
}

fn sparse_weights(classifier: &Classifier) -> &crate::classifier::Sparse {
    match &classifier.weights {
        Weights::Sparse(sparse) => sparse,
        Weights::Dense(_) => panic!("the weights are dense"),
    }
}

fn labels_above(toy: &Toy, row: &[f32], threshold: f32) -> Vec<String> {
    (0..)
        .zip(row)
        .filter(|&(_, &score)| score > threshold)
        .map(|(label, _)| toy.taxonomy.id(label).to_owned())
        .collect()
}

#[test]
fn sparse_weights_score_what_dense_weights_do() {
    let toy = two_levels(12);
    for mode in [Mode::Flat, Mode::Tree] {
        for scale in [Scale::default(), grouped()] {
            let hyperparameters = Hyperparameters { mode, ..tree() };
            let mut dense = trained(&toy, hyperparameters.clone(), scale);
            assert!(matches!(dense.classifier.weights, Weights::Dense(_)));
            let dense_scores = toy.dense(dense.predict(&TEXTS).unwrap());
            let scale = Scale {
                max_dense_weights: 0,
                ..scale
            };
            let mut sparse = trained(&toy, hyperparameters, scale);
            assert!(!sparse_weights(&sparse.classifier).values.is_empty());
            let sparse_scores = toy.dense(sparse.predict(&TEXTS).unwrap());
            assert_eq!(
                sparse.classifier.structure, dense.classifier.structure,
                "{mode:?}"
            );
            for (text, (sparse, dense)) in TEXTS.iter().zip(sparse_scores.iter().zip(&dense_scores))
            {
                for (label, (&sparse, &dense)) in sparse.iter().zip(dense).enumerate() {
                    // Below an unlikely node nothing is looked at; a label there scores no more than the node.
                    assert!(
                        sparse == dense || (sparse == 0.0 && dense <= 0.005),
                        "{mode:?}, {scale:?}, {text:?}, label {label}: sparse {sparse}, dense {dense}"
                    );
                }
            }
            for label in toy.taxonomy.indexes() {
                assert_eq!(
                    sparse.evidence(TEXTS[0], label).unwrap(),
                    dense.evidence(TEXTS[0], label).unwrap(),
                    "{mode:?}, label {label}"
                );
            }
        }
    }
}

#[test]
fn weights_are_sparse_above_the_limit_and_not_at_it() {
    let toy = two_levels(6);
    let model = trained(&toy, tree(), Scale::default());
    let n_weights = model.classifier.vocabulary.n_features() * model.classifier.structure.len();
    for (max_dense_weights, is_sparse) in [(n_weights, false), (n_weights - 1, true)] {
        let scale = Scale {
            max_dense_weights,
            ..Scale::default()
        };
        let weights = trained(&toy, tree(), scale).classifier.weights;
        assert_eq!(matches!(weights, Weights::Sparse(_)), is_sparse);
    }
}

#[test]
fn sparse_scores_are_the_dense_ones() {
    let toy = two_levels(10);
    for scale in [Scale::default(), sparse()] {
        let mut model = trained(&toy, tree(), scale);
        let dense = model.predict(&TEXTS).unwrap();
        assert!(matches!(dense.scores, Scores::Dense { .. }));
        model.scale.max_dense_labels = toy.taxonomy.len() - 1;
        let sparse = model.predict(&TEXTS).unwrap();
        assert!(matches!(sparse.scores, Scores::Sparse { .. }));
        assert_eq!(sparse.scores.len(), TEXTS.len());
        assert_eq!(toy.dense(sparse), toy.dense(dense));
    }
}

#[test]
fn a_sparse_row_keeps_the_best_and_all_that_matter() {
    let ids: Vec<String> = (0..200).map(|label| format!("l{label}")).collect();
    let labels: Vec<(&str, &[&str])> = ids.iter().map(|id| (id.as_str(), &[][..])).collect();
    let documents: Vec<(String, Vec<&str>)> = (0..400)
        .map(|number| {
            let label = number % ids.len();
            (
                format!("word{label} word{label} some{}", number % 7),
                vec![ids[label].as_str()],
            )
        })
        .collect();
    let toy = Toy::new(taxonomy(&labels), &documents, &[]);
    let mut model = trained(&toy, tree(), Scale::default());
    let texts = ["word3 word17 some1", "some2", ""];
    let dense = toy.dense(model.predict(&texts).unwrap());
    model.scale.max_dense_labels = 0;
    let sparse = model.predict(&texts).unwrap().scores;
    for (number, dense) in dense.iter().enumerate() {
        let Some(ScoreRow::Sparse(labels, scores)) = sparse.row(number) else {
            panic!("row {number} is not sparse");
        };
        for (&label, &score) in labels.iter().zip(scores) {
            assert_eq!(score, dense[label as usize], "row {number}, label {label}");
        }
        let lowest = scores.iter().copied().fold(1.0, f32::min);
        let left_out: Vec<f32> = (0..)
            .zip(dense)
            .filter(|(label, _)| !labels.contains(label))
            .map(|(_, &score)| score)
            .collect();
        assert!(
            labels.len() >= 64,
            "row {number} has {} labels",
            labels.len()
        );
        assert_eq!(labels.len() + left_out.len(), 200);
        assert!(
            left_out.iter().all(|&score| score <= lowest.min(0.005)),
            "row {number}: {lowest} is kept, {left_out:?} are left out"
        );
    }
}

#[test]
fn groups_lie_between_a_node_and_its_labels() {
    let toy = two_levels(20);
    for scale in [
        grouped(),
        Scale {
            max_dense_weights: 0,
            ..grouped()
        },
    ] {
        let hyperparameters = Hyperparameters { c: 10.0, ..tree() };
        let mut model = trained(&toy, hyperparameters, scale);
        let structure = &model.classifier.structure;
        let groups = structure
            .labels
            .iter()
            .filter(|&&label| label == NONE)
            .count();
        assert!(groups > 1, "{structure:?}");
        assert!(structure.n_children.iter().all(|&children| children <= 2));
        let scores = toy.dense(model.predict(&TEXTS).unwrap());
        let expected: [&[&str]; 4] = [&["a", "a2"], &["b", "b3"], &["a", "a1", "b", "b2"], &[]];
        for (row, expected) in scores.iter().zip(expected) {
            assert_eq!(labels_above(&toy, row, 0.5), expected, "{scale:?}: {row:?}");
        }
    }
}

#[test]
fn threads_do_not_change_a_digit_of_a_grouped_sparse_model() {
    let toy = two_levels(15);
    let scale = Scale {
        max_dense_weights: 0,
        ..grouped()
    };
    let [one, four] = [1, 4].map(|threads| {
        toy.train_at(tree(), threads, true, scale).unwrap();
        toy.dense(toy.load().unwrap().predict(&TEXTS).unwrap())
    });
    assert_eq!(one, four);
}

#[test]
fn the_beam_follows_the_likeliest_nodes_of_a_level() {
    let toy = two_levels(12);
    let text = ["topa topa topb leafa1 leafa1 leafb2 leafb2"];
    let leaves = |beam: u32| {
        let mut model = trained(&toy, Hyperparameters { beam, ..tree() }, sparse());
        let scores = toy.dense(model.predict(&text).unwrap());
        let mut found = labels_above(&toy, &scores[0], 0.0);
        found.retain(|id| id.len() == 2);
        (found, scores)
    };
    let (wide, wide_scores) = leaves(2);
    assert_eq!(wide, ["a1", "a2", "a3", "b1", "b2", "b3"]);
    let (narrow, narrow_scores) = leaves(1);
    let [a, b] = ["a", "b"].map(|id| toy.taxonomy.index_of(id).unwrap() as usize);
    let likelier = if wide_scores[0][a] > wide_scores[0][b] {
        ["a1", "a2", "a3"]
    } else {
        ["b1", "b2", "b3"]
    };
    assert_eq!(narrow, likelier);
    assert_eq!(narrow_scores[0][a], wide_scores[0][a]);
    assert_eq!(narrow_scores[0][b], wide_scores[0][b]);
}

#[test]
fn pruning_drops_the_small_weights_of_each_label() {
    let toy = two_levels(12);
    let prune = 0.3;
    let whole = trained(&toy, tree(), sparse()).classifier;
    let pruned = trained(&toy, Hyperparameters { prune, ..tree() }, sparse()).classifier;
    let (mut kept, mut dropped) = (0, 0);
    for parent in 0..whole.structure.len() as u32 {
        let children = whole.structure.children(parent);
        for child in 0..children.len() as u32 {
            let weights: Vec<[f32; 2]> = (0..whole.vocabulary.n_features() as u32)
                .map(|feature| {
                    [&whole, &pruned]
                        .map(|model| sparse_weights(model).weight(parent, child, feature))
                })
                .collect();
            let largest = weights
                .iter()
                .map(|[weight, _]| weight.abs())
                .fold(0.0, f32::max);
            for [before, after] in weights {
                if before.abs() >= prune * largest {
                    assert_eq!(after, before);
                    kept += usize::from(before != 0.0);
                } else {
                    assert_eq!(after, 0.0, "{before} of {largest} was kept");
                    dropped += usize::from(before != 0.0);
                }
            }
        }
    }
    assert!(kept > 0 && dropped > 0, "{kept} kept, {dropped} dropped");
    assert_eq!(sparse_weights(&pruned).values.len(), kept);
    // Dense weights take their room whatever they are.
    let dense =
        |prune: f32| match trained(&toy, Hyperparameters { prune, ..tree() }, Scale::default())
            .classifier
            .weights
        {
            Weights::Dense(dense) => dense.values,
            Weights::Sparse(_) => panic!("the weights are sparse"),
        };
    assert_eq!(dense(0.5), dense(0.0));
}

#[test]
fn sparse_weights_come_back_from_the_checkpoint() {
    let toy = two_levels(8);
    let mut model = trained(&toy, tree(), sparse());
    let scores = model.predict(&TEXTS).unwrap();
    let again = tempfile::tempdir().unwrap();
    checkpoint::save(again.path(), &model.classifier, model.threshold).unwrap();
    let (loaded, _) = checkpoint::load(again.path()).unwrap();
    let (before, after) = (sparse_weights(&model.classifier), sparse_weights(&loaded));
    assert_eq!(before.nodes, after.nodes);
    assert_eq!(before.features, after.features);
    assert_eq!(before.ends, after.ends);
    assert_eq!(before.children, after.children);
    assert_eq!(before.values, after.values);
    model.classifier = loaded;
    assert_eq!(model.predict(&TEXTS).unwrap(), scores);
}

#[test]
fn sparse_weights_that_do_not_fit_the_structure_are_refused() {
    let toy = two_levels(8);
    let classifier = trained(&toy, tree(), sparse()).classifier;
    let n_features = classifier.vocabulary.n_features() as u32;
    type Damage = Box<dyn Fn(&mut crate::classifier::Sparse)>;
    let damages: [(&str, Damage); 6] = [
        ("child", Box::new(|sparse| sparse.children[0] = 1_000)),
        ("feature", {
            Box::new(move |sparse| *sparse.features.last_mut().unwrap() = n_features)
        }),
        ("order", Box::new(|sparse| sparse.features.swap(0, 1))),
        ("end", Box::new(|sparse| sparse.ends[0] = u64::MAX)),
        ("node", Box::new(|sparse| sparse.nodes[0][1] = u32::MAX)),
        (
            "missing value",
            Box::new(|sparse| {
                sparse.values.pop();
            }),
        ),
    ];
    let directory = tempfile::tempdir().unwrap();
    checkpoint::save(directory.path(), &classifier, 0.5).unwrap();
    checkpoint::load(directory.path()).unwrap();
    for (what, damage) in damages {
        let mut damaged = classifier.clone();
        if let Weights::Sparse(sparse) = &mut damaged.weights {
            damage(sparse);
        }
        checkpoint::save(directory.path(), &damaged, 0.5).unwrap();
        let refused = checkpoint::load(directory.path());
        let message = refused.map(|_| ()).unwrap_err().to_string();
        assert!(message.contains("damaged"), "{what}: {message}");
    }
}

#[test]
fn auto_trains_a_tree_where_flat_takes_too_long() {
    let toy = two_levels(4);
    let depth_of = |max_flat_work: usize| {
        let scale = Scale {
            max_flat_work,
            ..Scale::default()
        };
        let hyperparameters = Hyperparameters {
            mode: Mode::Auto,
            ..tree()
        };
        let structure = trained(&toy, hyperparameters, scale).classifier.structure;
        structure.n_children.iter().filter(|&&n| n > 0).count()
    };
    assert_eq!(depth_of(usize::MAX), 1, "flat: only the root has children");
    assert_eq!(depth_of(0), 3, "tree: the root, a and b have children");
}
