//! Corpora, their documents, and the preview and rejects of imports.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::corpus::Reading;
use crate::split::Split;

/// A corpus version; `GET /api/v1/projects/{id}/corpora?limit=&cursor=` → `{"corpora":[…],"next"}`, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Corpus {
    /// Id of the corpus version.
    pub id: i64,
    /// Project it belongs to.
    pub project: i64,
    /// Taxonomy version its labels belong to.
    pub taxonomy: i64,
    /// Counts from 1 within the project.
    pub version: i64,
    /// SHA-256 over the documents.
    pub content_hash: String,
    /// Number of documents.
    pub n_documents: u64,
    /// Documents that carry a `labels` field, empty or not.
    pub n_annotated: u64,
    /// Documents to train on.
    pub n_train: u64,
    /// Documents to select by.
    pub n_validation: u64,
    /// Documents to test on.
    pub n_test: u64,
    /// Rows that the import refused.
    pub n_rejected: u64,
    /// Mean number of labels (closed upwards) per annotated document.
    pub labels_per_document: f64,
    /// When it was made.
    pub created_at: String,
    /// Name of the file it came from.
    #[serde(default)]
    pub name: String,
    /// Documents that an earlier version put into another part than their row asks for; they keep the earlier one.
    #[serde(default)]
    pub n_split_kept: u64,
}

/// A document; `GET /api/v1/projects/{id}/documents?search=&label=&split=&corpus=&limit=&cursor=` → `{"documents":[…],"next","total"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Document {
    /// Id of the document.
    pub id: i64,
    /// The row's own id, or the hash of its text.
    pub key: String,
    /// The whole text.
    pub text: String,
    /// The part it belongs to.
    pub split: Split,
    /// Label ids as given; none = not annotated.
    pub explicit: Option<Vec<String>>,
    /// Label ids closed upwards.
    pub labels: Option<Vec<String>>,
    /// Name path of each deepest label in `labels`.
    pub paths: Vec<Vec<String>>,
    /// When it got the labels that it has: when the version was made that brought them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labelled_at: Option<String>,
    /// Language of the text, as its file called it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lang: Option<String>,
    /// What else its file said; `source` and `date` can be searched for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub meta: BTreeMap<String, String>,
}

/// A page of documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DocumentPage {
    /// The documents.
    pub documents: Vec<Document>,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
    /// Matching documents in all; with filters, as far as they are counted: up to 10,000, and among the first 50,000 that the
    /// first filter leaves.
    pub total: u64,
    /// Whether there are more than `total`.
    #[serde(default)]
    pub total_is_capped: bool,
}

/// A row that an import refused; `GET /api/v1/corpora/{id}/rejects` streams them as JSON lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reject {
    /// The file within an archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Counts from 1.
    pub line: u64,
    /// Counts from 1, in bytes; 1 where the whole row is at fault.
    pub column: u64,
    /// What was found and what was expected.
    pub reason: String,
    /// The row as it came, cut at 10,000 characters.
    pub row: String,
}

/// `GET /api/v1/projects/{id}/corpora`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CorpusList {
    /// Newest first.
    pub corpora: Vec<Corpus>,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}

/// `GET /api/v1/corpora/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CorpusAnswer {
    /// The corpus version.
    pub corpus: Corpus,
}

/// `GET /api/v1/documents/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DocumentAnswer {
    /// The document.
    pub document: Document,
}

