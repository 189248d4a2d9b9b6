//! The workspace's packages, sorted by what it takes to build them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process::cargo;
use crate::workspace::Workspace;

pub(crate) const SERVER: &str = "arborist-server";
pub(crate) const FRONTEND: &str = "arborist-frontend";
pub(crate) const SHARED: &str = "arborist-shared";
pub(crate) const END_TO_END: &str = "arborist-tests";
pub(crate) const BUNDLE: &str = "xtask-bundle";

/// What `cargo metadata` says, as far as the automation cares.
pub(crate) struct Packages {
    /// Names of the workspace's members.
    members: BTreeSet<String>,
    /// Members that are linked with libtorch.
    torch: BTreeSet<String>,
    /// Members that make a shared library, with its file name.
    plugins: BTreeMap<String, String>,
    /// The whole tree, by id.
    pub(crate) all: Vec<Package>,
}

/// One package of the dependency tree.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    pub(crate) manifest: PathBuf,
    pub(crate) member: bool,
    /// Names of the packages that it is built with; those of its tests are left out.
    pub(crate) dependencies: Vec<String>,
}

impl Packages {
    pub(crate) fn read(workspace: &Workspace) -> Result<Packages> {
        let text = cargo()
            .args([
                "metadata",
                "--format-version",
                "1",
                "--filter-platform",
                "x86_64-unknown-linux-gnu",
            ])
            .dir(&workspace.root)
            .quiet()
            .read()?;
        let metadata: Value =
            serde_json::from_str(&text).context("cargo metadata printed no JSON")?;
        Ok(Packages::from_metadata(&metadata))
    }

    fn from_metadata(metadata: &Value) -> Packages {
        let ids: BTreeSet<&str> = list(&metadata["workspace_members"])
            .filter_map(Value::as_str)
            .collect();
        let names: BTreeMap<&str, &str> = list(&metadata["packages"])
            .filter_map(|package| Some((package["id"].as_str()?, package["name"].as_str()?)))
            .collect();
        let nodes: BTreeMap<&str, &Value> = list(&metadata["resolve"]["nodes"])
            .filter_map(|node| Some((node["id"].as_str()?, node)))
            .collect();
        let mut all = Vec::new();
        let mut plugins = BTreeMap::new();
        for package in list(&metadata["packages"]) {
            let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
            let id = text("id");
            let member = ids.contains(id.as_str());
            if member {
                for target in list(&package["targets"]) {
                    let library = list(&target["crate_types"]).any(|kind| kind == "cdylib")
                        && list(&target["kind"]).any(|kind| kind != "example");
                    if library && let Some(name) = target["name"].as_str() {
                        plugins.insert(text("name"), format!("lib{}.so", name.replace('-', "_")));
                    }
                }
            }
            all.push(Package {
                name: text("name"),
                version: text("version"),
                license: package["license"].as_str().map(str::to_owned),
                manifest: PathBuf::from(text("manifest_path")),
                member,
                dependencies: nodes
                    .get(id.as_str())
                    .map_or_else(Vec::new, |node| built_with(node, &names)),
            });
        }
        let members: BTreeSet<String> = all
            .iter()
            .filter(|package| package.member)
            .map(|package| package.name.clone())
            .collect();
        let mut packages = Packages {
            members,
            torch: BTreeSet::new(),
            plugins,
            all,
        };
        packages.torch = packages
            .members
            .iter()
            .filter(|name| packages.reaches(name, "torch-sys"))
            .cloned()
            .collect();
        packages
    }

    /// Packages that need neither libtorch nor a browser.
    pub(crate) fn plain(&self) -> Vec<&str> {
        self.members
            .iter()
            .map(String::as_str)
            .filter(|name| {
                !self.torch.contains(*name) && ![FRONTEND, END_TO_END, BUNDLE].contains(name)
            })
            .collect()
    }

    /// Packages that are linked with libtorch.
    pub(crate) fn torch(&self) -> Vec<&str> {
        self.torch.iter().map(String::as_str).collect()
    }

    /// Plugins: package and file name of the library.
    pub(crate) fn plugins(&self) -> Vec<(&str, &str)> {
        self.plugins
            .iter()
            .map(|(package, file)| (package.as_str(), file.as_str()))
            .collect()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.contains(name)
    }

    /// Whether `from` is built with `to`, over any number of steps.
    pub(crate) fn reaches(&self, from: &str, to: &str) -> bool {
        self.closure(from).contains(to)
    }

    /// Everything that `from` is built with, itself included.
    pub(crate) fn closure(&self, from: &str) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(name) = open.pop() {
            for package in self.all.iter().filter(|package| package.name == name) {
                if seen.insert(package.name.as_str()) {
                    open.extend(package.dependencies.iter().map(String::as_str));
                }
            }
        }
        seen
    }
}

/// `-p a -p b …` for cargo.
pub(crate) fn select<'a>(names: &[&'a str]) -> Vec<&'a str> {
    names.iter().flat_map(|name| ["-p", name]).collect()
}

fn built_with(node: &Value, names: &BTreeMap<&str, &str>) -> Vec<String> {
    list(&node["deps"])
        .filter(|dependency| list(&dependency["dep_kinds"]).any(|kind| kind["kind"] != "dev"))
        .filter_map(|dependency| names.get(dependency["pkg"].as_str()?))
        .map(|name| (*name).to_owned())
        .collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Packages;

    #[test]
    fn packages_are_sorted_by_what_they_are_linked_with() {
        let package = |name: &str, kind: &str| {
            json!({"id": name, "name": name, "version": "1.0.0", "license": "MIT", "manifest_path": "/x",
                   "targets": [{"name": name, "crate_types": [kind], "kind": [kind]}]})
        };
        let edge =
            |to: &str, kind: serde_json::Value| json!({"pkg": to, "dep_kinds": [{"kind": kind}]});
        let metadata = json!({
            "workspace_members": ["arborist-hiagm", "arborist-server"],
            "packages": [package("arborist-hiagm", "cdylib"), package("arborist-server", "lib"),
                         package("tch", "lib"), package("torch-sys", "lib")],
            "resolve": {"nodes": [
                {"id": "arborist-hiagm", "deps": [edge("tch", json!(null))]},
                {"id": "arborist-server", "deps": [edge("tch", json!("dev"))]},
                {"id": "tch", "deps": [edge("torch-sys", json!(null))]},
                {"id": "torch-sys", "deps": []},
            ]},
        });
        let packages = Packages::from_metadata(&metadata);
        assert_eq!(packages.torch(), ["arborist-hiagm"]);
        assert_eq!(packages.plain(), ["arborist-server"]);
        assert_eq!(
            packages.plugins(),
            [("arborist-hiagm", "libarborist_hiagm.so")]
        );
        assert!(!packages.reaches("arborist-server", "tch"));
    }
}
