//! The shared library: that it is a plugin, and that it looks for libtorch where it is shipped.

use std::path::PathBuf;

use arborist_hiagm::HiAgm;
use arborist_plugin_api::Method;
use arborist_plugin_api::host::Plugin;

/// Cargo builds the library before the tests and leaves it beside them or above.
fn library() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let directory = tests.parent().unwrap();
    let places = [
        directory.join("libarborist_hiagm.so"),
        directory.parent().unwrap().join("libarborist_hiagm.so"),
    ];
    places
        .into_iter()
        .find(|place| place.exists())
        .expect("the library is built before its tests")
}

#[test]
fn the_library_is_a_plugin() {
    let plugin = Plugin::open(&library()).unwrap();
    assert_eq!(*plugin.manifest(), HiAgm::manifest());
    assert_eq!(plugin.torch_version(), Some("2.11.0"));
}

#[test]
fn the_library_finds_libtorch_beside_the_executable_and_names_no_path_of_this_machine() {
    let bytes = std::fs::read(library()).unwrap();
    let contains = |text: &str| {
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    assert!(contains(
        "$ORIGIN/../libtorch:$ORIGIN/libtorch:$ORIGIN/../lib\0"
    ));
    let libtorch = std::env::var("LIBTORCH").unwrap_or_default();
    assert!(
        libtorch.is_empty() || !contains(&format!("{libtorch}/lib")),
        "the run path must not hold {libtorch}"
    );
}
