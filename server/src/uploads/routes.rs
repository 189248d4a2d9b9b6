//! Addresses of uploads in pieces.

use actix_web::http::header::{self, HeaderMap};
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse, delete, get, head, patch, post};
use arborist_shared::api::accounts::Role;
use arborist_shared::api::uploads::{NewUpload, Upload, UploadAnswer, UploadList};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::session::{About, Owner, Session, blocking};
use super::{KEPT, MAX_OPEN, all, arrival, own};
use crate::App;
use crate::accounts::Caller;
use crate::db::{Timestamp, now, rfc3339};
use crate::http::problem::{ApiError, Code};
use crate::http::upload::display_name;

/// 64 GiB, as for files that are sent at once.
const MAX_UPLOAD: u64 = 64 << 30;
/// Characters of a mark.
const MAX_MARK: usize = 2_000;
/// Left free on the disk for everything else.
const MARGIN: u64 = 256 << 20;
const PIECE: &str = "application/offset+octet-stream";
const OFFSET: &str = "Upload-Offset";
const LENGTH: &str = "Upload-Length";
/// The protocol that clients of theirs speak.
const TUS: (&str, &str) = ("Tus-Resumable", "1.0.0");

/// Adds the addresses.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(begin_upload)
        .service(list_uploads)
        .service(show_upload)
        .service(upload_offset)
        .service(send_piece)
        .service(remove_upload);
}

fn show(session: &Session) -> std::io::Result<Upload> {
    let about = &session.about;
    Ok(Upload {
        id: session.id.clone(),
        project: about.project,
        name: about.name.clone(),
        n_bytes: about.n_bytes,
        n_received: session.n_received()?,
        content_hash: about.content_hash.clone(),
        mark: about.mark.clone(),
        created_at: rfc3339(about.created_at),
        until: rfc3339(Timestamp::from(session.touched()? + KEPT)),
    })
}

/// Begin to send a file in pieces. Once all of it has arrived, an import takes it with `upload=` and the id, instead of a body.
#[utoipa::path(tag = "uploads", params(("id" = i64, Path, description = "project")), request_body = NewUpload,
    responses((status = 201, body = UploadAnswer, headers(("Location" = String)))))]
#[post("/projects/{id}/uploads")]
async fn begin_upload(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    body: web::Json<serde_json::Value>,
) -> Result<HttpResponse, ApiError> {
    caller.in_project(&app, *id, Role::Manager).await?;
    let new: NewUpload = serde_json::from_value(body.into_inner())
        .map_err(|error| ApiError::new(Code::FieldInvalid, error.to_string()))?;
    if new.n_bytes == 0 || new.n_bytes > MAX_UPLOAD {
        return Err(ApiError::field(
            "/n_bytes",
            format!("found {}, expected 1 to {MAX_UPLOAD}", new.n_bytes),
        ));
    }
    let content_hash = new.content_hash.map(|hash| hash.to_ascii_lowercase());
    let is_hash = |hash: &String| hash.len() == 64 && hash.bytes().all(|it| it.is_ascii_hexdigit());
    if !content_hash.as_ref().is_none_or(is_hash) {
        return Err(ApiError::field(
            "/content_hash",
            "expected a SHA-256 of 64 hexadecimal digits",
        ));
    }
    if new
        .mark
        .as_ref()
        .is_some_and(|mark| mark.chars().count() > MAX_MARK)
    {
        return Err(ApiError::field(
            "/mark",
            format!("expected at most {MAX_MARK} characters"),
        ));
    }
    let about = About {
        project: *id,
        owner: Owner::from(&caller),
        name: display_name(&new.name),
        n_bytes: new.n_bytes,
        content_hash,
        mark: new.mark,
        created_at: now(),
    };
    let app = app.into_inner();
    let session = tokio::task::spawn_blocking(move || {
        let open = all(&app)?;
        let open = open.iter().filter(|other| other.about.owner == about.owner);
        let n_open = open.count();
        if n_open >= MAX_OPEN {
            return Err(ApiError::new(
                Code::TooManyUploads,
                format!("{n_open} uploads of yours are open: use or remove some"),
            ));
        }
        let disk = rustix::fs::statvfs(app.folders.uploads()).map_err(std::io::Error::from)?;
        let free = (disk.f_bavail * disk.f_frsize).saturating_sub(MARGIN);
        if about.n_bytes > free {
            return Err(ApiError::new(
                Code::StorageFull,
                format!(
                    "the file has {} bytes, the server has room for {free}",
                    about.n_bytes
                ),
            ));
        }
        Ok(Session::create(app.folders.uploads(), about)?)
    })
    .await??;
    let upload = show(&session)?;
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/api/v1/uploads/{}", upload.id)))
        .insert_header(TUS)
        .json(UploadAnswer { upload }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListUploads {
    /// Only those with this mark.
    mark: Option<String>,
}

/// The caller's own uploads of a project that nothing was made of yet.
#[utoipa::path(tag = "uploads", params(("id" = i64, Path, description = "project"), ListUploads),
    responses((status = 200, body = UploadList)))]
