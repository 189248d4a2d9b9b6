//! The New York Times Annotated Corpus, cut down to the papers' 36,471 articles and 166 labels.
//!
//! Which articles are in which part stands in three published lists. Labels come from the taxonomic classifiers of an
//! article: paths of at least three steps count, with all their prefixes, as far as the list of labels has them.

use std::path::{Path, PathBuf};

use arborist_shared::LabelIndex;
use arborist_shared::split::Split;
use arborist_shared::taxonomy::{NewLabel, ROOT, Taxonomy, TaxonomyFormat, parse};
use roxmltree::Node;
use rustc_hash::{FxHashMap, FxHashSet};
use walkdir::WalkDir;

use super::input::{Folder, Lines, fingerprint};
use super::output::{About, CorpusWriter, Keep, Reason, Rejects, taxonomy};
use super::{DatasetError, Documents, Published, Summary, Watch, xml};

const PUBLISHED: Published = Published {
    documents: Documents {
        train: 23_345,
        validation: 5_834,
        test: 7_292,
    },
    labels: 166,
};
/// First step of every path; the list of labels leaves it to the root.
const TOP: &str = "Top";
/// Steps that a classifier's path must have.
const MIN_STEPS: usize = 3;

/// The New York Times as it lies here.
#[derive(Clone, Debug)]
pub struct Nyt {
    /// Folder with `<id>.xml`, at any depth.
    pub corpus: PathBuf,
    /// Lists of the training, validation and test articles.
    pub ids: [PathBuf; 3],
    /// The labels.
    pub labels: NytLabels,
    /// What stands between paragraphs.
    pub paragraph_separator: String,
}

/// Where the labels stand.
#[derive(Clone, Debug)]
pub enum NytLabels {
    /// A list of paths, `Top/News/Sports`; the hierarchy follows from them.
    List(PathBuf),
    /// A taxonomy in any format, whose ids are such paths.
    Taxonomy(PathBuf, Option<TaxonomyFormat>),
}

/// An article as a list names it.
struct Listed {
    id: String,
    /// The same without leading zeros, as a number.
    number: u64,
    place: String,
}

impl Nyt {
    /// Writes the corpus to `out`.
    ///
    /// # Errors
    /// Files that cannot be read or do not have their form, and an `out` that is not empty.
    pub fn import(&self, out: &Path, watch: &mut dyn Watch) -> Result<Summary, DatasetError> {
        let mut draft = CorpusWriter::draft(out)?;
        let mut inputs = Vec::new();
        let labels = match &self.labels {
            NytLabels::List(path) => {
                inputs.push(fingerprint("--labels", path)?);
                read_labels(path)?
            }
            NytLabels::Taxonomy(path, format) => {
                inputs.push(fingerprint("--taxonomy", path)?);
                read_taxonomy(path, *format, watch)?
            }
        };
        let options = ["--train-ids", "--validation-ids", "--test-ids"];
        let mut lists = Vec::new();
        for (option, path) in options.iter().zip(&self.ids) {
            inputs.push(fingerprint(option, path)?);
            lists.push(read_ids(path, &mut draft.rejects)?);
        }
        let mut folder = Folder::open("--corpus", &self.corpus)?;
        let wanted = lists.iter().flatten().map(|listed| listed.number).collect();
        let files = find(&self.corpus, &wanted, watch)?;
        let mut writer = draft.start(labels)?;
        let total = lists.iter().map(Vec::len).sum::<usize>() as u64;
        let mut done = 0;
        for (list, split) in lists.iter().zip(Split::ALL) {
            for listed in list {
                done += 1;
                watch.step("reading articles", done, total);
                let Some(path) = files.get(&listed.number) else {
                    let message = format!(
                        "found no file `{}.xml` below {}, expected one for each article",
                        listed.id,
                        self.corpus.display()
                    );
                    writer
                        .rejects
                        .add(Reason::MissingFile, &listed.place, &message)?;
                    continue;
                };
                let bytes = folder.read(path)?;
                self.article(&mut writer, split, &listed.id, path, &bytes)?;
            }
        }
        inputs.push(folder.finish());
        writer.finish(About {
            dataset: "nyt",
            published: PUBLISHED,
            keep: Keep::All,
            changes: Vec::new(),
            inputs,
        })
    }

    fn article(
        &self,
        writer: &mut CorpusWriter,
        split: Split,
        id: &str,
        path: &Path,
        bytes: &[u8],
    ) -> Result<(), DatasetError> {
        let place = path.display().to_string();
        let read = xml::with_root(bytes, |root| {
            (
                xml::paragraphs(root, 1, &self.paragraph_separator),
                labels_of(root, writer.taxonomy()),
            )
        });
        match read {
            Err(message) => writer.rejects.add(Reason::Malformed, &place, &message),
            Ok((text, _)) if text.is_empty() => {
                let message = "found no text after the first paragraph, expected some";
                writer.rejects.add(Reason::EmptyText, &place, message)
            }
            Ok((text, labels)) => writer.push(split, &place, id, &text, &labels),
        }
    }
}

