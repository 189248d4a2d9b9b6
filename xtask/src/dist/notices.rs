//! The third-party notices of a bundle: who wrote what is in it, and under which terms.
//!
//! Texts that are equal apart from white space are given once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::hash::sha256;
use crate::packages::{FRONTEND, Package, Packages, SERVER};
use crate::workspace::Workspace;

/// Collects the notices for everything that the bundle holds.
pub(super) fn write(workspace: &Workspace, packages: &Packages, cuda: bool) -> Result<String> {
    let mut shipped = BTreeSet::new();
    let roots = packages
        .plugins()
        .into_iter()
        .map(|(package, _)| package)
        .chain([SERVER, FRONTEND]);
    for root in roots {
        shipped.extend(packages.closure(root));
    }
    let mut texts = Texts::default();
    let mut list = String::new();
    let foreign = packages
        .all
        .iter()
        .filter(|package| !package.member && shipped.contains(package.name.as_str()));
    for package in foreign {
        let title = format!("{} {}", package.name, package.version);
        let license = package.license.as_deref().unwrap_or("see its text");
        list.push_str(&format!("  {title}: {license}\n"));
        texts.add(&title, folder(package));
    }
    let modules = workspace.root.join("frontend/node_modules");
    for name in node_packages(&modules) {
        list.push_str(&format!("  {name} (dashboard)\n"));
        texts.add(&name, &modules.join(&name));
    }
    let nvidia = if cuda {
        "  NVIDIA's CUDA libraries: NVIDIA's terms, in licenses/\n"
    } else {
        ""
    };
    Ok(format!(
        "Arborist holds parts that others wrote.\n\n\
         \x20 libtorch {}: BSD-3-Clause and others, in licenses/torch\n\
         \x20 libgomp (with libtorch): GPL-3.0-or-later with the GCC Runtime Library Exception\n\
         \x20 all-MiniLM-L6-v2 (encoders/minilm): Apache-2.0\n\
         {nvidia}{list}\n{}",
        crate::setup::LIBTORCH_VERSION,
        texts.print()
    ))
}

fn folder(package: &Package) -> &Path {
    package.manifest.parent().unwrap_or(&package.manifest)
}

/// Packages of the npm registry that end up in the dashboard: those with a licence file that are not build tools.
fn node_packages(modules: &Path) -> Vec<String> {
    ["@patternfly/patternfly", "echarts", "zrender", "tslib"]
        .iter()
        .filter(|name| modules.join(name).is_dir())
        .map(|name| (*name).to_owned())
        .collect()
}

/// Licence texts with the names of everything that is under them.
#[derive(Default)]
struct Texts {
    /// By the hash of the words, so that line breaks do not count.
    known: BTreeMap<String, (String, Vec<String>)>,
}

impl Texts {
    fn add(&mut self, title: &str, folder: &Path) {
        let Ok(entries) = fs::read_dir(folder) else {
            return;
        };
        let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        files.sort();
        for file in files {
            let name = file
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .to_uppercase();
            let notice = [
                "LICENSE",
                "LICENCE",
                "COPYING",
                "NOTICE",
                "COPYRIGHT",
                "UNLICENSE",
            ]
            .iter()
            .any(|start| name.starts_with(start));
            if !notice || !file.is_file() {
                continue;
            }
            if let Ok(text) = fs::read_to_string(&file) {
                let words: Vec<&str> = text.split_whitespace().collect();
                let entry = self
                    .known
                    .entry(sha256(words.join(" ").as_bytes()))
                    .or_insert_with(|| (text.trim().to_owned(), Vec::new()));
                entry.1.push(title.to_owned());
            }
        }
    }

    fn print(&self) -> String {
        let mut sections: Vec<_> = self.known.values().collect();
        sections.sort_by(|a, b| a.1.cmp(&b.1));
        sections
            .iter()
            .map(|(text, titles)| {
                format!("{}\n{}\n\n{text}\n\n", "-".repeat(79), titles.join(", "))
            })
            .collect()
    }
}
