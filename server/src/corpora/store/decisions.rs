//! The queries for decisions about documents that waited, and for what models propose.

use std::collections::HashMap;

use arborist_shared::api::reviews::{ProposedLabel, ReviewProposal};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, Query, SelectStatement};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select, Value,
};

use super::KEYS;
use crate::db::bulk::BulkInsert;
use crate::db::entity::corpora::corpus_document;
use crate::db::entity::reviews::{review_decision, review_proposal};
use crate::db::{DbErr, Timestamp, now};

/// A decision in force.
#[derive(Clone, Debug)]
pub(in crate::corpora) struct DecisionRow {
    pub(in crate::corpora) id: i64,
    pub(in crate::corpora) document: i64,
    pub(in crate::corpora) explicit: Vec<u8>,
    pub(in crate::corpora) run: Option<i64>,
    pub(in crate::corpora) author: String,
    pub(in crate::corpora) at: Timestamp,
}

impl From<review_decision::Model> for DecisionRow {
    fn from(row: review_decision::Model) -> Self {
        Self {
            id: row.id,
            document: row.document_id,
            explicit: row.explicit,
            run: row.run_id,
            author: row.author,
            at: row.created_at,
        }
    }
}

/// A decision that is about to be made.
#[derive(Clone, Debug)]
pub(in crate::corpora) struct NewDecisionRow {
    pub(in crate::corpora) document: i64,
    pub(in crate::corpora) explicit: Vec<u8>,
    pub(in crate::corpora) run: Option<i64>,
}

/// Documents that are decided, for a filter.
pub(super) fn decided(corpus: i64) -> SelectStatement {
    Query::select()
        .column(review_decision::Column::DocumentId)
        .from(review_decision::Entity)
        .and_where(review_decision::Column::CorpusId.eq(corpus))
        .and_where(review_decision::Column::UndoneAt.is_null())
        .take()
}

pub(in crate::corpora) async fn insert_decision(
    transaction: &DatabaseTransaction,
    corpus: i64,
    new: NewDecisionRow,
    (user, author): (Option<i64>, &str),
) -> Result<DecisionRow, DbErr> {
    let row = review_decision::ActiveModel {
        id: NotSet,
        corpus_id: Set(corpus),
        document_id: Set(new.document),
        explicit: Set(new.explicit),
        run_id: Set(new.run),
        created_by: Set(user),
        author: Set(author.to_owned()),
        created_at: Set(now()),
        undone_by: Set(None),
        undone_at: Set(None),
    };
    Ok(row.insert(transaction).await?.into())
}

/// Decisions in force, newest first, before one.
pub(in crate::corpora) async fn decisions(
    db: &impl ConnectionTrait,
    corpus: i64,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<DecisionRow>, DbErr> {
    let mut query = in_force(corpus)
        .order_by_desc(review_decision::Column::Id)
        .limit(limit);
    if let Some(before) = before {
        query = query.filter(review_decision::COLUMN.id.lt(before));
    }
    let rows = query.all(db).await?;
    Ok(rows.into_iter().map(DecisionRow::from).collect())
}

/// What was decided about documents between two ids, as label sets as given.
pub(in crate::corpora) async fn decided_between(
    db: &impl ConnectionTrait,
    corpus: i64,
    (first, last): (i64, i64),
) -> Result<HashMap<i64, Vec<u8>>, DbErr> {
    let rows: Vec<(i64, Vec<u8>)> = review_decision::Entity::find()
        .select_only()
        .column(review_decision::Column::DocumentId)
        .column(review_decision::Column::Explicit)
        .filter(review_decision::COLUMN.corpus_id.eq(corpus))
        .filter(review_decision::COLUMN.document_id.between(first, last))
        .filter(review_decision::Column::UndoneAt.is_null())
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().collect())
}

/// Takes decisions in force back; answers those that were.
pub(in crate::corpora) async fn undo_decisions(
    transaction: &DatabaseTransaction,
    corpus: i64,
    ids: &[i64],
    author: &str,
) -> Result<Vec<DecisionRow>, DbErr> {
    let mut undone = Vec::with_capacity(ids.len());
    for ids in ids.chunks(KEYS) {
        let in_force = || {
            sea_orm::Condition::all()
                .add(review_decision::COLUMN.corpus_id.eq(corpus))
                .add(review_decision::COLUMN.id.is_in(ids.iter().copied()))
                .add(review_decision::Column::UndoneAt.is_null())
        };
        let rows = review_decision::Entity::find()
            .filter(in_force())
            .all(transaction)
            .await?;
        review_decision::Entity::update_many()
            .col_expr(review_decision::Column::UndoneBy, Expr::value(author))
            .col_expr(review_decision::Column::UndoneAt, Expr::value(now()))
            .filter(in_force())
            .exec(transaction)
            .await?;
        undone.extend(rows.into_iter().map(DecisionRow::from));
    }
    Ok(undone)
}

