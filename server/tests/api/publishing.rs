//! What becomes of documents when a taxonomy is published, and when that is taken back.

use arborist_shared::api::accounts::Role;
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

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
    (newest, page["documents"].as_array().unwrap().clone())
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

/// Random numbers that are the same everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as usize % n
    }

    fn one<'a>(&mut self, of: &'a [String]) -> &'a str {
        &of[self.below(of.len())]
    }

    fn edit(&mut self, labels: &[String], number: usize) -> Value {
        let label = self.one(labels).to_owned();
        let other = self.one(labels).to_owned();
        let heads = self.below(2) == 0;
        match self.below(9) {
            0 => json!({"op": "rename", "label": label, "name": format!("name {number}")}),
            1 if heads => json!({"op": "move", "label": label}),
            1 | 2 => json!({"op": "move", "label": label, "parent": other}),
            3 => json!({"op": "merge", "labels": [label], "into": other}),
            4 => {
                let parts = [format!("part-{number}-a"), format!("part-{number}-b")];
                let into = parts.map(|id| json!({"id": id}));
                json!({"op": "split", "label": label, "into": into, "keep": heads})
            }
            5 => json!({"op": "delete", "label": label, "with_descendants": heads}),
            6 => json!({"op": "delete", "label": label, "review": heads}),
            7 => json!({"op": "add_parent", "label": label, "parent": other}),
            _ => json!({"op": "add", "id": format!("new-{number}"), "parents": [label]}),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_published_keeps_sets_closed_and_comes_back() {
    let house = House::open().await;
    let client = house.key(Role::Manager).await;
    for seed in 0..6 {
        let mut dice = Dice(seed);
        let project = client.project().await;
        let taxonomy = client.taxonomy(project).await;
        let corpus = client.corpus(project, taxonomy, corpus(0, 30)).await;
        let estate = Estate {
            project,
            taxonomy,
            corpus,
        };
        // State by state, so that history is walked back as it came.
        let mut states = Vec::new();
        let mut at = taxonomy;
        for round in 0..3 {
            let draft = draft(&client, at).await;
            for number in 0..5 {
                let page = client.get(&format!("{draft}/labels?limit=1000")).await;
                let labels: Vec<String> = page.expect(200).json()["labels"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|row| row["id"].as_str().unwrap().to_owned())
                    .collect();
                let edit = dice.edit(&labels, 10 * round + number);
                let body = json!({"edits": [edit]});
                let answer = client.post(&format!("{draft}/edits"), &body).await;
                assert!(matches!(answer.status.as_u16(), 200 | 422), "{seed} {body}");
            }
            let before = (
                newest_taxonomy(&client, project).await,
                state(&client, &estate).await,
            );
            let accepted = client.post(&format!("{draft}/publish"), &json!({})).await;
            if accepted.status == 409 {
                accepted.problem(409, "draft_empty");
                continue;
            }
            let job = client.finish(accepted).await;
            at = Client::made(&job);
            states.push(before);
            check_closed(&client, &estate).await;
            // Who was judged is judged, or waits for a person.
            let (newest, documents) = state(&client, &estate).await;
            assert_eq!(documents.len(), 30, "seed {seed}");
            let queue = format!("/api/v1/corpora/{}/reviews", newest["id"]);
            let queue = client.get(&queue).await.expect(200).json();
            let waiting = queue["reviews"].as_array().unwrap();
            for document in &documents {
                let waits = waiting.iter().any(|row| row["document"] == document["id"]);
                assert!(
                    waits || !document["labels"].is_null(),
                    "seed {seed}: {document}"
                );
            }
        }
        // One by one; then to the last one and to the first, each at once.
        let first = states.first().cloned();
        let last = (
            newest_taxonomy(&client, project).await,
            state(&client, &estate).await,
        );
        for wanted in states.into_iter().rev().chain([last]).chain(first) {
            let (taxonomy, (corpus, documents)) = wanted;
            if newest_taxonomy(&client, project).await["content_hash"] == taxonomy["content_hash"] {
                continue;
            }
            go_back(&client, project, &taxonomy["id"]).await;
            let back = newest_taxonomy(&client, project).await;
            assert_eq!(
                back["content_hash"], taxonomy["content_hash"],
                "seed {seed}"
            );
            let (corpus_back, documents_back) = state(&client, &estate).await;
            assert_eq!(
                corpus_back["content_hash"], corpus["content_hash"],
                "seed {seed}"
            );
            assert_eq!(documents_back, documents, "seed {seed}");
            check_closed(&client, &estate).await;
        }
    }
}

/// Makes a version with the content of an earlier one.
async fn go_back(client: &Client, project: i64, to: &Value) {
    let newest = newest_taxonomy(client, project).await["id"].clone();
    let undo = format!("/api/v1/taxonomies/{newest}/undo");
    let job = client
        .finish(client.post(&undo, &json!({"to": to})).await)
        .await;
    Client::made(&job);
}
