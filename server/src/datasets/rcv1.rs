//! Reuters newswire (RCV1-V2): topics from the qrels file, texts from the token files of LYRL2004 or from the XML.
//!
//! Training documents are those of LYRL2004's training token file, everything else is test. A tenth of the training
//! documents becomes validation, drawn over the documents in the order of their ids.

mod sources;

use std::path::{Path, PathBuf};

use arborist_shared::LabelIndex;
use arborist_shared::split::Split;
use arborist_shared::taxonomy::{NewLabel, ROOT, Taxonomy};
use rustc_hash::FxHashSet;

use self::sources::{NewsFiles, TokenFile, train_ids};
use super::input::{Folder, Lines, fingerprint};
use super::numpy::{RandomState, hold_out};
use super::output::{About, CorpusWriter, Keep, Reason, Rejects, taxonomy};
use super::{DatasetError, Documents, InputFile, Published, Summary, Watch};

const PUBLISHED: Published = Published {
    documents: Documents {
        train: 20_834,
        validation: 2_315,
        test: 781_265,
    },
    labels: 103,
};
const SHUFFLE_SEED: u32 = 7;
const SPLIT_SEED: u32 = 0;
const HELD_OUT: f64 = 0.1;
const HIERARCHY_LINE: &str = "`parent: … child: … child-description: …`";

/// RCV1-V2 as it lies here.
#[derive(Clone, Debug)]
pub struct Rcv1 {
    /// The texts.
    pub texts: Rcv1Texts,
    /// `rcv1-v2.topics.qrels`: `topic document 1`.
    pub qrels: PathBuf,
    /// `rcv1.topics.hier.orig`.
    pub hierarchy: PathBuf,
    /// Which tenth is held out.
    pub recipe: ValidationRecipe,
}

/// The forms of the texts.
#[derive(Clone, Debug)]
pub enum Rcv1Texts {
    /// Stemmed words without stop words, as LYRL2004 publishes them.
    Tokens {
        /// `lyrl2004_tokens_train.dat`.
        train: PathBuf,
        /// `lyrl2004_tokens_test_pt0.dat` to `pt3`.
        test: Vec<PathBuf>,
    },
    /// The newswire itself.
    Xml {
        /// Folder with `<id>newsML.xml`, at any depth.
        folder: PathBuf,
        /// Ids of the training documents: the training token file, or a number a line.
        train_ids: PathBuf,
        /// What stands between paragraphs.
        paragraph_separator: String,
    },
}

/// How the papers drew the validation documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ValidationRecipe {
    /// From the documents in order (HGCLR, HBGL).
    #[default]
    Ordered,
    /// From the documents shuffled with seed 7 (`HTCInfoMax`).
    Shuffled,
}

/// A document, good so far.
pub(super) struct Document {
    id: u32,
    place: String,
    text: String,
}

impl Rcv1 {
    /// Writes the corpus to `out`.
    ///
    /// # Errors
    /// Files that cannot be read or do not have their form, and an `out` that is not empty.
    pub fn import(&self, out: &Path, watch: &mut dyn Watch) -> Result<Summary, DatasetError> {
        let mut draft = CorpusWriter::draft(out)?;
        let mut inputs = vec![
            fingerprint("--hierarchy", &self.hierarchy)?,
            fingerprint("--qrels", &self.qrels)?,
        ];
        let taxonomy = read_hierarchy(&self.hierarchy)?;
        let topics = Topics::read(&self.qrels, &taxonomy, &mut draft.rejects, watch)?;
        let mut import = Import {
            writer: draft.start(taxonomy)?,
            topics,
            watch,
        };
        match &self.texts {
            Rcv1Texts::Tokens { train, test } => {
                inputs.push(fingerprint("--train-tokens", train)?);
                for path in test {
                    inputs.push(fingerprint("--test-tokens", path)?);
                }
                import.tokens(train, test, self.recipe)?;
            }
            Rcv1Texts::Xml {
                folder,
                train_ids,
                paragraph_separator,
            } => {
                inputs.push(fingerprint("--train-ids", train_ids)?);
                inputs.push(import.xml(folder, train_ids, paragraph_separator, self.recipe)?);
            }
        }
        import.writer.finish(About {
            dataset: "rcv1",
            published: PUBLISHED,
            keep: Keep::All,
            changes: Vec::new(),
            inputs,
        })
    }
}

