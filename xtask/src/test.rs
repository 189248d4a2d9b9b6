//! `cargo xtask test`: sets up what the tests need, builds the product and runs every test.
//!
//! The parts run one after the other, so that nothing measures or times out beside a
//! compiler. A part that fails does not keep the later ones from running; the closing
//! lines of all runners stand together at the end.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::build;
use crate::packages::{BUNDLE, END_TO_END, FRONTEND, Packages, SERVER, SHARED, select};
use crate::postgres::Postgres;
use crate::process::{Cmd, cargo, cmd};
use crate::setup::{self, Extras};
use crate::workspace::{Profile, Workspace};

/// The parts by name, in the order they run.
const PARTS: [(&str, Part); 8] = [
    ("fmt", format),
    ("lint", lint),
    ("units", units),
    ("plugins", plugins),
    ("frontend", frontend),
    ("build", product),
    ("peers", peers),
    ("stories", stories),
];

type Part = fn(&Tests<'_>) -> Result<Outcome>;

/// How a part ended, with what its runners closed on.
struct Outcome {
    passed: bool,
    closing: Vec<String>,
}

/// What the parts share.
pub(crate) struct Tests<'a> {
    workspace: &'a Workspace,
    packages: Packages,
}

/// Runs all parts, or those that are named.
pub(crate) fn run(workspace: &Workspace, only: &[String]) -> Result<()> {
    if let Some(unknown) = only
        .iter()
        .find(|name| !PARTS.iter().any(|(part, _)| part == name))
    {
        let known: Vec<&str> = PARTS.iter().map(|(name, _)| *name).collect();
        bail!(
            "there is no part `{unknown}`; the parts are {}",
            known.join(", ")
        );
    }
    setup::run(
        workspace,
        Extras {
            tests: true,
            ..Extras::default()
        },
    )?;
    let tests = Tests {
        workspace,
        packages: Packages::read(workspace)?,
    };
    let chosen = |name: &str| only.is_empty() || only.iter().any(|wanted| wanted == name);
    let parts: Vec<(&str, Part)> = PARTS.into_iter().filter(|(name, _)| chosen(name)).collect();
    tests.run(&parts)
}

/// The parts that need no libtorch, no browser and no release build.
pub(crate) fn run_fast(workspace: &Workspace) -> Result<()> {
    let tests = Tests {
        workspace,
        packages: Packages::read(workspace)?,
    };
    tests.run(&[("fmt", format), ("lint", lint_plain), ("units", units)])
}

impl Tests<'_> {
    fn run(&self, parts: &[(&str, Part)]) -> Result<()> {
        let started = Instant::now();
        let mut report = Vec::new();
        let mut failed = Vec::new();
        for (name, part) in parts {
            eprintln!("\n== {name}");
            let began = Instant::now();
            let outcome = part(self).unwrap_or_else(|error| {
                eprintln!("error: {error:#}");
                Outcome {
                    passed: false,
                    closing: Vec::new(),
                }
            });
            let verdict = if outcome.passed { "ok" } else { "FAILED" };
            report.push(format!(
                "{name:>9}  {verdict:6}  {}",
                minutes(began.elapsed())
            ));
            report.extend(
                outcome
                    .closing
                    .iter()
                    .map(|line| format!("           {line}")),
            );
            if !outcome.passed {
                failed.push(*name);
            }
        }
        println!("\n{}", report.join("\n"));
        if std::env::var_os("ARBORIST_CORPORA").is_none() {
            println!("  skipped: real corpora (ARBORIST_CORPORA is not set)");
        }
        println!("    total          {}", minutes(started.elapsed()));
        if !failed.is_empty() {
            bail!(
                "{} failed; `cargo xtask test {}` runs only that",
                failed.join(", "),
                failed.join(" ")
            );
        }
        Ok(())
    }

    fn cargo(&self) -> Cmd {
        cargo().dir(&self.workspace.root)
    }

    /// The test runner with `arguments`: nextest where there is one, else `cargo test`.
    fn runner(&self, arguments: &[&str]) -> Cmd {
        // An error says where it is in its words; its backtrace, most of it the runtime's, would bury them.
        let runner = match setup::find_nextest(self.workspace) {
            Some(nextest) => cmd(nextest)
                .args(["nextest", "run", "--no-fail-fast", "--no-tests=pass"])
                .args(arguments)
                .dir(&self.workspace.root),
            None => self
                .cargo()
                .args(["test", "--no-fail-fast"])
                .args(arguments),
        };
        runner.env("RUST_LIB_BACKTRACE", "0")
    }
}

