//! One line of a corpus file.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::error::Category;

use crate::split::Split;

/// A format of corpus files in which every line is a JSON object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum CorpusFormat {
    /// `{"id"?, "text", "labels"?, "split"?}`.
    #[default]
    Jsonl,
    /// `{"token": […], "label": […]}`, also spelled `doc_token`, `doc_label`.
    HiAgm,
    /// `{"doc_token": […], "doc_label": ["A--B"]}`: one path a string.
    NeuralClassifier,
}

impl CorpusFormat {
    /// All formats, in the order in which they are listed to people.
    pub const ALL: [Self; 3] = [Self::Jsonl, Self::HiAgm, Self::NeuralClassifier];

    /// The word on the command line and in `?format=`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::HiAgm => "hiagm",
            Self::NeuralClassifier => "neuralclassifier",
        }
    }

    /// The format that a line seems to have, by its keys; a line that is no JSON object counts as JSONL.
    #[must_use]
    pub fn detect(line: &[u8]) -> Self {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Keys {
            text: Option<IgnoredAny>,
            token: Option<IgnoredAny>,
            doc_token: Option<IgnoredAny>,
            doc_label: Option<serde_json::Value>,
        }
        let keys: Keys = serde_json::from_slice(without_mark(line)).unwrap_or_default();
        if keys.text.is_some() || (keys.token.is_none() && keys.doc_token.is_none()) {
            return Self::Jsonl;
        }
        let has_paths = |value: &serde_json::Value| {
            value
                .as_str()
                .is_some_and(|text| text.contains(PATH_SEPARATOR))
        };
        let labels = keys
            .doc_label
            .as_ref()
            .and_then(serde_json::Value::as_array);
        if labels.is_some_and(|labels| labels.iter().any(has_paths)) {
            Self::NeuralClassifier
        } else {
            Self::HiAgm
        }
    }
}

impl fmt::Display for CorpusFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no corpus format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("found the corpus format `{0}`, expected one of jsonl, hiagm, neuralclassifier")]
pub struct UnknownCorpusFormat(pub String);

impl FromStr for CorpusFormat {
    type Err = UnknownCorpusFormat;

    fn from_str(word: &str) -> Result<Self, UnknownCorpusFormat> {
        let known = Self::ALL.into_iter().find(|format| format.as_str() == word);
        known.ok_or_else(|| UnknownCorpusFormat(word.to_owned()))
    }
}

/// Between the names of a path in files of `NeuralClassifier`.
const PATH_SEPARATOR: &str = "--";

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
}

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
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let row = deserializer
        .deserialize_map(RowVisitor(format))
        .and_then(|row| deserializer.end().map(|()| row));
    row.map_err(|error| {
        let message = error.to_string();
        let message = message
            .rsplit_once(" at line ")
            .map_or(message.as_str(), |(message, _)| message);
        let reason = match error.classify() {
            Category::Data => message.to_owned(),
            _ => format!("found broken JSON ({message}), expected one JSON object"),
        };
        fail(error.column().max(1), reason)
    })
}

fn without_mark(line: &[u8]) -> &[u8] {
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
        let tokenized = self.0 != CorpusFormat::Jsonl;
        while let Some(key) = map.next_key::<Key>()? {
            match key.0.as_str() {
                "id" => {
                    let id: Option<Scalar> = field(&mut map, "id", row.id.is_some())?;
                    row.id = id.map(|Scalar(id)| id);
                }
                "text" if !tokenized => text = Some(field(&mut map, "text", text.is_some())?),
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
        row.text = text.ok_or_else(|| M::Error::custom(expected))?;
        Ok(row)
    }
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
struct Scalar(String);

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
struct Label(RowLabel);

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
