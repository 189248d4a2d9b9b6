//! What is different between two versions of a corpus: documents that came and went, texts and labels that changed.
//!
//! Both versions are gone through in the order of their documents, side by side. Labels are compared by id, so that the
//! versions may have different taxonomies. A document is the same as long as its key is.

use arborist_shared::LabelIndex;
use arborist_shared::api::corpora::{
    ChangedDocument, ChangedLabel, CorpusDiff, DocumentChange, DocumentExcerpt,
};
use arborist_shared::taxonomy::Taxonomy;
use rustc_hash::FxHashMap;

use super::{CorpusRow, label_set, store};
use crate::App;
use crate::http::problem::ApiError;
use crate::taxonomies;

/// Documents of each kind that are shown.
const SHOWN: usize = 50;
const EXCERPT: i64 = 200;

/// Label sets of a version, one after the other.
struct Side {
    corpus: i64,
    waiting: std::vec::IntoIter<(i64, Option<Vec<u8>>)>,
    after: i64,
    is_over: bool,
}

impl Side {
    fn new(corpus: i64) -> Self {
        Self {
            corpus,
            waiting: Vec::new().into_iter(),
            after: 0,
            is_over: false,
        }
    }

    async fn next(&mut self, app: &App) -> Result<Option<(i64, Option<Vec<u8>>)>, ApiError> {
        if self.waiting.len() == 0 && !self.is_over {
            let rows = store::label_sets(app.db.read(), self.corpus, self.after).await?;
            self.is_over = rows.is_empty();
            self.after = rows.last().map_or(self.after, |(id, _)| *id);
            self.waiting = rows.into_iter();
        }
        Ok(self.waiting.next())
    }
}

/// What leads from one version to the other.
pub(super) async fn between(
    app: &App,
    from: &CorpusRow,
    to: &CorpusRow,
) -> Result<CorpusDiff, ApiError> {
    let old = taxonomies::load(app, from.taxonomy_id).await?;
    let new = taxonomies::load(app, to.taxonomy_id).await?;
    let mut gathered = Gathered::new(&old, &new);
    let (mut left, mut right) = (Side::new(from.id), Side::new(to.id));
    let (mut a, mut b) = (left.next(app).await?, right.next(app).await?);
    loop {
        match (&a, &b) {
            (None, None) => break,
            (Some((gone, labels)), other) if other.as_ref().is_none_or(|(came, _)| gone < came) => {
                gathered.gone.push(*gone);
                gathered.count(labels.as_deref(), None);
                a = left.next(app).await?;
            }
            (other, Some((came, labels))) if other.as_ref().is_none_or(|(gone, _)| came < gone) => {
                gathered.came.push(*came);
                gathered.count(None, labels.as_deref());
                b = right.next(app).await?;
            }
            (Some((id, before)), Some((_, after))) => {
                gathered.both(*id, before.as_deref(), after.as_deref());
                a = left.next(app).await?;
                b = right.next(app).await?;
            }
            _ => break,
        }
    }
    gathered.finish(app, from, to).await
}

/// A document with its label sets before and after.
type Relabelled = (i64, Option<Vec<u8>>, Option<Vec<u8>>);

struct Gathered<'t> {
    old: &'t Taxonomy,
    new: &'t Taxonomy,
    gone: Vec<i64>,
    came: Vec<i64>,
    unchanged: u64,
    relabelled: u64,
    /// The first documents whose labels changed.
    examples: Vec<Relabelled>,
    /// Documents by label id, before and after, closed upwards.
    labels: FxHashMap<String, (u64, u64)>,
}

impl<'t> Gathered<'t> {
    fn new(old: &'t Taxonomy, new: &'t Taxonomy) -> Self {
        Self {
            old,
            new,
            gone: Vec::new(),
            came: Vec::new(),
            unchanged: 0,
            relabelled: 0,
            examples: Vec::new(),
            labels: FxHashMap::default(),
        }
    }

    fn count(&mut self, before: Option<&[u8]>, after: Option<&[u8]>) {
        for (taxonomy, labels, is_old) in [(self.old, before, true), (self.new, after, false)] {
            let Some(labels) = labels else { continue };
            for label in taxonomy.close(&label_set::decode(labels)) {
                let id = taxonomy.id(label);
                if !self.labels.contains_key(id) {
                    self.labels.insert(id.to_owned(), (0, 0));
                }
                if let Some(counts) = self.labels.get_mut(id) {
                    *(if is_old { &mut counts.0 } else { &mut counts.1 }) += 1;
                }
            }
        }
    }

