//! What a training came to, as a file named by a hash of everything that it depends on.
//!
//! ```text
//! <hash>.json   method, hyperparameters, seed, contents of the corpus, and the figures; written last
//! <hash>.sets   for each test document its gold labels and the raw set that was predicted, for tests between rows
//! runs/<hash>/  the run while it is trained; removed afterwards unless it is to be kept
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use arborist_shared::LabelIndex;
use arborist_shared::api::runs::PredictedDocument;
use arborist_shared::corpus::SnapshotDocument;
use arborist_shared::decode::{Judged, from_prediction};
use arborist_shared::metrics::{Counts, GroupMetrics, f1};
use arborist_shared::scores::{DocumentScores, ScoresReader, ScoresWriter};
use arborist_shared::split::Split;
use arborist_shared::taxonomy::Taxonomy;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::cli::CliError;
use crate::runs::directory::{RunDirectory, write_durably};

/// Changes when results of the same trial would not mean the same any more.
const FORMAT: u32 = 1;

/// Everything that the result of a training depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Trial {
    pub(super) format: u32,
    pub(super) method: String,
    /// Version of the plugin.
    pub(super) version: String,
    /// Complete.
    pub(super) hyperparameters: BTreeMap<String, Value>,
    pub(super) seed: u64,
    /// `cpu` or `cuda`.
    pub(super) device: String,
    /// Contents by role, as SHA-256: plugin, train, validation, test, taxonomy, encoder, `word_vectors`.
    pub(super) contents: BTreeMap<String, String>,
}

impl Trial {
    pub(super) fn format() -> u32 {
        FORMAT
    }

    /// Name of the result.
    pub(super) fn hash(&self) -> String {
        let text = serde_json::to_vec(self).unwrap_or_default();
        let digest = Sha256::digest(&text);
        digest[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// A finished training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub(super) trial: Trial,
    pub(super) epochs: u32,
    pub(super) train_seconds: f64,
    pub(super) peak_memory_bytes: u64,
    /// As the run tells: `cpu` or `cuda:N`.
    pub(super) device: String,
    /// Test documents.
    pub(super) documents: u64,
    /// On sets before decoding, as the papers count.
    pub(super) raw: Figures,
    /// On decoded sets.
    pub(super) decoded: Figures,
    /// Raw sets, from level 1.
    pub(super) levels: Vec<Level>,
    pub(super) groups: Vec<GroupMetrics>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Figures {
    pub(super) micro_f1: f64,
    pub(super) macro_f1: f64,
}

/// Raw sets restricted to the labels of one level; levels can be added.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Level {
    pub(super) level: u32,
    pub(super) labels: u64,
    pub(super) right: u64,
    pub(super) predicted: u64,
    pub(super) gold: u64,
    pub(super) macro_f1: f64,
}

impl Level {
    pub(super) fn figures(&self) -> Figures {
        Figures {
            micro_f1: f1(self.right, self.predicted, self.gold),
            macro_f1: self.macro_f1,
        }
    }

    /// Counts the labels of another level with this one.
    pub(super) fn add(&mut self, other: &Self) {
        let labels = self.labels + other.labels;
        if labels > 0 {
            let sum = self.macro_f1 * self.labels as f64 + other.macro_f1 * other.labels as f64;
            self.macro_f1 = sum / labels as f64;
        }
        self.labels = labels;
        self.right += other.right;
        self.predicted += other.predicted;
        self.gold += other.gold;
    }
}

/// Gold and predicted sets of the test documents.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sets {
    pub(super) gold: Vec<Vec<LabelIndex>>,
    pub(super) raw: Vec<Vec<LabelIndex>>,
}

impl Sets {
    /// As the tests of significance see raw sets.
    pub(super) fn judged(&self) -> Vec<Judged> {
        let judged = |raw: &Vec<LabelIndex>| Judged {
            scores: Vec::new(),
            raw: raw.clone(),
            labels: raw.clone(),
        };
        self.raw.iter().map(judged).collect()
    }
}

/// The folder of results.
#[derive(Clone, Debug)]
pub(super) struct Results {
    directory: PathBuf,
}

impl Results {
    /// Makes the folder where it is not there.
    pub(super) fn open(directory: &Path) -> Result<Self, CliError> {
        fs::create_dir_all(directory).map_err(|error| {
            CliError::input(format!("--results: {}: {error}", directory.display()))
        })?;
        Ok(Self {
            directory: directory.to_owned(),
        })
    }

    /// Where the run of a trial lies while it is trained.
    pub(super) fn run(&self, hash: &str) -> PathBuf {
        self.directory.join("runs").join(hash)
    }

    /// The finished training of a trial. A file that cannot be read counts as none.
    pub(super) fn find(&self, trial: &Trial) -> Option<Outcome> {
        let bytes = fs::read(self.outcome_file(&trial.hash())).ok()?;
        let outcome: Outcome = serde_json::from_slice(&bytes).ok()?;
        (outcome.trial == *trial).then_some(outcome)
    }

