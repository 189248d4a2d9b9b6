//! The first start: a link, printed on the console, that sets the administrator's password once.
//!
//! The token lives in memory only; a server that is started again before anybody used it prints a new one.

use std::sync::{Mutex, PoisonError};

use arborist_shared::api::accounts::Role;

use super::password::NewPassword;
use super::secret;
use super::store::{self, UserRow};
use crate::db::{Db, DbErr};
use crate::http::problem::{ApiError, Code};

/// The token of the link, while the first start is due.
#[derive(Debug)]
pub struct FirstStart {
    /// Hash of the token; none once there is a user.
    due: Mutex<Option<String>>,
}

impl FirstStart {
    /// Looks whether the first start is due; answers the token for the link if so.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin(db: &Db) -> Result<(Self, Option<String>), DbErr> {
        let token = (!store::has_users(db.read()).await?).then(secret::generate);
        Ok((
            Self {
                due: Mutex::new(token.as_deref().map(secret::hash)),
            },
            token,
        ))
    }

    /// Whether the password is still to be set.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.due
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    }

    /// Makes the administrator; the token is spent.
    pub(super) async fn finish(
        &self,
        db: &Db,
        token: &str,
        name: &str,
        password: NewPassword,
    ) -> Result<UserRow, ApiError> {
        let done = || {
            ApiError::new(
                Code::FirstStartDone,
                "sign in with the name and the password that were set",
            )
        };
        let expected = self
            .due
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
            .ok_or_else(done)?;
        if secret::hash(token) != expected {
            return Err(ApiError::new(
                Code::FirstStartRefused,
                "use the newest link that the server printed on its console",
            ));
        }
        let hash = password.hash().await?;
        let user = store::insert_first_user(db, name, hash, Role::Admin).await?;
        *self.due.lock().unwrap_or_else(PoisonError::into_inner) = None;
        user.ok_or_else(done)
    }
}
