//! The queue: order, limits, what jobs need, devices, groups, and what follows an attempt that was lost.

use arborist_server::app::ServeOptions;
use arborist_server::devices::Simulated;
use arborist_shared::api::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{Client, Estate, House, wait_until};

/// A training that goes on until it is stopped.
fn long() -> Value {
    json!({"epochs": 100_000, "step_ms": 5})
}

async fn queue_run(client: &Client, estate: &Estate, hyperparameters: Value) -> i64 {
    let accepted = client
        .post(&estate.runs(), &estate.run(hyperparameters))
        .await;
    accepted.expect(202).json()["job"].as_i64().unwrap()
}

async fn queue(client: &Client) -> Value {
    client.get("/api/v1/queue").await.expect(200).json()
}

fn ids(jobs: &Value) -> Vec<i64> {
    let jobs = jobs.as_array().unwrap();
    jobs.iter().map(|job| job["id"].as_i64().unwrap()).collect()
}

async fn running(client: &Client, n: usize) -> Vec<i64> {
    wait_until("so many are at work", || async {
        queue(client).await["running"].as_array().unwrap().len() == n
    })
    .await;
    ids(&queue(client).await["running"])
}

async fn cancel(client: &Client, job: i64) -> Value {
    client
        .delete(&format!("/api/v1/jobs/{job}"))
        .await
        .expect(200);
    client.watch(job).await.pop().unwrap().1
}

