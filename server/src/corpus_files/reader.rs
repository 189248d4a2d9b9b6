//! A corpus file from its first row to its last, whatever it is packed in.

use std::collections::VecDeque;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arborist_shared::corpus::{CorpusFormat, CorpusRow, Reading, RowError, RowLabel};
use arborist_shared::split::Split;
use arborist_shared::taxonomy::Taxonomy;
use encoding_rs::UTF_8;

use super::archive::{Archive, Contents, Member, TextFile};
use super::cut::{Current, Cut, too_long};
use super::encoding::{self, Decoded};
use super::objects::Objects;
use super::records::Records;
use super::sniff::{Cutting, Sniffed, sniff};
use super::source::{Begun, Meter, Packed, Stream, buffered, is_zip, plain};
use super::verdicts::Verdicts;
use super::{FileError, MAX_ROW};

/// A row, good or bad.
#[derive(Debug)]
pub struct Row<'a> {
    /// The file within an archive.
    pub file: Option<Arc<str>>,
    /// Counts from 1 within its file.
    pub line: u64,
    /// Counts from 0: the line where rows are lines, else the row.
    pub number: u64,
    /// As it stands in the file, or its beginning.
    pub raw: &'a [u8],
    pub content: Result<CorpusRow, RowError>,
}

/// A corpus file that is being read.
pub struct CorpusFile<'t> {
    meter: Meter,
    asked: Reading,
    taxonomy: Option<&'t Taxonomy>,
    /// Whether a stream is waited for until there is enough to look at.
    waits: bool,
    archive: Option<Archive>,
    waiting: VecDeque<Unit>,
    current: Option<Current>,
    sniffed: Option<Sniffed>,
    raw: Vec<u8>,
    /// Rows so far.
    rows: u64,
}

/// What is read next.
enum Unit {
    Stream(Stream),
    File(std::path::PathBuf),
    Data(Member, Option<Split>),
    Text(TextFile),
}

impl<'t> CorpusFile<'t> {
    /// Opens a file. The taxonomy, where there is one, helps to find out how labels are separated.
    ///
    /// # Errors
    /// When it cannot be read, or is nothing that is understood.
    pub fn open(
        path: &Path,
        asked: &Reading,
        taxonomy: Option<&'t Taxonomy>,
    ) -> Result<Self, FileError> {
        let mut head = [0; 4];
        let mut file = File::open(path)?;
        let n = std::io::Read::read(&mut file, &mut head)?;
        let size = file.metadata()?.len();
        let mut opened = Self::new(asked, taxonomy, size, true);
        if is_zip(head.get(..n).unwrap_or_default()) {
            opened.open_archive(path)?;
        } else {
            opened.waiting.push_back(Unit::File(path.to_owned()));
        }
        opened.start()?;
        Ok(opened)
    }

    /// Opens a stream that cannot be read twice, such as standard input.
    ///
    /// # Errors
    /// When it cannot be read, or is nothing that is understood; archives cannot be read from streams.
    pub fn stream(
        stream: impl std::io::Read + Send + 'static,
        asked: &Reading,
        taxonomy: Option<&'t Taxonomy>,
    ) -> Result<Self, FileError> {
        let mut opened = Self::new(asked, taxonomy, u64::MAX, false);
        opened.waiting.push_back(Unit::Stream(Box::new(stream)));
        opened.start()?;
        Ok(opened)
    }

    fn new(asked: &Reading, taxonomy: Option<&'t Taxonomy>, size: u64, waits: bool) -> Self {
        Self {
            meter: Meter::new(size),
            asked: asked.clone(),
            taxonomy,
            waits,
            archive: None,
            waiting: VecDeque::new(),
            current: None,
            sniffed: None,
            raw: Vec::new(),
            rows: 0,
        }
    }

