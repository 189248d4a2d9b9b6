//! The order of waiting jobs: the highest priority first, then by position, then by age; and what may start now.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult, JoinType,
    Order, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::JobRow;
use crate::db::entity::jobs::{job, job_dependency, job_limit};
use crate::db::{Db, DbErr, kinds};
use crate::jobs::Slot;

/// Between two jobs that were queued a microsecond apart this many bits of room are left for jobs to be moved there.
pub(super) const ROOM_BITS: u32 = 10;

/// Waiting jobs of a slot, all of whose needed jobs have succeeded, in order, as the table `waiting`; without columns.
pub(super) fn waiting(slot: Slot) -> SelectStatement {
    let waiting = |column: job::Column| Expr::col(("waiting", column));
    let open = Query::select()
        .expr(Expr::val(1))
        .from(job_dependency::Entity)
        .join_as(
            JoinType::InnerJoin,
            job::Entity,
            "needed",
            Expr::col(("needed", job::Column::Id))
                .equals((job_dependency::Entity, job_dependency::Column::NeedsId)),
        )
        .and_where(
            Expr::col((job_dependency::Entity, job_dependency::Column::JobId))
                .equals(("waiting", job::Column::Id)),
        )
        .and_where(
            Expr::col(("needed", job::Column::Status)).ne(Expr::value(kinds::JobStatus::Succeeded)),
        )
        .take();
    let mut select = Query::select();
    select
        .from_as(job::Entity, "waiting")
        .and_where(waiting(job::Column::Status).eq(Expr::value(kinds::JobStatus::Queued)))
        .and_where(waiting(job::Column::Slot).eq(slot.word()))
        .and_where(Expr::exists(open).not())
        .order_by_expr(waiting(job::Column::Priority), Order::Desc)
        .order_by_expr(waiting(job::Column::Position), Order::Asc)
        .order_by_expr(waiting(job::Column::Id), Order::Asc);
    select
}

/// A waiting job as the planner sees it.
#[derive(Clone, Debug, PartialEq, FromQueryResult)]
pub(in crate::jobs) struct Candidate {
    pub(in crate::jobs) id: i64,
    pub(in crate::jobs) created_by: Option<i64>,
    pub(in crate::jobs) device: Option<String>,
    pub(in crate::jobs) memory_bytes: Option<i64>,
}

/// The first jobs that may start as far as other jobs and people's limits go; `at_limit` are people who may have no more.
pub(in crate::jobs) async fn candidates(
    db: &impl ConnectionTrait,
    slot: Slot,
    at_limit: &[i64],
    limit: u64,
) -> Result<Vec<Candidate>, DbErr> {
    let column = |column: job::Column| Expr::col(("waiting", column));
    let mut select = waiting(slot);
    select
        .expr_as(column(job::Column::Id), "id")
        .expr_as(column(job::Column::CreatedBy), "created_by")
        .expr_as(column(job::Column::Device), "device")
        .expr_as(column(job::Column::MemoryBytes), "memory_bytes")
        .limit(limit);
    if !at_limit.is_empty() {
        let others = Condition::any()
            .add(column(job::Column::CreatedBy).is_null())
            .add(column(job::Column::CreatedBy).is_not_in(at_limit.iter().copied()));
        select.cond_where(others);
    }
    Candidate::find_by_statement(db.get_database_backend().build(&select))
        .all(db)
        .await
}

/// People's limits: by person, and the one for everybody else under none.
pub(in crate::jobs) async fn limits(
    db: &impl ConnectionTrait,
) -> Result<HashMap<Option<i64>, job_limit::Model>, DbErr> {
    let rows = job_limit::Entity::find().all(db).await?;
    Ok(rows.into_iter().map(|row| (row.user_id, row)).collect())
}

/// How many trainings each person has with this status.
pub(in crate::jobs) async fn counts(
    db: &impl ConnectionTrait,
    status: kinds::JobStatus,
) -> Result<HashMap<i64, u64>, DbErr> {
    let rows: Vec<(i64, i64)> = job::Entity::find()
        .select_only()
        .column(job::Column::CreatedBy)
        .column_as(job::Column::Id.count(), "n")
        .filter(job::COLUMN.status.eq(status))
        .filter(job::COLUMN.slot.eq(Slot::Train.word()))
        .filter(job::COLUMN.created_by.is_not_null())
        .group_by(job::Column::CreatedBy)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(user, n)| (user, n as u64)).collect())
}

