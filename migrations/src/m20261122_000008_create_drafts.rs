//! Drafts of taxonomies with all that was done to them, how versions came out of them, and documents that wait for a
//! person since.

use sea_orm_migration::{prelude::*, schema::*};

use crate::{belongs_to, clustered, refers_to, remembers};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("draft")
                    .col(big_pk_auto("id"))
                    .col(big_integer("project_id"))
                    .col(big_integer("taxonomy_id"))
                    .col(text("name"))
                    .col(string("state"))
                    // Number of its entries: who writes says which one they have seen.
                    .col(big_integer("revision"))
                    .col(big_integer_null("job_id"))
                    .col(big_integer_null("created_by"))
                    // The name stays when the account is gone; a key has no account.
                    .col(text("author"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .foreign_key(&mut belongs_to("draft", "project_id", "project"))
                    .foreign_key(&mut refers_to("draft", "taxonomy_id", "taxonomy"))
                    .foreign_key(&mut remembers("draft", "job_id", "job"))
                    .foreign_key(&mut remembers("draft", "created_by", "user"))
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("draft_taxonomy")
                    .table("draft")
                    .col("taxonomy_id")
                    .col("id")
                    .take(),
            )
            .await?;
        // Only ever added to. An edit stands with itself; undoing and redoing name the entry that brought it.
        let entry = clustered(
            manager,
            Table::create()
                .table("draft_entry")
                .col(big_integer("draft_id"))
                .col(big_integer("revision"))
                .col(string("kind"))
                .col(big_integer("of"))
                .col(json("edit"))
                .col(big_integer_null("created_by"))
                .col(text("author"))
                .col(timestamp_with_time_zone("created_at"))
                .primary_key(Index::create().col("draft_id").col("revision"))
                .foreign_key(&mut belongs_to("draft_entry", "draft_id", "draft"))
                .foreign_key(&mut remembers("draft_entry", "created_by", "user")),
        );
        manager.create_table(entry).await?;
        // A version that was not read from a file: which one it came out of, by which draft or by taking one back.
        manager
            .create_table(
                Table::create()
                    .table("publication")
                    .col(big_integer("taxonomy_id").primary_key())
                    .col(big_integer("base_id"))
                    .col(big_integer_null("draft_id"))
                    .col(big_integer_null("restores_id"))
                    .col(big_integer_null("corpus_id"))
                    .col(big_integer_null("base_corpus_id"))
                    .col(big_integer("n_migrated"))
                    .col(big_integer("n_review"))
                    // What is different, as `TaxonomyDiff`.
                    .col(json("diff"))
                    .col(big_integer("n_changes"))
                    .col(big_integer_null("created_by"))
                    .col(text("author"))
                    .col(timestamp_with_time_zone("created_at"))
                    .foreign_key(&mut belongs_to("publication", "taxonomy_id", "taxonomy"))
                    .foreign_key(&mut refers_to("publication", "base_id", "taxonomy"))
                    .foreign_key(&mut refers_to("publication", "draft_id", "draft"))
                    .foreign_key(&mut refers_to("publication", "restores_id", "taxonomy"))
                    .foreign_key(&mut refers_to("publication", "corpus_id", "corpus"))
                    .foreign_key(&mut refers_to("publication", "base_corpus_id", "corpus"))
                    .foreign_key(&mut remembers("publication", "created_by", "user"))
                    .take(),
            )
            .await?;
        // `label` is the id of a label that is gone or was split, `path` its names then; `candidates` are ids of labels.
        let review = clustered(
            manager,
            Table::create()
                .table("review")
                .col(big_integer("corpus_id"))
                .col(big_integer("document_id"))
                .col(text("label"))
                .col(string("reason"))
                .col(json("path"))
                .col(json("candidates"))
                .primary_key(
                    Index::create()
                        .col("corpus_id")
                        .col("document_id")
                        .col("label"),
                )
                .foreign_key(&mut belongs_to("review", "corpus_id", "corpus"))
                .foreign_key(&mut belongs_to("review", "document_id", "document")),
        );
        manager.create_table(review).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["review", "publication", "draft_entry", "draft"] {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        Ok(())
    }
}