    fn open_archive(&mut self, path: &Path) -> Result<(), FileError> {
        let mut archive = Archive::open(path)?;
        match archive.contents(self.asked.format, self.taxonomy)? {
            Contents::Data(members) => self.waiting.extend(
                members
                    .into_iter()
                    .map(|(member, split)| Unit::Data(member, split)),
            ),
            Contents::Texts(format, texts) => {
                if texts.is_empty() {
                    return Err(FileError::Refused(format!(
                        "the archive has no text files, expected them for {format}"
                    )));
                }
                self.waiting.extend(texts.into_iter().map(Unit::Text));
                self.sniffed = Some(Sniffed {
                    reading: Reading {
                        format: Some(format),
                        ..self.asked.clone()
                    },
                    encoding: "UTF-8".to_owned(),
                    header: Vec::new(),
                    decoder: UTF_8,
                    format,
                    cut: Cutting::Lines,
                });
            }
        }
        self.archive = Some(archive);
        Ok(())
    }

    /// Looks at the first file, so that what is wrong with it is said at once.
    fn start(&mut self) -> Result<(), FileError> {
        if !matches!(self.waiting.front(), Some(Unit::Text(_))) {
            self.open_next()?;
        }
        Ok(())
    }

    /// What the file is; of an archive, its first file with rows.
    #[must_use]
    pub fn sniffed(&self) -> Option<&Sniffed> {
        self.sniffed.as_ref()
    }

    /// The format of the rows.
    #[must_use]
    pub fn format(&self) -> CorpusFormat {
        self.sniffed
            .as_ref()
            .map_or_else(CorpusFormat::default, |it| it.format)
    }

