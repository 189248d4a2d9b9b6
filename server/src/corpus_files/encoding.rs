//! Which encoding a text has, and reading it as UTF-8.

use std::io::{self, Read};

use chardetng::{EncodingDetector, Utf8Detection};
use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::FileError;

const CHUNK: usize = 1 << 16;

/// The encoding by one of its labels as on the web.
pub(super) fn by_label(label: &str) -> Result<&'static Encoding, FileError> {
    Encoding::for_label(label.as_bytes()).ok_or_else(|| {
        FileError::Refused(format!(
            "found the encoding `{label}`, expected one such as utf-8, windows-1252, utf-16le or gb18030"
        ))
    })
}

/// The encoding that the beginning of a file seems to have.
///
/// A byte order mark decides. So do lines: a file most of whose lines with more than ASCII are UTF-8 is UTF-8, and lines
/// that are not are damaged.
pub(super) fn detect(head: &[u8]) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(head) {
        return encoding;
    }
    if let Some(encoding) = wide(head) {
        return encoding;
    }
    let (mut valid, mut invalid) = (0_u32, 0_u32);
    let end = head.iter().rposition(|&byte| byte == b'\n').unwrap_or(0);
    let whole = if end == 0 { head } else { &head[..end] };
    for line in whole.split(|&byte| byte == b'\n') {
        if line.is_ascii() {
            continue;
        }
        match std::str::from_utf8(line) {
            Ok(_) => valid += 1,
            // The only line may be cut within a character.
            Err(error) if end == 0 && error.error_len().is_none() => valid += 1,
            Err(_) => invalid += 1,
        }
    }
    // JSON is UTF-8 by its standard: a few bad lines of it are damage, not an encoding. Tables may have few other letters.
    let start = head.iter().find(|byte| !byte.is_ascii_whitespace());
    let is_json = start.is_some_and(|byte| b"{[".contains(byte));
    let lines = whole.iter().filter(|&&byte| byte == b'\n').count() as u32 + 1;
    if invalid <= valid || (is_json && invalid < 3 && lines > 3 * invalid) {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    detector.feed(head, false);
    detector.guess(None, Utf8Detection::Deny)
}

/// UTF-16 without a byte order mark: every other byte of Latin text is zero.
fn wide(head: &[u8]) -> Option<&'static Encoding> {
    let sample = &head[..head.len().min(4_096) & !1];
    if sample.len() < 8 {
        return None;
    }
    let zeros = |offset: usize| {
        let bytes = sample.iter().skip(offset).step_by(2);
        bytes.filter(|&&byte| byte == 0).count() * 2 * 100 / sample.len()
    };
    match (zeros(0), zeros(1)) {
        (0..5, 40..) => Some(UTF_16LE),
        (40.., 0..5) => Some(UTF_16BE),
        _ => None,
    }
}

/// What people call it.
#[must_use]
pub fn encoding_name(encoding: &'static Encoding, head: &[u8]) -> String {
    if encoding == UTF_8 && head.starts_with("\u{feff}".as_bytes()) {
        "UTF-8 with byte order mark".to_owned()
    } else {
        encoding.name().to_owned()
    }
}

/// A stream as UTF-8. What is no character of the encoding becomes U+FFFD.
pub(super) struct Decoded<R> {
    inner: R,
    decoder: Decoder,
    input: Vec<u8>,
    /// Of the input, what is not decoded yet.
    at: usize,
    end: usize,
    output: Vec<u8>,
    out_at: usize,
    is_over: bool,
}

impl<R: Read> Decoded<R> {
    pub(super) fn new(inner: R, encoding: &'static Encoding) -> Self {
        Self {
            inner,
            decoder: encoding.new_decoder_with_bom_removal(),
            input: vec![0; CHUNK],
            at: 0,
            end: 0,
            output: Vec::with_capacity(4 * CHUNK),
            out_at: 0,
            is_over: false,
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.output.clear();
        self.out_at = 0;
        while self.output.is_empty() && !self.is_over {
            let mut is_last = false;
            if self.at == self.end {
                self.at = 0;
                self.end = self.inner.read(&mut self.input)?;
                is_last = self.end == 0;
            }
            self.output.resize(4 * CHUNK, 0);
            let source = self.input.get(self.at..self.end).unwrap_or_default();
            let (result, read, written, _) =
                self.decoder
                    .decode_to_utf8(source, &mut self.output, is_last);
            self.output.truncate(written);
            self.at += read;
            self.is_over = is_last && result == CoderResult::InputEmpty;
        }
        Ok(())
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.out_at == self.output.len() {
            self.fill()?;
        }
        let rest = self.output.get(self.out_at..).unwrap_or_default();
        let n = rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        self.out_at += n;
        Ok(n)
    }
}
