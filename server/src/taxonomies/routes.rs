//! Addresses of taxonomies. Links for other tools are in [`links`].

mod links;

use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse, get, post};
use arborist_shared::api::accounts::Role;
use arborist_shared::api::jobs::Accepted;
use arborist_shared::api::taxonomies::{
    LabelPage, LabelRow, TaxonomyAnswer, TaxonomyFile, TaxonomyFiles, TaxonomyList,
    TaxonomyPreview, TaxonomyProblems,
};
use arborist_shared::taxonomy::{
    Canonical, TaxonomyFormat, UnknownTaxonomyFormat, check_writable, losses,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::import::Import;
use super::{file, label_row, preview, show, store, visible};
use crate::accounts::Caller;
use crate::http::paging::PageQuery;
use crate::http::problem::ApiError;
use crate::http::upload::UploadForm;
use crate::http::{accepted, paging, upload};
use crate::jobs::{self, JobRequest};
use crate::uploads::{self, Wanted};
use crate::{App, corpora};

/// A taxonomy is parsed in memory.
const MAX_UPLOAD: u64 = 256 << 20;
const MAX_PREVIEW: usize = 16 << 20;

/// Adds the addresses.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(import_taxonomy)
        .service(preview_taxonomy)
        .service(list_taxonomies)
        .service(show_taxonomy)
        .service(download_taxonomy)
        .service(list_files)
        .service(list_labels)
        .service(list_problems);
    links::configure(config);
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ImportTaxonomy {
    /// `tsv`, `taxonomy`, `path_csv`, `json`, `nested_json`, `skos` in any notation, `skos_rdf_xml`, `skos_json_ld`,
    /// `annif_tsv` or `annif_csv`; detected when it is not given. A file of each may be packed with gzip.
    format: Option<String>,
    /// Name of the file, for people to read.
    name: Option<String>,
    /// Id of an upload that was sent in pieces, instead of a body.
    upload: Option<String>,
}

/// Upload a taxonomy, raw or as a form with one file. The job's result names the version that it made.
#[utoipa::path(tag = "taxonomies", params(("id" = i64, Path, description = "project"), ImportTaxonomy),
    request_body(content((Vec<u8> = "application/octet-stream"), (UploadForm = "multipart/form-data"))),
    responses((status = 202, body = Accepted, headers(("Location" = String)))))]
#[post("/projects/{id}/taxonomies")]
async fn import_taxonomy(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<ImportTaxonomy>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    caller.in_project(&app, *id, Role::Manager).await?;
    let format = parse_format(query.format.as_deref())?;
    let wanted = Wanted {
        project: *id,
        upload: query.upload.as_deref(),
        name: query.name.as_deref(),
        max_bytes: MAX_UPLOAD,
    };
    let incoming = uploads::take(&app, &caller, &request, payload, wanted).await?;
    let upload = incoming.upload.clone();
    let title = format!("Import taxonomy {}", upload.name);
    let request = JobRequest::ImportTaxonomy(Import { upload, format });
    let job = jobs::insert(
        app.db.write(),
        *id,
        title.trim_end(),
        &request,
        caller.user_id(),
    )
    .await?;
    incoming.used(&app);
    app.jobs.wake(request.slot(), job);
    Ok(accepted(job, None))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PreviewTaxonomy {
    /// `tsv`, `taxonomy`, `path_csv`, `json`, `nested_json`, `skos` in any notation, `skos_rdf_xml`, `skos_json_ld`,
    /// `annif_tsv` or `annif_csv`; detected when it is not given. A file of each may be packed with gzip.
    format: Option<String>,
    /// The file goes on: the line that was cut is left out.
    partial: Option<bool>,
}

/// See what a taxonomy file would become; nothing is stored.
#[utoipa::path(tag = "taxonomies", params(("id" = i64, Path, description = "project"), PreviewTaxonomy),
    request_body(content((Vec<u8> = "application/octet-stream"), (UploadForm = "multipart/form-data"))),
    responses((status = 200, body = TaxonomyPreview)))]
#[post("/projects/{id}/taxonomies/preview")]
async fn preview_taxonomy(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<PreviewTaxonomy>,
    request: HttpRequest,
    payload: Payload,
) -> Result<web::Json<TaxonomyPreview>, ApiError> {
    caller.in_project(&app, *id, Role::Manager).await?;
    let format = parse_format(query.format.as_deref())?;
    let bytes = upload::peek(&request, payload, MAX_PREVIEW).await?;
    let partial = query.partial.unwrap_or(false);
    let preview =
        tokio::task::spawn_blocking(move || preview::preview(&bytes, format, partial)).await?;
    Ok(web::Json(preview))
}

/// Taxonomy versions of a project, newest first.
#[utoipa::path(tag = "taxonomies", params(("id" = i64, Path, description = "project"), PageQuery),
    responses((status = 200, body = TaxonomyList)))]
#[get("/projects/{id}/taxonomies")]
async fn list_taxonomies(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    page: web::Query<PageQuery>,
) -> Result<web::Json<TaxonomyList>, ApiError> {
    caller.in_project(&app, *id, Role::Viewer).await?;
    let (before, limit) = (page.before()?, page.limit());
    let mut rows = store::list(app.db.read(), *id, before, limit + 1).await?;
    let next = paging::cut(&mut rows, limit, |row| row.version);
    Ok(web::Json(TaxonomyList {
        taxonomies: rows.into_iter().map(show).collect(),
        next,
    }))
}

