//! Warm models: a small pool of child processes that have loaded a run's model.
//!
//! A model is loaded by the first prediction that needs it and stays until the pool's memory is needed for others; the one
//! that was used longest ago goes first. A model that is larger than all of the pool's memory answers as well, but stays
//! no longer than somebody uses it. Requests that arrive while a model computes are put together into its next
//! batch, so that many small requests cost little more than one; nothing waits for a batch to fill.

mod ask;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use arborist_shared::decode::DecodeOptions;
use arborist_shared::scores::DocumentScores;
use arborist_shared::taxonomy::Taxonomy;
use rustc_hash::FxHashMap;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::directory::RunDirectory;
use super::predictions::PredictionWriter;
use super::store::RunRow;
use super::train::find_plugin;
use crate::http::problem::{ApiError, Code};
use crate::work::memory_total;
use crate::work::{Kept, WarmModel, WarmOptions, WorkError};
use crate::{App, taxonomies};

pub(super) use ask::{find, predict, predict_each};

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
    entries: Mutex<FxHashMap<i64, Entry>>,
    /// Loading takes the processor to itself anyway.
    loading: tokio::sync::Mutex<()>,
    /// Bytes of all models together.
    memory: u64,
}

#[derive(Debug)]
struct Entry {
    hold: Hold,
    last_used: Instant,
}

/// How the pool has a model.
#[derive(Debug)]
enum Hold {
    /// It stays, also while nobody uses it.
    Kept(Arc<Model>),
    /// It goes with the last who uses it; whoever asks until then shares it.
    Lent(Weak<Model>),
}

impl Entry {
    /// The model, if it is still there.
    fn model(&self) -> Option<Arc<Model>> {
        match &self.hold {
            Hold::Kept(model) => Some(Arc::clone(model)),
            Hold::Lent(model) => model.upgrade(),
        }
    }

    fn is(&self, model: &Arc<Model>) -> bool {
        match &self.hold {
            Hold::Kept(own) => Arc::ptr_eq(own, model),
            Hold::Lent(own) => own.as_ptr() == Arc::as_ptr(model),
        }
    }

    /// What it takes while nobody uses it.
    fn resident(&self, run: i64) -> Option<Resident> {
        match &self.hold {
            Hold::Kept(model) => Some(Resident {
                run,
                bytes: model.warm.memory_bytes(),
                last_used: self.last_used,
            }),
            Hold::Lent(_) => None,
        }
    }

    /// Leaves the model to those who use it.
    fn lend(&mut self) {
        if let Hold::Kept(model) = &self.hold {
            self.hold = Hold::Lent(Arc::downgrade(model));
        }
    }
}

/// A model that stays, as the pool weighs it.
#[derive(Clone, Copy, Debug)]
struct Resident {
    run: i64,
    bytes: u64,
    last_used: Instant,
}

/// Which of these goes first, unless all fit: one that does not even fit alone, else the one unused for longest.
fn first_to_go(kept: &[Resident], memory: u64) -> Option<&Resident> {
    let used: u64 = kept.iter().map(|model| model.bytes).sum();
    kept.iter()
        .filter(|_| used > memory)
        .min_by_key(|model| (model.bytes <= memory, model.last_used))
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
    kept: Kept,
    reply: oneshot::Sender<Answer>,
}

impl Models {
    /// An empty pool; without a limit, half of the machine's memory is one.
    #[must_use]
    pub fn new(memory: Option<u64>) -> Self {
        let memory = memory
            .or_else(|| memory_total().map(|total| total / 2))
            .unwrap_or(u64::MAX);
        Self {
            entries: Mutex::default(),
            loading: tokio::sync::Mutex::default(),
            memory,
        }
    }

