//! API keys.

use arborist_shared::api::accounts::{CreatedKey, Role};

use super::{secret, store};
use crate::db::{Db, DbErr};

/// Starts every key, so that people and secret scanners recognise one.
const PREFIX: &str = "arb_";

/// Makes a key. The answer holds the secret, which is stored nowhere; the key is valid at once, also beside a running server.
///
/// # Errors
/// When the database cannot be written.
pub async fn create_key(
    db: &Db,
    name: &str,
    role: Role,
    created_by: Option<i64>,
) -> Result<CreatedKey, DbErr> {
    let key = format!("{PREFIX}{}", secret::generate());
    let id = store::insert_key(db.write(), name, role, secret::hash(&key), created_by).await?;
    Ok(CreatedKey { key, id: Some(id) })
}
