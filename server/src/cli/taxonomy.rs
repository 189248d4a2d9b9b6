//! `arborist taxonomy`: taxonomies as files, from one format to another, and what is wrong with them.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use arborist_shared::taxonomy::{
    Loss, Origin, Problem, Taxonomy, TaxonomyFormat, WriteError, check, check_writable, losses,
    write,
};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::options::TaxonomyFile;
use super::{CliError, output};

/// Problems that are printed for people; `--json` has all.
const PRINTED: usize = 50;
/// The name of standard output, where a file is expected.
const STDOUT: &str = "-";

#[derive(Debug, Args)]
pub(super) struct TaxonomyCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write a taxonomy in another format, and say what that cannot hold
    Convert(Convert),
    /// List what is wrong with a taxonomy
    Check(Check),
}

#[derive(Debug, Args)]
struct Convert {
    #[command(flatten)]
    taxonomy: TaxonomyFile,
    /// Format of the result: `tsv`, `taxonomy`, `path_csv`, `json`, `nested_json`, `skos` (Turtle), `skos_rdf_xml`,
    /// `skos_json_ld`, `annif_tsv` or `annif_csv`
    #[arg(long, value_name = "FORMAT")]
    format: TaxonomyFormat,
    /// File of the result; `-` is standard output
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Write nothing where the format cannot hold everything
    #[arg(long)]
    strict: bool,
    /// One JSON object as the last line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Check {
    #[command(flatten)]
    taxonomy: TaxonomyFile,
    /// One JSON object as the last line
    #[arg(long)]
    json: bool,
}

/// What `convert --json` prints.
#[derive(Serialize)]
struct Converted {
    out: String,
    format: TaxonomyFormat,
    labels: usize,
    losses: Vec<Loss>,
}

/// What `check --json` prints.
#[derive(Serialize)]
struct Checked {
    labels: usize,
    depth: u32,
    several_parents: usize,
    deprecated: usize,
    problems: Vec<Problem>,
}

impl TaxonomyCommand {
    pub(super) fn run(self) -> Result<(), CliError> {
        match self.action {
            Action::Convert(convert) => convert.run(),
            Action::Check(check) => check.run(),
        }
    }
}

impl Convert {
    fn run(self) -> Result<(), CliError> {
        let taxonomy = self.taxonomy.read()?;
        check_writable(&taxonomy, self.format)
            .map_err(|error| CliError::input(format!("--format: {error}")))?;
        let losses = losses(&taxonomy, self.format);
        for loss in &losses {
            eprintln!("note: {}: {loss}", self.format);
        }
        if self.strict && !losses.is_empty() {
            let named: Vec<String> = losses.iter().map(ToString::to_string).collect();
            let found = named.join("; ");
            return Err(CliError::input(format!(
                "--strict: the format {} cannot hold everything: {found}",
                self.format
            )));
        }
        let is_stdout = self.out == Path::new(STDOUT);
        let title = self.taxonomy.taxonomy.file_stem();
        let title = title.map(|title| title.to_string_lossy().into_owned());
        let written = if is_stdout {
            self.write(&taxonomy, title.as_deref(), io::stdout().lock())
        } else {
            File::create(&self.out)
                .map_err(WriteError::from)
                .and_then(|file| self.write(&taxonomy, title.as_deref(), file))
        };
        written.map_err(|error| CliError::failed(format!("{}: {error}", self.out.display())))?;
        if is_stdout && !self.json {
            return Ok(());
        }
        let report = Converted {
            out: self.out.display().to_string(),
            format: self.format,
            labels: taxonomy.len(),
            losses,
        };
        output::result(self.json, &report, |report| {
            format!(
                "{}: {} labels as {}\n",
                report.out, report.labels, report.format
            )
        })
    }

    fn write(
        &self,
        taxonomy: &Taxonomy,
        title: Option<&str>,
        sink: impl Write,
    ) -> Result<(), WriteError> {
        let origin = Origin {
            title,
            version: None,
        };
        write(taxonomy, self.format, origin, BufWriter::new(sink))
    }
}

impl Check {
    fn run(self) -> Result<(), CliError> {
        let taxonomy = self.taxonomy.read()?;
        let report = Checked {
            labels: taxonomy.len(),
            depth: taxonomy.depth(),
            several_parents: taxonomy.n_multi_parent(),
            deprecated: taxonomy
                .indexes()
                .filter(|&label| taxonomy.is_deprecated(label))
                .count(),
            problems: check(&taxonomy),
        };
        output::result(self.json, &report, for_people)
    }
}

fn for_people(report: &Checked) -> String {
    let mut text = format!(
        "{} labels, {} levels, {} with several parents, {} deprecated, {} problems\n",
        report.labels,
        report.depth,
        report.several_parents,
        report.deprecated,
        report.problems.len()
    );
    for problem in report.problems.iter().take(PRINTED) {
        text += &format!("{}\n", problem.message);
    }
    let more = report.problems.len().saturating_sub(PRINTED);
    if more > 0 {
        text += &format!("… and {more} more; --json lists all\n");
    }
    text
}
