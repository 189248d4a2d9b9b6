//! What a corpus version is made of: support of labels and levels, labels and words per document, labels that occur
//! together. Counted once over all documents and kept by content hash, since versions do not change.

use std::path::PathBuf;
use std::sync::Arc;

use arborist_shared::LabelIndex;
use arborist_shared::api::corpora::{
    Bar, CorpusStatistics, LabelPair, LabelSupport, LevelSupport, SplitCounts,
};
use arborist_shared::split::Split;
use arborist_shared::taxonomy::Taxonomy;
use rustc_hash::FxHashMap;

use super::store::{self, DocumentQuery, DocumentRow};
use super::{CorpusRow, label_set};
use crate::App;
use crate::http::problem::ApiError;
use crate::taxonomies;

/// Documents that are read at once.
const CHUNK: u64 = 5_000;
/// Pairs of labels that are told.
const PAIRS_SHOWN: usize = 50;
/// Pairs that are counted; beyond, new ones are left out and the counts are lower bounds.
const PAIRS_COUNTED: usize = 2_000_000;
/// A label with fewer training documents is rare.
const RARE: u64 = 10;
/// Upper ends of the classes of text lengths, in words.
const LENGTHS: [u64; 10] = [10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, u64::MAX];
/// The last class of labels per document is open.
const MOST_LABELS: usize = 20;

/// The statistics of a version: read, or counted now.
pub(super) async fn of(app: &App, corpus: &CorpusRow) -> Result<CorpusStatistics, ApiError> {
    let path = file(app, corpus);
    if let Ok(kept) = tokio::fs::read(&path).await
        && let Ok(statistics) = serde_json::from_slice(&kept)
    {
        return Ok(statistics);
    }
    let taxonomy = taxonomies::load(app, corpus.taxonomy_id).await?;
    let mut counts = Counts::new(&taxonomy);
    let everything = DocumentQuery::all(corpus.id);
    let mut after = 0;
    loop {
        let rows = store::documents(app.db.read(), &everything, after, CHUNK).await?;
        let Some(last) = rows.last() else {
            break;
        };
        after = last.id;
        let taxonomy = Arc::clone(&taxonomy);
        counts = tokio::task::spawn_blocking(move || {
            for row in &rows {
                counts.add(row, &taxonomy);
            }
            counts
        })
        .await?;
    }
    let statistics = counts.finish(&taxonomy);
    // A copy to be quicker next time, and no more: should it not be written, it is counted again.
    if let Ok(text) = serde_json::to_vec(&statistics) {
        let partial = path.with_extension(format!("{:08x}", rand::random::<u32>()));
        let written = tokio::fs::write(&partial, text).await;
        let moved = match written {
            Ok(()) => tokio::fs::rename(&partial, &path).await,
            Err(error) => Err(error),
        };
        if let Err(error) = moved {
            tracing::warn!(%error, "could not keep the statistics of a corpus");
        }
    }
    Ok(statistics)
}

fn file(app: &App, corpus: &CorpusRow) -> PathBuf {
    let name = format!("{}.statistics.json", corpus.content_hash);
    app.folders.snapshots().join(name)
}

struct Counts {
    /// Documents of each part by label, closed upwards.
    labels: Vec<[u64; 3]>,
    /// Documents that have the label and none below it.
    deepest: Vec<u64>,
    documents: [u64; 3],
    annotated: [u64; 3],
    per_document: Vec<u64>,
    lengths: Vec<u64>,
    words: u64,
    empty: u64,
    pairs: FxHashMap<(LabelIndex, LabelIndex), u64>,
    /// Documents of each level: they have a label there.
    levels: Vec<u64>,
}

impl Counts {
    fn new(taxonomy: &Taxonomy) -> Self {
        Self {
            labels: vec![[0; 3]; taxonomy.len()],
            deepest: vec![0; taxonomy.len()],
            documents: [0; 3],
            annotated: [0; 3],
            per_document: vec![0; MOST_LABELS + 1],
            lengths: vec![0; LENGTHS.len()],
            words: 0,
            empty: 0,
            pairs: FxHashMap::default(),
            levels: vec![0; taxonomy.depth() as usize],
        }
    }

