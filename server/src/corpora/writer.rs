//! Writing documents in short transactions, each of which also says how far the import has come.

use std::collections::HashMap;

use arborist_shared::LabelIndex;
use arborist_shared::corpus::{META_DATE, META_SOURCE};
use arborist_shared::taxonomy::Taxonomy;
use sea_orm::Value;

use super::contents::{Contents, Counted, Totals};
use super::reader::{Batch, NewDocument};
use super::store::{self, KnownDocument, Labelled, Membership, Tables};
use super::{CorpusRow, label_set};
use crate::db::{DbErr, kinds};
use crate::{App, taxonomies};

/// Documents of one transaction: a fraction of a second, since nobody else writes meanwhile.
const TRANSACTION: usize = 4_000;

/// Takes batches in order and writes what is not yet written.
pub(super) struct Writer<'a> {
    app: &'a App,
    project: i64,
    corpus: i64,
    tables: Tables,
    /// Whether the project may know some of the documents.
    look_up: bool,
    /// Lines of an earlier attempt that are committed.
    committed: u64,
    before: Option<Before>,
    waiting: Vec<NewDocument>,
    contents: Contents,
}

impl<'a> Writer<'a> {
    /// Starts, or goes on where the row of the corpus says.
    pub(super) async fn new(
        app: &'a App,
        corpus: &CorpusRow,
        taxonomy: &Taxonomy,
    ) -> Result<Self, DbErr> {
        let committed = corpus.n_committed_lines;
        let look_up =
            committed > 0 || store::has_documents(app.db.read(), corpus.project_id).await?;
        let before = match store::newest(app.db.read(), corpus.project_id).await? {
            Some(before) => Some(Before::new(app, &before, corpus, taxonomy).await?),
            None => None,
        };
        Ok(Self {
            app,
            project: corpus.project_id,
            corpus: corpus.id,
            tables: Tables::new(app.db.write()),
            look_up,
            committed,
            before,
            waiting: Vec::with_capacity(TRANSACTION),
            contents: Contents::new(&taxonomy.content_hash()),
        })
    }

    /// Takes a batch; writes when enough wait. Answers whether something was written.
    pub(super) async fn take(&mut self, batch: Batch) -> Result<bool, DbErr> {
        self.waiting.extend(batch.documents);
        if self.waiting.len() < TRANSACTION {
            return Ok(false);
        }
        self.write(batch.lines).await?;
        Ok(true)
    }

    /// Writes what still waits. Answers the hash over taxonomy and documents.
    pub(super) async fn finish(mut self, lines: u64) -> Result<(Totals, String), DbErr> {
        self.write(lines).await?;
        Ok(self.contents.finish())
    }

    async fn write(&mut self, lines: u64) -> Result<(), DbErr> {
        let mut documents = std::mem::take(&mut self.waiting);
        let known = if self.look_up {
            let keys: Vec<&str> = documents
                .iter()
                .map(|document| document.key.as_str())
                .collect();
            store::known_documents(self.app.db.read(), self.project, &keys).await?
        } else {
            store::KnownDocuments::default()
        };
        for document in &mut documents {
            if let Some(earlier) = known.get(&document.key).and_then(|known| known.first()) {
                if document.asks_for_split && document.split != earlier.split {
                    self.contents.totals.n_split_kept += 1;
                }
                document.split = earlier.split;
            }
            self.count(document);
        }
        // All rows up to a committed line are written. Should a transaction reach beyond one, what it repeats is known.
        if lines > self.committed {
            self.insert(&documents, &known, lines).await?;
        }
        // The allocation serves the next transaction.
        documents.clear();
        self.waiting = documents;
        Ok(())
    }

    fn count(&mut self, document: &NewDocument) {
        self.contents.add(Counted {
            key: &document.key,
            text: &document.text,
            split: document.split,
            explicit: document.explicit.as_deref(),
            n_closed: document.n_closed,
        });
    }

