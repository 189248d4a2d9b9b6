//! `arborist export`: a corpus and its taxonomy in the files that other tools read.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;

use arborist_shared::corpus::{CorpusFormat, RowError, resolve_labels};
use arborist_shared::split::Split;
use arborist_shared::taxonomy::Taxonomy;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::corpus::{CorpusReader, Rejects};
use super::options::{Formats, TaxonomyFile, input_file};
use super::progress::Progress;
use super::{CliError, output};
use crate::corpora::column;
use crate::corpus_files::write::{self, CorpusWriter, WRITABLE, Written};
use crate::exports::{Cleaning, ExportError, Exported, HiAgmOptions, HiAgmWriter};
use crate::output_directory::OutputDirectory;

const REJECTS: &str = "rejects.jsonl";

#[derive(Debug, Args)]
pub(super) struct Export {
    /// Files of the corpus; rows may carry `split`
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    corpus: Vec<PathBuf>,
    /// Part of the rows that carry none
    #[arg(long, value_name = "SPLIT", default_value_t = Split::Train)]
    split: Split,
    #[command(flatten)]
    taxonomy: TaxonomyFile,
    /// Whose files to write: `hiagm` (token and label lines, *.taxonomy, prior probabilities), or one file in the format
    /// `jsonl`, `csv`, `tsv`, `neuralclassifier`, `annif_tsv`, `annif_csv`, `annif_json`, `label_studio`, `doccano`,
    /// `fasttext`, `prodigy`, `label_sleuth` or `hiclass`
    #[arg(long)]
    format: CorpusFormat,
    /// How texts are cut into words
    #[arg(long, value_enum, default_value_t = Rule::Wos)]
    cleaning: Rule,
    /// First part of the file names: `NAME_train.json`, `NAME.taxonomy`, …
    #[arg(long, default_value = "corpus")]
    name: String,
    /// Documents that the prior probabilities are counted in
    #[arg(long, value_enum, default_value_t = PriorFrom::Train)]
    prior_from: PriorFrom,
    /// Leave out labels of no document, with which the authors' code cannot train
    #[arg(long)]
    drop_unused_labels: bool,
    #[command(flatten)]
    formats: Formats,
    /// Directory of the result, new or empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// One JSON object as the last line
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Rule {
    /// As the authors cut Web of Science: letters and digits, no stop words, no single characters
    Wos,
    /// As the authors cut the New York Times: letters, no stop words
    Nyt,
    /// At blanks, nothing else
    Blanks,
}

impl From<Rule> for Cleaning {
    fn from(rule: Rule) -> Self {
        match rule {
            Rule::Wos => Self::Wos,
            Rule::Nyt => Self::Nyt,
            Rule::Blanks => Self::Blanks,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PriorFrom {
    /// The training documents
    Train,
    /// Training and validation documents, as in the authors' code
    #[value(name = "train_validation")]
    TrainValidation,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    out: String,
    #[serde(flatten)]
    exported: Exported,
    rejected: u64,
    /// Rows without `labels`, which are no gold.
    not_annotated: u64,
}

impl Export {
    pub(super) fn run(self) -> Result<(), CliError> {
        for path in &self.corpus {
            input_file("--corpus", path)?;
        }
        let taxonomy = self.taxonomy.read()?;
        if self.format != CorpusFormat::HiAgm {
            return self.single_file(&taxonomy);
        }
        let tree = taxonomy.to_tree();
        if !taxonomy.is_tree() {
            eprintln!(
                "note: {} labels have several parents: the hierarchy is written with their first; label sets keep the ancestors over all of them",
                taxonomy.n_multi_parent()
            );
        }
        let options = HiAgmOptions {
            name: self.name.clone(),
            cleaning: self.cleaning.into(),
            prior_from_validation: self.prior_from == PriorFrom::TrainValidation,
            drop_unused_labels: self.drop_unused_labels,
        };
        let mut writer = HiAgmWriter::create(&tree, options, &self.out)?;
        let mut rejects = Rejects::to_file(&writer.path(REJECTS))?;
        let mut not_annotated = 0;
        for path in &self.corpus {
            let mut reader = CorpusReader::open(path, &self.formats.reading(), Some(&taxonomy))?;
            not_annotated += self.rows(&mut reader, &taxonomy, &mut writer, &mut rejects)?;
        }
        let kept_at = self.out.join(REJECTS);
        let beside = writer.path(REJECTS);
        let rejected = rejects.finish(Some(&kept_at))?;
        if rejected == 0 {
            // An empty file would only raise questions.
            let _ = fs::remove_file(beside);
        }
        let exported = writer.finish()?;
        if exported.unused_labels > 0 && !self.drop_unused_labels {
            eprintln!(
                "note: {} labels have no document: the authors' code stops at them; --drop-unused-labels leaves them out",
                exported.unused_labels
            );
        }
        let report = Report {
            out: self.out.display().to_string(),
            exported,
            rejected,
            not_annotated,
        };
        output::result(self.json, &report, for_people)
    }

    /// Writes the rows of a file; tells how many have no `labels`.
    fn rows(
        &self,
        reader: &mut CorpusReader<'_>,
        taxonomy: &Taxonomy,
        writer: &mut HiAgmWriter<'_>,
        rejects: &mut Rejects,
    ) -> Result<u64, CliError> {
        let name = reader.name().to_owned();
        let mut progress = Progress::new();
        let mut not_annotated = 0;
        while let Some(row) = reader.next_row()? {
            if row.line.is_multiple_of(64) {
                progress.step(&name, row.line, 0);
            }
            let resolved = row.content.and_then(|content| {
                let labels = content
                    .labels
                    .as_deref()
                    .map(|labels| resolve_labels(taxonomy, labels))
                    .transpose();
                let labels = labels.map_err(|error| RowError {
                    line: row.line,
                    column: column::of_label(row.raw, &error),
                    reason: error.to_string(),
                })?;
                Ok((content, labels))
            });
            match resolved {
                Err(error) => rejects.add(&name, row.raw, &error)?,
                Ok((_, None)) => not_annotated += 1,
                Ok((content, Some(labels))) => {
                    let split = content.split.unwrap_or(self.split);
                    writer.push(split, &content.text, &labels.closed)?;
                }
            }
        }
        Ok(not_annotated)
    }
}

/// What `--json` prints of a single file.
#[derive(Serialize)]
struct FileReport {
    out: String,
    documents: u64,
    rejected: u64,
    /// Documents that the format cannot hold, by reason.
    left_out: BTreeMap<String, u64>,
}

impl Export {
    /// Writes one file in a format that `import` reads back.
    fn single_file(&self, taxonomy: &Taxonomy) -> Result<(), CliError> {
        let mut writer = CorpusWriter::new(self.format, taxonomy).ok_or_else(|| {
            let words = WRITABLE.map(CorpusFormat::as_str).join(", ");
            CliError::input(format!(
                "--format: found {}, expected one of {words}",
                self.format
            ))
        })?;
        let failed =
            |error: std::io::Error| CliError::failed(format!("{}: {error}", self.out.display()));
        let directory = OutputDirectory::create(&self.out)
            .map_err(|error| CliError::input(format!("--out: {}: {error}", self.out.display())))?;
        let name = format!("{}.{}", self.name, write::ending(self.format));
        let file = fs::File::create(directory.path(&name)).map_err(failed)?;
        let mut file = BufWriter::with_capacity(1 << 18, file);
        let mut rejects = Rejects::to_file(&directory.path(REJECTS))?;
        let mut report = FileReport {
            out: self.out.join(&name).display().to_string(),
            documents: 0,
            rejected: 0,
            left_out: BTreeMap::new(),
        };
        writer.begin(&mut file).map_err(failed)?;
        for path in &self.corpus {
            let mut reader = CorpusReader::open(path, &self.formats.reading(), Some(taxonomy))?;
            let name = reader.name().to_owned();
            while let Some(row) = reader.next_row()? {
                let resolved = row.content.and_then(|content| {
                    let labels = content.labels.as_deref();
                    let labels = labels.map(|labels| resolve_labels(taxonomy, labels));
                    let labels = labels.transpose().map_err(|error| RowError {
                        line: row.line,
                        column: column::of_label(row.raw, &error),
                        reason: error.to_string(),
                    })?;
                    Ok((content, labels))
                });
                let (content, labels) = match resolved {
                    Ok(resolved) => resolved,
                    Err(error) => {
                        rejects.add(&name, row.raw, &error)?;
                        continue;
                    }
                };
                let document = Written {
                    id: content.id.as_deref().unwrap_or_default(),
                    id_is_hash: content.id.is_none(),
                    text: &content.text,
                    labels: labels.as_ref().map(|labels| &labels.explicit[..]),
                    split: content.split.unwrap_or(self.split),
                    lang: content.lang.as_deref(),
                    meta: &content.meta,
                };
                match writer.document(&document, &mut file).map_err(failed)? {
                    Ok(()) => report.documents += 1,
                    Err(reason) => {
                        *report.left_out.entry(reason.to_string()).or_default() += 1;
                    }
                }
            }
        }
        writer.end(&mut file).map_err(failed)?;
        file.flush().map_err(failed)?;
        report.rejected = rejects.finish(Some(&self.out.join(REJECTS)))?;
        if report.rejected == 0 {
            // An empty file would only raise questions.
            let _ = fs::remove_file(directory.path(REJECTS));
        }
        directory.publish().map_err(failed)?;
        output::result(self.json, &report, |report| {
            let mut text = format!("{}: {} documents\n", report.out, report.documents);
            for (reason, n) in &report.left_out {
                text += &format!("left out: {n}: {reason}\n");
            }
            text
        })
    }
}

impl From<ExportError> for CliError {
    fn from(error: ExportError) -> Self {
        match &error {
            ExportError::Name { .. } => Self::Input(format!("--name: {error}")),
            ExportError::Label { .. } | ExportError::NoTree => {
                Self::Input(format!("--taxonomy: {error}"))
            }
            ExportError::NoDocuments => Self::Input(format!("--corpus: {error}")),
            ExportError::Target { .. } => Self::Input(format!("--out: {error}")),
            ExportError::Write { .. } => Self::failed(error),
        }
    }
}

fn for_people(report: &Report) -> String {
    let exported = &report.exported;
    let mut text = format!(
        "{}: {} training, {} validation and {} test documents, {} labels\n",
        report.out, exported.train, exported.validation, exported.test, exported.labels
    );
    for (count, what) in [
        (exported.without_labels, "documents without labels"),
        (report.not_annotated, "rows without `labels`"),
        (report.rejected, "rejected rows"),
    ] {
        if count > 0 {
            text += &format!("left out: {count} {what}\n");
        }
    }
    text
}