    /// The sets of a finished training.
    pub(super) fn sets(&self, trial: &Trial) -> Result<Sets, CliError> {
        let path = self.sets_file(&trial.hash());
        let failed = |error: &dyn std::fmt::Display| {
            CliError::failed(format!("{}: {error}", path.display()))
        };
        let file = File::open(&path).map_err(|error| failed(&error))?;
        let mut reader =
            ScoresReader::open(BufReader::new(file)).map_err(|error| failed(&error))?;
        let mut sets = Sets::default();
        for position in 0..reader.len() {
            let document = reader.document(position).map_err(|error| failed(&error))?;
            let mut gold: Vec<LabelIndex> =
                document.scores.iter().map(|&(label, _)| label).collect();
            gold.sort_unstable();
            sets.gold.push(gold);
            sets.raw.push(document.decided.unwrap_or_default());
        }
        Ok(sets)
    }

    /// Takes down what a run came to.
    pub(super) fn keep(&self, trial: &Trial, run: &RunDirectory) -> Result<Outcome, CliError> {
        let (outcome, sets) = collect(trial, run)?;
        let n_labels = run.taxonomy()?.len() as u32;
        let hash = trial.hash();
        write_durably(&self.sets_file(&hash), |file| {
            let mut writer = ScoresWriter::new(file, n_labels)?;
            for (gold, raw) in sets.gold.iter().zip(&sets.raw) {
                writer.push(&DocumentScores {
                    scores: gold.iter().map(|&label| (label, 1.0)).collect(),
                    decided: Some(raw.clone()),
                })?;
            }
            writer.finish().map(drop)
        })
        .and_then(|()| {
            write_durably(&self.outcome_file(&hash), |file| {
                serde_json::to_writer_pretty(&mut *file, &outcome)?;
                file.write_all(b"\n")
            })
        })
        .map_err(|error| self.write_error(&error))?;
        Ok(outcome)
    }

    /// Writes a table or figure.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<PathBuf, CliError> {
        let path = self.directory.join(name);
        write_durably(&path, |file| file.write_all(text.as_bytes()))
            .map_err(|error| self.write_error(&error))?;
        Ok(path)
    }

    fn write_error(&self, error: &io::Error) -> CliError {
        CliError::failed(format!(
            "--results: cannot write into {}: {error}",
            self.directory.display()
        ))
    }

    fn outcome_file(&self, hash: &str) -> PathBuf {
        self.directory.join(format!("{hash}.json"))
    }

    fn sets_file(&self, hash: &str) -> PathBuf {
        self.directory.join(format!("{hash}.sets"))
    }
}

/// Reads a finished run.
fn collect(trial: &Trial, run: &RunDirectory) -> Result<(Outcome, Sets), CliError> {
    let metrics = run
        .metrics()?
        .ok_or_else(|| CliError::failed("the run ended without metrics"))?;
    let test = metrics
        .test
        .ok_or_else(|| CliError::failed("the run has no test figures"))?;
    let training = run.training()?.unwrap_or_default();
    let taxonomy = run.taxonomy()?;
    let sets = read_sets(run, &taxonomy)?;
    let outcome = Outcome {
        trial: trial.clone(),
        epochs: training.epochs,
        train_seconds: training.train_seconds,
        peak_memory_bytes: training.peak_memory_bytes,
        device: training.device,
        documents: test.documents,
        raw: Figures {
            micro_f1: test.raw.micro_f1,
            macro_f1: test.raw.macro_f1,
        },
        decoded: Figures {
            micro_f1: test.micro_f1,
            macro_f1: test.macro_f1,
        },
        levels: levels(&taxonomy, &sets),
        groups: metrics.groups,
    };
    Ok((outcome, sets))
}

/// The test documents of a run with what was predicted for them; both files have the same order.
fn read_sets(run: &RunDirectory, taxonomy: &Taxonomy) -> Result<Sets, CliError> {
    let test = run.corpus(Split::Test);
    let predictions = run.predictions();
    let mut sets = Sets::default();
    let mut documents = lines::<SnapshotDocument>(&test)?;
    let mut predicted = lines::<PredictedDocument>(&predictions)?;
    loop {
        match (documents.next(), predicted.next()) {
            (None, None) => return Ok(sets),
            (Some(document), Some(prediction)) => {
                let (document, prediction) = (document?, prediction?);
                if document.id != prediction.id {
                    return Err(CliError::failed(format!(
                        "{}: found document `{}`, expected `{}` as in {}",
                        predictions.display(),
                        prediction.id,
                        document.id,
                        test.display()
                    )));
                }
                let judged = from_prediction(taxonomy, &prediction).map_err(CliError::failed)?;
                sets.gold.push(document.labels);
                sets.raw.push(judged.raw);
            }
            _ => {
                return Err(CliError::failed(format!(
                    "{} and {} have different numbers of documents",
                    predictions.display(),
                    test.display()
                )));
            }
        }
    }
}

