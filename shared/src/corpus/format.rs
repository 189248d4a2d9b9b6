//! The formats of corpus files: their names, their kinds, and how a JSON object tells which one it is.

use std::fmt;
use std::str::FromStr;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::row::{PATH_SEPARATOR, without_mark};

/// A format of corpus files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum CorpusFormat {
    /// `{"id"?, "text", "labels"?, "split"?, "lang"?, "meta"?}`: everything that a document has.
    #[default]
    Jsonl,
    /// `{"token": […], "label": […]}`, also spelled `doc_token`, `doc_label`.
    HiAgm,
    /// `{"doc_token": […], "doc_label": ["A--B"]}`: one path a string.
    NeuralClassifier,
    /// `text<TAB>label1,label1##label2`.
    PaddleNlp,
    /// `text<TAB><uri1> <uri2>`.
    #[serde(rename = "annif_tsv")]
    AnnifTsv,
    /// Columns `text` and `subject_uris`; `document_id` and others are optional.
    #[serde(rename = "annif_csv")]
    AnnifCsv,
    /// `{"document_id", "text", "metadata", "subjects": [{"uri"}]}`, an object a line or an array.
    #[serde(rename = "annif_json")]
    AnnifJson,
    /// `name.txt` with `name.tsv` or `name.key` beside it, in an archive.
    #[serde(rename = "annif_directory")]
    AnnifDirectory,
    /// Tasks with `data`, `annotations` and `predictions`.
    #[serde(rename = "label_studio")]
    LabelStudio,
    /// `{"text", "label": […]}`.
    Doccano,
    /// `__label__a __label__b text`.
    FastText,
    /// `{"text", "options", "accept", "answer"}`, or `{"text", "label", "answer"}`.
    Prodigy,
    /// Columns `text`, `category_name`, `label`: a row for each judgement.
    #[serde(rename = "label_sleuth")]
    LabelSleuth,
    /// A column for the text and one for each level.
    HiClass,
    /// `l1,l2 f1:v1 f2:v2`: labels and features by number, as in the Extreme Classification repository.
    Xmc,
    /// Comma-separated columns, or with another separator.
    Csv,
    /// Tab-separated columns.
    Tsv,
    /// A text file for each document in an archive; its folders are its label.
    Txt,
}

/// What the rows of a format are cut out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// A JSON object, on a line of its own or in an array.
    Object,
    /// A line.
    Line,
    /// A record of a table, which may go over several lines.
    Record,
    /// A file of an archive.
    File,
}

impl CorpusFormat {
    /// All formats, in the order in which they are listed to people.
    pub const ALL: [Self; 18] = [
        Self::Jsonl,
        Self::HiAgm,
        Self::NeuralClassifier,
        Self::AnnifTsv,
        Self::AnnifCsv,
        Self::AnnifJson,
        Self::AnnifDirectory,
        Self::LabelStudio,
        Self::Doccano,
        Self::FastText,
        Self::Prodigy,
        Self::LabelSleuth,
        Self::HiClass,
        Self::PaddleNlp,
        Self::Xmc,
        Self::Csv,
        Self::Tsv,
        Self::Txt,
    ];

