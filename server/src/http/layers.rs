//! What every request passes through: problems with their path, security headers, sign-in, foreign origins.
//!
//! Access is refused unless it is granted: under `/api/` only the addresses in [`is_public`] answer without a caller.
//! What a caller may do in a project is decided by the handlers, through [`Caller`](crate::accounts::Caller).

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpResponse, web};

use super::problem::{ApiError, Code};
use crate::App;
use crate::accounts;

/// What the page may load: itself only. Charts set inline styles; the dashboard is WebAssembly.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; \
     style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; \
     object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Whether an address answers without sign-in. `/api/` is closed otherwise; what is outside of it is the dashboard's
/// files, which hold no data.
fn is_public(method: &Method, path: &str) -> bool {
    match path {
        "/api/openapi.json" => method == Method::GET || method == Method::HEAD,
        "/api/v1/session" => true,
        "/api/v1/first-start" => method == Method::POST,
        // Agents have tokens of their own, which the handlers check.
        path if path.starts_with("/api/v1/agent/") => true,
        // The address holds a secret that the handler checks.
        path if path.starts_with("/api/v1/remote-taxonomies/") => {
            method == Method::GET || method == Method::HEAD
        }
        _ => !path.starts_with("/api/"),
    }
}

/// Gives every error under `/api/` the form of a problem, with the path that it happened at.
pub(super) async fn problems<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, actix_web::Error> {
    // The request itself may not be held: the router needs it for itself.
    let path = request.path().to_owned();
    let response = match next.call(request).await {
        Ok(response) => response,
        Err(error) => {
            let response = answer(&error, &path);
            return Err(InternalError::from_response(error, response).into());
        }
    };
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return Ok(response.map_into_left_body());
    }
    if let Some(error) = response.response().error() {
        let answer = answer(error, &path);
        return Ok(response.into_response(answer).map_into_right_body());
    }
    let is_problem = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/problem+json"));
    if is_problem || !path.starts_with("/api/") {
        return Ok(response.map_into_left_body());
    }
    let mut answer = from_status(status).response(Some(&path));
    // How long the file is of which a part was asked for that is not there.
    if let Some(range) = response.headers().get(header::CONTENT_RANGE) {
        let range = range.clone();
        answer.headers_mut().insert(header::CONTENT_RANGE, range);
    }
    Ok(response.into_response(answer).map_into_right_body())
}

/// The answer to an error, ours or one of actix; failures of our own are logged here.
fn answer(error: &actix_web::Error, path: &str) -> HttpResponse {
    if let Some(error) = error.as_error::<ApiError>() {
        error.log();
        return error.response(Some(path));
    }
    let status = error.as_response_error().status_code();
    let problem = if status.is_server_error() {
        ApiError::internal(error.to_string())
    } else {
        from_status(status)
    };
    problem.log();
    problem.response(Some(path))
}

fn from_status(status: StatusCode) -> ApiError {
    match status {
        StatusCode::NOT_FOUND => ApiError::new(
            Code::RouteNotFound,
            "see /api/openapi.json for what there is",
        ),
        StatusCode::METHOD_NOT_ALLOWED => ApiError::new(
            Code::MethodNotAllowed,
            "see /api/openapi.json for the methods of this address",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::new(Code::PayloadTooLarge, "send less"),
        StatusCode::RANGE_NOT_SATISFIABLE => ApiError::new(
            Code::RangeNotSatisfiable,
            "see `Content-Range` for how long the file is",
        ),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            ApiError::new(Code::UnsupportedMediaType, "see /api/openapi.json")
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            ApiError::new(Code::Unavailable, "try again in a moment")
        }
        status if status.is_server_error() => ApiError::internal(status.to_string()),
        status => ApiError::new(Code::BadRequest, status.to_string()),
    }
}

/// Sets the headers that keep browsers careful.
pub(super) async fn security_headers<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let is_api = request.path().starts_with("/api/");
    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "same-origin");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    set(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    if is_api {
        set(header::CACHE_CONTROL, "no-store");
    }
    Ok(response)
}

