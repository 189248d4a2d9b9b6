//! A job as it happens: server-sent events, and polling where they do not get through.
//!
//! A browser opens only a handful of connections to a server, so one feed at a time is the rule: the
//! page that watches a job uses this hook, lists of jobs poll.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use arborist_shared::api::jobs::Job;
use arborist_shared::run::RunEvent;
use futures_util::StreamExt;
use futures_util::future::{AbortHandle, Abortable, Either, select as either};
use futures_util::stream::select;
use gloo_net::eventsource::futures::EventSource;
use gloo_timers::future::TimeoutFuture;
use serde::de::DeserializeOwned;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::api::{self, ApiError};

/// Time between two looks without events.
const POLL_MS: u32 = 2_000;
/// A stream that is silent for so long may be held back by something on the way.
const SILENCE_MS: u32 = 8_000;

/// What a feed has brought so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobFeed {
    pub job: Option<Rc<Job>>,
    /// Why the job cannot be seen at present.
    pub error: Option<ApiError>,
    /// Rises when events may have passed by unseen until now: the stream has opened, or polling stands in for it.
    pub turn: u32,
}

/// Follows a job until it ends; `on_run` gets the events of its run.
#[hook]
pub fn use_job_feed(job: Option<i64>, on_run: Callback<RunEvent>) -> JobFeed {
    let feed = use_state(JobFeed::default);
    let latest = use_mut_ref(Callback::<RunEvent>::noop);
    *latest.borrow_mut() = on_run;
    {
        let setter = feed.setter();
        use_effect_with(job, move |job| {
            setter.set(JobFeed::default());
            // Ending the task drops the stream, which closes the connection at once.
            let (handle, registration) = AbortHandle::new_pair();
            if let Some(job) = *job {
                let task = Abortable::new(
                    follow(
                        job,
                        Follower {
                            setter,
                            on_run: latest,
                            turn: Cell::new(0),
                        },
                    ),
                    registration,
                );
                spawn_local(async move {
                    // Aborted or ended: either way there is nothing left to do.
                    let _ = task.await;
                });
            }
            move || handle.abort()
        });
    }
    (*feed).clone()
}

struct Follower {
    setter: UseStateSetter<JobFeed>,
    on_run: Rc<RefCell<Callback<RunEvent>>>,
    turn: Cell<u32>,
}

impl Follower {
    /// Shows the job; false when there is nothing more to come.
    fn show(&self, job: Job) -> bool {
        let is_final = job.status.is_final();
        self.setter.set(JobFeed {
            job: Some(Rc::new(job)),
            error: None,
            turn: self.turn.get(),
        });
        !is_final
    }

    /// From now on nothing is missed that was not missed before.
    fn turn(&self) {
        self.turn.set(self.turn.get() + 1);
    }

    /// Asks for the job once; false when there is nothing more to come.
    async fn look(&self, job: i64, is_first: bool) -> bool {
        match api::job(job).await {
            Ok(job) => self.show(job),
            Err(error) if is_first => {
                let is_gone = error.status() == Some(404);
                self.setter.set(JobFeed {
                    job: None,
                    error: Some(error),
                    turn: self.turn.get(),
                });
                !is_gone
            }
            // The next look may succeed; the page keeps what it has.
            Err(_) => true,
        }
    }
}

async fn follow(job: i64, follower: Follower) {
    if !follower.look(job, true).await || !listen(job, &follower).await {
        return;
    }
    loop {
        TimeoutFuture::new(POLL_MS).await;
        follower.turn();
        if !follower.look(job, false).await {
            return;
        }
    }
}

/// Reads events until the job ends (false) or the stream breaks (true: go on by polling).
async fn listen(job: i64, follower: &Follower) -> bool {
    let Ok(mut source) = EventSource::new(&api::job_events_address(job)) else {
        return true;
    };
    let (Ok(jobs), Ok(runs)) = (source.subscribe("job"), source.subscribe("run")) else {
        return true;
    };
    let mut events = select(jobs, runs);
    let mut is_open = false;
    loop {
        let event = match either(events.next(), TimeoutFuture::new(SILENCE_MS)).await {
            Either::Left((Some(Ok(event)), _)) => event,
            Either::Left(_) => return true,
            Either::Right(_) => {
                follower.turn();
                if !follower.look(job, false).await {
                    return false;
                }
                continue;
            }
        };
        let (kind, message) = event;
        let text = message.data().as_string().unwrap_or_default();
        if kind == "job" {
            // The server sends the job first, once it listens itself.
            if !std::mem::replace(&mut is_open, true) {
                follower.turn();
            }
            if let Some(job) = read::<Job>(&text)
                && !follower.show(job)
            {
                return false;
            }
        } else if let Some(event) = read::<RunEvent>(&text) {
            let callback = follower.on_run.borrow().clone();
            callback.emit(event);
        }
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
    // An event of a newer server that this page does not know is passed over.
    serde_json::from_str(text).ok()
}
