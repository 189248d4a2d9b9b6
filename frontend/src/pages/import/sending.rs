//! Sending a file and following the job that reads it.

use std::rc::Rc;

use arborist_shared::api::jobs::{Accepted, Job, JobStatus};
use web_sys::Blob;
use yew::prelude::*;

use crate::api::{self, ApiError, Sent, Upload};
use crate::components::{Button, Failure, Icon, JobBar, Lines, Panel};
use crate::format;
use crate::hooks::use_job_feed;
use crate::model::progress::Pace;
use crate::shell::use_jobs;

#[derive(PartialEq, Properties)]
pub struct SendingProps {
    pub address: String,
    pub body: Blob,
    pub name: String,
    pub ondone: Callback<Accepted>,
    pub onback: Callback<()>,
}

/// An upload with its bytes. It starts when it appears.
#[component]
pub fn Sending(props: &SendingProps) -> Html {
    let sent = use_state_eq(Sent::default);
    let error = use_state(|| None::<ApiError>);
    let upload = use_state(|| None::<Upload>);
    let turn = use_state_eq(|| 0_u32);
    let pace = use_mut_ref(Pace::default);
    let jobs = use_jobs();
    {
        let (sent, error, upload) = (sent.setter(), error.setter(), upload.setter());
        let (address, body, ondone, refresh) = (
            props.address.clone(),
            props.body.clone(),
            props.ondone.clone(),
            jobs.refresh.clone(),
        );
        use_effect_with(*turn, move |_| {
            error.set(None);
            let progress = Callback::from(move |state: Sent| sent.set(state));
            let done = {
                let error = error.clone();
                Callback::from(move |answer: api::Answer<Accepted>| match answer {
                    Ok(accepted) => {
                        refresh.emit(());
                        ondone.emit(accepted);
                    }
                    Err(problem) => error.set(Some(problem)),
                })
            };
            match api::upload(&address, &body, progress, done) {
                Ok(started) => upload.set(Some(started)),
                Err(problem) => error.set(Some(problem)),
            }
        });
    }
    let total = props.body.size();
    let share = if total > 0.0 {
        (sent.bytes / total).clamp(0.0, 1.0)
    } else {
        0.0
    };
    pace.borrow_mut().see(
        js_sys::Date::now(),
        &[arborist_shared::run::ProgressStep {
            name: "bytes".into(),
            current: sent.bytes as u64,
            total: total as u64,
        }],
    );
    let percent = (share * 100.0).round();
    let stop = {
        let upload = upload.clone();
        Callback::from(move |_: MouseEvent| {
            if let Some(upload) = &*upload {
                upload.abort();
            }
        })
    };
    let again = {
        let turn = turn.clone();
        Callback::from(move |()| turn.set(*turn + 1))
    };
    html! {
        <Panel title="Sending">
            if let Some(error) = &*error {
                <Failure error={error.clone()} retry={again} />
                <div class="ab-form__actions"><Button label="Choose another file" onclick={props.onback.reform(|_| ())} testid="upload-back" /></div>
            } else {
                <div class="ab-job" data-testid="upload">
                    <p class="ab-job__title" dir="auto">{ &props.name }</p>
                    <div class="ab-job__row">
                        <div class="ab-bar" role="progressbar" aria-label="Sending" aria-valuemin="0" aria-valuemax="100" aria-valuenow={percent.to_string()}>
                            <span class="ab-bar__fill" style={format!("inline-size: {percent}%")} />
                        </div>
                        <span class="ab-job__percent">{ format!("{percent}%") }</span>
                        <Button label="Stop" icon={Icon::Stop} small=true testid="upload-stop" onclick={stop} />
                    </div>
                    <p class="ab-job__text">
                        <span>{ format!("{} of {}", format::bytes(sent.bytes as u64), format::bytes(total as u64)) }</span>
                        if let Some(rate) = pace.borrow().per_second() { <span>{ format!("{}/s", format::bytes(rate as u64)) }</span> }
                        if let Some(left) = pace.borrow().seconds_left() { <span>{ format!("{} left", format::duration(left.max(1.0))) }</span> }
                        if percent >= 100.0 { <span>{ "Waiting for the server" }</span> }
                    </p>
                </div>
            }
        </Panel>
    }
}

#[derive(PartialEq, Properties)]
pub struct FollowingProps {
    pub job: i64,
    /// Draws what the finished job made.
    pub done: Callback<Rc<Job>, Html>,
    pub onback: Callback<()>,
}

/// The job of an upload until it ends, then its result.
#[component]
pub fn Following(props: &FollowingProps) -> Html {
    let feed = use_job_feed(Some(props.job), Callback::noop());
    let jobs = use_jobs();
    let status = feed.job.as_ref().map(|job| job.status);
    {
        let refresh = jobs.refresh.clone();
        use_effect_with(status, move |_| refresh.emit(()));
    }
    match (&feed.job, &feed.error) {
        (Some(job), _) if job.status == JobStatus::Succeeded => props.done.emit(job.clone()),
        (Some(job), _) if job.status.is_final() => html! {
            <Panel title="The import did not go through">
                <JobBar job={job.clone()} />
                <div class="ab-form__actions"><Button label="Choose another file" onclick={props.onback.reform(|_| ())} testid="import-again" /></div>
            </Panel>
        },
        (Some(job), _) => html! {
            <Panel title="Reading">
                <JobBar job={job.clone()} />
                <p class="ab-muted">{ "You can leave this page; the import goes on." }</p>
            </Panel>
        },
        (None, Some(error)) => {
            html! { <Failure error={error.clone()} retry={props.onback.clone()} /> }
        }
        (None, None) => html! { <Panel title="Reading"><Lines count={3} /></Panel> },
    }
}
