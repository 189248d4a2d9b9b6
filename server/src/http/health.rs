//! Whether the process lives, and whether it can answer. Public, and says nothing else.

use actix_web::{HttpResponse, web};

use crate::App;

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/healthz", web::get().to(healthz))
        .route("/readyz", web::get().to(readyz));
}

async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({"status": "ok"}))
}

async fn readyz(app: web::Data<App>) -> HttpResponse {
    match super::is_ready(&app).await {
        Ok(()) => HttpResponse::Ok().json(serde_json::json!({"status": "ready"})),
        Err(error) => {
            tracing::warn!(%error, "the database does not answer");
            HttpResponse::ServiceUnavailable()
                .json(serde_json::json!({"status": "the database does not answer"}))
        }
    }
}
