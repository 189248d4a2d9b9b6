//! The description of the interface, made from the code, and a page to try it.

use actix_web::{HttpResponse, web};
use arborist_shared::api::problem::Problem;
use utoipa::OpenApi;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder};
use utoipa_actix_web::AppExt;
use utoipa_swagger_ui::{Config, SwaggerUi};

const ADDRESS: &str = "/api/openapi.json";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Arborist",
        description = "Hierarchical text classification: corpora, taxonomies, training, prediction.\n\nErrors are `application/problem+json`. \
            Anything that can take over a second answers `202 Accepted` with a job; watch it at `/jobs/{id}/events` or poll `/jobs/{id}`. \
            Timestamps are RFC 3339 in UTC. Pages end when `next` is null.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    components(schemas(Problem)),
    tags(
        (name = "accounts", description = "First start, sign-in, API keys"),
        (name = "projects", description = "What everything else belongs to"),
        (name = "taxonomies", description = "Label hierarchies and their labels"),
        (name = "drafts", description = "Edits of a taxonomy, and what publishing them does"),
        (name = "corpora", description = "Documents with their labels"),
        (name = "uploads", description = "Files that are sent in pieces"),
        (name = "reviews", description = "Documents that wait for a person"),
        (name = "assets", description = "Encoders and word vectors"),
        (name = "jobs", description = "Work that takes longer than a request"),
        (name = "plugins", description = "Methods that this server offers"),
        (name = "runs", description = "Training, figures and prediction"),
        (name = "comparisons", description = "Which run is better, and whether that is certain"),
    ),
)]
struct Frame;

/// The document without addresses.
pub(super) fn frame() -> utoipa::openapi::OpenApi {
    let mut document = Frame::openapi();
    crate::VERSION.clone_into(&mut document.info.version);
    document
}

/// The whole document.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    let app = actix_web::App::new()
        .into_utoipa_app()
        .openapi(frame())
        .service(utoipa_actix_web::scope("/api/v1").configure(super::rooms));
    let (_, mut document) = app.split_for_parts();
    let components = document.components.get_or_insert_default();
    let session = ApiKey::Cookie(ApiKeyValue::new("arborist_session"));
    components.add_security_scheme("session", SecurityScheme::ApiKey(session));
    let key = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.add_security_scheme("key", SecurityScheme::Http(key));
    // Of one attempt of a run, for the agent that carries it out.
    let agent = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.add_security_scheme("agent", SecurityScheme::Http(agent));
    document.security = Some(vec![
        SecurityRequirement::new("session", Vec::<String>::new()),
        SecurityRequirement::new("key", Vec::<String>::new()),
    ]);
    // Every address can answer with a problem.
    let problem = ResponseBuilder::new()
        .description("A problem: what was found, where, and what was expected")
        .content(
            "application/problem+json",
            Content::new(Some(RefOr::Ref(Ref::from_schema_name("Problem")))),
        )
        .build();
    for item in document.paths.paths.values_mut() {
        for operation in [
            &mut item.get,
            &mut item.post,
            &mut item.put,
            &mut item.patch,
            &mut item.delete,
        ]
        .into_iter()
        .flatten()
        {
            operation
                .responses
                .responses
                .entry("default".to_owned())
                .or_insert_with(|| RefOr::T(problem.clone()));
        }
    }
    document
}

pub(super) fn configure(config: &mut web::ServiceConfig) {
    let page = SwaggerUi::new("/api/docs/{_:.*}").config(Config::from(ADDRESS));
    config
        .route(ADDRESS, web::get().to(show))
        // Links within the page are relative to the folder.
        .service(web::redirect("/api/docs", "/api/docs/"))
        .service(page);
}

async fn show() -> HttpResponse {
    static DOCUMENT: std::sync::LazyLock<Option<String>> =
        std::sync::LazyLock::new(|| document().to_pretty_json().ok());
    match DOCUMENT.as_deref() {
        Some(document) => HttpResponse::Ok()
            .content_type("application/json")
            .body(document),
        None => HttpResponse::InternalServerError().finish(),
    }
}
