//! Taxonomies in the formats of other tools: up, down, live, and broken.

use std::io::Write as _;

use arborist_shared::api::accounts::Role;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::house::{Client, House};

/// A hierarchy with something in every field.
const LABELS: &str = r#"{"labels":[
 {"id":"animals","name":"Animals","parents":[],"details":{"language":"en","names":[{"name":"Tiere","language":"de","kind":"preferred"},{"name":"beasts","language":"en","kind":"hidden"}],"notation":"590"}},
 {"id":"pets","name":"Pets","parents":[]},
 {"id":"dogs","name":"Dogs","parents":["animals","pets"],"details":{"notes":[{"text":"Not wolves."}],"examples":[{"text":"Laika"}]}},
 {"id":"hounds","name":"Hounds","parents":["animals"],"details":{"deprecated":true,"replaced_by":"dogs"}}]}"#;

struct Shop {
    house: House,
    client: Client,
    uploads: String,
}

impl Shop {
    async fn new() -> Self {
        let house = House::open().await;
        let client = house.key(Role::Manager).await;
        let project = client.project().await;
        let uploads = format!("/api/v1/projects/{project}/taxonomies");
        Self {
            house,
            client,
            uploads,
        }
    }

    async fn import(&self, file: impl Into<reqwest::Body>) -> Value {
        let accepted = self.client.upload(&self.uploads, file).await;
        self.client.finish(accepted).await
    }

