//! A PostgreSQL server that lives as long as the tests that use it, in a folder of its own on a free port of loopback.
//!
//! PostgreSQL refuses to run as root. Where root runs the tests, as in containers, the server runs as `nobody`, from a copy
//! of its programs that `nobody` can reach.

use std::fs;
use std::io::{Read as _, Seek as _};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::setup;
use crate::workspace::Workspace;

/// `nobody` of Linux distributions.
const NOBODY: u32 = 65_534;
/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Every test has a server of ours with its pools, and many run at once.
const CONNECTIONS: &str = "max_connections=500";

/// A running server; stopped, and its folder removed, when it is dropped.
pub(crate) struct Postgres {
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
    process: Option<Child>,
}

impl Postgres {
    /// Starts a server, or says that none is installed by `setup --tests`. `durable`: whether commits wait for the disk,
    /// which matters to figures and to nothing else here, since the machine stays up.
    pub(crate) fn start(workspace: &Workspace, durable: bool) -> Result<Option<Postgres>> {
        let Some(installed) = setup::find_postgres(workspace) else {
            return Ok(None);
        };
        let folder = std::env::temp_dir().join(format!("arborist-postgres-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let home = if is_root()? {
            let copy = folder.join("programs");
            copy_tree(&installed, &copy)?;
            chown(&folder, Some(NOBODY), Some(NOBODY))?;
            copy
        } else {
            installed
        };
        let mut postgres = Postgres {
            programs: home.join(setup::POSTGRES_PROGRAMS),
            port: TcpListener::bind("127.0.0.1:0")?.local_addr()?.port(),
            folder,
            process: None,
        };
        postgres.launch(durable)?;
        Ok(Some(postgres))
    }

    /// URL of the server, without a database.
    pub(crate) fn url(&self) -> String {
        format!("postgres://arborist@127.0.0.1:{}", self.port)
    }

    /// Where its programs are.
    pub(crate) fn programs(&self) -> &Path {
        &self.programs
    }

    fn launch(&mut self, durable: bool) -> Result<()> {
        let data = self.folder.join("data");
        let made = self
            .command("initdb")?
            .arg("--pgdata")
            .arg(&data)
            .args([
                "--username=arborist",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ])
            .stdout(Stdio::null())
            .output()
            .context("initdb could not be started")?;
        if !made.status.success() {
            bail!(
                "initdb failed: {}",
                String::from_utf8_lossy(&made.stderr).trim()
            );
        }
        let mut log = fs::File::options()
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .open(self.folder.join("log"))?;
        let fsync = if durable { "fsync=on" } else { "fsync=off" };
        let process = self
            .command("postgres")?
            .arg("-D")
            .arg(&data)
            .args([
                "-p",
                &self.port.to_string(),
                "-c",
                "listen_addresses=127.0.0.1",
            ])
            .args([
                "-c",
                "unix_socket_directories=",
                "-c",
                CONNECTIONS,
                "-c",
                fsync,
            ])
            .stdout(log.try_clone()?)
            .stderr(log.try_clone()?)
            .spawn()
            .context("postgres could not be started")?;
        self.process = Some(process);
        let end = Instant::now() + PATIENCE;
        loop {
            let answers = self
                .command("pg_isready")?
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                .status();
            if answers.is_ok_and(|status| status.success()) {
                return Ok(());
            }
            let ended = match &mut self.process {
                Some(process) => process.try_wait()?.is_some(),
                None => true,
            };
            if ended || Instant::now() > end {
                let mut said = String::new();
                log.rewind()?;
                log.read_to_string(&mut said)?;
                bail!("PostgreSQL does not answer: {}", said.trim());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// One of its programs, as somebody whom PostgreSQL accepts.
    fn command(&self, program: &str) -> Result<Command> {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(&self.folder).stdin(Stdio::null());
        if is_root()? {
            command.uid(NOBODY).gid(NOBODY);
        }
        Ok(command)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        let stopped = self.command("pg_ctl").and_then(|mut command| {
            let data = self.folder.join("data");
            Ok(command
                .args(["stop", "--silent", "--mode=immediate", "--pgdata"])
                .arg(data)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()?)
        });
        if !stopped.is_ok_and(|status| status.success()) {
            let _ = process.kill();
        }
        let _ = process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn is_root() -> Result<bool> {
    Ok(fs::metadata("/proc/self")
        .context("cannot tell who runs this")?
        .uid()
        == 0)
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
