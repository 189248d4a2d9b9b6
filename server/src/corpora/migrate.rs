//! A corpus version whose labels follow a taxonomy that has changed.
//!
//! It is written while nobody sees it, batch by batch, and made visible by the transaction that makes the taxonomy
//! version. Every document of the earlier version is in it: label sets follow by rule, and who has to be looked at by a
//! person waits beside them. What label sets become is `shared::edits`' business.

use std::collections::HashMap;
use std::sync::Arc;

use arborist_shared::LabelIndex;
use arborist_shared::edits::{GivenAncestors, Lineage, Migration, Review, Rule};
use arborist_shared::taxonomy::Taxonomy;
use sea_orm::{DatabaseTransaction, Value};

use super::contents::{Contents, Counted};
use super::store::{self, DocumentQuery, DocumentRow, Finished, Membership, ReviewRecord};
use super::{CorpusRow, index, label_set};
use crate::App;
use crate::db::DbErr;
use crate::jobs::{JobContext, JobError, step};

/// Documents that are carried over at once.
const CHUNK: u64 = 5_000;

/// From which taxonomy to which, and how.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    pub(crate) old: Arc<Taxonomy>,
    pub(crate) new: Arc<Taxonomy>,
    pub(crate) lineage: Arc<Lineage>,
    /// Going back, step by step: a version that was made on the way here, and the one that it was made of. Documents that
    /// have the labels of the former get those of the latter again.
    pub(crate) back: Vec<(i64, i64)>,
}

/// A version that is complete and not visible yet.
#[derive(Debug)]
pub(crate) struct Carried {
    corpus: CorpusRow,
    content_hash: String,
    totals: super::contents::Totals,
    /// Documents whose labels are others, by id, or that began to wait.
    pub(crate) n_migrated: u64,
    /// Documents that wait for a person.
    pub(crate) n_review: u64,
}

impl Carried {
    /// Id of the version.
    pub(crate) fn id(&self) -> i64 {
        self.corpus.id
    }

    /// Makes it visible, as a corpus of the new taxonomy.
    pub(crate) async fn finish(
        self,
        transaction: &DatabaseTransaction,
        taxonomy: i64,
    ) -> Result<(), DbErr> {
        let finished = Finished {
            taxonomy,
            content_hash: self.content_hash,
            source_format: "taxonomy".to_owned(),
            n_rejected: 0,
            totals: self.totals,
        };
        store::finish(transaction, &self.corpus, finished).await
    }
}

/// Takes back what a job has written so far.
pub(crate) async fn give_up(app: &App, job: i64) -> Result<(), DbErr> {
    match store::begun_by(app.db.read(), job).await? {
        Some(corpus) => store::discard(&app.db, &corpus).await,
        None => Ok(()),
    }
}

/// Writes the new version of a corpus, or goes on with what an interrupted attempt has written.
pub(crate) async fn carry_over(
    app: &App,
    job: &JobContext,
    source: i64,
    course: Course,
) -> Result<Carried, JobError> {
    let source = store::find(app.db.read(), source).await?;
    let source =
        source.ok_or_else(|| JobError::Failed("the corpus to carry over is gone".to_owned()))?;
    // The row names the old taxonomy until the new one is there.
    let corpus = store::begin(
        &app.db,
        source.project_id,
        job.id(),
        source.taxonomy_id,
        &source.source_name,
    )
    .await?;
    let new = Arc::clone(&course.new);
    let (contents, back) = (Contents::new(&new.content_hash()), course.back.clone());
    let mut carrier = Carrier {
        source: source.id,
        corpus: corpus.id,
        course: Arc::new(course),
        contents,
        n_migrated: 0,
        n_review: 0,
        n_restored: 0,
    };
    let everything = DocumentQuery::all(source.id);
    let mut after = 0;
    loop {
        job.check()?;
        let done = carrier.contents.totals.n_documents;
        job.progress(vec![step("documents", done, source.n_documents)]);
        let rows = store::documents(app.db.read(), &everything, after, CHUNK).await?;
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            break;
        };
        let range = (first.id, last.id);
        after = last.id;
        let beside = Beside::read(app, source.id, &back, range).await?;
        let (carried, memberships, reviews) =
            tokio::task::spawn_blocking(move || carrier.carry(rows, beside)).await?;
        carrier = carried;
        store::insert_carried(&app.db, memberships, reviews).await?;
    }
    index::build(app, job, corpus.id, &new).await?;
    let Carrier {
        contents,
        n_migrated,
        n_review,
        n_restored,
        ..
    } = carrier;
    let (totals, mut content_hash) = contents.finish();
    // The same documents with the same labels are the same content, in whichever order a file had them.
    if let Some(&(_, from)) = back.last()
        && let Some(from) = store::find(app.db.read(), from).await?
        && from.n_documents == n_restored
        && totals.n_documents == n_restored
    {
        content_hash = from.content_hash;
    }
    Ok(Carried {
        corpus,
        content_hash,
        totals,
        n_migrated,
        n_review,
    })
}

