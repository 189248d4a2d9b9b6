//! Running other programs: every one is printed before it starts, and a failure
//! becomes one sentence that names the command and what to do.
//!
//! Deliberately no shell: arguments are never parsed twice.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// A program with its arguments, ready to be printed and run.
pub(crate) struct Cmd {
    command: Command,
    shown: String,
    remedy: Option<String>,
    quiet: bool,
}

/// Starts the description of a command.
pub(crate) fn cmd(program: impl AsRef<OsStr>) -> Cmd {
    let program = program.as_ref();
    let mut command = Command::new(program);
    scrub(&mut command);
    Cmd {
        command,
        shown: quoted(program),
        remedy: None,
        quiet: false,
    }
}

/// The cargo that runs this xtask.
pub(crate) fn cargo() -> Cmd {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = cmd(program);
    command.shown = "cargo".to_owned();
    command
}

impl Cmd {
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Cmd {
        self.shown.push(' ');
        self.shown.push_str(&quoted(arg.as_ref()));
        self.command.arg(arg);
        self
    }

    pub(crate) fn args<I: IntoIterator<Item = A>, A: AsRef<OsStr>>(mut self, args: I) -> Cmd {
        for arg in args {
            self = self.arg(arg);
        }
        self
    }

    pub(crate) fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Cmd {
        self.shown = format!("{key}={} {}", quoted(value.as_ref()), self.shown);
        self.command.env(key, value);
        self
    }

    pub(crate) fn env_remove(mut self, key: &str) -> Cmd {
        self.command.env_remove(key);
        self
    }

    pub(crate) fn dir(mut self, dir: impl AsRef<Path>) -> Cmd {
        self.command.current_dir(dir);
        self
    }

    /// What to do when the command fails: a clause that follows "failed; ".
    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Cmd {
        self.remedy = Some(remedy.into());
        self
    }

    /// Leaves out the printed line: for look-ups that change nothing.
    pub(crate) fn quiet(mut self) -> Cmd {
        self.quiet = true;
        self
    }

    /// Runs to the end with the terminal's own output.
    pub(crate) fn run(mut self) -> Result<()> {
        self.announce();
        let status = self.command.stdin(Stdio::null()).status();
        self.judge(status)
    }

    /// Whether the command ran and succeeded; its output is thrown away.
    pub(crate) fn succeeds(mut self) -> bool {
        self.announce();
        self.command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// Runs to the end and returns standard output, trimmed.
    pub(crate) fn read(mut self) -> Result<String> {
        self.announce();
        let output = self
            .command
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .output()
            .with_context(|| self.not_started())?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let last = said.trim().lines().last().unwrap_or_default().to_owned();
            bail!("{}: {last}", self.failed(&output.status.to_string()));
        }
        Ok(String::from_utf8(output.stdout)
            .with_context(|| format!("`{}` printed something that is not UTF-8", self.shown))?
            .trim_end()
            .to_owned())
    }

    /// Runs to the end, hands each line of standard output to `line`, and writes `input` first.
    pub(crate) fn lines(mut self, input: &str, mut line: impl FnMut(&str)) -> Result<()> {
        self.announce();
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| self.not_started())?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes())?;
        }
        if let Some(stdout) = child.stdout.take() {
            for text in BufReader::new(stdout).lines() {
                line(&text?);
            }
        }
        let status = child.wait();
        self.judge(status)
    }

    /// Runs with both outputs copied to the terminal and returns them as text, with the exit status.
    pub(crate) fn tee(mut self) -> Result<(bool, String)> {
        self.announce();
        let mut child = self
            .command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| self.not_started())?;
        let stdout = child.stdout.take();
        let stderr = child.stderr.take();
        let said = std::thread::scope(|scope| {
            let errors = scope.spawn(move || stderr.map(|pipe| copy(pipe, true)));
            let mut said = stdout.map(|pipe| copy(pipe, false)).unwrap_or_default();
            if let Ok(Some(errors)) = errors.join() {
                said.push_str(&errors);
            }
            said
        });
        let status = child.wait().with_context(|| self.not_started())?;
        Ok((status.success(), said))
    }

    /// The command itself, for what this type does not cover (pipes kept open).
    pub(crate) fn into_command(self) -> Command {
        self.announce();
        self.command
    }

    /// Runs to the end, but kills the command after `limit`.
    pub(crate) fn run_within(mut self, limit: Duration) -> Result<()> {
        self.announce();
        let mut child = self
            .command
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| self.not_started())?;
        let started = std::time::Instant::now();
        loop {
            if let Some(status) = child.try_wait()? {
                return self.judge(Ok(status));
            }
            if started.elapsed() > limit {
                child.kill()?;
                child.wait()?;
                bail!("`{}` did not end within {} s", self.shown, limit.as_secs());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn announce(&self) {
        if self.quiet {
            return;
        }
        if std::io::stderr().is_terminal() {
            eprintln!("\x1b[2m$ {}\x1b[0m", self.shown);
        } else {
            eprintln!("$ {}", self.shown);
        }
    }

    fn judge(&self, status: std::io::Result<std::process::ExitStatus>) -> Result<()> {
        let status = status.with_context(|| self.not_started())?;
        if !status.success() {
            bail!(self.failed(&status.to_string()));
        }
        Ok(())
    }

    fn failed(&self, how: &str) -> String {
        match &self.remedy {
            Some(remedy) => format!("`{}` failed ({how}); {remedy}", self.shown),
            None => format!("`{}` failed ({how})", self.shown),
        }
    }

    fn not_started(&self) -> String {
        match &self.remedy {
            Some(remedy) => format!("`{}` could not be started; {remedy}", self.shown),
            None => format!("`{}` could not be started", self.shown),
        }
    }
}

fn copy(pipe: impl std::io::Read, to_stderr: bool) -> String {
    let mut said = String::new();
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    while reader
        .read_until(b'\n', &mut line)
        .is_ok_and(|read| read > 0)
    {
        // A closed terminal is no reason to stop the command.
        let _ = if to_stderr {
            std::io::stderr().write_all(&line)
        } else {
            std::io::stdout().write_all(&line)
        };
        said.push_str(&String::from_utf8_lossy(&line));
        line.clear();
    }
    said
}

/// Takes back what `cargo run` adds to the environment, so that a command behaves as if it were typed.
fn scrub(command: &mut Command) {
    for (key, _) in std::env::vars_os() {
        let Some(key) = key.to_str() else { continue };
        if key.starts_with("CARGO_PKG_")
            || key.starts_with("CARGO_MANIFEST_")
            || matches!(
                key,
                "CARGO_BIN_NAME" | "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE"
            )
        {
            command.env_remove(key);
        }
    }
    if let Some(path) = std::env::var_os("LD_LIBRARY_PATH") {
        let kept: Vec<PathBuf> = std::env::split_paths(&path)
            .filter(|entry| {
                let text = entry.to_string_lossy();
                !(text.is_empty() || text.contains("/target") || text.contains("/toolchains/"))
            })
            .collect();
        match std::env::join_paths(&kept) {
            Ok(joined) if !kept.is_empty() => command.env("LD_LIBRARY_PATH", joined),
            _ => command.env_remove("LD_LIBRARY_PATH"),
        };
    }
}

fn quoted(text: &OsStr) -> String {
    let text = text.to_string_lossy();
    let plain = !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || "-_=./:,+@%*".contains(c));
    if plain {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