async fn patch(client: &Client, path: &str, body: Value) -> crate::house::Answer {
    client
        .send(client.request(Method::PATCH, path).json(&body))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_jobs_have_a_turn_a_reason_and_an_order_that_can_be_changed() {
    let house = House::with_toy().await;
    let client = house.key(Role::Admin).await;
    let estate = Estate::new(&client).await;
    let mut jobs = Vec::new();
    for _ in 0..5 {
        jobs.push(queue_run(&client, &estate, long()).await);
    }
    assert_eq!(running(&client, 1).await, jobs[..1]);
    let shown = queue(&client).await;
    assert_eq!(ids(&shown["waiting"]), jobs[1..]);
    assert_eq!(shown["n_waiting"], 4);
    let positions: Vec<_> = shown["waiting"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["position"].clone())
        .collect();
    assert_eq!(positions, [1, 2, 3, 4]);
    assert_eq!(shown["waiting"][0]["reason"], "cpu is busy with a job");
    let reason = shown["waiting"][1]["reason"].as_str().unwrap();
    assert_eq!(reason, format!("job {} is before it on cpu", jobs[1]));
    assert_eq!(shown["running"][0]["place"], "cpu");
    assert_eq!(shown["waiting"][0]["method"], "toy");
    // Pages go on where the one before ended.
    let page = client.get("/api/v1/queue?limit=3").await.json();
    let next = page["next"].as_str().unwrap();
    let rest = client
        .get(&format!("/api/v1/queue?limit=3&cursor={next}"))
        .await
        .json();
    assert_eq!(
        (ids(&page["waiting"]), ids(&rest["waiting"])),
        (jobs[1..4].to_vec(), jobs[4..].to_vec())
    );

    let place = |job: i64, body: Value| {
        let client = client.clone();
        async move {
            client
                .post(&format!("/api/v1/jobs/{job}/move"), &body)
                .await
        }
    };
    place(jobs[4], json!({"before": jobs[2]})).await.expect(200);
    assert_eq!(
        ids(&queue(&client).await["waiting"]),
        [jobs[1], jobs[4], jobs[2], jobs[3]]
    );
    place(jobs[1], json!({"to": "last"})).await.expect(200);
    let moved = place(jobs[3], json!({"to": "first"}))
        .await
        .expect(200)
        .json();
    assert_eq!(moved["position"], 1);
    assert_eq!(
        ids(&queue(&client).await["waiting"]),
        [jobs[3], jobs[4], jobs[2], jobs[1]]
    );
    // Again and again into the same gap: there is always room.
    for turn in 0..60 {
        let (job, other) = (jobs[1 + turn % 2], jobs[4]);
        place(job, json!({"after": other})).await.expect(200);
        let order = ids(&queue(&client).await["waiting"]);
        assert_eq!(order[..3], [jobs[3], other, job]);
    }
    // A priority passes over all of the ones below, and a neighbour takes it.
    patch(
        &client,
        &format!("/api/v1/jobs/{}", jobs[2]),
        json!({"priority": 5}),
    )
    .await
    .expect(200);
    assert_eq!(ids(&queue(&client).await["waiting"])[0], jobs[2]);
    let moved = place(jobs[1], json!({"after": jobs[2]}))
        .await
        .expect(200)
        .json();
    assert_eq!(moved["priority"], 5);
    place(jobs[0], json!({"to": "first"}))
        .await
        .problem(409, "job_not_waiting");
    place(jobs[1], json!({"after": jobs[0]}))
        .await
        .problem(409, "job_not_waiting");
    place(jobs[1], json!({}))
        .await
        .problem(422, "field_invalid");
    patch(
        &client,
        &format!("/api/v1/jobs/{}", jobs[2]),
        json!({"priority": 101}),
    )
    .await
    .problem(422, "field_invalid");
    // What is first is taken first.
    cancel(&client, jobs[0]).await;
    assert_eq!(running(&client, 1).await, [jobs[2]]);
    for job in &jobs[1..] {
        cancel(&client, *job).await;
    }
    assert_eq!(
        ids(&queue(&client).await["finished"]).len(),
        7,
        "two imports and five trainings"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_wait_for_those_that_they_need() {
    let house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let first = queue_run(&client, &estate, long()).await;
    let after = |needs: i64| {
        let mut body = estate.run(json!({}));
        body["after"] = json!([needs]);
        body
    };
    let second = client
        .post(&estate.runs(), &after(first))
        .await
        .expect(202)
        .json()["job"]
        .as_i64()
        .unwrap();
    let third = client
        .post(&estate.runs(), &after(second))
        .await
        .expect(202)
        .json()["job"]
        .as_i64()
        .unwrap();
    let unrelated = queue_run(&client, &estate, json!({})).await;
    running(&client, 1).await;
    let place = client
        .get(&format!("/api/v1/jobs/{second}/place"))
        .await
        .expect(200)
        .json();
    assert_eq!(
        place["reason"],
        format!("it needs job {first} to succeed first")
    );
    assert_eq!(place["needs"], json!([first]));
    // What needs a job that did not succeed fails with it, and what needs that in turn; others go on.
    cancel(&client, first).await;
    for job in [second, third] {
        let ended = client.watch(job).await.pop().unwrap().1;
        assert_eq!(ended["status"], "failed");
        let place = client
            .get(&format!("/api/v1/jobs/{job}/place"))
            .await
            .json();
        assert_eq!(place["cause"], "needed_job");
    }
    Client::made(&client.watch(unrelated).await.pop().unwrap().1);
    // What needs one that succeeds starts then.
    let last = client
        .post(&estate.runs(), &after(unrelated))
        .await
        .expect(202)
        .json()["job"]
        .as_i64()
        .unwrap();
    Client::made(&client.watch(last).await.pop().unwrap().1);
    client
        .post(&estate.runs(), &after(987_654_321))
        .await
        .problem(422, "field_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_have_no_more_than_their_share() {
    let mut house = House::with_toy().await;
    house.stop().await;
    house
        .start_with(ServeOptions {
            training_slots: 3,
            ..house.options()
        })
        .await;
    let admin = house.admin().await;
    let estate = Estate::new(&admin).await;
    let manager = house
        .person("ann", Role::Viewer, &[(estate.project, Role::Manager)])
        .await;
    let user = manager.get("/api/v1/session").await.json()["user"]["id"]
        .as_i64()
        .unwrap();
    let put = |limits: Value| {
        let request = admin
            .request(Method::PUT, "/api/v1/limits")
            .json(&json!({"limits": limits}));
        admin.send(request)
    };
    put(json!([{"user": 987_654, "running": 1}]))
        .await
        .problem(422, "field_invalid");
    put(json!([{"user": null, "running": 2, "waiting": 9}, {"user": user, "running": 1, "waiting": 2}])).await.expect(200);
    manager
        .get("/api/v1/limits")
        .await
        .problem(403, "forbidden");
    let mut jobs = Vec::new();
    for _ in 0..2 {
        jobs.push(queue_run(&manager, &estate, long()).await);
    }
    let others = queue_run(&admin, &estate, long()).await;
    // Two places are free; the second one waits for its owner's limit all the same, and the other person passes it.
    let at_work = running(&admin, 2).await;
    assert_eq!(at_work, [jobs[0], others]);
    let place = manager
        .get(&format!("/api/v1/jobs/{}/place", jobs[1]))
        .await
        .json();
    assert_eq!(
        place["reason"],
        "its owner has 1 at work already, which is the limit"
    );
    assert_eq!(place["created_by"], "ann");
    jobs.push(queue_run(&manager, &estate, long()).await);
    let refused = manager.post(&estate.runs(), &estate.run(long())).await;
    let problem = refused.problem(429, "too_many_jobs");
    assert!(
        problem["detail"].as_str().unwrap().contains("limit of 2"),
        "{problem}"
    );
    put(json!([])).await.expect(200);
    running(&admin, 3).await;
    for job in jobs.into_iter().chain([others]) {
        cancel(&admin, job).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn small_jobs_share_a_simulated_gpu_until_its_memory_is_promised() {
    let mut house = House::with_toy().await;
    house.stop().await;
    // The toy needs a little over a megabyte; two fit into the share of three that is promised.
    let gpu = Simulated {
        memory_bytes: 3_000_000,
    };
    let options = || ServeOptions {
        simulated: vec![gpu],
        ..house.options()
    };
    let options = options();
    house.start_with(options.clone()).await;
    let client = house.key(Role::Admin).await;
    let estate = Estate::new(&client).await;
    let devices = client.get("/api/v1/devices").await.expect(200).json()["devices"].clone();
    let names: Vec<&Value> = devices
        .as_array()
        .unwrap()
        .iter()
        .map(|device| &device["name"])
        .collect();
    assert_eq!(names, ["cpu", "cuda:0"]);
    assert_eq!(
        (&devices[1]["simulated"], &devices[1]["memory_total_bytes"]),
        (&json!(true), &json!(3_000_000))
    );
    let mut body = estate.run(long());
    body["device"] = json!("cuda:0");
    let mut jobs = Vec::new();
    for _ in 0..3 {
        let accepted = client.post(&estate.runs(), &body).await.expect(202).json();
        jobs.push(accepted["job"].as_i64().unwrap());
    }
    assert_eq!(running(&client, 2).await, jobs[..2]);
    let shown = queue(&client).await;
    let reason = shown["waiting"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("it needs 0.0 GB on cuda:0"), "{reason}");
    assert_eq!(shown["devices"][1]["jobs"], json!(jobs[..2]));
    // Draining: those at work go on, the next one does not start.
    let gpu_path = "/api/v1/devices/cuda:0";
    patch(&client, gpu_path, json!({"state": "draining"}))
        .await
        .expect(200);
    cancel(&client, jobs[0]).await;
    wait_until("the device has one job left", || async {
        queue(&client).await["devices"][1]["jobs"] == json!([jobs[1]])
    })
    .await;
    let waiting = queue(&client).await["waiting"][0].clone();
    assert_eq!(
        waiting["reason"],
        "cuda:0 takes no more jobs, it is draining"
    );
    // Disabled: those at work are put back.
    patch(&client, gpu_path, json!({"state": "disabled"}))
        .await
        .expect(200);
    wait_until("both wait", || async {
        queue(&client).await["n_waiting"] == 2
    })
    .await;
    patch(
        &client,
        "/api/v1/devices/cuda:9",
        json!({"state": "enabled"}),
    )
    .await
    .problem(404, "device_not_found");
    // It stays so after a restart.
    house.stop().await;
    house.start_with(options).await;
    let client = Client {
        url: format!("http://{}", house.server().address()),
        ..client
    };
    assert_eq!(queue(&client).await["devices"][1]["state"], "disabled");
    patch(&client, gpu_path, json!({"state": "enabled"}))
        .await
        .expect(200);
    running(&client, 2).await;
    for job in &jobs[1..] {
        cancel(&client, *job).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_that_runs_out_is_met_with_smaller_batches() {
    let house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let body = estate.run(json!({"fault": "out_of_memory", "batch_size": 32}));
    let accepted = client.post(&estate.runs(), &body).await.expect(202).json();
    let (job, run) = (
        accepted["job"].as_i64().unwrap(),
        accepted["run"].as_i64().unwrap(),
    );
    let ended = client.watch(job).await.pop().unwrap().1;
    assert_eq!(Client::made(&ended), run);
    let place = client
        .get(&format!("/api/v1/jobs/{job}/place"))
        .await
        .json();
    let attempts = place["attempts"].as_array().unwrap();
    let causes: Vec<&Value> = attempts.iter().map(|attempt| &attempt["cause"]).collect();
    assert_eq!(causes, ["out_of_memory", "out_of_memory"], "{place}");
    assert_eq!(
        attempts[1]["next"],
        "begins again with batches of 8 instead of 16 documents, 4 of which make one update"
    );
    let trained =
        client.get(&format!("/api/v1/runs/{run}")).await.json()["run"]["hyperparameters"].clone();
    assert_eq!(
        (&trained["batch_size"], &trained["accumulate"]),
        (&json!(8), &json!(4))
    );
    // What cannot be smaller fails with its cause.
    let body = estate
        .run(json!({"fault": "out_of_memory", "batch_size": 1, "accumulate": 2, "least_batch": 0}));
    let failed = client
        .finish(client.post(&estate.runs(), &body).await)
        .await;
    assert_eq!(failed["status"], "failed");
    let place = client
        .get(&format!("/api/v1/jobs/{}/place", failed["id"]))
        .await
        .json();
    assert_eq!(
        (&place["cause"], &place["attempts"]),
        (&json!("out_of_memory"), &json!([]))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_may_help_is_tried_again() {
    let house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    for (hyperparameters, cause) in [
        (json!({"fault": "fail"}), "failed"),
        (json!({"fault": "panic"}), "panicked"),
        (json!({"fault": "segfault"}), "crashed"),
        (json!({"smoothing": 100, "fault": "refuse"}), "refused"),
    ] {
        let job = client
            .finish(
                client
                    .post(&estate.runs(), &estate.run(hyperparameters))
                    .await,
            )
            .await;
        assert_eq!(job["status"], "failed", "{job}");
        let place = client
            .get(&format!("/api/v1/jobs/{}/place", job["id"]))
            .await
            .json();
        assert_eq!(
            (&place["cause"], &place["attempts"]),
            (&json!(cause), &json!([]))
        );
        // Whoever thinks it may help queues it again.
        let again = format!("/api/v1/jobs/{}/retry", job["id"]);
        client.post(&again, &json!({})).await.expect(200);
        let job = client
            .watch(job["id"].as_i64().unwrap())
            .await
            .pop()
            .unwrap()
            .1;
        assert_eq!(job["status"], "failed");
    }
    let done = client
        .finish(client.post(&estate.runs(), &estate.run(json!({}))).await)
        .await;
    let again = format!("/api/v1/jobs/{}/retry", done["id"]);
    client
        .post(&again, &json!({}))
        .await
        .problem(409, "job_not_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_run_is_kept_and_searched() {
    let house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let run = estate.trained(&client, json!({"epochs": 3})).await;
    let log = client
        .get(&format!("/api/v1/runs/{run}/log"))
        .await
        .expect(200)
        .json();
    let texts: Vec<&str> = log["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["text"].as_str().unwrap())
        .collect();
    assert!(
        texts
            .iter()
            .any(|text| text.contains("documents to train on")),
        "{texts:?}"
    );
    assert!(
        texts.iter().any(|text| text.starts_with("epoch 3: total")),
        "{texts:?}"
    );
    assert_eq!(log["more"], false);
    let found = client
        .get(&format!("/api/v1/runs/{run}/log?search=EPOCH%202"))
        .await
        .json();
    assert_eq!(found["lines"].as_array().unwrap().len(), 1);
    let next = log["next"].as_str().unwrap();
    let rest = client
        .get(&format!("/api/v1/runs/{run}/log?cursor={next}"))
        .await
        .json();
    assert_eq!(rest["lines"], json!([]));
    client
        .get(&format!("/api/v1/runs/{run}/log?cursor=x"))
        .await
        .problem(400, "cursor_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_to_a_stream_gets_what_they_missed() {
    let house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let job = queue_run(&client, &estate, json!({"epochs": 30})).await;
    client.watch(job).await;
    let path = format!("/api/v1/jobs/{job}/events");
    let again = |seen: u64| {
        let request = client
            .request(Method::GET, &path)
            .header("Last-Event-ID", seen);
        let answer = client.send(request);
        async move { String::from_utf8(answer.await.expect(200).body).unwrap() }
    };
    let numbers = |text: &str| -> Vec<u64> {
        text.lines()
            .filter_map(|line| line.strip_prefix("id: ")?.parse().ok())
            .collect()
    };
    let all = again(0).await;
    let n = numbers(&all).len() as u64;
    assert!(n > 30, "{n}");
    assert_eq!(numbers(&all), (1..=n).collect::<Vec<_>>());
    assert_eq!(
        numbers(&again(n - 4).await),
        (n - 3..=n).collect::<Vec<_>>()
    );
    assert_eq!(all.matches("\"event\":\"epoch\"").count(), 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_one_action_and_shows_mean_and_deviation() {
    let house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let groups = format!("/api/v1/projects/{}/groups", estate.project);
    let new = |entries: Value| json!({"corpus": estate.corpus, "taxonomy": estate.taxonomy, "seeds": [1, 2], "entries": entries});
    let wrong = new(json!([{"method": "toy"}, {"method": "toy", "grid": {"smoothing": [1, -1]}}]));
    let problem = client
        .post(&groups, &wrong)
        .await
        .problem(422, "hyperparameters_invalid");
    assert_eq!(
        problem["errors"][0]["field"], "/entries/1/hyperparameters/smoothing",
        "{problem}"
    );
    assert_eq!(
        queue(&client).await["n_waiting"],
        0,
        "nothing of a group that cannot work is queued"
    );
    let body = new(json!([{"method": "toy", "grid": {"smoothing": [0.5, 50.0]}}]));
    let made = client.post(&groups, &body).await.expect(201);
    let location = made.headers["location"].to_str().unwrap().to_owned();
    let made = made.json();
    assert_eq!(made["group"]["n_runs"], 4);
    for run in made["runs"].as_array().unwrap() {
        client.watch(run["job"].as_i64().unwrap()).await;
    }
    let shown = client.get(&location).await.expect(200).json();
    let trials = shown["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 2);
    for (trial, smoothing) in trials.iter().zip([0.5, 50.0]) {
        assert_eq!(trial["varied"], json!({"smoothing": smoothing}));
        assert_eq!(trial["n_succeeded"], 2);
        // The toy knows no randomness.
        assert_eq!(trial["figures"]["macro_f1"]["sd"], 0.0, "{trial}");
    }
    let listed = client.get(&groups).await.json();
    assert_eq!(listed["groups"][0], shown["group"]);
    client
        .get("/api/v1/groups/987654")
        .await
        .problem(404, "group_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn hopeless_trials_are_given_up() {
    let house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let groups = format!("/api/v1/projects/{}/groups", estate.project);
    let body = json!({"corpus": estate.corpus, "taxonomy": estate.taxonomy,
        "entries": [{"method": "toy", "hyperparameters": {"epochs": 30, "step_ms": 20}, "grid": {"curve": [0.5, 0.6, 0.7, 0.1]}}],
        "abandon": {"after_epochs": 2}});
    let made = client.post(&groups, &body).await.expect(201).json();
    let mut ends = Vec::new();
    for run in made["runs"].as_array().unwrap() {
        let job = run["job"].as_i64().unwrap();
        client.watch(job).await;
        let place = client
            .get(&format!("/api/v1/jobs/{job}/place"))
            .await
            .json();
        ends.push((
            place["status"].clone(),
            place["cause"].clone(),
            place["error"].clone(),
        ));
    }
    // The first three have nobody to be compared with, or are the better ones.
    for (status, cause, _) in &ends[..3] {
        assert_eq!(
            (status, cause),
            (&json!("succeeded"), &Value::Null),
            "{ends:?}"
        );
    }
    let (status, cause, why) = &ends[3];
    assert_eq!(
        (status, cause),
        (&json!("cancelled"), &json!("hopeless")),
        "{ends:?}"
    );
    assert!(
        why.as_str()
            .unwrap()
            .contains("below 0.6000, the median of 3 other trials"),
        "{why}"
    );
}
