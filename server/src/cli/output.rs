//! What a command says at its end: one JSON object as the last line, or a few lines for people.

use std::io::{self, Write};

use arborist_shared::metrics::{GroupMetrics, Metrics};
use serde::Serialize;

use super::CliError;

/// Prints the result: with `json` as one line of JSON, else as people read it.
pub(super) fn result<T: Serialize>(
    json: bool,
    value: &T,
    for_people: impl FnOnce(&T) -> String,
) -> Result<(), CliError> {
    let text = render(json, value, for_people)?;
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        // Whoever read as far as it wanted and left is no failure.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => {
            written.map_err(|error| CliError::failed(format!("cannot write the result: {error}")))
        }
    }
}

fn render<T: Serialize>(
    json: bool,
    value: &T,
    for_people: impl FnOnce(&T) -> String,
) -> Result<String, CliError> {
    if json {
        serde_json::to_string(value)
            .map_err(|error| CliError::failed(format!("cannot write the result as JSON: {error}")))
    } else {
        Ok(for_people(value).trim_end().to_owned())
    }
}

/// Rank figures by label group, one line each.
pub(super) fn groups(groups: &[GroupMetrics]) -> String {
    groups
        .iter()
        .map(|group| {
            format!(
                "{:<11} {:>7} labels      {:>7} documents   recall@5 {:.4}   nDCG@5 {:.4}\n",
                group.name, group.labels, group.documents, group.recall_at_5, group.ndcg_at_5
            )
        })
        .collect()
}

/// The headline figures of a split in one line.
pub(super) fn headline(split: &str, metrics: &Metrics) -> String {
    format!(
        "{split:<11} {:>7} documents   micro-F1 {:.4}   macro-F1 {:.4}   exact match {:.4}   (raw: micro-F1 {:.4}, macro-F1 {:.4}, hierarchical F1 {:.4})",
        metrics.documents,
        metrics.micro_f1,
        metrics.macro_f1,
        metrics.exact_match,
        metrics.raw.micro_f1,
        metrics.raw.macro_f1,
        metrics.raw.hierarchical_f1,
    )
}
