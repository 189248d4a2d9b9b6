//! A job at work: its progress, its newest figures, and what can be done with it.

use std::rc::Rc;

use arborist_shared::api::queue::QueueJob;
use yew::prelude::*;

use super::Name;
use crate::api;
use crate::components::{Button, Icon, JobBar, Variant};
use crate::format;
use crate::hooks::{use_interval, use_query};

#[derive(PartialEq, Properties)]
pub struct RunningProps {
    pub project: i64,
    pub job: QueueJob,
    pub onlog: Callback<Option<i64>>,
}

#[component]
pub fn Running(props: &RunningProps) -> Html {
    let QueueJob { job, run, .. } = &props.job;
    let epochs = use_query(*run, |run| async move {
        match run {
            Some(run) => api::epochs(run).await.map(|list| list.epochs),
            None => Ok(Vec::new()),
        }
    });
    use_interval(4_000, run.is_some(), epochs.reload.clone());
    let newest = epochs.data().and_then(|epochs| epochs.last().cloned());
    let mut facts = Vec::new();
    if let Some(place) = &props.job.place {
        facts.push(format!("on {place}"));
    }
    if let Some(left) = props.job.seconds_left.filter(|left| *left >= 1.0) {
        facts.push(format!("about {} left", format::duration(left)));
    }
    if let Some(epoch) = &newest {
        facts.push(format!("epoch {}", epoch.epoch));
        let losses = epoch.losses.iter().take(2);
        facts
            .extend(losses.map(|(name, value)| {
                format!("{} {}", format::words(name), format::number(*value))
            }));
        let scores = epoch.validation.iter().take(2);
        facts.extend(scores.map(|(name, value)| {
            let name = format::words(name).replace(" f1", " F1");
            format!("{name} {}", format::percent(*value))
        }));
    }
    let attempts = &props.job.attempts;
    html! {
        <li class="ab-queue__item" data-testid={format!("running-{}", job.id)}>
            <div class="ab-queue__head">
                <Name project={props.project} job={props.job.clone()} />
                <span class="ab-queue__facts">{ facts.join(" · ") }</span>
                if let Some(run) = *run {
                    <Button label="Log" icon={Icon::Corpus} small=true variant={Variant::Plain} testid={format!("log-{run}")} onclick={props.onlog.reform(move |_| Some(run))} />
                }
            </div>
            if let Some(attempt) = attempts.last() {
                <p class="ab-queue__reason">{ format!("Attempt {}: the one before {}.", attempts.len() + 1, why(attempt)) }</p>
            }
            <JobBar job={Rc::new(job.clone())} bare=true />
        </li>
    }
}

/// How an attempt ended and what followed, in words.
pub fn why(attempt: &arborist_shared::api::queue::Attempt) -> String {
    use arborist_shared::api::queue::Cause;
    let ended = match attempt.cause {
        Cause::OutOfMemory => "ran out of memory",
        Cause::LostWorker => "was killed from outside",
        _ => "did not succeed",
    };
    format!("{ended}, this one {}", attempt.next)
}
