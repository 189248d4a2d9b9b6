//! Long work as a bar: step, count, rate, time left, and a way to stop it.

use std::rc::Rc;

use arborist_shared::api::jobs::{Job, JobStatus};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::button::{Button, Variant};
use super::toast::{Toast, ToastKind, use_toaster};
use super::{Icon, StatusChip};
use crate::api;
use crate::format;
use crate::model::progress::{Pace, describe, fraction};

#[derive(PartialEq, Properties)]
pub struct JobBarProps {
    pub job: Rc<Job>,
    /// Title and status stand elsewhere.
    #[prop_or_default]
    pub bare: bool,
    /// After a cancel was asked for.
    #[prop_or_default]
    pub oncancel: Callback<()>,
}

/// A job with its progress.
#[component]
pub fn JobBar(props: &JobBarProps) -> Html {
    let job = &props.job;
    let pace = use_mut_ref(Pace::default);
    let cancelling = use_state_eq(|| false);
    let toaster = use_toaster();
    use_memo((job.id, job.progress.clone()), {
        let pace = pace.clone();
        move |(_, steps)| pace.borrow_mut().see(js_sys::Date::now(), steps)
    });

    let share = if job.status == JobStatus::Succeeded {
        Some(1.0)
    } else {
        fraction(&job.progress)
    };
    let is_active = !job.status.is_final();
    let mut facts = Vec::new();
    if is_active {
        let pace = pace.borrow();
        if let Some(per_second) = pace.per_second() {
            let unit = job
                .progress
                .iter()
                .rev()
                .find(|step| step.total > 0 || step.current > 0)
                .map(|step| step.name.replace('_', " "));
            facts.push(format::rate(per_second, unit.as_deref().unwrap_or("steps")));
        }
        if let Some(left) = pace.seconds_left() {
            facts.push(format!("{} left", format::duration(left.max(1.0).ceil())));
        }
    }
    let description = match job.status {
        JobStatus::Queued => "Waiting for a free place".to_owned(),
        JobStatus::Running if job.progress.is_empty() => "Starting".to_owned(),
        JobStatus::Running => describe(&job.progress),
        JobStatus::Succeeded | JobStatus::Failed => String::new(),
        JobStatus::Cancelled => "Stopped before its end".to_owned(),
    };
    let cancel = {
        let (id, cancelling, toaster, after) =
            (job.id, cancelling.clone(), toaster, props.oncancel.clone());
        Callback::from(move |_: MouseEvent| {
            cancelling.set(true);
            let (cancelling, toaster, after) = (cancelling.clone(), toaster.clone(), after.clone());
            spawn_local(async move {
                match api::cancel_job(id).await {
                    Ok(()) => after.emit(()),
                    Err(error) => {
                        cancelling.set(false);
                        toaster.show(
                            Toast::new(ToastKind::Danger, "The job could not be cancelled")
                                .text(error.advice()),
                        );
                    }
                }
            });
        })
    };
    let percent = share.map(|share| (share * 100.0).round().clamp(0.0, 100.0));
    html! {
        <div class="ab-job" data-testid={format!("job-{}", job.id)}>
            if !props.bare {
                <div class="ab-job__head">
                    <span class="ab-job__title">{ if job.title.is_empty() { format::words(&job.kind) } else { job.title.clone() } }</span>
                    <StatusChip status={job.status} />
                </div>
            }
            if is_active {
                <div class="ab-job__row">
                    <div
                        class={classes!("ab-bar", (percent.is_none() && job.status == JobStatus::Running).then_some("ab-bar--unknown"))}
                        role="progressbar"
                        aria-label={description.clone()}
                        aria-valuemin="0"
                        aria-valuemax="100"
                        aria-valuenow={percent.map(|percent| percent.to_string())}
                    >
                        <span class="ab-bar__fill" style={fill(percent, job.status)} />
                    </div>
                    if let Some(percent) = percent { <span class="ab-job__percent">{ format!("{percent}%") }</span> }
                    <Button label={if *cancelling { "Stopping" } else { "Cancel" }} icon={Icon::Stop} small=true variant={Variant::Plain} testid={format!("job-{}-cancel", job.id)} disabled={*cancelling} onclick={cancel} />
                </div>
            }
            if !description.is_empty() && (is_active || !props.bare) {
                <p class="ab-job__text"><span>{ description }</span>
                    for (index, fact) in facts.iter().enumerate() { <span key={index}>{ fact }</span> }
                </p>
            }
            if let Some(error) = &job.error {
                <div class="ab-job__error" role="alert">{ log_text(error) }</div>
            }
        </div>
    }
}

/// Width of the bar; none lets it wander while nothing is known.
fn fill(percent: Option<f64>, status: JobStatus) -> Option<String> {
    match (percent, status) {
        (Some(percent), _) => Some(format!("inline-size: {percent}%")),
        (None, JobStatus::Queued) => Some("inline-size: 0".into()),
        (None, _) => None,
    }
}

/// The first line says what happened; what follows is the log's tail, folded.
pub fn log_text(error: &str) -> Html {
    let (first, rest) = error.split_once('\n').unwrap_or((error, ""));
    html! {
        <>
            <p>{ api::sentence(first) }</p>
            if !rest.trim().is_empty() {
                <details class="ab-fold"><summary>{ "Last lines of the log" }</summary><pre class="ab-log" tabindex="0">{ rest.trim_end() }</pre></details>
            }
        </>
    }
}
