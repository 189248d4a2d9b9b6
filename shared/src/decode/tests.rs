mod rules;

use proptest::prelude::*;

use super::*;
use crate::fixtures::{any_documents, dag, t5};

fn scores(scores: &[(LabelIndex, f32)]) -> DocumentScores {
    DocumentScores::from_sparse(scores, 0.5)
}

fn select(selection: Selection) -> DecodeOptions {
    DecodeOptions {
        selection,
        ..DecodeOptions::default()
    }
}

#[test]
fn the_threshold_is_strict() {
    let decoded = decode(
        &t5(),
        &scores(&[(0, 0.5), (1, 0.500_1)]),
        &DecodeOptions::default(),
        0.5,
    );
    assert_eq!(decoded.raw, [1]);
    let decoded = decode(
        &t5(),
        &scores(&[(0, 0.5), (1, 0.25)]),
        &select(Selection::Threshold(0.25)),
        0.5,
    );
    assert_eq!(decoded.raw, [0]);
}

#[test]
fn closing_up_adds_ancestors_and_lifts_their_scores() {
    let decoded = decode(
        &t5(),
        &scores(&[(2, 0.75), (0, 0.25), (3, 0.625), (4, 0.375)]),
        &DecodeOptions::default(),
        0.5,
    );
    assert_eq!(
        (&decoded.raw[..], &decoded.labels[..]),
        (&[2, 3][..], &[0, 2, 3][..])
    );
    // A is shown with the score of A1; B is neither stored nor predicted; B1 keeps its own score.
    assert_eq!(
        decoded.shown,
        [
            (0, 0.75, 0.25),
            (2, 0.75, 0.75),
            (3, 0.625, 0.625),
            (4, 0.375, 0.375)
        ]
    );
}

#[test]
fn all_parents_are_added_even_without_scores() {
    let dag = dag();
    let decoded = decode(&dag, &scores(&[(4, 0.75)]), &DecodeOptions::default(), 0.5);
    assert_eq!(decoded.labels, [0, 1, 2, 3, 4]);
    assert_eq!(decoded.shown[0], (0, 0.75, 0.0));
    assert_eq!(decoded.shown[4], (4, 0.75, 0.75));
}

#[test]
fn the_methods_own_decision_holds_unless_asked_otherwise() {
    let mut stored = scores(&[(0, 0.75), (2, 0.625), (4, 0.125)]);
    stored.decided = Some(vec![4, 0]);
    let raw = |selection| decode(&t5(), &stored, &select(selection), 0.5).raw;
    assert_eq!(raw(Selection::Method), [0, 4]);
    assert_eq!(raw(Selection::Threshold(0.5)), [0, 2]);
    assert_eq!(raw(Selection::Top(1)), [0]);
    assert_eq!(raw(Selection::Top(9)), [0, 2, 4]);
    assert_eq!(raw(Selection::Top(0)), Vec::<LabelIndex>::new());
    // Both at once: whichever takes more away.
    assert_eq!(raw(Selection::TopAbove(1, 0.5)), [0]);
    assert_eq!(raw(Selection::TopAbove(9, 0.5)), [0, 2]);
    assert_eq!(raw(Selection::TopAbove(9, 0.625)), [0]);
    assert_eq!(raw(Selection::TopAbove(9, 1.0)), Vec::<LabelIndex>::new());
    let threshold = |selection, stored: &DocumentScores| select(selection).threshold(stored, 0.5);
    assert_eq!(threshold(Selection::Method, &stored), None);
    assert_eq!(threshold(Selection::Method, &scores(&[])), Some(0.5));
    assert_eq!(threshold(Selection::Threshold(0.25), &stored), Some(0.25));
    assert_eq!(threshold(Selection::Top(3), &stored), None);
    assert_eq!(threshold(Selection::TopAbove(3, 0.25), &stored), None);
}

#[test]
fn a_line_of_predictions_says_only_what_is_needed() {
    let decoded = decode(
        &t5(),
        &scores(&[(2, 0.75), (0, 0.25), (4, 0.375)]),
        &DecodeOptions::default(),
        0.5,
    );
    let line = serde_json::to_string(&to_prediction(&t5(), "d1", &decoded, Some(0.5))).unwrap();
    assert_eq!(
        line,
        concat!(
            r#"{"id":"d1","labels":["#,
            r#"{"label":"A","path":["A"],"score":0.75,"predicted":true,"raw_score":0.25,"raw_predicted":false},"#,
            r#"{"label":"A1","path":["A","A1"],"score":0.75,"predicted":true},"#,
            r#"{"label":"B1","path":["B","B1"],"score":0.375,"predicted":false}"#,
            r#"],"threshold":0.5}"#
        )
    );
}

