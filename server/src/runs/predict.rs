//! Answers to predictions: decoding, cutting and writing them, whole or as a stream.

use std::borrow::Cow;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use actix_web::web::Bytes;
use arborist_shared::api::runs::{PredictDocument, PredictFailure, PredictRequest};
use arborist_shared::decode::{DecodeOptions, Decoded, Selection, decode};
use arborist_shared::scores::DocumentScores;
use arborist_shared::taxonomy::Taxonomy;
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use serde::Deserialize;
use tokio::sync::mpsc;

use super::models::{self, BATCH_BYTES, BATCH_TEXTS, Model};
use super::newer::Newer;
use super::spool::{Line, Lines, Spool};
use crate::App;
use crate::http::problem::ApiError;
use crate::work::Kept;

/// Batches of one stream that are on their way.
const BATCHES: usize = 3;

/// What the caller wants of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Wish {
    pub(super) limit: Option<u32>,
    pub(super) threshold: Option<f32>,
    /// In place of the run's own.
    pub(super) decoding: Option<DecodeOptions>,
}

impl Wish {
    /// A wish that can be fulfilled.
    pub(super) fn new(
        limit: Option<u32>,
        threshold: Option<f32>,
        decoding: Option<DecodeOptions>,
    ) -> Result<Self, ApiError> {
        if let Some(decoding) = &decoding {
            check_decoding(decoding)?;
        }
        if limit == Some(0) {
            return Err(ApiError::field("/limit", "found 0, expected at least 1"));
        }
        if let Some(threshold) = threshold
            && !(0.0..=1.0).contains(&threshold)
        {
            return Err(ApiError::field(
                "/threshold",
                format!("found {threshold}, expected 0 to 1"),
            ));
        }
        Ok(Self {
            limit,
            threshold,
            decoding,
        })
    }

    /// The scores that it takes.
    fn kept(&self) -> Kept {
        let selection = match (self.threshold, &self.decoding) {
            (Some(threshold), _) => Selection::Threshold(threshold),
            (None, Some(decoding)) => decoding.selection.clone(),
            (None, None) => Selection::Method,
        };
        Kept::for_answer(&selection, self.limit.unwrap_or(0) as usize)
    }

    fn decoding<'a>(&'a self, model: &'a Model) -> Cow<'a, DecodeOptions> {
        let own = self.decoding.as_ref().unwrap_or(&model.decoding);
        match self.threshold {
            Some(threshold) => Cow::Owned(DecodeOptions {
                selection: Selection::Threshold(threshold),
                ..own.clone()
            }),
            None => Cow::Borrowed(own),
        }
    }
}

/// Refuses thresholds that are none.
pub(super) fn check_decoding(decoding: &DecodeOptions) -> Result<(), ApiError> {
    let thresholds: &[f32] = match &decoding.selection {
        Selection::Method | Selection::Top(_) => &[],
        Selection::Threshold(threshold) | Selection::TopAbove(_, threshold) => {
            std::slice::from_ref(threshold)
        }
        Selection::Levels(thresholds) if thresholds.is_empty() => {
            return Err(ApiError::field(
                "/decoding/selection/levels",
                "found no threshold, expected one for the top level at least",
            ));
        }
        Selection::Levels(thresholds) => thresholds,
    };
    match thresholds
        .iter()
        .find(|threshold| !(0.0..=1.0).contains(*threshold))
    {
        Some(threshold) => Err(ApiError::field(
            "/decoding/selection",
            format!("found a threshold of {threshold}, expected 0 to 1"),
        )),
        None => Ok(()),
    }
}

/// Answers a request that came whole.
pub(super) async fn whole(
    app: &Arc<App>,
    run: i64,
    newer: Option<&Newer>,
    request: PredictRequest,
) -> Result<Vec<u8>, ApiError> {
    let started = Instant::now();
    let wish = Wish::new(request.limit, request.threshold, request.decoding)?;
    let (ids, texts): (Vec<String>, Vec<String>) = request
        .documents
        .into_iter()
        .map(|document| (document.id, document.text))
        .unzip();
    let (model, scores) = models::predict(app, run, &texts, wish.kept()).await?;
    let mut body = Vec::with_capacity(256 + 4_096 * ids.len());
    body.extend_from_slice(b"{\"documents\":[");
    for (position, (id, scores)) in ids.iter().zip(&scores).enumerate() {
        if position > 0 {
            body.push(b',');
        }
        write_line(&model, newer, &wish, id, scores, &mut body);
        // The line feed of the line.
        body.pop();
    }
    let milliseconds = started.elapsed().as_secs_f64() * 1_000.0;
    let end = format!(
        "],\"run\":{},\"taxonomy\":{},\"milliseconds\":{milliseconds:.3}}}",
        model.run,
        newer.map_or(model.taxonomy_id, |newer| newer.taxonomy_id)
    );
    body.extend_from_slice(end.as_bytes());
    Ok(body)
}

