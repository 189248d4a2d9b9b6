//! Children and who watches them: cancelling, killing, resuming, and what is left behind.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use arborist_server::work::{Ending, Executor, RunningChild, StopPolicy};
use arborist_shared::run::RunEvent;
use serde_json::json;

use crate::workbench::{
    Workbench, events, executor, is_alive, program, train_arguments, wait_until, worker_of,
};

/// A run that takes hours unless it is stopped.
fn long_run(bench: &Workbench) -> std::path::PathBuf {
    let run = bench.prepared_run(&[]);
    bench.set(&run, "epochs", json!(1_000_000));
    bench.set(&run, "step_ms", json!(1));
    run
}

async fn until_first_epoch(child: &mut RunningChild) {
    while let Some(event) = child.events().next().await {
        if matches!(event, RunEvent::Epoch { .. }) {
            return;
        }
    }
    panic!("the child ended: {:?}", child.wait().await);
}

fn kill(process_id: u32) {
    assert!(
        Command::new("kill")
            .args(["-KILL", &process_id.to_string()])
            .status()
            .unwrap()
            .success()
    );
}

#[tokio::test]
async fn events_arrive_while_the_run_goes_on_and_end_with_it() {
    let bench = Workbench::new();
    let run = bench.prepared_run(&[]);
    let mut child = executor().start(&run).unwrap();
    let mut seen = Vec::new();
    while let Some(event) = child.events().next().await {
        seen.push(serde_json::to_value(event).unwrap());
    }
    let exit = child.wait().await;
    assert_eq!((exit.outcome, exit.message), (Ending::Done, None));
    assert_eq!(seen, events(&run));
    assert_eq!(seen.first().unwrap()["event"], "started");
    assert_eq!(seen.last().unwrap()["outcome"], "done");
    // Asking again does no harm: a finished run is left alone.
    let written = fs::read(run.join("events.jsonl")).unwrap();
    assert_eq!(
        executor().start(&run).unwrap().wait().await.outcome,
        Ending::Done
    );
    assert_eq!(fs::read(run.join("events.jsonl")).unwrap(), written);
}

#[tokio::test]
async fn a_cancelled_run_says_so_and_can_be_taken_up() {
    let bench = Workbench::new();
    let run = long_run(&bench);
    let mut child = executor().start(&run).unwrap();
    until_first_epoch(&mut child).await;
    child.cancel();
    assert_eq!(child.wait().await.outcome, Ending::Cancelled);
    assert_eq!(events(&run).last().unwrap()["outcome"], "cancelled");

    bench.set(&run, "epochs", json!(1));
    assert_eq!(
        executor().start(&run).unwrap().wait().await.outcome,
        Ending::Done
    );
    assert_eq!(events(&run).last().unwrap()["outcome"], "done");
}

#[tokio::test]
async fn a_child_that_does_not_listen_is_ended() {
    let bench = Workbench::new();
    let run = long_run(&bench);
    bench.set(&run, "fault", json!("deaf"));
    let patience = StopPolicy {
        cancel: Duration::from_millis(200),
        terminate: Duration::from_secs(5),
    };
    let mut child = executor().with_stop_policy(patience).start(&run).unwrap();
    until_first_epoch(&mut child).await;
    let process_id = child.process_id().unwrap();
    child.cancel();
    let exit = child.wait().await;
    assert_eq!(exit.outcome, Ending::Cancelled);
    assert!(exit.message.unwrap().contains("killed"));
    assert!(!is_alive(process_id));
}

#[tokio::test]
async fn killing_does_not_wait() {
    let bench = Workbench::new();
    let run = long_run(&bench);
    bench.set(&run, "fault", json!("deaf"));
    let mut child = executor().start(&run).unwrap();
    until_first_epoch(&mut child).await;
    child.cancel();
    child.canceller().kill();
    assert_eq!(child.wait().await.outcome, Ending::Cancelled);
}

