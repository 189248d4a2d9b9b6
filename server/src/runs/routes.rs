//! Addresses of runs.

use std::convert::Infallible;
use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::{self, Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse, get, post};
use arborist_shared::api::accounts::Role;
use arborist_shared::api::jobs::Accepted;
use arborist_shared::api::queue::RunLog;
use arborist_shared::api::runs::{
    EpochList, NewRun, PredictRequest, PredictResponse, Run, RunAnswer, RunEstimate, RunFigures,
    RunPage, RunTaxonomy,
};
use arborist_shared::decode::DecodeOptions;
use arborist_shared::split::Split;
use futures_util::{StreamExt, stream};
use sea_orm::DatabaseTransaction;
use serde::Deserialize;
use tokio::sync::mpsc;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::predict::{Wish, stream as answer_stream, whole as answer_whole};
use super::request::Checked;
use super::spool::Spool;
use super::store::{self, NewRunRow, RunRow};
use super::train::Train;
use super::{estimate, fit, groups, intervals, log, models, newer, request};
use crate::accounts::Caller;
use crate::http::problem::{ApiError, Code};
use crate::http::{accepted, paging, upload};
use crate::jobs::{self, JobRequest};
use crate::work::device_kind;
use crate::{App, devices};

/// A request that is sent whole; longer ones are streamed.
const MAX_PREDICT: usize = 32 << 20;
const MAX_DOCUMENTS: usize = 10_000;
/// What a stream says of all its lines, which stand in the body where an answer comes whole.
const RUN_HEADER: &str = "Arborist-Run";
const TAXONOMY_HEADER: &str = "Arborist-Taxonomy";
/// Documents of one stream that may wait for their answers, in bytes.
const SPOOL: u64 = 4 << 30;
/// Answers of one stream that may wait for their reader, in batches; beyond, the model waits.
const ANSWERS: usize = 4;

/// Adds the addresses.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(create_run)
        .service(estimate_run)
        .service(list_runs)
        .service(show_run)
        .service(show_taxonomy)
        .service(show_metrics)
        .service(list_epochs)
        .service(predict)
        .service(show_log);
    groups::configure(config);
}

/// Train a method on a corpus. Everything is checked before anything is queued: the answer to a request that cannot work
/// is 422 with the fields at fault. Encoders and word vectors are named by asset id, or `minilm`; never by path.
#[utoipa::path(tag = "runs", params(("id" = i64, Path, description = "project")), request_body = NewRun,
    responses((status = 202, body = Accepted, headers(("Location" = String)))))]
#[post("/projects/{id}/runs")]
async fn create_run(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    body: web::Json<serde_json::Value>,
) -> Result<HttpResponse, ApiError> {
    caller.in_project(&app, *id, Role::Manager).await?;
    let new: NewRun = parse(body.into_inner())?;
    let after = new.after.clone();
    let priority = new.priority.unwrap_or(0);
    check_priority(&caller, priority)?;
    let checked = request::check(&app, *id, new).await?;
    check_after(&app, *id, &after).await?;
    jobs::check_limit(&app, caller.user_id(), 1).await?;
    let needs = needs(&app, *id, &checked, priority, after).await?;
    let transaction = app.db.begin().await?;
    let (job, run) = queue_run(&transaction, *id, checked, needs, caller.user_id()).await?;
    transaction.commit().await?;
    app.jobs.wake(JobRequest::Train(Train {}).slot(), job);
    Ok(accepted(job, Some(run)))
}

/// Queues a checked run; answers its job and its id. The caller wakes the queue once the transaction is committed.
pub(super) async fn queue_run(
    transaction: &DatabaseTransaction,
    project: i64,
    checked: Checked,
    needs: jobs::Needs,
    created_by: Option<i64>,
) -> Result<(i64, i64), ApiError> {
    let title = format!("Train {}", checked.plugin.side.manifest.title);
    let request = JobRequest::Train(Train {});
    let job = jobs::insert_with(transaction, project, &title, &request, created_by, needs).await?;
    let row = NewRunRow {
        project,
        job,
        corpus: checked.corpus.id,
        taxonomy: checked.taxonomy.id,
        method: checked.plugin.side.name,
        plugin_version: checked.plugin.side.version,
        preset: Some(checked.preset),
        hyperparameters: checked.hyperparameters,
        encoder: checked.encoder,
        word_vectors: checked.word_vectors,
        seed: checked.seed,
        device: checked.device,
        created_by,
    };
    Ok((job, store::insert(transaction, row).await?))
}

