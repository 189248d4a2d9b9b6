//! Taxonomies: their versions, and their labels as people look for them.
//!
//! A version never changes. The database holds labels and edges; whoever asks gets the whole hierarchy from memory, where
//! the ones used last are kept.

pub mod file;
pub mod import;
mod index;
mod links;
mod preview;
pub mod routes;
mod store;

use std::sync::Arc;

use arborist_shared::taxonomy::Taxonomy;
use arborist_shared::{LabelIndex, api};
use rustc_hash::FxHashSet;
use sea_orm::{ConnectionTrait, DatabaseTransaction};

use crate::App;
use crate::accounts::Caller;
use crate::db::{DbErr, rfc3339};
use crate::http::problem::{ApiError, Code};

pub use index::{LabelIndexes, Taxonomies};
pub use store::TaxonomyRow;

/// A taxonomy version as the interface shows it.
#[must_use]
pub fn show(row: TaxonomyRow) -> api::taxonomies::Taxonomy {
    api::taxonomies::Taxonomy {
        id: row.id,
        project: row.project_id,
        version: row.version,
        content_hash: row.content_hash,
        n_labels: row.n_labels,
        depth: row.depth,
        n_multi_parent: row.n_multi_parent,
        created_at: rfc3339(row.created_at),
        notes: row.notes,
        name: row.source_name,
    }
}

/// A label as the interface shows it.
fn label_row(
    taxonomy: &Taxonomy,
    label: LabelIndex,
    n_documents: u64,
) -> api::taxonomies::LabelRow {
    let details = taxonomy.details(label);
    api::taxonomies::LabelRow {
        id: taxonomy.id(label).to_owned(),
        name: taxonomy.name(label).to_owned(),
        path: taxonomy.path_names(label),
        level: taxonomy.level(label),
        n_children: taxonomy.children(label).len() as u64,
        n_documents,
        deprecated: taxonomy.is_deprecated(label),
        replaced_by: details.and_then(|details| details.replaced_by.clone()),
        n_problems: 0,
    }
}

/// Stores a taxonomy of our own making as the first version of a new project; answers its id.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(
    app: &App,
    project: i64,
    taxonomy: &Taxonomy,
    source_name: &str,
) -> Result<i64, DbErr> {
    let transaction = app.db.begin().await?;
    let new = store::NewVersion {
        project,
        taxonomy,
        content_hash: taxonomy.content_hash(),
        source_format: arborist_shared::taxonomy::TaxonomyFormat::Json.to_string(),
        source_name,
        notes: &[],
    };
    let id = store::insert(&transaction, new).await?;
    transaction.commit().await?;
    Ok(id)
}

/// The newest version of a project.
///
/// # Errors
/// When the database does not answer.
pub async fn newest(app: &App, project: i64) -> Result<Option<api::taxonomies::Taxonomy>, DbErr> {
    Ok(store::newest(app.db.read(), project).await?.map(show))
}

/// A version that the caller may see.
///
/// # Errors
/// `taxonomy_not_found`, also for those who may not know that it exists.
pub async fn visible(app: &App, caller: &Caller, id: i64) -> Result<TaxonomyRow, ApiError> {
    let not_found = || {
        ApiError::new(
            Code::TaxonomyNotFound,
            format!("there is no taxonomy {id} for you"),
        )
    };
    let row = store::find(app.db.read(), id)
        .await?
        .ok_or_else(not_found)?;
    match caller
        .in_project(app, row.project_id, api::accounts::Role::Viewer)
        .await
    {
        Err(error) if error.code() == Code::ProjectNotFound => Err(not_found()),
        Err(error) => Err(error),
        Ok(_) => Ok(row),
    }
}

/// A version of a project, whoever asks.
///
/// # Errors
/// When the database does not answer.
pub async fn in_project(app: &App, project: i64, id: i64) -> Result<Option<TaxonomyRow>, DbErr> {
    Ok(store::find(app.db.read(), id)
        .await?
        .filter(|row| row.project_id == project))
}

/// Those of the ids that a label had in a version of the project other than the one that is edited, and that no label of
/// that one has.
///
/// # Errors
/// When the database does not answer.
pub async fn used_ids(
    app: &App,
    project: i64,
    edited: i64,
    ids: &[&str],
) -> Result<FxHashSet<String>, DbErr> {
    let mut used = store::used_ids(app.db.read(), project, edited, ids).await?;
    let taxonomy = load(app, edited).await?;
    used.retain(|id| taxonomy.index_of(id).is_none());
    Ok(used)
}

/// Adds a version that was made of another one; answers its id.
///
/// # Errors
/// When the database does not answer.
pub async fn insert_derived(
    transaction: &DatabaseTransaction,
    project: i64,
    taxonomy: &Taxonomy,
    content_hash: String,
    (format, name): (&str, &str),
) -> Result<i64, DbErr> {
    let new = store::NewVersion {
        project,
        taxonomy,
        content_hash,
        source_format: format.to_owned(),
        source_name: name,
        notes: &[],
    };
    store::insert(transaction, new).await
}

/// The newest version of a project, within a transaction.
///
/// # Errors
/// When the database does not answer.
pub async fn newest_row(
    db: &impl ConnectionTrait,
    project: i64,
) -> Result<Option<TaxonomyRow>, DbErr> {
    store::newest(db, project).await
}

/// Content hash of a version that exists.
///
/// # Errors
/// When the database does not answer, or does not hold it.
pub async fn content_hash(app: &App, id: i64) -> Result<String, DbErr> {
    let row = store::find(app.db.read(), id).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound(format!("taxonomy {id}")))?;
    Ok(row.content_hash)
}

/// The version before this one in its project.
///
/// # Errors
/// When the database does not answer.
pub async fn before(app: &App, row: &TaxonomyRow) -> Result<Option<TaxonomyRow>, DbErr> {
    let rows = store::list(app.db.read(), row.project_id, Some(row.version), 1).await?;
    Ok(rows.into_iter().next())
}

/// The hierarchy of a version that exists.
///
/// # Errors
/// When the database does not answer, or does not hold it.
pub async fn load(app: &App, id: i64) -> Result<Arc<Taxonomy>, DbErr> {
    Ok(Arc::clone(&app.taxonomies.get(&app.db, id).await?.taxonomy))
}

/// Labels that are asked for: all in taxonomy order, the children of one (empty = those below the root), or those that a
/// search finds, below it where it is given.
///
/// # Errors
/// `field_invalid` when there is no such parent.
pub fn choose(
    index: &LabelIndexes,
    search: Option<&str>,
    parent: Option<&str>,
) -> Result<Vec<LabelIndex>, ApiError> {
    let taxonomy = &index.taxonomy;
    let search = search.map(str::trim).filter(|search| !search.is_empty());
    let parent = match parent {
        None => None,
        Some("") => Some(None),
        Some(parent) => Some(Some(taxonomy.index_of(parent).ok_or_else(|| {
            ApiError::field("parent", format!("there is no label `{parent}`"))
        })?)),
    };
    Ok(match (search, parent) {
        (Some(search), parent) => {
            let mut found = index.search(search);
            if let Some(Some(parent)) = parent {
                found.retain(|&label| taxonomy.ancestors(label).binary_search(&parent).is_ok());
            }
            found
        }
        (None, Some(Some(parent))) => taxonomy.children(parent).to_vec(),
        (None, Some(None)) => taxonomy.top_level().to_vec(),
        (None, None) => taxonomy.indexes().collect(),
    })
}
