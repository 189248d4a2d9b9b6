//! Full-text search over documents: the only place that knows how the database does it.
//!
//! With SQLite it is an FTS5 table that holds the index while the texts stay in `document`. With PostgreSQL it is a table of
//! word vectors under an inverted index; words are cut and folded here, so that the same typing finds the same documents
//! whatever locale the database was made with.

use std::collections::BTreeMap;

use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{ConnectionTrait, DatabaseBackend, Statement, Value};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::{DbErr, is_postgres};

/// The table that is joined by `rowid` = id of the document.
pub const TABLE: &str = "document_search";
/// Documents that PostgreSQL's index takes with one statement.
const BATCH: usize = 500;
/// Bytes that a word vector may have; PostgreSQL refuses a mebibyte. Words of a text beyond are not found.
const MAX_VECTOR: usize = 900_000;
/// Longer words are none, but blobs of letters; PostgreSQL refuses two kibibytes.
const MAX_WORD: usize = 1_000;
/// Positions of one word in a vector, and the last position, beyond which PostgreSQL keeps none.
const MAX_POSITIONS: usize = 255;
const LAST_POSITION: usize = 16_383;

/// Adds the texts of newly inserted documents, by the range of their ids.
///
/// # Errors
/// When the database does not answer.
pub async fn add(db: &impl ConnectionTrait, first: i64, last: i64) -> Result<(), DbErr> {
    let backend = db.get_database_backend();
    if is_postgres(db) {
        let sql = "SELECT id, text FROM document WHERE id BETWEEN $1 AND $2";
        let rows = db
            .query_all_raw(Statement::from_sql_and_values(
                backend,
                sql,
                [first.into(), last.into()],
            ))
            .await?;
        for rows in rows.chunks(BATCH) {
            let mut values: Vec<Value> = Vec::with_capacity(rows.len() * 2);
            for row in rows {
                let text: String = row.try_get("", "text")?;
                values.push(row.try_get::<i64>("", "id")?.into());
                values.push(vector(&text).into());
            }
            let places: Vec<String> = (0..rows.len())
                .map(|row| format!("(${}, ${}::text::tsvector)", 2 * row + 1, 2 * row + 2))
                .collect();
            let sql = format!(
                "INSERT INTO document_search(rowid, words) VALUES {}",
                places.join(", ")
            );
            db.execute_raw(Statement::from_sql_and_values(backend, sql, values))
                .await?;
        }
        return Ok(());
    }
    let sql = "INSERT INTO document_search(rowid, text) SELECT id, text FROM document WHERE id BETWEEN ? AND ?";
    db.execute_raw(Statement::from_sql_and_values(
        backend,
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
    if is_postgres(db) {
        // Rows of the index go with their documents.
        return Ok(());
    }
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
pub fn fits(backend: DatabaseBackend, typed: &str) -> Option<SimpleExpr> {
    if backend == DatabaseBackend::Postgres {
        return Some(Expr::cust_with_values(
            "document_search.words @@ $1::text::tsquery",
            [query(typed)?],
        ));
    }
    let expression = expression(typed)?;
    Some(Expr::cust_with_values(
        "document_search MATCH ?",
        [expression],
    ))
}

/// Words of a text as both databases see them: runs of letters and digits, in lower case, without accents.
fn words(text: &str) -> impl Iterator<Item = String> {
    let folded: String = text
        .nfd()
        .filter(|character| !is_combining_mark(*character))
        .flat_map(char::to_lowercase)
        .collect();
    let words: Vec<String> = folded
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty() && word.len() <= MAX_WORD)
        .map(str::to_owned)
        .collect();
    words.into_iter()
}

/// A text as PostgreSQL writes a word vector: each word with the places where it stands.
fn vector(text: &str) -> String {
    let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut bytes = 0;
    for (place, word) in words(text).enumerate() {
        let length = word.len();
        let known = places.contains_key(&word);
        let cost = if known { 2 } else { length + 12 };
        if bytes + cost > MAX_VECTOR {
            continue;
        }
        let of_word = places.entry(word).or_default();
        if of_word.len() < MAX_POSITIONS {
            of_word.push((place + 1).min(LAST_POSITION));
            bytes += cost;
        }
    }
    let mut vector = String::with_capacity(2 * bytes);
    for (word, mut places) in places {
        places.dedup();
        vector.push_str(&format!("'{word}':"));
        let places: Vec<String> = places.iter().map(usize::to_string).collect();
        vector.push_str(&places.join(","));
        vector.push(' ');
    }
    vector
}

/// What people typed, in PostgreSQL's words: all of it must occur, words that stand together as a phrase, and the last word
/// may go on.
fn query(typed: &str) -> Option<String> {
    let quotes = typed.matches('"').count();
    let mut terms = Vec::new();
    let mut term = |text: &str| {
        let words: Vec<String> = words(text).map(|word| format!("'{word}'")).collect();
        if !words.is_empty() {
            terms.push(words.join(" <-> "));
        }
    };
    for (position, part) in typed.split('"').enumerate() {
        if position % 2 == 1 {
            term(part);
        } else {
            part.split_whitespace().for_each(&mut term);
        }
    }
    if quotes.is_multiple_of(2)
        && typed.chars().next_back().is_some_and(char::is_alphanumeric)
        && let Some(last) = terms.last_mut()
    {
        last.push_str(":*");
    }
    (!terms.is_empty()).then(|| terms.join(" & "))
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
    fn words_are_cut_and_folded() {
        let all = |text: &str| words(text).collect::<Vec<_>>();
        assert_eq!(
            all("Crème-brûlée, l’été 2026: ÄRGER!"),
            ["creme", "brulee", "l", "ete", "2026", "arger"]
        );
        assert_eq!(vector("b a b 'x"), "'a':2 'b':1,3 'x':4 ");
        assert_eq!(vector("..."), "");
        // A text of more words than a vector takes is cut, not refused.
        let long: String = (0..300_000).map(|n| format!("word{n} ")).collect();
        assert!(vector(&long).len() < 2 * MAX_VECTOR);
    }

    #[test]
    fn what_people_type_is_never_an_operator_of_postgres() {
        for (typed, expected) in [
            ("", None),
            ("-", None),
            ("heat", Some("'heat':*")),
            ("Heat pump ", Some("'heat' & 'pump'")),
            ("heat-pump", Some("'heat' <-> 'pump':*")),
            ("a | !b & c", Some("'a' & 'b' & 'c':*")),
            (
                r#"say "heat pump" now"#,
                Some("'say' & 'heat' <-> 'pump' & 'now':*"),
            ),
            (r#"open "heat pu"#, Some("'open' & 'heat' <-> 'pu'")),
        ] {
            assert_eq!(query(typed).as_deref(), expected, "{typed}");
        }
    }

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
