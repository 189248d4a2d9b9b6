//! Runs on a real Ray cluster: a head and two nodes on loopback, each with a processor to give away.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use arborist_tests::{Client, Server, plugins, wait_for};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::crash::{half_way, kill_process};
use crate::path::uploaded;

/// Marks the processes of a node in their environment.
const MARK: &str = "ARBORIST_RAY_NODE";

/// The program `ray`, put there by the test command.
fn program() -> anyhow::Result<PathBuf> {
    std::env::var_os("ARBORIST_RAY")
        .map(PathBuf::from)
        .context("ARBORIST_RAY names no program; run `cargo xtask test stories`")
}

/// A cluster that ends with its test.
struct Cluster {
    folder: tempfile::TempDir,
    /// By the name in their mark.
    nodes: BTreeMap<String, Child>,
    dashboard: String,
}

impl Cluster {
    async fn start() -> anyhow::Result<Self> {
        // Sockets have short paths.
        let folder = tempfile::Builder::new().prefix("ray").tempdir_in("/tmp")?;
        let [port, dashboard, client] = free_ports()?;
        let mut cluster = Self {
            folder,
            nodes: BTreeMap::new(),
            dashboard: format!("http://127.0.0.1:{dashboard}"),
        };
        let temporary = cluster.folder.path().display().to_string();
        let head = [
            "--head".to_owned(),
            format!("--port={port}"),
            format!("--dashboard-port={dashboard}"),
            format!("--ray-client-server-port={client}"),
            format!("--temp-dir={temporary}"),
            "--dashboard-host=127.0.0.1".to_owned(),
            // Jobs go to the others.
            "--num-cpus=0".to_owned(),
        ];
        cluster.add("head", &head)?;
        let answers = async || {
            let asked = reqwest::get(format!("{}/api/jobs/", cluster.dashboard)).await;
            Ok(asked.is_ok_and(|it| it.status().is_success()).then_some(()))
        };
        wait_for("Ray's dashboard", 120, answers).await?;
        for node in ["one", "two"] {
            let arguments = [
                format!("--address=127.0.0.1:{port}"),
                "--num-cpus=1".to_owned(),
            ];
            cluster.add(node, &arguments)?;
        }
        Ok(cluster)
    }

    fn add(&mut self, node: &str, arguments: &[String]) -> anyhow::Result<()> {
        let [agent, grpc, runtime, metrics] = free_ports()?;
        let log = std::fs::File::create(self.folder.path().join(format!("{node}.log")))?;
        let child = Command::new(program()?)
            .arg("start")
            .args(arguments)
            .args(["--node-ip-address=127.0.0.1", "--block"])
            .args(["--disable-usage-stats", "--object-store-memory=100000000"])
            .arg(format!("--dashboard-agent-listen-port={agent}"))
            .arg(format!("--dashboard-agent-grpc-port={grpc}"))
            .arg(format!("--runtime-env-agent-port={runtime}"))
            .arg(format!("--metrics-export-port={metrics}"))
            .env(MARK, node)
            // Nodes have an installation of their own; here it is the same one.
            .env("ARBORIST_PLUGINS", plugins())
            .env(
                "ARBORIST_AGENT_DIR",
                self.folder.path().join("agents").join(node),
            )
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("ray start")?;
        self.nodes.insert(node.to_owned(), child);
        Ok(())
    }

    /// Kills a node as a power cut does: all of its processes.
    fn cut(&self, node: &str) -> anyhow::Result<()> {
        let mark = format!("{MARK}={node}");
        loop {
            let alive = marked(&mark);
            if alive.is_empty() {
                return Ok(());
            }
            for pid in alive {
                // It may have ended with those before it.
                let _ = kill_process(pid);
            }
        }
    }

    /// The node on which an agent is at work.
    fn at_work(&self) -> Option<String> {
        let nodes = self.nodes.keys();
        let mut with_agent = nodes.filter(|node| {
            marked(&format!("{MARK}={node}")).into_iter().any(|pid| {
                let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                String::from_utf8_lossy(&line).ends_with("\0agent\0")
            })
        });
        with_agent.next().cloned()
    }

    fn logs(&self) -> String {
        let read = |node: &String| {
            let log = std::fs::read_to_string(self.folder.path().join(format!("{node}.log")));
            format!("{node}: {}", log.unwrap_or_default())
        };
        self.nodes.keys().map(read).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for node in self.nodes.keys() {
            let _ = self.cut(node);
        }
    }
}

fn free_ports<const N: usize>() -> anyhow::Result<[u16; N]> {
    let listeners: Vec<TcpListener> = (0..N)
        .map(|_| TcpListener::bind("127.0.0.1:0"))
        .collect::<Result<_, _>>()?;
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}

/// Process ids of those with this in their environment.
fn marked(mark: &str) -> Vec<u32> {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment
                .split(|&byte| byte == 0)
                .any(|variable| variable == mark.as_bytes())
        })
        .collect()
}

async fn start(client: &Client, ids: (i64, i64, i64), device: &str) -> anyhow::Result<Value> {
    let request = json!({"method": "hiagm", "preset": "fast", "hyperparameters": {"epochs": 12, "learning_rate": 1e-3, "patience": 12},
        "corpus": ids.2, "taxonomy": ids.1, "seed": 7, "device": device});
    let path = format!("/api/v1/projects/{}/runs", ids.0);
    client.post(&path, &request).await
}

fn scores(data_dir: &Path, run: i64) -> anyhow::Result<Vec<u8>> {
    let path = data_dir.join(format!("runs/{run}/scores/test.bin"));
    std::fs::read(&path).with_context(|| path.display().to_string())
}

#[tokio::test]
async fn a_run_survives_the_end_of_its_node() -> anyhow::Result<()> {
    let cluster = Cluster::start().await?;
    let directory = tempfile::tempdir()?;
    let arguments = ["--ray", &cluster.dashboard, "--training-slots", "2"];
    let server = Server::start_with(directory.path(), &arguments).await?;
    let client = server.first_start().await?;
    let ids = uploaded(&client, 400).await?;

    let accepted = start(&client, ids, "ray").await?;
    let run = accepted["run"].as_i64().context("a run")?;
    half_way(&client, run)
        .await
        .with_context(|| cluster.logs())?;
    let node = cluster.at_work().context("a node with an agent")?;
    ensure!(node != "head", "the head has no processor to give away");
    cluster.cut(&node)?;

    ensure!(client.made(&accepted, 300).await? == run);
    let place = client
        .get(&format!("/api/v1/jobs/{}/place", accepted["job"]))
        .await?;
    let attempts = place["attempts"].as_array().context("attempts")?;
    ensure!(
        attempts
            .iter()
            .any(|attempt| attempt["cause"] == "lost_worker"),
        "{place}"
    );
    ensure!(place["place"] == "ray", "{place}");

    // The same as on this machine, to the last bit.
    let here = start(&client, ids, "cpu").await?;
    let here = client.made(&here, 300).await?;
    ensure!(scores(directory.path(), run)? == scores(directory.path(), here)?);
    Ok(())
}
