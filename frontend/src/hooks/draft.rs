//! A draft as people work on it: what was done to it, from whichever page, and ways to do more.
//!
//! Edits go to the server one after another, each with the revision that its author had seen. Whoever is behind gets to
//! see what came meanwhile: where others changed other labels, the edit is sent again by itself; where they changed the
//! same ones, a person decides.

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

use arborist_shared::api::drafts::{Draft, DraftEntry, DraftState, EntryKind, Turn};
use arborist_shared::edits::Edit;
use futures_util::StreamExt;
use futures_util::future::{AbortHandle, Abortable};
use futures_util::stream::select;
use gloo_net::eventsource::futures::EventSource;
use gloo_timers::future::TimeoutFuture;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::api::{self, Answer, ApiError};
use crate::model::draft::in_the_way;

/// Time before a broken stream is opened again.
const AGAIN_MS: u32 = 1_500;

/// What somebody wants to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// Edits, all or none.
    Edits(Vec<Edit>),
    /// Undo or redo; one's own last edit unless another is named by its revision.
    Turn(EntryKind, Option<i64>),
}

/// A wish, the revision on which it rests, and who waits for its end.
#[derive(Clone)]
struct Proposal {
    wish: Wish,
    seen: i64,
    done: Callback<Answer<Vec<DraftEntry>>>,
}

/// Edits that were not done because others changed the same labels meanwhile.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// What was to be done.
    pub edits: Vec<Edit>,
    /// What others did to the same labels.
    pub others: Vec<DraftEntry>,
    /// The revision that says so.
    pub revision: i64,
}

/// What is known of a draft.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DraftView {
    pub draft: Option<Rc<Draft>>,
    /// Everything that was done, oldest first.
    pub entries: Rc<Vec<DraftEntry>>,
    /// Why nothing is known.
    pub error: Option<ApiError>,
    /// The stream of events is broken: others' edits may be missing.
    pub is_behind: bool,
    /// Wishes that were not answered yet.
    pub n_waiting: usize,
    pub conflict: Option<Rc<Conflict>>,
}

impl DraftView {
    /// The revision of everything that is shown.
    pub fn revision(&self) -> i64 {
        self.entries.last().map_or(0, |entry| entry.revision)
    }
}

enum Action {
    Loaded(Draft, Vec<DraftEntry>),
    Failed(ApiError),
    Draft(Draft),
    Entries(Vec<DraftEntry>),
    Behind(bool),
    Waiting(usize),
    Conflict(Option<Conflict>),
}

#[derive(Default)]
struct State {
    view: Rc<DraftView>,
}

impl Reducible for State {
    type Action = Action;

    fn reduce(self: Rc<Self>, action: Action) -> Rc<Self> {
        let mut view = (*self.view).clone();
        match action {
            Action::Loaded(draft, entries) => {
                view.draft = Some(Rc::new(draft));
                view.entries = Rc::new(entries);
                view.error = None;
            }
            Action::Failed(error) => view.error = Some(error),
            // An older state that comes late, from the answer to an edit.
            Action::Draft(draft)
                if view
                    .draft
                    .as_ref()
                    .is_some_and(|known| known.revision > draft.revision) =>
            {
                return self;
            }
            Action::Draft(draft) => view.draft = Some(Rc::new(draft)),
            Action::Entries(new) => {
                let last = view.revision();
                let new: Vec<DraftEntry> = new
                    .into_iter()
                    .filter(|entry| entry.revision > last)
                    .collect();
                // What is between is on its way by the stream, which leaves nothing out.
                if new.first().is_none_or(|first| first.revision != last + 1) {
                    return self;
                }
                view.entries = Rc::new(view.entries.iter().cloned().chain(new).collect());
            }
            Action::Behind(is_behind) => view.is_behind = is_behind,
            Action::Waiting(n_waiting) => view.n_waiting = n_waiting,
            Action::Conflict(conflict) => view.conflict = conflict.map(Rc::new),
        }
        if view == *self.view {
            return self;
        }
        Rc::new(Self {
            view: Rc::new(view),
        })
    }
}

/// What callbacks and tasks share.
struct Shared {
    draft: i64,
    dispatcher: UseReducerDispatcher<State>,
    queue: RefCell<VecDeque<Proposal>>,
    /// A task works on the queue.
    is_working: RefCell<bool>,
    /// Revisions that this page made: who has seen the one before has seen them.
    own: RefCell<BTreeSet<i64>>,
}

