use proptest::prelude::*;

use super::*;
use crate::decode::{DecodeOptions, decode};
use crate::fixtures::{t5, taxonomy};
use crate::scores::DocumentScores;

fn map(old: &Taxonomy, lines: &[&str]) -> (Taxonomy, ModelMap) {
    let Edited { taxonomy, lineage } = edited(old, lines);
    let map = ModelMap::new(old, &taxonomy, &lineage);
    (taxonomy, map)
}

/// Outputs in words, by old label.
fn units(new: &Taxonomy, map: &ModelMap) -> String {
    let word = |unit: &Unit| match unit {
        Unit::Kept(label) => new.id(*label).to_owned(),
        Unit::Combined(label) => format!("+{}", new.id(*label)),
        Unit::StoppedAt(labels) => format!("^{}", ids(new, labels)),
        Unit::Masked => "-".to_owned(),
    };
    let words: Vec<String> = map.units().iter().map(word).collect();
    words.join(" ")
}

fn retrain(map: &ModelMap) -> String {
    serde_json::to_string(&map.retrain).unwrap()
}

#[test]
fn a_rename_keeps_everything_but_the_name() {
    let (new, map) = map(&t5(), &[r#"{"op":"rename","label":"A1","name":"X"}"#]);
    assert_eq!(units(&new, &map), "A B A1 A2 B1");
    assert_eq!(map.renamed, ["A1"]);
    assert!(!map.structure_changed && map.retrain.is_empty());
}

#[test]
fn a_move_keeps_outputs_in_another_structure() {
    let (new, map) = map(
        &t5(),
        &[r#"{"op":"move","label":"A1","parent":"B","before":"A"}"#],
    );
    assert_eq!(units(&new, &map), "A B A1 A2 B1");
    assert!(map.structure_changed && map.retrain.is_empty() && map.renamed.is_empty());
    assert_eq!(map.dense(&[0.1, 0.2, 0.3, 0.4, 0.5])[0], (0, 0.3));
}

#[test]
fn deprecated_labels_are_not_answered() {
    let (new, map) = map(
        &t5(),
        &[
            r#"{"op":"deprecate","label":"A1","replaced_by":"B1"}"#,
            r#"{"op":"deprecate","label":"A2"}"#,
        ],
    );
    // Outputs mean what they meant; only answers that are given from now on do without.
    assert_eq!(units(&new, &map), "A B A1 A2 B1");
    assert_eq!(units(&new, &map.in_use(&new)), "A B +B1 ^A B1");
    let scores = map.in_use(&new).dense(&[0.1, 0.2, 0.9, 0.8, 0.3]);
    assert_eq!(scores, [(0, 0.8), (1, 0.2), (4, 0.9)]);
    let gone = edited(&new, &[r#"{"op":"deprecate","label":"A"}"#]).taxonomy;
    assert_eq!(units(&gone, &map.in_use(&gone)), "- B +B1 - B1");
}

#[test]
fn merged_outputs_are_combined() {
    let (new, map) = map(
        &t5(),
        &[r#"{"op":"merge","labels":["A1","A2"],"into":"B1"}"#],
    );
    assert_eq!(units(&new, &map), "A B +B1 +B1 B1");
    assert_eq!(
        retrain(&map),
        r#"[{"label":"B1","reason":"merged","from":["A1","A2"]}]"#
    );
    assert_eq!(
        map.dense(&[0.1, 0.2, 0.9, f32::NAN, 0.5]),
        [(0, 0.1), (1, 0.2), (2, 0.9)]
    );
}

#[test]
fn predictions_stop_above_a_split_label() {
    let split = r#"{"op":"split","label":"A1","into":[{"id":"P"},{"id":"Q"}]}"#;
    let (new, gone) = map(&t5(), &[split]);
    assert_eq!(units(&new, &gone), "A B ^A A2 B1");
    assert_eq!(
        retrain(&gone),
        r#"[{"label":"P","reason":"split","from":["A1"]},{"label":"Q","reason":"split","from":["A1"]}]"#
    );
    assert_eq!(gone.dense(&[0.1, 0.0, 0.9, 0.0, 0.0])[0], (0, 0.9));
    let stays = r#"{"op":"split","label":"A1","keep":true,"into":[{"id":"P"},{"id":"Q"}]}"#;
    let (new, map) = map(&t5(), &[stays]);
    assert_eq!(units(&new, &map), "A B A1 A2 B1");
    assert_eq!(map.retrain.len(), 2);
    assert!(map.structure_changed);
}

#[test]
fn deleted_labels_are_masked_and_new_ones_unknown() {
    let (new, map) = map(
        &t5(),
        &[r#"{"op":"delete","label":"A"}"#, r#"{"op":"add","id":"N"}"#],
    );
    assert_eq!(units(&new, &map), "- B A1 A2 B1");
    assert_eq!(retrain(&map), r#"[{"label":"N","reason":"added"}]"#);
    assert!(map.structure_changed);
    let document = DocumentScores {
        scores: vec![(0, 0.75), (2, 0.5), (1, 0.25)],
        decided: Some(vec![0, 2]),
    };
    let mapped = map.document(&document);
    assert_eq!(mapped.scores, [(1, 0.5), (0, 0.25)]);
    assert_eq!(mapped.decided, Some(vec![1]));
}

#[test]
fn steps_over_several_versions_compose() {
    let old = taxonomy(&[("A", &[]), ("B", &[]), ("A1", &["A"]), ("A2", &["A"])]);
    let lines = [
        r#"{"op":"split","label":"A1","into":[{"id":"P"},{"id":"Q"}]}"#,
        r#"{"op":"merge","labels":["A"],"into":"B"}"#,
        r#"{"op":"rename","label":"B","name":"both"}"#,
    ];
    let first = edited(&old, &lines[..1]);
    let step = ModelMap::new(&old, &first.taxonomy, &first.lineage);
    let (new, next) = map(&first.taxonomy, &lines[1..]);
    let both = step.then(&next, &new);
    assert_eq!(units(&new, &both), "+B B ^B A2");
    assert_eq!(both.renamed, ["B"]);
    let (_, at_once) = map(&old, &lines);
    assert_eq!(both.units(), at_once.units());
    assert_eq!(both.retrain, at_once.retrain);
}

proptest! {
    #[test]
    fn decisions_of_an_old_model_never_contradict_the_new_hierarchy(
        scores in crate::fixtures::any_scores(5),
        choice in proptest::collection::vec(0_usize..6, 1..4),
    ) {
        let lines = [
            r#"{"op":"move","label":"A1","parent":"B1"}"#,
            r#"{"op":"merge","labels":["A2"],"into":"B"}"#,
            r#"{"op":"delete","label":"A"}"#,
            r#"{"op":"split","label":"B1","into":[{"id":"P"},{"id":"Q"}]}"#,
            r#"{"op":"add","id":"N","parents":["B"]}"#,
            r#"{"op":"add_parent","label":"A1","parent":"B"}"#,
        ];
        let old = t5();
        let mut tree = WorkingTree::new(&old);
        for at in choice {
            // Some cannot be done after others.
            let _ = tree.apply(&edits(&lines[at..=at])[0]);
        }
        let Edited { taxonomy: new, lineage } = tree.finish().unwrap();
        let map = ModelMap::new(&old, &new, &lineage);
        let stored = DocumentScores::from_dense(&scores, 0.5);
        let decoded = decode(&new, &map.document(&stored), &DecodeOptions::default(), 0.5);
        prop_assert!(new.is_closed(&decoded.labels));
        let before = decode(&old, &stored, &DecodeOptions::default(), 0.5);
        for &label in &before.raw {
            let unit = &map.units()[label as usize];
            prop_assert!(unit.targets().iter().all(|target| decoded.labels.contains(target)));
        }
        // Whatever the model decides now, one of its outputs said.
        for label in &decoded.raw {
            prop_assert!(before.raw.iter().any(|&old| map.units()[old as usize].targets().contains(label)));
        }
        prop_assert_eq!(map.scores(&[]).len(), 0);
    }
}
