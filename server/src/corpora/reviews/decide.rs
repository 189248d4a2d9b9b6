//! Deciding about documents that wait, and taking that back.
//!
//! A version never changes: a decision stands beside it, says who made it and of what, and is written into the next
//! version, whichever way that is made.

use std::collections::HashMap;

use arborist_shared::LabelIndex;
use arborist_shared::api::reviews::{
    Decided, DecisionPage, NewDecision, NewDecisions, ReviewDecision, ReviewProposal, UndoDecisions,
};
use arborist_shared::taxonomy::Taxonomy;
use rustc_hash::FxHashSet;
use sea_orm::{ConnectionTrait, DatabaseTransaction};

use super::super::store::decisions::{self, DecisionRow, NewDecisionRow};
use super::super::{CorpusRow, label_set, store};
use super::{counts, excerpts};
use crate::App;
use crate::db::{DbErr, rfc3339};
use crate::http::paging;
use crate::http::problem::{ApiError, Code};

/// Decisions that are sent at once.
const MAX_DECISIONS: usize = 1_000;

/// Who decides: the account, and the name that stays when the account is gone.
pub(crate) type Author<'a> = (Option<i64>, &'a str);

/// Makes decisions, all of them or none.
///
/// # Errors
/// `review_settled` for a document that does not wait, `corpus_superseded` where there is a newer version, `field_invalid`.
pub(crate) async fn decide(
    app: &App,
    corpus: &CorpusRow,
    taxonomy: &Taxonomy,
    new: NewDecisions,
    author: Author<'_>,
) -> Result<Decided, ApiError> {
    check_number(new.decisions.len())?;
    let documents: Vec<i64> = new.decisions.iter().map(|new| new.document).collect();
    let transaction = app.db.begin().await?;
    expect_newest(&transaction, corpus).await?;
    let waiting = store::waiting_among(&transaction, corpus.id, &documents).await?;
    let mut known = Known {
        waiting: waiting.into_iter().collect(),
        explicit: decisions::explicit_of(&transaction, corpus.id, &documents).await?,
        proposals: decisions::proposals(&transaction, corpus.id, &documents).await?,
    };
    let mut made = Vec::with_capacity(documents.len());
    for (position, new) in new.decisions.into_iter().enumerate() {
        let row = known.row(taxonomy, position, new)?;
        made.push(decisions::insert_decision(&transaction, corpus.id, row, author).await?);
    }
    let decided = answer(&transaction, corpus.id, taxonomy, made).await?;
    transaction.commit().await?;
    Ok(decided)
}

/// Takes decisions back, all of them or none; their documents wait again.
///
/// # Errors
/// `review_settled` where one of them is not in force, `corpus_superseded` where there is a newer version.
pub(crate) async fn undo(
    app: &App,
    corpus: &CorpusRow,
    taxonomy: &Taxonomy,
    ids: UndoDecisions,
    author: Author<'_>,
) -> Result<Decided, ApiError> {
    check_number(ids.decisions.len())?;
    let mut wanted = ids.decisions;
    wanted.sort_unstable();
    wanted.dedup();
    let transaction = app.db.begin().await?;
    expect_newest(&transaction, corpus).await?;
    let undone = decisions::undo_decisions(&transaction, corpus.id, &wanted, author.1).await?;
    if let Some(id) = wanted
        .iter()
        .find(|id| undone.iter().all(|row| row.id != **id))
    {
        let detail = format!("corpus {} has no decision {id} in force", corpus.id);
        return Err(ApiError::new(Code::ReviewSettled, detail));
    }
    let decided = answer(&transaction, corpus.id, taxonomy, undone).await?;
    transaction.commit().await?;
    Ok(decided)
}

/// Decisions that were made or taken back, and how the queue stands after that.
async fn answer(
    transaction: &DatabaseTransaction,
    corpus: i64,
    taxonomy: &Taxonomy,
    rows: Vec<DecisionRow>,
) -> Result<Decided, DbErr> {
    let (n_waiting, n_decided) = counts(transaction, corpus).await?;
    Ok(Decided {
        decisions: show(transaction, taxonomy, rows).await?,
        n_waiting,
        n_decided,
    })
}

/// Decisions in force, newest first.
pub(crate) async fn page(
    app: &App,
    corpus: i64,
    taxonomy: &Taxonomy,
    before: Option<i64>,
    limit: u64,
) -> Result<DecisionPage, DbErr> {
    let mut rows = decisions::decisions(app.db.read(), corpus, before, limit + 1).await?;
    let next = paging::cut(&mut rows, limit, |row| row.id);
    Ok(DecisionPage {
        decisions: show(app.db.read(), taxonomy, rows).await?,
        next,
    })
}

