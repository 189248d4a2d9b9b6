//! How deep JSON may be nested, looked at before anything walks down.

use super::super::TaxonomyError;
use super::Place;

/// Refuses a text that opens more objects and lists within each other than `limit`.
pub(super) fn check(text: &str, limit: usize) -> Result<(), TaxonomyError> {
    let mut depth = 0_usize;
    let mut is_quoted = false;
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        if is_quoted {
            is_quoted = is_escaped || byte != b'"';
            is_escaped = !is_escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => is_quoted = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > limit {
            let before = text.as_bytes().get(..at).unwrap_or_default();
            let expected = format!("at most {limit} objects and lists within each other");
            return Err(Place::after(before).syntax("deeper nesting", expected));
        }
    }
    Ok(())
}
