//! What a file is, from its beginning: encoding, format, separators, columns.

use arborist_shared::corpus::{
    ColumnError, Columns, CorpusFormat, Reading, RowKind, RowLabel, Separators, resolve_labels,
};
use arborist_shared::taxonomy::Taxonomy;
use encoding_rs::Encoding;

use super::lines::is_blank;
use super::records::Records;
use super::{FileError, encoding, encoding_name};

/// Records of the beginning that are looked at.
const SAMPLE: usize = 200;
const DELIMITERS: [u8; 4] = [b'\t', b',', b';', b'|'];

/// What was found out, with what was asked for.
#[derive(Clone, Debug)]
pub struct Sniffed {
    /// Everything that is known about how the file is read.
    pub reading: Reading,
    /// The encoding as people call it.
    pub encoding: String,
    /// Names of the columns, in their order.
    pub header: Vec<String>,
    pub(super) decoder: &'static Encoding,
    pub(super) format: CorpusFormat,
    pub(super) cut: Cutting,
}

/// How rows are cut out.
#[derive(Clone, Debug)]
pub(super) enum Cutting {
    Lines,
    Objects,
    Records {
        delimiter: u8,
        has_quotes: bool,
        /// Whether the first record is no document.
        has_header: bool,
        columns: Box<Columns>,
    },
}

/// Finds out what a file is.
pub(super) fn sniff(
    head: &[u8],
    is_whole: bool,
    asked: &Reading,
    taxonomy: Option<&Taxonomy>,
) -> Result<Sniffed, FileError> {
    let decoder = match &asked.encoding {
        Some(label) if !label.is_empty() => encoding::by_label(label)?,
        _ => encoding::detect(head),
    };
    let (text, _, _) = decoder.decode(head);
    // The last line may be cut.
    let text = match text.rfind('\n') {
        Some(end) if !is_whole => &text[..=end],
        _ => &text[..],
    };
    let text = text.trim_start_matches('\u{feff}');
    let mut found = Sniffed {
        reading: Reading {
            encoding: Some(decoder.name().to_ascii_lowercase()),
            ..asked.clone()
        },
        encoding: encoding_name(decoder, head),
        header: Vec::new(),
        decoder,
        format: CorpusFormat::Jsonl,
        cut: Cutting::Lines,
    };
    found.format = asked.format.unwrap_or_else(|| format_of(text, asked));
    match found.format.kind() {
        RowKind::Line => {}
        RowKind::Object => {
            let first = text.trim_start();
            let first_line = first.lines().next().unwrap_or_default().trim();
            // An object over several lines opens its bracket and nothing else.
            if first.starts_with('[') || first_line == "{" {
                found.cut = Cutting::Objects;
            }
        }
        RowKind::Record => table(&mut found, text, asked, taxonomy)?,
        RowKind::File => {
            return Err(FileError::Refused(format!(
                "found a single file, expected a zip archive for {}",
                found.format
            )));
        }
    }
    found.reading.format = Some(found.format);
    Ok(found)
}

