//! The methods over words and their variants beside each other: what each costs, and the parts of a training step.

use anyhow::{Context, Result};

use super::hiagm::{answer, rates};
use super::{Benchmark, Better, Figure, Side};
use crate::process::cargo;
use crate::workspace::Workspace;

/// Name, package, example, hyperparameters.
type Variant = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

const VARIANTS: [Variant; 11] = [
    ("HiAGM-TP, GCN", "arborist-hiagm", "throughput", &[]),
    (
        "HiAGM-TP, tree LSTM",
        "arborist-hiagm",
        "throughput",
        &["structure=tree_lstm"],
    ),
    (
        "HiAGM-TP, no structure",
        "arborist-hiagm",
        "throughput",
        &["structure=none"],
    ),
    (
        "HiAGM-LA, GCN",
        "arborist-hiagm",
        "throughput",
        &["variant=la"],
    ),
    (
        "HiAGM-LA, tree LSTM",
        "arborist-hiagm",
        "throughput",
        &["variant=la", "structure=tree_lstm"],
    ),
    (
        "HTCInfoMax",
        "arborist-htcinfomax",
        "throughput_htcinfomax",
        &[],
    ),
    ("HiMatch", "arborist-himatch", "throughput_himatch", &[]),
    ("TextRCNN", "arborist-flat", "throughput_flat", &[]),
    (
        "TextRCNN with label attention",
        "arborist-flat",
        "throughput_flat",
        &["architecture=label_attention"],
    ),
    (
        "TextCNN",
        "arborist-flat",
        "throughput_flat",
        &["architecture=text_cnn"],
    ),
    (
        "TextRNN",
        "arborist-flat",
        "throughput_flat",
        &["architecture=text_rnn"],
    ),
];

pub(super) fn rcv1_lengths(workspace: &Workspace) -> Result<Benchmark<'_>> {
    let sides = VARIANTS
        .into_iter()
        .map(|(name, package, example, hyperparameters)| Side {
            program: name.to_owned(),
            repeat: Box::new(move || {
                let run = ["run", "--quiet", "--release", "-p", package];
                let options = [
                    "--example",
                    example,
                    "--",
                    "--lengths",
                    "rcv1",
                    "--steps",
                    "20",
                ];
                let sets = hyperparameters.iter().flat_map(|set| ["--set", set]);
                let cargo = cargo().args(run).args(options).args(sets);
                let answer = answer(cargo.dir(&workspace.root))?;
                let mut measured = rates(&answer)?;
                for (key, part) in PARTS {
                    let time = answer["step_ms"][part]
                        .as_f64()
                        .with_context(|| format!("{name} says no time of {part}"))?;
                    measured.insert(key, time);
                }
                Ok(measured)
            }),
        })
        .collect();
    let figure = |key, what, unit, better| Figure {
        key,
        what,
        unit,
        better,
        required: None,
        aim: None,
        floor: "–",
    };
    let rate = |key, what| figure(key, what, "documents/s", Better::Higher);
    let time = |key, what| figure(key, what, "ms", Better::Lower);
    Ok(Benchmark {
        input: "generated documents of RCV1's lengths, 98 labels, vocabulary 50,000, batches of 64 in training and 128 in prediction, the loop alone; parts of a training step are medians of its 20 steps".to_owned(),
        sides,
        figures: vec![
            rate("train_docs_per_s", "training"),
            time("forward_ms", "a step's way forward"),
            time("backward_ms", "its way back"),
            time("update_ms", "its update"),
            rate("predict_docs_per_s", "prediction"),
        ],
        warm_up: 1,
        repetitions: 5,
    })
}

/// Keys of the parts of a step: here, and in what the examples print. Laying out a batch takes less than .1 ms.
const PARTS: [(&str, &str); 3] = [
    ("forward_ms", "forward"),
    ("backward_ms", "backward"),
    ("update_ms", "update"),
];
