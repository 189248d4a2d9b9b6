//! Corpora as training reads them: the annotated documents of each part as JSON lines, by content hash.
//!
//! Written when a corpus is first trained on, then shared by all runs. A document is part of the snapshot with its closed
//! label set; who has none was never judged and is left out.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arborist_shared::corpus::SnapshotDocument;
use arborist_shared::split::Split;
use arborist_shared::taxonomy::Taxonomy;
use serde::{Deserialize, Serialize};

use super::store::{self, DocumentQuery, DocumentRow};
use super::{CorpusRow, label_set};
use crate::App;
use crate::jobs::{JobContext, JobError, step};
use crate::runs::directory::{sync_directory, write_durably};

/// Documents that are read at once.
const CHUNK: u64 = 5_000;
const COUNTS: &str = "counts.json";

/// The files of a corpus.
#[derive(Clone, Debug)]
pub struct Snapshot {
    folder: PathBuf,
    counts: Counts,
}

/// Annotated documents of each part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Counts {
    train: u64,
    validation: u64,
    test: u64,
}

impl Counts {
    fn of(&mut self, split: Split) -> &mut u64 {
        match split {
            Split::Train => &mut self.train,
            Split::Validation => &mut self.validation,
            Split::Test => &mut self.test,
        }
    }
}

impl Snapshot {
    /// The file of a part; none when it has no documents.
    #[must_use]
    pub fn file(&self, split: Split) -> Option<PathBuf> {
        let mut counts = self.counts;
        (*counts.of(split) > 0).then(|| file(&self.folder, split))
    }
}

fn file(folder: &Path, split: Split) -> PathBuf {
    folder.join(format!("{split}.jsonl"))
}

/// The snapshot of a corpus, written now if nobody needed it before.
pub(crate) async fn ensure(
    app: &App,
    job: &JobContext,
    corpus: &CorpusRow,
    taxonomy: &Arc<Taxonomy>,
) -> Result<Snapshot, JobError> {
    let folder = app.folders.snapshots().join(&corpus.content_hash);
    if let Ok(counts) = tokio::fs::read(folder.join(COUNTS)).await {
        return Ok(Snapshot {
            folder,
            counts: serde_json::from_slice(&counts)?,
        });
    }
    // Two jobs may write the same; each into a folder of its own, and one of the two stays.
    let passing = app.folders.passing().join(format!("snapshot-{}", job.id()));
    let files = blocking({
        let passing = passing.clone();
        move || Files::create(&passing)
    })
    .await?;
    let files = write(app, job, corpus, taxonomy, files).await?;
    blocking(move || files.finish(&passing, folder)).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, JobError> + Send + 'static,
) -> Result<T, JobError> {
    tokio::task::spawn_blocking(work).await?
}

async fn write(
    app: &App,
    job: &JobContext,
    corpus: &CorpusRow,
    taxonomy: &Arc<Taxonomy>,
    mut files: Files,
) -> Result<Files, JobError> {
    let everything = DocumentQuery::all(corpus.id);
    let (mut after, mut done) = (0, 0);
    loop {
        job.check()?;
        job.progress(vec![step("snapshot", done, corpus.n_documents)]);
        let rows = store::documents(app.db.read(), &everything, after, CHUNK).await?;
        let Some(last) = rows.last() else {
            return Ok(files);
        };
        after = last.id;
        done += rows.len() as u64;
        let taxonomy = Arc::clone(taxonomy);
        files = blocking(move || {
            for row in rows {
                files.write(row, &taxonomy)?;
            }
            Ok(files)
        })
        .await?;
    }
}

/// A snapshot that is being written.
struct Files {
    /// In the order of `Split::ALL`.
    parts: Vec<BufWriter<File>>,
    counts: Counts,
}

impl Files {
    fn create(folder: &Path) -> Result<Self, JobError> {
        // An earlier attempt may have been interrupted.
        match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        std::fs::create_dir(folder)?;
        let mut parts = Vec::new();
        for split in Split::ALL {
            parts.push(BufWriter::with_capacity(
                1 << 18,
                File::create(file(folder, split))?,
            ));
        }
        Ok(Self {
            parts,
            counts: Counts::default(),
        })
    }

    fn write(&mut self, row: DocumentRow, taxonomy: &Taxonomy) -> Result<(), JobError> {
        let split: Split = row.split.into();
        let Some(document) = snapshot_document(row, taxonomy) else {
            return Ok(());
        };
        let file = &mut self.parts[split as usize];
        serde_json::to_writer(&mut *file, &document)?;
        file.write_all(b"\n")?;
        *self.counts.of(split) += 1;
        Ok(())
    }

    /// Syncs everything and moves it to its place, unless somebody else was faster.
    fn finish(self, passing: &Path, folder: PathBuf) -> Result<Snapshot, JobError> {
        let Self { parts, counts } = self;
        for part in parts {
            part.into_inner()
                .map_err(io::IntoInnerError::into_error)?
                .sync_all()?;
        }
        write_durably(&passing.join(COUNTS), |file| {
            Ok(serde_json::to_writer(file, &counts)?)
        })?;
        sync_directory(passing)?;
        if let Err(error) = std::fs::rename(passing, &folder) {
            if !folder.join(COUNTS).exists() {
                return Err(error.into());
            }
            std::fs::remove_dir_all(passing)?;
        }
        if let Some(parent) = folder.parent() {
            sync_directory(parent)?;
        }
        Ok(Snapshot { folder, counts })
    }
}

fn snapshot_document(row: DocumentRow, taxonomy: &Taxonomy) -> Option<SnapshotDocument> {
    let explicit = label_set::decode(&row.explicit?);
    Some(SnapshotDocument {
        id: row.key,
        text: row.text,
        labels: taxonomy.close(&explicit),
        explicit,
    })
}
