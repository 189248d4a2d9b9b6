//! The server's routes as functions: the only place that fetches.
//!
//! Every answer is `Result<T, ApiError>`. An error keeps the problem document of the server, so that
//! pages can say what happened and fold the rest away. Routes return the wire types of `arborist_shared::api`.

mod accounts;
mod analysis;
mod corpora;
mod drafts;
mod error;
mod pieces;
mod queue;
mod reviews;
mod taxonomies;
mod upload;

use std::cell::RefCell;

use arborist_shared::api::assets::{Asset, AssetList};
use arborist_shared::api::corpora::{Corpus, CorpusList};
use arborist_shared::api::jobs::{Accepted, Job, JobList};
use arborist_shared::api::plugins::Plugins;
use arborist_shared::api::problem::Problem;
use arborist_shared::api::runs::{
    EpochList, NewRun, PredictRequest, PredictResponse, Run, RunAnswer, RunEstimate, RunFigures,
    RunPage,
};
use arborist_shared::api::taxonomies::{
    LabelPage, Taxonomy as TaxonomyVersion, TaxonomyAnswer, TaxonomyList,
};
use arborist_shared::metrics::Metrics;
use arborist_shared::significance::Intervals;
use arborist_shared::split::Split;
use arborist_shared::taxonomy::Taxonomy;
use gloo_net::http::{Method, Request, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use web_sys::Blob;
use yew::Callback;

pub use accounts::*;
pub use analysis::*;
pub use corpora::*;
pub use drafts::*;
pub use error::{ApiError, sentence};
pub use pieces::{Course, PIECE, Parcel, Pieces};
pub use queue::*;
pub use reviews::*;
pub use taxonomies::*;
pub use upload::{Sent, Upload};

/// What every function here comes back with.
pub type Answer<T> = Result<T, ApiError>;

/// Pairs of a query string; empty values are left out.
pub type Pairs<'a> = &'a [(&'a str, String)];

thread_local! {
    static SIGNED_OUT: RefCell<Option<Callback<()>>> = const { RefCell::new(None) };
}

/// Whom to tell when the server no longer knows the session.
pub fn on_signed_out(callback: Callback<()>) {
    SIGNED_OUT.with(|slot| *slot.borrow_mut() = Some(callback));
}

fn signed_out() {
    if let Some(callback) = SIGNED_OUT.with(|slot| slot.borrow().clone()) {
        callback.emit(());
    }
}

/// Address of a route below `/api/v1`.
pub fn address(path: &str, query: Pairs<'_>) -> String {
    let pairs: Vec<_> = query
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .collect();
    let query = serde_urlencoded::to_string(pairs).unwrap_or_default();
    if query.is_empty() {
        format!("/api/v1{path}")
    } else {
        format!("/api/v1{path}?{query}")
    }
}

fn request(method: Method, path: &str, query: Pairs<'_>) -> RequestBuilder {
    RequestBuilder::new(&address(path, query))
        .method(method)
        .header("accept", "application/json, application/problem+json")
}

async fn answer(request: Request) -> Answer<String> {
    let response: Response = request.send().await.map_err(|error| ApiError::Network {
        detail: error.to_string(),
    })?;
    let status = response.status();
    let body = response.text().await.map_err(|error| ApiError::Network {
        detail: error.to_string(),
    })?;
    judge(status, body)
}

/// A successful body, or the problem that the answer describes.
fn judge(status: u16, body: String) -> Answer<String> {
    if (200..300).contains(&status) {
        return Ok(body);
    }
    let error = match serde_json::from_str::<Problem>(&body) {
        Ok(problem) => ApiError::Problem(Box::new(problem)),
        Err(_) => ApiError::Status {
            status,
            body: body.chars().take(2_000).collect(),
        },
    };
    if status == 401 {
        signed_out();
    }
    Err(error)
}

fn parse<T: DeserializeOwned>(body: &str) -> Answer<T> {
    serde_json::from_str(body).map_err(|error| ApiError::Unreadable {
        detail: error.to_string(),
    })
}

async fn get<T: DeserializeOwned>(path: &str, query: Pairs<'_>) -> Answer<T> {
    let request = request(Method::GET, path, query)
        .build()
        .map_err(ApiError::from_request)?;
    parse(&answer(request).await?)
}

async fn post<T: DeserializeOwned>(
    path: &str,
    query: Pairs<'_>,
    body: &impl Serialize,
) -> Answer<T> {
    send_json(Method::POST, path, query, body).await
}

async fn send_json<T: DeserializeOwned>(
    method: Method,
    path: &str,
    query: Pairs<'_>,
    body: &impl Serialize,
) -> Answer<T> {
    let request = request(method, path, query)
        .json(body)
        .map_err(ApiError::from_request)?;
    parse(&answer(request).await?)
}

async fn post_blob<T: DeserializeOwned>(path: &str, query: Pairs<'_>, body: &Blob) -> Answer<T> {
    let request = request(Method::POST, path, query)
        .header("content-type", "application/octet-stream")
        .body(JsValue::from(body.clone()))
        .map_err(ApiError::from_request)?;
    parse(&answer(request).await?)
}

async fn delete(path: &str) -> Answer<()> {
    let request = request(Method::DELETE, path, &[])
        .build()
        .map_err(ApiError::from_request)?;
    answer(request).await.map(drop)
}

/// Rows of a page where all pages are read.
const PAGE: u32 = 200;

fn page(cursor: Option<String>) -> [(&'static str, String); 2] {
    [
        ("limit", PAGE.to_string()),
        ("cursor", cursor.unwrap_or_default()),
    ]
}

/// The rows of all pages: `fetch` answers with those behind a cursor, and the next one.
async fn every_page<T>(
    fetch: impl AsyncFn(Option<String>) -> Answer<(Vec<T>, Option<String>)>,
) -> Answer<Vec<T>> {
    let (mut rows, mut next) = fetch(None).await?;
    while next.is_some() {
        let (more, after) = fetch(next).await?;
        rows.extend(more);
        next = after;
    }
    Ok(rows)
}

// Taxonomies

/// All versions, newest first.
pub async fn taxonomies(project: i64) -> Answer<Vec<TaxonomyVersion>> {
    every_page(async |cursor| {
        let path = format!("/projects/{project}/taxonomies");
        let page: TaxonomyList = get(&path, &page(cursor)).await?;
        Ok((page.taxonomies, page.next))
    })
    .await
}

pub async fn taxonomy(taxonomy: i64) -> Answer<TaxonomyAnswer> {
    get(&format!("/taxonomies/{taxonomy}"), &[]).await
}

/// The whole hierarchy of a version.
pub async fn hierarchy(taxonomy: i64) -> Answer<Taxonomy> {
    get(&format!("/taxonomies/{taxonomy}/file"), &[]).await
}

/// Labels below `parent` (`Some("")` = below the root), or all in taxonomy order.
pub async fn labels(
    taxonomy: i64,
    parent: Option<&str>,
    limit: u32,
    cursor: Option<String>,
) -> Answer<LabelPage> {
    let mut path = format!("/taxonomies/{taxonomy}/labels");
    // An empty parent means something, so it cannot go the way of other empty values.
    if parent == Some("") {
        path.push_str("?parent=&");
        let rest = address(
            "",
            &[
                ("limit", limit.to_string()),
                ("cursor", cursor.unwrap_or_default()),
            ],
        );
        path.push_str(rest.trim_start_matches("/api/v1").trim_start_matches('?'));
        return get(&path, &[]).await;
    }
    get(
        &path,
        &[
            ("parent", parent.unwrap_or_default().to_owned()),
            ("limit", limit.to_string()),
            ("cursor", cursor.unwrap_or_default()),
        ],
    )
    .await
}

pub async fn search_labels(taxonomy: i64, search: &str, limit: u32) -> Answer<LabelPage> {
    get(
        &format!("/taxonomies/{taxonomy}/labels"),
        &[("search", search.to_owned()), ("limit", limit.to_string())],
    )
    .await
}

// Corpora

/// All versions, newest first.
pub async fn corpora(project: i64) -> Answer<Vec<Corpus>> {
    every_page(async |cursor| {
        let path = format!("/projects/{project}/corpora");
        let page: CorpusList = get(&path, &page(cursor)).await?;
        Ok((page.corpora, page.next))
    })
    .await
}

/// Sends a file, telling how far it is.
pub fn upload(
    address: &str,
    body: &Blob,
    progress: Callback<Sent>,
    done: Callback<Answer<Accepted>>,
) -> Answer<Upload> {
    upload::start(address, body, progress, done)
}

/// Has an import take a file that was sent in pieces; `address` is where its body would go.
pub async fn import_sent(address: &str, upload: &str) -> Answer<Accepted> {
    let sign = if address.contains('?') { '&' } else { '?' };
    let request = RequestBuilder::new(&format!("{address}{sign}upload={upload}"))
        .method(Method::POST)
        .header("accept", "application/json, application/problem+json")
        .build()
        .map_err(ApiError::from_request)?;
    parse(&answer(request).await?)
}

// Jobs

pub async fn jobs(project: i64, limit: u32) -> Answer<JobList> {
    get(
        "/jobs",
        &[
            ("project", project.to_string()),
            ("limit", limit.to_string()),
        ],
    )
    .await
}

pub async fn job(job: i64) -> Answer<Job> {
    get(&format!("/jobs/{job}"), &[]).await
}

pub async fn cancel_job(job: i64) -> Answer<()> {
    delete(&format!("/jobs/{job}")).await
}

pub fn job_events_address(job: i64) -> String {
    address(&format!("/jobs/{job}/events"), &[])
}

// Methods, assets and runs

pub async fn plugins() -> Answer<Plugins> {
    get("/plugins", &[]).await
}

pub async fn assets(project: i64) -> Answer<Vec<Asset>> {
    every_page(async |cursor| {
        let path = format!("/projects/{project}/assets");
        let page: AssetList = get(&path, &page(cursor)).await?;
        Ok((page.assets, page.next))
    })
    .await
}

pub async fn runs(project: i64, limit: u32, cursor: Option<String>) -> Answer<RunPage> {
    get(
        &format!("/projects/{project}/runs"),
        &[
            ("limit", limit.to_string()),
            ("cursor", cursor.unwrap_or_default()),
        ],
    )
    .await
}

/// All runs, newest first.
pub async fn every_run(project: i64) -> Answer<Vec<Run>> {
    every_page(async |cursor| {
        let page = runs(project, PAGE, cursor).await?;
        Ok((page.runs, page.next))
    })
    .await
}

pub async fn run(run: i64) -> Answer<RunAnswer> {
    get(&format!("/runs/{run}"), &[]).await
}

pub async fn start_run(project: i64, run: &NewRun) -> Answer<Accepted> {
    post(&format!("/projects/{project}/runs"), &[], run).await
}

/// What a run would need, without starting it.
pub async fn estimate(project: i64, run: &NewRun) -> Answer<RunEstimate> {
    post(&format!("/projects/{project}/runs/estimate"), &[], run).await
}

pub fn metrics_address(run: i64, split: Split) -> String {
    address(
        &format!("/runs/{run}/metrics"),
        &[("split", split_word(split).to_owned())],
    )
}

pub async fn metrics(run: i64, split: Split) -> Answer<Metrics> {
    get(
        &format!("/runs/{run}/metrics"),
        &[("split", split_word(split).to_owned())],
    )
    .await
}

/// The 95 % intervals of a run's figures; none where it has no documents. They are computed when they are asked for, so
/// they come apart from the figures.
pub async fn intervals(run: i64, split: Split) -> Answer<Option<Intervals>> {
    let figures: RunFigures = get(
        &format!("/runs/{run}/metrics"),
        &[
            ("split", split_word(split).to_owned()),
            ("intervals", "true".to_owned()),
        ],
    )
    .await?;
    Ok(figures.intervals)
}

pub async fn epochs(run: i64) -> Answer<EpochList> {
    get(&format!("/runs/{run}/epochs"), &[]).await
}

pub async fn predict(run: i64, request: &PredictRequest) -> Answer<PredictResponse> {
    post(&format!("/runs/{run}/predict"), &[], request).await
}

/// The split as it stands in queries.
pub fn split_word(split: Split) -> &'static str {
    match split {
        Split::Train => "train",
        Split::Validation => "validation",
        Split::Test => "test",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_leave_empty_values_out_and_escape_the_rest() {
        assert_eq!(address("/jobs", &[]), "/api/v1/jobs");
        assert_eq!(
            address(
                "/jobs",
                &[
                    ("project", "3".into()),
                    ("status", String::new()),
                    ("search", "a b&c".into())
                ]
            ),
            "/api/v1/jobs?project=3&search=a+b%26c"
        );
    }

    #[test]
    fn problems_are_read_from_error_answers() {
        let body = r#"{"type":"urn:arborist:corpus_not_found","title":"No such corpus","status":404,"detail":"corpus 9 does not exist"}"#;
        let Err(ApiError::Problem(problem)) = judge(404, body.into()) else {
            panic!("expected a problem")
        };
        assert_eq!(problem.detail, "corpus 9 does not exist");
        assert!(matches!(
            judge(502, "<html>".into()),
            Err(ApiError::Status { status: 502, .. })
        ));
        assert_eq!(judge(204, String::new()), Ok(String::new()));
    }
}
