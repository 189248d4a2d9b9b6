//! What becomes of documents when a taxonomy is published, and when that is taken back.

use arborist_shared::api::accounts::Role;
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

mod models;
mod random;

use crate::apart::Apart;
use crate::drafts::{draft, edit};
use crate::house::{Client, Estate, House, corpus, wait_until};

/// What a client sees of a project's newest corpus: taxonomy, hash, and every document with its labels.
async fn state(client: &Client, estate: &Estate) -> (Value, Vec<Value>) {
    let path = format!("/api/v1/projects/{}/corpora?limit=1", estate.project);
    let newest = client.get(&path).await.expect(200).json()["corpora"][0].clone();
    let path = format!(
        "/api/v1/projects/{}/documents?corpus={}&limit=500",
        estate.project, newest["id"]
    );
    let page = client.get(&path).await.expect(200).json();
    let mut documents = page["documents"].as_array().unwrap().clone();
    for document in &mut documents {
        // Of each version its own.
        document.as_object_mut().unwrap().remove("labelled_at");
    }
    (newest, documents)
}

async fn newest_taxonomy(client: &Client, project: i64) -> Value {
    let path = format!("/api/v1/projects/{project}/taxonomies?limit=1");
    client.get(&path).await.expect(200).json()["taxonomies"][0].clone()
}

async fn publish(client: &Client, draft: &str) -> i64 {
    let accepted = client.post(&format!("{draft}/publish"), &json!({})).await;
    let job = client.finish(accepted).await;
    assert_eq!(job["kind"], "publish_draft");
    assert_eq!(job["result"]["type"], "taxonomy", "{job}");
    Client::made(&job)
}

async fn take_back(client: &Client, taxonomy: i64) -> i64 {
    let undo = format!("/api/v1/taxonomies/{taxonomy}/undo");
    let job = client.finish(client.post(&undo, &json!({})).await).await;
    assert_eq!(job["kind"], "undo_taxonomy");
    Client::made(&job)
}

/// Every document has the labels above its labels, and is found by each of them.
async fn check_closed(client: &Client, estate: &Estate) {
    let (corpus, documents) = state(client, estate).await;
    let labels = format!(
        "/api/v1/taxonomies/{}/labels?limit=1000",
        corpus["taxonomy"]
    );
    let labels = client.get(&labels).await.json()["labels"].clone();
    for row in labels.as_array().unwrap() {
        let id = row["id"].as_str().unwrap();
        let has = |document: &&Value| {
            let labels = document["labels"].as_array();
            labels.is_some_and(|labels| labels.iter().any(|label| label == id))
        };
        let n = documents.iter().filter(has).count();
        assert_eq!(row["n_documents"], n, "{id}");
        let path = format!(
            "/api/v1/projects/{}/documents?corpus={}&label={id}&limit=500",
            estate.project, corpus["id"]
        );
        let found = client.get(&path).await.expect(200).json();
        assert_eq!(found["documents"].as_array().unwrap().len(), n, "{id}");
    }
}

