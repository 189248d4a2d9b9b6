//! Taxonomy versions with their labels and edges. A version never changes once its row is `ready`.

use sea_orm_migration::{prelude::*, schema::*};

use crate::{belongs_to, clustered};

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
                    .table("taxonomy")
                    .col(big_pk_auto("id"))
                    .col(big_integer("project_id"))
                    .col(big_integer("version"))
                    // SHA-256 of the canonical JSON.
                    .col(string("content_hash"))
                    .col(big_integer("n_labels"))
                    .col(big_integer("depth"))
                    .col(big_integer("n_multi_parent"))
                    // Format and name of the file it came from, and what its reader noticed (JSON list of sentences).
                    .col(string("source_format"))
                    .col(text("source_name"))
                    .col(json("notes"))
                    .col(timestamp_with_time_zone("created_at"))
                    .foreign_key(&mut belongs_to("taxonomy", "project_id", "project"))
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("taxonomy_version")
                    .table("taxonomy")
                    .col("project_id")
                    .col("version")
                    .unique()
                    .take(),
            )
            .await?;
        // `position` is the label's index in its taxonomy; `key` is its id as people know it.
        let label = clustered(
            manager,
            Table::create()
                .table("label")
                .col(big_integer("taxonomy_id"))
                .col(big_integer("position"))
                .col(text("key"))
                .col(text("name"))
                .col(big_integer("level"))
                .primary_key(Index::create().col("taxonomy_id").col("position"))
                .foreign_key(&mut belongs_to("label", "taxonomy_id", "taxonomy")),
        );
        manager.create_table(label).await?;
        manager
            .create_index(
                Index::create()
                    .name("label_key")
                    .table("label")
                    .col("taxonomy_id")
                    .col("key")
                    .unique()
                    .take(),
            )
            .await?;
        // Parents of a label in their order: `ordinal` 0 is the primary parent. Labels below the root have no row.
        let edge = clustered(
            manager,
            Table::create()
                .table("label_edge")
                .col(big_integer("taxonomy_id"))
                .col(big_integer("child"))
                .col(big_integer("ordinal"))
                .col(big_integer("parent"))
                .primary_key(
                    Index::create()
                        .col("taxonomy_id")
                        .col("child")
                        .col("ordinal"),
                )
                .foreign_key(&mut belongs_to("label_edge", "taxonomy_id", "taxonomy")),
        );
        manager.create_table(edge).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["label_edge", "label", "taxonomy"] {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        Ok(())
    }
}
