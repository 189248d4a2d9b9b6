//! Waiting jobs in their order, which dragging and arrows change.

use arborist_shared::api::queue::{MoveJob, QueueEnd, QueueJob};
use web_sys::DragEvent;
use yew::prelude::*;

use super::{Name, use_action};
use crate::api;
use crate::components::{Button, Icon, Variant};
use crate::format;

#[derive(PartialEq, Properties)]
pub struct WaitingProps {
    pub project: i64,
    pub jobs: Vec<QueueJob>,
}

#[component]
pub fn Waiting(props: &WaitingProps) -> Html {
    let action = use_action();
    let dragged = use_state_eq(|| None::<i64>);
    let over = use_state_eq(|| None::<i64>);
    let go = {
        let action = action.clone();
        Callback::from(move |(job, to): (i64, MoveJob)| {
            action.ask("The job could not be moved", api::move_job(job, to));
        })
    };
    let item = |(index, job): (usize, &QueueJob)| {
        let id = job.job.id;
        let ondragstart = {
            let dragged = dragged.clone();
            Callback::from(move |event: DragEvent| {
                if let Some(data) = event.data_transfer() {
                    // Firefox drags nothing that has no data.
                    let _ = data.set_data("text/plain", &id.to_string());
                }
                dragged.set(Some(id));
            })
        };
        let ondragover = {
            let over = over.clone();
            Callback::from(move |event: DragEvent| {
                event.prevent_default();
                over.set(Some(id));
            })
        };
        let ondrop = {
            let (dragged, over, go) = (dragged.clone(), over.clone(), go.clone());
            let ids: Vec<i64> = props.jobs.iter().map(|job| job.job.id).collect();
            Callback::from(move |event: DragEvent| {
                event.prevent_default();
                let from = *dragged;
                dragged.set(None);
                over.set(None);
                let Some(from) = from.filter(|from| *from != id) else {
                    return;
                };
                let place = |id: i64| ids.iter().position(|other| *other == id);
                // Dropped on one further down, it stands behind it; on one further up, before it.
                let to = if place(from) < place(id) {
                    MoveJob {
                        after: Some(id),
                        ..MoveJob::default()
                    }
                } else {
                    MoveJob {
                        before: Some(id),
                        ..MoveJob::default()
                    }
                };
                go.emit((from, to));
            })
        };
        let ondragend = {
            let (dragged, over) = (dragged.clone(), over.clone());
            Callback::from(move |_: DragEvent| {
                dragged.set(None);
                over.set(None);
            })
        };
        let class = classes!(
            "ab-queue__item",
            "ab-queue__item--waiting",
            (*dragged == Some(id)).then_some("ab-queue__item--dragged"),
            (dragged.is_some() && *over == Some(id)).then_some("ab-queue__item--over"),
        );
        html! {
            <li key={id} {class} draggable="true" {ondragstart} {ondragover} {ondrop} {ondragend} data-testid={format!("waiting-{id}")}>
                <span class="ab-queue__turn" title="Its turn">{ job.position.map(format::count).unwrap_or_default() }</span>
                <div class="ab-queue__text">
                    <Name project={props.project} job={job.clone()} />
                    <p class="ab-queue__reason">{ job.reason.clone().map(|reason| api::sentence(&reason)).unwrap_or_default() }</p>
                    <p class="ab-queue__facts">{ facts(job).join(" · ") }</p>
                </div>
                { arrows(&props.jobs, index, &go) }
                { cancel(job, &action) }
            </li>
        }
    };
    html! { <ol class="ab-queue" data-testid="waiting-jobs">{ for props.jobs.iter().enumerate().map(item) }</ol> }
}

fn facts(job: &QueueJob) -> Vec<String> {
    let mut facts = Vec::new();
    if let Some(seconds) = job.starts_in_seconds.filter(|seconds| *seconds >= 1.0) {
        facts.push(format!("starts in about {}", format::duration(seconds)));
    }
    if let Some(seconds) = job.seconds_left {
        facts.push(format!("takes about {}", format::duration(seconds)));
    }
    if let Some(bytes) = job.memory_bytes {
        facts.push(format!("needs {}", format::bytes(bytes)));
    }
    if let Some(name) = &job.created_by {
        facts.push(format!("of {name}"));
    }
    if job.priority != 0 {
        facts.push(format!("priority {}", job.priority));
    }
    if let Some(attempt) = job.attempts.last() {
        facts.push(format!(
            "attempt {}: the one before {}",
            job.attempts.len() + 1,
            super::running::why(attempt)
        ));
    }
    facts
}

/// The same as dragging, for the keyboard.
fn arrows(jobs: &[QueueJob], index: usize, go: &Callback<(i64, MoveJob)>) -> Html {
    let id = jobs[index].job.id;
    let before = index.checked_sub(1).map(|above| jobs[above].job.id);
    let after = jobs.get(index + 1).map(|job| job.job.id);
    let button = |kind: Icon,
                  title: &'static str,
                  word: &'static str,
                  to: MoveJob,
                  disabled: bool| {
        html! {
            <Button icon={kind} {title} small=true variant={Variant::Plain} {disabled} testid={format!("{word}-{id}")} onclick={go.reform(move |_: MouseEvent| (id, to))} />
        }
    };
    let first = MoveJob {
        to: Some(QueueEnd::First),
        ..MoveJob::default()
    };
    html! {
        <span class="ab-queue__arrows">
            { button(Icon::Up, "One up", "up", MoveJob { before, ..MoveJob::default() }, before.is_none()) }
            { button(Icon::Down, "One down", "down", MoveJob { after, ..MoveJob::default() }, after.is_none()) }
            { button(Icon::Upload, "Before all others", "first", first, index == 0) }
        </span>
    }
}

fn cancel(job: &QueueJob, action: &super::Action) -> Html {
    let (id, action) = (job.job.id, action.clone());
    let onclick = Callback::from(move |_: MouseEvent| {
        action.ask("The job could not be cancelled", api::cancel_job(id));
    });
    html! { <Button label="Cancel" icon={Icon::Stop} small=true variant={Variant::Plain} testid={format!("job-{id}-cancel")} {onclick} /> }
}
