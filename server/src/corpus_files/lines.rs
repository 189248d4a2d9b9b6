//! Lines of bounded length.

use std::io::{self, BufRead};

use super::MAX_ROW;

pub(crate) const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

pub(crate) fn is_blank(line: &[u8]) -> bool {
    line.strip_prefix(BYTE_ORDER_MARK)
        .unwrap_or(line)
        .iter()
        .all(u8::is_ascii_whitespace)
}

/// Reads up to and including the next line break; of a line that is too long, the beginning is kept and all is counted.
/// None at the end of the file.
pub(crate) fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<usize>> {
    line.clear();
    let mut read = 0;
    loop {
        let buffer = match input.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if buffer.is_empty() {
            return Ok((read > 0).then_some(read));
        }
        let end = buffer.iter().position(|&byte| byte == b'\n');
        let taken = end.map_or(buffer.len(), |end| end + 1);
        let kept = taken.min((MAX_ROW + 1).saturating_sub(line.len()));
        line.extend_from_slice(&buffer[..kept]);
        input.consume(taken);
        read += taken;
        if end.is_some() {
            return Ok(Some(read));
        }
    }
}
