//! What a taxonomy file would become.

use arborist_shared::api::taxonomies::{LabelRow, TaxonomyPreview};
use arborist_shared::taxonomy::{TaxonomyFormat, parse};

const TOP_SHOWN: usize = 50;
const NOTES_SHOWN: usize = 100;

/// Looks at a file, or at its beginning when it is `partial`.
pub(super) fn preview(
    bytes: &[u8],
    format: Option<TaxonomyFormat>,
    partial: bool,
) -> TaxonomyPreview {
    let bytes = if partial {
        without_cut_line(bytes)
    } else {
        bytes
    };
    let parsed = match parse(bytes, format) {
        Ok(parsed) => parsed,
        Err(error) => {
            let format = format.map(|format| format.to_string()).unwrap_or_default();
            return TaxonomyPreview {
                format,
                error: Some(error.to_string()),
                ..TaxonomyPreview::default()
            };
        }
    };
    let taxonomy = &parsed.taxonomy;
    let mut labels_per_level = vec![0_u64; taxonomy.depth() as usize];
    for label in taxonomy.indexes() {
        if let Some(n) = (taxonomy.level(label) as usize)
            .checked_sub(1)
            .and_then(|level| labels_per_level.get_mut(level))
        {
            *n += 1;
        }
    }
    let top = taxonomy
        .top_level()
        .iter()
        .take(TOP_SHOWN)
        .map(|&label| LabelRow {
            id: taxonomy.id(label).to_owned(),
            name: taxonomy.name(label).to_owned(),
            path: taxonomy.path_names(label),
            level: taxonomy.level(label),
            n_children: taxonomy.children(label).len() as u64,
            n_documents: 0,
        });
    TaxonomyPreview {
        format: parsed.format.to_string(),
        n_labels: taxonomy.len() as u64,
        depth: taxonomy.depth(),
        n_multi_parent: taxonomy.n_multi_parent() as u64,
        labels_per_level,
        top: top.collect(),
        notes: parsed.notes.into_iter().take(NOTES_SHOWN).collect(),
        error: None,
    }
}

/// Without what follows the last line break.
fn without_cut_line(bytes: &[u8]) -> &[u8] {
    let end = bytes
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(bytes.len(), |at| at + 1);
    &bytes[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_line_is_left_out() {
        let preview = preview(b"A\tRoot\nA1\tA\nA2\tRo", None, true);
        assert_eq!(
            (preview.n_labels, preview.depth, preview.error),
            (2, 2, None)
        );
        assert_eq!(preview.labels_per_level, [1, 1]);
        assert_eq!(preview.format, "tsv");
        assert_eq!(preview.top[0].n_children, 1);
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let preview = preview(b"A\tB\nB\tA\n", Some(TaxonomyFormat::Tsv), false);
        assert!(preview.error.is_some());
        assert_eq!(preview.n_labels, 0);
    }
}
