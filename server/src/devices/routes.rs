//! Addresses of devices.

use actix_web::{get, patch, web};
use arborist_shared::api::accounts::Role;
use arborist_shared::api::queue::{ChangeDevice, DeviceList, DeviceState};
use utoipa_actix_web::service_config::ServiceConfig;

use super::store;
use crate::accounts::Caller;
use crate::http::problem::{ApiError, Code};
use crate::{App, jobs};

/// Adds the addresses.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_devices).service(change_device);
}

/// Devices of this server, with what they are doing at this moment.
#[utoipa::path(tag = "devices", responses((status = 200, body = DeviceList)))]
#[get("/devices")]
async fn list_devices(app: web::Data<App>, _caller: Caller) -> web::Json<DeviceList> {
    web::Json(DeviceList {
        devices: app.devices.show(),
    })
}

/// Take a device out of work, or put it back. `draining`: it takes no more jobs; `disabled`: those at work on it go back to
/// the queue as well, and resume elsewhere or later.
#[utoipa::path(tag = "devices", params(("name" = String, Path)), request_body = ChangeDevice,
    responses((status = 200, body = DeviceList)))]
#[patch("/devices/{name}")]
async fn change_device(
    app: web::Data<App>,
    caller: Caller,
    name: web::Path<String>,
    body: web::Json<ChangeDevice>,
) -> Result<web::Json<DeviceList>, ApiError> {
    caller.require(Role::Admin)?;
    let known = app.devices.show();
    if !known.iter().any(|device| device.name == *name) {
        let names: Vec<&str> = known.iter().map(|device| device.name.as_str()).collect();
        let detail = format!("found `{name}`, there are {}", names.join(", "));
        return Err(ApiError::new(Code::DeviceNotFound, detail));
    }
    store::set_state(app.db.write(), &app.owner, &name, body.state).await?;
    app.devices.set_state(&name, body.state);
    if body.state == DeviceState::Disabled {
        jobs::put_back(&app, &app.devices.jobs_on(&name));
    }
    jobs::look_again(&app);
    Ok(web::Json(DeviceList {
        devices: app.devices.show(),
    }))
}
