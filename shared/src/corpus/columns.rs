//! Tables: which column of a corpus file is what, and the document of a record.

use super::lines::subject_uris;
use super::row::{CorpusRow, META_DATE, META_GROUP, META_SOURCE, RowLabel, metadata};
use super::{CorpusFormat, Reading, Separators};

/// A column that was asked for and is not there, or no column that could hold the texts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ColumnError {
    /// Nothing is called so.
    #[error("found no column `{name}` for the {role}, expected one of {columns}")]
    Unknown {
        /// As asked for.
        name: String,
        /// What it is to hold.
        role: &'static str,
        /// Those that are there.
        columns: String,
    },
    /// No column is called as one with texts usually is.
    #[error("found the columns {columns}, expected to be told which of them holds the texts")]
    NoText {
        /// Those that are there.
        columns: String,
    },
}

/// Positions of columns, and how cells with labels are cut.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    text: Vec<usize>,
    id: Option<usize>,
    labels: Vec<usize>,
    /// Each column of `labels` is a level of one path.
    levels: bool,
    split: Option<usize>,
    lang: Option<usize>,
    /// Whether a judgement is positive, in files with a row for each.
    verdict: Option<usize>,
    /// Everything else, with its key.
    meta: Vec<(usize, String)>,
    names: Vec<String>,
    format: CorpusFormat,
    /// How a cell is cut into labels.
    pub separators: Separators,
}

const TEXT: [&str; 9] = [
    "text",
    "content",
    "body",
    "sentence",
    "abstract",
    "document",
    "data",
    "description",
    "title",
];
const ID: [&str; 6] = ["id", "document_id", "doc_id", "docid", "_id", "uid"];
const LABELS: [&str; 14] = [
    "labels",
    "label",
    "subject_uris",
    "category_name",
    "categories",
    "category",
    "classes",
    "class",
    "topics",
    "topic",
    "paths",
    "path",
    "tags",
    "subjects",
];
const SPLIT: [&str; 4] = ["split", "part", "partition", "set"];
const SOURCE: [&str; 2] = ["source", "origin"];
const DATE: [&str; 5] = ["date", "time", "timestamp", "created_at", "published"];
const GROUP: [&str; 2] = ["group", "group_id"];
const LANG: [&str; 3] = ["lang", "language", "locale"];

impl Columns {
    /// Finds the columns by their names, or where the reading says they are. `header` = a name for each column.
    ///
    /// # Errors
    /// Names a column that is not there, or says that none is known to hold the texts.
    pub fn find(
        header: &[String],
        format: CorpusFormat,
        reading: &Reading,
    ) -> Result<Self, ColumnError> {
        let finder = Finder { header };
        let mut columns = Self {
            names: header.to_vec(),
            format,
            separators: Separators {
                labels: reading.label_separator.clone(),
                path: reading.path_separator.clone(),
            },
            ..Self::default()
        };
        columns.text = match &reading.text {
            Some(names) => finder.all(names, "text")?,
            None => finder
                .usual(&TEXT)
                .or_else(|| finder.only())
                .into_iter()
                .collect(),
        };
        if columns.text.is_empty() {
            return Err(ColumnError::NoText {
                columns: finder.listed(),
            });
        }
        columns.labels = match &reading.labels {
            Some(names) => finder.all(names, "labels")?,
            None => finder.labels(format),
        };
        columns
            .labels
            .retain(|column| !columns.text.contains(column));
        columns.levels = columns.labels.len() > 1 || format == CorpusFormat::HiClass;
        columns.id = finder.one(reading.id.as_deref(), "id", &ID)?;
        columns.split = finder.one(reading.split.as_deref(), "split", &SPLIT)?;
        columns.lang = finder.one(reading.lang.as_deref(), "language", &LANG)?;
        if format == CorpusFormat::LabelSleuth {
            columns.verdict = finder.usual(&["label"]);
        }
        let named = [
            (
                finder.one(reading.source.as_deref(), "source", &SOURCE)?,
                META_SOURCE,
            ),
            (
                finder.one(reading.date.as_deref(), "date", &DATE)?,
                META_DATE,
            ),
            (
                finder.one(reading.group.as_deref(), "group", &GROUP)?,
                META_GROUP,
            ),
        ];
        columns.meta = (0..header.len())
            .filter(|&column| !columns.is_taken(column))
            .filter(|&column| {
                !(format == CorpusFormat::LabelSleuth && finder.is(column, "label_type"))
            })
            .map(|column| {
                let named = named.iter().find(|(named, _)| *named == Some(column));
                let name = header.get(column).cloned().unwrap_or_default();
                (column, named.map_or(name, |(_, key)| (*key).to_owned()))
            })
            .collect();
        Ok(columns)
    }