#[test]
fn predictions_of_others_are_closed() {
    let line = r#"{"id":"7","labels":[{"label":"A1","path":[],"score":0.1,"predicted":true},{"label":"B","path":[],"score":0.2,"predicted":false}]}"#;
    let judged = from_prediction(&t5(), &serde_json::from_str(line).unwrap()).unwrap();
    assert_eq!(
        (judged.raw, judged.labels, judged.scores),
        (vec![2], vec![0, 2], vec![(1, 0.2), (2, 0.1)])
    );
    let fail = |labels: &str, message: &str| {
        let line = format!(r#"{{"id":"7","labels":[{labels}]}}"#);
        let error = from_prediction(&t5(), &serde_json::from_str(&line).unwrap()).unwrap_err();
        assert_eq!(error.to_string(), message);
    };
    let label = r#"{"label":"A","path":[],"score":0.1,"predicted":true}"#;
    fail(
        &format!("{label},{label}"),
        "document `7`: found the label `A` twice, expected every label once",
    );
    let unknown = "document `7`: found the label `C`, which is not in the taxonomy, expected the id of a label";
    fail(
        r#"{"label":"C","path":[],"score":0.1,"predicted":true}"#,
        unknown,
    );
    let mut endless: PredictedDocument =
        serde_json::from_str(&format!(r#"{{"id":"7","labels":[{label}]}}"#)).unwrap();
    endless.labels[0].score = f32::INFINITY;
    let error = from_prediction(&t5(), &endless).unwrap_err();
    assert_eq!(
        error.to_string(),
        "document `7`: found no finite score for the label `A`, expected a number"
    );
}

#[test]
fn options_on_the_wire() {
    let check = |options: DecodeOptions, json: &str| {
        assert_eq!(serde_json::to_string(&options).unwrap(), json);
        assert_eq!(
            serde_json::from_str::<DecodeOptions>(json).unwrap(),
            options
        );
    };
    check(
        DecodeOptions::default(),
        r#"{"rule":"close_up","selection":"method"}"#,
    );
    check(
        select(Selection::Threshold(0.25)),
        r#"{"rule":"close_up","selection":{"threshold":0.25}}"#,
    );
    check(
        select(Selection::Top(3)),
        r#"{"rule":"close_up","selection":{"top":3}}"#,
    );
    assert_eq!(
        serde_json::from_str::<DecodeOptions>("{}").unwrap(),
        DecodeOptions::default()
    );
}

fn any_selection() -> impl Strategy<Value = Selection> {
    prop_oneof![
        Just(Selection::Method),
        (0_u16..=16).prop_map(|step| Selection::Threshold(f32::from(step) / 16.0)),
        (0_usize..6).prop_map(Selection::Top),
        proptest::collection::vec((0_u16..=16).prop_map(|step| f32::from(step) / 16.0), 0..4)
            .prop_map(Selection::Levels),
    ]
}

proptest! {
    #[test]
    fn decoded_sets_never_contradict_the_taxonomy(
        (taxonomy, documents) in any_documents(12, 4),
        selection in any_selection(),
        decides in any::<bool>(),
    ) {
        for (gold, dense) in documents {
            let mut stored = DocumentScores::from_dense(&dense, 0.5);
            stored.decided = decides.then_some(gold);
            let decoded = decode(&taxonomy, &stored, &select(selection.clone()), 0.5);
            prop_assert!(taxonomy.is_closed(&decoded.labels));
            prop_assert!(decoded.raw.iter().all(|label| decoded.labels.contains(label)));
            let shown = |label: LabelIndex| decoded.shown.iter().find(|shown| shown.0 == label).map(|shown| shown.1);
            for &label in &decoded.labels {
                for &ancestor in taxonomy.ancestors(label) {
                    prop_assert!(shown(ancestor) >= shown(label));
                }
            }
            prop_assert!(decoded.shown.is_sorted_by(|a, b| (b.1, a.0) < (a.1, b.0) || b.1 < a.1));
            prop_assert!(decoded.shown.iter().all(|&(_, score, raw)| (0.0..=1.0).contains(&raw) && score >= raw));
        }
    }

    #[test]
    fn predictions_come_back_exactly((taxonomy, documents) in any_documents(12, 4), selection in any_selection()) {
        for (_, dense) in documents {
            // Uneven scores, so that rounding has work to do.
            let dense: Vec<f32> = dense.iter().map(|score| score * 0.777_7).collect();
            let decoded = decode(&taxonomy, &DocumentScores::from_dense(&dense, 0.5), &select(selection.clone()), 0.5);
            let line = serde_json::to_string(&to_prediction(&taxonomy, "d", &decoded, Some(0.5))).unwrap();
            let judged = from_prediction(&taxonomy, &serde_json::from_str(&line).unwrap()).unwrap();
            prop_assert_eq!(judged, decoded.judged());
        }
    }
}
