use crate::workbench::{Ran, Workbench};

fn bench() -> Workbench {
    let bench = Workbench::new();
    let line = |id: &str, label: &str| {
        format!(
            "{{\"id\":\"{id}\",\"labels\":[{{\"label\":\"{label}\",\"path\":[],\"score\":0.75,\"predicted\":true}}],\"threshold\":0.5}}\n"
        )
    };
    bench.write(
        "gold.jsonl",
        "{\"id\":\"a\",\"text\":\"\",\"labels\":[\"owls\"]}\n\n{\"text\":\"\",\"labels\":[]}\n{\"id\":\"n\",\"text\":\"\"}\n",
    );
    // The row without id is on line 3, which is 2 from 0.
    bench.write(
        "pred.jsonl",
        &(line("2", "fish") + &line("a", "birds") + &line("n", "oaks")),
    );
    bench.write(
        "repeated.jsonl",
        &(line("2", "fish") + &line("a", "birds") + &line("a", "owls")),
    );
    bench.write("missing.jsonl", &line("2", "fish"));
    bench.write(
        "unknown.jsonl",
        &(line("2", "fish") + &line("a", "birds") + &line("zz", "fish")),
    );
    bench.write("odd_label.jsonl", &(line("2", "fish") + &line("a", "bats")));
    bench
}

fn evaluate(bench: &Workbench, pred: &str) -> Ran {
    bench.run(&[
        "evaluate",
        "--gold",
        "gold.jsonl",
        "--pred",
        pred,
        "--taxonomy",
        "taxonomy.tsv",
        "--json",
    ])
}

#[test]
fn figures_are_those_of_hand() {
    let ran = evaluate(&bench(), "pred.jsonl")
        .ended_with(0)
        .says(&["1 rows without `labels`"]);
    let metrics = ran.json();
    assert_eq!(metrics["documents"], 2);
    // Predicted: {fish, animals} for nothing, {birds, animals} for {owls, birds, animals}.
    assert_eq!(metrics["micro_precision"], 0.5);
    assert_eq!(metrics["micro_recall"], 2.0 / 3.0);
    // Before decoding: {fish} and {birds}.
    assert_eq!(metrics["raw"]["micro_f1"], 0.4);
    assert_eq!(metrics["decoding"]["threshold"], 0.5);
    assert_eq!(metrics["decoding"]["labels_added"], 2);
}

/// A run that was made over HTTP calls a document without an id by the hash of its text.
#[test]
fn rows_without_ids_are_known_by_their_texts() {
    let bench = bench();
    let row =
        |text: &str, label: &str| format!("{{\"text\":\"{text}\",\"labels\":[\"{label}\"]}}\n");
    bench.write("gold.jsonl", &(row("hoot", "owls") + &row("fin", "fish")));
    let line = |text: &str, label: &str| {
        let id = arborist_shared::corpus::text_hash(text);
        format!(
            "{{\"id\":\"{id}\",\"labels\":[{{\"label\":\"{label}\",\"path\":[],\"score\":1,\"predicted\":true}}]}}\n"
        )
    };
    bench.write(
        "pred.jsonl",
        &(line("fin", "fish") + &line(" hoot ", "owls")),
    );
    let metrics = evaluate(&bench, "pred.jsonl").ended_with(0).json();
    assert_eq!(
        (&metrics["documents"], &metrics["micro_f1"]),
        (&2.into(), &1.0.into())
    );
    bench.write("pred.jsonl", &(line("fin", "fish") + &line("fin", "fish")));
    evaluate(&bench, "pred.jsonl")
        .ended_with(2)
        .says(&["duplicate ids in --pred", "missing in --pred"]);
}

#[test]
fn a_broken_gold_row_takes_nobody_elses_id() {
    let bench = bench();
    let row = |id: u32| format!("{{\"id\":\"{id}\",\"text\":\"\",\"labels\":[\"fish\"]}}\n");
    // The third row would be `2`, had it no id: another row's.
    let broken = "{\"id\":\"x\",\"text\":\n";
    bench.write("gold.jsonl", &(row(1) + &row(2) + broken + broken));
    let line = |id: u32| {
        format!(
            "{{\"id\":\"{id}\",\"labels\":[{{\"label\":\"fish\",\"path\":[],\"score\":1,\"predicted\":true}}]}}\n"
        )
    };
    bench.write("pred.jsonl", &(line(1) + &line(2)));
    let metrics = evaluate(&bench, "pred.jsonl")
        .ended_with(0)
        .says(&["gold.jsonl:3:", "rejected rows: 2"])
        .json();
    assert_eq!(
        (&metrics["documents"], &metrics["micro_f1"]),
        (&2.into(), &1.0.into())
    );
    // Predictions for the number of a broken row are passed over; others are not.
    bench.write("pred.jsonl", &(line(1) + &line(2) + &line(3)));
    evaluate(&bench, "pred.jsonl").ended_with(0);
    bench.write("pred.jsonl", &(line(1) + &line(2) + &line(4)));
    evaluate(&bench, "pred.jsonl")
        .ended_with(2)
        .says(&["1 ids of --pred are not in --gold (the first: `4`)"]);
}

#[test]
fn a_line_that_is_no_prediction_is_shown() {
    let bench = bench();
    for (line, reason) in [
        (
            "null",
            "odd.jsonl:1:1: found `null`, expected a line of predictions",
        ),
        ("[1, 2]", "odd.jsonl:1:1: found `[1, 2]`, expected"),
        ("{\"id\":\"a\"}", "missing field `labels`"),
        ("{\"id\":\"a\",\"labels\":3}", "odd.jsonl:1:"),
    ] {
        bench.write("odd.jsonl", &format!("{line}\n"));
        evaluate(&bench, "odd.jsonl").ended_with(2).says(&[reason]);
    }
}