fn format(tests: &Tests<'_>) -> Result<Outcome> {
    judge(tests.cargo().args(["fmt", "--all", "--check"]))
}

fn lint(tests: &Tests<'_>) -> Result<Outcome> {
    let mut outcome = lint_plain(tests)?;
    // In release, because torch-sys is compiled for that already: its C++ takes minutes.
    outcome.and(judge(clippy(
        tests
            .cargo()
            .args(["clippy", "--release", "--all-targets"])
            .args(select(&tests.packages.torch())),
    ))?);
    if tests.packages.has(FRONTEND) {
        let web = tests
            .cargo()
            .args(["clippy", "-p", FRONTEND, "--profile", "web"]);
        let route = setup::wasm::route(tests.workspace)?;
        outcome.and(judge(clippy(route.apply(tests.workspace, web)))?);
    }
    Ok(outcome)
}

fn lint_plain(tests: &Tests<'_>) -> Result<Outcome> {
    let mut names = tests.packages.plain();
    names.extend([END_TO_END, BUNDLE]);
    judge(clippy(
        tests
            .cargo()
            .args(["clippy", "--all-targets"])
            .args(select(&names)),
    ))
}

fn clippy(command: Cmd) -> Cmd {
    command.args(["--quiet", "--", "-D", "warnings"])
}

fn units(tests: &Tests<'_>) -> Result<Outcome> {
    let mut outcome = judge(tests.runner(&select(&tests.packages.plain())))?;
    // What speaks to the database, once more on the other one.
    let arguments = match setup::find_nextest(tests.workspace) {
        // The same packages, or all would be compiled again with other features.
        Some(_) => {
            let mut arguments = select(&tests.packages.plain());
            arguments.extend(["-E", ON_A_DATABASE]);
            vec![arguments]
        }
        None => vec![
            vec!["-p", SERVER, "--lib", "db::tests"],
            vec!["-p", SERVER, "--test", "api"],
        ],
    };
    outcome.and(on_postgres(tests, |tests| {
        Ok(arguments
            .iter()
            .map(|arguments| tests.runner(arguments))
            .collect())
    })?);
    Ok(outcome)
}

/// Tests that speak to the database.
const ON_A_DATABASE: &str =
    "package(arborist-server) & (binary(api) | (kind(lib) & test(/^db::tests/)))";