/// Waiting jobs of some projects (none = of all) in the order they are taken, from the `skip`th on.
pub(in crate::jobs) async fn list(
    db: &impl ConnectionTrait,
    projects: Option<&[i64]>,
    skip: u64,
    limit: u64,
) -> Result<Vec<JobRow>, DbErr> {
    let mut query = of_projects(projects, kinds::JobStatus::Queued)
        // Trainings last: imports are quick and have places of their own.
        .order_by_asc(job::Column::Slot)
        .order_by_desc(job::Column::Priority)
        .order_by_asc(job::Column::Position)
        .order_by_asc(job::Column::Id)
        .limit(limit);
    if skip > 0 {
        query = query.offset(skip);
    }
    Ok(query.all(db).await?.into_iter().map(JobRow::from).collect())
}

pub(in crate::jobs) async fn count(
    db: &impl ConnectionTrait,
    projects: Option<&[i64]>,
) -> Result<u64, DbErr> {
    of_projects(projects, kinds::JobStatus::Queued)
        .count(db)
        .await
}

/// Jobs at work, in the order they started.
pub(in crate::jobs) async fn running(
    db: &impl ConnectionTrait,
    projects: Option<&[i64]>,
) -> Result<Vec<JobRow>, DbErr> {
    let rows = of_projects(projects, kinds::JobStatus::Running)
        .order_by_asc(job::Column::StartedAt)
        .order_by_asc(job::Column::Id)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(JobRow::from).collect())
}

fn of_projects(projects: Option<&[i64]>, status: kinds::JobStatus) -> sea_orm::Select<job::Entity> {
    let mut query = job::Entity::find().filter(job::COLUMN.status.eq(status));
    if let Some(projects) = projects {
        query = query.filter(job::COLUMN.project_id.is_in(projects.iter().copied()));
    }
    query
}

/// All waiting jobs of a slot in order, with how long each may take.
pub(in crate::jobs) async fn line(
    db: &impl ConnectionTrait,
    slot: &str,
) -> Result<Vec<(i64, Option<f64>)>, DbErr> {
    job::Entity::find()
        .select_only()
        .columns([job::Column::Id, job::Column::Seconds])
        .filter(job::COLUMN.status.eq(kinds::JobStatus::Queued))
        .filter(job::COLUMN.slot.eq(slot))
        .order_by_desc(job::Column::Priority)
        .order_by_asc(job::Column::Position)
        .order_by_asc(job::Column::Id)
        .into_tuple()
        .all(db)
        .await
}

/// Ids of jobs that these need and that have not succeeded, by job.
pub(in crate::jobs) async fn needed(
    db: &impl ConnectionTrait,
    jobs: &[i64],
) -> Result<HashMap<i64, Vec<(i64, bool)>>, DbErr> {
    let mut needed: HashMap<i64, Vec<(i64, bool)>> = HashMap::new();
    if jobs.is_empty() {
        return Ok(needed);
    }
    let rows: Vec<(i64, i64, kinds::JobStatus)> = job_dependency::Entity::find()
        .select_only()
        .column(job_dependency::Column::JobId)
        .column(job_dependency::Column::NeedsId)
        .column_as(Expr::col((job::Entity, job::Column::Status)), "status")
        .join(
            JoinType::InnerJoin,
            job_dependency::Entity::belongs_to(job::Entity)
                .from(job_dependency::Column::NeedsId)
                .to(job::Column::Id)
                .into(),
        )
        .filter(job_dependency::COLUMN.job_id.is_in(jobs.iter().copied()))
        .order_by_asc(job_dependency::Column::NeedsId)
        .into_tuple()
        .all(db)
        .await?;
    for (job, needs, status) in rows {
        let succeeded = status == kinds::JobStatus::Succeeded;
        needed.entry(job).or_default().push((needs, succeeded));
    }
    Ok(needed)
}

/// Where a job is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jobs) enum Spot {
    Before(i64),
    After(i64),
    First,
    Last,
}

