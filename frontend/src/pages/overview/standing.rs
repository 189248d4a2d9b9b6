//! What the overview works out of versions and runs: the best run by each metric, what changed, what is wrong with the
//! taxonomy.

use arborist_shared::api::corpora::Corpus;
use arborist_shared::api::jobs::JobStatus;
use arborist_shared::api::runs::Run;
use arborist_shared::api::taxonomies::Taxonomy;

use crate::api::{self, Answer};
use crate::format;
use crate::route::Route;
use crate::shell::Methods;

/// Labels that are looked through for those without documents; a larger taxonomy is not.
const MOST_LABELS: u32 = 5_000;
/// Changes that are told.
const CHANGES: usize = 8;
/// Labels without documents that are named.
pub const NAMED: usize = 5;

/// Everything the project has had, newest first.
pub struct Standing {
    pub taxonomies: Vec<Taxonomy>,
    pub corpora: Vec<Corpus>,
    pub runs: Vec<Run>,
    /// Labels of the newest taxonomy that no document has; none where they were not counted.
    pub unused: Option<Vec<Unused>>,
}

/// A label that no document has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unused {
    pub id: String,
    pub path: Vec<String>,
}

pub async fn standing(project: i64) -> Answer<Standing> {
    let taxonomies = api::taxonomies(project).await?;
    let corpora = api::corpora(project).await?;
    let runs = api::every_run(project).await?;
    let counted = taxonomies
        .first()
        .filter(|taxonomy| taxonomy.n_labels <= u64::from(MOST_LABELS) && !corpora.is_empty());
    let unused = match counted {
        None => None,
        Some(taxonomy) => {
            let page = api::labels(taxonomy.id, None, MOST_LABELS, None).await?;
            let unused = page.labels.into_iter().filter(|row| row.n_documents == 0);
            Some(
                unused
                    .map(|row| Unused {
                        id: row.id,
                        path: row.path,
                    })
                    .collect(),
            )
        }
    };
    Ok(Standing {
        taxonomies,
        corpora,
        runs,
        unused,
    })
}

/// A figure by which runs are ranked.
pub type Ranked = fn(&Run) -> Option<f64>;

/// The run with the highest test figure, the newer one of equals. Only where no run has one does validation count:
/// figures of the two cannot be set against each other.
pub fn best(runs: &[Run], on_test: Ranked, on_validation: Ranked) -> Option<&Run> {
    let highest = |figure: Ranked| {
        runs.iter()
            .filter(|run| run.status == JobStatus::Succeeded)
            .filter_map(|run| figure(run).map(|value| (value, run)))
            .max_by(|(a, x), (b, y)| a.total_cmp(b).then(x.id.cmp(&y.id)))
            .map(|(_, run)| run)
    };
    highest(on_test).or_else(|| highest(on_validation))
}

/// Something that happened to the project.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub at: String,
    pub words: String,
    pub place: Route,
}

/// What happened last, newest first.
pub fn changes(project: i64, standing: &Standing, methods: &Methods) -> Vec<Change> {
    let mut changes = Vec::new();
    for (index, taxonomy) in standing.taxonomies.iter().enumerate() {
        let before = standing.taxonomies.get(index + 1).map(|one| one.n_labels);
        changes.push(Change {
            at: taxonomy.created_at.clone(),
            words: format!(
                "Taxonomy, version {}: {}{}",
                taxonomy.version,
                format::counted(taxonomy.n_labels, "label", "labels"),
                more_or_less(taxonomy.n_labels, before)
            ),
            place: Route::Taxonomy { project },
        });
    }
    for (index, corpus) in standing.corpora.iter().enumerate() {
        let before = standing.corpora.get(index + 1).map(|one| one.n_documents);
        changes.push(Change {
            at: corpus.created_at.clone(),
            words: format!(
                "Corpus, version {}: {}{}",
                corpus.version,
                format::counted(corpus.n_documents, "document", "documents"),
                more_or_less(corpus.n_documents, before)
            ),
            place: Route::Corpus { project },
        });
    }
    for run in &standing.runs {
        let (end, at) = match run.status {
            JobStatus::Queued | JobStatus::Running => ("was started", &run.created_at),
            JobStatus::Succeeded => ("finished", finished(run)),
            JobStatus::Failed => ("failed", finished(run)),
            JobStatus::Cancelled => ("was cancelled", finished(run)),
        };
        changes.push(Change {
            at: at.clone(),
            words: format!("{} {end}", methods.run(run)),
            place: Route::Run {
                project,
                run: run.id,
            },
        });
    }
    let time = |change: &Change| format::parse_time(&change.at).unwrap_or_default();
    changes.sort_by(|a, b| time(b).total_cmp(&time(a)));
    changes.truncate(CHANGES);
    changes
}

fn finished(run: &Run) -> &String {
    run.finished_at.as_ref().unwrap_or(&run.created_at)
}

