//! What a page shows beyond its route, kept in the query of the address: a link shows a colleague the same thing.

use std::rc::Rc;

use yew::prelude::*;
use yew_router::prelude::*;

use crate::route::Route;

/// The pairs of a query string, in order.
pub type Pairs = Vec<(String, String)>;

/// Reads `a=1&b=2`, with or without the question mark.
pub fn parse(query: &str) -> Pairs {
    serde_urlencoded::from_str(query.strip_prefix('?').unwrap_or(query)).unwrap_or_default()
}

/// `pairs` after `changes`: a value replaces the first pair of its name, none or an empty value removes it.
pub fn changed(mut pairs: Pairs, changes: &[(&str, Option<String>)]) -> Pairs {
    for (name, value) in changes {
        let value = value.as_ref().filter(|value| !value.is_empty());
        match (pairs.iter().position(|(key, _)| key == name), value) {
            (Some(at), Some(value)) => pairs[at].1.clone_from(value),
            (Some(_), None) => pairs.retain(|(key, _)| key != name),
            (None, Some(value)) => pairs.push(((*name).to_owned(), value.clone())),
            (None, None) => {}
        }
    }
    pairs
}

/// Numbers from `1,2,3`; what is no number is left out.
pub fn numbers(text: &str) -> Vec<i64> {
    text.split(',')
        .filter_map(|part| part.trim().parse().ok())
        .collect()
}

/// `1,2,3` from numbers.
pub fn join(numbers: impl IntoIterator<Item = i64>) -> String {
    numbers
        .into_iter()
        .map(|number| number.to_string())
        .collect::<Vec<_>>()
        .join(",")
}

/// The query of the present address.
#[derive(Clone)]
pub struct UrlQuery {
    pairs: Rc<Pairs>,
    route: Route,
    navigator: Option<Navigator>,
}

impl PartialEq for UrlQuery {
    fn eq(&self, other: &Self) -> bool {
        self.pairs == other.pairs && self.route == other.route
    }
}

impl UrlQuery {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The value, or an empty text.
    pub fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_owned()
    }

    pub fn id(&self, name: &str) -> Option<i64> {
        self.get(name)?.parse().ok()
    }

    pub fn ids(&self, name: &str) -> Vec<i64> {
        self.get(name).map(numbers).unwrap_or_default()
    }

    pub fn pairs(&self) -> &Pairs {
        &self.pairs
    }

    /// Changes values in place: going back leaves the page.
    pub fn set(&self, changes: &[(&str, Option<String>)]) {
        self.go(changed(present(), changes), false);
    }

    /// Changes values as a step of its own: going back undoes it.
    pub fn push(&self, changes: &[(&str, Option<String>)]) {
        self.go(changed(present(), changes), true);
    }

    /// Replaces the whole query in place.
    pub fn replace_all(&self, pairs: Pairs) {
        self.go(pairs, false);
    }

    fn go(&self, pairs: Pairs, as_step: bool) {
        if pairs == present() {
            return;
        }
        let Some(navigator) = &self.navigator else {
            return;
        };
        let hash = if as_step {
            String::new()
        } else {
            web_sys::window()
                .and_then(|window| window.location().hash().ok())
                .unwrap_or_default()
        };
        // Pairs of text always serialize; without them the plain route is still right.
        if pairs.is_empty() {
            if as_step {
                navigator.push(&self.route)
            } else {
                navigator.replace(&self.route)
            }
        } else if as_step {
            let _ = navigator.push_with_query(&self.route, pairs);
        } else {
            let _ = navigator.replace_with_query(&self.route, pairs);
        }
        keep_hash(&hash);
    }
}

/// Puts the fragment back that the router drops.
fn keep_hash(hash: &str) {
    let (false, Some(window)) = (hash.is_empty(), web_sys::window()) else {
        return;
    };
    let location = window.location();
    let address = format!(
        "{}{}{hash}",
        location.pathname().unwrap_or_default(),
        location.search().unwrap_or_default()
    );
    if let Ok(history) = window.history() {
        let state = history.state().unwrap_or(wasm_bindgen::JsValue::NULL);
        // A browser that refuses to change its address shows the same page without it.
        let _ = history.replace_state_with_url(&state, "", Some(&address));
    }
}

/// What the address says now; a handle in a callback may be older than that.
fn present() -> Pairs {
    let search = web_sys::window()
        .and_then(|window| window.location().search().ok())
        .unwrap_or_default();
    parse(&search)
}

/// The query of the present address, and ways to change it.
#[hook]
pub fn use_url_query() -> UrlQuery {
    let navigator = use_navigator();
    let location = use_location();
    let route = use_route::<Route>().unwrap_or(Route::NotFound);
    let query = location
        .map(|location| location.query_str().to_owned())
        .unwrap_or_default();
    let pairs = use_memo(query, |query| parse(query));
    UrlQuery {
        pairs,
        route,
        navigator,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_and_changed() {
        let pairs = parse("?search=a+b&split=test");
        assert_eq!(pairs[0], ("search".into(), "a b".into()));
        let pairs = changed(
            pairs,
            &[
                ("split", None),
                ("search", Some("c".into())),
                ("label", Some("x/y".into())),
                ("empty", Some(String::new())),
            ],
        );
        assert_eq!(
            pairs,
            vec![
                ("search".into(), "c".into()),
                ("label".into(), "x/y".into())
            ]
        );
    }

    #[test]
    fn lists_of_ids_survive_nonsense() {
        assert_eq!(numbers("1,x, 3,"), vec![1, 3]);
        assert_eq!(join([1, 3]), "1,3");
        assert!(numbers("").is_empty());
    }
}
