//! Addresses for agents. Each answers to the token of one attempt and to nothing else; no person's key opens them, and the
//! token opens nothing but these.

use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::{self, Bytes, Json};
use actix_web::{FromRequest, HttpRequest, HttpResponse, get, post, put};
use arborist_shared::api::agent::{
    AgentEnd, AgentFiles, AgentLength, AgentMissing, AgentOrders, AgentRun,
};
use serde::Deserialize;
use tokio::io::AsyncSeekExt;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::attempts::{Attempt, AttemptError};
use super::files::{Growing, is_sha256};
use crate::App;
use crate::http::file_stream;
use crate::http::problem::{ApiError, Code};

/// Longest part of a file in one request.
pub(crate) const MAX_PART: usize = 8 << 20;

/// Adds the addresses.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(agent_run)
        .service(agent_content)
        .service(agent_append)
        .service(agent_files)
        .service(agent_receive)
        .service(agent_heartbeat)
        .service(agent_end);
}

/// The attempt whose token came with the request.
struct Agent(Arc<Attempt>);

impl FromRequest for Agent {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let token = request
            .headers()
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        let attempt = request
            .app_data::<web::Data<App>>()
            .zip(token)
            .and_then(|(app, token)| app.attempts.find(token));
        std::future::ready(match attempt {
            Some(attempt) => {
                attempt.sign_of_life();
                Ok(Self(attempt))
            }
            None => Err(ApiError::new(
                Code::SignInRequired,
                "the token of this attempt is unknown, or the attempt has ended",
            )),
        })
    }
}

impl From<AttemptError> for ApiError {
    fn from(error: AttemptError) -> Self {
        match error {
            AttemptError::Ended => Self::new(Code::AttemptEnded, error.to_string()),
            AttemptError::Unknown(_) => Self::new(Code::ContentNotFound, error.to_string()),
            AttemptError::Refused(why) => Self::new(Code::ContentRefused, why),
            AttemptError::File(error) => Self::internal(error),
        }
    }
}

/// Does work on files off the threads that answer requests.
async fn blocking<T: Send + 'static>(
    agent: Agent,
    work: impl FnOnce(&Attempt) -> Result<T, AttemptError> + Send + 'static,
) -> Result<T, ApiError> {
    let done = web::block(move || work(&agent.0))
        .await
        .map_err(ApiError::internal)?;
    Ok(done?)
}

/// All that the attempt begins with: the files of its run directory, of its encoder, and its word vectors, by content.
#[utoipa::path(tag = "agent", security(("agent" = [])), responses((status = 200, body = AgentRun)))]
#[get("/agent/run")]
async fn agent_run(agent: Agent) -> Result<Json<AgentRun>, ApiError> {
    Ok(Json(blocking(agent, Attempt::describe).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Offset {
    /// Bytes before this one are left out; 0 unless told otherwise.
    #[serde(default)]
    offset: u64,
}

/// A content that the attempt begins with.
#[utoipa::path(tag = "agent", security(("agent" = [])), params(("sha256" = String, Path, description = "SHA-256 of the content"), Offset),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream")))]
#[get("/agent/contents/{sha256}")]
async fn agent_content(
    agent: Agent,
    sha256: web::Path<String>,
    query: web::Query<Offset>,
) -> Result<HttpResponse, ApiError> {
    let sha256 = known_form(sha256.into_inner())?;
    let path = blocking(agent, move |attempt| attempt.content(&sha256)).await?;
    let mut file = tokio::fs::File::open(path)
        .await
        .map_err(ApiError::internal)?;
    file.seek(std::io::SeekFrom::Start(query.offset))
        .await
        .map_err(ApiError::internal)?;
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        // Weights do not get smaller by it.
        .insert_header(header::ContentEncoding::Identity)
        .streaming(file_stream(file)))
}

/// Adds to the end of `events.jsonl` or `log.txt`. Answers how long the file is now: the place to go on from, also where
/// what was sent leaves a gap and was not taken.
#[utoipa::path(tag = "agent", security(("agent" = [])), params(("file" = String, Path, description = "`events.jsonl` or `log.txt`"), Offset),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses((status = 200, body = AgentLength)))]
#[post("/agent/growing/{file}")]
async fn agent_append(
    agent: Agent,
    file: web::Path<String>,
    query: web::Query<Offset>,
    body: web::Payload,
) -> Result<Json<AgentLength>, ApiError> {
    let file = Growing::named(&file).ok_or_else(|| {
        let names = Growing::ALL.map(Growing::name).join("` or `");
        ApiError::new(
            Code::ContentRefused,
            format!("found `{file}`, expected `{names}`"),
        )
    })?;
    let bytes = part(body).await?;
    let offset = query.offset;
    let bytes = blocking(agent, move |attempt| attempt.append(file, offset, &bytes)).await?;
    Ok(Json(AgentLength { bytes }))
}

/// The state that the checkpoint or the results are to have. Answers the contents that have to be sent first; when there
/// are none, the state was taken over in one step.
#[utoipa::path(tag = "agent", security(("agent" = [])), responses((status = 200, body = AgentMissing)))]
#[post("/agent/files")]
async fn agent_files(
    agent: Agent,
    files: Json<AgentFiles>,
) -> Result<Json<AgentMissing>, ApiError> {
    let files = files.into_inner();
    Ok(Json(
        blocking(agent, move |attempt| attempt.take(&files)).await?,
    ))
}

/// A part of a content that was asked for. Answers how much of it is here.
#[utoipa::path(tag = "agent", security(("agent" = [])), params(("sha256" = String, Path, description = "SHA-256 of the whole content"), Offset),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses((status = 200, body = AgentLength)))]
#[put("/agent/contents/{sha256}")]
async fn agent_receive(
    agent: Agent,
    sha256: web::Path<String>,
    query: web::Query<Offset>,
    body: web::Payload,
) -> Result<Json<AgentLength>, ApiError> {
    let sha256 = known_form(sha256.into_inner())?;
    let bytes = part(body).await?;
    let offset = query.offset;
    let bytes = blocking(agent, move |attempt| {
        attempt.receive(&sha256, offset, &bytes)
    })
    .await?;
    Ok(Json(AgentLength { bytes }))
}

/// A sign of life; answers whether to go on.
#[utoipa::path(tag = "agent", security(("agent" = [])), responses((status = 200, body = AgentOrders)))]
#[post("/agent/heartbeat")]
async fn agent_heartbeat(agent: Agent) -> Json<AgentOrders> {
    Json(agent.0.orders())
}

/// The last word: how the attempt ended. The token opens nothing from then on.
#[utoipa::path(tag = "agent", security(("agent" = [])), responses((status = 204, description = "noted")))]
#[post("/agent/end")]
async fn agent_end(agent: Agent, end: Json<AgentEnd>) -> Result<HttpResponse, ApiError> {
    let end = end.into_inner();
    blocking(agent, move |attempt| attempt.finish(end)).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn part(body: web::Payload) -> Result<Bytes, ApiError> {
    match body.to_bytes_limited(MAX_PART).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(ApiError::new(Code::MalformedUpload, error.to_string())),
        Err(_) => Err(ApiError::new(
            Code::PayloadTooLarge,
            format!("at most {MAX_PART} bytes are accepted in one request"),
        )),
    }
}

fn known_form(sha256: String) -> Result<String, ApiError> {
    if is_sha256(&sha256) {
        return Ok(sha256);
    }
    Err(ApiError::new(
        Code::ContentNotFound,
        format!("found `{sha256}`, expected 64 lower case hexadecimal digits"),
    ))
}
