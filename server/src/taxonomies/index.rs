//! Taxonomies in memory: the hierarchy, names folded for search, and what is wrong.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arborist_shared::LabelIndex;
use arborist_shared::taxonomy::{Problem, Taxonomy, TaxonomyError, check};
use rustc_hash::FxHashMap;

use super::store;
use crate::db::{Db, DbErr};

/// Taxonomies that are kept.
const CAPACITY: usize = 16;

/// A taxonomy that can be searched.
#[derive(Debug)]
pub struct LabelIndexes {
    pub taxonomy: Arc<Taxonomy>,
    /// Name of each label in lower case.
    names: Vec<Arc<str>>,
    /// Id of each label in lower case, where it differs from the name.
    ids: Vec<Option<Arc<str>>>,
    /// Other names and notations in lower case, in taxonomy order.
    others: Vec<(LabelIndex, String)>,
    /// Found out when somebody asks.
    problems: OnceLock<Problems>,
}

/// What is wrong with a taxonomy.
#[derive(Debug, Default)]
pub struct Problems {
    pub all: Vec<Problem>,
    /// How many name a label.
    by_label: FxHashMap<LabelIndex, u64>,
}

impl Problems {
    fn new(taxonomy: &Taxonomy) -> Self {
        let all = check(taxonomy);
        let mut by_label: FxHashMap<LabelIndex, u64> = FxHashMap::default();
        let named = all.iter().flat_map(|problem| &problem.labels);
        for label in named.filter_map(|id| taxonomy.index_of(id)) {
            *by_label.entry(label).or_default() += 1;
        }
        Self { all, by_label }
    }

    /// How many name this label.
    #[must_use]
    pub fn count(&self, label: LabelIndex) -> u64 {
        self.by_label.get(&label).copied().unwrap_or(0)
    }

    /// Those that name a label, by its id.
    pub fn of(&self, id: &str) -> impl Iterator<Item = &Problem> {
        let is_named = move |problem: &&Problem| problem.labels.iter().any(|label| label == id);
        self.all.iter().filter(is_named)
    }
}

/// Along the labels of an earlier taxonomy.
struct Walk<'a> {
    earlier: &'a LabelIndexes,
    at: LabelIndex,
}

impl Walk<'_> {
    /// What is folded of the label with this id, where it has this name there.
    fn find(&mut self, id: &str, name: &str) -> Option<(Arc<str>, Option<Arc<str>>)> {
        let taxonomy = &self.earlier.taxonomy;
        let is_here = (self.at as usize) < taxonomy.len() && taxonomy.id(self.at) == id;
        let at = if is_here {
            self.at
        } else {
            taxonomy.index_of(id)?
        };
        self.at = at + 1;
        if taxonomy.name(at) != name {
            return None;
        }
        let folded = self.earlier.names.get(at as usize)?;
        Some((
            Arc::clone(folded),
            self.earlier.ids.get(at as usize)?.clone(),
        ))
    }
}

/// How well a label fits what was searched for; less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Whole,
    Start,
    WordStart,
    Inside,
    /// Every word is in a name on its path, one of them in its own.
    Path,
}

impl LabelIndexes {
    /// Folds the names of a taxonomy.
    #[must_use]
    pub fn new(taxonomy: Taxonomy) -> Self {
        Self::after(Arc::new(taxonomy), None)
    }