fn labels_of(documents: &[Value], key: &str) -> Value {
    let document = documents.iter().find(|document| document["key"] == key);
    document.unwrap()["explicit"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_follow_a_published_taxonomy_and_come_back() {
    let house = House::open().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let (corpus_before, documents_before) = state(&client, &estate).await;
    let taxonomy_before = newest_taxonomy(&client, estate.project).await;
    let draft = draft(&client, estate.taxonomy).await;
    edit(
        &client,
        &draft,
        json!([
            {"op": "rename", "label": "animals", "name": "Animals"},
            {"op": "move", "label": "birds", "parent": "plants"},
            {"op": "split", "label": "fish", "into": [{"id": "carps"}, {"id": "sharks"}]},
            {"op": "delete", "label": "oaks"},
        ]),
    )
    .await;

    let impact = client
        .get(&format!("{draft}/impact"))
        .await
        .expect(200)
        .json();
    assert_eq!(impact["corpus"], estate.corpus);
    // Ids from 0 to 199: two topics each, by id and by a third of it.
    let topics = |id: usize| [id % 3, (id / 3) % 3];
    let n_with = |topic: usize| (0..200).filter(|&id| topics(id).contains(&topic)).count();
    let (n_owls, n_fish, n_oaks) = (n_with(0), n_with(1), n_with(2));
    let of_edit = |at: usize| impact["edits"][at].clone();
    assert_eq!(of_edit(0)["rule"], "keep");
    assert_eq!(of_edit(1)["rule"], "recompute_ancestors");
    assert_eq!(of_edit(1)["n_documents"], n_owls);
    assert_eq!(of_edit(1)["edit"]["parent"], "plants");
    assert_eq!(of_edit(2)["rule"], "split");
    assert_eq!(of_edit(2)["n_review"], n_fish);
    assert_eq!(of_edit(3)["rule"], "roll_up");
    assert_eq!(of_edit(3)["n_relabelled"], n_oaks);
    assert_eq!(impact["n_documents"], 200);
    assert_eq!(impact["n_review"], n_fish);
    let sentences = impact["changes"].as_array().unwrap();
    assert_eq!(
        sentences[0]["sentence"],
        "split `fish` (animals > fish) into `carps`, `sharks`"
    );

    let made = publish(&client, &draft).await;
    let shown = client.get(&draft).await.json()["draft"].clone();
    assert_eq!(
        (&shown["state"], &shown["published"]),
        (&json!("published"), &json!(made))
    );
    let taxonomy = newest_taxonomy(&client, estate.project).await;
    assert_eq!(
        (&taxonomy["id"], &taxonomy["version"]),
        (&json!(made), &json!(2))
    );
    assert_eq!(taxonomy["name"], "Tidy up");
    let (corpus_after, documents) = state(&client, &estate).await;
    assert_eq!(corpus_after["taxonomy"], made);
    assert_eq!(corpus_after["version"], 2);
    assert_eq!(corpus_after["n_documents"], 200);
    check_closed(&client, &estate).await;
    // Owls, which are no animals any more, and fish; owls and oaks; fish and fish. Of what was split is known that it is
    // about animals.
    assert_eq!(labels_of(&documents, "d1"), json!(["animals", "owls"]));
    assert_eq!(labels_of(&documents, "d2"), json!(["owls", "trees"]));
    assert_eq!(labels_of(&documents, "d4"), json!(["animals"]));
    let publication = client
        .get(&format!("/api/v1/taxonomies/{made}/publication"))
        .await
        .expect(200)
        .json()["publication"]
        .clone();
    assert_eq!(publication["base"], estate.taxonomy);
    assert_eq!(publication["base_corpus"], estate.corpus);
    assert_eq!(publication["corpus"], corpus_after["id"]);
    assert_eq!(publication["n_review"], n_fish);
    assert_eq!(publication["author"], "test");
    let diff = client
        .get(&format!("/api/v1/taxonomies/{made}/diff"))
        .await
        .expect(200)
        .json();
    assert_eq!(diff["changes"], impact["changes"]);
    assert_eq!(diff["from"], estate.taxonomy);

    let queue = format!("/api/v1/corpora/{}/reviews", corpus_after["id"]);
    let page = client
        .get(&format!("{queue}?limit=50"))
        .await
        .expect(200)
        .json();
    assert_eq!(page["n_documents"], n_fish);
    assert_eq!(page["reviews"][0]["key"], "d1");
    assert_eq!(
        page["reviews"][0]["reasons"],
        json!([{"label": "fish", "path": ["animals", "fish"], "reason": "split", "candidates": ["carps", "sharks"]}])
    );
    let next = page["next"].as_str().unwrap();
    let rest = client
        .get(&format!("{queue}?limit=1000&cursor={next}"))
        .await
        .json();
    assert_eq!(rest["reviews"].as_array().unwrap().len(), n_fish - 50);

    // Back: the same content as before, as new versions, and history keeps all of them.
    let back = take_back(&client, made).await;
    let taxonomy = newest_taxonomy(&client, estate.project).await;
    assert_eq!(
        (&taxonomy["id"], &taxonomy["version"]),
        (&json!(back), &json!(3))
    );
    assert_eq!(taxonomy["content_hash"], taxonomy_before["content_hash"]);
    let (corpus_back, documents_back) = state(&client, &estate).await;
    assert_eq!(corpus_back["content_hash"], corpus_before["content_hash"]);
    assert_eq!(corpus_back["taxonomy"], back);
    assert_eq!(documents_back, documents_before);
    check_closed(&client, &estate).await;
    let queue = format!("/api/v1/corpora/{}/reviews", corpus_back["id"]);
    assert_eq!(client.get(&queue).await.json()["n_documents"], 0);
    // And forth again: taking back what took back.
    let forth = take_back(&client, back).await;
    let (corpus_forth, documents_forth) = state(&client, &estate).await;
    assert_eq!(corpus_forth["content_hash"], corpus_after["content_hash"]);
    assert_eq!(corpus_forth["taxonomy"], forth);
    assert_eq!(documents_forth, documents);
    let late = client
        .post(&format!("/api/v1/taxonomies/{made}/undo"), &json!({}))
        .await;
    late.problem(409, "taxonomy_superseded");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_goes_on_waiting_and_what_came_since_is_kept() {
    let house = House::open().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let first = draft(&client, estate.taxonomy).await;
    edit(
        &client,
        &first,
        json!([{"op": "split", "label": "owls", "into": [{"id": "barn"}, {"id": "snowy"}, {"id": "tawny"}]}]),
    )
    .await;
    let second_version = publish(&client, &first).await;
    let second = draft(&client, second_version).await;
    edit(
        &client,
        &second,
        json!([
            {"op": "merge", "labels": ["tawny"], "into": "barn"},
            {"op": "delete", "label": "snowy"},
            {"op": "delete", "label": "fish", "review": true},
        ]),
    )
    .await;
    let third_version = publish(&client, &second).await;
    check_closed(&client, &estate).await;
    let (corpus_third, _) = state(&client, &estate).await;
    let queue = format!("/api/v1/corpora/{}/reviews", corpus_third["id"]);
    let page = client.get(&queue).await.expect(200).json();
    let owls_and_fish = page["reviews"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["key"] == "d1");
    let reasons = owls_and_fish.unwrap()["reasons"].as_array().unwrap();
    assert_eq!(reasons[0]["label"], "fish");
    assert_eq!(reasons[0]["reason"], "deleted");
    assert_eq!(reasons[1]["label"], "owls");
    assert_eq!(reasons[1]["candidates"], json!(["barn"]));

    // Documents that came since stay, and their labels that are gone roll up for a person to see.
    let rows = format!(
        "{}{{\"id\":\"new\",\"text\":\"a barn owl\",\"labels\":[\"barn\"]}}\n",
        corpus(0, 200)
            .replace("\"owls\"", "\"birds\"")
            .replace("\"fish\"", "\"animals\"")
    );
    client.corpus(estate.project, third_version, rows).await;
    take_back(&client, third_version).await;
    let (restored, documents) = state(&client, &estate).await;
    assert_eq!(restored["n_documents"], 201);
    assert_eq!(labels_of(&documents, "new"), json!(["barn"]));
    check_closed(&client, &estate).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_that_fails_leaves_everything_as_it_was() {
    let house = House::open().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let before = state(&client, &estate).await;
    let draft = draft(&client, estate.taxonomy).await;
    edit(&client, &draft, json!([{"op": "delete", "label": "fish"}])).await;
    // The last statement but one of the transaction fails, after labels and corpus were written.
    let db = house.server().app().db.write();
    let (fault, mended) = if house.server().app().db.is_postgres() {
        (
            "CREATE FUNCTION broken() RETURNS trigger AS $$ BEGIN RAISE 'disk on fire'; END $$ LANGUAGE plpgsql; \
             CREATE TRIGGER broken BEFORE INSERT ON publication FOR EACH ROW EXECUTE FUNCTION broken()",
            "DROP TRIGGER broken ON publication",
        )
    } else {
        (
            "CREATE TRIGGER broken BEFORE INSERT ON publication BEGIN SELECT RAISE(ABORT, 'disk on fire'); END",
            "DROP TRIGGER broken",
        )
    };
    db.execute_unprepared(fault).await.unwrap();
    let accepted = client.post(&format!("{draft}/publish"), &json!({})).await;
    let job = client.finish(accepted).await;
    assert_eq!(job["status"], "failed");
    assert_eq!(state(&client, &estate).await, before);
    assert_eq!(
        newest_taxonomy(&client, estate.project).await["id"],
        estate.taxonomy
    );
    let read = house.server().app().db.read();
    let left = |table: &'static str| {
        let sql = format!("SELECT COUNT(*) AS n FROM {table}");
        async move {
            let statement = sea_orm::Statement::from_string(read.get_database_backend(), sql);
            let row = read.query_one_raw(statement).await.unwrap().unwrap();
            row.try_get::<i64>("", "n").unwrap()
        }
    };
    assert_eq!(
        (
            left("corpus").await,
            left("taxonomy").await,
            left("review").await
        ),
        (1, 1, 0)
    );
    assert_eq!(left("label").await, 7);
    assert_eq!(left("corpus_document").await, 200);
    // The draft takes edits again, and can be published once the fault is gone.
    db.execute_unprepared(mended).await.unwrap();
    edit(&client, &draft, json!([{"op": "add", "id": "rocks"}])).await;
    let made = publish(&client, &draft).await;
    assert_eq!(newest_taxonomy(&client, estate.project).await["id"], made);
    // So does one whose job was cancelled while it waited, without anybody telling the draft.
    let second = self::draft(&client, made).await;
    edit(
        &client,
        &second,
        json!([{"op": "delete", "label": "rocks"}]),
    )
    .await;
    let id = second.rsplit('/').next().unwrap().parse::<i64>().unwrap();
    let job = job["id"].as_i64().unwrap();
    let sql = format!("UPDATE draft SET state = 'publishing', job_id = {job} WHERE id = {id}");
    db.execute_unprepared(&sql).await.unwrap();
    let shown = client.get(&second).await.expect(200).json();
    assert_eq!(shown["draft"]["state"], "open");
    publish(&client, &second).await;
}

/// Publishes a merge in a project of many documents; answers the project and the job.
async fn publish_merge(client: &Client) -> (Estate, i64) {
    let project = client.project().await;
    let taxonomy = client.taxonomy(project).await;
    let corpus = client.corpus(project, taxonomy, corpus(0, MANY)).await;
    let estate = Estate {
        project,
        taxonomy,
        corpus,
    };
    let draft = draft(client, estate.taxonomy).await;
    let merge = json!([{"op": "merge", "labels": ["fish"], "into": "birds"}]);
    edit(client, &draft, merge).await;
    let accepted = client.post(&format!("{draft}/publish"), &json!({})).await;
    (estate, accepted.expect(202).json()["job"].as_i64().unwrap())
}

/// Documents of several batches.
const MANY: usize = 40_000;

#[tokio::test(flavor = "multi_thread")]
async fn publishing_goes_on_after_a_crash() {
    let mut house = House::open().await;
    house.stop().await;
    let apart = Apart::start(&house);
    let client = apart.key(&house, Role::Manager).await;
    let (estate, job) = publish_merge(&client).await;
    let half_way = || async {
        let job = client.get(&format!("/api/v1/jobs/{job}")).await.json();
        let steps = job["progress"].as_array().unwrap().clone();
        steps.iter().any(|step| {
            step["name"] == "documents"
                && (5_000..MANY as u64).contains(&step["current"].as_u64().unwrap())
        })
    };
    wait_until("documents are carried over", half_way).await;
    apart.kill();
    house.start().await;
    let client = house.key(Role::Manager).await;
    // Whatever was written is not seen before all of it is there.
    let ended = client.watch(job).await.pop().unwrap().1;
    let made = Client::made(&ended);
    let listed = client
        .get(&format!("/api/v1/projects/{}/taxonomies", estate.project))
        .await
        .json();
    assert_eq!(listed["taxonomies"].as_array().unwrap().len(), 2);
    assert_eq!(listed["taxonomies"][0]["id"], made);
    // The same as a publication that nobody interrupted.
    let (other, job) = publish_merge(&client).await;
    Client::made(&client.watch(job).await.pop().unwrap().1);
    let (interrupted, documents) = state(&client, &estate).await;
    let (whole, _) = state(&client, &other).await;
    for key in [
        "content_hash",
        "n_documents",
        "n_train",
        "n_annotated",
        "labels_per_document",
    ] {
        assert_eq!(interrupted[key], whole[key], "{key}");
    }
    assert_eq!(labels_of(&documents, "d1"), json!(["birds", "owls"]));
    let counts = async |taxonomy: &Value| {
        let path = format!("/api/v1/taxonomies/{taxonomy}/labels");
        client.get(&path).await.json()["labels"].clone()
    };
    let (interrupted, whole) = (&interrupted["taxonomy"], &whole["taxonomy"]);
    assert_eq!(counts(interrupted).await, counts(whole).await);
}
