//! `cargo xtask demo`: from a fresh clone to a running server with a sample project and two trained methods.
//!
//! Whatever an earlier demo left is used again: nothing is downloaded, built or trained twice.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::build;
use crate::http::Client;
use crate::server::Server;
use crate::setup::{self, Extras};
use crate::workspace::{Profile, Workspace};

/// What the demo trains: method and preset.
const METHODS: [(&str, &str); 2] = [("linear", "balanced"), ("hiagm", "fast")];

/// Where it runs and how long.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) bind: Option<String>,
    pub(crate) data_dir: Option<PathBuf>,
    /// End when everything is ready, instead of serving: to measure.
    pub(crate) once: bool,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let started = Instant::now();
    setup::run(workspace, Extras::default())?;
    build::run(workspace, Profile::Release)?;
    let data = options
        .data_dir
        .clone()
        .unwrap_or_else(|| workspace.local().join("demo"));
    let mut server = Server::start(workspace, &data, options.bind.as_deref())?;
    println!("\nArborist is at {}\n", server.url());
    let mut client = server.client()?;
    let sample = sample_project(&mut client)?;
    train(&mut client, &sample)?;
    println!(
        "\nReady after {:.0} s: {}",
        started.elapsed().as_secs_f64(),
        server.url()
    );
    match server.said().iter().find_map(|line| link(line)) {
        Some(link) => println!("Set the administrator's password, once, at {link}"),
        None => println!("Sign in with the administrator's password that you chose."),
    }
    if options.once {
        return server.stop();
    }
    println!(
        "Control-C ends the server; its data is in {}",
        data.display()
    );
    server.wait()
}

/// The sample project, as far as training needs it.
struct Sample {
    project: i64,
    corpus: i64,
    taxonomy: i64,
}

/// Finds the sample project or has the server make it. This is the one place that knows how.
fn sample_project(client: &mut Client) -> Result<Sample> {
    let made = client.post("/api/v1/sample-project", &json!({}))?;
    if let Some(job) = made["job"].as_i64() {
        wait_for(client, job, "sample project")?;
    }
    let project = made["project"]["id"]
        .as_i64()
        .context("the server named no sample project")?;
    let corpora = client.get(&format!("/api/v1/projects/{project}/corpora"))?;
    let newest = &corpora["corpora"][0];
    Ok(Sample {
        project,
        corpus: newest["id"]
            .as_i64()
            .context("the sample project has no corpus")?,
        taxonomy: newest["taxonomy"]
            .as_i64()
            .context("the sample corpus has no taxonomy")?,
    })
}

/// Trains each method that has no finished run on the sample yet.
fn train(client: &mut Client, sample: &Sample) -> Result<()> {
    let path = format!("/api/v1/projects/{}/runs", sample.project);
    let runs = client.get(&path)?;
    let runs: Vec<&Value> = runs["runs"].as_array().into_iter().flatten().collect();
    let mut jobs = Vec::new();
    for (method, preset) in METHODS {
        let of_method = |status: &[&str]| {
            runs.iter().find(|run| {
                run["method"] == method
                    && run["corpus"] == sample.corpus
                    && run["status"]
                        .as_str()
                        .is_some_and(|found| status.contains(&found))
            })
        };
        if of_method(&["succeeded"]).is_some() {
            println!("{method} is trained already");
        } else if let Some(run) = of_method(&["running", "queued"]) {
            // An earlier demo was ended in the middle; the server goes on where it was.
            jobs.push((method, run["job"].as_i64().context("a run without a job")?));
        } else {
            let request = json!({
                "method": method, "preset": preset, "corpus": sample.corpus, "taxonomy": sample.taxonomy,
            });
            let answer = client.post(&path, &request)?;
            jobs.push((
                method,
                answer["job"].as_i64().context("the server named no job")?,
            ));
        }
    }
    for (method, job) in jobs {
        let began = Instant::now();
        wait_for(client, job, method)?;
        println!(
            "{method} is trained ({:.0} s)",
            began.elapsed().as_secs_f64()
        );
    }
    Ok(())
}

/// Waits for a job and shows its innermost step; answers how many states half-way it was seen in.
pub(crate) fn wait_for(client: &mut Client, job: i64, what: &str) -> Result<usize> {
    let mut half_way = BTreeSet::new();
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("  {prefix:16} {wide_bar} {msg} {pos}/{len}") {
        bar.set_style(style);
    }
    bar.set_prefix(what.to_owned());
    loop {
        let state = client.get(&format!("/api/v1/jobs/{job}"))?;
        match state["status"].as_str() {
            Some("succeeded") => break,
            Some("queued" | "running") => {}
            other => {
                bar.finish_and_clear();
                let status = other.unwrap_or("unknown");
                bail!(
                    "{what}: its job {status}: {}",
                    state["error"].as_str().unwrap_or("no reason was given")
                );
            }
        }
        let steps = state["progress"].as_array();
        for step in steps.into_iter().flatten() {
            let current = step["current"].as_u64().unwrap_or(0);
            if 0 < current && Some(current) < step["total"].as_u64() {
                half_way.insert((step["name"].to_string(), current));
            }
        }
        if let Some(step) = steps.and_then(|steps| steps.last()) {
            bar.set_length(step["total"].as_u64().unwrap_or(0));
            bar.set_position(step["current"].as_u64().unwrap_or(0));
            bar.set_message(step["name"].as_str().unwrap_or_default().to_owned());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    bar.finish_and_clear();
    Ok(half_way.len())
}

/// The one-time link in a line of the server's output.
fn link(line: &str) -> Option<&str> {
    line.split_whitespace()
        .find(|word| word.starts_with("http") && word.contains("first-start"))
}

#[cfg(test)]
mod tests {
    use super::link;

    #[test]
    fn the_link_is_found_in_a_sentence() {
        let line = "Set the administrator's password: http://127.0.0.1:8080/first-start?token=abc";
        assert_eq!(
            link(line),
            Some("http://127.0.0.1:8080/first-start?token=abc")
        );
        assert_eq!(link("listening on http://127.0.0.1:8080"), None);
    }
}