/// ` (+3)` against the version before.
fn more_or_less(now: u64, before: Option<u64>) -> String {
    match before {
        Some(before) if now > before => format!(" (+{})", format::count(now - before)),
        Some(before) if now < before => format!(" (−{})", format::count(before - now)),
        _ => String::new(),
    }
}

/// What is wrong with the newest taxonomy, in sentences; the labels without documents stand apart.
pub fn problems(standing: &Standing) -> Vec<String> {
    let Some(taxonomy) = standing.taxonomies.first() else {
        return Vec::new();
    };
    let mut problems: Vec<String> = taxonomy
        .notes
        .iter()
        .map(|note| api::sentence(note))
        .collect();
    if let Some(corpus) = standing.corpora.first()
        && corpus.taxonomy != taxonomy.id
    {
        let version = standing
            .taxonomies
            .iter()
            .find(|other| other.id == corpus.taxonomy)
            .map_or_else(
                || "an earlier version".to_owned(),
                |other| format!("version {}", other.version),
            );
        problems.push(format!(
            "The newest documents carry labels of {version}. Import them again to use this one."
        ));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn run(id: i64, status: &str, test: Option<(f64, f64)>) -> Run {
        let figures = |(micro, macro_): (f64, f64)| json!({"micro_f1": micro, "macro_f1": macro_, "hierarchical_f1": 0.5, "exact_match": 0.1});
        serde_json::from_value(json!({
            "id": id, "project": 1, "job": id, "method": "linear", "preset": "fast", "hyperparameters": {}, "corpus": 1, "taxonomy": 1, "seed": id,
            "device": "cpu", "status": status, "created_at": format!("2026-11-0{id}T10:00:00Z"), "test": test.map(figures), "validation": figures((0.9, 0.9))
        }))
        .expect("a run")
    }

    fn taxonomy(id: i64, n_labels: u64, notes: Value) -> Taxonomy {
        serde_json::from_value(json!({
            "id": id, "project": 1, "version": id, "content_hash": "", "n_labels": n_labels, "depth": 2, "n_multi_parent": 0,
            "created_at": format!("2026-11-0{id}T09:00:00Z"), "notes": notes
        }))
        .expect("a taxonomy")
    }

    fn corpus(taxonomy: i64) -> Corpus {
        serde_json::from_value(json!({
            "id": 1, "project": 1, "taxonomy": taxonomy, "version": 1, "content_hash": "", "n_documents": 1200, "n_annotated": 9, "n_train": 8,
            "n_validation": 0, "n_test": 1, "n_rejected": 0, "labels_per_document": 1.0, "created_at": "2026-11-01T09:30:00Z"
        }))
        .expect("a corpus")
    }

    #[test]
    fn each_metric_has_its_own_best_run() {
        let runs = [
            run(1, "succeeded", Some((0.8, 0.4))),
            run(2, "succeeded", Some((0.7, 0.6))),
            run(3, "running", Some((0.9, 0.9))),
            run(4, "succeeded", None),
        ];
        let id = |test: Ranked| {
            best(&runs, test, |run| run.validation.map(|one| one.micro_f1)).map(|run| run.id)
        };
        assert_eq!(id(|run| run.test.map(|one| one.micro_f1)), Some(1));
        assert_eq!(id(|run| run.test.map(|one| one.macro_f1)), Some(2));
        assert_eq!(
            best(
                &runs[3..],
                |run| run.test.map(|one| one.micro_f1),
                |run| run.validation.map(|one| one.micro_f1)
            )
            .map(|run| run.id),
            Some(4),
            "validation counts where nothing was tested"
        );
    }

    #[test]
    fn changes_come_newest_first_with_what_differs() {
        let standing = Standing {
            taxonomies: vec![taxonomy(2, 12, json!([])), taxonomy(1, 9, json!([]))],
            corpora: vec![corpus(1)],
            runs: vec![run(3, "failed", None)],
            unused: None,
        };
        let words: Vec<String> = changes(1, &standing, &Methods::default())
            .into_iter()
            .map(|change| change.words)
            .collect();
        assert_eq!(
            words,
            [
                "linear · fast · seed 3 failed",
                "Taxonomy, version 2: 12 labels (+3)",
                "Corpus, version 1: 1,200 documents",
                "Taxonomy, version 1: 9 labels"
            ]
        );
    }

    #[test]
    fn a_taxonomy_that_the_documents_do_not_use_is_a_problem() {
        let mut standing = Standing {
            taxonomies: vec![
                taxonomy(2, 12, json!(["line 3 is there twice"])),
                taxonomy(1, 9, json!([])),
            ],
            corpora: vec![corpus(1)],
            runs: Vec::new(),
            unused: Some(Vec::new()),
        };
        let found = problems(&standing);
        assert_eq!(found[0], "Line 3 is there twice.");
        assert!(found[1].contains("labels of version 1"), "{}", found[1]);
        standing.corpora = vec![corpus(2)];
        standing.taxonomies[0].notes.clear();
        assert!(problems(&standing).is_empty());
    }
}
