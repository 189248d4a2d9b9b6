//! Lists that come page by page: the first with the question, the others as one scrolls.

use std::rc::Rc;

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::api::{Answer, ApiError};

/// A page of rows, and how to ask for the next.
pub struct Page<T> {
    pub rows: Vec<T>,
    pub next: Option<String>,
}

/// All rows so far.
pub struct More<T> {
    pub rows: Rc<Vec<Rc<T>>>,
    /// There are more to be had.
    pub has_more: bool,
    pub loading: bool,
    pub error: Option<ApiError>,
    /// Asks for the next page; does nothing while one is on its way or none is left.
    pub load: Callback<()>,
}

struct State<T> {
    /// Tells the rows of one question from those of the next.
    turn: u32,
    rows: Rc<Vec<Rc<T>>>,
    next: Option<String>,
    loading: bool,
    error: Option<ApiError>,
}

enum Action<T> {
    Start(Page<T>),
    Ask,
    Add(u32, Answer<Page<T>>),
}

impl<T> Reducible for State<T> {
    type Action = Action<T>;

    fn reduce(self: Rc<Self>, action: Action<T>) -> Rc<Self> {
        let state = match action {
            Action::Start(page) => Self {
                turn: self.turn + 1,
                rows: Rc::new(page.rows.into_iter().map(Rc::new).collect()),
                next: page.next,
                loading: false,
                error: None,
            },
            Action::Ask => Self {
                turn: self.turn,
                rows: self.rows.clone(),
                next: self.next.clone(),
                loading: true,
                error: None,
            },
            Action::Add(turn, _) if turn != self.turn => return self,
            Action::Add(turn, Ok(page)) => {
                let rows = self
                    .rows
                    .iter()
                    .cloned()
                    .chain(page.rows.into_iter().map(Rc::new))
                    .collect();
                Self {
                    turn,
                    rows: Rc::new(rows),
                    next: page.next,
                    loading: false,
                    error: None,
                }
            }
            Action::Add(turn, Err(error)) => Self {
                turn,
                rows: self.rows.clone(),
                next: self.next.clone(),
                loading: false,
                error: Some(error),
            },
        };
        Rc::new(state)
    }
}

/// Rows that start with `first` (anew whenever it is another object) and go on with `fetch(cursor)`.
#[hook]
pub fn use_more<P, T, S, F, W>(first: Option<Rc<P>>, split: S, fetch: F) -> More<T>
where
    P: 'static,
    T: 'static,
    S: Fn(&P) -> Page<T> + 'static,
    F: Fn(String) -> W + 'static,
    W: Future<Output = Answer<Page<T>>> + 'static,
{
    let state = use_reducer(|| State::<T> {
        turn: 0,
        rows: Rc::default(),
        next: None,
        loading: false,
        error: None,
    });
    {
        let dispatcher = state.dispatcher();
        let address = first.as_ref().map(|first| Rc::as_ptr(first) as usize);
        use_effect_with(address, move |_| {
            if let Some(first) = first {
                dispatcher.dispatch(Action::Start(split(&first)));
            }
        });
    }
    let load = {
        let (dispatcher, loading, next, turn) = (
            state.dispatcher(),
            state.loading,
            state.next.clone(),
            state.turn,
        );
        let fetch = Rc::new(fetch);
        Callback::from(move |()| {
            let (false, Some(cursor)) = (loading, next.clone()) else {
                return;
            };
            dispatcher.dispatch(Action::Ask);
            let (dispatcher, fetch) = (dispatcher.clone(), fetch.clone());
            spawn_local(async move {
                let answer = fetch(cursor).await;
                dispatcher.dispatch(Action::Add(turn, answer));
            });
        })
    };
    More {
        rows: state.rows.clone(),
        has_more: state.next.is_some(),
        loading: state.loading,
        error: state.error.clone(),
        load,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_an_older_question_are_dropped() {
        let page = |rows: &[i32], next: Option<&str>| Page {
            rows: rows.to_vec(),
            next: next.map(str::to_owned),
        };
        let state = Rc::new(State {
            turn: 0,
            rows: Rc::default(),
            next: None,
            loading: false,
            error: None,
        });
        let state = state.reduce(Action::Start(page(&[1, 2], Some("c"))));
        let state = state
            .reduce(Action::Ask)
            .reduce(Action::Add(1, Ok(page(&[3], None))));
        assert_eq!(
            (state.rows.len(), state.next.clone(), state.loading),
            (3, None, false)
        );
        let state = state
            .reduce(Action::Start(page(&[9], Some("d"))))
            .reduce(Action::Add(1, Ok(page(&[4], None))));
        assert_eq!((state.rows.len(), state.next.as_deref()), (1, Some("d")));
    }
}
