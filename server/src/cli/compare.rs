//! `arborist compare`: predicts the gold documents with each run, and tests whether the differences are real.

mod cache;
mod documents;

use std::path::PathBuf;

use arborist_shared::LabelIndex;
use arborist_shared::decode::{Judged, decode};
use arborist_shared::metrics::Metrics;
use arborist_shared::significance::{Options, TestMethod};
use arborist_shared::taxonomy::Taxonomy;
use clap::Args;
use serde::Serialize;

use self::cache::Scores;
use self::documents::{GoldDocument, read_gold, without_seen};
use super::options::{Formats, Places, TaxonomyFile, device, input_file};
use super::scoring::open_run;
use super::{CliError, output};
use crate::comparisons::paired_tests;
use crate::runs::directory::RunDirectory;
use crate::runs::predictions::Tallied;

#[derive(Debug, Args)]
pub(super) struct Compare {
    /// Documents with their labels; those that a run was trained or validated with are left out
    #[arg(long, value_name = "FILE")]
    gold: PathBuf,
    #[command(flatten)]
    taxonomy: TaxonomyFile,
    /// Directory of a finished run; give two or more
    #[arg(long = "run", value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// auto, cpu or cuda:N
    #[arg(long, default_value = "auto", value_parser = device)]
    device: String,
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
    runs: Vec<ComparedRun>,
    tests: Vec<ComparedPair>,
}

#[derive(Serialize)]
struct ComparedRun {
    /// The directory, as given.
    run: String,
    metrics: Metrics,
}

#[derive(Serialize)]
struct ComparedPair {
    a: String,
    b: String,
    metric: String,
    difference: f64,
    interval: [f64; 2],
    p: f64,
    p_holm: f64,
    method: TestMethod,
}

impl Compare {
    pub(super) async fn run(self) -> Result<(), CliError> {
        input_file("--gold", &self.gold)?;
        if self.runs.len() < 2 {
            return Err(CliError::input(
                "--run: found one run, expected two or more",
            ));
        }
        let taxonomy = self.taxonomy.read()?;
        let mut runs = Vec::new();
        for path in &self.runs {
            let name = path.display().to_string();
            if runs.iter().any(|run: &Run| run.name == name) {
                return Err(CliError::input(format!("--run: {name} was given twice")));
            }
            runs.push(Run::open(name, open_run(path)?, &taxonomy)?);
        }
        let gold = read_gold(&self.gold, &self.formats.reading(), &taxonomy)?;
        let gold = without_seen(gold, &runs)?;

        let mut judged = Vec::new();
        let mut reports = Vec::new();
        for run in &runs {
            let scores = cache::scores(run, &gold, &self.places, &self.device).await?;
            let (judgements, metrics) = run.judge(&scores, &gold, &taxonomy)?;
            judged.push(judgements);
            reports.push(ComparedRun {
                run: run.name.clone(),
                metrics,
            });
        }
        let labels: Vec<Vec<LabelIndex>> =
            gold.into_iter().map(|document| document.labels).collect();
        let name = |position: usize| runs[position].name.clone();
        let tests = paired_tests(&taxonomy, &labels, &judged, Options::default())
            .into_iter()
            .map(|pair| ComparedPair {
                a: name(pair.a),
                b: name(pair.b),
                metric: pair.test.metric,
                difference: pair.test.difference,
                interval: pair.test.interval,
                p: pair.test.p,
                p_holm: pair.p_holm,
                method: pair.test.method,
            })
            .collect();
        output::result(
            self.json,
            &Report {
                runs: reports,
                tests,
            },
            for_people,
        )
    }
}

fn for_people(report: &Report) -> String {
    let width = report
        .runs
        .iter()
        .map(|run| run.run.len())
        .max()
        .unwrap_or_default();
    let mut text = String::new();
    for run in &report.runs {
        text += &output::headline(&format!("{:<width$}", run.run), &run.metrics);
        text.push('\n');
    }
    for test in &report.tests {
        text += &format!(
            "{} − {}: {:<16} {:+.4}  [{:+.4}, {:+.4}]  p {:.4}  p (Holm) {:.4}\n",
            test.a,
            test.b,
            test.metric,
            test.difference,
            test.interval[0],
            test.interval[1],
            test.p,
            test.p_holm
        );
    }
    text
}

/// A run that takes part.
struct Run {
    /// As given.
    name: String,
    directory: RunDirectory,
    taxonomy: Taxonomy,
    /// Index in the common taxonomy of each label of the run's.
    mapping: Vec<LabelIndex>,
}

impl Run {
    fn open(name: String, directory: RunDirectory, common: &Taxonomy) -> Result<Self, CliError> {
        let taxonomy = directory.taxonomy()?;
        let mapping = mapping(&taxonomy, common).ok_or_else(|| {
            CliError::input(format!(
                "--run: {name} was trained on another taxonomy ({} labels) than --taxonomy ({} labels); a comparison needs the same labels and parents",
                taxonomy.len(),
                common.len()
            ))
        })?;
        Ok(Self {
            name,
            directory,
            taxonomy,
            mapping,
        })
    }

    /// Decides about each document in the run's own way, in terms of the common taxonomy.
    fn judge(
        &self,
        scores: &Scores,
        gold: &[GoldDocument],
        common: &Taxonomy,
    ) -> Result<(Vec<Judged>, Metrics), CliError> {
        let options = self.directory.request()?.decoding;
        let mut tallied = Tallied::new(common, options.rule);
        let mut judgements = Vec::with_capacity(gold.len());
        for (document, stored) in gold.iter().zip(&scores.documents) {
            let decoded = decode(&self.taxonomy, stored, &options, scores.threshold);
            let judged = self.translate(decoded.judged());
            tallied.add(
                &document.labels,
                &judged,
                options.threshold(stored, scores.threshold),
            );
            judgements.push(judged);
        }
        Ok((judgements, tallied.finish()))
    }

    /// A judgement in terms of the common taxonomy.
    fn translate(&self, mut judged: Judged) -> Judged {
        let translate = |label: &mut LabelIndex| *label = self.mapping[*label as usize];
        judged
            .scores
            .iter_mut()
            .for_each(|(label, _)| translate(label));
        judged
            .scores
            .sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        for set in [&mut judged.raw, &mut judged.labels] {
            set.iter_mut().for_each(translate);
            set.sort_unstable();
        }
        judged
    }
}

/// Where each label of `from` is in `to`; none unless both have the same labels with the same parents.
fn mapping(from: &Taxonomy, to: &Taxonomy) -> Option<Vec<LabelIndex>> {
    if from.len() != to.len() {
        return None;
    }
    let parents = |taxonomy: &Taxonomy, label: LabelIndex| -> Vec<String> {
        let mut ids: Vec<String> = taxonomy
            .parents(label)
            .iter()
            .map(|&parent| taxonomy.id(parent).to_owned())
            .collect();
        ids.sort_unstable();
        ids
    };
    from.indexes()
        .map(|label| {
            to.index_of(from.id(label))
                .filter(|&other| parents(from, label) == parents(to, other))
        })
        .collect()
}
