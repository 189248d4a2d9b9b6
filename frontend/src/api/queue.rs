//! The queue: jobs in their order, devices, logs.

use arborist_shared::api::queue::{
    ChangeDevice, DeviceList, DeviceState, MoveJob, Queue, QueueJob, RunLog,
};
use gloo_net::http::Method;
use serde_json::json;

use super::{Answer, ApiError, answer, get, parse, post, request};

/// Jobs of a project, and the devices of the server; `limit` waiting ones.
pub async fn queue(project: i64, limit: u32) -> Answer<Queue> {
    let query = [
        ("project", project.to_string()),
        ("limit", limit.to_string()),
    ];
    get("/queue", &query).await
}

/// Puts a waiting job elsewhere.
pub async fn move_job(job: i64, to: MoveJob) -> Answer<QueueJob> {
    post(&format!("/jobs/{job}/move"), &[], &to).await
}

/// Queues a training again that ended without success.
pub async fn retry_job(job: i64) -> Answer<QueueJob> {
    post(&format!("/jobs/{job}/retry"), &[], &json!({})).await
}

/// Devices of the server, the processor first.
pub async fn devices() -> Answer<DeviceList> {
    get("/devices", &[]).await
}

/// Takes a device out of work, or puts it back.
pub async fn change_device(name: &str, state: DeviceState) -> Answer<DeviceList> {
    let request = request(Method::PATCH, &format!("/devices/{name}"), &[])
        .json(&ChangeDevice { state })
        .map_err(ApiError::from_request)?;
    parse(&answer(request).await?)
}

/// Lines of a run's log behind a cursor that hold what is searched for.
pub async fn run_log(run: i64, search: &str, cursor: &str) -> Answer<RunLog> {
    let query = [("search", search.to_owned()), ("cursor", cursor.to_owned())];
    get(&format!("/runs/{run}/log"), &query).await
}
