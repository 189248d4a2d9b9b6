//! Objects of other tools: Annif, Label Studio, doccano, Prodigy.
//!
//! Their own fields for what is known beside the text (`metadata`, `data`, `meta`) become the row's metadata; among these,
//! `id`, `split` and `lang` mean what they mean in our own rows, so that what we write for these tools can be read back.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::{Map, Value};

use super::lines::bare_uri;
use super::row::{CorpusRow, Label, RowLabel, Scalar, metadata};
use crate::split::Split;

/// Texts as words: their id, part and language leave the metadata.
fn with_metadata(mut row: CorpusRow, value: Value) -> CorpusRow {
    row.meta = metadata(value);
    if row.id.is_none() {
        row.id = row.meta.remove("id");
    }
    let split: Option<Split> = row.meta.get("split").and_then(|word| word.parse().ok());
    if row.split.is_none() && split.is_some() {
        row.split = split;
        row.meta.remove("split");
    }
    row.lang = row.lang.or_else(|| row.meta.remove("lang"));
    row
}

/// A document of Annif.
pub(super) fn annif<'de, D: Deserializer<'de>>(deserializer: D) -> Result<CorpusRow, D::Error> {
    #[derive(Deserialize)]
    struct Subject {
        uri: Option<String>,
        label: Option<String>,
    }
    #[derive(Deserialize)]
    #[serde(expecting = "an object with text and subjects")]
    struct Document {
        document_id: Option<Scalar>,
        text: Option<String>,
        metadata: Option<Value>,
        subjects: Option<Vec<Subject>>,
    }
    let document = Document::deserialize(deserializer)?;
    let metadata = document.metadata.unwrap_or_default();
    if document.text.is_none() && !metadata.is_object() {
        return Err(D::Error::custom(
            "found neither `text` nor `metadata`, expected the document's text",
        ));
    }
    let label = |subject: Subject| match (subject.uri, subject.label) {
        (Some(uri), _) => Ok(RowLabel::Name(bare_uri(&uri).to_owned())),
        (None, Some(label)) => Ok(RowLabel::Name(label)),
        (None, None) => Err(D::Error::custom(
            "`subjects`: found neither `uri` nor `label`, expected one of them",
        )),
    };
    let labels = document
        .subjects
        .map(|subjects| subjects.into_iter().map(label).collect());
    let row = CorpusRow {
        id: document.document_id.map(|Scalar(id)| id),
        text: document.text.unwrap_or_default(),
        labels: labels.transpose()?,
        ..CorpusRow::default()
    };
    let mut row = with_metadata(row, metadata);
    if row.text.is_empty()
        && let Some(title) = row.meta.get("title")
    {
        // Annif reads the fields that a project selects; a title is what all of its examples have.
        row.text.clone_from(title);
    }
    Ok(row)
}

/// A task of Label Studio.
pub(super) fn label_studio<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<CorpusRow, D::Error> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Value_ {
        taxonomy: Option<Vec<Label>>,
        choices: Option<Vec<Label>>,
    }
    #[derive(Deserialize)]
    struct Result_ {
        #[serde(default)]
        value: Value_,
    }
    #[derive(Deserialize)]
    struct Annotation {
        #[serde(default)]
        was_cancelled: Option<bool>,
        #[serde(default)]
        ground_truth: Option<bool>,
        #[serde(default)]
        result: Vec<Result_>,
    }
    #[derive(Deserialize)]
    #[serde(expecting = "a task with data and annotations")]
    struct Task {
        id: Option<Scalar>,
        data: Map<String, Value>,
        #[serde(default, alias = "completions")]
        annotations: Option<Vec<Annotation>>,
    }
    let mut task = Task::deserialize(deserializer)?;
    let text = match task.data.remove("text") {
        Some(Value::String(text)) => text,
        Some(other) => {
            return Err(D::Error::custom(format!(
                "`data.text`: found {other}, expected a string"
            )));
        }
        None => only_text(&mut task.data).ok_or_else(|| {
            D::Error::custom("found no `text` in `data`, expected the document's text")
        })?,
    };
    // What somebody declared to be right goes before what was said last.
    let judged = task.annotations.unwrap_or_default();
    let judged: Vec<Annotation> = judged
        .into_iter()
        .filter(|annotation| annotation.was_cancelled != Some(true))
        .collect();
    let truth = judged
        .iter()
        .rposition(|annotation| annotation.ground_truth == Some(true));
    let at = truth.or(judged.len().checked_sub(1));
    let annotation = at.and_then(|at| judged.into_iter().nth(at));
    let labels = annotation.map(|annotation| {
        let values = annotation.result.into_iter().map(|result| result.value);
        values
            .flat_map(|value| value.taxonomy.into_iter().chain(value.choices).flatten())
            .map(|Label(label)| label)
            .collect()
    });
    let row = CorpusRow {
        id: task
            .data
            .get("id")
            .is_none()
            .then(|| task.id.map(|Scalar(id)| id))
            .flatten(),
        text,
        labels,
        ..CorpusRow::default()
    };
    Ok(with_metadata(row, Value::Object(task.data)))
}

