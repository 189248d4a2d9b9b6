//! Documents that wait for a person since a taxonomy was published: who they are, and what is decided about them.

pub(crate) mod decide;

use std::collections::HashMap;

use arborist_shared::api::drafts::{ReviewCause, ReviewPage, ReviewRow};
use arborist_shared::api::reviews::{BestProposal, ProposalPage, ProposedLabel};
use sea_orm::ConnectionTrait;

use super::store::{self, decisions};
use crate::App;
use crate::db::DbErr;
use crate::http::paging;

/// Characters of a text that are shown.
const EXCERPT: usize = 280;

/// Which of them are asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which {
    /// Those after a document, at most so many.
    After(i64, u64),
    /// One document, if it waits.
    One(i64),
}

/// A page of them.
pub(crate) async fn page(app: &App, corpus: i64, which: Which) -> Result<ReviewPage, DbErr> {
    let db = app.db.read();
    let (waiting, next) = match which {
        Which::One(document) => (store::waiting_among(db, corpus, &[document]).await?, None),
        Which::After(after, limit) => {
            let mut waiting = store::reviewed(db, corpus, after, limit + 1).await?;
            let next = paging::cut(&mut waiting, limit, |&document| document);
            (waiting, next)
        }
    };
    let (n_documents, n_decided) = counts(db, corpus).await?;
    let (Some(&first), Some(&last)) = (waiting.first(), waiting.last()) else {
        return Ok(ReviewPage {
            n_documents,
            n_decided,
            reviews: Vec::new(),
            next: None,
        });
    };
    let mut proposals = decisions::proposals(db, corpus, &waiting).await?;
    let texts = store::excerpts(db, &waiting, EXCERPT as i64).await?;
    let mut rows: Vec<ReviewRow> = texts
        .into_iter()
        .map(|(document, key, excerpt)| ReviewRow {
            document,
            key,
            excerpt,
            reasons: Vec::new(),
            proposal: proposals.remove(&document),
        })
        .collect();
    for record in store::reviews_between(db, corpus, (first, last)).await? {
        let at = rows.binary_search_by_key(&record.document, |row| row.document);
        if let Some(row) = at.ok().and_then(|at| rows.get_mut(at)) {
            row.reasons.push(ReviewCause {
                label: record.label,
                path: record.path,
                reason: record.reason,
                candidates: record.candidates,
            });
        }
    }
    Ok(ReviewPage {
        n_documents,
        n_decided,
        reviews: rows,
        next,
    })
}

/// How many documents wait, and how many are decided.
async fn counts(db: &impl ConnectionTrait, corpus: i64) -> Result<(u64, u64), DbErr> {
    let n_waiting = store::count_reviewed(db, corpus).await?;
    Ok((n_waiting, decisions::count(db, corpus).await?))
}

/// A page of what would be accepted: documents after one whose best label has at least this score.
pub(crate) async fn sure(
    app: &App,
    corpus: i64,
    at_least: f32,
    after: i64,
    limit: u64,
) -> Result<ProposalPage, DbErr> {
    let db = app.db.read();
    let mut rows = decisions::sure_after(db, corpus, at_least, after, limit + 1).await?;
    let next = paging::cut(&mut rows, limit, |(document, _)| *document);
    let ids: Vec<i64> = rows.iter().map(|(document, _)| *document).collect();
    let mut texts = excerpts(db, &ids).await?;
    let proposals = rows.into_iter().filter_map(|(document, proposal)| {
        let best = proposal.labels.into_iter().next()?;
        Some(BestProposal {
            document,
            excerpt: texts.remove(&document).unwrap_or_default(),
            run: proposal.run,
            label: best.label,
            score: best.score,
        })
    });
    Ok(ProposalPage {
        n_documents: decisions::count_sure(db, corpus, at_least).await?,
        proposals: proposals.collect(),
        next,
    })
}

/// Beginnings of texts by document.
async fn excerpts(
    db: &impl ConnectionTrait,
    documents: &[i64],
) -> Result<HashMap<i64, String>, DbErr> {
    let texts = store::excerpts(db, documents, EXCERPT as i64).await?;
    let texts = texts
        .into_iter()
        .map(|(document, _, excerpt)| (document, excerpt));
    Ok(texts.collect())
}

/// A document that waits, for a model to look at.
pub(crate) struct Waiting {
    pub(crate) document: i64,
    pub(crate) text: String,
    /// Ids of labels to choose from, each once.
    pub(crate) candidates: Vec<String>,
}

/// Documents that wait, after one, with their texts.
pub(crate) async fn waiting(
    app: &App,
    corpus: i64,
    after: i64,
    limit: u64,
) -> Result<Vec<Waiting>, DbErr> {
    let db = app.db.read();
    let ids = store::reviewed(db, corpus, after, limit).await?;
    let (Some(&first), Some(&last)) = (ids.first(), ids.last()) else {
        return Ok(Vec::new());
    };
    let texts = store::excerpts(db, &ids, i64::from(i32::MAX)).await?;
    let mut found: Vec<Waiting> = texts
        .into_iter()
        .map(|(document, _, text)| Waiting {
            document,
            text,
            candidates: Vec::new(),
        })
        .collect();
    for record in store::reviews_between(db, corpus, (first, last)).await? {
        let at = found.binary_search_by_key(&record.document, |waiting| waiting.document);
        if let Some(waiting) = at.ok().and_then(|at| found.get_mut(at)) {
            let known = &mut waiting.candidates;
            for id in record.candidates {
                if !known.contains(&id) {
                    known.push(id);
                }
            }
        }
    }
    Ok(found)
}

/// Documents that wait, after one, with the ids of labels to choose from: each once for each reason.
pub(crate) async fn causes(
    app: &App,
    corpus: i64,
    after: i64,
    limit: u64,
) -> Result<Vec<(i64, Vec<String>)>, DbErr> {
    let db = app.db.read();
    let ids = store::reviewed(db, corpus, after, limit).await?;
    let (Some(&first), Some(&last)) = (ids.first(), ids.last()) else {
        return Ok(Vec::new());
    };
    let records = store::reviews_between(db, corpus, (first, last)).await?;
    let waiting = records
        .into_iter()
        .filter(|record| ids.binary_search(&record.document).is_ok());
    Ok(waiting
        .map(|record| (record.document, record.candidates))
        .collect())
}

/// How many documents wait.
pub(crate) async fn count(app: &App, corpus: i64) -> Result<u64, DbErr> {
    store::count_reviewed(app.db.read(), corpus).await
}

/// Forgets what was proposed for a version.
pub(crate) async fn forget_proposals(app: &App, corpus: i64) -> Result<(), DbErr> {
    decisions::forget_proposals(app.db.write(), corpus).await
}

/// Keeps what a run proposes, by document.
pub(crate) async fn propose(
    app: &App,
    corpus: i64,
    run: i64,
    proposals: &[(i64, Vec<ProposedLabel>)],
) -> Result<(), DbErr> {
    let transaction = app.db.begin().await?;
    decisions::insert_proposals(&transaction, corpus, run, proposals).await?;
    transaction.commit().await
}

/// Decisions in force about a version: how many there are, and the newest one; none where there is none.
pub(crate) async fn last_decision(app: &App, corpus: i64) -> Result<Option<(u64, i64)>, DbErr> {
    last_decision_in(app.db.read(), corpus).await
}

/// The same, within a transaction.
pub(crate) async fn last_decision_in(
    db: &impl ConnectionTrait,
    corpus: i64,
) -> Result<Option<(u64, i64)>, DbErr> {
    decisions::last(db, corpus).await
}