/// Labels of an article, in the order in which its classifiers name them.
fn labels_of(root: Node<'_, '_>, taxonomy: &Taxonomy) -> Vec<LabelIndex> {
    let mut labels = Vec::new();
    let classifiers = root.descendants().filter(|node| {
        node.has_tag_name("classifier") && node.attribute("type") == Some("taxonomic_classifier")
    });
    for classifier in classifiers {
        let path = xml::text(classifier);
        let path = path.trim();
        if path.split('/').count() < MIN_STEPS {
            continue;
        }
        let ends = path
            .match_indices('/')
            .map(|(place, _)| place)
            .chain([path.len()]);
        for label in ends.filter_map(|end| taxonomy.index_of(&path[..end])) {
            if !labels.contains(&label) {
                labels.push(label);
            }
        }
    }
    labels
}

/// Labels from a list of paths; a label's parent is its longest prefix that is in the list.
fn read_labels(path: &Path) -> Result<Taxonomy, DatasetError> {
    let mut ids: Vec<String> = Vec::new();
    let mut known = FxHashSet::default();
    let mut lines = Lines::open(path)?;
    while let Some(line) = lines.next_text()? {
        let label = line.trim();
        if label.is_empty() || label == ROOT || label == TOP {
            continue;
        }
        if !label.contains('/') {
            let found = format!("{label:?}");
            return Err(DatasetError::input(
                lines.place(),
                found,
                format!("a path such as `{TOP}/News/Sports`"),
            ));
        }
        if known.insert(label.to_owned()) {
            ids.push(label.to_owned());
        }
    }
    let place = path.display().to_string();
    if ids.is_empty() {
        return Err(DatasetError::input(place, "no label", "one path a line"));
    }
    let labels = ids.into_iter().map(|id| {
        let parent = id
            .rmatch_indices('/')
            .map(|(end, _)| &id[..end])
            .find(|prefix| known.contains(*prefix));
        NewLabel {
            parents: parent.map(str::to_owned).into_iter().collect(),
            name: id.rsplit('/').next().unwrap_or(&id).to_owned(),
            id,
            details: None,
        }
    });
    taxonomy(&place, labels.collect())
}

fn read_taxonomy(
    path: &Path,
    format: Option<TaxonomyFormat>,
    watch: &mut dyn Watch,
) -> Result<Taxonomy, DatasetError> {
    let place = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| DatasetError::read(path, error))?;
    let parsed = parse(&bytes, format).map_err(|source| DatasetError::Taxonomy {
        place: place.clone(),
        source,
    })?;
    for note in &parsed.notes {
        watch.note(&format!("{place}: {note}"));
    }
    taxonomy(&place, parsed.taxonomy.to_labels())
}

/// Articles of a list: numbers, or paths such as `Nytimes/2001/1354702.xml`.
fn read_ids(path: &Path, rejects: &mut Rejects) -> Result<Vec<Listed>, DatasetError> {
    let mut listed = Vec::new();
    let mut lines = Lines::open(path)?;
    while let Some(line) = lines.next_text()? {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let name = line.rsplit('/').next().unwrap_or(line);
        let id = name.strip_suffix(".xml").unwrap_or(name).to_owned();
        match id.parse() {
            Ok(number) => listed.push(Listed {
                id,
                number,
                place: lines.place(),
            }),
            Err(_) => {
                let message = format!(
                    "found {line:?}, expected a number or a path such as `Nytimes/2001/1354702.xml`"
                );
                rejects.add(Reason::Malformed, &lines.place(), &message)?;
            }
        }
    }
    if listed.is_empty() {
        return Err(DatasetError::input(
            path.display(),
            "no article",
            "one a line, such as `Nytimes/2001/1354702.xml`",
        ));
    }
    Ok(listed)
}

/// The files of the articles that are wanted, by number.
fn find(
    corpus: &Path,
    wanted: &FxHashSet<u64>,
    watch: &mut dyn Watch,
) -> Result<FxHashMap<u64, PathBuf>, DatasetError> {
    let mut files = FxHashMap::default();
    let mut seen = 0;
    for entry in WalkDir::new(corpus).follow_links(true).sort_by_file_name() {
        let entry = entry.map_err(|error| DatasetError::read(corpus, error.into()))?;
        seen += 1;
        watch.step("finding files", seen, 0);
        let name = entry.file_name().to_string_lossy();
        let number = name.strip_suffix(".xml").and_then(|id| id.parse().ok());
        if let Some(number) = number.filter(|number| wanted.contains(number)) {
            files.entry(number).or_insert_with(|| entry.into_path());
        }
    }
    Ok(files)
}
