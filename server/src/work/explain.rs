//! Turning an exit status into a sentence that helps.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;

use arborist_shared::api::queue::Cause;
use arborist_shared::run::{Outcome, RunEvent};

use super::executor::{Ending, Exit};
use super::memory;
use crate::runs::directory::RunDirectory;

/// Lines of the log that a crash is explained with.
pub(super) const LOG_LINES: usize = 12;
/// Bytes of the log that are looked at.
const LOG_BYTES: u64 = 16 * 1024;

/// Where the log of this attempt begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogStart(u64);

impl LogStart {
    pub(super) fn now(log: &Path) -> Self {
        Self(std::fs::metadata(log).map_or(0, |metadata| metadata.len()))
    }
}

/// The end of a training child. `stopped`: it was asked to stop. `kills_before`: [`memory::oom_kills`] when it started.
pub(super) fn training(
    directory: &RunDirectory,
    status: ExitStatus,
    stopped: bool,
    log: LogStart,
    kills_before: u64,
) -> Exit {
    let outcome = match status.code() {
        Some(code) => [
            Outcome::Done,
            Outcome::Failed,
            Outcome::Refused,
            Outcome::Cancelled,
            Outcome::Panicked,
        ]
        .into_iter()
        .find(|outcome| i32::from(outcome.exit_code()) == code),
        None => None,
    };
    let last_words = || last_words(directory);
    let log_lines = || last_lines(&directory.log(), log).unwrap_or_default();
    match outcome {
        Some(Outcome::Done) => Exit {
            outcome: Ending::Done,
            cause: None,
            message: None,
        },
        Some(Outcome::Cancelled) => Exit {
            outcome: Ending::Cancelled,
            cause: None,
            message: last_words(),
        },
        Some(outcome) => {
            let message =
                last_words().unwrap_or_else(|| with_log("the child process failed", &log_lines()));
            Exit {
                outcome: outcome.into(),
                cause: Some(of_outcome(outcome, &message)),
                message: Some(message),
            }
        }
        None if stopped => Exit {
            outcome: Ending::Cancelled,
            cause: None,
            message: Some("it did not stop when asked, so it was killed".to_owned()),
        },
        None => {
            let log = log_lines();
            let was_for_memory = memory::oom_kills() > kills_before;
            Exit {
                outcome: Ending::Crashed,
                cause: Some(of_crash(status, &log, was_for_memory)),
                message: Some(with_log(&describe(status), &log)),
            }
        }
    }
}

/// Words by which allocators of the system, of libtorch and of CUDA say that memory ran out, in lower case.
const OUT_OF_MEMORY: [&str; 6] = [
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "bad_alloc",
    "memory allocation of",
    "not enough memory",
];

fn tells_of_memory(text: &str) -> bool {
    let text = text.to_lowercase();
    OUT_OF_MEMORY.iter().any(|words| text.contains(words))
}

fn of_outcome(outcome: Outcome, message: &str) -> Cause {
    match outcome {
        Outcome::Refused => Cause::Refused,
        _ if tells_of_memory(message) => Cause::OutOfMemory,
        Outcome::Panicked => Cause::Panicked,
        _ => Cause::Failed,
    }
}

fn of_crash(status: ExitStatus, log: &[String], was_for_memory: bool) -> Cause {
    if log.iter().any(|line| tells_of_memory(line)) {
        return Cause::OutOfMemory;
    }
    match status.signal() {
        // SIGKILL: by the system for want of memory, or by somebody.
        Some(9) if was_for_memory => Cause::OutOfMemory,
        // SIGHUP, SIGINT, SIGKILL, SIGTERM come from outside.
        Some(1 | 2 | 9 | 15) => Cause::LostWorker,
        _ => Cause::Crashed,
    }
}

/// The child could not even be waited for.
pub(super) fn lost(error: &io::Error) -> Exit {
    Exit {
        outcome: Ending::Crashed,
        cause: Some(Cause::Failed),
        message: Some(format!("lost track of the child process: {error}")),
    }
}

