//! Who asks, and what they may do.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use arborist_shared::api::accounts::Role;

use super::store;
use crate::App;
use crate::http::problem::{ApiError, Code};

/// A recognised caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub kind: CallerKind,
    pub name: String,
    /// For people, what they may do on this server; projects have roles of their own. For keys, their role everywhere.
    pub role: Role,
}

/// What kind of caller it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerKind {
    User { id: i64, session: i64 },
    Key { id: i64 },
}

impl Caller {
    /// Id of the person, for the record of who did something.
    #[must_use]
    pub fn user_id(&self) -> Option<i64> {
        match self.kind {
            CallerKind::User { id, .. } => Some(id),
            CallerKind::Key { .. } => None,
        }
    }

    /// Demands a role on the server as a whole.
    ///
    /// # Errors
    /// `forbidden`, naming both roles.
    pub fn require(&self, least: Role) -> Result<(), ApiError> {
        allow(self.role, least)
    }

    /// Demands a role in a project; answers the role that the caller has there.
    ///
    /// # Errors
    /// `project_not_found` for those who may not even see it, `forbidden` for those who may not do this.
    pub async fn in_project(&self, app: &App, project: i64, least: Role) -> Result<Role, ApiError> {
        let not_found = || {
            ApiError::new(
                Code::ProjectNotFound,
                format!("there is no project {project} for you"),
            )
        };
        let role = match self.kind {
            // The server's administrators and keys act everywhere; the project has to exist.
            CallerKind::User { .. } if self.role == Role::Admin => app
                .projects
                .exists(app, project)
                .await?
                .then_some(self.role),
            CallerKind::Key { .. } => app
                .projects
                .exists(app, project)
                .await?
                .then_some(self.role),
            CallerKind::User { id, .. } => store::project_role(app.db.read(), id, project).await?,
        };
        let role = role.ok_or_else(not_found)?;
        allow(role, least)?;
        Ok(role)
    }

    /// Whether the caller sees all projects, or only those they are a member of.
    #[must_use]
    pub fn sees_all_projects(&self) -> bool {
        match self.kind {
            CallerKind::User { .. } => self.role == Role::Admin,
            CallerKind::Key { .. } => true,
        }
    }
}

/// Each role may do all that the later ones may.
fn allow(role: Role, least: Role) -> Result<(), ApiError> {
    if role <= least {
        return Ok(());
    }
    Err(ApiError::new(
        Code::Forbidden,
        format!("your role is {}, this needs {}", word(role), word(least)),
    ))
}

/// A role as people read it.
fn word(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::Manager => "manager",
        Role::Reviewer => "reviewer",
        Role::Annotator => "annotator",
        Role::Viewer => "viewer",
    }
}

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let caller = request.extensions().get::<Self>().cloned();
        ready(caller.ok_or_else(|| ApiError::new(Code::SignInRequired, "nobody is signed in")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_do_what_the_later_ones_may() {
        let roles = [
            Role::Admin,
            Role::Manager,
            Role::Reviewer,
            Role::Annotator,
            Role::Viewer,
        ];
        for (i, role) in roles.into_iter().enumerate() {
            for (j, least) in roles.into_iter().enumerate() {
                assert_eq!(
                    allow(role, least).is_ok(),
                    i <= j,
                    "{role:?} asked for {least:?}"
                );
            }
        }
    }
}
