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
