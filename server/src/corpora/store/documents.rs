//! The queries for documents: lists by words, label and part, and single ones.

use std::collections::BTreeMap;

use arborist_shared::split::Split;
use sea_orm::sea_query::{Condition, Expr, Func, IntoTableRef, SelectStatement, TableRef};
use sea_orm::{
    ConnectionTrait, DbBackend, EntityTrait, ExprTrait, FromQueryResult, JoinType, Order,
    QueryFilter, QueryOrder, QuerySelect,
};

use super::{CorpusRow, KEYS, find};
use crate::db::entity::corpora::{corpus_document, document, document_label};
use crate::db::{DbErr, kinds, search};

/// Matching documents are counted so far; beyond, there are just more.
const COUNT_CAP: u64 = 10_000;
/// And among so many: a word, a label or a version may have far more documents, of which other filters leave few.
const CANDIDATES: u64 = 50_000;

/// Which documents of a version are asked for.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::corpora) struct DocumentQuery {
    pub(in crate::corpora) corpus: i64,
    pub(in crate::corpora) search: Option<String>,
    /// Position of a label that the documents have, closed upwards.
    pub(in crate::corpora) label: Option<i64>,
    pub(in crate::corpora) split: Option<Split>,
    /// Where the documents come from.
    pub(in crate::corpora) source: Option<String>,
    /// Dates from here on, and up to there; a date may be a year or a month.
    pub(in crate::corpora) from: Option<String>,
    pub(in crate::corpora) to: Option<String>,
    /// Whether somebody has judged them.
    pub(in crate::corpora) annotated: Option<bool>,
    /// Level of their deepest label.
    pub(in crate::corpora) level: Option<u32>,
    /// Versions in which they got the labels that they have.
    pub(in crate::corpora) labelled_in: Option<Vec<i64>>,
}

impl DocumentQuery {
    /// All documents of a version.
    pub(in crate::corpora) fn all(corpus: i64) -> Self {
        Self {
            corpus,
            search: None,
            label: None,
            split: None,
            source: None,
            from: None,
            to: None,
            annotated: None,
            level: None,
            labelled_in: None,
        }
    }

    /// Whether nothing but the part is asked for, of which the version knows the counts.
    pub(in crate::corpora) fn is_plain(&self) -> bool {
        self.source.is_none()
            && self.from.is_none()
            && self.to.is_none()
            && self.annotated.is_none()
            && self.level.is_none()
            && self.labelled_in.is_none()
    }
}

/// A document as one version has it.
#[derive(Clone, Debug, FromQueryResult)]
pub(in crate::corpora) struct DocumentRow {
    pub(in crate::corpora) id: i64,
    pub(in crate::corpora) key: String,
    pub(in crate::corpora) text: String,
    pub(in crate::corpora) split: kinds::Split,
    pub(in crate::corpora) explicit: Option<Vec<u8>>,
    /// The version in which it got these labels.
    pub(in crate::corpora) labelled_in: Option<i64>,
    pub(in crate::corpora) lang: Option<String>,
    pub(in crate::corpora) meta: Option<String>,
}

impl DocumentRow {
    /// What else is known of the document.
    pub(in crate::corpora) fn metadata(&self) -> BTreeMap<String, String> {
        // Written by us; should it ever not be readable, the document is still one.
        let meta = self.meta.as_deref().map(serde_json::from_str);
        meta.and_then(Result::ok).unwrap_or_default()
    }
}

/// Documents in the order of their ids, after one.
pub(in crate::corpora) async fn documents(
    db: &impl ConnectionTrait,
    query: &DocumentQuery,
    after: i64,
    limit: u64,
) -> Result<Vec<DocumentRow>, DbErr> {
    let Some((mut select, id)) = matching(db.get_database_backend(), query) else {
        return Ok(Vec::new());
    };
    for column in [
        document::Column::Id,
        document::Column::Key,
        document::Column::Text,
        document::Column::Split,
        document::Column::Lang,
        document::Column::Meta,
    ] {
        select.column((document::Entity, column));
    }
    select
        .column((corpus_document::Entity, corpus_document::Column::Explicit))
        .column((corpus_document::Entity, corpus_document::Column::LabelledIn))
        .and_where(id.clone().gt(after))
        .order_by_expr(id, Order::Asc)
        .limit(limit);
    DocumentRow::find_by_statement(db.get_database_backend().build(&select))
        .all(db)
        .await
}

