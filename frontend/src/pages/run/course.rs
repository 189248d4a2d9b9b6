//! The course of a run: its job while it lasts, and the learning curves.

use std::rc::Rc;

use arborist_shared::api::runs::{Epoch, Run};
use arborist_shared::run::{LogLevel, RunEvent};
use yew::prelude::*;

use super::job_panel;
use crate::api;
use crate::charts::{Chart, curves};
use crate::components::{Lines, Panel, show};
use crate::format;
use crate::hooks::query::Loading;
use crate::hooks::{use_job_feed, use_query};

#[derive(PartialEq, Properties)]
pub struct CoursePanelProps {
    pub run: Rc<Run>,
    /// The run has changed: ask for it again.
    pub onchange: Callback<()>,
}

struct State {
    course: Rc<curves::Course>,
    /// Lines of the log, newest last.
    log: Vec<(LogLevel, String)>,
    live: Option<(f64, f64)>,
}

enum Action {
    Epochs(Vec<Epoch>),
    See(RunEvent),
}

/// Lines that the page keeps while a run lasts.
const MOST_LINES: usize = 200;

impl Reducible for State {
    type Action = Action;

    fn reduce(self: Rc<Self>, action: Action) -> Rc<Self> {
        let mut course = (*self.course).clone();
        let (mut log, mut live) = (self.log.clone(), self.live);
        match action {
            Action::Epochs(epochs) => course.merge(epochs),
            Action::See(event) => {
                course.see(&event);
                match event {
                    RunEvent::Log { level, message, .. } => {
                        log.push((level, message));
                        let surplus = log.len().saturating_sub(MOST_LINES);
                        log.drain(..surplus);
                    }
                    RunEvent::Step {
                        documents_per_second,
                        learning_rate,
                        ..
                    } => live = Some((documents_per_second, learning_rate)),
                    _ => {}
                }
            }
        }
        Rc::new(Self {
            course: Rc::new(course),
            log,
            live,
        })
    }
}

#[component]
pub fn CoursePanel(props: &CoursePanelProps) -> Html {
    let run = &props.run;
    let is_active = !run.status.is_final();
    let state = use_reducer(|| State {
        course: Rc::default(),
        log: Vec::new(),
        live: None,
    });
    let epochs = use_query(run.id, |id| async move {
        api::epochs(id).await.map(|answer| answer.epochs)
    });
    {
        let (dispatcher, data) = (state.dispatcher(), epochs.data());
        let address = data.as_ref().map(|data| Rc::as_ptr(data) as usize);
        use_effect_with(address, move |_| {
            if let Some(data) = data {
                dispatcher.dispatch(Action::Epochs((*data).clone()));
            }
        });
    }
    let on_run = {
        let dispatcher = state.dispatcher();
        Callback::from(move |event: RunEvent| dispatcher.dispatch(Action::See(event)))
    };
    let feed = use_job_feed(is_active.then_some(run.job), on_run);
    // A change of the job's status changes the run.
    {
        let (onchange, shown) = (props.onchange.clone(), run.status);
        use_effect_with(feed.job.as_ref().map(|job| job.status), move |status| {
            if status.is_some_and(|status| status != shown) {
                onchange.emit(());
            }
        });
    }
    // Asked for again whenever epochs may have passed by unseen: until the stream was open, at a change of the status,
    // and when a later epoch shows that one is missing.
    {
        let reload = epochs.reload.clone();
        let at_first = use_mut_ref(|| true);
        let reason = (run.status, feed.turn, state.course.gap());
        use_effect_with(reason, move |_| {
            if !at_first.replace(false) {
                reload.emit(());
            }
        });
    }
    let loss = use_memo(state.course.clone(), |course| curves::loss(course));
    let validation = use_memo(state.course.clone(), |course| curves::validation(course));
    let facts = state.live.filter(|_| is_active).map(|(speed, rate)| {
        format!(
            "{} · learning rate {}",
            format::rate(speed, "documents"),
            format::number(rate)
        )
    });
    let is_worth_drawing = state.course.is_worth_drawing(is_active);
    let panel = if is_worth_drawing {
        html! {
            <Panel title="Learning curves" testid="curves" hint="Validation scores here are the method's own, for watching; reported figures are measured by Arborist."
                actions={html! { if let Some(facts) = facts { <span class="ab-muted">{ facts }</span> } }}>
                <div class="ab-curves">
                    if state.course.has_loss() { <figure><figcaption>{ "Loss over the epochs" }</figcaption><Chart option={(*loss).clone()} label={describe_loss(&state.course)} testid="curve-loss" /></figure> }
                    <figure><figcaption>{ "Validation over the epochs" }</figcaption><Chart option={(*validation).clone()} label={describe_validation(&state.course)} testid="curve-validation" /></figure>
                </div>
            </Panel>
        }
    } else if is_active {
        html! { <Panel title="Learning curves" testid="curves"><p class="ab-muted">{ "They appear with the first steps." }</p></Panel> }
    } else {
        Html::default()
    };
    html! {
        <>
            if let Some(job) = feed.job.as_ref().filter(|job| !job.status.is_final()) { { job_panel(job, &props.onchange) } }
            if is_worth_drawing && matches!(epochs.state, Loading::Waiting) { { panel } } else { { show(&epochs, html! { <Panel title="Learning curves"><Lines count={6} /></Panel> }, |_| panel) } }
            if is_active && !state.log.is_empty() {
                <details class="ab-fold"><summary>{ format!("Log ({})", state.log.len()) }</summary>
                    <pre class="ab-log" tabindex="0">for (index, (level, line)) in state.log.iter().enumerate() { <span key={index} class={log_class(*level)}>{ line }{ "\n" }</span> }</pre>
                </details>
            }
        </>
    }
}

fn log_class(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Info => "",
        LogLevel::Warning => "ab-log__warning",
        LogLevel::Error => "ab-log__error",
    }
}

fn describe_loss(course: &curves::Course) -> String {
    let totals = course.totals();
    match (totals.first(), totals.last()) {
        (Some((first, from)), Some((last, to))) => format!(
            "Loss over {}, from {} in epoch {first} to {} in epoch {last}.",
            format::counted(totals.len() as u64, "epoch", "epochs"),
            format::number(*from),
            format::number(*to),
        ),
        _ => "Loss, still in the first epoch.".into(),
    }
}

fn describe_validation(course: &curves::Course) -> String {
    let Some(last) = course.epochs.last() else {
        return "Validation scores, none yet.".into();
    };
    let scores: Vec<String> = last
        .validation
        .iter()
        .map(|(name, value)| format!("{} {}", name.replace('_', " "), format::percent(*value)))
        .collect();
    let kept = course
        .selected()
        .map(|epoch| format!(" Epoch {} is kept.", epoch.epoch))
        .unwrap_or_default();
    format!(
        "Validation after epoch {}: {}.{kept}",
        last.epoch,
        scores.join(", ")
    )
}