impl Shared {
    fn propose(self: &Rc<Self>, proposal: Proposal) {
        self.queue.borrow_mut().push_back(proposal);
        self.count();
        if std::mem::replace(&mut *self.is_working.borrow_mut(), true) {
            return;
        }
        let shared = self.clone();
        spawn_local(async move {
            loop {
                let next = shared.queue.borrow_mut().pop_front();
                let Some(proposal) = next else { break };
                let done = proposal.done.clone();
                let answer = shared.carry_out(proposal).await;
                shared.count();
                done.emit(answer);
            }
            *shared.is_working.borrow_mut() = false;
            shared.dispatcher.dispatch(Action::Waiting(0));
        });
    }

    fn count(&self) {
        let waiting = self.queue.borrow().len() + 1;
        self.dispatcher.dispatch(Action::Waiting(waiting));
    }

    /// The revision that was seen, with what this page did itself since.
    fn advanced(&self, seen: i64) -> i64 {
        let own = self.own.borrow();
        let mut seen = seen;
        while own.contains(&(seen + 1)) {
            seen += 1;
        }
        seen
    }

    async fn send(&self, wish: Wish, seen: i64) -> Answer<Vec<DraftEntry>> {
        let edited = match wish {
            Wish::Edits(edits) => api::edit_draft(self.draft, seen, edits).await?,
            // What is undone is named, or one's own: others' edits do not make it another one.
            Wish::Turn(kind, edit) => {
                let word = if kind == EntryKind::Undo {
                    "undo"
                } else {
                    "redo"
                };
                let turn = Turn {
                    revision: None,
                    edit,
                };
                api::turn_draft(self.draft, word, &turn).await?
            }
        };
        let made = edited.entries.iter().map(|entry| entry.revision);
        self.own.borrow_mut().extend(made);
        self.dispatcher
            .dispatch(Action::Entries(edited.entries.clone()));
        self.dispatcher.dispatch(Action::Draft(edited.draft));
        Ok(edited.entries)
    }

    async fn carry_out(&self, proposal: Proposal) -> Answer<Vec<DraftEntry>> {
        let mut seen = self.advanced(proposal.seen);
        loop {
            let error = match self.send(proposal.wish.clone(), seen).await {
                Err(ApiError::Problem(problem)) if problem.meanwhile.is_some() => problem,
                answer => return answer,
            };
            let (Some(meanwhile), Wish::Edits(edits)) = (&error.meanwhile, &proposal.wish) else {
                return Err(ApiError::Problem(error));
            };
            let others: Vec<DraftEntry> = in_the_way(edits, &meanwhile.entries).cloned().collect();
            if !others.is_empty() {
                self.dispatcher.dispatch(Action::Conflict(Some(Conflict {
                    edits: edits.clone(),
                    others,
                    revision: meanwhile.revision,
                })));
                return Err(ApiError::Problem(error));
            }
            seen = meanwhile.revision;
        }
    }
}

/// A draft, and ways to change it.
#[derive(Clone)]
pub struct DraftSession {
    pub view: Rc<DraftView>,
    shared: Rc<Shared>,
    pub reload: Callback<()>,
}

impl PartialEq for DraftSession {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.view, &other.view) && Rc::ptr_eq(&self.shared, &other.shared)
    }
}

impl DraftSession {
    /// Does something on the draft as it was at a revision. Others' edits of the same labels since are shown first, and
    /// `done` hears of it as of any refusal.
    pub fn propose(&self, wish: Wish, seen: i64, done: Callback<Answer<Vec<DraftEntry>>>) {
        self.shared.propose(Proposal { wish, seen, done });
    }

    /// The conflict is settled, one way or another.
    pub fn settle(&self) {
        self.shared.dispatcher.dispatch(Action::Conflict(None));
    }
}

/// Follows a draft as long as the page is open.
#[hook]
pub fn use_draft(draft: i64) -> DraftSession {
    let state = use_reducer(State::default);
    let shared = use_memo(draft, {
        let dispatcher = state.dispatcher();
        move |draft| {
            Rc::new(Shared {
                draft: *draft,
                dispatcher,
                queue: RefCell::default(),
                is_working: RefCell::default(),
                own: RefCell::default(),
            })
        }
    });
    let turn = use_state(|| 0_u32);
    {
        let dispatcher = state.dispatcher();
        use_effect_with((draft, *turn), move |(draft, _)| {
            let (handle, registration) = AbortHandle::new_pair();
            let task = Abortable::new(follow(*draft, dispatcher), registration);
            spawn_local(async move {
                // Aborted or ended: either way there is nothing left to do.
                let _ = task.await;
            });
            move || handle.abort()
        });
    }
    let reload = {
        let turn = turn.clone();
        Callback::from(move |()| turn.set(*turn + 1))
    };
    DraftSession {
        view: state.view.clone(),
        shared: (*shared).clone(),
        reload,
    }
}

