//! The queries of corpora.

mod choices;
pub(super) mod decisions;
mod documents;
mod label_sets;
mod reviews;
mod tables;

use std::collections::HashMap;

use arborist_shared::split::Split;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, ExprTrait,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait, Value,
};

use super::contents::Totals;
use crate::db::entity::corpora::{corpus, corpus_document, corpus_label, counter, document};
use crate::db::kinds::CorpusState;
use crate::db::{Db, DbErr, Timestamp, now, search};

pub(super) use choices::{choices, remember};
pub(super) use documents::{
    DocumentQuery, DocumentRow, count_documents, documents, excerpts, find_document, keys,
};

pub(super) use label_sets::{
    Labelled, insert_label_counts, insert_label_index, label_sets, label_sets_between,
    label_sets_with, labelled,
};
pub(super) use reviews::{
    ReviewRecord, count_reviewed, review_values, reviewed, reviews_between, waiting_among,
};

pub(super) use tables::{COLUMNS, Membership, Tables};

/// Rows that are read or deleted at once.
const CHUNK: u64 = 20_000;
/// Keys in one `IN` list.
const KEYS: usize = 1_000;

/// A version's row.
#[derive(Clone, Debug)]
pub struct CorpusRow {
    pub id: i64,
    pub project_id: i64,
    pub taxonomy_id: i64,
    /// 0 until it is ready.
    pub version: i64,
    pub content_hash: String,
    pub source_name: String,
    pub n_documents: u64,
    pub n_annotated: u64,
    pub n_train: u64,
    pub n_validation: u64,
    pub n_test: u64,
    pub n_rejected: u64,
    pub n_labels: u64,
    pub n_train_annotated: u64,
    pub n_train_words: u64,
    pub n_split_kept: u64,
    pub(super) n_committed_lines: u64,
    pub created_at: Timestamp,
}

impl From<corpus::Model> for CorpusRow {
    fn from(row: corpus::Model) -> Self {
        Self {
            id: row.id,
            project_id: row.project_id,
            taxonomy_id: row.taxonomy_id,
            version: row.version.unwrap_or_default(),
            content_hash: row.content_hash,
            source_name: row.source_name,
            n_documents: row.n_documents as u64,
            n_annotated: row.n_annotated as u64,
            n_train: row.n_train as u64,
            n_validation: row.n_validation as u64,
            n_test: row.n_test as u64,
            n_rejected: row.n_rejected as u64,
            n_labels: row.n_labels as u64,
            n_train_annotated: row.n_train_annotated as u64,
            n_train_words: row.n_train_words as u64,
            n_split_kept: row.n_split_kept as u64,
            n_committed_lines: row.n_committed_lines as u64,
            created_at: row.created_at,
        }
    }
}

/// A version that is ready.
pub(super) async fn find(db: &impl ConnectionTrait, id: i64) -> Result<Option<CorpusRow>, DbErr> {
    let row = corpus::Entity::find_by_id(id)
        .filter(corpus::COLUMN.state.eq(CorpusState::Ready))
        .one(db)
        .await?;
    Ok(row.map(CorpusRow::from))
}

pub(super) async fn newest(
    db: &impl ConnectionTrait,
    project: i64,
) -> Result<Option<CorpusRow>, DbErr> {
    Ok(list(db, project, None, 1).await?.into_iter().next())
}

/// Versions of a project that are ready, newest first, before a given one.
pub(super) async fn list(
    db: &impl ConnectionTrait,
    project: i64,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<CorpusRow>, DbErr> {
    let mut query = corpus::Entity::find()
        .filter(corpus::COLUMN.project_id.eq(project))
        .filter(corpus::COLUMN.state.eq(CorpusState::Ready))
        .order_by_desc(corpus::Column::Version)
        .limit(limit);
    if let Some(before) = before {
        query = query.filter(corpus::COLUMN.version.lt(before));
    }
    Ok(query
        .all(db)
        .await?
        .into_iter()
        .map(CorpusRow::from)
        .collect())
}

/// Id of the newest version with a taxonomy.
pub(super) async fn newest_of_taxonomy(
    db: &impl ConnectionTrait,
    taxonomy: i64,
) -> Result<Option<i64>, DbErr> {
    corpus::Entity::find()
        .select_only()
        .column(corpus::Column::Id)
        .filter(corpus::COLUMN.taxonomy_id.eq(taxonomy))
        .filter(corpus::COLUMN.state.eq(CorpusState::Ready))
        .order_by_desc(corpus::Column::Id)
        .limit(1)
        .into_tuple()
        .one(db)
        .await
}

/// Documents of each label, by position.
pub(super) async fn label_counts(
    db: &impl ConnectionTrait,
    corpus: i64,
) -> Result<Vec<(usize, u64)>, DbErr> {
    let rows = corpus_label::Entity::find()
        .filter(corpus_label::COLUMN.corpus_id.eq(corpus))
        .all(db)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.label as usize, row.n_documents as u64))
        .collect())
}

