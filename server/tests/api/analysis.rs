//! Where a run's figures come from: the figures fit each other, and every one leads to documents.

use arborist_shared::api::accounts::Role;
use serde_json::{Value, json};

use crate::house::{Client, Estate, House, corpus};

/// The generated corpus, with test documents whose labels are not what their words say: ends above, ends elsewhere, none.
fn misjudged() -> String {
    let row = |line: &str| {
        let mut row: Value = serde_json::from_str(line).unwrap();
        let number: usize = row["id"].as_str().unwrap()[1..].parse().unwrap();
        if row["split"] == "test" {
            match number / 5 % 4 {
                0 => row["labels"] = json!(["animals", "plants"]),
                1 => row["labels"] = json!(["birds"]),
                2 => row["labels"] = json!([]),
                _ => {}
            }
        }
        format!("{row}\n")
    };
    corpus(0, 200).lines().map(row).collect()
}

/// A trained run that errs.
async fn analysed(house: &House) -> (Client, i64) {
    let client = house.key(Role::Admin).await;
    let project = client.project().await;
    let taxonomy = client.taxonomy(project).await;
    let estate = Estate {
        project,
        taxonomy,
        corpus: client.corpus(project, taxonomy, misjudged()).await,
    };
    let run = estate.trained(&client, json!({"epochs": 1})).await;
    (client, run)
}

async fn get(client: &Client, run: i64, rest: &str) -> Value {
    let path = format!("/api/v1/runs/{run}/{rest}");
    client.get(&path).await.expect(200).json()
}

fn count(of: &Value) -> u64 {
    of.as_u64().unwrap()
}

