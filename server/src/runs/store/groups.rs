//! The queries of groups.

use arborist_shared::api::groups::{Group, MedianRule};
use arborist_shared::api::runs::{Epoch, Run};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::show;
use crate::db::entity::runs::{epoch, run, run_group, run_group_member};
use crate::db::{DbErr, now, rfc3339};

pub(in crate::runs) async fn insert(
    db: &impl ConnectionTrait,
    project: i64,
    name: &str,
    rule: Option<&MedianRule>,
    created_by: Option<i64>,
) -> Result<i64, DbErr> {
    let rule = rule.map(serde_json::to_value).transpose();
    let row = run_group::ActiveModel {
        id: NotSet,
        project_id: Set(project),
        name: Set(name.to_owned()),
        rule: Set(rule.map_err(|error| DbErr::Json(error.to_string()))?),
        created_by: Set(created_by),
        created_at: Set(now()),
    };
    Ok(row.insert(db).await?.id)
}

pub(in crate::runs) async fn add(
    db: &impl ConnectionTrait,
    group: i64,
    run: i64,
    trial: u32,
) -> Result<(), DbErr> {
    let row = run_group_member::ActiveModel {
        run_id: Set(run),
        group_id: Set(group),
        trial: Set(i64::from(trial)),
    };
    run_group_member::Entity::insert(row)
        .exec_without_returning(db)
        .await
        .map(|_| ())
}

/// Groups of a project, newest first, before a given one.
pub(in crate::runs) async fn list(
    db: &impl ConnectionTrait,
    project: i64,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<Group>, DbErr> {
    let mut query = run_group::Entity::find()
        .filter(run_group::COLUMN.project_id.eq(project))
        .order_by_desc(run_group::Column::Id)
        .limit(limit);
    if let Some(before) = before {
        query = query.filter(run_group::COLUMN.id.lt(before));
    }
    let rows = query.all(db).await?;
    shown(db, rows).await
}

pub(in crate::runs) async fn find(
    db: &impl ConnectionTrait,
    id: i64,
) -> Result<Option<Group>, DbErr> {
    let rows = run_group::Entity::find_by_id(id).all(db).await?;
    Ok(shown(db, rows).await?.into_iter().next())
}

async fn shown(
    db: &impl ConnectionTrait,
    rows: Vec<run_group::Model>,
) -> Result<Vec<Group>, DbErr> {
    let counts: Vec<(i64, i64)> = run_group_member::Entity::find()
        .select_only()
        .column(run_group_member::Column::GroupId)
        .column_as(run_group_member::Column::RunId.count(), "n")
        .filter(
            run_group_member::COLUMN
                .group_id
                .is_in(rows.iter().map(|row| row.id)),
        )
        .group_by(run_group_member::Column::GroupId)
        .into_tuple()
        .all(db)
        .await?;
    let n = |id: i64| {
        counts
            .iter()
            .find(|(group, _)| *group == id)
            .map_or(0, |(_, n)| *n)
    };
    let groups = rows.into_iter().map(|row| Group {
        n_runs: n(row.id) as u64,
        id: row.id,
        project: row.project_id,
        name: row.name,
        created_at: rfc3339(row.created_at),
        abandon: row.rule.and_then(|rule| serde_json::from_value(rule).ok()),
    });
    Ok(groups.collect())
}

/// Runs of a group with their trials, oldest first.
pub(in crate::runs) async fn runs(
    db: &impl ConnectionTrait,
    group: i64,
) -> Result<Vec<(u32, Run)>, DbErr> {
    let members = run_group_member::Entity::find()
        .filter(run_group_member::COLUMN.group_id.eq(group))
        .order_by_asc(run_group_member::Column::RunId)
        .all(db)
        .await?;
    let rows = run::Entity::find()
        .filter(
            run::COLUMN
                .id
                .is_in(members.iter().map(|member| member.run_id)),
        )
        .order_by_asc(run::Column::Id)
        .all(db)
        .await?;
    let shown = show(db, rows).await?;
    Ok(members
        .into_iter()
        .map(|member| member.trial as u32)
        .zip(shown)
        .collect())
}

/// The group of a run and its rule, if it has one.
pub(in crate::runs) async fn rule_of(
    db: &impl ConnectionTrait,
    run: i64,
) -> Result<Option<(i64, i64, MedianRule)>, DbErr> {
    let Some(member) = run_group_member::Entity::find_by_id(run).one(db).await? else {
        return Ok(None);
    };
    let group = run_group::Entity::find_by_id(member.group_id)
        .one(db)
        .await?;
    let rule = group.and_then(|group| serde_json::from_value(group.rule?).ok());
    Ok(rule.map(|rule| (member.group_id, member.trial, rule)))
}

/// Epochs of a group's other trials up to one, by run.
pub(in crate::runs) async fn other_epochs(
    db: &impl ConnectionTrait,
    group: i64,
    trial: i64,
    up_to: u32,
) -> Result<Vec<(i64, Epoch)>, DbErr> {
    let members: Vec<i64> = run_group_member::Entity::find()
        .select_only()
        .column(run_group_member::Column::RunId)
        .filter(run_group_member::COLUMN.group_id.eq(group))
        .filter(run_group_member::COLUMN.trial.ne(trial))
        .into_tuple()
        .all(db)
        .await?;
    let rows = epoch::Entity::find()
        .filter(epoch::COLUMN.run_id.is_in(members))
        .filter(epoch::COLUMN.epoch.lte(i64::from(up_to)))
        .order_by_asc(epoch::Column::RunId)
        .order_by_asc(epoch::Column::Epoch)
        .all(db)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.run_id, super::epoch_of(row)))
        .collect())
}
