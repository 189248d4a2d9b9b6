//! Random secrets and their hashes.

use sha2::{Digest, Sha256};

use crate::hash::hex;

/// A new secret of 256 bits, as 64 hexadecimal digits.
pub(crate) fn generate() -> String {
    let bytes: [u8; 32] = rand::random();
    hex(&bytes)
}

/// What is stored of a secret. A fast hash is enough: nobody can guess 256 bits.
pub(crate) fn hash(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}
