use arborist_shared::api::accounts::Role;
use serde_json::json;

use crate::house::{Client, Estate, House, corpus};

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_compared_on_what_both_were_tested_on() {
    let house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let a = estate.trained(&client, json!({})).await;
    let b = estate.trained(&client, json!({"smoothing": 50.0})).await;
    let body = json!({"runs": [a, b], "split": "test", "resamples": 1000});
    let made = client.post("/api/v1/comparisons", &body).await.expect(201);
    let comparison = made.json();
    assert_eq!(
        made.headers["location"],
        format!("/api/v1/comparisons/{}", comparison["id"])
    );
    assert_eq!(comparison["n_documents"], 40);
    for (position, run) in [a, b].into_iter().enumerate() {
        assert_eq!(comparison["runs"][position]["run"], run);
        let metrics = client
            .get(&format!("/api/v1/runs/{run}/metrics"))
            .await
            .json();
        assert_eq!(comparison["runs"][position]["metrics"], metrics);
    }
    let tests = comparison["tests"].as_array().unwrap();
    let micro = tests
        .iter()
        .find(|test| test["metric"] == "micro_f1")
        .unwrap();
    assert_eq!(
        (micro["a"].as_i64(), micro["b"].as_i64()),
        (Some(a), Some(b))
    );
    for test in tests {
        assert!(test["p_holm"].as_f64() >= test["p"].as_f64(), "{test}");
        assert_eq!(test["interval"].as_array().unwrap().len(), 2);
        assert!(test["method"].is_string());
    }
    let shown = client
        .get(&format!("/api/v1/comparisons/{}", comparison["id"]))
        .await
        .expect(200)
        .json();
    assert_eq!(shown, comparison);

    // Other documents: the runs share none.
    let other = client
        .corpus(estate.project, estate.taxonomy, corpus(1_000, 100))
        .await;
    let estate_of_other = Estate {
        corpus: other,
        ..estate
    };
    let c = estate_of_other.trained(&client, json!({})).await;
    client
        .post("/api/v1/comparisons", &json!({"runs": [a, c]}))
        .await
        .problem(422, "comparison_impossible");
    for (body, code) in [
        (json!({"runs": [a]}), "field_invalid"),
        (json!({"runs": [a, a]}), "field_invalid"),
        (json!({"runs": [a, b], "split": "train"}), "field_invalid"),
        (json!({"runs": [a, b], "resamples": 1}), "field_invalid"),
    ] {
        client
            .post("/api/v1/comparisons", &body)
            .await
            .problem(422, code);
    }
    client
        .post("/api/v1/comparisons", &json!({"runs": [a, 99]}))
        .await
        .problem(404, "run_not_found");

    // Another project's labels are others.
    let elsewhere = Estate::new(&client).await;
    let d = elsewhere.trained(&client, json!({})).await;
    client
        .post("/api/v1/comparisons", &json!({"runs": [a, d]}))
        .await
        .problem(422, "comparison_impossible");
    let failed: Client = house.anonymous();
    failed
        .post("/api/v1/comparisons", &json!({"runs": [a, b]}))
        .await
        .problem(401, "sign_in_required");
}
