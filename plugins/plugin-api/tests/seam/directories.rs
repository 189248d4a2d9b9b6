//! Plugin directories: what is listed, what is refused and why, without loading anything.

use std::fs;
use std::path::{Path, PathBuf};

use arborist_plugin_api::host::{
    AllowList, FoundPlugins, Libtorch, SideManifest, SideManifestError, read_plugin_dirs,
    sha256_of_file,
};
use serde_json::json;
use tempfile::TempDir;

use crate::workbench::{library, toy};

struct Directory(TempDir);

impl Directory {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        fs::canonicalize(self.0.path()).unwrap()
    }

    fn library(&self) -> PathBuf {
        self.path().join("libarborist_toy.so")
    }

    /// With a copy of the toy and its side manifest, not approved.
    fn with_toy() -> Self {
        let directory = Self::new();
        fs::copy(library("plugin_toy"), directory.library()).unwrap();
        let mut side = SideManifest::describe(&toy()).unwrap();
        side.library = None;
        side.write(&directory.path()).unwrap();
        directory
    }

    /// The same, approved in the directory itself.
    fn with_approved_toy() -> Self {
        let directory = Self::with_toy();
        AllowList::add_to_file(
            &directory.path().join("allowed.toml"),
            "toy",
            &sha256_of_file(&directory.library()).unwrap(),
        )
        .unwrap();
        directory
    }

    fn read(&self) -> FoundPlugins {
        read_plugin_dirs(&[self.path()], &AllowList::default(), &[])
    }

    fn edit(&self, file: &str, edit: impl FnOnce(String) -> String) {
        let path = self.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, edit(text)).unwrap();
    }

    fn check_refused(&self, path: &Path, reason: &str) {
        let found = self.read();
        assert_eq!(found.plugins, []);
        let [refused] = &found.refused[..] else {
            panic!("{found:#?}")
        };
        assert_eq!(refused.path, path.display().to_string());
        assert!(refused.reason.contains(reason), "{refused:?}");
    }
}

#[test]
fn an_approved_plugin_is_listed() {
    let directory = Directory::with_approved_toy();
    let found = directory.read();
    assert_eq!(found.refused, []);
    let plugin = found.find("toy").unwrap();
    assert_eq!(plugin.library, directory.library());
    assert_eq!(plugin.side.manifest, *toy().manifest());
    let wire = serde_json::to_value(found.to_wire()).unwrap();
    assert_eq!(wire["methods"][0]["name"], json!("toy"));
    assert_eq!(wire["methods"][0]["abi"], json!(1));
    assert_eq!(wire["methods"][0]["libtorch"], json!(null));
}

#[test]
fn an_approval_may_lie_elsewhere() {
    let directory = Directory::with_toy();
    let elsewhere = Directory::new();
    let list = elsewhere.path().join("allowed.toml");
    AllowList::add_to_file(&list, "toy", &sha256_of_file(&directory.library()).unwrap()).unwrap();
    let found = read_plugin_dirs(&[directory.path()], &AllowList::read(&list).unwrap(), &[]);
    assert_eq!((found.plugins.len(), found.refused.len()), (1, 0));
}

#[test]
fn an_approval_counts_for_its_name_only() {
    let directory = Directory::with_toy();
    let list = directory.path().join("allowed.toml");
    AllowList::add_to_file(
        &list,
        "other",
        &sha256_of_file(&directory.library()).unwrap(),
    )
    .unwrap();
    directory.check_refused(&directory.library(), "not approved");
}

#[test]
fn a_plugin_without_approval_is_refused() {
    let directory = Directory::with_toy();
    directory.check_refused(&directory.library(), "not approved");
}

#[test]
fn a_library_that_changed_is_refused() {
    let directory = Directory::with_approved_toy();
    let mut bytes = fs::read(directory.library()).unwrap();
    bytes.push(0);
    fs::write(directory.library(), bytes).unwrap();
    directory.check_refused(&directory.library(), "changed since it was described");
}

