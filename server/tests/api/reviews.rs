//! The review queue: proposals, decisions, taking them back, and the version with what was decided.

use arborist_shared::api::accounts::Role;
use serde_json::{Value, json};

use crate::drafts::{draft, edit};
use crate::house::{Client, Estate, House};

/// A corpus in which everything about fish waits: the label was split.
struct Queue {
    house: House,
    client: Client,
    estate: Estate,
    /// Address of the queue.
    path: String,
}

impl Queue {
    async fn new() -> Self {
        let house = House::with_toy().await;
        let client = house.key(Role::Manager).await;
        let mut estate = Estate::new(&client).await;
        let draft = draft(&client, estate.taxonomy).await;
        let parts = json!([{"id": "carps", "name": "Carps"}, {"id": "eels", "name": "Eels"}]);
        let split = json!([{"op": "split", "label": "fish", "into": parts, "keep": true}]);
        edit(&client, &draft, split).await;
        let accepted = client.post(&format!("{draft}/publish"), &json!({})).await;
        estate.taxonomy = Client::made(&client.finish(accepted).await);
        let mut queue = Self {
            house,
            client,
            estate,
            path: String::new(),
        };
        queue.follow().await;
        queue
    }

    /// Goes on with the newest corpus.
    async fn follow(&mut self) {
        let corpora = format!("/api/v1/projects/{}/corpora?limit=1", self.estate.project);
        let newest = self.client.get(&corpora).await.expect(200).json();
        self.estate.corpus = newest["corpora"][0]["id"].as_i64().unwrap();
        self.path = format!("/api/v1/corpora/{}/reviews", self.estate.corpus);
    }

    async fn waiting(&self) -> (u64, Vec<Value>) {
        let page = self.client.get(&format!("{}?limit=1000", self.path)).await;
        let page = page.expect(200).json();
        let rows = page["reviews"].as_array().unwrap().clone();
        assert_eq!(page["n_documents"], rows.len());
        (rows.len() as u64, rows)
    }

    async fn documents(&self) -> Vec<i64> {
        let (_, rows) = self.waiting().await;
        let ids = rows.iter().map(|row| row["document"].as_i64().unwrap());
        ids.collect()
    }

    async fn decide(&self, decisions: Value) -> crate::house::Answer {
        let body = json!({"decisions": decisions});
        self.client
            .post(&format!("{}/decisions", self.path), &body)
            .await
    }

    async fn undo(&self, decisions: Value) -> crate::house::Answer {
        let body = json!({"decisions": decisions});
        self.client
            .post(&format!("{}/undo", self.path), &body)
            .await
    }

    async fn document(&self, id: i64) -> Value {
        let path = format!("/api/v1/documents/{id}");
        self.client.get(&path).await.expect(200).json()["document"].clone()
    }

