//! Intervals of a run's figures: documents are drawn again from its stored scores, once, and the bounds are kept.
//!
//! A finished run does not change, so what is kept stays right for ever; it lies in the data directory's cache, from which
//! it may be deleted at any time.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arborist_shared::decode::Judged;
use arborist_shared::metrics::Metrics;
use arborist_shared::significance::{self, Intervals, Options};
use arborist_shared::split::Split;

use super::directory::write_durably;
use super::store::RunRow;
use crate::App;
use crate::analysis::judgements::{Judgements, JudgementsError};
use crate::http::problem::ApiError;

/// Bounds move by about a hundredth of the interval's width with so many.
const RESAMPLES: u32 = 2_000;

/// One computation at a time: it takes a core, and whoever asks for the same waits for the first to be done.
#[derive(Debug, Default)]
pub struct IntervalCache(tokio::sync::Mutex<()>);

/// Why there are no intervals.
#[derive(Debug, thiserror::Error)]
enum IntervalError {
    #[error(transparent)]
    Judgements(#[from] JudgementsError),
    #[error("the figures of the run cannot be read: {0}")]
    Json(#[from] serde_json::Error),
}

impl From<IntervalError> for ApiError {
    fn from(error: IntervalError) -> Self {
        Self::internal(error)
    }
}

/// Intervals of a split as JSON, from the cache if they were asked for before; none for a split without documents.
pub(super) async fn of(
    app: &Arc<App>,
    run: &RunRow,
    split: Split,
    metrics: &str,
) -> Result<Option<String>, ApiError> {
    let kept = app
        .folders
        .cache()
        .join(format!("intervals-{}-{split}.json", run.id));
    if let Ok(json) = tokio::fs::read_to_string(&kept).await {
        return Ok(Some(json));
    }
    let _one_at_a_time = app.intervals.0.lock().await;
    let (directory, metrics) = (app.folders.run(run.id), metrics.to_owned());
    // Somebody else may have computed them meanwhile.
    let intervals = tokio::task::spawn_blocking(move || match std::fs::read_to_string(&kept) {
        Ok(json) => Ok(Some(json)),
        Err(_) => compute_and_keep(&directory, split, &metrics, &kept),
    });
    Ok(intervals.await??)
}

/// The figures with the intervals beside them; the figures' own text is left as it is.
pub(super) fn beside(metrics: &str, intervals: Option<&str>) -> String {
    match (metrics.trim_end().strip_suffix('}'), intervals) {
        (Some(open), Some(intervals)) => format!("{open},\"intervals\":{intervals}}}"),
        _ => metrics.to_owned(),
    }
}

fn compute_and_keep(
    directory: &Path,
    split: Split,
    metrics: &str,
    kept: &Path,
) -> Result<Option<String>, IntervalError> {
    let Some(intervals) = compute(directory, split, metrics)? else {
        return Ok(None);
    };
    let json = serde_json::to_string(&intervals)?;
    if let Err(error) = write_durably(kept, |file| file.write_all(json.as_bytes())) {
        tracing::warn!(path = %kept.display(), %error, "could not keep intervals for the next time");
    }
    Ok(Some(json))
}

fn compute(
    directory: &Path,
    split: Split,
    metrics: &str,
) -> Result<Option<Intervals>, IntervalError> {
    let metrics: Metrics = serde_json::from_str(metrics)?;
    let judgements = Judgements::read(directory, split, metrics.decoding.threshold)?;
    let mut gold = Vec::with_capacity(judgements.len());
    let mut run = Vec::with_capacity(judgements.len());
    for document in judgements.documents {
        gold.push(document.gold);
        run.push(Judged {
            // Ranks have no intervals.
            scores: Vec::new(),
            raw: document.raw,
            labels: document.labels,
        });
    }
    let options = Options {
        resamples: RESAMPLES,
        ..Options::default()
    };
    Ok(significance::intervals(
        &run,
        &gold,
        &judgements.taxonomy,
        options,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_every_digit_beside_their_intervals() {
        let figures = r#"{"micro_f1":0.30000000000000004}"#;
        assert_eq!(
            beside(figures, Some(r#"{"micro_f1":[0.2,0.4]}"#)),
            r#"{"micro_f1":0.30000000000000004,"intervals":{"micro_f1":[0.2,0.4]}}"#
        );
        assert_eq!(beside(figures, None), figures);
    }
}
