//! One line of a corpus file.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::error::Category;

use super::format::{CorpusFormat, RowKind};
use super::{foreign, lines};
use crate::split::Split;

/// Between the names of a path in files of `NeuralClassifier`.
pub(super) const PATH_SEPARATOR: &str = "--";

/// A row as it was written, before its labels are looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorpusRow {
    /// The row's own id; a row without one is called by its line number from 0.
    pub id: Option<String>,
    /// The text; tokens are joined with blanks.
    pub text: String,
    /// None = not annotated; empty = judged, none applies.
    pub labels: Option<Vec<RowLabel>>,
    /// The part that the row asks for.
    pub split: Option<Split>,
    /// Language of the text, as the row calls it.
    pub lang: Option<String>,
    /// What else is known of the document. [`META_SOURCE`], [`META_DATE`] and [`META_GROUP`] are words that mean something.
    pub meta: BTreeMap<String, String>,
}

/// Key of a row's metadata for where the document comes from.
pub const META_SOURCE: &str = "source";
/// Key of a row's metadata for when the document was written: `2024`, `2024-05`, `2024-05-31`, or with a time.
pub const META_DATE: &str = "date";
/// Key of a row's metadata for what belongs together: documents of a group go to the same part.
pub const META_GROUP: &str = "group";

/// A label as a row writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RowLabel {
    /// An id or a name.
    Name(String),
    /// Names from below the root to the label.
    Path(Vec<String>),
}

impl fmt::Display for RowLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Path(names) => f.write_str(&names.join(" › ")),
        }
    }
}

/// Why a row was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct RowError {
    /// Counts from 1.
    pub line: u64,
    /// Counts from 1, in bytes.
    pub column: u64,
    /// What was found and what was expected.
    pub reason: String,
}

/// Reads a row of our own JSONL: `{"id"?, "text", "labels"?, "split"?}`; other keys are ignored.
///
/// `id` is a string or an integer, a label a string, an integer or an array of names (a path). `line_number` counts from 1.
///
/// # Errors
/// Names the column and what was found and expected there.
pub fn parse_row(line: &[u8], line_number: u64) -> Result<CorpusRow, RowError> {
    parse_row_as(CorpusFormat::Jsonl, line, line_number)
}

/// Reads a row of the given format.
///
/// # Errors
/// Names the column and what was found and expected there.
pub fn parse_row_as(
    format: CorpusFormat,
    line: &[u8],
    line_number: u64,
) -> Result<CorpusRow, RowError> {
    let content = without_mark(line);
    let offset = line.len() - content.len();
    let content = content.strip_suffix(b"\n").unwrap_or(content);
    let content = content.strip_suffix(b"\r").unwrap_or(content);
    let fail = |column: usize, reason: String| RowError {
        line: line_number,
        column: (offset + column) as u64,
        reason,
    };
    let text = std::str::from_utf8(content).map_err(|error| {
        let byte = content
            .get(error.valid_up_to())
            .copied()
            .unwrap_or_default();
        fail(
            error.valid_up_to() + 1,
            format!("found the byte 0x{byte:02X}, expected UTF-8 text"),
        )
    })?;
    if text.trim().is_empty() {
        return Err(fail(
            1,
            "found an empty line, expected a JSON object".to_owned(),
        ));
    }
    match format.kind() {
        RowKind::Object => object(format, text).map_err(|error| {
            let message = error.to_string();
            let message = message
                .rsplit_once(" at line ")
                .map_or(message.as_str(), |(message, _)| message);
            let reason = match error.classify() {
                Category::Data => message.to_owned(),
                _ => format!("found broken JSON ({message}), expected one JSON object"),
            };
            // An element of an array may go over several lines.
            let below = error.line().saturating_sub(1);
            let mut error = fail(error.column().max(1), reason);
            if below > 0 {
                error.line += below as u64;
                error.column -= offset as u64;
            }
            error
        }),
        RowKind::Line => {
            lines::parse(format, text).map_err(|(column, reason)| fail(column, reason))
        }
        RowKind::Record | RowKind::File => Err(fail(
            1,
            format!("found a line, expected the columns or files of {format}"),
        )),
    }
}

fn object(format: CorpusFormat, text: &str) -> serde_json::Result<CorpusRow> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let row = match format {
        CorpusFormat::AnnifJson => foreign::annif(&mut deserializer)?,
        CorpusFormat::LabelStudio => foreign::label_studio(&mut deserializer)?,
        CorpusFormat::Doccano => foreign::doccano(&mut deserializer)?,
        CorpusFormat::Prodigy => foreign::prodigy(&mut deserializer)?,
        _ => deserializer.deserialize_map(RowVisitor(format))?,
    };
    deserializer.end().map(|()| row)
}

pub(super) fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line)
}

struct RowVisitor(CorpusFormat);

