//! Projects: what everything else belongs to.

mod overview;
pub mod routes;
mod store;

use std::sync::{Mutex, PoisonError};

use arborist_shared::api;
use arborist_shared::api::accounts::Role;
use rustc_hash::FxHashSet;

use crate::App;
use crate::accounts::Caller;
use crate::db::{DbErr, rfc3339};
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

/// Makes a project whose administrator the caller becomes.
///
/// # Errors
/// When the caller may not, or the database does not answer.
pub async fn create(
    app: &App,
    caller: &Caller,
    name: &str,
) -> Result<api::projects::Project, ApiError> {
    caller.require(Role::Manager)?;
    let row = store::insert(&app.db, name, caller.user_id()).await?;
    let role = match caller.user_id() {
        Some(_) => Role::Admin,
        None => caller.role,
    };
    Ok(show(row, role))
}

/// The newest project of that name that the caller may see.
///
/// # Errors
/// When the database does not answer.
pub async fn named(
    app: &App,
    caller: &Caller,
    name: &str,
) -> Result<Option<api::projects::Project>, ApiError> {
    let among = visible(app, caller).await?;
    let Some(row) = store::named(app.db.read(), among.as_deref(), name).await? else {
        return Ok(None);
    };
    let role = caller.in_project(app, row.id, Role::Viewer).await?;
    Ok(Some(show(row, role)))
}

/// A project as the interface shows it, to somebody of this role.
fn show(row: store::ProjectRow, role: Role) -> api::projects::Project {
    api::projects::Project {
        id: row.id,
        name: row.name,
        created_at: rfc3339(row.created_at),
        role,
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
