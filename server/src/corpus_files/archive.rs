//! What the files of a zip archive are: data one after the other, or a document each.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arborist_shared::corpus::{CorpusFormat, RowLabel, resolve_labels};
use arborist_shared::split::Split;
use arborist_shared::taxonomy::Taxonomy;
use zip::{CompressionMethod, ZipArchive};

use super::FileError;
use super::source::Stretch;

/// More files than anybody has documents of this kind.
const MAX_FILES: usize = 2_000_000;
/// Endings of files that hold rows.
const DATA: [&str; 9] = [
    "jsonl", "ndjson", "json", "csv", "tsv", "tab", "gz", "data", "train",
];

/// A file of an archive.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: Arc<str>,
    position: usize,
}

/// A document that is a file of its own.
#[derive(Clone, Debug)]
pub(super) struct TextFile {
    pub(super) text: Member,
    /// Where its labels stand; none where its folders are its label.
    pub(super) labels: Option<Member>,
    pub(super) id: String,
    pub(super) folders: Option<RowLabel>,
    pub(super) split: Option<Split>,
}

/// What the archive holds.
#[derive(Clone, Debug)]
pub(super) enum Contents {
    Data(Vec<(Member, Option<Split>)>),
    Texts(CorpusFormat, Vec<TextFile>),
}

/// An archive that is open.
pub(super) struct Archive {
    path: PathBuf,
    zip: ZipArchive<BufReader<File>>,
}

