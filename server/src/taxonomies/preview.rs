//! What a taxonomy file would become.

use arborist_shared::api::taxonomies::TaxonomyPreview;
use arborist_shared::taxonomy::{ParsedTaxonomy, TaxonomyFormat, parse};

use super::file::{FileError, unpack};
use super::label_row;

const TOP_SHOWN: usize = 50;
const NOTES_SHOWN: usize = 100;

/// Looks at a file, or at its beginning when it is `partial`.
pub(super) fn preview(
    bytes: &[u8],
    format: Option<TaxonomyFormat>,
    partial: bool,
) -> TaxonomyPreview {
    let parsed = match read(bytes, format, partial) {
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
        .map(|&label| label_row(taxonomy, label, 0));
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

fn read(
    bytes: &[u8],
    format: Option<TaxonomyFormat>,
    partial: bool,
) -> Result<ParsedTaxonomy, FileError> {
    let content = unpack(bytes, partial)?;
    if !partial {
        return Ok(parse(&content, format)?);
    }
    let lines = without_cut_line(&content, b"\n");
    let parsed = parse(lines, format);
    // A statement of Turtle ends with a dot, rarely with the line.
    parsed.or_else(
        |error| match parse(without_cut_line(lines, b".\n"), format) {
            Ok(parsed) if parsed.format == TaxonomyFormat::Skos => Ok(parsed),
            _ => Err(error.into()),
        },
    )
}

/// Without what follows the last end of a line.
fn without_cut_line<'a>(bytes: &'a [u8], end: &[u8]) -> &'a [u8] {
    let last = bytes
        .windows(end.len())
        .rposition(|window| window == end)
        .map_or(bytes.len(), |at| at + end.len());
    &bytes[..last]
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
    fn a_cut_statement_is_left_out() {
        let text = "@prefix s: <http://www.w3.org/2004/02/skos/core#> .\n<urn:a:1> a s:Concept .\n<urn:a:2> a s:Concept ;\n s:prefLabel \"B";
        let preview = preview(text.as_bytes(), None, true);
        assert_eq!((preview.n_labels, preview.error), (1, None));
        assert_eq!(preview.format, "skos");
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let preview = preview(b"A\tB\nB\tA\n", Some(TaxonomyFormat::Tsv), false);
        assert!(preview.error.is_some());
        assert_eq!(preview.n_labels, 0);
    }
}
