//! Labels that no training document has, on a corpus whose words say what labels mean (METHODS 4.8, 9).

use std::fmt::Write as _;

use arborist_himatch::{CoarseTerm, Distance, HiMatch, Hyperparameters, MatchingSettings, Scoring};
use arborist_model_kit::checks::{Corpus, scores, taxonomy};
use arborist_model_kit::cpu::noise::Noise;
use arborist_model_kit::settings::{EncoderSettings, TextSettings, TrainingSettings};
use arborist_plugin_api::Model;
use arborist_shared::LabelIndex;
use arborist_shared::metrics::{GroupRanks, LabelGroups, ScoreList};
use arborist_shared::taxonomy::Taxonomy;

const PARENTS: usize = 12;
/// Of each parent. Every other leaf of all is in no training document.
const LEAVES: usize = 5;
/// Width of word vectors.
const WIDTH: usize = 40;
/// Words that mean what a leaf is called.
const SYNONYMS: usize = 8;
/// More training documents make a label frequent.
const FREQUENT_ABOVE: u64 = 10;

fn parent_name(parent: usize) -> String {
    format!("field{parent}")
}

fn leaf_name(leaf: usize) -> String {
    format!("subject{leaf}")
}

fn themes() -> Taxonomy {
    let parents: Vec<String> = (0..PARENTS).map(parent_name).collect();
    let leaves: Vec<String> = (0..PARENTS * LEAVES).map(leaf_name).collect();
    let none: &[&str] = &[];
    let above: Vec<[&str; 1]> = (0..leaves.len())
        .map(|leaf| [parents[leaf / LEAVES].as_str()])
        .collect();
    let tops = parents.iter().map(|name| (name.as_str(), none));
    let below = leaves
        .iter()
        .zip(&above)
        .map(|(name, above)| (name.as_str(), above.as_slice()));
    taxonomy(&tops.chain(below).collect::<Vec<_>>())
}

/// Word vectors: a leaf's name and its synonyms lie together, near those of its parent.
fn word_vectors() -> String {
    let place = |number: usize| -> Vec<f32> {
        let noise = Noise::new(number as u64, 1, 0, 0);
        (0..WIDTH as u32)
            .map(|axis| noise.unit(axis) - 0.5)
            .collect()
    };
    let mut lines = String::new();
    let mut line = |word: &str, parts: &[(usize, f32)]| {
        lines += word;
        let parts: Vec<(Vec<f32>, f32)> = parts
            .iter()
            .map(|(number, weight)| (place(*number), *weight))
            .collect();
        for axis in 0..WIDTH {
            let value: f32 = parts
                .iter()
                .map(|(place, weight)| place[axis] * weight)
                .sum();
            let _ = write!(lines, " {value:.4}");
        }
        lines.push('\n');
    };
    let mut own = 1_000;
    for parent in 0..PARENTS {
        line(&parent_name(parent), &[(parent, 0.8)]);
    }
    for leaf in 0..PARENTS * LEAVES {
        let meaning = [(leaf / LEAVES, 0.5), (100 + leaf, 0.6)];
        line(&leaf_name(leaf), &meaning);
        for synonym in 0..SYNONYMS {
            own += 1;
            let word = format!("{}like{synonym}", leaf_name(leaf));
            line(&word, &[meaning[0], meaning[1], (own, 0.25)]);
        }
    }
    for filler in 0..60 {
        own += 1;
        line(&format!("filler{filler}"), &[(own, 0.8)]);
    }
    lines
}

/// A text about a leaf, in words that mean it.
fn text(leaf: usize, number: usize) -> (String, Vec<LabelIndex>) {
    let noise = Noise::new(leaf as u64, number as u64, 7, 0);
    let word = |place: u32| {
        let any = (noise.word(place) >> 8) as usize;
        match place % 3 {
            0 => format!("{}like{}", leaf_name(leaf), any % SYNONYMS),
            _ => format!("filler{}", any % 60),
        }
    };
    let words: Vec<String> = (0..12 + number as u32 % 7).map(word).collect();
    (words.join(" "), vec![(PARENTS + leaf) as LabelIndex])
}

fn is_seen(leaf: usize) -> bool {
    leaf.is_multiple_of(2)
}

