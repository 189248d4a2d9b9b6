//! Documents that wait for a person: what is proposed for them, what is decided, and the version with that.

use arborist_shared::api::drafts::{ReviewPage, ReviewRow};
use arborist_shared::api::jobs::Accepted;
use arborist_shared::api::reviews::{
    Decided, DecisionPage, NewDecision, NewDecisions, NewProposals, ProposalPage, UndoDecisions,
};

use super::{Answer, get, post};

/// Most decisions of one request.
pub const MOST_DECISIONS: usize = 1_000;

pub async fn reviews(corpus: i64, limit: u32, cursor: Option<String>) -> Answer<ReviewPage> {
    let cursor = cursor.unwrap_or_default();
    let pairs = [("limit", limit.to_string()), ("cursor", cursor)];
    get(&format!("/corpora/{corpus}/reviews"), &pairs).await
}

/// One document, if it waits.
pub async fn review(corpus: i64, document: i64) -> Answer<Option<ReviewRow>> {
    let pairs = [("document", document.to_string())];
    let page: ReviewPage = get(&format!("/corpora/{corpus}/reviews"), &pairs).await?;
    Ok(page.reviews.into_iter().next())
}

/// Decisions in force, newest first.
pub async fn decisions(corpus: i64, limit: u32, cursor: Option<String>) -> Answer<DecisionPage> {
    let cursor = cursor.unwrap_or_default();
    let pairs = [("limit", limit.to_string()), ("cursor", cursor)];
    get(&format!("/corpora/{corpus}/reviews/decisions"), &pairs).await
}

pub async fn decide(corpus: i64, decisions: Vec<NewDecision>) -> Answer<Decided> {
    let path = format!("/corpora/{corpus}/reviews/decisions");
    post(&path, &[], &NewDecisions { decisions }).await
}

pub async fn undo_decisions(corpus: i64, decisions: Vec<i64>) -> Answer<Decided> {
    let path = format!("/corpora/{corpus}/reviews/undo");
    post(&path, &[], &UndoDecisions { decisions }).await
}

/// What would be accepted, where the best label has at least this score.
pub async fn proposals(corpus: i64, at_least: f64, limit: u32) -> Answer<ProposalPage> {
    let pairs = [
        ("at_least", at_least.to_string()),
        ("limit", limit.to_string()),
    ];
    get(&format!("/corpora/{corpus}/reviews/proposals"), &pairs).await
}

/// Asks a run, or the one that knows most.
pub async fn propose(corpus: i64, run: Option<i64>) -> Answer<Accepted> {
    let path = format!("/corpora/{corpus}/reviews/proposals");
    post(&path, &[], &NewProposals { run }).await
}

/// Makes a version with what was decided.
pub async fn apply_reviews(corpus: i64) -> Answer<Accepted> {
    let nothing = serde_json::Map::new();
    post(&format!("/corpora/{corpus}/reviews/apply"), &[], &nothing).await
}
