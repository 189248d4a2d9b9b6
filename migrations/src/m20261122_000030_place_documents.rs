//! Where the labels of a document lie, and since when it has them.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLE: &str = "corpus_document";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // `level`: of the deepest label; 0 = none applies, NULL = not annotated.
        // `labelled_in`: the corpus version in which the document got the labels that it has.
        for column in [small_integer_null("level"), big_integer_null("labelled_in")] {
            manager
                .alter_table(Table::alter().table(TABLE).add_column(column).take())
                .await?;
        }
        // Of earlier versions nobody knows any more which of them kept the labels of the one before.
        for statement in [
            "UPDATE corpus_document SET labelled_in = corpus_id",
            "UPDATE corpus_document SET level = 0 WHERE explicit IS NOT NULL",
            "UPDATE corpus_document SET level = deepest.level FROM (\
             SELECT document_label.corpus_id, document_label.document_id, max(label.level) AS level \
             FROM document_label JOIN corpus ON corpus.id = document_label.corpus_id \
             JOIN label ON label.taxonomy_id = corpus.taxonomy_id AND label.position = document_label.label \
             GROUP BY document_label.corpus_id, document_label.document_id) AS deepest \
             WHERE corpus_document.corpus_id = deepest.corpus_id \
             AND corpus_document.document_id = deepest.document_id",
        ] {
            manager
                .get_connection()
                .execute_unprepared(statement)
                .await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["labelled_in", "level"] {
            manager
                .alter_table(Table::alter().table(TABLE).drop_column(column).take())
                .await?;
        }
        Ok(())
    }
}