/// The one text of a task that calls it something else.
fn only_text(data: &mut Map<String, Value>) -> Option<String> {
    let mut texts = data.iter().filter(|(_, value)| value.is_string());
    let (name, _) = texts.next()?;
    if texts.next().is_some() {
        return None;
    }
    let name = name.clone();
    match data.remove(&name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// A document of doccano. What else it has beside text and labels is metadata.
pub(super) fn doccano<'de, D: Deserializer<'de>>(deserializer: D) -> Result<CorpusRow, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Labels {
        Many(Vec<Label>),
        One(Label),
    }
    #[derive(Deserialize)]
    #[serde(expecting = "an object with text and label")]
    struct Document {
        id: Option<Scalar>,
        #[serde(alias = "data")]
        text: String,
        label: Option<Labels>,
        split: Option<Split>,
        #[serde(default)]
        meta: Option<Value>,
        #[serde(flatten)]
        others: Map<String, Value>,
    }
    let document = Document::deserialize(deserializer)?;
    let mut meta = document.others;
    meta.remove("Comments");
    if let Some(Value::Object(given)) = document.meta {
        meta.extend(given);
    }
    let labels = document.label.map(|labels| match labels {
        Labels::Many(labels) => labels.into_iter().map(|Label(label)| label).collect(),
        Labels::One(Label(label)) => vec![label],
    });
    let row = CorpusRow {
        id: document.id.map(|Scalar(id)| id),
        text: document.text,
        labels,
        split: document.split,
        ..CorpusRow::default()
    };
    Ok(with_metadata(row, Value::Object(meta)))
}

/// An answer of Prodigy: several choices that were accepted, or one label and whether it is right.
pub(super) fn prodigy<'de, D: Deserializer<'de>>(deserializer: D) -> Result<CorpusRow, D::Error> {
    #[derive(Deserialize)]
    #[serde(expecting = "an object with text and accept")]
    struct Answer {
        text: String,
        accept: Option<Vec<Label>>,
        label: Option<Label>,
        answer: Option<String>,
        meta: Option<Value>,
    }
    let answer = Answer::deserialize(deserializer)?;
    let word = answer.answer.as_deref();
    if let Some(word) = word
        && !["accept", "reject", "ignore"].contains(&word)
    {
        return Err(D::Error::custom(format!(
            "`answer`: found `{word}`, expected accept, reject or ignore"
        )));
    }
    let is_accepted = word.is_none_or(|word| word == "accept");
    // A rejected choice says what is wrong and not what is right.
    let labels = match (answer.accept, answer.label) {
        (Some(accepted), _) if is_accepted => {
            Some(accepted.into_iter().map(|Label(label)| label).collect())
        }
        (None, Some(Label(label))) if is_accepted => Some(vec![label]),
        _ => None,
    };
    let row = CorpusRow {
        text: answer.text,
        labels,
        ..CorpusRow::default()
    };
    Ok(with_metadata(row, answer.meta.unwrap_or_default()))
}
