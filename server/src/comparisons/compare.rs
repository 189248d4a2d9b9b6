//! The work of a comparison: reading what the runs predicted, aligning it, figures and tests.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::sync::Arc;

use arborist_shared::LabelIndex;
use arborist_shared::api::comparisons::{ComparedPair, ComparedRun};
use arborist_shared::api::jobs::JobResult;
use arborist_shared::api::runs::PredictedDocument;
use arborist_shared::corpus::SnapshotDocument;
use arborist_shared::decode::{Judged, from_prediction};
use arborist_shared::significance::Options;
use arborist_shared::split::Split;
use arborist_shared::taxonomy::Taxonomy;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{paired_tests, store};
use crate::jobs::{self, JobContext, JobError, step};
use crate::runs::directory::RunDirectory;
use crate::runs::predictions::Tallied;
use crate::{App, taxonomies};

/// What the job is asked for. The runs have succeeded and share project and taxonomy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compare {
    pub runs: Vec<i64>,
    pub taxonomy: i64,
    pub split: Split,
    pub resamples: u32,
    pub seed: u64,
}

/// What is stored of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub(super) split: Split,
    pub(super) n_documents: u64,
    pub(super) runs: Vec<ComparedRun>,
    pub(super) tests: Vec<ComparedPair>,
}

impl Compare {
    /// Compares and stores the result.
    pub(crate) async fn carry_out(
        &self,
        app: &Arc<App>,
        job: &JobContext,
    ) -> Result<JobResult, JobError> {
        let taxonomy = taxonomies::load(app, self.taxonomy).await?;
        let directories: Vec<PathBuf> = self.runs.iter().map(|&run| app.folders.run(run)).collect();
        let (work, context) = (self.clone(), job.clone());
        let outcome =
            tokio::task::spawn_blocking(move || work.compare(&context, &taxonomy, &directories))
                .await??;
        let json = serde_json::to_string(&outcome)?;
        let transaction = app.db.begin().await?;
        let id = store::insert(&transaction, job.project(), self.split.as_str(), json).await?;
        let result = JobResult {
            kind: "comparison".to_owned(),
            id,
        };
        jobs::succeed_in(&transaction, job.id(), &result).await?;
        transaction.commit().await?;
        Ok(result)
    }

    fn compare(
        &self,
        job: &JobContext,
        taxonomy: &Taxonomy,
        directories: &[PathBuf],
    ) -> Result<Outcome, JobError> {
        let total = directories.len() as u64 + 1;
        let mut judged = Vec::new();
        for (done, directory) in directories.iter().enumerate() {
            job.check()?;
            job.progress(vec![step("read", done as u64, total)]);
            judged.push(read(directory, taxonomy)?);
        }
        // In the order of the first run, so that the result does not depend on anything else.
        let shared: Vec<&str> = judged[0]
            .order
            .iter()
            .map(String::as_str)
            .filter(|id| judged.iter().all(|run| run.documents.contains_key(*id)))
            .collect();
        if shared.is_empty() {
            let counts: Vec<String> = judged
                .iter()
                .map(|run| run.order.len().to_string())
                .collect();
            return Err(JobError::Failed(format!(
                "no document is test in all of these runs; they have {} test documents",
                counts.join(", ")
            )));
        }
        let gold: Vec<Vec<LabelIndex>> = shared
            .iter()
            .map(|id| judged[0].documents[*id].gold.clone())
            .collect();
        let answers: Vec<Vec<Judged>> = judged
            .iter()
            .map(|run| {
                shared
                    .iter()
                    .map(|id| run.documents[*id].judged.clone())
                    .collect()
            })
            .collect();
        let runs = self
            .runs
            .iter()
            .zip(&judged)
            .zip(&answers)
            .map(|((&run, source), answers)| {
                let mut tallied = Tallied::new(taxonomy, source.rule);
                for ((gold, answer), id) in gold.iter().zip(answers).zip(&shared) {
                    tallied.add(gold, answer, source.documents[*id].threshold);
                }
                ComparedRun {
                    run,
                    metrics: tallied.finish(),
                }
            });
        let runs: Vec<ComparedRun> = runs.collect();
        job.check()?;
        job.progress(vec![step("test", total - 1, total)]);
        let options = Options {
            resamples: self.resamples,
            seed: self.seed,
        };
        let tests = paired_tests(taxonomy, &gold, &answers, options)
            .into_iter()
            .map(|pair| ComparedPair {
                a: self.runs[pair.a],
                b: self.runs[pair.b],
                metric: pair.test.metric,
                difference: pair.test.difference,
                interval: pair.test.interval,
                p: pair.test.p,
                p_holm: pair.p_holm,
                method: pair.test.method.as_str().to_owned(),
            });
        Ok(Outcome {
            split: self.split,
            n_documents: shared.len() as u64,
            runs,
            tests: tests.collect(),
        })
    }
}

/// What a run said about its test documents.
struct Source {
    rule: arborist_shared::decode::DecodingRule,
    order: Vec<String>,
    documents: HashMap<String, Answered>,
}

struct Answered {
    gold: Vec<LabelIndex>,
    judged: Judged,
    threshold: Option<f32>,
}

fn read(path: &std::path::Path, taxonomy: &Taxonomy) -> Result<Source, JobError> {
    let directory = RunDirectory::open(path)?;
    let request = directory.request()?;
    let test = request
        .test
        .as_deref()
        .ok_or_else(|| JobError::Failed(format!("run {} has no test documents", request.run)))?;
    let mut source = Source {
        rule: request.decoding.rule,
        order: Vec::new(),
        documents: HashMap::new(),
    };
    let mut gold: HashMap<String, Vec<LabelIndex>> = HashMap::new();
    for_each_line(directory.resolve(test), |document: SnapshotDocument| {
        gold.insert(document.id, document.labels);
        Ok(())
    })?;
    for_each_line(directory.predictions(), |prediction: PredictedDocument| {
        let judged = from_prediction(taxonomy, &prediction)
            .map_err(|error| JobError::Failed(error.to_string()))?;
        if let Some(gold) = gold.remove(&prediction.id) {
            source.order.push(prediction.id.clone());
            source.documents.insert(
                prediction.id,
                Answered {
                    gold,
                    judged,
                    threshold: prediction.threshold,
                },
            );
        }
        Ok(())
    })?;
    Ok(source)
}

fn for_each_line<T: DeserializeOwned>(
    path: PathBuf,
    mut call: impl FnMut(T) -> Result<(), JobError>,
) -> Result<(), JobError> {
    for line in BufReader::with_capacity(1 << 18, File::open(path)?).lines() {
        call(serde_json::from_str(&line?)?)?;
    }
    Ok(())
}
