//! Warm models: a small pool of child processes that have loaded a run's model.
//!
//! A model is loaded by the first prediction that needs it and stays until the pool's memory is needed for others; the one
//! that was used longest ago goes first. Requests that arrive while a model computes are put together into its next
//! batch, so that many small requests cost little more than one; nothing waits for a batch to fill.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arborist_shared::decode::DecodeOptions;
use arborist_shared::scores::DocumentScores;
use arborist_shared::taxonomy::Taxonomy;
use rustc_hash::FxHashMap;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::directory::RunDirectory;
use super::predictions::PredictionWriter;
use super::request::machine_memory;
use super::store::{self, RunRow};
use super::train::find_plugin;
use crate::http::problem::{ApiError, Code};
use crate::work::{WarmModel, WarmOptions, WorkError};
use crate::{App, taxonomies};

/// A model that is not used for so long goes.
const IDLE: Duration = Duration::from_secs(15 * 60);
/// Texts of one batch at most.
pub(super) const BATCH_TEXTS: usize = 128;
/// Text of one batch at most, unless one text is longer.
pub(super) const BATCH_BYTES: usize = 1 << 20;
/// Requests that may wait in front of a model.
const QUEUE: usize = 1_024;
/// Batches on the way to a model: one is computed, the next is ready.
const BATCHES: usize = 2;

/// The pool.
#[derive(Debug)]
pub struct Models {
    kept: Mutex<FxHashMap<i64, Kept>>,
    /// Loading takes the processor to itself anyway.
    loading: tokio::sync::Mutex<()>,
    /// Bytes of all models together.
    memory: u64,
}

#[derive(Debug)]
struct Kept {
    model: Arc<Model>,
    last_used: Instant,
}

/// A model that is ready to predict.
#[derive(Debug)]
pub struct Model {
    pub(super) run: i64,
    pub(super) project: i64,
    pub(super) taxonomy_id: i64,
    pub(super) taxonomy: Arc<Taxonomy>,
    /// The method's own threshold.
    pub(super) threshold: f32,
    /// How the run decides unless told otherwise.
    pub(super) decoding: DecodeOptions,
    /// Lines of predictions, with the labels rendered once.
    pub(super) writer: Mutex<PredictionWriter>,
    asks: mpsc::Sender<Ask>,
    warm: Arc<WarmModel>,
}

/// Why there are no scores.
#[derive(Debug)]
pub(super) enum PredictError {
    /// The model refused or failed on these texts.
    Model(String),
    /// The child is gone; another may do better.
    Ended(String),
}

type Answer = Result<Vec<DocumentScores>, PredictError>;

struct Ask {
    texts: Vec<String>,
    reply: oneshot::Sender<Answer>,
}

impl Models {
    /// An empty pool; without a limit, half of the machine's memory is one.
    #[must_use]
    pub fn new(memory: Option<u64>) -> Self {
        let memory = memory
            .or_else(|| machine_memory().map(|total| total / 2))
            .unwrap_or(u64::MAX);
        Self {
            kept: Mutex::default(),
            loading: tokio::sync::Mutex::default(),
            memory,
        }
    }

    /// The model of a run if it is loaded: asks no database.
    pub(super) fn loaded(&self, run: i64) -> Option<Arc<Model>> {
        let mut kept = self.lock();
        let entry = kept.get_mut(&run)?;
        if entry.model.warm.ended().is_some() {
            kept.remove(&run);
            return None;
        }
        entry.last_used = Instant::now();
        Some(Arc::clone(&entry.model))
    }

    /// The model of a finished run, loaded now if it is not yet.
    pub(super) async fn get(&self, app: &Arc<App>, run: &RunRow) -> Result<Arc<Model>, ApiError> {
        if let Some(model) = self.loaded(run.id) {
            return Ok(model);
        }
        let _one_at_a_time = self.loading.lock().await;
        if let Some(model) = self.loaded(run.id) {
            return Ok(model);
        }
        // In the server's own runtime: the child outlives the worker thread's interest in it.
        let (task_app, task_run) = (Arc::clone(app), run.clone());
        let model = app
            .runtime
            .spawn(async move { load(&task_app, &task_run).await })
            .await??;
        let model = Arc::new(model);
        let entry = Kept {
            model: Arc::clone(&model),
            last_used: Instant::now(),
        };
        self.lock().insert(run.id, entry);
        self.make_room(run.id);
        Ok(model)
    }

    /// Lets models go until the rest fits, the longest unused first, never the one that was just loaded.
    fn make_room(&self, newest: i64) {
        let mut kept = self.lock();
        loop {
            let used: u64 = kept
                .values()
                .map(|kept| kept.model.warm.memory_bytes())
                .sum();
            if used <= self.memory {
                return;
            }
            let idle = kept
                .iter()
                .filter(|&(&run, _)| run != newest)
                .min_by_key(|(_, kept)| kept.last_used);
            let Some((&run, _)) = idle else { return };
            tracing::info!(
                run.id = run,
                memory_bytes = used,
                limit_bytes = self.memory,
                "a warm model makes room"
            );
            // Those who still use it keep it until they are done.
            kept.remove(&run);
        }
    }

    /// Lets models go that nobody has used for a while: their memory serves training.
    pub(crate) fn let_idle_go(&self) {
        self.lock()
            .retain(|_, kept| kept.last_used.elapsed() < IDLE);
    }

    /// Forgets a model whose child is gone.
    fn forget(&self, model: &Arc<Model>) {
        let mut kept = self.lock();
        if kept
            .get(&model.run)
            .is_some_and(|kept| Arc::ptr_eq(&kept.model, model))
        {
            kept.remove(&model.run);
        }
    }

