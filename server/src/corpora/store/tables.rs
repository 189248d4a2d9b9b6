//! What writes documents and their place in versions, many at once.

use arborist_shared::LabelIndex;
use sea_orm::{ConnectionTrait, Value};

use crate::corpora::label_set;
use crate::db::bulk::BulkInsert;

/// Statements that write documents.
pub(in crate::corpora) struct Tables {
    pub(in crate::corpora) documents: BulkInsert,
    pub(in crate::corpora) memberships: BulkInsert,
}

impl Tables {
    pub(in crate::corpora) fn new(db: &impl ConnectionTrait) -> Self {
        let backend = db.get_database_backend();
        Self {
            documents: BulkInsert::new(
                backend,
                "document",
                &[
                    "id",
                    "project_id",
                    "key",
                    "text",
                    "split",
                    "lang",
                    "source",
                    "date",
                    "meta",
                ],
                false,
            ),
            // An attempt after an interruption may repeat some.
            memberships: BulkInsert::new(
                backend,
                "corpus_document",
                &[
                    "corpus_id",
                    "document_id",
                    "explicit",
                    "level",
                    "labelled_in",
                ],
                true,
            ),
        }
    }
}

/// Values of a [`Membership`].
pub(in crate::corpora) const COLUMNS: usize = 5;

/// A document in one version, as it is written.
pub(in crate::corpora) struct Membership<'a> {
    pub(in crate::corpora) corpus: i64,
    pub(in crate::corpora) document: i64,
    /// Labels as given; none when nobody judged it.
    pub(in crate::corpora) explicit: Option<&'a [LabelIndex]>,
    /// Level of the deepest of its labels, closed upwards.
    pub(in crate::corpora) level: Option<u32>,
    /// The version that gave it these labels.
    pub(in crate::corpora) labelled_in: i64,
}

impl Membership<'_> {
    /// As values for [`Tables::memberships`].
    pub(in crate::corpora) fn values(&self) -> [Value; COLUMNS] {
        let level = self
            .level
            .map(|level| i16::try_from(level).unwrap_or(i16::MAX));
        [
            self.corpus.into(),
            self.document.into(),
            self.explicit.map(label_set::encode).into(),
            level.into(),
            self.labelled_in.into(),
        ]
    }
}
