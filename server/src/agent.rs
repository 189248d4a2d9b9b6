//! `arborist agent`: one attempt of one run, carried out on another machine than the server's.
//!
//! It fetches what the attempt begins with (what it has already is not fetched again), has a child process do the work as
//! the server would here, mirrors the run directory back while that goes on, and says at the end how it went. A connection
//! that breaks is waited for; a server that does not know the attempt any more ends it. The server's side is in
//! [`crate::remote`].

mod client;
mod mirror;
mod store;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arborist_shared::api::agent::{AgentEnd, AgentFile, AgentOutcome, AgentRun, AgentStop};
use arborist_shared::run::RunRequest;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval};

use crate::plugins::PluginSearch;
use crate::remote::files::is_plain;
use crate::runs::directory::{RunDirectory, RunDirectoryError};
use crate::work::{Canceller, ChildProgram, Ending, Executor, Exit, LocalExecutor, WorkError};
use client::{Client, Fault};
use mirror::Mirror;
use store::Store;

/// Environment variable that names the server.
pub const SERVER_VARIABLE: &str = "ARBORIST_AGENT_SERVER";
/// Environment variable that holds the token of the attempt.
pub const TOKEN_VARIABLE: &str = "ARBORIST_AGENT_TOKEN";

/// How often an agent shows a sign of life.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How often what the child wrote is mirrored.
const MIRROR: Duration = Duration::from_secs(1);

/// What an agent is to do, and where.
#[derive(Clone, Debug)]
pub struct AgentOptions {
    /// Address of the server.
    pub server: String,
    /// Token of the attempt.
    pub token: String,
    /// Where contents are kept between attempts, and the run lies while it goes on.
    pub work_dir: PathBuf,
    /// Where plugins lie on this machine.
    pub plugins: PluginSearch,
    /// The executable that the child is started from.
    pub program: ChildProgram,
    /// How long a server that does not answer is waited for.
    pub patience: Duration,
    /// Bytes of contents that are kept for later attempts.
    pub cache_bytes: u64,
}

/// Why an agent gave up.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    #[error("the server has ended this attempt: {0}")]
    Ended(String),
    #[error("the server refused: {0}")]
    Refused(String),
    #[error("the server at {server} did not answer for {seconds} s: {why}")]
    Unreachable {
        server: String,
        seconds: u64,
        why: String,
    },
    #[error("cannot use {path}: {source}")]
    File { path: PathBuf, source: io::Error },
    /// Said to the server as well.
    #[error("{0}")]
    Failed(String),
    #[error(transparent)]
    Directory(#[from] RunDirectoryError),
    #[error(transparent)]
    Work(#[from] WorkError),
}

impl AgentError {
    fn file(path: &Path, source: io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            source,
        }
    }
}

/// Carries out the attempt that the token opens.
///
/// # Errors
/// When the server ends it or is gone for too long, or this machine cannot do it. A run that fails is no error: the server
/// has been told.
pub async fn run(options: AgentOptions) -> Result<(), AgentError> {
    let client = Client::new(&options.server, &options.token, options.patience);
    let result = attempt(&options, &client).await;
    match &result {
        Err(AgentError::Ended(_) | AgentError::Unreachable { .. }) | Ok(()) => {}
        Err(error) => {
            // Something about this machine: the server learns why.
            let end = AgentEnd {
                outcome: AgentOutcome::Failed,
                cause: Some(arborist_shared::api::queue::Cause::Failed),
                message: Some(error.to_string()),
            };
            client.end(&end).await?;
        }
    }
    result
}

async fn attempt(options: &AgentOptions, client: &Client) -> Result<(), AgentError> {
    let store = Store::open(&options.work_dir, options.cache_bytes)?;
    // From here on, so that a long transfer is no silence.
    let pulse = Pulse::start(client.clone());
    let given = client.run().await?;
    let place = tempfile::Builder::new()
        .prefix("run-")
        .tempdir_in(store.runs())
        .map_err(|error| AgentError::file(&store.runs(), error))?;
    let directory = lay_out(options, client, &store, &given, place.path()).await?;
    store.make_room()?;

    let executor = LocalExecutor::new(options.program.clone());
    let mut child = executor.start(directory.path())?;
    pulse.holds(child.canceller());
    let mut mirror = Mirror::new(client.clone(), directory.clone(), &given, place.path());
    let mut rounds = interval(MIRROR);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let drain = tokio::spawn(async move {
        // Nobody reads events here: they travel as a file.
        while child.events().next().await.is_some() {}
        child.wait().await
    });
    tokio::pin!(drain);
    let exit = loop {
        tokio::select! {
            exit = &mut drain => break exit.unwrap_or_else(|error| Exit {
                outcome: Ending::Crashed,
                cause: None,
                message: Some(error.to_string()),
            }),
            _ = rounds.tick() => {
                if let Err(error) = mirror.round().await {
                    pulse.give_up();
                    // The child stops at its next step; what it leaves is nobody's any more.
                    let _ = (&mut drain).await;
                    return Err(error);
                }
            }
        }
    };
    mirror.finish(exit.outcome == Ending::Done).await?;
    client.end(&end_of(exit)).await?;
    Ok(())
}