/// Runs commands with a PostgreSQL server named in their environment, where one is installed.
fn on_postgres(
    tests: &Tests<'_>,
    commands: impl FnOnce(&Tests<'_>) -> Result<Vec<Cmd>>,
) -> Result<Outcome> {
    let Some(postgres) = Postgres::start(tests.workspace, false)? else {
        return Ok(Outcome {
            passed: true,
            closing: vec![
                "skipped: PostgreSQL (`cargo xtask setup --tests` installs one)".to_owned(),
            ],
        });
    };
    let mut outcome = Outcome {
        passed: true,
        closing: vec!["on PostgreSQL:".to_owned()],
    };
    for command in commands(tests)? {
        let command = command
            .env("ARBORIST_TEST_POSTGRES", postgres.url())
            .env("ARBORIST_TEST_POSTGRES_PROGRAMS", postgres.programs());
        outcome.and(judge(command)?);
    }
    Ok(outcome)
}

fn plugins(tests: &Tests<'_>) -> Result<Outcome> {
    let mut arguments = vec!["--release"];
    arguments.extend(select(&tests.packages.torch()));
    let libraries = tests.workspace.libtorch().join("lib");
    judge(tests.runner(&arguments).env("LD_LIBRARY_PATH", libraries))
}

fn frontend(tests: &Tests<'_>) -> Result<Outcome> {
    let mut outcome = judge(tests.runner(&["-p", FRONTEND]))?;
    // The code that decides is tested as what runs in the browser, too. Cargo calls its runner in the package's folder.
    let web = tests.cargo().args(["test", "-p", SHARED, "--lib"]).env(
        "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER",
        "node ../xtask/node/wasm-tests.mjs",
    );
    let route = setup::wasm::route(tests.workspace)?;
    outcome.and(judge(route.apply(tests.workspace, web))?);
    Ok(outcome)
}

fn product(tests: &Tests<'_>) -> Result<Outcome> {
    build::run(tests.workspace, Profile::Release)?;
    Ok(Outcome {
        passed: true,
        closing: Vec::new(),
    })
}

/// The figures of `arborist evaluate` beside those of scikit-learn and `HiClass`.
fn peers(tests: &Tests<'_>) -> Result<Outcome> {
    let python = setup::venv(tests.workspace, "metrics_peer", |_| Ok(()))?;
    let executable = tests.workspace.product(Profile::Release).join("arborist");
    judge(
        cmd(python)
            .arg(tests.workspace.root.join("xtask/bench/metrics_peer.py"))
            .arg("--arborist")
            .arg(executable),
    )
}

fn stories(tests: &Tests<'_>) -> Result<Outcome> {
    let product = tests.workspace.product(Profile::Release);
    let Some(browser) = setup::find_browser() else {
        bail!(
            "Chromium and chromedriver are not on the search path; run `cargo xtask setup --tests`"
        )
    };
    let ray = setup::venv(tests.workspace, "ray_node", |_| Ok(()))?.with_file_name("ray");
    let runner = |tests: &Tests<'_>, arguments: &[&str]| {
        tests
            .runner(arguments)
            .env("ARBORIST_RAY", &ray)
            .env("ARBORIST_BIN", product.join("arborist"))
            .env("ARBORIST_PLUGINS", product.join("plugins"))
            .env("CHROMIUM", &browser.chromium)
            .env("CHROMEDRIVER", &browser.driver)
    };
    let mut outcome = judge(runner(tests, &["-p", END_TO_END]))?;
    // Whatever kills servers and workers, once more on the other database.
    let parts = ["crash::", "resume::", "chaos::"];
    outcome.and(on_postgres(tests, |tests| {
        let commands = parts
            .iter()
            .map(|part| runner(tests, &["-p", END_TO_END, part]));
        Ok(commands.collect())
    })?);
    Ok(outcome)
}

fn judge(command: Cmd) -> Result<Outcome> {
    let (passed, said) = command.tee()?;
    Ok(Outcome {
        passed,
        closing: closing_lines(&said),
    })
}

impl Outcome {
    fn and(&mut self, other: Outcome) {
        self.passed &= other.passed;
        self.closing.extend(other.closing);
    }
}

/// What nextest and `cargo test` end on. Of many `cargo test` binaries, those without tests are left out.
fn closing_lines(said: &str) -> Vec<String> {
    said.lines()
        .map(str::trim)
        .filter(|line| {
            line.starts_with("Summary [")
                || (line.starts_with("test result:") && !line.contains(" 0 passed; 0 failed"))
        })
        .map(str::to_owned)
        .collect()
}

fn minutes(duration: Duration) -> String {
    let seconds = duration.as_secs();
    format!("{}:{:02} min", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod unit {
    use super::closing_lines;

    #[test]
    fn closing_lines_are_found() {
        let said = "running 3 tests\ntest result: ok. 3 passed; 0 failed; 0 ignored\n\
                    test result: ok. 0 passed; 0 failed; 0 ignored\n     Summary [   0.1s] 2 tests run: 2 passed\n";
        assert_eq!(
            closing_lines(said),
            [
                "test result: ok. 3 passed; 0 failed; 0 ignored",
                "Summary [   0.1s] 2 tests run: 2 passed"
            ]
        );
    }
}
