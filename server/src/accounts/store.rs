//! The queries of accounts.

use std::collections::HashMap;

use arborist_shared::api::accounts::Role;
use chrono::TimeDelta;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use crate::db::entity::accounts::{api_key, session, user};
use crate::db::entity::projects::member;
use crate::db::{Db, DbErr, Timestamp, now};

/// A person, as sign-in needs them.
pub(super) struct UserRow {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) password_hash: String,
    pub(super) role: Role,
}

impl From<user::Model> for UserRow {
    fn from(user: user::Model) -> Self {
        Self {
            id: user.id,
            name: user.name,
            password_hash: user.password_hash,
            role: user.role.into(),
        }
    }
}

/// Names of people, by id.
pub(super) async fn names(
    db: &impl ConnectionTrait,
    ids: &[i64],
) -> Result<HashMap<i64, String>, DbErr> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(i64, String)> = user::Entity::find()
        .select_only()
        .columns([user::Column::Id, user::Column::Name])
        .filter(user::COLUMN.id.is_in(ids.iter().copied()))
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().collect())
}

/// A key, without its secret.
pub(super) struct KeyRow {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) created_at: Timestamp,
    pub(super) last_used_at: Option<Timestamp>,
}

impl From<api_key::Model> for KeyRow {
    fn from(key: api_key::Model) -> Self {
        Self {
            id: key.id,
            name: key.name,
            role: key.role.into(),
            created_at: key.created_at,
            last_used_at: key.last_used_at,
        }
    }
}

/// A session with the person it belongs to.
pub(super) struct SessionRow {
    pub(super) id: i64,
    pub(super) last_seen_at: Timestamp,
    pub(super) user: UserRow,
}

pub(super) async fn has_users(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    Ok(user::Entity::find().count(db).await? > 0)
}

pub(super) async fn find_user(
    db: &impl ConnectionTrait,
    name: &str,
) -> Result<Option<UserRow>, DbErr> {
    let user = user::Entity::find()
        .filter(user::COLUMN.name.eq(name))
        .filter(user::COLUMN.disabled_at.is_null())
        .one(db)
        .await?;
    Ok(user.map(UserRow::from))
}

/// Makes the first user, unless there is one already.
pub(super) async fn insert_first_user(
    db: &Db,
    name: &str,
    password_hash: String,
    role: Role,
) -> Result<Option<UserRow>, DbErr> {
    let transaction = db.begin().await?;
    if has_users(&transaction).await? {
        return Ok(None);
    }
    let at = now();
    let user = user::ActiveModel {
        id: NotSet,
        name: Set(name.to_owned()),
        password_hash: Set(password_hash),
        role: Set(role.into()),
        created_at: Set(at),
        updated_at: Set(at),
        disabled_at: Set(None),
    };
    let user = user.insert(&transaction).await?;
    transaction.commit().await?;
    Ok(Some(user.into()))
}

pub(super) async fn insert_session(
    db: &impl ConnectionTrait,
    user: i64,
    secret_hash: String,
    lifetime: TimeDelta,
) -> Result<i64, DbErr> {
    let at = now();
    let session = session::ActiveModel {
        id: NotSet,
        secret_hash: Set(secret_hash),
        user_id: Set(user),
        created_at: Set(at),
        last_seen_at: Set(at),
        expires_at: Set(at + lifetime),
    };
    Ok(session.insert(db).await?.id)
}

pub(super) async fn find_session(
    db: &impl ConnectionTrait,
    secret_hash: &str,
) -> Result<Option<SessionRow>, DbErr> {
    let Some(session) = session::Entity::find()
        .filter(session::COLUMN.secret_hash.eq(secret_hash))
        .filter(session::COLUMN.expires_at.gt(now()))
        .one(db)
        .await?
    else {
        return Ok(None);
    };
    let user = user::Entity::find_by_id(session.user_id)
        .filter(user::COLUMN.disabled_at.is_null())
        .one(db)
        .await?;
    Ok(user.map(|user| SessionRow {
        id: session.id,
        last_seen_at: session.last_seen_at,
        user: user.into(),
    }))
}

/// Notes that a session is in use, which prolongs it.
pub(super) async fn touch_session(
    db: &impl ConnectionTrait,
    id: i64,
    lifetime: TimeDelta,
) -> Result<(), DbErr> {
    let at = now();
    session::Entity::update_many()
        .col_expr(session::Column::LastSeenAt, at.into())
        .col_expr(session::Column::ExpiresAt, (at + lifetime).into())
        .filter(session::COLUMN.id.eq(id))
        .exec(db)
        .await?;
    Ok(())
}

pub(super) async fn delete_session(db: &impl ConnectionTrait, id: i64) -> Result<(), DbErr> {
    session::Entity::delete_by_id(id).exec(db).await?;
    Ok(())
}

pub(super) async fn delete_expired_sessions(db: &impl ConnectionTrait) -> Result<u64, DbErr> {
    Ok(session::Entity::delete_many()
        .filter(session::COLUMN.expires_at.lte(now()))
        .exec(db)
        .await?
        .rows_affected)
}

pub(super) async fn project_role(
    db: &impl ConnectionTrait,
    user: i64,
    project: i64,
) -> Result<Option<Role>, DbErr> {
    Ok(member::Entity::find_by_id((user, project))
        .one(db)
        .await?
        .map(|member| member.role.into()))
}

pub(super) async fn insert_key(
    db: &impl ConnectionTrait,
    name: &str,
    role: Role,
    secret_hash: String,
    created_by: Option<i64>,
) -> Result<i64, DbErr> {
    let key = api_key::ActiveModel {
        id: NotSet,
        name: Set(name.to_owned()),
        role: Set(role.into()),
        secret_hash: Set(secret_hash),
        created_by: Set(created_by),
        created_at: Set(now()),
        last_used_at: Set(None),
        revoked_at: Set(None),
    };
    Ok(key.insert(db).await?.id)
}

pub(super) async fn find_key(
    db: &impl ConnectionTrait,
    secret_hash: &str,
) -> Result<Option<KeyRow>, DbErr> {
    let key = api_key::Entity::find()
        .filter(api_key::COLUMN.secret_hash.eq(secret_hash))
        .filter(api_key::COLUMN.revoked_at.is_null())
        .one(db)
        .await?;
    Ok(key.map(KeyRow::from))
}

pub(super) async fn touch_key(db: &impl ConnectionTrait, id: i64) -> Result<(), DbErr> {
    api_key::Entity::update_many()
        .col_expr(api_key::Column::LastUsedAt, now().into())
        .filter(api_key::COLUMN.id.eq(id))
        .exec(db)
        .await?;
    Ok(())
}

/// Valid keys, newest first, before a given one.
pub(super) async fn list_keys(
    db: &impl ConnectionTrait,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<KeyRow>, DbErr> {
    let mut query = api_key::Entity::find()
        .filter(api_key::COLUMN.revoked_at.is_null())
        .order_by_desc(api_key::Column::Id)
        .limit(limit);
    if let Some(before) = before {
        query = query.filter(api_key::COLUMN.id.lt(before));
    }
    Ok(query.all(db).await?.into_iter().map(KeyRow::from).collect())
}

/// Whether there was such a key.
pub(super) async fn revoke_key(db: &impl ConnectionTrait, id: i64) -> Result<bool, DbErr> {
    let result = api_key::Entity::update_many()
        .col_expr(api_key::Column::RevokedAt, now().into())
        .filter(
            api_key::COLUMN
                .id
                .eq(id)
                .and(api_key::COLUMN.revoked_at.is_null()),
        )
        .exec(db)
        .await?;
    Ok(result.rows_affected > 0)
}
