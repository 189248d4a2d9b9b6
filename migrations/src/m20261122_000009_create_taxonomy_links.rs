//! Links by which other tools read the newest taxonomy of a project.

use sea_orm_migration::{prelude::*, schema::*};

use crate::{belongs_to, remembers};

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
                    .table("taxonomy_link")
                    .col(big_pk_auto("id"))
                    .col(big_integer("project_id"))
                    .col(text("name"))
                    // The secret in the address, hashed.
                    .col(string_uniq("secret_hash"))
                    .col(big_integer_null("created_by"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone_null("revoked_at"))
                    .foreign_key(&mut belongs_to("taxonomy_link", "project_id", "project"))
                    .foreign_key(&mut remembers("taxonomy_link", "created_by", "user"))
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("taxonomy_link_project")
                    .table("taxonomy_link")
                    .col("project_id")
                    .col("id")
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("taxonomy_link").take())
            .await
    }
}
