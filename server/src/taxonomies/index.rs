//! Taxonomies in memory: the hierarchy, and names folded for search.

use std::sync::{Arc, Mutex, PoisonError};

use arborist_shared::LabelIndex;
use arborist_shared::taxonomy::Taxonomy;

use super::store;
use crate::db::{Db, DbErr};

/// Taxonomies that are kept.
const CAPACITY: usize = 16;

/// A taxonomy that can be searched.
#[derive(Debug)]
pub struct LabelIndexes {
    pub taxonomy: Arc<Taxonomy>,
    /// Name of each label in lower case.
    names: Vec<String>,
    /// Id of each label in lower case, where it differs from the name.
    ids: Vec<Option<String>>,
}

/// How well a label fits what was searched for; less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Whole,
    Start,
    WordStart,
    Inside,
}

impl LabelIndexes {
    fn new(taxonomy: Taxonomy) -> Self {
        let names: Vec<String> = taxonomy
            .indexes()
            .map(|label| taxonomy.name(label).to_lowercase())
            .collect();
        let ids = taxonomy
            .indexes()
            .zip(&names)
            .map(|(label, name)| Some(taxonomy.id(label).to_lowercase()).filter(|id| id != name))
            .collect();
        Self {
            taxonomy: Arc::new(taxonomy),
            names,
            ids,
        }
    }

    /// Labels whose name or id contains `text`, best first, then in taxonomy order.
    #[must_use]
    pub fn search(&self, text: &str) -> Vec<LabelIndex> {
        let text = text.trim().to_lowercase();
        let mut found: Vec<(Fit, LabelIndex)> = self
            .taxonomy
            .indexes()
            .filter_map(|label| {
                let by_name = fit(&self.names[label as usize], &text);
                let by_id = self.ids[label as usize]
                    .as_deref()
                    .and_then(|id| fit(id, &text));
                let best = match (by_name, by_id) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                };
                best.map(|fit| (fit, label))
            })
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, label)| label).collect()
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
        let loaded =
            tokio::task::spawn_blocking(move || Taxonomy::new(labels).map(LabelIndexes::new))
                .await
                .map_err(|error| DbErr::Custom(error.to_string()))?
                .map_err(|error| {
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
    use arborist_shared::taxonomy::NewLabel;

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
        assert_eq!(index.search("2"), [1]);
    }
}
