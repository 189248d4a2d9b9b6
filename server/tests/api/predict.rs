use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use arborist_shared::api::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};

mod memory;

use crate::house::{Answer, Client, Estate, House};

async fn trained() -> (House, Client, i64) {
    let house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let run = estate.trained(&client, json!({})).await;
    (house, client, run)
}

fn predicted(document: &Value) -> Vec<&str> {
    let labels = document["labels"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|label| label["predicted"] == true);
    let mut labels: Vec<&str> = labels
        .map(|label| label["label"].as_str().unwrap())
        .collect();
    labels.sort_unstable();
    labels
}

/// A run stores the 64 highest labels of a document and those above .01; whoever asks for more gets more.
#[tokio::test(flavor = "multi_thread")]
async fn low_thresholds_and_high_limits_see_every_label() {
    const LABELS: usize = 80;
    let house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let project = client.project().await;
    let mut taxonomy = String::new();
    let mut rows = String::new();
    for n in 0..LABELS {
        writeln!(taxonomy, "label{n}\tRoot").unwrap();
        let row =
            json!({"id": n, "text": format!("word{n} common"), "labels": [format!("label{n}")]});
        writeln!(rows, "{row}").unwrap();
    }
    let accepted = client
        .upload(&format!("/api/v1/projects/{project}/taxonomies"), taxonomy)
        .await;
    let taxonomy = Client::made(&client.finish(accepted).await);
    let corpus = client.corpus(project, taxonomy, rows).await;
    // With little smoothing a label that does not fit scores below .01.
    let request = json!({"method": "toy", "hyperparameters": {"smoothing": 0.001}, "corpus": corpus, "taxonomy": taxonomy});
    let accepted = client
        .post(&format!("/api/v1/projects/{project}/runs"), &request)
        .await;
    let run = Client::made(&client.finish(accepted).await);
    let path = format!("/api/v1/runs/{run}/predict");
    let documents = json!([{"id": 7, "text": "word3 common"}]);
    for (wish, n_labels, n_predicted) in [
        (json!({}), 64, None),
        (json!({"limit": 10}), 10, None),
        (json!({"limit": 70}), 70, None),
        (json!({"limit": 1_000}), LABELS, None),
        (json!({"threshold": 0.0}), LABELS, Some(LABELS)),
    ] {
        let mut request = json!({"documents": documents});
        request
            .as_object_mut()
            .unwrap()
            .extend(wish.as_object().unwrap().clone());
        let answer = client.post(&path, &request).await.expect(200).json();
        let document = &answer["documents"][0];
        assert_eq!(document["id"], "7", "a number is an id as well");
        assert_eq!(
            document["labels"].as_array().unwrap().len(),
            n_labels,
            "{wish}"
        );
        let n = predicted(document).len();
        assert!(
            n_predicted.is_none_or(|expected| n == expected),
            "{n} for {wish}"
        );
    }
    let query = format!("{path}?threshold=0");
    let line = json!({"id": "a", "text": "word3 common"}).to_string();
    let request = client
        .request(Method::POST, &query)
        .header("Content-Type", "application/x-ndjson")
        .body(line);
    let response = request.send().await.unwrap();
    for (header, id) in [("Arborist-Run", run), ("Arborist-Taxonomy", taxonomy)] {
        assert_eq!(response.headers()[header], id.to_string().as_str());
    }
    let document: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!(predicted(&document).len(), LABELS);
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_classified() {
    let (_house, client, run) = trained().await;
    let path = format!("/api/v1/runs/{run}/predict");
    let body = json!({"documents": [{"id": "a", "text": "night feather hoot"}, {"id": "b", "text": "acorn bark leaf"}]});
    let answer = client.post(&path, &body).await.expect(200).json();
    assert_eq!(answer["run"], run);
    assert!(answer["milliseconds"].as_f64().unwrap() > 0.0);
    let documents = answer["documents"].as_array().unwrap();
    assert_eq!(
        (documents[0]["id"].as_str(), documents[1]["id"].as_str()),
        (Some("a"), Some("b"))
    );
    // The toy knows no more than it does, but its answers never contradict the tree.
    for (document, labels) in [
        (&documents[0], ["animals", "birds", "owls"]),
        (&documents[1], ["oaks", "plants", "trees"]),
    ] {
        assert!(
            labels
                .iter()
                .all(|label| predicted(document).contains(label)),
            "{document}"
        );
    }
    let owls = documents[0]["labels"]
        .as_array()
        .unwrap()
        .iter()
        .find(|label| label["label"] == "owls")
        .unwrap();
    assert_eq!(owls["path"], json!(["animals", "birds", "owls"]));

    let one = json!({"documents": [{"id": "a", "text": "night feather hoot"}], "limit": 1});
    let labels = client.post(&path, &one).await.expect(200).json()["documents"][0]["labels"]
        .as_array()
        .unwrap()
        .len();
    assert!((1..=3).contains(&labels), "{labels}");
    let none = json!({"documents": [{"id": "a", "text": "night feather hoot"}], "threshold": 1.0});
    assert_eq!(
        predicted(&client.post(&path, &none).await.expect(200).json()["documents"][0]),
        [] as [&str; 0]
    );
    assert_eq!(
        client
            .post(&path, &json!({"documents": []}))
            .await
            .expect(200)
            .json()["documents"],
        json!([])
    );

    client
        .post(&path, &json!({"documents": [], "threshold": 2.0}))
        .await
        .problem(422, "field_invalid");
    client
        .post(&path, &json!({"texts": []}))
        .await
        .problem(400, "malformed_json");
    client
        .upload(&path, "text")
        .await
        .problem(415, "unsupported_media_type");
    client
        .post("/api/v1/runs/99/predict", &json!({"documents": []}))
        .await
        .problem(404, "run_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_says_what_the_run_said() {
    let (house, client, run) = trained().await;
    let directory = house.data_dir().join(format!("runs/{run}"));
    let lines = std::fs::read_to_string(directory.join("predictions.jsonl")).unwrap();
    let test: Value =
        serde_json::from_slice(&std::fs::read(directory.join("request.json")).unwrap()).unwrap();
    let documents =
        std::fs::read_to_string(directory.join(test["test"].as_str().unwrap())).unwrap();
    let body: String = documents
        .lines()
        .map(|line| {
            let document: Value = serde_json::from_str(line).unwrap();
            json!({"id": document["id"], "text": document["text"]}).to_string() + "\n"
        })
        .collect();
    let answer = stream(&client, &format!("/api/v1/runs/{run}/predict"), body)
        .await
        .expect(200);
    assert_eq!(answer.headers["content-type"], "application/x-ndjson");
    assert_eq!(String::from_utf8(answer.body).unwrap(), lines);
}

async fn stream(client: &Client, path: &str, body: String) -> Answer {
    client
        .send(
            client
                .request(Method::POST, path)
                .header("content-type", "application/x-ndjson")
                .body(body),
        )
        .await
}

fn lines_of(answer: &Answer) -> Vec<Value> {
    let lines = std::str::from_utf8(&answer.body).unwrap().lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_cannot_be_answered_are_told_in_their_place() {
    let (_house, client, run) = trained().await;
    let mut body = String::new();
    for n in 0..300 {
        match n {
            7 => writeln!(body, "{{\"id\":\"d7\""),
            150 => writeln!(body, "{{\"id\":\"d150\"}}"),
            151 => writeln!(body, "\n{{\"id\":151,\"text\":\"acorn bark\"}}"),
            _ => writeln!(body, "{{\"id\":\"d{n}\",\"text\":\"night feather {n}\"}}"),
        }
        .unwrap();
    }
    let answer = stream(
        &client,
        &format!("/api/v1/runs/{run}/predict?limit=2"),
        body,
    )
    .await
    .expect(200);
    let lines = lines_of(&answer);
    assert_eq!(lines.len(), 300);
    assert_eq!(
        (lines[7]["line"].as_i64(), lines[7]["id"].is_null()),
        (Some(8), true)
    );
    assert!(lines[7]["error"].is_string());
    assert_eq!(
        (lines[150]["id"].as_str(), lines[150]["line"].as_i64()),
        (Some("d150"), Some(151))
    );
    assert_eq!(lines[151]["id"], "151");
    assert!(lines[151]["labels"].is_array());
    for (n, line) in lines
        .iter()
        .enumerate()
        .filter(|(n, _)| ![7, 150, 151].contains(n))
    {
        assert_eq!(line["id"], format!("d{n}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_the_method_refuses_costs_no_other_its_answer() {
    // One in the middle of a batch, two that follow each other, and the last of all.
    const REFUSED: [usize; 4] = [40, 200, 201, 299];
    let house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let run = estate.trained(&client, json!({"fault": "picky"})).await;
    let path = format!("/api/v1/runs/{run}/predict");
    let mut body = String::new();
    for n in 0..300 {
        let word = if REFUSED.contains(&n) {
            "forbidden"
        } else {
            "hoot"
        };
        // An empty line before each, so that lines are no places in the batch.
        writeln!(
            body,
            "\n{{\"id\":\"d{n}\",\"text\":\"night feather {word}\"}}"
        )
        .unwrap();
    }
    let answer = stream(&client, &path, body).await.expect(200);
    let lines = lines_of(&answer);
    assert_eq!(lines.len(), 300);
    for (n, line) in lines.iter().enumerate() {
        assert_eq!(line["id"], format!("d{n}"));
        if REFUSED.contains(&n) {
            assert_eq!(line["line"], 2 * n + 2, "{line}");
            let error = line["error"].as_str().unwrap();
            assert!(error.contains("found the word `forbidden`"), "{line}");
            assert!(line["labels"].is_null(), "{line}");
        } else {
            assert!(predicted(line).contains(&"owls"), "{line}");
            assert!(line["error"].is_null(), "{line}");
        }
    }

    // What comes whole is answered whole, or not at all; the model is none the worse for it.
    let texts = |words: [&str; 2]| {
        let document = |word| json!({"id": word, "text": format!("night feather {word}")});
        json!({"documents": words.map(document)})
    };
    let problem = client.post(&path, &texts(["hoot", "forbidden"])).await;
    let problem = problem.problem(502, "prediction_failed");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("found the word `forbidden`"), "{detail}");
    client
        .post(&path, &texts(["hoot", "owl"]))
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_write_everything_before_it_reads_anything() {
    const LINES: usize = 50_000;
    let (house, client, run) = trained().await;
    let address = house.server().address();
    let key = client.key.clone().unwrap();
    let talk = tokio::task::spawn_blocking(move || {
        let body: String = (0..LINES)
            .map(|n| {
                format!(
                    "{{\"id\":\"d{n}\",\"text\":\"night feather {} {n}\"}}\n",
                    "word ".repeat(40)
                )
            })
            .collect();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "POST /api/v1/runs/{run}/predict HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n\
             Content-Type: application/x-ndjson\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        )
        .unwrap();
        // Not a byte is read before all are written.
        stream.write_all(body.as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
        }
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(
            head.to_lowercase().contains("transfer-encoding: chunked"),
            "{head}"
        );
        let mut answers = Vec::new();
        loop {
            let mut size = String::new();
            reader.read_line(&mut size).unwrap();
            let size = usize::from_str_radix(size.trim(), 16).unwrap();
            let mut chunk = vec![0; size + 2];
            reader.read_exact(&mut chunk).unwrap();
            if size == 0 {
                break;
            }
            answers.extend_from_slice(&chunk[..size]);
        }
        String::from_utf8(answers).unwrap()
    });
    let answers = talk.await.unwrap();
    let mut n = 0;
    for line in answers.lines() {
        let answer: Value = serde_json::from_str(line).unwrap();
        assert_eq!(answer["id"], format!("d{n}"));
        assert!(answer["labels"].is_array(), "{answer}");
        n += 1;
    }
    assert_eq!(n, LINES);
    assert_eq!(
        std::fs::read_dir(house.data_dir().join("tmp"))
            .unwrap()
            .count(),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warm_model_that_dies_is_started_again() {
    let (house, client, run) = trained().await;
    let path = format!("/api/v1/runs/{run}/predict");
    let body = json!({"documents": [{"id": "a", "text": "night feather hoot"}]});
    let before = client.post(&path, &body).await.expect(200).json();
    let serving = || {
        let directory = house
            .data_dir()
            .canonicalize()
            .unwrap()
            .join(format!("runs/{run}"));
        std::fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .find_map(|entry| {
                let process: i32 = entry.file_name().to_str()?.parse().ok()?;
                let line =
                    String::from_utf8_lossy(&std::fs::read(entry.path().join("cmdline")).ok()?)
                        .into_owned();
                (line.contains("--serve\0") && line.contains(directory.to_str()?))
                    .then_some(process)
            })
    };
    let process = serving().unwrap();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(process).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    let after = client.post(&path, &body).await.expect(200).json();
    assert_eq!(before["documents"], after["documents"]);
    assert_ne!(serving(), Some(process));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_fails_is_a_problem_and_no_more() {
    let house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let run = estate.trained(&client, json!({})).await;
    // The fault is in the checkpoint's own settings, so it is put there: the run itself has to succeed.
    let checkpoint = house.data_dir().join(format!("runs/{run}/checkpoint"));
    for entry in std::fs::read_dir(&checkpoint).unwrap().flatten() {
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        std::fs::write(
            entry.path(),
            text.replace("\"fault\":\"none\"", "\"fault\":\"panic_in_predict\""),
        )
        .unwrap();
    }
    let body = json!({"documents": [{"id": "a", "text": "night feather hoot"}]});
    let path = format!("/api/v1/runs/{run}/predict");
    client
        .post(&path, &body)
        .await
        .problem(502, "prediction_failed");
    let lines = "{\"id\":\"a\",\"text\":\"x\"}\n\n{\"id\":\"b\",\"text\":\"y\"}\n";
    let answer = stream(&client, &path, lines.to_owned()).await.expect(200);
    for (answered, (id, line)) in lines_of(&answer).iter().zip([("a", 1), ("b", 3)]) {
        assert_eq!(
            (answered["id"].as_str(), answered["line"].as_i64()),
            (Some(id), Some(line)),
            "{answered}"
        );
        assert!(answered["error"].is_string(), "{answered}");
    }
    let good = estate.trained(&client, json!({})).await;
    client
        .post(&format!("/api/v1/runs/{good}/predict"), &body)
        .await
        .expect(200);
}
