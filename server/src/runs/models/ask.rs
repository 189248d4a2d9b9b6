//! Asking the model of a run: loaded first where it is not, a second time where its child is gone, in parts where it fails.

use std::sync::Arc;

use arborist_shared::scores::DocumentScores;

use super::super::store;
use super::{Model, PredictError};
use crate::App;
use crate::http::problem::{ApiError, Code};
use crate::work::Kept;

/// Scores of some texts, and the model that gave them.
type Scored = (Arc<Model>, Vec<DocumentScores>);

/// Why texts have no scores.
enum Failure {
    /// The model failed on them; on fewer it may not.
    Texts(String),
    /// There is no model, or none that survives them.
    Model(ApiError),
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Texts(message) => Self::new(Code::PredictionFailed, message),
            Failure::Model(error) => error,
        }
    }
}

/// Scores by the model of a run for all texts, or none.
pub(in crate::runs) async fn predict(
    app: &Arc<App>,
    run: i64,
    texts: &[String],
    kept: Kept,
) -> Result<Scored, ApiError> {
    Ok(attempt(app, run, texts, kept).await?)
}

/// Scores by the model of a run, text by text: one that the model fails on costs no other its answer. They are asked for
/// together, and in ever smaller parts where that fails.
pub(in crate::runs) async fn predict_each(
    app: &Arc<App>,
    run: i64,
    texts: &[String],
    kept: Kept,
) -> Vec<Result<(Arc<Model>, DocumentScores), String>> {
    let mut answers = Vec::with_capacity(texts.len());
    let mut parts = Parts::new(texts);
    while let Some(part) = parts.next() {
        match attempt(app, run, part, kept).await {
            Ok((model, scores)) => {
                let own = |scores| Ok((Arc::clone(&model), scores));
                answers.extend(scores.into_iter().map(own));
            }
            Err(Failure::Texts(_)) if part.len() > 1 => parts.split(part),
            Err(failure) => {
                let detail = ApiError::from(failure).body(None).detail;
                answers.extend(std::iter::repeat_n(Err(detail), part.len()));
            }
        }
    }
    answers
}

/// What is still to be asked for, in the order of the texts: all of them together, halves where that fails.
struct Parts<'t>(Vec<&'t [String]>);

impl<'t> Parts<'t> {
    fn new(texts: &'t [String]) -> Self {
        Self(vec![texts])
    }

    fn next(&mut self) -> Option<&'t [String]> {
        self.0.pop()
    }

    /// Asks for the halves of a part instead.
    fn split(&mut self, part: &'t [String]) {
        let (first, second) = part.split_at(part.len() / 2);
        self.0.extend([second, first]);
    }
}

/// Asks the model of a run. Should its child be gone, a new one is tried, once.
async fn attempt(
    app: &Arc<App>,
    run: i64,
    texts: &[String],
    kept: Kept,
) -> Result<Scored, Failure> {
    let model = find(app, run).await.map_err(Failure::Model)?;
    match model.predict(texts.to_vec(), kept).await {
        Ok(scores) => Ok((model, scores)),
        Err(PredictError::Model(message)) => Err(Failure::Texts(message)),
        Err(PredictError::Ended(message)) => {
            tracing::warn!(
                run.id = run,
                message,
                "a warm model ended and is started again"
            );
            app.models.forget(&model);
            let model = find(app, run).await.map_err(Failure::Model)?;
            match model.predict(texts.to_vec(), kept).await {
                Ok(scores) => Ok((model, scores)),
                Err(PredictError::Model(message)) => Err(Failure::Texts(message)),
                Err(PredictError::Ended(message)) => Err(Failure::Model(ApiError::new(
                    Code::PredictionFailed,
                    message,
                ))),
            }
        }
    }
}

/// The model of a run, loaded if need be.
pub(in crate::runs) async fn find(app: &Arc<App>, run: i64) -> Result<Arc<Model>, ApiError> {
    if let Some(model) = app.models.loaded(run) {
        return Ok(model);
    }
    let row = store::find(app.db.read(), run)
        .await?
        .ok_or_else(|| ApiError::new(Code::RunNotFound, format!("there is no run {run}")))?;
    app.models.get(app, &row).await
}

#[cfg(test)]
mod tests {
    use super::super::BATCH_TEXTS;
    use super::*;

    #[test]
    fn a_bad_text_costs_few_more_questions_and_no_order() {
        let texts: Vec<String> = (0..BATCH_TEXTS).map(|n| n.to_string()).collect();
        for (bad, most) in [(&[][..], 1), (&["77"], 15), (&["0", "1", "127"], 31)] {
            let mut parts = Parts::new(&texts);
            let (mut good, mut refused, mut questions) = (Vec::new(), Vec::new(), 0);
            let mut order = Vec::new();
            while let Some(part) = parts.next() {
                questions += 1;
                let fails = part.iter().any(|text| bad.contains(&text.as_str()));
                match part {
                    [text] if fails => refused.push(text.as_str()),
                    part if fails => {
                        parts.split(part);
                        continue;
                    }
                    part => good.extend(part),
                }
                order.extend(part);
            }
            assert_eq!(order, texts.iter().collect::<Vec<_>>());
            assert_eq!(refused, bad);
            assert_eq!(good.len(), texts.len() - bad.len());
            assert!(questions <= most, "{questions} for {bad:?}");
        }
    }
}
