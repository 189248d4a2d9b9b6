//! Addresses of what follows from drafts: publishing them, taking versions back, and how versions differ.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use arborist_shared::api::accounts::Role;
use arborist_shared::api::drafts::{
    DraftState, LabelCard, PublicationAnswer, Publish as PublishBody, ReadableChange, Rebased,
    TaxonomyDiffPage, UndoTaxonomy as UndoBody,
};
use arborist_shared::api::jobs::Accepted;
use arborist_shared::edits::TaxonomyDiff;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{OneLabel, no_label, seen};
use crate::accounts::Caller;
use crate::drafts::publish::Publish;
use crate::drafts::undo::UndoTaxonomy;
use crate::drafts::{Author, edit, find, rebase, show_publication, store, view, visible};
use crate::http::problem::{ApiError, Code};
use crate::http::{accepted, optional, paging};
use crate::jobs::{self, JobRequest};
use crate::{App, corpora, taxonomies};

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(publish_draft)
        .service(rebase_draft)
        .service(undo_taxonomy)
        .service(show_publication_of)
        .service(diff_taxonomy)
        .service(show_label);
}

/// Publish a draft: the job makes a version, and a corpus version with the label sets carried over. The draft takes no
/// edits meanwhile. It has to change the newest version of its project.
#[utoipa::path(tag = "drafts", params(("id" = i64, Path)), request_body = Option<PublishBody>,
    responses((status = 202, body = Accepted, headers(("Location" = String)))))]
#[post("/drafts/{id}/publish")]
async fn publish_draft(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, ApiError> {
    let row = visible(&app, &caller, *id, Role::Manager).await?;
    let body: PublishBody = optional(&body)?;
    let seen = seen(&request, body.revision)?;
    edit::expect_open(&row)?;
    if seen.is_some_and(|seen| seen != row.revision) {
        return Err(edit::stale(&app, &row, seen).await?);
    }
    let view = app.drafts.get(row.id).view(&app, &row).await?;
    if view.diff.changes.is_empty() && *view.taxonomy() == *view.base {
        return Err(ApiError::new(
            Code::DraftEmpty,
            format!("draft {} has no edit that changes anything", row.id),
        ));
    }
    let author = Author::from(&caller);
    let job = JobRequest::PublishDraft(Publish {
        draft: row.id,
        author,
    });
    let title = match row.name.as_str() {
        "" => "Publish taxonomy".to_owned(),
        name => format!("Publish taxonomy {name}"),
    };
    let transaction = app.db.begin().await?;
    let newest = taxonomies::newest_row(&transaction, row.project_id).await?;
    if let Some(newest) = newest.filter(|newest| newest.id != row.taxonomy_id) {
        return Err(superseded(row.taxonomy_id, newest.id));
    }
    let project = row.project_id;
    let id = jobs::insert(&transaction, project, &title, &job, caller.user_id()).await?;
    let states = (DraftState::Open, DraftState::Publishing);
    // Whoever named no revision publishes what was looked at a moment ago, and nothing that came since.
    let at = Some(view.revision);
    if !store::change_state(&transaction, row.id, at, states, Some(id)).await? {
        transaction.rollback().await?;
        let row = find(&app, row.id).await?;
        edit::expect_open(&row)?;
        return Err(edit::stale(&app, &row, at).await?);
    }
    transaction.commit().await?;
    app.drafts.tell(row.id);
    app.jobs.wake(job.slot(), id);
    Ok(accepted(id, None))
}

/// Go on with a draft whose version is not the newest any more: a draft of the newest one with all edits that can be done
/// there. The earlier draft stays as it is.
#[utoipa::path(tag = "drafts", params(("id" = i64, Path)),
    responses((status = 201, body = Rebased, headers(("Location" = String)))))]
#[post("/drafts/{id}/rebase")]
async fn rebase_draft(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
) -> Result<HttpResponse, ApiError> {
    let row = visible(&app, &caller, *id, Role::Reviewer).await?;
    edit::expect_open(&row)?;
    let rebased = rebase::onto_newest(&app, &row, &Author::from(&caller)).await?;
    let location = format!("/api/v1/drafts/{}", rebased.draft.id);
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, location))
        .json(rebased))
}

fn superseded(found: i64, newest: i64) -> ApiError {
    ApiError::new(
        Code::TaxonomySuperseded,
        format!(
            "found taxonomy {found}, expected the newest one of the project, which is {newest}"
        ),
    )
}

/// Take back the newest version: the job makes a newer one with the content of the one that it came out of, or of any
/// earlier one, and a corpus version with the labels that documents had then.
#[utoipa::path(tag = "drafts", params(("id" = i64, Path, description = "taxonomy")), request_body = Option<UndoBody>,
    responses((status = 202, body = Accepted, headers(("Location" = String)))))]
