//! Drafts: what several people do to one at once, and what is read of it.

use arborist_shared::api::accounts::Role;
use serde_json::{Value, json};

use crate::house::{Client, Estate, House, TAXONOMY, wait_until};

/// A draft of a taxonomy.
pub(crate) async fn draft(client: &Client, taxonomy: i64) -> String {
    let path = format!("/api/v1/taxonomies/{taxonomy}/drafts");
    let body = json!({"name": "Tidy up"});
    let draft = client.post(&path, &body).await.expect(201);
    assert_eq!(draft.headers["etag"], "\"0\"");
    let id = draft.json()["draft"]["id"].as_i64().unwrap();
    assert_eq!(draft.headers["location"], format!("/api/v1/drafts/{id}"));
    format!("/api/v1/drafts/{id}")
}

/// Adds edits to a draft that nobody else works on.
pub(crate) async fn edit(client: &Client, draft: &str, edits: Value) -> Value {
    let body = json!({"edits": edits});
    let answer = client.post(&format!("{draft}/edits"), &body).await;
    answer.expect(200).json()
}

async fn ids(client: &Client, path: &str) -> Vec<String> {
    let page = client.get(path).await.expect(200).json();
    let rows = page["labels"].as_array().unwrap();
    let ids = rows
        .iter()
        .map(|row| row["id"].as_str().unwrap().to_owned());
    ids.collect()
}

