use std::fs;

use super::*;

fn search(dir: &Path) -> PluginSearch {
    PluginSearch {
        dirs: vec![dir.join("plugins")],
        data_dir: dir.join("data"),
    }
}

#[test]
fn a_library_without_manifest_is_refused_and_named_when_it_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("plugins")).unwrap();
    fs::write(dir.path().join("plugins/libarborist_odd.so"), "no library").unwrap();
    let search = search(dir.path());
    let found = search.find_all();
    assert_eq!(found.plugins, []);
    assert_eq!(found.refused.len(), 1);
    let message = search.find("odd").unwrap_err().to_string();
    assert!(message.contains("there is no method `odd`"), "{message}");
    assert!(
        message.contains("libarborist_odd.so: no side manifest"),
        "{message}"
    );
    let message = search.find("other").unwrap_err().to_string();
    assert!(!message.contains("libarborist_odd.so"), "{message}");
}

#[test]
fn a_broken_allow_list_is_shown_and_allows_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let approvals = dir.path().join("data/plugins");
    fs::create_dir_all(&approvals).unwrap();
    fs::write(approvals.join(AllowList::FILE_NAME), "not = [toml").unwrap();
    let found = search(dir.path()).find_all();
    assert_eq!(found.refused.len(), 1);
    assert!(
        found.refused[0].path.ends_with("allowed.toml"),
        "{:?}",
        found.refused
    );
}