/// When the versions of a project were made, by their ids.
pub(super) async fn made_at(
    db: &impl ConnectionTrait,
    project: i64,
) -> Result<HashMap<i64, Timestamp>, DbErr> {
    let rows: Vec<(i64, Timestamp)> = corpus::Entity::find()
        .select_only()
        .column(corpus::Column::Id)
        .column(corpus::Column::CreatedAt)
        .filter(corpus::COLUMN.project_id.eq(project))
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().collect())
}

/// Documents of one label.
pub(super) async fn label_count(
    db: &impl ConnectionTrait,
    corpus: i64,
    label: i64,
) -> Result<u64, DbErr> {
    let row = corpus_label::Entity::find_by_id((corpus, label))
        .one(db)
        .await?;
    Ok(row.map_or(0, |row| row.n_documents as u64))
}

/// The version that a job makes: a new row, or what an interrupted attempt has left.
pub(super) async fn begin(
    db: &Db,
    project: i64,
    job: i64,
    taxonomy: i64,
    source_name: &str,
) -> Result<CorpusRow, DbErr> {
    let transaction = db.begin().await?;
    let left = corpus::Entity::find()
        .filter(corpus::COLUMN.job_id.eq(job))
        .one(&transaction)
        .await?;
    let row = match left {
        Some(row) => row,
        None => {
            let row = corpus::ActiveModel {
                id: NotSet,
                project_id: Set(project),
                taxonomy_id: Set(taxonomy),
                version: Set(None),
                job_id: Set(job),
                state: Set(CorpusState::Importing),
                content_hash: Set(String::new()),
                source_format: Set(String::new()),
                source_name: Set(source_name.to_owned()),
                n_documents: Set(0),
                n_annotated: Set(0),
                n_train: Set(0),
                n_validation: Set(0),
                n_test: Set(0),
                n_rejected: Set(0),
                n_labels: Set(0),
                n_train_annotated: Set(0),
                n_train_words: Set(0),
                n_split_kept: Set(0),
                n_committed_lines: Set(0),
                created_at: Set(now()),
            };
            row.insert(&transaction).await?
        }
    };
    transaction.commit().await?;
    Ok(row.into())
}

/// What is known of a version once all rows are in.
pub(super) struct Finished {
    /// The version that its labels belong to, which may be newer than the row.
    pub(super) taxonomy: i64,
    pub(super) content_hash: String,
    pub(super) source_format: String,
    pub(super) n_rejected: u64,
    pub(super) totals: Totals,
}

/// Makes a version visible.
pub(super) async fn finish(
    transaction: &DatabaseTransaction,
    row: &CorpusRow,
    finished: Finished,
) -> Result<(), DbErr> {
    let version = newest(transaction, row.project_id)
        .await?
        .map_or(1, |newest| newest.version + 1);
    let totals = finished.totals;
    let model = corpus::ActiveModel {
        id: Set(row.id),
        taxonomy_id: Set(finished.taxonomy),
        version: Set(Some(version)),
        state: Set(CorpusState::Ready),
        content_hash: Set(finished.content_hash),
        source_format: Set(finished.source_format),
        n_documents: Set(totals.n_documents as i64),
        n_annotated: Set(totals.n_annotated as i64),
        n_train: Set(totals.n_train as i64),
        n_validation: Set(totals.n_validation as i64),
        n_test: Set(totals.n_test as i64),
        n_rejected: Set(finished.n_rejected as i64),
        n_labels: Set(totals.n_labels as i64),
        n_train_annotated: Set(totals.n_train_annotated as i64),
        n_train_words: Set(totals.n_train_words as i64),
        n_split_kept: Set(totals.n_split_kept as i64),
        ..Default::default()
    };
    model.update(transaction).await.map(|_| ())
}

pub(super) async fn has_documents(db: &impl ConnectionTrait, project: i64) -> Result<bool, DbErr> {
    let any = document::Entity::find()
        .select_only()
        .column(document::Column::Id)
        .filter(document::COLUMN.project_id.eq(project))
        .limit(1)
        .into_tuple::<i64>()
        .one(db)
        .await?;
    Ok(any.is_some())
}

/// A document that the project has already.
pub(super) struct KnownDocument {
    pub(super) id: i64,
    pub(super) text: String,
    pub(super) split: Split,
    pub(super) lang: Option<String>,
    pub(super) meta: Option<String>,
}