/// The format of a text by its first lines.
fn format_of(text: &str, asked: &Reading) -> CorpusFormat {
    let start = text.trim_start();
    if start.starts_with('{') {
        let first = start.lines().next().unwrap_or_default();
        let object = if first.trim() == "{" {
            first_object(start)
        } else {
            first
        };
        return CorpusFormat::detect(object.as_bytes());
    }
    if start.starts_with('[') {
        let body = start.trim_start_matches('[').trim_start();
        return CorpusFormat::detect(first_object(body).as_bytes());
    }
    let lines = || text.lines().filter(|line| !line.trim().is_empty()).take(20);
    let n = lines().count();
    let labelled = lines().filter(|line| line.trim_start().starts_with("__label__"));
    if labelled.count() * 2 > n {
        return CorpusFormat::FastText;
    }
    if is_sparse(lines()) {
        return CorpusFormat::Xmc;
    }
    let delimiter = delimiter_of(text, asked);
    let rows = sample(text, delimiter.unwrap_or(b'\t'), delimiter.is_some());
    let first: Vec<String> = rows.first().cloned().unwrap_or_default();
    let has = |name: &str| {
        first
            .iter()
            .any(|cell| cell.trim().eq_ignore_ascii_case(name))
    };
    let table = if delimiter == Some(b'\t') || delimiter.is_none() {
        CorpusFormat::Tsv
    } else {
        CorpusFormat::Csv
    };
    if has("subject_uris") && has("text") {
        return CorpusFormat::AnnifCsv;
    }
    if has("category_name") && has("text") && has("label") {
        return CorpusFormat::LabelSleuth;
    }
    if has("text") && first.len() > 1 && first.iter().all(|name| is_text_or_level(name)) {
        return CorpusFormat::HiClass;
    }
    let has_header = is_header(&rows, asked);
    let is_object = |line: &str| line.trim_start().starts_with('{');
    // Lines that are nothing else are rows of ours that somebody will have to repair; plain texts have to be asked for.
    let is_table = delimiter == Some(b'\t') || has_header || asked.text.is_some();
    if !is_table || lines().filter(|line| is_object(line)).count() * 2 >= n {
        return CorpusFormat::Jsonl;
    }
    if table == CorpusFormat::Tsv && first.len() == 2 && !has_header {
        let behind: Vec<&str> = rows
            .iter()
            .filter_map(|row| row.get(1))
            .map(String::as_str)
            .collect();
        let is_uri = |cell: &&str| {
            let mut words = cell.split_whitespace();
            words.all(|word| word.starts_with('<') || word.contains("://"))
        };
        if !behind.is_empty() && behind.iter().all(is_uri) {
            return CorpusFormat::AnnifTsv;
        }
        if behind.iter().any(|cell| cell.contains("##")) {
            return CorpusFormat::PaddleNlp;
        }
    }
    table
}

/// The text up to where its first object ends.
fn first_object(text: &str) -> &str {
    let mut objects = super::objects::Objects::new();
    let mut element = Vec::new();
    let mut input = text.as_bytes();
    match objects.next(&mut input, &mut element) {
        Ok(Some(cut)) => text.get(..cut.length).unwrap_or(text),
        _ => text,
    }
}

fn is_sparse<'a>(mut lines: impl Iterator<Item = &'a str>) -> bool {
    let is_count = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let Some(first) = lines.next() else {
        return false;
    };
    let head: Vec<&str> = first.split_whitespace().collect();
    let is_head = head.len() == 3 && head.iter().all(|word| is_count(word));
    let is_feature = |word: &str| {
        let pair = word.split_once(':');
        pair.is_some_and(|(number, value)| is_count(number) && value.parse::<f64>().is_ok())
    };
    is_head
        && lines.next().is_some_and(|line| {
            let last = line.split_whitespace().last();
            last.is_some_and(is_feature)
        })
}

fn is_text_or_level(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    let is_level = name.strip_prefix("level").is_some_and(|number| {
        number
            .trim_start_matches(['_', ' ', '-'])
            .parse::<u32>()
            .is_ok()
    });
    is_level || name == "text" || name == "id"
}