/// Number of matching documents as far as they are counted, and whether there may be more.
pub(in crate::corpora) async fn count_documents(
    db: &impl ConnectionTrait,
    query: &DocumentQuery,
) -> Result<(u64, bool), DbErr> {
    let backend = db.get_database_backend();
    let Some((mut select, id)) = matching(backend, query) else {
        return Ok((0, false));
    };
    let bound = match leading(backend, query) {
        Some(leading) => db.query_one(&leading).await?,
        None => None,
    };
    let bound = bound.map(|row| row.try_get::<i64>("", "id")).transpose()?;
    if let Some(bound) = bound {
        select.and_where(id.clone().lte(bound));
    }
    select.expr_as(id, "id").limit(COUNT_CAP + 1);
    let mut count = SelectStatement::new();
    count
        .expr_as(Expr::val(1).count(), "n")
        .from_subquery(select, "matching");
    let row = db.query_one(&count).await?;
    let n = row.map_or(Ok(0), |row| row.try_get::<i64>("", "n"))? as u64;
    Ok((
        std::cmp::min(n, COUNT_CAP),
        n > COUNT_CAP || bound.is_some(),
    ))
}

/// The last of the documents that are looked at for counting, by the index that drives the list; it finds none where there
/// are fewer. None where that index alone decides, so that counting ends soon enough by itself.
fn leading(backend: DbBackend, query: &DocumentQuery) -> Option<SelectStatement> {
    let alone = DocumentQuery {
        search: query.search.clone(),
        label: query.label.filter(|_| query.search.is_none()),
        ..DocumentQuery::all(query.corpus)
    };
    if *query == alone {
        return None;
    }
    let mut select = SelectStatement::new();
    let id = if let Some(typed) = &alone.search {
        select
            .from(search::TABLE)
            .and_where(search::fits(backend, typed)?);
        search::document_id()
    } else if let Some(label) = alone.label {
        let labeled = |column| Expr::col((document_label::Entity, column));
        select
            .from(document_label::Entity)
            .and_where(labeled(document_label::Column::CorpusId).eq(query.corpus))
            .and_where(labeled(document_label::Column::Label).eq(label));
        labeled(document_label::Column::DocumentId)
    } else {
        let member = |column| Expr::col((corpus_document::Entity, column));
        select
            .from(corpus_document::Entity)
            .and_where(member(corpus_document::Column::CorpusId).eq(query.corpus));
        member(corpus_document::Column::DocumentId)
    };
    select
        .expr_as(id.clone(), "id")
        .order_by_expr(id, Order::Asc)
        .limit(1)
        .offset(CANDIDATES);
    Some(select)
}

