//! Sending a file and following the job that reads it.

use std::rc::Rc;

use arborist_shared::api::jobs::{Accepted, Job, JobStatus};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::api::{self, ApiError, Course, Parcel, Pieces, Sent, Upload};
use crate::components::{Button, Failure, Icon, JobBar, Lines, Panel};
use crate::format;
use crate::hooks::use_job_feed;
use crate::model::progress::Pace;
use crate::shell::use_jobs;

#[derive(PartialEq, Properties)]
pub struct SendingProps {
    pub address: String,
    pub parcel: Parcel,
    pub ondone: Callback<Accepted>,
    pub onback: Callback<()>,
}

/// What is under way: small files leave at once, large ones in pieces.
#[derive(Clone, PartialEq)]
enum Transfer {
    Whole(Upload),
    Pieces(Pieces),
}

/// An upload with its bytes. It starts when it appears.
#[component]
pub fn Sending(props: &SendingProps) -> Html {
    let course = use_state_eq(|| Course::Sent(Sent::default()));
    let error = use_state(|| None::<ApiError>);
    let transfer = use_state(|| None::<Transfer>);
    let turn = use_state_eq(|| 0_u32);
    let bytes = use_mut_ref(f64::default);
    let pace = use_mut_ref(Pace::default);
    let jobs = use_jobs();
    {
        let (course, error, transfer) = (course.setter(), error.setter(), transfer.setter());
        let (address, parcel, ondone, refresh) = (
            props.address.clone(),
            props.parcel.clone(),
            props.ondone.clone(),
            jobs.refresh.clone(),
        );
        use_effect_with(*turn, move |_| {
            error.set(None);
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
            if parcel.body.size() > api::PIECE {
                let done = Callback::from(move |sent: api::Answer<String>| {
                    let (address, done) = (address.clone(), done.clone());
                    spawn_local(async move {
                        done.emit(match sent {
                            Ok(upload) => api::import_sent(&address, &upload).await,
                            Err(problem) => Err(problem),
                        });
                    });
                });
                let progress = Callback::from(move |state: Course| course.set(state));
                transfer.set(Some(Transfer::Pieces(Pieces::start(
                    parcel, progress, done,
                ))));
                return;
            }
            let progress = Callback::from(move |state: Sent| course.set(Course::Sent(state)));
            match api::upload(&address, &parcel.body, progress, done) {
                Ok(started) => transfer.set(Some(Transfer::Whole(started))),
                Err(problem) => error.set(Some(problem)),
            }
        });
    }
    let total = props.parcel.body.size();
    if let Course::Sent(sent) = &*course {
        *bytes.borrow_mut() = sent.bytes;
        pace.borrow_mut().see(
            js_sys::Date::now(),
            &[arborist_shared::run::ProgressStep {
                name: "bytes".into(),
                current: sent.bytes as u64,
                total: total as u64,
            }],
        );
    }
    let bytes = *bytes.borrow();
    let share = if total > 0.0 {
        (bytes / total).clamp(0.0, 1.0)
    } else {
        0.0
    };
    let percent = (share * 100.0).round();
    let is_paused = matches!(*course, Course::Paused);
    let stop = {
        let transfer = transfer.clone();
        Callback::from(move |_: MouseEvent| match &*transfer {
            Some(Transfer::Whole(upload)) => upload.abort(),
            Some(Transfer::Pieces(pieces)) => pieces.stop(),
            None => {}
        })
    };
    let pause = match &*transfer {
        Some(Transfer::Pieces(pieces)) if percent < 100.0 => {
            let pieces = pieces.clone();
            let onclick = Callback::from(move |_: MouseEvent| {
                if is_paused {
                    pieces.go_on();
                } else {
                    pieces.pause();
                }
            });
            let label = if is_paused { "Continue" } else { "Pause" };
            html! { <Button {label} small=true testid="upload-pause" {onclick} /> }
        }
        _ => Html::default(),
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
                    <p class="ab-job__title" dir="auto">{ &props.parcel.name }</p>
                    <div class="ab-job__row">
                        <div class="ab-bar" role="progressbar" aria-label="Sending" aria-valuemin="0" aria-valuemax="100" aria-valuenow={percent.to_string()}>
                            <span class="ab-bar__fill" style={format!("inline-size: {percent}%")} />
                        </div>
                        <span class="ab-job__percent">{ format!("{percent}%") }</span>
                        { pause }
                        <Button label="Stop" icon={Icon::Stop} small=true testid="upload-stop" onclick={stop} />
                    </div>
                    <p class="ab-job__text">
                        <span>{ format!("{} of {}", format::bytes(bytes as u64), format::bytes(total as u64)) }</span>
                        if let Course::Sent(_) = &*course {
                            if let Some(rate) = pace.borrow().per_second() { <span>{ format!("{}/s", format::bytes(rate as u64)) }</span> }
                            if let Some(left) = pace.borrow().seconds_left() { <span>{ format!("{} left", format::duration(left.max(1.0))) }</span> }
                            if percent >= 100.0 { <span>{ "Waiting for the server" }</span> }
                        }
                    </p>
                    <p class="ab-job__text" role="status" data-testid="upload-state">
                        {
                            match &*course {
                                Course::Sent(_) => "",
                                Course::Paused => "Paused. What was sent is kept for two days; after you left the page, choose the same file again.",
                                Course::Lost(_) => "The connection is lost; it is tried again. What was sent is kept.",
                            }
                        }
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
