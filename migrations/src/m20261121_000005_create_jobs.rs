//! The queue: one row per job, claimed by a lease.

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
                    .table("job")
                    .col(big_pk_auto("id"))
                    .col(big_integer("project_id"))
                    .col(string("kind"))
                    // Which kind of place it needs: `import` or `train`.
                    .col(string("slot"))
                    .col(text("title"))
                    .col(string("status"))
                    // What to do, for the room that knows the kind.
                    .col(json("request"))
                    .col(json("progress"))
                    .col(text_null("error"))
                    .col(string_null("result_type"))
                    .col(big_integer_null("result_id"))
                    // Attempts that ended by themselves; interruptions of the server do not count.
                    .col(big_integer("attempts"))
                    .col(big_integer("interruptions"))
                    .col(boolean("cancel_requested"))
                    .col(string_null("lease_owner"))
                    .col(timestamp_with_time_zone_null("lease_until"))
                    .col(big_integer_null("created_by"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone_null("started_at"))
                    .col(timestamp_with_time_zone_null("finished_at"))
                    .foreign_key(&mut belongs_to("job", "project_id", "project"))
                    .foreign_key(&mut remembers("job", "created_by", "user"))
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("job_queue")
                    .table("job")
                    .col("status")
                    .col("slot")
                    .col("id")
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("job_project")
                    .table("job")
                    .col("project_id")
                    .col("id")
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("job").take()).await
    }
}