/// By key. A key has several documents when its text changed; all have the same part.
pub(super) type KnownDocuments = HashMap<String, Vec<KnownDocument>>;

pub(super) async fn known_documents(
    db: &impl ConnectionTrait,
    project: i64,
    keys: &[&str],
) -> Result<KnownDocuments, DbErr> {
    let mut known = KnownDocuments::with_capacity(keys.len());
    for keys in keys.chunks(KEYS) {
        let rows = document::Entity::find()
            .filter(document::COLUMN.project_id.eq(project))
            .filter(document::COLUMN.key.is_in(keys.iter().copied()))
            .order_by_asc(document::Column::Id)
            .all(db)
            .await?;
        for row in rows {
            let document = KnownDocument {
                id: row.id,
                text: row.text,
                split: row.split.into(),
                lang: row.lang,
                meta: row.meta,
            };
            known.entry(row.key).or_default().push(document);
        }
    }
    Ok(known)
}

/// The first of `n` ids that nobody else gets.
pub(super) async fn reserve_document_ids(
    transaction: &DatabaseTransaction,
    n: i64,
) -> Result<i64, DbErr> {
    let rows = counter::Entity::update_many()
        .col_expr(
            counter::Column::Next,
            Expr::col(counter::Column::Next).add(n),
        )
        .filter(counter::COLUMN.name.eq("document"))
        .exec_with_returning(transaction)
        .await?;
    let row = rows
        .into_iter()
        .next()
        .ok_or_else(|| DbErr::RecordNotFound("the counter of documents".to_owned()))?;
    Ok(row.next - n)
}

pub(super) async fn set_committed_lines(
    transaction: &DatabaseTransaction,
    corpus: i64,
    lines: u64,
) -> Result<(), DbErr> {
    corpus::Entity::update_many()
        .col_expr(corpus::Column::NCommittedLines, Expr::value(lines as i64))
        .filter(corpus::COLUMN.id.eq(corpus))
        .exec(transaction)
        .await
        .map(|_| ())
}

/// Writes documents of a version that is being made, and who of them waits for a person.
pub(super) async fn insert_carried(
    db: &Db,
    memberships: Vec<Value>,
    reviews: Vec<Value>,
) -> Result<(), DbErr> {
    let transaction = db.begin().await?;
    let tables = Tables::new(&transaction);
    tables.memberships.insert(&transaction, memberships).await?;
    reviews::insert(&transaction, reviews).await?;
    transaction.commit().await
}

/// The version that a job has begun and not finished.
pub(super) async fn begun_by(
    db: &impl ConnectionTrait,
    job: i64,
) -> Result<Option<CorpusRow>, DbErr> {
    let row = corpus::Entity::find()
        .filter(corpus::COLUMN.job_id.eq(job))
        .filter(corpus::COLUMN.state.eq(CorpusState::Importing))
        .one(db)
        .await?;
    Ok(row.map(CorpusRow::from))
}

/// Takes back a version that will not be: its rows, and the documents that no other version holds.
pub(super) async fn discard(db: &Db, row: &CorpusRow) -> Result<(), DbErr> {
    let corpus = row.id;
    loop {
        let ids: Vec<i64> = label_sets(db.read(), corpus, 0)
            .await?
            .into_iter()
            .map(|(id, _)| id)
            .collect();
        let (Some(&first), Some(&last)) = (ids.first(), ids.last()) else {
            break;
        };
        let transaction = db.begin().await?;
        corpus_document::Entity::delete_many()
            .filter(corpus_document::COLUMN.corpus_id.eq(corpus))
            .filter(corpus_document::COLUMN.document_id.between(first, last))
            .exec(&transaction)
            .await?;
        let held = corpus_document::Entity::find()
            .select_only()
            .column(corpus_document::Column::DocumentId)
            .filter(corpus_document::COLUMN.document_id.between(first, last))
            .into_query();
        // Documents of other projects lie between these, too.
        let doomed: Vec<i64> = document::Entity::find()
            .select_only()
            .column(document::Column::Id)
            .filter(document::COLUMN.id.between(first, last))
            .filter(document::COLUMN.project_id.eq(row.project_id))
            .filter(document::COLUMN.id.not_in_subquery(held))
            .into_tuple()
            .all(&transaction)
            .await?;
        for ids in doomed.chunks(KEYS) {
            search::remove(&transaction, ids).await?;
            document::Entity::delete_many()
                .filter(document::COLUMN.id.is_in(ids.iter().copied()))
                .exec(&transaction)
                .await?;
        }
        transaction.commit().await?;
    }
    // The rest goes with the row.
    corpus::Entity::delete_by_id(corpus)
        .exec(db.write())
        .await?;
    Ok(())
}
