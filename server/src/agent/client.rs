//! The agent's requests to its server. What a broken connection does is tried again until patience ends.

use std::future::Future;
use std::time::Duration;

use arborist_shared::api::agent::{
    AgentEnd, AgentFiles, AgentLength, AgentMissing, AgentOrders, AgentRun,
};
use arborist_shared::api::problem::Problem;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};

use super::AgentError;
use crate::remote::files::Growing;

/// First pause before something is tried again; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Longest pause.
const LAST_PAUSE: Duration = Duration::from_secs(10);
/// How long a connection may take to come about, and how long it may be silent.
const SILENCE: Duration = Duration::from_secs(30);

/// Why a request was not answered as hoped.
#[derive(Debug)]
pub(super) enum Fault {
    /// The server does not know the attempt any more.
    Ended(String),
    /// It will never do this.
    Refused(String),
    /// The connection, or a server that is busy or starting: worth another try.
    Passing(String),
}

/// A client for one attempt. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    server: String,
    token: String,
    patience: Duration,
}

impl Client {
    pub(super) fn new(server: &str, token: &str, patience: Duration) -> Self {
        let http = reqwest::Client::builder()
            .connect_timeout(SILENCE)
            .read_timeout(SILENCE)
            // The server is on the same network.
            .no_proxy()
            .build()
            .unwrap_or_default();
        Self {
            http,
            server: server.trim_end_matches('/').to_owned(),
            token: token.to_owned(),
            patience,
        }
    }

    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// What the attempt begins with.
    pub(super) async fn run(&self) -> Result<AgentRun, AgentError> {
        // The server hashes everything first, in silence.
        let request = || self.get("run").timeout(self.patience);
        self.persist(|| self.json(request())).await
    }

    /// A content from a byte on; the caller reads it, and comes back for the rest when it breaks.
    pub(super) async fn content(&self, sha256: &str, offset: u64) -> Result<Response, Fault> {
        let path = format!("contents/{sha256}");
        let request = self.get(&path).query(&[("offset", offset)]);
        self.send(request).await
    }

    /// Adds to a growing file; answers its length over there.
    pub(super) async fn append(
        &self,
        file: Growing,
        offset: u64,
        bytes: &[u8],
    ) -> Result<u64, AgentError> {
        let path = format!("growing/{}", file.name());
        let length: AgentLength = self
            .persist(|| {
                let request = self.post(&path).query(&[("offset", offset)]);
                self.json(request.body(bytes.to_vec()))
            })
            .await?;
        Ok(length.bytes)
    }

    /// Proposes the state of a folder; answers what has to be sent before.
    pub(super) async fn files(&self, files: &AgentFiles) -> Result<AgentMissing, AgentError> {
        self.persist(|| self.json(self.post("files").json(files).timeout(self.patience)))
            .await
    }

    /// Sends a part of a content; answers how much of it is over there.
    pub(super) async fn part(
        &self,
        sha256: &str,
        offset: u64,
        bytes: &[u8],
    ) -> Result<u64, AgentError> {
        let path = format!("contents/{sha256}");
        let length: AgentLength = self
            .persist(|| {
                let request = self.http.put(self.url(&path)).bearer_auth(&self.token);
                let request = request.query(&[("offset", offset)]).timeout(self.patience);
                self.json(request.body(bytes.to_vec()))
            })
            .await?;
        Ok(length.bytes)
    }

    /// A sign of life.
    pub(super) async fn heartbeat(&self) -> Result<AgentOrders, Fault> {
        self.json(self.post("heartbeat").timeout(SILENCE)).await
    }

    /// The last word.
    pub(super) async fn end(&self, end: &AgentEnd) -> Result<(), AgentError> {
        let result = self
            .persist(|| async { self.send(self.post("end").json(end)).await.map(drop) })
            .await;
        match result {
            // An answer that was lost: the word itself arrived.
            Err(AgentError::Ended(_)) => Ok(()),
            result => result,
        }
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(self.url(path)).bearer_auth(&self.token)
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(self.url(path)).bearer_auth(&self.token)
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/v1/agent/{path}", self.server)
    }

    async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Fault> {
        let response = self.send(request).await?;
        response
            .json()
            .await
            .map_err(|error| Fault::Passing(in_full(&error)))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Fault> {
        let response = request
            .send()
            .await
            .map_err(|error| Fault::Passing(in_full(&error)))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let why = match response.json::<Problem>().await {
            Ok(problem) => problem.detail,
            Err(_) => status.to_string(),
        };
        Err(match status {
            StatusCode::UNAUTHORIZED | StatusCode::GONE => Fault::Ended(why),
            status if status.is_client_error() => Fault::Refused(why),
            _ => Fault::Passing(why),
        })
    }

    /// Tries until it succeeds, is refused, or patience ends.
    pub(super) async fn persist<T, F: Future<Output = Result<T, Fault>>>(
        &self,
        mut request: impl FnMut() -> F,
    ) -> Result<T, AgentError> {
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let why = match request().await {
                Ok(answer) => return Ok(answer),
                Err(Fault::Ended(why)) => return Err(AgentError::Ended(why)),
                Err(Fault::Refused(why)) => return Err(AgentError::Refused(why)),
                Err(Fault::Passing(why)) => why,
            };
            if begun.elapsed() > self.patience {
                return Err(AgentError::Unreachable {
                    server: self.server.clone(),
                    seconds: begun.elapsed().as_secs(),
                    why,
                });
            }
            tracing::debug!(why, "the server did not answer, trying again");
            sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }
}

/// An error with what caused it: by itself it says no more than that a request failed.
fn in_full(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
