//! Loading something and keeping it: *loading*, *failed* or *ready*, never two of them.
//!
//! Answers that arrive after the key has changed or the component is gone are dropped. A reload keeps what
//! is shown; when it fails, the old data stays with the time it is from, so that the page can say so.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::api::{Answer, ApiError};

/// Where a request stands.
#[derive(Debug)]
pub enum Loading<T> {
    Waiting,
    Failed(ApiError),
    Ready(Loaded<T>),
}

/// Data with its age.
#[derive(Debug)]
pub struct Loaded<T> {
    pub data: Rc<T>,
    /// Milliseconds since 1970.
    pub at: f64,
    /// The last attempt to refresh failed: what is shown is from `at`.
    pub stale: Option<ApiError>,
    /// The data belongs to an earlier key, and the answer to the present one is on its way.
    pub outdated: bool,
}

impl<T> Clone for Loaded<T> {
    fn clone(&self) -> Self {
        Self {
            data: self.data.clone(),
            at: self.at,
            stale: self.stale.clone(),
            outdated: self.outdated,
        }
    }
}

impl<T> Clone for Loading<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Waiting => Self::Waiting,
            Self::Failed(error) => Self::Failed(error.clone()),
            Self::Ready(loaded) => Self::Ready(loaded.clone()),
        }
    }
}

impl<T> PartialEq for Loading<T> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Waiting, Self::Waiting) => true,
            (Self::Failed(a), Self::Failed(b)) => a == b,
            (Self::Ready(a), Self::Ready(b)) => {
                Rc::ptr_eq(&a.data, &b.data)
                    && a.at == b.at
                    && a.stale == b.stale
                    && a.outdated == b.outdated
            }
            _ => false,
        }
    }
}

/// A request's state and the way to ask again.
pub struct Query<T> {
    pub state: Loading<T>,
    pub reload: Callback<()>,
}

impl<T> Clone for Query<T> {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
            reload: self.reload.clone(),
        }
    }
}

impl<T> PartialEq for Query<T> {
    fn eq(&self, other: &Self) -> bool {
        self.state == other.state && self.reload == other.reload
    }
}

impl<T> Query<T> {
    /// The data, if there is any.
    pub fn data(&self) -> Option<Rc<T>> {
        match &self.state {
            Loading::Ready(loaded) => Some(loaded.data.clone()),
            _ => None,
        }
    }
}

enum Action<T> {
    Start { keep: bool },
    Finish { answer: Answer<T>, at: f64 },
}

struct State<T> {
    loading: Loading<T>,
}

impl<T> Default for State<T> {
    fn default() -> Self {
        Self {
            loading: Loading::Waiting,
        }
    }
}

impl<T> Reducible for State<T> {
    type Action = Action<T>;

    fn reduce(self: Rc<Self>, action: Action<T>) -> Rc<Self> {
        let loading = match (action, &self.loading) {
            (Action::Start { keep: true }, Loading::Ready(loaded)) => Loading::Ready(Loaded {
                outdated: true,
                ..loaded.clone()
            }),
            (Action::Start { .. }, _) => Loading::Waiting,
            (
                Action::Finish {
                    answer: Ok(data),
                    at,
                },
                _,
            ) => Loading::Ready(Loaded {
                data: Rc::new(data),
                at,
                stale: None,
                outdated: false,
            }),
            (
                Action::Finish {
                    answer: Err(error), ..
                },
                Loading::Ready(loaded),
            ) if !loaded.outdated => Loading::Ready(Loaded {
                stale: Some(error),
                ..loaded.clone()
            }),
            (
                Action::Finish {
                    answer: Err(error), ..
                },
                _,
            ) => Loading::Failed(error),
        };
        Rc::new(Self { loading })
    }
}

/// Loads `fetch(key)` whenever the key changes; a new key starts with an empty page.
#[hook]
pub fn use_query<K, T, F, W>(key: K, fetch: F) -> Query<T>
where
    K: Clone + PartialEq + 'static,
    T: 'static,
    F: Fn(K) -> W + 'static,
    W: Future<Output = Answer<T>> + 'static,
{
    use_loading(key, fetch, false)
}

/// As [`use_query`], for searching as one types: the rows of the last key stay until the new ones are there.
#[hook]
pub fn use_search<K, T, F, W>(key: K, fetch: F) -> Query<T>
where
    K: Clone + PartialEq + 'static,
    T: 'static,
    F: Fn(K) -> W + 'static,
    W: Future<Output = Answer<T>> + 'static,
{
    use_loading(key, fetch, true)
}

#[hook]
fn use_loading<K, T, F, W>(key: K, fetch: F, keep: bool) -> Query<T>
where
    K: Clone + PartialEq + 'static,
    T: 'static,
    F: Fn(K) -> W + 'static,
    W: Future<Output = Answer<T>> + 'static,
{
    let state = use_reducer(State::<T>::default);
    let turn = use_state(|| 0_u32);
    // The key of the last request tells a reload from a new question.
    let asked = use_mut_ref(|| None::<K>);

    {
        let dispatcher = state.dispatcher();
        use_effect_with((key, *turn), move |(key, _)| {
            let key = key.clone();
            let is_reload = asked.borrow().as_ref() == Some(&key);
            if !is_reload {
                let is_first = asked.borrow().is_none();
                *asked.borrow_mut() = Some(key.clone());
                if !is_first {
                    dispatcher.dispatch(Action::Start { keep });
                }
            }
            let current = Rc::new(Cell::new(true));
            let answer = fetch(key);
            {
                let current = current.clone();
                spawn_local(async move {
                    let answer = answer.await;
                    if current.get() {
                        dispatcher.dispatch(Action::Finish {
                            answer,
                            at: js_sys::Date::now(),
                        });
                    }
                });
            }
            move || current.set(false)
        });
    }

    let counter = use_mut_ref(|| 0_u32);
    let reload = use_callback((), {
        let turn = turn.setter();
        move |(), ()| {
            let mut counter = counter.borrow_mut();
            *counter += 1;
            turn.set(*counter);
        }
    });
    Query {
        state: state.loading.clone(),
        reload,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step<T>(state: Rc<State<T>>, action: Action<T>) -> Rc<State<T>> {
        state.reduce(action)
    }

    fn offline() -> ApiError {
        ApiError::Network {
            detail: "offline".into(),
        }
    }

    #[test]
    fn a_failed_refresh_keeps_the_data_and_says_so() {
        let state = step(
            Rc::new(State::default()),
            Action::Finish {
                answer: Ok(1),
                at: 5.0,
            },
        );
        let state = step(
            state,
            Action::Finish {
                answer: Err(offline()),
                at: 9.0,
            },
        );
        let Loading::Ready(loaded) = &state.loading else {
            panic!("data is lost")
        };
        assert_eq!(
            (*loaded.data, loaded.at, loaded.stale.is_some()),
            (1, 5.0, true)
        );
    }

    #[test]
    fn a_new_key_empties_the_page_unless_it_is_a_search() {
        let ready = step(
            Rc::new(State::default()),
            Action::Finish {
                answer: Ok(1),
                at: 5.0,
            },
        );
        assert!(matches!(
            step(ready.clone(), Action::Start { keep: false }).loading,
            Loading::Waiting
        ));
        let searching = step(ready, Action::Start { keep: true });
        assert!(matches!(&searching.loading, Loading::Ready(loaded) if loaded.outdated));
        let failed = step(
            searching,
            Action::Finish {
                answer: Err(offline()),
                at: 6.0,
            },
        );
        assert!(
            matches!(&failed.loading, Loading::Failed(_)),
            "rows of another search must not stay after a failure"
        );
    }
}
