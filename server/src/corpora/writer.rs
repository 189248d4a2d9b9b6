//! Writing documents in short transactions, each of which also says how far the import has come.

use arborist_shared::split::Split;
use sea_orm::Value;
use sha2::{Digest, Sha256};

use super::reader::{Batch, NewDocument};
use super::store::{self, KnownDocument, Tables};
use super::{CorpusRow, label_set};
use crate::App;
use crate::db::{DbErr, kinds};

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
    waiting: Vec<NewDocument>,
    hasher: Sha256,
    pub(super) totals: Totals,
}

/// Counts over all documents so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) n_documents: u64,
    pub(super) n_annotated: u64,
    pub(super) n_train: u64,
    pub(super) n_validation: u64,
    pub(super) n_test: u64,
    pub(super) n_labels: u64,
    pub(super) n_train_annotated: u64,
    pub(super) n_train_words: u64,
    pub(super) n_split_kept: u64,
}

impl<'a> Writer<'a> {
    /// Starts, or goes on where the row of the corpus says.
    pub(super) async fn new(
        app: &'a App,
        corpus: &CorpusRow,
        taxonomy_hash: &str,
    ) -> Result<Self, DbErr> {
        let committed = corpus.n_committed_lines;
        let look_up =
            committed > 0 || store::has_documents(app.db.read(), corpus.project_id).await?;
        let mut hasher = Sha256::new();
        hasher.update(taxonomy_hash.as_bytes());
        Ok(Self {
            app,
            project: corpus.project_id,
            corpus: corpus.id,
            tables: Tables::new(app.db.write()),
            look_up,
            committed,
            waiting: Vec::with_capacity(TRANSACTION),
            hasher,
            totals: Totals::default(),
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
        Ok((self.totals, crate::hash::hex(&self.hasher.finalize())))
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
                    self.totals.n_split_kept += 1;
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
        let totals = &mut self.totals;
        totals.n_documents += 1;
        match document.split {
            Split::Train => totals.n_train += 1,
            Split::Validation => totals.n_validation += 1,
            Split::Test => totals.n_test += 1,
        }
        if document.explicit.is_some() {
            totals.n_annotated += 1;
            totals.n_labels += document.n_closed as u64;
            if document.split == Split::Train {
                totals.n_train_annotated += 1;
                totals.n_train_words += document.text.split_whitespace().count() as u64;
            }
        }
        for part in [
            document.key.as_bytes(),
            document.text.as_bytes(),
            document.split.as_str().as_bytes(),
        ] {
            self.hasher.update((part.len() as u64).to_le_bytes());
            self.hasher.update(part);
        }
        match &document.explicit {
            None => self.hasher.update(u64::MAX.to_le_bytes()),
            Some(labels) => {
                self.hasher.update((labels.len() as u64).to_le_bytes());
                self.hasher.update(label_set::encode(labels));
            }
        }
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
                .find(|known| known.text == document.text)
                .map(|known| known.id)
        };
        let ids: Vec<Option<i64>> = documents.iter().map(same).collect();
        let n_new = ids.iter().filter(|id| id.is_none()).count();

        let transaction = self.app.db.begin().await?;
        let first = store::reserve_document_ids(&transaction, n_new as i64).await?;
        let mut next = first;
        let mut rows: Vec<Value> = Vec::with_capacity(5 * n_new);
        let mut memberships: Vec<Value> = Vec::with_capacity(3 * documents.len());
        for (document, id) in documents.iter().zip(ids) {
            let id = id.unwrap_or_else(|| {
                let id = next;
                next += 1;
                rows.extend([
                    id.into(),
                    self.project.into(),
                    document.key.as_str().into(),
                    document.text.as_str().into(),
                    kinds::Split::from(document.split).into(),
                ]);
                id
            });
            memberships.extend([
                self.corpus.into(),
                id.into(),
                document.explicit.as_deref().map(label_set::encode).into(),
            ]);
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
