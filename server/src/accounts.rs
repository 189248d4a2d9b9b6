//! Accounts: the first start, sign-in, sessions, API keys, and who may do what.
//!
//! Two kinds of callers: people with a session cookie, programs with a key. Both secrets are 256 random bits; the database
//! holds their SHA-256 only. Passwords are Argon2id. What a caller may do is decided in one place, [`Caller`].

mod cache;
mod caller;
mod first_start;
mod keys;
mod limit;
mod password;
pub mod routes;
pub(crate) mod secret;
mod session;
mod store;

pub use cache::CallerCache;
pub use caller::{Caller, CallerKind};
pub use first_start::FirstStart;
pub use keys::create_key;
pub use limit::SignInLimit;
pub use session::{forget_expired_sessions, identify};

use std::collections::HashMap;

use crate::App;
use crate::db::DbErr;

/// Names of people, by id.
///
/// # Errors
/// When the database does not answer.
pub async fn names(app: &App, ids: &[i64]) -> Result<HashMap<i64, String>, DbErr> {
    store::names(app.db.read(), ids).await
}
