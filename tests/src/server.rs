//! A real server in a data directory of its own, and a client that is signed in.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

/// The built executable: `ARBORIST_BIN`, else the release build of this workspace.
#[must_use]
pub fn executable() -> PathBuf {
    std::env::var_os("ARBORIST_BIN").map_or_else(|| release_dir().join("arborist"), PathBuf::from)
}

fn release_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release")
}

/// Where the built plugins lie: `ARBORIST_PLUGINS`, else beside the executable of this workspace.
#[must_use]
pub fn plugins() -> PathBuf {
    std::env::var_os("ARBORIST_PLUGINS")
        .map_or_else(|| release_dir().join("plugins"), PathBuf::from)
}

/// A command of the executable, with the plugins in its environment.
pub fn command<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(executable());
    command
        .env("ARBORIST_PLUGINS", plugins())
        .args(arguments)
        .kill_on_drop(true);
    command
}

/// URL of the database of a data directory on the PostgreSQL server that the tests run on, where one is named; without it
/// the server keeps a file of SQLite there.
#[must_use]
pub fn database_url(data_dir: &Path) -> Option<String> {
    let server = std::env::var("ARBORIST_TEST_POSTGRES").ok()?;
    let name: String = data_dir
        .to_string_lossy()
        .chars()
        .map(|character| {
            if character.is_ascii_alphanumeric() {
                character
            } else {
                '_'
            }
        })
        .collect();
    Some(format!(
        "{server}/{}",
        name.trim_start_matches('_').to_lowercase()
    ))
}

/// Asks until `probe` answers something, at most `seconds`.
///
/// # Errors
/// When time is up, or when the probe itself fails.
pub async fn wait_for<T>(
    what: &str,
    seconds: u64,
    mut probe: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(found) = probe().await? {
            return Ok(found);
        }
        ensure!(Instant::now() < end, "{what}: nothing after {seconds} s");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A running `arborist serve`; killed when dropped.
pub struct Server {
    child: Child,
    pub url: String,
    pub data_dir: PathBuf,
    /// Token of the first-start link, when the console printed one.
    pub token: Option<String>,
}

impl Server {
    /// Starts the server on a free port of loopback and waits until it answers.
    ///
    /// # Errors
    /// When it ends early or does not answer within a minute; its output is in the message.
    pub async fn start(data_dir: &Path) -> anyhow::Result<Self> {
        Self::start_with(data_dir, &[]).await
    }

    /// The same with more arguments.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with(data_dir: &Path, arguments: &[&str]) -> anyhow::Result<Self> {
        let mut child = command(["serve", "--bind", "127.0.0.1:0", "--data-dir"])
            .arg(data_dir)
            .args(arguments)
            .envs(database_url(data_dir).map(|url| ("ARBORIST_DATABASE_URL", url)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", executable().display()))?;
        let (sender, mut lines) = mpsc::unbounded_channel();
        follow(
            child.stdout.take().context("no standard output")?,
            sender.clone(),
        );
        follow(child.stderr.take().context("no standard error")?, sender);
        let client = reqwest::Client::new();
        let mut seen = String::new();
        let mut url = None;
        let mut token = None;
        let end = tokio::time::Instant::now() + Duration::from_secs(60);
        loop {
            let Ok(line) = tokio::time::timeout_at(end, lines.recv()).await else {
                bail!("the server printed no address within a minute:\n{seen}")
            };
            let Some(line) = line else {
                bail!("the server ended before it answered:\n{seen}")
            };
            seen.push_str(&line);
            seen.push('\n');
            if token.is_none() {
                token = after(&line, "token=");
            }
            if url.is_none() {
                url = after(&line, "http://127.0.0.1:")
                    .map(|port| format!("http://127.0.0.1:{}", port.trim_end_matches(['/', '.'])));
            }
            let Some(url) = &url else { continue };
            if let Ok(answer) = client.get(format!("{url}/readyz")).send().await
                && answer.status().is_success()
            {
                break;
            }
        }
        // What was printed before the address is complete; a first-start link may still follow.
        while token.is_none() {
            match tokio::time::timeout(Duration::from_millis(300), lines.recv()).await {
                Ok(Some(line)) => token = after(&line, "token="),
                _ => break,
            }
        }
        tokio::spawn(async move { while lines.recv().await.is_some() {} });
        Ok(Self {
            child,
            url: url.context("no address")?,
            data_dir: data_dir.to_owned(),
            token,
        })
    }

    /// Process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// Stops the server's process where it stands: connections stay open and nothing is answered.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn freeze(&self) -> anyhow::Result<()> {
        self.signal("-STOP")
    }

    /// Lets a frozen server go on.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn thaw(&self) -> anyhow::Result<()> {
        self.signal("-CONT")
    }

    fn signal(&self, signal: &str) -> anyhow::Result<()> {
        let status = std::process::Command::new("kill")
            .arg(signal)
            .arg(self.pid().to_string())
            .status()?;
        ensure!(status.success(), "kill {signal} {}", self.pid());
        Ok(())
    }

    /// Kills the server as a power cut would.
    ///
    /// # Errors
    /// When the process cannot be killed.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("killing the server")
    }

    /// Sets the administrator's password through the first-start link and stays signed in.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn first_start(&self) -> anyhow::Result<Client> {
        let client = Client::new(&self.url)?;
        let token = self
            .token
            .as_deref()
            .context("the console printed no first-start link")?;
        client
            .post(
                "/api/v1/first-start",
                &json!({"token": token, "name": "admin", "password": PASSWORD}),
            )
            .await?;
        Ok(client)
    }

    /// Signs in as the administrator that [`Server::first_start`] made.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn sign_in(&self) -> anyhow::Result<Client> {
        let client = Client::new(&self.url)?;
        client
            .post(
                "/api/v1/session",
                &json!({"name": "admin", "password": PASSWORD}),
            )
            .await?;
        Ok(client)
    }
}

