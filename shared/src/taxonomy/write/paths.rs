//! Path-CSV: a row for each label, its path along primary parents.

use std::io::{self, Write};

use super::super::Taxonomy;
use super::csv_row;

/// Writes a header and the paths, in taxonomy order.
pub(super) fn write(taxonomy: &Taxonomy, sink: &mut impl Write) -> io::Result<()> {
    // The path is as long as primary parents go, which may be longer than the level.
    let longest = taxonomy.indexes().map(|label| taxonomy.path(label).len());
    let header: Vec<String> = (1..=longest.max().unwrap_or(1))
        .map(|level| format!("level {level}"))
        .collect();
    csv_row(header.iter().map(String::as_str), sink)?;
    for label in taxonomy.indexes() {
        let path = taxonomy.path(label);
        let empty = header.len() - path.len();
        let names = path.iter().map(|&label| taxonomy.name(label).trim());
        csv_row(names.chain(std::iter::repeat_n("", empty)), sink)?;
    }
    Ok(())
}