    fn is_taken(&self, column: usize) -> bool {
        let singles = [self.id, self.split, self.lang, self.verdict];
        self.text.contains(&column)
            || self.labels.contains(&column)
            || singles.contains(&Some(column))
    }

    /// The cell with the labels, to guess separators from; none where the levels stand in columns of their own.
    #[must_use]
    pub fn label_cell<'a>(&self, fields: &[&'a str]) -> Option<&'a str> {
        match self.labels[..] {
            [column] if !self.levels => fields.get(column).copied(),
            _ => None,
        }
    }

    /// What the columns are read as, in words of [`Reading`].
    #[must_use]
    pub fn describe(&self, reading: &Reading) -> Reading {
        let name = |column: usize| self.names.get(column).cloned().unwrap_or_default();
        let join = |columns: &[usize]| {
            let names: Vec<String> = columns.iter().map(|&column| name(column)).collect();
            (!names.is_empty()).then(|| names.join(","))
        };
        let meta = |key: &str| {
            let found = self.meta.iter().find(|(_, name)| name == key);
            found.map(|&(column, _)| name(column))
        };
        Reading {
            text: join(&self.text),
            id: self.id.map(name),
            labels: join(&self.labels),
            label_separator: self.separators.labels.clone(),
            path_separator: self.separators.path.clone(),
            split: self.split.map(name),
            source: meta(META_SOURCE),
            date: meta(META_DATE),
            group: meta(META_GROUP),
            lang: self.lang.map(name),
            ..reading.clone()
        }
    }

    /// The document of a record.
    ///
    /// # Errors
    /// What was found and expected in which column.
    pub fn row(&self, fields: &[&str]) -> Result<CorpusRow, String> {
        if fields.len() != self.names.len() {
            return Err(format!(
                "found {} columns, expected {} as in the first line",
                fields.len(),
                self.names.len()
            ));
        }
        let cell = |column: usize| fields.get(column).copied().unwrap_or_default();
        let given = |column: Option<usize>| {
            let cell = column.map(cell).map(str::trim);
            cell.filter(|cell| !cell.is_empty())
        };
        let mut row = CorpusRow {
            id: given(self.id).map(str::to_owned),
            lang: given(self.lang).map(str::to_owned),
            labels: self.labels_of(&cell)?,
            ..CorpusRow::default()
        };
        let texts = self.text.iter().map(|&column| cell(column));
        let texts: Vec<&str> = if self.text.len() > 1 {
            texts.filter(|text| !text.is_empty()).collect()
        } else {
            texts.collect()
        };
        row.text = texts.join("\n");
        if let Some(word) = given(self.split) {
            let split = word.to_ascii_lowercase().parse();
            row.split = Some(split.map_err(|error| format!("{}: {error}", self.name(self.split)))?);
        }
        for (column, key) in &self.meta {
            let text = cell(*column);
            if text.is_empty() {
                continue;
            }
            match serde_json::from_str(text) {
                // What we write for every other key that a document has.
                Ok(object @ serde_json::Value::Object(_)) if key == "meta" => {
                    row.meta.extend(metadata(object));
                }
                _ => {
                    row.meta.insert(key.clone(), text.to_owned());
                }
            }
        }
        Ok(row)
    }

    fn name(&self, column: Option<usize>) -> String {
        let name = column.and_then(|column| self.names.get(column));
        format!("column `{}`", name.map_or("", String::as_str))
    }

    fn labels_of<'a>(
        &self,
        cell: &impl Fn(usize) -> &'a str,
    ) -> Result<Option<Vec<RowLabel>>, String> {
        if self.levels {
            let names = self.labels.iter().map(|&column| cell(column).trim());
            let names: Vec<String> = names
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect();
            return Ok((!names.is_empty()).then(|| vec![RowLabel::Path(names)]));
        }
        let Some(&column) = self.labels.first() else {
            return Ok(None);
        };
        let text = cell(column).trim();
        if self.format == CorpusFormat::AnnifCsv {
            let labels: Vec<RowLabel> = subject_uris(text).collect();
            return Ok((!labels.is_empty()).then_some(labels));
        }
        let Some(verdict) = self.verdict else {
            return Ok(self.separators.cut(text));
        };
        if text.is_empty() {
            return Ok(None);
        }
        match cell(verdict).trim().to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(Some(vec![RowLabel::Name(text.to_owned())])),
            "false" | "0" => Ok(Some(Vec::new())),
            other => Err(format!(
                "{}: found `{other}`, expected true or false",
                self.name(self.verdict)
            )),
        }
    }
}

