//! The log of a run: what the host and the method said, and what libraries printed, read from where it was written.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;

use arborist_shared::api::queue::{LogLine, RunLog};
use arborist_shared::run::{LogLevel, RunEvent};

use super::directory::RunDirectory;
use crate::http::problem::{ApiError, Code};

/// Bytes of each file that one page reads, and lines that it holds, at most.
const PAGE_BYTES: u64 = 4 << 20;
const PAGE_LINES: usize = 2_000;

/// How far both files have been read, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    events: u64,
    output: u64,
}

impl Cursor {
    /// Reads `next` of a page.
    pub(super) fn read(text: Option<&str>) -> Result<Self, ApiError> {
        let invalid = || {
            ApiError::new(
                Code::CursorInvalid,
                "pass on `next` of the page before, unchanged",
            )
        };
        match text {
            None | Some("") => Ok(Self::default()),
            Some(text) => {
                let (events, output) = text.split_once('-').ok_or_else(invalid)?;
                Ok(Self {
                    events: events.parse().map_err(|_| invalid())?,
                    output: output.parse().map_err(|_| invalid())?,
                })
            }
        }
    }
}

/// Lines behind the cursor that hold what is searched for.
pub(super) fn read(run: &Path, cursor: Cursor, search: &str) -> io::Result<RunLog> {
    let search = search.to_lowercase();
    let fits = |line: &LogLine| search.is_empty() || line.text.to_lowercase().contains(&search);
    let mut lines = Vec::new();
    let Ok(directory) = RunDirectory::open(run) else {
        // Not begun yet.
        return Ok(page(lines, cursor, false));
    };
    let (events, more_events) = follow(&directory.events(), cursor.events, |text| {
        let line = serde_json::from_str(text).ok().and_then(of_event);
        lines.extend(line.filter(fits));
        lines.len() < PAGE_LINES
    })?;
    let (output, more_output) = follow(&directory.log(), cursor.output, |text| {
        let line = LogLine {
            at_ms: None,
            level: None,
            text: text.trim_end().to_owned(),
        };
        if !line.text.is_empty() && fits(&line) {
            lines.push(line);
        }
        lines.len() < 2 * PAGE_LINES
    })?;
    Ok(page(
        lines,
        Cursor { events, output },
        more_events || more_output,
    ))
}

fn page(lines: Vec<LogLine>, next: Cursor, more: bool) -> RunLog {
    RunLog {
        lines,
        next: format!("{}-{}", next.events, next.output),
        more,
    }
}

/// Hands on each whole line behind `from` until there is none, a page is full, or nobody wants more. Answers where it
/// stopped, and whether there is more.
fn follow(path: &Path, from: u64, mut line: impl FnMut(&str) -> bool) -> io::Result<(u64, bool)> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((from, false)),
        file => file?,
    };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(from.min(length)))?;
    let mut reader = BufReader::new(file);
    let mut at = from.min(length);
    let mut bytes = Vec::new();
    while at - from.min(length) < PAGE_BYTES {
        bytes.clear();
        let read = reader.read_until(b'\n', &mut bytes)?;
        if bytes.last() != Some(&b'\n') {
            // The end, or a line that is being written.
            return Ok((at, false));
        }
        at += read as u64;
        if !line(&String::from_utf8_lossy(&bytes)) {
            break;
        }
    }
    Ok((at, at < length))
}

/// What an event says to people; most say it to charts.
fn of_event(event: RunEvent) -> Option<LogLine> {
    let (at_ms, level, text) = match event {
        RunEvent::Log {
            at_ms,
            level,
            message,
        } => (at_ms, level, message),
        RunEvent::Started {
            at_ms,
            device,
            resumed,
            ..
        } => {
            let how = if resumed { "goes on" } else { "starts" };
            (
                at_ms,
                LogLevel::Info,
                format!("the worker {how} on {device}"),
            )
        }
        RunEvent::Epoch {
            at_ms,
            epoch,
            losses,
            validation,
            ..
        } => {
            let figures = losses.iter().chain(&validation);
            let figures: Vec<String> = figures
                .map(|(name, value)| format!("{name} {value:.4}"))
                .collect();
            (
                at_ms,
                LogLevel::Info,
                format!("epoch {epoch}: {}", figures.join(", ")),
            )
        }
        RunEvent::Finished {
            at_ms,
            message: Some(message),
            ..
        } => (at_ms, LogLevel::Error, message),
        _ => return None,
    };
    Some(LogLine {
        at_ms: Some(at_ms),
        level: Some(level),
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_and_half_a_line_waits() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path();
        assert_eq!(read(run, Cursor::default(), "").unwrap().lines, []);
        std::fs::write(run.join("request.json"), "{}").unwrap();
        let events = "{\"event\":\"log\",\"at_ms\":5,\"level\":\"info\",\"message\":\"Reads words\"}\nhalf a";
        std::fs::write(run.join("events.jsonl"), events).unwrap();
        std::fs::write(run.join("log.txt"), "warning: x\nsecond\nthi").unwrap();
        let all = read(run, Cursor::default(), "").unwrap();
        let texts: Vec<&str> = all.lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["Reads words", "warning: x", "second"]);
        let found = read(run, Cursor::default(), "WORDS").unwrap();
        assert_eq!(found.lines.len(), 1);
        // What comes later is behind the cursor.
        let cursor = Cursor::read(Some(&all.next)).unwrap();
        assert_eq!(read(run, cursor, "").unwrap().lines, []);
        std::fs::write(run.join("log.txt"), "warning: x\nsecond\nthird\n").unwrap();
        let later = read(run, cursor, "").unwrap();
        assert_eq!(later.lines[0].text, "third");
        assert!(Cursor::read(Some("x")).is_err());
    }
}
