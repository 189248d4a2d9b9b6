//! From finished trainings to the figures of a table: means over seeds with their spread, and tests between rows.

use std::collections::BTreeMap;

use arborist_shared::significance::{self, Options, TestMethod, holm, permutation};
use arborist_shared::taxonomy::Taxonomy;
use serde::Serialize;

use super::catalogue::{Exhibit, View};
use super::plan::Planned;
use super::results::{Level, Outcome, Results};
use crate::cli::CliError;

/// Random swaps of a test over documents: enough to tell .01 from .02, with eight seeds and hundreds of thousands of documents.
const RESAMPLES: u32 = 2_000;

/// A table or figure with what is known so far.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Summary {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) view: View,
    pub(super) rows: Vec<RowSummary>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tests: Vec<RowTest>,
    /// Files that show it.
    pub(super) files: Vec<String>,
}

/// A row with the figures of all its seeds. Rates are fractions; published ones as well.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct RowSummary {
    pub(super) name: String,
    pub(super) method: String,
    /// By corpus or label group.
    pub(super) published: BTreeMap<String, [f64; 2]>,
    /// Seeds whose trainings are finished.
    pub(super) seeds: Vec<u64>,
    /// On raw sets.
    pub(super) micro_f1: Option<Spread>,
    pub(super) macro_f1: Option<Spread>,
    /// Of a training.
    pub(super) train_seconds: Option<Spread>,
    /// Raw sets by level, in a figure by levels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) levels: Vec<LevelSummary>,
    /// By label group, in a table by groups.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) groups: BTreeMap<String, GroupSummary>,
    /// Why figures are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct LevelSummary {
    pub(super) level: u32,
    pub(super) micro_f1: Spread,
    pub(super) macro_f1: Spread,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct GroupSummary {
    pub(super) labels: u64,
    pub(super) documents: u64,
    pub(super) recall_at_5: Spread,
    pub(super) ndcg_at_5: Spread,
}

/// Mean and standard deviation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Spread {
    pub(super) mean: f64,
    /// Of the sample, that is with n − 1; none for a single value.
    pub(super) sd: Option<f64>,
}

impl Spread {
    /// None of nothing.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let sd = (values.len() > 1).then(|| (squares / (n - 1.0)).sqrt());
        Some(Self { mean, sd })
    }
}

/// Whether a row differs from the one that it is tested against.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct RowTest {
    pub(super) row: String,
    pub(super) against: String,
    /// `micro_f1` or `macro_f1`, on raw sets.
    pub(super) metric: String,
    /// Mean of `against` minus mean of the row.
    pub(super) difference: f64,
    /// Two-sided exact permutation test on the figures of the seeds, corrected by Holm over the table.
    pub(super) p_seeds: Option<f64>,
    /// Two-sided approximate randomization over documents, seed by seed: the highest p-value of all seeds.
    pub(super) p_documents: Option<f64>,
    /// Whether `p_seeds` lies below the table's level.
    pub(super) significant: bool,
}

/// A row as planned: its trainings, or why there are none.
pub(super) type PlannedRow = Result<Vec<Planned>, String>;

/// What is known of a row: outcomes by the hash of their trial, and what went wrong.
pub(super) struct Known<'a> {
    pub(super) results: &'a Results,
    pub(super) outcomes: &'a BTreeMap<String, Outcome>,
    pub(super) failures: &'a BTreeMap<String, String>,
    pub(super) taxonomy: &'a Taxonomy,
}

/// One seed of a row.
struct Finished<'a> {
    seed: u64,
    planned: &'a Planned,
    /// Where micro-F1 and where macro-F1 comes from.
    outcomes: [&'a Outcome; 2],
}

impl Finished<'_> {
    fn figure(&self, metric: &str) -> f64 {
        if metric == "micro_f1" {
            self.outcomes[0].raw.micro_f1
        } else {
            self.outcomes[1].raw.macro_f1
        }
    }

    fn seconds(&self) -> f64 {
        let [micro, macro_] = self.outcomes;
        if micro.trial == macro_.trial {
            micro.train_seconds
        } else {
            f64::midpoint(micro.train_seconds, macro_.train_seconds)
        }
    }
}

