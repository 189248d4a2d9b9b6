//! Addresses of assets.

use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse, get, post};
use arborist_shared::api::accounts::Role;
use arborist_shared::api::assets::{Asset, AssetKind, AssetList};
use arborist_shared::api::jobs::Accepted;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::import::Import;
use super::store;
use crate::App;
use crate::accounts::Caller;
use crate::db::rfc3339;
use crate::http::paging::PageQuery;
use crate::http::problem::ApiError;
use crate::http::upload::UploadForm;
use crate::http::{accepted, paging};
use crate::jobs::{self, JobRequest};
use crate::uploads::{self, Wanted};

const MAX_UPLOAD: u64 = 16 << 30;

/// Adds the addresses.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(import_asset).service(list_assets);
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ImportAsset {
    /// `encoder` or `word_vectors`.
    kind: AssetKind,
    /// Name of the file, for people to read.
    name: Option<String>,
    /// Id of an upload that was sent in pieces, instead of a body.
    upload: Option<String>,
}

/// Upload an encoder (zip of a Hugging Face BERT folder with safetensors) or word vectors (`.txt`, `.vec`).
#[utoipa::path(tag = "assets", params(("id" = i64, Path, description = "project"), ImportAsset),
    request_body(content((Vec<u8> = "application/octet-stream"), (UploadForm = "multipart/form-data"))),
    responses((status = 202, body = Accepted, headers(("Location" = String)))))]
#[post("/projects/{id}/assets")]
async fn import_asset(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<ImportAsset>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    caller.in_project(&app, *id, Role::Manager).await?;
    let wanted = Wanted {
        project: *id,
        upload: query.upload.as_deref(),
        name: query.name.as_deref(),
        max_bytes: MAX_UPLOAD,
    };
    let incoming = uploads::take(&app, &caller, &request, payload, wanted).await?;
    let upload = incoming.upload.clone();
    let what = match query.kind {
        AssetKind::Encoder => "encoder",
        AssetKind::WordVectors => "word vectors",
    };
    let title = format!("Import {what} {}", upload.name);
    let request = JobRequest::ImportAsset(Import {
        upload,
        asset: query.kind,
    });
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

/// Assets of a project, newest first.
#[utoipa::path(tag = "assets", params(("id" = i64, Path, description = "project"), PageQuery),
    responses((status = 200, body = AssetList)))]
#[get("/projects/{id}/assets")]
async fn list_assets(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    page: web::Query<PageQuery>,
) -> Result<web::Json<AssetList>, ApiError> {
    caller.in_project(&app, *id, Role::Viewer).await?;
    let (before, limit) = (page.before()?, page.limit());
    let mut rows = store::list(app.db.read(), *id, before, limit + 1).await?;
    let next = paging::cut(&mut rows, limit, |row| row.id);
    let assets = rows.into_iter().map(|row| Asset {
        id: row.id,
        project: row.project_id,
        kind: row.kind,
        name: row.name,
        content_hash: row.content_hash,
        n_bytes: row.n_bytes,
        summary: row.summary,
        created_at: rfc3339(row.created_at),
    });
    Ok(web::Json(AssetList {
        assets: assets.collect(),
        next,
    }))
}
