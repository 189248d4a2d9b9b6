//! Corpora as training reads them: the annotated documents of each part as JSON lines, by content hash.
//!
//! Written when a corpus is first trained on, then shared by all runs. A document is part of the snapshot with its closed
//! label set; who has none was never judged and is left out.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

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
    taxonomy: &Taxonomy,
) -> Result<Snapshot, JobError> {
    let folder = app.folders.snapshots().join(&corpus.content_hash);
    if let Ok(counts) = std::fs::read(folder.join(COUNTS)) {
        return Ok(Snapshot {
            folder,
            counts: serde_json::from_slice(&counts)?,
        });
    }
    // Two jobs may write the same; each into a folder of its own, and one of the two stays.
    let passing = app.folders.passing().join(format!("snapshot-{}", job.id()));
    match std::fs::remove_dir_all(&passing) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    std::fs::create_dir(&passing)?;
    let counts = write(app, job, corpus, taxonomy, &passing).await?;
    write_durably(&passing.join(COUNTS), |file| {
        Ok(serde_json::to_writer(file, &counts)?)
    })?;
    sync_directory(&passing)?;
    if let Err(error) = std::fs::rename(&passing, &folder) {
        if !folder.join(COUNTS).exists() {
            return Err(error.into());
        }
        std::fs::remove_dir_all(&passing)?;
    }
    sync_directory(&app.folders.snapshots())?;
    Ok(Snapshot { folder, counts })
}

async fn write(
    app: &App,
    job: &JobContext,
    corpus: &CorpusRow,
    taxonomy: &Taxonomy,
    folder: &Path,
) -> Result<Counts, JobError> {
    let mut counts = Counts::default();
    let mut files = Vec::new();
    for split in Split::ALL {
        files.push(BufWriter::with_capacity(
            1 << 18,
            File::create(file(folder, split))?,
        ));
    }
    let everything = DocumentQuery {
        corpus: corpus.id,
        search: None,
        label: None,
        split: None,
    };
    let (mut after, mut done) = (0, 0);
    loop {
        job.check()?;
        job.progress(vec![step("snapshot", done, corpus.n_documents)]);
        let rows = store::documents(app.db.read(), &everything, after, CHUNK).await?;
        let Some(last) = rows.last() else { break };
        after = last.id;
        done += rows.len() as u64;
        for row in rows {
            let split: Split = row.split.into();
            let Some(document) = snapshot_document(row, taxonomy) else {
                continue;
            };
            // The parts are in the order of `Split::ALL`, which is that of the enumeration.
            let file = &mut files[split as usize];
            serde_json::to_writer(&mut *file, &document)?;
            file.write_all(b"\n")?;
            *counts.of(split) += 1;
        }
    }
    for file in files {
        file.into_inner()
            .map_err(io::IntoInnerError::into_error)?
            .sync_all()?;
    }
    Ok(counts)
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
