//! Addresses of jobs.

use std::convert::Infallible;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, put, web};
use arborist_shared::api::accounts::Role;
use arborist_shared::api::jobs::{Job, JobList, JobStatus};
use arborist_shared::api::queue::{ChangeJob, Limit, Limits, MoveJob, Queue, QueueEnd, QueueJob};
use futures_util::stream;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::store::order::{self, Spot};
use super::{JobRow, Slot, cancel, find, look_again, queue, show, store, stream as events};
use crate::accounts::Caller;
use crate::http::paging;
use crate::http::problem::{ApiError, Code};
use crate::{App, accounts, projects};

/// Adds the addresses.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_jobs)
        .service(show_job)
        .service(watch_job)
        .service(cancel_job)
        .service(move_job)
        .service(change_job)
        .service(retry_job)
        .service(show_queue)
        .service(show_queued)
        .service(show_limits)
        .service(set_limits);
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

/// A job as server-sent events: `job` with the whole job whenever it changes, `run` with each event of a training, whose id
/// is the number of its line in the run's file. A reader that comes back with `Last-Event-ID` gets what it has missed.
/// The stream ends after the `job` event with a final status.
#[utoipa::path(tag = "jobs", params(("id" = i64, Path), ("Last-Event-ID" = Option<String>, Header)),
    responses((status = 200, content_type = "text/event-stream", body = String)))]
