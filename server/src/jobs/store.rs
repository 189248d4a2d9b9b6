//! The queries of the queue.

use arborist_shared::api::jobs::{JobResult, JobStatus};
use arborist_shared::run::ProgressStep;
use chrono::TimeDelta;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use super::{JobRequest, Slot};
use crate::db::entity::jobs::job;
use crate::db::{Db, DbErr, Timestamp, kinds, now};

/// A job's row.
#[derive(Clone, Debug)]
pub struct JobRow {
    pub id: i64,
    pub project_id: i64,
    pub kind: String,
    pub title: String,
    pub status: JobStatus,
    pub request: serde_json::Value,
    pub progress: Vec<ProgressStep>,
    pub error: Option<String>,
    pub result: Option<JobResult>,
    pub interruptions: i64,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
}

impl From<job::Model> for JobRow {
    fn from(job: job::Model) -> Self {
        let result = job
            .result_type
            .zip(job.result_id)
            .map(|(kind, id)| JobResult { kind, id });
        Self {
            id: job.id,
            project_id: job.project_id,
            kind: job.kind,
            title: job.title,
            status: job.status.into(),
            request: job.request,
            // Written by us; should it ever not be readable, there is no progress to show.
            progress: serde_json::from_value(job.progress).unwrap_or_default(),
            error: job.error,
            result,
            interruptions: job.interruptions,
            created_at: job.created_at,
            started_at: job.started_at,
            finished_at: job.finished_at,
        }
    }
}

/// Queues a job; the caller wakes the runner once the transaction is committed.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(
    db: &impl ConnectionTrait,
    project: i64,
    title: &str,
    request: &JobRequest,
    created_by: Option<i64>,
) -> Result<i64, DbErr> {
    let request_json =
        serde_json::to_value(request).map_err(|error| DbErr::Json(error.to_string()))?;
    let job = job::ActiveModel {
        id: NotSet,
        project_id: Set(project),
        kind: Set(request.kind().to_owned()),
        slot: Set(request.slot().word().to_owned()),
        title: Set(title.to_owned()),
        status: Set(kinds::JobStatus::Queued),
        request: Set(request_json),
        progress: Set(serde_json::json!([])),
        error: Set(None),
        result_type: Set(None),
        result_id: Set(None),
        attempts: Set(0),
        interruptions: Set(0),
        cancel_requested: Set(false),
        lease_owner: Set(None),
        lease_until: Set(None),
        created_by: Set(created_by),
        created_at: Set(now()),
        started_at: Set(None),
        finished_at: Set(None),
    };
    Ok(job.insert(db).await?.id)
}

pub(super) async fn find(db: &impl ConnectionTrait, id: i64) -> Result<Option<JobRow>, DbErr> {
    Ok(job::Entity::find_by_id(id).one(db).await?.map(JobRow::from))
}

