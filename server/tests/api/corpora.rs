use std::collections::HashMap;

use arborist_shared::api::accounts::Role;
use serde_json::{Value, json};

use crate::house::{Client, Estate, House, corpus, wait_until};

fn ids(page: &Value) -> Vec<String> {
    page["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|document| document["key"].as_str().unwrap().to_owned())
        .collect()
}

async fn documents(client: &Client, project: i64, query: &str) -> Value {
    client
        .get(&format!("/api/v1/projects/{project}/documents?{query}"))
        .await
        .expect(200)
        .json()
}

#[tokio::test(flavor = "multi_thread")]
async fn good_rows_are_kept_and_broken_ones_can_be_downloaded() {
    let house = House::open().await;
    let client = house.key(Role::Manager).await;
    let project = client.project().await;
    let taxonomy = client.taxonomy(project).await;
    let mut rows = corpus(0, 10);
    let (broken, unknown, twice) = (
        "{\"id\":\"broken\",\"text\":\"no end\n",
        "{\"id\":\"unknown\",\"text\":\"x\",\"labels\":[\"owls\",\"rocks\"]}\n",
        "{\"id\":\"d3\",\"text\":\"twice\"}\n",
    );
    rows.push_str(&[broken, unknown, twice].concat());
    rows.push_str("{\"id\":\"judged\",\"text\":\"none applies\",\"labels\":[]}\n{\"id\":\"open\",\"text\":\"not annotated\"}\n");
    let path = format!("/api/v1/projects/{project}/corpora?taxonomy={taxonomy}");
    let job = client.finish(client.upload(&path, rows).await).await;
    assert_eq!(job["kind"], "import_corpus");
    let steps: Vec<&str> = job["progress"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["name"].as_str().unwrap())
        .collect();
    assert_eq!(steps, ["index"]);
    let id = Client::made(&job);

    let corpus = client
        .get(&format!("/api/v1/corpora/{id}"))
        .await
        .expect(200)
        .json()["corpus"]
        .clone();
    for (key, value) in [
        ("n_documents", 12),
        ("n_annotated", 11),
        ("n_rejected", 3),
        ("n_train", 8),
        ("n_validation", 2),
        ("n_test", 2),
        ("version", 1),
        ("taxonomy", taxonomy),
    ] {
        assert_eq!(corpus[key], value, "{key} of {corpus}");
    }
    assert_eq!(corpus["content_hash"].as_str().unwrap().len(), 64);

    let answer = client
        .get(&format!("/api/v1/corpora/{id}/rejects"))
        .await
        .expect(200);
    assert_eq!(answer.headers["content-type"], "application/x-ndjson");
    let rejects: Vec<Value> = String::from_utf8(answer.body)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let lines: Vec<i64> = rejects
        .iter()
        .map(|reject| reject["line"].as_i64().unwrap())
        .collect();
    assert_eq!(lines, [11, 12, 13]);
    let columns: Vec<usize> = rejects
        .iter()
        .map(|reject| reject["column"].as_u64().unwrap() as usize)
        .collect();
    // Where the row breaks off; the label that is not in the taxonomy; the id that was there before.
    let column = |row: &str, what: &str| row.find(what).unwrap() + 1;
    assert_eq!(
        columns,
        [
            broken.trim_end().len(),
            column(unknown, "\"rocks"),
            column(twice, "\"d3"),
        ]
    );
    assert!(rejects[1]["reason"].as_str().unwrap().contains("rocks"));
    assert!(rejects[2]["row"].as_str().unwrap().contains("twice"));

    let page = documents(&client, project, "search=annotated").await;
    assert!(page["documents"][0]["labels"].is_null());
    let page = documents(&client, project, "search=%22none%20applies%22").await;
    assert_eq!(page["documents"][0]["labels"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_found_by_words_labels_and_parts() {
    let house = House::open().await;
    let client = house.key(Role::Viewer).await;
    let estate = Estate::new(&house.key(Role::Manager).await).await;
    let project = estate.project;

    let all = documents(&client, project, "limit=500").await;
    assert_eq!(
        (
            ids(&all).len(),
            all["total"].as_i64(),
            all["next"].is_null()
        ),
        (200, Some(200), true)
    );
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = documents(&client, project, &format!("limit=30&cursor={cursor}")).await;
        seen.extend(ids(&page));
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!(seen, ids(&all));

    let by_key: HashMap<String, Value> = all["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["key"].as_str().unwrap().to_owned(), it.clone()))
        .collect();
    let with = |label: &str| {
        by_key
            .values()
            .filter(|it| it["labels"].as_array().unwrap().contains(&json!(label)))
            .count()
    };
    for label in ["animals", "birds", "owls", "plants"] {
        let page = documents(&client, project, &format!("label={label}&limit=500")).await;
        assert_eq!(
            (ids(&page).len(), page["total"].as_u64().unwrap()),
            (with(label), with(label) as u64),
            "{label}"
        );
        assert!(
            page["documents"]
                .as_array()
                .unwrap()
                .iter()
                .all(|it| it["labels"].as_array().unwrap().contains(&json!(label)))
        );
    }
    let test = documents(&client, project, "split=test&limit=500").await;
    assert_eq!((ids(&test).len(), test["total"].as_i64()), (40, Some(40)));

    assert_eq!(
        ids(&documents(&client, project, "search=number17").await),
        [
            "d17", "d170", "d171", "d172", "d173", "d174", "d175", "d176", "d177", "d178", "d179"
        ]
    );
    assert_eq!(
        ids(&documents(&client, project, "search=number17%20").await),
        ["d17"]
    );
    assert_eq!(
        ids(&documents(&client, project, "search=NUMBER17%20hoot%20").await).len(),
        usize::from((17 / 3) % 3 == 0)
    );
    let both = documents(
        &client,
        project,
        "search=feather&label=fish&split=test&limit=500",
    )
    .await;
    assert!(!ids(&both).is_empty());
    assert_eq!(both["total"].as_u64().unwrap() as usize, ids(&both).len());
    for document in both["documents"].as_array().unwrap() {
        assert_eq!(document["split"], "test");
        assert!(
            document["labels"]
                .as_array()
                .unwrap()
                .contains(&json!("fish"))
        );
        assert!(document["text"].as_str().unwrap().contains("feather"));
    }
    for nothing in [
        "search=OR",
        "search=%22%22%22",
        "search=text%3Anothing",
        "search=-",
    ] {
        assert_eq!(
            ids(&documents(&client, project, nothing).await),
            [] as [&str; 0],
            "{nothing}"
        );
    }
    client
        .get(&format!("/api/v1/projects/{project}/documents?label=rocks"))
        .await
        .problem(422, "field_invalid");
    client
        .get(&format!("/api/v1/projects/{project}/documents?split=dev2"))
        .await
        .problem(422, "field_invalid");

    let one = &all["documents"][0];
    assert_eq!(one["explicit"], json!(["owls"]));
    assert_eq!(one["labels"], json!(["animals", "birds", "owls"]));
    assert_eq!(one["paths"], json!([["animals", "birds", "owls"]]));
    let shown = client
        .get(&format!("/api/v1/documents/{}", one["id"]))
        .await
        .expect(200)
        .json();
    assert_eq!(&shown["document"], one);

    let labels = client
        .get(&format!(
            "/api/v1/taxonomies/{}/labels?search=birds",
            estate.taxonomy
        ))
        .await
        .json();
    assert_eq!(
        labels["labels"][0]["n_documents"].as_u64().unwrap() as usize,
        with("birds")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_keep_their_part_in_later_versions() {
    let house = House::open().await;
    let client = house.key(Role::Manager).await;
    let project = client.project().await;
    let taxonomy = client.taxonomy(project).await;
    let rows = |from: usize, to: usize, text: &str| -> String {
        (from..to)
            .map(|id| {
                format!("{{\"id\":\"d{id}\",\"text\":\"{text} {id}\",\"labels\":[\"fish\"]}}\n")
            })
            .collect()
    };
    let import = |rows: String, split: &str| {
        let (client, path) = (
            client.clone(),
            format!("/api/v1/projects/{project}/corpora?taxonomy={taxonomy}&{split}"),
        );
        async move { Client::made(&client.finish(client.upload(&path, rows).await).await) }
    };
    let first = import(rows(0, 300, "old"), "split=0.6,0.2,0.2&seed=7").await;
    let parts = |corpus: i64| {
        let client = client.clone();
        async move {
            let page = documents(&client, project, &format!("corpus={corpus}&limit=500")).await;
            let parts = page["documents"].as_array().unwrap().iter().map(|it| {
                (
                    it["key"].as_str().unwrap().to_owned(),
                    (
                        it["split"].as_str().unwrap().to_owned(),
                        it["text"].as_str().unwrap().to_owned(),
                    ),
                )
            });
            parts.collect::<HashMap<_, _>>()
        }
    };
    let before = parts(first).await;
    let n = |parts: &HashMap<String, (String, String)>, split: &str| {
        parts.values().filter(|(it, _)| it == split).count()
    };
    assert!(
        (150..210).contains(&n(&before, "train")) && n(&before, "test") > 30,
        "{}",
        n(&before, "train")
    );

    // Other seed, no shares, other texts: known documents stay where they are.
    let second = import(rows(0, 400, "new"), "split=0.1,0.1,0.8&seed=8").await;
    let after = parts(second).await;
    assert_eq!(after.len(), 400);
    for (key, (split, _)) in &before {
        assert_eq!(&after[key].0, split, "{key}");
        assert!(after[key].1.starts_with("new"));
    }
    assert!(
        parts(first)
            .await
            .values()
            .all(|(_, text)| text.starts_with("old"))
    );
    let asking = "{\"id\":\"d0\",\"text\":\"old 0\",\"split\":\"SPLIT\"}\n".replace(
        "SPLIT",
        if before["d0"].0 == "test" {
            "train"
        } else {
            "test"
        },
    );
    let third = import(asking, "seed=1").await;
    assert_eq!(parts(third).await["d0"].0, before["d0"].0);
    let corpus = client.get(&format!("/api/v1/corpora/{third}")).await.json()["corpus"].clone();
    assert_eq!(
        (corpus["n_split_kept"].as_i64(), corpus["version"].as_i64()),
        (Some(1), Some(3))
    );
    // The newest version is the one that is shown.
    assert_eq!(ids(&documents(&client, project, "").await), ["d0"]);
    let without_shares = import("{\"text\":\"fresh\"}\n".to_owned(), "").await;
    let parts = parts(without_shares).await;
    assert_eq!(parts.values().next().unwrap().0, "train");
    assert_eq!(parts.keys().next().unwrap().len(), 64);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_without_a_good_row_fails_and_leaves_nothing() {
    let house = House::open().await;
    let client = house.key(Role::Manager).await;
    let project = client.project().await;
    let taxonomy = client.taxonomy(project).await;
    let path = format!("/api/v1/projects/{project}/corpora?taxonomy={taxonomy}");
    let job = client
        .finish(client.upload(&path, "nonsense\nmore\n").await)
        .await;
    assert_eq!(job["status"], "failed");
    assert!(
        job["error"]
            .as_str()
            .unwrap()
            .contains("none of 2 rows could be read: line 1, column"),
        "{job}"
    );
    assert_eq!(
        client
            .get(&format!("/api/v1/projects/{project}/corpora"))
            .await
            .json()["corpora"],
        json!([])
    );
    client
        .upload(&format!("{path}&split=1,2"), "x")
        .await
        .problem(422, "field_invalid");
    client
        .upload(&format!("{path}&format=xls"), "x")
        .await
        .problem(422, "field_invalid");
    client
        .upload(
            &format!("/api/v1/projects/{project}/corpora?taxonomy=99"),
            "x",
        )
        .await
        .problem(422, "field_invalid");
    client
        .upload(&format!("/api/v1/projects/{project}/corpora"), "x")
        .await
        .problem(400, "malformed_query");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_import_takes_back_what_it_wrote() {
    let house = House::open().await;
    let client = house.key(Role::Manager).await;
    let project = client.project().await;
    let taxonomy = client.taxonomy(project).await;
    let kept = client.corpus(project, taxonomy, corpus(0, 10)).await;
    let path = format!("/api/v1/projects/{project}/corpora?taxonomy={taxonomy}");
    let job = client
        .upload(&path, corpus(5, 60_000))
        .await
        .expect(202)
        .json()["job"]
        .as_i64()
        .unwrap();
    let (show, app) = (format!("/api/v1/jobs/{job}"), house.server().app().clone());
    let has_written =
        || {
            let (client, show) = (client.clone(), show.clone());
            async move {
                let job = client.get(&show).await.json();
                job["progress"].as_array().unwrap().iter().any(|step| {
                    step["name"] == "documents" && step["current"].as_i64() > Some(8_000)
                })
            }
        };
    wait_until("documents are written", has_written).await;
    client.delete(&show).await.expect(200);
    let ended = client.watch(job).await.pop().unwrap().1;
    assert_eq!(ended["status"], "cancelled");
    // Ending it again changes nothing.
    assert_eq!(
        client.delete(&show).await.expect(200).json()["status"],
        "cancelled"
    );

    assert_eq!(
        ids(&documents(&client, project, "limit=500").await).len(),
        10
    );
    assert_eq!(
        ids(&documents(&client, project, "search=number50000").await),
        [] as [&str; 0]
    );
    let listed = client
        .get(&format!("/api/v1/projects/{project}/corpora"))
        .await
        .json();
    assert_eq!(listed["corpora"].as_array().unwrap().len(), 1);
    assert_eq!(listed["corpora"][0]["id"], kept);
    app.db.ping().await.unwrap();
    // What was taken back can be imported again.
    assert_eq!(
        ids(&documents(
            &client,
            project,
            &format!(
                "corpus={}",
                client.corpus(project, taxonomy, corpus(5, 20)).await
            )
        )
        .await)
        .len(),
        20
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_reads_as_the_import_will() {
    let house = House::open().await;
    let client = house.key(Role::Manager).await;
    let project = client.project().await;
    let taxonomy = client.taxonomy(project).await;
    let path =
        format!("/api/v1/projects/{project}/corpora/preview?taxonomy={taxonomy}&partial=true");
    let mut body = corpus(0, 30);
    body.push_str("{\"text\":\"x\",\"labels\":[\"rocks\"]}\n{\"text\":\"cut o");
    let preview = client.upload(&path, body).await.expect(200).json();
    assert_eq!(
        (preview["n_rows"].as_i64(), preview["n_problems"].as_i64()),
        (Some(31), Some(1))
    );
    assert_eq!(preview["rows"].as_array().unwrap().len(), 20);
    assert_eq!(
        preview["rows"][0]["paths"],
        json!([["animals", "birds", "owls"]])
    );
    assert_eq!(preview["unknown_labels"][0]["label"], "rocks");
    assert_eq!(preview["problems"][0]["line"], 31);
    assert_eq!(preview["format"], "jsonl");
    client
        .upload(&path, "x".repeat((1 << 20) + 1))
        .await
        .problem(413, "payload_too_large");
    assert_eq!(
        client
            .get(&format!("/api/v1/projects/{project}/corpora"))
            .await
            .json()["corpora"],
        json!([])
    );
}
