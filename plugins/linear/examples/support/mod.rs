//! What the examples share: a corpus folder as snapshots, and figures of a trained model.

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
use serde_json::{Map, Value};

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
        validation: bool,
    ) -> Result<(), Box<dyn Error>> {
        let checkpoint = self.directory.join("checkpoint");
        fs::create_dir_all(&checkpoint)?;
        let request = TrainRequest {
            checkpoint,
            train: self.directory.join("train.jsonl"),
            validation: validation.then(|| self.directory.join("validation.jsonl")),
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

    /// Texts and label sets of a split.
    pub(crate) fn documents(
        &self,
        split: &str,
    ) -> Result<(Vec<String>, Vec<Vec<u32>>), Box<dyn Error>> {
        let rows = fs::read_to_string(self.directory.join(format!("{split}.jsonl")))?;
        let mut texts = Vec::new();
        let mut gold = Vec::new();
        for line in rows.lines() {
            let document: SnapshotDocument = serde_json::from_str(line)?;
            texts.push(document.text);
            gold.push(document.labels);
        }
        Ok((texts, gold))
    }
}

/// A model's figures on a split, and the mean logarithmic loss and calibration error of its scores.
pub(crate) fn judge(
    model: &mut LinearModel,
    taxonomy: &Taxonomy,
    texts: &[String],
    gold: &[Vec<u32>],
) -> Result<(Metrics, f64, f64), Box<dyn Error>> {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let threshold = model.threshold();
    let scores = model.predict(&texts)?.scores;
    let record = DecodingRecord {
        threshold: Some(threshold),
        ..DecodingRecord::default()
    };
    let mut metrics = MetricsBuilder::new(taxonomy, record);
    let mut loss = 0.0;
    let mut bins = [(0.0_f64, 0.0_f64); 10];
    for (document, gold) in gold.iter().enumerate() {
        let row = scores.row(document).ok_or("a row is missing")?;
        let stored = match row {
            ScoreRow::Dense(values) => DocumentScores::from_dense(values, threshold),
            ScoreRow::Sparse(labels, values) => {
                let pairs: Vec<(u32, f32)> =
                    labels.iter().copied().zip(values.iter().copied()).collect();
                DocumentScores::from_sparse(&pairs, threshold)
            }
        };
        metrics.add(
            gold,
            &decode(taxonomy, &stored, &DecodeOptions::default(), threshold).judged(),
        );
        for (label, score) in (0_u32..).zip(row.to_dense(taxonomy.len())) {
            let has = gold.binary_search(&label).is_ok();
            let score = f64::from(score).clamp(1e-6, 1.0 - 1e-6);
            loss -= if has { score.ln() } else { (1.0 - score).ln() };
            let bin = &mut bins[((score * 10.0) as usize).min(9)];
            bin.0 += score;
            bin.1 += f64::from(u8::from(has));
        }
    }
    let pairs = (gold.len() * taxonomy.len()) as f64;
    let error = bins
        .iter()
        .map(|(score, has)| (score - has).abs())
        .sum::<f64>()
        / pairs;
    Ok((metrics.finish(), loss / pairs, error))
}

/// Preset, then `key=value` pairs.
pub(crate) fn hyperparameters(
    preset: &str,
    sets: &[String],
) -> Result<Hyperparameters, Box<dyn Error>> {
    let mut overrides = Map::new();
    for set in sets {
        let (key, value) = set
            .split_once('=')
            .ok_or_else(|| format!("`{set}` is not key=value"))?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        overrides.insert(key.to_owned(), value);
    }
    let resolved = Linear::manifest().resolve(Some(preset), &[overrides])?;
    Ok(serde_json::from_value(Value::Object(resolved))?)
}