/// Jobs of some projects (none = of all), newest first, before a given one.
pub(super) async fn list(
    db: &impl ConnectionTrait,
    projects: Option<&[i64]>,
    status: Option<JobStatus>,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<JobRow>, DbErr> {
    let mut query = job::Entity::find()
        .order_by_desc(job::Column::Id)
        .limit(limit);
    if let Some(projects) = projects {
        query = query.filter(job::COLUMN.project_id.is_in(projects.iter().copied()));
    }
    if let Some(status) = status {
        query = query.filter(job::COLUMN.status.eq(kinds::JobStatus::from(status)));
    }
    if let Some(before) = before {
        query = query.filter(job::COLUMN.id.lt(before));
    }
    Ok(query.all(db).await?.into_iter().map(JobRow::from).collect())
}

/// Takes the oldest waiting job of a slot, in one statement: two runners never take the same. Imports of one kind into one
/// project go one after the other, since each builds on what the one before has made.
pub(super) async fn claim(
    db: &Db,
    slot: Slot,
    owner: &str,
    lease: TimeDelta,
) -> Result<Option<JobRow>, DbErr> {
    let at = now();
    let waiting = |column: job::Column| Expr::col(("waiting", column));
    let other = |column: job::Column| Expr::col(("other", column));
    let mut oldest = Query::select();
    oldest
        .expr(waiting(job::Column::Id))
        .from_as(job::Entity, "waiting")
        .and_where(waiting(job::Column::Status).eq(Expr::value(kinds::JobStatus::Queued)))
        .and_where(waiting(job::Column::Slot).eq(slot.word()))
        .order_by_expr(waiting(job::Column::Id), sea_orm::Order::Asc)
        .limit(1);
    if slot == Slot::Import {
        let alike = Query::select()
            .expr(Expr::val(1))
            .from_as(job::Entity, "other")
            .and_where(other(job::Column::Status).eq(Expr::value(kinds::JobStatus::Running)))
            .and_where(other(job::Column::Kind).eq(waiting(job::Column::Kind)))
            .and_where(other(job::Column::ProjectId).eq(waiting(job::Column::ProjectId)))
            .take();
        oldest.and_where(Expr::exists(alike).not());
    }
    let claimed = job::Entity::update_many()
        .col_expr(job::Column::Status, Expr::value(kinds::JobStatus::Running))
        .col_expr(job::Column::LeaseOwner, Expr::value(owner))
        .col_expr(job::Column::LeaseUntil, Expr::value(at + lease))
        .col_expr(
            job::Column::StartedAt,
            Expr::col(job::Column::StartedAt).if_null(Expr::value(at)),
        )
        .filter(Expr::col(job::Column::Id).in_subquery(oldest))
        .exec_with_returning(db.write())
        .await?;
    Ok(claimed.into_iter().next().map(JobRow::from))
}

/// Prolongs the lease and stores the progress. Answers whether somebody asked for the job's end; none when the job is not
/// ours any more.
pub(super) async fn heartbeat(
    db: &Db,
    id: i64,
    owner: &str,
    lease: TimeDelta,
    progress: &[ProgressStep],
) -> Result<Option<bool>, DbErr> {
    let progress =
        serde_json::to_value(progress).map_err(|error| DbErr::Json(error.to_string()))?;
    let rows = job::Entity::update_many()
        .col_expr(job::Column::LeaseUntil, Expr::value(now() + lease))
        .col_expr(job::Column::Progress, Expr::value(progress))
        .filter(job::COLUMN.id.eq(id))
        .filter(job::COLUMN.status.eq(kinds::JobStatus::Running))
        .filter(job::COLUMN.lease_owner.eq(owner))
        .exec_with_returning(db.write())
        .await?;
    Ok(rows.into_iter().next().map(|job| job.cancel_requested))
}

/// Ids and requests of all jobs that have not ended.
pub(super) async fn open_requests(
    db: &impl ConnectionTrait,
) -> Result<Vec<(i64, serde_json::Value)>, DbErr> {
    job::Entity::find()
        .select_only()
        .column(job::Column::Id)
        .column(job::Column::Request)
        .filter(is_open())
        .into_tuple()
        .all(db)
        .await
}

fn is_open() -> sea_orm::sea_query::SimpleExpr {
    job::COLUMN
        .status
        .is_in([kinds::JobStatus::Queued, kinds::JobStatus::Running])
}

/// Fails a job that nobody can work on, whether it waits or an earlier server left it at work.
pub(super) async fn refuse(db: &impl ConnectionTrait, id: i64, error: &str) -> Result<(), DbErr> {
    let failed = Expr::value(kinds::JobStatus::Failed);
    let nobody = Expr::value(Option::<String>::None);
    let never = Expr::value(Option::<Timestamp>::None);
    job::Entity::update_many()
        .col_expr(job::Column::Status, failed)
        .col_expr(job::Column::Error, Expr::value(error))
        .col_expr(job::Column::LeaseOwner, nobody)
        .col_expr(job::Column::LeaseUntil, never)
        .col_expr(job::Column::FinishedAt, Expr::value(now()))
        .filter(job::COLUMN.id.eq(id))
        .filter(is_open())
        .exec(db)
        .await
        .map(|_| ())
}

/// Writes how a running job ended; one that has ended already stays as it is.
pub(super) async fn finish(
    db: &impl ConnectionTrait,
    id: i64,
    status: JobStatus,
    error: Option<&str>,
    result: Option<&JobResult>,
    at: Timestamp,
) -> Result<(), DbErr> {
    job::Entity::update_many()
        .col_expr(
            job::Column::Status,
            Expr::value(kinds::JobStatus::from(status)),
        )
        .col_expr(job::Column::Error, Expr::value(error.map(str::to_owned)))
        .col_expr(
            job::Column::ResultType,
            Expr::value(result.map(|result| result.kind.clone())),
        )
        .col_expr(
            job::Column::ResultId,
            Expr::value(result.map(|result| result.id)),
        )
        .col_expr(
            job::Column::Attempts,
            Expr::col(job::Column::Attempts).add(1),
        )
        .col_expr(job::Column::LeaseOwner, Expr::value(Option::<String>::None))
        .col_expr(
            job::Column::LeaseUntil,
            Expr::value(Option::<Timestamp>::None),
        )
        .col_expr(job::Column::FinishedAt, Expr::value(at))
        .filter(job::COLUMN.id.eq(id))
        .filter(job::COLUMN.status.eq(kinds::JobStatus::Running))
        .exec(db)
        .await?;
    Ok(())
}

/// Stores the last progress of a job.
pub(super) async fn set_progress(
    db: &impl ConnectionTrait,
    id: i64,
    progress: &[ProgressStep],
) -> Result<(), DbErr> {
    let progress =
        serde_json::to_value(progress).map_err(|error| DbErr::Json(error.to_string()))?;
    job::Entity::update_many()
        .col_expr(job::Column::Progress, Expr::value(progress))
        .filter(job::COLUMN.id.eq(id))
        .exec(db)
        .await?;
    Ok(())
}

/// Puts a job back that this server cannot finish now.
pub(super) async fn release(db: &Db, id: i64, owner: &str) -> Result<(), DbErr> {
    requeue(
        db,
        job::COLUMN
            .id
            .eq(id)
            .and(job::COLUMN.lease_owner.eq(owner))
            .into(),
    )
    .await
    .map(|_| ())
}

/// Puts jobs back whose server is gone: those of an earlier process with our name, and those whose lease ran out, except
/// the ones at work here. Answers their ids.
pub(super) async fn recover(
    db: &Db,
    owner: Option<&str>,
    except: &[i64],
) -> Result<Vec<i64>, DbErr> {
    let mut gone = Condition::any().add(job::COLUMN.lease_until.lt(now()));
    if let Some(owner) = owner {
        gone = gone.add(job::COLUMN.lease_owner.eq(owner));
    }
    let condition = Condition::all()
        .add(gone)
        .add(job::COLUMN.id.is_not_in(except.iter().copied()));
    requeue(db, condition).await
}

async fn requeue(db: &Db, which: Condition) -> Result<Vec<i64>, DbErr> {
    let rows = job::Entity::update_many()
        .col_expr(job::Column::Status, Expr::value(kinds::JobStatus::Queued))
        .col_expr(
            job::Column::Interruptions,
            Expr::col(job::Column::Interruptions).add(1),
        )
        .col_expr(job::Column::LeaseOwner, Expr::value(Option::<String>::None))
        .col_expr(
            job::Column::LeaseUntil,
            Expr::value(Option::<Timestamp>::None),
        )
        .filter(job::COLUMN.status.eq(kinds::JobStatus::Running))
        .filter(which)
        .exec_with_returning(db.write())
        .await?;
    Ok(rows.into_iter().map(|job| job.id).collect())
}

/// Ends a job that waits, and marks one that is at work.
pub(super) async fn request_cancel(db: &Db, id: i64) -> Result<(), DbErr> {
    let transaction = db.begin().await?;
    job::Entity::update_many()
        .col_expr(
            job::Column::Status,
            Expr::value(kinds::JobStatus::Cancelled),
        )
        .col_expr(job::Column::FinishedAt, Expr::value(now()))
        .filter(job::COLUMN.id.eq(id))
        .filter(job::COLUMN.status.eq(kinds::JobStatus::Queued))
        .exec(&transaction)
        .await?;
    job::Entity::update_many()
        .col_expr(job::Column::CancelRequested, Expr::value(true))
        .filter(job::COLUMN.id.eq(id))
        .filter(job::COLUMN.status.eq(kinds::JobStatus::Running))
        .exec(&transaction)
        .await?;
    transaction.commit().await
}
