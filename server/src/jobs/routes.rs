//! Addresses of jobs.

use std::convert::Infallible;

use actix_web::http::header;
use actix_web::{HttpResponse, delete, get, web};
use arborist_shared::api::accounts::Role;
use arborist_shared::api::jobs::{Job, JobList, JobStatus};
use futures_util::stream;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{JobRow, cancel, find, show, store, stream as events};
use crate::accounts::Caller;
use crate::http::paging;
use crate::http::problem::{ApiError, Code};
use crate::{App, projects};

/// Adds the addresses.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_jobs)
        .service(show_job)
        .service(watch_job)
        .service(cancel_job);
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListJobs {
    /// Only those of this project.
    project: Option<i64>,
    /// Only those with this status.
    status: Option<JobStatus>,
    /// At most so many, 50 unless told otherwise, up to 500.
    limit: Option<u64>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Only those older than this id.
    before: Option<i64>,
}

/// Jobs, newest first.
#[utoipa::path(tag = "jobs", params(ListJobs), responses((status = 200, body = JobList)))]
#[get("/jobs")]
async fn list_jobs(
    app: web::Data<App>,
    caller: Caller,
    query: web::Query<ListJobs>,
) -> Result<web::Json<JobList>, ApiError> {
    let projects = match query.project {
        Some(project) => {
            caller.in_project(&app, project, Role::Viewer).await?;
            Some(vec![project])
        }
        None => projects::visible(&app, &caller).await?,
    };
    let cursor = paging::number(query.cursor.as_deref())?;
    let before = [cursor, query.before].into_iter().flatten().min();
    let limit = paging::limit(query.limit, 50, 500);
    let mut rows = store::list(
        app.db.read(),
        projects.as_deref(),
        query.status,
        before,
        limit + 1,
    )
    .await?;
    let next = paging::cut(&mut rows, limit, |row| row.id);
    Ok(web::Json(JobList {
        jobs: rows.into_iter().map(|row| show(&app, row)).collect(),
        next,
    }))
}

/// A job.
#[utoipa::path(tag = "jobs", params(("id" = i64, Path)), responses((status = 200, body = Job)))]
#[get("/jobs/{id}")]
async fn show_job(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
) -> Result<web::Json<Job>, ApiError> {
    let row = visible_job(&app, &caller, *id, Role::Viewer).await?;
    Ok(web::Json(show(&app, row)))
}

/// A job as server-sent events: `job` with the whole job whenever it changes, `run` with each event of a training.
/// The stream ends after the `job` event with a final status.
#[utoipa::path(tag = "jobs", params(("id" = i64, Path)),
    responses((status = 200, content_type = "text/event-stream", body = String)))]
#[get("/jobs/{id}/events")]
async fn watch_job(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
) -> Result<HttpResponse, ApiError> {
    let row = visible_job(&app, &caller, *id, Role::Viewer).await?;
    let events = events::watch(app.into_inner(), row.id);
    let body = stream::unfold(events, |mut events| async move {
        let chunk = events.recv().await?;
        Some((Ok::<_, Infallible>(chunk), events))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        // Compression would hold events back; so would a proxy's buffer.
        .insert_header(header::ContentEncoding::Identity)
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(body))
}

/// Cancel a job: a waiting one ends at once, one at work at its next step; one that has ended stays as it is.
#[utoipa::path(tag = "jobs", params(("id" = i64, Path)), responses((status = 200, body = Job)))]
#[delete("/jobs/{id}")]
async fn cancel_job(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
) -> Result<web::Json<Job>, ApiError> {
    let row = visible_job(&app, &caller, *id, Role::Manager).await?;
    cancel(&app, row.id).await?;
    let row = find(&app, row.id).await?.unwrap_or(row);
    Ok(web::Json(show(&app, row)))
}

async fn visible_job(app: &App, caller: &Caller, id: i64, least: Role) -> Result<JobRow, ApiError> {
    let not_found = || ApiError::new(Code::JobNotFound, format!("there is no job {id} for you"));
    let row = find(app, id).await?.ok_or_else(not_found)?;
    match caller.in_project(app, row.project_id, least).await {
        Err(error) if error.code() == Code::ProjectNotFound => Err(not_found()),
        Err(error) => Err(error),
        Ok(_) => Ok(row),
    }
}
