//! Where something that was found at fault stands in its row, as a column from 1; 1 when it cannot be found.

use arborist_shared::corpus::ResolveError;

/// The column of a label that could not be resolved.
pub(crate) fn of_label(raw: &[u8], error: &ResolveError) -> u64 {
    let (ResolveError::Unknown { label } | ResolveError::Ambiguous { label, .. }) = error;
    // The last occurrence: the text may hold the same words, and mostly comes first.
    quoted(label)
        .and_then(|label| rfind(raw, &label))
        .map_or(1, column)
}

/// The column of a row's id: what stands behind the key.
pub(crate) fn of_id(raw: &[u8]) -> u64 {
    const KEY: &[u8] = b"\"id\"";
    let starts = raw
        .windows(KEY.len())
        .enumerate()
        .filter(|(_, window)| *window == KEY)
        .map(|(start, _)| start + KEY.len());
    let values = starts.filter_map(|end| {
        // A label may be called `id`, too.
        let colon = end + blanks(&raw[end..]);
        (raw.get(colon) == Some(&b':')).then(|| colon + 1 + blanks(&raw[colon + 1..]))
    });
    values.last().map_or(1, column)
}

fn blanks(raw: &[u8]) -> usize {
    raw.iter()
        .take_while(|byte| byte.is_ascii_whitespace())
        .count()
}

fn quoted(text: &str) -> Option<Vec<u8>> {
    serde_json::to_vec(text).ok()
}

fn column(position: usize) -> u64 {
    position as u64 + 1
}

fn rfind(raw: &[u8], what: &[u8]) -> Option<usize> {
    raw.windows(what.len().max(1))
        .rposition(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_those_of_the_value_at_fault() {
        let label = |raw: &str, label: &str| {
            let label = label.to_owned();
            of_label(raw.as_bytes(), &ResolveError::Unknown { label })
        };
        assert_eq!(
            label(
                r#"{"text":"\"owls\" owls","labels":["fish","owls"]}"#,
                "owls"
            ),
            42
        );
        assert_eq!(label(r#"{"labels":["\u006fwls"]}"#, "owls"), 1);
        assert_eq!(of_id(br#"{"text":"d3","id":"d3"}"#), 19);
        assert_eq!(of_id(br#"{"id" : 12,"text":"12","labels":["id"]}"#), 9);
        assert_eq!(of_id(b"d3\tsome text"), 1);
    }
}
