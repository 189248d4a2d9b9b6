//! What is known of a label beside its name and place: names in other languages, notes, examples, notation.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // As in the canonical JSON; NULL = nothing is known.
        manager
            .alter_table(
                Table::alter()
                    .table("label")
                    .add_column(json_null("details"))
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .alter_table(Table::alter().table("label").drop_column("details").take())
            .await
    }
}
