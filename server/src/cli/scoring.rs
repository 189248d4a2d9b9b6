//! Scoring a stream of documents with a run's model, in bounded memory: windows come in, windows with scores go out, in
//! their order. Reading, computing and writing overlap.

use std::path::Path;
use std::sync::Arc;

use arborist_shared::scores::DocumentScores;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::CliError;
use super::options::Places;
use crate::runs::directory::RunDirectory;
use crate::work::batches::batches;
use crate::work::{ChildProgram, Kept, WarmModel, WarmOptions, WorkError};

/// Windows that may wait between two stages.
pub(super) const WINDOW_QUEUE: usize = 2;
/// Batches that may be under way to the model and back.
const BATCH_QUEUE: usize = 4;

/// Documents that are batched together.
#[derive(Debug, Default)]
pub(super) struct Window {
    pub(super) ids: Vec<String>,
    pub(super) texts: Vec<String>,
}

/// The same documents with their scores.
#[derive(Debug)]
pub(super) struct ScoredWindow {
    pub(super) ids: Vec<String>,
    pub(super) scores: Vec<DocumentScores>,
}

/// Starts the model of a run with the approved library of its method.
pub(super) async fn start_model(
    run: &RunDirectory,
    places: &Places,
    device: &str,
) -> Result<Arc<WarmModel>, CliError> {
    let request = run.request()?;
    if !run.is_finished() {
        return Err(CliError::input(format!(
            "run {} is not finished: train it to its end first",
            run.path().display()
        )));
    }
    let plugin = places.plugin_search()?.find_for_run(&request)?;
    let options = WarmOptions {
        program: ChildProgram::current()?,
        plugin: Some(plugin.library),
        device: device.to_owned(),
        threads: 0,
    };
    Ok(Arc::new(WarmModel::start_with(run.path(), options).await?))
}

/// A directory that should be a run.
pub(super) fn open_run(path: &Path) -> Result<RunDirectory, CliError> {
    RunDirectory::open(path).map_err(|error| CliError::input(format!("--run: {error}")))
}

/// Scores each window that arrives and sends it on, until there are no more.
pub(super) async fn score(
    model: Arc<WarmModel>,
    kept: Kept,
    windows: mpsc::Receiver<Window>,
    to: mpsc::Sender<ScoredWindow>,
) -> Result<(), CliError> {
    let (queue, batches) = mpsc::channel(BATCH_QUEUE);
    // Ends when the windows end, or when nobody takes the batches any more.
    let asking = tokio::spawn(ask(model, kept, windows, queue));
    let collected = collect(batches, to).await;
    if collected.is_err() {
        asking.abort();
    }
    collected
}

/// A step on the way from windows to scored windows.
enum Step {
    /// Positions within the window, and the answer to come.
    Batch(
        Vec<usize>,
        JoinHandle<Result<Vec<DocumentScores>, WorkError>>,
    ),
    /// All batches of this window are under way.
    End(Vec<String>),
}

async fn ask(
    model: Arc<WarmModel>,
    kept: Kept,
    mut windows: mpsc::Receiver<Window>,
    to: mpsc::Sender<Step>,
) {
    while let Some(Window { ids, mut texts }) = windows.recv().await {
        let lengths: Vec<usize> = texts.iter().map(String::len).collect();
        for positions in batches(&lengths) {
            let batch: Vec<String> = positions
                .iter()
                .map(|&position| std::mem::take(&mut texts[position]))
                .collect();
            let model = Arc::clone(&model);
            let answer = tokio::spawn(async move { model.predict_as(&batch, kept).await });
            if to.send(Step::Batch(positions, answer)).await.is_err() {
                return;
            }
        }
        if to.send(Step::End(ids)).await.is_err() {
            return;
        }
    }
}

async fn collect(
    mut steps: mpsc::Receiver<Step>,
    to: mpsc::Sender<ScoredWindow>,
) -> Result<(), CliError> {
    let mut scored: Vec<(usize, DocumentScores)> = Vec::new();
    while let Some(step) = steps.recv().await {
        match step {
            Step::Batch(positions, answer) => {
                let documents = answer.await.map_err(CliError::failed)??;
                scored.extend(positions.into_iter().zip(documents));
            }
            Step::End(ids) => {
                scored.sort_unstable_by_key(|&(position, _)| position);
                let scores = scored.drain(..).map(|(_, document)| document).collect();
                if to.send(ScoredWindow { ids, scores }).await.is_err() {
                    // The receiver has ended and says why.
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}
