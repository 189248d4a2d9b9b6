//! The queries of taxonomies.

pub(super) mod links;

use arborist_shared::taxonomy::{NewLabel, Taxonomy};
use rustc_hash::FxHashSet;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Value,
};

use crate::db::bulk::BulkInsert;
use crate::db::entity::taxonomies::{label, label_edge, taxonomy};
use crate::db::{DbErr, Timestamp, now};

/// Keys in one `IN` list.
const KEYS: usize = 1_000;

/// A version's row.
#[derive(Clone, Debug)]
pub struct TaxonomyRow {
    pub id: i64,
    pub project_id: i64,
    pub version: i64,
    pub content_hash: String,
    pub n_labels: u64,
    pub depth: u32,
    pub n_multi_parent: u64,
    pub source_name: String,
    pub notes: Vec<String>,
    pub created_at: Timestamp,
}

impl From<taxonomy::Model> for TaxonomyRow {
    fn from(row: taxonomy::Model) -> Self {
        Self {
            id: row.id,
            project_id: row.project_id,
            version: row.version,
            content_hash: row.content_hash,
            n_labels: row.n_labels as u64,
            depth: row.depth as u32,
            n_multi_parent: row.n_multi_parent as u64,
            source_name: row.source_name,
            // Written by us; should it ever not be readable, there is nothing to tell.
            notes: serde_json::from_value(row.notes).unwrap_or_default(),
            created_at: row.created_at,
        }
    }
}

pub(super) async fn find(db: &impl ConnectionTrait, id: i64) -> Result<Option<TaxonomyRow>, DbErr> {
    Ok(taxonomy::Entity::find_by_id(id)
        .one(db)
        .await?
        .map(TaxonomyRow::from))
}

pub(super) async fn newest(
    db: &impl ConnectionTrait,
    project: i64,
) -> Result<Option<TaxonomyRow>, DbErr> {
    Ok(list(db, project, None, 1).await?.into_iter().next())
}

/// Versions of a project, newest first, before a given one.
pub(super) async fn list(
    db: &impl ConnectionTrait,
    project: i64,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<TaxonomyRow>, DbErr> {
    let mut query = taxonomy::Entity::find()
        .filter(taxonomy::COLUMN.project_id.eq(project))
        .order_by_desc(taxonomy::Column::Version)
        .limit(limit);
    if let Some(before) = before {
        query = query.filter(taxonomy::COLUMN.version.lt(before));
    }
    Ok(query
        .all(db)
        .await?
        .into_iter()
        .map(TaxonomyRow::from)
        .collect())
}

/// What is known of a version before it has an id.
pub(super) struct NewVersion<'a> {
    pub(super) project: i64,
    pub(super) taxonomy: &'a Taxonomy,
    pub(super) content_hash: String,
    pub(super) source_format: String,
    pub(super) source_name: &'a str,
    pub(super) notes: &'a [String],
}

/// Adds a version with its labels and edges.
pub(super) async fn insert(
    transaction: &DatabaseTransaction,
    new: NewVersion<'_>,
) -> Result<i64, DbErr> {
    let version = newest(transaction, new.project)
        .await?
        .map_or(1, |newest| newest.version + 1);
    let row = taxonomy::ActiveModel {
        id: NotSet,
        project_id: Set(new.project),
        version: Set(version),
        content_hash: Set(new.content_hash),
        n_labels: Set(new.taxonomy.len() as i64),
        depth: Set(i64::from(new.taxonomy.depth())),
        n_multi_parent: Set(new.taxonomy.n_multi_parent() as i64),
        source_format: Set(new.source_format),
        source_name: Set(new.source_name.to_owned()),
        notes: Set(serde_json::json!(new.notes)),
        created_at: Set(now()),
    };
    let id = row.insert(transaction).await?.id;
    insert_labels(transaction, id, new.taxonomy).await?;
    Ok(id)
}