#[tokio::test]
async fn a_run_whose_child_was_killed_is_taken_up_where_its_events_end() {
    let bench = Workbench::new();
    let run = long_run(&bench);
    let mut child = executor().start(&run).unwrap();
    until_first_epoch(&mut child).await;
    kill(child.process_id().unwrap());
    let exit = child.wait().await;
    assert_eq!(exit.outcome, Ending::Crashed);
    let message = exit.message.unwrap();
    assert!(
        message.contains("signal 9 (SIGKILL: killed from outside"),
        "{message}"
    );

    // What a kill in the middle of a write leaves behind.
    let mut file = OpenOptions::new()
        .append(true)
        .open(run.join("events.jsonl"))
        .unwrap();
    file.write_all(b"{\"event\":\"log\",\"at_ms\":99,\"mess")
        .unwrap();
    bench.set(&run, "epochs", json!(1));
    let mut child = executor().start(&run).unwrap();
    let first = child.events().next().await.unwrap();
    assert!(matches!(first, RunEvent::Started { .. }), "{first:?}");
    assert_eq!(child.wait().await.outcome, Ending::Done);
    let times: Vec<u64> = events(&run)
        .iter()
        .map(|event| event["at_ms"].as_u64().unwrap())
        .collect();
    assert!(times.is_sorted());
}

#[tokio::test]
async fn a_run_that_nobody_wants_any_more_stops() {
    let bench = Workbench::new();
    let run = long_run(&bench);
    let mut child = executor().start(&run).unwrap();
    until_first_epoch(&mut child).await;
    let process_id = child.process_id().unwrap();
    drop(child);
    tokio::task::spawn_blocking(move || {
        wait_until("the child has ended", || !is_alive(process_id))
    })
    .await
    .unwrap();
    assert_eq!(events(&run).last().unwrap()["outcome"], "cancelled");
}

#[tokio::test]
async fn one_run_is_worked_on_once_at_a_time() {
    let bench = Workbench::new();
    let run = long_run(&bench);
    let mut first = executor().start(&run).unwrap();
    until_first_epoch(&mut first).await;
    let mut second = executor().start(&run).unwrap();
    second.cancel();
    let exit = second.wait().await;
    assert_eq!(exit.outcome, Ending::Failed);
    assert!(
        exit.message
            .unwrap()
            .contains("another process is at work on this run")
    );
    first.cancel();
    assert_eq!(first.wait().await.outcome, Ending::Cancelled);
}

#[tokio::test]
async fn what_cannot_be_started_is_said_at_once() {
    let bench = Workbench::new();
    assert!(executor().start(&bench.path("nowhere")).is_err());
    let run = bench.prepared_run(&[]);
    let missing = arborist_server::work::LocalExecutor::new(
        arborist_server::work::ChildProgram::at(bench.path("no-program")),
    );
    let error = missing.start(&run).unwrap_err().to_string();
    assert!(error.contains("no-program"), "{error}");
    assert_eq!(program().path(), Path::new(env!("CARGO_BIN_EXE_arborist")));
}

/// Kills the command itself, and looks at what its child could see of the world.
#[test]
fn no_child_outlives_its_parent_or_sees_its_secrets() {
    let bench = Workbench::new();
    let mut command = bench.command(
        &[
            &train_arguments("run")[..],
            &["--set", "epochs=1000000", "--set", "step_ms=1"],
        ]
        .concat(),
    );
    command
        .env("ARBORIST_DATABASE_URL", "sqlite://secret")
        .env("AWS_SECRET_ACCESS_KEY", "secret");
    let mut parent = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    let run = bench
        .path("run")
        .canonicalize()
        .unwrap_or_else(|_| bench.path("run"));
    wait_until("the run has begun", || {
        run.join("events.jsonl").exists() && events_so_far(&run) > 3
    });
    let child = worker_of(&run).unwrap();
    let environment = fs::read(format!("/proc/{child}/environ")).unwrap();
    assert!(!String::from_utf8_lossy(&environment).contains("secret"));
    parent.kill().unwrap();
    parent.wait().unwrap();
    wait_until("the child has ended", || !is_alive(child));
    assert_eq!(events(&run).last().unwrap()["outcome"], "cancelled");
}

fn events_so_far(run: &Path) -> usize {
    fs::read_to_string(run.join("events.jsonl"))
        .unwrap_or_default()
        .lines()
        .count()
}

#[test]
fn ctrl_c_stops_in_order() {
    let bench = Workbench::new();
    let mut command = bench.command(
        &[
            &train_arguments("run")[..],
            &["--set", "epochs=1000000", "--set", "step_ms=1"],
        ]
        .concat(),
    );
    let parent = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let run = bench.path("run");
    wait_until("the run has begun", || {
        run.join("events.jsonl").exists() && events_so_far(&run) > 3
    });
    assert!(
        Command::new("kill")
            .args(["-INT", &parent.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    let ran = crate::workbench::Ran::from(parent.wait_with_output().unwrap());
    ran.ended_with(1)
        .says(&["cancelled; the same command goes on where it stopped"]);
    assert_eq!(events(&run).last().unwrap()["outcome"], "cancelled");
}
