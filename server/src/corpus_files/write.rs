//! Writing documents in every format that can hold them. What a format cannot say leaves a document out, with the reason.
//!
//! What is written here is read back as it was, as far as the format goes: labels are written so that they mean the same
//! label again, by their id or by a path that only they have.

mod objects;
mod tables;

use std::collections::BTreeMap;
use std::io::{self, Write};

use arborist_shared::LabelIndex;
use arborist_shared::corpus::{CorpusFormat, RowLabel, resolve_labels};
use arborist_shared::split::Split;
use arborist_shared::taxonomy::Taxonomy;

/// A document as it is written.
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    pub id: &'a str,
    /// Whether the id is only the hash of the text, which the reader finds by itself.
    pub id_is_hash: bool,
    pub text: &'a str,
    /// Labels as given; none = not annotated.
    pub labels: Option<&'a [LabelIndex]>,
    pub split: Split,
    pub lang: Option<&'a str>,
    pub meta: &'a BTreeMap<String, String>,
}

/// Why a format cannot hold a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum LeftOut {
    #[error("nobody has annotated it, and the format holds gold labels only")]
    NotAnnotated,
    #[error("no label applies, and the format cannot say so")]
    NoLabel,
    #[error("it has several paths, and the format holds one")]
    SeveralPaths,
    #[error("the id of one of its labels has a blank, which separates labels in the format")]
    BlankInLabel,
}

/// Formats that can be written.
pub const WRITABLE: [CorpusFormat; 14] = [
    CorpusFormat::Jsonl,
    CorpusFormat::Csv,
    CorpusFormat::Tsv,
    CorpusFormat::HiAgm,
    CorpusFormat::NeuralClassifier,
    CorpusFormat::AnnifTsv,
    CorpusFormat::AnnifCsv,
    CorpusFormat::AnnifJson,
    CorpusFormat::LabelStudio,
    CorpusFormat::Doccano,
    CorpusFormat::FastText,
    CorpusFormat::Prodigy,
    CorpusFormat::LabelSleuth,
    CorpusFormat::HiClass,
];

/// Writes documents one after the other.
pub struct CorpusWriter<'t> {
    format: CorpusFormat,
    taxonomy: &'t Taxonomy,
    n_levels: usize,
    n_written: u64,
    line: Vec<u8>,
}

impl<'t> CorpusWriter<'t> {
    /// None when the format cannot be written.
    #[must_use]
    pub fn new(format: CorpusFormat, taxonomy: &'t Taxonomy) -> Option<Self> {
        WRITABLE.contains(&format).then(|| Self {
            format,
            taxonomy,
            n_levels: if format == CorpusFormat::HiClass {
                tables::n_levels(taxonomy)
            } else {
                0
            },
            n_written: 0,
            line: Vec::new(),
        })
    }

    /// What stands before the first document.
    ///
    /// # Errors
    /// Those of the stream.
    pub fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        match self.format {
            CorpusFormat::LabelStudio => out.write_all(b"[\n"),
            _ => match tables::header(self.format, self.taxonomy) {
                Some(header) => tables::record(self.format, &header, out),
                None => Ok(()),
            },
        }
    }

    /// Writes a document, or says why the format cannot hold it.
    ///
    /// # Errors
    /// Those of the stream.
    pub fn document(
        &mut self,
        document: &Written<'_>,
        out: &mut dyn Write,
    ) -> io::Result<Result<(), LeftOut>> {
        self.line.clear();
        let written = match self.format {
            CorpusFormat::FastText => fasttext(document, self.taxonomy, &mut self.line),
            CorpusFormat::AnnifTsv => annif_tsv(document, self.taxonomy, &mut self.line),
            CorpusFormat::Csv
            | CorpusFormat::Tsv
            | CorpusFormat::AnnifCsv
            | CorpusFormat::HiClass
            | CorpusFormat::LabelSleuth => tables::document(
                self.format,
                document,
                self.taxonomy,
                self.n_levels,
                &mut self.line,
            )?,
            _ => objects::document(self.format, document, self.taxonomy, &mut self.line)?,
        };
        if let Err(reason) = written {
            return Ok(Err(reason));
        }
        if self.format == CorpusFormat::LabelStudio && self.n_written > 0 {
            out.write_all(b",\n")?;
        }
        out.write_all(&self.line)?;
        self.n_written += 1;
        Ok(Ok(()))
    }

    /// Says that something was written before by another writer.
    pub fn go_on(&mut self) {
        self.n_written = 1;
    }

    /// What stands behind the last document.
    ///
    /// # Errors
    /// Those of the stream.
    pub fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        match self.format {
            CorpusFormat::LabelStudio => out.write_all(b"\n]\n"),
            _ => Ok(()),
        }
    }
}

