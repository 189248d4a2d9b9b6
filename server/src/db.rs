//! The database: opening it, bringing its schema up to date, and writing to it in an orderly way.
//!
//! SQLite has one writer at a time. [`Db`] therefore has one connection that writes and a few that read: writers queue
//! here, where waiting is fair and cheap, instead of meeting busy errors there. No transaction may last longer than
//! about half a second, since everybody else's writing waits for it.
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
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};

pub use sea_orm::DbErr;
/// A moment in UTC.
pub type Timestamp = chrono::DateTime<chrono::Utc>;

/// Connections that read at the same time.
const READERS: u32 = 4;

/// The open database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    read: DatabaseConnection,
    write: DatabaseConnection,
}

impl Db {
    /// Opens the database at `url` (`sqlite:///path/file.db`), creating it if it is not there, and brings its schema up to date.
    ///
    /// # Errors
    /// When the database cannot be opened or migrated, or is of a kind that this version does not speak.
    pub async fn open(url: &str) -> Result<Self, DbErr> {
        if !url.starts_with("sqlite:") {
            return Err(DbErr::Custom(format!(
                "the database URL starts with `{}`, expected `sqlite:`",
                url.split(':').next().unwrap_or_default()
            )));
        }
        let write = Database::connect(sqlite_options(url, 1, 64)).await?;
        Migrator::up(&write, None).await?;
        let read = Database::connect(sqlite_options(url, READERS, 16)).await?;
        Ok(Self { read, write })
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
        self.write.begin_with_options(options).await
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
        if let Err(error) = self
            .write
            .execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)")
            .await
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

/// Options of a pool with `connections` connections, each with `cache_mib` of page cache.
fn sqlite_options(url: &str, connections: u32, cache_mib: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .min_connections(1)
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(60))
        .idle_timeout(Duration::from_secs(600))
        .sqlx_logging(false)
        .record_stmt_in_spans(false)
        .map_sqlx_sqlite_opts(move |sqlite| {
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
