use arborist_server::db::Db;
use arborist_shared::api::accounts::Role;
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

use crate::apart::Apart;
use crate::house::{Client, Estate, House, corpus, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_watched_from_start_to_end() {
    let house = House::open().await;
    let client = house.key(Role::Manager).await;
    let project = client.project().await;
    let taxonomy = client.taxonomy(project).await;
    let path = format!("/api/v1/projects/{project}/corpora?taxonomy={taxonomy}&name=news.jsonl");
    let job = client
        .upload(&path, corpus(0, 20_000))
        .await
        .expect(202)
        .json()["job"]
        .as_i64()
        .unwrap();
    let events = client.watch(job).await;
    assert!(events.iter().all(|(name, _)| name == "job"));
    let statuses: Vec<&str> = events
        .iter()
        .map(|(_, job)| job["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses.last(), Some(&"succeeded"));
    assert!(statuses.contains(&"running"), "{statuses:?}");
    let last = &events.last().unwrap().1;
    assert_eq!(
        (last["title"].as_str(), last["project"].as_i64()),
        (Some("Import corpus news.jsonl"), Some(project))
    );
    for time in ["created_at", "started_at", "finished_at"] {
        assert!(last[time].as_str().unwrap().ends_with('Z'), "{last}");
    }
    // The end can be watched again, and looked at.
    assert_eq!(client.watch(job).await, [("job".to_owned(), last.clone())]);
    assert_eq!(
        &client.get(&format!("/api/v1/jobs/{job}")).await.json(),
        last
    );
    let listed = client
        .get(&format!(
            "/api/v1/jobs?project={project}&status=succeeded&limit=1"
        ))
        .await
        .json();
    assert_eq!(&listed["jobs"][0], last);
    assert_eq!(
        client.get("/api/v1/jobs?status=failed").await.json()["jobs"],
        json!([])
    );
}

/// Queues an import and waits until it has written something, but not everything; answers project and job.
async fn import_half_way(client: &Client, rows: usize) -> (i64, i64) {
    let project = client.project().await;
    let taxonomy = client.taxonomy(project).await;
    let path = format!("/api/v1/projects/{project}/corpora?taxonomy={taxonomy}");
    let accepted = client.upload(&path, corpus(0, rows)).await.expect(202);
    let job = accepted.json()["job"].as_i64().unwrap();
    let written = || async {
        let job = client.get(&format!("/api/v1/jobs/{job}")).await.json();
        let steps = job["progress"].as_array().unwrap().clone();
        steps.iter().any(|step| {
            step["name"] == "documents"
                && (8_001..rows as u64).contains(&step["current"].as_u64().unwrap())
        })
    };
    wait_until("documents are written", written).await;
    (project, job)
}

async fn check_import(house: &House, client: &Client, project: i64, job: i64, rows: i64) {
    let client = Client {
        url: format!("http://{}", house.server().address()),
        ..client.clone()
    };
    let ended = client.watch(job).await.pop().unwrap().1;
    let corpus = Client::made(&ended);
    let corpus = client
        .get(&format!("/api/v1/corpora/{corpus}"))
        .await
        .expect(200)
        .json()["corpus"]
        .clone();
    assert_eq!(
        (
            corpus["n_documents"].as_i64(),
            corpus["n_rejected"].as_i64()
        ),
        (Some(rows), Some(0)),
        "{corpus}"
    );
    let found = |search: String| {
        let client = client.clone();
        async move {
            let path = format!("/api/v1/projects/{project}/documents?search={search}");
            client.get(&path).await.expect(200).json()["total"]
                .as_i64()
                .unwrap()
        }
    };
    for id in [0, 7_999, 8_000, rows - 1] {
        assert_eq!(found(format!("number{id}%20")).await, 1, "{id}");
    }
    // The same as an import that nobody interrupted.
    let other = client.project().await;
    let taxonomy = client.taxonomy(other).await;
    let whole = client
        .corpus(other, taxonomy, crate::house::corpus(0, rows as usize))
        .await;
    let whole = client.get(&format!("/api/v1/corpora/{whole}")).await.json()["corpus"].clone();
    for key in ["content_hash", "n_train", "n_test", "labels_per_document"] {
        assert_eq!(corpus[key], whole[key], "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_goes_on_after_a_restart() {
    let mut house = House::open().await;
    let client = house.key(Role::Manager).await;
    let (project, job) = import_half_way(&client, 60_000).await;
    house.stop().await;
    house.start().await;
    check_import(&house, &client, project, job, 60_000).await;
}

/// The one text that a query finds.
async fn found(db: &Db, sql: &str) -> String {
    let statement = sea_orm::Statement::from_string(db.read().get_database_backend(), sql);
    let row = db.read().query_one_raw(statement).await.unwrap().unwrap();
    row.try_get("", "found").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_goes_on_after_a_crash() {
    let mut house = House::open().await;
    house.stop().await;
    let apart = Apart::start(&house);
    let client = apart.key(&house, Role::Manager).await;
    let (project, job) = import_half_way(&client, 60_000).await;
    apart.kill();
    let db = Db::open(&house.options().database_url()).await.unwrap();
    // The crash left the job at work, with a lease that runs for a while yet, and a database that is whole.
    let open = format!("SELECT status AS found FROM job WHERE id = {job}");
    assert_eq!(found(&db, &open).await, "running");
    if !db.is_postgres() {
        let whole = "SELECT integrity_check AS found FROM pragma_integrity_check";
        assert_eq!(found(&db, whole).await, "ok");
    }
    db.close().await;
    house.start().await;
    check_import(&house, &client, project, job, 60_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_that_no_job_needs_go_at_the_next_start() {
    let mut house = House::open().await;
    let client = house.key(Role::Manager).await;
    let (_, job) = import_half_way(&client, 60_000).await;
    house.stop().await;
    let uploads = house.data_dir().join("uploads");
    let there = || {
        let entries = std::fs::read_dir(&uploads).unwrap().flatten();
        entries.map(|entry| entry.file_name()).collect::<Vec<_>>()
    };
    let needed = there();
    assert_eq!(needed.len(), 1);
    // What a request leaves that was being received when the server was killed.
    std::fs::write(uploads.join("0123abcd"), "half an upload").unwrap();
    house.start().await;
    assert!(!uploads.join("0123abcd").exists());
    let client = Client {
        url: format!("http://{}", house.server().address()),
        ..client
    };
    Client::made(&client.watch(job).await.pop().unwrap().1);
    assert!(there().is_empty(), "an upload is left behind its job");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_cannot_be_read_fails_and_the_server_starts() {
    let mut house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let body = estate.run(json!({"epochs": 1_000, "step_ms": 10}));
    let mut jobs = Vec::new();
    for _ in 0..3 {
        let accepted = client.post(&estate.runs(), &body).await.expect(202).json();
        jobs.push(accepted["job"].as_i64().unwrap());
    }
    house.stop().await;
    // One waits and one is left at work, both as a version of the server queued them that knew other kinds of jobs.
    let db = Db::open(&house.options().database_url()).await.unwrap();
    for (job, request, status) in [
        (jobs[0], r#"{"kind":"export"}"#, "queued"),
        (jobs[1], r#"{"kind":"import_asset","upload":{}}"#, "running"),
    ] {
        let sql = format!(
            "UPDATE job SET request = '{request}', status = '{status}', lease_until = '2999-01-01T00:00:00+00:00' WHERE id = {job}"
        );
        db.write().execute_unprepared(&sql).await.unwrap();
    }
    db.close().await;
    house.start().await;
    let client = Client {
        url: format!("http://{}", house.server().address()),
        ..client
    };
    for job in &jobs[..2] {
        let ended = client.watch(*job).await.pop().unwrap().1;
        assert_eq!(ended["status"], "failed");
        let error = ended["error"].as_str().unwrap();
        assert!(error.contains("cannot be read"), "{error}");
        assert!(ended["finished_at"].is_string());
    }
    // The one that can be read goes on.
    let last = format!("/api/v1/jobs/{}", jobs[2]);
    wait_until("the third job is at work", || {
        let (client, last) = (client.clone(), last.clone());
        async move { client.get(&last).await.json()["status"] == "running" }
    })
    .await;
    client.delete(&last).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_at_a_time_uses_a_data_directory() {
    let house = House::open().await;
    let Err(error) = arborist_server::http::start(house.options()).await else {
        panic!("two servers")
    };
    assert!(
        error
            .to_string()
            .contains("another server uses the data directory"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_training_goes_on_after_a_restart() {
    let mut house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let unbroken = estate.trained(&client, json!({"epochs": 40})).await;
    let accepted = client
        .post(
            &estate.runs(),
            &estate.run(json!({"epochs": 40, "step_ms": 20})),
        )
        .await
        .expect(202)
        .json();
    let (job, run) = (
        accepted["job"].as_i64().unwrap(),
        accepted["run"].as_i64().unwrap(),
    );
    let epochs = |client: Client| async move {
        client
            .get(&format!("/api/v1/runs/{run}/epochs"))
            .await
            .json()["epochs"]
            .clone()
    };
    wait_until("the first epochs are done", || {
        let epochs = epochs(client.clone());
        async move { epochs.await.as_array().unwrap().len() >= 3 }
    })
    .await;
    house.stop().await;
    house.start().await;
    let client = Client {
        url: format!("http://{}", house.server().address()),
        ..client
    };
    let ended = client.watch(job).await.pop().unwrap().1;
    assert_eq!(Client::made(&ended), run);
    let all = epochs(client.clone()).await;
    let numbers: Vec<i64> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|epoch| epoch["epoch"].as_i64().unwrap())
        .collect();
    assert_eq!(numbers, (1..=40).collect::<Vec<_>>());
    let metrics = |run: i64| {
        let client = client.clone();
        async move {
            client
                .get(&format!("/api/v1/runs/{run}/metrics"))
                .await
                .expect(200)
                .json()
        }
    };
    assert_eq!(metrics(run).await, metrics(unbroken).await);
    let events =
        std::fs::read_to_string(house.data_dir().join(format!("runs/{run}/events.jsonl"))).unwrap();
    let started = events
        .lines()
        .filter(|line| line.contains("\"started\""))
        .count();
    assert_eq!(started, 2, "{events}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_is_replaced_and_said_so() {
    let house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let body = estate.run(json!({"epochs": 200, "step_ms": 10}));
    let accepted = client.post(&estate.runs(), &body).await.expect(202).json();
    let (job, run) = (
        accepted["job"].as_i64().unwrap(),
        accepted["run"].as_i64().unwrap(),
    );
    let directory = house
        .data_dir()
        .canonicalize()
        .unwrap()
        .join(format!("runs/{run}"));
    for blow in 1..=2 {
        let mut process = None;
        wait_until("the worker trains", || {
            process = worker_of(&directory);
            let events = std::fs::read_to_string(directory.join("events.jsonl"));
            let started = events.unwrap_or_default().matches("\"started\"").count();
            let found = process.is_some() && started == blow;
            async move { found }
        })
        .await;
        rustix::process::kill_process(
            rustix::process::Pid::from_raw(process.unwrap()).unwrap(),
            rustix::process::Signal::KILL,
        )
        .unwrap();
    }
    let ended = client.watch(job).await.pop().unwrap().1;
    assert_eq!(Client::made(&ended), run);
    let place = client
        .get(&format!("/api/v1/jobs/{job}/place"))
        .await
        .json();
    let attempts = place["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 2, "{place}");
    for attempt in attempts {
        assert_eq!(attempt["cause"], "lost_worker");
        let message = attempt["message"].as_str().unwrap();
        assert!(message.contains("SIGKILL"), "{message}");
    }
    // What was broken twice equals what was not.
    let unbroken = estate.trained(&client, json!({"epochs": 200})).await;
    let metrics = async |run: i64| {
        let path = format!("/api/v1/runs/{run}/metrics?split=test");
        client.get(&path).await.json()
    };
    assert_eq!(metrics(run).await, metrics(unbroken).await);
    // A run that is not done predicts nothing.
    let body = estate.run(json!({"fault": "fail"}));
    let accepted = client.post(&estate.runs(), &body).await.expect(202).json();
    client.watch(accepted["job"].as_i64().unwrap()).await;
    client
        .post(
            &format!("/api/v1/runs/{}/predict", accepted["run"]),
            &json!({"documents": []}),
        )
        .await
        .problem(409, "run_not_ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_training_is_cancelled() {
    let house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let long = || async {
        client
            .post(
                &estate.runs(),
                &estate.run(json!({"epochs": 1_000, "step_ms": 10})),
            )
            .await
            .expect(202)
            .json()
    };
    let (first, second) = (long().await, long().await);
    let status = |job: &Value| {
        let (client, path) = (client.clone(), format!("/api/v1/jobs/{}", job["job"]));
        async move {
            client.get(&path).await.json()["status"]
                .as_str()
                .unwrap()
                .to_owned()
        }
    };
    wait_until("the first trains", || {
        let status = status(&first);
        async move { status.await == "running" }
    })
    .await;
    // One trains, the other waits, and ends at once.
    assert_eq!(status(&second).await, "queued");
    assert_eq!(
        client
            .delete(&format!("/api/v1/jobs/{}", second["job"]))
            .await
            .expect(200)
            .json()["status"],
        "cancelled"
    );
    client
        .delete(&format!("/api/v1/jobs/{}", first["job"]))
        .await
        .expect(200);
    let ended = client
        .watch(first["job"].as_i64().unwrap())
        .await
        .pop()
        .unwrap()
        .1;
    assert_eq!(ended["status"], "cancelled");
}

fn worker_of(run: &std::path::Path) -> Option<i32> {
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .find_map(|entry| {
            let process_id: i32 = entry.file_name().to_str()?.parse().ok()?;
            let line = std::fs::read(entry.path().join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).into_owned();
            (line.contains("work\0--dir\0") && line.contains(run.to_str()?)).then_some(process_id)
        })
}
