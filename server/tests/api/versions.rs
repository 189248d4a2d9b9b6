//! Corpus versions: files to take away, what is different, what they are made of, what unknown labels mean.

use arborist_shared::api::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{Client, House};

const ROWS: &str = concat!(
    "{\"id\":\"a\",\"text\":\"an owl, at \\\"night\\\"\",\"labels\":[\"owls\"],\"split\":\"train\",\"lang\":\"en\",\"meta\":{\"source\":\"press\",\"date\":\"2023-05-01\",\"page\":\"7\"}}\n",
    "{\"id\":\"b\",\"text\":\"a fish\",\"labels\":[\"fish\",\"oaks\"],\"split\":\"test\",\"meta\":{\"source\":\"web\",\"date\":\"2024-01-31\"}}\n",
    "{\"id\":\"c\",\"text\":\"nobody judged\",\"split\":\"train\",\"meta\":{\"date\":\"2024\"}}\n",
    "{\"id\":\"d\",\"text\":\"none applies\",\"labels\":[],\"split\":\"validation\"}\n",
    "{\"text\":\"without an id\\tand\\nmore\",\"labels\":[\"birds\"],\"split\":\"train\"}\n",
);

struct Place {
    client: Client,
    project: i64,
    taxonomy: i64,
}

impl Place {
    async fn new(house: &House) -> Self {
        let client = house.key(Role::Manager).await;
        let project = client.project().await;
        let taxonomy = client.taxonomy(project).await;
        Self {
            client,
            project,
            taxonomy,
        }
    }

    async fn import(&self, rows: &str, query: &str) -> Value {
        let path = format!(
            "/api/v1/projects/{}/corpora?taxonomy={}&{query}",
            self.project, self.taxonomy
        );
        self.client
            .finish(self.client.upload(&path, rows.to_owned()).await)
            .await
    }

    async fn corpus(&self, rows: &str, query: &str) -> i64 {
        Client::made(&self.import(rows, query).await)
    }

    async fn get(&self, path: &str) -> Value {
        self.client.get(path).await.expect(200).json()
    }

    async fn keys(&self, query: &str) -> Vec<String> {
        let path = format!("/api/v1/projects/{}/documents?{query}", self.project);
        let page = self.get(&path).await;
        let documents = page["documents"].as_array().unwrap().iter();
        let keys: Vec<String> = documents
            .map(|it| it["key"].as_str().unwrap().chars().take(4).collect())
            .collect();
        assert_eq!(page["total"], keys.len());
        keys
    }
}

