//! `arborist import`: a published corpus as its owners hand it out becomes rows, splits and a taxonomy.

use std::path::PathBuf;

use arborist_shared::taxonomy::TaxonomyFormat;
use clap::{Args, Subcommand, ValueEnum};

use super::progress::Progress;
use super::{CliError, output};
use crate::datasets::{
    DatasetError, Eurlex, Nyt, NytLabels, Rcv1, Rcv1Texts, Summary, ValidationRecipe, Watch, Wos,
    WosFiles,
};

#[derive(Debug, Args)]
pub(super) struct Import {
    #[command(subcommand)]
    dataset: Dataset,
}

#[derive(Debug, Subcommand)]
enum Dataset {
    /// Web of Science, WOS-46985
    Wos(WosOptions),
    /// Reuters newswire, RCV1-V2
    Rcv1(Rcv1Options),
    /// The New York Times Annotated Corpus
    Nyt(NytOptions),
    /// EU legislation, EURLEX57K
    Eurlex(EurlexOptions),
}

/// What all importers take.
#[derive(Debug, Args)]
struct Common {
    /// Directory of the result, new or empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// One JSON object as the last line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct WosOptions {
    /// `Meta-data/Data.txt`, or the sheet `Data.xlsx` saved as TSV or CSV
    #[arg(long, value_name = "FILE", required_unless_present = "texts", conflicts_with_all = ["texts", "domains", "areas"])]
    meta: Option<PathBuf>,
    /// `X.txt`: the texts, where there is no meta file
    #[arg(long, value_name = "FILE", requires_all = ["domains", "areas"])]
    texts: Option<PathBuf>,
    /// `YL1.txt`: codes of the domains
    #[arg(long, value_name = "FILE", requires = "texts")]
    domains: Option<PathBuf>,
    /// `YL2.txt`: codes of the areas
    #[arg(long, value_name = "FILE", requires = "texts")]
    areas: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Rcv1Options {
    /// `lyrl2004_tokens_train.dat`
    #[arg(long, value_name = "FILE", required_unless_present = "xml", conflicts_with_all = ["xml", "train_ids"])]
    train_tokens: Option<PathBuf>,
    /// `lyrl2004_tokens_test_pt0.dat` to `pt3.dat`
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "train_tokens")]
    test_tokens: Vec<PathBuf>,
    /// Directory of the newswire, unpacked, in place of the token files
    #[arg(long, value_name = "DIR", requires = "train_ids")]
    xml: Option<PathBuf>,
    /// Ids of the training documents: `lyrl2004_tokens_train.dat`, or a number a line
    #[arg(long, value_name = "FILE", requires = "xml")]
    train_ids: Option<PathBuf>,
    /// `rcv1-v2.topics.qrels`
    #[arg(long, value_name = "FILE")]
    qrels: PathBuf,
    /// `rcv1.topics.hier.orig`
    #[arg(long, value_name = "FILE")]
    hierarchy: PathBuf,
    /// How the validation documents are drawn
    #[arg(long, value_enum, default_value_t = Recipe::Ordered)]
    validation: Recipe,
    #[command(flatten)]
    paragraphs: Paragraphs,
    #[command(flatten)]
    common: Common,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Recipe {
    /// From the documents in order, as HGCLR and HBGL do
    Ordered,
    /// From the documents shuffled with seed 7, as `HTCInfoMax` does
    Shuffled,
}

#[derive(Debug, Args)]
struct Paragraphs {
    /// What stands between paragraphs [default: nothing, as in the papers]
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    paragraph_separator: String,
}

#[derive(Debug, Args)]
struct NytOptions {
    /// Directory of the articles, unpacked
    #[arg(long, value_name = "DIR")]
    corpus: PathBuf,
    /// `idnewnyt_train.json`
    #[arg(long, value_name = "FILE")]
    train_ids: PathBuf,
    /// `idnewnyt_val.json`
    #[arg(long, value_name = "FILE")]
    validation_ids: PathBuf,
    /// `idnewnyt_test.json`
    #[arg(long, value_name = "FILE")]
    test_ids: PathBuf,
    /// `nyt_label.vocab`: the labels, one path a line
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "taxonomy",
        conflicts_with = "taxonomy"
    )]
    labels: Option<PathBuf>,
    /// A taxonomy of such paths, in place of the list
    #[arg(long, value_name = "FILE")]
    taxonomy: Option<PathBuf>,
    /// Format of the taxonomy: `tsv`, `taxonomy`, `path_csv` or `json` [default: detected]
    #[arg(long, value_name = "FORMAT", requires = "taxonomy")]
    taxonomy_format: Option<TaxonomyFormat>,
    #[command(flatten)]
    paragraphs: Paragraphs,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct EurlexOptions {
    /// Directory of the training documents
    #[arg(long, value_name = "DIR")]
    train: PathBuf,
    /// Directory of the validation documents (`dev`)
    #[arg(long, value_name = "DIR")]
    validation: PathBuf,
    /// Directory of the test documents
    #[arg(long, value_name = "DIR")]
    test: PathBuf,
    /// The concepts of EUROVOC with their parents, as JSON
    #[arg(long, value_name = "FILE")]
    concepts: PathBuf,
    /// Keep concepts that no document has, not even below them
    #[arg(long)]
    all_concepts: bool,
    #[command(flatten)]
    common: Common,
}

