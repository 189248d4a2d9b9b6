//! Scoring a split with a trained model, and the figures that the run reports: the host's own, never the plugin's.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use arborist_plugin_api::host::{CallError, LoadedModel};
use arborist_plugin_api::{HostCallbacks, Predictions, ScoreRow};
use arborist_shared::LabelIndex;
use arborist_shared::corpus::SnapshotDocument;
use arborist_shared::decode::{DecodeOptions, Judged, decode};
use arborist_shared::metrics::{GroupMetrics, GroupRanks, LabelGroups, Metrics, ScoreList};
use arborist_shared::run::Outcome;
use arborist_shared::scores::{DocumentScores, ScoresWriter, stored_score};
use arborist_shared::split::Split;
use arborist_shared::taxonomy::Taxonomy;

use super::batches::{batches, window_is_full};
use super::events::EventLog;
use super::frames::Kept;
use crate::runs::directory::{RunDirectory, RunDirectoryError, write_durably};
use crate::runs::predictions::{PredictionWriter, Tallied};

/// How the work of a child ended, if not well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) outcome: Outcome,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Failed,
            message: message.into(),
        }
    }

    pub(super) fn cancelled() -> Self {
        Self {
            outcome: Outcome::Cancelled,
            message: "cancelled".to_owned(),
        }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self {
            outcome: error.outcome(),
            message: error.to_string(),
        }
    }
}

impl From<RunDirectoryError> for Failure {
    fn from(error: RunDirectoryError) -> Self {
        Self::failed(error.to_string())
    }
}

/// What a split is scored with.
pub(super) struct Scorer<'a> {
    pub(super) directory: &'a RunDirectory,
    pub(super) taxonomy: &'a Taxonomy,
    pub(super) options: DecodeOptions,
    pub(super) model: LoadedModel,
    pub(super) threshold: f32,
    pub(super) events: &'a EventLog,
}

/// What a split came to.
pub(super) struct Scored {
    pub(super) metrics: Metrics,
    /// Rank figures by label group, where groups were given.
    pub(super) groups: Vec<GroupMetrics>,
}

impl Scorer<'_> {
    /// Scores the documents of a snapshot, stores the scores (and the predictions, for test), and sums up. Groups are
    /// ranked by all scores of the model: of rare labels, few are stored.
    pub(super) fn score(
        &mut self,
        split: Split,
        snapshot: &Path,
        groups: Option<&LabelGroups>,
    ) -> Result<Scored, Failure> {
        let total = count_lines(snapshot).map_err(|error| unreadable(snapshot, &error))?;
        let mut result = Err(Failure::cancelled());
        let scores_file = self.directory.scores(split);
        let written = write_durably(&scores_file, |file| {
            let scores = ScoresWriter::new(file, self.taxonomy.len() as u32)?;
            if split == Split::Test {
                write_durably(&self.directory.predictions(), |predictions| {
                    result =
                        self.score_into(split, snapshot, total, groups, scores, Some(predictions));
                    stop_unless_ok(&result)
                })
            } else {
                result = self.score_into(split, snapshot, total, groups, scores, None);
                stop_unless_ok(&result)
            }
        });
        match (written, result) {
            (_, Err(failure)) => Err(failure),
            (Err(error), Ok(_)) => Err(Failure::failed(format!(
                "cannot write {}: {error}",
                scores_file.display()
            ))),
            (Ok(()), Ok(scored)) => Ok(scored),
        }
    }

    fn score_into(
        &mut self,
        split: Split,
        snapshot: &Path,
        total: u64,
        groups: Option<&LabelGroups>,
        mut scores: ScoresWriter<&mut BufWriter<File>>,
        mut predictions: Option<&mut BufWriter<File>>,
    ) -> Result<Scored, Failure> {
        let taxonomy = self.taxonomy;
        let mut ranks = groups.map(GroupRanks::new);
        let mut tallied = Tallied::new(taxonomy, self.options.rule);
        let mut writer = PredictionWriter::new(taxonomy);
        let mut reader = SnapshotReader::open(snapshot)?;
        let mut line = Vec::new();
        let step = format!("predict {split}");
        let mut done = 0;
        let write_error = |error: io::Error| {
            Failure::failed(format!("cannot write the scores of {split}: {error}"))
        };
        self.events.step(&step, 0, total);
        loop {
            let window = reader.window()?;
            if window.is_empty() {
                break;
            }
            let scored = self.score_window(&window, ranks.as_mut(), &step, done, total)?;
            for (document, stored) in window.iter().zip(&scored) {
                scores.push(stored).map_err(write_error)?;
                let decoded = decode(taxonomy, stored, &self.options, self.threshold);
                let threshold = self.options.threshold(stored, self.threshold);
                let judged: Judged = decoded.judged();
                tallied.add(&document.labels, &judged, threshold);
                if let Some(predictions) = &mut predictions {
                    line.clear();
                    writer.write(&document.id, &decoded, threshold, &mut line);
                    predictions.write_all(&line).map_err(write_error)?;
                }
            }
            done += window.len() as u64;
            self.events.step(&step, done, total);
        }
        scores.finish().map_err(write_error)?;
        Ok(Scored {
            metrics: tallied.finish(),
            groups: ranks.map_or_else(Vec::new, |ranks| ranks.finish()),
        })
    }

    /// Scores of each document of a window, in the window's order.
    fn score_window(
        &mut self,
        window: &[SnapshotDocument],
        mut ranks: Option<&mut GroupRanks<'_>>,
        step: &str,
        done: u64,
        total: u64,
    ) -> Result<Vec<DocumentScores>, Failure> {
        let lengths: Vec<usize> = window.iter().map(|document| document.text.len()).collect();
        let mut scored = vec![DocumentScores::default(); window.len()];
        let mut so_far = 0;
        for batch in batches(&lengths) {
            if self.events.is_cancelled() {
                return Err(Failure::cancelled());
            }
            let texts: Vec<&str> = batch
                .iter()
                .map(|&position| window[position].text.as_str())
                .collect();
            let predictions = self.model.predict(&texts)?;
            if let Some(ranks) = &mut ranks {
                let gold = batch
                    .iter()
                    .map(|&position| window[position].explicit.as_slice());
                rank(ranks, gold, &predictions, self.threshold);
            }
            let documents = document_scores(predictions, self.threshold, Kept::Best);
            so_far += batch.len() as u64;
            for (position, document) in batch.into_iter().zip(documents) {
                scored[position] = document;
            }
            self.events.step(step, done + so_far, total);
        }
        Ok(scored)
    }
}

