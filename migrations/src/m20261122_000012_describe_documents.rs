//! What else is known of documents (language, source, date, metadata), and what people said unknown labels mean.

use sea_orm_migration::{prelude::*, schema::*};

use crate::{belongs_to, clustered};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const COLUMNS: [&str; 4] = ["lang", "source", "date", "meta"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in COLUMNS {
            // `meta`: a JSON object of texts, with `source` and `date` in it as they were given.
            manager
                .alter_table(
                    Table::alter()
                        .table("document")
                        .add_column(text_null(column))
                        .take(),
                )
                .await?;
        }
        // `choice`: id of the label that is meant; none = the label is passed over.
        let label_choice = clustered(
            manager,
            Table::create()
                .table("label_choice")
                .col(big_integer("project_id"))
                .col(text("label"))
                .col(text_null("choice"))
                .col(timestamp_with_time_zone("created_at"))
                .primary_key(Index::create().col("project_id").col("label"))
                .foreign_key(&mut belongs_to("label_choice", "project_id", "project")),
        );
        manager.create_table(label_choice).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("label_choice").take())
            .await?;
        for column in COLUMNS {
            manager
                .alter_table(Table::alter().table("document").drop_column(column).take())
                .await?;
        }
        Ok(())
    }
}
