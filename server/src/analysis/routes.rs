//! Addresses of the analysis of a run.

use std::sync::Arc;

use actix_web::get;
use actix_web::web;
use arborist_shared::LabelIndex;
use arborist_shared::api::analysis::{Analysis, ConfusionPage, JudgedPage, Subtrees};
use arborist_shared::metrics::DecodingMetrics;
use arborist_shared::split::Split;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::judgements::{Judgements, JudgementsError};
use super::show::{self, CellFilter, DocumentFilter, KindFilter};
use crate::App;
use crate::accounts::Caller;
use crate::http::paging;
use crate::http::problem::{ApiError, Code};
use crate::runs;

/// Adds the addresses.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(show_analysis)
        .service(list_subtrees)
        .service(list_confusion)
        .service(list_judged);
}

/// The part that a query names: `test` unless told otherwise.
fn split_of(word: Option<&str>) -> Result<Split, ApiError> {
    let split = match word {
        None | Some("") => Split::Test,
        Some(word) => word
            .parse()
            .map_err(|error: arborist_shared::split::UnknownSplit| {
                ApiError::field("split", error.to_string())
            })?,
    };
    if split == Split::Train {
        return Err(ApiError::field(
            "split",
            "found `train`, expected `test` or `validation`: a model is not judged by what it has learnt from",
        ));
    }
    Ok(split)
}

/// Judgements of a run that the caller may see.
async fn judgements(
    app: &Arc<App>,
    caller: &Caller,
    run: i64,
    split: Option<&str>,
) -> Result<(Split, Arc<Judgements>), ApiError> {
    let row = runs::routes::visible(app, caller, run).await?;
    let split = split_of(split)?;
    let metrics = runs::metrics(app, row.id, split).await?;
    let metrics = metrics.ok_or_else(|| {
        ApiError::new(
            Code::MetricsNotFound,
            format!("run {} has no figures for {split}", row.id),
        )
    })?;
    #[derive(Deserialize)]
    struct Made {
        decoding: DecodingMetrics,
    }
    let made: Made = serde_json::from_str(&metrics).map_err(ApiError::internal)?;
    let found = super::of_run(app, row.id, split, made.decoding.threshold).await?;
    Ok((split, found))
}

/// Computes off the threads that answer requests.
async fn compute<T: Send + 'static>(
    judgements: Arc<Judgements>,
    work: impl FnOnce(&Judgements) -> Result<T, JudgementsError> + Send + 'static,
) -> Result<T, ApiError> {
    Ok(tokio::task::spawn_blocking(move || work(&judgements)).await??)
}

/// A label of the run's taxonomy by its id.
fn label(
    judgements: &Judgements,
    field: &'static str,
    id: Option<&str>,
) -> Result<Option<LabelIndex>, ApiError> {
    let Some(id) = id.filter(|id| !id.is_empty()) else {
        return Ok(None);
    };
    let found = judgements.taxonomy.index_of(id);
    found
        .map(Some)
        .ok_or_else(|| ApiError::field(field, format!("the run's taxonomy has no label `{id}`")))
}

/// A word of a fixed list.
fn word<T: DeserializeOwned>(
    field: &'static str,
    word: Option<&str>,
    expected: &str,
) -> Result<Option<T>, ApiError> {
    let Some(word) = word.filter(|word| !word.is_empty()) else {
        return Ok(None);
    };
    serde_json::from_value(serde_json::Value::String(word.to_owned()))
        .map(Some)
        .map_err(|_| ApiError::field(field, format!("found `{word}`, expected {expected}")))
}

const KINDS: &str = "`right`, `too_shallow`, `too_deep`, `wrong_sibling`, `wrong_branch`, `missed`, `extra`, or `wrong` for all of them but `right`";

fn kind_of(kind: Option<&str>) -> Result<KindFilter, ApiError> {
    match kind {
        Some("wrong") => Ok(KindFilter::Wrong),
        kind => Ok(word("kind", kind, KINDS)?.map_or(KindFilter::All, KindFilter::One)),
    }
}

