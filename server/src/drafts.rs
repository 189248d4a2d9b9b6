//! Drafts: edits of a taxonomy that several people collect at once, what they would do, and publishing them.
//!
//! A draft is a list of entries that is only ever added to; what it looks like follows from them. Publishing makes a
//! version, and a corpus version with the label sets carried over, in one transaction. What edits mean is `shared::edits`'
//! business, label sets and their index are the corpora's.

mod edit;
mod follow;
mod impact;
mod live;
pub mod publish;
mod rebase;
mod replica;
pub mod routes;
pub mod store;
mod stream;
pub mod undo;
mod view;

use arborist_shared::api;
use arborist_shared::api::accounts::Role;
use arborist_shared::api::drafts::DraftState;
use serde::{Deserialize, Serialize};

use crate::accounts::Caller;
use crate::db::{DbErr, rfc3339};
use crate::http::problem::{ApiError, Code};
use crate::{App, jobs, taxonomies};

pub use follow::model_map;
pub use live::Drafts;
pub use store::{DraftRow, PublicationRow};

/// Who did something: the account, and the name that stays when the account is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    pub user: Option<i64>,
    pub name: String,
}

impl From<&Caller> for Author {
    fn from(caller: &Caller) -> Self {
        Self {
            user: caller.user_id(),
            name: caller.name.clone(),
        }
    }
}

/// A draft as the interface shows it.
///
/// # Errors
/// When the database does not answer.
pub async fn show(app: &App, row: DraftRow) -> Result<api::drafts::Draft, DbErr> {
    let published = match row.state {
        DraftState::Published => store::published(app.db.read(), row.id).await?,
        _ => None,
    };
    Ok(api::drafts::Draft {
        id: row.id,
        project: row.project_id,
        taxonomy: row.taxonomy_id,
        name: row.name,
        state: row.state,
        revision: row.revision,
        author: row.author,
        created_at: rfc3339(row.created_at),
        updated_at: rfc3339(row.updated_at),
        job: row.job_id,
        published,
        people: app.drafts.people(row.id),
    })
}

/// A draft that exists, opened again if the job that was to publish it has ended without.
async fn find(app: &App, id: i64) -> Result<DraftRow, ApiError> {
    let not_found = || {
        ApiError::new(
            Code::DraftNotFound,
            format!("there is no draft {id} for you"),
        )
    };
    let row = store::find(app.db.read(), id)
        .await?
        .ok_or_else(not_found)?;
    let (DraftState::Publishing, Some(job)) = (row.state, row.job_id) else {
        return Ok(row);
    };
    let is_over = match jobs::find(app, job).await? {
        Some(job) => job.status.is_final(),
        None => true,
    };
    if !is_over {
        return Ok(row);
    }
    // A job that succeeded changed the draft in the same transaction, so that this finds nothing to change.
    reopen(app, id, job).await?;
    store::find(app.db.read(), id).await?.ok_or_else(not_found)
}

/// Lets a draft take edits again that a job was to publish.
async fn reopen(app: &App, id: i64, job: i64) -> Result<(), DbErr> {
    let states = (DraftState::Publishing, DraftState::Open);
    if store::reopen(app.db.write(), id, job, states).await? {
        app.drafts.tell(id);
    }
    Ok(())
}

/// A draft that the caller may see, or change.
///
/// # Errors
/// `draft_not_found`, also for those who may not know that it exists; `forbidden`.
pub async fn visible(
    app: &App,
    caller: &Caller,
    id: i64,
    least: Role,
) -> Result<DraftRow, ApiError> {
    let row = find(app, id).await?;
    match caller.in_project(app, row.project_id, least).await {
        Err(error) if error.code() == Code::ProjectNotFound => Err(ApiError::new(
            Code::DraftNotFound,
            format!("there is no draft {id} for you"),
        )),
        Err(error) => Err(error),
        Ok(_) => Ok(row),
    }
}

/// How a version came out of another one, as the interface shows it.
#[must_use]
pub fn show_publication(row: &PublicationRow) -> api::drafts::Publication {
    api::drafts::Publication {
        taxonomy: row.taxonomy,
        base: row.base,
        draft: row.draft,
        restores: row.restores,
        corpus: row.corpus,
        base_corpus: row.base_corpus,
        n_migrated: row.n_migrated,
        n_review: row.n_review,
        n_changes: row.diff.changes.len() as u64,
        author: row.author.name.clone(),
        at: rfc3339(row.at),
    }
}