    /// The same, of a taxonomy that is much like an earlier one: what is called the same is folded already.
    #[must_use]
    pub fn after(taxonomy: Arc<Taxonomy>, earlier: Option<&Self>) -> Self {
        // Edits move labels by a few places at most, so that one walk along both orders finds most of them.
        let mut walk = earlier.map(|earlier| Walk { earlier, at: 0 });
        let mut names: Vec<Arc<str>> = Vec::with_capacity(taxonomy.len());
        let mut ids: Vec<Option<Arc<str>>> = Vec::with_capacity(taxonomy.len());
        for label in taxonomy.indexes() {
            let (id, name) = (taxonomy.id(label), taxonomy.name(label));
            if let Some((folded, id)) = walk.as_mut().and_then(|walk| walk.find(id, name)) {
                names.push(folded);
                ids.push(id);
                continue;
            }
            let folded: Arc<str> = name.to_lowercase().into();
            let id: Arc<str> = id.to_lowercase().into();
            ids.push(Some(id).filter(|id| **id != *folded));
            names.push(folded);
        }
        let mut others = Vec::new();
        for (label, details) in taxonomy.detailed() {
            let names = details.names.iter().map(|name| &name.name);
            let words = names.chain([&details.notation]);
            let words = words.filter(|word| !word.is_empty());
            others.extend(words.map(|word| (label, word.to_lowercase())));
        }
        Self {
            taxonomy,
            names,
            ids,
            others,
            problems: OnceLock::new(),
        }
    }

    /// What is wrong with the taxonomy; the first time it is looked through.
    pub fn problems(&self) -> &Problems {
        self.problems.get_or_init(|| Problems::new(&self.taxonomy))
    }

    /// Labels whose name, id, other name or notation contains `text`, and those on whose path all of its words are; best
    /// first, then in taxonomy order, and deprecated ones after all others.
    #[must_use]
    pub fn search(&self, text: &str) -> Vec<LabelIndex> {
        let text = text.trim().to_lowercase();
        let words: Vec<&str> = text
            .split([' ', '>', '/', '›'])
            .filter(|word| !word.is_empty())
            .collect();
        let mut found: Vec<(LabelIndex, Fit)> = Vec::new();
        for (label, (name, id)) in self
            .taxonomy
            .indexes()
            .zip(self.names.iter().zip(&self.ids))
        {
            let by_name = fit(name, &text);
            let by_id = id.as_deref().and_then(|id| fit(id, &text));
            let best = match (by_name, by_id) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            let best = best.or_else(|| self.fits_path(label, &words).then_some(Fit::Path));
            found.extend(best.map(|fit| (label, fit)));
        }
        let others = self.others.iter();
        found.extend(others.filter_map(|(label, name)| Some((*label, fit(name, &text)?))));
        // Of a label that is found twice the better fit counts.
        found.sort_unstable();
        found.dedup_by_key(|&mut (label, _)| label);
        found
            .sort_unstable_by_key(|&(label, fit)| (self.taxonomy.is_deprecated(label), fit, label));
        found.into_iter().map(|(label, _)| label).collect()
    }

    /// Whether several words are spread over the path of a label.
    fn fits_path(&self, label: LabelIndex, words: &[&str]) -> bool {
        let is_in = |label: LabelIndex, word: &str| self.names[label as usize].contains(word);
        if words.len() < 2 || !words.iter().any(|word| is_in(label, word)) {
            return false;
        }
        let path = self.taxonomy.path(label);
        words
            .iter()
            .all(|word| path.iter().any(|&label| is_in(label, word)))
    }
}

fn fit(name: &str, text: &str) -> Option<Fit> {
    let at = name.find(text)?;
    if at == 0 {
        return Some(if name.len() == text.len() {
            Fit::Whole
        } else {
            Fit::Start
        });
    }
    let starts_word = |at: usize| {
        name[..at]
            .chars()
            .next_back()
            .is_some_and(|before| !before.is_alphanumeric())
    };
    let any = name
        .match_indices(text)
        .any(|(at, _)| at > 0 && starts_word(at));
    Some(if any { Fit::WordStart } else { Fit::Inside })
}

/// The taxonomies that were used last.
#[derive(Debug, Default)]
pub struct Taxonomies {
    /// Oldest use first.
    kept: Mutex<Vec<(i64, Arc<LabelIndexes>)>>,
    /// Loading is done one at a time, so that many who ask at once do not load the same.
    loading: tokio::sync::Mutex<()>,
}

