//! Addresses of plugins.

use actix_web::{get, web};
use arborist_shared::api::plugins::Plugins;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::App;
use crate::accounts::Caller;
use crate::http::problem::ApiError;

/// Adds the addresses.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_plugins);
}

/// Methods that this server offers, and libraries that it refuses, with the reason.
#[utoipa::path(tag = "plugins", responses((status = 200, body = Plugins)))]
#[get("/plugins")]
async fn list_plugins(
    app: web::Data<App>,
    _caller: Caller,
) -> Result<web::Json<Plugins>, ApiError> {
    let found = app.plugins.list(app.options.plugin_search()).await?;
    Ok(web::Json(found.to_wire()))
}
