//! `arborist evaluate`: figures of predictions against gold labels, aligned by id, and rank figures by label group.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use arborist_shared::api::runs::PredictedDocument;
use arborist_shared::corpus::{LabelSet, Reading, RowError, resolve_labels, text_hash};
use arborist_shared::decode::{DecodingRule, from_prediction};
use arborist_shared::metrics::{
    FREQUENT_ABOVE, GroupMetrics, GroupRanks, LabelGroups, Metrics, ScoreList,
};
use arborist_shared::split::Split;
use arborist_shared::taxonomy::Taxonomy;
use clap::Args;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;

use super::corpus::{CorpusReader, Rejects};
use super::options::{Formats, TaxonomyFile, input_file};
use super::{CliError, output};
use crate::corpora::column;
use crate::runs::predictions::Tallied;

#[derive(Debug, Args)]
pub(super) struct Evaluate {
    /// Documents with their labels
    #[arg(long, value_name = "FILE")]
    gold: PathBuf,
    /// Predictions, as `arborist predict` writes them
    #[arg(long, value_name = "FILE")]
    pred: PathBuf,
    #[command(flatten)]
    taxonomy: TaxonomyFile,
    /// Training documents: adds rank figures for labels that many, few and none of them have (`predict --all-scores`)
    #[arg(long, value_name = "FILE")]
    groups_from: Option<PathBuf>,
    /// A label that more training documents have is frequent
    #[arg(long, value_name = "N", default_value_t = FREQUENT_ABOVE, requires = "groups_from")]
    frequent_above: u64,
    #[command(flatten)]
    formats: Formats,
    /// One JSON object as the last line
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    metrics: Metrics,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    groups: Vec<GroupMetrics>,
}

impl Evaluate {
    pub(super) fn run(self) -> Result<(), CliError> {
        input_file("--gold", &self.gold)?;
        input_file("--pred", &self.pred)?;
        if let Some(train) = &self.groups_from {
            input_file("--groups-from", train)?;
        }
        let taxonomy = self.taxonomy.read()?;
        let format = &self.formats.reading();
        let mut counted = match &self.groups_from {
            None => None,
            Some(train) => Some(Counted::read(train, format, &taxonomy)?),
        };
        let gold = Gold::read(&self.gold, format, &taxonomy)?;
        let groups = counted.as_mut().map(|counted| {
            counted.add_gold(&gold);
            LabelGroups::new(&counted.train, &counted.elsewhere, self.frequent_above)
        });
        let report = judge(&self.pred, gold, &taxonomy, groups.as_ref())?;
        output::result(self.json, &report, |report| {
            let mut text = output::headline("predictions", &report.metrics);
            text.push('\n');
            text += &output::groups(&report.groups);
            text
        })
    }
}

/// For each label, the documents that were given it.
struct Counted {
    train: Vec<u64>,
    /// Those of other splits, the gold ones among them.
    elsewhere: Vec<u64>,
}

impl Counted {
    /// Counts the file that groups are made of: rows of other splits are no training documents.
    fn read(path: &Path, reading: &Reading, taxonomy: &Taxonomy) -> Result<Self, CliError> {
        let mut reader = CorpusReader::open(path, reading, Some(taxonomy))?;
        let name = reader.name().to_owned();
        let mut rejects = Rejects::default();
        let mut counted = Self {
            train: vec![0; taxonomy.len()],
            elsewhere: vec![0; taxonomy.len()],
        };
        while let Some(row) = reader.next_row()? {
            let labels = match row.content {
                Err(error) => Err(error),
                Ok(content) => {
                    let counts = match content.split {
                        None | Some(Split::Train) => &mut counted.train,
                        Some(_) => &mut counted.elsewhere,
                    };
                    resolve_labels(taxonomy, content.labels.as_deref().unwrap_or_default())
                        .map(|labels| (counts, labels))
                        .map_err(|error| RowError {
                            line: row.line,
                            column: column::of_label(row.raw, &error),
                            reason: error.to_string(),
                        })
                }
            };
            match labels {
                Ok((counts, labels)) => add(counts, &labels),
                Err(error) => rejects.add(&name, row.raw, &error)?,
            }
        }
        rejects.finish(None)?;
        if counted.train.iter().all(|&n| n == 0) {
            return Err(CliError::input(format!(
                "--groups-from: {name} has no usable row with `labels`"
            )));
        }
        Ok(counted)
    }

