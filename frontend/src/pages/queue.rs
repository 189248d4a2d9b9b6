//! The queue: devices, what runs on them, what waits for them and why, and what ended.

pub mod devices;
pub mod finished;
pub mod log;
pub mod running;
pub mod waiting;

use std::future::Future;

use arborist_shared::api::queue::{Queue, QueueJob};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::guide::chapter;
use super::overview::ProjectProps;
use crate::api::{self, Answer};
use crate::components::{
    Button, Empty, Icon, Lines, PageHeader, Panel, RouteLink, Toast, ToastKind, Variant, show,
    use_toaster,
};
use crate::format;
use crate::hooks::{use_interval, use_search, use_url_query};
use crate::route::Route;
use crate::shell::use_methods;

/// Waiting jobs that are shown at first, and that more are added by.
const PAGE: u32 = 50;
/// Time between two looks.
const LOOK_MS: u32 = 2_000;

#[component]
pub fn QueuePage(props: &ProjectProps) -> Html {
    let project = props.project;
    let query = use_url_query();
    let limit = use_state_eq(|| PAGE);
    let queue = use_search((project, *limit), |(project, limit)| {
        api::queue(project, limit)
    });
    use_interval(LOOK_MS, true, queue.reload.clone());
    let log = query.id("log");
    let onlog = {
        let query = query.clone();
        Callback::from(move |run: Option<i64>| {
            query.set(&[("log", run.map(|run| run.to_string()))]);
        })
    };
    let trail = html! { <RouteLink to={Route::Runs { project }}>{ "Runs" }</RouteLink> };
    let train = html! { <RouteLink to={Route::Train { project }} button={Variant::Primary} icon={Icon::Train} testid="train">{ "Train" }</RouteLink> };
    let more = {
        let limit = limit.clone();
        Callback::from(move |_: MouseEvent| limit.set((*limit + PAGE).min(500)))
    };
    html! {
        <div class="ab-page">
            <PageHeader title="Queue" {trail} subtitle={html! { "What runs on which device, what waits for one and why. Drag a waiting job, or use its arrows, to change its turn." }} actions={train} />
            { show(&queue, html! { <Lines count={10} /> }, |queue| body(project, queue, &onlog, &more)) }
            if let Some(run) = log { <log::LogDrawer key={run} {run} onclose={onlog.reform(|()| None)} /> }
        </div>
    }
}

fn body(
    project: i64,
    queue: &Queue,
    onlog: &Callback<Option<i64>>,
    more: &Callback<MouseEvent>,
) -> Html {
    let is_idle = queue.running.is_empty() && queue.waiting.is_empty();
    html! {
        <div class="ab-stack">
            <devices::Devices devices={queue.devices.clone()} />
            if is_idle {
                <Empty icon={Icon::Jobs} title="Nothing runs and nothing waits" guide={chapter::TRAIN} compact=true>{ "Trainings and imports stand here while they are at work or wait for their turn." }</Empty>
            }
            if !queue.running.is_empty() {
                <Panel title={format!("Running ({})", queue.running.len())} testid="queue-running" flush=true>
                    <ul class="ab-queue">
                        for job in &queue.running { <running::Running key={job.job.id} {project} job={job.clone()} onlog={onlog.clone()} /> }
                    </ul>
                </Panel>
            }
            if !queue.waiting.is_empty() {
                <Panel title={format!("Waiting ({})", format::count(queue.n_waiting))} testid="queue-waiting" flush=true>
                    <waiting::Waiting {project} jobs={queue.waiting.clone()} />
                    if queue.next.is_some() { <div class="ab-queue__more"><Button label="Show more" testid="queue-more" onclick={more.clone()} /></div> }
                </Panel>
            }
            if !queue.finished.is_empty() {
                <Panel title="Ended" testid="queue-finished" flush=true>
                    <finished::Finished {project} jobs={queue.finished.clone()} onlog={onlog.clone()} />
                </Panel>
            }
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct NameProps {
    project: i64,
    job: QueueJob,
}

/// What a job is about: its run by method, else its title.
#[component]
fn Name(props: &NameProps) -> Html {
    let methods = use_methods();
    let job = &props.job;
    match (job.run, &job.method) {
        (Some(run), Some(method)) => html! {
            <span class="ab-queue__name">
                <RouteLink to={Route::Run { project: props.project, run }}>{ format!("{} · run {run}", methods.title(method)) }</RouteLink>
                if let Some(group) = job.group { <span class="ab-muted">{ format!(" · group {group}") }</span> }
            </span>
        },
        _ => html! { <span class="ab-queue__name">{ &job.job.title }</span> },
    }
}

/// Something that is asked of the server, and what is said when it refuses.
#[hook]
fn use_action() -> Action {
    let toaster = use_toaster();
    Action(Callback::from(
        move |(title, error): (&'static str, api::ApiError)| {
            toaster.show(Toast::new(ToastKind::Danger, title).text(error.advice()));
        },
    ))
}

#[derive(Clone, PartialEq)]
struct Action(Callback<(&'static str, api::ApiError)>);

impl Action {
    /// Asks; `refused` is what to say where the answer is an error.
    fn ask<T: 'static>(
        &self,
        refused: &'static str,
        asked: impl Future<Output = Answer<T>> + 'static,
    ) {
        let tell = self.0.clone();
        spawn_local(async move {
            if let Err(error) = asked.await {
                tell.emit((refused, error));
            }
        });
    }
}
