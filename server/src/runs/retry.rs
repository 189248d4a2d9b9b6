//! What follows an attempt that did not succeed: another one, with what has to change, or the end.
//!
//! A worker that was killed from outside goes on from its checkpoint. One that ran out of memory begins again with smaller
//! batches, of which more make one update, so that the result keeps its meaning. Everything else would only happen again.

use arborist_shared::api::queue::{Attempt, Cause};
use arborist_shared::run::RunRequest;
use serde_json::Value;

use super::directory::RunDirectory;
use super::store::RunRow;
use super::train::blocking;
use crate::db::{now, rfc3339};
use crate::jobs::{JobContext, JobError};
use crate::work::Exit;

/// Attempts in a row that may be lost without an epoch between them.
const LOST_IN_A_ROW: usize = 5;
/// Documents of a batch unless chosen: over words, and with a pretrained encoder. As the torch methods' schema says.
const BATCH: [u64; 2] = [64, 12];

/// How the job goes on after this end of an attempt.
pub(super) async fn after(
    job: &JobContext,
    run: &RunRow,
    directory: &RunDirectory,
    exit: &Exit,
    epochs: u32,
) -> Result<JobError, JobError> {
    let message = exit
        .message
        .clone()
        .unwrap_or_else(|| "the child process ended without a word".to_owned());
    let cause = exit.cause.unwrap_or(Cause::Failed);
    let next = match cause {
        Cause::LostWorker if may_go_on(job.history(), epochs) => Some(if epochs > 0 {
            format!("goes on from its last checkpoint, {epochs} epochs are done")
        } else {
            "begins again, no epoch was done".to_owned()
        }),
        Cause::OutOfMemory => halve(run, directory).await?,
        _ => None,
    };
    Ok(match next {
        Some(next) => JobError::Again(Box::new(Attempt {
            at: rfc3339(now()),
            cause,
            message,
            next,
            place: job.placement().map(|placement| placement.place.clone()),
            epochs,
        })),
        None => JobError::Because(cause, message),
    })
}

/// Whether a lost worker is replaced: unless the last ones were lost as well and got nowhere.
fn may_go_on(history: &[Attempt], epochs: u32) -> bool {
    let in_vain = history
        .iter()
        .rev()
        .take_while(|attempt| attempt.cause == Cause::LostWorker && attempt.epochs >= epochs)
        .count();
    in_vain + 1 < LOST_IN_A_ROW
}

/// Has the run begin again with smaller batches; answers what changed, or nothing where they cannot be smaller.
async fn halve(run: &RunRow, directory: &RunDirectory) -> Result<Option<String>, JobError> {
    let mut request = directory.request()?;
    let Some(change) = smaller(&mut request, run.encoder.is_some()) else {
        return Ok(None);
    };
    let directory = directory.clone();
    blocking(move || {
        // A checkpoint of other batches is none of this course of training. Should the server be killed between the two,
        // the next attempt runs out of memory once more, and nothing else.
        let checkpoint = directory.checkpoint();
        std::fs::remove_dir_all(&checkpoint)?;
        std::fs::create_dir_all(&checkpoint)?;
        Ok(directory.write_request(&request)?)
    })
    .await?;
    Ok(Some(change))
}

/// Divides the batch by its smallest factor and multiplies the batches of an update with it.
fn smaller(request: &mut RunRequest, with_encoder: bool) -> Option<String> {
    let number = |key: &str| request.hyperparameters.get(key).and_then(Value::as_u64);
    let accumulate = number("accumulate")?.max(1);
    let batch = match number("batch_size")? {
        0 => BATCH[usize::from(with_encoder)],
        batch => batch,
    };
    let factor = (2..=batch).find(|factor| batch % factor == 0)?;
    let (fewer, more) = (batch / factor, accumulate * factor);
    for (key, value) in [("batch_size", fewer), ("accumulate", more)] {
        request.hyperparameters.insert(key.to_owned(), value.into());
    }
    Some(format!(
        "begins again with batches of {fewer} instead of {batch} documents, {more} of which make one update"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(hyperparameters: Value) -> RunRequest {
        serde_json::from_value(json!({
            "run": "1", "method": "m", "hyperparameters": hyperparameters, "seed": 1, "device": "cpu",
            "plugin": "p", "taxonomy": "t", "train": "d"
        }))
        .unwrap()
    }

    fn check(before: Value, with_encoder: bool, after: Option<(u64, u64)>) {
        let mut request = request(before);
        let changed = smaller(&mut request, with_encoder);
        let number = |key: &str| request.hyperparameters[key].as_u64().unwrap();
        let found = changed.map(|_| (number("batch_size"), number("accumulate")));
        assert_eq!(found, after);
    }

    #[test]
    fn smaller_batches_make_the_same_updates() {
        check(
            json!({"batch_size": 32, "accumulate": 1}),
            false,
            Some((16, 2)),
        );
        check(
            json!({"batch_size": 16, "accumulate": 2}),
            false,
            Some((8, 4)),
        );
        check(
            json!({"batch_size": 0, "accumulate": 1}),
            false,
            Some((32, 2)),
        );
        check(
            json!({"batch_size": 0, "accumulate": 1}),
            true,
            Some((6, 2)),
        );
        check(
            json!({"batch_size": 3, "accumulate": 4}),
            false,
            Some((1, 12)),
        );
        check(json!({"batch_size": 1, "accumulate": 12}), false, None);
        check(json!({"batch_size": 8}), false, None);
        check(json!({"epochs": 8}), false, None);
    }

    #[test]
    fn workers_that_get_nowhere_are_not_replaced_for_ever() {
        let lost = |epochs: u32| Attempt {
            at: String::new(),
            cause: Cause::LostWorker,
            message: String::new(),
            next: String::new(),
            place: None,
            epochs,
        };
        let stuck: Vec<Attempt> = (0..4).map(|_| lost(2)).collect();
        assert!(!may_go_on(&stuck, 2));
        assert!(may_go_on(&stuck, 3), "there was an epoch between");
        assert!(may_go_on(&stuck[..3], 2));
        assert!(may_go_on(&[], 0));
    }
}
