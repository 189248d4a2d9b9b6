//! The queries of the queue.

pub(super) mod order;

use arborist_shared::api::jobs::{JobResult, JobStatus};
use arborist_shared::api::queue::{Attempt, Cause};
use arborist_shared::run::ProgressStep;
use chrono::TimeDelta;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, LockBehavior, LockType, Query, SelectStatement};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, JoinType,
    QueryFilter, QueryOrder, QuerySelect,
};

use super::{JobRequest, Slot};
use crate::db::entity::jobs::{job, job_dependency};
use crate::db::{Db, DbErr, Timestamp, is_postgres, kinds, now};

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
    pub attempts: i64,
    pub interruptions: i64,
    pub created_by: Option<i64>,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub slot: String,
    pub priority: i64,
    /// Place within its priority.
    pub rank: i64,
    pub device: Option<String>,
    pub memory_bytes: Option<u64>,
    pub seconds: Option<f64>,
    pub place: Option<String>,
    pub cause: Option<Cause>,
    pub history: Vec<Attempt>,
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
            attempts: job.attempts,
            interruptions: job.interruptions,
            created_by: job.created_by,
            created_at: job.created_at,
            started_at: job.started_at,
            finished_at: job.finished_at,
            slot: job.slot,
            priority: job.priority,
            rank: job.position,
            device: job.device,
            memory_bytes: job.memory_bytes.map(|bytes| bytes as u64),
            seconds: job.seconds,
            place: job.place,
            cause: job
                .cause
                .and_then(|word| serde_json::from_value(serde_json::Value::String(word)).ok()),
            // Written by us.
            history: serde_json::from_value(job.history).unwrap_or_default(),
        }
    }
}

/// What a job needs, as far as whoever queues it can tell.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    pub device: Option<String>,
    pub memory_bytes: Option<u64>,
    pub seconds: Option<f64>,
    pub priority: i64,
    /// Jobs that have to succeed first.
    pub jobs: Vec<i64>,
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
    insert_with(db, project, title, request, created_by, Needs::default()).await
}

/// [`insert`], of a job of which more is known.
///
/// # Errors
/// When the database does not answer.
pub async fn insert_with(
    db: &impl ConnectionTrait,
    project: i64,
    title: &str,
    request: &JobRequest,
    created_by: Option<i64>,
    needs: Needs,
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
        priority: Set(needs.priority),
        position: Set(next_position()),
        device: Set(needs.device),
        memory_bytes: Set(needs.memory_bytes.map(|bytes| bytes as i64)),
        seconds: Set(needs.seconds),
        place: Set(None),
        cause: Set(None),
        history: Set(serde_json::json!([])),
    };
    let id = job.insert(db).await?.id;
    let rows = needs.jobs.iter().map(|&other| job_dependency::ActiveModel {
        job_id: Set(id),
        needs_id: Set(other),
    });
    if !needs.jobs.is_empty() {
        job_dependency::Entity::insert_many(rows)
            .exec_without_returning(db)
            .await?;
    }
    Ok(id)
}