#[test]
fn predictions_that_do_not_match_the_gold_are_refused_with_counts() {
    let bench = bench();
    evaluate(&bench, "repeated.jsonl")
        .ended_with(2)
        .says(&["1 duplicate ids in --pred (the first: `a`)"]);
    evaluate(&bench, "missing.jsonl")
        .ended_with(2)
        .says(&["1 ids of --gold are missing in --pred (the first: `a`)"]);
    evaluate(&bench, "unknown.jsonl")
        .ended_with(2)
        .says(&["1 ids of --pred are not in --gold (the first: `zz`)"]);
    evaluate(&bench, "odd_label.jsonl")
        .ended_with(2)
        .says(&["odd_label.jsonl:2", "`bats`"]);
    evaluate(&bench, "taxonomy.tsv")
        .ended_with(2)
        .says(&["taxonomy.tsv:1:1", "expected"]);
    evaluate(&bench, "nowhere.jsonl")
        .ended_with(2)
        .says(&["--pred", "nowhere.jsonl"]);
    bench.write(
        "gold.jsonl",
        "{\"id\":\"a\",\"text\":\"\",\"labels\":[]}\n{\"id\":\"a\",\"text\":\"\",\"labels\":[]}\n",
    );
    evaluate(&bench, "missing.jsonl")
        .ended_with(2)
        .says(&["1 duplicate ids in --gold", "1 ids of --gold are missing"]);
}

#[test]
fn groups_are_those_of_hand() {
    let bench = bench();
    // Owls in three training documents, fish in one; birds only as an ancestor. The last two rows are no training.
    bench.write(
        "seen.jsonl",
        "{\"text\":\"a\",\"labels\":[\"owls\"]}\n{\"text\":\"b\",\"labels\":[\"owls\",\"fish\"]}\n{\"text\":\"c\",\"labels\":[\"owls\"]}\n{\"text\":\"d\",\"labels\":[\"trees\"],\"split\":\"test\"}\n{\"text\":\"e\"}\n",
    );
    bench.write(
        "gold.jsonl",
        "{\"id\":\"a\",\"text\":\"\",\"labels\":[\"owls\",\"trees\"]}\n{\"id\":\"b\",\"text\":\"\",\"labels\":[\"oaks\"]}\n",
    );
    let label = |label: &str, score: f64| {
        format!("{{\"label\":\"{label}\",\"path\":[],\"score\":{score},\"predicted\":false}}")
    };
    let line = |id: &str, labels: &[String]| {
        format!("{{\"id\":\"{id}\",\"labels\":[{}]}}\n", labels.join(","))
    };
    // Labels by index: animals, birds, owls, fish, plants, trees, oaks. Of `b`, four zero-shot labels are not listed.
    bench.write(
        "pred.jsonl",
        &(line(
            "a",
            &[
                label("fish", 0.75),
                label("owls", 0.5),
                label("oaks", 0.25),
                label("trees", 0.125),
            ],
        ) + &line("b", &[label("fish", 0.5)])),
    );
    let groups = |more: &[&str]| {
        let arguments = [
            "evaluate",
            "--gold",
            "gold.jsonl",
            "--pred",
            "pred.jsonl",
            "--taxonomy",
            "taxonomy.tsv",
            "--groups-from",
            "seen.jsonl",
            "--json",
        ];
        bench.run(&[&arguments, more].concat()).ended_with(0).json()["groups"].clone()
    };
    let figures = |group: &serde_json::Value| {
        assert_eq!(
            crate::workbench::keys(group),
            ["documents", "labels", "name", "ndcg_at_5", "recall_at_5"]
        );
        (
            group["labels"].as_u64().unwrap(),
            group["documents"].as_u64().unwrap(),
            group["recall_at_5"].as_f64().unwrap(),
            group["ndcg_at_5"].as_f64().unwrap(),
        )
    };
    let rank = |rank: f64| 1.0 / (rank + 1.0).log2();
    let all = groups(&[]);
    assert_eq!(all.as_array().unwrap().len(), 4);
    assert_eq!(figures(&all[0]), (0, 0, 0.0, 0.0));
    // Owls behind fish.
    assert_eq!(figures(&all[1]), (2, 1, 1.0, rank(2.0)));
    // Of those that nobody learned, gold has two: trees behind oaks; oaks of `b` behind trees, which tie at 0.
    let (labels, documents, recall, gain) = figures(&all[2]);
    assert_eq!((labels, documents, recall), (2, 2, 1.0));
    assert!((gain - rank(2.0)).abs() < 1e-12);
    // Among all four that some document has: ranks 2 and 4 of two; and rank 4 of one.
    let (labels, documents, recall, gain) = figures(&all[3]);
    assert_eq!((labels, documents, recall), (4, 2, 1.0));
    let expected = ((rank(2.0) + rank(4.0)) / (1.0 + rank(2.0)) + rank(4.0)) / 2.0;
    assert!((gain - expected).abs() < 1e-12);

    let with_bound = groups(&["--frequent-above", "2"]);
    assert_eq!(figures(&with_bound[0]), (1, 1, 1.0, 1.0));
    assert_eq!(with_bound[1]["labels"], 1);

    bench.write("none.jsonl", "{\"text\":\"e\"}\n");
    bench
        .run(&[
            "evaluate",
            "--gold",
            "gold.jsonl",
            "--pred",
            "pred.jsonl",
            "--taxonomy",
            "taxonomy.tsv",
            "--groups-from",
            "none.jsonl",
        ])
        .ended_with(2)
        .says(&["--groups-from", "no usable row"]);
}