    fn both(&mut self, id: i64, before: Option<&[u8]>, after: Option<&[u8]>) {
        self.count(before, after);
        if ids(self.old, before) == ids(self.new, after) {
            self.unchanged += 1;
            return;
        }
        self.relabelled += 1;
        if self.examples.len() < SHOWN {
            self.examples
                .push((id, before.map(<[u8]>::to_vec), after.map(<[u8]>::to_vec)));
        }
    }

    async fn finish(
        self,
        app: &App,
        from: &CorpusRow,
        to: &CorpusRow,
    ) -> Result<CorpusDiff, ApiError> {
        let gone = store::keys(app.db.read(), &self.gone).await?;
        let came = store::keys(app.db.read(), &self.came).await?;
        let known: FxHashMap<&str, i64> =
            gone.iter().map(|(id, key)| (key.as_str(), *id)).collect();
        let rewritten: Vec<(i64, i64)> = came
            .iter()
            .filter_map(|(id, key)| Some((*known.get(key.as_str())?, *id)))
            .collect();
        let (rewritten_old, rewritten_new): (
            rustc_hash::FxHashSet<i64>,
            rustc_hash::FxHashSet<i64>,
        ) = rewritten.iter().copied().unzip();
        let added: Vec<i64> = self
            .came
            .iter()
            .copied()
            .filter(|id| !rewritten_new.contains(id))
            .collect();
        let removed: Vec<i64> = self
            .gone
            .iter()
            .copied()
            .filter(|id| !rewritten_old.contains(id))
            .collect();
        let changed = self.shown_changes(app).await?;
        let mut labels: Vec<ChangedLabel> = self
            .labels
            .iter()
            .filter(|(_, (before, after))| before != after)
            .map(|(id, &(before, after))| ChangedLabel {
                id: id.clone(),
                path: path(self.new, self.old, id),
                before,
                after,
            })
            .collect();
        labels.sort_by(|a, b| {
            let by = |it: &ChangedLabel| it.after.abs_diff(it.before);
            by(b).cmp(&by(a)).then_with(|| a.id.cmp(&b.id))
        });
        labels.truncate(2 * SHOWN);
        Ok(CorpusDiff {
            from: from.id,
            to: to.id,
            n_added: added.len() as u64,
            n_removed: removed.len() as u64,
            n_text_changed: rewritten.len() as u64,
            n_labels_changed: self.relabelled,
            n_unchanged: self.unchanged,
            added: excerpts(app, &added).await?,
            removed: excerpts(app, &removed).await?,
            text_changed: {
                let new: Vec<i64> = rewritten.iter().map(|&(_, new)| new).collect();
                excerpts(app, &new).await?
            },
            labels_changed: changed,
            labels,
        })
    }

    async fn shown_changes(&self, app: &App) -> Result<Vec<ChangedDocument>, ApiError> {
        let shown: Vec<i64> = self.examples.iter().map(|(id, _, _)| *id).collect();
        let texts = excerpts(app, &shown).await?;
        let paths = |taxonomy: &Taxonomy, labels: Option<&[u8]>| {
            let labels = labels.map(label_set::decode)?;
            let path = |label: LabelIndex| taxonomy.path_names(label);
            Some(labels.into_iter().map(path).collect())
        };
        let changes = self.examples.iter().zip(texts);
        Ok(changes
            .map(|((_, before, after), document)| ChangedDocument {
                document,
                labels: DocumentChange {
                    before: paths(self.old, before.as_deref()),
                    after: paths(self.new, after.as_deref()),
                },
            })
            .collect())
    }
}

/// Ids of labels as given, sorted; none when nobody judged.
fn ids<'t>(taxonomy: &'t Taxonomy, labels: Option<&[u8]>) -> Option<Vec<&'t str>> {
    let mut ids: Vec<&str> = label_set::decode(labels?)
        .into_iter()
        .map(|label| taxonomy.id(label))
        .collect();
    ids.sort_unstable();
    Some(ids)
}

fn path(new: &Taxonomy, old: &Taxonomy, id: &str) -> Vec<String> {
    let of = |taxonomy: &Taxonomy| Some(taxonomy.path_names(taxonomy.index_of(id)?));
    of(new).or_else(|| of(old)).unwrap_or_default()
}

/// The first of these documents.
async fn excerpts(app: &App, ids: &[i64]) -> Result<Vec<DocumentExcerpt>, ApiError> {
    let shown = ids.get(..SHOWN).unwrap_or(ids);
    let rows = store::excerpts(app.db.read(), shown, EXCERPT).await?;
    Ok(rows
        .into_iter()
        .map(|(id, key, excerpt)| DocumentExcerpt { id, key, excerpt })
        .collect())
}