fn position(cursor: Option<&str>) -> Result<usize, ApiError> {
    Ok(paging::number(cursor)?.unwrap_or(0).max(0) as usize)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OfSplit {
    /// `test` unless told otherwise, or `validation`.
    split: Option<String>,
}

/// Where a run's figures come from: errors by kind, figures by level, frequency and length, what decoding changed, and
/// whether scores mean what they say. Of a large part the first time takes a moment.
#[utoipa::path(tag = "runs", params(("id" = i64, Path, description = "run"), OfSplit), responses((status = 200, body = Analysis)))]
#[get("/runs/{id}/analysis")]
async fn show_analysis(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<OfSplit>,
) -> Result<web::Json<Analysis>, ApiError> {
    let (id, app) = (*id, app.into_inner());
    let (split, found) = judgements(&app, &caller, id, query.split.as_deref()).await?;
    let analysis = compute(found, move |found| show::analysis(id, split, found)).await?;
    Ok(web::Json(analysis))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListSubtrees {
    /// `test` unless told otherwise, or `validation`.
    split: Option<String>,
    /// Id of the label that is looked into; the whole taxonomy unless given.
    label: Option<String>,
}

/// The children of a label, each with the figures of itself and of all labels below it.
#[utoipa::path(tag = "runs", params(("id" = i64, Path, description = "run"), ListSubtrees), responses((status = 200, body = Subtrees)))]
#[get("/runs/{id}/analysis/subtrees")]
async fn list_subtrees(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<ListSubtrees>,
) -> Result<web::Json<Subtrees>, ApiError> {
    let app = app.into_inner();
    let (_, found) = judgements(&app, &caller, *id, query.split.as_deref()).await?;
    let below = label(&found, "label", query.label.as_deref())?;
    let subtrees = compute(found, move |found| show::below(found, below)).await?;
    Ok(web::Json(subtrees))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListConfusion {
    /// `test` unless told otherwise, or `validation`.
    split: Option<String>,
    /// Labels below this level count as their ancestors on it; each label by itself unless given.
    level: Option<u32>,
    /// Only what has an end at or below this label.
    under: Option<String>,
    /// Only this kind: `right`, `too_shallow`, `too_deep`, `wrong_sibling`, `wrong_branch`, `missed`, `extra`, or `wrong` for all but `right`.
    kind: Option<String>,
    /// At most so many, 100 unless told otherwise, up to 1,000.
    limit: Option<u64>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// What was predicted in place of what, most frequent first. Ends of label paths are set beside each other; what lies above
/// them follows.
#[utoipa::path(tag = "runs", params(("id" = i64, Path, description = "run"), ListConfusion), responses((status = 200, body = ConfusionPage)))]
#[get("/runs/{id}/analysis/confusion")]
async fn list_confusion(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<ListConfusion>,
) -> Result<web::Json<ConfusionPage>, ApiError> {
    let app = app.into_inner();
    let (_, found) = judgements(&app, &caller, *id, query.split.as_deref()).await?;
    let filter = CellFilter {
        level: query.level,
        under: label(&found, "under", query.under.as_deref())?,
        kind: kind_of(query.kind.as_deref())?,
    };
    let from = position(query.cursor.as_deref())?;
    let limit = paging::limit(query.limit, 100, 1_000) as usize;
    let page = compute(found, move |found| {
        Ok(show::confusion(found, filter, from, limit))
    })
    .await?;
    Ok(web::Json(page))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListJudged {
    /// `test` unless told otherwise, or `validation`.
    split: Option<String>,
    /// Labels below this level count as their ancestors on it, as in the confusion.
    level: Option<u32>,
    /// The end that is right.
    gold: Option<String>,
    /// The end that was predicted.
    predicted: Option<String>,
    /// Only documents with an end at or below this label.
    under: Option<String>,
    /// Only this kind: `right`, `too_shallow`, `too_deep`, `wrong_sibling`, `wrong_branch`, `missed`, `extra`, or `wrong` for all but `right`.
    kind: Option<String>,
    /// At most so many, 20 unless told otherwise, up to 200.
    limit: Option<u64>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// The documents behind a cell of the confusion: their texts, what is right, and what was predicted.
#[utoipa::path(tag = "runs", params(("id" = i64, Path, description = "run"), ListJudged), responses((status = 200, body = JudgedPage)))]
#[get("/runs/{id}/analysis/documents")]
async fn list_judged(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<ListJudged>,
) -> Result<web::Json<JudgedPage>, ApiError> {
    let app = app.into_inner();
    let (_, found) = judgements(&app, &caller, *id, query.split.as_deref()).await?;
    let filter = DocumentFilter {
        level: query.level,
        under: label(&found, "under", query.under.as_deref())?,
        gold: label(&found, "gold", query.gold.as_deref())?,
        predicted: label(&found, "predicted", query.predicted.as_deref())?,
        kind: kind_of(query.kind.as_deref())?,
    };
    let from = position(query.cursor.as_deref())?;
    let limit = paging::limit(query.limit, 20, 200) as usize;
    let page = compute(found, move |found| {
        show::documents(found, filter, from, limit)
    })
    .await?;
    Ok(web::Json(page))
}