fn lines<T: serde::de::DeserializeOwned>(
    path: &Path,
) -> Result<impl Iterator<Item = Result<T, CliError>>, CliError> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| CliError::failed(format!("{name}: {error}")))?;
    let lines = BufReader::with_capacity(1 << 18, file).split(b'\n');
    Ok(lines.enumerate().map(move |(number, line)| {
        let place = |error: &dyn std::fmt::Display| {
            CliError::failed(format!("{name}, line {}: {error}", number + 1))
        };
        let line = line.map_err(|error| place(&error))?;
        serde_json::from_slice(&line).map_err(|error| place(&error))
    }))
}

fn levels(taxonomy: &Taxonomy, sets: &Sets) -> Vec<Level> {
    let mut counts = Counts::new(taxonomy.len());
    for (gold, raw) in sets.gold.iter().zip(&sets.raw) {
        counts.add(gold, raw);
    }
    let mut levels: Vec<Level> = (1..=taxonomy.depth())
        .map(|level| Level {
            level,
            ..Level::default()
        })
        .collect();
    for label in taxonomy.indexes() {
        let [right, predicted, gold] = counts.of(label);
        levels[taxonomy.level(label) as usize - 1].add(&Level {
            level: 0,
            labels: 1,
            right,
            predicted,
            gold,
            macro_f1: f1(right, predicted, gold),
        });
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;
    use arborist_shared::taxonomy::parse;

    fn trial(seed: u64) -> Trial {
        Trial {
            format: FORMAT,
            method: "toy".to_owned(),
            version: "1".to_owned(),
            hyperparameters: BTreeMap::from([
                ("b".to_owned(), Value::from(1)),
                ("a".to_owned(), Value::from(0.5)),
            ]),
            seed,
            device: "cpu".to_owned(),
            contents: BTreeMap::from([("train".to_owned(), "00".to_owned())]),
        }
    }

    #[test]
    fn a_trial_is_found_again_by_what_it_depends_on() {
        let folder = tempfile::tempdir().unwrap();
        let results = Results::open(folder.path()).unwrap();
        let outcome = Outcome {
            trial: trial(1),
            epochs: 2,
            train_seconds: 1.5,
            peak_memory_bytes: 7,
            device: "cpu".to_owned(),
            documents: 3,
            raw: Figures {
                micro_f1: 0.5,
                macro_f1: 0.25,
            },
            decoded: Figures::default(),
            levels: Vec::new(),
            groups: Vec::new(),
        };
        assert_eq!(results.find(&trial(1)), None);
        let text = serde_json::to_string(&outcome).unwrap();
        results
            .write(&format!("{}.json", trial(1).hash()), &text)
            .unwrap();
        assert_eq!(results.find(&trial(1)), Some(outcome));
        let mut others = vec![trial(2), trial(1), trial(1), trial(1), trial(1)];
        others[1]
            .hyperparameters
            .insert("b".to_owned(), Value::from(2));
        others[2]
            .contents
            .insert("train".to_owned(), "01".to_owned());
        others[3].device = "cuda".to_owned();
        others[4].version = "2".to_owned();
        for other in others {
            assert_ne!(other.hash(), trial(1).hash());
            assert_eq!(results.find(&other), None);
        }
        // Half a file is no result.
        results
            .write(&format!("{}.json", trial(1).hash()), &text[..20])
            .unwrap();
        assert_eq!(results.find(&trial(1)), None);
    }

    #[test]
    fn levels_by_hand() {
        let taxonomy = parse(b"A\tRoot\nB\tRoot\nA1\tA\nA2\tA\nB1\tB\n", None)
            .unwrap()
            .taxonomy;
        let index = |id: &str| taxonomy.index_of(id).unwrap();
        let set = |ids: &[&str]| {
            let mut set: Vec<LabelIndex> = ids.iter().map(|id| index(id)).collect();
            set.sort_unstable();
            set
        };
        let sets = Sets {
            gold: vec![set(&["A", "A1"]), set(&["B", "B1"])],
            raw: vec![set(&["A", "A2"]), set(&["B", "B1"])],
        };
        let mut levels = levels(&taxonomy, &sets);
        assert_eq!(
            levels[0].figures(),
            Figures {
                micro_f1: 1.0,
                macro_f1: 1.0
            }
        );
        // One of two right; of three labels only B1 scores.
        assert_eq!(levels[1].figures().micro_f1, 0.5);
        assert!((levels[1].macro_f1 - 1.0 / 3.0).abs() < 1e-15);
        // Together as if the tree had one level.
        let second = levels.remove(1);
        levels[0].add(&second);
        assert_eq!(levels[0].figures().micro_f1, 0.75);
        assert!((levels[0].macro_f1 - 0.6).abs() < 1e-15);
        assert_eq!(levels[0].labels, 5);
    }
}
