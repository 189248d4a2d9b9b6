//! How long the README's first command takes: again, and from nothing.

use std::time::Instant;

use anyhow::Result;

use super::{Benchmark, Better, Figure, Goal, Measured, Side, product};
use crate::process::{Cmd, cargo};
use crate::workspace::Workspace;

pub(super) fn again(workspace: &Workspace) -> Result<Benchmark<'_>> {
    let ours = move || timed(demo(workspace));
    Ok(Benchmark {
        input: "everything downloaded, built and trained before".to_owned(),
        sides: vec![Side {
            program: "cargo xtask demo".to_owned(),
            repeat: Box::new(ours),
        }],
        figures: vec![figure(
            "until the dashboard is ready, again",
            60.0,
            20.0,
            "–",
        )],
        warm_up: 1,
        repetitions: 5,
    })
}

pub(super) fn from_nothing(workspace: &Workspace) -> Result<Benchmark<'_>> {
    let ours = move || {
        // A clone of what is committed, since links and npm packages lie in the tree.
        let scratch = product::scratch(workspace, "demo-from-nothing")?;
        let clone = scratch.join("clone");
        crate::process::cmd("git")
            .args(["clone", "--quiet"])
            .arg(&workspace.root)
            .arg(&clone)
            .run()?;
        let command = demo(workspace)
            .dir(&clone)
            .env("ARBORIST_CACHE", scratch.join("cache"))
            .env_remove("CARGO_TARGET_DIR");
        let measured = timed(command)?;
        product::remove(&scratch)?;
        Ok(measured)
    };
    Ok(Benchmark {
        input: "a fresh clone, empty cache and target folders; cargo's own downloads are kept"
            .to_owned(),
        sides: vec![Side {
            program: "cargo xtask demo".to_owned(),
            repeat: Box::new(ours),
        }],
        figures: vec![figure(
            "until the dashboard is ready, from nothing",
            1200.0,
            720.0,
            "download + compile",
        )],
        warm_up: 0,
        repetitions: 1,
    })
}

fn demo(workspace: &Workspace) -> Cmd {
    cargo()
        .args(["xtask", "demo", "--once"])
        .dir(&workspace.root)
}

fn timed(command: Cmd) -> Result<Measured> {
    let started = Instant::now();
    command.run()?;
    Ok(Measured::from([(
        "seconds",
        started.elapsed().as_secs_f64(),
    )]))
}

fn figure(what: &'static str, required: f64, aim: f64, floor: &'static str) -> Figure {
    Figure {
        key: "seconds",
        what,
        unit: "s",
        better: Better::Lower,
        required: Some(Goal::Absolute(required)),
        aim: Some(Goal::Absolute(aim)),
        floor,
    }
}