#[post("/taxonomies/{id}/undo")]
async fn undo_taxonomy(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    body: web::Bytes,
) -> Result<HttpResponse, ApiError> {
    let row = taxonomies::visible(&app, &caller, *id).await?;
    caller
        .in_project(&app, row.project_id, Role::Manager)
        .await?;
    let body: UndoBody = optional(&body)?;
    let to = match body.to {
        Some(to) => to,
        None => match store::find_publication(app.db.read(), row.id).await? {
            Some(publication) => publication.base,
            None => {
                let detail = format!(
                    "taxonomy {} was read from a file, expected one that a draft was published as, or a version to go back to",
                    row.id
                );
                return Err(ApiError::new(Code::TaxonomyNotPublished, detail));
            }
        },
    };
    let target = taxonomies::in_project(&app, row.project_id, to).await?;
    let target = target
        .ok_or_else(|| ApiError::field("/to", format!("the project has no taxonomy {to}")))?;
    if target.content_hash == row.content_hash {
        let detail = format!("taxonomy {to} has the content that taxonomy {} has", row.id);
        return Err(ApiError::field("/to", detail));
    }
    let job = JobRequest::UndoTaxonomy(UndoTaxonomy {
        taxonomy: row.id,
        to,
        author: Author::from(&caller),
    });
    let title = format!("Go back to taxonomy version {}", target.version);
    let transaction = app.db.begin().await?;
    let newest = taxonomies::newest_row(&transaction, row.project_id).await?;
    if let Some(newest) = newest.filter(|newest| newest.id != row.id) {
        return Err(superseded(row.id, newest.id));
    }
    let project = row.project_id;
    let id = jobs::insert(&transaction, project, &title, &job, caller.user_id()).await?;
    transaction.commit().await?;
    app.jobs.wake(job.slot(), id);
    Ok(accepted(id, None))
}

/// How a version came out of another one; nothing for one that was read from a file.
#[utoipa::path(tag = "drafts", params(("id" = i64, Path, description = "taxonomy")),
    responses((status = 200, body = PublicationAnswer)))]
#[get("/taxonomies/{id}/publication")]
async fn show_publication_of(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
) -> Result<web::Json<PublicationAnswer>, ApiError> {
    let row = taxonomies::visible(&app, &caller, *id).await?;
    let publication = store::find_publication(app.db.read(), row.id).await?;
    Ok(web::Json(PublicationAnswer {
        publication: publication.as_ref().map(show_publication),
    }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DiffTaxonomy {
    /// Id of an older version; the one that this came out of unless given, else the one before.
    from: Option<i64>,
    /// At most so many, 1,000 unless told otherwise, which is the most.
    limit: Option<u64>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// What is different in a version. Against the version that it came out of, merges and splits are named; against others,
/// labels are compared by their ids.
#[utoipa::path(tag = "drafts", params(("id" = i64, Path, description = "taxonomy"), DiffTaxonomy),
    responses((status = 200, body = TaxonomyDiffPage)))]
#[get("/taxonomies/{id}/diff")]
async fn diff_taxonomy(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<DiffTaxonomy>,
) -> Result<web::Json<TaxonomyDiffPage>, ApiError> {
    let row = taxonomies::visible(&app, &caller, *id).await?;
    let publication = store::find_publication(app.db.read(), row.id).await?;
    let base = publication.as_ref().map(|publication| publication.base);
    let from = match query.from.or(base) {
        Some(from) => Some(from),
        None => taxonomies::before(&app, &row).await?.map(|row| row.id),
    };
    let diff = match (from, publication) {
        (None, _) => TaxonomyDiff::default(),
        (Some(from), Some(publication)) if from == publication.base => publication.diff,
        (Some(from), _) => {
            let other = taxonomies::in_project(&app, row.project_id, from).await?;
            let other = other.ok_or_else(|| {
                ApiError::field("from", format!("the project has no taxonomy {from}"))
            })?;
            let old = taxonomies::load(&app, other.id).await?;
            let new = taxonomies::load(&app, row.id).await?;
            tokio::task::spawn_blocking(move || TaxonomyDiff::between(&old, &new)).await?
        }
    };
    let start = paging::number(query.cursor.as_deref())?.unwrap_or(0) as usize;
    let limit = paging::limit(query.limit, 1_000, 1_000) as usize;
    let end = start.saturating_add(limit).min(diff.changes.len());
    let page = diff.changes.get(start..end).unwrap_or_default();
    Ok(web::Json(TaxonomyDiffPage {
        from,
        n_changes: diff.changes.len() as u64,
        changes: page.iter().cloned().map(ReadableChange::from).collect(),
        next: (end < diff.changes.len()).then(|| end.to_string()),
    }))
}

/// Everything about a label of a version.
#[utoipa::path(tag = "taxonomies", params(("id" = i64, Path, description = "taxonomy"), OneLabel),
    responses((status = 200, body = LabelCard)))]
#[get("/taxonomies/{id}/label")]
async fn show_label(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<OneLabel>,
) -> Result<web::Json<LabelCard>, ApiError> {
    let row = taxonomies::visible(&app, &caller, *id).await?;
    let index = app.taxonomies.get(&app.db, row.id).await?;
    let taxonomy = &index.taxonomy;
    let label = taxonomy.index_of(&query.id);
    let label = label.ok_or_else(|| no_label(&query.id))?;
    let counts = corpora::label_counts(&app, row.id).await?;
    let n_documents = counts.get(label as usize).copied().unwrap_or(0);
    let problems = index.problems();
    let mut row = view::row(taxonomy, label, n_documents);
    row.n_problems = problems.count(label);
    Ok(web::Json(LabelCard {
        problems: problems.of(&query.id).cloned().collect(),
        ..view::card(taxonomy, label, row)
    }))
}