impl Taxonomies {
    /// A version that exists.
    ///
    /// # Errors
    /// When the database does not answer, or what it holds is no taxonomy.
    pub async fn get(&self, db: &Db, id: i64) -> Result<Arc<LabelIndexes>, DbErr> {
        if let Some(found) = self.find(id) {
            return Ok(found);
        }
        let _one_at_a_time = self.loading.lock().await;
        if let Some(found) = self.find(id) {
            return Ok(found);
        }
        let labels = store::labels(db.read(), id).await?;
        let load = move || {
            let loaded = LabelIndexes::new(Taxonomy::new(labels)?);
            // Here, where nobody waits on a thread of the server.
            loaded.problems();
            Ok(loaded)
        };
        let loaded = tokio::task::spawn_blocking(load)
            .await
            .map_err(|error| DbErr::Custom(error.to_string()))?
            .map_err(|error: TaxonomyError| {
                DbErr::Custom(format!("taxonomy {id} cannot be read back: {error}"))
            })?;
        let loaded = Arc::new(loaded);
        let mut kept = self.lock();
        if kept.len() >= CAPACITY {
            kept.remove(0);
        }
        kept.push((id, Arc::clone(&loaded)));
        Ok(loaded)
    }

    fn find(&self, id: i64) -> Option<Arc<LabelIndexes>> {
        let mut kept = self.lock();
        let at = kept.iter().position(|(kept, _)| *kept == id)?;
        let entry = kept.remove(at);
        let found = Arc::clone(&entry.1);
        kept.push(entry);
        Some(found)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(i64, Arc<LabelIndexes>)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use arborist_shared::taxonomy::{LabelDetails, LabelName, NewLabel};

    use super::*;

    #[test]
    fn better_fits_come_first() {
        let label = |id: &str, name: &str| NewLabel {
            id: id.to_owned(),
            name: name.to_owned(),
            parents: vec![],
            details: None,
        };
        let labels = vec![
            label("1", "Metal bands"),
            label("2", "Sheet-metal"),
            label("3", "Bimetal"),
            label("4", "METAL"),
            label("metals", "x"),
        ];
        let index = LabelIndexes::new(Taxonomy::new(labels).unwrap());
        assert_eq!(index.search(" metal"), [3, 0, 4, 1, 2]);
        assert_eq!(index.search("nothing"), [] as [LabelIndex; 0]);
        // What should not be used any more comes last, however well it fits.
        let mut labels = index.taxonomy.to_labels();
        let deprecated = LabelDetails {
            deprecated: true,
            ..LabelDetails::default()
        };
        labels[3].details = Some(Box::new(deprecated));
        let index = LabelIndexes::new(Taxonomy::new(labels).unwrap());
        assert_eq!(index.search("metal"), [0, 4, 1, 2, 3]);
        assert_eq!(index.search("2"), [1]);
    }

    #[test]
    fn labels_are_found_by_other_names_and_by_parts_of_their_path() {
        let label = |id: &str, parent: &str, name: &str| NewLabel {
            id: id.to_owned(),
            name: name.to_owned(),
            parents: [parent]
                .iter()
                .filter(|id| !id.is_empty())
                .map(|&id| id.to_owned())
                .collect(),
            details: None,
        };
        let mut owls = label("1", "0", "Owls");
        let details = LabelDetails {
            names: vec![LabelName {
                name: "Eulen".to_owned(),
                ..LabelName::default()
            }],
            notation: "598.97".to_owned(),
            ..LabelDetails::default()
        };
        owls.details = Some(Box::new(details));
        let labels = vec![
            label("0", "", "Animals"),
            owls,
            label("2", "1", "Barn owls"),
        ];
        let index = LabelIndexes::new(Taxonomy::new(labels).unwrap());
        assert_eq!(index.search("eule"), [1]);
        assert_eq!(index.search("598"), [1]);
        assert_eq!(index.search("owl"), [1, 2]);
        assert_eq!(index.search("animals > owl"), [1, 2]);
        assert_eq!(index.search("animal barn"), [2]);
        assert_eq!(index.search("animal oak"), [] as [LabelIndex; 0]);
    }
}