/// What the queue has to know of a checked run.
pub(super) async fn needs(
    app: &App,
    project: i64,
    checked: &Checked,
    priority: i64,
    after: Vec<i64>,
) -> Result<jobs::Needs, ApiError> {
    // Methods without libtorch work on the processor, whatever there is.
    let uses_gpus = checked.plugin.side.torch.is_some() || app.devices.is_simulated();
    let device = match checked.device.as_str() {
        "auto" if !uses_gpus => devices::CPU,
        "auto" if !app.devices.is_simulated() && device_kind("auto") != "cuda" => devices::CPU,
        asked => asked,
    };
    Ok(jobs::Needs {
        device: Some(device.to_owned()),
        memory_bytes: Some(checked.memory_bytes()),
        seconds: estimate::seconds(app, project, checked).await?,
        priority,
        jobs: after,
    })
}

/// Everybody may step back; to be preferred is for administrators to give.
pub(super) fn check_priority(caller: &Caller, priority: i64) -> Result<(), ApiError> {
    if !(-100..=100).contains(&priority) {
        let message = format!("found {priority}, expected -100 to 100");
        return Err(ApiError::field("/priority", message));
    }
    if priority > 0 {
        caller.require(Role::Admin)?;
    }
    Ok(())
}

/// Jobs that a run waits for are of its project.
pub(super) async fn check_after(app: &App, project: i64, after: &[i64]) -> Result<(), ApiError> {
    for &id in after {
        let row = jobs::find(app, id).await?;
        if row.is_none_or(|row| row.project_id != project) {
            return Err(ApiError::field(
                "/after",
                format!("project {project} has no job {id}"),
            ));
        }
    }
    Ok(())
}

/// What a run would need and how long it would take, before anything is queued. The body is that of a new run, and is
/// refused where a new run would be, except for its memory: `fits` tells of that.
#[utoipa::path(tag = "runs", params(("id" = i64, Path, description = "project")), request_body = NewRun,
    responses((status = 200, body = RunEstimate)))]
#[post("/projects/{id}/runs/estimate")]
async fn estimate_run(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    body: web::Json<serde_json::Value>,
) -> Result<web::Json<RunEstimate>, ApiError> {
    caller.in_project(&app, *id, Role::Viewer).await?;
    let new: NewRun = parse(body.into_inner())?;
    Ok(web::Json(estimate::of(&app, *id, new).await?))
}