impl Known<'_> {
    fn finished<'s>(&'s self, planned: &'s PlannedRow) -> Vec<Finished<'s>> {
        let planned = planned.as_ref().map_or(&[][..], Vec::as_slice);
        planned
            .iter()
            .filter_map(|planned| {
                let find = |position: usize| self.outcomes.get(&planned.trials[position].hash());
                Some(Finished {
                    seed: planned.seed,
                    planned,
                    outcomes: [find(0)?, find(1)?],
                })
            })
            .collect()
    }

    fn problem(&self, planned: &PlannedRow) -> Option<String> {
        match planned {
            Err(problem) => Some(problem.clone()),
            Ok(planned) => planned.iter().find_map(|planned| {
                planned.trials.iter().find_map(|trial| {
                    let reason = self.failures.get(&trial.hash())?;
                    Some(format!("seed {}: {reason}", planned.seed))
                })
            }),
        }
    }

    /// Sums up a table or figure.
    pub(super) fn summarize(
        &self,
        exhibit: &Exhibit,
        planned: &[PlannedRow],
    ) -> Result<Summary, CliError> {
        let mut rows = Vec::new();
        for (row, planned) in exhibit.rows.iter().zip(planned) {
            let finished = self.finished(planned);
            let spread = |figure: &dyn Fn(&Finished<'_>) -> f64| {
                Spread::of(&finished.iter().map(figure).collect::<Vec<_>>())
            };
            let published = row.published.iter();
            rows.push(RowSummary {
                name: row.name.clone(),
                method: row.method.clone(),
                published: published
                    .map(|(column, figures)| {
                        (column.clone(), figures.map(|percent| percent / 100.0))
                    })
                    .collect(),
                seeds: finished.iter().map(|finished| finished.seed).collect(),
                micro_f1: spread(&|finished| finished.figure("micro_f1")),
                macro_f1: spread(&|finished| finished.figure("macro_f1")),
                train_seconds: spread(&|finished| finished.seconds()),
                levels: match exhibit.view {
                    View::Levels => levels(&finished, exhibit.deepest_level),
                    _ => Vec::new(),
                },
                groups: match exhibit.view {
                    View::Groups => groups(&finished),
                    _ => BTreeMap::new(),
                },
                problem: self.problem(planned),
            });
        }
        let tests = match &exhibit.against {
            Some(against) => self.test(exhibit, planned, against)?,
            None => Vec::new(),
        };
        Ok(Summary {
            name: exhibit.name.clone(),
            title: exhibit.title.clone(),
            view: exhibit.view,
            rows,
            tests,
            files: Vec::new(),
        })
    }

    /// Tests every row against one of them, as far as both have figures.
    fn test(
        &self,
        exhibit: &Exhibit,
        planned: &[PlannedRow],
        against: &str,
    ) -> Result<Vec<RowTest>, CliError> {
        let rows: Vec<(&str, Vec<Finished<'_>>)> = exhibit
            .rows
            .iter()
            .zip(planned)
            .map(|(row, planned)| (row.name.as_str(), self.finished(planned)))
            .collect();
        let Some((_, reference)) = rows.iter().find(|(name, _)| *name == against) else {
            return Ok(Vec::new());
        };
        let mut tests = Vec::new();
        for (name, finished) in rows.iter().filter(|(name, _)| *name != against) {
            if finished.is_empty() || reference.is_empty() {
                continue;
            }
            for (position, metric) in ["micro_f1", "macro_f1"].into_iter().enumerate() {
                let figures = |finished: &[Finished<'_>]| -> Vec<f64> {
                    finished.iter().map(|one| one.figure(metric)).collect()
                };
                let (ours, theirs) = (figures(reference), figures(finished));
                let mean = |values: &[f64]| Spread::of(values).map_or(0.0, |spread| spread.mean);
                tests.push(RowTest {
                    row: (*name).to_owned(),
                    against: against.to_owned(),
                    metric: metric.to_owned(),
                    difference: mean(&ours) - mean(&theirs),
                    p_seeds: permutation(&ours, &theirs),
                    p_documents: self.over_documents(reference, finished, position, metric)?,
                    significant: false,
                });
            }
        }
        let p: Vec<f64> = tests
            .iter()
            .map(|test| test.p_seeds.unwrap_or(1.0))
            .collect();
        for (test, p) in tests.iter_mut().zip(holm(&p)) {
            test.p_seeds = test.p_seeds.map(|_| p);
            test.significant = p < exhibit.alpha;
        }
        Ok(tests)
    }

    /// The highest p-value over the seeds that both have; none when the documents are not the same.
    fn over_documents(
        &self,
        reference: &[Finished<'_>],
        row: &[Finished<'_>],
        position: usize,
        metric: &str,
    ) -> Result<Option<f64>, CliError> {
        let options = Options {
            resamples: RESAMPLES,
            seed: 0,
        };
        let mut highest: Option<f64> = None;
        for ours in reference {
            let Some(theirs) = row.iter().find(|other| other.seed == ours.seed) else {
                continue;
            };
            let a = self.results.sets(&ours.planned.trials[position])?;
            let b = self.results.sets(&theirs.planned.trials[position])?;
            if a.gold != b.gold {
                return Ok(None);
            }
            let tests =
                significance::compare(&a.judged(), &b.judged(), &a.gold, self.taxonomy, options);
            let p = tests
                .iter()
                .find(|test| {
                    test.metric == metric && test.method == TestMethod::ApproximateRandomization
                })
                .map(|test| test.p);
            highest = match (highest, p) {
                (Some(highest), Some(p)) => Some(highest.max(p)),
                (highest, p) => highest.or(p),
            };
        }
        Ok(highest)
    }
}

fn levels(finished: &[Finished<'_>], deepest: Option<u32>) -> Vec<LevelSummary> {
    let merged: Vec<[Vec<Level>; 2]> = finished
        .iter()
        .map(|one| one.outcomes.map(|outcome| merge(&outcome.levels, deepest)))
        .collect();
    let n_levels = merged.first().map_or(0, |one| one[0].len());
    (0..n_levels)
        .filter_map(|position| {
            let spread = |figure: &dyn Fn(&[Vec<Level>; 2]) -> f64| {
                Spread::of(&merged.iter().map(figure).collect::<Vec<_>>())
            };
            Some(LevelSummary {
                level: position as u32 + 1,
                micro_f1: spread(&|one| one[0][position].figures().micro_f1)?,
                macro_f1: spread(&|one| one[1][position].figures().macro_f1)?,
            })
        })
        .collect()
}

/// Counts levels below the deepest one with it.
fn merge(levels: &[Level], deepest: Option<u32>) -> Vec<Level> {
    let mut merged: Vec<Level> = Vec::new();
    for level in levels {
        match merged.last_mut() {
            Some(last) if deepest.is_some_and(|deepest| level.level > deepest) => last.add(level),
            _ => merged.push(level.clone()),
        }
    }
    merged
}

fn groups(finished: &[Finished<'_>]) -> BTreeMap<String, GroupSummary> {
    let Some(first) = finished.first() else {
        return BTreeMap::new();
    };
    let mut groups = BTreeMap::new();
    for (position, group) in first.outcomes[0].groups.iter().enumerate() {
        let spread = |figure: &dyn Fn(&arborist_shared::metrics::GroupMetrics) -> f64| {
            let values: Vec<f64> = finished
                .iter()
                .filter_map(|one| one.outcomes[0].groups.get(position))
                .map(figure)
                .collect();
            Spread::of(&values)
        };
        if let (Some(recall_at_5), Some(ndcg_at_5)) = (
            spread(&|group| group.recall_at_5),
            spread(&|group| group.ndcg_at_5),
        ) {
            groups.insert(
                group.name.clone(),
                GroupSummary {
                    labels: group.labels,
                    documents: group.documents,
                    recall_at_5,
                    ndcg_at_5,
                },
            );
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use arborist_shared::scores::{DocumentScores, ScoresWriter};
    use arborist_shared::taxonomy::parse;

    use super::super::catalogue::Catalogue;
    use super::super::results::{Figures, Trial};
    use super::super::table::{Setting, markdown};
    use super::*;

    #[test]
    fn means_and_spreads_by_hand() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(
            Spread::of(&[0.5]),
            Some(Spread {
                mean: 0.5,
                sd: None
            })
        );
        // Deviations −2, 0, 2: the sample's variance is 8 / 2.
        let spread = Spread::of(&[4.0, 6.0, 8.0]).unwrap();
        assert_eq!(
            spread,
            Spread {
                mean: 6.0,
                sd: Some(2.0)
            }
        );
    }

    #[test]
    fn deep_levels_count_with_the_deepest_shown() {
        let level = |level, labels, right| Level {
            level,
            labels,
            right,
            predicted: 10,
            gold: 10,
            macro_f1: 1.0 / f64::from(level),
        };
        let levels = [
            level(1, 4, 9),
            level(2, 5, 8),
            level(3, 3, 6),
            level(4, 1, 2),
        ];
        let merged = merge(&levels, Some(3));
        assert_eq!(merged.len(), 3);
        assert_eq!(merged[..2], levels[..2]);
        // 8 right of 20 and 20; macro from three labels of a third and one of a quarter.
        assert_eq!(merged[2].figures().micro_f1, 0.4);
        assert!((merged[2].macro_f1 - 1.25 / 4.0).abs() < 1e-15);
        assert_eq!(merge(&levels, None), levels);
        assert_eq!(merge(&levels[..2], Some(3)), levels[..2]);
    }

    fn outcome(trial: Trial, micro_f1: f64, macro_f1: f64) -> Outcome {
        Outcome {
            trial,
            epochs: 1,
            train_seconds: 1.0,
            peak_memory_bytes: 0,
            device: "cpu".to_owned(),
            documents: 2,
            raw: Figures { micro_f1, macro_f1 },
            decoded: Figures::default(),
            levels: Vec::new(),
            groups: Vec::new(),
        }
    }

    /// A table of two rows, the micro-F1 of each by seed. Macro-F1 is the same everywhere.
    fn table(alpha: f64, rows: [&[f64]; 2]) -> (Exhibit, Summary) {
        let folder = tempfile::tempdir().unwrap();
        let results = Results::open(folder.path()).unwrap();
        let taxonomy = parse(b"A\tRoot\nB\tRoot\n", None).unwrap().taxonomy;
        let mut outcomes = BTreeMap::new();
        let names = ["theirs", "ours"];
        let mut planned = Vec::new();
        for (name, figures) in names.iter().zip(rows) {
            let mut seeds = Vec::new();
            for (seed, figure) in (1..).zip(figures) {
                let trial = Trial {
                    format: Trial::format(),
                    method: (*name).to_owned(),
                    version: "1".to_owned(),
                    hyperparameters: BTreeMap::new(),
                    seed,
                    device: "cpu".to_owned(),
                    contents: BTreeMap::new(),
                };
                let document = DocumentScores {
                    scores: vec![(0, 1.0)],
                    decided: Some(vec![0]),
                };
                let file = folder.path().join(format!("{}.sets", trial.hash()));
                let file = std::fs::File::create(file).unwrap();
                let mut writer = ScoresWriter::new(file, 2).unwrap();
                writer.push(&document).unwrap();
                writer.finish().unwrap();
                outcomes.insert(trial.hash(), outcome(trial.clone(), *figure, 0.5));
                seeds.push(Planned {
                    seed,
                    trials: [trial.clone(), trial],
                });
            }
            planned.push(Ok(seeds));
        }
        let row = |name: &str| format!("[[table.row]]\nname = \"{name}\"\nmethod = \"{name}\"\n");
        let text = format!(
            "[[table]]\nname = \"t\"\ntitle = \"\"\nagainst = \"ours\"\nalpha = {alpha}\n{}{}",
            row("theirs"),
            row("ours")
        );
        let exhibit = toml::from_str::<Catalogue>(&text).unwrap().tables.remove(0);
        let known = Known {
            results: &results,
            outcomes: &outcomes,
            failures: &BTreeMap::new(),
            taxonomy: &taxonomy,
        };
        let summary = known.summarize(&exhibit, &planned).unwrap();
        (exhibit, summary)
    }

    /// Whether the rows differ in micro-F1, its p-value, and the line of the table that says so.
    fn verdict(alpha: f64, rows: [&[f64]; 2]) -> (bool, f64, String) {
        let (exhibit, summary) = table(alpha, rows);
        let [micro_f1, macro_f1] = &summary.tests[..] else {
            panic!("one row against another is two tests")
        };
        assert!(!macro_f1.significant && macro_f1.p_seeds == Some(1.0));
        let setting = Setting {
            preset: "code".to_owned(),
            select: "macro_f1".to_owned(),
            device: "cpu".to_owned(),
            labels: 2,
        };
        let text = markdown(&exhibit, &summary, &setting);
        let line = text
            .lines()
            .find(|line| line.starts_with("| theirs | micro-F1"));
        (
            micro_f1.significant,
            micro_f1.p_seeds.unwrap(),
            line.unwrap().to_owned(),
        )
    }

    const LOW: [f64; 8] = [0.80, 0.801, 0.802, 0.803, 0.804, 0.805, 0.806, 0.807];
    const HIGH: [f64; 8] = [0.81, 0.811, 0.812, 0.813, 0.814, 0.815, 0.816, 0.817];

    #[test]
    fn eight_seeds_apart_differ_at_one_percent() {
        let (significant, p, line) = verdict(0.01, [&LOW, &HIGH]);
        // Both tests of the table are corrected: twice 2 of 12,870 ways to deal 16 figures.
        assert!((p - 4.0 / 12_870.0).abs() < 1e-12, "{p}");
        assert!(significant && line.ends_with("| p < 0.01 |"), "{line}");
        let (significant, p, line) = verdict(0.01, [&LOW, &LOW]);
        assert!(!significant && p == 1.0, "{p}");
        assert!(!line.contains("p <"), "{line}");
    }

    #[test]
    fn the_level_is_the_tables_own() {
        // Five seeds cannot get below twice 2 of 252 ways.
        let (low, high) = (&LOW[..5], &HIGH[..5]);
        let (significant, p, line) = verdict(0.05, [low, high]);
        assert!((p - 4.0 / 252.0).abs() < 1e-12, "{p}");
        assert!(significant && line.ends_with("| p < 0.05 |"), "{line}");
        let (significant, _, line) = verdict(0.01, [low, high]);
        assert!(!significant && !line.contains("p <"), "{line}");
    }
}