#[get("/jobs/{id}/events")]
async fn watch_job(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let row = visible_job(&app, &caller, *id, Role::Viewer).await?;
    let seen = request.headers().get("Last-Event-ID");
    let seen = seen.and_then(|seen| seen.to_str().ok()?.trim().parse().ok());
    let events = events::watch(app.into_inner(), row.id, seen);
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

/// Cancel a job: a waiting one ends at once, one at work at its next step; one that has ended stays as it is. Managers cancel
/// all of a project, others what they asked for.
#[utoipa::path(tag = "jobs", params(("id" = i64, Path)), responses((status = 200, body = Job)))]
#[delete("/jobs/{id}")]
async fn cancel_job(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
) -> Result<web::Json<Job>, ApiError> {
    let row = visible_job(&app, &caller, *id, Role::Viewer).await?;
    let is_own = caller.user_id().is_some() && row.created_by == caller.user_id();
    if !is_own {
        caller
            .in_project(&app, row.project_id, Role::Manager)
            .await?;
    }
    cancel(&app, row.id).await?;
    let row = find(&app, row.id).await?.unwrap_or(row);
    Ok(web::Json(show(&app, row)))
}

/// Put a waiting job elsewhere in the queue. Beside another one it takes that one's priority.
#[utoipa::path(tag = "jobs", params(("id" = i64, Path)), request_body = MoveJob, responses((status = 200, body = QueueJob)))]
#[post("/jobs/{id}/move")]
async fn move_job(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    body: web::Json<MoveJob>,
) -> Result<web::Json<QueueJob>, ApiError> {
    let row = visible_job(&app, &caller, *id, Role::Manager).await?;
    let spot = match body.0 {
        MoveJob {
            before: Some(other),
            after: None,
            to: None,
        } => Spot::Before(other),
        MoveJob {
            before: None,
            after: Some(other),
            to: None,
        } => Spot::After(other),
        MoveJob {
            before: None,
            after: None,
            to: Some(QueueEnd::First),
        } => Spot::First,
        MoveJob {
            before: None,
            after: None,
            to: Some(QueueEnd::Last),
        } => Spot::Last,
        _ => {
            return Err(ApiError::field(
                "",
                "expected one of `before`, `after` and `to`",
            ));
        }
    };
    if let Spot::Before(other) | Spot::After(other) = spot {
        visible_job(&app, &caller, other, Role::Manager).await?;
    }
    if !order::move_to(&app.db, row.id, spot).await? {
        return Err(not_waiting(row.id));
    }
    changed(&app, row).await
}

/// Change the priority of a waiting job. Higher ones are taken first; administrators give more than 0.
#[utoipa::path(tag = "jobs", params(("id" = i64, Path)), request_body = ChangeJob, responses((status = 200, body = QueueJob)))]
#[patch("/jobs/{id}")]
async fn change_job(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    body: web::Json<ChangeJob>,
) -> Result<web::Json<QueueJob>, ApiError> {
    let row = visible_job(&app, &caller, *id, Role::Manager).await?;
    let Some(priority) = body.priority else {
        return Err(ApiError::field(
            "/priority",
            "it is missing, expected a number",
        ));
    };
    if !(-100..=100).contains(&priority) {
        let message = format!("found {priority}, expected -100 to 100");
        return Err(ApiError::field("/priority", message));
    }
    if priority > 0 {
        caller.require(Role::Admin)?;
    }
    if !order::set_priority(&app.db, row.id, priority).await? {
        return Err(not_waiting(row.id));
    }
    changed(&app, row).await
}

/// Queue a training again that failed or was cancelled: it goes on from its last checkpoint, if it has one.
#[utoipa::path(tag = "jobs", params(("id" = i64, Path)), responses((status = 200, body = QueueJob)))]
#[post("/jobs/{id}/retry")]
async fn retry_job(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
) -> Result<web::Json<QueueJob>, ApiError> {
    let row = visible_job(&app, &caller, *id, Role::Manager).await?;
    let refused = |why: &str| {
        Err(ApiError::new(
            Code::JobNotEnded,
            format!("job {}: {why}", row.id),
        ))
    };
    if row.slot != Slot::Train.word() {
        return refused("only trainings can be queued again; upload the file once more");
    }
    super::check_limit(&app, caller.user_id(), 1).await?;
    if !store::requeue_ended(&app.db, row.id).await? {
        return refused("it has not failed and was not cancelled");
    }
    changed(&app, row).await
}

async fn changed(app: &App, row: JobRow) -> Result<web::Json<QueueJob>, ApiError> {
    app.jobs.live().tell(row.id);
    look_again(app);
    let row = find(app, row.id).await?.unwrap_or(row);
    Ok(web::Json(queue::one(app, row).await?))
}

fn not_waiting(id: i64) -> ApiError {
    ApiError::new(
        Code::JobNotWaiting,
        format!(
            "job {id}, or the one that it should stand beside, does not wait for the same kind of place"
        ),
    )
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ShowQueue {
    /// Only jobs of this project.
    project: Option<i64>,
    /// Waiting jobs at most, 100 unless told otherwise, up to 500.
    limit: Option<u64>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// The queue: devices, jobs at work, waiting ones with their turn and why they wait, and those that ended last.
#[utoipa::path(tag = "jobs", params(ShowQueue), responses((status = 200, body = Queue)))]
#[get("/queue")]
async fn show_queue(
    app: web::Data<App>,
    caller: Caller,
    query: web::Query<ShowQueue>,
) -> Result<web::Json<Queue>, ApiError> {
    let projects = match query.project {
        Some(project) => {
            caller.in_project(&app, project, Role::Viewer).await?;
            Some(vec![project])
        }
        None => projects::visible(&app, &caller).await?,
    };
    let skip = paging::number(query.cursor.as_deref())?.unwrap_or(0).max(0) as u64;
    let limit = paging::limit(query.limit, 100, 500);
    let queue = queue::of(&app, projects.as_deref(), skip, limit).await?;
    Ok(web::Json(queue))
}

/// A job with its place in the queue.
#[utoipa::path(tag = "jobs", params(("id" = i64, Path)), responses((status = 200, body = QueueJob)))]
#[get("/jobs/{id}/place")]
async fn show_queued(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
) -> Result<web::Json<QueueJob>, ApiError> {
    let row = visible_job(&app, &caller, *id, Role::Viewer).await?;
    Ok(web::Json(queue::one(&app, row).await?))
}

/// How many trainings people may have at work and waiting.
#[utoipa::path(tag = "jobs", responses((status = 200, body = Limits)))]
#[get("/limits")]
async fn show_limits(app: web::Data<App>, caller: Caller) -> Result<web::Json<Limits>, ApiError> {
    caller.require(Role::Admin)?;
    let rows = order::limits(app.db.read()).await?;
    let mut limits: Vec<Limit> = rows
        .into_values()
        .map(|row| Limit {
            user: row.user_id,
            running: row.running.map(|n| n as u32),
            waiting: row.waiting.map(|n| n as u32),
        })
        .collect();
    limits.sort_by_key(|limit| limit.user);
    Ok(web::Json(Limits { limits }))
}

/// Set how many trainings people may have, in the place of all limits before.
#[utoipa::path(tag = "jobs", request_body = Limits, responses((status = 200, body = Limits)))]
#[put("/limits")]
async fn set_limits(
    app: web::Data<App>,
    caller: Caller,
    body: web::Json<Limits>,
) -> Result<web::Json<Limits>, ApiError> {
    caller.require(Role::Admin)?;
    let mut named: Vec<Option<i64>> = body.limits.iter().map(|limit| limit.user).collect();
    named.sort_unstable();
    named.dedup();
    if named.len() != body.limits.len() {
        return Err(ApiError::field(
            "/limits",
            "somebody stands twice, expected one limit each",
        ));
    }
    let people: Vec<i64> = named.into_iter().flatten().collect();
    let names = accounts::names(&app, &people).await?;
    if let Some(unknown) = people.iter().find(|user| !names.contains_key(user)) {
        return Err(ApiError::field(
            "/limits",
            format!("there is no user {unknown}"),
        ));
    }
    order::set_limits(&app.db, &body.limits).await?;
    look_again(&app);
    Ok(body)
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
