use arborist_migrations::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait, IdenStatic, Iterable, Statement};

use super::entity::{accounts, corpora, drafts, jobs, projects, runs, taxonomies};
use super::*;

async fn fresh() -> (tempfile::TempDir, Db) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    let db = Db::open(&url).await.unwrap();
    (folder, db)
}

async fn texts(db: &DatabaseConnection, sql: &str, column: &str) -> Vec<String> {
    let rows = db
        .query_all_raw(Statement::from_string(db.get_database_backend(), sql))
        .await
        .unwrap();
    rows.into_iter()
        .map(|row| row.try_get("", column).unwrap())
        .collect()
}

async fn schema(db: &DatabaseConnection) -> Vec<String> {
    texts(
        db,
        "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name",
        "sql",
    )
    .await
}

#[tokio::test]
async fn every_step_can_be_taken_back_and_again() {
    let (_folder, db) = fresh().await;
    let before = schema(db.write()).await;
    assert!(before.len() > 20);
    Migrator::down(db.write(), None).await.unwrap();
    let left = texts(
        db.write(),
        "SELECT name FROM sqlite_schema WHERE type = 'table'",
        "name",
    )
    .await;
    assert_eq!(left, ["seaql_migrations", "sqlite_sequence"]);
    Migrator::up(db.write(), None).await.unwrap();
    assert_eq!(schema(db.write()).await, before);
}

#[tokio::test]
async fn connections_are_durable_and_check_foreign_keys() {
    let (_folder, db) = fresh().await;
    for connection in [db.read(), db.write()] {
        assert_eq!(
            texts(connection, "PRAGMA journal_mode", "journal_mode").await,
            ["wal"]
        );
        for (pragma, column, value) in [
            ("synchronous", "synchronous", 2),
            ("foreign_keys", "foreign_keys", 1),
        ] {
            let statement = Statement::from_string(
                connection.get_database_backend(),
                format!("PRAGMA {pragma}"),
            );
            let row = connection.query_one_raw(statement).await.unwrap().unwrap();
            assert_eq!(row.try_get::<i32>("", column).unwrap(), value, "{pragma}");
        }
    }
}

/// The entity has the columns of the table, no more and no less.
async fn check<E: EntityTrait>(db: &Db, entity: E) {
    let table = entity.table_name().to_owned();
    let mut migrated = texts(
        db.read(),
        &format!("PRAGMA table_info(\"{table}\")"),
        "name",
    )
    .await;
    let mut known: Vec<String> = E::Column::iter()
        .map(|column| column.as_str().to_owned())
        .collect();
    migrated.sort();
    known.sort();
    assert_eq!(known, migrated, "{table}");
    // And what the columns hold can be read as what the entity says.
    E::find().all(db.read()).await.unwrap();
}

#[tokio::test]
async fn entities_are_what_the_migrations_make() {
    let (_folder, db) = fresh().await;
    check(&db, accounts::user::Entity).await;
    check(&db, accounts::session::Entity).await;
    check(&db, accounts::api_key::Entity).await;
    check(&db, projects::project::Entity).await;
    check(&db, projects::member::Entity).await;
    check(&db, taxonomies::taxonomy::Entity).await;
    check(&db, taxonomies::label::Entity).await;
    check(&db, taxonomies::label_edge::Entity).await;
    check(&db, corpora::corpus::Entity).await;
    check(&db, corpora::document::Entity).await;
    check(&db, corpora::corpus_document::Entity).await;
    check(&db, corpora::document_label::Entity).await;
    check(&db, corpora::corpus_label::Entity).await;
    check(&db, corpora::label_choice::Entity).await;
    check(&db, corpora::counter::Entity).await;
    check(&db, corpora::asset::Entity).await;
    check(&db, drafts::draft::Entity).await;
    check(&db, drafts::draft_entry::Entity).await;
    check(&db, drafts::publication::Entity).await;
    check(&db, drafts::review::Entity).await;
    check(&db, jobs::job::Entity).await;
    check(&db, runs::run::Entity).await;
    check(&db, runs::epoch::Entity).await;
    check(&db, runs::run_metrics::Entity).await;
    check(&db, runs::comparison::Entity).await;
    let tables = texts(
        db.read(),
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
         AND name NOT LIKE 'document_search%' AND name <> 'seaql_migrations'",
        "name",
    );
    assert_eq!(tables.await.len(), 25, "a table has no entity");
}

#[tokio::test]
async fn other_databases_are_refused_by_name() {
    let error = Db::open("mysql://u:secret@host/db")
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("mysql") && !error.contains("secret"),
        "{error}"
    );
}
