//! The database schema, as a history of steps: the only truth about tables and columns.
//!
//! One file per room of the server. Statements are built with sea-query so that PostgreSQL can follow; what only
//! SQLite understands (full-text search, `WITHOUT ROWID`) stands behind a look at the backend. Data lives here only
//! as far as the schema itself needs it (counters).

#![expect(
    elided_lifetimes_in_paths,
    reason = "the trait's own signature elides them, and the impls have to agree"
)]

pub use sea_orm_migration::prelude::MigratorTrait;
use sea_orm_migration::prelude::*;

mod m20261121_000001_create_accounts;
mod m20261121_000002_create_projects;
mod m20261121_000003_create_taxonomies;
mod m20261121_000004_create_corpora;
mod m20261121_000005_create_jobs;
mod m20261121_000006_create_runs;
mod m20261122_000007_keep_label_details;
mod m20261122_000008_create_drafts;
mod m20261122_000009_create_taxonomy_links;
mod m20261122_000010_create_review_decisions;
mod m20261122_000012_describe_documents;
mod m20261122_000020_plan_jobs;
mod m20261122_000021_score_proposals;
mod m20261122_000030_place_documents;

/// All steps, oldest first.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_create_accounts::Migration),
            Box::new(m20261121_000002_create_projects::Migration),
            Box::new(m20261121_000003_create_taxonomies::Migration),
            Box::new(m20261121_000004_create_corpora::Migration),
            Box::new(m20261121_000005_create_jobs::Migration),
            Box::new(m20261121_000006_create_runs::Migration),
            Box::new(m20261122_000007_keep_label_details::Migration),
            Box::new(m20261122_000008_create_drafts::Migration),
            Box::new(m20261122_000009_create_taxonomy_links::Migration),
            Box::new(m20261122_000010_create_review_decisions::Migration),
            Box::new(m20261122_000012_describe_documents::Migration),
            Box::new(m20261122_000020_plan_jobs::Migration),
            Box::new(m20261122_000021_score_proposals::Migration),
            Box::new(m20261122_000030_place_documents::Migration),
        ]
    }
}

/// Whether the connection speaks SQLite.
pub(crate) fn is_sqlite(manager: &SchemaManager<'_>) -> bool {
    manager.get_database_backend() == sea_orm_migration::sea_orm::DatabaseBackend::Sqlite
}

/// Ends a `CREATE TABLE` whose primary key is its natural order: SQLite then stores the rows in the key's own tree
/// instead of keeping every key twice.
pub(crate) fn clustered(
    manager: &SchemaManager<'_>,
    table: &mut TableCreateStatement,
) -> TableCreateStatement {
    if is_sqlite(manager) {
        table.extra("WITHOUT ROWID");
    }
    table.take()
}

/// A cascading foreign key: the rows of `table` go with the row that they belong to.
pub(crate) fn belongs_to(
    table: &'static str,
    column: &'static str,
    to: &'static str,
) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from(table, column)
        .to(to, "id")
        .on_delete(ForeignKeyAction::Cascade)
        .take()
}

/// A foreign key to a row that must not go away while it is referred to.
pub(crate) fn refers_to(
    table: &'static str,
    column: &'static str,
    to: &'static str,
) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from(table, column)
        .to(to, "id")
        .on_delete(ForeignKeyAction::Restrict)
        .take()
}

/// A foreign key that is forgotten with the row it refers to: who did something, once the account is gone.
pub(crate) fn remembers(
    table: &'static str,
    column: &'static str,
    to: &'static str,
) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from(table, column)
        .to(to, "id")
        .on_delete(ForeignKeyAction::SetNull)
        .take()
}