fn delimiter_of(text: &str, asked: &Reading) -> Option<u8> {
    if let Some(delimiter) = asked.delimiter.as_deref().and_then(named_delimiter) {
        return Some(delimiter);
    }
    match asked.format {
        Some(CorpusFormat::Tsv) => return Some(b'\t'),
        Some(CorpusFormat::Csv | CorpusFormat::AnnifCsv | CorpusFormat::LabelSleuth) | None => {}
        Some(_) => return Some(b','),
    }
    // The separator with which most records have as many columns as the first, the more the better.
    let score = |delimiter: u8| {
        let rows = sample(text, delimiter, true);
        let n = rows.first().map_or(0, Vec::len);
        let alike = rows.iter().filter(|row| row.len() == n).count();
        let is_table = n > 1 && alike * 10 >= rows.len() * 9;
        is_table.then_some((alike * 100 / rows.len().max(1), n))
    };
    let scored = DELIMITERS
        .into_iter()
        .filter_map(|delimiter| Some((score(delimiter)?, delimiter)));
    // Of equals the first: a tab is hardly ever part of a text.
    let best = scored.reduce(|best, next| {
        let tab = best.1 == b'\t' && best.0.0 >= 95;
        if next.0 > best.0 && !tab { next } else { best }
    });
    best.map(|(_, delimiter)| delimiter)
}

/// A delimiter as people write it.
fn named_delimiter(word: &str) -> Option<u8> {
    match word {
        "tab" | "\\t" | "\t" => Some(b'\t'),
        "comma" => Some(b','),
        "semicolon" => Some(b';'),
        _ => match word.as_bytes() {
            [byte] if byte.is_ascii() && !b"\"\r\n".contains(byte) => Some(*byte),
            _ => None,
        },
    }
}

/// The first records.
fn sample(text: &str, delimiter: u8, has_quotes: bool) -> Vec<Vec<String>> {
    let mut records = Records::new(delimiter, has_quotes);
    let mut input = text.as_bytes();
    let (mut raw, mut rows) = (Vec::new(), Vec::new());
    // Reading from memory does not fail.
    while let Ok(Some(cut)) = records.next(&mut input, &mut raw) {
        if is_blank(&raw) {
            continue;
        }
        let fields = records.fields(cut).unwrap_or_default();
        rows.push(fields.into_iter().map(str::to_owned).collect());
        if rows.len() == SAMPLE {
            break;
        }
    }
    rows
}

/// Whether the first record names the columns: it names one that is known, or its cells are short and unlike all below.
fn is_header(rows: &[Vec<String>], asked: &Reading) -> bool {
    if let Some(has_header) = asked.header {
        return has_header;
    }
    let Some((first, others)) = rows.split_first() else {
        return false;
    };
    let asked_for = [&asked.text, &asked.labels, &asked.id, &asked.split];
    let is_asked_for = |cell: &String| asked_for.iter().any(|name| name.as_ref() == Some(cell));
    if first.iter().any(is_asked_for) {
        return true;
    }
    if Columns::find(first, CorpusFormat::Csv, &Reading::default()).is_ok() && first.len() > 1 {
        return true;
    }
    let is_name = |cell: &String| {
        let cell = cell.trim();
        !cell.is_empty() && cell.chars().count() <= 40 && cell.split_whitespace().count() <= 3
    };
    // Numbers below a word, or cells that are much longer than the first.
    let is_unlike = (0..first.len()).any(|column| {
        let below = || others.iter().filter_map(|row| row.get(column));
        let is_number = |cell: &String| cell.trim().parse::<f64>().is_ok();
        let name = first.get(column).map_or(0, |cell| cell.chars().count());
        let longest = below().map(|cell| cell.chars().count()).max().unwrap_or(0);
        let has_numbers = below().next().is_some() && below().all(is_number);
        longest > 60.max(3 * name) || (has_numbers && !first.get(column).is_some_and(is_number))
    });
    first.len() > 1
        && first.iter().all(is_name)
        && is_unlike
        && first
            .iter()
            .all(|cell| first.iter().filter(|other| *other == cell).count() == 1)
}

