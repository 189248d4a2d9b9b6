use crate::workbench::Workbench;

#[test]
fn wrong_usage_is_refused_before_anything_is_made() {
    let bench = Workbench::empty();
    for (option, value) in [
        ("--bind", "nonsense"),
        ("--bind", "127.0.0.1"),
        ("--bind", "127.0.0.1:99999"),
        ("--public-url", "trees.example"),
        ("--public-url", "https:///"),
        ("--model-memory", "0"),
    ] {
        bench
            .run(&["serve", option, value])
            .ended_with(2)
            .says(&[option, value]);
        assert!(!bench.path("data").exists(), "{option} {value}");
    }
}

#[test]
fn it_listens_on_this_machine_alone_unless_told_otherwise() {
    let help = Workbench::empty().run(&["serve", "--help"]).ended_with(0);
    assert!(
        help.stdout.contains("[default: 127.0.0.1:8080]"),
        "{}",
        help.stdout
    );
}
