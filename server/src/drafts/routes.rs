//! Addresses of drafts: beginning, changing and reading them. What follows from a draft is in [`versions`].

mod versions;

use std::convert::Infallible;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use arborist_shared::LabelIndex;
use arborist_shared::api::accounts::Role;
use arborist_shared::api::drafts::{
    DraftAnswer, DraftEdited, DraftHistory, DraftImpact, DraftLabelPage, DraftList, DraftProblems,
    DraftState, EntryKind, LabelCard, NewDraft, NewEdits, Turn,
};
use futures_util::stream;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::edit::{self, Doing};
use super::store::{self, DraftRow};
use super::{Author, find, impact, show, stream as events, visible};
use crate::accounts::Caller;
use crate::http::optional;
use crate::http::paging::{self, PageQuery};
use crate::http::problem::{ApiError, Code};
use crate::{App, corpora, taxonomies};

/// Edits that are sent at once.
const MAX_EDITS: usize = 10_000;

/// Adds the addresses.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(create_draft)
        .service(list_drafts)
        .service(show_draft)
        .service(discard_draft)
        .service(list_edits)
        .service(add_edits)
        .service(undo_edit)
        .service(redo_edit)
        .service(list_draft_labels)
        .service(show_draft_label)
        .service(list_problems)
        .service(show_impact)
        .service(watch_draft);
    versions::configure(config);
}

/// Begin a draft of a version. Several may be worked on at once; one of them is published.
#[utoipa::path(tag = "drafts", params(("id" = i64, Path, description = "taxonomy")), request_body = Option<NewDraft>,
    responses((status = 201, body = DraftAnswer, headers(("Location" = String), ("ETag" = String)))))]
#[post("/taxonomies/{id}/drafts")]
async fn create_draft(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    body: web::Bytes,
) -> Result<HttpResponse, ApiError> {
    let taxonomy = taxonomies::visible(&app, &caller, *id).await?;
    caller
        .in_project(&app, taxonomy.project_id, Role::Reviewer)
        .await?;
    let new: NewDraft = optional(&body)?;
    let row = store::insert(
        app.db.write(),
        taxonomy.project_id,
        taxonomy.id,
        new.name.trim(),
        &Author::from(&caller),
    )
    .await?;
    let location = format!("/api/v1/drafts/{}", row.id);
    let tag = tag(&row);
    let draft = show(&app, row).await?;
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, location))
        .insert_header(tag)
        .json(DraftAnswer { draft }))
}

/// Drafts of a version, newest first.
#[utoipa::path(tag = "drafts", params(("id" = i64, Path, description = "taxonomy"), PageQuery),
    responses((status = 200, body = DraftList)))]
#[get("/taxonomies/{id}/drafts")]
async fn list_drafts(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    page: web::Query<PageQuery>,
) -> Result<web::Json<DraftList>, ApiError> {
    let taxonomy = taxonomies::visible(&app, &caller, *id).await?;
    let (before, limit) = (page.before()?, page.limit());
    let mut rows = store::list(app.db.read(), taxonomy.id, before, limit + 1).await?;
    let next = paging::cut(&mut rows, limit, |row| row.id);
    let mut drafts = Vec::with_capacity(rows.len());
    for row in rows {
        // One that its job let go of is open again.
        let row = match row.state {
            DraftState::Publishing => find(&app, row.id).await?,
            _ => row,
        };
        drafts.push(show(&app, row).await?);
    }
    Ok(web::Json(DraftList { drafts, next }))
}

/// A draft.
#[utoipa::path(tag = "drafts", params(("id" = i64, Path)),
    responses((status = 200, body = DraftAnswer, headers(("ETag" = String)))))]
#[get("/drafts/{id}")]
async fn show_draft(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
) -> Result<HttpResponse, ApiError> {
    let row = visible(&app, &caller, *id, Role::Viewer).await?;
    let tag = tag(&row);
    let draft = show(&app, row).await?;
    Ok(HttpResponse::Ok()
        .insert_header(tag)
        .json(DraftAnswer { draft }))
}

