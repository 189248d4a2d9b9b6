//! The queries for what unknown labels mean.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::db::entity::corpora::label_choice;
use crate::db::{Db, DbErr, now};

/// Choices of a project, by label: the id that is meant, or none to pass the label over.
pub(in crate::corpora) async fn choices(
    db: &impl ConnectionTrait,
    project: i64,
) -> Result<Vec<(String, Option<String>)>, DbErr> {
    let rows = label_choice::Entity::find()
        .filter(label_choice::COLUMN.project_id.eq(project))
        .order_by_asc(label_choice::Column::Label)
        .all(db)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.label, row.choice))
        .collect())
}

/// Remembers choices; one without a word is forgotten.
pub(in crate::corpora) async fn remember(
    db: &Db,
    project: i64,
    choices: Vec<(String, Option<Option<String>>)>,
) -> Result<(), DbErr> {
    let transaction = db.begin().await?;
    for (label, choice) in choices {
        let Some(choice) = choice else {
            label_choice::Entity::delete_by_id((project, label))
                .exec(&transaction)
                .await?;
            continue;
        };
        let row = label_choice::ActiveModel {
            project_id: Set(project),
            label: Set(label),
            choice: Set(choice),
            created_at: Set(now()),
        };
        let changed = [
            label_choice::Column::Choice,
            label_choice::Column::CreatedAt,
        ];
        let key = [label_choice::Column::ProjectId, label_choice::Column::Label];
        label_choice::Entity::insert(row)
            .on_conflict(OnConflict::columns(key).update_columns(changed).to_owned())
            .exec_without_returning(&transaction)
            .await?;
    }
    transaction.commit().await
}
