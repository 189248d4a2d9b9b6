use std::io::{Cursor, Write as _};
use std::path::PathBuf;

use arborist_shared::api::accounts::Role;
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::apart::Apart;
use crate::house::{Client, Estate, House};

const CONFIG: &str = r#"{"model_type":"bert","num_hidden_layers":2,"hidden_size":8}"#;

/// A zip of these files in one folder, as people pack a Hugging Face folder.
fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        let name = format!("minilm/{name}");
        writer
            .start_file(name, SimpleFileOptions::default())
            .unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

async fn import(client: &Client, project: i64, query: &str, file: impl Into<Vec<u8>>) -> Value {
    let path = format!("/api/v1/projects/{project}/assets?{query}");
    client.finish(client.upload(&path, file.into()).await).await
}

/// Trains with what the body says: the run as it is shown, and what its child was asked for.
async fn trained(house: &House, client: &Client, estate: &Estate, body: &Value) -> [Value; 2] {
    let accepted = client.post(&estate.runs(), body).await.expect(202);
    let run = Client::made(&client.finish(accepted).await);
    let shown = client.get(&format!("/api/v1/runs/{run}")).await.expect(200);
    let request = house.data_dir().join(format!("runs/{run}/request.json"));
    let request = serde_json::from_slice(&std::fs::read(request).unwrap()).unwrap();
    [shown.json()["run"].clone(), request]
}

