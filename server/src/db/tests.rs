use arborist_migrations::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait, IdenStatic, Iterable, Statement};

use super::entity::{accounts, corpora, drafts, jobs, projects, reviews, runs, taxonomies};
use super::*;

/// PostgreSQL server on which the tests run as well, where one is named: `postgres://user@host:port`.
const POSTGRES: &str = "ARBORIST_TEST_POSTGRES";

/// A database of its own, gone when it is dropped.
struct Fresh {
    db: Db,
    folder: tempfile::TempDir,
    /// On a server: its URL and the database's name.
    made: Option<(String, String)>,
}

impl Fresh {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = std::env::var(POSTGRES)
            .ok()
            .map(|server| (server, format!("test_{:016x}", rand::random::<u64>())));
        let url = match &made {
            Some((server, name)) => format!("{server}/{name}"),
            None => format!("sqlite://{}", folder.path().join("test.db").display()),
        };
        let db = Db::open(&url).await.unwrap();
        Self { db, folder, made }
    }

    async fn drop(self) {
        self.db.close().await;
        if let Some((server, name)) = self.made {
            let connection = Database::connect(format!("{server}/postgres"))
                .await
                .unwrap();
            let drop = format!("DROP DATABASE \"{name}\" WITH (FORCE)");
            connection.execute_unprepared(&drop).await.unwrap();
        }
        drop(self.folder);
    }
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

/// Everything that a database holds, as text.
async fn schema(db: &DatabaseConnection) -> Vec<String> {
    let sql = if is_postgres(db) {
        "SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default) AS sql \
         FROM information_schema.columns WHERE table_schema = 'public' \
         UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
    } else {
        "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name"
    };
    texts(db, sql, "sql").await
}

async fn tables(db: &DatabaseConnection) -> Vec<String> {
    let sql = if is_postgres(db) {
        "SELECT table_name::text AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
    } else {
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1"
    };
    texts(db, sql, "name").await
}

#[tokio::test]
async fn every_step_can_be_taken_back_and_again() {
    let fresh = Fresh::new().await;
    let db = &fresh.db;
    let before = schema(db.write()).await;
    assert!(before.len() > 20);
    Migrator::down(db.write(), None).await.unwrap();
    assert_eq!(tables(db.write()).await, ["seaql_migrations"]);
    Migrator::up(db.write(), None).await.unwrap();
    assert_eq!(schema(db.write()).await, before);
    fresh.drop().await;
}

#[tokio::test]
async fn connections_are_durable_and_check_foreign_keys() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    let db = Db::open(&url).await.unwrap();
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
    let columns = if db.is_postgres() {
        format!(
            "SELECT column_name::text AS name FROM information_schema.columns WHERE table_name = '{table}'"
        )
    } else {
        format!("PRAGMA table_info(\"{table}\")")
    };
    let mut migrated = texts(db.read(), &columns, "name").await;
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
    let fresh = Fresh::new().await;
    let db = &fresh.db;
    check(db, accounts::user::Entity).await;
    check(db, accounts::session::Entity).await;
    check(db, accounts::api_key::Entity).await;
    check(db, projects::project::Entity).await;
    check(db, projects::member::Entity).await;
    check(db, taxonomies::taxonomy::Entity).await;
    check(db, taxonomies::label::Entity).await;
    check(db, taxonomies::label_edge::Entity).await;
    check(db, taxonomies::taxonomy_link::Entity).await;
    check(db, corpora::corpus::Entity).await;
    check(db, corpora::document::Entity).await;
    check(db, corpora::corpus_document::Entity).await;
    check(db, corpora::document_label::Entity).await;
    check(db, corpora::corpus_label::Entity).await;
    check(db, corpora::label_choice::Entity).await;
    check(db, corpora::counter::Entity).await;
    check(db, corpora::asset::Entity).await;
    check(db, drafts::draft::Entity).await;
    check(db, drafts::draft_entry::Entity).await;
    check(db, drafts::publication::Entity).await;
    check(db, drafts::review::Entity).await;
    check(db, reviews::review_decision::Entity).await;
    check(db, reviews::review_proposal::Entity).await;
    check(db, jobs::job::Entity).await;
    check(db, jobs::job_dependency::Entity).await;
    check(db, jobs::job_limit::Entity).await;
    check(db, jobs::device::Entity).await;
    check(db, runs::run_group::Entity).await;
    check(db, runs::run_group_member::Entity).await;
    check(db, runs::run::Entity).await;
    check(db, runs::epoch::Entity).await;
    check(db, runs::run_metrics::Entity).await;
    check(db, runs::comparison::Entity).await;
    let others = ["document_search", "seaql_migrations"];
    let mut tables = tables(db.read()).await;
    tables.retain(|name| !others.iter().any(|other| name.starts_with(other)));
    assert_eq!(tables.len(), 33, "a table has no entity");
    fresh.drop().await;
}

#[tokio::test]
async fn what_a_transaction_reads_stays_true() {
    let fresh = Fresh::new().await;
    let db = &fresh.db;
    // Each reads and writes; without a lock from the start, some would read the same.
    let counted = (0..20).map(|_| {
        let db = db.clone();
        async move {
            let transaction = db.begin().await.unwrap();
            let row = corpora::counter::Entity::find_by_id("document")
                .one(&transaction)
                .await
                .unwrap()
                .unwrap();
            let next = format!(
                "UPDATE counter SET next = {} WHERE name = 'document'",
                row.next + 1
            );
            transaction.execute_unprepared(&next).await.unwrap();
            transaction.commit().await.unwrap();
        }
    });
    futures_util::future::join_all(counted).await;
    let row = corpora::counter::Entity::find_by_id("document")
        .one(db.read())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.next, 21);
    fresh.drop().await;
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
