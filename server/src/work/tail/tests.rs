use std::fs::OpenOptions;
use std::io::Write;

use arborist_shared::run::LogLevel;

use super::*;
use crate::work::executor::Ending;

fn line(message: &str) -> String {
    let event = RunEvent::Log {
        at_ms: 1,
        level: LogLevel::Info,
        message: message.to_owned(),
    };
    serde_json::to_string(&event).unwrap()
}

fn message(event: Option<RunEvent>) -> Option<String> {
    match event {
        Some(RunEvent::Log { message, .. }) => Some(message),
        other => panic!("expected a log line, found {other:?}"),
    }
}

#[tokio::test]
async fn events_arrive_whole_and_in_order_even_when_written_in_pieces() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("events.jsonl");
    std::fs::write(&path, format!("{}\n", line("earlier attempt"))).unwrap();
    let offset = end_of_events(&path);
    let (sender, mut events) = mpsc::channel(1);
    let (exit_sender, exit) = watch::channel(None);
    let following = tokio::spawn(follow(path.clone(), offset, sender, exit));

    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    let first = line("first");
    let (head, tail) = first.split_at(10);
    file.write_all(head.as_bytes()).unwrap();
    file.write_all(
        format!(
            "{tail}\nnot an event\n{}\n{}",
            line("second"),
            line("never finished")
        )
        .as_bytes(),
    )
    .unwrap();
    assert_eq!(message(events.recv().await).as_deref(), Some("first"));
    assert_eq!(message(events.recv().await).as_deref(), Some("second"));

    file.write_all(format!("\n{}\n", line("last words")).as_bytes())
        .unwrap();
    exit_sender.send_replace(Some(Exit {
        outcome: Ending::Done,
        cause: None,
        message: None,
    }));
    assert_eq!(
        message(events.recv().await).as_deref(),
        Some("never finished")
    );
    assert_eq!(message(events.recv().await).as_deref(), Some("last words"));
    assert_eq!(events.recv().await, None);
    following.await.unwrap();
}

#[tokio::test]
async fn a_child_that_never_wrote_an_event_ends_the_stream() {
    let dir = tempfile::tempdir().unwrap();
    let (sender, mut events) = mpsc::channel(1);
    let (exit_sender, exit) = watch::channel(None);
    tokio::spawn(follow(dir.path().join("events.jsonl"), 0, sender, exit));
    exit_sender.send_replace(Some(Exit {
        outcome: Ending::Crashed,
        cause: None,
        message: None,
    }));
    assert_eq!(events.recv().await, None);
}

#[test]
fn the_end_of_the_last_line_leaves_out_what_was_cut() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("events.jsonl");
    assert_eq!(end_of_events(&path), 0);
    for (text, end) in [("", 0), ("half a li", 0), ("a\n", 2), ("a\nbc\nd", 5)] {
        std::fs::write(&path, text).unwrap();
        assert_eq!(end_of_events(&path), end, "{text:?}");
    }
}
