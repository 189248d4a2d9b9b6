//! Options that several commands share.

use std::fs;
use std::path::{Path, PathBuf};

use arborist_shared::corpus::{CorpusFormat, Reading};
use arborist_shared::decode::{DecodeOptions, DecodingRule, Ends};
use arborist_shared::taxonomy::{Taxonomy, TaxonomyFormat};
use clap::Args;
use serde::de::DeserializeOwned;

use super::CliError;
use crate::locations;
use crate::plugins::PluginSearch;
use crate::taxonomies::file;
use crate::work::is_device;

/// Where data and plugins lie.
#[derive(Clone, Debug, Args)]
pub(super) struct Places {
    /// Directory of plugins, searched first [also: `ARBORIST_PLUGINS`, plugins/ beside the executable, ../plugins]
    #[arg(long, value_name = "DIR")]
    pub(super) plugins: Option<PathBuf>,
    /// Directory of the data [also: `ARBORIST_DATA_DIR`; else the XDG data folder]
    #[arg(long, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
}

impl Places {
    pub(super) fn data_dir(&self) -> Result<PathBuf, CliError> {
        Ok(locations::data_dir(self.data_dir.as_deref())?)
    }

    pub(super) fn plugin_search(&self) -> Result<PluginSearch, CliError> {
        if let Some(dir) = &self.plugins
            && !dir.is_dir()
        {
            return Err(CliError::input(format!(
                "--plugins: {} is not a directory",
                dir.display()
            )));
        }
        Ok(PluginSearch {
            dirs: locations::plugin_dirs(self.plugins.as_deref()),
            data_dir: self.data_dir()?,
        })
    }
}

/// How input files are read. What is left out is detected.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Formats {
    /// Format of corpus files: `jsonl`, `hiagm`, `neuralclassifier`, `csv`, `label_studio`, … [default: detected]
    #[arg(long, value_name = "FORMAT")]
    corpus_format: Option<CorpusFormat>,
    /// Encoding of corpus files, such as windows-1252 [default: detected]
    #[arg(long, value_name = "NAME", help_heading = "Corpus files")]
    encoding: Option<String>,
    /// Between the columns of a table: one character, or `tab`
    #[arg(long, value_name = "CHARACTER", help_heading = "Corpus files")]
    delimiter: Option<String>,
    /// Columns of the text, by name or number
    #[arg(long, value_name = "COLUMNS", help_heading = "Corpus files")]
    text_column: Option<String>,
    /// Column of the id
    #[arg(long, value_name = "COLUMN", help_heading = "Corpus files")]
    id_column: Option<String>,
    /// Columns of the labels; several are the levels of a path
    #[arg(long, value_name = "COLUMNS", help_heading = "Corpus files")]
    label_columns: Option<String>,
    /// Between the labels of a cell
    #[arg(long, value_name = "TEXT", help_heading = "Corpus files")]
    label_separator: Option<String>,
    /// Between the names of a path
    #[arg(long, value_name = "TEXT", help_heading = "Corpus files")]
    path_separator: Option<String>,
    /// Column of the split
    #[arg(long, value_name = "COLUMN", help_heading = "Corpus files")]
    split_column: Option<String>,
}

impl Formats {
    pub(super) fn reading(&self) -> Reading {
        let this = self.clone();
        Reading {
            format: this.corpus_format,
            encoding: this.encoding,
            delimiter: this.delimiter,
            text: this.text_column,
            id: this.id_column,
            labels: this.label_columns,
            label_separator: this.label_separator,
            path_separator: this.path_separator,
            split: this.split_column,
            ..Reading::default()
        }
    }
}

/// How label sets are made from scores.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Decoding {
    /// `close_up` adds the ancestors of labels above the threshold, `top_down` keeps those that can be reached from above,
    /// `best_set` weighs labels against their ancestors, `best_path` answers one label with its ancestors [default: that
    /// of the run, `close_up`]
    #[arg(long, value_name = "RULE", value_parser = known::<DecodingRule>)]
    decoding: Option<DecodingRule>,
    /// Where paths may end: anywhere, or leaves, down to which they are continued with the children of the highest scores
    #[arg(long, value_name = "anywhere|leaves", value_parser = known::<Ends>)]
    ends: Option<Ends>,
    /// Answer the best path where no label would be predicted
    #[arg(long)]
    at_least_one: bool,
}

/// A word that serde knows.
fn known<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(serde_json::Value::from(text)).map_err(|error| error.to_string())
}

impl Decoding {
    /// The options with those that are given in place of theirs.
    pub(super) fn over(&self, options: DecodeOptions) -> DecodeOptions {
        DecodeOptions {
            rule: self.decoding.unwrap_or(options.rule),
            ends: self.ends.unwrap_or(options.ends),
            at_least_one: self.at_least_one || options.at_least_one,
            ..options
        }
    }
}

/// A taxonomy file.
#[derive(Clone, Debug, Args)]
pub(super) struct TaxonomyFile {
    /// The taxonomy
    #[arg(long, value_name = "FILE")]
    pub(super) taxonomy: PathBuf,
    /// Format of the taxonomy: `tsv`, `taxonomy`, `path_csv`, `json`, `skos`, `annif_tsv` or `annif_csv`, each also packed
    /// with gzip [default: detected]
    #[arg(long, value_name = "FORMAT")]
    pub(super) taxonomy_format: Option<String>,
}

impl TaxonomyFile {
    /// Reads the taxonomy; notes go to standard error.
    pub(super) fn read(&self) -> Result<Taxonomy, CliError> {
        let path = self.taxonomy.display();
        let format = match &self.taxonomy_format {
            None => None,
            Some(word) => {
                let format: TaxonomyFormat = word
                    .parse()
                    .map_err(|error| CliError::input(format!("--taxonomy-format: {error}")))?;
                Some(format)
            }
        };
        let bytes = fs::read(&self.taxonomy)
            .map_err(|error| CliError::input(format!("{path}: {error}")))?;
        let parsed = file::read(&bytes, format)
            .map_err(|error| CliError::input(format!("{path}: {error}")))?;
        for note in &parsed.notes {
            eprintln!("note: {path}: {note}");
        }
        Ok(parsed.taxonomy)
    }
}

/// Checks `--device`.
pub(super) fn device(word: &str) -> Result<String, String> {
    if is_device(word) {
        Ok(word.to_owned())
    } else {
        Err(format!("found `{word}`, expected auto, cpu or cuda:N"))
    }
}

/// Checks that an input file is there, before anything else is done.
pub(super) fn input_file(option: &str, path: &Path) -> Result<(), CliError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(CliError::input(format!(
            "{option}: {} is a directory, expected a file",
            path.display()
        ))),
        Ok(_) => Ok(()),
        Err(error) => Err(CliError::input(format!(
            "{option}: {}: {error}",
            path.display()
        ))),
    }
}
