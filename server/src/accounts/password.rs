//! Passwords: what is accepted, and Argon2id in blocking tasks.

use std::sync::{Arc, LazyLock};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use crate::http::problem::{ApiError, Code};

/// Shortest password that is accepted, in characters.
pub(super) const MIN_LENGTH: usize = 8;
const MAX_LENGTH: usize = 256;

/// Each hash takes 19 MiB for a moment: sign-ins beyond this many wait.
static SLOTS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(2)));

/// A hash that no password has, verified when there is no such user: both answers take the same time.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A password that may be set.
pub(super) struct NewPassword(String);

impl NewPassword {
    pub(super) fn new(password: String) -> Result<Self, ApiError> {
        let length = password.chars().count();
        if length < MIN_LENGTH {
            return Err(ApiError::field(
                "/password",
                format!("it has {length} characters, at least {MIN_LENGTH} are needed"),
            ));
        }
        if length > MAX_LENGTH {
            return Err(ApiError::field(
                "/password",
                format!("it has {length} characters, at most {MAX_LENGTH} are allowed"),
            ));
        }
        Ok(Self(password))
    }

    /// The PHC string to store.
    pub(super) async fn hash(self) -> Result<String, ApiError> {
        blocking(move || {
            Argon2::default()
                .hash_password(self.0.as_bytes())
                .map(|hash| hash.to_string())
                .map_err(|error| ApiError::internal(error.to_string()))
        })
        .await?
    }
}

/// Whether `password` is the one of the stored hash; takes as long when there is none.
pub(super) async fn verify(password: String, stored: Option<String>) -> Result<bool, ApiError> {
    if password.chars().count() > MAX_LENGTH {
        return Ok(false);
    }
    blocking(move || {
        let known = stored.is_some();
        let stored = stored.as_deref().unwrap_or(NOBODY);
        let hash =
            PasswordHash::new(stored).map_err(|error| ApiError::internal(error.to_string()))?;
        Ok(Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
            && known)
    })
    .await?
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    let _slot = SLOTS
        .clone()
        .acquire_owned()
        .await
        .map_err(|_| ApiError::new(Code::Unavailable, "the server is stopping"))?;
    Ok(tokio::task::spawn_blocking(work).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_verifies() {
        let hash = NewPassword::new("correct horse".to_owned())
            .unwrap()
            .hash()
            .await
            .unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(
            verify("correct horse".to_owned(), Some(hash.clone()))
                .await
                .unwrap()
        );
        assert!(!verify("correct hors".to_owned(), Some(hash)).await.unwrap());
        assert!(!verify("anything".to_owned(), None).await.unwrap());
    }

    #[test]
    fn short_and_endless_passwords_are_refused() {
        assert!(NewPassword::new("short".to_owned()).is_err());
        assert!(NewPassword::new("ä".repeat(8)).is_ok());
        assert!(NewPassword::new("x".repeat(257)).is_err());
    }
}