/// The end of a child that served a model, with what it logged last.
pub(super) fn serving(status: ExitStatus, log: &[String]) -> String {
    match status.code() {
        Some(0) => "the child process has ended".to_owned(),
        // It says why in the last line.
        Some(code)
            if code == i32::from(Outcome::Failed.exit_code())
                || code == i32::from(Outcome::Panicked.exit_code()) =>
        {
            log.last()
                .cloned()
                .unwrap_or_else(|| with_log("the child process failed", log))
        }
        _ => with_log(&describe(status), log),
    }
}

/// The message of the `finished` event, where the last line is one.
fn last_words(directory: &RunDirectory) -> Option<String> {
    let path = directory.events();
    let bytes = last_bytes(&path, 0).ok()?;
    let line = bytes
        .split(|&byte| byte == b'\n')
        .rfind(|line| !line.is_empty())?;
    match serde_json::from_slice(line).ok()? {
        RunEvent::Finished { message, .. } => message,
        _ => None,
    }
}

/// What an exit status that is not ours means.
pub(super) fn describe(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("the child process was ended by {}", signal_in_words(signal)),
        (None, Some(101)) => {
            "the child process panicked outside the plugin (exit code 101)".to_owned()
        }
        (None, Some(code)) => format!(
            "the child process ended with exit code {code}, which is none of ours: the plugin or one of its libraries ended the process"
        ),
        (None, None) => "the child process ended in an unknown way".to_owned(),
    }
}

fn signal_in_words(signal: i32) -> String {
    // Numbers as on every Linux that Rust supports with these names.
    let (name, meaning) = match signal {
        4 => (
            "SIGILL",
            "it met an instruction that this processor does not know",
        ),
        6 => (
            "SIGABRT",
            "it aborted itself, as libraries do when they find their state broken",
        ),
        7 => (
            "SIGBUS",
            "it read a file that became shorter, or a disk that is full or broken",
        ),
        8 => ("SIGFPE", "an arithmetic error in native code"),
        9 => (
            "SIGKILL",
            "killed from outside, by somebody or by the system because memory ran out",
        ),
        11 => (
            "SIGSEGV",
            "a crash in native code: it touched memory that is not its own",
        ),
        15 => ("SIGTERM", "asked to end from outside"),
        _ => return format!("signal {signal}"),
    };
    format!("signal {signal} ({name}: {meaning})")
}

/// A sentence, and the log lines below it.
pub(super) fn with_log(sentence: &str, log: &[String]) -> String {
    if log.is_empty() {
        return format!("{sentence}; it left no log");
    }
    format!("{sentence}. Last lines of its log:\n  {}", log.join("\n  "))
}

/// The last lines of a log behind its start.
fn last_lines(path: &Path, start: LogStart) -> io::Result<Vec<String>> {
    let bytes = last_bytes(path, start.0)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect();
    Ok(lines
        .iter()
        .skip(lines.len().saturating_sub(LOG_LINES))
        .map(|&line| line.to_owned())
        .collect())
}

/// The end of a file, not before `start`.
fn last_bytes(path: &Path, start: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(
        start.max(length.saturating_sub(LOG_BYTES)).min(length),
    ))?;
    let mut bytes = Vec::new();
    file.take(LOG_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_apart() {
        let killed = ExitStatus::from_raw(9);
        let aborted = ExitStatus::from_raw(6);
        let exited = ExitStatus::from_raw(77 << 8);
        let torch = ["RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB".to_owned()];
        assert_eq!(of_crash(killed, &[], false), Cause::LostWorker);
        assert_eq!(of_crash(killed, &[], true), Cause::OutOfMemory);
        assert_eq!(of_crash(aborted, &torch, false), Cause::OutOfMemory);
        assert_eq!(of_crash(aborted, &[], true), Cause::Crashed);
        assert_eq!(of_crash(exited, &[], false), Cause::Crashed);
        assert_eq!(of_outcome(Outcome::Failed, &torch[0]), Cause::OutOfMemory);
        assert_eq!(of_outcome(Outcome::Failed, "a file is gone"), Cause::Failed);
        assert_eq!(of_outcome(Outcome::Panicked, "index 3"), Cause::Panicked);
        assert_eq!(
            of_outcome(Outcome::Refused, "out of memory"),
            Cause::Refused
        );
    }
}