/// `POST /api/v1/projects/{id}/corpora/preview?taxonomy=ID&format=…&partial=true`; the body is the file, or its beginning
/// (256 KiB are plenty, 1 MiB is the limit). `partial=true` says that the file goes on: the line that was cut is left out.
/// Nothing is stored. A body that cannot be read at all is answered with `error` set, not with an error status.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CorpusPreview {
    /// The detected or given format, one of the words of `?format=`.
    pub format: String,
    /// `UTF-8`, `UTF-8 with byte order mark`, or another one by its name on the web.
    pub encoding: String,
    /// How the file is read: what was asked for, and what was found out.
    #[serde(default)]
    pub reading: Reading,
    /// Names of the columns of a table, in their order.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Rows of the sent part, good and bad.
    pub n_rows: u64,
    /// The first 20 good rows, as they will be read.
    pub rows: Vec<PreviewRow>,
    /// Rows of the sent part that the import would refuse.
    pub n_problems: u64,
    /// The first 50 of them.
    pub problems: Vec<Reject>,
    /// Good rows without a `labels` field.
    pub n_unannotated: u64,
    /// Distinct labels of the sent part that the taxonomy does not know or that are ambiguous.
    pub n_unknown_labels: u64,
    /// The 20 most frequent of them.
    pub unknown_labels: Vec<UnknownLabel>,
    /// Good rows whose text an earlier row of the sent part has: the checks of an import look for them in the whole file.
    #[serde(default)]
    pub repeats: Repeats,
    /// Good rows without any text.
    #[serde(default)]
    pub n_empty: u64,
    /// Rows that name their split; the import's `split` and `seed` apply to the others.
    pub n_with_split: u64,
    /// Why nothing could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A row of a preview.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PreviewRow {
    /// Counts from 1.
    pub line: u64,
    /// The row's own id.
    pub id: Option<String>,
    /// Cut at 2,000 characters.
    pub text: String,
    /// Name path of each label as given, once resolved; none = not annotated.
    pub paths: Option<Vec<Vec<String>>>,
    /// The part that the row asks for.
    pub split: Option<Split>,
}

/// A label that rows use and the taxonomy cannot resolve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnknownLabel {
    /// As given; the names of a path are joined with ` › `.
    pub label: String,
    /// Rows of the sent part that use it.
    pub n_rows: u64,
    /// What was found and which labels could have been meant.
    pub reason: String,
    /// Labels that are most like it, best first.
    #[serde(default)]
    pub proposals: Vec<LabelProposal>,
}

/// A label that an unknown one may mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabelProposal {
    /// Id of the label.
    pub id: String,
    /// Names from below the root to the label.
    pub path: Vec<String>,
    /// How alike the two are, 0 to 1.
    pub likeness: f64,
}

/// What an unknown label means; `GET` and `PUT /api/v1/projects/{id}/label-choices`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabelChoice {
    /// As files write it; the names of a path are joined with ` › `.
    pub label: String,
    /// What becomes of it.
    pub choice: Choice,
}

/// What becomes of an unknown label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// It means the label with this id.
    Label(String),
    /// It is passed over; its documents keep their other labels.
    Ignore,
    /// Nothing was chosen: rows with it are refused.
    Forget,
}

/// Choices that a project remembers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabelChoices {
    /// By label.
    #[serde(default)]
    pub choices: Vec<LabelChoice>,
}

/// Rows that have the text of an earlier row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Repeats {
    /// All of them.
    pub n_duplicates: u64,
    /// Those with other labels than the earlier row.
    pub n_contradictions: u64,
    /// Those in another part than the earlier row: a test that trained methods have seen the answer of.
    pub n_leaks: u64,
    /// The first 20.
    pub examples: Vec<Repeat>,
}

/// A row that has the text of an earlier row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Repeat {
    /// Line of the row, from 1.
    pub line: u64,
    /// Line of the first row with this text.
    pub first: u64,
    /// Whether the labels differ.
    pub contradicts: bool,
    /// Whether the parts differ.
    pub leaks: bool,
    /// Beginning of the text.
    pub text: String,
}

/// What an import found in its file; `GET /api/v1/corpora/{id}/checks`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CorpusChecks {
    /// Rows with the text of an earlier one.
    pub repeats: Repeats,
    /// Documents without any text.
    pub n_empty: u64,
}

