//! A run: live curves while it trains, then its figures, the same that the interface gives, to the last digit.

pub mod configuration;
pub mod course;
pub mod fit;
pub mod label_table;
pub mod metrics;

use std::rc::Rc;

use arborist_shared::api::jobs::{Job, JobStatus};
use arborist_shared::api::runs::Run;
use arborist_shared::split::Split;
use yew::prelude::*;

use crate::api;
use crate::components::job_bar::log_text;
use crate::components::{
    Ago, Icon, JobBar, Lines, Notice, NoticeKind, PageHeader, Panel, RouteLink, StatusChip,
    Variant, show,
};
use crate::hooks::{use_query, use_url_query};
use crate::route::Route;
use crate::shell::{details, use_jobs, use_methods};

#[derive(PartialEq, Properties)]
pub struct RunProps {
    pub project: i64,
    pub run: i64,
}

#[component]
pub fn RunPage(props: &RunProps) -> Html {
    let (project, id) = (props.project, props.run);
    let run = use_query(id, |id| async move {
        api::run(id).await.map(|answer| answer.run)
    });
    let methods = use_methods();
    let data = run.data();
    let title = data
        .as_ref()
        .map_or_else(|| format!("Run {id}"), |run| methods.title(&run.method));
    let trail = html! { <RouteLink to={Route::Runs { project }}>{ "Runs" }</RouteLink> };
    let is_done = data
        .as_ref()
        .is_some_and(|run| run.status == JobStatus::Succeeded);
    let has_figures = data
        .as_ref()
        .is_some_and(|run| run.test.is_some() || run.validation.is_some());
    let actions = html! {
        <>
            if has_figures { <RouteLink to={Route::Errors { project, run: id }} button={Variant::Secondary} icon={Icon::Search} testid="run-errors">{ "Where it errs" }</RouteLink> }
            if is_done { <RouteLink to={Route::TryIt { project }} query={vec![("runs".to_owned(), id.to_string())]} button={Variant::Primary} icon={Icon::Try} testid="try-run">{ "Try it" }</RouteLink> }
            <RouteLink to={Route::Train { project }} query={vec![("clone".to_owned(), id.to_string())]} button={Variant::Secondary} icon={Icon::Copy} testid="clone-run">{ "Clone" }</RouteLink>
        </>
    };
    let subtitle = data.as_ref().map_or_else(Html::default, |run| {
        let (word, at) = match &run.started_at {
            Some(at) => ("started", at),
            None => ("asked for", &run.created_at),
        };
        html! { <>{ format!("{} · run {} · {word} ", details(run), run.id) }<Ago at={at.clone()} /></> }
    });
    let mark = data.as_ref().map_or_else(
        Html::default,
        |run| html! { <StatusChip status={run.status} /> },
    );
    html! {
        <div class="ab-page">
            <PageHeader {title} {subtitle} {trail} {mark} {actions} />
            { show(&run, html! { <Lines count={12} /> }, |_| match &data {
                Some(data) => html! { <Body {project} run={data.clone()} reload={run.reload.clone()} /> },
                None => Html::default(),
            }) }
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct BodyProps {
    project: i64,
    run: Rc<Run>,
    reload: Callback<()>,
}

#[component]
fn Body(props: &BodyProps) -> Html {
    let run = &props.run;
    let query = use_url_query();
    let jobs = use_jobs();
    let split = match query.get("split") {
        Some("validation") => Split::Validation,
        Some("test") => Split::Test,
        _ if run.test.is_none() && run.validation.is_some() => Split::Validation,
        _ => Split::Test,
    };
    let has_figures = match split {
        Split::Validation => run.validation.is_some(),
        _ => run.test.is_some(),
    };
    let onchange = {
        let (reload, refresh) = (props.reload.clone(), jobs.refresh.clone());
        Callback::from(move |()| {
            reload.emit(());
            refresh.emit(());
        })
    };
    let is_failed = run.status == JobStatus::Failed;
    html! {
        <div class="ab-stack">
            if is_failed {
                <Notice kind={NoticeKind::Danger} title="The run failed" testid="run-failed">
                    { run.error.as_deref().map(log_text).unwrap_or_else(|| html! { <p>{ "The server gave no reason." }</p> }) }
                </Notice>
            }
            if run.status == JobStatus::Cancelled {
                <Notice kind={NoticeKind::Warning} title="The run was cancelled" testid="run-cancelled"><p>{ "What it learned until then is not kept. Clone it to start again with the same settings." }</p></Notice>
            }
            <fit::Fit project={props.project} run={run.clone()} />
            if has_figures {
                <metrics::Figures {split} run={run.clone()} />
            } else if run.status == JobStatus::Succeeded {
                <Notice kind={NoticeKind::Info} title="There are no figures for this part"><p>{ "The corpus had no documents in it." }</p></Notice>
            }
            <course::CoursePanel key={run.id} run={run.clone()} {onchange} />
            if has_figures { <metrics::Details {split} run={run.clone()} /> }
            <configuration::Configuration project={props.project} run={run.clone()} />
        </div>
    }
}

/// The job of a run that is not finished, as a panel of its own.
fn job_panel(job: &Rc<Job>, oncancel: &Callback<()>) -> Html {
    html! { <Panel title="Training" testid="run-progress"><JobBar job={job.clone()} bare=true oncancel={oncancel.clone()} /></Panel> }
}
