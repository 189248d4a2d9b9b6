//! Runs as child processes of this one: the embedded executor.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use arborist_shared::api::queue::Cause;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin};
use tokio::sync::watch;
use tokio::time::timeout;

use super::executor::{Ending, Ends, Executor, RunningChild, StopRequest};
use super::explain::{self, LogStart};
use super::program::ChildProgram;
use super::{WorkError, memory, tail};
use crate::runs::directory::RunDirectory;

/// The line on a child's standard input that asks it to stop.
pub(super) const CANCEL_LINE: &str = "cancel\n";

/// How long a child that was asked to stop may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopPolicy {
    /// From `cancel` to SIGTERM: time to finish a step and write a checkpoint. Both together stay under ten seconds, after
    /// which a device is free again whatever the plugin does.
    pub cancel: Duration,
    /// From SIGTERM to SIGKILL.
    pub terminate: Duration,
}

impl Default for StopPolicy {
    fn default() -> Self {
        Self {
            cancel: Duration::from_secs(6),
            terminate: Duration::from_secs(2),
        }
    }
}

/// Carries out runs in child processes on this machine.
#[derive(Clone, Debug)]
pub struct LocalExecutor {
    program: ChildProgram,
    stop: StopPolicy,
}

impl LocalExecutor {
    /// Children of the given executable.
    #[must_use]
    pub fn new(program: ChildProgram) -> Self {
        Self {
            program,
            stop: StopPolicy::default(),
        }
    }

    /// The same with other patience.
    #[must_use]
    pub fn with_stop_policy(self, stop: StopPolicy) -> Self {
        Self { stop, ..self }
    }
}

impl Executor for LocalExecutor {
    fn start(&self, run: &Path) -> Result<RunningChild, WorkError> {
        let directory =
            RunDirectory::open(run).map_err(|error| WorkError::Ended(error.to_string()))?;
        let request = directory
            .request()
            .map_err(|error| WorkError::Ended(error.to_string()))?;
        let log = append_to(&directory.log())?;
        let log_start = LogStart::now(&directory.log());
        let kills = memory::oom_kills();
        let offset = tail::end_of_events(&directory.events());

        let mut command = self.program.command(request.threads);
        command.arg("--dir").arg(directory.path());
        command.stdin(Stdio::piped());
        // Whatever a library prints goes to the log, too: standard output is for frames, and here are none.
        command.stdout(log.try_clone().map_err(|source| WorkError::File {
            path: directory.log(),
            source,
        })?);
        command.stderr(log);
        let mut child = command.spawn().map_err(|source| WorkError::Spawn {
            program: self.program.path().to_owned(),
            source,
        })?;

        let (running, ends) = RunningChild::new(child.id());
        let Ends { events, stop, exit } = ends;
        tokio::spawn(tail::follow(
            directory.events(),
            offset,
            events,
            exit.subscribe(),
        ));
        let policy = self.stop;
        let leash = child.stdin.take();
        tokio::spawn(async move {
            let ended = supervise(child, leash, stop, policy).await;
            let explained = match ended {
                Ok((status, stopped)) => {
                    let directory = directory.clone();
                    tokio::task::spawn_blocking(move || {
                        explain::training(&directory, status, stopped, log_start, kills)
                    })
                    .await
                    .ok()
                }
                Err(error) => Some(explain::lost(&error)),
            };
            exit.send_replace(Some(explained.unwrap_or(super::Exit {
                outcome: Ending::Crashed,
                cause: Some(Cause::Failed),
                message: None,
            })));
        });
        Ok(running)
    }
}

fn append_to(path: &Path) -> Result<File, WorkError> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|source| WorkError::File {
            path: path.to_owned(),
            source,
        })
}

/// Waits for the end, stopping the child when asked to. The flag says whether it was asked.
async fn supervise(
    mut child: Child,
    leash: Option<ChildStdin>,
    mut stop: watch::Receiver<StopRequest>,
    policy: StopPolicy,
) -> io::Result<(ExitStatus, bool)> {
    tokio::select! {
        status = child.wait() => return Ok((status?, false)),
        // A sender that is gone means that nobody wants the run any more.
        _ = stop.wait_for(|request| *request != StopRequest::None) => {}
    }
    let mut kill = stop.clone();
    tokio::select! {
        status = ask_to_stop(&mut child, leash, policy) => {
            if let Some(status) = status? {
                return Ok((status, true));
            }
        }
        () = asked_to_kill(&mut kill) => {}
    }
    child.start_kill()?;
    Ok((child.wait().await?, true))
}

async fn asked_to_kill(stop: &mut watch::Receiver<StopRequest>) {
    if stop
        .wait_for(|request| *request == StopRequest::Kill)
        .await
        .is_err()
    {
        // Nobody is left who could ask for it.
        std::future::pending::<()>().await;
    }
}

/// Cancel, wait, SIGTERM, wait. None when the child still runs after that.
async fn ask_to_stop(
    child: &mut Child,
    leash: Option<ChildStdin>,
    policy: StopPolicy,
) -> io::Result<Option<ExitStatus>> {
    if let Some(mut leash) = leash {
        // A child that has closed its end is about to end by itself.
        let _ = leash.write_all(CANCEL_LINE.as_bytes()).await;
    }
    if let Ok(status) = timeout(policy.cancel, child.wait()).await {
        return status.map(Some);
    }
    if let Some(pid) = child.id().and_then(|id| Pid::from_raw(id as i32)) {
        // Fails only when the child is gone, which the wait below notices.
        let _ = kill_process(pid, Signal::TERM);
    }
    timeout(policy.terminate, child.wait())
        .await
        .ok()
        .transpose()
}
