//! Runs on other machines: an agent that a cluster starts, and what it may and may not do. The cluster is played: it
//! starts what is submitted as a process here. A real Ray is in the stories.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use actix_web::{App, HttpResponse, HttpServer, web};
use arborist_server::app::ServeOptions;
use arborist_server::remote::RayOptions;
use arborist_shared::api::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{Client, Estate, House, wait_until};

/// A played cluster.
#[derive(Clone)]
struct Cluster {
    address: String,
    jobs: Arc<Mutex<HashMap<String, Submitted>>>,
    /// Where its agents keep things, and find the toy's approval.
    folder: PathBuf,
    /// Whether it starts what it is given.
    starts: bool,
}

struct Submitted {
    body: Value,
    process: Option<Child>,
    stopped: bool,
}

impl Cluster {
    async fn start(house: &House, starts: bool) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let cluster = Self {
            address: format!("http://{}", listener.local_addr().unwrap()),
            jobs: Arc::default(),
            folder: house.data_dir(),
            starts,
        };
        let data = web::Data::new(cluster.clone());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .route("/api/jobs/", web::post().to(submit))
                .route("/api/jobs/{id}", web::get().to(job))
                .route("/api/jobs/{id}/logs", web::get().to(logs))
                .route("/api/jobs/{id}/stop", web::post().to(stop))
        })
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
        tokio::spawn(server);
        cluster
    }

    fn options(&self, house: &House) -> ServeOptions {
        ServeOptions {
            ray: Some(RayOptions {
                address: self.address.clone(),
                server: None,
                program: None,
                slots: 2,
                cpus: 1,
                gpus: 0.0,
            }),
            ..house.options()
        }
    }

    /// Process ids of the agents that are alive.
    fn agents(&self) -> Vec<u32> {
        let mut jobs = self.jobs.lock().unwrap();
        jobs.values_mut()
            .filter_map(|job| job.process.as_mut())
            .filter_map(|process| match process.try_wait() {
                Ok(None) => Some(process.id()),
                _ => None,
            })
            .collect()
    }

    fn submitted(&self) -> Vec<Value> {
        let jobs = self.jobs.lock().unwrap();
        jobs.values().map(|job| job.body.clone()).collect()
    }
}

async fn submit(cluster: web::Data<Cluster>, body: web::Json<Value>) -> HttpResponse {
    let body = body.into_inner();
    let id = body["submission_id"].as_str().unwrap().to_owned();
    let process = cluster.starts.then(|| {
        let mut command = Command::new("sh");
        command
            .args(["-c", body["entrypoint"].as_str().unwrap()])
            .env("ARBORIST_DATA_DIR", &cluster.folder)
            .env("ARBORIST_AGENT_DIR", cluster.folder.join("agent of a node"))
            .stdin(Stdio::null());
        for (name, value) in body["runtime_env"]["env_vars"].as_object().unwrap() {
            command.env(name, value.as_str().unwrap());
        }
        command.spawn().unwrap()
    });
    cluster.jobs.lock().unwrap().insert(
        id.clone(),
        Submitted {
            body,
            process,
            stopped: false,
        },
    );
    HttpResponse::Ok().json(json!({"submission_id": id, "job_id": id}))
}

async fn job(cluster: web::Data<Cluster>, id: web::Path<String>) -> HttpResponse {
    let mut jobs = cluster.jobs.lock().unwrap();
    let Some(job) = jobs.get_mut(id.as_str()) else {
        return HttpResponse::NotFound().body("no such job");
    };
    let status = match &mut job.process {
        _ if job.stopped => "STOPPED",
        None => "PENDING",
        Some(process) => match process.try_wait().unwrap() {
            None => "RUNNING",
            Some(status) if status.success() => "SUCCEEDED",
            Some(_) => "FAILED",
        },
    };
    HttpResponse::Ok().json(json!({"status": status, "message": "as the cluster tells it"}))
}

async fn logs() -> HttpResponse {
    HttpResponse::Ok().json(json!({"logs": "what the agent printed\n"}))
}

async fn stop(cluster: web::Data<Cluster>, id: web::Path<String>) -> HttpResponse {
    if let Some(job) = cluster.jobs.lock().unwrap().get_mut(id.as_str()) {
        job.stopped = true;
        if let Some(process) = &mut job.process {
            process.kill().unwrap();
        }
    }
    HttpResponse::Ok().json(json!({"stopped": true}))
}

