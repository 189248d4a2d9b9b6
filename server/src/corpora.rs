//! Corpora: importing them, their documents, and what training reads of them.
//!
//! A document belongs to a project and keeps its part for life; a corpus version says which documents it holds and with
//! which labels. Versions never change once they are ready.

mod checks;
mod choices;
pub(crate) mod column;
mod contents;
mod counts;
mod diff;
mod documents;
pub mod export;
pub mod import;
mod index;
mod label_set;
pub mod migrate;
pub mod parts;
mod preview;
mod reader;
pub(crate) mod reviews;
pub mod routes;
pub mod snapshot;
mod statistics;
mod store;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

use arborist_shared::{LabelIndex, api};
use rustc_hash::FxHashSet;

use crate::App;
use crate::accounts::Caller;
use crate::db::{DbErr, rfc3339};
use crate::http::problem::{ApiError, Code};

pub use counts::{LabelCounts, label_counts};
pub use store::CorpusRow;

/// A corpus version as the interface shows it.
#[must_use]
pub fn show(row: CorpusRow) -> api::corpora::Corpus {
    let labels_per_document = if row.n_annotated == 0 {
        0.0
    } else {
        row.n_labels as f64 / row.n_annotated as f64
    };
    api::corpora::Corpus {
        id: row.id,
        project: row.project_id,
        taxonomy: row.taxonomy_id,
        version: row.version,
        content_hash: row.content_hash,
        n_documents: row.n_documents,
        n_annotated: row.n_annotated,
        n_train: row.n_train,
        n_validation: row.n_validation,
        n_test: row.n_test,
        n_rejected: row.n_rejected,
        labels_per_document,
        created_at: rfc3339(row.created_at),
        name: row.source_name,
        n_split_kept: row.n_split_kept,
    }
}

/// The newest version of a project.
///
/// # Errors
/// When the database does not answer.
pub async fn newest(app: &App, project: i64) -> Result<Option<api::corpora::Corpus>, DbErr> {
    Ok(store::newest(app.db.read(), project).await?.map(show))
}

/// Id of the newest version of a project, within a transaction.
///
/// # Errors
/// When the database does not answer.
pub async fn newest_in(
    transaction: &sea_orm::DatabaseTransaction,
    project: i64,
) -> Result<Option<i64>, DbErr> {
    Ok(store::newest(transaction, project).await?.map(|row| row.id))
}

/// Id of the newest version with a taxonomy.
///
/// # Errors
/// When the database does not answer.
pub async fn newest_of_taxonomy(app: &App, taxonomy: i64) -> Result<Option<i64>, DbErr> {
    store::newest_of_taxonomy(app.db.read(), taxonomy).await
}

/// Goes over the documents of a version that have one of the labels, closed upwards: each once, with its labels as given.
/// The work is done off the async threads.
///
/// # Errors
/// When the database does not answer.
pub async fn fold_labelled<S: Send + 'static>(
    app: &App,
    corpus: i64,
    labels: Vec<LabelIndex>,
    mut state: S,
    add: impl Fn(&mut S, &[LabelIndex]) + Send + Sync + 'static,
) -> Result<S, ApiError> {
    let add = Arc::new(add);
    let mut seen: FxHashSet<i64> = FxHashSet::default();
    for label in labels {
        let mut after = 0;
        loop {
            let rows =
                store::label_sets_with(app.db.read(), corpus, i64::from(label), after).await?;
            let Some(&(last, _)) = rows.last() else {
                break;
            };
            after = last;
            let add = Arc::clone(&add);
            (state, seen) = tokio::task::spawn_blocking(move || {
                for (document, explicit) in &rows {
                    if seen.insert(*document) {
                        add(&mut state, &label_set::decode(explicit));
                    }
                }
                (state, seen)
            })
            .await?;
        }
    }
    Ok(state)
}

/// A version of a project, whoever asks.
///
/// # Errors
/// When the database does not answer.
pub async fn in_project(app: &App, project: i64, id: i64) -> Result<Option<CorpusRow>, DbErr> {
    Ok(store::find(app.db.read(), id)
        .await?
        .filter(|row| row.project_id == project))
}

/// A version that the caller may see.
///
/// # Errors
/// `corpus_not_found`, also for those who may not know that it exists.
pub async fn visible(app: &App, caller: &Caller, id: i64) -> Result<CorpusRow, ApiError> {
    let not_found = || {
        ApiError::new(
            Code::CorpusNotFound,
            format!("there is no corpus {id} for you"),
        )
    };
    let row = store::find(app.db.read(), id)
        .await?
        .ok_or_else(not_found)?;
    match caller
        .in_project(app, row.project_id, api::accounts::Role::Viewer)
        .await
    {
        Err(error) if error.code() == Code::ProjectNotFound => Err(not_found()),
        Err(error) => Err(error),
        Ok(_) => Ok(row),
    }
}

/// Where it lies what an import found in its rows.
fn checks_file(app: &App, corpus: i64) -> PathBuf {
    app.folders.rejects().join(format!("{corpus}.checks.json"))
}

/// Where the rows lie that an import refused.
fn rejects_file(app: &App, corpus: i64) -> PathBuf {
    app.folders.rejects().join(format!("{corpus}.jsonl"))
}