/// The joined tables with the conditions, without columns, driven by the most selective index; and the column that holds the
/// document's id there. None when the search can find nothing.
fn matching(backend: DbBackend, query: &DocumentQuery) -> Option<(SelectStatement, Expr)> {
    let member = |column| Expr::col((corpus_document::Entity, column));
    let labeled = |column| Expr::col((document_label::Entity, column));
    let of_document = |column| Expr::col((document::Entity, column));
    let mut select = SelectStatement::new();
    // Cross joins keep the order of the tables: first the few that fit, the others by their keys.
    let then = |select: &mut SelectStatement, table: TableRef| {
        select.join(JoinType::CrossJoin, table, Condition::all());
    };
    let id = if let Some(typed) = &query.search {
        select
            .from(search::TABLE)
            .and_where(search::fits(backend, typed)?);
        then(&mut select, corpus_document::Entity.into_table_ref());
        let id = search::document_id();
        select.and_where(member(corpus_document::Column::DocumentId).eq(id.clone()));
        if query.label.is_some() {
            then(&mut select, document_label::Entity.into_table_ref());
            select.and_where(labeled(document_label::Column::DocumentId).eq(id.clone()));
        }
        id
    } else if query.label.is_some() {
        select.from(document_label::Entity);
        then(&mut select, corpus_document::Entity.into_table_ref());
        let id = labeled(document_label::Column::DocumentId);
        select.and_where(member(corpus_document::Column::DocumentId).eq(id.clone()));
        id
    } else {
        select.from(corpus_document::Entity);
        member(corpus_document::Column::DocumentId)
    };
    select.and_where(member(corpus_document::Column::CorpusId).eq(query.corpus));
    if let Some(label) = query.label {
        select
            .and_where(labeled(document_label::Column::CorpusId).eq(query.corpus))
            .and_where(labeled(document_label::Column::Label).eq(label));
    }
    then(&mut select, document::Entity.into_table_ref());
    select.and_where(of_document(document::Column::Id).eq(id.clone()));
    if let Some(split) = query.split {
        select.and_where(
            of_document(document::Column::Split).eq(Expr::value(kinds::Split::from(split))),
        );
    }
    let text_of = |column| of_document(column);
    if let Some(source) = &query.source {
        select.and_where(text_of(document::Column::Source).eq(source.as_str()));
    }
    if let Some(from) = &query.from {
        select.and_where(text_of(document::Column::Date).gte(from.as_str()));
    }
    if let Some(to) = &query.to {
        // `2024` holds all that begins with it.
        select.and_where(text_of(document::Column::Date).lt(format!("{to}\u{10FFFF}")));
    }
    if let Some(annotated) = query.annotated {
        let explicit = member(corpus_document::Column::Explicit);
        select.and_where(if annotated {
            explicit.is_not_null()
        } else {
            explicit.is_null()
        });
    }
    if let Some(level) = query.level {
        let level = i16::try_from(level).ok()?;
        select.and_where(member(corpus_document::Column::Level).eq(level));
    }
    if let Some(versions) = &query.labelled_in {
        if versions.is_empty() {
            return None;
        }
        let versions = versions.iter().copied();
        select.and_where(member(corpus_document::Column::LabelledIn).is_in(versions));
    }
    Some((select, id))
}

/// A document in the newest version that holds it, which comes along.
pub(in crate::corpora) async fn find_document(
    db: &impl ConnectionTrait,
    id: i64,
) -> Result<Option<(DocumentRow, CorpusRow)>, DbErr> {
    let Some(document) = document::Entity::find_by_id(id).one(db).await? else {
        return Ok(None);
    };
    let memberships = corpus_document::Entity::find()
        .filter(corpus_document::COLUMN.document_id.eq(id))
        .order_by_desc(corpus_document::Column::CorpusId)
        .all(db)
        .await?;
    for membership in memberships {
        if let Some(corpus) = find(db, membership.corpus_id).await? {
            let row = DocumentRow {
                id: document.id,
                key: document.key,
                text: document.text,
                split: document.split,
                explicit: membership.explicit,
                labelled_in: membership.labelled_in,
                lang: document.lang,
                meta: document.meta,
            };
            return Ok(Some((row, corpus)));
        }
    }
    Ok(None)
}

/// Ids, keys and beginnings of texts, of documents in the order of their ids.
pub(in crate::corpora) async fn excerpts(
    db: &impl ConnectionTrait,
    ids: &[i64],
    n_characters: i64,
) -> Result<Vec<(i64, String, String)>, DbErr> {
    let mut found = Vec::with_capacity(ids.len());
    for ids in ids.chunks(KEYS) {
        let text = Func::cust("substr").args([
            Expr::col((document::Entity, document::Column::Text)),
            Expr::val(1),
            // PostgreSQL counts characters in 32 bits.
            Expr::val(i32::try_from(n_characters).unwrap_or(i32::MAX)),
        ]);
        let rows: Vec<(i64, String, String)> = document::Entity::find()
            .select_only()
            .column(document::Column::Id)
            .column(document::Column::Key)
            .column_as(Expr::from(text), "excerpt")
            .filter(document::COLUMN.id.is_in(ids.iter().copied()))
            .order_by_asc(document::Column::Id)
            .into_tuple()
            .all(db)
            .await?;
        found.extend(rows);
    }
    Ok(found)
}