fn check_number(n: usize) -> Result<(), ApiError> {
    if (1..=MAX_DECISIONS).contains(&n) {
        return Ok(());
    }
    Err(ApiError::field(
        "/decisions",
        format!("found {n}, expected 1 to {MAX_DECISIONS}"),
    ))
}

/// What is decided about an earlier version would never be written anywhere.
async fn expect_newest(
    transaction: &DatabaseTransaction,
    corpus: &CorpusRow,
) -> Result<(), ApiError> {
    let newest = store::newest(transaction, corpus.project_id).await?;
    match newest.filter(|newest| newest.id != corpus.id) {
        None => Ok(()),
        Some(newest) => Err(ApiError::new(
            Code::CorpusSuperseded,
            format!(
                "found corpus {}, expected the newest one of the project, which is {}",
                corpus.id, newest.id
            ),
        )),
    }
}

/// What is known of the documents that are decided about.
struct Known {
    waiting: FxHashSet<i64>,
    explicit: HashMap<i64, Option<Vec<u8>>>,
    proposals: HashMap<i64, ReviewProposal>,
}

impl Known {
    /// The row of a decision; the document waits no more.
    fn row(
        &mut self,
        taxonomy: &Taxonomy,
        position: usize,
        new: NewDecision,
    ) -> Result<NewDecisionRow, ApiError> {
        let document = new.document;
        let field = |name: &str| format!("/decisions/{position}/{name}");
        if !self.waiting.remove(&document) {
            let detail = format!("document {document} does not wait for a decision");
            let error = ApiError::new(Code::ReviewSettled, detail.clone());
            return Err(error.with_error(&field("document"), detail));
        }
        let resolve = |name: &str, ids: &[String]| -> Result<Vec<LabelIndex>, ApiError> {
            let label = |id: &String| {
                taxonomy.index_of(id).ok_or_else(|| {
                    ApiError::field(&field(name), format!("there is no label `{id}`"))
                })
            };
            ids.iter().map(label).collect()
        };
        let (added, run) = match (new.labels, new.add, new.accept) {
            (Some(labels), None, false) => {
                let explicit = sorted(resolve("labels", &labels)?);
                return Ok(NewDecisionRow {
                    document,
                    explicit: label_set::encode(&explicit),
                    run: None,
                });
            }
            (None, Some(add), false) => (resolve("add", &add)?, None),
            (None, None, true) => {
                let proposal = self.proposals.get(&document);
                let best =
                    proposal.and_then(|proposal| Some((proposal.labels.first()?, proposal.run)));
                let (best, run) = best.ok_or_else(|| {
                    let message = format!("nothing is proposed for document {document}");
                    ApiError::field(&field("accept"), message)
                })?;
                (
                    resolve("accept", std::slice::from_ref(&best.label))?,
                    Some(run),
                )
            }
            _ => {
                let found = "expected exactly one of `labels`, `add` and `accept`";
                return Err(ApiError::field(&format!("/decisions/{position}"), found));
            }
        };
        let explicit = self.explicit.get(&document).cloned().flatten();
        let Some(explicit) = explicit.as_deref().map(label_set::decode).or_else(|| {
            // Without any label that is left nothing is known.
            (!added.is_empty()).then(Vec::new)
        }) else {
            let message =
                format!("nothing is known of document {document}; say which `labels` it has");
            return Err(ApiError::field(&field("add"), message));
        };
        // Labels above a chosen one are implied; publishing left them where it could say no more.
        let implied = taxonomy.close(&added);
        let mut all: Vec<LabelIndex> = explicit;
        all.retain(|label| implied.binary_search(label).is_err());
        all.extend(added);
        Ok(NewDecisionRow {
            document,
            explicit: label_set::encode(&sorted(all)),
            run,
        })
    }
}

fn sorted(mut labels: Vec<LabelIndex>) -> Vec<LabelIndex> {
    labels.sort_unstable();
    labels.dedup();
    labels
}

async fn show(
    db: &impl ConnectionTrait,
    taxonomy: &Taxonomy,
    rows: Vec<DecisionRow>,
) -> Result<Vec<ReviewDecision>, DbErr> {
    let documents: Vec<i64> = rows.iter().map(|row| row.document).collect();
    let mut texts = excerpts(db, &documents).await?;
    let ids = |labels: &[LabelIndex]| {
        let ids = labels.iter().map(|&label| taxonomy.id(label).to_owned());
        ids.collect::<Vec<_>>()
    };
    let shown = rows.into_iter().map(|row| {
        let explicit = label_set::decode(&row.explicit);
        ReviewDecision {
            id: row.id,
            document: row.document,
            excerpt: texts.remove(&row.document).unwrap_or_default(),
            labels: ids(&taxonomy.close(&explicit)),
            explicit: ids(&explicit),
            run: row.run,
            author: row.author,
            at: rfc3339(row.at),
        }
    });
    Ok(shown.collect())
}
