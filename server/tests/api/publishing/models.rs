//! What publishing does to models that were trained before.

use arborist_shared::api::accounts::Role;
use serde_json::{Value, json};

use super::{publish, take_back};
use crate::drafts::{draft, edit};
use crate::house::{Estate, House};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_says_what_a_newer_taxonomy_does_to_it() {
    let house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let run = estate.trained(&client, json!({"epochs": 1})).await;
    let path = format!("/api/v1/runs/{run}");
    let shown = async || client.get(&path).await.expect(200).json()["run"].clone();
    assert!(shown().await.get("taxonomy_fit").is_none());
    let first = draft(&client, estate.taxonomy).await;
    edit(
        &client,
        &first,
        json!([
            {"op": "split", "label": "fish", "into": [{"id": "carps"}, {"id": "sharks"}]},
            {"op": "merge", "labels": ["oaks"], "into": "trees"},
            {"op": "rename", "label": "owls", "name": "Owls"},
        ]),
    )
    .await;
    let impact = client
        .get(&format!("{first}/impact"))
        .await
        .expect(200)
        .json();
    assert_eq!(impact["edits"][0]["runs"], json!([run]));
    assert_eq!(impact["n_runs"], 1);
    let second_version = publish(&client, &first).await;
    let fit = shown().await["taxonomy_fit"].clone();
    assert_eq!(
        fit["sentence"],
        "structure changed, needs retraining for 3 labels, 1 label renamed"
    );
    assert_eq!(
        (&fit["taxonomy"], &fit["version"]),
        (&json!(second_version), &json!(2))
    );
    // Over two versions, edit by edit.
    let second = draft(&client, second_version).await;
    edit(
        &client,
        &second,
        json!([{"op": "add", "id": "moss", "parents": ["plants"]}]),
    )
    .await;
    let third_version = publish(&client, &second).await;
    let full = client
        .get(&format!("{path}/taxonomy"))
        .await
        .expect(200)
        .json();
    assert_eq!(full["trained_on"], estate.taxonomy);
    assert_eq!(full["fit"]["n_retrain"], 4);
    for (key, n) in [
        ("n_kept", 5),
        ("n_combined", 1),
        ("n_stopped", 1),
        ("n_masked", 0),
    ] {
        assert_eq!(full[key], n, "{key}");
    }
    assert_eq!(full["renamed"], json!(["owls"]));
    let retrain = |label: &str| {
        let all = full["retrain"].as_array().unwrap();
        all.iter()
            .find(|one| one["label"] == label)
            .unwrap()
            .clone()
    };
    assert_eq!(retrain("moss"), json!({"label": "moss", "reason": "added"}));
    assert_eq!(
        retrain("trees"),
        json!({"label": "trees", "reason": "merged", "from": ["oaks"]})
    );
    assert_eq!(retrain("carps")["from"], json!(["fish"]));
    // It answers in its own labels unless a newer version is named.
    let predict = async |query: &str, text: &str| {
        let body = json!({"documents": [{"id": "a", "text": text}]});
        let answer = client.post(&format!("{path}/predict{query}"), &body).await;
        let answer = answer.expect(200).json();
        let labels = answer["documents"][0]["labels"].as_array().unwrap();
        let is_predicted = |label: &&Value| label["predicted"] == true;
        let predicted = labels.iter().filter(is_predicted);
        let predicted: Vec<String> = predicted
            .map(|label| label["label"].as_str().unwrap().to_owned())
            .collect();
        (answer["taxonomy"].as_i64().unwrap(), predicted)
    };
    let newest = format!("?taxonomy={third_version}");
    let (taxonomy, own) = predict("", "water fin scale").await;
    assert_eq!(taxonomy, estate.taxonomy);
    assert!(own.contains(&"fish".to_owned()), "{own:?}");
    let (taxonomy, newer) = predict(&newest, "water fin scale").await;
    assert_eq!(taxonomy, third_version);
    assert!(newer.contains(&"animals".to_owned()), "{newer:?}");
    assert!(!newer.contains(&"fish".to_owned()), "{newer:?}");
    let (_, newer) = predict(&newest, "acorn bark leaf").await;
    assert!(newer.contains(&"trees".to_owned()), "{newer:?}");
    let line = client.request(reqwest::Method::POST, &format!("{path}/predict{newest}"));
    let line = line.header("content-type", "application/x-ndjson");
    let line = client
        .send(line.body("{\"id\":1,\"text\":\"water fin scale\"}\n"))
        .await;
    let line = line.expect(200);
    assert_eq!(line.headers["arborist-taxonomy"], third_version.to_string());
    assert_eq!(line.json()["labels"][0]["label"], "animals");
    let body = json!({"documents": []});
    let foreign = client
        .post(&format!("{path}/predict?taxonomy=987654"), &body)
        .await;
    foreign.problem(422, "field_invalid");
    // Taken back, the version in between is what counts; then the one it was trained on.
    let fourth_version = take_back(&client, third_version).await;
    assert_eq!(shown().await["taxonomy_fit"]["n_retrain"], 3);
    let old = client
        .get(&format!("{path}/taxonomy?taxonomy={third_version}"))
        .await;
    assert_eq!(old.expect(200).json()["fit"]["n_retrain"], 4);
    assert!(fourth_version > third_version);
}