    /// Lets all models go.
    pub async fn close(&self) {
        let _nothing_is_loading = self.loading.lock().await;
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, FxHashMap<i64, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Model {
    /// Scores for each text, in their order.
    pub(super) async fn predict(&self, texts: Vec<String>) -> Answer {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let gone = || PredictError::Ended("the model was stopped".to_owned());
        let (reply, answer) = oneshot::channel();
        self.asks
            .send(Ask { texts, reply })
            .await
            .map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

/// Scores by the model of a run. Should its child be gone, a new one is tried, once.
pub(super) async fn predict(
    app: &Arc<App>,
    run: i64,
    texts: Vec<String>,
) -> Result<(Arc<Model>, Vec<DocumentScores>), ApiError> {
    let failed = |message: String| ApiError::new(Code::PredictionFailed, message);
    let model = find(app, run).await?;
    match model.predict(texts.clone()).await {
        Ok(scores) => Ok((model, scores)),
        Err(PredictError::Model(message)) => Err(failed(message)),
        Err(PredictError::Ended(message)) => {
            tracing::warn!(
                run.id = run,
                message,
                "a warm model ended and is started again"
            );
            app.models.forget(&model);
            let model = find(app, run).await?;
            match model.predict(texts).await {
                Ok(scores) => Ok((model, scores)),
                Err(PredictError::Model(message) | PredictError::Ended(message)) => {
                    Err(failed(message))
                }
            }
        }
    }
}

/// The model of a run, loaded if need be.
pub(super) async fn find(app: &Arc<App>, run: i64) -> Result<Arc<Model>, ApiError> {
    if let Some(model) = app.models.loaded(run) {
        return Ok(model);
    }
    let row = store::find(app.db.read(), run)
        .await?
        .ok_or_else(|| ApiError::new(Code::RunNotFound, format!("there is no run {run}")))?;
    app.models.get(app, &row).await
}

async fn load(app: &Arc<App>, run: &RunRow) -> Result<Model, ApiError> {
    let not_ready = |detail: String| ApiError::new(Code::RunNotReady, detail);
    let path: PathBuf = app.folders.run(run.id);
    let directory = RunDirectory::open(&path).map_err(|error| not_ready(error.to_string()))?;
    let request = directory.request().map_err(ApiError::internal)?;
    let plugin = find_plugin(app, &run.method)
        .await
        .map_err(|error| not_ready(error.to_string()))?;
    let taxonomy = taxonomies::load(app, run.taxonomy_id).await?;
    let options = WarmOptions {
        program: app.options.program.clone(),
        plugin: Some(plugin.library),
        device: run.device.clone(),
        threads: 0,
        all_scores: false,
    };
    let started = Instant::now();
    let warm = WarmModel::start_with(&path, options)
        .await
        .map_err(|error| {
            ApiError::new(
                Code::PredictionFailed,
                format!("the model could not be loaded: {error}"),
            )
        })?;
    if warm.n_labels() as usize != taxonomy.len() {
        let detail = format!(
            "the model knows {} labels, its taxonomy has {}",
            warm.n_labels(),
            taxonomy.len()
        );
        return Err(not_ready(detail));
    }
    tracing::info!(
        run.id = run.id,
        duration_ms = started.elapsed().as_millis() as u64,
        "a model is warm"
    );
    let warm = Arc::new(warm);
    let (asks, queue) = mpsc::channel(QUEUE);
    tokio::spawn(batch(Arc::clone(&warm), queue));
    let writer = PredictionWriter::new(&taxonomy);
    Ok(Model {
        run: run.id,
        project: run.project_id,
        taxonomy_id: run.taxonomy_id,
        threshold: warm.threshold(),
        decoding: request.decoding,
        writer: Mutex::new(writer),
        taxonomy,
        asks,
        warm,
    })
}

/// Puts requests together and hands them to the model; ends when the model is let go.
async fn batch(warm: Arc<WarmModel>, mut queue: mpsc::Receiver<Ask>) {
    let places = Arc::new(Semaphore::new(BATCHES));
    while let Some(first) = queue.recv().await {
        // While all places are taken, more requests arrive.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let size = |ask: &Ask| ask.texts.iter().map(String::len).sum::<usize>();
        let (mut texts, mut bytes) = (first.texts.len(), size(&first));
        let mut asks = vec![first];
        while texts < BATCH_TEXTS && bytes < BATCH_BYTES {
            let Ok(ask) = queue.try_recv() else { break };
            texts += ask.texts.len();
            bytes += size(&ask);
            asks.push(ask);
        }
        let warm = Arc::clone(&warm);
        tokio::spawn(async move {
            answer(&warm, asks).await;
            drop(place);
        });
    }
}

async fn answer(warm: &WarmModel, asks: Vec<Ask>) {
    let texts: Vec<&str> = asks
        .iter()
        .flat_map(|ask| ask.texts.iter().map(String::as_str))
        .collect();
    match warm.predict(&texts).await {
        Ok(scores) => {
            let mut scores = scores.into_iter();
            for ask in asks {
                let own = scores.by_ref().take(ask.texts.len()).collect();
                // Fails when nobody waits any more.
                let _ = ask.reply.send(Ok(own));
            }
        }
        // A text that the model chokes on is the fault of its own request only.
        Err(WorkError::Model(_)) if asks.len() > 1 => {
            for ask in asks {
                Box::pin(answer(warm, vec![ask])).await;
            }
        }
        Err(error) => {
            for ask in asks {
                let error = match &error {
                    WorkError::Model(message) => PredictError::Model(message.clone()),
                    error => PredictError::Ended(error.to_string()),
                };
                let _ = ask.reply.send(Err(error));
            }
        }
    }
}