/// Give a draft up. Its edits stay readable.
#[utoipa::path(tag = "drafts", params(("id" = i64, Path)), responses((status = 200, body = DraftAnswer)))]
#[delete("/drafts/{id}")]
async fn discard_draft(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    request: HttpRequest,
) -> Result<web::Json<DraftAnswer>, ApiError> {
    let row = visible(&app, &caller, *id, Role::Reviewer).await?;
    let seen = seen(&request, None)?;
    let states = (DraftState::Open, DraftState::Discarded);
    if !store::change_state(app.db.write(), row.id, seen, states, None).await? {
        let row = find(&app, row.id).await?;
        edit::expect_open(&row)?;
        return Err(edit::stale(&app, &row, seen).await?);
    }
    app.drafts.tell(row.id);
    let row = find(&app, row.id).await?;
    let draft = show(&app, row).await?;
    Ok(web::Json(DraftAnswer { draft }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListEdits {
    /// Only what was done after this revision.
    after: Option<i64>,
    /// At most so many, 1,000 unless told otherwise, which is the most.
    limit: Option<u64>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// What was done to a draft, oldest first, and which edits are in force.
#[utoipa::path(tag = "drafts", params(("id" = i64, Path), ListEdits), responses((status = 200, body = DraftHistory)))]
#[get("/drafts/{id}/edits")]
async fn list_edits(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<ListEdits>,
) -> Result<web::Json<DraftHistory>, ApiError> {
    let row = visible(&app, &caller, *id, Role::Viewer).await?;
    let cursor = paging::number(query.cursor.as_deref())?;
    let after = cursor.or(query.after).unwrap_or(0);
    let limit = paging::limit(query.limit, 1_000, 1_000);
    let rows = store::entries(app.db.read(), row.id, after, Some(limit + 1)).await?;
    let mut entries: Vec<_> = rows.into_iter().map(|(entry, _)| entry).collect();
    let next = paging::cut(&mut entries, limit, |entry| entry.revision);
    let in_force = match cursor {
        Some(_) => Vec::new(),
        None => app.drafts.get(row.id).in_force(&app, &row).await?,
    };
    Ok(web::Json(DraftHistory {
        entries,
        in_force,
        next,
    }))
}

/// Add edits to a draft, all or none. With the revision that the caller has seen, in the body or as `If-Match`, they are
/// refused when others were faster: `409` with what those did.
#[utoipa::path(tag = "drafts", params(("id" = i64, Path)), request_body = NewEdits,
    responses((status = 200, body = DraftEdited)))]
#[post("/drafts/{id}/edits")]
async fn add_edits(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    request: HttpRequest,
    body: web::Json<serde_json::Value>,
) -> Result<web::Json<DraftEdited>, ApiError> {
    let row = visible(&app, &caller, *id, Role::Reviewer).await?;
    let new = serde_json::from_value(body.into_inner())
        .map_err(|error| ApiError::new(Code::MalformedJson, error.to_string()))?;
    let NewEdits { revision, edits } = new;
    if edits.is_empty() || edits.len() > MAX_EDITS {
        let found = edits.len();
        return Err(ApiError::field(
            "/edits",
            format!("found {found} edits, expected 1 to {MAX_EDITS}"),
        ));
    }
    let seen = seen(&request, revision)?;
    let author = Author::from(&caller);
    let edited = edit::carry_out(&app, row.id, seen, Doing::Edits(edits), author).await?;
    Ok(web::Json(edited))
}

/// Undo an edit: the caller's own last one unless another is named.
#[utoipa::path(tag = "drafts", params(("id" = i64, Path)), request_body = Option<Turn>,
    responses((status = 200, body = DraftEdited)))]
#[post("/drafts/{id}/undo")]
async fn undo_edit(asked: TurnRequest) -> Result<web::Json<DraftEdited>, ApiError> {
    turn(asked, EntryKind::Undo).await
}

/// Do an edit again that was undone: the caller's own last one unless another is named.
#[utoipa::path(tag = "drafts", params(("id" = i64, Path)), request_body = Option<Turn>,
    responses((status = 200, body = DraftEdited)))]
#[post("/drafts/{id}/redo")]
async fn redo_edit(asked: TurnRequest) -> Result<web::Json<DraftEdited>, ApiError> {
    turn(asked, EntryKind::Redo).await
}

/// What undoing and redoing are asked with.
type TurnRequest = (
    web::Data<App>,
    Caller,
    web::Path<i64>,
    HttpRequest,
    web::Bytes,
);

async fn turn(
    (app, caller, id, request, body): TurnRequest,
    kind: EntryKind,
) -> Result<web::Json<DraftEdited>, ApiError> {
    let row = visible(&app, &caller, *id, Role::Reviewer).await?;
    let turn: Turn = optional(&body)?;
    let seen = seen(&request, turn.revision)?;
    let doing = Doing::Turn(kind, turn.edit);
    let edited = edit::carry_out(&app, row.id, seen, doing, Author::from(&caller)).await?;
    Ok(web::Json(edited))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListDraftLabels {
    /// Part of a name or an id; best first.
    search: Option<String>,
    /// Only the children of this label id; empty = those below the root.
    parent: Option<String>,
    /// At most so many, 100 unless told otherwise, up to 10,000.
    limit: Option<u64>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Labels of a draft as it is now: all in taxonomy order, the children of one, or those that a search finds.
#[utoipa::path(tag = "drafts", params(("id" = i64, Path), ListDraftLabels),
    responses((status = 200, body = DraftLabelPage)))]
