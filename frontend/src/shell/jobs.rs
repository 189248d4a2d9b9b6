//! The project's jobs, kept up to date by polling, with a message when one ends.

use std::collections::BTreeMap;
use std::rc::Rc;

use arborist_shared::api::jobs::{Job, JobStatus};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::api;
use crate::components::toast::{Toast, ToastKind, use_toaster};
use crate::hooks::use_interval;
use crate::route::Route;

const ACTIVE_MS: u32 = 2_000;
const IDLE_MS: u32 = 15_000;
const MOST: u32 = 50;

/// The jobs of the project that is open.
#[derive(Clone, PartialEq)]
pub struct Jobs {
    /// Newest first.
    pub list: Rc<Vec<Rc<Job>>>,
    /// Counts jobs that ended while the page was open: whoever shows their results loads again when it changes.
    pub ended: u32,
    /// Looks at once, after something was started.
    pub refresh: Callback<()>,
}

impl Jobs {
    pub fn active(&self) -> impl Iterator<Item = &Rc<Job>> {
        self.list.iter().filter(|job| !job.status.is_final())
    }

    pub fn find(&self, job: i64) -> Option<&Rc<Job>> {
        self.list.iter().find(|other| other.id == job)
    }
}

/// The jobs of the project that is open.
#[hook]
pub fn use_jobs() -> Jobs {
    use_context::<Jobs>().unwrap_or(Jobs {
        list: Rc::default(),
        ended: 0,
        refresh: Callback::noop(),
    })
}

#[derive(Default)]
struct State {
    list: Rc<Vec<Rc<Job>>>,
    ended: u32,
    /// Ended since the last look.
    news: Vec<Rc<Job>>,
    /// Newest job of the last look; none before the first.
    newest: Option<i64>,
}

enum Action {
    Seen(Vec<Job>),
    Forget,
}

impl Reducible for State {
    type Action = Action;

    fn reduce(self: Rc<Self>, action: Action) -> Rc<Self> {
        let Action::Seen(jobs) = action else {
            return Rc::default();
        };
        let before: BTreeMap<i64, &Rc<Job>> = self.list.iter().map(|job| (job.id, job)).collect();
        // Unchanged jobs keep their place in memory, so that nothing that shows them draws again.
        let list: Vec<Rc<Job>> = jobs
            .into_iter()
            .map(|job| match before.get(&job.id) {
                Some(old) if ***old == job => (*old).clone(),
                _ => Rc::new(job),
            })
            .collect();
        // A quick job may start and end between two looks.
        let was_active = |job: &Rc<Job>| match before.get(&job.id) {
            Some(old) => !old.status.is_final(),
            None => self.newest.is_some_and(|newest| job.id > newest),
        };
        let news: Vec<Rc<Job>> = list
            .iter()
            .filter(|job| job.status.is_final() && was_active(job))
            .cloned()
            .collect();
        let unchanged = list.len() == self.list.len()
            && list
                .iter()
                .zip(self.list.iter())
                .all(|(a, b)| Rc::ptr_eq(a, b));
        if unchanged && self.news.is_empty() && self.newest.is_some() {
            return self;
        }
        let newest = list.iter().map(|job| job.id).max().or(Some(0));
        let ended = self.ended + news.len() as u32;
        Rc::new(Self {
            list: Rc::new(list),
            ended,
            news,
            newest,
        })
    }
}

#[derive(PartialEq, Properties)]
pub struct JobsProviderProps {
    pub project: Option<i64>,
    #[prop_or_default]
    pub children: Html,
}