/// Ids and keys, in the order given.
pub(in crate::corpora) async fn keys(
    db: &impl ConnectionTrait,
    ids: &[i64],
) -> Result<Vec<(i64, String)>, DbErr> {
    let mut found = Vec::with_capacity(ids.len());
    for ids in ids.chunks(KEYS) {
        let rows: Vec<(i64, String)> = document::Entity::find()
            .select_only()
            .column(document::Column::Id)
            .column(document::Column::Key)
            .filter(document::COLUMN.id.is_in(ids.iter().copied()))
            .order_by_asc(document::Column::Id)
            .into_tuple()
            .all(db)
            .await?;
        found.extend(rows);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use sea_orm::Statement;

    use super::*;
    use crate::db::Db;

    /// How the database goes about a list; lists must start at an index and come out in order.
    async fn check(db: &Db, query: DocumentQuery, first: &str) {
        let (mut select, id) = matching(DbBackend::Sqlite, &query).unwrap();
        select
            .expr(id.clone())
            .and_where(id.clone().gt(7))
            .order_by_expr(id, Order::Asc)
            .limit(10);
        let built = db.read().get_database_backend().build(&select);
        let plan = Statement {
            sql: format!("EXPLAIN QUERY PLAN {}", built.sql),
            ..built
        };
        let rows = db.read().query_all_raw(plan).await.unwrap();
        let steps: Vec<String> = rows
            .into_iter()
            .map(|row| row.try_get("", "detail").unwrap())
            .collect();
        assert!(steps[0].starts_with(first), "{query:?}: {steps:#?}");
        for step in &steps[1..] {
            assert!(step.starts_with("SEARCH "), "{query:?}: {steps:#?}");
        }
    }

    #[test]
    fn counting_is_bounded_where_filters_leave_few() {
        let bounded = |query: DocumentQuery| {
            let select = leading(DbBackend::Sqlite, &query)?;
            Some(DbBackend::Sqlite.build(&select).to_string())
        };
        let all = || DocumentQuery::all(1);
        let search = || Some("word".to_owned());
        assert_eq!(bounded(all()), None);
        for alone in [
            DocumentQuery {
                search: search(),
                ..all()
            },
            DocumentQuery {
                label: Some(3),
                ..all()
            },
        ] {
            assert_eq!(bounded(alone), None);
        }
        let with = DocumentQuery {
            label: Some(3),
            search: search(),
            ..all()
        };
        assert!(bounded(with).unwrap().contains("MATCH"));
        let split = Some(Split::Test);
        let with = DocumentQuery {
            label: Some(3),
            split,
            ..all()
        };
        assert_eq!(
            bounded(with).unwrap(),
            "SELECT \"document_label\".\"document_id\" AS \"id\" FROM \"document_label\" \
             WHERE \"document_label\".\"corpus_id\" = 1 AND \"document_label\".\"label\" = 3 \
             ORDER BY \"document_label\".\"document_id\" ASC LIMIT 1 OFFSET 50000"
        );
    }

    #[tokio::test]
    async fn lists_use_their_indexes() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("test.db").display());
        let db = Db::open(&url).await.unwrap();
        let query = |search: Option<&str>, label, split| DocumentQuery {
            search: search.map(str::to_owned),
            label,
            split,
            source: Some("press".to_owned()),
            from: Some("2020".to_owned()),
            level: Some(2),
            labelled_in: Some(vec![1, 2]),
            ..DocumentQuery::all(1)
        };
        let by_corpus = "SEARCH corpus_document USING PRIMARY KEY (corpus_id=? AND document_id>?)";
        check(&db, query(None, None, None), by_corpus).await;
        check(&db, query(None, None, Some(Split::Test)), by_corpus).await;
        let by_label =
            "SEARCH document_label USING PRIMARY KEY (corpus_id=? AND label=? AND document_id>?)";
        check(&db, query(None, Some(3), None), by_label).await;
        check(&db, query(None, Some(3), Some(Split::Test)), by_label).await;
        let by_words = "SCAN document_search VIRTUAL TABLE INDEX";
        check(&db, query(Some("word"), None, None), by_words).await;
        check(
            &db,
            query(Some("word"), Some(3), Some(Split::Test)),
            by_words,
        )
        .await;
    }
}