/// Ending of the files of a format.
#[must_use]
pub fn ending(format: CorpusFormat) -> &'static str {
    match format {
        CorpusFormat::Csv
        | CorpusFormat::AnnifCsv
        | CorpusFormat::LabelSleuth
        | CorpusFormat::HiClass => "csv",
        CorpusFormat::Tsv | CorpusFormat::AnnifTsv | CorpusFormat::PaddleNlp => "tsv",
        CorpusFormat::LabelStudio => "json",
        CorpusFormat::FastText | CorpusFormat::Xmc => "txt",
        CorpusFormat::Txt | CorpusFormat::AnnifDirectory => "zip",
        _ => "jsonl",
    }
}

/// The media type of a format.
#[must_use]
pub fn media_type(format: CorpusFormat) -> &'static str {
    match ending(format) {
        "csv" => "text/csv; charset=utf-8",
        "tsv" => "text/tab-separated-values; charset=utf-8",
        "json" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        "zip" => "application/zip",
        _ => "application/x-ndjson",
    }
}

/// A path that means this label and no other: of names, else of ids; none where neither does.
fn path_of(taxonomy: &Taxonomy, label: LabelIndex) -> Option<Vec<String>> {
    let means_it = |path: Vec<String>| {
        let labels = [RowLabel::Path(path.clone())];
        let set = resolve_labels(taxonomy, &labels).ok()?;
        (set.explicit == [label]).then_some(path)
    };
    means_it(taxonomy.path_names(label)).or_else(|| {
        let ids = taxonomy.path(label);
        let ids = ids.into_iter().map(|label| taxonomy.id(label).to_owned());
        means_it(ids.collect())
    })
}

/// A text on one line: these formats have no way to write a line break.
fn on_one_line(text: &str, line: &mut Vec<u8>) {
    for (position, word) in text.split(['\t', '\n', '\r', '\u{b}', '\u{c}']).enumerate() {
        if position > 0 {
            line.push(b' ');
        }
        line.extend_from_slice(word.as_bytes());
    }
    line.push(b'\n');
}

/// Ids of the labels, which have to be words.
fn words<'t>(document: &Written<'_>, taxonomy: &'t Taxonomy) -> Result<Vec<&'t str>, LeftOut> {
    let labels = match document.labels {
        Some([]) => return Err(LeftOut::NoLabel),
        labels => labels.unwrap_or_default(),
    };
    let ids = labels.iter().map(|&label| taxonomy.id(label));
    ids.map(|id| {
        let is_word = !id.is_empty() && !id.contains(char::is_whitespace);
        if is_word {
            Ok(id)
        } else {
            Err(LeftOut::BlankInLabel)
        }
    })
    .collect()
}

fn fasttext(
    document: &Written<'_>,
    taxonomy: &Taxonomy,
    line: &mut Vec<u8>,
) -> Result<(), LeftOut> {
    for id in words(document, taxonomy)? {
        line.extend_from_slice(b"__label__");
        line.extend_from_slice(id.as_bytes());
        line.push(b' ');
    }
    on_one_line(document.text, line);
    Ok(())
}

fn annif_tsv(
    document: &Written<'_>,
    taxonomy: &Taxonomy,
    line: &mut Vec<u8>,
) -> Result<(), LeftOut> {
    let ids = words(document, taxonomy)?;
    on_one_line(document.text, line);
    if let Some(end) = line.last_mut() {
        *end = b'\t';
    }
    let uris: Vec<String> = ids.into_iter().map(|id| format!("<{id}>")).collect();
    line.extend_from_slice(uris.join(" ").as_bytes());
    line.push(b'\n');
    Ok(())
}