impl<'de> Visitor<'de> for RowVisitor {
    type Value = CorpusRow;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object with the text and labels of one document")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<CorpusRow, M::Error> {
        let mut row = CorpusRow::default();
        let mut text: Option<String> = None;
        let mut joined: Option<String> = None;
        let mut paths: Option<Vec<RowLabel>> = None;
        let tokenized = self.0 != CorpusFormat::Jsonl;
        while let Some(key) = map.next_key::<Key>()? {
            match key.0.as_str() {
                "id" => {
                    let id: Option<Scalar> = field(&mut map, "id", row.id.is_some())?;
                    row.id = id.map(|Scalar(id)| id);
                }
                "text" if !tokenized => {
                    let given: Option<String> = field(&mut map, "text", text.is_some())?;
                    text = given.or(text);
                }
                // Of a document that was never put together; where there is a text, it is the truth.
                "tokens" if !tokenized => {
                    let tokens: Option<Tokens> = map.next_value().unwrap_or_default();
                    joined = tokens.map(|Tokens(text)| text);
                }
                "paths" if !tokenized => paths = path_list(&map.next_value()?),
                "lang" => row.lang = map.next_value::<Value>()?.as_str().map(str::to_owned),
                "meta" if !tokenized => row.meta = metadata(map.next_value()?),
                name @ ("token" | "doc_token") if tokenized => {
                    let Tokens(joined) = field(&mut map, name, text.is_some())?;
                    text = Some(joined);
                }
                "labels" if !tokenized => {
                    let labels: Option<Vec<Label>> =
                        field(&mut map, "labels", row.labels.is_some())?;
                    row.labels =
                        labels.map(|labels| labels.into_iter().map(|Label(label)| label).collect());
                }
                name @ ("label" | "doc_label") if tokenized => {
                    let labels: Option<Vec<Label>> = field(&mut map, name, row.labels.is_some())?;
                    let split = |Label(label)| split_path(self.0, label);
                    row.labels = labels.map(|labels| labels.into_iter().map(split).collect());
                }
                "split" => row.split = field(&mut map, "split", row.split.is_some())?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let expected = if tokenized {
            "found no `token`, expected the document's words"
        } else {
            "found no `text`, expected the document's text"
        };
        row.text = text.or(joined).ok_or_else(|| M::Error::custom(expected))?;
        row.labels = row.labels.or(paths);
        Ok(row)
    }
}

/// Paths of names; none when the value is something else, which another tool may mean by the word.
fn path_list(value: &Value) -> Option<Vec<RowLabel>> {
    let names = |path: &Value| -> Option<RowLabel> {
        let names = path.as_array()?.iter().map(scalar);
        let names: Vec<String> = names.collect::<Option<_>>()?;
        (!names.is_empty()).then_some(RowLabel::Path(names))
    };
    value.as_array()?.iter().map(names).collect()
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The entries of an object as texts; of anything else, nothing.
pub(super) fn metadata(value: Value) -> BTreeMap<String, String> {
    let Value::Object(entries) = value else {
        return BTreeMap::new();
    };
    let text = |value: Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    };
    entries
        .into_iter()
        .filter_map(|(key, value)| Some((key, text(value)?)))
        .collect()
}

/// The value of a key that may stand once; faults name the key.
fn field<'de, M: MapAccess<'de>, T: Deserialize<'de>>(
    map: &mut M,
    name: &str,
    is_known: bool,
) -> Result<T, M::Error> {
    if is_known {
        return Err(M::Error::custom(format!(
            "found `{name}` a second time, expected it once"
        )));
    }
    // The message keeps its position at the end, which serde_json reads back from there.
    map.next_value::<T>()
        .map_err(|error| M::Error::custom(format!("`{name}`: {error}")))
}

fn split_path(format: CorpusFormat, label: RowLabel) -> RowLabel {
    match label {
        RowLabel::Name(name)
            if format == CorpusFormat::NeuralClassifier && name.contains(PATH_SEPARATOR) =>
        {
            RowLabel::Path(name.split(PATH_SEPARATOR).map(str::to_owned).collect())
        }
        other => other,
    }
}

struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

/// A string or an integer, as text.
pub(super) struct Scalar(pub(super) String);

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an integer")
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Scalar, E> {
        Ok(Scalar(text))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
        Ok(Scalar(number.to_string()))
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

/// A string, an integer or an array of names.
pub(super) struct Label(pub(super) RowLabel);

struct LabelVisitor;

impl<'de> Visitor<'de> for LabelVisitor {
    type Value = Label;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a label: its id or name, or an array of names")
    }

    fn visit_str<E>(self, text: &str) -> Result<Label, E> {
        Ok(Label(RowLabel::Name(text.to_owned())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Label, E> {
        Ok(Label(RowLabel::Name(number.to_string())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Label, E> {
        Ok(Label(RowLabel::Name(number.to_string())))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut names: S) -> Result<Label, S::Error> {
        let mut path = Vec::new();
        while let Some(Scalar(name)) = names.next_element()? {
            path.push(name);
        }
        if path.is_empty() {
            return Err(S::Error::custom(
                "found an empty path, expected at least one name",
            ));
        }
        Ok(Label(RowLabel::Path(path)))
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LabelVisitor)
    }
}

/// Words, or one string that already is the text.
struct Tokens(String);

struct TokensVisitor;

impl<'de> Visitor<'de> for TokensVisitor {
    type Value = Tokens;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of words")
    }

    fn visit_str<E>(self, text: &str) -> Result<Tokens, E> {
        Ok(Tokens(text.to_owned()))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut words: S) -> Result<Tokens, S::Error> {
        let mut text = String::new();
        while let Some(Scalar(word)) = words.next_element()? {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&word);
        }
        Ok(Tokens(text))
    }
}

impl<'de> Deserialize<'de> for Tokens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TokensVisitor)
    }
}
