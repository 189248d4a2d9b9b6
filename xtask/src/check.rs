//! `cargo xtask check`: what to run before every push. Formatting, lints, house rules and the fast tests.

use anyhow::Result;

use crate::process::cargo;
use crate::test;
use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    test::run_fast(workspace)?;
    // Both are worth having and take minutes to compile, so they are used where they are installed.
    for (tool, arguments) in [
        ("deny", ["deny", "check"].as_slice()),
        ("machete", &["machete"]),
    ] {
        if cargo().args([tool, "--version"]).quiet().succeeds() {
            cargo().args(arguments).dir(&workspace.root).run()?;
        } else {
            eprintln!(
                "skipped: cargo-{tool} is not installed (`cargo install cargo-{tool} --locked`)"
            );
        }
    }
    Ok(())
}
