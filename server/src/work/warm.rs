//! The client of a warm model: a child that has loaded a run's model and answers framed requests.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arborist_shared::scores::DocumentScores;
use rustc_hash::FxHashMap;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::explain;
use super::frames::{self, Kept, Ready};
use super::{ChildProgram, WorkError};

/// Requests that may wait in front of the child's pipe.
const REQUEST_QUEUE: usize = 2;

/// How long a child may take to end after it closed its standard output.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// How to start a warm model.
#[derive(Clone, Debug)]
pub struct WarmOptions {
    pub program: ChildProgram,
    /// The approved library of the run's method; none = the one that the run was trained with.
    pub plugin: Option<PathBuf>,
    /// `auto`, `cpu` or `cuda:N`.
    pub device: String,
    /// 0 = all cores.
    pub threads: u32,
}

impl WarmOptions {
    /// This executable, the run's own library, the device chosen by the child, all cores.
    ///
    /// # Errors
    /// When the running executable cannot be found.
    pub fn new() -> Result<Self, WorkError> {
        Ok(Self {
            program: ChildProgram::current()?,
            plugin: None,
            device: "auto".to_owned(),
            threads: 0,
        })
    }
}

type Answer = Result<Vec<DocumentScores>, WorkError>;
type Pending = Arc<Mutex<FxHashMap<u64, oneshot::Sender<Answer>>>>;

/// A loaded model in a process of its own. Requests may be made concurrently; they are answered in order. Dropping it
/// kills the process.
#[derive(Debug)]
pub struct WarmModel {
    ready: Ready,
    process_id: u32,
    next_id: AtomicU64,
    requests: mpsc::Sender<Vec<u8>>,
    pending: Pending,
    /// Why the child ended, once it has.
    ended: watch::Receiver<Option<String>>,
    tasks: [JoinHandle<()>; 2],
}

impl WarmModel {
    /// Loads the model of the run in a child of this executable and waits until it is ready.
    ///
    /// # Errors
    /// When the child cannot be started or ends before its model is loaded; the text says why.
    pub async fn start(run: &Path, device: &str, threads: u32) -> Result<Self, WorkError> {
        Self::start_with(
            run,
            WarmOptions {
                device: device.to_owned(),
                threads,
                ..WarmOptions::new()?
            },
        )
        .await
    }

    /// [`WarmModel::start`] with everything chosen.
    ///
    /// # Errors
    /// As [`WarmModel::start`].
    pub async fn start_with(run: &Path, options: WarmOptions) -> Result<Self, WorkError> {
        let mut command = options.program.command(options.threads);
        command
            .arg("--serve")
            .arg(run)
            .arg("--device")
            .arg(&options.device);
        command.arg("--threads").arg(options.threads.to_string());
        if let Some(plugin) = &options.plugin {
            command.arg("--plugin").arg(plugin);
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let spawn_error = |source| WorkError::Spawn {
            program: options.program.path().to_owned(),
            source,
        };
        let mut child = command.spawn().map_err(spawn_error)?;
        let broken = || spawn_error(std::io::ErrorKind::BrokenPipe.into());
        let process_id = child.id().ok_or_else(broken)?;
        let (Some(stdin), Some(mut stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(broken());
        };
        let log = tokio::spawn(keep_last_lines(stderr));

        let first = frames::read_frame_async(&mut stdout).await;
        let ready = match &first {
            Ok(Some(body)) => serde_json::from_slice::<Ready>(body).ok(),
            _ => None,
        };
        let Some(ready) = ready else {
            // Either it is ending anyway, or it says what no child of ours says.
            drop(stdin);
            if matches!(first, Ok(Some(_)) | Err(_)) {
                let _ = child.start_kill();
            }
            return Err(WorkError::Ended(end_of(&mut child, log).await));
        };

        let pending = Pending::default();
        let (requests, queue) = mpsc::channel(REQUEST_QUEUE);
        let (ended_sender, ended) = watch::channel(None);
        let writer = tokio::spawn(write_requests(stdin, queue));
        let reader = tokio::spawn(read_answers(
            child,
            stdout,
            log,
            Arc::clone(&pending),
            ended_sender,
        ));
        Ok(Self {
            ready,
            process_id,
            next_id: AtomicU64::new(0),
            requests,
            pending,
            ended,
            tasks: [writer, reader],
        })
    }

    /// The best scores for each text, in their order.
    ///
    /// # Errors
    /// When the model refuses the request, or the child has ended.
    pub async fn predict<T: AsRef<str>>(&self, texts: &[T]) -> Answer {
        self.predict_as(texts, Kept::Best).await
    }

    /// [`WarmModel::predict`] with so many scores.
    ///
    /// # Errors
    /// As [`WarmModel::predict`].
    pub async fn predict_as<T: AsRef<str>>(&self, texts: &[T], kept: Kept) -> Answer {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let body = frames::encode_request(id, kept, texts);
        let n = texts.len();
        let (sender, receiver) = oneshot::channel();
        let _forget = Forget {
            id,
            pending: &self.pending,
        };
        lock(&self.pending).insert(id, sender);
        // The child may have ended between the last look and the insertion: look again.
        if let Some(reason) = self.ended() {
            return Err(WorkError::Ended(reason));
        }
        // A closed queue means that the child ended; the reader answers everything that is pending then.
        let _ = self.requests.send(body).await;
        let answer = match receiver.await {
            Ok(answer) => answer,
            Err(_) => {
                Err(WorkError::Ended(self.ended().unwrap_or_else(|| {
                    "the child process has ended".to_owned()
                })))
            }
        }?;
        if answer.len() != n {
            return Err(WorkError::Model(format!(
                "it answered {} documents where {n} were asked for",
                answer.len()
            )));
        }
        Ok(answer)
    }

    /// The method's own threshold.
    #[must_use]
    pub fn threshold(&self) -> f32 {
        self.ready.threshold
    }

    /// Number of labels that the model scores.
    #[must_use]
    pub fn n_labels(&self) -> u32 {
        self.ready.n_labels
    }

    /// Device that the model lies on: `cpu` or `cuda:N`.
    #[must_use]
    pub fn device(&self) -> &str {
        &self.ready.device
    }

    /// Process id of the child.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.process_id
    }

    /// Resident memory of the child; 0 once it has ended.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        if self.ended().is_some() {
            0
        } else {
            resident_bytes(self.process_id).unwrap_or(0)
        }
    }

    /// Why the child ended, once it has: time to start another.
    #[must_use]
    pub fn ended(&self) -> Option<String> {
        self.ended.borrow().clone()
    }
}

