//! The queries of runs.

pub(super) mod groups;
mod speeds;

use std::collections::HashMap;

use arborist_shared::api::jobs::JobStatus;
use arborist_shared::api::runs::{Epoch, Headline, Run};
use arborist_shared::metrics::Metrics;
use arborist_shared::split::Split;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait,
    FromQueryResult, JoinType, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::{Map, Value};

use super::directory::Training;
use crate::db::entity::jobs::job;
use crate::db::entity::runs::{epoch, run, run_group_member, run_metrics};
use crate::db::{DbErr, kinds, now, rfc3339};

pub(super) use speeds::{Speed, speeds};

/// What is known of a run before it has an id.
pub(super) struct NewRunRow {
    pub(super) project: i64,
    pub(super) job: i64,
    pub(super) corpus: i64,
    pub(super) taxonomy: i64,
    pub(super) method: String,
    pub(super) plugin_version: String,
    pub(super) preset: Option<String>,
    pub(super) hyperparameters: Map<String, Value>,
    pub(super) encoder: Option<String>,
    pub(super) word_vectors: Option<i64>,
    pub(super) seed: u64,
    pub(super) device: String,
    pub(super) created_by: Option<i64>,
}

/// A run's row, without figures.
#[derive(Clone, Debug)]
pub struct RunRow {
    pub id: i64,
    pub project_id: i64,
    pub job_id: i64,
    pub corpus_id: i64,
    pub taxonomy_id: i64,
    pub method: String,
    pub preset: Option<String>,
    pub hyperparameters: Map<String, Value>,
    /// Asset id or the name of a built-in encoder.
    pub encoder: Option<String>,
    pub word_vectors_id: Option<i64>,
    pub seed: u64,
    pub device: String,
}

impl From<run::Model> for RunRow {
    fn from(row: run::Model) -> Self {
        Self {
            id: row.id,
            project_id: row.project_id,
            job_id: row.job_id,
            corpus_id: row.corpus_id,
            taxonomy_id: row.taxonomy_id,
            method: row.method,
            preset: row.preset,
            hyperparameters: object(row.hyperparameters),
            encoder: row.encoder,
            word_vectors_id: row.word_vectors_id,
            seed: row.seed as u64,
            device: row.device,
        }
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        // Written by us as an object.
        _ => Map::new(),
    }
}

/// An encoder as requests name it: assets by their id.
fn asset_or_name(encoder: String) -> Value {
    encoder
        .parse::<i64>()
        .map_or_else(|_| Value::String(encoder), Value::from)
}

pub(super) async fn insert(
    transaction: &DatabaseTransaction,
    new: NewRunRow,
) -> Result<i64, DbErr> {
    let row = run::ActiveModel {
        id: NotSet,
        project_id: Set(new.project),
        job_id: Set(new.job),
        corpus_id: Set(new.corpus),
        taxonomy_id: Set(new.taxonomy),
        method: Set(new.method),
        plugin_version: Set(new.plugin_version),
        preset: Set(new.preset),
        hyperparameters: Set(Value::Object(new.hyperparameters)),
        encoder: Set(new.encoder),
        word_vectors_id: Set(new.word_vectors),
        seed: Set(new.seed as i64),
        device: Set(new.device),
        epochs: Set(None),
        train_seconds: Set(None),
        train_docs_per_s: Set(None),
        peak_memory_bytes: Set(None),
        created_by: Set(new.created_by),
        created_at: Set(now()),
    };
    Ok(row.insert(transaction).await?.id)
}

pub(super) async fn find(db: &impl ConnectionTrait, id: i64) -> Result<Option<RunRow>, DbErr> {
    Ok(run::Entity::find_by_id(id).one(db).await?.map(RunRow::from))
}

pub(super) async fn find_by_job(
    db: &impl ConnectionTrait,
    job: i64,
) -> Result<Option<RunRow>, DbErr> {
    Ok(run::Entity::find()
        .filter(run::COLUMN.job_id.eq(job))
        .one(db)
        .await?
        .map(RunRow::from))
}

/// What the queue shows of a run.
#[derive(Clone, Debug)]
pub struct OfJob {
    pub run: i64,
    pub method: String,
    pub group: Option<i64>,
}

