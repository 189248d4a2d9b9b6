//! Addresses of comparisons.

use std::time::Duration;

use actix_web::{HttpResponse, get, post, web};
use arborist_shared::api::accounts::Role;
use arborist_shared::api::comparisons::{Comparison, NewComparison};
use arborist_shared::api::jobs::{Accepted, JobStatus};
use arborist_shared::split::Split;
use utoipa_actix_web::service_config::ServiceConfig;

use super::compare::{Compare, Outcome};
use super::store::{self, ComparisonRow};
use crate::accounts::Caller;
use crate::db::rfc3339;
use crate::http::accepted;
use crate::http::problem::{ApiError, Code};
use crate::jobs::{self, JobRequest};
use crate::{App, runs};

/// Until then the answer is waited for; then it becomes a job to watch.
const PATIENCE: Duration = Duration::from_secs(3);
const MAX_RUNS: usize = 10;
const DEFAULT_RESAMPLES: u32 = 10_000;
const MAX_RESAMPLES: u32 = 100_000;

/// Adds the addresses.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(compare_runs).service(show_comparison);
}

/// Compare runs on the documents that are test in all of them: figures of each, paired tests of each pair. Answers 201
/// when it is done within three seconds, else 202 with the job, whose result names the comparison.
#[utoipa::path(tag = "comparisons",
    responses((status = 201, body = Comparison), (status = 202, body = Accepted, headers(("Location" = String)))))]
#[post("/comparisons")]
async fn compare_runs(
    app: web::Data<App>,
    caller: Caller,
    body: web::Json<NewComparison>,
) -> Result<HttpResponse, ApiError> {
    let (project, compare) = check(&app, &caller, &body).await?;
    let request = JobRequest::Compare(compare);
    let title = format!("Compare {} runs", body.runs.len());
    let job = jobs::insert(app.db.write(), project, &title, &request, caller.user_id()).await?;
    app.jobs.wake(request.slot(), job);
    match tokio::time::timeout(PATIENCE, jobs::wait(&app, job)).await {
        // Still at work.
        Err(_) => Ok(accepted(job, None)),
        Ok(row) => {
            let row = row?;
            match (row.status, row.result) {
                (JobStatus::Succeeded, Some(result)) => {
                    let row = store::find(app.db.read(), result.id)
                        .await?
                        .ok_or_else(|| not_found(result.id))?;
                    let location = format!("/api/v1/comparisons/{}", row.id);
                    Ok(HttpResponse::Created()
                        .insert_header(("Location", location))
                        .json(show(row)?))
                }
                _ => Err(ApiError::new(
                    Code::ComparisonImpossible,
                    row.error
                        .unwrap_or_else(|| "the comparison was cancelled".to_owned()),
                )),
            }
        }
    }
}

/// A comparison.
#[utoipa::path(tag = "comparisons", params(("id" = i64, Path)), responses((status = 200, body = Comparison)))]
#[get("/comparisons/{id}")]
async fn show_comparison(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
) -> Result<web::Json<Comparison>, ApiError> {
    let row = store::find(app.db.read(), *id)
        .await?
        .ok_or_else(|| not_found(*id))?;
    match caller.in_project(&app, row.project_id, Role::Viewer).await {
        Err(error) if error.code() == Code::ProjectNotFound => Err(not_found(*id)),
        Err(error) => Err(error),
        Ok(_) => Ok(web::Json(show(row)?)),
    }
}

fn not_found(id: i64) -> ApiError {
    ApiError::new(
        Code::ComparisonNotFound,
        format!("there is no comparison {id} for you"),
    )
}

fn show(row: ComparisonRow) -> Result<Comparison, ApiError> {
    let outcome: Outcome = serde_json::from_str(&row.result)?;
    Ok(Comparison {
        id: row.id,
        split: outcome.split,
        n_documents: outcome.n_documents,
        runs: outcome.runs,
        tests: outcome.tests,
        created_at: rfc3339(row.created_at),
    })
}

/// Runs that can be compared, and the project that they belong to.
async fn check(
    app: &App,
    caller: &Caller,
    new: &NewComparison,
) -> Result<(i64, Compare), ApiError> {
    const RUNS: &str = "/runs";
    let split = new.split.unwrap_or(Split::Test);
    if split != Split::Test {
        return Err(ApiError::field(
            "/split",
            format!("found `{split}`, expected `test`: runs are compared on test documents"),
        ));
    }
    let n = new.runs.len();
    if !(2..=MAX_RUNS).contains(&n) {
        return Err(ApiError::field(
            RUNS,
            format!("found {n} runs, expected 2 to {MAX_RUNS}"),
        ));
    }
    let mut distinct = new.runs.clone();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() != n {
        return Err(ApiError::field(
            RUNS,
            "a run stands twice, expected different runs",
        ));
    }
    let resamples = new.resamples.unwrap_or(DEFAULT_RESAMPLES);
    if !(100..=MAX_RESAMPLES).contains(&resamples) {
        return Err(ApiError::field(
            "/resamples",
            format!("found {resamples}, expected 100 to {MAX_RESAMPLES}"),
        ));
    }
    let mut rows = Vec::with_capacity(n);
    for &id in &new.runs {
        let row = runs::routes::visible(app, caller, id).await?;
        if runs::status(app, &row).await? != Some(JobStatus::Succeeded) {
            return Err(ApiError::field(
                RUNS,
                format!("run {id} has not succeeded (yet)"),
            ));
        }
        rows.push(row);
    }
    let first = &rows[0];
    if let Some(other) = rows.iter().find(|row| row.taxonomy_id != first.taxonomy_id) {
        let detail = format!(
            "run {} was trained with taxonomy {}, run {} with taxonomy {}: their labels differ",
            first.id, first.taxonomy_id, other.id, other.taxonomy_id
        );
        return Err(ApiError::new(Code::ComparisonImpossible, detail));
    }
    let compare = Compare {
        runs: new.runs.clone(),
        taxonomy: first.taxonomy_id,
        split,
        resamples,
        seed: new.seed.unwrap_or(1),
    };
    Ok((first.project_id, compare))
}
