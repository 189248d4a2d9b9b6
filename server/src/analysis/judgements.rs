//! What is right and what a run predicted, for each document of a part, as its directory has it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use arborist_shared::LabelIndex;
use arborist_shared::calibration::{Calibration, CalibrationKind, ScoreCounts, level_sizes};
use arborist_shared::confusion::Confusion;
use arborist_shared::corpus::SnapshotDocument;
use arborist_shared::decode::decode;
use arborist_shared::metrics::Counts;
use arborist_shared::metrics::breakdown::LengthCounts;
use arborist_shared::run::RunRequest;
use arborist_shared::scores::{DocumentScores, ScoresError, ScoresReader};
use arborist_shared::split::Split;
use arborist_shared::taxonomy::Taxonomy;

use crate::runs::directory::{RunDirectory, RunDirectoryError};

/// Parts of documents by length.
const LENGTHS: usize = 4;

/// Why a run's judgements cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JudgementsError {
    #[error(transparent)]
    Run(#[from] RunDirectoryError),
    #[error(transparent)]
    Scores(#[from] ScoresError),
    #[error("{0}")]
    File(#[from] io::Error),
    #[error("the documents of the run cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the run has no {0} documents any more")]
    NoDocuments(Split),
    #[error("found {scores} scores for {documents} documents, expected as many")]
    Lengths { scores: u64, documents: u64 },
}

/// What is right and what was predicted for a document. Sets are sorted; `gold` and `labels` are closed upwards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) gold: Vec<LabelIndex>,
    pub(crate) raw: Vec<LabelIndex>,
    pub(crate) labels: Vec<LabelIndex>,
    /// Where its line begins in the snapshot.
    offset: u64,
}

/// All judgements of a part of a run, and what was counted on the way.
#[derive(Debug)]
pub(crate) struct Judgements {
    pub(crate) taxonomy: Taxonomy,
    pub(crate) documents: Vec<Judgement>,
    /// Of decoded sets.
    pub(crate) counts: Counts,
    pub(crate) confusion: Confusion,
    pub(crate) lengths: LengthCounts,
    pub(crate) scores: ScoreCounts,
    directory: RunDirectory,
    request: RunRequest,
    split: Split,
    snapshot: PathBuf,
    /// Documents of each label in the training part.
    training: OnceLock<Vec<u64>>,
    calibration: OnceLock<Option<Calibration>>,
}

impl Judgements {
    /// Reads a part. `threshold`: the one that made the raw sets; none where the method decided by itself.
    pub(crate) fn read(
        directory: &Path,
        split: Split,
        threshold: Option<f32>,
    ) -> Result<Self, JudgementsError> {
        let directory = RunDirectory::open(directory)?;
        let (request, taxonomy) = (directory.request()?, directory.taxonomy()?);
        let snapshot =
            snapshot(&directory, &request, split).ok_or(JudgementsError::NoDocuments(split))?;
        let mut documents = Vec::new();
        let mut words = Vec::new();
        each_row(&snapshot, |offset, row| {
            words.push(row.text.split_whitespace().count() as u32);
            documents.push(Judgement {
                gold: row.labels,
                offset,
                ..Judgement::default()
            });
        })?;
        let mut reader = scores_of(&directory, split)?;
        if reader.len() != documents.len() as u64 {
            return Err(JudgementsError::Lengths {
                scores: reader.len(),
                documents: documents.len() as u64,
            });
        }
        let mut counts = Counts::new(taxonomy.len());
        let mut confusion = Confusion::default();
        let mut lengths = LengthCounts::new(taxonomy.len(), &words, LENGTHS);
        let mut scores = ScoreCounts::new(&taxonomy);
        let sizes = level_sizes(&taxonomy);
        for ((position, document), words) in (0..).zip(&mut documents).zip(&words) {
            let stored = reader.document(position)?;
            let decoded = decode(
                &taxonomy,
                &stored,
                &request.decoding,
                threshold.unwrap_or_default(),
            );
            scores.add(&taxonomy, &sizes, &document.gold, &stored);
            counts.add(&document.gold, &decoded.labels);
            confusion.add(&taxonomy, &document.gold, &decoded.labels);
            lengths.add(*words, &document.gold, &decoded.labels);
            document.raw = decoded.raw;
            document.labels = decoded.labels;
        }
        Ok(Self {
            taxonomy,
            documents,
            counts,
            confusion,
            lengths,
            scores,
            directory,
            request,
            split,
            snapshot,
            training: OnceLock::new(),
            calibration: OnceLock::new(),
        })
    }

    /// Number of documents.
    pub(crate) fn len(&self) -> usize {
        self.documents.len()
    }

    /// The row of a document, with its text.
    pub(crate) fn row(&self, document: &Judgement) -> Result<SnapshotDocument, JudgementsError> {
        let mut file = BufReader::new(File::open(&self.snapshot)?);
        file.seek(SeekFrom::Start(document.offset))?;
        let mut line = String::new();
        file.read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    }

    /// The stored scores of documents by their positions.
    pub(crate) fn stored(
        &self,
        positions: impl IntoIterator<Item = usize>,
    ) -> Result<Vec<DocumentScores>, JudgementsError> {
        let mut reader = scores_of(&self.directory, self.split)?;
        positions
            .into_iter()
            .map(|position| Ok(reader.document(position as u64)?))
            .collect()
    }

    /// Training documents of each label, `[labels]`. Reads the training part the first time.
    pub(crate) fn training(&self) -> Result<&[u64], JudgementsError> {
        if let Some(training) = self.training.get() {
            return Ok(training);
        }
        let mut counts = vec![0; self.taxonomy.len()];
        if let Some(snapshot) = snapshot(&self.directory, &self.request, Split::Train) {
            each_row(&snapshot, |_, row| {
                for label in row.labels {
                    if let Some(count) = counts.get_mut(label as usize) {
                        *count += 1;
                    }
                }
            })?;
        }
        Ok(self.training.get_or_init(|| counts))
    }

    /// A temperature for each level, fitted to the scores of the validation part; none where there is none. Reads that
    /// part the first time.
    pub(crate) fn calibration(&self) -> Result<Option<&Calibration>, JudgementsError> {
        if let Some(calibration) = self.calibration.get() {
            return Ok(calibration.as_ref());
        }
        let fitted = match snapshot(&self.directory, &self.request, Split::Validation) {
            Some(snapshot) if self.directory.scores(Split::Validation).is_file() => {
                let mut counts = ScoreCounts::new(&self.taxonomy);
                let sizes = level_sizes(&self.taxonomy);
                let mut gold = Vec::new();
                each_row(&snapshot, |_, row| gold.push(row.labels))?;
                let mut reader = scores_of(&self.directory, Split::Validation)?;
                for (position, gold) in (0..reader.len()).zip(&gold) {
                    counts.add(&self.taxonomy, &sizes, gold, &reader.document(position)?);
                }
                Some(Calibration::fit(&counts, CalibrationKind::Temperature))
            }
            _ => None,
        };
        Ok(self.calibration.get_or_init(|| fitted).as_ref())
    }
}

/// Where the documents of a part lie.
fn snapshot(directory: &RunDirectory, request: &RunRequest, split: Split) -> Option<PathBuf> {
    let snapshot = match split {
        Split::Train => Some(&request.train),
        Split::Validation => request.validation.as_ref(),
        Split::Test => request.test.as_ref(),
    };
    snapshot.map(|path| directory.resolve(path))
}

fn scores_of(
    directory: &RunDirectory,
    split: Split,
) -> Result<ScoresReader<BufReader<File>>, JudgementsError> {
    let file = File::open(directory.scores(split))?;
    Ok(ScoresReader::open(BufReader::with_capacity(1 << 18, file))?)
}

/// Hands out the rows of a snapshot, each with the place where it begins.
fn each_row(
    path: &Path,
    mut take: impl FnMut(u64, SnapshotDocument),
) -> Result<(), JudgementsError> {
    let mut file = BufReader::with_capacity(1 << 18, File::open(path)?);
    let (mut offset, mut line) = (0, String::new());
    loop {
        line.clear();
        let length = file.read_line(&mut line)? as u64;
        if length == 0 {
            return Ok(());
        }
        if !line.trim().is_empty() {
            take(offset, serde_json::from_str(&line)?);
        }
        offset += length;
    }
}
