//! Accounts, keys and projects.

use arborist_shared::api::accounts::{CreatedKey, FirstStart, KeyList, NewKey, Session, SignIn};
use arborist_shared::api::projects::{NewProject, Overview, Project, ProjectAnswer, ProjectList};
use gloo_net::http::Method;

use super::{Answer, ApiError, answer, delete, get, post, request};

pub async fn session() -> Answer<Session> {
    get("/session", &[]).await
}

pub async fn sign_in(name: String, password: String) -> Answer<()> {
    let request = request(Method::POST, "/session", &[])
        .json(&SignIn { name, password })
        .map_err(ApiError::from_request)?;
    answer(request).await.map(drop)
}

pub async fn sign_out() -> Answer<()> {
    delete("/session").await
}

pub async fn first_start(first: FirstStart) -> Answer<()> {
    let request = request(Method::POST, "/first-start", &[])
        .json(&first)
        .map_err(ApiError::from_request)?;
    answer(request).await.map(drop)
}

pub async fn keys() -> Answer<KeyList> {
    get("/keys", &[]).await
}

pub async fn create_key(key: &NewKey) -> Answer<CreatedKey> {
    post("/keys", &[], key).await
}

pub async fn revoke_key(key: i64) -> Answer<()> {
    delete(&format!("/keys/{key}")).await
}

pub async fn projects() -> Answer<ProjectList> {
    get("/projects", &[]).await
}

pub async fn create_project(name: String) -> Answer<Project> {
    post::<ProjectAnswer>("/projects", &[], &NewProject { name })
        .await
        .map(|answer| answer.project)
}

/// Answer of the sample route: the project, and the job that fills it.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct SampleProject {
    pub project: Project,
}

pub async fn sample_project() -> Answer<SampleProject> {
    post("/sample-project", &[], &serde_json::Map::new()).await
}

pub async fn overview(project: i64) -> Answer<Overview> {
    get(&format!("/projects/{project}/overview"), &[]).await
}
