//! A small corpus that every method learns in seconds: each label has words of its own.

use std::fmt::Write as _;

use serde_json::json;

/// Files of the small corpus.
pub struct TinyCorpus {
    /// `child<TAB>parent`.
    pub taxonomy: String,
    /// JSON lines with `id`, `text`, `labels` and `split`.
    pub corpus: String,
    /// Ids of all labels.
    pub labels: Vec<String>,
}

const TOPS: [&str; 3] = ["animals", "plants", "tools"];

/// `documents` documents over 3 top labels with 3 children each; 60 % train, 20 % validation, 20 % test.
#[must_use]
pub fn tiny_corpus(documents: usize) -> TinyCorpus {
    let mut taxonomy = String::new();
    let mut labels = Vec::new();
    for top in TOPS {
        let _ = writeln!(taxonomy, "{top}\tRoot");
        labels.push(top.to_owned());
        for child in 0..3 {
            let _ = writeln!(taxonomy, "{top}-{child}\t{top}");
            labels.push(format!("{top}-{child}"));
        }
    }
    let mut corpus = String::new();
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut below = |n: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) as usize) % n
    };
    for number in 0..documents {
        let top = below(3);
        let child = below(3);
        let mut words = Vec::new();
        for _ in 0..12 {
            words.push(match below(3) {
                0 => format!("{}word{}", TOPS[top], below(6)),
                1 => format!("{}{child}word{}", TOPS[top], below(6)),
                _ => format!("common{}", below(40)),
            });
        }
        let split = match number % 5 {
            0..3 => "train",
            3 => "validation",
            _ => "test",
        };
        let row = json!({"id": format!("doc-{number}"), "text": words.join(" "), "labels": [format!("{}-{child}", TOPS[top])], "split": split});
        let _ = writeln!(corpus, "{row}");
    }
    TinyCorpus {
        taxonomy,
        corpus,
        labels,
    }
}
