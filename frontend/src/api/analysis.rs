//! Where a run's figures come from.

use arborist_shared::api::analysis::{Analysis, ConfusionPage, JudgedPage, Subtrees};
use arborist_shared::split::Split;

use super::{Answer, get, split_word};

/// What is asked of one part of a run.
fn query<'a>(split: Split, more: &[(&'a str, &str)]) -> Vec<(&'a str, String)> {
    let mut pairs = vec![("split", split_word(split).to_owned())];
    let given = more
        .iter()
        .filter(|(name, value)| !value.is_empty() && (*name, *value) != ("kind", "all"));
    pairs.extend(given.map(|(name, value)| (*name, (*value).to_owned())));
    pairs
}

/// Figures by kind of error, level, frequency, length, and of the scores.
pub async fn analysis(run: i64, split: Split) -> Answer<Analysis> {
    get(&format!("/runs/{run}/analysis"), &query(split, &[])).await
}

/// The children of a label with all that is below them; empty = of the root.
pub async fn subtrees(run: i64, split: Split, label: &str) -> Answer<Subtrees> {
    let path = format!("/runs/{run}/analysis/subtrees");
    get(&path, &query(split, &[("label", label)])).await
}

/// What was predicted in place of what; empty words do not restrict.
pub async fn confusion(
    run: i64,
    split: Split,
    level: &str,
    under: &str,
    kind: &str,
    cursor: &str,
) -> Answer<ConfusionPage> {
    let more = [
        ("level", level),
        ("under", under),
        ("kind", kind),
        ("cursor", cursor),
        ("limit", "25"),
    ];
    let path = format!("/runs/{run}/analysis/confusion");
    get(&path, &query(split, &more)).await
}

/// The documents behind a cell; empty words do not restrict.
pub async fn judged(
    run: i64,
    split: Split,
    level: &str,
    gold: &str,
    predicted: &str,
    kind: &str,
    cursor: &str,
) -> Answer<JudgedPage> {
    let more = [
        ("level", level),
        ("gold", gold),
        ("predicted", predicted),
        ("kind", kind),
        ("cursor", cursor),
        ("limit", "10"),
    ];
    let path = format!("/runs/{run}/analysis/documents");
    get(&path, &query(split, &more)).await
}
