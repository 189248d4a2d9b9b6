//! Lists come in pages that end when `next` is null, all in the same way.

use arborist_shared::api::accounts::Role;
use serde_json::{Value, json};

use crate::house::{Client, Estate, House, TAXONOMY, corpus};

/// Walks over all pages of so many; answers the ids, and how many each page held.
async fn walk(client: &Client, path: &str, list: &str, limit: usize) -> (Vec<i64>, Vec<usize>) {
    let sign = if path.contains('?') { '&' } else { '?' };
    let mut address = format!("{path}{sign}limit={limit}");
    let (mut ids, mut sizes) = (Vec::new(), Vec::new());
    loop {
        let page = client.get(&address).await.expect(200).json();
        let rows = page[list].as_array().unwrap();
        sizes.push(rows.len());
        ids.extend(rows.iter().map(|row| row["id"].as_i64().unwrap()));
        assert!(page.as_object().unwrap().contains_key("next"), "{page}");
        match page["next"].as_str() {
            Some(next) => address = format!("{path}{sign}limit={limit}&cursor={next}"),
            None => return (ids, sizes),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_is_walked_to_its_end() {
    let house = House::with_toy().await;
    let client = house.admin().await;
    let estate = Estate::new(&client).await;
    let project = format!("/api/v1/projects/{}", estate.project);
    // Five of each; the estate has a taxonomy and a corpus already, and its project.
    for n in 0..5 {
        estate.trained(&client, json!({"epochs": n + 1})).await;
        let key = json!({"name": "nightly", "role": "viewer"});
        client.post("/api/v1/keys", &key).await.expect(201);
        let vectors = format!("{project}/assets?kind=word_vectors");
        let accepted = client.upload(&vectors, format!("the {n} 1\n")).await;
        Client::made(&client.finish(accepted).await);
        if n > 0 {
            client.project().await;
            let taxonomy = format!("label{n}\tRoot\n{TAXONOMY}");
            let path = format!("{project}/taxonomies");
            let accepted = client.upload(&path, taxonomy).await;
            Client::made(&client.finish(accepted).await);
            let rows = corpus(1_000 * n, 2);
            client.corpus(estate.project, estate.taxonomy, rows).await;
        }
    }
    for (path, list, n) in [
        ("/api/v1/projects".to_owned(), "projects", 5),
        ("/api/v1/keys".to_owned(), "keys", 5),
        (format!("{project}/taxonomies"), "taxonomies", 5),
        (format!("{project}/corpora"), "corpora", 5),
        (format!("{project}/assets"), "assets", 5),
        (format!("{project}/runs"), "runs", 5),
        ("/api/v1/jobs".to_owned(), "jobs", 20),
        (
            format!("/api/v1/jobs?project={}", estate.project),
            "jobs",
            20,
        ),
        (
            format!("{project}/documents?corpus={}", estate.corpus),
            "documents",
            200,
        ),
    ] {
        let (all, _) = walk(&client, &path, list, 500).await;
        assert_eq!(all.len(), n, "{path}");
        let (ids, sizes) = walk(&client, &path, list, n * 2 / 5).await;
        assert_eq!(ids, all, "{path}");
        assert_eq!(sizes, [n * 2 / 5, n * 2 / 5, n / 5], "{path}");
        // A page that ends where the list ends is the last.
        let (ids, sizes) = walk(&client, &path, list, n).await;
        assert_eq!((ids, sizes), (all.clone(), vec![n]), "{path}");
        if list != "documents" {
            assert!(all.is_sorted_by(|a, b| a > b), "{path} is newest first");
        }
        let sign = if path.contains('?') { '&' } else { '?' };
        client
            .get(&format!("{path}{sign}cursor=nonsense"))
            .await
            .problem(400, "cursor_invalid");
    }
}

/// The list of an answer's schema, if it is one.
fn list_of<'d>(document: &'d Value, operation: &'d Value) -> Option<&'d Value> {
    let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
    let pointer = schema["$ref"].as_str()?.strip_prefix('#')?;
    let properties = &document.pointer(pointer)?["properties"];
    let has_rows = properties
        .as_object()?
        .values()
        .any(|property| property["items"]["$ref"].is_string());
    has_rows.then_some(properties)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_of_every_list_says_how_it_goes_on() {
    /// Answers with several rows that grow with what is installed, asked for or edited, not with what people store, or that
    /// are the first of many; and a file.
    const WHOLE: [&str; 20] = [
        "/api/v1/agent/run",
        "/api/v1/corpora/{id}/diff",
        "/api/v1/corpora/{id}/statistics",
        "/api/v1/devices",
        "/api/v1/drafts/{id}/impact",
        "/api/v1/drafts/{id}/label",
        "/api/v1/jobs/{id}/place",
        "/api/v1/limits",
        "/api/v1/plugins",
        "/api/v1/projects/{id}/label-choices",
        "/api/v1/projects/{id}/overview",
        "/api/v1/projects/{id}/uploads",
        "/api/v1/runs/{id}/analysis",
        "/api/v1/runs/{id}/analysis/subtrees",
        "/api/v1/runs/{id}/epochs",
        "/api/v1/runs/{id}/log",
        "/api/v1/runs/{id}/taxonomy",
        "/api/v1/taxonomies/{id}/file",
        "/api/v1/taxonomies/{id}/files",
        "/api/v1/taxonomies/{id}/label",
    ];
    let house = House::open().await;
    let client = house.key(Role::Viewer).await;
    let document = client.get("/api/openapi.json").await.expect(200).json();
    let mut lists = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let operation = &item["get"];
        let Some(properties) = list_of(&document, operation) else {
            continue;
        };
        if path.ends_with('}') || WHOLE.contains(&path.as_str()) {
            continue;
        }
        lists += 1;
        assert!(properties["next"].is_object(), "{path} has no `next`");
        let parameters = operation["parameters"].as_array().unwrap();
        for name in ["limit", "cursor"] {
            let is_there = parameters.iter().any(|parameter| parameter["name"] == name);
            assert!(is_there, "{path} takes no `{name}`");
        }
    }
    assert!(lists >= 9, "{lists}");
}
