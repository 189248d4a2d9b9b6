//! Many rows at once: multi-row inserts with one prepared statement for all full batches.

use sea_orm::{ConnectionTrait, DatabaseBackend, Statement, Value};

use super::DbErr;

/// Values bound by one statement at most; SQLite takes 32,766, PostgreSQL 65,535.
const MAX_VALUES: usize = 3_000;

/// Inserts rows into one table.
#[derive(Debug)]
pub struct BulkInsert {
    head: String,
    tail: &'static str,
    columns: usize,
    /// Statement of a full batch.
    full: String,
    rows_of_full: usize,
    backend: DatabaseBackend,
}

impl BulkInsert {
    /// For a table and its columns. With `skip_known`, rows whose key is there already are left as they are.
    #[must_use]
    pub fn new(backend: DatabaseBackend, table: &str, columns: &[&str], skip_known: bool) -> Self {
        let names = columns
            .iter()
            .map(|name| format!("\"{name}\""))
            .collect::<Vec<_>>()
            .join(", ");
        let rows_of_full = (MAX_VALUES / columns.len()).max(1);
        let mut bulk = Self {
            head: format!("INSERT INTO \"{table}\" ({names}) VALUES "),
            tail: if skip_known {
                " ON CONFLICT DO NOTHING"
            } else {
                ""
            },
            columns: columns.len(),
            full: String::new(),
            rows_of_full,
            backend,
        };
        bulk.full = bulk.statement(rows_of_full);
        bulk
    }

    /// Inserts rows, given as their values one after the other.
    ///
    /// # Errors
    /// When the database refuses one of them; what was inserted before stays in the caller's transaction.
    pub async fn insert(&self, db: &impl ConnectionTrait, values: Vec<Value>) -> Result<(), DbErr> {
        debug_assert_eq!(values.len() % self.columns, 0, "the values fill whole rows");
        let mut values = values.into_iter();
        loop {
            let batch: Vec<Value> = values
                .by_ref()
                .take(self.rows_of_full * self.columns)
                .collect();
            let rows = batch.len() / self.columns;
            if rows == 0 {
                return Ok(());
            }
            let sql = if rows == self.rows_of_full {
                self.full.clone()
            } else {
                self.statement(rows)
            };
            db.execute_raw(Statement::from_sql_and_values(self.backend, sql, batch))
                .await?;
        }
    }

    fn statement(&self, rows: usize) -> String {
        let mut sql = self.head.clone();
        let mut n = 0;
        for row in 0..rows {
            sql.push_str(if row == 0 { "(" } else { ", (" });
            for column in 0..self.columns {
                n += 1;
                if column > 0 {
                    sql.push_str(", ");
                }
                if self.backend == DatabaseBackend::Postgres {
                    sql.push_str(&format!("${n}"));
                } else {
                    sql.push('?');
                }
            }
            sql.push(')');
        }
        sql.push_str(self.tail);
        sql
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_speak_the_dialect() {
        let sqlite = BulkInsert::new(DatabaseBackend::Sqlite, "t", &["a", "b"], false);
        assert_eq!(
            sqlite.statement(2),
            r#"INSERT INTO "t" ("a", "b") VALUES (?, ?), (?, ?)"#
        );
        let postgres = BulkInsert::new(DatabaseBackend::Postgres, "t", &["a", "b"], true);
        assert_eq!(
            postgres.statement(2),
            r#"INSERT INTO "t" ("a", "b") VALUES ($1, $2), ($3, $4) ON CONFLICT DO NOTHING"#
        );
    }
}
