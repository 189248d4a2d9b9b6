//! `arborist bench papers`: trains the rows of the papers' tables on a corpus, and shows published figures beside ours.
//!
//! A row and a seed are a run as `arborist train` makes it. What it came to is kept in the results folder by a hash of
//! everything that it depends on, so that an interrupted bench goes on, and tables share the rows they have in common.

mod catalogue;
mod figure;
mod list;
mod plan;
mod results;
mod summary;
mod svg;
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arborist_plugin_api::host::FoundPlugins;
use arborist_shared::taxonomy::Taxonomy;
use clap::Args;
use serde::Serialize;
use serde_json::Value;

use self::catalogue::{Catalogue, Exhibit, Row, View, choose};
use self::plan::{Contents, Select, Settings, plan};
use self::results::{Outcome, Results, Trial};
use self::summary::{Known, PlannedRow, Summary};
use crate::cli::options::{Formats, Places, TaxonomyFile, device, input_file};
use crate::cli::train::Unfinished;
use crate::cli::{CliError, hyperparameters, output};
use crate::runs::directory::RunDirectory;
use crate::work::device_kind;

#[derive(Debug, Args)]
pub(in crate::cli) struct Papers {
    /// Table of a paper, or `all`; --list names them
    #[arg(long = "table", value_name = "NAME", num_args = 1..)]
    tables: Vec<String>,
    /// Figure of a paper, or `all`
    #[arg(long = "figure", value_name = "NAME", num_args = 1..)]
    figures: Vec<String>,
    /// List tables and figures with their rows, and what keeps a row from being trained; trains nothing
    #[arg(long)]
    list: bool,
    /// Training documents
    #[arg(long, value_name = "FILE", required_unless_present = "list")]
    train: Option<PathBuf>,
    /// Validation documents [default: a tenth of the training documents]
    #[arg(long, value_name = "FILE")]
    validation: Option<PathBuf>,
    /// Test documents
    #[arg(long, value_name = "FILE", required_unless_present = "list")]
    test: Option<PathBuf>,
    /// The taxonomy
    #[arg(long, value_name = "FILE", required_unless_present = "list")]
    taxonomy: Option<PathBuf>,
    /// Format of the taxonomy: `tsv`, `taxonomy`, `path_csv` or `json` [default: detected]
    #[arg(long, value_name = "FORMAT")]
    taxonomy_format: Option<String>,
    /// Folder of the results; what it has is not trained again
    #[arg(long, value_name = "DIR", required_unless_present = "list")]
    results: Option<PathBuf>,
    /// Seeds 1 to N for every row [default: the table's own number, mostly 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: Option<u64>,
    /// These seeds
    #[arg(
        long,
        value_name = "N,N…",
        value_delimiter = ',',
        conflicts_with = "seeds"
    )]
    seed_list: Option<Vec<u64>>,
    /// fast, balanced, best, code (the authors' code) or paper (the paper's text)
    #[arg(long, default_value = "code")]
    preset: String,
    /// Which checkpoint the figures come from
    #[arg(long, value_enum, default_value_t)]
    select: Select,
    /// A hyperparameter for every method that has it; what makes a row what it is goes before it
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = hyperparameters::setting)]
    settings: Vec<(String, Value)>,
    /// auto, cpu or cuda:N
    #[arg(long, default_value = "auto", value_parser = device)]
    device: String,
    /// Pretrained encoder for the rows with BERT: `minilm`, or a Hugging Face directory with safetensors
    #[arg(long, value_name = "DIR|minilm")]
    encoder: Option<String>,
    /// Pretrained word vectors as text, one word a line
    #[arg(long, value_name = "FILE")]
    word_vectors: Option<PathBuf>,
    /// Tables and figures of your own, as TOML, in place of the papers'
    #[arg(long, value_name = "FILE")]
    catalogue: Option<PathBuf>,
    /// Keep the runs with their models
    #[arg(long)]
    keep_runs: bool,
    #[command(flatten)]
    formats: Formats,
    #[command(flatten)]
    places: Places,
    /// One JSON object as the last line
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    /// The folder, as given.
    results: String,
    /// Trainings done now.
    trained: usize,
    /// Trainings whose results were there.
    skipped: usize,
    failed: usize,
    tables: Vec<Summary>,
    figures: Vec<Summary>,
}

/// A table or figure with its trainings.
struct Planned {
    exhibit: Exhibit,
    rows: Vec<PlannedRow>,
}

/// What became of the trainings.
#[derive(Default)]
struct Done {
    outcomes: BTreeMap<String, Outcome>,
    failures: BTreeMap<String, String>,
    trained: usize,
    skipped: usize,
    interrupted: bool,
}

