//! Drafts: edits of a taxonomy that several people collect, see and publish together.

use serde::{Deserialize, Serialize};

use crate::api::reviews::ReviewProposal;
use crate::edits::{Edit, EditImpact, LabelChange, ReviewReason};
use crate::taxonomy::{LabelDetails, Problem};

/// `POST /api/v1/taxonomies/{id}/drafts`; the body may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct NewDraft {
    /// What the draft is about, for people; it becomes the name of the version.
    pub name: String,
}

/// Where a draft stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DraftState {
    /// Takes edits.
    Open,
    /// Its job makes a version of it; takes no edits until that has ended.
    Publishing,
    /// Became a version.
    Published,
    /// Was given up.
    Discarded,
}

/// A draft; `GET /api/v1/taxonomies/{id}/drafts?limit=&cursor=` → `{"drafts":[…],"next"}`, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Draft {
    /// Id of the draft.
    pub id: i64,
    /// Project it belongs to.
    pub project: i64,
    /// Taxonomy version that it changes.
    pub taxonomy: i64,
    /// What it is about.
    pub name: String,
    /// Where it stands.
    pub state: DraftState,
    /// Counts what was done to it; also its `ETag`. Every entry has the revision that it led to.
    pub revision: i64,
    /// Who began it.
    pub author: String,
    /// When it was begun.
    pub created_at: String,
    /// When it was last edited.
    pub updated_at: String,
    /// The job that publishes or published it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<i64>,
    /// The version that it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<i64>,
    /// Who watches its events now, each name once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<String>,
}

/// `{"draft":{…}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DraftAnswer {
    /// The draft.
    pub draft: Draft,
}

/// Drafts of a taxonomy version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DraftList {
    /// Newest first.
    pub drafts: Vec<Draft>,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}

/// `POST /api/v1/drafts/{id}/edits`. All edits are done, in their order, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewEdits {
    /// The revision that the caller has seen; another one in the meantime is `409 draft_stale`, with what changed.
    /// `If-Match` says the same. Without either the edits are done on whatever is there.
    #[serde(default)]
    pub revision: Option<i64>,
    /// What to do.
    pub edits: Vec<Edit>,
}

/// `POST /api/v1/drafts/{id}/undo` and `…/redo`; the body may be left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Turn {
    /// As for edits.
    pub revision: Option<i64>,
    /// Revision of the edit to undo or redo; unless given, the caller's own last one. Others' edits can be undone by
    /// naming them.
    pub edit: Option<i64>,
}

/// What was done to a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// An edit.
    Edit,
    /// An edit was undone.
    Undo,
    /// An edit that was undone was done again.
    Redo,
}

/// A line of a draft's history, which is only ever added to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DraftEntry {
    /// The revision that it led to.
    pub revision: i64,
    /// What was done.
    pub kind: EntryKind,
    /// The edit that was done, undone or redone.
    pub edit: Edit,
    /// Revision of the entry that brought the edit; its own for an edit.
    pub of: i64,
    /// Who did it.
    pub author: String,
    /// When.
    pub at: String,
}

/// `GET /api/v1/drafts/{id}/edits?after=&limit=&cursor=`: what was done after a revision, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DraftHistory {
    /// Oldest first.
    pub entries: Vec<DraftEntry>,
    /// Revisions of the edits that are in force, in the order in which they are done; on the first page only.
    pub in_force: Vec<i64>,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}

/// Answer to edits, undoing and redoing: the draft, and the entries that were added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DraftEdited {
    /// The draft now.
    pub draft: Draft,
    /// What was added to its history.
    pub entries: Vec<DraftEntry>,
}

/// What others did to a draft since the revision that a caller has seen; part of `409 draft_stale`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Meanwhile {
    /// The revision now.
    pub revision: i64,
    /// What led to it, oldest first; the first 1,000.
    pub entries: Vec<DraftEntry>,
}

/// What a draft did to a label, compared with the version that it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LabelMark {
    /// It is new.
    Added,
    /// It has another name.
    Renamed,
    /// It has other parents.
    Moved,
    /// Labels were merged into it.
    Merged,
    /// It was split and stays above its parts.
    Split,
    /// It was deprecated, reinstated, or got another replacement.
    Deprecated,
    /// More, less or other things are known of it.
    Described,
}

/// A label of a draft; `GET /api/v1/drafts/{id}/labels?search=&parent=&limit=&cursor=`, as the labels of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DraftLabel {
    /// Id of the label.
    pub id: String,
    /// Name of the label.
    pub name: String,
    /// Names from below the root to this label, along primary parents.
    pub path: Vec<String>,
    /// Ids of the parents, the primary one first; empty below the root.
    pub parents: Vec<String>,
    /// Level; 1 = below the root.
    pub level: u32,
    /// Number of children over all edges.
    pub n_children: u64,
    /// Documents with this label or one below it in the newest corpus of the version; 0 for a new label.
    pub n_documents: u64,
    /// Whether it should not be used any more.
    pub deprecated: bool,
    /// Id of the label to use instead of a deprecated one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<String>,
    /// What the draft did to it.
    pub marks: Vec<LabelMark>,
    /// Problems that name it.
    pub n_problems: u64,
}

/// A page of a draft's labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DraftLabelPage {
    /// Revision of the draft that the page shows.
    pub revision: i64,
    /// In taxonomy order; what a search finds, best first.
    pub labels: Vec<DraftLabel>,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}

