//! What an import did, as it stands in `import.json` and behind `--json`.

use serde::Serialize;

/// Documents in each part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Documents {
    /// Methods learn from these.
    pub train: u64,
    /// Methods choose checkpoints by these.
    pub validation: u64,
    /// No method ever sees these.
    pub test: u64,
}

/// The published counts of a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Published {
    /// Documents in each part.
    #[serde(flatten)]
    pub documents: Documents,
    /// Labels, the root not counted.
    pub labels: usize,
}

/// Things of one kind that were left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// Why, in one word.
    pub reason: &'static str,
    /// How many.
    pub count: u64,
    /// The first of them: place, finding and expectation. All are in `rejects.jsonl`.
    pub first: String,
}

/// Something that was changed on purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What was changed, in one sentence.
    pub what: String,
    /// In how many documents or labels.
    pub count: u64,
}

/// How often the labels that documents carry occur in training documents; ancestors that are only implied do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TrainingFrequency {
    /// Labels of more than 50 training documents.
    pub frequent: usize,
    /// Labels of 1 to 50 training documents.
    pub few: usize,
    /// Labels of validation or test documents only.
    pub zero: usize,
}

/// A file, or a folder of files, that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InputFile {
    /// The option that named it.
    pub option: String,
    /// As it was given.
    pub path: String,
    /// Number of files that were read.
    pub files: u64,
    /// Their size.
    pub bytes: u64,
    /// SHA-256 of the file; of a folder, over the names and contents of the files that were read.
    pub sha256: String,
}

/// What came out of an import.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// `wos`, `rcv1`, `nyt` or `eurlex`.
    pub dataset: &'static str,
    /// Documents in each part.
    pub documents: Documents,
    /// Labels of the taxonomy.
    pub labels: usize,
    /// The same per level, the children of the root first.
    pub labels_per_level: Vec<usize>,
    /// Labels with more than one parent.
    pub multi_parent_labels: usize,
    /// Labels that neither a document nor a descendant's document carries.
    pub unused_labels: usize,
    /// Labels of a document on average, as given.
    pub labels_per_document: f64,
    /// Documents with a label but not all of its ancestors. They are completed wherever the rows are read.
    pub unclosed_documents: u64,
    /// Documents without a label.
    pub unlabelled_documents: u64,
    /// Frequency groups of the labels.
    pub training_frequency: TrainingFrequency,
    /// What was left out.
    pub dropped: Vec<Dropped>,
    /// What was changed.
    pub changes: Vec<Change>,
    /// What the papers report.
    pub published: Published,
    /// Whether documents and labels are as many as the papers report.
    pub as_published: bool,
    /// What was read.
    pub inputs: Vec<InputFile>,
    /// What was written.
    pub files: Vec<String>,
}