impl Papers {
    pub(super) async fn run(self) -> Result<(), CliError> {
        let catalogue = Catalogue::read(self.catalogue.as_deref())?;
        let mut tables = choose("--table", &catalogue.tables, &self.tables)?;
        let mut figures = choose("--figure", &catalogue.figures, &self.figures)?;
        let found = self.places.plugin_search()?.find_all();
        let settings = self.settings();
        if self.list {
            if tables.is_empty() && figures.is_empty() {
                (tables, figures) = (catalogue.tables, catalogue.figures);
            }
            return list::print(&tables, &figures, &settings, &found, self.json);
        }
        if tables.is_empty() && figures.is_empty() {
            return Err(CliError::input(
                "found neither --table nor --figure; --list names them",
            ));
        }
        for (option, path) in [
            ("--train", self.train.as_ref()),
            ("--validation", self.validation.as_ref()),
            ("--test", self.test.as_ref()),
            ("--word-vectors", self.word_vectors.as_ref()),
        ] {
            if let Some(path) = path {
                input_file(option, path)?;
            }
        }
        let n_tables = tables.len();
        let exhibits: Vec<Exhibit> = tables.into_iter().chain(figures).collect();
        let rows = || exhibits.iter().flat_map(|exhibit| &exhibit.rows);
        settings.check(&found, rows())?;
        let taxonomy = settings.taxonomy.read()?;
        let results = Results::open(self.results.as_deref().unwrap_or(".".as_ref()))?;
        let mut contents = Contents::read(&settings, &taxonomy)?;
        let planned: Vec<Planned> = exhibits
            .into_iter()
            .map(|exhibit| {
                let rows = exhibit.rows.iter();
                let rows = rows.map(|row| plan(&settings, &exhibit, row, &found, &mut contents));
                Planned {
                    rows: rows.collect(),
                    exhibit,
                }
            })
            .collect();
        refuse(&planned)?;
        let done = self.train_all(&settings, &planned, &found, &results).await;
        self.report(&settings, &planned, n_tables, &results, &taxonomy, done)
    }

    fn settings(&self) -> Settings {
        let file = |path: &Option<PathBuf>| path.clone().unwrap_or_default();
        Settings {
            train: file(&self.train),
            validation: self.validation.clone(),
            test: file(&self.test),
            taxonomy: TaxonomyFile {
                taxonomy: file(&self.taxonomy),
                taxonomy_format: self.taxonomy_format.clone(),
            },
            formats: self.formats.clone(),
            places: self.places.clone(),
            preset: self.preset.clone(),
            select: self.select,
            settings: self.settings.clone(),
            device: self.device.clone(),
            encoder: self.encoder.clone(),
            word_vectors: self.word_vectors.clone(),
            seeds: self
                .seed_list
                .clone()
                .or_else(|| self.seeds.map(|seeds| (1..=seeds).collect())),
        }
    }

    /// Trains what is not there yet: first all rows with the first seed, so that a whole table is there early.
    async fn train_all(
        &self,
        settings: &Settings,
        planned: &[Planned],
        found: &FoundPlugins,
        results: &Results,
    ) -> Done {
        let interrupted = watch_interrupts();
        let mut done = Done::default();
        let queue = queue(planned, settings.select);
        let total = queue.len();
        for (position, queued) in queue.into_iter().enumerate() {
            let Queued {
                name,
                row,
                trial,
                select,
                ..
            } = queued;
            let hash = trial.hash();
            if let Some(outcome) = results.find(trial) {
                done.skipped += 1;
                done.outcomes.insert(hash, outcome);
                continue;
            }
            if interrupted.load(Ordering::Relaxed) {
                done.interrupted = true;
                break;
            }
            let Some(plugin) = found.find(&row.method) else {
                continue;
            };
            eprintln!(
                "training {} of {total}: {name}, best by {select}",
                position + 1
            );
            let out = results.run(&hash);
            let manifest = &plugin.side.manifest;
            let train = settings.train(row, manifest, trial.seed, select, out.clone());
            let run = match finished_run(&out) {
                Some(run) => Ok(run),
                None => train.carry_out().await,
            };
            let kept = run.and_then(|run| Ok(results.keep(trial, &run)?));
            match kept {
                Ok(outcome) => {
                    done.trained += 1;
                    done.outcomes.insert(hash, outcome);
                    if !self.keep_runs
                        && let Err(error) = fs::remove_dir_all(&out)
                    {
                        eprintln!("warning: cannot remove {}: {error}", out.display());
                    }
                }
                Err(Unfinished::Cancelled) => {
                    done.interrupted = true;
                    break;
                }
                Err(Unfinished::Failed(error)) => {
                    eprintln!("error: {name}: {error}");
                    done.failures.insert(hash, one_line(&error));
                }
            }
        }
        done
    }

