//! Documents that wait for a person since a taxonomy was published: what models propose, and what is decided.

use serde::{Deserialize, Serialize};

/// `POST /api/v1/corpora/{id}/reviews/decisions`: all of them, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct NewDecisions {
    /// One for each document; at most 1,000.
    pub decisions: Vec<NewDecision>,
}

/// What a document is to have; exactly one of `labels`, `add` and `accept` is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct NewDecision {
    /// Id of the document.
    pub document: i64,
    /// Ids of all labels that it has from now on; ancestors are added. Empty: judged, none applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// Ids of labels beside those that it has. Empty: it is right as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add: Option<Vec<String>>,
    /// The best label that is proposed for it, beside those that it has.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub accept: bool,
}

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReviewDecision {
    /// Id of the decision.
    pub id: i64,
    /// Id of the document.
    pub document: i64,
    /// The beginning of its text.
    #[serde(default)]
    pub excerpt: String,
    /// Ids of the labels as given.
    pub explicit: Vec<String>,
    /// The same with all ancestors.
    pub labels: Vec<String>,
    /// The run whose proposal was accepted; none where a person chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<i64>,
    /// Who decided.
    pub author: String,
    /// When.
    pub at: String,
}

/// Answer to decisions, and to taking some back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Decided {
    /// Those that were made, or taken back.
    pub decisions: Vec<ReviewDecision>,
    /// Documents that still wait.
    pub n_waiting: u64,
    /// Decisions that are in force.
    #[serde(default)]
    pub n_decided: u64,
}

/// `GET /api/v1/corpora/{id}/reviews/decisions?limit=&cursor=`: decisions in force, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DecisionPage {
    /// Newest first.
    pub decisions: Vec<ReviewDecision>,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}

/// `POST /api/v1/corpora/{id}/reviews/undo`: the documents wait again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct UndoDecisions {
    /// Ids of decisions in force; at most 1,000.
    pub decisions: Vec<i64>,
}

/// `POST /api/v1/corpora/{id}/reviews/proposals`; the body may be left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct NewProposals {
    /// Id of the run to ask; unless given, the one that knows most of the labels to choose from.
    pub run: Option<i64>,
}

/// `GET /api/v1/corpora/{id}/reviews/proposals?at_least=&limit=&cursor=`: what would be accepted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProposalPage {
    /// Documents that wait for which a label is proposed with that score or a higher one.
    pub n_documents: u64,
    /// In the order of the documents.
    pub proposals: Vec<BestProposal>,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}

/// The best label that is proposed for a document that waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BestProposal {
    /// Id of the document.
    pub document: i64,
    /// The beginning of its text.
    pub excerpt: String,
    /// The run that was asked.
    pub run: i64,
    /// Id of the label.
    pub label: String,
    /// Score by the run.
    pub score: f32,
}

/// What a model says about a document that waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReviewProposal {
    /// The run that was asked.
    pub run: i64,
    /// The labels to choose from that the run knows, the best first.
    pub labels: Vec<ProposedLabel>,
}

/// A label to choose from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProposedLabel {
    /// Id of the label.
    pub label: String,
    /// Score by the run.
    pub score: f32,
}