#[test]
fn another_abi_version_is_refused() {
    let directory = Directory::with_approved_toy();
    directory.edit("toy.toml", |text| text.replace("abi = 1", "abi = 2"));
    directory.check_refused(
        &directory.library(),
        "built for plugin ABI 2, this program speaks plugin ABI 1",
    );
}

/// A directory that looks like libtorch, with these contents of `build-version`.
fn libtorch(version: &str) -> Directory {
    let directory = Directory::new();
    fs::create_dir(directory.path().join("lib")).unwrap();
    fs::write(directory.path().join("lib/libtorch_cpu.so"), "").unwrap();
    fs::write(directory.path().join("build-version"), version).unwrap();
    directory
}

#[test]
fn a_plugin_for_another_libtorch_is_refused_with_both_versions() {
    let directory = Directory::with_approved_toy();
    directory.edit("toy.toml", |text| {
        text.replace("plugin_api =", "torch = \"2.11.0\"\nplugin_api =")
    });
    let judged = |there: &[&str]| {
        let there: Vec<Directory> = there.iter().map(|version| libtorch(version)).collect();
        let there: Vec<Libtorch> = there
            .iter()
            .map(|directory| Libtorch::find(&directory.path()).unwrap())
            .collect();
        let found = read_plugin_dirs(&[directory.path()], &AllowList::default(), &there);
        assert_eq!(found.plugins.len() + found.refused.len(), 1, "{found:?}");
        found.refused.first().map(|refused| refused.reason.clone())
    };
    assert_eq!(judged(&[]), None, "nothing is known of libtorch");
    assert_eq!(judged(&["2.11.0\n"]), None);
    assert_eq!(judged(&["2.11.0+cu130", "2.11.0"]), None);
    for there in [&["2.10.1"][..], &["2.11.0", "2.10.1+cpu"]] {
        let reason = judged(there).unwrap();
        assert!(
            reason.starts_with("built for libtorch 2.11.0, ")
                && reason.contains("is libtorch 2.10.1"),
            "{reason}"
        );
    }
}

#[test]
fn a_plugin_without_libtorch_is_listed_whatever_libtorch_is_there() {
    let directory = Directory::with_approved_toy();
    let there = libtorch("1.0.0");
    let there = Libtorch::find(&there.path()).unwrap();
    let found = read_plugin_dirs(&[directory.path()], &AllowList::default(), &[there]);
    assert_eq!((found.plugins.len(), found.refused.len()), (1, 0));
}

#[test]
fn the_version_of_libtorch_lies_beside_its_libraries_or_their_folder() {
    let outside = libtorch("2.11.0\n");
    let found = Libtorch::find(&outside.path()).unwrap();
    assert_eq!(found.version, "2.11.0");
    assert_eq!(found.directory, outside.path().join("lib"));
    fs::rename(
        outside.path().join("build-version"),
        outside.path().join("lib/build-version"),
    )
    .unwrap();
    assert_eq!(Libtorch::find(&outside.path()), Some(found.clone()));
    assert_eq!(Libtorch::find(&outside.path().join("lib")), Some(found));
    fs::remove_file(outside.path().join("lib/libtorch_cpu.so")).unwrap();
    assert_eq!(Libtorch::find(&outside.path()), None);
}

#[test]
fn a_library_without_side_manifest_is_refused() {
    let directory = Directory::new();
    fs::copy(library("no_plugin"), directory.library()).unwrap();
    directory.check_refused(&directory.library(), "no side manifest");
}

#[test]
fn a_side_manifest_without_library_is_refused() {
    let directory = Directory::with_approved_toy();
    fs::remove_file(directory.library()).unwrap();
    directory.check_refused(&directory.library(), "No such file");
}

#[test]
fn a_broken_side_manifest_is_refused() {
    let directory = Directory::with_approved_toy();
    directory.edit("toy.toml", |_| "name = toy".to_owned());
    let found = directory.read();
    assert_eq!(found.plugins, []);
    assert!(
        found
            .refused
            .iter()
            .any(|refused| refused.path.ends_with("toy.toml") && refused.reason.contains("line 1")),
        "{found:#?}"
    );
}

