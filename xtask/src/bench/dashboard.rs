//! The dashboard's first view, in Chromium with an empty cache: bytes over the wire, and time until there is something to read.
//!
//! Chromium is driven through chromedriver's own protocol, which is JSON over HTTP.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{Benchmark, Better, Figure, Goal, Measured, Side, product};
use crate::http::Client;
use crate::process::cmd;
use crate::server::Server;
use crate::setup;
use crate::workspace::Workspace;

/// Adds up what came over the wire, and says when the first view was painted and complete.
const LOOK: &str = "
    const boot = document.getElementById('boot');
    const paint = performance.getEntriesByName('first-contentful-paint')[0];
    const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
    return {
        ready: !boot && document.querySelector('h1, form, main') !== null,
        now: performance.now(),
        paint: paint ? paint.startTime : null,
        bytes: all.reduce((sum, entry) => sum + (entry.transferSize || 0), 0),
    };";

pub(super) fn first_view(workspace: &Workspace) -> Result<Benchmark<'_>> {
    setup::run(
        workspace,
        setup::Extras {
            tests: true,
            ..setup::Extras::default()
        },
    )?;
    crate::build::run(workspace, crate::workspace::Profile::Release)?;
    let scratch = product::scratch(workspace, "dashboard")?;
    let server = Server::start(workspace, &scratch.join("data"), None)?;
    let ours = move || {
        let mut browser = Browser::start(scratch.join("profile"))?;
        let measured = look(&mut browser, &server.url());
        browser.stop()?;
        measured
    };
    let figure = |key, what, unit, required, aim| Figure {
        key,
        what,
        unit,
        better: Better::Lower,
        required: Some(Goal::Absolute(required)),
        aim: Some(Goal::Absolute(aim)),
        floor: "–",
    };
    Ok(Benchmark {
        input:
            "the page that an unknown visitor gets, over loopback, a new browser profile each time"
                .to_owned(),
        sides: vec![Side {
            program: product::version(workspace)?,
            repeat: Box::new(ours),
        }],
        figures: vec![
            figure("megabytes", "download, compressed", "MB", 2.0, 1.0),
            figure("seconds", "first view", "s", 2.0, 1.0),
            Figure {
                required: None,
                aim: None,
                ..figure("paint_seconds", "first paint", "s", 0.0, 0.0)
            },
        ],
        warm_up: 1,
        repetitions: 5,
    })
}

fn look(browser: &mut Browser, url: &str) -> Result<Measured> {
    browser.command("url", &json!({"url": url}))?;
    let started = Instant::now();
    loop {
        let seen = browser.command("execute/sync", &json!({"script": LOOK, "args": []}))?;
        if seen["ready"] == true {
            let number = |key: &str| seen[key].as_f64();
            return Ok(Measured::from([
                ("seconds", number("now").context("no time")? / 1e3),
                ("paint_seconds", number("paint").unwrap_or(0.0) / 1e3),
                ("megabytes", number("bytes").context("no size")? / 1e6),
            ]));
        }
        if started.elapsed() > Duration::from_secs(30) {
            bail!("the dashboard showed nothing within 30 s: {seen}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A Chromium of its own, with an empty profile.
struct Browser {
    driver: Child,
    client: Client,
    session: String,
    profile: PathBuf,
}

impl Browser {
    fn start(profile: PathBuf) -> Result<Browser> {
        let programs = setup::find_browser().context("Chromium is not set up")?;
        product::remove(&profile)?;
        fs::create_dir_all(&profile)?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        let driver = cmd(&programs.driver)
            .arg(format!("--port={port}"))
            .quiet()
            .into_command()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("chromedriver could not be started")?;
        let mut browser = Browser {
            driver,
            client: Client::new(format!("127.0.0.1:{port}"), None),
            session: String::new(),
            profile,
        };
        let profile = format!("--user-data-dir={}", browser.profile.display());
        let wanted = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": {
            "binary": programs.chromium,
            "args": ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                     "--disable-background-networking", "--disable-component-update", "--disable-sync", profile],
        }}}});
        let started = Instant::now();
        let answer = loop {
            match browser.client.post("/session", &wanted) {
                Ok(answer) => break answer,
                Err(error) if started.elapsed() > Duration::from_secs(20) => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        };
        browser.session = answer["value"]["sessionId"]
            .as_str()
            .context("chromedriver named no session")?
            .to_owned();
        Ok(browser)
    }

    fn command(&mut self, name: &str, body: &Value) -> Result<Value> {
        let path = format!("/session/{}/{name}", self.session);
        Ok(self.client.post(&path, body)?["value"].take())
    }

    fn stop(mut self) -> Result<()> {
        let path = format!("/session/{}", self.session);
        self.client.send("DELETE", &path, None)?;
        Ok(())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends its browser with itself; there is nobody left to tell about a failure.
        let _ = self.driver.kill();
        let _ = self.driver.wait();
        let _ = fs::remove_dir_all(&self.profile);
    }
}
