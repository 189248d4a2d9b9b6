//! Where things are: the repository, its target folder and the cache outside it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The folders that every command works in.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// cargo's target folder.
    pub(crate) target: PathBuf,
    /// Downloads, shared by all clones: `ARBORIST_CACHE`, else the XDG cache folder.
    pub(crate) cache: PathBuf,
}

impl Workspace {
    pub(crate) fn find() -> Result<Workspace> {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .map(PathBuf::from)
            .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
        let root = manifest
            .parent()
            .context("xtask lies in a folder of the repository")?
            .to_owned();
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => root.join(dir),
            None => root.join("target"),
        };
        Ok(Workspace {
            cache: cache_dir()?,
            root,
            target,
        })
    }

    /// Where `build` puts the product: `target/release` or `target/debug`.
    pub(crate) fn product(&self, profile: Profile) -> PathBuf {
        self.target.join(profile.folder())
    }

    /// The release that is measured: that of this clone, or a finished one, a folder that `ARBORIST_PRODUCT` names.
    pub(crate) fn measured(&self) -> PathBuf {
        finished().unwrap_or_else(|| self.product(Profile::Release))
    }

    /// The folder of links and small files that belong to this clone.
    pub(crate) fn local(&self) -> PathBuf {
        self.root.join(".cache")
    }

    /// The libtorch that everything is linked with.
    pub(crate) fn libtorch(&self) -> PathBuf {
        self.local().join("libtorch")
    }

    pub(crate) fn script(&self, name: &str) -> PathBuf {
        self.root.join("xtask/python").join(name)
    }
}

/// Which of cargo's profiles the product is built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    Release,
    Debug,
}

impl Profile {
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Profile::Release => "release",
            Profile::Debug => "debug",
        }
    }

    pub(crate) fn flags(self) -> &'static [&'static str] {
        match self {
            Profile::Release => &["--release"],
            Profile::Debug => &[],
        }
    }
}

/// The folder of a finished release, where one is to be measured instead of this clone's.
pub(crate) fn finished() -> Option<PathBuf> {
    let folder = std::env::var_os("ARBORIST_PRODUCT")?;
    (!folder.is_empty()).then(|| PathBuf::from(folder))
}

fn cache_dir() -> Result<PathBuf> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(dir) = set("ARBORIST_CACHE") {
        return std::path::absolute(&dir).context("ARBORIST_CACHE is no usable path");
    }
    if let Some(dir) = set("XDG_CACHE_HOME").filter(|dir| dir.is_absolute()) {
        return Ok(dir.join("arborist"));
    }
    let home = set("HOME").context(
        "neither ARBORIST_CACHE nor HOME is set; set ARBORIST_CACHE to a folder for downloads",
    )?;
    Ok(home.join(".cache/arborist"))
}

/// Makes `link` a symbolic link to `to`, replacing an older link; returns whether anything changed.
pub(crate) fn link(to: &Path, link: &Path) -> Result<bool> {
    if std::fs::read_link(link).is_ok_and(|old| old == to) {
        return Ok(false);
    }
    if let Some(parent) = link.parent() {
        std::fs::create_dir_all(parent)
            .with_context(|| format!("cannot make {}", parent.display()))?;
    }
    match std::fs::symlink_metadata(link) {
        Ok(found) if found.is_symlink() => std::fs::remove_file(link)
            .with_context(|| format!("cannot replace the link {}", link.display()))?,
        Ok(_) => anyhow::bail!(
            "{} is in the way of a link to {}; remove it",
            link.display(),
            to.display()
        ),
        Err(_) => {}
    }
    std::os::unix::fs::symlink(to, link)
        .with_context(|| format!("cannot make the link {}", link.display()))?;
    Ok(true)
}