/// Lays the run directory out as the server has it, with this machine's paths in the request.
async fn lay_out(
    options: &AgentOptions,
    client: &Client,
    store: &Store,
    given: &AgentRun,
    place: &Path,
) -> Result<RunDirectory, AgentError> {
    let library = find_plugin(options, given).await?;
    let run = place.join("run");
    let directory = RunDirectory::create(&run)?;
    let mut request = None;
    for file in &given.files {
        check_path(&file.path)?;
        let content = store.fetch(client, file).await?;
        let to = run.join(&file.path);
        if file.path == "request.json" {
            request = Some(content);
        } else if file.path.starts_with("corpus/") {
            store.link(&content, &to)?;
        } else {
            // The child writes into these.
            store.copy(&content, &to)?;
        }
    }
    let request = request.ok_or_else(|| AgentError::Failed("the run has no request".to_owned()))?;
    let bytes = fs::read(&request).map_err(|error| AgentError::file(&request, error))?;
    let mut request: RunRequest = serde_json::from_slice(&bytes)
        .map_err(|error| AgentError::Failed(format!("the request cannot be read: {error}")))?;
    request.plugin = text(&library);
    if request.encoder.is_some() {
        let encoder = place.join("encoder");
        for file in &given.encoder {
            check_path(&file.path)?;
            let content = store.fetch(client, file).await?;
            store.link(&content, &encoder.join(&file.path))?;
        }
        request.encoder = Some(text(&encoder));
    }
    if let Some(file) = &given.word_vectors {
        let content = store.fetch(client, file).await?;
        // Its ending tells the format.
        let ending = Path::new(&file.path)
            .extension()
            .and_then(|ending| ending.to_str());
        let ending = ending.filter(|ending| is_plain(ending)).unwrap_or("txt");
        let to = place.join("word_vectors").with_extension(ending);
        store.link(&content, &to)?;
        request.word_vectors = Some(text(&to));
    }
    directory.write_request(&request)?;
    Ok(directory)
}

/// What a server sends is no reason to write elsewhere.
fn check_path(path: &str) -> Result<(), AgentError> {
    if path
        .split('/')
        .all(|name| is_plain(name) && name != "." && name != "..")
    {
        return Ok(());
    }
    Err(AgentError::Failed(format!(
        "the server named a file `{path}`, which is no plain path"
    )))
}

/// The same library as the server's, or none: another build may train another model.
async fn find_plugin(options: &AgentOptions, given: &AgentRun) -> Result<PathBuf, AgentError> {
    let search = options.plugins.clone();
    let found = tokio::task::spawn_blocking(move || search.find_all())
        .await
        .map_err(|error| AgentError::Failed(error.to_string()))?;
    let same = found
        .plugins
        .iter()
        .find(|plugin| plugin.side.sha256 == given.plugin_sha256);
    same.map(|plugin| plugin.library.clone()).ok_or_else(|| {
        let known: Vec<&str> = found
            .plugins
            .iter()
            .map(|plugin| plugin.side.name.as_str())
            .collect();
        let hash: String = given.plugin_sha256.chars().take(12).collect();
        AgentError::Failed(format!(
            "this machine has no plugin with the SHA-256 {hash}…; install the same release as the server's (it has {})",
            if known.is_empty() {
                "no plugin".to_owned()
            } else {
                format!("other builds of {}", known.join(", "))
            }
        ))
    })
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn end_of(exit: Exit) -> AgentEnd {
    let outcome = match exit.outcome {
        Ending::Done => AgentOutcome::Done,
        Ending::Failed => AgentOutcome::Failed,
        Ending::Refused => AgentOutcome::Refused,
        Ending::Cancelled => AgentOutcome::Cancelled,
        Ending::Panicked => AgentOutcome::Panicked,
        Ending::Crashed => AgentOutcome::Crashed,
    };
    AgentEnd {
        outcome,
        cause: exit.cause,
        message: exit.message,
    }
}

/// Signs of life, and what the server answers to them.
struct Pulse {
    child: Arc<watch::Sender<Option<Canceller>>>,
    beat: JoinHandle<()>,
}

impl Pulse {
    fn start(client: Client) -> Self {
        let child = Arc::new(watch::Sender::new(None));
        let beat = tokio::spawn(beat(client, Arc::clone(&child)));
        Self { child, beat }
    }

    /// Says which child is to be stopped when the server wants it.
    fn holds(&self, canceller: Canceller) {
        self.child.send_replace(Some(canceller));
    }

    fn give_up(&self) {
        if let Some(child) = &*self.child.borrow() {
            child.kill();
        }
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.beat.abort();
    }
}

async fn beat(client: Client, child: Arc<watch::Sender<Option<Canceller>>>) {
    let mut beats = interval(HEARTBEAT);
    let mut answered = Instant::now();
    let stop = |orders: AgentStop| {
        let held = child.borrow();
        match (orders, &*held) {
            (AgentStop::Cancel, Some(child)) => child.cancel(),
            (AgentStop::Kill, Some(child)) => child.kill(),
            // Stopped before there was a child: nothing of it is worth keeping.
            (AgentStop::Cancel | AgentStop::Kill, None) => std::process::exit(0),
            (AgentStop::No, _) => {}
        }
    };
    loop {
        beats.tick().await;
        match client.heartbeat().await {
            Ok(orders) => {
                answered = Instant::now();
                stop(orders.stop);
            }
            Err(Fault::Ended(_) | Fault::Refused(_)) => stop(AgentStop::Kill),
            Err(Fault::Passing(_)) if answered.elapsed() > client.patience() => {
                stop(AgentStop::Cancel);
            }
            Err(Fault::Passing(_)) => {}
        }
    }
}

/// A file as the server names it, for messages.
fn named(file: &AgentFile) -> String {
    format!("{} ({} bytes)", file.path, file.bytes)
}
