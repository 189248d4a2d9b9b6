//! Which files of a run directory travel between a server and its agents. Both sides ask here, and nothing else is written:
//! names are of a fixed form, and what is read is a plain file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use arborist_plugin_api::host::sha256_of_file;
use arborist_shared::api::agent::{AgentFile, AgentFolder};

/// Folder of the plugin's checkpoint within a run directory.
pub(crate) const CHECKPOINT: &str = "checkpoint";
/// Files that a run leaves at its end, in the order in which they are put in place; the last one finishes it.
pub(crate) const RESULTS: [&str; 6] = [
    "rejects.jsonl",
    "trained.json",
    "scores/validation.bin",
    "scores/test.bin",
    "predictions.jsonl",
    "metrics.json",
];
/// What an attempt is given besides the checkpoint and results of earlier ones.
const GIVEN: [&str; 7] = [
    "request.json",
    "taxonomy.json",
    "manifest.json",
    "corpus/train.jsonl",
    "corpus/validation.jsonl",
    "corpus/test.jsonl",
    "events.jsonl",
];
/// Files of one folder.
pub(crate) const MAX_FILES: usize = 1_000;
/// Bytes of one folder.
pub(crate) const MAX_BYTES: u64 = 64 << 30;
/// Depth of a path within a checkpoint.
const MAX_DEPTH: usize = 3;
/// Length of a name within a path.
const MAX_NAME: usize = 128;

/// A file that grows while a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Growing {
    Events,
    Log,
}

impl Growing {
    pub(crate) const ALL: [Self; 2] = [Self::Events, Self::Log];

    /// Its name in the run directory.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Events => "events.jsonl",
            Self::Log => "log.txt",
        }
    }

    /// Bytes that it may grow to.
    pub(crate) fn max_bytes(self) -> u64 {
        match self {
            Self::Events => 1 << 30,
            Self::Log => 256 << 20,
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|file| file.name() == name)
    }
}

/// Whether a list of files may become the state of a folder; else what is wrong with it.
pub(crate) fn check(folder: AgentFolder, files: &[AgentFile]) -> Result<(), String> {
    if files.len() > MAX_FILES {
        return Err(format!(
            "found {} files, at most {MAX_FILES} are accepted",
            files.len()
        ));
    }
    let mut seen = std::collections::HashSet::new();
    let mut bytes = 0_u64;
    for file in files {
        let is_known = match folder {
            AgentFolder::Checkpoint => is_plain(&file.path),
            AgentFolder::Results => RESULTS.contains(&file.path.as_str()),
        };
        if !is_known {
            return Err(format!("`{}` is not a file of this folder", file.path));
        }
        if !seen.insert(file.path.as_str()) {
            return Err(format!("`{}` is named twice", file.path));
        }
        if !is_sha256(&file.sha256) {
            return Err(format!(
                "`{}`: found `{}` for its SHA-256, expected 64 lower case hexadecimal digits",
                file.path, file.sha256
            ));
        }
        bytes = bytes.saturating_add(file.bytes);
    }
    if bytes > MAX_BYTES {
        return Err(format!(
            "found {bytes} bytes, at most {MAX_BYTES} are accepted"
        ));
    }
    // A file cannot lie in another one.
    for file in files {
        let mut parents = Path::new(&file.path).ancestors().skip(1);
        if let Some(parent) = parents.find(|it| it.to_str().is_some_and(|it| seen.contains(it))) {
            return Err(format!(
                "`{}` lies in the file `{}`",
                file.path,
                parent.display()
            ));
        }
    }
    Ok(())
}

/// Whether a path is one of plain names: no way up, nothing hidden, nothing that a shell or a file system reads otherwise.
pub(crate) fn is_plain(path: &str) -> bool {
    let mut names = path.split('/');
    let all_plain = names.all(|name| {
        name.len() <= MAX_NAME
            && name
                .bytes()
                .next()
                .is_some_and(|byte| byte.is_ascii_alphanumeric())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
    });
    all_plain && path.split('/').count() <= MAX_DEPTH
}

/// Whether a word is a SHA-256 as we write it.
pub(crate) fn is_sha256(word: &str) -> bool {
    word.len() == 64
        && word
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A file with where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) file: AgentFile,
    pub(crate) path: PathBuf,
}

/// All that an attempt begins with, of a run directory.
pub(crate) fn of_run(directory: &Path) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for name in GIVEN.into_iter().chain(RESULTS) {
        if let Some(one) = plain_file(directory, name)? {
            found.push(one);
        }
    }
    for mut one in in_folder(&directory.join(CHECKPOINT))? {
        one.file.path = format!("{CHECKPOINT}/{}", one.file.path);
        found.push(one);
    }
    Ok(found)
}

