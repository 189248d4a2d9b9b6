//! Addresses of the review queue of a corpus version.

use actix_web::web::{self, Json};
use actix_web::{HttpResponse, get, post};
use arborist_shared::api::accounts::Role;
use arborist_shared::api::drafts::ReviewPage;
use arborist_shared::api::jobs::Accepted;
use arborist_shared::api::reviews::{
    Decided, DecisionPage, NewDecisions, NewProposals, ProposalPage, UndoDecisions,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::apply::ApplyReviews;
use super::propose::ProposeReviews;
use crate::accounts::Caller;
use crate::corpora::reviews::Which;
use crate::corpora::{CorpusRow, reviews, visible};
use crate::http::paging::PageQuery;
use crate::http::problem::{ApiError, Code};
use crate::http::{accepted, optional, paging};
use crate::jobs::{self, JobRequest};
use crate::{App, runs, taxonomies};

/// Adds the addresses.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_reviews)
        .service(list_decisions)
        .service(decide_reviews)
        .service(undo_decisions)
        .service(list_proposals)
        .service(propose_reviews)
        .service(apply_reviews);
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListReviews {
    /// At most so many, 100 unless told otherwise, up to 1,000.
    limit: Option<u64>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Id of a document: only that one, if it waits.
    document: Option<i64>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListProposals {
    /// The lowest score of the label that is proposed first, from 0 to 1; 0 unless told otherwise.
    at_least: Option<f32>,
    /// At most so many, 100 unless told otherwise, up to 1,000.
    limit: Option<u64>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Documents of a version that wait for a person since a taxonomy was published: labels that were split or deleted. Each
/// with the labels to choose from, and what a model proposes where one was asked.
#[utoipa::path(tag = "reviews", params(("id" = i64, Path, description = "corpus"), ListReviews),
    responses((status = 200, body = ReviewPage)))]
#[get("/corpora/{id}/reviews")]
async fn list_reviews(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<ListReviews>,
) -> Result<web::Json<ReviewPage>, ApiError> {
    let row = visible(&app, &caller, *id).await?;
    let after = paging::number(query.cursor.as_deref())?.unwrap_or(0);
    let limit = paging::limit(query.limit, 100, 1_000);
    let which = match query.document {
        Some(document) => Which::One(document),
        None => Which::After(after, limit),
    };
    Ok(web::Json(reviews::page(&app, row.id, which).await?))
}

/// Proposals for documents that wait whose first label has at least a score: what accepting those would decide.
#[utoipa::path(tag = "reviews", params(("id" = i64, Path, description = "corpus"), ListProposals),
    responses((status = 200, body = ProposalPage)))]
#[get("/corpora/{id}/reviews/proposals")]
async fn list_proposals(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<ListProposals>,
) -> Result<web::Json<ProposalPage>, ApiError> {
    let row = visible(&app, &caller, *id).await?;
    let at_least = query.at_least.unwrap_or(0.0);
    if !(0.0..=1.0).contains(&at_least) {
        let message = format!("found {at_least}, expected a score from 0 to 1");
        return Err(ApiError::field("/at_least", message));
    }
    let after = paging::number(query.cursor.as_deref())?.unwrap_or(0);
    let limit = paging::limit(query.limit, 100, 1_000);
    let page = reviews::sure(&app, row.id, at_least, after, limit).await?;
    Ok(web::Json(page))
}

/// Decisions in force about documents that waited, newest first.
#[utoipa::path(tag = "reviews", params(("id" = i64, Path, description = "corpus"), PageQuery),
    responses((status = 200, body = DecisionPage)))]
#[get("/corpora/{id}/reviews/decisions")]
async fn list_decisions(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    page: web::Query<PageQuery>,
) -> Result<web::Json<DecisionPage>, ApiError> {
    let row = visible(&app, &caller, *id).await?;
    let taxonomy = taxonomies::load(&app, row.taxonomy_id).await?;
    let (before, limit) = (page.before()?, page.limit());
    let page = reviews::decide::page(&app, row.id, &taxonomy, before, limit).await?;
    Ok(web::Json(page))
}

