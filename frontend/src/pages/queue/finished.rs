//! Jobs that ended last: how, why, and what to do next.

use arborist_shared::api::jobs::JobStatus;
use arborist_shared::api::queue::{Cause, QueueJob};
use yew::prelude::*;

use super::{Name, use_action};
use crate::api;
use crate::components::job_bar::log_text;
use crate::components::{Ago, Button, Icon, RouteLink, StatusChip, Variant};
use crate::route::Route;

#[derive(PartialEq, Properties)]
pub struct FinishedProps {
    pub project: i64,
    pub jobs: Vec<QueueJob>,
    pub onlog: Callback<Option<i64>>,
}

#[component]
pub fn Finished(props: &FinishedProps) -> Html {
    let action = use_action();
    let project = props.project;
    let item = |job: &QueueJob| {
        let id = job.job.id;
        let may_retry =
            job.run.is_some() && matches!(job.job.status, JobStatus::Failed | JobStatus::Cancelled);
        let retry = {
            let action = action.clone();
            Callback::from(move |_: MouseEvent| {
                action.ask("The job could not be queued again", api::retry_job(id));
            })
        };
        html! {
            <li key={id} class="ab-queue__item" data-testid={format!("ended-{id}")}>
                <div class="ab-queue__head">
                    <StatusChip status={job.job.status} />
                    <Name {project} job={job.clone()} />
                    <span class="ab-queue__facts">if let Some(at) = &job.job.finished_at { <Ago at={at.clone()} /> }</span>
                    if let Some(run) = job.run {
                        <Button label="Log" icon={Icon::Corpus} small=true variant={Variant::Plain} testid={format!("log-{run}")} onclick={props.onlog.reform(move |_: MouseEvent| Some(run))} />
                        <RouteLink to={Route::Train { project }} query={vec![("clone".to_owned(), run.to_string())]} icon={Icon::Copy} testid={format!("clone-{run}")}>{ "Clone with changes" }</RouteLink>
                    }
                    if may_retry { <Button label="Retry" icon={Icon::Refresh} small=true variant={Variant::Plain} testid={format!("retry-{id}")} onclick={retry} /> }
                </div>
                if let Some(cause) = job.cause { <p class="ab-queue__reason">{ word(cause) }</p> }
                if let Some(error) = &job.job.error { <div class="ab-queue__error">{ log_text(error) }</div> }
            </li>
        }
    };
    html! { <ul class="ab-queue">{ for props.jobs.iter().map(item) }</ul> }
}

/// Why a job ended, and what that means for another try.
fn word(cause: Cause) -> &'static str {
    match cause {
        Cause::OutOfMemory => {
            "Memory ran out. Take a smaller model or shorter texts, or a device with more memory."
        }
        Cause::LostWorker => {
            "Its worker was killed again and again. Another try goes on from the last checkpoint."
        }
        Cause::Refused => {
            "The method cannot work with these settings or documents. Clone it and change them."
        }
        Cause::Crashed => "A library crashed. Another try would most likely do the same.",
        Cause::Panicked => "The method has a fault. Another try would most likely do the same.",
        Cause::Failed => "It failed.",
        Cause::NeededJob => "A job that it needs did not succeed.",
        Cause::Hopeless => "Given up early, because other trials of its group do better.",
    }
}
