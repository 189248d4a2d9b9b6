//! Scores of the gold documents by each run. They are kept in the data directory, by hash of documents, model and plugin,
//! since predicting is the slow part of a comparison.

use std::fs::{self, File};
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};

use arborist_shared::scores::{DocumentScores, ScoresReader, ScoresWriter};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::Run;
use super::documents::GoldDocument;
use crate::cli::CliError;
use crate::cli::options::Places;
use crate::cli::progress::Progress;
use crate::cli::scoring::{ScoredWindow, WINDOW_QUEUE, Window, score, start_model};
use crate::runs::directory::write_durably;
use crate::work::Kept;
use crate::work::batches::window_is_full;

/// Folder of the data directory.
const FOLDER: &str = "cache/scores";

/// Scores of all documents by one run.
pub(super) struct Scores {
    /// The method's own threshold.
    pub(super) threshold: f32,
    pub(super) documents: Vec<DocumentScores>,
}

/// What stands beside a file of scores.
#[derive(Serialize, Deserialize)]
struct Beside {
    threshold: f32,
}

/// Scores from the cache, or from the model.
pub(super) async fn scores(
    run: &Run,
    gold: &[GoldDocument],
    places: &Places,
    device: &str,
) -> Result<Scores, CliError> {
    let plugin = places
        .plugin_search()?
        .find_for_run(&run.directory.request()?)?;
    let model = run.directory.model_hash().map_err(CliError::from)?;
    let file = places
        .data_dir()?
        .join(FOLDER)
        .join(key(gold, &model, &plugin.side.sha256));
    if let Some(scores) = read(&file, gold.len()) {
        return Ok(scores);
    }
    let scores = predict(run, gold, places, device).await?;
    // The comparison does not depend on it.
    if let Err(error) = write(&file, &scores, run.taxonomy.len() as u32) {
        eprintln!(
            "note: the scores cannot be kept for next time: {}: {error}",
            file.display()
        );
    }
    Ok(scores)
}

fn key(gold: &[GoldDocument], model: &str, plugin: &str) -> String {
    let mut hasher = Sha256::new();
    let mut add = |text: &str| {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    };
    add(model);
    add(plugin);
    gold.iter().for_each(|document| add(&document.text));
    hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn scores_file(base: &Path) -> PathBuf {
    base.with_extension("bin")
}

fn beside_file(base: &Path) -> PathBuf {
    base.with_extension("json")
}

/// None when there is nothing complete.
fn read(base: &Path, n_documents: usize) -> Option<Scores> {
    let Beside { threshold } = serde_json::from_slice(&fs::read(beside_file(base)).ok()?).ok()?;
    let mut reader = ScoresReader::open(BufReader::with_capacity(
        1 << 18,
        File::open(scores_file(base)).ok()?,
    ))
    .ok()?;
    if reader.len() != n_documents as u64 {
        return None;
    }
    let documents = (0..reader.len())
        .map(|position| reader.document(position))
        .collect::<Result<_, _>>()
        .ok()?;
    Some(Scores {
        threshold,
        documents,
    })
}

fn write(base: &Path, scores: &Scores, n_labels: u32) -> std::io::Result<()> {
    if let Some(folder) = base.parent() {
        fs::create_dir_all(folder)?;
    }
    write_durably(&scores_file(base), |file| {
        let mut writer = ScoresWriter::new(file, n_labels)?;
        for document in &scores.documents {
            writer.push(document)?;
        }
        writer.finish()?;
        Ok(())
    })?;
    let beside = serde_json::to_vec(&Beside {
        threshold: scores.threshold,
    })?;
    write_durably(&beside_file(base), |file| file.write_all(&beside))
}

async fn predict(
    run: &Run,
    gold: &[GoldDocument],
    places: &Places,
    device: &str,
) -> Result<Scores, CliError> {
    let model = start_model(&run.directory, places, device).await?;
    let threshold = model.threshold();
    let (window_sender, windows) = mpsc::channel(WINDOW_QUEUE);
    let (scored_sender, mut scored) = mpsc::channel::<ScoredWindow>(WINDOW_QUEUE);
    let feed = async move {
        let mut window = Window::default();
        let mut bytes = 0;
        for document in gold {
            bytes += document.text.len();
            window.ids.push(document.id.clone());
            window.texts.push(document.text.clone());
            if window_is_full(window.ids.len(), bytes) {
                bytes = 0;
                if window_sender
                    .send(std::mem::take(&mut window))
                    .await
                    .is_err()
                {
                    return;
                }
            }
        }
        // Fails when the scoring has ended, which says why.
        let _ = window_sender.send(window).await;
    };
    let gather = async {
        let mut progress = Progress::new();
        let mut documents = Vec::with_capacity(gold.len());
        while let Some(window) = scored.recv().await {
            documents.extend(window.scores);
            progress.step(
                &format!("predict {}", run.name),
                documents.len() as u64,
                gold.len() as u64,
            );
        }
        documents
    };
    let ((), result, documents) = tokio::join!(
        feed,
        score(model, Kept::Best, windows, scored_sender),
        gather
    );
    result?;
    Ok(Scores {
        threshold,
        documents,
    })
}
