//! Corpora: importing them, their documents, and what training reads of them.
//!
//! A document belongs to a project and keeps its part for life; a corpus version says which documents it holds and with
//! which labels. Versions never change once they are ready.

pub(crate) mod column;
mod counts;
mod documents;
pub mod import;
mod index;
mod label_set;
mod preview;
mod reader;
pub mod routes;
pub mod snapshot;
mod store;
mod writer;

use std::path::PathBuf;

use arborist_shared::api;

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

/// Where the rows lie that an import refused.
fn rejects_file(app: &App, corpus: i64) -> PathBuf {
    app.folders.rejects().join(format!("{corpus}.jsonl"))
}