/// Every document of a version, without the ids of this project.
async fn contents(place: &Place, corpus: i64) -> Vec<Value> {
    let path = format!(
        "/api/v1/projects/{}/documents?corpus={corpus}",
        place.project
    );
    let page = place.get(&path).await;
    let documents = page["documents"].as_array().unwrap().iter();
    documents
        .map(|document| {
            let mut document = document.clone();
            for of_this_version in ["id", "labelled_at"] {
                document.as_object_mut().unwrap().remove(of_this_version);
            }
            document
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_is_imported_unchanged() {
    let house = House::open().await;
    let here = Place::new(&house).await;
    let corpus = here.corpus(ROWS, "").await;
    let original = contents(&here, corpus).await;
    assert_eq!(
        original[0]["meta"],
        json!({"source": "press", "date": "2023-05-01", "page": "7"})
    );
    let hash =
        here.get(&format!("/api/v1/corpora/{corpus}")).await["corpus"]["content_hash"].clone();
    for (format, holds_everything) in [
        ("jsonl", true),
        ("csv", true),
        ("tsv", true),
        ("annif_json", true),
        ("label_studio", true),
        ("doccano", true),
        ("prodigy", true),
        ("label_sleuth", false),
        ("annif_csv", false),
        ("fasttext", false),
    ] {
        let path = format!("/api/v1/corpora/{corpus}/export?format={format}");
        let answer = here.client.get(&path).await.expect(200);
        let name = answer.headers["content-disposition"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(
            name.starts_with("attachment; filename=\"corpus-1."),
            "{name}"
        );
        let file = String::from_utf8(answer.body).unwrap();
        let there = Place::new(&house).await;
        let copy = there.corpus(&file, "").await;
        if holds_everything {
            assert_eq!(contents(&there, copy).await, original, "{format}\n{file}");
            let copy = there.get(&format!("/api/v1/corpora/{copy}")).await["corpus"].clone();
            assert_eq!(copy["content_hash"], hash, "{format}");
        }
    }
    let path = format!("/api/v1/corpora/{corpus}/export?format=hiagm&split=test");
    let file = String::from_utf8(here.client.get(&path).await.expect(200).body).unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&file).unwrap(),
        json!({"token": ["a", "fish"], "label": ["animals", "fish", "plants", "trees", "oaks"]})
    );
    let path = format!("/api/v1/corpora/{corpus}/export?format=txt");
    here.client.get(&path).await.problem(422, "field_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_found_by_source_date_and_judgement() {
    let house = House::open().await;
    let place = Place::new(&house).await;
    place.corpus(ROWS, "").await;
    for (query, keys) in [
        ("source=press", vec!["a"]),
        ("source=nowhere", vec![]),
        ("from=2024", vec!["b", "c"]),
        ("from=2023-05&to=2024-01", vec!["a", "b", "c"]),
        ("to=2023", vec!["a"]),
        ("annotated=false", vec!["c"]),
        (
            "annotated=true&split=train&source=press&label=birds&search=owl",
            vec!["a"],
        ),
    ] {
        assert_eq!(place.keys(query).await, keys, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_compared() {
    let house = House::open().await;
    let place = Place::new(&house).await;
    let first = place.corpus(ROWS, "").await;
    let mut rows: Vec<&str> = ROWS.lines().collect();
    rows.remove(3);
    let relabelled = rows[1].replace("\"oaks\"", "\"owls\"");
    rows[1] = &relabelled;
    let rewritten = rows[2].replace("nobody", "somebody");
    rows[2] = &rewritten;
    let second = place
        .corpus(
            &(rows.join("\n") + "\n{\"id\":\"new\",\"text\":\"an oak\",\"labels\":[\"oaks\"]}\n"),
            "",
        )
        .await;
    let diff = place.get(&format!("/api/v1/corpora/{second}/diff")).await;
    for (key, n) in [
        ("from", first),
        ("to", second),
        ("n_added", 1),
        ("n_removed", 1),
        ("n_text_changed", 1),
        ("n_labels_changed", 1),
        ("n_unchanged", 2),
    ] {
        assert_eq!(diff[key], n, "{key}: {diff}");
    }
    assert_eq!(diff["added"][0]["key"], "new");
    assert_eq!(diff["removed"][0]["key"], "d");
    assert_eq!(diff["text_changed"][0]["excerpt"], "somebody judged");
    let changed = &diff["labels_changed"][0];
    assert_eq!(changed["document"]["key"], "b");
    assert_eq!(
        changed["labels"]["before"],
        json!([["animals", "fish"], ["plants", "trees", "oaks"]])
    );
    assert_eq!(
        changed["labels"]["after"],
        json!([["animals", "birds", "owls"], ["animals", "fish"]])
    );
    let owls = diff["labels"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["id"] == "owls");
    assert_eq!(
        (&owls.unwrap()["before"], &owls.unwrap()["after"]),
        (&json!(1), &json!(2))
    );
    // The other way round; and nothing to compare with.
    let back = place
        .get(&format!("/api/v1/corpora/{first}/diff?from={second}"))
        .await;
    assert_eq!(
        (&back["n_added"], &back["n_unchanged"]),
        (&json!(1), &json!(2))
    );
    let alone = place.get(&format!("/api/v1/corpora/{first}/diff")).await;
    assert_eq!(
        (&alone["n_added"], &alone["n_unchanged"]),
        (&json!(0), &json!(5))
    );
    place
        .client
        .get(&format!("/api/v1/corpora/{first}/diff?from=99"))
        .await
        .problem(404, "corpus_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_count_every_document() {
    let house = House::open().await;
    let place = Place::new(&house).await;
    let corpus = place.corpus(ROWS, "").await;
    let path = format!("/api/v1/corpora/{corpus}/statistics");
    let counted = place.get(&path).await;
    assert_eq!(
        counted["documents"],
        json!({"train": 3, "validation": 1, "test": 1})
    );
    assert_eq!(
        counted["annotated"],
        json!({"train": 2, "validation": 1, "test": 1})
    );
    assert_eq!(counted["levels"][0]["n_documents"], 3);
    assert_eq!(
        counted["levels"][2],
        json!({"level": 3, "n_labels": 2, "n_used": 2, "n_rare": 2, "n_documents": 2})
    );
    let support = |id: &str| {
        let labels = counted["labels"].as_array().unwrap();
        labels.iter().find(|it| it["id"] == id).unwrap().clone()
    };
    assert_eq!(support("birds")["n_documents"], 2);
    assert_eq!(support("birds")["n_deepest"], 1);
    assert_eq!(
        support("animals")["splits"],
        json!({"train": 2, "validation": 0, "test": 1})
    );
    assert_eq!(counted["pairs"][0]["n_documents"], 1);
    assert_eq!(counted["labels_per_document"][0]["n_documents"], 1);
    assert_eq!(counted["labels_per_document"][2]["n_documents"], 1);
    // Read again from what was kept.
    assert_eq!(place.get(&path).await, counted);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_unknown_label_means_is_remembered() {
    let house = House::open().await;
    let place = Place::new(&house).await;
    let rows = "{\"id\":\"1\",\"text\":\"one\",\"labels\":[\"owlz\",\"noise\"]}\n{\"id\":\"2\",\"text\":\"two\",\"labels\":[\"Oks\"]}\n";
    let preview = format!(
        "/api/v1/projects/{}/corpora/preview?taxonomy={}",
        place.project, place.taxonomy
    );
    let shown = place.client.upload(&preview, rows).await.expect(200).json();
    let unknown = shown["unknown_labels"].as_array().unwrap();
    let owlz = unknown.iter().find(|it| it["label"] == "owlz").unwrap();
    assert_eq!(owlz["proposals"][0]["id"], "owls", "{owlz}");
    let path = format!("/api/v1/projects/{}/label-choices", place.project);
    let body = json!({"choices": [
        {"label": "owlz", "choice": {"label": "owls"}},
        {"label": "noise", "choice": "ignore"},
        {"label": "Oks", "choice": {"label": "oaks"}},
    ]});
    let put = |body: Value| {
        let request = place.client.request(Method::PUT, &path).json(&body);
        place.client.send(request)
    };
    put(body).await.expect(200);
    let shown = place.client.upload(&preview, rows).await.expect(200).json();
    assert_eq!(
        (&shown["n_problems"], &shown["n_unknown_labels"]),
        (&json!(0), &json!(0))
    );
    let corpus = place.corpus(rows, "").await;
    let documents = contents(&place, corpus).await;
    assert_eq!(documents[0]["explicit"], json!(["owls"]));
    assert_eq!(documents[1]["explicit"], json!(["oaks"]));
    let left = put(json!({"choices": [{"label": "Oks", "choice": "forget"}]})).await;
    assert_eq!(
        left.expect(200).json()["choices"].as_array().unwrap().len(),
        2
    );
    let job = place.import(rows, "").await;
    let corpus = place
        .get(&format!("/api/v1/corpora/{}", Client::made(&job)))
        .await["corpus"]
        .clone();
    assert_eq!(corpus["n_rejected"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_texts_are_told_and_can_be_left_out() {
    let house = House::open().await;
    let place = Place::new(&house).await;
    let rows = concat!(
        "{\"id\":\"1\",\"text\":\"an owl\",\"labels\":[\"owls\"],\"split\":\"train\"}\n",
        "{\"id\":\"2\",\"text\":\"an  owl\",\"labels\":[\"fish\"],\"split\":\"test\"}\n",
        "{\"id\":\"3\",\"text\":\"\",\"split\":\"train\"}\n",
    );
    let corpus = place.corpus(rows, "").await;
    let checks = place.get(&format!("/api/v1/corpora/{corpus}/checks")).await;
    assert_eq!(checks["n_empty"], 1);
    let repeats = &checks["repeats"];
    assert_eq!(
        (
            &repeats["n_duplicates"],
            &repeats["n_contradictions"],
            &repeats["n_leaks"]
        ),
        (&json!(1), &json!(1), &json!(1))
    );
    assert_eq!(repeats["examples"][0]["first"], 1);
    let strict = place.corpus(rows, "first_of_text=true").await;
    let strict = place.get(&format!("/api/v1/corpora/{strict}")).await["corpus"].clone();
    assert_eq!(
        (&strict["n_documents"], &strict["n_rejected"]),
        (&json!(2), &json!(1))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_follow_labels_groups_and_dates() {
    let house = House::open().await;
    let rows: String = (0..200)
        .map(|n| {
            let label = ["owls", "fish", "oaks", "plants"][n % 4];
            let date = 2000 + n / 10;
            format!("{{\"id\":\"{n}\",\"text\":\"text {n}\",\"labels\":[\"{label}\"],\"meta\":{{\"group\":\"g{}\",\"date\":\"{date}\"}}}}\n", n / 10)
        })
        .collect();
    let by_label = Place::new(&house).await;
    by_label
        .corpus(&rows, "split=0.8,0.1,0.1&split_by=label")
        .await;
    for label in ["owls", "fish", "oaks"] {
        for (split, n) in [("train", 40), ("validation", 5), ("test", 5)] {
            let found = by_label
                .keys(&format!("label={label}&split={split}&limit=100"))
                .await;
            assert!(
                found.len().abs_diff(n) <= 1,
                "{label} {split}: {}",
                found.len()
            );
        }
    }
    let by_group = Place::new(&house).await;
    let corpus = by_group
        .corpus(&rows, "split=0.5,0.25,0.25&split_by=group")
        .await;
    for group in contents(&by_group, corpus).await.chunks(10) {
        assert!(group.iter().all(|it| it["split"] == group[0]["split"]));
    }
    let by_time = Place::new(&house).await;
    by_time
        .corpus(&rows, "split_by=time&validation_from=2016&test_from=2018")
        .await;
    for (split, n) in [("train", 160), ("validation", 20), ("test", 20)] {
        assert_eq!(
            by_time
                .keys(&format!("split={split}&limit=500"))
                .await
                .len(),
            n
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_found_by_level_and_by_the_last_change_of_their_labels() {
    let house = House::open().await;
    let here = Place::new(&house).await;
    let row =
        |id: &str, labels: &str| format!("{{\"id\":\"{id}\",\"text\":\"text of {id}\"{labels}}}\n");
    let labels = |labels: &[&str]| format!(",\"labels\":{}", json!(labels));
    let first = [
        row("deep", &labels(&["owls", "plants"])),
        row("flat", &labels(&["plants"])),
        row("none", &labels(&[])),
        row("open", ""),
    ];
    let one = here.corpus(&first.concat(), "").await;
    for (level, keys) in [
        ("0", vec!["none"]),
        ("1", vec!["flat"]),
        ("2", vec![]),
        ("3", vec!["deep"]),
        ("70000", vec![]),
    ] {
        assert_eq!(here.keys(&format!("level={level}")).await, keys, "{level}");
    }
    assert_eq!(here.keys("level=3&label=plants").await, ["deep"]);
    assert_eq!(here.keys("level=1&search=text").await, ["flat"]);

    // A version in which one document changes, one is new, and one is the same in another order.
    let second = [
        row("deep", &labels(&["plants", "owls"])),
        row("flat", &labels(&["fish"])),
        row("none", &labels(&[])),
        row("open", ""),
        row("new", &labels(&["oaks"])),
    ];
    let two = here.corpus(&second.concat(), "").await;
    assert_eq!(here.keys("level=2").await, ["flat"]);
    let made = async |corpus: i64| {
        let shown = here.get(&format!("/api/v1/corpora/{corpus}")).await;
        shown["corpus"]["created_at"].as_str().unwrap().to_owned()
    };
    let (then, now) = (made(one).await, made(two).await);
    assert!(then < now);
    let changed = ["flat", "new"];
    let kept = ["deep", "none", "open"];
    assert_eq!(here.keys(&format!("labelled_from={now}")).await, changed);
    assert_eq!(here.keys(&format!("labelled_to={then}")).await, kept);
    let year = &now[..4];
    let all = format!("labelled_from={year}&labelled_to={year}");
    assert_eq!(here.keys(&all).await.len(), 5);
    assert_eq!(here.keys("labelled_to=1999").await, Vec::<String>::new());
    assert_eq!(here.keys("labelled_from=2999-01").await.len(), 0);
    // The earlier version is what it was.
    let before = format!("corpus={one}&labelled_to={then}");
    assert_eq!(here.keys(&before).await.len(), 4);
    let page = here
        .get(&format!("/api/v1/projects/{}/documents", here.project))
        .await;
    for document in page["documents"].as_array().unwrap() {
        let is_new = changed.contains(&document["key"].as_str().unwrap());
        let since = if is_new { &now } else { &then };
        assert_eq!(&document["labelled_at"], since, "{document}");
    }
}
