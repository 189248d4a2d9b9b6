//! What was decided about documents that waited for a person, and what models propose for those that wait.

use sea_orm_migration::{prelude::*, schema::*};

use crate::{belongs_to, clustered, remembers};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Only ever added to: a decision that is taken back says so and stays.
        manager
            .create_table(
                Table::create()
                    .table("review_decision")
                    .col(big_pk_auto("id"))
                    .col(big_integer("corpus_id"))
                    .col(big_integer("document_id"))
                    // The labels that the document has from now on, as given.
                    .col(binary("explicit"))
                    // The run whose proposal was accepted; none where a person chose.
                    .col(big_integer_null("run_id"))
                    .col(big_integer_null("created_by"))
                    .col(text("author"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(text_null("undone_by"))
                    .col(timestamp_with_time_zone_null("undone_at"))
                    .foreign_key(&mut belongs_to("review_decision", "corpus_id", "corpus"))
                    .foreign_key(&mut belongs_to(
                        "review_decision",
                        "document_id",
                        "document",
                    ))
                    .foreign_key(&mut remembers("review_decision", "run_id", "run"))
                    .foreign_key(&mut remembers("review_decision", "created_by", "user"))
                    .take(),
            )
            .await?;
        // One decision in force for a document: whoever is second is told so.
        manager
            .get_connection()
            .execute_unprepared(
                "CREATE UNIQUE INDEX review_decision_in_force ON review_decision (corpus_id, document_id) WHERE undone_at IS NULL",
            )
            .await?;
        let proposal = clustered(
            manager,
            Table::create()
                .table("review_proposal")
                .col(big_integer("corpus_id"))
                .col(big_integer("document_id"))
                .col(big_integer("run_id"))
                // Ids of labels with their scores, the best first.
                .col(json("labels"))
                .primary_key(Index::create().col("corpus_id").col("document_id"))
                .foreign_key(&mut belongs_to("review_proposal", "corpus_id", "corpus"))
                .foreign_key(&mut belongs_to(
                    "review_proposal",
                    "document_id",
                    "document",
                ))
                .foreign_key(&mut belongs_to("review_proposal", "run_id", "run")),
        );
        manager.create_table(proposal).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["review_proposal", "review_decision"] {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        Ok(())
    }
}
