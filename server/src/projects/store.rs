//! The queries of projects.

use arborist_shared::api::accounts::Role;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use crate::db::entity::projects::{member, project};
use crate::db::{Db, DbErr, Timestamp, now};

/// A project's row.
pub(super) struct ProjectRow {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) created_at: Timestamp,
}

impl From<project::Model> for ProjectRow {
    fn from(project: project::Model) -> Self {
        Self {
            id: project.id,
            name: project.name,
            created_at: project.created_at,
        }
    }
}

pub(super) async fn find(db: &impl ConnectionTrait, id: i64) -> Result<Option<ProjectRow>, DbErr> {
    let project = project::Entity::find_by_id(id)
        .filter(project::COLUMN.archived_at.is_null())
        .one(db)
        .await?;
    Ok(project.map(ProjectRow::from))
}

/// Projects among the given ones (none = among all), newest first.
fn among(those: Option<&[i64]>) -> Select<project::Entity> {
    let mut query = project::Entity::find()
        .filter(project::COLUMN.archived_at.is_null())
        .order_by_desc(project::Column::Id);
    if let Some(those) = those {
        query = query.filter(project::COLUMN.id.is_in(those.iter().copied()));
    }
    query
}

/// The newest project of that name among the given ones.
pub(super) async fn named(
    db: &impl ConnectionTrait,
    those: Option<&[i64]>,
    name: &str,
) -> Result<Option<ProjectRow>, DbErr> {
    let project = among(those)
        .filter(project::COLUMN.name.eq(name))
        .one(db)
        .await?;
    Ok(project.map(ProjectRow::from))
}

/// Projects among the given ones, newest first, before a given one.
pub(super) async fn list(
    db: &impl ConnectionTrait,
    those: Option<&[i64]>,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<ProjectRow>, DbErr> {
    let mut query = among(those).limit(limit);
    if let Some(before) = before {
        query = query.filter(project::COLUMN.id.lt(before));
    }
    Ok(query
        .all(db)
        .await?
        .into_iter()
        .map(ProjectRow::from)
        .collect())
}

/// Makes a project, with its maker as its administrator.
pub(super) async fn insert(
    db: &Db,
    name: &str,
    created_by: Option<i64>,
) -> Result<ProjectRow, DbErr> {
    let transaction = db.begin().await?;
    let at = now();
    let project = project::ActiveModel {
        id: NotSet,
        name: Set(name.to_owned()),
        created_by: Set(created_by),
        created_at: Set(at),
        updated_at: Set(at),
        archived_at: Set(None),
    };
    let project = project.insert(&transaction).await?;
    if let Some(user) = created_by {
        let member = member::ActiveModel {
            user_id: Set(user),
            project_id: Set(project.id),
            role: Set(Role::Admin.into()),
            created_at: Set(at),
        };
        member::Entity::insert(member)
            .exec_without_returning(&transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(project.into())
}

pub(super) async fn projects_of(db: &impl ConnectionTrait, user: i64) -> Result<Vec<i64>, DbErr> {
    let members = member::Entity::find()
        .filter(member::COLUMN.user_id.eq(user))
        .all(db)
        .await?;
    Ok(members
        .into_iter()
        .map(|member| member.project_id)
        .collect())
}

/// Roles of a person, by project.
pub(super) async fn roles_of(
    db: &impl ConnectionTrait,
    user: i64,
) -> Result<Vec<(i64, Role)>, DbErr> {
    let members = member::Entity::find()
        .filter(member::COLUMN.user_id.eq(user))
        .all(db)
        .await?;
    Ok(members
        .into_iter()
        .map(|member| (member.project_id, member.role.into()))
        .collect())
}
