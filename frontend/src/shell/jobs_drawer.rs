//! Running and finished jobs, from the masthead.

use yew::prelude::*;

use super::jobs::{place, use_jobs};
use crate::components::{Ago, Dialog, Empty, Icon, JobBar, RouteLink};

#[derive(PartialEq, Properties)]
pub struct JobsDrawerProps {
    pub onclose: Callback<()>,
}

/// All jobs of the project.
#[component]
pub fn JobsDrawer(props: &JobsDrawerProps) -> Html {
    let jobs = use_jobs();
    let (active, ended): (Vec<_>, Vec<_>) = jobs
        .list
        .iter()
        .cloned()
        .partition(|job| !job.status.is_final());
    html! {
        <Dialog title="Jobs" side=true onclose={props.onclose.clone()} testid="jobs-drawer">
            if jobs.list.is_empty() {
                <Empty icon={Icon::Jobs} title="No jobs yet" compact=true>{ "Imports and training show up here, with how far they are." }</Empty>
            }
            if !active.is_empty() {
                <h3 class="ab-drawer__title">{ "Running and waiting" }</h3>
                <ul class="ab-drawer__list">
                    for job in active { <li key={job.id}><JobBar job={job.clone()} oncancel={jobs.refresh.clone()} /></li> }
                </ul>
            }
            if !ended.is_empty() {
                <h3 class="ab-drawer__title">{ "Ended" }</h3>
                <ul class="ab-drawer__list">
                    for job in ended {
                        <li key={job.id}>
                            <JobBar job={job.clone()} />
                            <p class="ab-drawer__foot">
                                if let Some(at) = &job.finished_at { <Ago at={at.clone()} /> }
                                if let Some((words, to)) = place(&job) { <RouteLink {to} onclick={props.onclose.clone()}>{ words }</RouteLink> }
                            </p>
                        </li>
                    }
                </ul>
            }
        </Dialog>
    }
}