#[get("/projects/{id}/uploads")]
async fn list_uploads(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<ListUploads>,
) -> Result<web::Json<UploadList>, ApiError> {
    caller.in_project(&app, *id, Role::Manager).await?;
    let (app, project, owner) = (app.into_inner(), *id, Owner::from(&caller));
    let uploads = tokio::task::spawn_blocking(move || {
        let mut uploads = Vec::new();
        for session in all(&app)? {
            let about = &session.about;
            let is_asked_for = query.mark.is_none() || query.mark == about.mark;
            if about.project == project && about.owner == owner && is_asked_for {
                uploads.push(show(&session)?);
            }
        }
        Ok::<_, std::io::Error>(uploads)
    })
    .await??;
    Ok(web::Json(UploadList { uploads }))
}

/// An upload of the caller.
#[utoipa::path(tag = "uploads", params(("id" = String, Path)), responses((status = 200, body = UploadAnswer)))]
#[get("/uploads/{id}")]
async fn show_upload(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<web::Json<UploadAnswer>, ApiError> {
    let session = own(&app, &caller, &id).await?;
    Ok(web::Json(UploadAnswer {
        upload: show(&session)?,
    }))
}

/// How much of a file has arrived, in `Upload-Offset`, of `Upload-Length`.
#[utoipa::path(tag = "uploads", params(("id" = String, Path)),
    responses((status = 200, headers(("Upload-Offset" = u64), ("Upload-Length" = u64)))))]
#[head("/uploads/{id}")]
async fn upload_offset(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let session = own(&app, &caller, &id).await?;
    Ok(HttpResponse::Ok()
        .insert_header(TUS)
        .insert_header((OFFSET, session.n_received()?.to_string()))
        .insert_header((LENGTH, session.about.n_bytes.to_string()))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish())
}

/// Send the bytes that come next. A request that breaks off has sent what has arrived of it; `HEAD` says how much that is.
#[utoipa::path(tag = "uploads", params(("id" = String, Path), ("Upload-Offset" = u64, Header)),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"),
    responses((status = 204, headers(("Upload-Offset" = u64)))))]
#[patch("/uploads/{id}")]
async fn send_piece(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let session = own(&app, &caller, &id).await?;
    caller
        .in_project(&app, session.about.project, Role::Manager)
        .await?;
    let headers = request.headers();
    let kind = text(headers, header::CONTENT_TYPE.as_str());
    if kind.map(str::trim) != Some(PIECE) {
        return Err(ApiError::new(
            Code::UnsupportedMediaType,
            format!("expected `Content-Type: {PIECE}`"),
        ));
    }
    let offset: u64 = text(headers, OFFSET)
        .and_then(|offset| offset.trim().parse().ok())
        .ok_or_else(|| {
            ApiError::new(
                Code::BadRequest,
                format!("expected the header `{OFFSET}` with a number of bytes"),
            )
        })?;
    let length = text(headers, header::CONTENT_LENGTH.as_str());
    let length = length.and_then(|length| length.trim().parse().ok());
    let n_received = arrival::receive(&app, &session, offset, length, payload).await?;
    Ok(HttpResponse::NoContent()
        .insert_header(TUS)
        .insert_header((OFFSET, n_received.to_string()))
        .finish())
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// Remove an upload with all that has arrived of it.
#[utoipa::path(tag = "uploads", params(("id" = String, Path)), responses((status = 204)))]
#[delete("/uploads/{id}")]
async fn remove_upload(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let session = own(&app, &caller, &id).await?;
    // A request that is being received ends first.
    session.turn.send_modify(|turn| *turn += 1);
    let _receiving = session.receiving.lock().await;
    app.uploads.forget(&session);
    blocking(&session, Session::remove).await?;
    Ok(HttpResponse::NoContent().insert_header(TUS).finish())
}
