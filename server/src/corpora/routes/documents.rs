//! Addresses of documents.

use actix_web::{get, web};
use arborist_shared::api::accounts::Role;
use arborist_shared::api::corpora::{DocumentAnswer, DocumentPage};
use arborist_shared::split::Split;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::accounts::Caller;
use crate::corpora::store::{self, DocumentQuery};
use crate::corpora::{documents, in_project};
use crate::db::{Timestamp, rfc3339};
use crate::http::paging;
use crate::http::problem::{ApiError, Code};
use crate::{App, taxonomies};

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_documents).service(show_document);
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListDocuments {
    /// Words that must all occur; a phrase in quotes; the last word may go on.
    search: Option<String>,
    /// Id of a label: documents that have it or a label below it.
    label: Option<String>,
    /// `train`, `validation` or `test`.
    split: Option<String>,
    /// Where the documents come from, as their file says.
    source: Option<String>,
    /// Documents dated from here on: `2024`, `2024-05` or `2024-05-31`.
    from: Option<String>,
    /// Documents dated up to and with this day, month or year.
    to: Option<String>,
    /// Whether somebody has judged them.
    annotated: Option<bool>,
    /// Level of the deepest label: 1 below the root, 0 for documents to which none applies.
    level: Option<u32>,
    /// Documents that got the labels which they have from here on: `2024`, `2024-05`, `2024-05-31`, or a moment.
    labelled_from: Option<String>,
    /// Documents that have had their labels since this day, month or year at the latest.
    labelled_to: Option<String>,
    /// Corpus version; the newest unless told otherwise.
    corpus: Option<i64>,
    /// At most so many, 50 unless told otherwise, up to 500.
    limit: Option<u64>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Documents of a project's newest corpus, or of another version.
#[utoipa::path(tag = "corpora", params(("id" = i64, Path, description = "project"), ListDocuments),
    responses((status = 200, body = DocumentPage)))]
#[get("/projects/{id}/documents")]
async fn list_documents(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<ListDocuments>,
) -> Result<web::Json<DocumentPage>, ApiError> {
    caller.in_project(&app, *id, Role::Viewer).await?;
    let corpus = match query.corpus {
        Some(corpus) => Some(in_project(&app, *id, corpus).await?.ok_or_else(|| {
            ApiError::new(
                Code::CorpusNotFound,
                format!("project {} has no corpus {corpus}", *id),
            )
        })?),
        None => store::newest(app.db.read(), *id).await?,
    };
    let Some(corpus) = corpus else {
        return Ok(web::Json(DocumentPage {
            documents: Vec::new(),
            next: None,
            total: 0,
            total_is_capped: false,
        }));
    };
    let taxonomy = taxonomies::load(&app, corpus.taxonomy_id).await?;
    let given = |text: &Option<String>| {
        text.as_deref()
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let label = match given(&query.label) {
        None => None,
        Some(label) => Some(i64::from(taxonomy.index_of(&label).ok_or_else(|| {
            ApiError::field(
                "label",
                format!(
                    "there is no label `{label}` in taxonomy {}",
                    corpus.taxonomy_id
                ),
            )
        })?)),
    };
    let split = match given(&query.split) {
        None => None,
        Some(split) => Some(
            split
                .parse::<Split>()
                .map_err(|error| ApiError::field("split", error.to_string()))?,
        ),
    };
    let made_at = store::made_at(app.db.read(), corpus.project_id).await?;
    let (labelled_from, labelled_to) = (given(&query.labelled_from), given(&query.labelled_to));
    let labelled_in = (labelled_from.is_some() || labelled_to.is_some()).then(|| {
        let is_within = |at: &Timestamp| {
            let at = rfc3339(*at);
            // `2024` holds all that begins with it.
            labelled_from.as_ref().is_none_or(|from| at >= *from)
                && labelled_to
                    .as_ref()
                    .is_none_or(|to| at <= *to || at.starts_with(to))
        };
        let versions = made_at.iter().filter(|(_, at)| is_within(at));
        versions.map(|(&version, _)| version).collect()
    });
    let wanted = DocumentQuery {
        corpus: corpus.id,
        // A blank at its end says that the last word is complete.
        search: query
            .search
            .clone()
            .filter(|search| !search.trim().is_empty()),
        label,
        split,
        source: given(&query.source),
        from: given(&query.from),
        to: given(&query.to),
        annotated: query.annotated,
        level: query.level,
        labelled_in,
    };
    let after = paging::number(query.cursor.as_deref())?.unwrap_or(0);
    let limit = paging::limit(query.limit, 50, 500);
    let mut rows = store::documents(app.db.read(), &wanted, after, limit + 1).await?;
    let next = paging::cut(&mut rows, limit, |row| row.id);
    let plain = wanted.is_plain().then_some(());
    let (total, total_is_capped) = match (&wanted.search, wanted.label, wanted.split) {
        // All of them are here.
        _ if after == 0 && next.is_none() => (rows.len() as u64, false),
        _ if plain.is_none() => store::count_documents(app.db.read(), &wanted).await?,
        (None, None, None) => (corpus.n_documents, false),
        (None, None, Some(Split::Train)) => (corpus.n_train, false),
        (None, None, Some(Split::Validation)) => (corpus.n_validation, false),
        (None, None, Some(Split::Test)) => (corpus.n_test, false),
        (None, Some(label), None) => (
            store::label_count(app.db.read(), corpus.id, label).await?,
            false,
        ),
        _ => store::count_documents(app.db.read(), &wanted).await?,
    };
    let documents = rows
        .into_iter()
        .map(|row| documents::show(row, &taxonomy, &made_at))
        .collect();
    Ok(web::Json(DocumentPage {
        documents,
        next,
        total,
        total_is_capped,
    }))
}

/// A document, with its labels in the newest corpus that holds it.
#[utoipa::path(tag = "corpora", params(("id" = i64, Path)), responses((status = 200, body = DocumentAnswer)))]
#[get("/documents/{id}")]
async fn show_document(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
) -> Result<web::Json<DocumentAnswer>, ApiError> {
    let not_found = || {
        ApiError::new(
            Code::DocumentNotFound,
            format!("there is no document {} for you", *id),
        )
    };
    let (row, corpus) = store::find_document(app.db.read(), *id)
        .await?
        .ok_or_else(not_found)?;
    match caller
        .in_project(&app, corpus.project_id, Role::Viewer)
        .await
    {
        Err(error) if error.code() == Code::ProjectNotFound => return Err(not_found()),
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    let taxonomy = taxonomies::load(&app, corpus.taxonomy_id).await?;
    let made_at = store::made_at(app.db.read(), corpus.project_id).await?;
    Ok(web::Json(DocumentAnswer {
        document: documents::show(row, &taxonomy, &made_at),
    }))
}
