//! Documents, corpus versions that hold them, and assets.
//!
//! A document belongs to a project and keeps its part (train, validation, test) for life; a corpus version says which
//! documents it holds and with which labels. So a later version costs no second copy of the texts.

use sea_orm_migration::{prelude::*, schema::*};

use crate::{belongs_to, clustered, is_sqlite, refers_to};

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
                    .table("corpus")
                    .col(big_pk_auto("id"))
                    .col(big_integer("project_id"))
                    .col(big_integer("taxonomy_id"))
                    // Counts from 1 within the project; none until it is ready.
                    .col(big_integer_null("version"))
                    // The job that makes it, by which an interrupted import finds what it has made so far.
                    .col(big_integer_uniq("job_id"))
                    // `importing` until its job is done, then `ready`; only ready ones are shown.
                    .col(string("state"))
                    // SHA-256 over taxonomy and documents, empty while importing.
                    .col(string("content_hash"))
                    .col(string("source_format"))
                    .col(text("source_name"))
                    .col(big_integer("n_documents"))
                    .col(big_integer("n_annotated"))
                    .col(big_integer("n_train"))
                    .col(big_integer("n_validation"))
                    .col(big_integer("n_test"))
                    .col(big_integer("n_rejected"))
                    // Labels, closed upwards, of all annotated documents together.
                    .col(big_integer("n_labels"))
                    // Annotated documents of the train part and their white-space separated words, for memory estimates.
                    .col(big_integer("n_train_annotated"))
                    .col(big_integer("n_train_words"))
                    // Documents whose earlier part was kept against the wish of their row.
                    .col(big_integer("n_split_kept"))
                    // Lines of the upload that are committed: where an interrupted import goes on.
                    .col(big_integer("n_committed_lines"))
                    .col(timestamp_with_time_zone("created_at"))
                    .foreign_key(&mut belongs_to("corpus", "project_id", "project"))
                    .foreign_key(&mut refers_to("corpus", "taxonomy_id", "taxonomy"))
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("corpus_version")
                    .table("corpus")
                    .col("project_id")
                    .col("version")
                    .unique()
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("corpus_taxonomy")
                    .table("corpus")
                    .col("taxonomy_id")
                    .take(),
            )
            .await?;
        // Ids come from `counter`, so that a batch of rows and its index entries can be written in one go.
        manager
            .create_table(
                Table::create()
                    .table("document")
                    .col(big_integer("id").primary_key())
                    .col(big_integer("project_id"))
                    // The row's own id, or the hash of its normalised text.
                    .col(text("key"))
                    .col(text("text"))
                    // 0 train, 1 validation, 2 test.
                    .col(small_integer("split"))
                    .foreign_key(&mut belongs_to("document", "project_id", "project"))
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("document_key")
                    .table("document")
                    .col("project_id")
                    .col("key")
                    .take(),
            )
            .await?;
        // `explicit`: label positions as given, u32 little-endian; NULL = not annotated, empty = none applies.
        // The closed set follows from the taxonomy version of the corpus and is kept as `document_label`.
        let corpus_document = clustered(
            manager,
            Table::create()
                .table("corpus_document")
                .col(big_integer("corpus_id"))
                .col(big_integer("document_id"))
                .col(blob_null("explicit"))
                .primary_key(Index::create().col("corpus_id").col("document_id"))
                .foreign_key(&mut belongs_to("corpus_document", "corpus_id", "corpus"))
                .foreign_key(&mut belongs_to(
                    "corpus_document",
                    "document_id",
                    "document",
                )),
        );
        manager.create_table(corpus_document).await?;
        manager
            .create_index(
                Index::create()
                    .name("corpus_document_document")
                    .table("corpus_document")
                    .col("document_id")
                    .col("corpus_id")
                    .take(),
            )
            .await?;
        // Closed label sets, by label: what the subtree filter reads.
        let document_label = clustered(
            manager,
            Table::create()
                .table("document_label")
                .col(big_integer("corpus_id"))
                .col(big_integer("label"))
                .col(big_integer("document_id"))
                .primary_key(
                    Index::create()
                        .col("corpus_id")
                        .col("label")
                        .col("document_id"),
                )
                .foreign_key(&mut belongs_to("document_label", "corpus_id", "corpus")),
        );
        manager.create_table(document_label).await?;
        let corpus_label = clustered(
            manager,
            Table::create()
                .table("corpus_label")
                .col(big_integer("corpus_id"))
                .col(big_integer("label"))
                .col(big_integer("n_documents"))
                .primary_key(Index::create().col("corpus_id").col("label"))
                .foreign_key(&mut belongs_to("corpus_label", "corpus_id", "corpus")),
        );
        manager.create_table(corpus_label).await?;
        if is_sqlite(manager) {
            // The texts stay in `document`; this table holds the index only.
            manager
                .get_connection()
                .execute_unprepared(
                    "CREATE VIRTUAL TABLE document_search USING fts5(text, content='document', content_rowid='id', \
                     tokenize='unicode61 remove_diacritics 2')",
                )
                .await?;
        } else {
            for statement in [
                "CREATE TABLE document_search (\
                 rowid bigint PRIMARY KEY REFERENCES document (id) ON DELETE CASCADE, words tsvector NOT NULL)",
                "CREATE INDEX document_search_words ON document_search USING gin (words)",
            ] {
                manager
                    .get_connection()
                    .execute_unprepared(statement)
                    .await?;
            }
        }
        manager
            .create_table(
                Table::create()
                    .table("counter")
                    .col(string("name").primary_key())
                    .col(big_integer("next"))
                    .take(),
            )
            .await?;
        manager
            .execute(
                Query::insert()
                    .into_table("counter")
                    .columns(["name", "next"])
                    .values_panic([Expr::val("document"), Expr::val(1_i64)])
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("asset")
                    .col(big_pk_auto("id"))
                    .col(big_integer("project_id"))
                    .col(string("kind"))
                    .col(text("name"))
                    // SHA-256 of the upload; the files are under `assets/<hash>` in the data directory.
                    .col(string("content_hash"))
                    .col(big_integer("n_bytes"))
                    .col(text("summary"))
                    .col(timestamp_with_time_zone("created_at"))
                    .foreign_key(&mut belongs_to("asset", "project_id", "project"))
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("asset_project")
                    .table("asset")
                    .col("project_id")
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .get_connection()
            .execute_unprepared("DROP TABLE document_search")
            .await?;
        for table in [
            "asset",
            "counter",
            "corpus_label",
            "document_label",
            "corpus_document",
            "document",
            "corpus",
        ] {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        Ok(())
    }
}