impl Import {
    pub(super) fn run(self) -> Result<(), CliError> {
        let mut progress = Progress::new();
        let (common, summary) = match self.dataset {
            Dataset::Wos(options) => options.import(&mut progress),
            Dataset::Rcv1(options) => options.import(&mut progress),
            Dataset::Nyt(options) => options.import(&mut progress),
            Dataset::Eurlex(options) => options.import(&mut progress),
        }?;
        drop(progress);
        output::result(common.json, &summary, |summary| {
            for_people(summary, &common.out.display().to_string())
        })
    }
}

type Imported = Result<(Common, Summary), CliError>;

impl WosOptions {
    fn import(self, progress: &mut Progress) -> Imported {
        let files = match (self.meta, self.texts, self.domains, self.areas) {
            (Some(meta), ..) => WosFiles::Meta(meta),
            (None, Some(texts), Some(domains), Some(areas)) => WosFiles::Codes {
                texts,
                domains,
                areas,
            },
            _ => return Err(expected("--meta, or --texts with --domains and --areas")),
        };
        let summary = Wos { files }.import(&self.common.out, progress)?;
        Ok((self.common, summary))
    }
}

impl Rcv1Options {
    fn import(self, progress: &mut Progress) -> Imported {
        let texts = match (self.train_tokens, self.xml, self.train_ids) {
            (Some(train), ..) => Rcv1Texts::Tokens {
                train,
                test: self.test_tokens,
            },
            (None, Some(folder), Some(train_ids)) => Rcv1Texts::Xml {
                folder,
                train_ids,
                paragraph_separator: self.paragraphs.paragraph_separator,
            },
            _ => return Err(expected("--train-tokens, or --xml with --train-ids")),
        };
        let rcv1 = Rcv1 {
            texts,
            qrels: self.qrels,
            hierarchy: self.hierarchy,
            recipe: match self.validation {
                Recipe::Ordered => ValidationRecipe::Ordered,
                Recipe::Shuffled => ValidationRecipe::Shuffled,
            },
        };
        let summary = rcv1.import(&self.common.out, progress)?;
        Ok((self.common, summary))
    }
}

impl NytOptions {
    fn import(self, progress: &mut Progress) -> Imported {
        let labels = match (self.labels, self.taxonomy) {
            (Some(list), _) => NytLabels::List(list),
            (None, Some(file)) => NytLabels::Taxonomy(file, self.taxonomy_format),
            (None, None) => return Err(expected("--labels or --taxonomy")),
        };
        let nyt = Nyt {
            corpus: self.corpus,
            ids: [self.train_ids, self.validation_ids, self.test_ids],
            labels,
            paragraph_separator: self.paragraphs.paragraph_separator,
        };
        let summary = nyt.import(&self.common.out, progress)?;
        Ok((self.common, summary))
    }
}

impl EurlexOptions {
    fn import(self, progress: &mut Progress) -> Imported {
        let eurlex = Eurlex {
            parts: [self.train, self.validation, self.test],
            concepts: self.concepts,
            all_concepts: self.all_concepts,
        };
        let summary = eurlex.import(&self.common.out, progress)?;
        Ok((self.common, summary))
    }
}

fn expected(options: &str) -> CliError {
    CliError::Input(format!("found no source, expected {options}"))
}

impl Watch for Progress {
    fn step(&mut self, name: &str, current: u64, total: u64) {
        // Bars draw no faster than the eye sees, but even asking them costs more than reading a line.
        if current.is_multiple_of(64) || current == total {
            Progress::step(self, name, current, total);
        }
    }

    fn note(&mut self, text: &str) {
        self.line(&format!("note: {text}"));
    }
}

impl From<DatasetError> for CliError {
    fn from(error: DatasetError) -> Self {
        match error {
            DatasetError::Write { ref source, .. }
                if source.kind() != std::io::ErrorKind::AlreadyExists =>
            {
                Self::failed(error)
            }
            DatasetError::Write { path, source } => {
                Self::Input(format!("--out: {}: {source}", path.display()))
            }
            other => Self::input(other),
        }
    }
}

fn for_people(summary: &Summary, out: &str) -> String {
    let documents = summary.documents;
    let levels: Vec<String> = summary
        .labels_per_level
        .iter()
        .map(usize::to_string)
        .collect();
    let mut text = format!(
        "{out}: {} training, {} validation and {} test documents, {} labels ({} per level), {:.2} labels a document\n",
        documents.train,
        documents.validation,
        documents.test,
        summary.labels,
        levels.join(" / "),
        summary.labels_per_document,
    );
    for change in summary.changes.iter().filter(|change| change.count > 0) {
        text += &format!("changed: {} ({})\n", change.what, change.count);
    }
    for dropped in &summary.dropped {
        text += &format!(
            "left out: {} {}, the first {}\n",
            dropped.count, dropped.reason, dropped.first
        );
    }
    let published = summary.published;
    if !summary.as_published {
        text += &format!(
            "not as published: {} training, {} validation and {} test documents, {} labels\n",
            published.documents.train,
            published.documents.validation,
            published.documents.test,
            published.labels
        );
    }
    text
}
