//! Runs, what their directories say about them, and comparisons.

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
                    .table("run")
                    .col(big_pk_auto("id"))
                    .col(big_integer("project_id"))
                    .col(big_integer("job_id"))
                    .col(big_integer("corpus_id"))
                    .col(big_integer("taxonomy_id"))
                    .col(string("method"))
                    .col(string("plugin_version"))
                    .col(string_null("preset"))
                    // Complete: schema defaults, preset and overrides are resolved.
                    .col(json("hyperparameters"))
                    // Asset id or the name of a built-in encoder.
                    .col(string_null("encoder"))
                    .col(big_integer_null("word_vectors_id"))
                    .col(big_integer("seed"))
                    .col(string("device"))
                    .col(big_integer_null("epochs"))
                    .col(double_null("train_seconds"))
                    .col(double_null("train_docs_per_s"))
                    .col(big_integer_null("peak_memory_bytes"))
                    .col(big_integer_null("created_by"))
                    .col(timestamp_with_time_zone("created_at"))
                    .foreign_key(&mut belongs_to("run", "project_id", "project"))
                    .foreign_key(&mut refers_to("run", "job_id", "job"))
                    .foreign_key(&mut refers_to("run", "corpus_id", "corpus"))
                    .foreign_key(&mut refers_to("run", "taxonomy_id", "taxonomy"))
                    .foreign_key(&mut refers_to("run", "word_vectors_id", "asset"))
                    .foreign_key(&mut remembers("run", "created_by", "user"))
                    .take(),
            )
            .await?;
        for (name, columns) in [
            ("run_project", ["project_id", "id"]),
            ("run_job", ["job_id", "id"]),
            ("run_corpus", ["corpus_id", "id"]),
        ] {
            let mut index = Index::create();
            index.name(name).table("run");
            for column in columns {
                index.col(column);
            }
            manager.create_index(index).await?;
        }
        let epoch = clustered(
            manager,
            Table::create()
                .table("epoch")
                .col(big_integer("run_id"))
                .col(big_integer("epoch"))
                .col(big_integer("step"))
                .col(json("losses"))
                .col(json("validation"))
                .col(double("learning_rate"))
                .col(double("documents_per_second"))
                .col(double("seconds"))
                .col(big_integer("peak_memory_bytes"))
                .col(boolean("selected"))
                .primary_key(Index::create().col("run_id").col("epoch"))
                .foreign_key(&mut belongs_to("epoch", "run_id", "run")),
        );
        manager.create_table(epoch).await?;
        // The headline figures stand beside the whole set, so that tables of runs do not read it.
        manager
            .create_table(
                Table::create()
                    .table("run_metrics")
                    .col(big_integer("run_id"))
                    .col(string("split"))
                    .col(double("micro_f1"))
                    .col(double("macro_f1"))
                    .col(double("hierarchical_f1"))
                    .col(double("exact_match"))
                    .col(text("metrics"))
                    .primary_key(Index::create().col("run_id").col("split"))
                    .foreign_key(&mut belongs_to("run_metrics", "run_id", "run"))
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("comparison")
                    .col(big_pk_auto("id"))
                    .col(big_integer("project_id"))
                    .col(string("split"))
                    .col(text("result"))
                    .col(big_integer_null("created_by"))
                    .col(timestamp_with_time_zone("created_at"))
                    .foreign_key(&mut belongs_to("comparison", "project_id", "project"))
                    .foreign_key(&mut remembers("comparison", "created_by", "user"))
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("comparison_project")
                    .table("comparison")
                    .col("project_id")
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["comparison", "run_metrics", "epoch", "run"] {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        Ok(())
    }
}
