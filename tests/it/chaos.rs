//! Chaos: servers and workers are killed at random points under load, again and again. Then every accepted job has come to
//! one end, every run has one result, and nothing is left behind: no process, no half-written file, no broken database.
//!
//! `ARBORIST_CHAOS_KILLS` and `ARBORIST_CHAOS_SECONDS` make it longer; `cargo xtask chaos` sets them. `ARBORIST_CHAOS_SEED`
//! repeats one course, as far as processes and disks let it be repeated.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use arborist_tests::{Client, Server, wait_for};
use serde_json::{Value, json};

use crate::crash::{approve_toy, children, kill_process};
use crate::path::uploaded;
use crate::resume::check_database;

/// Blows of the ordinary test, on each database.
const KILLS: u64 = 50;
/// Trainings that are kept waiting or at work.
const LOAD: usize = 6;
/// How long what was accepted may take to end once nobody is killed any more.
const PATIENCE: u64 = 300;

/// A small generator of its own: what is drawn must not change with a library.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[tokio::test]
async fn whatever_is_killed_nothing_is_lost() -> anyhow::Result<()> {
    let kills = number("ARBORIST_CHAOS_KILLS").unwrap_or(KILLS);
    let seconds = number("ARBORIST_CHAOS_SECONDS").unwrap_or(0);
    let seed = number("ARBORIST_CHAOS_SEED").unwrap_or(1);
    let directory = tempfile::tempdir()?;
    approve_toy(directory.path()).await?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    let ids = uploaded(&client, 60).await?;
    let mut chaos = Chaos {
        data_dir: directory.path().canonicalize()?,
        ids,
        dice: Dice(seed),
        accepted: Vec::new(),
        cancelled: Vec::new(),
        killed_servers: 0,
        killed_workers: 0,
    };
    let (server, client) = chaos.rage(server, client, kills, seconds).await?;
    eprintln!(
        "chaos: killed {} servers and {} workers, accepted {} jobs (seed {seed})",
        chaos.killed_servers,
        chaos.killed_workers,
        chaos.accepted.len()
    );
    chaos.check(&client).await?;
    server.kill().await?;
    chaos.check_what_is_left().await
}

struct Chaos {
    data_dir: PathBuf,
    ids: (i64, i64, i64),
    dice: Dice,
    /// Jobs and runs that the server has said yes to.
    accepted: Vec<(i64, i64)>,
    /// Jobs that it has said would be stopped.
    cancelled: Vec<i64>,
    killed_servers: u64,
    killed_workers: u64,
}

impl Chaos {
    /// Kills until it is enough by number and by time.
    async fn rage(
        &mut self,
        mut server: Server,
        mut client: Client,
        kills: u64,
        seconds: u64,
    ) -> anyhow::Result<(Server, Client)> {
        let begun = Instant::now();
        while self.killed_servers + self.killed_workers < kills
            || begun.elapsed() < Duration::from_secs(seconds)
        {
            self.keep_busy(&client).await?;
            tokio::time::sleep(Duration::from_millis(self.dice.roll(400))).await;
            match self.dice.roll(10) {
                // Now and then somebody changes their mind.
                0 => self.cancel_one(&client).await?,
                1..=5 => {
                    let children = children(&self.data_dir);
                    if !children.is_empty() {
                        let pid = children[self.dice.roll(children.len() as u64) as usize];
                        // It may have ended by itself a moment ago.
                        if kill_process(pid).is_ok() {
                            self.killed_workers += 1;
                        }
                    }
                }
                _ => {
                    server.kill().await?;
                    self.killed_servers += 1;
                    if self.dice.roll(3) == 0 {
                        // The orphans as well, as when the machine goes.
                        for pid in children(&self.data_dir) {
                            self.killed_workers += u64::from(kill_process(pid).is_ok());
                        }
                    }
                    server = Server::start(&self.data_dir).await?;
                    client = server.sign_in().await?;
                }
            }
        }
        Ok((server, client))
    }

    /// Queues trainings until enough wait or are at work.
    async fn keep_busy(&mut self, client: &Client) -> anyhow::Result<()> {
        let (project, taxonomy, corpus) = self.ids;
        let queue = client
            .get(&format!("/api/v1/queue?project={project}"))
            .await?;
        let count = |key: &str| queue[key].as_array().map_or(0, Vec::len);
        for _ in count("running") + count("waiting")..LOAD {
            let epochs = 2 + self.dice.roll(20);
            let request = json!({"method": "toy", "corpus": corpus, "taxonomy": taxonomy, "seed": 1,
                "hyperparameters": {"epochs": epochs, "step_ms": self.dice.roll(40)}});
            let path = format!("/api/v1/projects/{project}/runs");
            let accepted = client.post(&path, &request).await?;
            let id = |key: &str| accepted[key].as_i64().context("an id");
            self.accepted.push((id("job")?, id("run")?));
        }
        Ok(())
    }

    async fn cancel_one(&mut self, client: &Client) -> anyhow::Result<()> {
        let newest = self.accepted.len().saturating_sub(LOAD);
        let open = &self.accepted[newest..];
        let (job, _) = open[self.dice.roll(open.len() as u64) as usize];
        client.delete(&format!("/api/v1/jobs/{job}")).await?;
        self.cancelled.push(job);
        Ok(())
    }