fn table(
    found: &mut Sniffed,
    text: &str,
    asked: &Reading,
    taxonomy: Option<&Taxonomy>,
) -> Result<(), FileError> {
    if let Some(word) = asked.delimiter.as_deref().filter(|word| !word.is_empty())
        && named_delimiter(word).is_none()
    {
        return Err(FileError::Refused(format!(
            "found the delimiter `{word}`, expected one character or `tab`"
        )));
    }
    let delimiter = delimiter_of(text, asked);
    let is_single = delimiter.is_none();
    let delimiter = delimiter.unwrap_or(b'\t');
    // In tab-separated texts a quotation mark may be just that.
    let has_quotes = !is_single && (delimiter != b'\t' || is_quoted(text));
    let rows = sample(text, delimiter, has_quotes);
    let has_header = is_header(&rows, asked);
    let first = rows.first().cloned().unwrap_or_default();
    let header: Vec<String> = if has_header {
        first
    } else {
        (1..=first.len().max(1))
            .map(|number| number.to_string())
            .collect()
    };
    let mut wanted = asked.clone();
    if !has_header {
        let (text, labels) = by_length(&rows, header.len());
        wanted.text = wanted.text.or(Some(text));
        wanted.labels = wanted.labels.or(labels);
    }
    let mut columns = Columns::find(&header, found.format, &wanted);
    if let Err(ColumnError::NoText { .. }) = columns {
        // A guess that people can see and change.
        wanted.text = Some(by_length(&rows, header.len()).0);
        columns = Columns::find(&header, found.format, &wanted);
    }
    found.header = header;
    let mut columns = columns.map_err(|error| FileError::Refused(error.to_string()))?;
    guess_separators(&mut columns, &rows, asked, has_header, taxonomy);
    found.reading = columns.describe(&found.reading);
    found.reading.header = Some(has_header);
    found.reading.delimiter = Some(match delimiter {
        b'\t' => "tab".to_owned(),
        other => char::from(other).to_string(),
    });
    found.cut = Cutting::Records {
        delimiter,
        has_quotes,
        has_header,
        columns: Box::new(columns),
    };
    Ok(())
}

/// Whether every record is whole when quotation marks are read as such, and some field has them.
fn is_quoted(text: &str) -> bool {
    let starts = text.starts_with('"') || text.contains("\t\"") || text.contains("\n\"");
    if !starts {
        return false;
    }
    let rows = sample(text, b'\t', true);
    let n = rows.first().map_or(0, Vec::len);
    // The last one may be cut.
    let whole = rows.len().saturating_sub(1).max(1);
    n > 1 && rows.iter().take(whole).all(|row| row.len() == n)
}

/// Without names, the column with the longest cells holds the text; the other one of two the labels.
fn by_length(rows: &[Vec<String>], n: usize) -> (String, Option<String>) {
    let length = |column: usize| -> usize {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).sum()
    };
    let longest = (0..n)
        .rev()
        .max_by_key(|&column| length(column))
        .unwrap_or(0);
    let other = (n == 2).then(|| (2 - longest).to_string());
    ((longest + 1).to_string(), other)
}

fn guess_separators(
    columns: &mut Columns,
    rows: &[Vec<String>],
    asked: &Reading,
    has_header: bool,
    taxonomy: Option<&Taxonomy>,
) {
    let cells: Vec<String> = rows
        .iter()
        .skip(usize::from(has_header))
        .filter_map(|row| {
            let fields: Vec<&str> = row.iter().map(String::as_str).collect();
            columns.label_cell(&fields).map(str::to_owned)
        })
        .collect();
    let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
    let known = |label: &RowLabel| {
        taxonomy
            .is_some_and(|taxonomy| resolve_labels(taxonomy, std::slice::from_ref(label)).is_ok())
    };
    let is_known = taxonomy.map(|_| &known as &dyn Fn(&RowLabel) -> bool);
    let guessed = Separators::guess(&cells, is_known);
    let chosen = |asked: &Option<String>, guessed: Option<String>| match asked {
        Some(separator) => Some(separator.clone()).filter(|separator| !separator.is_empty()),
        None => guessed,
    };
    columns.separators = Separators {
        labels: chosen(&asked.label_separator, guessed.labels),
        path: chosen(&asked.path_separator, guessed.path),
    };
}