/// Training documents of a leaf.
fn documents_of(leaf: usize) -> usize {
    match leaf % 4 {
        0 => 20,
        2 => 4,
        _ => 0,
    }
}

/// R@5 of the groups, and the share of first places among unseen labels that are under the right parent.
struct Found {
    frequent: f64,
    few: f64,
    zero: f64,
    overall: f64,
    right_parent: f64,
}

fn trained(hyperparameters: Hyperparameters) -> Found {
    let leaves = PARENTS * LEAVES;
    let train =
        (0..leaves).flat_map(|leaf| (0..documents_of(leaf)).map(move |number| text(leaf, number)));
    let validation = (0..leaves)
        .filter(|leaf| is_seen(*leaf))
        .map(|leaf| text(leaf, 100));
    let themes = themes();
    let mut corpus = Corpus::of(&themes, train, validation);
    let vectors = corpus.directory.path().join("vectors.txt");
    std::fs::write(&vectors, word_vectors()).unwrap();
    corpus.request.word_vectors = Some(vectors);
    corpus.train::<HiMatch>(hyperparameters).0.unwrap();

    let tests: Vec<(String, Vec<LabelIndex>)> = (0..leaves)
        .flat_map(|leaf| (200..203).map(move |number| text(leaf, number)))
        .collect();
    let texts: Vec<&str> = tests.iter().map(|(text, _)| text.as_str()).collect();
    let rows = scores(&corpus.load::<HiMatch>().unwrap().predict(&texts).unwrap());
    let counts = |count: &dyn Fn(usize) -> u64| -> Vec<u64> {
        let of_leaves = (0..leaves).map(count);
        std::iter::repeat_n(0, PARENTS).chain(of_leaves).collect()
    };
    let groups = LabelGroups::new(
        &counts(&|leaf| documents_of(leaf) as u64),
        &counts(&|_| 3),
        FREQUENT_ABOVE,
    );
    let mut ranks = GroupRanks::new(&groups);
    let (mut right_parent, mut of_unseen) = (0, 0);
    for ((_, gold), row) in tests.iter().zip(&rows) {
        ranks.add(gold, ScoreList::Dense(row));
        let leaf = gold[0] as usize - PARENTS;
        if is_seen(leaf) {
            continue;
        }
        of_unseen += 1;
        let best = (0..leaves)
            .filter(|leaf| !is_seen(*leaf))
            .max_by(|a, b| row[PARENTS + a].total_cmp(&row[PARENTS + b]));
        right_parent += usize::from(best.is_some_and(|best| best / LEAVES == leaf / LEAVES));
    }
    let figures: Vec<f64> = ranks
        .finish()
        .iter()
        .map(|group| group.recall_at_5)
        .collect();
    Found {
        frequent: figures[0],
        few: figures[1],
        zero: figures[2],
        overall: figures[3],
        right_parent: f64::from(right_parent as u32) / f64::from(of_unseen as u32),
    }
}

fn by_dot_product() -> Hyperparameters {
    Hyperparameters {
        scoring: Scoring::DotProduct,
        matching: MatchingSettings {
            distance: Distance::L2normEuclid,
            coarse_term: CoarseTerm::Rank,
            gamma: 0.5,
            joint_dim: 24,
            ..MatchingSettings::default()
        },
        training: TrainingSettings {
            epochs: 30,
            patience: 0,
            learning_rate: 3e-3,
            batch_size: 16,
            ..TrainingSettings::default()
        },
        text: TextSettings {
            min_freq: 1,
            ..TextSettings::default()
        },
        rcnn: EncoderSettings {
            rnn_hidden: 24,
            embedding_dropout: 0.2,
            ..EncoderSettings::default()
        },
        ..Hyperparameters::default()
    }
}

#[test]
fn unseen_labels_rank_by_what_they_are_called() {
    let Found {
        frequent,
        few,
        zero,
        overall,
        right_parent,
    } = trained(by_dot_product());
    assert!(
        frequent >= few && few >= zero,
        "R@5 {frequent}, {few}, {zero}"
    );
    // By chance 5 of 30 labels would be among the first five, and one of twelve under the right parent.
    assert!(zero > 0.5, "R@5 of unseen labels is {zero}");
    assert!(right_parent > 0.25, "{right_parent} under the right parent");
    assert!(overall > 0.75, "R@5 of all labels is {overall}");
}
