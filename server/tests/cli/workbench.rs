//! A place to work in: a data directory in which the toy method is approved, a generated corpus, and the executable.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use arborist_server::work::{ChildProgram, LocalExecutor};
use serde_json::Value;
use tempfile::TempDir;

/// Labels of the generated corpus, `child<TAB>parent`.
const TAXONOMY: &str = "animals\tRoot\nbirds\tanimals\nowls\tbirds\nfish\tanimals\nplants\tRoot\ntrees\tplants\noaks\ttrees\n";
/// Deepest labels, and the words that speak for them.
const TOPICS: [(&str, &str); 3] = [
    ("owls", "night feather hoot"),
    ("fish", "water fin scale"),
    ("oaks", "acorn bark leaf"),
];

pub(crate) struct Workbench {
    dir: TempDir,
}

/// What a command left behind.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// The last line of standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        let last = self.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(last)
            .unwrap_or_else(|error| panic!("{error} in {last:?}\n{}", self.stderr))
    }

    /// Checks the exit code.
    #[track_caller]
    pub(crate) fn ended_with(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout: {}\nstderr: {}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Checks that standard error has all of these.
    #[track_caller]
    pub(crate) fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(
                self.stderr.contains(part),
                "no {part:?} in: {}",
                self.stderr
            );
        }
        self
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Workbench {
    /// With nothing but a place, and the executable in it: what has been built beside the original is not found.
    pub(crate) fn empty() -> Self {
        let bench = Self {
            dir: TempDir::new().unwrap(),
        };
        fs::create_dir(bench.path("bin")).unwrap();
        let original = env!("CARGO_BIN_EXE_arborist");
        fs::hard_link(original, bench.executable())
            .or_else(|_| fs::copy(original, bench.executable()).map(drop))
            .unwrap();
        bench
    }

    pub(crate) fn executable(&self) -> PathBuf {
        self.path("bin/arborist")
    }

    /// With taxonomy, corpus, and the toy approved.
    pub(crate) fn new() -> Self {
        let bench = Self::empty();
        bench.write("taxonomy.tsv", TAXONOMY);
        bench.write("train.jsonl", &corpus(0, 120));
        bench.write("validation.jsonl", &corpus(1000, 30));
        bench.write("test.jsonl", &corpus(2000, 40));
        bench
            .run(&["plugins", "add", library("plugin_toy").to_str().unwrap()])
            .ended_with(0);
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file, with the folders that it lies in.
    pub(crate) fn write(&self, name: &str, content: &(impl AsRef<[u8]> + ?Sized)) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The executable, to be run in the bench, and unaware of what this machine has configured.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.executable());
        command
            .args(arguments)
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        for variable in [
            "ARBORIST_PLUGINS",
            "ARBORIST_ENCODERS",
            "ARBORIST_DATABASE_URL",
            "ARBORIST_LOG",
        ] {
            command.env_remove(variable);
        }
        command.env("ARBORIST_DATA_DIR", self.path("data"));
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).output().unwrap().into()
    }

    /// `arborist train` with the toy on the generated corpus, and more arguments.
    pub(crate) fn train(&self, out: &str, more: &[&str]) -> Ran {
        self.run(&[&train_arguments(out), more].concat())
    }

    /// A trained run called `run`.
    pub(crate) fn with_run() -> Self {
        let bench = Self::new();
        bench.train("run", &[]).ended_with(0);
        bench
    }

    /// A run that is asked for and not begun: `train` up to the moment when the child would start.
    ///
    /// `step_ms` and `epochs` make it as long as it has to be.
    pub(crate) fn prepared_run(&self, settings: &[&str]) -> PathBuf {
        self.train("run", settings).ended_with(0);
        let run = self.path("run");
        for file in [
            "metrics.json",
            "trained.json",
            "predictions.jsonl",
            "events.jsonl",
            "log.txt",
        ] {
            fs::remove_file(run.join(file)).unwrap();
        }
        fs::remove_dir_all(run.join("checkpoint")).unwrap();
        fs::create_dir(run.join("checkpoint")).unwrap();
        run
    }

    /// Changes a hyperparameter in the request of a prepared run.
    pub(crate) fn set(&self, run: &Path, key: &str, value: Value) {
        let path = run.join("request.json");
        let mut request: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        request["hyperparameters"][key] = value;
        fs::write(&path, serde_json::to_vec(&request).unwrap()).unwrap();
    }
}

pub(crate) fn train_arguments(out: &str) -> Vec<&str> {
    vec![
        "train",
        "--method",
        "toy",
        "--train",
        "train.jsonl",
        "--validation",
        "validation.jsonl",
        "--test",
        "test.jsonl",
        "--taxonomy",
        "taxonomy.tsv",
        "--out",
        out,
        "--json",
    ]
}

/// Children of the executable under test.
pub(crate) fn program() -> ChildProgram {
    ChildProgram::at(env!("CARGO_BIN_EXE_arborist"))
}

pub(crate) fn executor() -> LocalExecutor {
    LocalExecutor::new(program())
}

/// Rows with ids from `first` on; every document has one or two topics and some words of none.
pub(crate) fn corpus(first: usize, n: usize) -> String {
    let mut rows = String::new();
    for id in first..first + n {
        let (one, one_words) = TOPICS[id % 3];
        let (two, two_words) = TOPICS[(id / 3) % 3];
        let noise = ["the", "of", "and", "seen", "once"][id % 5];
        writeln!(
            rows,
            "{{\"id\":\"d{id}\",\"text\":\"{one_words} {noise} {two_words} number{id}\",\"labels\":[\"{one}\",\"{two}\"]}}"
        )
        .unwrap();
    }
    rows
}

/// Keys of an object, sorted.
pub(crate) fn keys(object: &Value) -> Vec<String> {
    let mut keys: Vec<String> = object.as_object().unwrap().keys().cloned().collect();
    keys.sort_unstable();
    keys
}

/// A library that the examples of the plugin API build, beside the test executable.
pub(crate) fn library(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let path = profile.join("examples").join(format!("lib{name}.so"));
    if !path.is_file() {
        let mut command = Command::new(env!("CARGO"));
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        command.args([
            "build",
            "--quiet",
            "--package",
            "arborist-plugin-api",
            "--examples",
        ]);
        command.arg("--target-dir").arg(profile.parent().unwrap());
        if profile.ends_with("release") {
            command.arg("--release");
        }
        assert!(
            command.status().unwrap().success(),
            "cannot build the libraries of the tests"
        );
    }
    path
}

/// Waits until something is the case, for a minute at most.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "waited in vain until {what}"
        );
        std::thread::yield_now();
    }
}

/// Whether a process is there and is no zombie.
pub(crate) fn is_alive(process_id: u32) -> bool {
    fs::read_to_string(format!("/proc/{process_id}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .trim_start()
            .starts_with('Z')
    })
}

/// The process whose command line names this directory as that of its work.
pub(crate) fn worker_of(run: &Path) -> Option<u32> {
    fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
        let process_id: u32 = entry.file_name().to_str()?.parse().ok()?;
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).into_owned();
        (line.contains("work\0--dir\0") && line.contains(run.to_str()?)).then_some(process_id)
    })
}

/// The events of a run so far; every line must be one.
pub(crate) fn events(run: &Path) -> Vec<Value> {
    let text = fs::read_to_string(run.join("events.jsonl")).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