    async fn canonical(&self, id: i64) -> Value {
        let path = format!("/api/v1/taxonomies/{id}/file");
        self.client.get(&path).await.expect(200).json()
    }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_is_downloaded_and_read_again() {
    let shop = Shop::new().await;
    let id = Client::made(&shop.import(LABELS).await);
    let canonical = shop.canonical(id).await;
    let path = format!("/api/v1/taxonomies/{id}/files");
    let files = shop.client.get(&path).await.expect(200).json()["files"].clone();
    let files = files.as_array().unwrap();
    assert_eq!(files.len(), 10);
    for file in files {
        let format = file["format"].as_str().unwrap();
        let path = format!("/api/v1/taxonomies/{id}/file?format={format}");
        let answer = shop.client.get(&path).await.expect(200);
        assert_eq!(
            answer.headers["content-type"],
            file["media_type"].as_str().unwrap(),
            "{format}"
        );
        let name = format!(
            "attachment; filename=\"{}\"",
            file["name"].as_str().unwrap()
        );
        assert_eq!(answer.headers["content-disposition"], name, "{format}");
        // A preview tells the format by the content, packed or not.
        for bytes in [packed(&answer.body), answer.body.clone()] {
            let preview = format!("{}/preview", shop.uploads);
            let preview = shop.client.upload(&preview, bytes).await.expect(200).json();
            let detected = if format == "nested_json" {
                "json"
            } else {
                format
            };
            assert_eq!(preview["format"], detected, "{preview}");
            assert_eq!(preview["n_labels"], 4, "{format}");
        }
        let again = Client::made(&shop.import(packed(&answer.body)).await);
        let is_same = shop.canonical(again).await == canonical;
        let holds_all = file["losses"] == json!([]);
        assert_eq!(
            holds_all,
            format.starts_with("skos") || format.ends_with("json"),
            "{file}"
        );
        // The order of labels is all that nested objects change.
        assert_eq!(is_same, holds_all && format != "nested_json", "{format}");
    }
    let tsv = files.iter().find(|file| file["format"] == "tsv").unwrap();
    assert_eq!(
        tsv["notes"][0],
        "names are left out, ids stand for them: 4 labels"
    );
    let path = format!("/api/v1/taxonomies/{id}/file?format=owl");
    let unknown = shop.client.get(&path).await;
    unknown.problem(422, "field_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_format_would_confuse_is_not_sent() {
    let shop = Shop::new().await;
    let twins = r#"[{"id":"1","name":"x"},{"id":"2","name":"x"}]"#;
    let id = Client::made(&shop.import(twins).await);
    let path = format!("/api/v1/taxonomies/{id}");
    let refused = shop
        .client
        .get(&format!("{path}/file?format=path_csv"))
        .await;
    let problem = refused.problem(422, "field_invalid");
    assert!(
        problem["detail"].as_str().unwrap().contains("`2`"),
        "{problem}"
    );
    let files = shop
        .client
        .get(&format!("{path}/files"))
        .await
        .expect(200)
        .json();
    let files = files["files"].as_array().unwrap();
    let refused: Vec<&Value> = files
        .iter()
        .filter(|file| !file["error"].is_null())
        .collect();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0]["format"], "path_csv");
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_files_are_explained_and_the_server_stays() {
    let shop = Shop::new().await;
    let gzip = packed(LABELS.as_bytes());
    let nested = "{\"name\":\"a\",\"children\":[".repeat(10_000);
    let json_ld = format!("{{\"@context\":{{}},\"@graph\":{}", "[".repeat(10_000));
    let line = "a".repeat(8 << 20);
    let cases: [(Vec<u8>, &str); 9] = [
        (
            gzip[..gzip.len() / 2].to_vec(),
            "found a gzip file that is cut off or damaged",
        ),
        (
            b"A\tRoot\nB\0\tA\n".to_vec(),
            "line 2, column 2: found the byte 0x00",
        ),
        (b"A\tB\nB\tA\n".to_vec(), "found the cycle `A` → `B` → `A`"),
        (nested.into_bytes(), "found deeper nesting"),
        (json_ld.into_bytes(), "found deeper nesting"),
        (
            b"caf\xe9\tRoot\n".to_vec(),
            "line 1, column 4: found the byte 0xE9, expected UTF-8 text",
        ),
        (
            b"\xff\xfeA\0\t\0".to_vec(),
            "found a byte order mark of UTF-16",
        ),
        (
            line.into_bytes(),
            "of 8388608 bytes, expected at most 10000",
        ),
        (
            b"@prefix s: <http://x/> .\n<a> s:b ".to_vec(),
            "line 2, column ",
        ),
    ];
    for (file, expected) in cases {
        let preview = format!("{}/preview", shop.uploads);
        let preview = shop.client.upload(&preview, file.clone()).await;
        let preview = preview.expect(200).json();
        let told = preview["error"].as_str().unwrap_or_default();
        assert!(told.contains(expected), "{expected}: {told}");
        let job = shop.import(file).await;
        assert_eq!(job["status"], "failed");
        let told = job["error"].as_str().unwrap_or_default();
        assert!(told.contains(expected), "{expected}: {told}");
        shop.client.get(&shop.uploads).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tool_reads_the_newest_version_by_a_link() {
    let shop = Shop::new().await;
    let links = shop.uploads.replace("taxonomies", "taxonomy-links");
    let made = shop
        .client
        .post(&links, &json!({"name": " Label Studio "}))
        .await;
    let made = made.expect(201).json();
    assert_eq!(made["link"]["name"], "Label Studio");
    let path = made["path"].as_str().unwrap();
    // Nobody signs in here.
    let stranger = shop.house.anonymous();
    let items = async |query: &str| {
        let answer = stranger.get(&format!("{path}{query}")).await.expect(200);
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
        answer.json()
    };
    assert_eq!(items("").await, json!({"items": []}));
    shop.import(LABELS).await;
    assert_eq!(
        items("").await,
        json!({"items": [
            {"value": "Animals", "alias": "animals", "isLeaf": false},
            {"value": "Pets", "alias": "pets", "isLeaf": false},
        ]})
    );
    let dogs = json!({"items": [{"value": "Dogs", "alias": "dogs", "isLeaf": true, "hint": "Not wolves."}]});
    assert_eq!(
        items("?path=animals").await,
        dogs,
        "deprecated labels are not offered"
    );
    assert_eq!(items("?path=pets").await, dogs);
    assert_eq!(items("?path=pets&path=dogs").await, json!({"items": []}));
    let nowhere = stranger.get(&format!("{path}?path=dogs")).await;
    nowhere.problem(404, "label_not_found");
    // Live: a newer version is answered at once.
    shop.import("fish\tRoot\n").await;
    assert_eq!(items("").await["items"][0]["alias"], "fish");

    let listed = shop.client.get(&links).await.expect(200).json();
    assert_eq!(listed["links"], json!([made["link"]]));
    let link = format!("/api/v1/taxonomy-links/{}", made["link"]["id"]);
    let viewer = shop.house.key(Role::Viewer).await;
    viewer.delete(&link).await.problem(403, "forbidden");
    shop.client.delete(&link).await.expect(204);
    stranger.get(path).await.problem(404, "link_not_found");
    // Once more changes nothing.
    shop.client.delete(&link).await.expect(204);
    let listed = shop.client.get(&links).await.expect(200).json();
    assert_eq!(listed["links"], json!([]));
}