impl Drop for WarmModel {
    fn drop(&mut self) {
        // The reader owns the child, which is killed when it is dropped.
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Takes a request out of the table when its future is dropped before the answer.
struct Forget<'a> {
    id: u64,
    pending: &'a Pending,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        lock(self.pending).remove(&self.id);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing that holds these locks can panic half-way through a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The only writer on the pipe: a caller that goes away cannot leave half a frame behind.
async fn write_requests(mut stdin: ChildStdin, mut queue: mpsc::Receiver<Vec<u8>>) {
    while let Some(body) = queue.recv().await {
        let Ok(header) = frames::header(&body) else {
            return;
        };
        if stdin.write_all(&header).await.is_err()
            || stdin.write_all(&body).await.is_err()
            || stdin.flush().await.is_err()
        {
            return;
        }
    }
}

/// Hands each answer to who waits for it; at the end, the reason to all who still wait.
async fn read_answers(
    mut child: Child,
    stdout: ChildStdout,
    log: JoinHandle<VecDeque<String>>,
    pending: Pending,
    ended: watch::Sender<Option<String>>,
) {
    let mut stdout = BufReader::with_capacity(1 << 16, stdout);
    loop {
        let response = match frames::read_frame_async(&mut stdout).await {
            Ok(Some(body)) => frames::decode_response(&body),
            Ok(None) => break,
            Err(error) => Err(error),
        };
        match response {
            Ok(response) => {
                if let Some(waiting) = lock(&pending).remove(&response.id) {
                    // Fails when the caller does not wait any more.
                    let _ = waiting.send(response.outcome.map_err(WorkError::Model));
                }
            }
            Err(error) => {
                tracing::error!(%error, "a warm model wrote something that is not an answer");
                let _ = child.start_kill();
                break;
            }
        }
    }
    let reason = end_of(&mut child, log).await;
    ended.send_replace(Some(reason.clone()));
    for (_, waiting) in lock(&pending).drain() {
        let _ = waiting.send(Err(WorkError::Ended(reason.clone())));
    }
}

/// Why a child that says no more has ended. One that does not end by itself is killed.
async fn end_of(child: &mut Child, log: JoinHandle<VecDeque<String>>) -> String {
    let status = match timeout(END_PATIENCE, child.wait()).await {
        Ok(status) => status,
        // `kill` waits as well.
        Err(_) => match child.kill().await {
            Ok(()) => child.wait().await,
            Err(error) => Err(error),
        },
    };
    let lines: Vec<String> = log.await.unwrap_or_default().into();
    match status {
        Ok(status) => explain::serving(status, &lines),
        Err(error) => format!("lost track of the child process: {error}"),
    }
}

/// Reads what the child logs; the last lines remain.
async fn keep_last_lines(stderr: ChildStderr) -> VecDeque<String> {
    let mut lines = VecDeque::new();
    let mut reader = BufReader::new(stderr);
    let mut line = Vec::new();
    loop {
        line.clear();
        match reader.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return lines,
            Ok(_) => {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                if !text.is_empty() {
                    if lines.len() == explain::LOG_LINES {
                        lines.pop_front();
                    }
                    lines.push_back(text);
                }
            }
        }
    }
}

/// Resident memory of a process, from `/proc`.
pub(crate) fn resident_bytes(process_id: u32) -> Option<u64> {
    status_bytes(&format!("/proc/{process_id}/status"), "VmRSS:")
}

/// Highest resident memory that this process has had.
pub(crate) fn peak_bytes() -> Option<u64> {
    status_bytes("/proc/self/status", "VmHWM:")
}

fn status_bytes(path: &str, field: &str) -> Option<u64> {
    let status = fs::read_to_string(path).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