    /// The model of a run if it is loaded: asks no database.
    pub(super) fn loaded(&self, run: i64) -> Option<Arc<Model>> {
        let mut entries = self.lock();
        let entry = entries.get_mut(&run)?;
        let Some(model) = entry.model().filter(|model| model.warm.ended().is_none()) else {
            entries.remove(&run);
            return None;
        };
        entry.last_used = Instant::now();
        Some(model)
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
        let entry = Entry {
            hold: Hold::Kept(Arc::clone(&model)),
            last_used: Instant::now(),
        };
        self.lock().insert(run.id, entry);
        self.make_room();
        Ok(model)
    }

    /// Lets models go until the rest fits. Those who still use one keep it until they are done.
    fn make_room(&self) {
        let mut entries = self.lock();
        loop {
            let kept: Vec<Resident> = entries
                .iter()
                .filter_map(|(&run, entry)| entry.resident(run))
                .collect();
            let Some(&Resident { run, bytes, .. }) = first_to_go(&kept, self.memory) else {
                return;
            };
            if bytes > self.memory {
                tracing::warn!(
                    run.id = run,
                    memory_bytes = bytes,
                    limit_bytes = self.memory,
                    "a model is larger than all warm models may be together: it goes once it has answered"
                );
            } else {
                tracing::info!(
                    run.id = run,
                    memory_bytes = bytes,
                    limit_bytes = self.memory,
                    "a warm model makes room"
                );
            }
            if let Some(entry) = entries.get_mut(&run) {
                entry.lend();
            }
        }
    }

    /// Lets models go that nobody has used for a while, whose memory serves training, and those that do not fit any more
    /// because others have grown.
    pub(crate) fn let_idle_go(&self) {
        self.make_room();
        let mut entries = self.lock();
        for entry in entries.values_mut() {
            if entry.last_used.elapsed() >= IDLE {
                entry.lend();
            }
        }
        entries.retain(|_, entry| entry.model().is_some());
    }

    /// Forgets a model whose child is gone.
    fn forget(&self, model: &Arc<Model>) {
        let mut entries = self.lock();
        if entries.get(&model.run).is_some_and(|entry| entry.is(model)) {
            entries.remove(&model.run);
        }
    }

    /// Lets all models go.
    pub async fn close(&self) {
        let _nothing_is_loading = self.loading.lock().await;
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, FxHashMap<i64, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Model {
    /// Scores for each text, in their order.
    pub(super) async fn predict(&self, texts: Vec<String>, kept: Kept) -> Answer {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let gone = || PredictError::Ended("the model was stopped".to_owned());
        let (reply, answer) = oneshot::channel();
        self.asks
            .send(Ask { texts, kept, reply })
            .await
            .map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
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
            let (best, all) = asks.into_iter().partition(|ask| ask.kept == Kept::Best);
            answer(&warm, best, Kept::Best).await;
            answer(&warm, all, Kept::All).await;
            drop(place);
        });
    }
}

async fn answer(warm: &WarmModel, asks: Vec<Ask>, kept: Kept) {
    if asks.is_empty() {
        return;
    }
    let texts: Vec<&str> = asks
        .iter()
        .flat_map(|ask| ask.texts.iter().map(String::as_str))
        .collect();
    match warm.predict_as(&texts, kept).await {
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
                Box::pin(answer(warm, vec![ask], kept)).await;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_nowhere_goes_before_what_is_old() {
        let start = Instant::now();
        let model = |run: i64, bytes: u64| Resident {
            run,
            bytes,
            last_used: start + Duration::from_secs(run as u64),
        };
        let goes = |kept: &[Resident]| first_to_go(kept, 100).map(|model| model.run);
        assert_eq!(goes(&[]), None);
        assert_eq!(goes(&[model(1, 60), model(2, 40)]), None);
        assert_eq!(goes(&[model(2, 60), model(1, 41), model(3, 5)]), Some(1));
        assert_eq!(goes(&[model(1, 60), model(2, 101)]), Some(2));
        assert_eq!(goes(&[model(1, 101)]), Some(1));
    }
}