fn write_line(
    model: &Model,
    newer: Option<&Newer>,
    wish: &Wish,
    id: &str,
    scores: &DocumentScores,
    to: &mut Vec<u8>,
) {
    let options = wish.decoding(model);
    let (taxonomy, writer, scores) = match newer {
        None => (&model.taxonomy, &model.writer, Cow::Borrowed(scores)),
        Some(newer) => {
            let scores = Cow::Owned(newer.scores(scores));
            (&newer.taxonomy, &newer.writer, scores)
        }
    };
    let mut decoded = decode(taxonomy, &scores, &options, model.threshold);
    if let Some(limit) = wish.limit {
        cut(taxonomy, limit as usize, &mut decoded);
    }
    let threshold = options.threshold(&scores, model.threshold);
    writer
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .write(id, &decoded, threshold, to);
}

/// Leaves the best labels and their ancestors.
fn cut(taxonomy: &Taxonomy, limit: usize, decoded: &mut Decoded) {
    if decoded.shown.len() <= limit {
        return;
    }
    let best: Vec<_> = decoded.shown[..limit]
        .iter()
        .map(|&(label, ..)| label)
        .collect();
    let kept = taxonomy.close(&best);
    decoded
        .shown
        .retain(|(label, ..)| kept.binary_search(label).is_ok());
}

/// Answers line for line, in order, as lines come out of the spool; ends when there are no more, or nobody reads. The model
/// is held meanwhile, so that it is not let go between two lines.
pub(super) async fn stream(
    app: Arc<App>,
    mut model: Arc<Model>,
    newer: Option<Arc<Newer>>,
    wish: Wish,
    spool: Arc<Spool>,
    answers: mpsc::Sender<Bytes>,
) {
    let wish = Arc::new(wish);
    let mut lines = Lines::new(spool);
    let mut batches = FuturesOrdered::new();
    let mut more = true;
    while more || !batches.is_empty() {
        tokio::select! {
            batch = lines.next_batch(BATCH_TEXTS, BATCH_BYTES), if more && batches.len() < BATCHES => match batch {
                Some(batch) => {
                    batches.push_back(answer(Arc::clone(&app), model.run, newer.clone(), Arc::clone(&wish), batch));
                }
                None => more = false,
            },
            Some((answer, by)) = batches.next() => {
                // Another one, where the child was gone.
                model = by.unwrap_or(model);
                if answers.send(answer).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// The answers to some lines, and the model that gave the last of them.
async fn answer(
    app: Arc<App>,
    run: i64,
    newer: Option<Arc<Newer>>,
    wish: Arc<Wish>,
    lines: Vec<Line>,
) -> (Bytes, Option<Arc<Model>>) {
    let mut texts = Vec::with_capacity(lines.len());
    let mut asked = Vec::with_capacity(lines.len());
    for line in lines {
        let number = line.number;
        asked.push(parse(line).map(|PredictDocument { id, text }| {
            texts.push(text);
            (number, id)
        }));
    }
    let answers = models::predict_each(&app, run, &texts, wish.kept()).await;
    let mut answers = answers.into_iter();
    let mut body = Vec::with_capacity(4_096 * asked.len());
    let mut by = None;
    for asked in asked {
        let failure = match asked {
            Err(failure) => failure,
            Ok((line, id)) => match answers.next() {
                Some(Ok((model, scores))) => {
                    let newer = newer.as_deref();
                    write_line(&model, newer, &wish, &id, &scores, &mut body);
                    by = Some(model);
                    continue;
                }
                Some(Err(error)) => PredictFailure {
                    id: Some(id),
                    line,
                    error,
                },
                // There is an answer for each text.
                None => continue,
            },
        };
        // A failure is made of strings and numbers, which serialize.
        if serde_json::to_writer(&mut body, &failure).is_ok() {
            body.push(b'\n');
        }
    }
    (body.into(), by)
}

/// A line as a document; ids may be numbers.
fn parse(line: Line) -> Result<PredictDocument, PredictFailure> {
    #[derive(Deserialize)]
    struct Row {
        id: serde_json::Value,
        text: Option<String>,
    }
    let failure = |id: Option<String>, error: String| PredictFailure {
        id,
        line: line.number,
        error,
    };
    let bytes = match &line.content {
        Ok(bytes) => bytes,
        Err(error) => return Err(failure(None, error.clone())),
    };
    let row: Row = serde_json::from_slice(bytes)
        .map_err(|error| failure(None, format!("expected {{\"id\", \"text\"}}: {error}")))?;
    let id = match row.id {
        serde_json::Value::String(id) => id,
        serde_json::Value::Number(id) => id.to_string(),
        other => {
            return Err(failure(
                None,
                format!("found the id {other}, expected a string"),
            ));
        }
    };
    match row.text {
        Some(text) => Ok(PredictDocument { id, text }),
        None => Err(failure(Some(id), "the document has no `text`".to_owned())),
    }
}
