//! The command that starts a child: this executable, with a scrubbed environment.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::WorkError;

/// What a child may see of the environment. Everything else, credentials and proxies above all, stays out.
const KEPT_VARIABLES: &[&str] = &[
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    crate::locations::LIBTORCH_VARIABLE,
    "CUDA_VISIBLE_DEVICES",
    "CUDA_DEVICE_ORDER",
    "NVIDIA_VISIBLE_DEVICES",
    "PYTORCH_ALLOC_CONF",
    "PYTORCH_CUDA_ALLOC_CONF",
    "RUST_BACKTRACE",
    // Coverage of children, where somebody measures it.
    "LLVM_PROFILE_FILE",
];

/// Variables by which thread pools of numeric libraries learn their size.
const THREAD_VARIABLES: &[&str] = &[
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "RAYON_NUM_THREADS",
];

/// The executable that children are started from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildProgram {
    path: PathBuf,
}

impl ChildProgram {
    /// The running executable.
    ///
    /// # Errors
    /// When the system does not tell its path.
    pub fn current() -> Result<Self, WorkError> {
        env::current_exe()
            .map(|path| Self { path })
            .map_err(WorkError::Executable)
    }

    /// The executable `arborist` at a path, for programs that are not it: tests, above all.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Path of the executable.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `arborist work …`, not yet started: scrubbed environment, pipes closed, a process group of its own, so that a Ctrl-C
    /// on the terminal reaches it through us alone. `threads` 0 = all cores.
    pub(super) fn command(&self, threads: u32) -> Command {
        let mut command = Command::new(&self.path);
        command.arg("work").env_clear();
        for name in KEPT_VARIABLES {
            if let Some(value) = env::var_os(name) {
                command.env(name, value);
            }
        }
        let threads = resolve_threads(threads).to_string();
        for name in THREAD_VARIABLES {
            command.env(name, &threads);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        command
    }
}

/// Number of threads that a child may use, where 0 asks for all cores.
#[must_use]
pub fn resolve_threads(threads: u32) -> u32 {
    if threads > 0 {
        return threads;
    }
    std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32)
}
