//! What a run would need and how long it would take, told before it is queued.
//!
//! Memory is the method's own formula, the one that a new run is refused by. Time is a guess from what runs of the method
//! took on this server: training speed depends on the machine, on how long the documents are, and on the hyperparameters
//! that make the model large, so that the most alike of the finished runs are asked.

use arborist_shared::api::runs::{NewRun, RunEstimate, SecondsFrom};
use serde_json::{Map, Value};

use super::request::{self, Checked, fits};
use super::store::{self, Speed};
use crate::App;
use crate::http::problem::ApiError;
use crate::work::memory_total;

/// Documents are of like length up to this factor.
const LIKE_LENGTH: f64 = 2.0;
/// The newest so many of the most alike runs are asked.
const ASKED: usize = 5;
/// The hyperparameter that says how often the documents are gone through.
const EPOCHS: &str = "epochs";

/// The estimate for a request that is otherwise in order.
pub(super) async fn of(app: &App, project: i64, new: NewRun) -> Result<RunEstimate, ApiError> {
    let checked = request::understand(app, project, new).await?;
    let (memory_bytes, memory_available_bytes) = (checked.memory_bytes(), memory_total());
    let speeds = store::speeds(app.db.read(), &checked.plugin.side.name).await?;
    let time = time(&Wanted::new(&checked, project), &speeds);
    let (seconds, seconds_from) = time.unzip();
    Ok(RunEstimate {
        memory_bytes,
        memory_available_bytes,
        fits: fits(memory_bytes, memory_available_bytes),
        seconds,
        seconds_from,
    })
}

/// How long a checked run may take, as far as runs before it tell.
pub(super) async fn seconds(
    app: &App,
    project: i64,
    checked: &Checked,
) -> Result<Option<f64>, ApiError> {
    let speeds = store::speeds(app.db.read(), &checked.plugin.side.name).await?;
    Ok(time(&Wanted::new(checked, project), &speeds).map(|(seconds, _)| seconds))
}

/// What the time of a run depends on.
struct Wanted<'a> {
    project: i64,
    documents: f64,
    words_per_document: f64,
    hyperparameters: &'a Map<String, Value>,
    encoder: Option<&'a str>,
    device: &'a str,
}

impl<'a> Wanted<'a> {
    fn new(checked: &'a Checked, project: i64) -> Self {
        let documents = checked.corpus.n_train_annotated as f64;
        Self {
            project,
            documents,
            words_per_document: checked.corpus.n_train_words as f64 / documents.max(1.0),
            hyperparameters: &checked.hyperparameters,
            encoder: checked.encoder.as_deref(),
            device: &checked.device,
        }
    }

    fn is_like(&self, run: &Speed) -> bool {
        let longer = run.words_per_document.max(1.0) / self.words_per_document.max(1.0);
        // `auto` is whatever the server takes: the runs before took the same.
        let same_place = self.device == "auto" || is_cuda(self.device) == is_cuda(&run.device);
        same_place && (1.0 / LIKE_LENGTH..=LIKE_LENGTH).contains(&longer)
    }

    /// Number of hyperparameters that differ, but for the epochs, which are counted in.
    fn distance(&self, run: &Speed) -> usize {
        let (ours, theirs) = (self.hyperparameters, &run.hyperparameters);
        let differs = |key: &&String| *key != EPOCHS && ours.get(*key) != theirs.get(*key);
        let only_theirs = theirs.keys().filter(|key| !ours.contains_key(*key));
        ours.keys().chain(only_theirs).filter(differs).count()
            + usize::from(self.encoder != run.encoder.as_deref())
    }
}

fn is_cuda(device: &str) -> bool {
    device.starts_with("cuda")
}

/// Seconds, and where they come from; none when no run is like this one. `speeds`: newest first.
fn time(wanted: &Wanted<'_>, speeds: &[Speed]) -> Option<(f64, SecondsFrom)> {
    let like = || speeds.iter().filter(|run| wanted.is_like(run));
    let nearest = like().map(|run| wanted.distance(run)).min()?;
    let asked: Vec<&Speed> = like()
        .filter(|run| wanted.distance(run) == nearest)
        .take(ASKED)
        .collect();
    let mut by_speed = asked.clone();
    by_speed.sort_by(|a, b| a.documents_per_second.total_cmp(&b.documents_per_second));
    let median = by_speed[by_speed.len() / 2];
    let epochs = epochs(wanted.hyperparameters, median);
    let seconds = wanted.documents * epochs / median.documents_per_second;
    let words: f64 = asked.iter().map(|run| run.words_per_document).sum();
    let from = SecondsFrom {
        n_runs: asked.len() as u64,
        runs: asked
            .iter()
            .filter(|run| run.project == wanted.project)
            .map(|run| run.run)
            .collect(),
        documents_per_second: median.documents_per_second,
        words_per_document: words / asked.len() as f64,
        same_hyperparameters: nearest == 0,
    };
    Some((seconds, from))
}

