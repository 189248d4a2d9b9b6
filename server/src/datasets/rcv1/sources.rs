//! Where the texts of RCV1 come from: token files of LYRL2004, and folders of XML files.

use std::mem;
use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;
use walkdir::WalkDir;

use super::Document;
use crate::datasets::input::{Lines, utf8};
use crate::datasets::output::{Reason, Rejects};
use crate::datasets::{DatasetError, Watch};

/// Begins a document in a token file.
const ID: &str = ".I";
/// Begins its words.
const WORDS: &str = ".W";
/// Ends the name of a news item, after its id.
const NEWS_SUFFIX: &str = "newsML.xml";

/// Documents of a token file: `.I id`, `.W`, lines of words, an empty line.
pub(super) struct TokenFile {
    lines: Lines,
    at: At,
}

/// Where a reader of a token file is.
enum At {
    /// Before the first document.
    Start,
    /// In a document that may have more words.
    Document(Document),
    /// In a document that cannot be named.
    Broken,
}

/// What a line of a token file says.
enum Part<'a> {
    Nothing,
    Begins(&'a str),
    Words(&'a str),
}

impl<'a> Part<'a> {
    fn of(line: &'a str) -> Self {
        match line.trim() {
            "" | WORDS => Self::Nothing,
            line => line
                .strip_prefix(ID)
                .map_or(Self::Words(line), |id| Self::Begins(id.trim())),
        }
    }
}

impl TokenFile {
    pub(super) fn open(path: &Path) -> Result<Self, DatasetError> {
        Ok(Self {
            lines: Lines::open(path)?,
            at: At::Start,
        })
    }

    /// The next document; none at the end. Lines that belong to none are listed.
    pub(super) fn next(&mut self, rejects: &mut Rejects) -> Result<Option<Document>, DatasetError> {
        loop {
            let Some(line) = self.lines.next()? else {
                return Ok(self.go(At::Start));
            };
            let message = match utf8(line).map(Part::of) {
                Ok(Part::Nothing) => continue,
                Ok(Part::Words(words)) => match &mut self.at {
                    At::Document(document) => {
                        append(&mut document.text, words);
                        continue;
                    }
                    At::Broken => continue,
                    At::Start => format!("found words of no document, expected `{ID}` and an id"),
                },
                Ok(Part::Begins(id)) => {
                    let at = if let Ok(id) = id.parse() {
                        At::Document(Document {
                            id,
                            place: self.lines.place(),
                            text: String::new(),
                        })
                    } else {
                        let message = format!("found the id `{id}`, expected a number");
                        rejects.add(Reason::Malformed, &self.lines.place(), &message)?;
                        At::Broken
                    };
                    match self.go(at) {
                        Some(complete) => return Ok(Some(complete)),
                        None => continue,
                    }
                }
                Err(message) => message,
            };
            rejects.add(Reason::Malformed, &self.lines.place(), &message)?;
        }
    }

    /// Goes on; gives the document that was left.
    fn go(&mut self, at: At) -> Option<Document> {
        match mem::replace(&mut self.at, at) {
            At::Document(complete) => Some(complete),
            At::Start | At::Broken => None,
        }
    }
}

fn append(text: &mut String, words: &str) {
    for word in words.split_whitespace() {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
}

/// Ids of the training documents, sorted: from a token file, or a number a line.
pub(super) fn train_ids(path: &Path) -> Result<Vec<u32>, DatasetError> {
    let mut ids = Vec::new();
    let mut is_token_file = false;
    let mut lines = Lines::open(path)?;
    while let Some(line) = lines.next_text()? {
        let line = line.trim();
        let id = match line.strip_prefix(ID) {
            Some(id) => {
                is_token_file = true;
                id.trim()
            }
            None if is_token_file || line.is_empty() => continue,
            None => line,
        };
        match id.parse() {
            Ok(id) => ids.push(id),
            Err(_) => {
                let shown: String = id.chars().take(60).collect();
                return Err(DatasetError::input(
                    lines.place(),
                    format!("{shown:?}"),
                    "the number of a document, or `.I` and the number",
                ));
            }
        }
    }
    if ids.is_empty() {
        return Err(DatasetError::input(
            path.display(),
            "no id",
            "the training token file, or a number a line",
        ));
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// The news items below a folder, by id.
pub(super) struct NewsFiles {
    /// Folder of each item, as an index into `folders`; sorted by id.
    items: Vec<(u32, u32)>,
    folders: Vec<PathBuf>,
}

impl NewsFiles {
    pub(super) fn find(root: &Path, watch: &mut dyn Watch) -> Result<Self, DatasetError> {
        let mut items: Vec<(u32, u32)> = Vec::new();
        let mut folders: Vec<PathBuf> = Vec::new();
        let mut known: FxHashMap<PathBuf, u32> = FxHashMap::default();
        for entry in WalkDir::new(root).follow_links(true) {
            let entry = entry.map_err(|error| DatasetError::read(root, error.into()))?;
            let name = entry.file_name().to_string_lossy();
            let id = name
                .strip_suffix(NEWS_SUFFIX)
                .and_then(|id| id.parse().ok());
            let (Some(id), Some(folder)) = (id, entry.path().parent()) else {
                continue;
            };
            let index = known.get(folder).copied().unwrap_or_else(|| {
                let index = folders.len() as u32;
                folders.push(folder.to_owned());
                known.insert(folder.to_owned(), index);
                index
            });
            items.push((id, index));
            watch.step("finding files", items.len() as u64, 0);
        }
        if items.is_empty() {
            return Err(DatasetError::input(
                root.display(),
                format!("no file `<id>{NEWS_SUFFIX}`"),
                "the unpacked newswire, such as 19960820/2286newsML.xml",
            ));
        }
        // The order of a directory is nobody's promise.
        items.sort_by(|left, right| {
            let folder = |item: &(u32, u32)| &folders[item.1 as usize];
            left.0
                .cmp(&right.0)
                .then_with(|| folder(left).cmp(folder(right)))
        });
        items.dedup_by_key(|item| item.0);
        Ok(Self { items, folders })
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = u32> {
        self.items.iter().map(|item| item.0)
    }

    pub(super) fn path(&self, id: u32) -> Option<PathBuf> {
        let position = self.items.binary_search_by_key(&id, |item| item.0).ok()?;
        let folder = &self.folders[self.items[position].1 as usize];
        Some(folder.join(format!("{id}{NEWS_SUFFIX}")))
    }
}