    fn report(
        &self,
        settings: &Settings,
        planned: &[Planned],
        n_tables: usize,
        results: &Results,
        taxonomy: &Taxonomy,
        done: Done,
    ) -> Result<(), CliError> {
        let known = Known {
            results,
            outcomes: &done.outcomes,
            failures: &done.failures,
            taxonomy,
        };
        let setting = table::Setting {
            preset: settings.preset.clone(),
            select: settings.select.word().to_owned(),
            device: device_kind(&settings.device).to_owned(),
            labels: taxonomy.len(),
        };
        let mut summaries = Vec::new();
        let mut text = String::new();
        for Planned { exhibit, rows } in planned {
            let mut summary = known.summarize(exhibit, rows)?;
            let name = &exhibit.name;
            let files = match exhibit.view {
                View::Scores | View::Groups => {
                    let table = table::markdown(exhibit, &summary, &setting);
                    text += &table;
                    text.push('\n');
                    vec![(format!("{name}.md"), table)]
                }
                View::Rows | View::Levels => {
                    let csv = figure::csv(exhibit, &summary);
                    text += &format!("# {}\n\n{csv}\n", exhibit.title);
                    let svg = figure::svg(exhibit, &summary);
                    vec![
                        (format!("figure-{name}.svg"), svg),
                        (format!("figure-{name}.csv"), csv),
                    ]
                }
            };
            for (file, content) in files {
                let path = results.write(&file, &content)?;
                summary.files.push(path.display().to_string());
            }
            summaries.push(summary);
        }
        let figures = summaries.split_off(n_tables);
        let report = Report {
            results: self
                .results
                .as_ref()
                .map_or_else(String::new, |path| path.display().to_string()),
            trained: done.trained,
            skipped: done.skipped,
            failed: done.failures.len(),
            tables: summaries,
            figures,
        };
        output::result(self.json, &report, |_| text)?;
        if done.interrupted {
            return Err(CliError::Failed(
                "stopped; the same command goes on with the trainings that are left".to_owned(),
            ));
        }
        if let Some(reason) = done.failures.values().next() {
            return Err(CliError::Failed(format!(
                "{} trainings failed (the first: {reason})",
                done.failures.len()
            )));
        }
        Ok(())
    }
}

/// Says which rows cannot be trained; an error when none can.
fn refuse(planned: &[Planned]) -> Result<(), CliError> {
    let mut problems = Vec::new();
    let mut can_train = false;
    for Planned { exhibit, rows } in planned {
        for (row, planned) in exhibit.rows.iter().zip(rows) {
            match planned {
                Ok(_) => can_train = true,
                Err(problem) => {
                    problems.push(format!("{}, row `{}`: {problem}", exhibit.name, row.name));
                }
            }
        }
    }
    if !can_train {
        return Err(CliError::Input(problems.join("\n")));
    }
    for problem in problems {
        eprintln!("refused: {problem}");
    }
    Ok(())
}

/// A training that is to be there.
struct Queued<'a> {
    /// Position of its seed.
    round: usize,
    /// A table or figure that shows it, its row and seed.
    name: String,
    row: &'a Row,
    trial: &'a Trial,
    select: &'static str,
}

/// All trainings, each once.
fn queue(planned: &[Planned], select: Select) -> Vec<Queued<'_>> {
    let mut queue: Vec<Queued<'_>> = Vec::new();
    for Planned { exhibit, rows } in planned {
        for (row, planned) in exhibit.rows.iter().zip(rows) {
            for (round, one) in planned.iter().flatten().enumerate() {
                for (trial, select) in one.different(select) {
                    if queue.iter().all(|queued| queued.trial != trial) {
                        queue.push(Queued {
                            round,
                            name: format!(
                                "{}, row `{}`, seed {}",
                                exhibit.name, row.name, one.seed
                            ),
                            row,
                            trial,
                            select,
                        });
                    }
                }
            }
        }
    }
    queue.sort_by_key(|queued| queued.round);
    queue
}

/// A run that came to its end, though nobody took down what it came to.
fn finished_run(path: &std::path::Path) -> Option<RunDirectory> {
    RunDirectory::open(path)
        .ok()
        .filter(RunDirectory::is_finished)
}

/// Set by the first Ctrl-C, whichever training it meets.
fn watch_interrupts() -> Arc<AtomicBool> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            flag.store(true, Ordering::Relaxed);
        }
    });
    interrupted
}

fn one_line(error: &CliError) -> String {
    error
        .to_string()
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}
