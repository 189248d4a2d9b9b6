//! Random edits, published one after another and taken back.

use arborist_shared::api::accounts::Role;
use serde_json::{Value, json};

use super::{check_closed, newest_taxonomy, state};
use crate::drafts::draft;
use crate::house::{Client, Estate, House, corpus};

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
