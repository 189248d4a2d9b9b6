//! `fetch.py` against a package index on loopback that breaks off, and one that offers something else.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use super::own_pip;
use crate::hash::sha256;
use crate::process::cmd;
use crate::workspace::Workspace;

const FILE: &str = "arborist_probe-1.0-py3-none-any.whl";

/// What the index does.
#[derive(Clone, Default)]
struct Index {
    /// Contents of the one wheel that it offers.
    body: Vec<u8>,
    /// SHA-256 that its page names.
    hash: Option<String>,
    /// The first request for the wheel is answered with so many bytes and then broken off.
    breaks_at: Option<usize>,
    /// The `Range` of each request for the wheel, empty where there was none.
    ranges: Arc<Mutex<Vec<String>>>,
}

impl Index {
    /// Serves until the process ends; returns the address of the index.
    fn serve(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let index = self.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away early is no concern of the index.
                let _ = index.answer(stream);
            }
        });
        format!("http://{address}/simple/")
    }

    fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
        let mut range = String::new();
        for line in lines {
            let line = line?;
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(": ")
                && name.eq_ignore_ascii_case("range")
            {
                range = value.to_owned();
            }
        }
        if !first.contains(FILE) {
            let hash = self.hash.as_ref();
            let fragment = hash.map_or_else(String::new, |hash| format!("#sha256={hash}"));
            let page = format!("<!DOCTYPE html><a href=\"/files/{FILE}{fragment}\">{FILE}</a>");
            return respond(
                &mut stream,
                "200 OK",
                "text/html",
                page.len(),
                page.as_bytes(),
            );
        }
        let start: usize = range
            .strip_prefix("bytes=")
            .and_then(|range| range.strip_suffix('-'))
            .map_or(0, |start| start.parse().unwrap());
        let n_before = {
            let mut ranges = self.ranges.lock().unwrap();
            ranges.push(range.clone());
            ranges.len() - 1
        };
        let whole = &self.body[start..];
        let sent = match self.breaks_at {
            Some(end) if n_before == 0 => &whole[..end],
            _ => whole,
        };
        let status = if range.is_empty() {
            "200 OK"
        } else {
            "206 Partial Content"
        };
        respond(
            &mut stream,
            status,
            "application/octet-stream",
            whole.len(),
            sent,
        )
    }
}

fn respond(
    stream: &mut TcpStream,
    status: &str,
    kind: &str,
    length: usize,
    body: &[u8],
) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    stream.write_all(body)
}

fn contents() -> Vec<u8> {
    (0..300_000_u32)
        .map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect()
}

/// A folder that is gone when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path =
            std::env::temp_dir().join(format!("arborist-fetch-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn wheel(&self) -> PathBuf {
        self.0.join("probe.whl")
    }

    fn part(&self) -> PathBuf {
        self.0.join("probe.whl.part")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Fetches the wheel with this pinned hash, as set-up does; returns the lines that were printed.
fn fetch(index: &Index, to: &Path, pinned: &str) -> Vec<Value> {
    let workspace = Workspace::find().unwrap();
    let request = json!({"wheels": [
        {"name": "arborist-probe", "version": "1.0", "sha256": pinned, "to": to}
    ]});
    let mut said = Vec::new();
    let ended = cmd("python3")
        .env("PYTHONPATH", own_pip(&workspace).unwrap())
        .env("PIP_INDEX_URL", index.serve())
        .env("PIP_CONFIG_FILE", "/dev/null")
        .env("NO_PROXY", "127.0.0.1")
        .env_remove("PIP_EXTRA_INDEX_URL")
        .env_remove("PIP_FIND_LINKS")
        .env_remove("PIP_NO_INDEX")
        .arg(workspace.script("fetch.py"))
        .lines(&request.to_string(), |line| {
            said.push(serde_json::from_str(line).unwrap());
        });
    let failed = said.iter().any(|line: &Value| line["event"] == "error");
    assert_eq!(ended.is_err(), failed, "{said:?}");
    said
}

/// The first line of a kind.
fn first<'a>(said: &'a [Value], event: &str) -> &'a Value {
    let found = said.iter().find(|line| line["event"] == event);
    found.unwrap_or_else(|| panic!("no `{event}` in {said:?}"))
}