    fn add_gold(&mut self, gold: &Gold) {
        for document in gold.documents.values() {
            if let Some(labels) = &document.labels {
                add(&mut self.elsewhere, labels);
            }
        }
    }
}

fn add(counts: &mut [u64], labels: &LabelSet) {
    for &label in &labels.explicit {
        counts[label as usize] += 1;
    }
}

/// Gold label sets by document.
pub(super) struct Gold {
    documents: FxHashMap<String, GoldDocument>,
    /// Ids of the rows without one of their own, by the hash of their text: a run that was made over HTTP calls them so.
    by_text: FxHashMap<String, String>,
    /// Numbers of the rows that cannot be read, as the ids that they would have without one of their own: predictions for
    /// them are nobody's mistake, and no other row's either.
    unreadable: FxHashSet<String>,
    /// Rows that have the id of an earlier one, and the first such id.
    repeated: Problem,
}

struct GoldDocument {
    /// None = not annotated, or rejected.
    labels: Option<LabelSet>,
    predicted: bool,
}

/// A kind of mistake: how often, and the first id that has it.
#[derive(Default)]
struct Problem {
    count: u64,
    first: String,
}

impl Problem {
    fn add(&mut self, id: &str) {
        if self.count == 0 {
            id.clone_into(&mut self.first);
        }
        self.count += 1;
    }

    fn describe(&self, what: &str, problems: &mut Vec<String>) {
        if self.count > 0 {
            problems.push(format!(
                "{} {what} (the first: `{}`)",
                self.count, self.first
            ));
        }
    }
}

impl Gold {
    fn read(path: &Path, reading: &Reading, taxonomy: &Taxonomy) -> Result<Self, CliError> {
        let mut reader = CorpusReader::open(path, reading, Some(taxonomy))?;
        let name = reader.name().to_owned();
        let mut gold = Self {
            documents: FxHashMap::default(),
            by_text: FxHashMap::default(),
            unreadable: FxHashSet::default(),
            repeated: Problem::default(),
        };
        let mut rejects = Rejects::default();
        let mut unannotated = 0_u64;
        while let Some(row) = reader.next_row()? {
            let numbered_id = row.numbered_id();
            let (id, labels) = match row.content {
                Err(error) => {
                    rejects.add(&name, row.raw, &error)?;
                    gold.unreadable.insert(numbered_id);
                    continue;
                }
                Ok(content) => {
                    let id = content.id.unwrap_or_else(|| {
                        gold.by_text
                            .entry(text_hash(&content.text))
                            .or_insert_with(|| numbered_id.clone());
                        numbered_id
                    });
                    let labels = match content.labels {
                        None => {
                            unannotated += 1;
                            None
                        }
                        Some(labels) => match resolve_labels(taxonomy, &labels) {
                            Ok(labels) => Some(labels),
                            Err(error) => {
                                let column = column::of_label(row.raw, &error);
                                let error = RowError {
                                    line: row.line,
                                    column,
                                    reason: error.to_string(),
                                };
                                rejects.add(&name, row.raw, &error)?;
                                None
                            }
                        },
                    };
                    (id, labels)
                }
            };
            match gold.documents.entry(id) {
                std::collections::hash_map::Entry::Occupied(entry) => {
                    gold.repeated.add(entry.key())
                }
                std::collections::hash_map::Entry::Vacant(entry) => {
                    entry.insert(GoldDocument {
                        labels,
                        predicted: false,
                    });
                }
            }
        }
        rejects.finish(None)?;
        if unannotated > 0 {
            eprintln!(
                "note: {name}: {unannotated} rows without `labels` are no gold and were left out"
            );
        }
        if !gold
            .documents
            .values()
            .any(|document| document.labels.is_some())
        {
            return Err(CliError::input(format!(
                "--gold: {name} has no usable row with `labels`"
            )));
        }
        Ok(gold)
    }
}

