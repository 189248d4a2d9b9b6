//! Pages of lists: how many, and where the next one starts.

use serde::Deserialize;
use utoipa::IntoParams;

use super::problem::{ApiError, Code};

/// Entries on a page of a list that is mostly looked at whole.
const WHOLE: u64 = 1_000;

/// Which page of a list that is mostly looked at whole.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// At most so many, 1,000 unless told otherwise, which is the most.
    limit: Option<u64>,
    /// `next` of the page before.
    cursor: Option<String>,
}

impl PageQuery {
    /// Number of entries on the page.
    #[must_use]
    pub fn limit(&self) -> u64 {
        limit(self.limit, WHOLE, WHOLE)
    }

    /// What the entries of the page come before.
    ///
    /// # Errors
    /// As [`number`].
    pub fn before(&self) -> Result<Option<i64>, ApiError> {
        number(self.cursor.as_deref())
    }
}

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

/// Cuts rows to a page, of which one more was asked for than it holds. Answers the cursor of the next page, if there is one.
pub fn cut<T>(rows: &mut Vec<T>, limit: u64, number: impl Fn(&T) -> i64) -> Option<String> {
    let goes_on = rows.len() as u64 > limit;
    rows.truncate(limit as usize);
    rows.last()
        .filter(|_| goes_on)
        .map(|row| number(row).to_string())
}
