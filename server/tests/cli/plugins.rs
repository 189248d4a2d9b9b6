use std::fs;

use crate::workbench::{Ran, Workbench, library};

#[test]
fn approved_plugins_are_listed_with_their_manifest() {
    let listed = Workbench::new()
        .run(&["plugins", "--json"])
        .ended_with(0)
        .json();
    assert_eq!(listed["refused"], serde_json::json!([]));
    let method = &listed["methods"][0];
    assert_eq!(
        (&method["name"], &method["abi"]),
        (&"toy".into(), &1.into())
    );
    assert_eq!(method["libtorch"], serde_json::Value::Null);
    assert_eq!(
        method["manifest"]["hyperparameters"]["properties"]["epochs"]["default"],
        2
    );
}

#[test]
fn what_is_not_approved_is_refused() {
    let bench = Workbench::new();
    let elsewhere = bench.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::copy(library("plugin_toy"), elsewhere.join("libarborist_toy.so")).unwrap();
    fs::remove_dir_all(bench.path("data")).unwrap();
    let list = || {
        bench
            .run(&["plugins", "--plugins", "elsewhere", "--json"])
            .ended_with(0)
            .json()
    };
    assert!(
        list()["refused"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("no side manifest")
    );

    bench
        .run(&["plugins", "add", "elsewhere/libarborist_toy.so"])
        .ended_with(0);
    assert_eq!(list()["methods"][0]["name"], "toy");
    // Also without naming its directory.
    assert_eq!(
        bench.run(&["plugins", "--json"]).json()["methods"][0]["name"],
        "toy"
    );

    let allowed = bench.path("data/plugins/allowed.toml");
    let approved = fs::read(&allowed).unwrap();
    fs::write(&allowed, "").unwrap();
    assert!(
        list()["refused"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("not approved")
    );
    fs::write(&allowed, approved).unwrap();

    let mut changed = fs::read(elsewhere.join("libarborist_toy.so")).unwrap();
    changed.push(0);
    fs::write(elsewhere.join("libarborist_toy.so"), changed).unwrap();
    assert!(
        list()["refused"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("changed since it was described")
    );
    bench
        .train("run", &["--plugins", "elsewhere"])
        .ended_with(2)
        .says(&["there is no method `toy`", "changed since it was described"]);
}

#[test]
fn libraries_that_are_no_plugin_of_ours_cannot_be_approved() {
    let bench = Workbench::new();
    for (name, reason) in [
        ("plugin_wrong_abi", "was built for plugin ABI"),
        ("plugin_small_table", "needs at least"),
        ("plugin_panicking_manifest", "panicked"),
        ("no_plugin", "is not an Arborist plugin"),
    ] {
        bench
            .run(&["plugins", "add", library(name).to_str().unwrap()])
            .ended_with(2)
            .says(&[reason]);
    }
    bench
        .run(&["plugins", "add", "taxonomy.tsv"])
        .ended_with(2)
        .says(&["taxonomy.tsv", "cannot be opened"]);
    bench
        .run(&["plugins", "add", "missing.so"])
        .ended_with(2)
        .says(&["missing.so"]);
}

#[test]
fn a_plugin_for_another_libtorch_than_the_installed_one_is_refused() {
    let bench = Workbench::new();
    let side = bench.read("data/plugins/toy.toml");
    let with_torch = side.replace("plugin_api =", "torch = \"2.11.0\"\nplugin_api =");
    assert_ne!(side, with_torch);
    bench.write("data/plugins/toy.toml", &with_torch);
    bench.write("libtorch/libtorch_cpu.so", "");
    let list = |installed: &str| {
        bench.write("libtorch/build-version", installed);
        let mut command = bench.command(&["plugins", "--json"]);
        command.env("ARBORIST_LIBTORCH", bench.path("libtorch"));
        Ran::from(command.output().unwrap()).ended_with(0).json()
    };
    assert_eq!(list("2.11.0+cpu")["methods"][0]["libtorch"], "2.11.0");
    let refused = list("2.9.1");
    assert_eq!(refused["methods"], serde_json::json!([]));
    let reason = refused["refused"][0]["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("built for libtorch 2.11.0, ") && reason.ends_with(" is libtorch 2.9.1"),
        "{reason}"
    );
}