/// The end of the queue: the time, with room between any two for others to be put there.
fn next_position() -> i64 {
    now().timestamp_micros() << order::ROOM_BITS
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

/// Jobs of a project that do the same, newest first, before a given one.
pub(super) async fn of_kind(
    db: &impl ConnectionTrait,
    project: i64,
    kind: &str,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<JobRow>, DbErr> {
    let mut query = job::Entity::find()
        .filter(job::COLUMN.project_id.eq(project))
        .filter(job::COLUMN.kind.eq(kind))
        .order_by_desc(job::Column::Id)
        .limit(limit);
    if let Some(before) = before {
        query = query.filter(job::COLUMN.id.lt(before));
    }
    Ok(query.all(db).await?.into_iter().map(JobRow::from).collect())
}

/// The newest jobs of some projects (none = of all) that have ended.
pub(super) async fn ended(
    db: &impl ConnectionTrait,
    projects: Option<&[i64]>,
    limit: u64,
) -> Result<Vec<JobRow>, DbErr> {
    let mut query = job::Entity::find()
        .filter(job::COLUMN.finished_at.is_not_null())
        .order_by_desc(job::Column::Id)
        .limit(limit);
    if let Some(projects) = projects {
        query = query.filter(job::COLUMN.project_id.is_in(projects.iter().copied()));
    }
    Ok(query.all(db).await?.into_iter().map(JobRow::from).collect())
}

/// Takes the first waiting job of a slot, in one statement: two runners never take the same. Imports of one kind into one
/// project go one after the other, since each builds on what the one before has made.
pub(super) async fn claim(
    db: &Db,
    slot: Slot,
    owner: &str,
    lease: TimeDelta,
) -> Result<Option<JobRow>, DbErr> {
    let waiting = |column: job::Column| Expr::col(("waiting", column));
    let other = |column: job::Column| Expr::col(("other", column));
    let alike = Query::select()
        .expr(Expr::val(1))
        .from_as(job::Entity, "other")
        .and_where(other(job::Column::Status).eq(Expr::value(kinds::JobStatus::Running)))
        .and_where(other(job::Column::Kind).eq(waiting(job::Column::Kind)))
        .and_where(other(job::Column::ProjectId).eq(waiting(job::Column::ProjectId)))
        .take();
    let mut first = order::waiting(slot);
    first
        .expr(waiting(job::Column::Id))
        .and_where(Expr::exists(alike).not())
        .limit(1);
    if !db.is_postgres() {
        return take(db.write(), first, owner, lease, None).await;
    }
    // Two that look at the same time would not see what the other takes.
    let transaction = db.begin().await?;
    let taken = take(&transaction, first, owner, lease, None).await?;
    transaction.commit().await?;
    Ok(taken)
}

/// Takes this waiting job for a device, unless somebody else was faster.
pub(super) async fn claim_one(
    db: &Db,
    id: i64,
    owner: &str,
    lease: TimeDelta,
    place: &str,
) -> Result<Option<JobRow>, DbErr> {
    let mut one = Query::select();
    one.expr(Expr::col(("waiting", job::Column::Id)))
        .from_as(job::Entity, "waiting")
        .and_where(Expr::col(("waiting", job::Column::Id)).eq(id))
        .and_where(
            Expr::col(("waiting", job::Column::Status)).eq(Expr::value(kinds::JobStatus::Queued)),
        );
    take(db.write(), one, owner, lease, Some(place)).await
}

async fn take(
    db: &impl ConnectionTrait,
    mut which: SelectStatement,
    owner: &str,
    lease: TimeDelta,
    place: Option<&str>,
) -> Result<Option<JobRow>, DbErr> {
    let at = now();
    if is_postgres(db) {
        which.lock_with_tables_behavior(LockType::Update, ["waiting"], LockBehavior::SkipLocked);
    }
    let claimed = job::Entity::update_many()
        .col_expr(job::Column::Status, Expr::value(kinds::JobStatus::Running))
        .col_expr(job::Column::LeaseOwner, Expr::value(owner))
        .col_expr(job::Column::LeaseUntil, Expr::value(at + lease))
        .col_expr(job::Column::Place, Expr::value(place.map(str::to_owned)))
        .col_expr(
            job::Column::StartedAt,
            Expr::col(job::Column::StartedAt).if_null(Expr::value(at)),
        )
        .filter(Expr::col(job::Column::Id).in_subquery(which))
        .exec_with_returning(db)
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
    error: Option<(&str, Cause)>,
    result: Option<&JobResult>,
    at: Timestamp,
) -> Result<(), DbErr> {
    job::Entity::update_many()
        .col_expr(
            job::Column::Status,
            Expr::value(kinds::JobStatus::from(status)),
        )
        .col_expr(
            job::Column::Error,
            Expr::value(error.map(|(text, _)| text.to_owned())),
        )
        .col_expr(
            job::Column::Cause,
            Expr::value(error.map(|(_, cause)| cause.as_str().to_owned())),
        )
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

/// Puts a job back after an attempt that did not end it, with what became of all of them.
pub(super) async fn again(db: &Db, id: i64, owner: &str, history: &[Attempt]) -> Result<(), DbErr> {
    let history = serde_json::to_value(history).map_err(|error| DbErr::Json(error.to_string()))?;
    job::Entity::update_many()
        .col_expr(job::Column::Status, Expr::value(kinds::JobStatus::Queued))
        .col_expr(
            job::Column::Attempts,
            Expr::col(job::Column::Attempts).add(1),
        )
        .col_expr(job::Column::History, Expr::value(history))
        .col_expr(job::Column::LeaseOwner, Expr::value(Option::<String>::None))
        .col_expr(
            job::Column::LeaseUntil,
            Expr::value(Option::<Timestamp>::None),
        )
        .filter(job::COLUMN.id.eq(id))
        .filter(job::COLUMN.status.eq(kinds::JobStatus::Running))
        .filter(job::COLUMN.lease_owner.eq(owner))
        .exec(db.write())
        .await
        .map(|_| ())
}

/// Queues a job again that has ended without success. Answers whether there was one.
pub(super) async fn requeue_ended(db: &Db, id: i64) -> Result<bool, DbErr> {
    let ended = [kinds::JobStatus::Failed, kinds::JobStatus::Cancelled];
    let changed = job::Entity::update_many()
        .col_expr(job::Column::Status, Expr::value(kinds::JobStatus::Queued))
        .col_expr(job::Column::CancelRequested, Expr::value(false))
        .col_expr(job::Column::Error, Expr::value(Option::<String>::None))
        .col_expr(job::Column::Cause, Expr::value(Option::<String>::None))
        .col_expr(job::Column::History, Expr::value(serde_json::json!([])))
        .col_expr(job::Column::Position, Expr::value(next_position()))
        .col_expr(
            job::Column::FinishedAt,
            Expr::value(Option::<Timestamp>::None),
        )
        .filter(job::COLUMN.id.eq(id))
        .filter(job::COLUMN.status.is_in(ended))
        .exec(db.write())
        .await?;
    Ok(changed.rows_affected > 0)
}

/// Fails waiting jobs that need one which did not succeed, and those that need them in turn. Answers their ids.
pub(super) async fn fail_dependents(db: &Db) -> Result<Vec<i64>, DbErr> {
    let mut failed = Vec::new();
    loop {
        let lost = [kinds::JobStatus::Failed, kinds::JobStatus::Cancelled];
        let hopeless = Query::select()
            .column((job_dependency::Entity, job_dependency::Column::JobId))
            .from(job_dependency::Entity)
            .join_as(
                JoinType::InnerJoin,
                job::Entity,
                "needed",
                Expr::col(("needed", job::Column::Id))
                    .equals((job_dependency::Entity, job_dependency::Column::NeedsId)),
            )
            .and_where(Expr::col(("needed", job::Column::Status)).is_in(lost.map(Expr::value)))
            .take();
        let rows = job::Entity::update_many()
            .col_expr(job::Column::Status, Expr::value(kinds::JobStatus::Failed))
            .col_expr(
                job::Column::Error,
                Expr::value("a job that this one needs did not succeed"),
            )
            .col_expr(job::Column::Cause, Expr::value(Cause::NeededJob.as_str()))
            .col_expr(job::Column::FinishedAt, Expr::value(now()))
            .filter(job::COLUMN.status.eq(kinds::JobStatus::Queued))
            .filter(Expr::col(job::Column::Id).in_subquery(hopeless))
            .exec_with_returning(db.write())
            .await?;
        if rows.is_empty() {
            return Ok(failed);
        }
        failed.extend(rows.into_iter().map(|row| row.id));
    }
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
