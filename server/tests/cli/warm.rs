//! Warm models: answers, faults, and the end of the child.

use std::process::Command;

use arborist_server::work::{WarmModel, WarmOptions, WorkError};

use crate::workbench::{Workbench, is_alive, program, wait_until};

async fn start(bench: &Workbench) -> Result<WarmModel, WorkError> {
    let options = WarmOptions {
        program: program(),
        plugin: None,
        device: "auto".to_owned(),
        threads: 1,
    };
    WarmModel::start_with(&bench.path("run"), options).await
}

#[tokio::test]
async fn concurrent_requests_get_their_own_answers() {
    let bench = Workbench::with_run();
    let model = start(&bench).await.unwrap();
    assert_eq!(
        (model.n_labels(), model.threshold(), model.device()),
        (7, 0.5, "cpu")
    );
    assert!(model.memory_bytes() > 1_000_000);
    let texts: Vec<Vec<String>> = (0..20)
        .map(|n| (0..n).map(|k| format!("hoot {k} fin {n}")).collect())
        .collect();
    let answers = futures_in_order(texts.iter().map(|texts| model.predict(texts))).await;
    for (texts, answer) in texts.iter().zip(answers) {
        let answer = answer.unwrap();
        assert_eq!(answer.len(), texts.len());
        for (text, scores) in texts.iter().zip(&answer) {
            assert_eq!(
                model.predict(&[text]).await.unwrap(),
                std::slice::from_ref(scores)
            );
        }
    }
}

/// All of these at once; `join_all` of the futures crate, without the crate.
async fn futures_in_order<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut pending: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, answer) in pending.iter_mut().filter(|(_, answer)| answer.is_none()) {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(context) {
                *answer = Some(value);
            }
        }
        if pending.iter().all(|(_, answer)| answer.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    pending
        .into_iter()
        .filter_map(|(_, answer)| answer)
        .collect()
}

#[tokio::test]
async fn a_request_that_is_given_up_disturbs_no_other() {
    let bench = Workbench::with_run();
    let model = start(&bench).await.unwrap();
    let long: Vec<String> = (0..20_000).map(|k| format!("hoot {k}")).collect();
    for _ in 0..3 {
        let given_up =
            tokio::time::timeout(std::time::Duration::from_millis(1), model.predict(&long)).await;
        assert!(given_up.is_err() || given_up.is_ok_and(|answer| answer.is_ok()));
    }
    assert_eq!(model.predict(&["fin"]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_end_of_the_child_is_explained_to_whoever_waits_and_whoever_comes() {
    let bench = Workbench::with_run();
    let model = start(&bench).await.unwrap();
    assert!(
        Command::new("kill")
            .args(["-KILL", &model.process_id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    for _ in 0..2 {
        let error = model.predict(&["hoot"]).await.unwrap_err().to_string();
        assert!(error.contains("signal 9 (SIGKILL"), "{error}");
    }
    assert!(model.ended().is_some());
    assert_eq!(model.memory_bytes(), 0);
}

#[tokio::test]
async fn a_dropped_model_leaves_no_process() {
    let bench = Workbench::with_run();
    let model = start(&bench).await.unwrap();
    let process_id = model.process_id();
    drop(model);
    tokio::task::spawn_blocking(move || {
        wait_until("the child has ended", || !is_alive(process_id))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_model_that_cannot_be_loaded_says_why() {
    let bench = Workbench::with_run();
    std::fs::remove_file(bench.path("run/checkpoint/toy.json")).unwrap();
    let error = start(&bench).await.unwrap_err().to_string();
    assert!(
        error.contains("cannot read") && error.contains("toy.json"),
        "{error}"
    );
}