/// Passes over the documents: as many as a run like it took, more or fewer where more or fewer are asked for. The number
/// that is asked for says nothing by itself: 0 means as many as the method sees fit, and for a solver it is a limit that
/// is hardly ever reached.
fn epochs(wanted: &Map<String, Value>, run: &Speed) -> f64 {
    let asked = |hyperparameters: &Map<String, Value>| {
        let epochs = hyperparameters.get(EPOCHS).and_then(Value::as_f64);
        epochs.filter(|epochs| *epochs > 0.0)
    };
    let took = f64::from(run.epochs.max(1));
    match (asked(wanted), asked(&run.hyperparameters)) {
        (Some(ours), Some(theirs)) => took * ours / theirs,
        (Some(ours), None) => ours,
        (None, _) => took,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hyperparameters(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    fn speed(run: i64, documents_per_second: f64, words: f64, hidden: u32) -> Speed {
        Speed {
            run,
            project: 1 + run % 2,
            hyperparameters: hyperparameters(json!({"epochs": 9, "hidden": hidden})),
            encoder: None,
            device: "cpu".to_owned(),
            epochs: 9,
            documents_per_second,
            words_per_document: words,
        }
    }

    fn check(asked: Value, device: &str, speeds: &[Speed]) -> Option<(f64, Vec<i64>, bool)> {
        let hyperparameters = hyperparameters(asked);
        let wanted = Wanted {
            project: 1,
            documents: 1_000.0,
            words_per_document: 100.0,
            hyperparameters: &hyperparameters,
            encoder: None,
            device,
        };
        let (seconds, from) = time(&wanted, speeds)?;
        Some((seconds, from.runs, from.same_hyperparameters))
    }

    #[test]
    fn epochs_are_those_that_runs_like_it_took() {
        let took = |asked: u32, epochs: u32| Speed {
            hyperparameters: hyperparameters(json!({"epochs": asked})),
            epochs,
            ..speed(1, 1.0, 1.0, 1)
        };
        let check =
            |asked: u32, run: &Speed| epochs(&hyperparameters(json!({"epochs": asked})), run);
        assert_eq!(
            check(100, &took(100, 1)),
            1.0,
            "a limit that is not reached"
        );
        assert_eq!(
            check(0, &took(0, 12)),
            12.0,
            "as many as the method sees fit"
        );
        assert_eq!(check(30, &took(0, 12)), 30.0);
        assert_eq!(check(0, &took(30, 25)), 25.0);
        assert_eq!(check(60, &took(30, 25)), 50.0, "runs like it stop early");
    }

    #[test]
    fn time_is_taken_from_the_most_alike_runs() {
        let speeds = [
            speed(8, 50.0, 120.0, 64),
            speed(6, 40.0, 90.0, 64),
            speed(5, 10.0, 100.0, 128),
            speed(4, 60.0, 100.0, 64),
            // Documents of another length say nothing.
            speed(2, 1_000.0, 10.0, 64),
        ];
        let asked = json!({"epochs": 3, "hidden": 64});
        assert_eq!(
            check(asked.clone(), "auto", &speeds),
            Some((60.0, vec![8, 6, 4], true))
        );
        // Nothing is quite alike: the nearest is asked, whichever project it belongs to.
        assert_eq!(
            check(json!({"epochs": 1, "hidden": 32}), "cpu", &speeds[2..3]),
            Some((100.0, vec![], false))
        );
        assert_eq!(check(asked.clone(), "cuda:0", &speeds), None);
        assert_eq!(check(asked, "cpu", &speeds[4..]), None);
        // A method without epochs takes as many as it took.
        assert_eq!(
            check(json!({"hidden": 128}), "cpu", &speeds[2..3]),
            Some((900.0, vec![], true))
        );
    }
}