/// All plain files of a folder with plain names, by path.
pub(crate) fn in_folder(folder: &Path) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for path in paths_in(folder)? {
        if let Some(one) = plain_file(folder, &path)? {
            found.push(one);
        }
    }
    Ok(found)
}

/// Relative paths of all plain files of a folder with plain names, sorted; none where there is no folder.
pub(crate) fn paths_in(folder: &Path) -> io::Result<Vec<String>> {
    let mut paths = Vec::new();
    if !folder.is_dir() {
        return Ok(paths);
    }
    let walk = walkdir::WalkDir::new(folder)
        .follow_links(false)
        .max_depth(MAX_DEPTH);
    for entry in walk {
        let entry = match entry {
            Ok(entry) => entry,
            // A plugin replaces files while it trains.
            Err(error)
                if error
                    .io_error()
                    .is_some_and(|error| error.kind() == io::ErrorKind::NotFound) =>
            {
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let relative = entry.path().strip_prefix(folder).ok();
        if let (true, Some(path)) = (
            entry.file_type().is_file(),
            relative
                .and_then(Path::to_str)
                .filter(|path| is_plain(path)),
        ) {
            paths.push(path.to_owned());
        }
    }
    paths.sort_unstable();
    Ok(paths)
}

/// A file by its content, where it is there and no link.
pub(crate) fn plain_file(folder: &Path, name: &str) -> io::Result<Option<Found>> {
    let path = folder.join(name);
    let metadata = match fs::symlink_metadata(&path) {
        Ok(metadata) if metadata.is_file() => metadata,
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let sha256 = sha256_of_file(&path).map_err(io::Error::other)?;
    Ok(Some(Found {
        file: AgentFile {
            path: name.to_owned(),
            bytes: metadata.len(),
            sha256,
        },
        path,
    }))
}

/// The same content under a second name, or a copy where that can't be.
pub(crate) fn link_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> AgentFile {
        AgentFile {
            path: path.to_owned(),
            bytes: 1,
            sha256: "0".repeat(64),
        }
    }

    #[test]
    fn only_plain_names_are_written() {
        for path in [
            "model.safetensors",
            "resume-hiagm/state.json",
            "a/b/c",
            "0_1-2.x",
        ] {
            assert!(is_plain(path), "{path}");
        }
        for path in [
            "",
            "/etc/passwd",
            "../metrics.json",
            "a/../b",
            "a//b",
            ".hidden",
            "a/.b",
            "a/b/c/d",
            "a\\b",
            "a b",
            "ä",
            "a\n",
            "a\0",
            "-rf",
        ] {
            assert!(!is_plain(path), "{path:?}");
        }
    }

    #[test]
    fn lists_of_files_are_checked() {
        let check = |folder, files: &[AgentFile]| check(folder, files).is_ok();
        let checkpoint = AgentFolder::Checkpoint;
        assert!(check(checkpoint, &[file("a"), file("b/c")]));
        assert!(!check(checkpoint, &[file("a"), file("a")]));
        assert!(!check(checkpoint, &[file("a"), file("a/c")]));
        assert!(!check(checkpoint, &[file("../a")]));
        let results = AgentFolder::Results;
        assert!(check(
            results,
            &[file("scores/test.bin"), file("metrics.json")]
        ));
        assert!(!check(results, &[file("request.json")]));
        let odd = AgentFile {
            sha256: "../../x".to_owned(),
            ..file("a")
        };
        assert!(!check(checkpoint, &[odd]));
        let large = AgentFile {
            bytes: MAX_BYTES + 1,
            ..file("a")
        };
        assert!(!check(checkpoint, &[large]));
        let many: Vec<AgentFile> = (0..=MAX_FILES).map(|n| file(&format!("f{n}"))).collect();
        assert!(!check(checkpoint, &many));
    }

    #[test]
    fn links_and_hidden_files_stay_at_home() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("deep")).unwrap();
        fs::write(folder.path().join("deep/state.json"), "{}").unwrap();
        fs::write(folder.path().join(".secret"), "x").unwrap();
        std::os::unix::fs::symlink("/etc/hostname", folder.path().join("link")).unwrap();
        let found = in_folder(folder.path()).unwrap();
        let paths: Vec<&str> = found.iter().map(|one| one.file.path.as_str()).collect();
        assert_eq!(paths, ["deep/state.json"]);
        assert_eq!(found[0].file.bytes, 2);
        assert!(
            in_folder(&folder.path().join("nothing"))
                .unwrap()
                .is_empty()
        );
    }
}