/// A taxonomy version.
#[utoipa::path(tag = "taxonomies", params(("id" = i64, Path)), responses((status = 200, body = TaxonomyAnswer)))]
#[get("/taxonomies/{id}")]
async fn show_taxonomy(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
) -> Result<web::Json<TaxonomyAnswer>, ApiError> {
    Ok(web::Json(TaxonomyAnswer {
        taxonomy: show(visible(&app, &caller, *id).await?),
    }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DownloadTaxonomy {
    /// One of the formats that are read; `json` unless given. `skos` is written as Turtle.
    format: Option<String>,
}

/// A taxonomy version as a file. The canonical JSON holds everything; what others cannot hold is listed beside.
#[utoipa::path(tag = "taxonomies", params(("id" = i64, Path), DownloadTaxonomy),
    responses((status = 200, headers(("Content-Disposition" = String)),
        content((Canonical = "application/json"), (String = "text/turtle"), (String = "application/rdf+xml"),
            (String = "application/ld+json"), (String = "text/tab-separated-values"), (String = "text/csv")))))]
#[get("/taxonomies/{id}/file")]
async fn download_taxonomy(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<DownloadTaxonomy>,
) -> Result<HttpResponse, ApiError> {
    let row = visible(&app, &caller, *id).await?;
    let format = parse_format(query.format.as_deref())?.unwrap_or(TaxonomyFormat::Json);
    file::download(&row, super::load(&app, row.id).await?, format)
}

/// The files that a version can be downloaded as, each with what its format cannot hold.
#[utoipa::path(tag = "taxonomies", params(("id" = i64, Path)), responses((status = 200, body = TaxonomyFiles)))]
#[get("/taxonomies/{id}/files")]
async fn list_files(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
) -> Result<web::Json<TaxonomyFiles>, ApiError> {
    let row = visible(&app, &caller, *id).await?;
    let taxonomy = super::load(&app, row.id).await?;
    let of_format = move |format: TaxonomyFormat| {
        let refused = check_writable(&taxonomy, format).err();
        let losses = losses(&taxonomy, format);
        TaxonomyFile {
            format,
            media_type: format.media_type().to_owned(),
            name: file::file_name(row.id, format),
            notes: losses.iter().map(ToString::to_string).collect(),
            losses,
            error: refused.map(|error| error.to_string()),
        }
    };
    let files =
        tokio::task::spawn_blocking(move || TaxonomyFormat::ALL.map(of_format).to_vec()).await?;
    Ok(web::Json(TaxonomyFiles { files }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListLabels {
    /// Part of a name or an id; best first.
    search: Option<String>,
    /// Only the children of this label id; empty = those below the root.
    parent: Option<String>,
    /// Leaves out deprecated labels; otherwise they come with the others, in a search after them.
    in_use: Option<bool>,
    /// At most so many, 100 unless told otherwise, up to 10,000.
    limit: Option<u64>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Labels: all in taxonomy order, the children of one, or those that a search finds.
#[utoipa::path(tag = "taxonomies", params(("id" = i64, Path), ListLabels), responses((status = 200, body = LabelPage)))]
#[get("/taxonomies/{id}/labels")]
async fn list_labels(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<ListLabels>,
) -> Result<web::Json<LabelPage>, ApiError> {
    let row = visible(&app, &caller, *id).await?;
    let index = app.taxonomies.get(&app.db, row.id).await?;
    let taxonomy = &index.taxonomy;
    let mut labels = super::choose(&index, query.search.as_deref(), query.parent.as_deref())?;
    if query.in_use == Some(true) {
        labels.retain(|&label| !taxonomy.is_deprecated(label));
    }
    let start = paging::number(query.cursor.as_deref())?.unwrap_or(0) as usize;
    let limit = paging::limit(query.limit, 100, 10_000) as usize;
    let end = start.saturating_add(limit).min(labels.len());
    let page = labels.get(start..end).unwrap_or_default();
    let counts = corpora::label_counts(&app, row.id).await?;
    let problems = index.problems();
    let rows = page.iter().map(|&label| {
        let n_documents = counts.get(label as usize).copied().unwrap_or(0);
        LabelRow {
            n_problems: problems.count(label),
            ..label_row(taxonomy, label, n_documents)
        }
    });
    let next = (end < labels.len()).then(|| end.to_string());
    Ok(web::Json(LabelPage {
        labels: rows.collect(),
        next,
    }))
}

/// What is wrong with a version: siblings of one name, names and relations that contradict SKOS, labels that nobody finds.
#[utoipa::path(tag = "taxonomies", params(("id" = i64, Path), PageQuery), responses((status = 200, body = TaxonomyProblems)))]
#[get("/taxonomies/{id}/problems")]
async fn list_problems(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    page: web::Query<PageQuery>,
) -> Result<web::Json<TaxonomyProblems>, ApiError> {
    let row = visible(&app, &caller, *id).await?;
    let index = app.taxonomies.get(&app.db, row.id).await?;
    let all = &index.problems().all;
    let start = page.before()?.unwrap_or(0) as usize;
    let end = start.saturating_add(page.limit() as usize).min(all.len());
    Ok(web::Json(TaxonomyProblems {
        n_problems: all.len() as u64,
        problems: all.get(start..end).unwrap_or_default().to_vec(),
        next: (end < all.len()).then(|| end.to_string()),
    }))
}

fn parse_format(format: Option<&str>) -> Result<Option<TaxonomyFormat>, ApiError> {
    let parse = |word: &str| {
        word.parse()
            .map_err(|error: UnknownTaxonomyFormat| ApiError::field("format", error.to_string()))
    };
    format
        .filter(|word| !word.is_empty())
        .map(parse)
        .transpose()
}
