//! Rows cut out of one stream: lines, JSON values, or records of a table.

use std::sync::Arc;

use arborist_shared::corpus::{Columns, CorpusFormat, CorpusRow, RowError, parse_row_as};
use arborist_shared::split::Split;

use super::lines::{is_blank, read_line};
use super::objects::Objects;
use super::records::Records;
use super::source::Input;
use super::verdicts::Verdicts;
use super::{FileError, MAX_ROW};

/// What is being read.
pub(super) struct Current {
    pub(super) name: Option<Arc<str>>,
    pub(super) split: Option<Split>,
    pub(super) input: Input,
    pub(super) cut: Cut,
    pub(super) verdicts: Option<Verdicts>,
}

pub(super) enum Cut {
    Lines {
        format: CorpusFormat,
        line: u64,
    },
    Objects {
        format: CorpusFormat,
        objects: Objects,
    },
    Records {
        records: Box<Records>,
        columns: Box<Columns>,
        skips: bool,
    },
}

impl Current {
    /// The next row and its line; none at the end.
    #[expect(
        clippy::type_complexity,
        reason = "a row is its line and what it holds"
    )]
    pub(super) fn next(
        &mut self,
        raw: &mut Vec<u8>,
    ) -> Result<Option<(u64, Result<CorpusRow, RowError>)>, FileError> {
        loop {
            let Some((line, content)) = self.cut.next(&mut self.input, raw)? else {
                return Ok(None);
            };
            match (content, &mut self.verdicts) {
                (Ok(row), Some(verdicts)) => {
                    if let Some(row) = verdicts.gather(row) {
                        return Ok(Some((line, Ok(row))));
                    }
                }
                (content, _) => return Ok(Some((line, content))),
            }
        }
    }
}

impl Cut {
    #[expect(
        clippy::type_complexity,
        reason = "a row is its line and what it holds"
    )]
    fn next(
        &mut self,
        input: &mut Input,
        raw: &mut Vec<u8>,
    ) -> Result<Option<(u64, Result<CorpusRow, RowError>)>, FileError> {
        match self {
            Self::Lines { format, line } => loop {
                let Some(length) = read_line(input, raw)? else {
                    return Ok(None);
                };
                *line += 1;
                if is_blank(raw) || (*format == CorpusFormat::Xmc && *line == 1 && is_counts(raw)) {
                    continue;
                }
                let content = if length > MAX_ROW {
                    Err(too_long(*line, length))
                } else {
                    parse_row_as(*format, raw, *line)
                };
                return Ok(Some((*line, content)));
            },
            Self::Objects { format, objects } => {
                let Some(cut) = objects.next(input, raw)? else {
                    let unfinished = objects.take_unfinished().map(|line| {
                        let reason = "found the end of the file within the array, expected `]`";
                        let error = RowError {
                            line,
                            column: 1,
                            reason: reason.to_owned(),
                        };
                        (line, Err(error))
                    });
                    return Ok(unfinished);
                };
                let content = if cut.length > MAX_ROW {
                    Err(too_long(cut.line, cut.length))
                } else {
                    parse_row_as(*format, raw, cut.line).map_err(|mut error| {
                        if error.line == cut.line {
                            error.column += cut.column - 1;
                        }
                        error
                    })
                };
                Ok(Some((cut.line, content)))
            }
            Self::Records {
                records,
                columns,
                skips,
            } => loop {
                let Some(cut) = records.next(input, raw)? else {
                    return Ok(None);
                };
                if std::mem::take(skips) || is_blank(raw) {
                    continue;
                }
                let fail = |reason: String| RowError {
                    line: cut.line,
                    column: 1,
                    reason,
                };
                let content = if cut.is_cut_off || cut.length > MAX_ROW {
                    Err(too_long(cut.line, cut.length))
                } else {
                    match records.fields(cut) {
                        Ok(fields) => columns.row(&fields).map_err(fail),
                        Err(number) => Err(fail(format!(
                            "column {number}: found bytes that are no UTF-8 text, expected text; choose another encoding"
                        ))),
                    }
                };
                return Ok(Some((cut.line, content)));
            },
        }
    }
}

pub(super) fn too_long(line: u64, length: usize) -> RowError {
    RowError {
        line,
        column: 1,
        reason: format!("found a row of {length} bytes, expected at most {MAX_ROW}"),
    }
}

/// Whether a line is the three counts that a file of the Extreme Classification repository begins with.
fn is_counts(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line);
    let mut words = text.split_whitespace();
    words.clone().count() == 3 && words.all(|word| word.bytes().all(|byte| byte.is_ascii_digit()))
}