#[test]
fn a_download_that_breaks_off_goes_on_where_it_was() {
    let folder = Folder::new("broken");
    let index = Index {
        body: contents(),
        hash: Some(sha256(&contents())),
        breaks_at: Some(120_000),
        ..Index::default()
    };
    let said = fetch(&index, &folder.wheel(), &sha256(&contents()));
    assert_eq!(*index.ranges.lock().unwrap(), ["", "bytes=120000-"]);
    assert_eq!(first(&said, "start")["total"], 300_000);
    let note = first(&said, "note")["message"].as_str().unwrap();
    assert!(note.contains("trying again"), "{note}");
    let again = said.iter().rfind(|line| line["event"] == "start").unwrap();
    assert_eq!(
        (&again["done"], &again["total"]),
        (&json!(120_000), &json!(300_000))
    );
    first(&said, "done");
    assert_eq!(std::fs::read(folder.wheel()).unwrap(), contents());
    assert!(!folder.part().exists());
}

#[test]
fn a_later_call_takes_up_what_an_earlier_one_left() {
    let folder = Folder::new("later");
    std::fs::write(folder.part(), &contents()[..200_000]).unwrap();
    let index = Index {
        body: contents(),
        ..Index::default()
    };
    let said = fetch(&index, &folder.wheel(), &sha256(&contents()));
    assert_eq!(*index.ranges.lock().unwrap(), ["bytes=200000-"]);
    first(&said, "done");
    assert_eq!(std::fs::read(folder.wheel()).unwrap(), contents());
    // What is there already is not asked for again.
    fetch(&index, &folder.wheel(), &sha256(&contents()));
    assert_eq!(index.ranges.lock().unwrap().len(), 1);
}

#[test]
fn what_does_not_have_the_pinned_hash_is_deleted() {
    let folder = Folder::new("other");
    let mut body = contents();
    body[7] ^= 1;
    let index = Index {
        body,
        ..Index::default()
    };
    let said = fetch(&index, &folder.wheel(), &sha256(&contents()));
    let error = first(&said, "error")["message"].as_str().unwrap();
    assert!(
        error.contains("arborist-probe 1.0 does not have the pinned SHA-256"),
        "{error}"
    );
    assert!(!folder.wheel().exists() && !folder.part().exists());
}

#[test]
fn what_is_offered_with_another_hash_is_not_fetched() {
    let folder = Folder::new("offered");
    let index = Index {
        body: contents(),
        hash: Some(sha256(b"another wheel")),
        ..Index::default()
    };
    let said = fetch(&index, &folder.wheel(), &sha256(&contents()));
    let error = first(&said, "error")["message"].as_str().unwrap();
    assert!(error.contains("not with the pinned SHA-256"), "{error}");
    assert!(index.ranges.lock().unwrap().is_empty());
}

#[test]
fn every_package_of_a_benchmarks_peer_is_pinned_by_version_and_hash() {
    let folder = Workspace::find().unwrap().root.join("xtask/bench");
    let files = std::fs::read_dir(folder).unwrap();
    let lists: Vec<PathBuf> = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "txt"))
        .collect();
    assert!(lists.len() >= 3, "{lists:?}");
    for list in lists {
        let text = std::fs::read_to_string(&list).unwrap();
        let text = text.replace("\\\n", " ");
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split_whitespace();
            let pin = words.next().unwrap_or_default();
            assert!(pin.contains("=="), "{}: `{line}`", list.display());
            let hashes: Vec<&str> = words.collect();
            assert!(!hashes.is_empty(), "{}: `{pin}`", list.display());
            for hash in hashes {
                let hex = hash.strip_prefix("--hash=sha256:").unwrap_or_default();
                assert_eq!(hex.len(), 64, "{}: `{pin}` {hash}", list.display());
            }
        }
    }
}
