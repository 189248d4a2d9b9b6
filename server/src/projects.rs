//! Projects: what everything else belongs to.

mod overview;
pub mod routes;
mod store;

use std::sync::{Mutex, PoisonError};

use rustc_hash::FxHashSet;

use crate::App;
use crate::accounts::Caller;
use crate::db::DbErr;
use crate::http::problem::ApiError;

/// Projects that are known to exist. They are archived, not deleted, so what is known stays true.
#[derive(Debug, Default)]
pub struct KnownProjects(Mutex<FxHashSet<i64>>);

impl KnownProjects {
    /// Whether there is such a project.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn exists(&self, app: &App, id: i64) -> Result<bool, DbErr> {
        if self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&id)
        {
            return Ok(true);
        }
        let exists = store::find(app.db.read(), id).await?.is_some();
        if exists {
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(id);
        }
        Ok(exists)
    }
}

/// Ids of the projects that a caller may see; none = all.
///
/// # Errors
/// When the database does not answer.
pub async fn visible(app: &App, caller: &Caller) -> Result<Option<Vec<i64>>, ApiError> {
    if caller.sees_all_projects() {
        return Ok(None);
    }
    match caller.user_id() {
        Some(user) => Ok(Some(store::projects_of(app.db.read(), user).await?)),
        None => Ok(Some(Vec::new())),
    }
}