struct Import<'w> {
    writer: CorpusWriter,
    topics: Topics,
    watch: &'w mut dyn Watch,
}

impl Import<'_> {
    fn tokens(
        &mut self,
        train: &Path,
        test: &[PathBuf],
        recipe: ValidationRecipe,
    ) -> Result<(), DatasetError> {
        let mut documents = Vec::new();
        let mut file = TokenFile::open(train)?;
        while let Some(document) = file.next(&mut self.writer.rejects)? {
            self.watch
                .step("reading training", documents.len() as u64 + 1, 0);
            if self.is_usable(&document)? {
                documents.push(document);
            }
        }
        self.train(documents, recipe)?;
        let mut done = 0;
        for path in test {
            let mut file = TokenFile::open(path)?;
            while let Some(document) = file.next(&mut self.writer.rejects)? {
                done += 1;
                self.watch.step("writing test", done, 0);
                if self.is_usable(&document)? {
                    self.push(Split::Test, &document)?;
                }
            }
        }
        Ok(())
    }

    fn xml(
        &mut self,
        folder: &Path,
        train: &Path,
        separator: &str,
        recipe: ValidationRecipe,
    ) -> Result<InputFile, DatasetError> {
        let mut folder = Folder::open("--xml", folder)?;
        let files = NewsFiles::find(folder.path(), self.watch)?;
        let train = train_ids(train)?;
        let total = files.len() as u64;
        let mut done = 0;
        let mut documents = Vec::new();
        for &id in &train {
            let Some(path) = files.path(id) else {
                let message = "found no such file, expected one for each training document";
                let place = format!("{}/…/{id}newsML.xml", folder.path().display());
                self.writer
                    .rejects
                    .add(Reason::MissingFile, &place, message)?;
                continue;
            };
            done += 1;
            self.watch.step("reading training", done, total);
            if let Some(document) = self.news(&mut folder, id, &path, separator)? {
                documents.push(document);
            }
        }
        self.train(documents, recipe)?;
        let train: FxHashSet<u32> = train.into_iter().collect();
        for id in files.ids().filter(|id| !train.contains(id)) {
            done += 1;
            self.watch.step("writing test", done, total);
            if let Some(path) = files.path(id)
                && let Some(document) = self.news(&mut folder, id, &path, separator)?
            {
                self.push(Split::Test, &document)?;
            }
        }
        let missing = self
            .topics
            .ids()
            .filter(|&id| files.path(id).is_none())
            .count();
        if missing > 0 {
            self.watch.note(&format!(
                "{}: {missing} documents of the qrels file have no XML here",
                folder.path().display()
            ));
        }
        Ok(folder.finish())
    }

    /// A news item, if it can be used.
    fn news(
        &mut self,
        folder: &mut Folder,
        id: u32,
        path: &Path,
        separator: &str,
    ) -> Result<Option<Document>, DatasetError> {
        let bytes = folder.read(path)?;
        let place = path.display().to_string();
        let text = super::xml::with_root(&bytes, |root| super::xml::paragraphs(root, 0, separator));
        match text {
            Err(message) => {
                self.writer
                    .rejects
                    .add(Reason::Malformed, &place, &message)?;
                Ok(None)
            }
            Ok(text) => {
                let document = Document { id, place, text };
                Ok(self.is_usable(&document)?.then_some(document))
            }
        }
    }

    /// Whether a document has topics and text; else it is listed.
    fn is_usable(&mut self, document: &Document) -> Result<bool, DatasetError> {
        let (reason, message) = if self.topics.of(document.id).is_empty() {
            let message =
                "found no topic of this document in the qrels file, expected at least one";
            (Reason::NotInCollection, message)
        } else if document.text.is_empty() {
            (Reason::EmptyText, "found no text, expected some")
        } else {
            return Ok(true);
        };
        let place = format!("{}, document {}", document.place, document.id);
        self.writer.rejects.add(reason, &place, message)?;
        Ok(false)
    }

    /// Splits and writes the training documents.
    fn train(
        &mut self,
        mut documents: Vec<Document>,
        recipe: ValidationRecipe,
    ) -> Result<(), DatasetError> {
        documents.sort_by_key(|document| document.id);
        if recipe == ValidationRecipe::Shuffled {
            RandomState::new(SHUFFLE_SEED).shuffle(&mut documents);
        }
        let (train, validation) = hold_out(documents, HELD_OUT, SPLIT_SEED);
        for (split, documents) in [(Split::Train, train), (Split::Validation, validation)] {
            for document in documents {
                self.push(split, &document)?;
            }
        }
        Ok(())
    }

    fn push(&mut self, split: Split, document: &Document) -> Result<(), DatasetError> {
        let labels: Vec<LabelIndex> = self
            .topics
            .of(document.id)
            .iter()
            .map(|pair| pair.1)
            .collect();
        let id = document.id.to_string();
        self.writer
            .push(split, &document.place, &id, &document.text, &labels)
    }
}