/// Puts a waiting job elsewhere among those of its slot. Answers whether both jobs wait there.
pub(in crate::jobs) async fn move_to(db: &Db, id: i64, spot: Spot) -> Result<bool, DbErr> {
    let transaction = db.begin().await?;
    let waits = |id: i64| {
        job::Entity::find_by_id(id).filter(job::COLUMN.status.eq(kinds::JobStatus::Queued))
    };
    let Some(row) = waits(id).one(&transaction).await? else {
        return Ok(false);
    };
    // 1. Who stands there and of which priority. 2. The one on its other side. 3. Between them, with new room if there is none.
    let (priority, anchor) = match spot {
        Spot::Before(other) | Spot::After(other) => match waits(other).one(&transaction).await? {
            Some(other) if other.slot == row.slot && other.id != id => (other.priority, other.id),
            _ => return Ok(false),
        },
        Spot::First | Spot::Last => (row.priority, id),
    };
    let mut others: Vec<(i64, i64)> = job::Entity::find()
        .select_only()
        .columns([job::Column::Id, job::Column::Position])
        .filter(job::COLUMN.status.eq(kinds::JobStatus::Queued))
        .filter(job::COLUMN.slot.eq(row.slot.as_str()))
        .filter(job::COLUMN.priority.eq(priority))
        .filter(job::COLUMN.id.ne(id))
        .order_by_asc(job::Column::Position)
        .order_by_asc(job::Column::Id)
        .into_tuple()
        .all(&transaction)
        .await?;
    let at = |others: &[(i64, i64)]| others.iter().position(|(other, _)| *other == anchor);
    let index = match spot {
        Spot::First => 0,
        Spot::Last => others.len(),
        Spot::Before(_) => at(&others).unwrap_or(0),
        Spot::After(_) => at(&others).map_or(others.len(), |index| index + 1),
    };
    let mut position = between(&others, index);
    if position.is_none() {
        for (place, (other, stored)) in others.iter_mut().enumerate() {
            *stored = (place as i64 + 1) << (2 * ROOM_BITS);
            set_position(&transaction, *other, priority, *stored).await?;
        }
        position = between(&others, index);
    }
    set_position(&transaction, id, priority, position.unwrap_or_default()).await?;
    transaction.commit().await?;
    Ok(true)
}

/// A position between the jobs at `index - 1` and `index`; none where there is no room.
fn between(others: &[(i64, i64)], index: usize) -> Option<i64> {
    let room = 1_i64 << ROOM_BITS;
    let left = index.checked_sub(1).and_then(|left| others.get(left));
    match (left, others.get(index)) {
        (None, None) => Some(0),
        (None, Some((_, right))) => right.checked_sub(room),
        (Some((_, left)), None) => left.checked_add(room),
        (Some((_, left)), Some((_, right))) => {
            let middle = left + (right - left) / 2;
            (middle > *left && middle < *right).then_some(middle)
        }
    }
}

async fn set_position(
    db: &impl ConnectionTrait,
    id: i64,
    priority: i64,
    position: i64,
) -> Result<(), DbErr> {
    job::Entity::update_many()
        .col_expr(job::Column::Priority, Expr::value(priority))
        .col_expr(job::Column::Position, Expr::value(position))
        .filter(job::COLUMN.id.eq(id))
        .exec(db)
        .await
        .map(|_| ())
}

/// Gives a waiting job another priority. Answers whether it waits.
pub(in crate::jobs) async fn set_priority(db: &Db, id: i64, priority: i64) -> Result<bool, DbErr> {
    let changed = job::Entity::update_many()
        .col_expr(job::Column::Priority, Expr::value(priority))
        .filter(job::COLUMN.id.eq(id))
        .filter(job::COLUMN.status.eq(kinds::JobStatus::Queued))
        .exec(db.write())
        .await?;
    Ok(changed.rows_affected > 0)
}

/// Puts these limits in the place of all that there were.
pub(in crate::jobs) async fn set_limits(
    db: &Db,
    limits: &[arborist_shared::api::queue::Limit],
) -> Result<(), DbErr> {
    use sea_orm::ActiveValue::{NotSet, Set};

    let transaction = db.begin().await?;
    job_limit::Entity::delete_many().exec(&transaction).await?;
    let rows: Vec<_> = limits
        .iter()
        .map(|limit| job_limit::ActiveModel {
            id: NotSet,
            user_id: Set(limit.user),
            running: Set(limit.running.map(i64::from)),
            waiting: Set(limit.waiting.map(i64::from)),
        })
        .collect();
    if !rows.is_empty() {
        job_limit::Entity::insert_many(rows)
            .exec_without_returning(&transaction)
            .await?;
    }
    transaction.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_between_neighbours_until_there_is_none() {
        let others = [(1, 0), (2, 1_024), (3, 1_025)];
        assert_eq!(between(&others, 0), Some(-1_024));
        assert_eq!(between(&others, 1), Some(512));
        assert_eq!(between(&others, 2), None);
        assert_eq!(between(&others, 3), Some(2_049));
        assert_eq!(between(&[], 0), Some(0));
    }
}
