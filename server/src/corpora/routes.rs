//! Addresses of corpora.

mod documents;
mod exports;
mod versions;

use actix_web::http::header;
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse, get, post};
use arborist_shared::api::accounts::Role;
use arborist_shared::api::corpora::{CorpusAnswer, CorpusList, CorpusPreview};
use arborist_shared::api::jobs::Accepted;
use arborist_shared::corpus::{CorpusFormat, Reading};
use arborist_shared::split::SplitRatios;
use serde::Deserialize;
use tokio::fs::File;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::choices::Choices;
use super::import::Import;
use super::parts::{Dealing, Parts, SplitBy};
use super::reader::Rules;
use super::{preview, rejects_file, show, store, visible};
use crate::accounts::Caller;
use crate::http::paging::PageQuery;
use crate::http::problem::ApiError;
use crate::http::upload::UploadForm;
use crate::http::{accepted, file_stream, paging, upload};
use crate::jobs::{self, JobRequest};
use crate::uploads::{self, Wanted};
use crate::{App, taxonomies};

/// 64 GiB: a limit against mistakes, not against large corpora.
const MAX_UPLOAD: u64 = 64 << 30;
const MAX_PREVIEW: usize = 1 << 20;
/// Seed of the split when none is given.
const DEFAULT_SEED: u64 = 1;

/// Adds the addresses.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(import_corpus)
        .service(preview_corpus)
        .service(list_corpora)
        .service(show_corpus)
        .service(download_rejects);
    documents::configure(config);
    versions::configure(config);
    exports::configure(config);
}

/// How a file is to be read; what is left out is detected. Columns go by name, or by number from 1.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ReadingQuery {
    /// One of the formats: `jsonl`, `hiagm`, `csv`, `label_studio`, …
    format: Option<String>,
    /// `utf-8`, `windows-1252`, `utf-16le`, …
    encoding: Option<String>,
    /// Between columns: one character, or `tab`.
    delimiter: Option<String>,
    /// Whether the first line names the columns.
    header: Option<bool>,
    /// Columns of the text, separated by commas.
    text_column: Option<String>,
    /// Column of the document's id.
    id_column: Option<String>,
    /// Columns of the labels; several are the levels of one path.
    label_columns: Option<String>,
    /// Between labels in a cell.
    label_separator: Option<String>,
    /// Between the names of a path.
    path_separator: Option<String>,
    /// Column of the part.
    split_column: Option<String>,
    /// Column of where a document comes from.
    source_column: Option<String>,
    /// Column of when a document was written.
    date_column: Option<String>,
    /// Column of what belongs together.
    group_column: Option<String>,
    /// Column of the language.
    lang_column: Option<String>,
}

impl ReadingQuery {
    fn reading(&self) -> Result<Reading, ApiError> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        Ok(Reading {
            format: parse_format(self.format.as_deref())?,
            encoding: given(&self.encoding),
            delimiter: given(&self.delimiter),
            header: self.header,
            text: given(&self.text_column),
            id: self.id_column.clone(),
            labels: given(&self.label_columns),
            label_separator: self.label_separator.clone(),
            path_separator: self.path_separator.clone(),
            split: self.split_column.clone(),
            source: self.source_column.clone(),
            date: self.date_column.clone(),
            group: self.group_column.clone(),
            lang: self.lang_column.clone(),
        })
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ImportCorpus {
    /// Id of the taxonomy version that the labels belong to.
    taxonomy: i64,
    /// Shares of train, validation and test, `0.8,0.1,0.1`, for rows that do not name their split; absent, those are train.
    split: Option<String>,
    /// What decides about the part: `document` (the hash of its id), `label` (every label has its share), `group` or `time`.
    #[param(inline)]
    split_by: Option<SplitBy>,
    /// By time: documents from this date on are for validation.
    validation_from: Option<String>,
    /// By time: documents from this date on are for testing.
    test_from: Option<String>,
    /// Refuse rows whose text an earlier row has.
    first_of_text: Option<bool>,
    /// Seed of the split, 1 unless told otherwise.
    seed: Option<u64>,
    /// Name of the file, for people to read.
    name: Option<String>,
    /// Id of an upload that was sent in pieces, instead of a body.
    upload: Option<String>,
}

/// Upload a corpus, raw or as a form with one file. The job's result names the version that it made. Rows that cannot be read
/// are kept aside with line, column and reason; the others are imported.
#[utoipa::path(tag = "corpora", params(("id" = i64, Path, description = "project"), ImportCorpus, ReadingQuery),
    request_body(content((Vec<u8> = "application/octet-stream"), (UploadForm = "multipart/form-data"))),
    responses((status = 202, body = Accepted, headers(("Location" = String)))))]
