//! The line of documents with the server behind it: decisions go out one after another while the person is at the next
//! document; one that was refused puts its document back.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use arborist_shared::api::drafts::{ReviewPage, ReviewRow};
use arborist_shared::api::reviews::NewDecision;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::api::{self, ApiError};
use crate::model::review_line::ReviewLine;

/// Documents of one request.
pub const PAGE: u32 = 100;

enum Action {
    Start(Rc<ReviewPage>),
    Longer(ReviewPage),
    Skip,
    Back,
    Take(i64),
    PutBack(Rc<ReviewRow>),
    Counted(u64, u64),
}

#[derive(Default)]
struct State(Rc<ReviewLine>);

impl Reducible for State {
    type Action = Action;

    fn reduce(self: Rc<Self>, action: Action) -> Rc<Self> {
        let line = (*self.0).clone();
        let line = match action {
            Action::Start(page) => line.start(&page),
            Action::Longer(page) => line.longer(&page),
            Action::Skip => line.skip(),
            Action::Back => line.back(),
            Action::Take(document) => line.take(document),
            Action::PutBack(row) => line.put_back(row),
            Action::Counted(waiting, decided) => line.counted(waiting, decided),
        };
        Rc::new(Self(Rc::new(line)))
    }
}

/// What is still to be sent.
enum Wish {
    Decide(Rc<ReviewRow>, NewDecision),
    /// Takes a decision back: this one, or the last one that was made here.
    Undo(Option<i64>),
}

#[derive(Default)]
struct Outbox {
    wishes: VecDeque<Wish>,
    is_sending: bool,
    /// Decisions that were made here, the last one at the end.
    made: Vec<(i64, Rc<ReviewRow>)>,
}

/// What comes of a wish, for the page.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// A decision was made or taken back.
    Changed,
    NothingToUndo,
    Failed(ApiError),
}

/// The line, and what can be done with it.
#[derive(Clone)]
pub struct Desk {
    pub line: Rc<ReviewLine>,
    corpus: i64,
    dispatcher: UseReducerDispatcher<State>,
    outbox: Rc<RefCell<Outbox>>,
    onnews: Callback<News>,
}

impl PartialEq for Desk {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.line, &other.line) && self.corpus == other.corpus
    }
}

impl Desk {
    /// A document of the queue comes to hand.
    pub fn take_up(&self, row: Rc<ReviewRow>) {
        self.dispatcher.dispatch(Action::PutBack(row));
    }

    pub fn skip(&self) {
        self.dispatcher.dispatch(Action::Skip);
    }

    pub fn back(&self) {
        self.dispatcher.dispatch(Action::Back);
    }

    /// Decides about the document at hand; the next one is at hand at once.
    pub fn decide(&self, decision: NewDecision) {
        if let Some(row) = self.line.at_hand() {
            self.dispatcher.dispatch(Action::Take(row.document));
            self.send(Wish::Decide(row.clone(), decision));
        }
    }

    /// Takes a decision back, or the last one that was made here: its document is at hand again.
    pub fn undo(&self, decision: Option<i64>) {
        self.send(Wish::Undo(decision));
    }

    fn send(&self, wish: Wish) {
        let is_first = {
            let mut outbox = self.outbox.borrow_mut();
            outbox.wishes.push_back(wish);
            !std::mem::replace(&mut outbox.is_sending, true)
        };
        if is_first {
            let desk = self.clone();
            spawn_local(async move { desk.empty().await });
        }
    }

    /// Sends what there is, one after another.
    async fn empty(&self) {
        loop {
            let wish = {
                let mut outbox = self.outbox.borrow_mut();
                let wish = outbox.wishes.pop_front();
                outbox.is_sending = wish.is_some();
                wish
            };
            match wish {
                None => return,
                Some(Wish::Decide(row, decision)) => self.make(row, decision).await,
                Some(Wish::Undo(decision)) => self.take_back(decision).await,
            }
        }
    }

    async fn make(&self, row: Rc<ReviewRow>, decision: NewDecision) {
        match api::decide(self.corpus, vec![decision]).await {
            Ok(decided) => {
                let made = decided.decisions.iter().map(|made| (made.id, row.clone()));
                self.outbox.borrow_mut().made.extend(made);
                self.count(decided.n_waiting, decided.n_decided);
            }
            Err(error) => {
                // A document that somebody else has decided about meanwhile is not this person's any more.
                if error.code() != Some("review_settled") {
                    self.dispatcher.dispatch(Action::PutBack(row));
                }
                self.onnews.emit(News::Failed(error));
            }
        }
    }

    async fn take_back(&self, decision: Option<i64>) {
        let known = {
            let outbox = self.outbox.borrow();
            let mut made = outbox.made.iter().rev();
            match decision {
                Some(id) => made.find(|(made, _)| *made == id).cloned(),
                None => made.next().cloned(),
            }
        };
        let Some(id) = decision.or(known.as_ref().map(|(id, _)| *id)) else {
            self.onnews.emit(News::NothingToUndo);
            return;
        };
        let undone = match api::undo_decisions(self.corpus, vec![id]).await {
            Ok(undone) => undone,
            Err(error) => {
                self.onnews.emit(News::Failed(error));
                return;
            }
        };
        self.outbox
            .borrow_mut()
            .made
            .retain(|(made, _)| *made != id);
        let document = undone.decisions.first().map(|decision| decision.document);
        let row = match (known, document) {
            (Some((_, row)), _) => Some(row),
            // It waits again either way; what cannot be had now comes with the next look at the queue.
            (None, Some(document)) => {
                let row = api::review(self.corpus, document).await.ok().flatten();
                row.map(Rc::new)
            }
            (None, None) => None,
        };
        if let Some(row) = row {
            self.dispatcher.dispatch(Action::PutBack(row));
        }
        self.count(undone.n_waiting, undone.n_decided);
    }

    fn count(&self, n_waiting: u64, n_decided: u64) {
        let counted = Action::Counted(n_waiting, n_decided);
        self.dispatcher.dispatch(counted);
        self.onnews.emit(News::Changed);
    }
}

/// The line of a corpus, which begins with a page (anew whenever that is another one).
#[hook]
pub fn use_desk(corpus: i64, first: Rc<ReviewPage>, onnews: Callback<News>) -> Desk {
    let state = use_reducer(State::default);
    let outbox = use_mut_ref(Outbox::default);
    let loading = use_mut_ref(|| false);
    {
        let dispatcher = state.dispatcher();
        use_effect_with(Rc::as_ptr(&first) as usize, move |_| {
            dispatcher.dispatch(Action::Start(first));
        });
    }
    {
        let dispatcher = state.dispatcher();
        let wanted = state.0.is_short().then(|| state.0.next.clone()).flatten();
        let place = (state.0.place(), state.0.rows.len());
        use_effect_with((wanted, place), move |(wanted, _)| {
            if let Some(cursor) = wanted.clone()
                && !std::mem::replace(&mut *loading.borrow_mut(), true)
            {
                let loading = loading.clone();
                spawn_local(async move {
                    // Where that fails, the next step tries again.
                    if let Ok(page) = api::reviews(corpus, PAGE, Some(cursor)).await {
                        dispatcher.dispatch(Action::Longer(page));
                    }
                    *loading.borrow_mut() = false;
                });
            }
        });
    }
    Desk {
        line: state.0.clone(),
        corpus,
        dispatcher: state.dispatcher(),
        outbox,
        onnews,
    }
}