    async fn insert(
        &self,
        documents: &[NewDocument],
        known: &store::KnownDocuments,
        lines: u64,
    ) -> Result<(), DbErr> {
        let same = |document: &NewDocument| -> Option<i64> {
            let known: &[KnownDocument] = known.get(&document.key)?;
            known
                .iter()
                .find(|known| {
                    known.text == document.text
                        && known.lang == document.lang
                        && known.meta == document.meta_text()
                })
                .map(|known| known.id)
        };
        let ids: Vec<Option<i64>> = documents.iter().map(same).collect();
        let old: Vec<i64> = ids.iter().flatten().copied().collect();
        let n_new = ids.len() - old.len();
        let earlier = match &self.before {
            Some(before) => store::labelled(self.app.db.read(), before.corpus, &old).await?,
            None => HashMap::new(),
        };

        let transaction = self.app.db.begin().await?;
        let first = store::reserve_document_ids(&transaction, n_new as i64).await?;
        let mut next = first;
        let mut rows: Vec<Value> = Vec::with_capacity(9 * n_new);
        let mut memberships: Vec<Value> = Vec::with_capacity(store::COLUMNS * documents.len());
        for (document, id) in documents.iter().zip(ids) {
            let kept = id.and_then(|id| {
                let before = self.before.as_ref()?;
                before.kept(earlier.get(&id)?, document.explicit.as_deref())
            });
            let id = id.unwrap_or_else(|| {
                let id = next;
                next += 1;
                rows.extend([
                    id.into(),
                    self.project.into(),
                    document.key.as_str().into(),
                    document.text.as_str().into(),
                    kinds::Split::from(document.split).into(),
                    document.lang.as_deref().into(),
                    document.meta.get(META_SOURCE).map(String::as_str).into(),
                    document.meta.get(META_DATE).map(String::as_str).into(),
                    document.meta_text().into(),
                ]);
                id
            });
            let membership = Membership {
                corpus: self.corpus,
                document: id,
                explicit: document.explicit.as_deref(),
                level: document.level,
                labelled_in: kept.unwrap_or(self.corpus),
            };
            memberships.extend(membership.values());
        }
        self.tables.documents.insert(&transaction, rows).await?;
        self.tables
            .memberships
            .insert(&transaction, memberships)
            .await?;
        if n_new > 0 {
            crate::db::search::add(&transaction, first, next - 1).await?;
        }
        store::set_committed_lines(&transaction, self.corpus, lines).await?;
        transaction.commit().await
    }
}

/// The version before, whose documents may have the labels already.
struct Before {
    corpus: i64,
    /// Where its labels stand in the taxonomy of the new one; none where it is the same.
    places: Option<Vec<Option<LabelIndex>>>,
}

impl Before {
    async fn new(
        app: &App,
        before: &CorpusRow,
        corpus: &CorpusRow,
        taxonomy: &Taxonomy,
    ) -> Result<Self, DbErr> {
        let places = if before.taxonomy_id == corpus.taxonomy_id {
            None
        } else {
            let old = taxonomies::load(app, before.taxonomy_id).await?;
            let labels = 0..old.len() as LabelIndex;
            Some(
                labels
                    .map(|label| taxonomy.index_of(old.id(label)))
                    .collect(),
            )
        };
        Ok(Self {
            corpus: before.id,
            places,
        })
    }

    /// The version in which a document got the labels that it keeps; none where it gets others.
    fn kept(&self, earlier: &Labelled, labels: Option<&[LabelIndex]>) -> Option<i64> {
        let since = earlier.labelled_in.unwrap_or(self.corpus);
        let (Some(before), Some(labels)) = (&earlier.explicit, labels) else {
            return (earlier.explicit.is_none() && labels.is_none()).then_some(since);
        };
        let place = |label: LabelIndex| match &self.places {
            None => Some(label),
            Some(places) => *places.get(label as usize)?,
        };
        let before = label_set::decode(before).into_iter().map(place);
        let mut before: Vec<LabelIndex> = before.collect::<Option<_>>()?;
        let mut labels = labels.to_vec();
        before.sort_unstable();
        labels.sort_unstable();
        (before == labels).then_some(since)
    }
}