/// Everything about one label of a draft or of a version: `GET /api/v1/drafts/{id}/label?id=`,
/// `GET /api/v1/taxonomies/{id}/label?id=`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabelCard {
    /// Its row; a version's has no marks.
    pub label: DraftLabel,
    /// What else is known of it.
    pub details: LabelDetails,
    /// Names along every way from the root to it, the primary one first; 100 at most.
    pub paths: Vec<Vec<String>>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

/// `GET /api/v1/drafts/{id}/problems?limit=&cursor=`: what is wrong with the draft as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DraftProblems {
    /// Revision of the draft that was looked at.
    pub revision: i64,
    /// How many there are.
    pub n_problems: u64,
    /// How many of them the version has already that the draft changes.
    pub n_earlier: u64,
    /// The page.
    pub problems: Vec<Problem>,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}

/// What an edit in force does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImpactOfEdit {
    /// Revision of the entry that brought it.
    pub revision: i64,
    /// The edit.
    pub edit: Edit,
    /// What it touches.
    #[serde(flatten)]
    pub impact: EditImpact,
}

/// `GET /api/v1/drafts/{id}/impact`: per edit the documents, annotations and runs that it touches, and the rule.
///
/// Documents are those of the newest corpus of the version that the draft changes. Annotations are their judged label
/// sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DraftImpact {
    /// Revision of the draft that was looked at.
    pub revision: i64,
    /// The corpus that would be migrated; none when the version has none.
    pub corpus: Option<i64>,
    /// Documents that any edit touches, each once.
    pub n_documents: u64,
    /// Documents that a person would look at, each once.
    pub n_review: u64,
    /// Runs that know an edited label, each once.
    pub n_runs: u64,
    /// In the order in which they are done.
    pub edits: Vec<ImpactOfEdit>,
    /// What a version made of the draft would differ in.
    pub changes: Vec<ReadableChange>,
}

/// A difference between two versions, for programs and for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReadableChange {
    /// The difference.
    #[serde(flatten)]
    pub change: LabelChange,
    /// It as a sentence.
    pub sentence: String,
}

impl From<LabelChange> for ReadableChange {
    fn from(change: LabelChange) -> Self {
        Self {
            sentence: change.to_string(),
            change,
        }
    }
}

/// `GET /api/v1/taxonomies/{id}/diff?from=&limit=&cursor=`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaxonomyDiffPage {
    /// The older version; none for the first one of a project.
    pub from: Option<i64>,
    /// How many differences there are.
    pub n_changes: u64,
    /// The page: what is gone first, then in the order of the newer version.
    pub changes: Vec<ReadableChange>,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}

/// `POST /api/v1/drafts/{id}/publish`; the body may be left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Publish {
    /// As for edits: nobody publishes what they have not seen.
    pub revision: Option<i64>,
}

/// `POST /api/v1/taxonomies/{id}/undo`; the body may be left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct UndoTaxonomy {
    /// Id of the version whose content to go back to; unless given, the one that this came out of.
    pub to: Option<i64>,
}

/// `POST /api/v1/drafts/{id}/rebase`: a draft of the newest version with what could be done there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rebased {
    /// The draft that was made; the earlier one stays.
    pub draft: Draft,
    /// Edits that cannot be done any more.
    pub refused: Vec<RefusedEdit>,
}

/// An edit that cannot be done on a newer version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RefusedEdit {
    /// Revision of the entry that brought it, in the earlier draft.
    pub revision: i64,
    /// The edit.
    pub edit: Edit,
    /// What is wrong with it there.
    pub message: String,
}

/// How a version came out of another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Publication {
    /// The version that was made.
    pub taxonomy: i64,
    /// The version before.
    pub base: i64,
    /// The draft that was published; none when the version before was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<i64>,
    /// The version whose content this one has again, where the version before was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restores: Option<i64>,
    /// The corpus version that was made along; none when there was none to migrate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corpus: Option<i64>,
    /// The corpus version that it was made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_corpus: Option<i64>,
    /// Documents whose labels are others, by id, or that began to wait for a person.
    pub n_migrated: u64,
    /// Documents that wait for a person, with those that waited before.
    pub n_review: u64,
    /// How many differences there are.
    pub n_changes: u64,
    /// Who published or took back.
    pub author: String,
    /// When.
    pub at: String,
}

/// `GET /api/v1/taxonomies/{id}/publication`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PublicationAnswer {
    /// None when the version came out of a file.
    pub publication: Option<Publication>,
}

/// A document that waits for a person since a taxonomy was published;
/// `GET /api/v1/corpora/{id}/reviews?limit=&cursor=`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReviewRow {
    /// Id of the document.
    pub document: i64,
    /// Its key.
    pub key: String,
    /// The beginning of its text.
    pub excerpt: String,
    /// Why it waits.
    pub reasons: Vec<ReviewCause>,
    /// What a model says, where one was asked that knows any of the labels to choose from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<ReviewProposal>,
}

/// A label that is gone or was split, with what a person has to decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReviewCause {
    /// Id of the label.
    pub label: String,
    /// Its path then.
    pub path: Vec<String>,
    /// What became of it.
    pub reason: ReviewReason,
    /// Ids of labels from which to choose first.
    pub candidates: Vec<String>,
}

/// A page of the review queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReviewPage {
    /// How many documents wait.
    pub n_documents: u64,
    /// How many are decided, and not yet part of a version.
    #[serde(default)]
    pub n_decided: u64,
    /// In the order of the documents.
    pub reviews: Vec<ReviewRow>,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}
