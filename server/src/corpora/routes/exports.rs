//! Addresses of exports: sent at once, or written by a job and fetched from any byte on.

use std::sync::Arc;

use actix_files::NamedFile;
use actix_web::http::header::{
    self, ContentDisposition, ContentEncoding, DispositionParam, DispositionType,
};
use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use arborist_shared::api::accounts::Role;
use arborist_shared::api::exports::{ExportList, NewExport};
use arborist_shared::api::jobs::{Accepted, JobStatus};
use arborist_shared::corpus::CorpusFormat;
use arborist_shared::split::Split;
use serde::Deserialize;
use tokio::fs::File;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::App;
use crate::accounts::Caller;
use crate::corpora::export::file::{self, ExportCorpus};
use crate::corpora::{CorpusRow, export, visible};
use crate::corpus_files::write::{WRITABLE, media_type};
use crate::http::paging::{self, PageQuery};
use crate::http::problem::{ApiError, Code};
use crate::http::{accepted, optional};
use crate::jobs::{self, JobRequest, JobRow};

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(export_corpus)
        .service(start_export)
        .service(list_exports)
        .service(fetch_export)
        .service(remove_export);
}

/// A format and a part, as their words say.
fn parse(
    row: &CorpusRow,
    format: Option<&str>,
    split: Option<&str>,
) -> Result<ExportCorpus, ApiError> {
    let given = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let format = match given(format) {
        None => CorpusFormat::Jsonl,
        Some(word) => super::parse_format(Some(&word))?
            .filter(|format| WRITABLE.contains(format))
            .ok_or_else(|| {
                let words = WRITABLE.map(CorpusFormat::as_str).join(", ");
                ApiError::field("format", format!("found `{word}`, expected one of {words}"))
            })?,
    };
    let split = given(split)
        .map(|word| word.parse::<Split>())
        .transpose()
        .map_err(|error| ApiError::field("split", error.to_string()))?;
    Ok(ExportCorpus {
        corpus: row.id,
        version: row.version,
        format,
        split,
    })
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// `jsonl` unless told otherwise; `csv`, `hiagm`, `label_studio`, …
    format: Option<String>,
    /// `train`, `validation` or `test`; all unless told otherwise.
    split: Option<String>,
}

/// The documents of a version as a file. `jsonl` keeps everything; documents that another format cannot hold are left out.
#[utoipa::path(tag = "corpora", params(("id" = i64, Path), ExportQuery),
    responses((status = 200, content_type = "application/octet-stream", body = String)))]
#[get("/corpora/{id}/export")]
async fn export_corpus(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<ExportQuery>,
) -> Result<HttpResponse, ApiError> {
    let row = visible(&app, &caller, *id).await?;
    let wish = parse(&row, query.format.as_deref(), query.split.as_deref())?;
    let wanted = wish.wanted(&app, &row).await?;
    let app: Arc<App> = app.into_inner();
    Ok(HttpResponse::Ok()
        .content_type(media_type(wish.format))
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{}\"", wish.name()),
        ))
        .streaming(export::stream(app, wanted)))
}

/// Write the documents of a version into a file that is fetched later, from any byte on. A file that is there already, or is
/// being written, is not written twice: the answer names its job.
#[utoipa::path(tag = "corpora", params(("id" = i64, Path)), request_body = NewExport,
    responses((status = 202, body = Accepted, headers(("Location" = String)))))]
#[post("/corpora/{id}/exports")]
async fn start_export(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    body: web::Bytes,
) -> Result<HttpResponse, ApiError> {
    let row = visible(&app, &caller, *id).await?;
    let body: NewExport = optional(&body)?;
    let wish = parse(&row, body.format.as_deref(), body.split.as_deref())?;
    if let Some(job) = file::same(&app, row.project_id, &wish).await? {
        return Ok(accepted(job, None));
    }
    let title = format!("Export {}", wish.name());
    let request = JobRequest::ExportCorpus(wish);
    let user = caller.user_id();
    let job = jobs::insert(app.db.write(), row.project_id, &title, &request, user).await?;
    app.jobs.wake(request.slot(), job);
    Ok(accepted(job, None))
}

/// Files of a project that can be fetched, or are being written, newest first.
#[utoipa::path(tag = "corpora", params(("id" = i64, Path, description = "project"), PageQuery),
    responses((status = 200, body = ExportList)))]
#[get("/projects/{id}/exports")]
async fn list_exports(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    page: web::Query<PageQuery>,
) -> Result<web::Json<ExportList>, ApiError> {
    caller.in_project(&app, *id, Role::Viewer).await?;
    let (before, limit) = (page.before()?, page.limit());
    let mut rows = jobs::of_kind(&app, *id, "export_corpus", before, limit + 1).await?;
    let next = paging::cut(&mut rows, limit, |row| row.id);
    Ok(web::Json(ExportList {
        exports: rows
            .iter()
            .filter_map(|row| file::show(&app, row))
            .collect(),
        next,
    }))
}

/// The finished file of an export, which is the id of its job; whole, or the bytes that `Range` asks for.
#[utoipa::path(tag = "corpora", params(("id" = i64, Path), ("Range" = Option<String>, Header)),
    responses((status = 200, content_type = "application/octet-stream", body = String),
        (status = 206, content_type = "application/octet-stream", body = String)))]
#[get("/exports/{id}")]
async fn fetch_export(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (row, wish) = visible_export(&app, &caller, *id, Role::Viewer).await?;
    if row.status != JobStatus::Succeeded {
        let status = row.status;
        return Err(ApiError::new(
            Code::ExportNotReady,
            format!("the job {} that writes it is {status:?}", row.id).to_lowercase(),
        ));
    }
    let path = file::path(&app, row.id);
    let file = match File::open(&path).await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(not_found(row.id));
        }
        file => NamedFile::from_file(file?.into_std().await, wish.name())?,
    };
    let media_type = media_type(wish.format)
        .parse()
        .map_err(ApiError::internal)?;
    Ok(file
        .set_content_type(media_type)
        // Compressed, it would have neither a length nor bytes to go on from.
        .set_content_encoding(ContentEncoding::Identity)
        .set_content_disposition(ContentDisposition {
            disposition: DispositionType::Attachment,
            parameters: vec![DispositionParam::Filename(wish.name())],
        })
        .into_response(&request))
}

/// Remove the file of an export before its time.
#[utoipa::path(tag = "corpora", params(("id" = i64, Path)), responses((status = 204)))]
#[delete("/exports/{id}")]
async fn remove_export(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
) -> Result<HttpResponse, ApiError> {
    let (row, _) = visible_export(&app, &caller, *id, Role::Manager).await?;
    file::remove(&app, row.id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn visible_export(
    app: &App,
    caller: &Caller,
    id: i64,
    least: Role,
) -> Result<(JobRow, ExportCorpus), ApiError> {
    let row = jobs::find(app, id).await?.ok_or_else(|| not_found(id))?;
    match caller.in_project(app, row.project_id, least).await {
        Err(error) if error.code() == Code::ProjectNotFound => return Err(not_found(id)),
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    let wish = file::request(&row).ok_or_else(|| not_found(id))?;
    Ok((row, wish))
}

fn not_found(id: i64) -> ApiError {
    ApiError::new(
        Code::ExportNotFound,
        format!("there is no export {id} for you; files are kept for seven days, export again"),
    )
}