/// Looks columns up.
struct Finder<'a> {
    header: &'a [String],
}

impl Finder<'_> {
    fn listed(&self) -> String {
        let names: Vec<String> = self.header.iter().map(|name| format!("`{name}`")).collect();
        names.join(", ")
    }

    fn is(&self, column: usize, name: &str) -> bool {
        self.position(name) == Some(column)
    }

    fn position(&self, name: &str) -> Option<usize> {
        let name = name.trim();
        let exactly = self.header.iter().position(|column| column.trim() == name);
        exactly.or_else(|| {
            let mut columns = self.header.iter();
            columns.position(|column| column.trim().eq_ignore_ascii_case(name))
        })
    }

    fn find(&self, name: &str, role: &'static str) -> Result<usize, ColumnError> {
        let by_number = || {
            let number: usize = name.trim().parse().ok()?;
            number.checked_sub(1).filter(|&at| at < self.header.len())
        };
        self.position(name)
            .or_else(by_number)
            .ok_or_else(|| ColumnError::Unknown {
                name: name.to_owned(),
                role,
                columns: self.listed(),
            })
    }

    /// Columns that are asked for, or the one whose whole name that is.
    fn all(&self, names: &str, role: &'static str) -> Result<Vec<usize>, ColumnError> {
        if let Some(column) = self.position(names) {
            return Ok(vec![column]);
        }
        let names = names.split(',').filter(|name| !name.trim().is_empty());
        names.map(|name| self.find(name, role)).collect()
    }

    /// The column asked for, none for an empty name, else one that is usually called so.
    fn one(
        &self,
        asked: Option<&str>,
        role: &'static str,
        usual: &[&str],
    ) -> Result<Option<usize>, ColumnError> {
        match asked {
            Some(name) if name.trim().is_empty() => Ok(None),
            Some(name) => self.find(name, role).map(Some),
            None => Ok(self.usual(usual)),
        }
    }

    fn usual(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.position(name))
    }

    fn only(&self) -> Option<usize> {
        (self.header.len() == 1).then_some(0)
    }

    fn labels(&self, format: CorpusFormat) -> Vec<usize> {
        let levels = self.levels();
        if format == CorpusFormat::HiClass || (format == CorpusFormat::Csv && levels.len() > 1) {
            return levels;
        }
        if format == CorpusFormat::LabelSleuth {
            return self.position("category_name").into_iter().collect();
        }
        self.usual(&LABELS).into_iter().collect()
    }

    /// Columns called `level_1`, `level 2`, `l3`, in the order of their numbers.
    fn levels(&self) -> Vec<usize> {
        let number = |name: &str| -> Option<u32> {
            let name = name.trim().to_ascii_lowercase();
            let digits = ["level", "label", "cat", "l"]
                .iter()
                .find_map(|word| name.strip_prefix(word))?;
            digits.trim_start_matches(['_', ' ', '-']).parse().ok()
        };
        let mut found: Vec<(u32, usize)> = (0..)
            .zip(self.header)
            .filter_map(|(column, name)| Some((number(name)?, column)))
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, column)| column).collect()
    }
}
