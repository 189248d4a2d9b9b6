//! The queries of assets.

use arborist_shared::api::assets::AssetKind;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::db::entity::corpora::asset;
use crate::db::{DbErr, Timestamp, now};
use crate::http::upload::Upload;

/// An asset's row.
#[derive(Clone, Debug)]
pub struct AssetRow {
    pub id: i64,
    pub project_id: i64,
    pub kind: AssetKind,
    pub name: String,
    pub content_hash: String,
    pub n_bytes: u64,
    pub summary: String,
    pub created_at: Timestamp,
}

impl From<asset::Model> for AssetRow {
    fn from(row: asset::Model) -> Self {
        Self {
            id: row.id,
            project_id: row.project_id,
            kind: row.kind.into(),
            name: row.name,
            content_hash: row.content_hash,
            n_bytes: row.n_bytes as u64,
            summary: row.summary,
            created_at: row.created_at,
        }
    }
}

pub(super) async fn find(db: &impl ConnectionTrait, id: i64) -> Result<Option<AssetRow>, DbErr> {
    Ok(asset::Entity::find_by_id(id)
        .one(db)
        .await?
        .map(AssetRow::from))
}

/// Assets of a project, newest first, before a given one.
pub(super) async fn list(
    db: &impl ConnectionTrait,
    project: i64,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<AssetRow>, DbErr> {
    let mut query = asset::Entity::find()
        .filter(asset::COLUMN.project_id.eq(project))
        .order_by_desc(asset::Column::Id)
        .limit(limit);
    if let Some(before) = before {
        query = query.filter(asset::COLUMN.id.lt(before));
    }
    Ok(query
        .all(db)
        .await?
        .into_iter()
        .map(AssetRow::from)
        .collect())
}

pub(super) async fn insert(
    db: &impl ConnectionTrait,
    project: i64,
    kind: AssetKind,
    upload: &Upload,
    summary: String,
) -> Result<i64, DbErr> {
    let row = asset::ActiveModel {
        id: NotSet,
        project_id: Set(project),
        kind: Set(kind.into()),
        name: Set(upload.name.clone()),
        content_hash: Set(upload.content_hash.clone()),
        n_bytes: Set(upload.n_bytes as i64),
        summary: Set(summary),
        created_at: Set(now()),
    };
    Ok(row.insert(db).await?.id)
}
