//! How fast runs of a method were.

use sea_orm::{
    ConnectionTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::{Map, Value};

use super::object;
use crate::db::DbErr;
use crate::db::entity::corpora::corpus;
use crate::db::entity::runs::run;

/// The newest so many are looked at.
const NEWEST: u64 = 200;

/// A training that ended well.
#[derive(Clone, Debug)]
pub(in crate::runs) struct Speed {
    pub(in crate::runs) run: i64,
    pub(in crate::runs) project: i64,
    pub(in crate::runs) hyperparameters: Map<String, Value>,
    pub(in crate::runs) encoder: Option<String>,
    /// The one it ran on.
    pub(in crate::runs) device: String,
    pub(in crate::runs) epochs: u32,
    pub(in crate::runs) documents_per_second: f64,
    pub(in crate::runs) words_per_document: f64,
}

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    project_id: i64,
    hyperparameters: Value,
    encoder: Option<String>,
    device: String,
    epochs: i64,
    train_docs_per_s: f64,
    n_train_annotated: i64,
    n_train_words: i64,
}

/// Trainings of a method that ended well, newest first.
pub(in crate::runs) async fn speeds(
    db: &impl ConnectionTrait,
    method: &str,
) -> Result<Vec<Speed>, DbErr> {
    let rows = run::Entity::find()
        .select_only()
        .columns([
            run::Column::Id,
            run::Column::ProjectId,
            run::Column::Hyperparameters,
            run::Column::Encoder,
            run::Column::Device,
            run::Column::Epochs,
            run::Column::TrainDocsPerS,
        ])
        .columns([corpus::Column::NTrainAnnotated, corpus::Column::NTrainWords])
        .join(
            JoinType::InnerJoin,
            run::Entity::belongs_to(corpus::Entity)
                .from(run::Column::CorpusId)
                .to(corpus::Column::Id)
                .into(),
        )
        .filter(run::COLUMN.method.eq(method))
        // Written with the other figures, in the transaction that ends the job well.
        .filter(run::COLUMN.train_docs_per_s.gt(0.0))
        .filter(run::COLUMN.epochs.is_not_null())
        .order_by_desc(run::Column::Id)
        .limit(NEWEST)
        .into_model::<Row>()
        .all(db)
        .await?;
    let speeds = rows.into_iter().map(|row| Speed {
        run: row.id,
        project: row.project_id,
        hyperparameters: object(row.hyperparameters),
        encoder: row.encoder,
        device: row.device,
        epochs: row.epochs as u32,
        documents_per_second: row.train_docs_per_s,
        words_per_document: row.n_train_words as f64 / row.n_train_annotated.max(1) as f64,
    });
    Ok(speeds.collect())
}