    /// The word on the command line and in `?format=`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::HiAgm => "hiagm",
            Self::NeuralClassifier => "neuralclassifier",
            Self::PaddleNlp => "paddlenlp",
            Self::AnnifTsv => "annif_tsv",
            Self::AnnifCsv => "annif_csv",
            Self::AnnifJson => "annif_json",
            Self::AnnifDirectory => "annif_directory",
            Self::LabelStudio => "label_studio",
            Self::Doccano => "doccano",
            Self::FastText => "fasttext",
            Self::Prodigy => "prodigy",
            Self::LabelSleuth => "label_sleuth",
            Self::HiClass => "hiclass",
            Self::Xmc => "xmc",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Txt => "txt",
        }
    }

    /// What people call it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Jsonl => "JSON lines with text and labels",
            Self::HiAgm => "HiAGM, HGCLR: token and label",
            Self::NeuralClassifier => "NeuralClassifier: paths with --",
            Self::PaddleNlp => "PaddleNLP: text, TAB, paths with ##",
            Self::AnnifTsv => "Annif TSV: text, TAB, URIs",
            Self::AnnifCsv => "Annif CSV: text, subject_uris",
            Self::AnnifJson => "Annif JSON",
            Self::AnnifDirectory => "Annif directory, zipped",
            Self::LabelStudio => "Label Studio tasks",
            Self::Doccano => "doccano: text and label",
            Self::FastText => "fastText: __label__",
            Self::Prodigy => "Prodigy: accept",
            Self::LabelSleuth => "Label Sleuth CSV",
            Self::HiClass => "HiClass: a column for each level",
            Self::Xmc => "Extreme Classification: numbers",
            Self::Csv => "CSV with columns of your choice",
            Self::Tsv => "TSV with columns of your choice",
            Self::Txt => "Text files in folders, zipped",
        }
    }

    /// What its rows are cut out of.
    #[must_use]
    pub fn kind(self) -> RowKind {
        match self {
            Self::Jsonl
            | Self::HiAgm
            | Self::NeuralClassifier
            | Self::AnnifJson
            | Self::LabelStudio
            | Self::Doccano
            | Self::Prodigy => RowKind::Object,
            Self::PaddleNlp | Self::AnnifTsv | Self::FastText | Self::Xmc => RowKind::Line,
            Self::AnnifCsv | Self::LabelSleuth | Self::HiClass | Self::Csv | Self::Tsv => {
                RowKind::Record
            }
            Self::AnnifDirectory | Self::Txt => RowKind::File,
        }
    }

    /// The format that a JSON object seems to have, by its keys; what is no object counts as JSONL.
    #[must_use]
    pub fn detect(line: &[u8]) -> Self {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Keys {
            text: Option<IgnoredAny>,
            labels: Option<IgnoredAny>,
            label: Option<IgnoredAny>,
            token: Option<IgnoredAny>,
            doc_token: Option<IgnoredAny>,
            doc_label: Option<serde_json::Value>,
            data: Option<serde_json::Value>,
            document_id: Option<IgnoredAny>,
            metadata: Option<IgnoredAny>,
            subjects: Option<IgnoredAny>,
            accept: Option<IgnoredAny>,
            answer: Option<IgnoredAny>,
        }
        let keys: Keys = serde_json::from_slice(without_mark(line)).unwrap_or_default();
        if keys.text.is_some() || (keys.token.is_none() && keys.doc_token.is_none()) {
            let is_task = keys.data.as_ref().is_some_and(serde_json::Value::is_object);
            return if is_task && keys.text.is_none() {
                Self::LabelStudio
            } else if keys.labels.is_some() {
                Self::Jsonl
            } else if keys.subjects.is_some()
                || keys.document_id.is_some()
                || (keys.text.is_none() && keys.metadata.is_some())
            {
                Self::AnnifJson
            } else if keys.accept.is_some() || keys.answer.is_some() {
                Self::Prodigy
            } else if keys.label.is_some() {
                Self::Doccano
            } else {
                Self::Jsonl
            };
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
#[error("found the corpus format `{0}`, expected one of {words}", words = words())]
pub struct UnknownCorpusFormat(pub String);

fn words() -> String {
    CorpusFormat::ALL.map(CorpusFormat::as_str).join(", ")
}

impl FromStr for CorpusFormat {
    type Err = UnknownCorpusFormat;

    fn from_str(word: &str) -> Result<Self, UnknownCorpusFormat> {
        let known = Self::ALL.into_iter().find(|format| format.as_str() == word);
        known.ok_or_else(|| UnknownCorpusFormat(word.to_owned()))
    }
}