/// Topics of documents: pairs, sorted.
struct Topics(Vec<(u32, LabelIndex)>);

impl Topics {
    fn read(
        path: &Path,
        taxonomy: &Taxonomy,
        rejects: &mut Rejects,
        watch: &mut dyn Watch,
    ) -> Result<Self, DatasetError> {
        let mut pairs = Vec::new();
        let mut lines = Lines::open(path)?;
        let mut done = 0;
        while let Some(line) = lines.next_text()? {
            done += 1;
            watch.step("reading topics", done, 0);
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (reason, message) = match fields[..] {
                [] => continue,
                [topic, id, relevant] => match (taxonomy.index_of(topic), id.parse()) {
                    (Some(topic), Ok(id)) => {
                        if relevant != "0" {
                            pairs.push((id, topic));
                        }
                        continue;
                    }
                    (None, Ok(_)) => (
                        Reason::UnknownLabel,
                        format!("found the topic `{topic}`, expected one of the hierarchy"),
                    ),
                    (_, Err(_)) => (
                        Reason::Malformed,
                        format!("found the document `{id}`, expected a number"),
                    ),
                },
                _ => (
                    Reason::Malformed,
                    format!(
                        "found {} fields, expected 3: topic, document and 1",
                        fields.len()
                    ),
                ),
            };
            rejects.add(reason, &lines.place(), &message)?;
        }
        if pairs.is_empty() {
            return Err(DatasetError::input(
                path.display(),
                "no usable line",
                "lines of topic, document and 1, such as `GCAT 2286 1`",
            ));
        }
        pairs.sort_unstable();
        pairs.dedup();
        Ok(Self(pairs))
    }

    fn of(&self, id: u32) -> &[(u32, LabelIndex)] {
        let start = self.0.partition_point(|pair| pair.0 < id);
        let rest = &self.0[start..];
        &rest[..rest.partition_point(|pair| pair.0 == id)]
    }

    /// All documents that have topics, in order.
    fn ids(&self) -> impl Iterator<Item = u32> {
        self.0
            .chunk_by(|left, right| left.0 == right.0)
            .map(|pairs| pairs[0].0)
    }
}

/// Topic codes as ids, their descriptions as names.
fn read_hierarchy(path: &Path) -> Result<Taxonomy, DatasetError> {
    let mut labels: Vec<NewLabel> = Vec::new();
    let mut lines = Lines::open(path)?;
    while let Some(line) = lines.next_text()? {
        if line.trim().is_empty() {
            continue;
        }
        let fields = line
            .trim_start()
            .strip_prefix("parent:")
            .and_then(|rest| rest.split_once("child:"))
            .and_then(|(parent, rest)| {
                let (child, name) = rest.split_once("child-description:")?;
                Some((parent.trim(), child.trim(), name.trim()))
            });
        let Some((parent, child, name)) = fields else {
            let shown: String = line.chars().take(60).collect();
            return Err(DatasetError::input(
                lines.place(),
                format!("{shown:?}"),
                HIERARCHY_LINE,
            ));
        };
        if child == ROOT {
            continue;
        }
        let parents: Vec<String> = (parent != ROOT)
            .then(|| parent.to_owned())
            .into_iter()
            .collect();
        match labels.iter_mut().find(|label| label.id == child) {
            Some(label) => label.parents.extend(parents),
            None => labels.push(NewLabel {
                id: child.to_owned(),
                name: name.to_owned(),
                parents,
                details: None,
            }),
        }
    }
    if labels.is_empty() {
        return Err(DatasetError::input(
            path.display(),
            "no line",
            HIERARCHY_LINE,
        ));
    }
    taxonomy(&path.display().to_string(), labels)
}
