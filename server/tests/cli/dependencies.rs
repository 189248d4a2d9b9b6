use std::process::Command;

/// Only child processes know libtorch, through the plugins that they open.
#[test]
fn the_server_never_links_tch() {
    let tree = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args([
            "tree",
            "--offline",
            "--package",
            "arborist-server",
            "--invert",
            "tch",
        ])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&tree.stderr);
    let stdout = String::from_utf8_lossy(&tree.stdout);
    let finds_nothing = stdout.trim().is_empty()
        && (stderr.contains("nothing to print") || stderr.contains("did not match any packages"));
    assert!(finds_nothing, "{stdout}{stderr}");
}