/// The same with an encoder: the plugin has seen it, and it is the folder that the child was told of.
async fn trained_with_encoder(
    house: &House,
    client: &Client,
    estate: &Estate,
    body: &Value,
) -> PathBuf {
    let [shown, request] = trained(house, client, estate, body).await;
    assert_eq!(shown["encoder"], body["encoder"]);
    let events = house
        .data_dir()
        .join(format!("runs/{}/events.jsonl", shown["id"]));
    assert!(
        std::fs::read_to_string(events)
            .unwrap()
            .contains("num_hidden_layers"),
        "the plugin did not see the encoder"
    );
    request["encoder"].as_str().unwrap().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn word_vectors_are_uploaded_and_listed() {
    let house = House::open().await;
    let client = house.key(Role::Manager).await;
    let project = client.project().await;
    let glove = "the 0.1 -2e-3\nnew york 1 2\n";
    let fast_text = "2 2\nthe 0.1 -2e-3\nof 1 2\n";
    let mut made = Vec::new();
    for (name, content) in [("glove.txt", glove), ("cc.en.vec", fast_text)] {
        let query = format!("kind=word_vectors&name={name}");
        let job = import(&client, project, &query, content).await;
        assert_eq!(job["result"]["type"], "asset", "{job}");
        made.push(Client::made(&job));
    }
    let list = format!("/api/v1/projects/{project}/assets");
    let assets = client.get(&list).await.expect(200).json()["assets"].clone();
    let shown: Vec<_> = assets
        .as_array()
        .unwrap()
        .iter()
        .map(|asset| {
            (
                asset["id"].as_i64().unwrap(),
                asset["name"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(shown, [(made[1], "cc.en.vec"), (made[0], "glove.txt")]);
    for asset in assets.as_array().unwrap() {
        assert_eq!(asset["kind"], "word_vectors");
        assert_eq!(asset["summary"], "2 words, 2 numbers each");
        let hash = asset["content_hash"].as_str().unwrap();
        let kept = house
            .data_dir()
            .join("assets")
            .join(hash)
            .join("vectors.txt");
        assert_eq!(
            std::fs::metadata(kept).unwrap().len(),
            asset["n_bytes"].as_u64().unwrap()
        );
    }
    let uploads = std::fs::read_dir(house.data_dir().join("uploads")).unwrap();
    assert_eq!(uploads.count(), 0, "an upload is left behind its job");
}

#[tokio::test(flavor = "multi_thread")]
async fn uploaded_word_vectors_reach_the_run_that_names_them() {
    let house = House::with_plugin("plugin_tree").await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let vectors = import(&client, estate.project, "kind=word_vectors", "the 1 2\n").await;
    let mut body = estate.run(json!({}));
    body["method"] = json!("tree_toy");
    let [shown, request] = trained(&house, &client, &estate, &body).await;
    assert_eq!(shown["word_vectors"], Value::Null);
    assert_eq!(request["word_vectors"], Value::Null);
    body["word_vectors"] = json!(Client::made(&vectors));
    let [shown, request] = trained(&house, &client, &estate, &body).await;
    assert_eq!(shown["word_vectors"], body["word_vectors"]);
    let file = request["word_vectors"].as_str().unwrap();
    assert_eq!(std::fs::read_to_string(file).unwrap(), "the 1 2\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uploaded_encoder_reaches_the_run_that_names_it() {
    let house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let archive = zipped(&[
        ("config.json", CONFIG),
        ("vocab.txt", "[PAD]\n[UNK]\n"),
        ("model.safetensors", "weights"),
        ("pytorch_model.bin", "a pickle"),
    ]);
    let job = import(
        &client,
        estate.project,
        "kind=encoder&name=minilm.zip",
        archive,
    )
    .await;
    let asset = Client::made(&job);
    let list = format!("/api/v1/projects/{}/assets", estate.project);
    let shown = client.get(&list).await.expect(200).json()["assets"][0].clone();
    assert_eq!(
        (&shown["id"], &shown["summary"]),
        (&json!(asset), &json!("BERT, 2 layers, 8 wide"))
    );

    let mut body = estate.run(json!({}));
    body["encoder"] = json!(asset);
    let folder = trained_with_encoder(&house, &client, &estate, &body).await;
    assert!(folder.join("model.safetensors").is_file());
    assert!(
        !folder.join("pytorch_model.bin").exists(),
        "what executes on load was kept"
    );

    // An asset of one kind does not pass for the other, nor one of another project for one's own.
    let vectors = import(&client, estate.project, "kind=word_vectors", "the 1 2\n").await;
    body["encoder"] = json!(Client::made(&vectors));
    let problem = client
        .post(&estate.runs(), &body)
        .await
        .problem(422, "field_invalid");
    assert!(
        problem["detail"].as_str().unwrap().contains("other kind"),
        "{problem}"
    );
    let other = client.project().await;
    let foreign = import(
        &client,
        other,
        "kind=encoder",
        zipped(&[
            ("config.json", CONFIG),
            ("vocab.txt", "[PAD]\n"),
            ("model.safetensors", "other weights"),
        ]),
    )
    .await;
    body["encoder"] = json!(Client::made(&foreign));
    client
        .post(&estate.runs(), &body)
        .await
        .problem(422, "field_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_encoder_that_comes_along_is_called_by_its_name() {
    let mut house = House::with_toy().await;
    house.stop().await;
    let encoders = house.dir.path().join("encoders");
    let folder = encoders.join("minilm");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.json"), CONFIG).unwrap();
    let apart = Apart::start_where(&house, &[("ARBORIST_ENCODERS", &encoders)]);
    let client = apart.key(&house, Role::Manager).await;
    let estate = Estate::new(&client).await;
    let mut body = estate.run(json!({}));
    body["encoder"] = json!("minilm");
    // What is installed cannot be used yet, and neither a path nor another name says where else to look.
    let path = folder.to_str().unwrap();
    for (encoder, reason) in [
        ("minilm", "no *.safetensors"),
        (path, "expected the id of an asset or `minilm`"),
        ("bert", "expected the id of an asset or `minilm`"),
    ] {
        body["encoder"] = json!(encoder);
        let problem = client.post(&estate.runs(), &body).await;
        let problem = problem.problem(422, "field_invalid");
        assert_eq!(problem["errors"][0]["field"], "/encoder");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(reason), "{detail}, expected {reason}");
    }

    std::fs::write(folder.join("model.safetensors"), "weights").unwrap();
    body["encoder"] = json!("minilm");
    let used = trained_with_encoder(&house, &client, &estate, &body).await;
    assert_eq!(used, folder.canonicalize().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn assets_that_nothing_can_use_are_refused_with_a_reason() {
    let house = House::open().await;
    let client = house.key(Role::Manager).await;
    let project = client.project().await;
    let weights = ("model.safetensors", "weights");
    let words = ("vocab.txt", "[PAD]\n");
    let of_another_kind = CONFIG.replace("bert", "gpt2");
    for (kind, file, reason) in [
        ("encoder", b"no archive".to_vec(), "archive"),
        ("encoder", zipped(&[weights, words]), "no config.json"),
        (
            "encoder",
            zipped(&[("config.json", CONFIG), words]),
            "no *.safetensors",
        ),
        (
            "encoder",
            zipped(&[("config.json", CONFIG), weights]),
            "neither vocab.txt nor tokenizer.json",
        ),
        (
            "encoder",
            zipped(&[("config.json", &of_another_kind), weights, words]),
            "`gpt2`, expected `bert`",
        ),
        (
            "encoder",
            zipped(&[("config.json", "{"), weights, words]),
            "config.json cannot be read",
        ),
        (
            "word_vectors",
            b"the 1 2\nof 1\nand 1 2\n".to_vec(),
            "line 2: found 2 fields, expected a word and 2 numbers",
        ),
        (
            "word_vectors",
            b"no vectors at all\n".to_vec(),
            "hold no vector",
        ),
        (
            "word_vectors",
            zipped(&[("glove.txt", "the 1 2\n")]),
            "unpack it first",
        ),
    ] {
        let job = import(&client, project, &format!("kind={kind}"), file).await;
        assert_eq!(job["status"], "failed", "{job}");
        let error = job["error"].as_str().unwrap();
        assert!(error.contains(reason), "{error}, expected {reason}");
        assert!(!error.contains("the server failed"), "{error}");
    }
    let path = format!("/api/v1/projects/{project}/assets");
    assert_eq!(client.get(&path).await.json()["assets"], json!([]));
    client
        .upload(&format!("{path}?kind=pictures"), "x")
        .await
        .problem(400, "malformed_query");
    let viewer = house.key(Role::Viewer).await;
    viewer
        .upload(&format!("{path}?kind=encoder"), "x")
        .await
        .problem(403, "forbidden");
    for folder in ["assets", "uploads", "tmp"] {
        let left = std::fs::read_dir(house.data_dir().join(folder)).unwrap();
        assert_eq!(left.count(), 0, "{folder} is not empty");
    }
}