/// Forgets what was proposed for a version.
pub(in crate::corpora) async fn forget_proposals(
    db: &impl ConnectionTrait,
    corpus: i64,
) -> Result<(), DbErr> {
    review_proposal::Entity::delete_many()
        .filter(review_proposal::COLUMN.corpus_id.eq(corpus))
        .exec(db)
        .await?;
    Ok(())
}

/// Adds what a run proposes, by document.
pub(in crate::corpora) async fn insert_proposals(
    transaction: &DatabaseTransaction,
    corpus: i64,
    run: i64,
    proposals: &[(i64, Vec<ProposedLabel>)],
) -> Result<(), DbErr> {
    let columns = &["corpus_id", "document_id", "run_id", "labels", "score"];
    let backend = transaction.get_database_backend();
    let bulk = BulkInsert::new(backend, "review_proposal", columns, true);
    let values = proposals.iter().flat_map(|(document, labels)| {
        let best: Option<f32> = labels.first().map(|best| best.score);
        let labels: Value = serde_json::json!(labels).into();
        [
            corpus.into(),
            (*document).into(),
            run.into(),
            labels,
            best.into(),
        ]
    });
    bulk.insert(transaction, values.collect()).await
}

/// What is proposed for documents, by document.
pub(in crate::corpora) async fn proposals(
    db: &impl ConnectionTrait,
    corpus: i64,
    documents: &[i64],
) -> Result<HashMap<i64, ReviewProposal>, DbErr> {
    let mut found = HashMap::with_capacity(documents.len());
    for documents in documents.chunks(KEYS) {
        let rows = review_proposal::Entity::find()
            .filter(review_proposal::COLUMN.corpus_id.eq(corpus))
            .filter(
                review_proposal::COLUMN
                    .document_id
                    .is_in(documents.iter().copied()),
            )
            .all(db)
            .await?;
        found.extend(rows.into_iter().map(proposal));
    }
    Ok(found)
}

fn proposal(row: review_proposal::Model) -> (i64, ReviewProposal) {
    let proposal = ReviewProposal {
        run: row.run_id,
        // Written by us; should it ever not be readable, nothing is proposed.
        labels: serde_json::from_value(row.labels).unwrap_or_default(),
    };
    (row.document_id, proposal)
}

/// Proposals for documents that wait whose best label has at least this score.
fn sure(corpus: i64, at_least: f32) -> Select<review_proposal::Entity> {
    review_proposal::Entity::find()
        .filter(review_proposal::COLUMN.corpus_id.eq(corpus))
        .filter(review_proposal::Column::Score.gte(at_least))
        .filter(review_proposal::Column::DocumentId.not_in_subquery(decided(corpus)))
}

/// How many there are.
pub(in crate::corpora) async fn count_sure(
    db: &impl ConnectionTrait,
    corpus: i64,
    at_least: f32,
) -> Result<u64, DbErr> {
    sure(corpus, at_least).count(db).await
}

/// Those of documents after one, in their order.
pub(in crate::corpora) async fn sure_after(
    db: &impl ConnectionTrait,
    corpus: i64,
    at_least: f32,
    after: i64,
    limit: u64,
) -> Result<Vec<(i64, ReviewProposal)>, DbErr> {
    let rows = sure(corpus, at_least)
        .filter(review_proposal::COLUMN.document_id.gt(after))
        .order_by_asc(review_proposal::Column::DocumentId)
        .limit(limit)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(proposal).collect())
}

/// Label sets as given, of some documents of a version.
pub(in crate::corpora) async fn explicit_of(
    db: &impl ConnectionTrait,
    corpus: i64,
    documents: &[i64],
) -> Result<HashMap<i64, Option<Vec<u8>>>, DbErr> {
    let mut found = HashMap::with_capacity(documents.len());
    for documents in documents.chunks(KEYS) {
        let rows: Vec<(i64, Option<Vec<u8>>)> = corpus_document::Entity::find()
            .select_only()
            .column(corpus_document::Column::DocumentId)
            .column(corpus_document::Column::Explicit)
            .filter(corpus_document::COLUMN.corpus_id.eq(corpus))
            .filter(
                corpus_document::COLUMN
                    .document_id
                    .is_in(documents.iter().copied()),
            )
            .into_tuple()
            .all(db)
            .await?;
        found.extend(rows);
    }
    Ok(found)
}

fn in_force(corpus: i64) -> Select<review_decision::Entity> {
    review_decision::Entity::find()
        .filter(review_decision::COLUMN.corpus_id.eq(corpus))
        .filter(review_decision::Column::UndoneAt.is_null())
}

/// How many decisions are in force.
pub(in crate::corpora) async fn count(
    db: &impl ConnectionTrait,
    corpus: i64,
) -> Result<u64, DbErr> {
    in_force(corpus).count(db).await
}

/// How many decisions are in force, and the newest one; none where there is none.
pub(in crate::corpora) async fn last(
    db: &impl ConnectionTrait,
    corpus: i64,
) -> Result<Option<(u64, i64)>, DbErr> {
    let n = count(db, corpus).await?;
    let newest = in_force(corpus)
        .order_by_desc(review_decision::Column::Id)
        .one(db)
        .await?;
    Ok(newest.map(|newest| (n, newest.id)))
}
