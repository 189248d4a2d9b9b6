//! The meta file, which is a sheet of a spreadsheet program: `Meta-data/Data.txt` (TABs, no quoting), or the sheet
//! saved as CSV (commas, quoting as in RFC 4180).

use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};

use super::Record;
use crate::datasets::input::{self, utf8};
use crate::datasets::output::{Reason, Rejects, is_label_text};
use crate::datasets::{DatasetError, Watch};

/// The columns that are read; the others (Y, keywords) may be there or not.
const COLUMNS: [&str; 5] = ["Y1", "Y2", "Domain", "area", "Abstract"];
const EXPECTED: &str =
    "a header with the columns Y1, Y2, Domain, area and Abstract, separated by TABs or commas";

/// Reads all records; one that has not its form is listed and leaves its place empty.
pub(super) fn read(
    path: &Path,
    rejects: &mut Rejects,
    watch: &mut dyn Watch,
) -> Result<Vec<Option<Record>>, DatasetError> {
    let place = path.display().to_string();
    let mut source = input::open(path)?;
    let header = first_line(path, &mut *source)?;
    let has_tabs = header.contains('\t');
    // The authors' scripts cut TSV at every TAB and line break, whatever the quotes say.
    let mut builder = ReaderBuilder::new();
    builder
        .has_headers(false)
        .flexible(true)
        .delimiter(if has_tabs { b'\t' } else { b',' })
        .quoting(!has_tabs);
    let names: Vec<String> = builder
        .from_reader(header.as_bytes())
        .records()
        .next()
        .and_then(Result::ok)
        .map(|names| names.iter().map(|name| name.trim().to_owned()).collect())
        .unwrap_or_default();
    let mut columns = [0; COLUMNS.len()];
    for (column, wanted) in columns.iter_mut().zip(COLUMNS) {
        let found = names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(wanted));
        *column = found.ok_or_else(|| {
            let shown: String = header.chars().take(80).collect();
            DatasetError::input(
                format!("{place}:1"),
                format!("no column `{wanted}` in {shown:?}"),
                EXPECTED,
            )
        })?;
    }
    let mut reader = builder.from_reader(source);
    let mut records = Vec::new();
    let mut record = ByteRecord::new();
    while reader
        .read_byte_record(&mut record)
        .map_err(|error| DatasetError::read(path, error.into()))?
    {
        watch.step("reading", records.len() as u64 + 1, 0);
        // The header was read before.
        let line = record.position().map_or(1, csv::Position::line) + 1;
        let parsed = if record.len() == names.len() {
            parse(&record, columns)
        } else {
            Err(format!(
                "found {} fields, expected {}",
                record.len(),
                names.len()
            ))
        };
        records.push(match parsed {
            Ok(parsed) => Some(parsed),
            Err(message) => {
                rejects.add(Reason::Malformed, &format!("{place}:{line}"), &message)?;
                None
            }
        });
    }
    Ok(records)
}

fn first_line(path: &Path, source: &mut dyn std::io::BufRead) -> Result<String, DatasetError> {
    let mut header = Vec::new();
    source
        .read_until(b'\n', &mut header)
        .map_err(|error| DatasetError::read(path, error))?;
    let text = utf8(&header).map_err(|_| {
        DatasetError::input(
            format!("{}:1", path.display()),
            "bytes that are no UTF-8 text",
            EXPECTED,
        )
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

fn parse(record: &ByteRecord, columns: [usize; 5]) -> Result<Record, String> {
    let mut fields = [""; 5];
    for ((field, column), name) in fields.iter_mut().zip(columns).zip(COLUMNS) {
        let bytes = record.get(column).unwrap_or_default();
        *field = utf8(bytes)
            .map_err(|message| format!("`{name}`: {message}"))?
            .trim();
    }
    let [y1, y2, domain, area, text] = fields;
    for (name, label) in [("Domain", domain), ("area", area)] {
        if !is_label_text(label) {
            return Err(format!(
                "`{name}`: found {label:?}, expected the name of a label"
            ));
        }
    }
    for (name, code) in [("Y1", y1), ("Y2", y2)] {
        if code.is_empty() {
            return Err(format!("`{name}`: found nothing, expected a code"));
        }
    }
    Ok(Record {
        code: format!("{y1}-{y2}"),
        domain: domain.to_owned(),
        area: area.to_owned(),
        text: unquoted(text).to_owned(),
    })
}

/// Without the pair of quotes that spreadsheet programs put around a cell.
fn unquoted(text: &str) -> &str {
    let inner = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    inner.unwrap_or(text)
}
