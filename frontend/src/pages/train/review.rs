//! What will start, what it needs, and the button that starts it.

use std::rc::Rc;

use arborist_shared::api::corpora::Corpus;
use arborist_shared::api::runs::NewRun;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;
use yew_router::prelude::*;

use super::{Known, cost};
use crate::api::{self, ApiError};
use crate::components::toast::{Toast, ToastKind, use_toaster};
use crate::components::{Button, Failure, Icon, Notice, NoticeKind, Variant};
use crate::format;
use crate::hooks::{use_debounced, use_query};
use crate::model::schema_form::written;
use crate::model::train_form::TrainForm;
use crate::route::Route;
use crate::shell::use_jobs;

#[derive(PartialEq, Properties)]
pub struct ReviewProps {
    pub project: i64,
    pub known: Rc<Known>,
    pub form: TrainForm,
    pub corpus: Corpus,
}

/// A run that was not taken, and why.
#[derive(Clone, PartialEq)]
struct Refused {
    run: String,
    error: ApiError,
}

#[component]
pub fn Review(props: &ReviewProps) -> Html {
    let busy = use_state_eq(|| false);
    let refused = use_state(Vec::<Refused>::new);
    let navigator = use_navigator();
    let toaster = use_toaster();
    let jobs = use_jobs();
    let project = props.project;
    let problems = props.form.problems(&props.known.plugins.methods);
    let requests = if problems.is_empty() {
        props
            .form
            .requests(&props.known.plugins.methods, &props.corpus)
    } else {
        Vec::new()
    };
    let count = requests.len();
    // Seeds cost the same: each kind of run is asked about once.
    let mut kinds: Vec<NewRun> = Vec::new();
    for request in &requests {
        let kind = kind(request);
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let asked = use_debounced(kinds, 300);
    let costs = use_query((project, asked), |(project, asked)| async move {
        let mut costs = Vec::new();
        for run in asked {
            // Starting the run says what is wrong with it; here only the cost stays away.
            let cost = api::estimate(project, &run).await.ok();
            costs.push((run, cost));
        }
        Ok(costs)
    })
    .data();
    let cost_of = |request: &NewRun| {
        let kind = kind(request);
        costs
            .as_ref()?
            .iter()
            .find(|(run, _)| *run == kind)?
            .1
            .as_ref()
    };
    let total = cost::total(requests.iter().map(cost_of));

    let start = {
        let (requests, busy, refused) = (requests.clone(), busy.clone(), refused.clone());
        Callback::from(move |_: MouseEvent| {
            let (requests, busy, refused) = (requests.clone(), busy.clone(), refused.clone());
            let (navigator, toaster, refresh) =
                (navigator.clone(), toaster.clone(), jobs.refresh.clone());
            busy.set(true);
            refused.set(Vec::new());
            spawn_local(async move {
                let mut failed = Vec::new();
                let mut started = 0_u64;
                for request in &requests {
                    match api::start_run(project, request).await {
                        Ok(_) => started += 1,
                        Err(error) => failed.push(Refused {
                            run: describe(request),
                            error,
                        }),
                    }
                }
                busy.set(false);
                refresh.emit(());
                if started > 0 {
                    let words = format!("{} queued", format::counted(started, "run", "runs"));
                    let mut toast = Toast::new(ToastKind::Success, words);
                    if !failed.is_empty() {
                        toast = toast.link("See the runs", Route::Runs { project });
                    }
                    toaster.show(toast);
                }
                if failed.is_empty() {
                    if let Some(navigator) = navigator {
                        navigator.push(&Route::Runs { project });
                    }
                } else {
                    refused.set(failed);
                }
            });
        })
    };
    html! {
        <aside class="ab-review" aria-label="Review" data-testid="train-review">
            <h2 class="ab-review__title">{ "Review" }</h2>
            if requests.is_empty() {
                <p class="ab-muted">{ problems.first().map(|(_, _, message)| message.clone()).unwrap_or_else(|| "Pick at least one method.".into()) }</p>
                if problems.len() > 1 { <p class="ab-muted">{ format!("And {} more to mend.", problems.len() - 1) }</p> }
            } else {
                <ul class="ab-review__list">
                    for (index, request) in requests.iter().enumerate() {
                        <li key={index} data-testid="review-run">
                            <strong>{ title(&props.known, &request.method) }</strong>
                            <span>{ format!("{} · seed {}", request.preset.clone().unwrap_or_default(), request.seed.unwrap_or_default()) }</span>
                            if !request.hyperparameters.is_empty() {
                                <span class="ab-review__changes">{ request.hyperparameters.iter().map(|(key, value)| format!("{} {}", key.replace('_', " "), written(value))).collect::<Vec<_>>().join(", ") }</span>
                            }
                            if let Some(cost) = cost_of(request) { <span class="ab-review__changes" title={cost::whence(cost)} data-testid="review-cost">{ cost::words(cost) }</span> }
                        </li>
                    }
                </ul>
                if let Some(total) = total { { altogether(count, &total) } }
                <p class="ab-muted">{ format!("On version {} of the corpus: {} to learn from, {} to measure on.", props.corpus.version, format::counted(props.corpus.n_train, "document", "documents"), format::count(props.corpus.n_test)) }</p>
            }
            for one in refused.iter() {
                <div key={one.run.clone()}><p class="ab-review__refused">{ format!("{} was not taken", one.run) }</p><Failure error={one.error.clone()} compact=true /></div>
            }
            <Button
                label={match count { 0 => "Start training".to_owned(), _ => format!("Start {}", format::counted(count as u64, "run", "runs")) }}
                variant={Variant::Primary} icon={Icon::Train} block=true busy={*busy} disabled={count == 0} testid="start-training" onclick={start}
            />
        </aside>
    }
}

/// A run but for its seed.
fn kind(request: &NewRun) -> NewRun {
    NewRun {
        seed: None,
        ..request.clone()
    }
}

fn altogether(count: usize, total: &cost::Total) -> Html {
    let memory = format::bytes(total.memory_bytes);
    let there = total
        .memory_available_bytes
        .map(|bytes| format!(" of {}", format::bytes(bytes)))
        .unwrap_or_default();
    html! {
        <>
            <dl class="ab-review__total" data-testid="review-total">
                <div><dt>{ "Runs" }</dt><dd>{ count }</dd></div>
                <div><dt>{ "Time" }</dt><dd>{ total.seconds.map_or_else(|| "not known yet".to_owned(), cost::about) }</dd></div>
                <div><dt>{ "Memory" }</dt><dd>{ format!("{memory}{there}") }</dd></div>
            </dl>
            if !total.fits {
                <Notice kind={NoticeKind::Warning} title="More memory than the server has" testid="review-unfit"><p>{ "Such a run would be refused. A smaller preset, or smaller batches, needs less." }</p></Notice>
            }
        </>
    }
}

fn title(known: &Known, method: &str) -> String {
    known
        .plugins
        .methods
        .iter()
        .find(|plugin| plugin.name == method)
        .map_or_else(|| method.to_owned(), |plugin| plugin.manifest.title.clone())
}

fn describe(request: &NewRun) -> String {
    format!(
        "{} with seed {}",
        request.method,
        request.seed.unwrap_or_default()
    )
}
