//! The database: opening it, bringing its schema up to date, and writing to it in an orderly way.
//!
//! SQLite has one writer at a time. [`Db`] therefore has one connection that writes and a few that read: writers queue
//! here, where waiting is fair and cheap, instead of meeting busy errors there. No transaction may last longer than
//! about half a second, since everybody else's writing waits for it.
//!
//! PostgreSQL has many. A transaction of [`Db::begin`] promises that what it reads stays true, whoever else works on the
//! database; there, one advisory lock for all of them keeps that promise with the same code. Single statements, the
//! claims and heartbeats of the queue above all, wait for nobody.
//!
//! Queries live in the rooms' `store.rs`; entities never leave them.

pub mod bulk;
pub mod entity;
pub mod kinds;
pub mod search;
#[cfg(test)]
mod tests;

use std::time::Duration;

use arborist_migrations::{Migrator, MigratorTrait};
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseBackend, DatabaseConnection,
    DatabaseTransaction, RuntimeErr, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};

pub use sea_orm::DbErr;
/// A moment in UTC.
pub type Timestamp = chrono::DateTime<chrono::Utc>;

/// Connections to SQLite that read at the same time.
const READERS: u32 = 4;
/// Connections to PostgreSQL, for reading and for writing each: a transaction that waits for its turn must not keep the one
/// before from reading.
const POSTGRES_CONNECTIONS: u32 = 8;
/// Of PostgreSQL's advisory locks: the one for transactions, and the one for changes of the schema.
const TRANSACTION_LOCK: i64 = 0x6172_626f_7269_0001;
const SCHEMA_LOCK: i64 = 0x6172_626f_7269_0002;

/// The open database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    read: DatabaseConnection,
    write: DatabaseConnection,
}

impl Db {
    /// Opens the database at `url` and brings its schema up to date: `sqlite:///path/file.db`, which is made if it is not
    /// there, or `postgres://user:password@host/database`, which is made as well where the user may do so.
    ///
    /// # Errors
    /// When the database cannot be opened or migrated, or is of a kind that this version does not speak.
    pub async fn open(url: &str) -> Result<Self, DbErr> {
        match url.split(':').next().unwrap_or_default() {
            "sqlite" => Self::open_sqlite(url).await,
            "postgres" | "postgresql" => Self::open_postgres(url).await,
            other => Err(DbErr::Custom(format!(
                "the database URL starts with `{other}`, expected `sqlite:` or `postgres:`"
            ))),
        }
    }

    async fn open_sqlite(url: &str) -> Result<Self, DbErr> {
        let write = Database::connect(sqlite_options(url, 1, 64)).await?;
        Migrator::up(&write, None).await?;
        let read = Database::connect(sqlite_options(url, READERS, 16)).await?;
        Ok(Self { read, write })
    }

    async fn open_postgres(url: &str) -> Result<Self, DbErr> {
        // One connection, so that it is the one with the lock that changes the schema: servers that start together do so
        // one after the other.
        let schema = match Database::connect(options(url, 1)).await {
            Err(error) if is_missing_database(&error) => {
                create_database(url).await?;
                Database::connect(options(url, 1)).await?
            }
            schema => schema?,
        };
        schema
            .execute_unprepared(&format!("SELECT pg_advisory_lock({SCHEMA_LOCK})"))
            .await?;
        Migrator::up(&schema, None).await?;
        // The lock goes with its connection.
        schema.close().await?;
        Ok(Self {
            read: Database::connect(options(url, POSTGRES_CONNECTIONS)).await?,
            write: Database::connect(options(url, POSTGRES_CONNECTIONS)).await?,
        })
    }

    /// Whether this is PostgreSQL.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        is_postgres(&self.read)
    }

    /// Where to read. What was committed before the call is seen.
    #[must_use]
    pub fn read(&self) -> &DatabaseConnection {
        &self.read
    }

    /// Where to write single statements.
    #[must_use]
    pub fn write(&self) -> &DatabaseConnection {
        &self.write
    }

    /// Starts a transaction that holds the write lock from its start, so that what it reads stays true until it commits.
    /// Dropped without `commit`, it rolls back.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        let transaction = self.write.begin_with_options(options).await?;
        if is_postgres(&transaction) {
            transaction
                .execute_unprepared(&format!("SELECT pg_advisory_xact_lock({TRANSACTION_LOCK})"))
                .await?;
        }
        Ok(transaction)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), DbErr> {
        self.read.ping().await
    }

    /// Folds what the write-ahead log holds into the database file and closes all connections.
    pub async fn close(self) {
        let fold = "PRAGMA wal_checkpoint(TRUNCATE)";
        if !self.is_postgres()
            && let Err(error) = self.write.execute_unprepared(fold).await
        {
            tracing::warn!(%error, "could not fold the write-ahead log into the database");
        }
        for connection in [self.read, self.write] {
            if let Err(error) = connection.close().await {
                tracing::warn!(%error, "could not close a database connection");
            }
        }
    }
}

/// Whether the connection speaks to PostgreSQL.
pub(crate) fn is_postgres(db: &impl ConnectionTrait) -> bool {
    db.get_database_backend() == DatabaseBackend::Postgres
}

fn is_missing_database(error: &DbErr) -> bool {
    /// `invalid_catalog_name` in PostgreSQL's table of errors.
    const NO_SUCH_DATABASE: &str = "3D000";
    let DbErr::Conn(RuntimeErr::SqlxError(error)) = error else {
        return false;
    };
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code == NO_SUCH_DATABASE)
}

/// Makes the database that the URL names, by way of the one that every server has.
async fn create_database(url: &str) -> Result<(), DbErr> {
    let asked: PgConnectOptions = url
        .parse()
        .map_err(|error: sea_orm::sqlx::Error| DbErr::Custom(error.to_string()))?;
    let name = asked
        .get_database()
        .unwrap_or_default()
        .replace('"', "\"\"");
    let mut elsewhere = options(url, 1);
    elsewhere.map_sqlx_postgres_opts(|options| options.database("postgres"));
    let connection = Database::connect(elsewhere).await?;
    let created = connection
        .execute_unprepared(&format!(
            "CREATE DATABASE \"{name}\" ENCODING 'UTF8' TEMPLATE template0"
        ))
        .await;
    connection.close().await?;
    // Another server that starts at the same time may have been faster; whether it is there shows next.
    match created {
        Err(error) => {
            tracing::warn!(%error, "could not make the database");
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}

/// Options of a pool with up to so many connections.
fn options(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .min_connections(1)
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(60))
        .idle_timeout(Duration::from_secs(600))
        .sqlx_logging(false)
        .record_stmt_in_spans(false);
    options
}

/// Options of a pool with `connections` connections, each with `cache_mib` of page cache.
fn sqlite_options(url: &str, connections: u32, cache_mib: u32) -> ConnectOptions {
    let mut options = options(url, connections);
    options.map_sqlx_sqlite_opts(move |sqlite| {
        sqlite
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            .pragma("cache_size", format!("-{}", cache_mib * 1024))
            .pragma("temp_store", "file")
            // Half a minute of import; the file is cut back to this size after it was folded in.
            .pragma("journal_size_limit", "67108864")
    });
    options
}

/// Now, to the millisecond: what is stored is what is shown.
#[must_use]
pub fn now() -> Timestamp {
    let now = chrono::Utc::now();
    chrono::SubsecRound::trunc_subsecs(now, 3)
}

/// RFC 3339 with milliseconds, as timestamps are shown.
#[must_use]
pub fn rfc3339(at: Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