/// Password of the administrator in all tests.
pub const PASSWORD: &str = "correct horse battery staple";

fn after(line: &str, marker: &str) -> Option<String> {
    let rest = &line[line.find(marker)? + marker.len()..];
    let end = rest
        .find(|character: char| !(character.is_ascii_alphanumeric() || "-_./".contains(character)))
        .unwrap_or(rest.len());
    Some(rest[..end].trim_end_matches(['.', '/']).to_owned()).filter(|found| !found.is_empty())
}

fn follow(stream: impl AsyncRead + Unpin + Send + 'static, sender: mpsc::UnboundedSender<String>) {
    tokio::spawn(async move {
        let mut lines = BufReader::new(stream).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
}

/// A signed-in client; errors carry the answer's body.
#[derive(Clone)]
pub struct Client {
    pub http: reqwest::Client,
    pub url: String,
}

impl Client {
    /// A client with a cookie jar of its own.
    ///
    /// # Errors
    /// When the HTTP library cannot be set up.
    pub fn new(url: &str) -> anyhow::Result<Self> {
        Ok(Self {
            http: reqwest::Client::builder().cookie_store(true).build()?,
            url: url.to_owned(),
        })
    }

    /// GET as JSON.
    ///
    /// # Errors
    /// On any status but success.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        checked(self.http.get(format!("{}{path}", self.url)), path).await
    }

    /// POST of JSON.
    ///
    /// # Errors
    /// On any status but success.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        checked(
            self.http.post(format!("{}{path}", self.url)).json(body),
            path,
        )
        .await
    }

    /// POST of a file as the raw body.
    ///
    /// # Errors
    /// On any status but success.
    pub async fn upload(
        &self,
        path: &str,
        body: impl Into<reqwest::Body>,
    ) -> anyhow::Result<Value> {
        checked(
            self.http.post(format!("{}{path}", self.url)).body(body),
            path,
        )
        .await
    }

    /// DELETE.
    ///
    /// # Errors
    /// On any status but success.
    pub async fn delete(&self, path: &str) -> anyhow::Result<Value> {
        checked(self.http.delete(format!("{}{path}", self.url)), path).await
    }

    /// The job that an answer of `202 Accepted` named, once it has ended.
    ///
    /// # Errors
    /// When it does not end within `seconds`.
    pub async fn finished(&self, accepted: &Value, seconds: u64) -> anyhow::Result<Value> {
        let job = accepted["job"]
            .as_i64()
            .with_context(|| format!("no job in {accepted}"))?;
        wait_for(&format!("job {job}"), seconds, async || {
            let job = self.get(&format!("/api/v1/jobs/{job}")).await?;
            Ok(matches!(
                job["status"].as_str(),
                Some("succeeded" | "failed" | "cancelled")
            )
            .then_some(job))
        })
        .await
    }

    /// Id of what a job made, once it has succeeded.
    ///
    /// # Errors
    /// When it failed or takes longer than `seconds`.
    pub async fn made(&self, accepted: &Value, seconds: u64) -> anyhow::Result<i64> {
        let job = self.finished(accepted, seconds).await?;
        ensure!(
            job["status"] == "succeeded",
            "the job did not succeed: {job}"
        );
        job["result"]["id"]
            .as_i64()
            .with_context(|| format!("no result in {job}"))
    }
}

async fn checked(request: reqwest::RequestBuilder, path: &str) -> anyhow::Result<Value> {
    let answer = request.send().await.with_context(|| path.to_owned())?;
    let status = answer.status();
    let body = answer.text().await?;
    ensure!(status.is_success(), "{path} answered {status}: {body}");
    if body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&body).with_context(|| format!("{path} answered no JSON: {body}"))
}