/// Refuses what a page of another site sent, then finds out who asks; closed addresses need an answer to that.
pub(super) async fn authenticate<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    if request.path().starts_with("/api/") {
        let app = request
            .app_data::<web::Data<App>>()
            .cloned()
            .ok_or_else(|| ApiError::internal("the application state is missing"))?;
        let has_key = request.headers().contains_key(header::AUTHORIZATION);
        if !has_key && is_mutation(request.method()) {
            same_origin(&request, app.options.public_authority())?;
        }
        match accounts::identify(&app, request.request()).await? {
            Some(caller) => {
                request.extensions_mut().insert(caller);
            }
            None if is_public(request.method(), request.path()) => {}
            None => {
                let detail = if has_key {
                    "the key in `Authorization` is unknown or revoked"
                } else {
                    "there is neither a session cookie nor an `Authorization: Bearer` header"
                };
                return Err(ApiError::new(Code::SignInRequired, detail).into());
            }
        }
    }
    next.call(request).await
}

fn is_mutation(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Browsers say where a request comes from; what says nothing is no browser, and has no cookie to steal.
fn same_origin(request: &ServiceRequest, public_authority: Option<&str>) -> Result<(), ApiError> {
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    if let Some(site) = header("sec-fetch-site")
        && !matches!(site, "same-origin" | "none")
    {
        return Err(ApiError::new(
            Code::ForeignOrigin,
            format!("Sec-Fetch-Site is `{site}`, expected `same-origin`"),
        ));
    }
    if let Some(origin) = header("origin") {
        let authority = origin
            .split_once("://")
            .map_or("", |(_, authority)| authority);
        let host = header("host").unwrap_or_default();
        let known = !authority.is_empty()
            && (authority == host || public_authority.is_some_and(|public| public == authority));
        if !known {
            return Err(ApiError::new(
                Code::ForeignOrigin,
                format!("Origin is `{origin}`, expected this server's own"),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn check(headers: &[(&'static str, &'static str)], public: Option<&str>, accepted: bool) {
        let mut request = TestRequest::post().insert_header(("host", "127.0.0.1:8080"));
        for header in headers {
            request = request.insert_header(*header);
        }
        assert_eq!(
            same_origin(&request.to_srv_request(), public).is_ok(),
            accepted,
            "{headers:?}"
        );
    }

    #[test]
    fn foreign_pages_are_refused() {
        check(&[], None, true);
        check(&[("sec-fetch-site", "same-origin")], None, true);
        check(&[("sec-fetch-site", "none")], None, true);
        check(&[("sec-fetch-site", "same-site")], None, false);
        check(&[("sec-fetch-site", "cross-site")], None, false);
        check(&[("origin", "http://127.0.0.1:8080")], None, true);
        check(&[("origin", "http://127.0.0.1:9090")], None, false);
        check(&[("origin", "null")], None, false);
        check(
            &[("origin", "https://arborist.example")],
            Some("arborist.example"),
            true,
        );
        check(
            &[("origin", "https://evil.example")],
            Some("arborist.example"),
            false,
        );
    }

    #[test]
    fn only_the_named_addresses_are_public() {
        for (method, path, public) in [
            (Method::GET, "/healthz", true),
            (Method::GET, "/runs/7", true),
            (Method::GET, "/api/openapi.json", true),
            (Method::POST, "/api/v1/session", true),
            (Method::POST, "/api/v1/first-start", true),
            (Method::GET, "/api/v1/remote-taxonomies/abc", true),
            (Method::POST, "/api/v1/remote-taxonomies/abc", false),
            (Method::GET, "/api/v1/projects", false),
            (Method::GET, "/api/docs/", false),
            (Method::GET, "/api/v1/plugins", false),
            (Method::GET, "/api/v1/nothing", false),
        ] {
            assert_eq!(is_public(&method, path), public, "{method} {path}");
        }
    }
}
