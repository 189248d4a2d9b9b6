//! Elements of a JSON array, or JSON values one after the other: cut out without being understood, so that an array may be
//! as long as it likes and nested as deeply.

use std::io::{self, BufRead};

use super::MAX_ROW;

/// Where a cut stands.
#[derive(Debug)]
pub(super) struct Objects {
    /// Line and column of the next byte, from 1.
    line: u64,
    column: u64,
    around: Around,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Around {
    Unknown,
    Array,
    Nothing,
    /// Behind the end of the array.
    Over,
}

/// An element that was cut out into the buffer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cut {
    /// Line and column of its first byte.
    pub(super) line: u64,
    pub(super) column: u64,
    /// Bytes that it has in the file.
    pub(super) length: usize,
}

impl Objects {
    pub(super) fn new() -> Self {
        Self {
            line: 1,
            column: 1,
            around: Around::Unknown,
        }
    }

    /// The last line, once, when the file ends within the array.
    pub(super) fn take_unfinished(&mut self) -> Option<u64> {
        let is_unfinished = self.around == Around::Array;
        self.around = Around::Over;
        is_unfinished.then_some(self.line)
    }

    /// Cuts out the next element; of one that is too long the beginning is kept. None at the end. What does not belong
    /// between elements comes out as an element that nobody can read.
    pub(super) fn next(
        &mut self,
        input: &mut impl BufRead,
        element: &mut Vec<u8>,
    ) -> io::Result<Option<Cut>> {
        element.clear();
        let mut state = State::default();
        let mut cut: Option<Cut> = None;
        loop {
            let buffer = match input.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if buffer.is_empty() {
                return Ok(cut);
            }
            let mut used = 0;
            let mut is_whole = false;
            for &byte in buffer {
                if cut.is_none() {
                    used += 1;
                    if !self.begins(byte) {
                        self.pass(byte);
                        continue;
                    }
                    cut = Some(Cut {
                        line: self.line,
                        column: self.column,
                        length: 0,
                    });
                } else if state.ends_before(byte, self.around == Around::Array) {
                    // What separates is not part of the element.
                    is_whole = true;
                    break;
                } else {
                    used += 1;
                }
                self.pass(byte);
                if let Some(cut) = &mut cut {
                    cut.length += 1;
                }
                if element.len() <= MAX_ROW {
                    element.push(byte);
                }
                if state.take(byte) {
                    is_whole = true;
                    break;
                }
            }
            input.consume(used);
            if is_whole {
                return Ok(cut);
            }
        }
    }

    fn pass(&mut self, byte: u8) {
        if byte == b'\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
    }

    /// Whether an element begins with this byte; otherwise it stands between elements.
    fn begins(&mut self, byte: u8) -> bool {
        if byte.is_ascii_whitespace() || [0xEF, 0xBB, 0xBF].contains(&byte) {
            return false;
        }
        match (self.around, byte) {
            (Around::Unknown, b'[') => {
                self.around = Around::Array;
                false
            }
            (Around::Unknown, _) => {
                self.around = Around::Nothing;
                true
            }
            (_, b',') => false,
            (Around::Array, b']') => {
                self.around = Around::Over;
                false
            }
            _ => true,
        }
    }
}

/// Where the cut stands within an element.
#[derive(Debug, Default)]
struct State {
    depth: usize,
    in_string: bool,
    is_escaped: bool,
}

impl State {
    /// Takes a byte of the element; says whether it is the last one.
    fn take(&mut self, byte: u8) -> bool {
        if self.in_string {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }

    /// Whether an element without brackets ends before this byte.
    fn ends_before(&self, byte: u8, in_array: bool) -> bool {
        self.depth == 0
            && !self.in_string
            && (byte == b',' || byte == b'\n' || (in_array && byte == b']'))
    }
}
