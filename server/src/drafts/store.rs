//! The queries of drafts and publications.

use arborist_shared::api::drafts::{DraftEntry, DraftState, EntryKind};
use arborist_shared::edits::{Edit, TaxonomyDiff};
use rustc_hash::FxHashMap;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait,
};

use super::Author;
use crate::db::entity::drafts::{draft, draft_entry, publication};
use crate::db::entity::taxonomies::taxonomy;
use crate::db::{DbErr, Timestamp, kinds, now, rfc3339};

/// A draft's row.
#[derive(Clone, Debug)]
pub struct DraftRow {
    pub id: i64,
    pub project_id: i64,
    pub taxonomy_id: i64,
    pub name: String,
    pub state: DraftState,
    pub revision: i64,
    pub job_id: Option<i64>,
    pub author: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl From<draft::Model> for DraftRow {
    fn from(row: draft::Model) -> Self {
        Self {
            id: row.id,
            project_id: row.project_id,
            taxonomy_id: row.taxonomy_id,
            name: row.name,
            state: row.state.into(),
            revision: row.revision,
            job_id: row.job_id,
            author: row.author,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

pub(super) async fn insert(
    db: &impl ConnectionTrait,
    project: i64,
    taxonomy: i64,
    name: &str,
    author: &Author,
) -> Result<DraftRow, DbErr> {
    let at = now();
    let row = draft::ActiveModel {
        id: NotSet,
        project_id: Set(project),
        taxonomy_id: Set(taxonomy),
        name: Set(name.to_owned()),
        state: Set(kinds::DraftState::Open),
        revision: Set(0),
        job_id: Set(None),
        created_by: Set(author.user),
        author: Set(author.name.clone()),
        created_at: Set(at),
        updated_at: Set(at),
    };
    Ok(row.insert(db).await?.into())
}

pub(super) async fn find(db: &impl ConnectionTrait, id: i64) -> Result<Option<DraftRow>, DbErr> {
    let row = draft::Entity::find_by_id(id).one(db).await?;
    Ok(row.map(DraftRow::from))
}

/// Drafts of a version, newest first, before a given one.
pub(super) async fn list(
    db: &impl ConnectionTrait,
    taxonomy: i64,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<DraftRow>, DbErr> {
    let mut query = draft::Entity::find()
        .filter(draft::COLUMN.taxonomy_id.eq(taxonomy))
        .order_by_desc(draft::Column::Id)
        .limit(limit);
    if let Some(before) = before {
        query = query.filter(draft::COLUMN.id.lt(before));
    }
    Ok(query
        .all(db)
        .await?
        .into_iter()
        .map(DraftRow::from)
        .collect())
}

/// Entries after a revision, oldest first.
pub(super) async fn entries(
    db: &impl ConnectionTrait,
    draft: i64,
    after: i64,
    limit: Option<u64>,
) -> Result<Vec<(DraftEntry, Author)>, DbErr> {
    let rows = draft_entry::Entity::find()
        .filter(draft_entry::COLUMN.draft_id.eq(draft))
        .filter(draft_entry::COLUMN.revision.gt(after))
        .order_by_asc(draft_entry::Column::Revision)
        .limit(limit)
        .all(db)
        .await?;
    let entry = |row: draft_entry::Model| {
        let edit: Edit =
            serde_json::from_value(row.edit).map_err(|error| DbErr::Json(error.to_string()))?;
        let author = Author {
            user: row.created_by,
            name: row.author,
        };
        let entry = DraftEntry {
            revision: row.revision,
            kind: row.kind.into(),
            edit,
            of: row.of,
            author: author.name.clone(),
            at: rfc3339(row.created_at),
        };
        Ok((entry, author))
    };
    rows.into_iter().map(entry).collect()
}

/// Something that is about to be done to a draft.
pub(super) struct NewEntry<'a> {
    pub(super) kind: EntryKind,
    pub(super) edit: &'a Edit,
    /// Revision of the edit that is undone or redone; none for an edit, which is its own.
    pub(super) of: Option<i64>,
}

/// Adds entries after a revision; none when the draft is at another one or takes no edits.
pub(super) async fn append(
    transaction: &DatabaseTransaction,
    draft: i64,
    revision: i64,
    entries: &[NewEntry<'_>],
    author: &Author,
) -> Result<Option<Vec<DraftEntry>>, DbErr> {
    let at = now();
    let to = revision + entries.len() as i64;
    let updated = draft::Entity::update_many()
        .col_expr(draft::Column::Revision, Expr::value(to))
        .col_expr(draft::Column::UpdatedAt, Expr::value(at))
        .filter(draft::COLUMN.id.eq(draft))
        .filter(draft::COLUMN.revision.eq(revision))
        .filter(draft::COLUMN.state.eq(kinds::DraftState::Open))
        .exec(transaction)
        .await?;
    if updated.rows_affected == 0 {
        return Ok(None);
    }
    let mut added = Vec::with_capacity(entries.len());
    for (revision, new) in (revision + 1..).zip(entries) {
        let row = draft_entry::ActiveModel {
            draft_id: Set(draft),
            revision: Set(revision),
            kind: Set(new.kind.into()),
            of: Set(new.of.unwrap_or(revision)),
            edit: Set(
                serde_json::to_value(new.edit).map_err(|error| DbErr::Json(error.to_string()))?
            ),
            created_by: Set(author.user),
            author: Set(author.name.clone()),
            created_at: Set(at),
        };
        draft_entry::Entity::insert(row)
            .exec_without_returning(transaction)
            .await?;
        added.push(DraftEntry {
            revision,
            kind: new.kind,
            edit: new.edit.clone(),
            of: new.of.unwrap_or(revision),
            author: author.name.clone(),
            at: rfc3339(at),
        });
    }
    Ok(Some(added))
}

/// Moves a draft from one state to another at a revision, or whichever it has; answers whether it was so.
pub(super) async fn change_state(
    db: &impl ConnectionTrait,
    draft: i64,
    revision: Option<i64>,
    (from, to): (DraftState, DraftState),
    job: Option<i64>,
) -> Result<bool, DbErr> {
    let mut update = draft::Entity::update_many()
        .col_expr(
            draft::Column::State,
            Expr::value(kinds::DraftState::from(to)),
        )
        .col_expr(draft::Column::JobId, Expr::value(job))
        .filter(draft::COLUMN.id.eq(draft))
        .filter(draft::COLUMN.state.eq(kinds::DraftState::from(from)));
    if let Some(revision) = revision {
        update = update.filter(draft::COLUMN.revision.eq(revision));
    }
    Ok(update.exec(db).await?.rows_affected > 0)
}

/// The same, of a draft that is in the hands of a job.
pub(super) async fn reopen(
    db: &impl ConnectionTrait,
    draft: i64,
    job: i64,
    (from, to): (DraftState, DraftState),
) -> Result<bool, DbErr> {
    let updated = draft::Entity::update_many()
        .col_expr(
            draft::Column::State,
            Expr::value(kinds::DraftState::from(to)),
        )
        .filter(draft::COLUMN.id.eq(draft))
        .filter(draft::COLUMN.job_id.eq(job))
        .filter(draft::COLUMN.state.eq(kinds::DraftState::from(from)))
        .exec(db)
        .await?;
    Ok(updated.rows_affected > 0)
}

/// How a version came out of another one.
#[derive(Clone, Debug)]
pub struct PublicationRow {
    pub taxonomy: i64,
    pub base: i64,
    pub draft: Option<i64>,
    pub restores: Option<i64>,
    pub corpus: Option<i64>,
    pub base_corpus: Option<i64>,
    pub n_migrated: u64,
    pub n_review: u64,
    pub diff: TaxonomyDiff,
    pub author: Author,
    pub at: Timestamp,
}

impl TryFrom<publication::Model> for PublicationRow {
    type Error = DbErr;

    fn try_from(row: publication::Model) -> Result<Self, DbErr> {
        Ok(Self {
            taxonomy: row.taxonomy_id,
            base: row.base_id,
            draft: row.draft_id,
            restores: row.restores_id,
            corpus: row.corpus_id,
            base_corpus: row.base_corpus_id,
            n_migrated: row.n_migrated as u64,
            n_review: row.n_review as u64,
            diff: serde_json::from_value(row.diff)
                .map_err(|error| DbErr::Json(error.to_string()))?,
            author: Author {
                user: row.created_by,
                name: row.author,
            },
            at: row.created_at,
        })
    }
}

/// How a version came about; none of one that was read from a file.
pub(super) async fn find_publication(
    db: &impl ConnectionTrait,
    taxonomy: i64,
) -> Result<Option<PublicationRow>, DbErr> {
    let row = publication::Entity::find_by_id(taxonomy).one(db).await?;
    row.map(PublicationRow::try_from).transpose()
}

/// The version that a draft became.
pub(super) async fn published(db: &impl ConnectionTrait, draft: i64) -> Result<Option<i64>, DbErr> {
    publication::Entity::find()
        .select_only()
        .column(publication::Column::TaxonomyId)
        .filter(publication::COLUMN.draft_id.eq(draft))
        .into_tuple()
        .one(db)
        .await
}

/// Two versions with a corpus each that hold the same documents: one was made of the other.
#[derive(Clone, Debug)]
pub(super) struct Link {
    /// Content hashes of the versions.
    pub(super) base: String,
    pub(super) made: String,
    pub(super) base_corpus: i64,
    pub(super) made_corpus: i64,
}

/// All of a project, oldest first.
pub(super) async fn links(db: &impl ConnectionTrait, project: i64) -> Result<Vec<Link>, DbErr> {
    let versions: Vec<(i64, String)> = taxonomy::Entity::find()
        .select_only()
        .column(taxonomy::Column::Id)
        .column(taxonomy::Column::ContentHash)
        .filter(taxonomy::COLUMN.project_id.eq(project))
        .into_tuple()
        .all(db)
        .await?;
    let hashes: FxHashMap<i64, String> = versions.into_iter().collect();
    let of_project = taxonomy::Entity::find()
        .select_only()
        .column(taxonomy::Column::Id)
        .filter(taxonomy::COLUMN.project_id.eq(project))
        .into_query();
    let rows: Vec<(i64, i64, Option<i64>, Option<i64>)> = publication::Entity::find()
        .select_only()
        .columns([
            publication::Column::TaxonomyId,
            publication::Column::BaseId,
            publication::Column::CorpusId,
            publication::Column::BaseCorpusId,
        ])
        .filter(publication::COLUMN.taxonomy_id.in_subquery(of_project))
        .order_by_asc(publication::Column::TaxonomyId)
        .into_tuple()
        .all(db)
        .await?;
    let link = |(made, base, made_corpus, base_corpus): (i64, i64, Option<i64>, Option<i64>)| {
        Some(Link {
            base: hashes.get(&base)?.clone(),
            made: hashes.get(&made)?.clone(),
            base_corpus: base_corpus?,
            made_corpus: made_corpus?,
        })
    };
    Ok(rows.into_iter().filter_map(link).collect())
}

pub(super) async fn insert_publication(
    transaction: &DatabaseTransaction,
    row: PublicationRow,
) -> Result<(), DbErr> {
    let n_changes = row.diff.changes.len() as i64;
    let row = publication::ActiveModel {
        taxonomy_id: Set(row.taxonomy),
        base_id: Set(row.base),
        draft_id: Set(row.draft),
        restores_id: Set(row.restores),
        corpus_id: Set(row.corpus),
        base_corpus_id: Set(row.base_corpus),
        n_migrated: Set(row.n_migrated as i64),
        n_review: Set(row.n_review as i64),
        diff: Set(serde_json::to_value(row.diff).map_err(|error| DbErr::Json(error.to_string()))?),
        n_changes: Set(n_changes),
        created_by: Set(row.author.user),
        author: Set(row.author.name),
        created_at: Set(row.at),
    };
    publication::Entity::insert(row)
        .exec_without_returning(transaction)
        .await
        .map(|_| ())
}