async fn of(house: &House) -> (Client, i64, String) {
    let client = house.key(Role::Manager).await;
    let project = client.project().await;
    let taxonomy = client.taxonomy(project).await;
    let path = draft(&client, taxonomy).await;
    (client, taxonomy, path)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_edited_and_read_part_by_part() {
    let house = House::open().await;
    let (client, taxonomy, draft) = of(&house).await;
    let edited = edit(
        &client,
        &draft,
        json!([
            {"op": "add", "id": "bats", "name": "Bats", "parents": ["animals"], "before": "fish"},
            {"op": "rename", "label": "owls", "name": "Night owls"},
            {"op": "move", "label": "trees"},
            {"op": "describe", "label": "fish", "details": {"notation": "597"}},
            {"op": "deprecate", "label": "oaks", "replaced_by": "trees"},
        ]),
    )
    .await;
    assert_eq!(edited["draft"]["revision"], 5);
    assert_eq!(edited["entries"][4]["revision"], 5);
    assert_eq!(edited["entries"][0]["author"], "test");

    let labels = format!("{draft}/labels");
    let top = ids(&client, &format!("{labels}?parent=")).await;
    assert_eq!(top, ["animals", "plants", "trees"]);
    let below = client.get(&format!("{labels}?parent=animals")).await;
    let below = below.expect(200).json();
    assert_eq!(below["revision"], 5);
    assert_eq!(below["labels"][1]["id"], "bats");
    assert_eq!(below["labels"][1]["marks"], json!(["added"]));
    assert_eq!(below["labels"][1]["path"], json!(["animals", "Bats"]));
    assert_eq!(below["labels"][2]["marks"], json!(["described"]));
    assert_eq!(
        ids(&client, &format!("{labels}?search=night")).await,
        ["owls"]
    );
    let first = client.get(&format!("{labels}?limit=3")).await.json();
    let next = first["next"].as_str().unwrap();
    let rest = ids(&client, &format!("{labels}?limit=10&cursor={next}")).await;
    assert_eq!(rest.len(), 5);

    let card = client.get(&format!("{draft}/label?id=fish")).await;
    assert_eq!(card.expect(200).json()["details"]["notation"], "597");
    let card = client.get(&format!("{draft}/label?id=oaks")).await.json();
    assert_eq!(card["label"]["deprecated"], true);
    assert_eq!(card["paths"], json!([["trees", "oaks"]]));
    let missing = client.get(&format!("{draft}/label?id=rocks")).await;
    missing.problem(404, "label_not_found");
    // The version is as it was.
    let card = client
        .get(&format!("/api/v1/taxonomies/{taxonomy}/label?id=fish"))
        .await;
    assert_eq!(card.expect(200).json()["details"], json!({}));

    let shown = client.get(&draft).await.expect(200);
    assert_eq!(shown.headers["etag"], "\"5\"");
    let listed = client
        .get(&format!("/api/v1/taxonomies/{taxonomy}/drafts"))
        .await;
    assert_eq!(
        listed.expect(200).json()["drafts"][0],
        shown.json()["draft"]
    );
    let gone = client.delete(&draft).await.expect(200).json();
    assert_eq!(gone["draft"]["state"], "discarded");
    let body = json!({"edits": [{"op": "rename", "label": "owls", "name": "x"}]});
    let late = client.post(&format!("{draft}/edits"), &body).await;
    late.problem(409, "draft_closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_people_at_once_nobody_overwrites_the_other() {
    let house = House::open().await;
    let (ann, _, draft) = of(&house).await;
    let edits = format!("{draft}/edits");
    let rename = |name: &str, revision: i64| json!({"revision": revision, "edits": [{"op": "rename", "label": "owls", "name": name}]});
    let first = ann.post(&edits, &rename("Owls of the night", 0)).await;
    first.expect(200);
    let second = ann.post(&edits, &rename("Uhus", 0)).await;
    let problem = second.problem(409, "draft_stale");
    assert_eq!(problem["meanwhile"]["revision"], 1);
    let meanwhile = &problem["meanwhile"]["entries"][0];
    assert_eq!(meanwhile["edit"]["name"], "Owls of the night");
    assert_eq!(meanwhile["author"], "test");
    // The header says the same as the body.
    let body = json!({"edits": [{"op": "rename", "label": "owls", "name": "Uhus"}]});
    let request = ann.request(reqwest::Method::POST, &edits).json(&body);
    let refused = ann.send(request.header("If-Match", "\"0\"")).await;
    refused.problem(409, "draft_stale");
    ann.post(&edits, &rename("Uhus", 1)).await.expect(200);

    // Many at once, each with the revision that it has seen and again where it was too slow: nothing is lost.
    let mut writers = Vec::new();
    for writer in 0..8 {
        let (client, edits, draft) = (ann.clone(), edits.clone(), draft.clone());
        writers.push(tokio::spawn(async move {
            let mut n_refused = 0;
            let mut revision = client.get(&draft).await.json()["draft"]["revision"].clone();
            loop {
                let id = format!("w{writer}");
                let body = json!({"revision": revision, "edits": [{"op": "add", "id": id}]});
                let answer = client.post(&edits, &body).await;
                if answer.status == 200 {
                    return n_refused;
                }
                n_refused += 1;
                revision = answer.problem(409, "draft_stale")["meanwhile"]["revision"].clone();
            }
        }));
    }
    let mut n_refused = 0;
    for writer in writers {
        n_refused += writer.await.unwrap();
    }
    let history = ann.get(&edits).await.expect(200).json();
    let entries = history["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 10, "{n_refused} were refused");
    let revisions = entries
        .iter()
        .map(|entry| entry["revision"].as_i64().unwrap());
    assert!(revisions.eq(1..=10));
    let added = ids(&ann, &format!("{draft}/labels?parent=")).await;
    assert_eq!(added.iter().filter(|id| id.starts_with('w')).count(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_undoes_their_own_edits() {
    let house = House::open().await;
    let admin = house.admin().await;
    let estate = Estate::new(&admin).await;
    let ben = house
        .person("ben", Role::Viewer, &[(estate.project, Role::Reviewer)])
        .await;
    let draft = draft(&admin, estate.taxonomy).await;
    edit(
        &admin,
        &draft,
        json!([{"op": "rename", "label": "owls", "name": "Owls"}]),
    )
    .await;
    edit(&ben, &draft, json!([{"op": "delete", "label": "fish"}])).await;
    edit(
        &admin,
        &draft,
        json!([{"op": "rename", "label": "owls", "name": "Uhus"}]),
    )
    .await;
    let none = json!({});
    let undo = format!("{draft}/undo");
    let undone = ben.post(&undo, &none).await.expect(200).json();
    assert_eq!(undone["entries"][0]["kind"], "undo");
    assert_eq!(undone["entries"][0]["of"], 2);
    assert_eq!(undone["entries"][0]["edit"]["label"], "fish");
    let nothing = ben.post(&undo, &none).await;
    nothing.problem(409, "nothing_to_turn");
    // What somebody changed again is not undone under it.
    let blocked = admin.post(&undo, &json!({"edit": 1})).await;
    let problem = blocked.problem(409, "undo_refused");
    assert!(problem["detail"].as_str().unwrap().contains("owls"));
    admin.post(&undo, &none).await.expect(200);
    admin.post(&undo, &none).await.expect(200);
    let history = admin.get(&format!("{draft}/edits")).await.json();
    assert_eq!(history["in_force"], json!([]));
    assert_eq!(history["entries"].as_array().unwrap().len(), 6);
    let empty = admin.post(&format!("{draft}/publish"), &none).await;
    empty.problem(409, "draft_empty");
    let redone = ben.post(&format!("{draft}/redo"), &none).await;
    assert_eq!(redone.expect(200).json()["entries"][0]["of"], 2);
    let history = admin.get(&format!("{draft}/edits?after=6")).await.json();
    assert_eq!(history["in_force"], json!([2]));
    assert_eq!(history["entries"].as_array().unwrap().len(), 1);
    // Reviewers propose, managers publish; others only look.
    let refused = ben.post(&format!("{draft}/publish"), &none).await;
    refused.problem(403, "forbidden");
    let viewer = house.key(Role::Viewer).await;
    let body = json!({"edits": [{"op": "delete", "label": "oaks"}]});
    let refused = viewer.post(&format!("{draft}/edits"), &body).await;
    refused.problem(403, "forbidden");
    let stranger = house.person("eve", Role::Viewer, &[]).await;
    stranger.get(&draft).await.problem(404, "draft_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_cannot_be_done_leaves_none_of_its_list() {
    let mut house = House::open().await;
    let (client, taxonomy, draft) = of(&house).await;
    edit(&client, &draft, json!([{"op": "add", "id": "rocks"}])).await;
    let body = json!({"edits": [
        {"op": "rename", "label": "rocks", "name": "Rocks"},
        {"op": "move", "label": "animals", "parent": "owls"},
    ]});
    let edits = format!("{draft}/edits");
    let problem = client.post(&edits, &body).await;
    let problem = problem.problem(422, "edit_refused");
    assert_eq!(problem["errors"][0]["field"], "/edits/1");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .starts_with("edit 2 (move `animals`)")
    );
    let body = json!({"edits": [{"op": "paint", "label": "owls"}]});
    client
        .post(&edits, &body)
        .await
        .problem(400, "malformed_json");
    let body = json!({"edits": []});
    client
        .post(&edits, &body)
        .await
        .problem(422, "field_invalid");
    let row = client.get(&format!("{draft}/label?id=rocks")).await.json();
    assert_eq!(row["label"]["name"], "rocks");
    // What is stored is what was done: another process sees the same.
    house.stop().await;
    house.start().await;
    let client = house.key(Role::Manager).await;
    let shown = client.get(&draft).await.expect(200).json();
    assert_eq!(shown["draft"]["revision"], 1);
    let row = client.get(&format!("{draft}/label?id=rocks")).await;
    assert_eq!(row.expect(200).json()["label"]["marks"], json!(["added"]));
    // An id that a label of another version has is not used for another label.
    let project = shown["draft"]["project"].as_i64().unwrap();
    let upload = format!("/api/v1/projects/{project}/taxonomies");
    let newer = format!("{TAXONOMY}moss\tplants\n");
    Client::made(&client.finish(client.upload(&upload, newer).await).await);
    let body = json!({"edits": [{"op": "add", "id": "moss"}]});
    let refused = client.post(&format!("{draft}/edits"), &body).await;
    refused.problem(422, "edit_refused");
    let late = client.post(&format!("{draft}/publish"), &json!({})).await;
    late.problem(409, "taxonomy_superseded");
    // It goes on over the newer version, with the edits that fit there.
    let unfit = json!([{"op": "rename", "label": "rocks", "name": "moss"}, {"op": "move", "label": "rocks", "parent": "plants"}]);
    edit(&client, &draft, unfit).await;
    let rebased = client.post(&format!("{draft}/rebase"), &json!({})).await;
    let rebased = rebased.expect(201).json();
    assert_eq!(rebased["draft"]["revision"], 2);
    assert_eq!(rebased["refused"][0]["revision"], 3);
    let message = rebased["refused"][0]["message"].as_str().unwrap();
    assert!(message.contains("`moss`"), "{message}");
    let newer = format!("/api/v1/drafts/{}", rebased["draft"]["id"]);
    let again = client.post(&format!("{newer}/rebase"), &json!({})).await;
    again.problem(409, "draft_current");
    let row = client.get(&format!("{newer}/label?id=rocks")).await;
    assert_eq!(row.expect(200).json()["label"]["name"], "moss");
    let undo = format!("/api/v1/taxonomies/{taxonomy}/undo");
    let file = client.post(&undo, &json!({})).await;
    file.problem(409, "taxonomy_not_published");
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_are_told_while_one_edits() {
    let house = House::open().await;
    let (client, _, draft) = of(&house).await;
    let path = format!("{draft}/problems");
    let none = client.get(&path).await.expect(200).json();
    assert_eq!(
        (&none["n_problems"], &none["problems"]),
        (&json!(0), &json!([]))
    );
    edit(
        &client,
        &draft,
        json!([
            {"op": "describe", "label": "owls", "details": {"related": ["animals", "ghosts"]}},
            {"op": "deprecate", "label": "fish", "replaced_by": "owls"},
            {"op": "deprecate", "label": "owls"},
        ]),
    )
    .await;
    let found = client.get(&path).await.expect(200).json();
    assert_eq!(found["n_problems"], 3, "{found}");
    let kinds: Vec<&str> = found["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        ["related_in_hierarchy", "unknown_related", "replacement"]
    );
    let page = client.get(&format!("{path}?limit=2")).await.json();
    let next = page["next"].as_str().unwrap();
    let rest = client
        .get(&format!("{path}?limit=2&cursor={next}"))
        .await
        .json();
    assert_eq!(rest["problems"].as_array().unwrap().len(), 1);
    let card = client.get(&format!("{draft}/label?id=fish")).await.json();
    assert_eq!(card["label"]["n_problems"], 1);
    assert_eq!(card["label"]["replaced_by"], "owls");
    assert_eq!(card["problems"][0]["kind"], "replacement");

    // A version that was published with them tells them as well.
    let accepted = client.post(&format!("{draft}/publish"), &json!({})).await;
    let version = Client::made(&client.finish(accepted).await);
    let version = format!("/api/v1/taxonomies/{version}");
    let told = client.get(&format!("{version}/problems?limit=2")).await;
    let told = told.expect(200).json();
    assert_eq!(
        (&told["n_problems"], &told["problems"]),
        (&json!(3), &page["problems"])
    );
    let card = client.get(&format!("{version}/label?id=fish")).await.json();
    assert_eq!(card["problems"][0]["kind"], "replacement");
    let rows = client.get(&format!("{version}/labels?search=fish")).await;
    let row = &rows.json()["labels"][0];
    assert_eq!(
        (&row["n_problems"], &row["replaced_by"], &row["deprecated"]),
        (&json!(1), &json!("owls"), &json!(true))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_a_draft_sees_what_others_do() {
    let house = House::open().await;
    let (client, _, draft) = of(&house).await;
    edit(&client, &draft, json!([{"op": "add", "id": "a"}])).await;
    let watching = {
        let (client, path) = (client.clone(), format!("{draft}/events?after=0"));
        tokio::spawn(async move { client.get(&path).await.expect(200) })
    };
    wait_until("somebody watches", async || {
        let shown = client.get(&draft).await.json();
        shown["draft"]["people"] == json!(["test"])
    })
    .await;
    edit(
        &client,
        &draft,
        json!([{"op": "add", "id": "b"}, {"op": "add", "id": "c"}]),
    )
    .await;
    client
        .post(&format!("{draft}/undo"), &json!({}))
        .await
        .expect(200);
    client.delete(&draft).await.expect(200);
    let answer = watching.await.unwrap();
    assert_eq!(answer.headers["content-type"], "text/event-stream");
    let text = String::from_utf8(answer.body).unwrap();
    let events: Vec<(&str, Value)> = text
        .split("\n\n")
        .filter_map(|event| event.strip_prefix("event: ")?.split_once("\ndata: "))
        .map(|(name, data)| (name, serde_json::from_str(data).unwrap()))
        .collect();
    let entries = events.iter().filter(|(name, _)| *name == "entry");
    let entries: Vec<i64> = entries
        .map(|(_, entry)| entry["revision"].as_i64().unwrap())
        .collect();
    assert_eq!(entries, [1, 2, 3, 4]);
    let (name, last) = events.last().unwrap();
    assert_eq!((*name, &last["state"]), ("draft", &json!("discarded")));
    wait_until("nobody watches", async || {
        let shown = client.get(&draft).await.json();
        shown["draft"].get("people").is_none()
    })
    .await;
}
