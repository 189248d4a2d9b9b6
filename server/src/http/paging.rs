//! Pages of lists: how many, and where the next one starts.

use super::problem::{ApiError, Code};

/// Number of entries on a page.
#[must_use]
pub fn limit(asked: Option<u64>, default: u64, max: u64) -> u64 {
    asked.unwrap_or(default).clamp(1, max)
}

/// A cursor that is a number: a position in something that never changes, or the last id of the page before.
///
/// # Errors
/// `cursor_invalid` when it is none of ours.
pub fn number(cursor: Option<&str>) -> Result<Option<i64>, ApiError> {
    match cursor {
        None | Some("") => Ok(None),
        Some(cursor) => match cursor.parse() {
            Ok(number) if number >= 0 => Ok(Some(number)),
            _ => Err(ApiError::new(
                Code::CursorInvalid,
                "pass on `next` of the page before, unchanged",
            )),
        },
    }
}