fn sum(rows: &Value, key: &str) -> u64 {
    let rows = rows.as_array().unwrap();
    rows.iter().map(|row| count(&row[key])).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_of_parts_fit_the_whole() {
    let house = House::with_toy().await;
    let (client, run) = analysed(&house).await;
    let analysis = get(&client, run, "analysis").await;
    let metrics = get(&client, run, "metrics").await;
    assert_eq!(analysis["documents"], metrics["documents"]);
    let documents = count(&analysis["documents"]) as f64;
    let right = count(&analysis["right_documents"]) as f64;
    let exact = metrics["exact_match"].as_f64().unwrap();
    assert!((right / documents - exact).abs() < 1e-9, "{analysis}");

    // Every gold label and every predicted one belongs to one level and one frequency.
    let support = sum(&analysis["levels"], "support");
    assert_eq!(support, sum(&analysis["frequency"], "support"));
    assert_eq!(support, sum(&analysis["lengths"], "support"));
    let predicted = sum(&analysis["levels"], "predicted");
    assert_eq!(predicted, sum(&analysis["lengths"], "predicted"));
    assert_eq!(
        sum(&analysis["lengths"], "documents"),
        count(&analysis["documents"])
    );
    assert_eq!(sum(&analysis["levels"], "labels"), 7);

    for (here, there) in analysis["levels"]
        .as_array()
        .unwrap()
        .iter()
        .zip(metrics["levels"].as_array().unwrap())
    {
        assert_eq!(
            (&here["micro_f1"], &here["macro_f1"]),
            (&there["micro_f1"], &there["macro_f1"])
        );
    }
    let (effect, decoding) = (&analysis["decoding"], &metrics["decoding"]);
    assert_eq!(effect["added"], decoding["labels_added"]);
    assert_eq!(effect["removed"], decoding["labels_removed"]);
    assert_eq!(effect["changed"], decoding["documents_changed"]);

    // The tree's branches: each child with what is below it.
    let top = get(&client, run, "analysis/subtrees").await;
    let names: Vec<&Value> = top["subtrees"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["label"])
        .collect();
    assert_eq!(names, ["animals", "plants"]);
    assert_eq!(sum(&top["subtrees"], "support"), support);
    let animals = get(&client, run, "analysis/subtrees?label=animals").await;
    assert_eq!(animals["below"]["path"], json!(["animals"]));
    let below = sum(&animals["subtrees"], "support") + count(&animals["itself"]["support"]);
    assert_eq!(json!(below), top["subtrees"][0]["support"]);
    assert_eq!(animals["subtrees"][0]["has_children"], true);
    assert!(count(&animals["subtrees"][0]["training"]) > 0);

    // Scores: as many labels of documents as there are, on all levels together.
    let [all, levels @ ..] = &analysis["calibration"].as_array().unwrap()[..] else {
        panic!("figures of all levels first");
    };
    assert!(all["level"].is_null() && levels.len() == 3);
    let pairs = |of: &Value| sum(&of["scores"]["bins"], "count");
    assert_eq!(pairs(all), 7 * count(&analysis["documents"]));
    assert_eq!(pairs(all), levels.iter().map(pairs).sum::<u64>());
    let ece = |of: &Value, which: &str| of[which]["ece"].as_f64().unwrap();
    assert!(
        (0.0..=1.0).contains(&ece(all, "scores")) && (0.0..=1.0).contains(&ece(all, "calibrated"))
    );
    assert!(
        levels[0]["map"]["temperature"].as_f64().unwrap() > 0.0,
        "{all}"
    );

    let validation = get(&client, run, "analysis?split=validation").await;
    assert_eq!(validation["documents"], 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cell_leads_to_its_documents() {
    let house = House::with_toy().await;
    let (client, run) = analysed(&house).await;
    let analysis = get(&client, run, "analysis").await;
    let kinds = analysis["kinds"].as_array().unwrap();
    assert!(kinds.len() >= 4, "{kinds:?}");
    let outcomes = sum(&analysis["kinds"], "count");
    let all = get(&client, run, "analysis/confusion").await;
    assert_eq!(count(&all["total"]), outcomes);
    assert_eq!(sum(&all["cells"], "count"), outcomes);

    let mut seen = 0;
    for cell in all["cells"].as_array().unwrap() {
        let label = |end: &str| cell[end]["label"].as_str().unwrap_or_default().to_owned();
        let kind = cell["kind"].as_str().unwrap();
        let query = format!(
            "kind={kind}&gold={}&predicted={}&limit=200",
            label("gold"),
            label("predicted")
        );
        let page = get(&client, run, &format!("analysis/documents?{query}")).await;
        let behind = page["documents"].as_array().unwrap();
        assert!(
            behind.len() as u64 <= count(&cell["count"]) && !behind.is_empty(),
            "{cell}"
        );
        for document in behind {
            let fits = |outcome: &&Value| {
                outcome["kind"] == cell["kind"]
                    && outcome["gold"] == cell["gold"]
                    && outcome["predicted"] == cell["predicted"]
            };
            let n = document["outcomes"]
                .as_array()
                .unwrap()
                .iter()
                .filter(fits)
                .count();
            assert_eq!(n, 1, "{document}");
            assert!(document["text"].as_str().unwrap().contains("number"));
        }
        seen += behind.len() as u64;
    }
    assert_eq!(seen, outcomes, "ends are in a document once");

    // Collapsed to the top level there are as many, in fewer cells.
    let coarse = get(&client, run, "analysis/confusion?level=1").await;
    assert_eq!(count(&coarse["total"]), outcomes);
    for cell in coarse["cells"].as_array().unwrap() {
        for end in ["gold", "predicted"] {
            assert!(cell[end].is_null() || cell[end]["path"].as_array().unwrap().len() == 1);
        }
    }
    let wrong = get(&client, run, "analysis/confusion?kind=wrong").await;
    let right = get(&client, run, "analysis/confusion?kind=right").await;
    assert_eq!(count(&wrong["total"]) + count(&right["total"]), outcomes);
    let fish = get(&client, run, "analysis/confusion?under=fish").await;
    for cell in fish["cells"].as_array().unwrap() {
        assert!(
            cell["gold"]["label"] == "fish" || cell["predicted"]["label"] == "fish",
            "{cell}"
        );
    }

    // Pages follow each other.
    let first = get(&client, run, "analysis/confusion?limit=1").await;
    let next = first["next"].as_str().unwrap();
    let second = get(
        &client,
        run,
        &format!("analysis/confusion?limit=1&cursor={next}"),
    )
    .await;
    assert_eq!(
        json!([first["cells"][0], second["cells"][0]]),
        json!(&all["cells"].as_array().unwrap()[..2])
    );
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = get(
            &client,
            run,
            &format!("analysis/documents?limit=7&cursor={cursor}"),
        )
        .await;
        let documents = page["documents"].as_array().unwrap();
        ids.extend(documents.iter().map(|document| document["id"].clone()));
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(ids.len() as u64, count(&analysis["documents"]));
    ids.dedup();
    assert_eq!(ids.len() as u64, count(&analysis["documents"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_questions_are_answered_with_what_is_expected() {
    let house = House::with_toy().await;
    let (client, run) = analysed(&house).await;
    for (rest, field) in [
        ("analysis?split=train", "split"),
        ("analysis?split=exam", "split"),
        ("analysis/subtrees?label=unicorns", "label"),
        ("analysis/confusion?kind=odd", "kind"),
        ("analysis/confusion?under=unicorns", "under"),
        ("analysis/documents?gold=unicorns", "gold"),
    ] {
        let problem = client
            .get(&format!("/api/v1/runs/{run}/{rest}"))
            .await
            .problem(422, "field_invalid");
        assert!(problem["errors"].to_string().contains(field), "{problem}");
    }
    client
        .get("/api/v1/runs/987654/analysis")
        .await
        .problem(404, "run_not_found");
}
