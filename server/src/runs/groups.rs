//! Groups of runs: methods × presets × seeds × values of hyperparameters on one frozen corpus version, queued in one action,
//! with mean and deviation of each trial over its seeds, and the rule by which hopeless trials are given up.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, get, post, web};
use arborist_shared::api::accounts::Role;
use arborist_shared::api::groups::{
    GroupAnswer, GroupEntry, GroupList, MedianRule, NewGroup, Range, Spread, Trial,
};
use arborist_shared::api::jobs::JobStatus;
use arborist_shared::api::runs::{Epoch, Headline, NewRun, Run};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::store::groups as store;
use super::{request, routes};
use crate::accounts::Caller;
use crate::db::DbErr;
use crate::http::paging;
use crate::http::problem::{ApiError, Code};
use crate::{App, jobs};

/// Runs of one group.
const MAX_RUNS: usize = 1_000;
/// Digits to which drawn numbers are rounded: people read them.
const DIGITS: i32 = 4;

/// Adds the addresses.
pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(create_group)
        .service(list_groups)
        .service(show_group);
}

/// Train several methods, presets, seeds and values of hyperparameters on the same documents, in one action. Every run is
/// checked before any is queued: one that cannot work refuses the whole group with its place in `entries`.
#[utoipa::path(tag = "runs", params(("id" = i64, Path, description = "project")), request_body = NewGroup,
    responses((status = 201, body = GroupAnswer)))]
