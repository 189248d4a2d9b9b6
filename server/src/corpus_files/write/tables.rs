//! Formats in which a document is a record of a table, or several.

use std::io::{self, Write};

use arborist_shared::LabelIndex;
use arborist_shared::corpus::CorpusFormat;
use arborist_shared::taxonomy::Taxonomy;
use csv::{QuoteStyle, WriterBuilder};

use super::{LeftOut, Written};

/// Length of the longest path, along primary parents: that may be longer than the taxonomy is deep.
pub(super) fn n_levels(taxonomy: &Taxonomy) -> usize {
    let lengths = taxonomy.indexes().map(|label| taxonomy.path(label).len());
    lengths.max().unwrap_or(0)
}

/// Names of the columns; none for what is no table.
pub(super) fn header(format: CorpusFormat, taxonomy: &Taxonomy) -> Option<Vec<String>> {
    let names = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect());
    match format {
        CorpusFormat::Csv | CorpusFormat::Tsv => {
            names(&["id", "text", "labels", "split", "lang", "meta"])
        }
        CorpusFormat::AnnifCsv => names(&[
            "document_id",
            "text",
            "subject_uris",
            "split",
            "lang",
            "meta",
        ]),
        CorpusFormat::LabelSleuth => names(&[
            "document_id",
            "text",
            "category_name",
            "label",
            "label_type",
        ]),
        CorpusFormat::HiClass => {
            let levels = (1..=n_levels(taxonomy)).map(|level| format!("level_{level}"));
            Some(
                ["id".to_owned(), "text".to_owned()]
                    .into_iter()
                    .chain(levels)
                    .collect(),
            )
        }
        _ => None,
    }
}

/// Writes a record. In a record of one empty field the quotation marks tell it from an empty line.
pub(super) fn record<S: AsRef<[u8]>>(
    format: CorpusFormat,
    fields: &[S],
    out: &mut (impl Write + ?Sized),
) -> io::Result<()> {
    let delimiter = if format == CorpusFormat::Tsv {
        b'\t'
    } else {
        b','
    };
    let mut writer = WriterBuilder::new()
        .delimiter(delimiter)
        .quote_style(QuoteStyle::Necessary)
        .from_writer(out);
    writer.write_record(fields)?;
    writer.flush()
}

pub(super) fn document(
    format: CorpusFormat,
    document: &Written<'_>,
    taxonomy: &Taxonomy,
    n_levels: usize,
    line: &mut Vec<u8>,
) -> io::Result<Result<(), LeftOut>> {
    let id = if document.id_is_hash { "" } else { document.id };
    match format {
        CorpusFormat::AnnifCsv => {
            let ids = match super::words(document, taxonomy) {
                Ok(ids) => ids,
                Err(reason) => return Ok(Err(reason)),
            };
            let uris: Vec<String> = ids.into_iter().map(|id| format!("<{id}>")).collect();
            whole(format, document, id, &uris.join(" "), line)?;
        }
        CorpusFormat::LabelSleuth => judgements(document, id, taxonomy, line)?,
        CorpusFormat::HiClass => {
            let label = match document.labels {
                None => None,
                Some([]) => return Ok(Err(LeftOut::NoLabel)),
                Some(&[only]) => Some(only),
                Some(_) => return Ok(Err(LeftOut::SeveralPaths)),
            };
            levels(document, id, label, taxonomy, n_levels, line)?;
        }
        _ => {
            let labels = document.labels.map(|labels| cell(labels, taxonomy));
            whole(format, document, id, &labels.unwrap_or_default(), line)?;
        }
    }
    Ok(Ok(()))
}

/// Ids in one cell: separated by `;`, or as a JSON array where that would be ambiguous.
fn cell(labels: &[LabelIndex], taxonomy: &Taxonomy) -> String {
    let ids: Vec<&str> = labels.iter().map(|&label| taxonomy.id(label)).collect();
    let is_plain = |id: &&str| {
        !id.is_empty()
            && id.trim() == *id
            && !id.contains([';', '|', ',', '\n', '>', '›', '#', '[', '"'])
            && !id.contains("--")
            && !id.contains(" / ")
    };
    if !ids.is_empty() && ids.iter().all(is_plain) {
        ids.join(";")
    } else {
        serde_json::json!(ids).to_string()
    }
}

fn whole(
    format: CorpusFormat,
    document: &Written<'_>,
    id: &str,
    labels: &str,
    line: &mut Vec<u8>,
) -> io::Result<()> {
    let meta = if document.meta.is_empty() {
        String::new()
    } else {
        serde_json::to_string(document.meta)?
    };
    let lang = document.lang.unwrap_or_default();
    let fields = [
        id,
        document.text,
        labels,
        document.split.as_str(),
        lang,
        &meta,
    ];
    record(format, &fields, line)
}

/// A row for each label; a document to which none applies has a row that refuses one.
fn judgements(
    document: &Written<'_>,
    id: &str,
    taxonomy: &Taxonomy,
    line: &mut Vec<u8>,
) -> io::Result<()> {
    let mut row = |category: &str, verdict: &str| {
        let kind = if verdict.is_empty() { "" } else { "Standard" };
        let fields = [id, document.text, category, verdict, kind];
        record(CorpusFormat::LabelSleuth, &fields, line)
    };
    match document.labels {
        None => row("", ""),
        Some([]) => {
            let any = taxonomy.top_level().first();
            row(any.map_or("", |&label| taxonomy.id(label)), "false")
        }
        Some(labels) => labels
            .iter()
            .try_for_each(|&label| row(taxonomy.id(label), "true")),
    }
}

/// The path of ids, short ones padded.
fn levels(
    document: &Written<'_>,
    id: &str,
    label: Option<LabelIndex>,
    taxonomy: &Taxonomy,
    n_levels: usize,
    line: &mut Vec<u8>,
) -> io::Result<()> {
    let mut fields = vec![id, document.text];
    let path = label.map(|label| taxonomy.path(label)).unwrap_or_default();
    fields.extend(path.iter().map(|&label| taxonomy.id(label)));
    fields.resize(2 + n_levels, "");
    record(CorpusFormat::HiClass, &fields, line)
}
