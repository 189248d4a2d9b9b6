//! EURLEX57K: EU legislation with EUROVOC concepts, whose hierarchy is a DAG.
//!
//! The parts are three folders of JSON files. Concepts of a document are its labels as given: their ancestors are not
//! gold in the papers, so rows name the concepts only, and whoever trains or ranks on the closed sets does so knowingly.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use arborist_shared::LabelIndex;
use arborist_shared::split::Split;
use arborist_shared::taxonomy::{NewLabel, Taxonomy};
use serde::Deserialize;

use super::input::{Folder, fingerprint};
use super::output::{About, CorpusWriter, Keep, Reason, taxonomy};
use super::{Change, DatasetError, Documents, Published, Summary, Watch};

const PUBLISHED: Published = Published {
    documents: Documents {
        train: 45_000,
        validation: 6_000,
        test: 6_000,
    },
    labels: 4_271,
};

/// EURLEX57K as it lies here.
#[derive(Clone, Debug)]
pub struct Eurlex {
    /// Folders of the training, validation and test documents.
    pub parts: [PathBuf; 3],
    /// The concepts: `{"id": {"label": …, "parents": [ids]}}`.
    pub concepts: PathBuf,
    /// Whether concepts stay that no document has, not even below them.
    pub all_concepts: bool,
}

/// A document as it is published.
#[derive(Deserialize)]
struct Document {
    celex_id: Option<String>,
    concepts: Vec<Id>,
    header: Option<Section>,
    recitals: Option<Section>,
    main_body: Option<Section>,
    attachments: Option<Section>,
}

/// A part of a document: one text or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Section {
    One(String),
    Several(Vec<String>),
}

/// Ids are numbers, mostly written as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Text(String),
    Number(u64),
}

impl Id {
    fn into_text(self) -> String {
        match self {
            Self::Text(id) => id,
            Self::Number(id) => id.to_string(),
        }
    }
}

/// A concept as it is published; alternative labels are not needed.
#[derive(Deserialize)]
struct Concept {
    label: String,
    #[serde(default)]
    parents: Vec<Id>,
}

impl Eurlex {
    /// Writes the corpus to `out`.
    ///
    /// # Errors
    /// Files that cannot be read or do not have their form, and an `out` that is not empty.
    pub fn import(&self, out: &Path, watch: &mut dyn Watch) -> Result<Summary, DatasetError> {
        let draft = CorpusWriter::draft(out)?;
        let mut inputs = vec![fingerprint("--concepts", &self.concepts)?];
        let (concepts, changes) = read_concepts(&self.concepts)?;
        let mut writer = draft.start(concepts)?;
        let options = ["--train", "--validation", "--test"];
        for ((option, path), split) in options.iter().zip(&self.parts).zip(Split::ALL) {
            let mut folder = Folder::open(option, path)?;
            let files = json_files(path)?;
            for (done, file) in (1..).zip(&files) {
                watch.step(&format!("reading {split}"), done, files.len() as u64);
                let bytes = folder.read(file)?;
                document(&mut writer, split, file, &bytes)?;
            }
            inputs.push(folder.finish());
        }
        writer.finish(About {
            dataset: "eurlex",
            published: PUBLISHED,
            keep: if self.all_concepts {
                Keep::All
            } else {
                Keep::Used
            },
            changes,
            inputs,
        })
    }
}

fn document(
    writer: &mut CorpusWriter,
    split: Split,
    file: &Path,
    bytes: &[u8],
) -> Result<(), DatasetError> {
    let place = file.display().to_string();
    let document: Document = match serde_json::from_slice(bytes) {
        Ok(document) => document,
        Err(error) => {
            let message = format!(
                "found {error}, expected a document with `concepts`, `header`, `recitals`, `main_body` and `attachments`"
            );
            return writer.rejects.add(Reason::Malformed, &place, &message);
        }
    };
    let mut labels: Vec<LabelIndex> = Vec::with_capacity(document.concepts.len());
    for id in document.concepts {
        let id = id.into_text();
        match writer.taxonomy().index_of(&id) {
            Some(label) if labels.contains(&label) => {}
            Some(label) => labels.push(label),
            None => {
                let message = format!("found the concept `{id}`, expected one of --concepts");
                writer.rejects.add(Reason::UnknownLabel, &place, &message)?;
            }
        }
    }
    let mut texts = Vec::new();
    for section in [
        document.header,
        document.recitals,
        document.main_body,
        document.attachments,
    ] {
        match section {
            None => {}
            Some(Section::One(text)) => texts.push(text),
            Some(Section::Several(several)) => texts.extend(several),
        }
    }
    texts.retain(|text| !text.trim().is_empty());
    let stem = || {
        file.file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let id = document.celex_id.unwrap_or_else(stem);
    if texts.is_empty() {
        let message = "found no text in any section, expected some";
        return writer.rejects.add(Reason::EmptyText, &place, message);
    }
    writer.push(split, &place, &id, &texts.join("\n"), &labels)
}

/// The JSON files of a folder, sorted by name.
fn json_files(folder: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    let failed = |error| DatasetError::read(folder, error);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(DatasetError::input(
            folder.display(),
            "no JSON file",
            "one for each document",
        ));
    }
    files.sort_unstable();
    Ok(files)
}

/// Concept ids as ids, descriptors as names; parents that are no concepts are left out.
fn read_concepts(path: &Path) -> Result<(Taxonomy, Vec<Change>), DatasetError> {
    let place = path.display().to_string();
    let bytes = fs::read(path).map_err(|error| DatasetError::read(path, error))?;
    let concepts: BTreeMap<String, Concept> = serde_json::from_slice(&bytes).map_err(|error| {
        DatasetError::input(
            &place,
            error.to_string(),
            "an object of concepts, {\"id\": {\"label\": \"…\", \"parents\": [\"id\"]}}",
        )
    })?;
    if concepts.is_empty() {
        return Err(DatasetError::input(place, "no concept", "at least one"));
    }
    let mut unknown_parents = 0;
    let known: Vec<String> = concepts.keys().cloned().collect();
    let labels = concepts.into_iter().map(|(id, concept)| {
        let mut parents: Vec<String> = concept.parents.into_iter().map(Id::into_text).collect();
        let before = parents.len();
        parents.retain(|parent| known.binary_search(parent).is_ok());
        unknown_parents += (before - parents.len()) as u64;
        NewLabel {
            id,
            name: concept.label,
            parents,
            details: None,
        }
    });
    let taxonomy = taxonomy(&place, labels.collect())?;
    let changes = vec![Change {
        what: "parents that --concepts does not hold were left out".to_owned(),
        count: unknown_parents,
    }];
    Ok((taxonomy, changes))
}