#[post("/projects/{id}/corpora")]
async fn import_corpus(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<ImportCorpus>,
    reading: web::Query<ReadingQuery>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    caller.in_project(&app, *id, Role::Manager).await?;
    let reading = reading.reading()?;
    let split = query.split.clone().filter(|split| !split.is_empty());
    if let Some(split) = &split {
        split
            .parse::<SplitRatios>()
            .map_err(|error| ApiError::field("split", error.to_string()))?;
    }
    taxonomy_of(&app, *id, query.taxonomy).await?;
    let wanted = Wanted {
        project: *id,
        upload: query.upload.as_deref(),
        name: query.name.as_deref(),
        max_bytes: MAX_UPLOAD,
    };
    let incoming = uploads::take(&app, &caller, &request, payload, wanted).await?;
    let upload = incoming.upload.clone();
    let title = format!("Import corpus {}", upload.name);
    let import = Import {
        upload,
        taxonomy: query.taxonomy,
        reading,
        dealing: Dealing {
            shares: split,
            seed: query.seed.unwrap_or(DEFAULT_SEED),
            by: query.split_by.unwrap_or_default(),
            validation_from: query
                .validation_from
                .clone()
                .filter(|date| !date.is_empty()),
            test_from: query.test_from.clone().filter(|date| !date.is_empty()),
        },
        first_of_text: query.first_of_text.unwrap_or(false),
    };
    let request = JobRequest::ImportCorpus(Box::new(import));
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
struct PreviewCorpus {
    /// Id of the taxonomy version that the labels belong to.
    taxonomy: i64,
    /// The file goes on: the line that was cut is left out.
    partial: Option<bool>,
}

/// See what the beginning of a corpus file would become; nothing is stored.
#[utoipa::path(tag = "corpora", params(("id" = i64, Path, description = "project"), PreviewCorpus, ReadingQuery),
    request_body(content((Vec<u8> = "application/octet-stream"), (UploadForm = "multipart/form-data"))),
    responses((status = 200, body = CorpusPreview)))]
#[post("/projects/{id}/corpora/preview")]
async fn preview_corpus(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<PreviewCorpus>,
    reading: web::Query<ReadingQuery>,
    request: HttpRequest,
    payload: Payload,
) -> Result<web::Json<CorpusPreview>, ApiError> {
    caller.in_project(&app, *id, Role::Manager).await?;
    let reading = reading.reading()?;
    taxonomy_of(&app, *id, query.taxonomy).await?;
    let taxonomy = taxonomies::load(&app, query.taxonomy).await?;
    let bytes = upload::peek(&request, payload, MAX_PREVIEW).await?;
    let partial = query.partial.unwrap_or(false);
    let choices = store::choices(app.db.read(), *id).await?;
    let rules = Rules {
        choices: Choices::new(choices, &taxonomy),
        taxonomy,
        reading,
        parts: Parts::none(),
        first_of_text: false,
    };
    let preview =
        tokio::task::spawn_blocking(move || preview::preview(&bytes, rules, partial)).await?;
    Ok(web::Json(preview))
}

/// Corpus versions of a project, newest first.
#[utoipa::path(tag = "corpora", params(("id" = i64, Path, description = "project"), PageQuery),
    responses((status = 200, body = CorpusList)))]
#[get("/projects/{id}/corpora")]
async fn list_corpora(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    page: web::Query<PageQuery>,
) -> Result<web::Json<CorpusList>, ApiError> {
    caller.in_project(&app, *id, Role::Viewer).await?;
    let (before, limit) = (page.before()?, page.limit());
    let mut rows = store::list(app.db.read(), *id, before, limit + 1).await?;
    let next = paging::cut(&mut rows, limit, |row| row.version);
    Ok(web::Json(CorpusList {
        corpora: rows.into_iter().map(show).collect(),
        next,
    }))
}

/// A corpus version.
#[utoipa::path(tag = "corpora", params(("id" = i64, Path)), responses((status = 200, body = CorpusAnswer)))]
#[get("/corpora/{id}")]
async fn show_corpus(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
) -> Result<web::Json<CorpusAnswer>, ApiError> {
    Ok(web::Json(CorpusAnswer {
        corpus: show(visible(&app, &caller, *id).await?),
    }))
}

/// The rows that the import refused, as JSON lines of `Reject`.
#[utoipa::path(tag = "corpora", params(("id" = i64, Path)),
    responses((status = 200, content_type = "application/x-ndjson", body = String)))]
#[get("/corpora/{id}/rejects")]
async fn download_rejects(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
) -> Result<HttpResponse, ApiError> {
    let row = visible(&app, &caller, *id).await?;
    let mut response = HttpResponse::Ok();
    response
        .content_type("application/x-ndjson")
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"corpus-{}-rejects.jsonl\"", row.id),
        ));
    match File::open(rejects_file(&app, row.id)).await {
        Ok(file) => Ok(response.streaming(file_stream(file))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(response.finish()),
        Err(error) => Err(error.into()),
    }
}

/// The taxonomy has to belong to the project.
async fn taxonomy_of(app: &App, project: i64, taxonomy: i64) -> Result<(), ApiError> {
    match taxonomies::in_project(app, project, taxonomy).await? {
        Some(_) => Ok(()),
        None => Err(ApiError::field(
            "taxonomy",
            format!("project {project} has no taxonomy {taxonomy}"),
        )),
    }
}

fn parse_format(format: Option<&str>) -> Result<Option<CorpusFormat>, ApiError> {
    let parse = |word: &str| {
        word.parse()
            .map_err(|error: arborist_shared::corpus::UnknownCorpusFormat| {
                ApiError::field("format", error.to_string())
            })
    };
    format
        .filter(|word| !word.is_empty())
        .map(parse)
        .transpose()
}
