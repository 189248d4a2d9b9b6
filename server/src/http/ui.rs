//! The dashboard's files, embedded in the executable.
//!
//! Its pages are addresses of its own: every unknown GET outside `/api` answers the page itself, which then shows what the
//! address says. Files whose name holds a hash never change and are kept by browsers for ever.

use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use rust_embed::RustEmbed;

/// What the front end's build left; in debug builds, read from there when asked for.
#[derive(RustEmbed)]
#[folder = "$ARBORIST_FRONTEND_DIST"]
#[allow_missing = true]
struct Files;

const PAGE: &str = "index.html";
/// Compressed twins that the build may have put beside a file, best first.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config.default_service(web::route().to(serve));
}

async fn serve(request: HttpRequest) -> HttpResponse {
    let path = request.path();
    if path.starts_with("/api/") || path == "/api" {
        // Turned into a problem on its way out.
        return HttpResponse::NotFound().finish();
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return HttpResponse::MethodNotAllowed().finish();
    }
    let name = path.trim_start_matches('/');
    if let Some(response) = file(name, request.headers()) {
        return response;
    }
    // A file that is gone is not a page; what a browser opens is.
    let is_file = name
        .rsplit('/')
        .next()
        .is_some_and(|last| last.contains('.'));
    let wants_page = header_text(request.headers(), header::ACCEPT).contains("text/html");
    if is_file && !wants_page {
        return HttpResponse::NotFound().finish();
    }
    file(PAGE, request.headers()).unwrap_or_else(|| {
        HttpResponse::build(StatusCode::NOT_FOUND)
            .content_type("text/plain; charset=utf-8")
            .body("This build has no dashboard. The interface for programs is at /api/v1, described at /api/openapi.json.\n")
    })
}

fn file(name: &str, headers: &HeaderMap) -> Option<HttpResponse> {
    if name.is_empty() || name.split('/').any(|part| part == ".." || part.is_empty()) {
        return None;
    }
    let accepted = header_text(headers, header::ACCEPT_ENCODING);
    let twin = ENCODINGS
        .iter()
        .filter(|(encoding, _)| accepts(accepted, encoding))
        .find_map(|(encoding, extension)| {
            Files::get(&format!("{name}{extension}")).map(|file| (Some(*encoding), file))
        });
    let plain = Files::get(name)?;
    let tag = format!(
        "\"{}\"",
        crate::hash::hex(&plain.metadata.sha256_hash()[..16])
    );
    let kind = plain.metadata.mimetype().to_owned();
    let (encoding, file) = twin.unwrap_or((None, plain));

    let mut response = HttpResponse::Ok();
    let caching = if is_hashed(name) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    response
        .insert_header((header::CACHE_CONTROL, caching))
        .insert_header((header::ETAG, tag.as_str()));
    response.insert_header((header::VARY, HeaderValue::from_static("accept-encoding")));
    // The tag is weak: it names the content, however it is compressed.
    let known = header_text(headers, header::IF_NONE_MATCH);
    let is_known = known.split(',').any(|known| known.trim() == tag);
    if is_known {
        return Some(response.status(StatusCode::NOT_MODIFIED).finish());
    }
    // Said also where there is none: what is not compressed here is compressed on the way, unless it is so already.
    if let Some(encoding) = encoding {
        response.insert_header((header::CONTENT_ENCODING, encoding));
    }
    let kind = if kind.starts_with("text/") {
        format!("{kind}; charset=utf-8")
    } else {
        kind
    };
    Some(response.content_type(kind).body(file.data.into_owned()))
}

fn header_text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// Whether `Accept-Encoding` names an encoding without refusing it.
fn accepts(header: &str, encoding: &str) -> bool {
    header.split(',').any(|item| {
        let mut parts = item.split(';');
        let name = parts.next().unwrap_or_default().trim();
        let refused =
            parts.any(|part| matches!(part.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
        name == encoding && !refused
    })
}

/// Whether a file name holds a hash of at least eight hexadecimal digits between `-` or `.`.
fn is_hashed(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or_default();
    last.split(['-', '.'])
        .any(|part| part.len() >= 8 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashed_names_are_told_from_others() {
        assert!(is_hashed("assets/app-0a1b2c3d4e5f.wasm"));
        assert!(is_hashed("app.0123456789abcdef.js"));
        assert!(!is_hashed("index.html"));
        assert!(!is_hashed("favicon.svg"));
        assert!(!is_hashed("patternfly-addons.css"));
    }

    #[test]
    fn encodings_may_be_refused() {
        assert!(accepts("gzip, deflate, br", "br"));
        assert!(accepts("br;q=0.5", "br"));
        assert!(!accepts("br;q=0, gzip", "br"));
        assert!(!accepts("", "gzip"));
    }

    #[test]
    fn nothing_outside_is_served() {
        for name in ["../Cargo.toml", "a/../../b", "", "/etc/passwd"] {
            assert!(file(name, &HeaderMap::new()).is_none(), "{name}");
        }
    }
}