/// A line of predictions, or the column and what is wrong there.
fn parse_prediction(line: &[u8]) -> Result<PredictedDocument, (usize, String)> {
    const EXPECTED: &str = "expected a line of predictions: {\"id\", \"labels\": […]}";
    if !line.trim_ascii_start().starts_with(b"{") {
        let found = String::from_utf8_lossy(line);
        let found: String = found.trim().chars().take(40).collect();
        return Err((1, format!("found `{found}`, {EXPECTED}")));
    }
    serde_json::from_slice(line).map_err(|error| {
        let message = error.to_string();
        let message = message
            .rsplit_once(" at line ")
            .map_or(message.as_str(), |(message, _)| message);
        (error.column(), format!("{message}, {EXPECTED}"))
    })
}

/// Streams the predictions past the gold labels.
fn judge(
    path: &Path,
    mut gold: Gold,
    taxonomy: &Taxonomy,
    groups: Option<&LabelGroups>,
) -> Result<Report, CliError> {
    let open_error =
        |error: std::io::Error| CliError::input(format!("--pred: {}: {error}", path.display()));
    let lines = BufReader::with_capacity(1 << 18, File::open(path).map_err(open_error)?);
    let mut tallied = Tallied::new(taxonomy, DecodingRule::CloseUp);
    let mut ranks = groups.map(GroupRanks::new);
    let (mut repeated, mut unknown) = (Problem::default(), Problem::default());
    for (number, line) in lines.split(b'\n').enumerate() {
        let line = line.map_err(open_error)?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let place = || format!("--pred: {}:{}", path.display(), number + 1);
        let prediction = parse_prediction(&line).map_err(|(column, reason)| {
            CliError::input(format!("{}:{column}: {reason}", place()))
        })?;
        let Gold {
            documents,
            by_text,
            unreadable,
            ..
        } = &mut gold;
        let id = match by_text.get(&prediction.id) {
            Some(id) if !documents.contains_key(&prediction.id) => id,
            _ => &prediction.id,
        };
        match documents.get_mut(id) {
            None if unreadable.contains(&prediction.id) => {}
            None => unknown.add(&prediction.id),
            Some(document) if document.predicted => repeated.add(&prediction.id),
            Some(document) => {
                document.predicted = true;
                if let Some(labels) = document.labels.take() {
                    let judged = from_prediction(taxonomy, &prediction)
                        .map_err(|error| CliError::input(format!("{}:1: {error}", place())))?;
                    tallied.add(&labels.closed, &judged, prediction.threshold);
                    if let Some(ranks) = &mut ranks {
                        ranks.add(&labels.explicit, ScoreList::Listed(&judged.scores));
                    }
                }
            }
        }
    }
    let mut missing = Problem::default();
    let mut missing_ids: Vec<&String> = gold
        .documents
        .iter()
        .filter(|(_, document)| document.labels.is_some())
        .map(|(id, _)| id)
        .collect();
    missing_ids.sort_unstable();
    missing_ids.into_iter().for_each(|id| missing.add(id));

    let mut problems = Vec::new();
    gold.repeated
        .describe("duplicate ids in --gold", &mut problems);
    repeated.describe("duplicate ids in --pred", &mut problems);
    missing.describe("ids of --gold are missing in --pred", &mut problems);
    unknown.describe("ids of --pred are not in --gold", &mut problems);
    if problems.is_empty() {
        Ok(Report {
            metrics: tallied.finish(),
            groups: ranks.map_or_else(Vec::new, |ranks| ranks.finish()),
        })
    } else {
        Err(CliError::Input(problems.join("; ")))
    }
}
