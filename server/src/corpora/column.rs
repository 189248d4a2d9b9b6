//! Where something that was found at fault stands in its row, as a column from 1; 1 when it cannot be found.

use arborist_shared::corpus::{CorpusFormat, ResolveError};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The column of a label that could not be resolved; of a path, that of the name with which it leads nowhere.
pub(crate) fn of_label(raw: &[u8], error: &ResolveError) -> u64 {
    let (position, step) = match error {
        ResolveError::Unknown { position, step, .. } => (*position, *step),
        ResolveError::Ambiguous { position, .. } => (*position, None),
    };
    let labels = written_labels(raw).unwrap_or_default();
    let Some(&label) = labels.get(position) else {
        return of_words(raw, error);
    };
    // A path in one string is pointed at as a whole.
    let steps: Vec<&RawValue> = serde_json::from_str(label.get()).unwrap_or_default();
    let step = step.and_then(|step| steps.get(step).copied());
    let place = step.unwrap_or(label).get();
    column(place.as_ptr().addr() - raw.as_ptr().addr())
}

/// The elements of the row's array of labels, as they stand there.
fn written_labels(raw: &[u8]) -> Option<Vec<&RawValue>> {
    #[derive(Deserialize)]
    struct Row<'r> {
        #[serde(borrow)]
        labels: Option<&'r RawValue>,
        #[serde(borrow)]
        label: Option<&'r RawValue>,
        #[serde(borrow)]
        doc_label: Option<&'r RawValue>,
    }
    let row: Row<'_> = serde_json::from_slice(without_mark(raw)).ok()?;
    let labels = match CorpusFormat::detect(raw) {
        CorpusFormat::Jsonl => row.labels,
        _ => row.label.or(row.doc_label),
    };
    serde_json::from_str(labels?.get()).ok()
}

/// Where a label's last name stands, from behind: labels come after the text more often than before.
fn of_words(raw: &[u8], error: &ResolveError) -> u64 {
    let (ResolveError::Unknown { label, .. } | ResolveError::Ambiguous { label, .. }) = error;
    let name = label.rsplit(" › ").next().unwrap_or(label).as_bytes();
    let place = raw.windows(name.len().max(1)).rposition(|at| at == name);
    place.map_or(1, column)
}

fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line)
}

/// The column of a row's id: what stands behind the key.
pub(crate) fn of_id(raw: &[u8]) -> u64 {
    const KEY: &[u8] = b"\"id\"";
    let starts = raw
        .windows(KEY.len())
        .enumerate()
        .filter(|(_, window)| *window == KEY)
        .map(|(start, _)| start + KEY.len());
    let mut values = starts.filter_map(|end| {
        // A label may be called `id`, too.
        let colon = end + blanks(&raw[end..]);
        (raw.get(colon) == Some(&b':')).then(|| colon + 1 + blanks(&raw[colon + 1..]))
    });
    values.next_back().map_or(1, column)
}

fn blanks(raw: &[u8]) -> usize {
    raw.iter()
        .take_while(|byte| byte.is_ascii_whitespace())
        .count()
}

fn column(position: usize) -> u64 {
    position as u64 + 1
}

#[cfg(test)]
mod tests {
    use arborist_shared::corpus::{parse_row_as, resolve_labels};
    use arborist_shared::taxonomy::{NewLabel, Taxonomy};

    use super::*;

    fn taxonomy() -> Taxonomy {
        let label = |id: &str, name: &str, parents: &[&str]| NewLabel {
            id: id.to_owned(),
            name: name.to_owned(),
            parents: parents.iter().map(|&parent| parent.to_owned()).collect(),
            details: None,
        };
        Taxonomy::new(vec![
            label("animals", "animals", &[]),
            label("fish", "fish", &["animals"]),
            label("plants", "plants", &[]),
            label("1", "other", &["animals"]),
            label("2", "other", &["plants"]),
        ])
        .unwrap()
    }

    /// What stands where the label at fault is said to be.
    #[track_caller]
    fn pointed_at(format: CorpusFormat, raw: &str) -> &str {
        let taxonomy = taxonomy();
        let labels = parse_row_as(format, raw.as_bytes(), 1).unwrap().labels;
        let labels = labels.unwrap();
        let error = resolve_labels(&taxonomy, &labels).unwrap_err();
        let column = of_label(raw.as_bytes(), &error);
        &raw[column as usize - 1..]
    }

    #[test]
    fn labels_are_found_as_they_are_written() {
        for (raw, rest) in [
            // In the text, as a label twice, and as part of another.
            (
                r#"{"text":"\"owls\" owls","labels":["fish","owls"]}"#,
                r#""owls"]}"#,
            ),
            (
                r#"{"labels":["owls","fish","owls"],"text":"t"}"#,
                r#""owls","fish","owls"],"text":"t"}"#,
            ),
            (
                r#"{"labels":["plants", "plant"],"text":"\"plant\""}"#,
                r#""plant"],"text":"\"plant\""}"#,
            ),
            // Escaped, as a number, and behind a byte order mark.
            (
                r#"{"labels":["fish", "\u006fwls"],"text":"t"}"#,
                r#""\u006fwls"],"text":"t"}"#,
            ),
            (r#"{"text":"12","labels":[ 12 ]}"#, "12 ]}"),
            (
                "\u{feff}{\"text\":\"t\",\"labels\":[\"owls\"]}",
                "\"owls\"]}",
            ),
            (
                "{\"text\":\"t\",\"labels\":[\"owls\"]}\r\n",
                "\"owls\"]}\r\n",
            ),
            // Ambiguous.
            (r#"{"text":"t","labels":["other"]}"#, r#""other"]}"#),
            // A path: at the name that leads nowhere.
            (
                r#"{"text":"t","labels":["fish",["animals","fish","owls"]]}"#,
                r#""owls"]]}"#,
            ),
            (
                r#"{"text":"t","labels":[[ "pl\u0061nts" , "fi\u0073h", "owls"]]}"#,
                r#""fi\u0073h", "owls"]]}"#,
            ),
            (
                r#"{"text":"t","labels":[["a [\"b\"","fish"]]}"#,
                r#""a [\"b\"","fish"]]}"#,
            ),
        ] {
            assert_eq!(pointed_at(CorpusFormat::Jsonl, raw), rest, "{raw}");
        }
        let tokens = r#"{"labels":["owls"],"token":["owls"],"label":["fish","owls"]}"#;
        assert_eq!(pointed_at(CorpusFormat::HiAgm, tokens), "\"owls\"]}");
        let paths = r#"{"doc_token":["t"],"doc_label":["animals--fish","animals--owls"]}"#;
        assert_eq!(
            pointed_at(CorpusFormat::NeuralClassifier, paths),
            "\"animals--owls\"]}"
        );
    }

    #[test]
    fn ids_are_found_behind_their_key() {
        assert_eq!(of_id(br#"{"text":"d3","id":"d3"}"#), 19);
        assert_eq!(of_id(br#"{"id" : 12,"text":"12","labels":["id"]}"#), 9);
        assert_eq!(of_id(b"d3\tsome text"), 1);
    }
}