    fn add(&mut self, row: &DocumentRow, taxonomy: &Taxonomy) {
        let part = Split::from(row.split) as usize;
        self.documents[part] += 1;
        let words = row.text.split_whitespace().count() as u64;
        self.words += words;
        self.empty += u64::from(words == 0);
        let class = LENGTHS.iter().position(|&end| words <= end);
        self.lengths[class.unwrap_or(LENGTHS.len() - 1)] += 1;
        let Some(explicit) = row.explicit.as_deref().map(label_set::decode) else {
            return;
        };
        self.annotated[part] += 1;
        let closed = taxonomy.close(&explicit);
        let is_deepest = |label: &LabelIndex| {
            let children = taxonomy.children(*label);
            !children
                .iter()
                .any(|child| closed.binary_search(child).is_ok())
        };
        let deepest: Vec<LabelIndex> = closed.iter().copied().filter(is_deepest).collect();
        self.per_document[deepest.len().min(MOST_LABELS)] += 1;
        let mut has_level = vec![false; self.levels.len()];
        for &label in &closed {
            self.labels[label as usize][part] += 1;
            has_level[taxonomy.level(label) as usize - 1] = true;
        }
        for (level, has) in self.levels.iter_mut().zip(has_level) {
            *level += u64::from(has);
        }
        for (position, &a) in deepest.iter().enumerate() {
            self.deepest[a as usize] += 1;
            for &b in &deepest[position + 1..] {
                if self.pairs.len() < PAIRS_COUNTED || self.pairs.contains_key(&(a, b)) {
                    *self.pairs.entry((a, b)).or_default() += 1;
                }
            }
        }
    }

    fn finish(self, taxonomy: &Taxonomy) -> CorpusStatistics {
        let split = |counts: [u64; 3]| SplitCounts {
            train: counts[0],
            validation: counts[1],
            test: counts[2],
        };
        let sum = |counts: &[u64; 3]| counts.iter().sum::<u64>();
        let labels = taxonomy.indexes().map(|label| {
            let counts = self.labels[label as usize];
            LabelSupport {
                id: taxonomy.id(label).to_owned(),
                name: taxonomy.name(label).to_owned(),
                parent: taxonomy
                    .primary_parent(label)
                    .map(|parent| taxonomy.id(parent).to_owned()),
                level: taxonomy.level(label),
                n_documents: sum(&counts),
                n_deepest: self.deepest[label as usize],
                splits: split(counts),
            }
        });
        let labels: Vec<LabelSupport> = labels.collect();
        let levels = (1..=taxonomy.depth()).map(|level| {
            let of_level = || labels.iter().filter(move |label| label.level == level);
            LevelSupport {
                level,
                n_labels: of_level().count() as u64,
                n_used: of_level().filter(|label| label.n_documents > 0).count() as u64,
                n_rare: of_level().filter(|label| label.splits.train < RARE).count() as u64,
                n_documents: self.levels[level as usize - 1],
            }
        });
        let levels = levels.collect();
        let mut pairs: Vec<_> = self.pairs.into_iter().collect();
        pairs.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        pairs.truncate(PAIRS_SHOWN);
        let pairs = pairs.into_iter().map(|((a, b), n)| LabelPair {
            a: taxonomy.path_names(a),
            b: taxonomy.path_names(b),
            n_documents: n,
        });
        let mut from = 0;
        let lengths = LENGTHS.iter().zip(&self.lengths).map(|(&end, &n)| {
            let bar = Bar {
                from,
                to: (end < u64::MAX).then_some(end),
                n_documents: n,
            };
            from = end.saturating_add(1);
            bar
        });
        let lengths = lengths.collect();
        let per_document = (0..).zip(&self.per_document).map(|(n, &documents)| Bar {
            from: n,
            to: (n < MOST_LABELS as u64).then_some(n),
            n_documents: documents,
        });
        let total = sum(&self.documents);
        CorpusStatistics {
            documents: split(self.documents),
            annotated: split(self.annotated),
            n_empty_texts: self.empty,
            words_per_document: if total == 0 {
                0.0
            } else {
                self.words as f64 / total as f64
            },
            rare_below: RARE,
            levels,
            labels_per_document: per_document.collect(),
            lengths,
            pairs: pairs.collect(),
            labels,
        }
    }
}