#[post("/projects/{id}/groups")]
async fn create_group(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    body: web::Json<Value>,
) -> Result<HttpResponse, ApiError> {
    caller.in_project(&app, *id, Role::Manager).await?;
    let new: NewGroup = serde_json::from_value(body.into_inner())
        .map_err(|error| ApiError::new(Code::FieldInvalid, error.to_string()))?;
    let priority = new.priority.unwrap_or(0);
    routes::check_priority(&caller, priority)?;
    let trials = trials(&new)?;
    let seeds = if new.seeds.is_empty() {
        vec![0]
    } else {
        new.seeds.clone()
    };
    let n = trials.len() * seeds.len();
    if n > MAX_RUNS {
        return Err(ApiError::field(
            "/entries",
            format!("found {n} runs, at most {MAX_RUNS} make a group"),
        ));
    }
    jobs::check_limit(&app, caller.user_id(), n as u64).await?;
    let mut checked = Vec::with_capacity(n);
    for (number, (entry, wanted)) in (1..).zip(&trials) {
        for &seed in &seeds {
            let run = NewRun {
                seed: Some(seed),
                ..wanted.clone()
            };
            let run = request::check(&app, *id, run)
                .await
                .map_err(|error| error.within(&format!("/entries/{entry}")))?;
            let needs = routes::needs(&app, *id, &run, priority, Vec::new()).await?;
            checked.push((number, run, needs));
        }
    }
    let name = new
        .name
        .clone()
        .filter(|name| !name.trim().is_empty())
        .unwrap_or_else(|| {
            let mut methods: Vec<&str> = new
                .entries
                .iter()
                .map(|entry| entry.method.as_str())
                .collect();
            methods.dedup();
            methods.join(", ")
        });
    let user = caller.user_id();
    let transaction = app.db.begin().await?;
    let group = store::insert(&transaction, *id, &name, new.abandon.as_ref(), user).await?;
    let mut queued = Vec::with_capacity(n);
    for (trial, run, needs) in checked {
        let (job, run) = routes::queue_run(&transaction, *id, run, needs, user).await?;
        store::add(&transaction, group, run, trial).await?;
        queued.push(job);
    }
    transaction.commit().await?;
    for job in queued {
        app.jobs.wake(jobs::Slot::Train, job);
    }
    Ok(HttpResponse::Created()
        .insert_header(("Location", format!("/api/v1/groups/{group}")))
        .json(answer(&app, group).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListGroups {
    /// At most so many, 100 unless told otherwise, up to 1,000.
    limit: Option<u64>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Groups of a project, newest first.
#[utoipa::path(tag = "runs", params(("id" = i64, Path, description = "project"), ListGroups),
    responses((status = 200, body = GroupList)))]
#[get("/projects/{id}/groups")]
async fn list_groups(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<ListGroups>,
) -> Result<web::Json<GroupList>, ApiError> {
    caller.in_project(&app, *id, Role::Viewer).await?;
    let before = paging::number(query.cursor.as_deref())?;
    let limit = paging::limit(query.limit, 100, 1_000);
    let mut groups = store::list(app.db.read(), *id, before, limit + 1).await?;
    let next = paging::cut(&mut groups, limit, |group| group.id);
    Ok(web::Json(GroupList { groups, next }))
}

/// A group with its runs, and mean and standard deviation of its trials over their seeds.
#[utoipa::path(tag = "runs", params(("id" = i64, Path)), responses((status = 200, body = GroupAnswer)))]
#[get("/groups/{id}")]
async fn show_group(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
) -> Result<web::Json<GroupAnswer>, ApiError> {
    let group = store::find(app.db.read(), *id)
        .await?
        .ok_or_else(|| not_found(*id))?;
    match caller.in_project(&app, group.project, Role::Viewer).await {
        Err(error) if error.code() == Code::ProjectNotFound => Err(not_found(*id)),
        Err(error) => Err(error),
        Ok(_) => Ok(web::Json(answer(&app, *id).await?)),
    }
}

fn not_found(id: i64) -> ApiError {
    ApiError::new(
        Code::GroupNotFound,
        format!("there is no group {id} for you"),
    )
}

async fn answer(app: &App, id: i64) -> Result<GroupAnswer, ApiError> {
    let group = store::find(app.db.read(), id)
        .await?
        .ok_or_else(|| not_found(id))?;
    let members = store::runs(app.db.read(), id).await?;
    let trials = summarize(&members);
    Ok(GroupAnswer {
        group,
        trials,
        runs: members.into_iter().map(|(_, run)| run).collect(),
    })
}

/// What each trial asks for, with the position of its entry.
fn trials(new: &NewGroup) -> Result<Vec<(usize, NewRun)>, ApiError> {
    if new.entries.is_empty() {
        return Err(ApiError::field(
            "/entries",
            "it is empty, expected a method at least",
        ));
    }
    let mut trials = Vec::new();
    for (position, entry) in new.entries.iter().enumerate() {
        let field = |rest: &str| format!("/entries/{position}{rest}");
        let mut combinations = vec![Map::new()];
        for (key, values) in &entry.grid {
            if values.is_empty() {
                return Err(ApiError::field(
                    &field(&format!("/grid/{key}")),
                    "it has no values",
                ));
            }
            combinations = combinations
                .iter()
                .flat_map(|so_far| {
                    values
                        .iter()
                        .map(move |value| with(so_far, key, value.clone()))
                })
                .collect();
            if combinations.len() > MAX_RUNS {
                break;
            }
        }
        if let Some(random) = &entry.random {
            if random.trials == 0 || random.trials as usize > MAX_RUNS {
                let message = format!("found {}, expected 1 to {MAX_RUNS}", random.trials);
                return Err(ApiError::field(&field("/random/trials"), message));
            }
            let mut noise = ChaCha8Rng::seed_from_u64(random.seed);
            let mut drawn = Vec::new();
            for so_far in &combinations {
                for _ in 0..random.trials {
                    let mut values = so_far.clone();
                    for (key, range) in &random.space {
                        let place = field(&format!("/random/space/{key}"));
                        values.insert(key.clone(), draw(range, &mut noise, &place)?);
                    }
                    drawn.push(values);
                }
            }
            combinations = drawn;
        }
        trials.extend(
            combinations
                .into_iter()
                .map(|varied| (position, wanted(new, entry, varied))),
        );
    }
    Ok(trials)
}

fn with(so_far: &Map<String, Value>, key: &str, value: Value) -> Map<String, Value> {
    let mut more = so_far.clone();
    more.insert(key.to_owned(), value);
    more
}

fn wanted(new: &NewGroup, entry: &GroupEntry, varied: Map<String, Value>) -> NewRun {
    let mut hyperparameters = entry.hyperparameters.clone();
    hyperparameters.extend(varied);
    NewRun {
        method: entry.method.clone(),
        preset: entry.preset.clone(),
        hyperparameters,
        corpus: new.corpus,
        taxonomy: new.taxonomy,
        encoder: entry.encoder.clone(),
        word_vectors: entry.word_vectors,
        seed: None,
        device: new.device.clone(),
        priority: None,
        after: Vec::new(),
    }
}

fn draw(range: &Range, noise: &mut ChaCha8Rng, field: &str) -> Result<Value, ApiError> {
    match range {
        Range::Values { values } if values.is_empty() => {
            Err(ApiError::field(field, "it has no values"))
        }
        Range::Values { values } => Ok(values[noise.random_range(0..values.len())].clone()),
        Range::Between {
            min,
            max,
            log,
            integer,
        } => {
            let is_range = min.is_finite() && max.is_finite() && min <= max;
            if !is_range || (*log && *min <= 0.0) {
                let message = format!(
                    "found {min} to {max}, expected a least and a greatest number{}",
                    if *log { " above 0" } else { "" }
                );
                return Err(ApiError::field(field, message));
            }
            let share: f64 = noise.random();
            let drawn = if *log {
                (min.ln() + share * (max.ln() - min.ln())).exp()
            } else {
                min + share * (max - min)
            };
            if *integer {
                return Ok(Value::from(drawn.round().clamp(*min, *max) as i64));
            }
            Ok(Value::from(rounded(drawn).clamp(*min, *max)))
        }
    }
}

/// To so many digits that count.
fn rounded(value: f64) -> f64 {
    if value == 0.0 {
        return value;
    }
    let unit = 10_f64.powi(DIGITS - 1 - value.abs().log10().floor() as i32);
    (value * unit).round() / unit
}

/// One of the headline figures.
type Figure = fn(&Headline) -> f64;

/// Trials in their order, with the figures of their runs that have succeeded.
fn summarize(members: &[(u32, Run)]) -> Vec<Trial> {
    let mut by_trial: BTreeMap<u32, Vec<&Run>> = BTreeMap::new();
    for (trial, run) in members {
        by_trial.entry(*trial).or_default().push(run);
    }
    let trials = by_trial.iter().map(|(&trial, runs)| {
        let first = runs[0];
        let done: Vec<Headline> = runs
            .iter()
            .filter(|run| run.status == JobStatus::Succeeded)
            .filter_map(|run| run.test.or(run.validation))
            .collect();
        let spread =
            |value: fn(&Headline) -> f64| Spread::of(&done.iter().map(value).collect::<Vec<_>>());
        let figures: [(&str, Figure); 4] = [
            ("micro_f1", |it| it.micro_f1),
            ("macro_f1", |it| it.macro_f1),
            ("hierarchical_f1", |it| it.hierarchical_f1),
            ("exact_match", |it| it.exact_match),
        ];
        Trial {
            trial,
            method: first.method.clone(),
            preset: first.preset.clone(),
            varied: varied(first, members),
            runs: runs.iter().map(|run| run.id).collect(),
            n_succeeded: done.len() as u64,
            figures: figures
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), spread(value)?)))
                .collect(),
        }
    });
    trials.collect()
}

