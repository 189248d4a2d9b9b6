//! The queries of comparisons.

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{ActiveModelTrait, ConnectionTrait, EntityTrait};

use crate::db::entity::runs::comparison;
use crate::db::{DbErr, Timestamp, now};

/// A comparison's row.
pub(super) struct ComparisonRow {
    pub(super) id: i64,
    pub(super) project_id: i64,
    /// JSON of the result.
    pub(super) result: String,
    pub(super) created_at: Timestamp,
}

pub(super) async fn find(
    db: &impl ConnectionTrait,
    id: i64,
) -> Result<Option<ComparisonRow>, DbErr> {
    let row = comparison::Entity::find_by_id(id).one(db).await?;
    Ok(row.map(|row| ComparisonRow {
        id: row.id,
        project_id: row.project_id,
        result: row.result,
        created_at: row.created_at,
    }))
}

pub(super) async fn insert(
    db: &impl ConnectionTrait,
    project: i64,
    split: &str,
    result: String,
) -> Result<i64, DbErr> {
    let row = comparison::ActiveModel {
        id: NotSet,
        project_id: Set(project),
        split: Set(split.to_owned()),
        result: Set(result),
        created_by: Set(None),
        created_at: Set(now()),
    };
    Ok(row.insert(db).await?.id)
}