/// `GET /api/v1/corpora/{id}/statistics`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CorpusStatistics {
    /// Documents of each part.
    pub documents: SplitCounts,
    /// Those that somebody has judged.
    pub annotated: SplitCounts,
    /// Documents without any text.
    pub n_empty_texts: u64,
    /// Mean length, in words.
    pub words_per_document: f64,
    /// A label with fewer training documents counts as rare.
    pub rare_below: u64,
    /// By level, from 1.
    pub levels: Vec<LevelSupport>,
    /// Documents by their number of deepest labels.
    pub labels_per_document: Vec<Bar>,
    /// Documents by their length in words.
    pub lengths: Vec<Bar>,
    /// Deepest labels that occur together most often.
    pub pairs: Vec<LabelPair>,
    /// Every label of the taxonomy.
    pub labels: Vec<LabelSupport>,
}

/// A number for each part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SplitCounts {
    /// To train on.
    pub train: u64,
    /// To select by.
    pub validation: u64,
    /// To test on.
    pub test: u64,
}

/// What a level of the taxonomy is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LevelSupport {
    /// Counts from 1 below the root.
    pub level: u32,
    /// Its labels.
    pub n_labels: u64,
    /// Those that some document has.
    pub n_used: u64,
    /// Those that are rare in training.
    pub n_rare: u64,
    /// Documents with a label of it.
    pub n_documents: u64,
}

/// Documents of a class; without `to`, the class is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Bar {
    /// The least.
    pub from: u64,
    /// The most.
    pub to: Option<u64>,
    /// Documents in it.
    pub n_documents: u64,
}

/// Two labels that occur together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabelPair {
    /// Names of one path.
    pub a: Vec<String>,
    /// Names of the other.
    pub b: Vec<String>,
    /// Documents with both.
    pub n_documents: u64,
}

/// What a label is used for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabelSupport {
    /// Id of the label.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Id of its first parent.
    pub parent: Option<String>,
    /// Counts from 1 below the root.
    pub level: u32,
    /// Documents with it or a label below it.
    pub n_documents: u64,
    /// Documents with it and none below it.
    pub n_deepest: u64,
    /// `n_documents` by part.
    pub splits: SplitCounts,
}

/// `GET /api/v1/corpora/{id}/diff?from=ID`: what leads from another version to this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CorpusDiff {
    /// The other version.
    pub from: i64,
    /// This one.
    pub to: i64,
    /// Documents that came.
    pub n_added: u64,
    /// Documents that went.
    pub n_removed: u64,
    /// Documents whose text or metadata changed.
    pub n_text_changed: u64,
    /// Documents whose labels changed.
    pub n_labels_changed: u64,
    /// Documents that are the same.
    pub n_unchanged: u64,
    /// The first of those that came.
    pub added: Vec<DocumentExcerpt>,
    /// The first of those that went.
    pub removed: Vec<DocumentExcerpt>,
    /// The first of those whose text changed, as they are now.
    pub text_changed: Vec<DocumentExcerpt>,
    /// The first of those whose labels changed.
    pub labels_changed: Vec<ChangedDocument>,
    /// Labels with more or fewer documents, those that changed most first.
    pub labels: Vec<ChangedLabel>,
}

/// Enough of a document to know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DocumentExcerpt {
    /// Id of the document.
    pub id: i64,
    /// The row's own id, or the hash of its text.
    pub key: String,
    /// Beginning of the text.
    pub excerpt: String,
}

/// A document with other labels than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangedDocument {
    /// Which.
    pub document: DocumentExcerpt,
    /// Its labels.
    pub labels: DocumentChange,
}

/// Names of each label's path, as given; none = not annotated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DocumentChange {
    /// In the other version.
    pub before: Option<Vec<Vec<String>>>,
    /// In this one.
    pub after: Option<Vec<Vec<String>>>,
}

/// A label with more or fewer documents than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangedLabel {
    /// Id of the label.
    pub id: String,
    /// Its names.
    pub path: Vec<String>,
    /// Documents in the other version, closed upwards.
    pub before: u64,
    /// Documents in this one.
    pub after: u64,
}
