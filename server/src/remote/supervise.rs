//! Runs as jobs of a Ray cluster: the executor for other machines. It submits an agent, watches over the agent and over
//! Ray, and says how the attempt ended. Events come from the mirrored file, as those of a local child do.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arborist_plugin_api::host::sha256_of_file;
use arborist_shared::api::agent::{AgentEnd, AgentOutcome};
use arborist_shared::api::queue::Cause;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::attempts::{Attempt, Attempts, Materials};
use super::ray::{Ray, RayError, RayOptions, RuntimeEnvironment, Submission};
use crate::agent::{SERVER_VARIABLE, TOKEN_VARIABLE};
use crate::runs::directory::RunDirectory;
use crate::work::executor::{Ends, StopRequest};
use crate::work::{ChildProgram, Ending, Executor, Exit, RunningChild, WorkError, tail};

/// How often Ray is asked.
const POLL: Duration = Duration::from_secs(2);
/// How often it is looked whether an agent that was asked to stop has.
const STOP_POLL: Duration = Duration::from_millis(200);
/// An agent that was asked to stop in order is stopped through Ray after that.
const STOP_PATIENCE: Duration = Duration::from_secs(9);
/// An agent shows a sign of life each second; after so long without one it is lost.
const LOST: Duration = Duration::from_secs(60);
/// How long the last word of an agent may be under way when Ray says that its job has ended.
const GRACE: Duration = Duration::from_secs(3);
/// How long a Ray that does not answer is asked to take a job.
const SUBMIT_PATIENCE: Duration = Duration::from_secs(120);

/// Carries out runs on a Ray cluster. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RayExecutor {
    shared: Arc<Shared>,
    /// What Ray is asked to keep free for the run.
    memory_bytes: Option<u64>,
}

#[derive(Debug)]
struct Shared {
    options: RayOptions,
    ray: Ray,
    program: ChildProgram,
    attempts: Arc<Attempts>,
    /// Where contents lie until they are taken over.
    staging: PathBuf,
    public_url: Option<String>,
    address: OnceLock<SocketAddr>,
}

impl RayExecutor {
    /// An executor of a cluster; `program` is this executable, `staging` a folder for what arrives.
    #[must_use]
    pub fn new(
        options: RayOptions,
        program: ChildProgram,
        attempts: Arc<Attempts>,
        staging: PathBuf,
        public_url: Option<String>,
    ) -> Self {
        let ray = Ray::new(&options.address);
        Self {
            shared: Arc::new(Shared {
                options,
                ray,
                program,
                attempts,
                staging,
                public_url,
                address: OnceLock::new(),
            }),
            memory_bytes: None,
        }
    }

    /// Says where the server listens; what was said first stays.
    pub fn listens_on(&self, address: SocketAddr) {
        let _ = self.shared.address.set(address);
    }

    /// The same for a run that needs so much memory.
    #[must_use]
    pub fn with_memory(&self, memory_bytes: Option<u64>) -> Self {
        Self {
            memory_bytes,
            ..self.clone()
        }
    }

    fn submission(&self, run: &str, id: &str, token: String) -> Submission {
        let Shared {
            options,
            program,
            public_url,
            address,
            ..
        } = &*self.shared;
        let server = options.server.clone().or_else(|| public_url.clone());
        let server = server.unwrap_or_else(|| match address.get() {
            Some(address) => format!("http://{address}"),
            None => String::new(),
        });
        let program = options
            .program
            .clone()
            .unwrap_or_else(|| quoted(&program.path().to_string_lossy()));
        Submission {
            submission_id: id.to_owned(),
            // In the shell's place, so that signals reach the agent.
            entrypoint: format!("exec {program} agent"),
            entrypoint_num_cpus: options.cpus,
            entrypoint_num_gpus: options.gpus,
            entrypoint_memory: self.memory_bytes,
            runtime_env: RuntimeEnvironment {
                env_vars: BTreeMap::from([
                    (SERVER_VARIABLE.to_owned(), server),
                    (TOKEN_VARIABLE.to_owned(), token),
                ]),
            },
            metadata: BTreeMap::from([("run".to_owned(), run.to_owned())]),
        }
    }
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

impl Executor for RayExecutor {
    fn start(&self, run: &Path) -> Result<RunningChild, WorkError> {
        let ended = |error: &dyn std::fmt::Display| WorkError::Ended(error.to_string());
        let directory = RunDirectory::open(run).map_err(|error| ended(&error))?;
        let request = directory.request().map_err(|error| ended(&error))?;
        let plugin = directory.resolve(&request.plugin);
        let materials = Materials {
            plugin_sha256: sha256_of_file(&plugin).map_err(|error| ended(&error))?,
            encoder: request.encoder.as_ref().map(|path| directory.resolve(path)),
            word_vectors: request
                .word_vectors
                .as_ref()
                .map(|path| directory.resolve(path)),
        };
        let file_error = |source| WorkError::File {
            path: directory.path().to_owned(),
            source,
        };
        let id = format!(
            "arborist-run-{}-{:016x}",
            request.run,
            rand::random::<u64>()
        );
        std::fs::File::options()
            .create(true)
            .append(true)
            .open(directory.log())
            .and_then(|mut log| {
                writeln!(
                    log,
                    "submitted to Ray at {} as {id}",
                    self.shared.ray_address()
                )
            })
            .map_err(file_error)?;
        let (running, ends) = RunningChild::new(None);
        let Ends { events, stop, exit } = ends;
        let attempt = Attempt::new(
            directory.clone(),
            materials,
            &self.shared.staging,
            stop.clone(),
        )
        .map_err(file_error)?;
        let offset = tail::end_of_events(&directory.events());
        tokio::spawn(tail::follow(
            directory.events(),
            offset,
            events,
            exit.subscribe(),
        ));
        let (token, attempt) = self.shared.attempts.begin(attempt);
        let submission = self.submission(&request.run, &id, token.clone());
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            let watch = Watch {
                ray: &shared.ray,
                id: &id,
                attempt: &attempt,
                stop,
            };
            let ended = watch.watch_over(&submission).await;
            // Nothing is written from here on, so that a reader of the exit finds the directory as it will stay.
            shared.attempts.end(&token);
            exit.send_replace(Some(ended));
        });
        Ok(running)
    }
}

