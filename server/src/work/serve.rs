//! `arborist work --serve RUN`, the child's side of a warm model: loads once, then answers requests until its standard
//! input ends.
//!
//! Three threads: one reads requests ahead, this one predicts (a model is used from one thread), one encodes and writes.

use std::fs::File;
use std::io::{self, BufReader, BufWriter};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use arborist_plugin_api::host::{CallError, LoadedModel, Plugin};
use arborist_plugin_api::{LoadRequest, Predictions};
use arborist_shared::run::Outcome;

use super::device;
use super::frames::{self, Kept, Ready, Request, Response};
use super::program::resolve_threads;
use super::scoring::{Failure, document_scores};
use crate::runs::directory::RunDirectory;

/// Requests read ahead, and answers that wait to be written.
const QUEUE: usize = 2;

/// What a warm model is started with.
#[derive(Clone, Debug)]
pub struct ServeRun {
    pub run: PathBuf,
    /// The library; none = the one that the run was trained with.
    pub plugin: Option<PathBuf>,
    pub device: Option<String>,
    /// 0 = all cores.
    pub threads: u32,
}

/// Serves until the end of standard input; the outcome names the exit code, and the last line of the log says why.
#[must_use]
pub fn run(options: &ServeRun) -> Outcome {
    match serve(options) {
        Ok(()) => Outcome::Done,
        Err(failure) => {
            eprintln!("{}", failure.message);
            failure.outcome
        }
    }
}

fn serve(options: &ServeRun) -> Result<(), Failure> {
    // Before anything that might print: from here on, what libraries print goes to the log.
    let mut frames_out = BufWriter::with_capacity(
        1 << 16,
        take_stdout().map_err(|error| pipe_failure(&error))?,
    );
    let directory = RunDirectory::open(&options.run)?;
    let request = directory.request()?;
    let device =
        device::resolve(options.device.as_deref().unwrap_or("auto")).map_err(Failure::failed)?;
    let library = options
        .plugin
        .clone()
        .unwrap_or_else(|| directory.resolve(&request.plugin));
    let plugin = Plugin::open(&library).map_err(|error| Failure::failed(error.to_string()))?;
    if plugin.manifest().name != request.method {
        let found = &plugin.manifest().name;
        return Err(Failure::failed(format!(
            "{} holds the method `{found}`, the run was trained with `{}`",
            library.display(),
            request.method
        )));
    }
    let model = plugin.load(&LoadRequest {
        checkpoint: directory.checkpoint(),
        taxonomy: directory.taxonomy_file()?,
        device: device.clone(),
        threads: resolve_threads(options.threads),
        encoder: request.encoder.as_ref().map(|path| directory.resolve(path)),
    })?;
    let threshold = model.threshold();
    let ready = Ready {
        ready: true,
        threshold,
        n_labels: model.n_labels() as u32,
        device,
    };
    let ready = serde_json::to_vec(&ready).map_err(|error| Failure::failed(error.to_string()))?;
    frames::write_frame(&mut frames_out, &ready).map_err(|error| pipe_failure(&error))?;

    let (request_sender, requests) = sync_channel(QUEUE);
    let (answer_sender, answers) = sync_channel(QUEUE);
    // Ends with standard input; it may sit in a read when this process ends for another reason, so nobody waits for it.
    thread::spawn(move || read_requests(&request_sender));
    let writer = thread::spawn(move || write_answers(&mut frames_out, &answers, threshold));
    let served = answer_requests(model, &requests, &answer_sender);
    drop(answer_sender);
    let written = writer
        .join()
        .map_err(|_| Failure::failed("the writer panicked"))?;
    served?;
    written.map_err(|error| pipe_failure(&error))
}

fn pipe_failure(error: &io::Error) -> Failure {
    Failure::failed(format!("the pipe to the parent process failed: {error}"))
}

/// Standard output as a file of our own; file descriptor 1 becomes standard error, for libraries that print.
pub(super) fn take_stdout() -> io::Result<File> {
    let own = rustix::io::dup(io::stdout())?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok(File::from(own))
}

/// What one request became.
struct Predicted {
    id: u64,
    kept: Kept,
    outcome: Result<Predictions, String>,
}

fn read_requests(to: &SyncSender<io::Result<Request>>) {
    let mut stdin = BufReader::with_capacity(1 << 16, io::stdin().lock());
    loop {
        let request = match frames::read_frame(&mut stdin) {
            Ok(Some(body)) => frames::decode_request(&body),
            Ok(None) => return,
            Err(error) => Err(error),
        };
        let is_last = request.is_err();
        if to.send(request).is_err() || is_last {
            return;
        }
    }
}

fn answer_requests(
    mut model: LoadedModel,
    requests: &Receiver<io::Result<Request>>,
    answers: &SyncSender<Predicted>,
) -> Result<(), Failure> {
    while let Ok(request) = requests.recv() {
        let Request { id, kept, texts } = request.map_err(|error| pipe_failure(&error))?;
        let borrowed: Vec<&str> = texts.iter().collect();
        let outcome = match model.predict(&borrowed) {
            Ok(predictions) => Ok(predictions),
            // After a panic nobody knows what state the model is in: a fresh child does.
            Err(CallError::Panicked(message)) => {
                return Err(Failure::from(CallError::Panicked(message)));
            }
            Err(error) => Err(error.to_string()),
        };
        if answers.send(Predicted { id, kept, outcome }).is_err() {
            // The writer has ended and says why.
            break;
        }
    }
    Ok(())
}

fn write_answers(
    to: &mut BufWriter<File>,
    answers: &Receiver<Predicted>,
    threshold: f32,
) -> io::Result<()> {
    while let Ok(Predicted { id, kept, outcome }) = answers.recv() {
        let outcome = outcome.map(|predictions| document_scores(predictions, threshold, kept));
        frames::write_frame(to, &frames::encode_response(&Response { id, outcome }))?;
    }
    Ok(())
}
