//! Opening libraries: the right one, and each kind of wrong one.

use std::fs;
use std::path::Path;

use arborist_plugin_api::host::{CallError, LoadError, Plugin, preload_cuda};
use arborist_plugin_api::{ABI_VERSION, PLUGIN_API_VERSION};

use crate::toy::Toy;
use crate::workbench::{library, toy};

#[test]
fn a_plugin_says_what_it_is() {
    let plugin = toy();
    assert_eq!(plugin.manifest().name, "toy");
    assert_eq!(plugin.abi(), ABI_VERSION);
    assert_eq!(plugin.plugin_api_version(), PLUGIN_API_VERSION);
    assert_eq!(plugin.plugin_version(), env!("CARGO_PKG_VERSION"));
    assert_eq!(plugin.torch_version(), None);
    assert_eq!(plugin.rustc(), arborist_plugin_api::seam::RUSTC);
    assert!(plugin.target().contains('-'), "{}", plugin.target());
    assert_eq!(plugin.path(), library("plugin_toy"));
}

#[test]
fn a_plugin_says_which_libtorch_it_wants() {
    let plugin = Plugin::in_process::<Toy>("2.11.0").unwrap();
    assert_eq!(plugin.torch_version(), Some("2.11.0"));
}

#[test]
fn another_abi_version_is_refused_with_both_versions() {
    let error = Plugin::open(&library("plugin_wrong_abi")).unwrap_err();
    assert!(matches!(
        error,
        LoadError::WrongAbi {
            found: 2,
            expected: ABI_VERSION,
            ..
        }
    ));
    let message = error.to_string();
    assert!(
        message.contains("was built for plugin ABI 2, this program speaks plugin ABI 1"),
        "{message}"
    );
}

#[test]
fn a_table_that_ends_too_early_is_refused() {
    let error = Plugin::open(&library("plugin_small_table")).unwrap_err();
    assert!(matches!(error, LoadError::TableTooSmall { found: 8, .. }));
    assert!(
        error.to_string().contains("a plugin table of 8 bytes"),
        "{error}"
    );
}

#[test]
fn a_library_that_is_no_plugin_is_refused() {
    let error = Plugin::open(&library("no_plugin")).unwrap_err();
    assert!(matches!(error, LoadError::NotAPlugin { .. }));
    assert!(
        error.to_string().contains("is not an Arborist plugin"),
        "{error}"
    );
}

#[test]
fn a_file_that_is_no_library_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("libtext.so");
    fs::write(&path, "not a library").unwrap();
    let error = Plugin::open(&path).unwrap_err();
    assert!(matches!(error, LoadError::Open { .. }));
    let expected = format!("{0} cannot be opened: {0}: file too short", path.display());
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_missing_file_is_refused() {
    let error = Plugin::open(Path::new("/nowhere/libmissing.so")).unwrap_err();
    assert!(matches!(error, LoadError::Open { .. }));
}

#[test]
fn a_relative_path_is_refused() {
    let error = Plugin::open(Path::new("libtoy.so")).unwrap_err();
    assert!(matches!(error, LoadError::RelativePath { .. }));
}

#[test]
fn a_plugin_that_panics_while_it_describes_itself_is_refused() {
    let error = Plugin::open(&library("plugin_panicking_manifest")).unwrap_err();
    let LoadError::Describe {
        source: CallError::Panicked(message),
        ..
    } = &error
    else {
        panic!("{error}");
    };
    assert!(message.starts_with("no words (at "), "{message}");
    assert!(message.contains("panicking_manifest.rs:"), "{message}");
}

#[test]
fn a_library_can_be_opened_twice() {
    assert_eq!(toy().manifest(), toy().manifest());
}

#[test]
fn without_cuda_libraries_nothing_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    assert!(preload_cuda(directory.path()).unwrap().is_none());
}

#[test]
fn a_broken_cuda_library_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lib").join("libtorch_cuda.so");
    fs::create_dir(path.parent().unwrap()).unwrap();
    fs::write(&path, "not a library").unwrap();
    let error = preload_cuda(directory.path()).unwrap_err();
    assert!(
        error.to_string().contains(&path.display().to_string()),
        "{error}"
    );
}
