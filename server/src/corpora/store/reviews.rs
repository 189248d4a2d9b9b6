//! The queries for documents that wait for a person.

use arborist_shared::edits::ReviewReason;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Value,
};

use super::KEYS;
use super::decisions::decided;
use crate::db::bulk::BulkInsert;
use crate::db::entity::drafts::review;
use crate::db::{DbErr, kinds};

/// Why a document waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::corpora) struct ReviewRecord {
    pub(in crate::corpora) document: i64,
    /// Id of the label that is gone or was split.
    pub(in crate::corpora) label: String,
    pub(in crate::corpora) reason: ReviewReason,
    /// Names of the label and those above it, then.
    pub(in crate::corpora) path: Vec<String>,
    /// Ids of labels from which to choose first.
    pub(in crate::corpora) candidates: Vec<String>,
}

impl From<review::Model> for ReviewRecord {
    fn from(row: review::Model) -> Self {
        Self {
            document: row.document_id,
            label: row.label,
            reason: row.reason.into(),
            // Written by us; should they ever not be readable, the document still waits.
            path: serde_json::from_value(row.path).unwrap_or_default(),
            candidates: serde_json::from_value(row.candidates).unwrap_or_default(),
        }
    }
}

/// A row as its values, for [`insert`].
pub(in crate::corpora) fn review_values(corpus: i64, record: &ReviewRecord) -> [Value; 6] {
    [
        corpus.into(),
        record.document.into(),
        record.label.as_str().into(),
        kinds::ReviewReason::from(record.reason).into(),
        serde_json::json!(record.path).into(),
        serde_json::json!(record.candidates).into(),
    ]
}

/// Adds rows, given as their values one after the other; an attempt after an interruption may repeat some.
pub(super) async fn insert(
    transaction: &DatabaseTransaction,
    values: Vec<Value>,
) -> Result<(), DbErr> {
    let columns = &[
        "corpus_id",
        "document_id",
        "label",
        "reason",
        "path",
        "candidates",
    ];
    let bulk = BulkInsert::new(transaction.get_database_backend(), "review", columns, true);
    bulk.insert(transaction, values).await
}

/// Why documents between two ids wait, in their order.
pub(in crate::corpora) async fn reviews_between(
    db: &impl ConnectionTrait,
    corpus: i64,
    (first, last): (i64, i64),
) -> Result<Vec<ReviewRecord>, DbErr> {
    let rows = review::Entity::find()
        .filter(review::COLUMN.corpus_id.eq(corpus))
        .filter(review::COLUMN.document_id.between(first, last))
        .order_by_asc(review::Column::DocumentId)
        .order_by_asc(review::Column::Label)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(ReviewRecord::from).collect())
}

/// Documents that wait for a decision, after one.
pub(in crate::corpora) async fn reviewed(
    db: &impl ConnectionTrait,
    corpus: i64,
    after: i64,
    limit: u64,
) -> Result<Vec<i64>, DbErr> {
    review::Entity::find()
        .select_only()
        .column(review::Column::DocumentId)
        .distinct()
        .filter(review::COLUMN.corpus_id.eq(corpus))
        .filter(review::COLUMN.document_id.gt(after))
        .filter(review::Column::DocumentId.not_in_subquery(decided(corpus)))
        .order_by_asc(review::Column::DocumentId)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await
}

/// How many documents wait for a decision.
pub(in crate::corpora) async fn count_reviewed(
    db: &impl ConnectionTrait,
    corpus: i64,
) -> Result<u64, DbErr> {
    review::Entity::find()
        .select_only()
        .column(review::Column::DocumentId)
        .distinct()
        .filter(review::COLUMN.corpus_id.eq(corpus))
        .filter(review::Column::DocumentId.not_in_subquery(decided(corpus)))
        .count(db)
        .await
}

/// Those of some documents that wait for a decision.
pub(in crate::corpora) async fn waiting_among(
    db: &impl ConnectionTrait,
    corpus: i64,
    documents: &[i64],
) -> Result<Vec<i64>, DbErr> {
    let mut found = Vec::with_capacity(documents.len());
    for documents in documents.chunks(KEYS) {
        let waiting: Vec<i64> = review::Entity::find()
            .select_only()
            .column(review::Column::DocumentId)
            .distinct()
            .filter(review::COLUMN.corpus_id.eq(corpus))
            .filter(review::COLUMN.document_id.is_in(documents.iter().copied()))
            .filter(review::Column::DocumentId.not_in_subquery(decided(corpus)))
            .into_tuple()
            .all(db)
            .await?;
        found.extend(waiting);
    }
    Ok(found)
}
