//! The methods over words beside each other: what HTCInfoMax and HiMatch cost over HiAGM.

use anyhow::Result;

use super::hiagm::{answer, rates};
use super::{Benchmark, Better, Figure, Side};
use crate::process::cargo;
use crate::workspace::Workspace;

/// Name, package, example.
const METHODS: [(&str, &str, &str); 4] = [
    ("HiAGM-TP", "arborist-hiagm", "throughput"),
    ("HTCInfoMax", "arborist-htcinfomax", "throughput_htcinfomax"),
    ("HiMatch", "arborist-himatch", "throughput_himatch"),
    ("TextRCNN", "arborist-flat", "throughput_flat"),
];

pub(super) fn rcv1_lengths(workspace: &Workspace) -> Result<Benchmark<'_>> {
    let sides = METHODS
        .into_iter()
        .map(|(name, package, example)| Side {
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
                rates(&answer(
                    cargo().args(run).args(options).dir(&workspace.root),
                )?)
            }),
        })
        .collect();
    let rate = |key, what| Figure {
        key,
        what,
        unit: "documents/s",
        better: Better::Higher,
        required: None,
        aim: None,
        floor: "–",
    };
    Ok(Benchmark {
        input: "generated documents of RCV1's lengths, 98 labels, vocabulary 50,000, batches of 64 in training and 128 in prediction, the loop alone".to_owned(),
        sides,
        figures: vec![
            rate("train_docs_per_s", "training"),
            rate("predict_docs_per_s", "prediction"),
        ],
        warm_up: 1,
        repetitions: 5,
    })
}