async fn insert_labels(
    transaction: &DatabaseTransaction,
    id: i64,
    taxonomy: &Taxonomy,
) -> Result<(), DbErr> {
    let backend = transaction.get_database_backend();
    let labels = BulkInsert::new(
        backend,
        "label",
        &["taxonomy_id", "position", "key", "name", "level", "details"],
        false,
    );
    let edges = BulkInsert::new(
        backend,
        "label_edge",
        &["taxonomy_id", "child", "ordinal", "parent"],
        false,
    );
    let mut label_values: Vec<Value> = Vec::with_capacity(6 * taxonomy.len());
    let mut edge_values: Vec<Value> = Vec::with_capacity(4 * taxonomy.len());
    for index in taxonomy.indexes() {
        let details = taxonomy.details(index).map(serde_json::to_value);
        let details = details
            .transpose()
            .map_err(|error| DbErr::Json(error.to_string()))?;
        label_values.extend([
            id.into(),
            i64::from(index).into(),
            taxonomy.id(index).into(),
            taxonomy.name(index).into(),
            i64::from(taxonomy.level(index)).into(),
            details.into(),
        ]);
        for (ordinal, &parent) in taxonomy.parents(index).iter().enumerate() {
            edge_values.extend([
                id.into(),
                i64::from(index).into(),
                (ordinal as i64).into(),
                i64::from(parent).into(),
            ]);
        }
    }
    labels.insert(transaction, label_values).await?;
    edges.insert(transaction, edge_values).await
}

/// The labels of a version in taxonomy order, as a taxonomy is made of them.
pub(super) async fn labels(db: &impl ConnectionTrait, id: i64) -> Result<Vec<NewLabel>, DbErr> {
    let rows = label::Entity::find()
        .filter(label::COLUMN.taxonomy_id.eq(id))
        .order_by_asc(label::Column::Position)
        .all(db)
        .await?;
    let edges = label_edge::Entity::find()
        .filter(label_edge::COLUMN.taxonomy_id.eq(id))
        .order_by_asc(label_edge::Column::Child)
        .order_by_asc(label_edge::Column::Ordinal)
        .all(db)
        .await?;
    let mut parents: Vec<Vec<String>> = vec![Vec::new(); rows.len()];
    for edge in edges {
        let parent = rows
            .get(edge.parent as usize)
            .map(|parent| parent.key.clone());
        if let (Some(list), Some(parent)) = (parents.get_mut(edge.child as usize), parent) {
            list.push(parent);
        }
    }
    let label = |(row, parents): (label::Model, Vec<String>)| {
        let details = row.details.map(serde_json::from_value).transpose();
        Ok(NewLabel {
            id: row.key,
            name: row.name,
            parents,
            details: details.map_err(|error| DbErr::Json(error.to_string()))?,
        })
    };
    rows.into_iter().zip(parents).map(label).collect()
}

/// Those of the ids that a label has in another version of the project.
pub(super) async fn used_ids(
    db: &impl ConnectionTrait,
    project: i64,
    edited: i64,
    ids: &[&str],
) -> Result<FxHashSet<String>, DbErr> {
    let others: Vec<i64> = taxonomy::Entity::find()
        .select_only()
        .column(taxonomy::Column::Id)
        .filter(taxonomy::COLUMN.project_id.eq(project))
        .filter(taxonomy::COLUMN.id.ne(edited))
        .into_tuple()
        .all(db)
        .await?;
    let mut used = FxHashSet::default();
    for ids in ids.chunks(KEYS) {
        // By version and key: the index has both, in this order.
        for &other in &others {
            let keys: Vec<String> = label::Entity::find()
                .select_only()
                .column(label::Column::Key)
                .filter(label::COLUMN.taxonomy_id.eq(other))
                .filter(label::COLUMN.key.is_in(ids.iter().copied()))
                .into_tuple()
                .all(db)
                .await?;
            used.extend(keys);
        }
    }
    Ok(used)
}