/// A server with a played cluster, and its estate.
async fn with_cluster(starts: bool) -> (House, Cluster, Client, Estate) {
    let mut house = House::with_toy().await;
    house.stop().await;
    let cluster = Cluster::start(&house, starts).await;
    house.start_with(cluster.options(&house)).await;
    let client = house.key(Role::Admin).await;
    let estate = Estate::new(&client).await;
    (house, cluster, client, estate)
}

async fn queue_there(client: &Client, estate: &Estate, hyperparameters: Value) -> (i64, i64) {
    let mut body = estate.run(hyperparameters);
    body["device"] = json!("ray");
    let accepted = client.post(&estate.runs(), &body).await.expect(202).json();
    let id = |name: &str| accepted[name].as_i64().unwrap();
    (id("job"), id("run"))
}

async fn ended(client: &Client, job: i64) -> Value {
    client.watch(job).await.pop().unwrap().1
}

/// Waits for the first mirrored epoch.
async fn half_way(client: &Client, run: i64) {
    wait_until("an epoch is done", || async {
        let epochs = client.get(&format!("/api/v1/runs/{run}/epochs")).await;
        !epochs.json()["epochs"].as_array().unwrap().is_empty()
    })
    .await;
}

/// What a run has come to, without what differs from attempt to attempt: its metrics, scores and predictions.
fn outcome(house: &House, run: i64) -> HashMap<String, Vec<u8>> {
    let directory = house.data_dir().join("runs").join(run.to_string());
    let mut found = HashMap::new();
    for name in [
        "scores/validation.bin",
        "scores/test.bin",
        "metrics.json",
        "predictions.jsonl",
    ] {
        found.insert(
            name.to_owned(),
            std::fs::read(directory.join(name)).unwrap(),
        );
    }
    // Its keys are in no order.
    let model = std::fs::read(directory.join("checkpoint/toy.json")).unwrap();
    let model: Value = serde_json::from_slice(&model).unwrap();
    found.insert("model".to_owned(), model.to_string().into_bytes());
    assert!(!directory.join("checkpoint.next").exists());
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_elsewhere_is_the_run_that_it_would_be_here() {
    let (house, cluster, client, estate) = with_cluster(true).await;
    let (job, run) = queue_there(&client, &estate, json!({"epochs": 3, "step_ms": 0})).await;
    assert_eq!(Client::made(&ended(&client, job).await), run);
    let here = estate
        .trained(&client, json!({"epochs": 3, "step_ms": 0}))
        .await;
    let (there, here) = (outcome(&house, run), outcome(&house, here));
    for (name, content) in &there {
        assert!(content == &here[name], "{name} differs");
    }
    let shown = client.get(&format!("/api/v1/runs/{run}")).await.json();
    assert_eq!(shown["run"]["device"], "ray", "{shown}");
    let log = client.get(&format!("/api/v1/runs/{run}/log")).await;
    let log = String::from_utf8(log.expect(200).body).unwrap();
    assert!(log.contains("submitted to Ray"), "{log}");

    let [submitted] = &cluster.submitted()[..] else {
        panic!("one job");
    };
    assert_eq!(submitted["entrypoint_num_cpus"], 1);
    assert!(submitted["entrypoint_memory"].as_u64().unwrap() > 0);
    let devices = client.get("/api/v1/devices").await.json()["devices"].clone();
    assert_eq!(devices[1]["name"], "ray");
    assert_eq!(devices[1]["kind"], "cluster");
    // What was fetched once serves the next run: the corpus is there by its content.
    let contents = house.data_dir().join("agent of a node/contents");
    assert!(std::fs::read_dir(contents).unwrap().count() >= 3);
    let runs = house.data_dir().join("agent of a node/runs");
    wait_until("the agent has cleared up", || async {
        std::fs::read_dir(&runs).unwrap().count() == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_killed_is_replaced_and_goes_on() {
    let (house, cluster, client, estate) = with_cluster(true).await;
    let hyperparameters = json!({"epochs": 300, "step_ms": 20});
    let (job, run) = queue_there(&client, &estate, hyperparameters).await;
    half_way(&client, run).await;
    for agent in cluster.agents() {
        let killed = Command::new("kill")
            .args(["-9", &agent.to_string()])
            .status();
        assert!(killed.unwrap().success());
    }
    assert_eq!(Client::made(&ended(&client, job).await), run);
    let place = client
        .get(&format!("/api/v1/jobs/{job}/place"))
        .await
        .json();
    let attempt = &place["attempts"][0];
    assert_eq!(attempt["cause"], "lost_worker", "{place}");
    assert_eq!(attempt["place"], "ray");
    assert!(attempt["epochs"].as_u64().unwrap() > 0, "{place}");
    let words = attempt["message"].as_str().unwrap();
    assert!(
        words.contains("Failed") && words.contains("what the agent printed"),
        "{words}"
    );
    let here = estate
        .trained(&client, json!({"epochs": 300, "step_ms": 0}))
        .await;
    let (there, here) = (outcome(&house, run), outcome(&house, here));
    assert_eq!(there["metrics.json"], here["metrics.json"]);
    assert_eq!(there["scores/test.bin"], here["scores/test.bin"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_frees_the_cluster() {
    let (_house, cluster, client, estate) = with_cluster(true).await;
    let hyperparameters = json!({"epochs": 100_000, "step_ms": 5});
    let (job, run) = queue_there(&client, &estate, hyperparameters).await;
    half_way(&client, run).await;
    client
        .delete(&format!("/api/v1/jobs/{job}"))
        .await
        .expect(200);
    assert_eq!(ended(&client, job).await["status"], "cancelled");
    wait_until("the agent is gone", || async {
        cluster.agents().is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_waits_over_there_is_cancelled_at_once() {
    let (_house, cluster, client, estate) = with_cluster(false).await;
    let (job, _) = queue_there(&client, &estate, json!({"epochs": 1})).await;
    wait_until("it was submitted", || async {
        !cluster.submitted().is_empty()
    })
    .await;
    let begun = Instant::now();
    client
        .delete(&format!("/api/v1/jobs/{job}"))
        .await
        .expect(200);
    assert_eq!(ended(&client, job).await["status"], "cancelled");
    assert!(cluster.jobs.lock().unwrap().values().all(|job| job.stopped));
    assert!(begun.elapsed().as_secs() < 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_again_takes_the_run_up() {
    let (mut house, cluster, client, estate) = with_cluster(true).await;
    let (job, run) = queue_there(&client, &estate, json!({"epochs": 300, "step_ms": 20})).await;
    half_way(&client, run).await;
    house.stop().await;
    house.start_with(cluster.options(&house)).await;
    let client = house.key(Role::Admin).await;
    assert_eq!(Client::made(&ended(&client, job).await), run);
    assert_eq!(cluster.submitted().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_one_attempt_and_nothing_else() {
    let (house, cluster, client, estate) = with_cluster(false).await;
    let (job, run) = queue_there(&client, &estate, json!({"epochs": 1})).await;
    wait_until("it was submitted", || async {
        !cluster.submitted().is_empty()
    })
    .await;
    let environment = cluster.submitted()[0]["runtime_env"]["env_vars"].clone();
    let agent = Client {
        key: Some(
            environment["ARBORIST_AGENT_TOKEN"]
                .as_str()
                .unwrap()
                .to_owned(),
        ),
        ..house.anonymous()
    };
    // Neither a person's key opens the agent's addresses, nor the agent's token anything of a person's.
    client
        .get("/api/v1/agent/run")
        .await
        .problem(401, "sign_in_required");
    agent
        .get("/api/v1/projects")
        .await
        .problem(401, "sign_in_required");
    agent
        .get(&format!("/api/v1/runs/{run}"))
        .await
        .problem(401, "sign_in_required");

    let given = agent.get("/api/v1/agent/run").await.expect(200).json();
    let names: Vec<&str> = given["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["path"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"request.json") && names.contains(&"corpus/test.jsonl"),
        "{names:?}"
    );
    let request = &given["files"][0];
    let content = format!(
        "/api/v1/agent/contents/{}",
        request["sha256"].as_str().unwrap()
    );
    let whole = agent.get(&content).await.expect(200).body;
    assert_eq!(whole.len() as u64, request["bytes"].as_u64().unwrap());
    let rest = agent
        .get(&format!("{content}?offset=5"))
        .await
        .expect(200)
        .body;
    assert_eq!(rest, whole[5..]);
    let unknown = format!("/api/v1/agent/contents/{}", "0".repeat(64));
    agent.get(&unknown).await.problem(404, "content_not_found");
    agent
        .get("/api/v1/agent/contents/..%2F..%2Farborist.db")
        .await
        .problem(404, "content_not_found");

    let put = |path: String, bytes: &'static [u8]| {
        agent.send(agent.request(Method::PUT, &path).body(bytes))
    };
    let post = |path: &str, bytes: &'static [u8]| {
        agent.send(agent.request(Method::POST, path).body(bytes))
    };
    // Growing files: gaps are not filled, what is known is passed over.
    let log = "/api/v1/agent/growing/log.txt?offset=";
    let before = given["log_bytes"].as_u64().unwrap();
    let length = post(&format!("{log}{}", before + 3), b"late")
        .await
        .expect(200)
        .json();
    assert_eq!(length["bytes"], before);
    let length = post(&format!("{log}{before}"), b"one")
        .await
        .expect(200)
        .json();
    assert_eq!(length["bytes"], before + 3);
    let length = post(&format!("{log}{}", before + 1), b"nexttwo")
        .await
        .expect(200)
        .json();
    assert_eq!(length["bytes"], before + 8);
    post("/api/v1/agent/growing/metrics.json", b"{}")
        .await
        .problem(422, "content_refused");
    post("/api/v1/agent/growing/..%2Frequest.json", b"{}")
        .await
        .problem(422, "content_refused");

    // Whole files: fixed paths, announced contents, checked hashes.
    let hash = |text: &str| {
        use sha2::Digest as _;
        sha2::Sha256::digest(text)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let files = |folder: &str, path: &str, bytes: usize, sha256: String| json!({"folder": folder, "files": [{"path": path, "bytes": bytes, "sha256": sha256}]});
    for path in [
        "../request.json",
        "/etc/passwd",
        ".hidden",
        "a/../../b",
        "request.json\0",
    ] {
        agent
            .post(
                "/api/v1/agent/files",
                &files("checkpoint", path, 5, hash("hello")),
            )
            .await
            .problem(422, "content_refused");
    }
    agent
        .post(
            "/api/v1/agent/files",
            &files("results", "request.json", 5, hash("hello")),
        )
        .await
        .problem(422, "content_refused");
    put(
        format!("/api/v1/agent/contents/{}", hash("hello")),
        b"hello",
    )
    .await
    .problem(404, "content_not_found");
    let wanted = files("checkpoint", "deep/state.json", 5, hash("hello"));
    let missing = agent
        .post("/api/v1/agent/files", &wanted)
        .await
        .expect(200)
        .json();
    assert_eq!(missing["missing"][0]["sha256"], hash("hello"));
    let content = format!("/api/v1/agent/contents/{}", hash("hello"));
    put(content.clone(), b"jello")
        .await
        .problem(422, "content_refused");
    put(content.clone(), b"hello, and more")
        .await
        .problem(422, "content_refused");
    let length = put(content.clone(), b"hel").await.expect(200).json();
    assert_eq!(length["bytes"], 3);
    let length = put(format!("{content}?offset=4"), b"o")
        .await
        .expect(200)
        .json();
    assert_eq!(length["bytes"], 3, "a gap is not filled");
    put(format!("{content}?offset=3"), b"lo").await.expect(200);
    let missing = agent
        .post("/api/v1/agent/files", &wanted)
        .await
        .expect(200)
        .json();
    assert_eq!(missing["missing"], json!([]));
    let directory = house.data_dir().join("runs").join(run.to_string());
    assert_eq!(
        std::fs::read(directory.join("checkpoint/deep/state.json")).unwrap(),
        b"hello"
    );
    // What is there already is not sent again, and what is not named goes away.
    let missing = agent
        .post(
            "/api/v1/agent/files",
            &files("checkpoint", "other.json", 5, hash("hello")),
        )
        .await
        .json();
    assert_eq!(missing["missing"], json!([]));
    assert!(!directory.join("checkpoint/deep").exists());
    assert_eq!(
        std::fs::read(directory.join("checkpoint/other.json")).unwrap(),
        b"hello"
    );

    assert_eq!(
        agent
            .post("/api/v1/agent/heartbeat", &json!({}))
            .await
            .expect(200)
            .json()["stop"],
        "no"
    );
    let end = json!({"outcome": "refused", "cause": "refused", "message": "not these documents"});
    agent.post("/api/v1/agent/end", &end).await.expect(204);
    let job = ended(&client, job).await;
    assert_eq!(job["status"], "failed");
    assert_eq!(job["error"], "not these documents", "{job}");
    agent
        .post("/api/v1/agent/heartbeat", &json!({}))
        .await
        .problem(401, "sign_in_required");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_cluster_nothing_is_sent_elsewhere() {
    let house = House::with_toy().await;
    let client = house.key(Role::Admin).await;
    let estate = Estate::new(&client).await;
    let mut body = estate.run(json!({"epochs": 1}));
    body["device"] = json!("ray");
    let problem = client
        .post(&estate.runs(), &body)
        .await
        .problem(422, "field_invalid");
    assert!(!problem.to_string().contains("or `ray`"), "{problem}");
}
