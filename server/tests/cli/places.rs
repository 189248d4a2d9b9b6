//! Where the command looks for data, plugins and the database when nobody says so.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::workbench::{Ran, Workbench, library};

fn ended(command: &mut Command) -> Ran {
    command.output().unwrap().into()
}

/// `keys create`, which makes a database where it looks for one.
fn create_key(bench: &Workbench, more: &[&str], variables: &[(&str, &Path)]) -> Ran {
    let arguments = ["keys", "create", "--name", "n", "--role", "viewer"];
    let mut command = bench.command(&[&arguments, more].concat());
    for variable in ["ARBORIST_DATA_DIR", "XDG_DATA_HOME", "HOME"] {
        command.env_remove(variable);
    }
    ended(command.envs(variables.iter().copied()))
}

#[test]
fn data_lie_where_the_flag_the_variable_or_the_desktop_says() {
    let bench = Workbench::empty();
    let path = |name: &str| bench.path(name);
    let made = |name: &str| path(name).join("arborist.db").is_file();
    create_key(&bench, &[], &[]).ended_with(2).says(&[
        "--data-dir",
        "ARBORIST_DATA_DIR",
        "XDG_DATA_HOME",
        "HOME",
    ]);
    create_key(&bench, &[], &[("HOME", &path("home"))]).ended_with(0);
    assert!(made("home/.local/share/arborist"));
    let (home, xdg, own) = (path("other"), path("xdg"), path("own"));
    let desktop = [("HOME", home.as_path()), ("XDG_DATA_HOME", xdg.as_path())];
    create_key(&bench, &[], &desktop).ended_with(0);
    assert!(made("xdg/arborist") && !home.exists());
    // A relative folder is no folder of the desktop.
    let relative = [
        ("HOME", home.as_path()),
        ("XDG_DATA_HOME", Path::new("relative")),
    ];
    create_key(&bench, &[], &relative).ended_with(0);
    assert!(made("other/.local/share/arborist") && !path("relative").exists());
    let variable = [
        ("XDG_DATA_HOME", xdg.as_path()),
        ("ARBORIST_DATA_DIR", own.as_path()),
    ];
    create_key(&bench, &[], &variable).ended_with(0);
    assert!(made("own"));
    create_key(&bench, &["--data-dir", "flag"], &variable).ended_with(0);
    assert!(made("flag"));
}

#[test]
fn the_database_may_lie_elsewhere() {
    let bench = Workbench::empty();
    let url = |name: &str| format!("sqlite://{}?mode=rwc", bench.path(name).display());
    let (by_flag, by_variable) = (url("flag.db"), url("variable.db"));
    let variable = [("ARBORIST_DATABASE_URL", Path::new(&by_variable))];
    create_key(&bench, &[], &variable).ended_with(0);
    create_key(&bench, &["--database-url", &by_flag], &variable).ended_with(0);
    assert!(bench.path("variable.db").is_file() && bench.path("flag.db").is_file());
    assert!(!bench.path("data").exists());
}

#[test]
fn plugins_are_found_by_variable_and_beside_the_executable() {
    let bench = Workbench::new();
    // A folder of plugins as a distribution has it: library, manifest, and what is allowed.
    let manifest = bench.read("data/plugins/toy.toml");
    let beside: String = manifest
        .lines()
        .filter(|line| !line.starts_with("library ="))
        .map(|line| format!("{line}\n"))
        .collect();
    let allowed = bench.read("data/plugins/allowed.toml");
    fs::remove_dir_all(bench.path("data")).unwrap();
    let found = |folder: &str, variable: Option<OsString>| {
        bench.write(&format!("{folder}/toy.toml"), &beside);
        bench.write(&format!("{folder}/allowed.toml"), &allowed);
        let to = bench.path(folder).join("libarborist_toy.so");
        fs::copy(library("plugin_toy"), to).unwrap();
        let mut command = Command::new(bench.executable());
        command.args(["plugins", "--json"]);
        command.env("ARBORIST_DATA_DIR", bench.path("data"));
        command.env_remove("ARBORIST_PLUGINS");
        if let Some(value) = variable {
            command.env("ARBORIST_PLUGINS", value);
        }
        let listed = ended(&mut command).ended_with(0).json();
        fs::remove_dir_all(bench.path(folder)).unwrap();
        listed["methods"].as_array().unwrap().len()
    };
    let list = |folders: [&str; 2]| {
        let folders = folders.map(|folder| bench.path(folder));
        Some(std::env::join_paths(folders).unwrap())
    };
    assert_eq!(found("bin/plugins", None), 1);
    assert_eq!(found("plugins", None), 1);
    assert_eq!(found("elsewhere", None), 0);
    assert_eq!(found("elsewhere", list(["nowhere", "elsewhere"])), 1);
    // A method that several folders have is there once.
    assert_eq!(found("plugins", list(["plugins", "bin"])), 1);
}