#[test]
fn a_side_manifest_under_another_name_is_refused() {
    let directory = Directory::with_approved_toy();
    fs::rename(
        directory.path().join("toy.toml"),
        directory.path().join("tool.toml"),
    )
    .unwrap();
    directory.check_refused(&directory.library(), "the names do not agree");
}

#[test]
fn a_broken_allow_list_allows_nothing() {
    let directory = Directory::with_approved_toy();
    directory.edit("allowed.toml", |_| "toy = 1".to_owned());
    let found = directory.read();
    assert_eq!(found.plugins, []);
    assert!(
        found.refused[0].path.ends_with("allowed.toml"),
        "{found:#?}"
    );
}

#[test]
fn the_first_of_two_plugins_for_a_method_wins() {
    let first = Directory::with_approved_toy();
    let second = Directory::with_approved_toy();
    let directories = [first.path(), second.path(), first.path()];
    let found = read_plugin_dirs(&directories, &AllowList::default(), &[]);
    assert_eq!(found.plugins.len(), 1, "the same library in two places");
    assert_eq!(found.refused, []);

    let mut bytes = fs::read(second.library()).unwrap();
    bytes.push(0);
    fs::write(second.library(), bytes).unwrap();
    let sha256 = sha256_of_file(&second.library()).unwrap();
    let mut side = SideManifest::read(&second.path().join("toy.toml")).unwrap();
    side.sha256.clone_from(&sha256);
    side.write(&second.path()).unwrap();
    AllowList::add_to_file(&second.path().join("allowed.toml"), "toy", &sha256).unwrap();
    let found = read_plugin_dirs(&directories, &AllowList::default(), &[]);
    assert_eq!(found.find("toy").unwrap().library, first.library());
    assert!(
        found.refused[0]
            .reason
            .contains("another plugin for `toy` comes first"),
        "{found:#?}"
    );
}

#[test]
fn missing_directories_are_skipped() {
    let found = read_plugin_dirs(
        &[PathBuf::from("/nowhere/plugins")],
        &AllowList::default(),
        &[],
    );
    assert_eq!(found, FoundPlugins::default());
}

#[test]
fn a_library_is_approved_where_it_lies() {
    let theirs = Directory::new();
    let data = Directory::new();
    let library = theirs.path().join("libanything.so");
    fs::copy(crate::workbench::library("plugin_toy"), &library).unwrap();
    let side = SideManifest::describe(&toy()).unwrap();
    AllowList::approve(&data.path().join("plugins"), &library, &side).unwrap();

    let directories = [theirs.path(), data.path().join("plugins")];
    let found = read_plugin_dirs(&directories, &AllowList::default(), &[]);
    assert_eq!(found.refused, [], "approved elsewhere, so not refused here");
    assert_eq!(found.find("toy").unwrap().library, library);

    fs::write(&library, "changed").unwrap();
    let error = AllowList::approve(&data.path(), &library, &side).unwrap_err();
    assert!(
        matches!(error, SideManifestError::Invalid { .. }),
        "{error}"
    );
}

#[test]
fn a_side_manifest_survives_its_file() {
    let mut side = SideManifest::describe(&toy()).unwrap();
    side.torch = Some("2.11.0".to_owned());
    side.manifest.hyperparameters["properties"]["epochs"]["default"] = json!(null);
    side.manifest.summary = "quotes ''' and \"\"\" and\nlines".to_owned();
    let text = side.to_toml().unwrap();
    let again = SideManifest::from_toml(&text, Path::new("toy.toml")).unwrap();
    assert_eq!(again, side);
    assert!(text.starts_with("name = \"toy\"\nabi = 1\n"), "{text}");
}

#[test]
fn a_description_names_the_library_and_its_hash() {
    let path = library("plugin_toy");
    let plugin = toy();
    assert_eq!(plugin.path(), path);
    let side = SideManifest::describe(&plugin).unwrap();
    assert_eq!(side.sha256, sha256_of_file(&path).unwrap());
    assert_eq!(side.library, Some(PathBuf::from(path.file_name().unwrap())));
}