    /// Makes the version with what was decided.
    async fn apply(&mut self) {
        let accepted = self
            .client
            .post(&format!("{}/apply", self.path), &json!({}))
            .await;
        let job = self.client.finish(accepted).await;
        assert_eq!(job["kind"], "apply_reviews");
        assert_eq!(job["result"]["type"], "corpus");
        let before = self.estate.corpus;
        self.follow().await;
        assert_eq!(Client::made(&job), self.estate.corpus);
        assert!(self.estate.corpus > before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_decided_one_or_many_and_taken_back() {
    let mut queue = Queue::new().await;
    let (n, rows) = queue.waiting().await;
    assert!(n > 10, "{n}");
    assert_eq!(rows[0]["reasons"][0]["label"], "fish");
    assert_eq!(
        rows[0]["reasons"][0]["candidates"],
        json!(["carps", "eels"])
    );
    let documents = queue.documents().await;
    let one = queue
        .decide(json!([{"document": documents[0], "add": ["eels"]}]))
        .await;
    let one = one.expect(201).json();
    assert_eq!(one["n_waiting"], n - 1);
    let decision = &one["decisions"][0];
    let labels = decision["labels"].as_array().unwrap();
    for label in ["animals", "fish", "eels"] {
        assert!(labels.contains(&json!(label)), "closed upwards: {decision}");
    }
    // What is above a chosen label was not given beside it.
    assert!(
        !decision["explicit"]
            .as_array()
            .unwrap()
            .contains(&json!("fish"))
    );
    assert_eq!(
        (&decision["author"], &decision["run"]),
        (&json!("test"), &Value::Null)
    );
    let many: Vec<Value> = documents[1..4]
        .iter()
        .map(|document| json!({"document": document, "labels": ["carps", "oaks"]}))
        .collect();
    let many = queue.decide(json!(many)).await.expect(201).json();
    assert_eq!(many["n_waiting"], n - 4);
    let labels = json!(["animals", "carps", "fish", "oaks", "plants", "trees"]);
    let mut given = many["decisions"][2]["labels"].as_array().unwrap().clone();
    given.sort_by_key(ToString::to_string);
    assert_eq!(json!(given), labels);
    // It is right as it is; and nothing applies.
    let as_it_is =
        json!([{"document": documents[4], "add": []}, {"document": documents[5], "labels": []}]);
    queue.decide(as_it_is).await.expect(201);
    assert!(!queue.documents().await.contains(&documents[0]));

    // Nothing of a request with a fault is done.
    let again =
        json!([{"document": documents[6], "labels": []}, {"document": documents[0], "labels": []}]);
    let problem = queue.decide(again).await.problem(409, "review_settled");
    assert_eq!(problem["errors"][0]["field"], "/decisions/1/document");
    for (decision, field) in [
        (
            json!({"document": documents[6], "add": ["sharks"]}),
            "/decisions/0/add",
        ),
        (json!({"document": documents[6]}), "/decisions/0"),
        (
            json!({"document": documents[6], "add": [], "labels": []}),
            "/decisions/0",
        ),
        (
            json!({"document": documents[6], "accept": true}),
            "/decisions/0/accept",
        ),
    ] {
        let problem = queue.decide(json!([decision])).await;
        let problem = problem.problem(422, "field_invalid");
        assert_eq!(problem["errors"][0]["field"], field);
    }
    assert_eq!(queue.waiting().await.0, n - 6);

    // Taken back, a document waits again and can be decided anew; what was decided stays known.
    let id = one["decisions"][0]["id"].clone();
    let undone = queue.undo(json!([id])).await.expect(200).json();
    assert_eq!(undone["n_waiting"], n - 5);
    queue.undo(json!([id])).await.problem(409, "review_settled");
    queue
        .decide(json!([{"document": documents[0], "add": ["carps"]}]))
        .await
        .expect(201);
    let listed = queue
        .client
        .get(&format!("{}/decisions?limit=2", queue.path))
        .await;
    let listed = listed.expect(200).json();
    assert_eq!(listed["decisions"][0]["document"], documents[0]);
    assert!(listed["next"].is_string());

    // The version that waits does not change; the next one has what was decided, and those who wait go on waiting.
    assert!(
        !queue.document(documents[0]).await["labels"]
            .as_array()
            .unwrap()
            .contains(&json!("carps"))
    );
    let earlier = queue.path.clone();
    queue.apply().await;
    assert_eq!(queue.waiting().await.0, n - 6);
    let applied = queue.document(documents[0]).await;
    assert!(
        applied["labels"]
            .as_array()
            .unwrap()
            .contains(&json!("carps")),
        "{applied}"
    );
    assert_eq!(queue.document(documents[5]).await["labels"], json!([]));
    let late = json!({"decisions": [{"document": documents[6], "labels": []}]});
    let late = queue
        .client
        .post(&format!("{earlier}/decisions"), &late)
        .await;
    late.problem(409, "corpus_superseded");
    let nothing = queue
        .client
        .post(&format!("{}/apply", queue.path), &json!({}))
        .await;
    nothing.problem(409, "review_settled");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_decide_at_once_do_not_both_win() {
    let queue = Queue::new().await;
    let documents = queue.documents().await;
    for document in &documents[..5] {
        let decide = |label: &str| queue.decide(json!([{"document": document, "add": [label]}]));
        let (one, other) = tokio::join!(decide("carps"), decide("eels"));
        let mut answers = [one.status.as_u16(), other.status.as_u16()];
        answers.sort_unstable();
        assert_eq!(answers, [201, 409]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_decided_goes_along_when_a_taxonomy_is_published() {
    let mut queue = Queue::new().await;
    let documents = queue.documents().await;
    let n = documents.len() as u64;
    queue
        .decide(json!([{"document": documents[0], "add": ["eels"]}]))
        .await
        .expect(201);
    let draft = draft(&queue.client, queue.estate.taxonomy).await;
    edit(
        &queue.client,
        &draft,
        json!([{"op": "rename", "label": "oaks", "name": "Oak"}]),
    )
    .await;
    let accepted = queue
        .client
        .post(&format!("{draft}/publish"), &json!({}))
        .await;
    Client::made(&queue.client.finish(accepted).await);
    queue.follow().await;
    assert_eq!(queue.waiting().await.0, n - 1);
    let labels = queue.document(documents[0]).await["labels"].clone();
    assert!(
        labels.as_array().unwrap().contains(&json!("eels")),
        "{labels}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_proposes_where_it_knows_the_labels() {
    let mut queue = Queue::new().await;
    let propose = async |queue: &Queue, body: Value| {
        let accepted = queue
            .client
            .post(&format!("{}/proposals", queue.path), &body)
            .await;
        queue.client.finish(accepted).await
    };
    let job = propose(&queue, json!({})).await;
    assert_eq!(job["status"], "failed");
    let told = job["error"].as_str().unwrap();
    assert!(
        told.starts_with("no run knows any of the labels to choose from (`carps`, `eels`)"),
        "{told}"
    );

    // Some are decided by hand; a run that is trained on that knows the labels.
    let documents = queue.documents().await;
    let by_hand: Vec<Value> = documents
        .iter()
        .enumerate()
        .filter(|(at, _)| at % 2 == 0)
        .map(|(at, document)| {
            let label = ["carps", "eels"][at / 2 % 2];
            json!({"document": document, "add": [label]})
        })
        .collect();
    queue.decide(json!(by_hand)).await.expect(201);
    queue.apply().await;
    let run = queue
        .estate
        .trained(&queue.client, json!({"epochs": 1}))
        .await;
    let job = propose(&queue, json!({})).await;
    assert_eq!(
        (&job["status"], &job["kind"]),
        (&json!("succeeded"), &json!("propose_reviews")),
        "{job}"
    );
    let (n, rows) = queue.waiting().await;
    for row in &rows {
        assert_eq!(row["proposal"]["run"], run, "{row}");
        let labels = row["proposal"]["labels"].as_array().unwrap();
        assert_eq!(labels.len(), 2);
        assert!(labels[0]["score"].as_f64() >= labels[1]["score"].as_f64());
    }
    // What accepting would decide is known beforehand, page by page.
    let best_score = |row: &Value| row["proposal"]["labels"][0]["score"].as_f64().unwrap();
    let mut scores: Vec<f64> = rows.iter().map(best_score).collect();
    scores.sort_by(f64::total_cmp);
    let middle = scores[scores.len() / 2];
    let expected = rows.iter().filter(|row| best_score(row) >= middle).count();
    let sure = queue
        .client
        .get(&format!(
            "{}/proposals?at_least={middle}&limit=1",
            queue.path
        ))
        .await
        .expect(200)
        .json();
    assert_eq!(sure["n_documents"], expected);
    assert_eq!(sure["proposals"].as_array().unwrap().len(), 1);
    assert_eq!(sure["next"].is_string(), expected > 1);
    assert!(!sure["proposals"][0]["excerpt"].as_str().unwrap().is_empty());
    let odd = format!("{}/proposals?at_least=1.5", queue.path);
    let odd = queue.client.get(&odd).await.problem(422, "field_invalid");
    assert_eq!(odd["errors"][0]["field"], "/at_least");
    // One document alone, as long as it waits.
    let alone = format!("{}?document={}", queue.path, rows[0]["document"]);
    let page = queue.client.get(&alone).await.expect(200).json();
    assert_eq!(page["reviews"], json!([rows[0]]));
    let best = rows[0]["proposal"]["labels"][0]["label"].clone();
    let accepted = queue
        .decide(json!([{"document": rows[0]["document"], "accept": true}]))
        .await;
    let accepted = accepted.expect(201).json();
    assert_eq!(accepted["n_waiting"], n - 1);
    let decision = &accepted["decisions"][0];
    assert_eq!(decision["run"], run, "who proposed it stays known");
    assert_eq!(decision["excerpt"], rows[0]["excerpt"]);
    let page = queue.client.get(&alone).await.expect(200).json();
    assert_eq!(
        (
            &page["reviews"],
            &page["n_documents"],
            &page["n_decided"],
            &accepted["n_decided"]
        ),
        (&json!([]), &json!(n - 1), &json!(1), &json!(1))
    );
    assert!(decision["labels"].as_array().unwrap().contains(&best));
    let unknown = queue
        .client
        .post(&format!("{}/proposals", queue.path), &json!({"run": 987}))
        .await;
    unknown.problem(422, "field_invalid");
    let viewer = queue.house.key(Role::Viewer).await;
    let refused = viewer
        .post(&format!("{}/proposals", queue.path), &json!({}))
        .await;
    refused.problem(403, "forbidden");
}
