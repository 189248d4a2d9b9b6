//! What labels are called that are known by their ids only, as edits name them.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use futures_util::future::join_all;
use yew::prelude::*;

use super::workbench::Workbench;
use crate::api::{self, Source};
use crate::hooks::use_search;
use crate::model::draft::given_names;

/// Labels that are asked for at once; others are called by their ids.
const MOST: usize = 100;

/// Names of a label and those above it; none where the version has no such label.
type KnownPath = Option<Vec<String>>;

thread_local! {
    /// Paths by version and label; versions never change.
    static KNOWN: RefCell<HashMap<(i64, String), KnownPath>> = RefCell::default();
}

/// Paths of labels by id, topmost name first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Paths(Rc<BTreeMap<String, Vec<String>>>);

impl Paths {
    /// Where a label is: its id alone as long as nothing else is known.
    pub fn of(&self, id: &str) -> Vec<String> {
        let known = self.0.get(id).cloned();
        known.unwrap_or_else(|| vec![id.to_owned()])
    }
}

/// Names by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Names(Rc<BTreeMap<String, String>>);

impl Names {
    /// What a label is called: its id as long as nothing else is known.
    pub fn of(&self, id: &str) -> String {
        self.0.get(id).cloned().unwrap_or_else(|| id.to_owned())
    }
}

async fn path_in(taxonomy: i64, id: String) -> Option<(String, Vec<String>)> {
    let key = (taxonomy, id);
    let known = KNOWN.with(|known| known.borrow().get(&key).cloned());
    let path = match known {
        Some(path) => path,
        // What cannot be had now is asked for again the next time.
        None => {
            let card = api::find_label(Source::Version(taxonomy), &key.1)
                .await
                .ok()?;
            let path = card.map(|card| match card.label.path.is_empty() {
                true => vec![card.label.name],
                false => card.label.path,
            });
            KNOWN.with(|known| known.borrow_mut().insert(key.clone(), path.clone()));
            path
        }
    };
    Some((key.1, path?))
}

/// Paths of labels in a version.
#[hook]
pub fn use_paths_in(taxonomy: i64, ids: Vec<String>) -> Paths {
    let found = use_search((taxonomy, ids), |(taxonomy, ids)| async move {
        let asked = ids.into_iter().take(MOST).map(|id| path_in(taxonomy, id));
        let found: BTreeMap<String, Vec<String>> =
            join_all(asked).await.into_iter().flatten().collect();
        Ok(found)
    });
    found.data().map(Paths).unwrap_or_default()
}

/// Names of labels in a version.
#[hook]
pub fn use_names_in(taxonomy: i64, ids: Vec<String>) -> Names {
    let paths = use_paths_in(taxonomy, ids);
    let name = |(id, path): (&String, &Vec<String>)| Some((id.clone(), path.last()?.clone()));
    Names(Rc::new(paths.0.iter().filter_map(name).collect()))
}

/// Names of labels as they are at a revision of a draft, or in a version.
#[hook]
pub fn use_names_now(source: Source, seen: i64, ids: Vec<String>) -> Names {
    let found = use_search((source, seen, ids), |(source, _, ids)| async move {
        let ask = |id: String| async move {
            let card = api::find_label(source, &id).await.ok()??;
            Some((id, card.label.name))
        };
        let asked = ids.into_iter().take(MOST).map(ask);
        let found: BTreeMap<String, String> = join_all(asked).await.into_iter().flatten().collect();
        Ok(found)
    });
    found.data().map(Names).unwrap_or_default()
}

/// Names of labels in a draft: those of its version, and what its edits call new ones.
#[hook]
pub fn use_names(bench: &Workbench, ids: Vec<String>) -> Names {
    let base = use_names_in(bench.source.taxonomy(), ids);
    let entries = bench.session.view.entries.clone();
    let given = use_memo(bench.seen(), move |_| {
        given_names(entries.iter().map(|entry| &entry.edit))
    });
    let mut all = (*given).clone();
    all.extend(base.0.iter().map(|(id, name)| (id.clone(), name.clone())));
    Names(Rc::new(all))
}