/// Runs of jobs, by job.
pub(super) async fn of_jobs(
    db: &impl ConnectionTrait,
    jobs: &[i64],
) -> Result<HashMap<i64, OfJob>, DbErr> {
    let mut found = HashMap::with_capacity(jobs.len());
    for jobs in jobs.chunks(1_000) {
        let rows: Vec<(i64, i64, String, Option<i64>)> = run::Entity::find()
            .select_only()
            .columns([run::Column::JobId, run::Column::Id, run::Column::Method])
            .column_as(
                Expr::col((run_group_member::Entity, run_group_member::Column::GroupId)),
                "group_id",
            )
            .join(
                JoinType::LeftJoin,
                run::Entity::belongs_to(run_group_member::Entity)
                    .from(run::Column::Id)
                    .to(run_group_member::Column::RunId)
                    .into(),
            )
            .filter(run::COLUMN.job_id.is_in(jobs.iter().copied()))
            .into_tuple()
            .all(db)
            .await?;
        for (job, run, method, group) in rows {
            found.insert(job, OfJob { run, method, group });
        }
    }
    Ok(found)
}

/// Stores what the next attempt trains with.
pub(super) async fn set_hyperparameters(
    db: &impl ConnectionTrait,
    id: i64,
    hyperparameters: &Map<String, Value>,
) -> Result<(), DbErr> {
    let value = Value::Object(hyperparameters.clone());
    run::Entity::update_many()
        .col_expr(run::Column::Hyperparameters, Expr::value(value))
        .filter(run::COLUMN.id.eq(id))
        .exec(db)
        .await
        .map(|_| ())
}

pub(super) async fn count(db: &impl ConnectionTrait, project: i64) -> Result<u64, DbErr> {
    run::Entity::find()
        .filter(run::COLUMN.project_id.eq(project))
        .count(db)
        .await
}