async fn follow(draft: i64, dispatcher: UseReducerDispatcher<State>) {
    let loaded = async {
        let found = api::draft(draft).await?;
        let (entries, _) = api::draft_entries(draft, 0).await?;
        Ok((found, entries))
    };
    let mut seen = match loaded.await {
        Ok((found, entries)) => {
            let seen = entries.last().map_or(0, |entry| entry.revision);
            let is_over = is_over(&found);
            dispatcher.dispatch(Action::Loaded(found, entries));
            if is_over {
                return;
            }
            seen
        }
        Err(error) => {
            dispatcher.dispatch(Action::Failed(error));
            return;
        }
    };
    loop {
        if listen(draft, &mut seen, &dispatcher).await {
            return;
        }
        TimeoutFuture::new(AGAIN_MS).await;
        // What came meanwhile comes with the next stream; a draft that is over has none.
        match api::draft(draft).await {
            Ok(found) => {
                if let Ok((entries, _)) = api::draft_entries(draft, seen).await {
                    seen = entries.last().map_or(seen, |entry| entry.revision);
                    dispatcher.dispatch(Action::Entries(entries));
                }
                let is_over = is_over(&found);
                dispatcher.dispatch(Action::Draft(found));
                if is_over {
                    return;
                }
            }
            Err(_) => dispatcher.dispatch(Action::Behind(true)),
        }
    }
}

fn is_over(draft: &Draft) -> bool {
    matches!(draft.state, DraftState::Published | DraftState::Discarded)
}

/// Reads events until the draft is over (true) or the stream breaks (false).
async fn listen(draft: i64, seen: &mut i64, dispatcher: &UseReducerDispatcher<State>) -> bool {
    let Ok(mut source) = EventSource::new(&api::draft_events_address(draft, *seen)) else {
        return false;
    };
    let (Ok(entries), Ok(drafts)) = (source.subscribe("entry"), source.subscribe("draft")) else {
        return false;
    };
    let mut events = select(entries, drafts);
    while let Some(Ok((kind, message))) = events.next().await {
        let text = message.data().as_string().unwrap_or_default();
        if kind == "entry" {
            // An event of a newer server that this page does not know is passed over.
            if let Ok(entry) = serde_json::from_str::<DraftEntry>(&text) {
                *seen = entry.revision;
                dispatcher.dispatch(Action::Entries(vec![entry]));
            }
        } else if let Ok(found) = serde_json::from_str::<Draft>(&text) {
            dispatcher.dispatch(Action::Behind(false));
            let is_over = is_over(&found);
            dispatcher.dispatch(Action::Draft(found));
            if is_over {
                return true;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(revision: i64) -> DraftEntry {
        DraftEntry {
            revision,
            kind: EntryKind::Edit,
            edit: Edit::Rename {
                label: "a".into(),
                name: revision.to_string(),
            },
            of: revision,
            author: "ann".into(),
            at: String::new(),
        }
    }

    fn draft(revision: i64) -> Draft {
        serde_json::from_value(serde_json::json!({
            "id": 1, "project": 1, "taxonomy": 1, "name": "", "state": "open", "revision": revision, "author": "ann",
            "created_at": "", "updated_at": ""
        }))
        .expect("a draft")
    }

    #[test]
    fn entries_come_once_and_without_gaps() {
        let state = Rc::new(State::default()).reduce(Action::Loaded(draft(1), vec![entry(1)]));
        let state = state.reduce(Action::Entries(vec![entry(1), entry(2)]));
        assert_eq!(state.view.revision(), 2);
        let late = state.clone().reduce(Action::Entries(vec![entry(2)]));
        assert!(Rc::ptr_eq(&state, &late), "what is known changes nothing");
        let state = state.reduce(Action::Entries(vec![entry(4)]));
        assert_eq!(
            state.view.revision(),
            2,
            "the one between is still on its way"
        );
        let state = state.reduce(Action::Entries(vec![entry(3), entry(4)]));
        assert_eq!(state.view.revision(), 4);
    }

    #[test]
    fn late_news_of_the_draft_are_passed_over() {
        let state = Rc::new(State::default()).reduce(Action::Draft(draft(5)));
        let state = state.reduce(Action::Draft(draft(4)));
        assert_eq!(
            state.view.draft.as_ref().map(|draft| draft.revision),
            Some(5)
        );
    }
}
