//! Full-text search over documents: the only place that knows how the database does it.
//!
//! With SQLite it is an FTS5 table that holds the index while the texts stay in `document`. Another database brings its own
//! index behind the same functions.

use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{ConnectionTrait, Statement};

use super::DbErr;

/// The table that is joined by `rowid` = id of the document.
pub const TABLE: &str = "document_search";

/// Adds the texts of newly inserted documents, by the range of their ids.
///
/// # Errors
/// When the database does not answer.
pub async fn add(db: &impl ConnectionTrait, first: i64, last: i64) -> Result<(), DbErr> {
    let sql = "INSERT INTO document_search(rowid, text) SELECT id, text FROM document WHERE id BETWEEN ? AND ?";
    db.execute_raw(Statement::from_sql_and_values(
        db.get_database_backend(),
        sql,
        [first.into(), last.into()],
    ))
    .await?;
    Ok(())
}

/// Removes documents that are about to be deleted.
///
/// # Errors
/// When the database does not answer.
pub async fn remove(db: &impl ConnectionTrait, ids: &[i64]) -> Result<(), DbErr> {
    let places = vec!["?"; ids.len()].join(", ");
    let sql = format!(
        "INSERT INTO document_search(document_search, rowid, text) \
         SELECT 'delete', id, text FROM document WHERE id IN ({places})"
    );
    let values: Vec<sea_orm::Value> = ids.iter().map(|&id| id.into()).collect();
    db.execute_raw(Statement::from_sql_and_values(
        db.get_database_backend(),
        sql,
        values,
    ))
    .await?;
    Ok(())
}

/// The condition that a text fits what people typed; none when they typed nothing that can be searched for.
#[must_use]
pub fn fits(typed: &str) -> Option<SimpleExpr> {
    let expression = expression(typed)?;
    Some(Expr::cust_with_values(
        "document_search MATCH ?",
        [expression],
    ))
}

/// What people typed, as an expression: all words must occur, a phrase in quotes as a whole, the last word may go on.
fn expression(typed: &str) -> Option<String> {
    let mut terms = Vec::new();
    for (position, part) in typed.split('"').enumerate() {
        let is_phrase = position % 2 == 1;
        if is_phrase {
            if part.chars().any(char::is_alphanumeric) {
                terms.push(format!("\"{part}\""));
            }
        } else {
            // Within quotes nothing is an operator; a word of punctuation alone has no token to look for.
            terms.extend(
                part.split_whitespace()
                    .filter(|word| word.chars().any(char::is_alphanumeric))
                    .map(|word| format!("\"{word}\"")),
            );
        }
    }
    let ends_in_word = typed.matches('"').count().is_multiple_of(2)
        && typed.chars().next_back().is_some_and(char::is_alphanumeric);
    if ends_in_word && let Some(last) = terms.last_mut() {
        last.push('*');
    }
    (!terms.is_empty()).then(|| terms.join(" "))
}

/// The id of the document in a query on [`TABLE`].
#[must_use]
pub fn document_id() -> SimpleExpr {
    Expr::col((TABLE, "rowid"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_never_an_operator() {
        for (typed, expected) in [
            ("", None),
            ("   ", None),
            ("-", None),
            ("heat", Some(r#""heat"*"#)),
            ("heat pump ", Some(r#""heat" "pump""#)),
            ("heat pump", Some(r#""heat" "pump"*"#)),
            ("NOT OR AND", Some(r#""NOT" "OR" "AND"*"#)),
            (
                r#"say "heat pump" now"#,
                Some(r#""say" "heat pump" "now"*"#),
            ),
            (r#"open "heat pu"#, Some(r#""open" "heat pu""#)),
            ("text:foo* (bar)", Some(r#""text:foo*" "(bar)""#)),
        ] {
            assert_eq!(expression(typed).as_deref(), expected, "{typed}");
        }
    }
}