/// Runs as the interface shows them, newest first, before a given one.
pub(super) async fn list(
    db: &impl ConnectionTrait,
    project: i64,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<Run>, DbErr> {
    let mut query = run::Entity::find()
        .filter(run::COLUMN.project_id.eq(project))
        .order_by_desc(run::Column::Id)
        .limit(limit);
    if let Some(before) = before {
        query = query.filter(run::COLUMN.id.lt(before));
    }
    show(db, query.all(db).await?).await
}

/// Succeeded runs of a project with their taxonomies, oldest first.
pub(super) async fn with_model(
    db: &impl ConnectionTrait,
    project: i64,
) -> Result<Vec<(i64, i64)>, DbErr> {
    run::Entity::find()
        .select_only()
        .column(run::Column::Id)
        .column(run::Column::TaxonomyId)
        .join(
            JoinType::InnerJoin,
            run::Entity::belongs_to(job::Entity)
                .from(run::Column::JobId)
                .to(job::Column::Id)
                .into(),
        )
        .filter(run::COLUMN.project_id.eq(project))
        .filter(job::COLUMN.status.eq(kinds::JobStatus::Succeeded))
        .order_by_asc(run::Column::Id)
        .into_tuple()
        .all(db)
        .await
}

/// A run as the interface shows it.
pub(super) async fn find_shown(db: &impl ConnectionTrait, id: i64) -> Result<Option<Run>, DbErr> {
    let rows = run::Entity::find_by_id(id).all(db).await?;
    Ok(show(db, rows).await?.into_iter().next())
}

/// The best succeeded run by macro-F1, then micro-F1, on test.
pub(super) async fn best(db: &impl ConnectionTrait, project: i64) -> Result<Option<Run>, DbErr> {
    let best: Option<i64> = run_metrics::Entity::find()
        .select_only()
        .column(run_metrics::Column::RunId)
        .join(
            JoinType::InnerJoin,
            run_metrics::Entity::belongs_to(run::Entity)
                .from(run_metrics::Column::RunId)
                .to(run::Column::Id)
                .into(),
        )
        .filter(run::COLUMN.project_id.eq(project))
        .filter(run_metrics::COLUMN.split.eq(Split::Test.as_str()))
        .order_by_desc(run_metrics::Column::MacroF1)
        .order_by_desc(run_metrics::Column::MicroF1)
        .order_by_asc(run_metrics::Column::RunId)
        .limit(1)
        .into_tuple()
        .one(db)
        .await?;
    match best {
        Some(id) => find_shown(db, id).await,
        None => Ok(None),
    }
}

#[derive(FromQueryResult)]
struct JobPart {
    id: i64,
    status: kinds::JobStatus,
    error: Option<String>,
    started_at: Option<crate::db::Timestamp>,
    finished_at: Option<crate::db::Timestamp>,
}

#[derive(FromQueryResult)]
struct HeadlineRow {
    run_id: i64,
    split: String,
    micro_f1: f64,
    macro_f1: f64,
    hierarchical_f1: f64,
    exact_match: f64,
}

/// Puts rows, their jobs and their headline figures together: three queries, however many runs.
async fn show(db: &impl ConnectionTrait, rows: Vec<run::Model>) -> Result<Vec<Run>, DbErr> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let jobs = job::Entity::find()
        .select_only()
        .columns([
            job::Column::Id,
            job::Column::Status,
            job::Column::Error,
            job::Column::StartedAt,
            job::Column::FinishedAt,
        ])
        .filter(job::COLUMN.id.is_in(rows.iter().map(|row| row.job_id)))
        .into_model::<JobPart>()
        .all(db)
        .await?;
    let mut jobs: HashMap<i64, JobPart> = jobs.into_iter().map(|job| (job.id, job)).collect();
    let headlines = run_metrics::Entity::find()
        .select_only()
        .columns([
            run_metrics::Column::RunId,
            run_metrics::Column::Split,
            run_metrics::Column::MicroF1,
            run_metrics::Column::MacroF1,
            run_metrics::Column::HierarchicalF1,
            run_metrics::Column::ExactMatch,
        ])
        .filter(
            run_metrics::COLUMN
                .run_id
                .is_in(rows.iter().map(|row| row.id)),
        )
        .into_model::<HeadlineRow>()
        .all(db)
        .await?;
    let mut headlines: HashMap<(i64, String), Headline> = headlines
        .into_iter()
        .map(|row| {
            let headline = Headline {
                micro_f1: row.micro_f1,
                macro_f1: row.macro_f1,
                hierarchical_f1: row.hierarchical_f1,
                exact_match: row.exact_match,
            };
            ((row.run_id, row.split), headline)
        })
        .collect();
    let shown = rows.into_iter().map(|row| {
        let job = jobs.remove(&row.job_id);
        let mut headline = |split: Split| headlines.remove(&(row.id, split.as_str().to_owned()));
        Run {
            validation: headline(Split::Validation),
            test: headline(Split::Test),
            // What the newest taxonomy makes of it is not stored.
            taxonomy_fit: None,
            id: row.id,
            project: row.project_id,
            job: row.job_id,
            method: row.method,
            preset: row.preset,
            hyperparameters: object(row.hyperparameters),
            corpus: row.corpus_id,
            taxonomy: row.taxonomy_id,
            encoder: row.encoder.map(asset_or_name),
            word_vectors: row.word_vectors_id,
            seed: row.seed as u64,
            device: row.device,
            // A run refers to its job, which is never deleted.
            status: job
                .as_ref()
                .map_or(JobStatus::Failed, |job| job.status.into()),
            started_at: job.as_ref().and_then(|job| job.started_at).map(rfc3339),
            finished_at: job.as_ref().and_then(|job| job.finished_at).map(rfc3339),
            error: job.and_then(|job| job.error),
            created_at: rfc3339(row.created_at),
            epochs: row.epochs.map(|epochs| epochs as u32),
            train_seconds: row.train_seconds,
            train_docs_per_s: row.train_docs_per_s,
            peak_memory_bytes: row.peak_memory_bytes.map(|bytes| bytes as u64),
        }
    });
    Ok(shown.collect())
}

/// Status of a run: that of its job.
pub(super) async fn status(
    db: &impl ConnectionTrait,
    row: &RunRow,
) -> Result<Option<JobStatus>, DbErr> {
    let status: Option<kinds::JobStatus> = job::Entity::find_by_id(row.job_id)
        .select_only()
        .column(job::Column::Status)
        .into_tuple()
        .one(db)
        .await?;
    Ok(status.map(JobStatus::from))
}

pub(super) async fn set_device(
    db: &impl ConnectionTrait,
    id: i64,
    device: &str,
) -> Result<(), DbErr> {
    run::Entity::update_many()
        .col_expr(run::Column::Device, Expr::value(device))
        .filter(run::COLUMN.id.eq(id))
        .exec(db)
        .await
        .map(|_| ())
}

