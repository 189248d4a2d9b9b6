//! A corpus folder as snapshots, and figures of a trained model.

pub(crate) mod generated;

use std::error::Error;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use arborist_linear::{Hyperparameters, Linear, LinearModel};
use arborist_plugin_api::shared::corpus::{SnapshotDocument, parse_row, resolve_labels};
use arborist_plugin_api::shared::decode::{DecodeOptions, decode};
use arborist_plugin_api::shared::metrics::{DecodingRecord, Metrics, MetricsBuilder};
use arborist_plugin_api::shared::scores::DocumentScores;
use arborist_plugin_api::shared::taxonomy::{self, Taxonomy};
use arborist_plugin_api::{Host, LoadRequest, Method, Model, ScoreRow, TrainRequest, Unattended};
use serde_json::Value;

/// A corpus as a training wants it.
pub(crate) struct Corpus {
    pub(crate) directory: PathBuf,
    pub(crate) taxonomy: Taxonomy,
}

impl Corpus {
    /// Writes `taxonomy.tsv`, `train.jsonl`, `val.jsonl` and `test.jsonl` of a folder as canonical files into another.
    pub(crate) fn convert(from: &Path, to: &Path) -> Result<Self, Box<dyn Error>> {
        let parsed = taxonomy::parse(&fs::read(from.join("taxonomy.tsv"))?, None)?;
        let taxonomy = parsed.taxonomy;
        fs::write(to.join("taxonomy.json"), serde_json::to_vec(&taxonomy)?)?;
        for (name, split) in [("train", "train"), ("val", "validation"), ("test", "test")] {
            let mut file = BufWriter::new(fs::File::create(to.join(format!("{split}.jsonl")))?);
            let rows = fs::read_to_string(from.join(format!("{name}.jsonl")))?;
            for (number, line) in rows.lines().enumerate() {
                let row = parse_row(line.as_bytes(), number as u64 + 1)?;
                let labels = resolve_labels(&taxonomy, &row.labels.unwrap_or_default())?;
                let document = SnapshotDocument {
                    id: number.to_string(),
                    text: row.text,
                    labels: labels.closed,
                    explicit: labels.explicit,
                };
                serde_json::to_writer(&mut file, &document)?;
                file.write_all(b"\n")?;
            }
            file.flush()?;
        }
        Ok(Self {
            directory: to.to_owned(),
            taxonomy,
        })
    }

    /// Trains into the folder `checkpoint`.
    pub(crate) fn train(
        &self,
        hyperparameters: Hyperparameters,
        threads: u32,
    ) -> Result<(), Box<dyn Error>> {
        let checkpoint = self.directory.join("checkpoint");
        fs::create_dir_all(&checkpoint)?;
        let request = TrainRequest {
            checkpoint,
            train: self.directory.join("train.jsonl"),
            validation: Some(self.directory.join("validation.jsonl")),
            taxonomy: self.directory.join("taxonomy.json"),
            seed: 1,
            device: "cpu".to_owned(),
            threads,
            encoder: None,
            word_vectors: None,
        };
        Ok(Linear::train(
            hyperparameters,
            &request,
            &Host::new(&Unattended),
        )?)
    }

    /// Loads what [`train`](Self::train) wrote.
    pub(crate) fn load(&self, threads: u32) -> Result<LinearModel, Box<dyn Error>> {
        Ok(Linear::load(&LoadRequest {
            checkpoint: self.directory.join("checkpoint"),
            taxonomy: self.directory.join("taxonomy.json"),
            device: "cpu".to_owned(),
            threads,
            encoder: None,
        })?)
    }

    /// Figures of the model on a split.
    pub(crate) fn judge(
        &self,
        model: &mut LinearModel,
        split: &str,
    ) -> Result<Metrics, Box<dyn Error>> {
        let rows = fs::read_to_string(self.directory.join(format!("{split}.jsonl")))?;
        let documents = rows
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<Vec<SnapshotDocument>, _>>()?;
        let texts: Vec<&str> = documents.iter().map(|it| it.text.as_str()).collect();
        let threshold = model.threshold();
        let scores = model.predict(&texts)?.scores;
        let record = DecodingRecord {
            threshold: Some(threshold),
            ..DecodingRecord::default()
        };
        let mut metrics = MetricsBuilder::new(&self.taxonomy, record);
        for (index, document) in documents.iter().enumerate() {
            let stored = match scores.row(index).ok_or("a row is missing")? {
                ScoreRow::Dense(values) => DocumentScores::from_dense(values, threshold),
                ScoreRow::Sparse(labels, values) => {
                    let pairs: Vec<(u32, f32)> =
                        labels.iter().copied().zip(values.iter().copied()).collect();
                    DocumentScores::from_sparse(&pairs, threshold)
                }
            };
            let decoded = decode(
                &self.taxonomy,
                &stored,
                &DecodeOptions::default(),
                threshold,
            );
            metrics.add(&document.labels, &decoded.judged());
        }
        Ok(metrics.finish())
    }
}

/// The hyperparameters of a preset.
pub(crate) fn hyperparameters(preset: &str) -> Result<Hyperparameters, Box<dyn Error>> {
    let resolved = Linear::manifest().resolve(Some(preset), &[])?;
    Ok(serde_json::from_value(Value::Object(resolved))?)
}