/// Looks after the jobs of a project.
#[component]
pub fn JobsProvider(props: &JobsProviderProps) -> Html {
    let state = use_reducer(State::default);
    let toaster = use_toaster();
    let project = props.project;
    // Answers for a project that was left must not show up in the next one.
    let current = use_mut_ref(|| None::<i64>);
    *current.borrow_mut() = project;

    let refresh = use_callback(project, {
        let dispatcher = state.dispatcher();
        move |(), project| {
            let Some(project) = *project else { return };
            let (dispatcher, current) = (dispatcher.clone(), current.clone());
            spawn_local(async move {
                // A look that fails changes nothing; the next one comes soon.
                if let Ok(answer) = api::jobs(project, MOST).await
                    && *current.borrow() == Some(project)
                {
                    dispatcher.dispatch(Action::Seen(answer.jobs));
                }
            });
        }
    });
    {
        let (refresh, dispatcher) = (refresh.clone(), state.dispatcher());
        use_effect_with(project, move |_| {
            dispatcher.dispatch(Action::Forget);
            refresh.emit(());
        });
    }
    let is_active = state.list.iter().any(|job| !job.status.is_final());
    use_interval(
        if is_active { ACTIVE_MS } else { IDLE_MS },
        project.is_some(),
        refresh.clone(),
    );
    {
        let news = state.news.clone();
        use_effect_with(state.ended, move |_| {
            for job in news {
                toaster.show(told(&job));
            }
        });
    }
    let jobs = Jobs {
        list: state.list.clone(),
        ended: state.ended,
        refresh,
    };
    html! { <ContextProvider<Jobs> context={jobs}>{ props.children.clone() }</ContextProvider<Jobs>> }
}

fn told(job: &Job) -> Toast {
    let title = if job.title.is_empty() {
        crate::format::words(&job.kind)
    } else {
        job.title.clone()
    };
    let (kind, end) = match job.status {
        JobStatus::Failed => (ToastKind::Danger, "failed"),
        JobStatus::Cancelled => (ToastKind::Warning, "was cancelled"),
        _ => (ToastKind::Success, "is done"),
    };
    let mut toast = Toast::new(kind, format!("{title} {end}"));
    if let Some(error) = job.error.as_deref().and_then(|error| error.lines().next()) {
        toast = toast.text(api::sentence(error));
    }
    match place(job) {
        Some((words, route)) => toast.link(words, route),
        None => toast,
    }
}

/// Where the result of a job is looked at.
pub fn place(job: &Job) -> Option<(&'static str, Route)> {
    let project = job.project;
    let result = job.result.as_ref()?;
    match result.kind.as_str() {
        "run" => Some((
            "Open the run",
            Route::Run {
                project,
                run: result.id,
            },
        )),
        "corpus" => Some(("Open the corpus", Route::Corpus { project })),
        "taxonomy" => Some(("Open the taxonomy", Route::Taxonomy { project })),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn job(id: i64, status: &str) -> Job {
        serde_json::from_value(json!({
            "id": id, "kind": "train", "project": 1, "status": status, "progress": [], "created_at": "", "title": "Training linear",
            "result": {"type": "run", "id": 7}
        }))
        .expect("a job")
    }

    #[test]
    fn jobs_that_end_are_news_once() {
        let state = Rc::new(State::default())
            .reduce(Action::Seen(vec![job(1, "succeeded"), job(2, "running")]));
        assert!(
            state.news.is_empty(),
            "jobs that had ended before are no news"
        );
        let state = state.reduce(Action::Seen(vec![job(1, "succeeded"), job(2, "failed")]));
        assert_eq!((state.news.len(), state.ended), (1, 1));
        let first = state.list[0].clone();
        let state = state.reduce(Action::Seen(vec![job(1, "succeeded"), job(2, "failed")]));
        assert_eq!((state.news.len(), state.ended), (0, 1));
        assert!(Rc::ptr_eq(&first, &state.list[0]));
        let state = state.reduce(Action::Seen(vec![
            job(3, "succeeded"),
            job(1, "succeeded"),
            job(2, "failed"),
        ]));
        assert_eq!(
            state.ended, 2,
            "a job that came and went between two looks is news too"
        );
    }

    #[test]
    fn messages_lead_to_the_result() {
        let toast = told(&job(2, "succeeded"));
        assert_eq!(toast.title, "Training linear is done");
        assert_eq!(
            toast.link,
            Some(("Open the run".into(), Route::Run { project: 1, run: 7 }))
        );
    }
}
