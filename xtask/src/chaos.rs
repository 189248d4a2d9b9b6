//! `cargo xtask chaos`: the chaos story for as long as one likes, half of the time on each database.

use anyhow::{Result, bail, ensure};

use crate::packages::END_TO_END;
use crate::postgres::Postgres;
use crate::process::{Cmd, cargo};
use crate::workspace::{Profile, Workspace};
use crate::{build, setup};

/// Blows of an hour, at least.
const BLOWS: f64 = 1_000.0;

pub(crate) struct Options {
    pub(crate) hours: f64,
    pub(crate) seed: u64,
    pub(crate) debug: bool,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    ensure!(
        options.hours > 0.0 && options.hours <= 1_000.0,
        "found {} hours, expected more than 0 and at most 1,000",
        options.hours
    );
    let extras = setup::Extras {
        tests: true,
        ..setup::Extras::default()
    };
    setup::run(workspace, extras)?;
    let profile = if options.debug {
        Profile::Debug
    } else {
        Profile::Release
    };
    build::run(workspace, profile)?;
    let Some(postgres) = Postgres::start(workspace, false)? else {
        bail!("PostgreSQL is not installed; run `cargo xtask setup --tests`")
    };
    let story = |seed: u64| -> Cmd {
        let product = workspace.product(profile);
        cargo()
            .args(["test", "-p", END_TO_END, "chaos::", "--", "--nocapture"])
            .dir(&workspace.root)
            .env("ARBORIST_BIN", product.join("arborist"))
            .env("ARBORIST_PLUGINS", product.join("plugins"))
            .env(
                "ARBORIST_CHAOS_KILLS",
                ((options.hours * BLOWS / 2.0).ceil() as u64).to_string(),
            )
            .env(
                "ARBORIST_CHAOS_SECONDS",
                ((options.hours * 1_800.0) as u64).to_string(),
            )
            .env("ARBORIST_CHAOS_SEED", seed.to_string())
    };
    eprintln!("\n== SQLite");
    story(options.seed).run()?;
    eprintln!("\n== PostgreSQL");
    story(options.seed + 1)
        .env("ARBORIST_TEST_POSTGRES", postgres.url())
        .env("ARBORIST_TEST_POSTGRES_PROGRAMS", postgres.programs())
        .run()
}
