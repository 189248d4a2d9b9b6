//! The queries for label sets: as given by document, and the index by label.

use std::collections::HashMap;

use sea_orm::sea_query::{Condition, Expr, SelectStatement};
use sea_orm::{
    ConnectionTrait, EntityTrait, ExprTrait, JoinType, Order, QueryFilter, QueryOrder, QuerySelect,
    Value,
};

use super::{CHUNK, KEYS};
use crate::db::bulk::BulkInsert;
use crate::db::entity::corpora::{corpus_document, document_label};
use crate::db::{Db, DbErr};

/// Label sets as given, of the documents after an id; at most a chunk.
pub(in crate::corpora) async fn label_sets(
    db: &impl ConnectionTrait,
    corpus: i64,
    after: i64,
) -> Result<Vec<(i64, Option<Vec<u8>>)>, DbErr> {
    corpus_document::Entity::find()
        .select_only()
        .column(corpus_document::Column::DocumentId)
        .column(corpus_document::Column::Explicit)
        .filter(corpus_document::COLUMN.corpus_id.eq(corpus))
        .filter(corpus_document::COLUMN.document_id.gt(after))
        .order_by_asc(corpus_document::Column::DocumentId)
        .limit(CHUNK)
        .into_tuple()
        .all(db)
        .await
}

/// Label sets as given, of all documents between two ids.
pub(in crate::corpora) async fn label_sets_between(
    db: &impl ConnectionTrait,
    corpus: i64,
    (first, last): (i64, i64),
) -> Result<HashMap<i64, Option<Vec<u8>>>, DbErr> {
    let rows: Vec<(i64, Option<Vec<u8>>)> = corpus_document::Entity::find()
        .select_only()
        .column(corpus_document::Column::DocumentId)
        .column(corpus_document::Column::Explicit)
        .filter(corpus_document::COLUMN.corpus_id.eq(corpus))
        .filter(corpus_document::COLUMN.document_id.between(first, last))
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().collect())
}

/// The labels of a document in some version.
pub(in crate::corpora) struct Labelled {
    /// As given; none when nobody judged it.
    pub(in crate::corpora) explicit: Option<Vec<u8>>,
    /// The version in which it got them.
    pub(in crate::corpora) labelled_in: Option<i64>,
}

/// The labels of some documents in a version, by id.
pub(in crate::corpora) async fn labelled(
    db: &impl ConnectionTrait,
    corpus: i64,
    documents: &[i64],
) -> Result<HashMap<i64, Labelled>, DbErr> {
    let mut found = HashMap::with_capacity(documents.len());
    for documents in documents.chunks(KEYS) {
        let rows = corpus_document::Entity::find()
            .filter(corpus_document::COLUMN.corpus_id.eq(corpus))
            .filter(
                corpus_document::COLUMN
                    .document_id
                    .is_in(documents.iter().copied()),
            )
            .all(db)
            .await?;
        found.extend(rows.into_iter().map(|row| {
            let labelled = Labelled {
                explicit: row.explicit,
                labelled_in: row.labelled_in,
            };
            (row.document_id, labelled)
        }));
    }
    Ok(found)
}

/// Label sets as given, of the documents after an id that have a label, closed upwards; at most a chunk.
pub(in crate::corpora) async fn label_sets_with(
    db: &impl ConnectionTrait,
    corpus: i64,
    label: i64,
    after: i64,
) -> Result<Vec<(i64, Vec<u8>)>, DbErr> {
    let labelled = |column| Expr::col((document_label::Entity, column));
    let member = |column| Expr::col((corpus_document::Entity, column));
    let id = labelled(document_label::Column::DocumentId);
    let mut select = SelectStatement::new();
    // The index by label first, then each document by its key.
    select
        .column((document_label::Entity, document_label::Column::DocumentId))
        .column((corpus_document::Entity, corpus_document::Column::Explicit))
        .from(document_label::Entity)
        .join(
            JoinType::CrossJoin,
            corpus_document::Entity,
            Condition::all(),
        )
        .and_where(labelled(document_label::Column::CorpusId).eq(corpus))
        .and_where(labelled(document_label::Column::Label).eq(label))
        .and_where(id.clone().gt(after))
        .and_where(member(corpus_document::Column::CorpusId).eq(corpus))
        .and_where(member(corpus_document::Column::DocumentId).eq(id.clone()))
        .order_by_expr(id, Order::Asc)
        .limit(CHUNK);
    let rows = db.query_all(&select).await?;
    let row = |row: sea_orm::QueryResult| {
        let explicit: Option<Vec<u8>> = row.try_get("", "explicit")?;
        Ok((
            row.try_get("", "document_id")?,
            explicit.unwrap_or_default(),
        ))
    };
    rows.into_iter().map(row).collect()
}

/// Adds rows of corpus, label and document to the index by label.
pub(in crate::corpora) async fn insert_label_index(
    db: &Db,
    values: Vec<Value>,
) -> Result<(), DbErr> {
    let transaction = db.begin().await?;
    let columns = &["corpus_id", "label", "document_id"];
    let bulk = BulkInsert::new(
        transaction.get_database_backend(),
        "document_label",
        columns,
        true,
    );
    bulk.insert(&transaction, values).await?;
    transaction.commit().await
}

/// Stores how many documents each label has; labels without any have no row.
pub(in crate::corpora) async fn insert_label_counts(
    db: &Db,
    corpus: i64,
    counts: &[u64],
) -> Result<(), DbErr> {
    let transaction = db.begin().await?;
    let columns = &["corpus_id", "label", "n_documents"];
    let bulk = BulkInsert::new(
        transaction.get_database_backend(),
        "corpus_label",
        columns,
        true,
    );
    let rows = counts.iter().enumerate().filter(|&(_, &n)| n > 0);
    let values =
        rows.flat_map(|(label, &n)| [corpus.into(), (label as i64).into(), (n as i64).into()]);
    bulk.insert(&transaction, values.collect()).await?;
    transaction.commit().await
}