/// Adds epochs; what an earlier attempt said of the same ones is replaced.
pub(super) async fn put_epochs(
    db: &impl ConnectionTrait,
    run: i64,
    epochs: &[Epoch],
) -> Result<(), DbErr> {
    let rows = epochs.iter().map(|epoch| epoch::ActiveModel {
        run_id: Set(run),
        epoch: Set(i64::from(epoch.epoch)),
        step: Set(epoch.step as i64),
        losses: Set(serde_json::json!(epoch.losses)),
        validation: Set(serde_json::json!(epoch.validation)),
        learning_rate: Set(epoch.learning_rate),
        documents_per_second: Set(epoch.documents_per_second),
        seconds: Set(epoch.seconds),
        peak_memory_bytes: Set(epoch.peak_memory_bytes as i64),
        selected: Set(epoch.selected),
    });
    let replace = OnConflict::columns([epoch::Column::RunId, epoch::Column::Epoch])
        .update_columns([
            epoch::Column::Step,
            epoch::Column::Losses,
            epoch::Column::Validation,
            epoch::Column::LearningRate,
            epoch::Column::DocumentsPerSecond,
            epoch::Column::Seconds,
            epoch::Column::PeakMemoryBytes,
            epoch::Column::Selected,
        ])
        .to_owned();
    let rows: Vec<_> = rows.collect();
    for chunk in rows.chunks(500) {
        epoch::Entity::insert_many(chunk.iter().cloned())
            .on_conflict(replace.clone())
            .exec_without_returning(db)
            .await?;
    }
    Ok(())
}

pub(super) async fn epochs(db: &impl ConnectionTrait, run: i64) -> Result<Vec<Epoch>, DbErr> {
    let rows = epoch::Entity::find()
        .filter(epoch::COLUMN.run_id.eq(run))
        .order_by_asc(epoch::Column::Epoch)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(epoch_of).collect())
}

fn epoch_of(row: epoch::Model) -> Epoch {
    Epoch {
        epoch: row.epoch as u32,
        step: row.step as u64,
        // Written by us as maps of numbers.
        losses: serde_json::from_value(row.losses).unwrap_or_default(),
        validation: serde_json::from_value(row.validation).unwrap_or_default(),
        learning_rate: row.learning_rate,
        documents_per_second: row.documents_per_second,
        seconds: row.seconds,
        peak_memory_bytes: row.peak_memory_bytes as u64,
        selected: row.selected,
    }
}

/// Stores how a training ended well.
pub(super) async fn put_training(
    db: &impl ConnectionTrait,
    run: i64,
    training: &Training,
) -> Result<(), DbErr> {
    run::Entity::update_many()
        .col_expr(run::Column::Epochs, Expr::value(i64::from(training.epochs)))
        .col_expr(
            run::Column::TrainSeconds,
            Expr::value(training.train_seconds),
        )
        .col_expr(
            run::Column::TrainDocsPerS,
            Expr::value(training.train_docs_per_s),
        )
        .col_expr(
            run::Column::PeakMemoryBytes,
            Expr::value(training.peak_memory_bytes as i64),
        )
        .col_expr(run::Column::Device, Expr::value(training.device.clone()))
        .filter(run::COLUMN.id.eq(run))
        .exec(db)
        .await
        .map(|_| ())
}

/// Stores the figures of a split.
pub(super) async fn put_metrics(
    db: &impl ConnectionTrait,
    run: i64,
    split: Split,
    metrics: &Metrics,
) -> Result<(), DbErr> {
    let headline = Headline::from(metrics);
    let row = run_metrics::ActiveModel {
        run_id: Set(run),
        split: Set(split.as_str().to_owned()),
        micro_f1: Set(headline.micro_f1),
        macro_f1: Set(headline.macro_f1),
        hierarchical_f1: Set(headline.hierarchical_f1),
        exact_match: Set(headline.exact_match),
        metrics: Set(
            serde_json::to_string(metrics).map_err(|error| DbErr::Json(error.to_string()))?
        ),
    };
    let keep = OnConflict::columns([run_metrics::Column::RunId, run_metrics::Column::Split])
        .do_nothing()
        .to_owned();
    run_metrics::Entity::insert(row)
        .on_conflict(keep)
        .exec_without_returning(db)
        .await
        .map(|_| ())
}

/// The figures of a split as JSON, as they were stored.
pub(super) async fn metrics(
    db: &impl ConnectionTrait,
    run: i64,
    split: Split,
) -> Result<Option<String>, DbErr> {
    run_metrics::Entity::find_by_id((run, split.as_str().to_owned()))
        .select_only()
        .column(run_metrics::Column::Metrics)
        .into_tuple()
        .one(db)
        .await
}
