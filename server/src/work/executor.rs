//! Where a run is carried out, behind one trait. A second place (a cluster) is a second implementation, not a second path.

use std::path::Path;

use arborist_shared::api::queue::Cause;
use arborist_shared::run::{Outcome, RunEvent};
use tokio::sync::{mpsc, watch};

use super::WorkError;

/// A place that carries out runs.
pub trait Executor: Send + Sync + 'static {
    /// Starts the run whose `request.json` lies in `run`, or resumes it. To be called within a tokio runtime.
    ///
    /// # Errors
    /// When nothing could be started. What happens later is told by [`RunningChild::wait`].
    fn start(&self, run: &Path) -> Result<RunningChild, WorkError>;
}

/// How an attempt ended, as seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Done,
    /// The plugin or the host reported an error.
    Failed,
    /// The method cannot work with the hyperparameters or the documents.
    Refused,
    /// Stopped because it was asked to.
    Cancelled,
    /// The plugin panicked; the child ended in order.
    Panicked,
    /// The child ended in no orderly way: a signal, or an exit code that is not ours.
    Crashed,
}

impl From<Outcome> for Ending {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::Done,
            Outcome::Failed => Self::Failed,
            Outcome::Refused => Self::Refused,
            Outcome::Cancelled => Self::Cancelled,
            Outcome::Panicked => Self::Panicked,
        }
    }
}

/// End of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    pub outcome: Ending,
    /// Why it did not succeed; it is what decides about another attempt.
    pub cause: Option<Cause>,
    /// For people: what went wrong, with the last log lines after a crash. None after success.
    pub message: Option<String>,
}

/// What a supervisor was asked to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum StopRequest {
    #[default]
    None,
    /// Ask, wait, insist.
    Cancel,
    /// At once.
    Kill,
}

/// Asks a running child to stop. Cheap to clone; outlives the child without harm.
#[derive(Clone, Debug)]
pub struct Canceller(watch::Sender<StopRequest>);

impl Canceller {
    /// Stop = cancel, wait, SIGTERM, wait, SIGKILL. Returns at once.
    pub fn cancel(&self) {
        self.raise(StopRequest::Cancel);
    }

    /// SIGKILL. What the plugin saved so far stays.
    pub fn kill(&self) {
        self.raise(StopRequest::Kill);
    }

    fn raise(&self, request: StopRequest) {
        self.0.send_if_modified(|current| {
            let raised = request > *current;
            if raised {
                *current = request;
            }
            raised
        });
    }
}

/// A run that is being carried out. Dropping it cancels the run.
#[derive(Debug)]
pub struct RunningChild {
    events: EventStream,
    canceller: Canceller,
    exit: watch::Receiver<Option<Exit>>,
    process_id: Option<u32>,
}

/// The executor's ends of a [`RunningChild`].
#[derive(Debug)]
pub(crate) struct Ends {
    pub(crate) events: mpsc::Sender<RunEvent>,
    pub(crate) stop: watch::Receiver<StopRequest>,
    pub(crate) exit: watch::Sender<Option<Exit>>,
}

/// Events that may wait for the reader; beyond that the tailer waits, the child does not.
const EVENT_QUEUE: usize = 256;

impl RunningChild {
    pub(crate) fn new(process_id: Option<u32>) -> (Self, Ends) {
        let (event_sender, event_receiver) = mpsc::channel(EVENT_QUEUE);
        let (stop_sender, stop_receiver) = watch::channel(StopRequest::None);
        let (exit_sender, exit_receiver) = watch::channel(None);
        let child = Self {
            events: EventStream(event_receiver),
            canceller: Canceller(stop_sender),
            exit: exit_receiver,
            process_id,
        };
        (
            child,
            Ends {
                events: event_sender,
                stop: stop_receiver,
                exit: exit_sender,
            },
        )
    }

    /// Events of this attempt as they are written; ends after the last event of the ended child.
    pub fn events(&mut self) -> &mut EventStream {
        &mut self.events
    }

    /// Asks the child to stop; returns at once.
    pub fn cancel(&self) {
        self.canceller.cancel();
    }

    /// A handle that cancels from elsewhere.
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }

    /// Process id, where the child is a process of this machine.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.process_id
    }

    /// Waits until the child has ended; may be called again. Needs no reading of events.
    pub async fn wait(&mut self) -> Exit {
        match self.exit.wait_for(Option::is_some).await {
            Ok(exit) => exit.clone(),
            Err(_) => None,
        }
        .unwrap_or_else(|| Exit {
            outcome: Ending::Crashed,
            cause: Some(Cause::Failed),
            message: Some(
                "the supervision of the child process ended before the child did".to_owned(),
            ),
        })
    }
}

impl Drop for RunningChild {
    fn drop(&mut self) {
        self.canceller.cancel();
    }
}

/// Events in the order in which the child wrote them.
#[derive(Debug)]
pub struct EventStream(mpsc::Receiver<RunEvent>);

impl EventStream {
    /// The next event; none once the child has ended and everything was read.
    pub async fn next(&mut self) -> Option<RunEvent> {
        self.0.recv().await
    }
}