/// A version that the caller may change with this role.
async fn changeable(
    app: &App,
    caller: &Caller,
    id: i64,
    least: Role,
) -> Result<CorpusRow, ApiError> {
    let row = visible(app, caller, id).await?;
    caller.in_project(app, row.project_id, least).await?;
    Ok(row)
}

/// Decide about documents that wait, one or many, all or none: choose their labels, add some, or accept what is proposed.
#[utoipa::path(tag = "reviews", params(("id" = i64, Path, description = "corpus")),
    responses((status = 201, body = Decided)))]
#[post("/corpora/{id}/reviews/decisions")]
async fn decide_reviews(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    body: Json<NewDecisions>,
) -> Result<HttpResponse, ApiError> {
    let row = changeable(&app, &caller, *id, Role::Annotator).await?;
    let taxonomy = taxonomies::load(&app, row.taxonomy_id).await?;
    let author = (caller.user_id(), caller.name.as_str());
    let decided = reviews::decide::decide(&app, &row, &taxonomy, body.into_inner(), author).await?;
    Ok(HttpResponse::Created().json(decided))
}

/// Take decisions back, all or none: their documents wait again.
#[utoipa::path(tag = "reviews", params(("id" = i64, Path, description = "corpus")),
    responses((status = 200, body = Decided)))]
#[post("/corpora/{id}/reviews/undo")]
async fn undo_decisions(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    body: Json<UndoDecisions>,
) -> Result<web::Json<Decided>, ApiError> {
    let row = changeable(&app, &caller, *id, Role::Annotator).await?;
    let taxonomy = taxonomies::load(&app, row.taxonomy_id).await?;
    let author = (caller.user_id(), caller.name.as_str());
    let undone = reviews::decide::undo(&app, &row, &taxonomy, body.into_inner(), author).await?;
    Ok(web::Json(undone))
}

/// Let a model say which of the labels to choose from fits each document that waits. The job fails, and says why, where no
/// run knows any of them.
#[utoipa::path(tag = "reviews", params(("id" = i64, Path, description = "corpus")), request_body = Option<NewProposals>,
    responses((status = 202, body = Accepted, headers(("Location" = String)))))]
#[post("/corpora/{id}/reviews/proposals")]
async fn propose_reviews(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    body: web::Bytes,
) -> Result<HttpResponse, ApiError> {
    let row = changeable(&app, &caller, *id, Role::Reviewer).await?;
    let body: NewProposals = optional(&body)?;
    if let Some(run) = body.run {
        let known = runs::with_model(&app, row.project_id).await?;
        if known.iter().all(|&(known, _)| known != run) {
            let detail = format!("the project has no run {run} with a model");
            return Err(ApiError::field("/run", detail));
        }
    }
    let job = JobRequest::ProposeReviews(ProposeReviews {
        corpus: row.id,
        run: body.run,
    });
    start(
        &app,
        &caller,
        &row,
        "Propose labels for waiting documents",
        job,
    )
    .await
}

/// Make a corpus version with what was decided. Documents that wait go on waiting there.
#[utoipa::path(tag = "reviews", params(("id" = i64, Path, description = "corpus")),
    responses((status = 202, body = Accepted, headers(("Location" = String)))))]
#[post("/corpora/{id}/reviews/apply")]
async fn apply_reviews(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
) -> Result<HttpResponse, ApiError> {
    let row = changeable(&app, &caller, *id, Role::Reviewer).await?;
    if reviews::last_decision(&app, row.id).await?.is_none() {
        let detail = format!("nothing is decided about documents of corpus {}", row.id);
        return Err(ApiError::new(Code::ReviewSettled, detail));
    }
    let job = JobRequest::ApplyReviews(ApplyReviews { corpus: row.id });
    start(&app, &caller, &row, "Apply decisions", job).await
}

async fn start(
    app: &App,
    caller: &Caller,
    row: &CorpusRow,
    title: &str,
    job: JobRequest,
) -> Result<HttpResponse, ApiError> {
    let (db, user) = (app.db.write(), caller.user_id());
    let id = jobs::insert(db, row.project_id, title, &job, user).await?;
    app.jobs.wake(job.slot(), id);
    Ok(accepted(id, None))
}