    /// Every accepted job comes to one end, and every run has what its end says.
    async fn check(&self, client: &Client) -> anyhow::Result<()> {
        wait_for("all jobs to end", PATIENCE, async || {
            let queue = client.get("/api/v1/queue").await?;
            let open = ["running", "waiting"];
            Ok(open
                .iter()
                .all(|key| queue[*key].as_array().is_some_and(Vec::is_empty))
                .then_some(()))
        })
        .await?;
        let mut figures: Option<Value> = None;
        let mut ends: BTreeMap<String, u64> = BTreeMap::new();
        for &(job, run) in &self.accepted {
            let place = client.get(&format!("/api/v1/jobs/{job}/place")).await?;
            let status = place["status"].as_str().unwrap_or_default().to_owned();
            *ends.entry(status.clone()).or_default() += 1;
            let shown = client.get(&format!("/api/v1/runs/{run}")).await?["run"].clone();
            ensure!(
                shown["job"] == job && shown["status"] == status.as_str(),
                "{place} {shown}"
            );
            let metrics = format!("/api/v1/runs/{run}/metrics?split=test");
            match status.as_str() {
                "succeeded" => {
                    ensure!(
                        place["result"] == json!({"type": "run", "id": run}),
                        "{place}"
                    );
                    let found = client.get(&metrics).await?;
                    // The toy learns the same however often it is killed.
                    let expected = figures.get_or_insert_with(|| found.clone());
                    ensure!(found == *expected, "run {run} has other figures");
                    self.check_epochs(client, run, &shown).await?;
                }
                "cancelled" => ensure!(self.cancelled.contains(&job), "nobody cancelled {place}"),
                // Only one that was killed again and again without getting anywhere may give up.
                "failed" => {
                    let attempts = place["attempts"].as_array().map_or(0, Vec::len);
                    ensure!(place["cause"] == "lost_worker" && attempts >= 4, "{place}");
                }
                other => bail!("job {job} is {other}: {place}"),
            }
        }
        ensure!(ends.get("succeeded").is_some_and(|n| *n > 0), "{ends:?}");
        eprintln!("chaos: ends {ends:?}");
        let project = self.ids.0;
        let mut runs = 0;
        let mut cursor = String::new();
        loop {
            let path = format!("/api/v1/projects/{project}/runs?limit=1000&cursor={cursor}");
            let page = client.get(&path).await?;
            runs += page["runs"].as_array().map_or(0, Vec::len);
            match page["next"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        // A request whose answer was lost may have been accepted all the same; none was here, since nothing was asked
        // while a server was killed.
        ensure!(
            runs == self.accepted.len(),
            "{runs} runs of {}",
            self.accepted.len()
        );
        Ok(())
    }

    /// No metric is lost: every epoch has its row.
    async fn check_epochs(&self, client: &Client, run: i64, shown: &Value) -> anyhow::Result<()> {
        let listed = client.get(&format!("/api/v1/runs/{run}/epochs")).await?;
        let numbers: Vec<u64> = listed["epochs"]
            .as_array()
            .context("epochs")?
            .iter()
            .filter_map(|epoch| epoch["epoch"].as_u64())
            .collect();
        let asked = shown["hyperparameters"]["epochs"]
            .as_u64()
            .context("epochs")?;
        ensure!(
            numbers == (1..=asked).collect::<Vec<_>>(),
            "run {run}: {numbers:?}"
        );
        Ok(())
    }

    /// What a server that was killed for the last time has left.
    async fn check_what_is_left(&self) -> anyhow::Result<()> {
        wait_for("the last processes to end", 90, async || {
            Ok(children(&self.data_dir).is_empty().then_some(()))
        })
        .await?;
        check_database(&self.data_dir)?;
        let names = |folder: &Path| -> anyhow::Result<Vec<String>> {
            let entries = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
            Ok(entries
                .into_iter()
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect())
        };
        ensure!(
            names(&self.data_dir.join("uploads"))?.is_empty(),
            "an upload is left"
        );
        let runs: Vec<String> = self
            .accepted
            .iter()
            .map(|(_, run)| run.to_string())
            .collect();
        for run in names(&self.data_dir.join("runs"))? {
            ensure!(
                runs.contains(&run),
                "nobody knows of the directory of run {run}"
            );
            let directory = self.data_dir.join("runs").join(&run);
            let files = names(&directory)?;
            for file in files.iter().filter(|file| file.ends_with(".json")) {
                let text = std::fs::read_to_string(directory.join(file))?;
                serde_json::from_str::<Value>(&text)
                    .with_context(|| format!("{file} of run {run} is half-written"))?;
            }
            // What was being written when it was killed is written again by who goes on; only runs that ended otherwise
            // may keep it.
            let half: Vec<&String> = files
                .iter()
                .filter(|file| file.ends_with(".partial"))
                .collect();
            let is_whole = files.iter().any(|file| file == "metrics.json");
            ensure!(!is_whole || half.is_empty(), "run {run} has {half:?}");
        }
        Ok(())
    }
}