impl Archive {
    pub(super) fn open(path: &Path) -> Result<Self, FileError> {
        let file = BufReader::with_capacity(1 << 16, File::open(path)?);
        Ok(Self {
            path: path.to_owned(),
            zip: ZipArchive::new(file)?,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Names of all files, checked.
    fn members(&mut self) -> Result<Vec<(PathBuf, Member)>, FileError> {
        if self.zip.len() > MAX_FILES {
            return Err(FileError::Refused(format!(
                "the archive has {} files, expected at most {MAX_FILES}",
                self.zip.len()
            )));
        }
        let mut members = Vec::new();
        for position in 0..self.zip.len() {
            let entry = self.zip.by_index_raw(position)?;
            if !entry.is_file() {
                continue;
            }
            let Some(path) = entry.enclosed_name() else {
                return Err(FileError::Refused(format!(
                    "the archive has a file outside of itself: {:?}",
                    entry.name()
                )));
            };
            let is_hidden = path.components().any(|part| {
                let part = part.as_os_str().to_string_lossy();
                part.starts_with('.') || part == "__MACOSX"
            });
            if is_hidden {
                continue;
            }
            let name = path.to_string_lossy().into_owned().into();
            members.push((path, Member { name, position }));
        }
        members.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(members)
    }

    /// Finds out what the archive holds.
    pub(super) fn contents(
        &mut self,
        asked: Option<CorpusFormat>,
        taxonomy: Option<&Taxonomy>,
    ) -> Result<Contents, FileError> {
        let members = self.members()?;
        let ending = |path: &Path| {
            let ending = path.extension().and_then(|ending| ending.to_str());
            ending.unwrap_or_default().to_ascii_lowercase()
        };
        let texts = || {
            members
                .iter()
                .filter(|(path, _)| ["txt", ""].contains(&&*ending(path)))
        };
        let by_path: HashMap<&Path, &Member> = members
            .iter()
            .map(|(path, member)| (path.as_path(), member))
            .collect();
        let beside = |path: &Path| {
            let found = ["tsv", "key"].map(|ending| by_path.get(&*path.with_extension(ending)));
            found
                .into_iter()
                .flatten()
                .next()
                .map(|member| (*member).clone())
        };
        let has_pairs = texts().any(|(path, _)| beside(path).is_some());
        let n_texts = texts().count();
        let data: Vec<_> = members
            .iter()
            .filter(|(path, _)| DATA.contains(&&*ending(path)))
            .collect();
        let is_directory = match asked {
            Some(CorpusFormat::AnnifDirectory) => true,
            Some(_) => false,
            None => has_pairs,
        };
        if is_directory {
            let texts = texts().filter(|(path, _)| ending(path) == "txt");
            let texts = texts.map(|(path, member)| TextFile {
                text: member.clone(),
                labels: beside(path),
                id: stem(path),
                folders: None,
                split: split_of_folders(path),
            });
            return Ok(Contents::Texts(
                CorpusFormat::AnnifDirectory,
                unique_ids(texts.collect()),
            ));
        }
        let is_texts = match asked {
            Some(CorpusFormat::Txt) => true,
            Some(_) => false,
            None => data.is_empty() && n_texts > 1,
        };
        if is_texts {
            let around = folders_around(texts().map(|(path, _)| path.as_path()), taxonomy);
            let texts = texts().map(|(path, member)| {
                let inner: PathBuf = path.components().skip(around).collect();
                let (split, folders) = folder_label(&inner);
                TextFile {
                    text: member.clone(),
                    labels: None,
                    id: stem(path),
                    folders,
                    split: split.or_else(|| split_of_folders(path)),
                }
            });
            return Ok(Contents::Texts(
                CorpusFormat::Txt,
                unique_ids(texts.collect()),
            ));
        }
        let chosen: Vec<_> = if data.is_empty() {
            members.iter().collect()
        } else {
            data
        };
        if chosen.is_empty() {
            return Err(FileError::refused(
                "the archive has no files, expected documents",
            ));
        }
        let chosen = chosen.into_iter().map(|(path, member)| {
            let name = path.file_name().and_then(|name| name.to_str());
            let split = name
                .and_then(split_of_name)
                .or_else(|| split_of_folders(path));
            (member.clone(), split)
        });
        Ok(Contents::Data(chosen.collect()))
    }

    /// Where a file lies.
    pub(super) fn stretch(&mut self, member: &Member) -> Result<Stretch, FileError> {
        let damaged = || FileError::Refused(format!("`{}` of the archive is damaged", member.name));
        let entry = self.zip.by_index_raw(member.position)?;
        let is_deflated = match entry.compression() {
            CompressionMethod::Stored => false,
            CompressionMethod::Deflated => true,
            other => {
                return Err(FileError::Refused(format!(
                    "`{}` is packed with {other}, expected deflate",
                    member.name
                )));
            }
        };
        if entry.encrypted() {
            return Err(FileError::Refused(format!(
                "`{}` is encrypted, expected an archive without a password",
                member.name
            )));
        }
        Ok(Stretch {
            start: entry.data_start().ok_or_else(damaged)?,
            packed: entry.compressed_size(),
            size: entry.size(),
            checksum: entry.crc32(),
            is_deflated,
        })
    }

    /// A small file whole; of a longer one the beginning and one byte more than `most`.
    pub(super) fn read(&mut self, member: &Member, most: usize) -> Result<Vec<u8>, FileError> {
        let stretch = self.stretch(member)?;
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(stretch.start))?;
        let mut bytes = Vec::new();
        let stream = stretch.open(&self.path, &super::source::Meter::new(u64::MAX))?;
        stream.take(most as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Bytes that a file takes in the archive.
    pub(super) fn packed_size(&mut self, member: &Member) -> Result<u64, FileError> {
        Ok(self.zip.by_index_raw(member.position)?.compressed_size())
    }
}

fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    unescape(&stem)
}

/// File names that we write escape what no file name can hold: `%2F`.
fn unescape(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = after
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let code = code.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            Some(code) if first == b'%' => {
                bytes.push(code);
                rest = &after[2..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| name.to_owned())
}

/// Documents are called by their file's name, or by its whole path where names come twice.
fn unique_ids(mut texts: Vec<TextFile>) -> Vec<TextFile> {
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for text in &texts {
        *seen.entry(&text.id).or_default() += 1;
    }
    if seen.values().any(|&n| n > 1) {
        for text in &mut texts {
            text.id = text.text.name.to_string();
        }
    }
    texts
}

/// Number of folders that all files share and that are no label.
fn folders_around<'a>(paths: impl Iterator<Item = &'a Path>, taxonomy: Option<&Taxonomy>) -> usize {
    let common = common_folders(paths);
    let is_label = |from: usize| {
        let names = common.get(from..).unwrap_or_default();
        let names = names.iter().map(|name| unescape(name)).collect();
        let label = [RowLabel::Path(names)];
        taxonomy.is_some_and(|taxonomy| resolve_labels(taxonomy, &label).is_ok())
    };
    (0..common.len())
        .find(|&from| is_label(from))
        .unwrap_or(common.len())
}

/// The folders that all files share.
fn common_folders<'a>(mut paths: impl Iterator<Item = &'a Path>) -> Vec<String> {
    let folders = |path: &Path| -> Vec<String> {
        let parent = path.parent().unwrap_or(Path::new(""));
        let parts = parent.components();
        parts
            .map(|part| part.as_os_str().to_string_lossy().into_owned())
            .collect()
    };
    let Some(mut common) = paths.next().map(folders) else {
        return Vec::new();
    };
    for path in paths {
        let other = folders(path);
        let same = common.iter().zip(&other).take_while(|(a, b)| a == b);
        let n = same.count();
        common.truncate(n);
    }
    common
}

/// Folders as a path of labels; the outermost may be a part.
fn folder_label(path: &Path) -> (Option<Split>, Option<RowLabel>) {
    let parent = path.parent().unwrap_or(Path::new(""));
    let mut names: Vec<String> = parent
        .components()
        .map(|part| unescape(&part.as_os_str().to_string_lossy()))
        .collect();
    let split = names
        .first()
        .and_then(|name| name.to_ascii_lowercase().parse().ok());
    if split.is_some() {
        names.remove(0);
    }
    (split, (!names.is_empty()).then_some(RowLabel::Path(names)))
}

fn split_of_folders(path: &Path) -> Option<Split> {
    let mut folders = path.parent()?.components();
    folders.find_map(|part| {
        let name = part.as_os_str().to_string_lossy().to_ascii_lowercase();
        name.parse().ok()
    })
}

/// The part that a file's name speaks of: `wos_train.json`, `test.csv`, `dev-2.jsonl`.
fn split_of_name(name: &str) -> Option<Split> {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    let mut found = words.filter_map(|word| word.to_ascii_lowercase().parse::<Split>().ok());
    let first = found.next()?;
    found.all(|other| other == first).then_some(first)
}
