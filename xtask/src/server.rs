//! A running `arborist serve`, for the demo and for benchmarks: started, waited for, stopped.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::http::Client;
use crate::process::cmd;
use crate::workspace::Workspace;

const READY_WITHIN: Duration = Duration::from_secs(60);
const STOPPED_WITHIN: Duration = Duration::from_secs(30);

/// The server as a child process. It is stopped when this value is dropped.
pub(crate) struct Server {
    child: Child,
    program: PathBuf,
    data: PathBuf,
    address: String,
    log: PathBuf,
    /// What it says on standard output.
    said: Receiver<String>,
}

impl Server {
    /// Starts the release build on `data` and waits until it answers.
    pub(crate) fn start(workspace: &Workspace, data: &Path, bind: Option<&str>) -> Result<Server> {
        let program = workspace.measured().join("arborist");
        let address = match bind {
            Some(address) => address.to_owned(),
            None => free_address()?,
        };
        fs::create_dir_all(data).with_context(|| format!("cannot make {}", data.display()))?;
        let log = data.join("server.log");
        let errors =
            File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = cmd(&program)
            .arg("serve")
            .arg("--data-dir")
            .arg(data)
            .args(["--bind", &address])
            .into_command();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .with_context(|| format!("{} could not be started", program.display()))?;
        let (sender, said) = channel();
        if let Some(stdout) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    // Nobody listens any more once the server value is gone.
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        let mut server = Server {
            child,
            program,
            data: data.to_owned(),
            address,
            log,
            said,
        };
        server.wait_until_ready()?;
        Ok(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A client that may do everything. The key is made once per data folder and kept beside the data.
    pub(crate) fn client(&self) -> Result<Client> {
        let kept = self.data.join("xtask-key");
        if let Ok(key) = fs::read_to_string(&kept) {
            let mut client = Client::new(self.address.clone(), Some(key));
            if client.send("GET", "/api/v1/projects", None)?.status == 200 {
                return Ok(client);
            }
        }
        let text = cmd(&self.program)
            .args([
                "keys",
                "create",
                "--name",
                "cargo xtask",
                "--role",
                "admin",
                "--json",
                "--data-dir",
            ])
            .arg(&self.data)
            .read()?;
        let last = text.lines().last().unwrap_or_default();
        let answer: Value =
            serde_json::from_str(last).with_context(|| format!("`{last}` is not JSON"))?;
        let key = answer["key"]
            .as_str()
            .context("`arborist keys create` printed no key")?;
        write_private(&kept, key)?;
        Ok(Client::new(self.address.clone(), Some(key.to_owned())))
    }

    /// Everything said on standard output so far that was not taken yet.
    pub(crate) fn said(&self) -> Vec<String> {
        self.said.try_iter().collect()
    }

    /// Waits until the server ends by itself.
    pub(crate) fn wait(&mut self) -> Result<()> {
        let status = self.child.wait()?;
        anyhow::ensure!(
            status.success(),
            "the server ended ({status}); its log is {}",
            self.log.display()
        );
        Ok(())
    }

    /// Asks the server to end, and insists when it does not.
    pub(crate) fn stop(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        cmd("kill")
            .args(["-TERM", &self.pid().to_string()])
            .quiet()
            .run()?;
        let asked = Instant::now();
        while self.child.try_wait()?.is_none() {
            if asked.elapsed() > STOPPED_WITHIN {
                self.child.kill()?;
                self.child.wait()?;
                bail!(
                    "the server did not end within {} s and was killed",
                    STOPPED_WITHIN.as_secs()
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let started = Instant::now();
        let mut client = Client::new(self.address.clone(), None);
        loop {
            if client
                .send("GET", "/readyz", None)
                .is_ok_and(|answer| answer.status == 200)
            {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                let last: Vec<&str> = log.lines().rev().take(5).collect();
                let last: Vec<&str> = last.into_iter().rev().collect();
                bail!("the server ended at once ({status}):\n{}", last.join("\n"));
            }
            if started.elapsed() > READY_WITHIN {
                bail!(
                    "the server was not ready within {} s; its log is {}",
                    READY_WITHIN.as_secs(),
                    self.log.display()
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("{error:#}");
        }
    }
}

/// The address that the documentation names, or the next port that is free.
fn free_address() -> Result<String> {
    for port in 8080..8180 {
        let address = format!("127.0.0.1:{port}");
        if TcpListener::bind(&address).is_ok() {
            return Ok(address);
        }
    }
    bail!("no port from 8080 to 8179 is free on 127.0.0.1; give one with --bind")
}

fn write_private(path: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = fs::OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(text.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))
}
