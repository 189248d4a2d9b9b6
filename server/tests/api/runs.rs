use arborist_shared::api::accounts::Role;
use serde_json::{Value, json};

use crate::house::{Client, Estate, House};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_trained_and_shows_its_figures() {
    let house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let plugins = client.get("/api/v1/plugins").await.expect(200).json();
    assert_eq!(plugins["methods"][0]["name"], "toy");
    let estate = Estate::new(&client).await;
    let body = json!({"method": "toy", "corpus": estate.corpus, "taxonomy": estate.taxonomy, "seed": 5, "device": "cpu", "preset": "fast",
        "hyperparameters": {"epochs": 3}});
    let accepted = client.post(&estate.runs(), &body).await.expect(202).json();
    let (job, run) = (
        accepted["job"].as_i64().unwrap(),
        accepted["run"].as_i64().unwrap(),
    );
    let events = client.watch(job).await;
    let ended = &events.last().unwrap().1;
    assert_eq!(ended["status"], "succeeded", "{ended}");
    assert_eq!(ended["result"], json!({"type": "run", "id": run}));

    let shown = client
        .get(&format!("/api/v1/runs/{run}"))
        .await
        .expect(200)
        .json()["run"]
        .clone();
    for (key, value) in [
        ("method", json!("toy")),
        ("preset", json!("fast")),
        ("seed", json!(5)),
        ("device", json!("cpu")),
        ("status", json!("succeeded")),
        ("epochs", json!(3)),
        ("job", json!(job)),
        ("corpus", json!(estate.corpus)),
    ] {
        assert_eq!(shown[key], value, "{key} of {shown}");
    }
    assert_eq!(shown["hyperparameters"]["epochs"], 3);
    assert_eq!(shown["hyperparameters"]["smoothing"], 0.5);
    assert!(shown["train_seconds"].is_number() && shown["peak_memory_bytes"].is_number());

    let directory = house.data_dir().join(format!("runs/{run}"));
    let stored: Value =
        serde_json::from_slice(&std::fs::read(directory.join("metrics.json")).unwrap()).unwrap();
    for split in ["validation", "test"] {
        let metrics = client
            .get(&format!("/api/v1/runs/{run}/metrics?split={split}"))
            .await
            .expect(200)
            .json();
        assert_eq!(metrics, stored[split]);
        assert_eq!(shown[split]["micro_f1"], metrics["micro_f1"]);
        assert_eq!(
            shown[split]["hierarchical_f1"],
            metrics["raw"]["hierarchical_f1"]
        );
        assert_eq!(metrics["documents"], 40);
    }
    assert!(shown["test"]["micro_f1"].as_f64().unwrap() > 0.8, "{shown}");
    client
        .get(&format!("/api/v1/runs/{run}/metrics?split=train"))
        .await
        .problem(404, "metrics_not_found");
    client
        .get(&format!("/api/v1/runs/{run}/metrics?split=all"))
        .await
        .problem(422, "field_invalid");

    let epochs = client
        .get(&format!("/api/v1/runs/{run}/epochs"))
        .await
        .expect(200)
        .json();
    let numbers: Vec<i64> = epochs["epochs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|epoch| epoch["epoch"].as_i64().unwrap())
        .collect();
    assert_eq!(numbers, [1, 2, 3]);

    let listed = client.get(&estate.runs()).await.expect(200).json();
    assert_eq!(listed["runs"], json!([shown]));
    // What was trained on is shared by the next run.
    assert_eq!(
        std::fs::read_dir(house.data_dir().join("snapshots"))
            .unwrap()
            .count(),
        1
    );
    // The run has it under a name of its own, so a copy of the directory takes it along.
    let directory = house.data_dir().join(format!("runs/{run}"));
    let request: Value =
        serde_json::from_slice(&std::fs::read(directory.join("request.json")).unwrap()).unwrap();
    for part in ["train", "validation", "test"] {
        assert_eq!(request[part], format!("corpus/{part}.jsonl"));
        assert!(directory.join(format!("corpus/{part}.jsonl")).is_file());
    }
    let again = estate.trained(&client, json!({"epochs": 3})).await;
    assert_eq!(
        std::fs::read_dir(house.data_dir().join("snapshots"))
            .unwrap()
            .count(),
        1
    );
    let page = client
        .get(&format!("{}?limit=1", estate.runs()))
        .await
        .json();
    assert_eq!(
        (page["runs"][0]["id"].as_i64(), page["next"].is_string()),
        (Some(again), true)
    );
    let next = client
        .get(&format!(
            "{}?limit=1&cursor={}",
            estate.runs(),
            page["next"].as_str().unwrap()
        ))
        .await
        .json();
    assert_eq!(
        (next["runs"][0]["id"].as_i64(), next["next"].is_null()),
        (Some(run), true)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_come_with_intervals_when_asked_for() {
    let house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let run = estate.trained(&client, json!({})).await;
    for split in ["validation", "test"] {
        let path = format!("/api/v1/runs/{run}/metrics?split={split}");
        let plain = client.get(&path).await.expect(200);
        let with = client.get(&format!("{path}&intervals=true")).await;
        let (text, with) = (String::from_utf8(plain.body).unwrap(), with.expect(200));
        // Not a digit of the figures is touched.
        assert!(
            with.body
                .starts_with(text.strip_suffix('}').unwrap().as_bytes())
        );
        let (figures, intervals) = (with.json(), with.json()["intervals"].clone());
        for (figure, interval) in [
            ("/micro_f1", "/micro_f1"),
            ("/macro_f1", "/macro_f1"),
            ("/exact_match", "/exact_match"),
            ("/raw/micro_f1", "/raw/micro_f1"),
            ("/raw/macro_f1", "/raw/macro_f1"),
            ("/raw/hierarchical_f1", "/raw/hierarchical_f1"),
            ("/raw/exact_match", "/raw/exact_match"),
        ] {
            let value = figures.pointer(figure).unwrap().as_f64().unwrap();
            let bounds: [f64; 2] =
                serde_json::from_value(intervals.pointer(interval).unwrap().clone()).unwrap();
            assert!(
                bounds[0] <= value && value <= bounds[1] && bounds[1] <= 1.0,
                "{split} {figure}: {value} in {bounds:?}"
            );
        }
        // Computed once: what is kept is what is answered.
        let kept = house
            .data_dir()
            .join(format!("cache/intervals-{run}-{split}.json"));
        let kept: Value = serde_json::from_slice(&std::fs::read(kept).unwrap()).unwrap();
        assert_eq!(kept, intervals);
        let again = client.get(&format!("{path}&intervals=true")).await;
        assert_eq!(again.body, with.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_estimated_before_it_is_queued() {
    let house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let path = format!("{}/estimate", estate.runs());
    let body = estate.run(json!({"epochs": 8}));
    let first = client.post(&path, &body).await.expect(200).json();
    // 120 training documents of eight words, seven labels; the formula of the toy.
    assert_eq!(first["memory_bytes"], 1_000_000 + 120 * 8 * 16 + 7 * 1_000);
    assert_eq!(first["fits"], true);
    assert!(first["memory_available_bytes"].as_u64().unwrap() > 1 << 28);
    // No run is known to take the time from.
    assert_eq!(
        (first.get("seconds"), first.get("seconds_from")),
        (None, None)
    );

    let run = estate.trained(&client, json!({"epochs": 2})).await;
    let shown = client
        .get(&format!("/api/v1/runs/{run}"))
        .await
        .expect(200)
        .json();
    let speed = shown["run"]["train_docs_per_s"].as_f64().unwrap();
    let viewer = house.key(Role::Viewer).await;
    let second = viewer.post(&path, &body).await.expect(200).json();
    assert_eq!(second["seconds"].as_f64(), Some(120.0 * 8.0 / speed));
    let from = json!({"n_runs": 1, "runs": [run], "documents_per_second": speed, "words_per_document": 8.0,
        "same_hyperparameters": true});
    assert_eq!(second["seconds_from"], from);

    // What cannot work is refused as it would be for a run, and nothing was queued by asking.
    let broken = estate.run(json!({"epochs": 0}));
    client
        .post(&path, &broken)
        .await
        .problem(422, "hyperparameters_invalid");
    let listed = client.get(&estate.runs()).await.expect(200).json();
    assert_eq!(listed["runs"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_estimate_says_when_a_run_does_not_fit() {
    let house = House::with_toy().await;
    let side = house.data_dir().join("plugins/toy.toml");
    let text = std::fs::read_to_string(&side).unwrap();
    let hungry = text.replace("\"base\": 1000000.0", "\"base\": 1e15");
    assert_ne!(text, hungry, "{text}");
    std::fs::write(&side, hungry).unwrap();
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let body = estate.run(json!({}));
    let path = format!("{}/estimate", estate.runs());
    let estimate = client.post(&path, &body).await.expect(200).json();
    assert_eq!(estimate["fits"], false);
    assert_eq!(estimate["memory_bytes"], 1_000_000_000_022_360_u64);
    client
        .post(&estate.runs(), &body)
        .await
        .problem(422, "run_too_large");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_training_can_be_watched() {
    let house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let body = estate.run(json!({"epochs": 5, "step_ms": 50}));
    let job = client.post(&estate.runs(), &body).await.expect(202).json()["job"]
        .as_i64()
        .unwrap();
    let events = client.watch(job).await;
    let of_run: Vec<&str> = events
        .iter()
        .filter(|(name, _)| name == "run")
        .map(|(_, event)| event["event"].as_str().unwrap())
        .collect();
    assert!(
        of_run.contains(&"epoch") && of_run.contains(&"progress"),
        "{of_run:?}"
    );
    assert_eq!(events.last().unwrap().0, "job");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_work_is_refused_before_it_is_queued() {
    let house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let other = client.project().await;
    let other_taxonomy = client.taxonomy(other).await;
    let refuse = |change: Value, code: &'static str, field: &'static str| {
        let mut body = estate.run(json!({}));
        for (key, value) in change.as_object().unwrap() {
            body[key] = value.clone();
        }
        let (client, path) = (client.clone(), estate.runs());
        async move {
            let problem = client.post(&path, &body).await.problem(422, code);
            if !field.is_empty() {
                let fields: Vec<&str> = problem["errors"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|it| it["field"].as_str().unwrap())
                    .collect();
                assert!(fields.contains(&field), "{problem}");
            }
            problem["detail"].as_str().unwrap().to_owned()
        }
    };
    let detail = refuse(json!({"method": "tree"}), "plugin_not_found", "/method").await;
    assert!(detail.contains("toy"), "{detail}");
    refuse(json!({"preset": "quick"}), "field_invalid", "/preset").await;
    refuse(
        json!({"hyperparameters": {"epochs": 0}}),
        "hyperparameters_invalid",
        "/hyperparameters/epochs",
    )
    .await;
    refuse(
        json!({"hyperparameters": {"epoch": 1, "smoothing": "x"}}),
        "hyperparameters_invalid",
        "/hyperparameters/smoothing",
    )
    .await;
    refuse(json!({"corpus": 99}), "field_invalid", "/corpus").await;
    refuse(json!({"corpus": "../x"}), "field_invalid", "/corpus").await;
    refuse(
        json!({"taxonomy": other_taxonomy}),
        "field_invalid",
        "/taxonomy",
    )
    .await;
    refuse(json!({"device": "gpu"}), "field_invalid", "/device").await;
    for path in [
        json!("/etc/passwd"),
        json!("../encoder"),
        json!({"path": "/x"}),
    ] {
        refuse(json!({"encoder": path}), "field_invalid", "/encoder").await;
    }
    refuse(json!({"encoder": 3}), "field_invalid", "/encoder").await;
    refuse(
        json!({"word_vectors": "/data/glove.txt"}),
        "field_invalid",
        "/word_vectors",
    )
    .await;
    refuse(json!({"word_vectors": 3}), "field_invalid", "/word_vectors").await;
    refuse(json!({"path": "/x"}), "field_invalid", "").await;

    // Nothing to learn from.
    let rows =
        "{\"text\":\"not annotated\"}\n{\"text\":\"judged\",\"labels\":[],\"split\":\"test\"}\n"
            .to_owned();
    let empty = client.corpus(estate.project, estate.taxonomy, rows).await;
    let detail = refuse(json!({"corpus": empty}), "field_invalid", "/corpus").await;
    assert!(detail.contains("no annotated documents"), "{detail}");
    // Too many labels for the method.
    let wide: String = (0..1_500)
        .map(|label| format!("L{label}\tRoot\n"))
        .collect();
    let upload = format!("/api/v1/projects/{}/taxonomies", estate.project);
    let wide = Client::made(&client.finish(client.upload(&upload, wide).await).await);
    let corpus = client
        .corpus(
            estate.project,
            wide,
            "{\"text\":\"x\",\"labels\":[\"L7\"]}\n".to_owned(),
        )
        .await;
    let detail = refuse(
        json!({"corpus": corpus, "taxonomy": wide}),
        "run_too_large",
        "",
    )
    .await;
    assert!(
        detail.contains("1500 labels") && detail.contains("1000"),
        "{detail}"
    );

    assert_eq!(client.get(&estate.runs()).await.json()["runs"], json!([]));
}

/// The formula of the manifest knows no hyperparameters; it is what the server has without loading the plugin.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_the_formula_says_is_too_large_is_refused_with_the_number() {
    let house = House::with_toy().await;
    let side = house.data_dir().join("plugins/toy.toml");
    let text = std::fs::read_to_string(&side).unwrap();
    let hungry = text.replace("\"base\": 1000000.0", "\"base\": 1099511627776000.0");
    assert_ne!(text, hungry, "{text}");
    std::fs::write(&side, hungry).unwrap();
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let problem = client
        .post(&estate.runs(), &estate.run(json!({})))
        .await
        .problem(422, "run_too_large");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.starts_with(
            "Toy needs about 1024000.0 GiB for 120 documents and 7 labels, this machine has "
        ) && detail.ends_with(" GiB"),
        "{detail}"
    );
    assert_eq!(client.get(&estate.runs()).await.json()["runs"], json!([]));
}

/// The chosen hyperparameters are counted with by the child, which has the plugin loaded.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_own_estimate_does_not_fit_ends_before_it_trains() {
    let house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let mut body = estate.run(json!({"fault": "huge"}));
    body["device"] = json!("cpu");
    let accepted = client.post(&estate.runs(), &body).await.expect(202);
    let run = accepted.json()["run"].as_i64().unwrap();
    let job = client.finish(accepted).await;
    assert_eq!(job["status"], "failed", "{job}");
    let error = job["error"].as_str().unwrap();
    assert!(
        error.contains("Toy needs about 1152921504.6 GB") && error.contains("GB are available"),
        "{error}"
    );
    let epochs = client.get(&format!("/api/v1/runs/{run}/epochs")).await;
    assert_eq!(epochs.json()["epochs"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_fails_says_why() {
    let house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    for fault in ["fail", "panic", "segfault", "exit"] {
        let job = client
            .finish(
                client
                    .post(&estate.runs(), &estate.run(json!({"fault": fault})))
                    .await,
            )
            .await;
        assert_eq!(job["status"], "failed", "{fault}: {job}");
        assert!(!job["error"].as_str().unwrap().is_empty());
    }
    estate.trained(&client, json!({})).await;
}