    /// Bytes of the file, as it is packed, that were read so far.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.meter.read()
    }

    /// The next row that is not empty; none at the end.
    ///
    /// # Errors
    /// When the file cannot be read on. A row that cannot be read is a row.
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>, FileError> {
        loop {
            let found = match &mut self.current {
                Some(current) => current.next(&mut self.raw)?,
                None => match self.waiting.pop_front() {
                    None => return Ok(None),
                    Some(Unit::Text(text)) => return self.text(&text).map(Some),
                    Some(unit) => {
                        self.waiting.push_front(unit);
                        self.open_next()?;
                        continue;
                    }
                },
            };
            let Some((line, content)) = found else {
                self.current = None;
                continue;
            };
            self.rows += 1;
            let current = self.current.as_ref();
            let by_line = self.archive.is_none()
                && current.is_some_and(|current| matches!(current.cut, Cut::Lines { .. }));
            let split = current.and_then(|current| current.split);
            let content = content.map(|mut row| {
                row.split = row.split.or(split);
                row
            });
            return Ok(Some(Row {
                file: current.and_then(|current| current.name.clone()),
                line,
                number: if by_line { line } else { self.rows } - 1,
                raw: &self.raw,
                content,
            }));
        }
    }

    fn open_next(&mut self) -> Result<(), FileError> {
        let Some(unit) = self.waiting.pop_front() else {
            return Ok(());
        };
        let again = unit_again(&unit);
        let (mut current, sniffed) = self.open_unit(unit)?;
        if sniffed.format == CorpusFormat::LabelSleuth {
            current.verdicts = Some(self.gather(again)?);
        }
        self.sniffed.get_or_insert(sniffed);
        self.current = Some(current);
        Ok(())
    }

    fn open_unit(&mut self, unit: Unit) -> Result<(Current, Sniffed), FileError> {
        let (stream, name, split): (Stream, _, _) = match unit {
            Unit::Stream(stream) => (stream, None, None),
            Unit::File(path) => {
                let file = File::open(path)?;
                (Box::new(Packed::new(file, self.meter.clone())), None, None)
            }
            Unit::Data(member, split) => {
                let archive = self.archive.as_mut();
                let archive = archive.ok_or_else(|| FileError::refused("no archive is open"))?;
                let stretch = archive.stretch(&member)?;
                let stream = stretch.open(archive.path(), &self.meter)?;
                (stream, Some(member.name), split)
            }
            Unit::Text(_) => return Err(FileError::refused("expected rows")),
        };
        let begun = Begun::new(stream, self.waits).map_err(FileError::from)?;
        let begun = plain(begun, &self.meter, self.waits)?;
        let sniffed = sniff(&begun.head, begun.is_whole, &self.asked, self.taxonomy).map_err(
            |error| match (&name, error) {
                (Some(name), FileError::Refused(reason)) => {
                    FileError::Refused(format!("{name}: {reason}"))
                }
                (_, error) => error,
            },
        )?;
        let input = if sniffed.decoder == UTF_8 {
            buffered(begun.stream())
        } else {
            buffered(Decoded::new(begun.stream(), sniffed.decoder))
        };
        let format = sniffed.format;
        let cut = match &sniffed.cut {
            Cutting::Lines => Cut::Lines { format, line: 0 },
            Cutting::Objects => Cut::Objects {
                format,
                objects: Objects::new(),
            },
            Cutting::Records {
                delimiter,
                has_quotes,
                has_header,
                columns,
            } => Cut::Records {
                records: Box::new(Records::new(*delimiter, *has_quotes)),
                columns: columns.clone(),
                skips: *has_header,
            },
        };
        let current = Current {
            name,
            split,
            input,
            cut,
            verdicts: None,
        };
        Ok((current, sniffed))
    }

    /// All judgements of a file, which is read to its end for them.
    fn gather(&mut self, unit: Option<Unit>) -> Result<Verdicts, FileError> {
        let Some(unit) = unit else {
            return Err(FileError::refused(
                "a Label Sleuth file has its documents' labels on several rows, expected a file that can be read twice",
            ));
        };
        // What is read twice counts once.
        let meter = std::mem::replace(&mut self.meter, Meter::new(u64::MAX));
        let opened = self.open_unit(unit);
        self.meter = meter;
        let (mut current, _) = opened?;
        let mut verdicts = Verdicts::default();
        let mut raw = Vec::new();
        while let Some((_, content)) = current.next(&mut raw)? {
            if let Ok(row) = content {
                verdicts.add(&row);
            }
        }
        Ok(verdicts)
    }

    /// A document that is a file of its own.
    fn text(&mut self, text: &TextFile) -> Result<Row<'_>, FileError> {
        let archive = self.archive.as_mut();
        let archive = archive.ok_or_else(|| FileError::refused("no archive is open"))?;
        self.raw = archive.read(&text.text, MAX_ROW)?;
        self.meter.skip(archive.packed_size(&text.text)?);
        let labels = match &text.labels {
            Some(member) => {
                let bytes = archive.read(member, MAX_ROW)?;
                self.meter.skip(archive.packed_size(member)?);
                Some(subjects(&decode(&bytes), member.name.ends_with(".key")))
            }
            None => text.folders.clone().map(|label| vec![label]),
        };
        self.meter.unpacked(self.raw.len() as u64)?;
        self.rows += 1;
        let content = if self.raw.len() > MAX_ROW {
            Err(too_long(1, self.raw.len()))
        } else {
            Ok(CorpusRow {
                id: Some(text.id.clone()),
                text: decode(&self.raw),
                labels,
                split: text.split,
                ..CorpusRow::default()
            })
        };
        Ok(Row {
            file: Some(text.text.name.clone()),
            line: 1,
            number: self.rows - 1,
            raw: &self.raw,
            content,
        })
    }
}

/// The same once more, where it can be read twice.
fn unit_again(unit: &Unit) -> Option<Unit> {
    match unit {
        Unit::Stream(_) => None,
        Unit::File(path) => Some(Unit::File(path.clone())),
        Unit::Data(member, split) => Some(Unit::Data(member.clone(), *split)),
        Unit::Text(text) => Some(Unit::Text(text.clone())),
    }
}

fn decode(bytes: &[u8]) -> String {
    let (text, _, _) = encoding::detect(bytes).decode(bytes);
    text.trim_start_matches('\u{feff}').to_owned()
}

/// Subjects of a document in Annif's directories: a URI and a name on each line, or a name.
fn subjects(text: &str, are_names: bool) -> Vec<RowLabel> {
    let lines = text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let first = line.split('\t').next().unwrap_or(line).trim();
            let uri = first
                .strip_prefix('<')
                .and_then(|uri| uri.strip_suffix('>'));
            let name = if are_names {
                line.trim()
            } else {
                uri.unwrap_or(first)
            };
            RowLabel::Name(name.to_owned())
        })
        .collect()
}
