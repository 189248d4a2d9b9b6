//! The queries of links by which other tools read a taxonomy.

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use crate::db::entity::taxonomies::taxonomy_link;
use crate::db::{DbErr, Timestamp, now};

/// A link's row, without its secret.
#[derive(Clone, Debug)]
pub(in crate::taxonomies) struct LinkRow {
    pub(in crate::taxonomies) id: i64,
    pub(in crate::taxonomies) project_id: i64,
    pub(in crate::taxonomies) name: String,
    pub(in crate::taxonomies) created_at: Timestamp,
}

impl From<taxonomy_link::Model> for LinkRow {
    fn from(row: taxonomy_link::Model) -> Self {
        Self {
            id: row.id,
            project_id: row.project_id,
            name: row.name,
            created_at: row.created_at,
        }
    }
}

pub(in crate::taxonomies) async fn insert(
    db: &impl ConnectionTrait,
    project: i64,
    name: &str,
    secret_hash: &str,
    created_by: Option<i64>,
) -> Result<LinkRow, DbErr> {
    let row = taxonomy_link::ActiveModel {
        id: NotSet,
        project_id: Set(project),
        name: Set(name.to_owned()),
        secret_hash: Set(secret_hash.to_owned()),
        created_by: Set(created_by),
        created_at: Set(now()),
        revoked_at: Set(None),
    };
    Ok(row.insert(db).await?.into())
}

/// Links of a project, newest first, before a given one.
pub(in crate::taxonomies) async fn list(
    db: &impl ConnectionTrait,
    project: i64,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<LinkRow>, DbErr> {
    let mut query = taxonomy_link::Entity::find()
        .filter(taxonomy_link::COLUMN.project_id.eq(project))
        .filter(taxonomy_link::Column::RevokedAt.is_null())
        .order_by_desc(taxonomy_link::Column::Id)
        .limit(limit);
    if let Some(before) = before {
        query = query.filter(taxonomy_link::COLUMN.id.lt(before));
    }
    let rows = query.all(db).await?;
    Ok(rows.into_iter().map(LinkRow::from).collect())
}

pub(in crate::taxonomies) async fn find(
    db: &impl ConnectionTrait,
    id: i64,
) -> Result<Option<LinkRow>, DbErr> {
    let row = taxonomy_link::Entity::find_by_id(id).one(db).await?;
    Ok(row.map(LinkRow::from))
}

/// The project that the link with this secret belongs to.
pub(in crate::taxonomies) async fn project_of(
    db: &impl ConnectionTrait,
    secret_hash: &str,
) -> Result<Option<i64>, DbErr> {
    let row = taxonomy_link::Entity::find()
        .filter(taxonomy_link::COLUMN.secret_hash.eq(secret_hash))
        .filter(taxonomy_link::Column::RevokedAt.is_null())
        .one(db)
        .await?;
    Ok(row.map(|row| row.project_id))
}

/// Takes a link away; who made it and when stays known.
pub(in crate::taxonomies) async fn revoke(db: &impl ConnectionTrait, id: i64) -> Result<(), DbErr> {
    taxonomy_link::Entity::update_many()
        .col_expr(taxonomy_link::Column::RevokedAt, Expr::value(now()))
        .filter(taxonomy_link::COLUMN.id.eq(id))
        .filter(taxonomy_link::Column::RevokedAt.is_null())
        .exec(db)
        .await?;
    Ok(())
}
