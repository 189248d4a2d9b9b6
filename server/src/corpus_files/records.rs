//! Records of a table, of bounded length. `csv` keeps whole records however long they are, so its core is driven here.

use std::io::{self, BufRead};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::MAX_ROW;
use super::lines::BYTE_ORDER_MARK;

/// What is kept of a record as it stands in the file.
const MAX_RAW: usize = 16_384;
/// More columns are a file that lost its line breaks, or none of a table.
const MAX_COLUMNS: usize = 10_000;

/// Cuts records out of a table.
#[derive(Debug)]
pub(super) struct Records {
    core: Reader,
    output: Vec<u8>,
    ends: Vec<usize>,
    is_first: bool,
    /// Line of the next byte, from 1.
    next_line: u64,
}

/// A record that was cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cut {
    /// Line of its first byte.
    pub(super) line: u64,
    /// Bytes of its fields.
    pub(super) length: usize,
    columns: usize,
    /// Whether it has more bytes or columns than are kept.
    pub(super) is_cut_off: bool,
}

impl Records {
    pub(super) fn new(delimiter: u8, has_quotes: bool) -> Self {
        Self {
            core: ReaderBuilder::new()
                .delimiter(delimiter)
                .quoting(has_quotes)
                .build(),
            output: vec![0; 1 << 12],
            ends: vec![0; 32],
            is_first: true,
            next_line: 1,
        }
    }

    /// Reads the next record; its beginning as it stands in the file goes to `raw`. None at the end.
    pub(super) fn next(
        &mut self,
        input: &mut impl BufRead,
        raw: &mut Vec<u8>,
    ) -> io::Result<Option<Cut>> {
        raw.clear();
        let (mut written, mut columns, mut length) = (0, 0, 0);
        let mut is_cut_off = false;
        let first_line = self.next_line;
        loop {
            let buffer = match input.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let mark = usize::from(self.is_first && buffer.starts_with(BYTE_ORDER_MARK))
                * BYTE_ORDER_MARK.len();
            self.is_first = false;
            let buffer = buffer.get(mark..).unwrap_or_default();
            let (result, taken, out, ended) = self.core.read_record(
                buffer,
                self.output.get_mut(written..).unwrap_or_default(),
                self.ends.get_mut(columns..).unwrap_or_default(),
            );
            let consumed = buffer.get(..taken).unwrap_or_default();
            self.next_line += consumed.iter().filter(|&&byte| byte == b'\n').count() as u64;
            let room = MAX_RAW.saturating_sub(raw.len()).min(consumed.len());
            raw.extend_from_slice(consumed.get(..room).unwrap_or_default());
            input.consume(taken + mark);
            written += out;
            columns += ended;
            length += out;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.output.len() < MAX_ROW => {
                    let doubled = (2 * self.output.len()).min(MAX_ROW);
                    self.output.resize(doubled, 0);
                }
                ReadRecordResult::OutputEndsFull if self.ends.len() < MAX_COLUMNS => {
                    self.ends.resize(2 * self.ends.len(), 0);
                }
                // What is too much is read past without being held.
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    (written, columns, is_cut_off) = (0, 0, true);
                }
                ReadRecordResult::Record => {
                    let blank = raw.iter().take_while(|byte| b"\r\n".contains(byte));
                    let before = blank.filter(|&&byte| byte == b'\n').count();
                    return Ok(Some(Cut {
                        line: first_line + before as u64,
                        length,
                        columns,
                        is_cut_off,
                    }));
                }
                ReadRecordResult::End => return Ok(None),
            }
        }
    }

    /// The fields of the record that was read last.
    ///
    /// # Errors
    /// The number of the field, from 1, that is not UTF-8.
    pub(super) fn fields(&self, cut: Cut) -> Result<Vec<&str>, usize> {
        let mut fields = Vec::with_capacity(cut.columns);
        let mut start = 0;
        for (number, &end) in (1_usize..).zip(self.ends.iter().take(cut.columns)) {
            let field = self.output.get(start..end).unwrap_or_default();
            fields.push(std::str::from_utf8(field).map_err(|_| number)?);
            start = end;
        }
        Ok(fields)
    }
}
