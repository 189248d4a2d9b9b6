//! What takes longer than a request answers 202, with the address of the job to watch.

use arborist_shared::api::accounts::Role;
use reqwest::Method;
use sea_orm::ConnectionTrait as _;
use serde_json::json;

use crate::drafts::{draft, edit};
use crate::house::{Client, Estate, House, TAXONOMY, corpus};

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_accepted_names_its_job() {
    let house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let runs = [
        estate.trained(&client, json!({})).await,
        estate.trained(&client, json!({"smoothing": 50.0})).await,
    ];
    // Taxonomies of other projects, so that what is accepted here does not stand in its own way: a draft to publish, and a
    // version to take back.
    let changed = async || {
        let taxonomy = client.taxonomy(client.project().await).await;
        let draft = draft(&client, taxonomy).await;
        edit(&client, &draft, json!([{"op": "add", "id": "rocks"}])).await;
        draft
    };
    let to_publish = changed().await;
    let publish = format!("{}/publish", changed().await);
    let published = client.post(&publish, &json!({})).await;
    let to_take_back = Client::made(&client.finish(published).await);

    // Documents that wait, in another project, and one about which is decided.
    let waiting = waiting(&client).await;

    // A comparison answers at once, unless it has to wait for another one of its project: so one is put before it.
    let compare = json!({"runs": runs, "resamples": 100});
    let compared = client.post("/api/v1/comparisons", &compare).await;
    compared.expect(201);
    let db = house.server().app().db.write();
    let columns = "project_id, kind, slot, title, request, progress, attempts, interruptions, cancel_requested, created_at";
    db.execute_unprepared(&format!(
        "INSERT INTO job ({columns}, status, lease_owner, lease_until) \
         SELECT {columns}, 'running', 'elsewhere', '2999-01-01T00:00:00+00:00' FROM job WHERE kind = 'compare'"
    ))
    .await
    .unwrap();

    let document = client.get("/api/openapi.json").await.expect(200).json();
    let mut jobs = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let described = &operation["responses"]["202"];
            if described.is_null() {
                continue;
            }
            assert!(described["headers"]["Location"].is_object(), "{path}");
            let address = path.replace("{id}", &estate.project.to_string());
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let request =
                |query: &str| client.request(method.clone(), &format!("{address}{query}"));
            let request = match path.as_str() {
                "/api/v1/comparisons" => request("").json(&compare),
                "/api/v1/projects/{id}/assets" => request("?kind=word_vectors").body("the 1 2\n"),
                "/api/v1/projects/{id}/corpora" => {
                    request(&format!("?taxonomy={}", estate.taxonomy)).body(corpus(1_000, 5))
                }
                "/api/v1/corpora/{id}/exports" => {
                    let corpus = estate.corpus;
                    client.request(method, &format!("/api/v1/corpora/{corpus}/exports"))
                }
                "/api/v1/projects/{id}/runs" => request("").json(&estate.run(json!({}))),
                "/api/v1/projects/{id}/taxonomies" => {
                    request("").body(format!("more\tRoot\n{TAXONOMY}"))
                }
                "/api/v1/sample-project" => request(""),
                "/api/v1/drafts/{id}/publish" => {
                    client.request(method, &format!("{to_publish}/publish"))
                }
                "/api/v1/taxonomies/{id}/undo" => {
                    client.request(method, &format!("/api/v1/taxonomies/{to_take_back}/undo"))
                }
                "/api/v1/corpora/{id}/reviews/apply" => {
                    client.request(method, &format!("{waiting}/apply"))
                }
                "/api/v1/corpora/{id}/reviews/proposals" => {
                    client.request(method, &format!("{waiting}/proposals"))
                }
                other => panic!("say here what {other} accepts"),
            };
            let accepted = client.send(request).await.expect(202);
            let job = accepted.json()["job"].as_i64().unwrap();
            let location = accepted.headers["location"].to_str().unwrap();
            assert_eq!(location, format!("/api/v1/jobs/{job}"), "{path}");
            let shown = client.get(location).await.expect(200).json();
            assert_eq!(shown["id"], job, "{path}");
            // No run knows the labels that came with the split yet, which is what the job says.
            let end = if path.ends_with("/proposals") {
                "failed"
            } else {
                "succeeded"
            };
            jobs.push((job, end));
        }
    }
    assert_eq!(jobs.len(), 11);
    let over = "UPDATE job SET status = 'failed' WHERE lease_owner = 'elsewhere'";
    db.execute_unprepared(over).await.unwrap();
    for (job, end) in jobs {
        let ended = client.watch(job).await.pop().unwrap().1;
        assert_eq!(ended["status"], end, "{ended}");
    }
}

/// The review queue of a corpus one of whose labels was split.
async fn waiting(client: &Client) -> String {
    let estate = Estate::new(client).await;
    let draft = draft(client, estate.taxonomy).await;
    let parts = json!([{"id": "carps", "name": "Carps"}, {"id": "eels", "name": "Eels"}]);
    let split = json!([{"op": "split", "label": "fish", "into": parts, "keep": true}]);
    edit(client, &draft, split).await;
    let published = client.post(&format!("{draft}/publish"), &json!({})).await;
    client.finish(published).await;
    let corpora = format!("/api/v1/projects/{}/corpora?limit=1", estate.project);
    let newest = client.get(&corpora).await.expect(200).json();
    let queue = format!("/api/v1/corpora/{}/reviews", newest["corpora"][0]["id"]);
    let page = client.get(&queue).await.expect(200).json();
    let decision = json!({"document": page["reviews"][0]["document"], "add": ["eels"]});
    let decide = json!({"decisions": [decision]});
    let decisions = format!("{queue}/decisions");
    client.post(&decisions, &decide).await.expect(201);
    queue
}