#[get("/drafts/{id}/labels")]
async fn list_draft_labels(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<ListDraftLabels>,
) -> Result<web::Json<DraftLabelPage>, ApiError> {
    let row = visible(&app, &caller, *id, Role::Viewer).await?;
    let view = app.drafts.get(row.id).view(&app, &row).await?;
    let labels: Vec<LabelIndex> = taxonomies::choose(
        &view.index,
        query.search.as_deref(),
        query.parent.as_deref(),
    )?;
    let start = paging::number(query.cursor.as_deref())?.unwrap_or(0) as usize;
    let limit = paging::limit(query.limit, 100, 10_000) as usize;
    let end = start.saturating_add(limit).min(labels.len());
    let page = labels.get(start..end).unwrap_or_default();
    let counts = corpora::label_counts(&app, row.taxonomy_id).await?;
    Ok(web::Json(DraftLabelPage {
        revision: view.revision,
        labels: page.iter().map(|&label| view.row(label, &counts)).collect(),
        next: (end < labels.len()).then(|| end.to_string()),
    }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OneLabel {
    /// Id of the label.
    id: String,
}

/// Everything about a label of a draft.
#[utoipa::path(tag = "drafts", params(("id" = i64, Path, description = "draft"), OneLabel),
    responses((status = 200, body = LabelCard)))]
#[get("/drafts/{id}/label")]
async fn show_draft_label(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<OneLabel>,
) -> Result<web::Json<LabelCard>, ApiError> {
    let row = visible(&app, &caller, *id, Role::Viewer).await?;
    let view = app.drafts.get(row.id).view(&app, &row).await?;
    let label = view.taxonomy().index_of(&query.id);
    let label = label.ok_or_else(|| no_label(&query.id))?;
    let counts = corpora::label_counts(&app, row.taxonomy_id).await?;
    Ok(web::Json(view.card(label, &counts)))
}

fn no_label(id: &str) -> ApiError {
    ApiError::new(Code::LabelNotFound, format!("there is no label `{id}`"))
}

/// What is wrong with a draft as it is now.
#[utoipa::path(tag = "drafts", params(("id" = i64, Path), PageQuery), responses((status = 200, body = DraftProblems)))]
#[get("/drafts/{id}/problems")]
async fn list_problems(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    page: web::Query<PageQuery>,
) -> Result<web::Json<DraftProblems>, ApiError> {
    let row = visible(&app, &caller, *id, Role::Viewer).await?;
    let view = app.drafts.get(row.id).view(&app, &row).await?;
    let start = page.before()?.unwrap_or(0) as usize;
    let end = start.saturating_add(page.limit() as usize);
    let end = end.min(view.problems.len());
    Ok(web::Json(DraftProblems {
        revision: view.revision,
        n_problems: view.problems.len() as u64,
        n_earlier: view.n_earlier,
        problems: view.problems.get(start..end).unwrap_or_default().to_vec(),
        next: (end < view.problems.len()).then(|| end.to_string()),
    }))
}

/// What publishing a draft would do, edit by edit; nothing is changed.
#[utoipa::path(tag = "drafts", params(("id" = i64, Path)), responses((status = 200, body = DraftImpact)))]
#[get("/drafts/{id}/impact")]
async fn show_impact(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
) -> Result<web::Json<DraftImpact>, ApiError> {
    let row = visible(&app, &caller, *id, Role::Viewer).await?;
    let view = app.drafts.get(row.id).view(&app, &row).await?;
    Ok(web::Json(impact::of_draft(&app, &row, view).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct WatchDraft {
    /// Only entries after this revision; the draft's own unless given.
    after: Option<i64>,
}

/// A draft as server-sent events: `entry` with each entry that is added, `draft` with the draft whenever it, or who watches
/// it, changes. The stream ends after the `draft` event that says it is published or discarded.
#[utoipa::path(tag = "drafts", params(("id" = i64, Path), WatchDraft),
    responses((status = 200, content_type = "text/event-stream", body = String)))]
#[get("/drafts/{id}/events")]
async fn watch_draft(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<WatchDraft>,
) -> Result<HttpResponse, ApiError> {
    let row = visible(&app, &caller, *id, Role::Viewer).await?;
    let seen = query.after.unwrap_or(row.revision);
    let events = events::start(app.into_inner(), row.id, seen, caller.name);
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

/// The revision as an `ETag`.
fn tag(row: &DraftRow) -> (header::HeaderName, String) {
    (header::ETAG, format!("\"{}\"", row.revision))
}

/// The revision that a caller has seen: as `If-Match`, else as the body says.
fn seen(request: &HttpRequest, in_body: Option<i64>) -> Result<Option<i64>, ApiError> {
    let Some(header) = request.headers().get(header::IF_MATCH) else {
        return Ok(in_body);
    };
    let text = header.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(in_body);
    }
    let revision = text.trim_start_matches("W/").trim_matches('"').parse();
    let refused = || {
        ApiError::new(
            Code::BadRequest,
            format!("found `If-Match: {text}`, expected the `ETag` of a draft"),
        )
    };
    revision.map(Some).map_err(|_| refused())
}
