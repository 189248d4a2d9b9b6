//! Projects and who may do what in them.

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
        manager
            .create_table(
                Table::create()
                    .table("project")
                    .col(big_pk_auto("id"))
                    .col(string("name"))
                    .col(big_integer_null("created_by"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(timestamp_with_time_zone_null("archived_at"))
                    .foreign_key(&mut remembers("project", "created_by", "user"))
                    .take(),
            )
            .await?;
        let member = clustered(
            manager,
            Table::create()
                .table("member")
                .col(big_integer("user_id"))
                .col(big_integer("project_id"))
                .col(string("role"))
                .col(timestamp_with_time_zone("created_at"))
                .primary_key(Index::create().col("user_id").col("project_id"))
                .foreign_key(&mut belongs_to("member", "user_id", "user"))
                .foreign_key(&mut belongs_to("member", "project_id", "project")),
        );
        manager.create_table(member).await?;
        manager
            .create_index(
                Index::create()
                    .name("member_project")
                    .table("member")
                    .col("project_id")
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["member", "project"] {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        Ok(())
    }
}