/// What is known of a chunk of documents beside their rows.
struct Beside {
    reviews: Vec<ReviewRecord>,
    /// What was decided about documents that waited: their labels, in place of those of the version.
    decided: HashMap<i64, Vec<u8>>,
    /// Going back: label sets as they were made, and what they were made of.
    back: Vec<(LabelSets, LabelSets)>,
    /// Going back: who waited before.
    earlier: Vec<ReviewRecord>,
}

type LabelSets = HashMap<i64, Option<Vec<u8>>>;

impl Beside {
    async fn read(
        app: &App,
        source: i64,
        back: &[(i64, i64)],
        range: (i64, i64),
    ) -> Result<Self, DbErr> {
        let db = app.db.read();
        let mut beside = Self {
            reviews: store::reviews_between(db, source, range).await?,
            decided: store::decisions::decided_between(db, source, range).await?,
            back: Vec::with_capacity(back.len()),
            earlier: Vec::new(),
        };
        for &(made, from) in back {
            beside.back.push((
                store::label_sets_between(db, made, range).await?,
                store::label_sets_between(db, from, range).await?,
            ));
        }
        if let Some(&(_, from)) = back.last() {
            beside.earlier = store::reviews_between(db, from, range).await?;
        }
        Ok(beside)
    }

    /// The label set that a document had before it was migrated, if nobody changed it since.
    fn restored(&self, row: &DocumentRow) -> Option<Option<Vec<u8>>> {
        let mut set = self.back.first().map(|_| &row.explicit)?;
        for (made, from) in &self.back {
            if made.get(&row.id) != Some(set) {
                return None;
            }
            set = from.get(&row.id)?;
        }
        Some(set.clone())
    }
}

/// Carries documents over, chunk by chunk.
struct Carrier {
    source: i64,
    corpus: i64,
    course: Arc<Course>,
    contents: Contents,
    n_migrated: u64,
    n_review: u64,
    n_restored: u64,
}

impl Carrier {
    fn carry(
        mut self,
        rows: Vec<DocumentRow>,
        mut beside: Beside,
    ) -> (Self, Vec<Value>, Vec<Value>) {
        let course = Arc::clone(&self.course);
        let Course {
            old, new, lineage, ..
        } = &*course;
        let migration = Migration::new(old, new, lineage, GivenAncestors::Implied);
        let mut memberships: Vec<Value> = Vec::with_capacity(store::COLUMNS * rows.len());
        let mut reviews: Vec<Value> = Vec::new();
        for mut row in rows {
            let decided = beside.decided.remove(&row.id);
            let is_decided = decided.is_some();
            if is_decided {
                row.explicit = decided;
            }
            let before = row.explicit.as_deref().map(label_set::decode);
            let After {
                explicit,
                waits,
                is_asked,
            } = match beside.restored(&row) {
                Some(explicit) => {
                    self.n_restored += 1;
                    After {
                        explicit: explicit.as_deref().map(label_set::decode),
                        waits: of_document(&beside.earlier, row.id).to_vec(),
                        is_asked: false,
                    }
                }
                None => {
                    let earlier = match is_decided {
                        true => &[],
                        false => of_document(&beside.reviews, row.id),
                    };
                    After::new(&course, &migration, row.id, before.as_deref(), earlier)
                }
            };
            let is_other = !is_same(&course, before.as_deref(), explicit.as_deref());
            self.n_migrated += u64::from(is_other || is_asked);
            self.n_review += u64::from(!waits.is_empty());
            let closed = explicit.as_deref().map(|labels| new.close(labels));
            self.contents.add(Counted {
                key: &row.key,
                text: &row.text,
                split: row.split.into(),
                explicit: explicit.as_deref(),
                n_closed: closed.as_ref().map_or(0, Vec::len),
            });
            let earlier = row.labelled_in.unwrap_or(self.source);
            let membership = Membership {
                corpus: self.corpus,
                document: row.id,
                explicit: explicit.as_deref(),
                level: closed.map(|closed| label_set::level(new, &closed)),
                labelled_in: match is_other || is_decided {
                    true => self.corpus,
                    false => earlier,
                },
            };
            memberships.extend(membership.values());
            for wait in &waits {
                reviews.extend(store::review_values(self.corpus, wait));
            }
        }
        (self, memberships, reviews)
    }
}