/// Ends [`write_durably`] before it renames anything, when the work behind it failed.
fn stop_unless_ok<T>(result: &Result<T, Failure>) -> io::Result<()> {
    match result {
        Ok(_) => Ok(()),
        Err(failure) => Err(io::Error::other(failure.message.clone())),
    }
}

/// Ranks the scores of a batch within the groups, as precisely as they are stored.
fn rank<'g>(
    ranks: &mut GroupRanks<'_>,
    gold: impl Iterator<Item = &'g [LabelIndex]>,
    predictions: &Predictions,
    threshold: f32,
) {
    let mut dense: Vec<f32> = Vec::new();
    for (position, gold) in gold.enumerate().filter(|(_, gold)| !gold.is_empty()) {
        match predictions.scores.row(position) {
            Some(ScoreRow::Dense(values)) => {
                dense.clear();
                dense.extend(values.iter().map(|&score| stored_score(score, threshold)));
                ranks.add(gold, ScoreList::Dense(&dense));
            }
            Some(ScoreRow::Sparse(labels, values)) => {
                let pairs: Vec<_> = labels.iter().copied().zip(values.iter().copied()).collect();
                let listed = DocumentScores::all_from_sparse(&pairs, threshold);
                ranks.add(gold, ScoreList::Listed(&listed.scores));
            }
            None => {}
        }
    }
}

/// What is kept of a model's answer to a batch; the seam has checked that answer.
pub(super) fn document_scores(
    predictions: Predictions,
    threshold: f32,
    kept: Kept,
) -> Vec<DocumentScores> {
    let Predictions { scores, decided } = predictions;
    let mut decided = decided.map(Vec::into_iter);
    let mut pairs: Vec<(LabelIndex, f32)> = Vec::new();
    (0..scores.len())
        .filter_map(|position| scores.row(position))
        .map(|row| {
            let mut document = match (row, kept) {
                (ScoreRow::Dense(values), Kept::Best) => {
                    DocumentScores::from_dense(values, threshold)
                }
                (ScoreRow::Dense(values), Kept::All) => {
                    DocumentScores::all_from_dense(values, threshold)
                }
                (ScoreRow::Sparse(labels, values), kept) => {
                    pairs.clear();
                    pairs.extend(labels.iter().copied().zip(values.iter().copied()));
                    match kept {
                        Kept::Best => DocumentScores::from_sparse(&pairs, threshold),
                        Kept::All => DocumentScores::all_from_sparse(&pairs, threshold),
                    }
                }
            };
            document.decided = decided.as_mut().and_then(Iterator::next);
            document
        })
        .collect()
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::failed(format!("cannot read {}: {error}", path.display()))
}

/// Documents of a snapshot in windows.
struct SnapshotReader<'a> {
    path: &'a Path,
    lines: BufReader<File>,
    line: Vec<u8>,
    line_number: u64,
}

impl<'a> SnapshotReader<'a> {
    fn open(path: &'a Path) -> Result<Self, Failure> {
        let file = File::open(path).map_err(|error| unreadable(path, &error))?;
        Ok(Self {
            path,
            lines: BufReader::with_capacity(1 << 18, file),
            line: Vec::new(),
            line_number: 0,
        })
    }

    /// The next documents; empty at the end.
    fn window(&mut self) -> Result<Vec<SnapshotDocument>, Failure> {
        let mut window = Vec::new();
        let mut bytes = 0;
        while !window_is_full(window.len(), bytes) {
            self.line.clear();
            let read = self
                .lines
                .read_until(b'\n', &mut self.line)
                .map_err(|error| unreadable(self.path, &error))?;
            if read == 0 {
                break;
            }
            self.line_number += 1;
            if self.line.trim_ascii().is_empty() {
                continue;
            }
            let document: SnapshotDocument =
                serde_json::from_slice(&self.line).map_err(|error| {
                    Failure::failed(format!(
                        "{}, line {}: {error}",
                        self.path.display(),
                        self.line_number
                    ))
                })?;
            bytes += document.text.len();
            window.push(document);
        }
        Ok(window)
    }
}

/// Number of lines of a file, empty ones included.
fn count_lines(path: &Path) -> io::Result<u64> {
    let mut reader = BufReader::with_capacity(1 << 18, File::open(path)?);
    let mut lines = 0;
    loop {
        let chunk = reader.fill_buf()?;
        if chunk.is_empty() {
            return Ok(lines);
        }
        lines += chunk.iter().filter(|&&byte| byte == b'\n').count() as u64;
        let length = chunk.len();
        reader.consume(length);
    }
}
