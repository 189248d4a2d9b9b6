//! How a run's model fits a taxonomy that has changed since it was trained.

use std::sync::{Arc, Mutex, PoisonError};

use arborist_shared::api::runs::{Run, RunTaxonomy, TaxonomyFit};
use arborist_shared::edits::{ModelMap, Unit};
use rustc_hash::FxHashMap;

use super::RunRow;
use crate::http::problem::ApiError;
use crate::{App, drafts, taxonomies};

/// Pairs of versions that are kept.
const CAPACITY: usize = 64;

/// Fits that were worked out: versions never change, nor does the way between two of them.
#[derive(Debug, Default)]
pub struct FitCache(Mutex<Vec<Kept>>);

/// The versions, the older one first, and what became of a model between them.
type Kept = ((i64, i64), Arc<ModelMap>);

impl FitCache {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of a model between two versions.
pub(super) async fn map(app: &App, old: i64, new: i64) -> Result<Arc<ModelMap>, ApiError> {
    let find = || {
        let kept = app.fits.lock();
        let found = kept.iter().find(|(pair, _)| *pair == (old, new));
        found.map(|(_, map)| Arc::clone(map))
    };
    if let Some(map) = find() {
        return Ok(map);
    }
    let made = Arc::new(drafts::model_map(app, old, new).await?);
    let mut kept = app.fits.lock();
    if kept.len() >= CAPACITY {
        kept.remove(0);
    }
    kept.push(((old, new), Arc::clone(&made)));
    Ok(made)
}

/// Says of each run how it fits the newest version of its project; nothing where that has the content it was trained on.
pub(super) async fn add(app: &App, project: i64, runs: &mut [Run]) -> Result<(), ApiError> {
    let Some(newest) = taxonomies::newest_row(app.db.read(), project).await? else {
        return Ok(());
    };
    let mut known: FxHashMap<i64, Option<TaxonomyFit>> = FxHashMap::default();
    known.insert(newest.id, None);
    for run in runs {
        let of_run = match known.get(&run.taxonomy) {
            Some(known) => known.clone(),
            None if taxonomies::content_hash(app, run.taxonomy).await? == newest.content_hash => {
                None
            }
            None => {
                let map = map(app, run.taxonomy, newest.id).await?;
                Some(fit(&map, newest.id, newest.version))
            }
        };
        known.insert(run.taxonomy, of_run.clone());
        run.taxonomy_fit = of_run;
    }
    Ok(())
}

/// The same in full, for one run and any version of its project.
pub(super) async fn of_run(
    app: &App,
    row: &RunRow,
    newer: Option<i64>,
) -> Result<RunTaxonomy, ApiError> {
    let newer = match newer {
        Some(id) => taxonomies::in_project(app, row.project_id, id).await?,
        None => taxonomies::newest_row(app.db.read(), row.project_id).await?,
    };
    let newer = newer
        .ok_or_else(|| ApiError::field("taxonomy", "the project has no such taxonomy version"))?;
    let map = map(app, row.taxonomy_id, newer.id).await?;
    let n_units = |is: fn(&Unit) -> bool| map.units().iter().filter(|unit| is(unit)).count() as u64;
    Ok(RunTaxonomy {
        run: row.id,
        trained_on: row.taxonomy_id,
        fit: fit(&map, newer.id, newer.version),
        n_kept: n_units(|unit| matches!(unit, Unit::Kept(_))),
        n_combined: n_units(|unit| matches!(unit, Unit::Combined(_))),
        n_stopped: n_units(|unit| matches!(unit, Unit::StoppedAt(_))),
        n_masked: n_units(|unit| matches!(unit, Unit::Masked)),
        renamed: map.renamed.clone(),
        retrain: map.retrain.clone(),
    })
}

fn fit(map: &ModelMap, taxonomy: i64, version: i64) -> TaxonomyFit {
    let (n_renamed, n_retrain) = (map.renamed.len() as u64, map.retrain.len() as u64);
    let labels = |n: u64| {
        if n == 1 {
            "1 label".to_owned()
        } else {
            format!("{n} labels")
        }
    };
    let mut words = Vec::new();
    if map.structure_changed {
        words.push("structure changed".to_owned());
    }
    if n_retrain > 0 {
        words.push(format!("needs retraining for {}", labels(n_retrain)));
    }
    if n_renamed > 0 {
        words.push(format!("{} renamed", labels(n_renamed)));
    }
    if words.is_empty() {
        words.push("fits".to_owned());
    }
    TaxonomyFit {
        taxonomy,
        version,
        structure_changed: map.structure_changed,
        n_renamed,
        n_retrain,
        sentence: words.join(", "),
    }
}
