//! Where things lie on this machine: data, plugins, encoders.
//!
//! Flags win over environment variables, those over defaults. Nothing is created here.

use std::env;
use std::path::{Path, PathBuf};

/// Environment variable that names the data directory.
pub const DATA_DIR_VARIABLE: &str = "ARBORIST_DATA_DIR";
/// Environment variable that names the directories of plugins, separated as in `PATH`.
pub const PLUGINS_VARIABLE: &str = "ARBORIST_PLUGINS";
/// Environment variable that names the directory of downloaded encoders.
pub const ENCODERS_VARIABLE: &str = "ARBORIST_ENCODERS";
/// Environment variable that names the directory of a libtorch with CUDA.
pub const LIBTORCH_VARIABLE: &str = "ARBORIST_LIBTORCH";

/// No place for data could be derived from the environment.
#[derive(Debug, thiserror::Error)]
#[error(
    "no data directory: give --data-dir or set {DATA_DIR_VARIABLE} (neither XDG_DATA_HOME nor HOME is set)"
)]
pub struct NoDataDirectory;

/// The data directory: the flag, else `ARBORIST_DATA_DIR`, else `arborist` in the XDG data folder.
///
/// # Errors
/// When there is neither a flag nor a usable environment.
pub fn data_dir(flag: Option<&Path>) -> Result<PathBuf, NoDataDirectory> {
    if let Some(flag) = flag {
        return Ok(flag.to_owned());
    }
    if let Some(path) = variable(DATA_DIR_VARIABLE) {
        return Ok(path);
    }
    let base = variable("XDG_DATA_HOME")
        // The XDG specification tells to ignore relative paths.
        .filter(|path| path.is_absolute())
        .or_else(|| variable("HOME").map(|home| home.join(".local/share")))
        .ok_or(NoDataDirectory)?;
    Ok(base.join("arborist"))
}

/// Directories to search for plugins, first match wins: the flag, `ARBORIST_PLUGINS`, `plugins/` beside the executable,
/// `../plugins`. Directories that do not exist are left out, except the one asked for by flag.
#[must_use]
pub fn plugin_dirs(flag: Option<&Path>) -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> = flag.map(Path::to_owned).into_iter().collect();
    let mut candidates: Vec<PathBuf> = env::var_os(PLUGINS_VARIABLE)
        .map(|value| env::split_paths(&value).collect())
        .unwrap_or_default();
    if let Some(beside) = executable_dir() {
        candidates.push(beside.join("plugins"));
        candidates.push(beside.join("../plugins"));
    }
    for candidate in candidates {
        if candidate.is_dir() && !dirs.iter().any(|dir| same_directory(dir, &candidate)) {
            dirs.push(candidate);
        }
    }
    dirs
}

/// Where encoders that Arborist brings along are looked for: `ARBORIST_ENCODERS`, `encoders/` beside the executable,
/// `../encoders`, `encoders/` in the cache folder.
#[must_use]
pub fn encoder_dirs() -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> = variable(ENCODERS_VARIABLE).into_iter().collect();
    if let Some(beside) = executable_dir() {
        dirs.push(beside.join("encoders"));
        dirs.push(beside.join("../encoders"));
    }
    let cache = variable("XDG_CACHE_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| variable("HOME").map(|home| home.join(".cache")));
    if let Some(cache) = cache {
        dirs.push(cache.join("arborist/encoders"));
    }
    dirs
}

/// An encoder that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EncoderError {
    #[error(
        "encoder `{name}` is not installed: looked in {searched}; run `cargo xtask setup`, or give a directory"
    )]
    NotInstalled { name: String, searched: String },
    #[error(
        "encoder directory {path} has no {missing}; expected a Hugging Face BERT folder with config.json and *.safetensors"
    )]
    NotAnEncoder {
        path: PathBuf,
        missing: &'static str,
    },
}

/// The encoder that comes with Arborist.
pub const MINILM: &str = "minilm";

/// Directory of the encoder called `minilm`, or the one at a path, made absolute.
///
/// # Errors
/// Says where it looked, or what the directory lacks.
pub fn encoder(name_or_dir: &str) -> Result<PathBuf, EncoderError> {
    let dir = if name_or_dir == MINILM {
        let dirs = encoder_dirs();
        let found = dirs
            .iter()
            .map(|dir| dir.join(MINILM))
            .find(|dir| dir.is_dir());
        found.ok_or_else(|| EncoderError::NotInstalled {
            name: MINILM.to_owned(),
            searched: dirs
                .iter()
                .map(|dir| dir.display().to_string())
                .collect::<Vec<_>>()
                .join(", "),
        })?
    } else {
        PathBuf::from(name_or_dir)
    };
    let lacks = |missing| EncoderError::NotAnEncoder {
        path: dir.clone(),
        missing,
    };
    if !dir.join("config.json").is_file() {
        return Err(lacks("config.json"));
    }
    let has_weights = std::fs::read_dir(&dir).is_ok_and(|mut entries| {
        entries.any(|entry| {
            entry.is_ok_and(|entry| {
                entry
                    .path()
                    .extension()
                    .is_some_and(|extension| extension == "safetensors")
            })
        })
    });
    if !has_weights {
        return Err(lacks("*.safetensors"));
    }
    dir.canonicalize().map_err(|_| lacks("readable path"))
}

/// Where libtorch may lie, the variant with CUDA first: `ARBORIST_LIBTORCH`, `libtorch-cuda/` and `libtorch/` beside the
/// executable and one directory up.
#[must_use]
pub fn libtorch_dirs() -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> = variable(LIBTORCH_VARIABLE).into_iter().collect();
    if let Some(beside) = executable_dir() {
        for name in ["libtorch-cuda", "libtorch"] {
            dirs.push(beside.join(name));
            dirs.push(beside.join("..").join(name));
        }
    }
    dirs
}

/// Directory of the running executable.
#[must_use]
pub fn executable_dir() -> Option<PathBuf> {
    let executable = env::current_exe().ok()?;
    executable
        .canonicalize()
        .unwrap_or(executable)
        .parent()
        .map(Path::to_owned)
}

/// A variable that is set and not empty.
fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

fn same_directory(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}
