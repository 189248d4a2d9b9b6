//! Chromium and its driver, for the browser tests.

use std::path::PathBuf;

use anyhow::Result;

use super::{debian, say};
use crate::process::cmd;

/// The two programs of a browser test.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    pub(crate) chromium: PathBuf,
    pub(crate) driver: PathBuf,
}

/// Looks for both on the search path.
pub(crate) fn find() -> Option<Browser> {
    Some(Browser {
        chromium: on_path(&["chromium", "chromium-browser", "google-chrome"])?,
        driver: on_path(&["chromedriver"])?,
    })
}

pub(super) fn ensure() -> Result<()> {
    let changed = find().is_none();
    if changed {
        let packages: &[&str] = if debian::is_ubuntu() {
            &["chromium-browser", "chromium-chromedriver"]
        } else {
            &["chromium", "chromium-driver", "fonts-dejavu-core"]
        };
        debian::install(
            "Chromium with its driver, which the browser tests drive,",
            packages,
        )?;
    }
    match find() {
        Some(browser) => {
            let how = if changed { "now installed" } else { "in place" };
            let version = cmd(&browser.driver).arg("--version").quiet().read()?;
            let version = version
                .split_whitespace()
                .nth(1)
                .unwrap_or("of unknown version")
                .to_owned();
            say(
                "browser",
                &format!("Chromium and its driver {version}, {how}"),
            );
            Ok(())
        }
        None => anyhow::bail!(
            "Chromium or chromedriver is not on the search path although its package is installed"
        ),
    }
}

/// The first of `names` that is on the search path.
pub(super) fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    names.iter().find_map(|name| {
        std::env::split_paths(&path)
            .map(|folder| folder.join(name))
            .find(|file| file.is_file())
    })
}