/// A request whose fields have the right types. JSON that is well-formed but not a run is 422, with the field.
fn parse(body: serde_json::Value) -> Result<NewRun, ApiError> {
    for (field, is_expected, expected) in [
        (
            "method",
            serde_json::Value::is_string as fn(&serde_json::Value) -> bool,
            "the name of a method",
        ),
        ("corpus", serde_json::Value::is_i64, "the id of a corpus"),
        (
            "taxonomy",
            serde_json::Value::is_i64,
            "the id of a taxonomy",
        ),
    ] {
        match body.get(field) {
            None => {
                return Err(ApiError::field(
                    &format!("/{field}"),
                    format!("it is missing, expected {expected}"),
                ));
            }
            Some(value) if !is_expected(value) => {
                return Err(ApiError::field(
                    &format!("/{field}"),
                    format!("found {value}, expected {expected}"),
                ));
            }
            Some(_) => {}
        }
    }
    if let Some(value) = body
        .get("word_vectors")
        .filter(|value| !value.is_null() && !value.is_i64())
    {
        return Err(ApiError::field(
            "/word_vectors",
            format!("found {value}, expected the id of an asset"),
        ));
    }
    serde_json::from_value(body)
        .map_err(|error| ApiError::new(Code::FieldInvalid, error.to_string()))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListRuns {
    /// At most so many, 100 unless told otherwise, up to 1,000.
    limit: Option<u64>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Runs of a project with their headline figures, newest first.
#[utoipa::path(tag = "runs", params(("id" = i64, Path, description = "project"), ListRuns), responses((status = 200, body = RunPage)))]
#[get("/projects/{id}/runs")]
async fn list_runs(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<ListRuns>,
) -> Result<web::Json<RunPage>, ApiError> {
    caller.in_project(&app, *id, Role::Viewer).await?;
    let before = paging::number(query.cursor.as_deref())?;
    let limit = paging::limit(query.limit, 100, 1_000);
    let mut runs = store::list(app.db.read(), *id, before, limit + 1).await?;
    let next = paging::cut(&mut runs, limit, |run: &Run| run.id);
    fit::add(&app, *id, &mut runs).await?;
    Ok(web::Json(RunPage { runs, next }))
}

/// A run.
#[utoipa::path(tag = "runs", params(("id" = i64, Path)), responses((status = 200, body = RunAnswer)))]
#[get("/runs/{id}")]
async fn show_run(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
) -> Result<web::Json<RunAnswer>, ApiError> {
    let row = visible(&app, &caller, *id).await?;
    let run = store::find_shown(app.db.read(), row.id).await?;
    let mut run = run.ok_or_else(|| {
        ApiError::new(
            Code::RunNotFound,
            format!("there is no run {} for you", row.id),
        )
    })?;
    fit::add(&app, row.project_id, std::slice::from_mut(&mut run)).await?;
    Ok(web::Json(RunAnswer { run }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ShowTaxonomy {
    /// Id of a version of the project; the newest one unless given.
    taxonomy: Option<i64>,
}

/// What a newer taxonomy does to a run's model: which outputs still mean their label, and for which labels it has to be
/// trained again.
#[utoipa::path(tag = "runs", params(("id" = i64, Path), ShowTaxonomy), responses((status = 200, body = RunTaxonomy)))]
#[get("/runs/{id}/taxonomy")]
async fn show_taxonomy(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<ShowTaxonomy>,
) -> Result<web::Json<RunTaxonomy>, ApiError> {
    let row = visible(&app, &caller, *id).await?;
    Ok(web::Json(fit::of_run(&app, &row, query.taxonomy).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ShowMetrics {
    /// `test` unless told otherwise, or `validation`.
    split: Option<String>,
    /// Whether 95 % intervals of the headline figures come along; the first time takes a moment.
    #[serde(default)]
    intervals: bool,
}

/// All figures of a run on a split.
#[utoipa::path(tag = "runs", params(("id" = i64, Path), ShowMetrics), responses((status = 200, body = RunFigures)))]
#[get("/runs/{id}/metrics")]
async fn show_metrics(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<ShowMetrics>,
) -> Result<HttpResponse, ApiError> {
    let row = visible(&app, &caller, *id).await?;
    let split = match query.split.as_deref() {
        None | Some("") => Split::Test,
        Some(split) => split
            .parse()
            .map_err(|error: arborist_shared::split::UnknownSplit| {
                ApiError::field("split", error.to_string())
            })?,
    };
    let metrics = store::metrics(app.db.read(), row.id, split).await?;
    let metrics = metrics.ok_or_else(|| {
        ApiError::new(
            Code::MetricsNotFound,
            format!("run {} has no figures for {split}", row.id),
        )
    })?;
    let body = if query.intervals {
        let app = app.into_inner();
        let intervals = intervals::of(&app, &row, split, &metrics).await?;
        intervals::beside(&metrics, intervals.as_deref())
    } else {
        metrics
    };
    // As it was stored: not a digit is touched.
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .body(body))
}

/// The epochs of a run so far.
#[utoipa::path(tag = "runs", params(("id" = i64, Path)), responses((status = 200, body = EpochList)))]
#[get("/runs/{id}/epochs")]
async fn list_epochs(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
) -> Result<web::Json<EpochList>, ApiError> {
    let row = visible(&app, &caller, *id).await?;
    Ok(web::Json(EpochList {
        epochs: store::epochs(app.db.read(), row.id).await?,
    }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ShowLog {
    /// Only lines with these letters, whatever their case.
    search: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// What a run and its libraries said. While the run is at work, `next` is where to ask for more.
#[utoipa::path(tag = "runs", params(("id" = i64, Path), ShowLog), responses((status = 200, body = RunLog)))]
#[get("/runs/{id}/log")]
async fn show_log(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<ShowLog>,
) -> Result<web::Json<RunLog>, ApiError> {
    let row = visible(&app, &caller, *id).await?;
    let query = query.into_inner();
    let cursor = log::Cursor::read(query.cursor.as_deref())?;
    let path = app.folders.run(row.id);
    let read = move || log::read(&path, cursor, query.search.as_deref().unwrap_or_default());
    let log = tokio::task::spawn_blocking(read)
        .await
        .map_err(ApiError::internal)?
        .map_err(ApiError::internal)?;
    Ok(web::Json(log))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PredictQuery {
    /// For streams: labels at most in each answer, best first; ancestors of those are always there.
    limit: Option<u32>,
    /// For streams: raw scores strictly above it count; the method's own unless told otherwise.
    threshold: Option<f32>,
    /// For streams: how label sets are made from scores, as the JSON that `decoding` of a request holds.
    decoding: Option<String>,
    /// Id of a newer version of the project's taxonomy to answer in: what was merged counts for what it went into, what was
    /// split is answered with the labels above, and what was deleted with nothing. The run's own unless told otherwise.
    taxonomy: Option<i64>,
}

impl PredictQuery {
    fn decoding(&self) -> Result<Option<DecodeOptions>, ApiError> {
        let parse = |text: &String| {
            serde_json::from_str(text)
                .map_err(|error| ApiError::field("/decoding", format!("found `{text}`: {error}")))
        };
        self.decoding.as_ref().map(parse).transpose()
    }
}

/// Classify texts. As JSON, all at once; as `application/x-ndjson`, a `PredictDocument` a line in, a `PredictedDocument` a line
/// out, in the same order, where a line that cannot be answered gets `{"id","line","error"}` in its place. A stream may be
/// written to its end before anything is read.
#[utoipa::path(tag = "runs", params(("id" = i64, Path), PredictQuery),
    request_body(content((PredictRequest = "application/json"), (String = "application/x-ndjson"))),
    responses((status = 200, content((PredictResponse = "application/json"), (String = "application/x-ndjson")),
        headers(("Arborist-Run" = i64, description = "of a stream: the run whose model answers"),
            ("Arborist-Taxonomy" = i64, description = "of a stream: taxonomy version of the labels")))))]
#[post("/runs/{id}/predict")]
async fn predict(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<PredictQuery>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let app = app.into_inner();
    let run = *id;
    // A model that is loaded tells its project: no query on the way of most requests.
    match app.models.loaded(run) {
        Some(model) => hide(
            run,
            caller.in_project(&app, model.project, Role::Viewer).await,
        )?,
        None => {
            let row = visible(&app, &caller, run).await?;
            let status = store::status(app.db.read(), &row).await?;
            if status != Some(jobs::JobStatus::Succeeded) {
                return Err(ApiError::new(
                    Code::RunNotReady,
                    format!("run {run} has not succeeded (yet)"),
                ));
            }
        }
    }
    let newer = match query.taxonomy {
        Some(taxonomy) => {
            let row = visible(&app, &caller, run).await?;
            newer::of(&app, &row, taxonomy).await?
        }
        None => None,
    };
    let kind = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    match kind.split(';').next().unwrap_or_default().trim() {
        "application/json" => {
            let body = upload::peek(&request, payload, MAX_PREDICT).await?;
            let asked: PredictRequest = serde_json::from_slice(&body)
                .map_err(|error| ApiError::new(Code::MalformedJson, error.to_string()))?;
            if asked.documents.len() > MAX_DOCUMENTS {
                let detail = format!(
                    "found {} documents, at most {MAX_DOCUMENTS} are accepted at once: stream them as application/x-ndjson",
                    asked.documents.len()
                );
                return Err(ApiError::new(Code::PayloadTooLarge, detail));
            }
            let body = answer_whole(&app, run, newer.as_deref(), asked).await?;
            Ok(HttpResponse::Ok()
                .content_type("application/json")
                .body(body))
        }
        "application/x-ndjson" | "application/jsonl" | "application/x-jsonlines" => {
            let wish = Wish::new(query.limit, query.threshold, query.decoding()?)?;
            // A model that cannot be loaded is told before the stream begins.
            let model = models::find(&app, run).await?;
            Ok(stream_predictions(app, model, newer, wish, payload))
        }
        other => {
            let detail =
                format!("found `{other}`, expected `application/json` or `application/x-ndjson`");
            Err(ApiError::new(Code::UnsupportedMediaType, detail))
        }
    }
}

/// Reads the request on this thread, answers it on the server's own, and streams the answers.
fn stream_predictions(
    app: Arc<App>,
    model: Arc<models::Model>,
    newer: Option<Arc<newer::Newer>>,
    wish: Wish,
    payload: Payload,
) -> HttpResponse {
    let spool = Arc::new(Spool::new(&app.folders.passing(), SPOOL));
    let (sender, answers) = mpsc::channel::<Bytes>(ANSWERS);
    actix_web::rt::spawn(fill(Arc::clone(&spool), payload, sender.clone()));
    let runtime = app.runtime.clone();
    let run = model.run;
    let taxonomy = newer
        .as_ref()
        .map_or(model.taxonomy_id, |newer| newer.taxonomy_id);
    runtime.spawn(answer_stream(app, model, newer, wish, spool, sender));
    let body = stream::unfold(answers, |mut answers| async move {
        let chunk = answers.recv().await?;
        Some((Ok::<_, Infallible>(chunk), answers))
    });
    HttpResponse::Ok()
        .content_type("application/x-ndjson")
        .insert_header(header::ContentEncoding::Identity)
        .insert_header(("X-Accel-Buffering", "no"))
        .insert_header((RUN_HEADER, run))
        .insert_header((TAXONOMY_HEADER, taxonomy))
        .streaming(body)
}

/// Reads the request as fast as it comes, until it ends or nobody wants the answers any more.
async fn fill(spool: Arc<Spool>, mut payload: Payload, answers: mpsc::Sender<Bytes>) {
    let mut reason = None;
    loop {
        let chunk = tokio::select! {
            chunk = payload.next() => chunk,
            () = answers.closed() => break,
        };
        match chunk {
            None => break,
            // After a refusal the rest is read past, so that the answers get through.
            Some(Ok(chunk)) => match spool.push(chunk).await {
                Ok(_) => {}
                Err(error) => reason = Some(format!("the spool on disk failed: {error}")),
            },
            Some(Err(error)) => {
                reason = Some(format!("the request ended early: {error}"));
                break;
            }
        }
        if reason.is_some() {
            break;
        }
    }
    spool.end(reason).await;
}

/// A run that the caller may see.
pub(crate) async fn visible(app: &App, caller: &Caller, id: i64) -> Result<RunRow, ApiError> {
    let row = store::find(app.db.read(), id).await?;
    let row = row
        .ok_or_else(|| ApiError::new(Code::RunNotFound, format!("there is no run {id} for you")))?;
    hide(
        id,
        caller.in_project(app, row.project_id, Role::Viewer).await,
    )?;
    Ok(row)
}

/// Who may not know of the project may not know of the run.
fn hide(run: i64, access: Result<Role, ApiError>) -> Result<(), ApiError> {
    match access {
        Err(error) if error.code() == Code::ProjectNotFound => Err(ApiError::new(
            Code::RunNotFound,
            format!("there is no run {run} for you"),
        )),
        Err(error) => Err(error),
        Ok(_) => Ok(()),
    }
}
