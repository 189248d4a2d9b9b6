//! Writing taxonomies in the formats that people need, and saying before what a format cannot hold.
//!
//! What is written is read again as the same taxonomy, but for what [`losses`] names. Where a format could only hold
//! something else than the taxonomy (two labels as one), nothing is written: [`check_writable`] says why.

mod annif;
mod losses;
mod nested;
mod paths;
#[cfg(feature = "rdf")]
mod rdf;
mod tabbed;
// Cases are made of patterns of text, which proptest has not got in a browser.
#[cfg(test)]
#[cfg(not(target_family = "wasm"))]
mod tests;

use std::io::{self, Write};

use rustc_hash::FxHashSet;

use super::{LabelName, NameKind, ROOT, Taxonomy, TaxonomyFormat};
use crate::LabelIndex;

pub use losses::{Loss, LossKind, losses};

/// What a file says about the taxonomy as a whole, where its format has a place for that.
#[derive(Clone, Copy, Debug, Default)]
pub struct Origin<'a> {
    /// What it is called.
    pub title: Option<&'a str>,
    /// Its version.
    pub version: Option<&'a str>,
}

/// Why a taxonomy is not written in a format.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The format has no way to say it.
    #[error(
        "the format {format} cannot hold the label `{label}`: found {found}, expected {expected}"
    )]
    Label {
        /// The format.
        format: TaxonomyFormat,
        /// Id of the label.
        label: String,
        /// What stands in the way.
        found: String,
        /// What could be written.
        expected: &'static str,
    },
    /// The format is not built in.
    #[error("the format {0} is not written here")]
    Unknown(TaxonomyFormat),
    /// The file cannot be written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Whether a format can hold a taxonomy, with or without losses.
///
/// # Errors
/// Names the first label that stands in the way.
pub fn check_writable(taxonomy: &Taxonomy, format: TaxonomyFormat) -> Result<(), WriteError> {
    match format {
        TaxonomyFormat::Tsv | TaxonomyFormat::Taxonomy => each(taxonomy, format, |label| {
            let id = taxonomy.id(label);
            let found = if id == ROOT {
                "the name of the root as an id"
            } else if id.contains(['\t', '\n', '\r']) {
                "a TAB or a line break in the id"
            } else if id.trim().is_empty() {
                "an id of blanks"
            } else if id.starts_with('\u{feff}') {
                "a byte order mark in the id"
            } else {
                return None;
            };
            Some((found.to_owned(), "an id that a line with TABs can hold"))
        }),
        TaxonomyFormat::PathCsv => check_paths(taxonomy),
        _ => Ok(()),
    }
}

fn each(
    taxonomy: &Taxonomy,
    format: TaxonomyFormat,
    fault: impl Fn(LabelIndex) -> Option<(String, &'static str)>,
) -> Result<(), WriteError> {
    for label in taxonomy.indexes() {
        if let Some((found, expected)) = fault(label) {
            let label = taxonomy.id(label).to_owned();
            return Err(WriteError::Label {
                format,
                label,
                found,
                expected,
            });
        }
    }
    Ok(())
}

/// Labels are their paths: siblings need different names.
fn check_paths(taxonomy: &Taxonomy) -> Result<(), WriteError> {
    let mut siblings: FxHashSet<(Option<LabelIndex>, &str)> = FxHashSet::default();
    let format = TaxonomyFormat::PathCsv;
    let mut twice = None;
    for label in taxonomy.indexes() {
        let name = taxonomy.name(label).trim();
        if !siblings.insert((taxonomy.primary_parent(label), name)) && twice.is_none() {
            twice = Some(label);
        }
    }
    let only_root =
        |label: LabelIndex| taxonomy.top_level() == [label] && taxonomy.name(label).trim() == ROOT;
    each(taxonomy, format, |label| {
        if twice == Some(label) {
            let found = format!("the name `{}` twice below one parent", taxonomy.name(label));
            Some((found, "siblings with different names"))
        } else if taxonomy.name(label).trim().is_empty() {
            Some(("a name of blanks".to_owned(), "a name"))
        } else if only_root(label) {
            Some((
                "the name of the root for the only label below it".to_owned(),
                "another name",
            ))
        } else {
            None
        }
    })
}

/// Writes a taxonomy, label by label.
///
/// # Errors
/// What [`check_writable`] finds, before anything is written, and what the sink answers.
pub fn write(
    taxonomy: &Taxonomy,
    format: TaxonomyFormat,
    origin: Origin<'_>,
    mut sink: impl Write,
) -> Result<(), WriteError> {
    check_writable(taxonomy, format)?;
    let sink = &mut sink;
    match format {
        TaxonomyFormat::Tsv => tabbed::child_parent(taxonomy, sink)?,
        TaxonomyFormat::Taxonomy => tabbed::parent_children(taxonomy, sink)?,
        TaxonomyFormat::PathCsv => paths::write(taxonomy, sink)?,
        TaxonomyFormat::Json => {
            serde_json::to_writer(&mut *sink, taxonomy).map_err(io::Error::from)?
        }
        TaxonomyFormat::NestedJson => nested::write(taxonomy, sink)?,
        TaxonomyFormat::AnnifTsv => annif::tsv(taxonomy, sink)?,
        TaxonomyFormat::AnnifCsv => annif::csv(taxonomy, sink)?,
        #[cfg(feature = "rdf")]
        TaxonomyFormat::Skos => rdf::turtle(taxonomy, origin, sink)?,
        #[cfg(feature = "rdf")]
        TaxonomyFormat::SkosRdfXml => rdf::rdf_xml(taxonomy, origin, sink)?,
        #[cfg(feature = "rdf")]
        TaxonomyFormat::SkosJsonLd => rdf::json_ld(taxonomy, origin, sink)?,
        #[cfg(not(feature = "rdf"))]
        TaxonomyFormat::Skos | TaxonomyFormat::SkosRdfXml | TaxonomyFormat::SkosJsonLd => {
            let _ = origin;
            return Err(WriteError::Unknown(format));
        }
    }
    sink.flush()?;
    Ok(())
}

/// A row of CSV.
fn csv_row<'a>(cells: impl Iterator<Item = &'a str>, sink: &mut impl Write) -> io::Result<()> {
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            sink.write_all(b",")?;
        }
        if cell.contains([',', ';', '"', '\n', '\r', '\t']) {
            write!(sink, "\"{}\"", cell.replace('"', "\"\""))?;
        } else {
            sink.write_all(cell.as_bytes())?;
        }
    }
    sink.write_all(b"\n")
}

/// Names of a label for those who read another language than that of its own name.
fn preferred(taxonomy: &Taxonomy, label: LabelIndex) -> impl Iterator<Item = &LabelName> {
    let names = taxonomy.details(label).map(|details| details.names.iter());
    names
        .into_iter()
        .flatten()
        .filter(|name| name.kind == NameKind::Preferred)
}
