//! Planning of jobs: their order, what they need, where they run, what they wait for and what became of earlier attempts;
//! devices that are kept out of work; limits for people; and groups of runs.

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
        for column in job_columns() {
            manager
                .alter_table(Table::alter().table("job").add_column(column).take())
                .await?;
        }
        manager
            .drop_index(Index::drop().name("job_queue").table("job").to_owned())
            .await?;
        // The order in which waiting jobs are taken, without sorting them.
        manager
            .create_index(
                Index::create()
                    .name("job_waiting")
                    .table("job")
                    .col("slot")
                    .col("status")
                    .col(("priority", IndexOrder::Desc))
                    .col(("position", IndexOrder::Asc))
                    .col("id")
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("job_dependency")
                    .col(big_integer("job_id"))
                    // The job that has to succeed first.
                    .col(big_integer("needs_id"))
                    .primary_key(Index::create().col("job_id").col("needs_id"))
                    .foreign_key(&mut belongs_to("job_dependency", "job_id", "job"))
                    .foreign_key(&mut belongs_to("job_dependency", "needs_id", "job"))
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("job_dependency_needs")
                    .table("job_dependency")
                    .col("needs_id")
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("device")
                    // The data directory's name in leases, and the device's there.
                    .col(string("owner"))
                    .col(string("name"))
                    // `enabled`, `draining` or `disabled`.
                    .col(string("state"))
                    .primary_key(Index::create().col("owner").col("name"))
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("job_limit")
                    .col(big_pk_auto("id"))
                    // Whom it holds for; everybody without a limit of their own where it names nobody.
                    .col(big_integer_null("user_id").unique_key())
                    // Trainings at work and waiting at the same time; none = as many as one likes.
                    .col(big_integer_null("running"))
                    .col(big_integer_null("waiting"))
                    .foreign_key(&mut belongs_to("job_limit", "user_id", "user"))
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("run_group")
                    .col(big_pk_auto("id"))
                    .col(big_integer("project_id"))
                    .col(text("name"))
                    // When hopeless trials are given up.
                    .col(json_null("rule"))
                    .col(big_integer_null("created_by"))
                    .col(timestamp_with_time_zone("created_at"))
                    .foreign_key(&mut belongs_to("run_group", "project_id", "project"))
                    .foreign_key(&mut remembers("run_group", "created_by", "user"))
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("run_group_project")
                    .table("run_group")
                    .col("project_id")
                    .col("id")
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("run_group_member")
                    .col(big_integer("run_id").primary_key())
                    .col(big_integer("group_id"))
                    // Runs that differ in nothing but their seed are of one trial.
                    .col(big_integer("trial"))
                    .foreign_key(&mut belongs_to("run_group_member", "run_id", "run"))
                    .foreign_key(&mut belongs_to("run_group_member", "group_id", "run_group"))
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("run_group_member_group")
                    .table("run_group_member")
                    .col("group_id")
                    .col("run_id")
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            "run_group_member",
            "run_group",
            "job_limit",
            "device",
            "job_dependency",
        ] {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        manager
            .drop_index(Index::drop().name("job_waiting").table("job").to_owned())
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
        for column in [
            "history",
            "cause",
            "place",
            "seconds",
            "memory_bytes",
            "device",
            "position",
            "priority",
        ] {
            manager
                .alter_table(Table::alter().table("job").drop_column(column).take())
                .await?;
        }
        Ok(())
    }
}

fn job_columns() -> Vec<ColumnDef> {
    vec![
        // Higher ones first; within one priority by position, then by id.
        big_integer("priority").default(0).take(),
        big_integer("position").default(0).take(),
        // `cpu`, `cuda:N`, or `auto` for whichever fits.
        string_null("device").take(),
        // By the method's formula; none where that is not known.
        big_integer_null("memory_bytes").take(),
        // How long it may take, as far as runs before tell.
        double_null("seconds").take(),
        // The device that it runs on, or ran on.
        string_null("place").take(),
        // Why it ended as it did, as a word.
        string_null("cause").take(),
        // Earlier attempts and why they ended.
        json("history").default("[]").take(),
    ]
}
