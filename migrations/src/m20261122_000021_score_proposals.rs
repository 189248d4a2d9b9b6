//! The score of the label that is proposed first, so that proposals are counted by it.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Proposals from before have none: they can be accepted one by one, and asked for again.
        manager
            .alter_table(
                Table::alter()
                    .table("review_proposal")
                    .add_column(float_null("score"))
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .alter_table(
                Table::alter()
                    .table("review_proposal")
                    .drop_column("score")
                    .take(),
            )
            .await
    }
}