/// What becomes of a document.
struct After {
    /// Labels as given; none when nothing is known.
    explicit: Option<Vec<LabelIndex>>,
    waits: Vec<ReviewRecord>,
    /// Whether it waits for something that it did not wait for before.
    is_asked: bool,
}

impl After {
    fn new(
        course: &Course,
        migration: &Migration<'_>,
        document: i64,
        before: Option<&[LabelIndex]>,
        earlier: &[ReviewRecord],
    ) -> Self {
        let migrated = before.map(|labels| migration.migrate(labels));
        let migrated = migrated.unwrap_or_default();
        let mut waits: Vec<ReviewRecord> = migrated
            .review
            .iter()
            .map(|review| record(&course.old, &course.new, document, review))
            .collect();
        let is_asked = !waits.is_empty();
        for earlier in earlier {
            let is_new = waits.iter().all(|wait| wait.label != earlier.label);
            let still = still_waits(course, earlier, &migrated.closed);
            waits.extend(still.filter(|_| is_new));
        }
        // Without a label that is left nothing is known any more; nobody said that none applies.
        let is_known = !migrated.explicit.is_empty() || !is_asked;
        Self {
            explicit: (before.is_some() && is_known).then_some(migrated.explicit),
            waits,
            is_asked,
        }
    }
}

/// Why a document waits, out of records in the order of the documents.
fn of_document(records: &[ReviewRecord], document: i64) -> &[ReviewRecord] {
    let start = records.partition_point(|record| record.document < document);
    let end = records.partition_point(|record| record.document <= document);
    records.get(start..end).unwrap_or_default()
}

fn record(old: &Taxonomy, new: &Taxonomy, document: i64, review: &Review) -> ReviewRecord {
    let candidates = review.candidates.iter();
    ReviewRecord {
        document,
        label: old.id(review.label).to_owned(),
        reason: review.reason,
        path: old.path_names(review.label),
        candidates: candidates.map(|&label| new.id(label).to_owned()).collect(),
    }
}

/// Who waited already goes on waiting, unless the document has one of the labels to choose from by now.
fn still_waits(
    course: &Course,
    earlier: &ReviewRecord,
    closed: &[LabelIndex],
) -> Option<ReviewRecord> {
    let mut candidates: Vec<LabelIndex> = Vec::new();
    for id in &earlier.candidates {
        let Some(label) = course.old.index_of(id) else {
            continue;
        };
        candidates.extend(course.lineage.new_of(label));
        match course.lineage.fate(label) {
            Some(fate) if fate.rule == Rule::Union => candidates.extend(&fate.targets),
            Some(fate) => candidates.extend(&fate.candidates),
            None => {}
        }
    }
    candidates.sort_unstable();
    candidates.dedup();
    let mut chosen = candidates.iter();
    if chosen.any(|label| closed.binary_search(label).is_ok()) {
        return None;
    }
    let ids = candidates
        .iter()
        .map(|&label| course.new.id(label).to_owned());
    Some(ReviewRecord {
        candidates: ids.collect(),
        ..earlier.clone()
    })
}

/// Whether a document has the labels that it had, by id and closed upwards.
fn is_same(course: &Course, before: Option<&[LabelIndex]>, after: Option<&[LabelIndex]>) -> bool {
    let (Some(before), Some(after)) = (before, after) else {
        return before.is_none() && after.is_none();
    };
    let closed = course.old.close(before);
    let mut kept: Vec<LabelIndex> = closed
        .iter()
        .filter_map(|&label| course.lineage.new_of(label))
        .collect();
    kept.sort_unstable();
    kept.len() == closed.len() && kept == course.new.close(after)
}