impl Shared {
    fn ray_address(&self) -> &str {
        &self.options.address
    }
}

/// Watches over one submitted job.
struct Watch<'a> {
    ray: &'a Ray,
    id: &'a str,
    attempt: &'a Attempt,
    stop: watch::Receiver<StopRequest>,
}

impl Watch<'_> {
    async fn watch_over(mut self, submission: &Submission) -> Exit {
        if let Err(exit) = self.submit(submission).await {
            return exit;
        }
        let mut end = self.attempt.end();
        let mut asked: Option<Instant> = None;
        let mut over: Option<Instant> = None;
        let mut answered = Instant::now();
        loop {
            let pause = if asked.is_some() { STOP_POLL } else { POLL };
            tokio::select! {
                told = end.wait_for(Option::is_some) => {
                    if let Some(end) = told.ok().and_then(|end| end.clone()) {
                        return exit_of(end);
                    }
                }
                // A sender that is gone means that nobody wants the run any more.
                _ = self.stop.wait_for(|stop| *stop != StopRequest::None), if asked.is_none() => {
                    asked = Some(Instant::now());
                }
                () = sleep(pause) => {}
            }
            let silent = self.attempt.silent_for();
            if let Some(since) = asked {
                let kill = *self.stop.borrow() == StopRequest::Kill;
                if kill || silent.is_none() || since.elapsed() > STOP_PATIENCE {
                    return self.stop_through_ray().await;
                }
                continue;
            }
            match self.ray.job(self.id).await {
                Ok(job) if job.status.is_terminal() => {
                    answered = Instant::now();
                    if over.get_or_insert(answered).elapsed() > GRACE {
                        let message = job.message.unwrap_or_default();
                        let words = format!("Ray ended its job ({:?}): {message}", job.status);
                        return self.lost(&words).await;
                    }
                }
                Ok(_) => answered = Instant::now(),
                Err(error) if answered.elapsed() > LOST && silent.is_none_or(|it| it > LOST) => {
                    return self.lost(&error.to_string()).await;
                }
                Err(error) => tracing::debug!(job = self.id, %error, "Ray was asked in vain"),
            }
            if silent.is_some_and(|silent| silent > LOST) {
                let _ = self.ray.stop(self.id).await;
                let seconds = LOST.as_secs();
                return self
                    .lost(&format!("its agent gave no sign of life for {seconds} s"))
                    .await;
            }
        }
    }

    /// Has Ray take the job, which may just be starting.
    async fn submit(&mut self, submission: &Submission) -> Result<(), Exit> {
        let begun = Instant::now();
        loop {
            let error = match self.ray.submit(submission).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let is_final =
                matches!(&error, RayError::Refused { status, .. } if status.is_client_error());
            if is_final || begun.elapsed() > SUBMIT_PATIENCE {
                return Err(Exit {
                    outcome: Ending::Failed,
                    cause: Some(Cause::Failed),
                    message: Some(error.to_string()),
                });
            }
            tokio::select! {
                () = sleep(POLL) => {}
                _ = self.stop.wait_for(|stop| *stop != StopRequest::None) => return Err(cancelled(None)),
            }
        }
    }

    async fn stop_through_ray(&self) -> Exit {
        match self.ray.stop(self.id).await {
            Ok(()) => cancelled(Some(
                "it did not stop when asked, so Ray stopped it".to_owned(),
            )),
            Err(error) => cancelled(Some(format!(
                "it did not stop when asked, and could not be stopped: {error}"
            ))),
        }
    }

    async fn lost(&self, why: &str) -> Exit {
        let words = self.ray.last_words(self.id).await;
        let message = if words.is_empty() {
            format!("{why}; it left no log")
        } else {
            let words = words.replace('\n', "\n  ");
            format!("{why}. Last lines of its log:\n  {words}")
        };
        Exit {
            outcome: Ending::Crashed,
            cause: Some(Cause::LostWorker),
            message: Some(message),
        }
    }
}

fn cancelled(message: Option<String>) -> Exit {
    Exit {
        outcome: Ending::Cancelled,
        cause: None,
        message,
    }
}

fn exit_of(end: AgentEnd) -> Exit {
    let outcome = match end.outcome {
        AgentOutcome::Done => Ending::Done,
        AgentOutcome::Failed => Ending::Failed,
        AgentOutcome::Refused => Ending::Refused,
        AgentOutcome::Cancelled => Ending::Cancelled,
        AgentOutcome::Panicked => Ending::Panicked,
        AgentOutcome::Crashed => Ending::Crashed,
    };
    Exit {
        outcome,
        cause: end.cause,
        message: end.message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(quoted("/opt/a b/arborist"), "'/opt/a b/arborist'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