/// Hyperparameters of a run in which others of its method and preset differ.
fn varied(run: &Run, members: &[(u32, Run)]) -> Map<String, Value> {
    let alike = || {
        members
            .iter()
            .map(|(_, other)| other)
            .filter(|other| other.method == run.method && other.preset == run.preset)
    };
    let differs = |key: &str, value: &Value| {
        alike().any(|other| other.hyperparameters.get(key) != Some(value))
    };
    let values = run
        .hyperparameters
        .iter()
        .filter(|(key, value)| differs(key, value));
    values
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// What decides whether a run of a group is given up.
pub(super) struct Rule {
    group: i64,
    trial: i64,
    rule: MedianRule,
}

pub(super) async fn rule(app: &App, run: i64) -> Result<Option<Rule>, DbErr> {
    let found = store::rule_of(app.db.read(), run).await?;
    Ok(found.map(|(group, trial, rule)| Rule { group, trial, rule }))
}

/// Why the run should be given up after these epochs, if it should.
pub(super) async fn is_hopeless(
    app: &App,
    run: i64,
    rule: &Rule,
    epochs: &[Epoch],
) -> Result<Option<String>, DbErr> {
    let Some(last) = epochs.last() else {
        return Ok(None);
    };
    if last.epoch < rule.rule.after_epochs {
        return Ok(None);
    }
    let others = store::other_epochs(app.db.read(), rule.group, rule.trial, last.epoch).await?;
    let mut by_run: BTreeMap<i64, Vec<Epoch>> = BTreeMap::new();
    for (run, epoch) in others {
        by_run.entry(run).or_default().push(epoch);
    }
    let why = judge(&rule.rule, epochs, by_run.values().map(Vec::as_slice));
    if let Some(why) = &why {
        tracing::info!(run, why, "gives up a trial");
    }
    Ok(why)
}

/// The median rule: below the median of what others had reached by the same epoch.
fn judge<'a>(
    rule: &MedianRule,
    epochs: &[Epoch],
    others: impl Iterator<Item = &'a [Epoch]>,
) -> Option<String> {
    let last = epochs.last()?.epoch;
    let best = |epochs: &[Epoch]| {
        let scores = epochs
            .iter()
            .filter_map(|epoch| epoch.validation.get(&rule.metric));
        scores.copied().max_by(f64::total_cmp)
    };
    let mut reached: Vec<f64> = others
        .filter(|other| other.last().is_some_and(|epoch| epoch.epoch >= last))
        .filter_map(best)
        .collect();
    if reached.len() < (rule.least_trials as usize).max(1) {
        return None;
    }
    reached.sort_by(f64::total_cmp);
    let n = reached.len();
    let median = (reached[(n - 1) / 2] + reached[n / 2]) / 2.0;
    let own = best(epochs)?;
    (own < median).then(|| {
        format!(
            "given up after epoch {last}: its best {} on validation is {own:.4}, below {median:.4}, the median of {n} other trials by then",
            rule.metric
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn group(entries: Value) -> NewGroup {
        serde_json::from_value(json!({"corpus": 1, "taxonomy": 2, "entries": entries})).unwrap()
    }

    #[test]
    fn a_grid_is_every_combination() {
        let new = group(json!([
            {"method": "a", "hyperparameters": {"x": 9}, "grid": {"y": [1, 2], "z": ["p", "q"]}},
            {"method": "b"}
        ]));
        let found: Vec<Value> = trials(&new)
            .unwrap()
            .into_iter()
            .map(|(entry, run)| json!([entry, run.hyperparameters]))
            .collect();
        assert_eq!(
            found,
            [
                json!([0, {"x": 9, "y": 1, "z": "p"}]),
                json!([0, {"x": 9, "y": 1, "z": "q"}]),
                json!([0, {"x": 9, "y": 2, "z": "p"}]),
                json!([0, {"x": 9, "y": 2, "z": "q"}]),
                json!([1, {}]),
            ]
        );
        let error = trials(&group(json!([{"method": "a", "grid": {"y": []}}]))).unwrap_err();
        assert!(
            format!("{error:?}").contains("/entries/0/grid/y"),
            "{error:?}"
        );
    }

    #[test]
    fn a_seed_draws_the_same_trials_within_their_ranges() {
        let entry = |seed: u64| {
            group(
                json!([{"method": "a", "random": {"trials": 50, "seed": seed, "space": {
                    "rate": {"min": 1e-5, "max": 1e-2, "log": true},
                    "size": {"min": 3, "max": 5, "integer": true},
                    "kind": {"values": ["p", "q"]}
                }}}]),
            )
        };
        let drawn = trials(&entry(7)).unwrap();
        assert_eq!(drawn, trials(&entry(7)).unwrap());
        assert_ne!(drawn, trials(&entry(8)).unwrap());
        assert_eq!(drawn.len(), 50);
        let mut small = 0;
        for (_, run) in &drawn {
            let rate = run.hyperparameters["rate"].as_f64().unwrap();
            assert!((1e-5..=1e-2).contains(&rate));
            small += usize::from(rate < 1e-4);
            assert!((3..=5).contains(&run.hyperparameters["size"].as_i64().unwrap()));
        }
        // Evenly by logarithm: a third in each power of ten.
        assert!((8..=25).contains(&small), "{small}");
        let wrong = group(
            json!([{"method": "a", "random": {"trials": 1, "space": {"x": {"min": 2, "max": 1}}}}]),
        );
        assert!(trials(&wrong).is_err());
    }

    fn epochs(scores: &[f64]) -> Vec<Epoch> {
        let epoch = |(number, score): (u32, &f64)| Epoch {
            epoch: number,
            step: 0,
            losses: BTreeMap::new(),
            validation: [("macro_f1".to_owned(), *score)].into(),
            learning_rate: 0.0,
            documents_per_second: 0.0,
            seconds: 0.0,
            peak_memory_bytes: 0,
            selected: false,
        };
        (1..).zip(scores).map(epoch).collect()
    }

    #[test]
    fn trials_below_the_median_are_given_up() {
        let rule: MedianRule = serde_json::from_value(json!({})).unwrap();
        let check = |own: &[f64], others: &[&[f64]]| {
            let others: Vec<Vec<Epoch>> = others.iter().map(|scores| epochs(scores)).collect();
            judge(&rule, &epochs(own), others.iter().map(Vec::as_slice)).is_some()
        };
        let others: [&[f64]; 3] = [&[0.1, 0.2], &[0.5, 0.4], &[0.6, 0.7]];
        // The median by the second epoch is the best of the one in the middle, 0.5.
        assert!(check(&[0.3, 0.49], &others));
        assert!(!check(&[0.3, 0.5], &others));
        assert!(!check(&[0.6, 0.1], &others), "its best counts");
        assert!(!check(&[0.0, 0.0], &others[..2]), "too few others");
        assert!(!check(&[0.0, 0.0, 0.0], &others), "nobody has come as far");
    }
}
