//! How label sets are made from scores, as callers of predictions choose it.

use arborist_shared::api::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{Client, Estate, House};

const TEXTS: [&str; 3] = [
    "night feather hoot",
    "acorn bark leaf",
    "nothing of all that",
];

fn predicted(document: &Value) -> Vec<&str> {
    let labels = document["labels"].as_array().unwrap().iter();
    labels
        .filter(|label| label["predicted"] == true)
        .map(|label| label["label"].as_str().unwrap())
        .collect()
}

async fn answers(client: &Client, path: &str, wish: &Value) -> Vec<Value> {
    let documents: Vec<Value> = (0..)
        .zip(TEXTS)
        .map(|(id, text): (u32, _)| json!({"id": id, "text": text}))
        .collect();
    let mut request = json!({"documents": documents});
    let wish = wish.as_object().unwrap().clone();
    request.as_object_mut().unwrap().extend(wish);
    let answer = client.post(path, &request).await.expect(200).json();
    answer["documents"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_choose_how_sets_are_made() {
    let house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let run = estate.trained(&client, json!({})).await;
    let path = format!("/api/v1/runs/{run}/predict");

    // One path for every text, even for one that has none of the words.
    let decoding = json!({"rule": "best_path", "selection": {"threshold": 0.5}, "ends": "leaves", "at_least_one": true});
    let found = answers(&client, &path, &json!({"decoding": decoding})).await;
    for document in &found {
        let mut labels = predicted(document);
        labels.sort_unstable();
        let all = document["labels"].as_array().unwrap().iter();
        let is_whole = |path: &Value| {
            let path = path.as_array().unwrap().iter();
            let mut names: Vec<&str> = path.map(|name| name.as_str().unwrap()).collect();
            names.sort_unstable();
            names == labels
        };
        assert!(
            all.clone().any(|label| is_whole(&label["path"])),
            "one path: {document}"
        );
    }
    // A stream is told in its address.
    let address =
        reqwest::Url::parse_with_params("http://any", [("decoding", decoding.to_string())])
            .unwrap();
    let address = format!("{path}?{}", address.query().unwrap());
    let lines: String = (0..)
        .zip(TEXTS)
        .map(|(id, text): (u32, _)| format!("{}\n", json!({"id": id, "text": text})))
        .collect();
    let request = client
        .request(Method::POST, &address)
        .header("Content-Type", "application/x-ndjson")
        .body(lines);
    let streamed = request.send().await.unwrap().text().await.unwrap();
    let streamed: Vec<Value> = streamed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(streamed, found);

    // A threshold goes before the selection, the rule stays.
    let both =
        json!({"decoding": {"rule": "top_down", "selection": {"levels": [0.0]}}, "threshold": 1.0});
    for document in answers(&client, &path, &both).await {
        assert_eq!(predicted(&document), [] as [&str; 0]);
    }
    let levels = json!({"decoding": {"selection": {"levels": [0.0, 1.0]}}});
    for document in answers(&client, &path, &levels).await {
        let mut labels = predicted(&document);
        labels.sort_unstable();
        assert_eq!(
            labels,
            ["animals", "plants"],
            "all of the top level, nothing below"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_decodings_are_named() {
    let house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let run = estate.trained(&client, json!({})).await;
    let path = format!("/api/v1/runs/{run}/predict");
    for (decoding, status, words) in [
        (
            json!({"selection": {"threshold": 2.0}}),
            422,
            "found a threshold of 2, expected 0 to 1",
        ),
        (
            json!({"selection": {"levels": [0.5, -1.0]}}),
            422,
            "found a threshold of -1",
        ),
        (
            json!({"selection": {"levels": []}}),
            422,
            "found no threshold",
        ),
        (
            json!({"rule": "upside_down"}),
            400,
            "unknown variant `upside_down`",
        ),
    ] {
        let request = json!({"documents": [{"id": "a", "text": "owl"}], "decoding": decoding});
        let answer = client
            .post(&path, &request)
            .await
            .expect(status)
            .json()
            .to_string();
        assert!(answer.contains(words), "{decoding}: {}", answer);
    }
    let query = format!("{path}?decoding=best");
    let request = client.request(Method::POST, &query);
    let request = request
        .header("Content-Type", "application/x-ndjson")
        .body("");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 422);
    assert!(response.text().await.unwrap().contains("/decoding"));
}
