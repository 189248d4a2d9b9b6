//! Streams out of files: unpacked, bounded, counted.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read, Seek, SeekFrom, Take};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::{DeflateDecoder, MultiGzDecoder};

use super::FileError;

/// Bytes of a file that are looked at to find out what it is.
pub(super) const HEAD: usize = 1 << 18;
/// A packed file may unpack to so much, however small it is (tests need not wait for as much), ...
const FREE: u64 = if cfg!(test) { 4 << 20 } else { 256 << 20 };
/// ... and to so many times its size. Text seldom packs better than 20 to 1.
const RATIO: u64 = 100;

pub(super) type Stream = Box<dyn Read + Send>;

/// How far a packed file was read, and to how much it has unpacked.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    packed: Arc<AtomicU64>,
    unpacked: Arc<AtomicU64>,
    /// Size of the file; of a stream nobody knows.
    size: u64,
}

impl Meter {
    pub(super) fn new(size: u64) -> Self {
        Self {
            packed: Arc::default(),
            unpacked: Arc::default(),
            size,
        }
    }

    /// Bytes of the file that were read.
    pub(super) fn read(&self) -> u64 {
        self.packed.load(Ordering::Relaxed).min(self.size)
    }

    fn allowed(&self) -> u64 {
        FREE.saturating_add(self.read().saturating_mul(RATIO))
    }

    /// Counts bytes as read that nobody needed.
    pub(super) fn skip(&self, n: u64) {
        self.packed.fetch_add(n, Ordering::Relaxed);
    }

    /// Counts what a small file of an archive unpacked to.
    pub(super) fn unpacked(&self, n: u64) -> io::Result<()> {
        let unpacked = self.unpacked.fetch_add(n, Ordering::Relaxed) + n;
        if unpacked > self.allowed() {
            return Err(invalid(format!(
                "the file unpacks to more than {RATIO} times its size ({} megabytes so far), expected text",
                unpacked >> 20
            )));
        }
        Ok(())
    }
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// Counts what is read of the file.
pub(super) struct Packed<R> {
    inner: R,
    meter: Meter,
}

impl<R> Packed<R> {
    pub(super) fn new(inner: R, meter: Meter) -> Self {
        Self { inner, meter }
    }
}

impl<R: Read> Read for Packed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.meter.packed.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// Counts what comes out, and stops where it is too much.
struct Unpacked<R> {
    inner: R,
    meter: Meter,
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.meter.unpacked(n as u64)?;
        Ok(n)
    }
}

/// A stream whose beginning was looked at.
pub(super) struct Begun {
    pub(super) head: Vec<u8>,
    /// Whether the head is everything.
    pub(super) is_whole: bool,
    rest: Stream,
}

impl Begun {
    /// Reads the beginning. `waits` = until the head is full or the file at its end; a stream that somebody types into
    /// gives what it has.
    pub(super) fn new(mut rest: Stream, waits: bool) -> io::Result<Self> {
        let mut head = vec![0; HEAD];
        let mut filled = 0;
        let mut is_whole = false;
        while filled < head.len() {
            let n = match rest.read(head.get_mut(filled..).unwrap_or_default()) {
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            filled += n;
            is_whole = n == 0;
            if is_whole || !waits {
                break;
            }
        }
        head.truncate(filled);
        Ok(Self {
            head,
            is_whole,
            rest,
        })
    }

    /// Everything from the start.
    pub(super) fn stream(self) -> Chain<Cursor<Vec<u8>>, Stream> {
        Cursor::new(self.head).chain(self.rest)
    }
}

const GZIP: &[u8] = &[0x1F, 0x8B];
const ZIP: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];
/// Beginnings of what is no text: what it is, for people.
const FOREIGN: [(&[u8], &str); 7] = [
    (b"BZh", "packed with bzip2"),
    (b"\xFD7zXZ", "packed with xz"),
    (b"\x28\xB5\x2F\xFD", "packed with zstd"),
    (b"7z\xBC\xAF\x27\x1C", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"%PDF", "a PDF"),
    (b"PAR1", "a Parquet file"),
];

pub(super) fn is_zip(head: &[u8]) -> bool {
    ZIP.iter().any(|magic| head.starts_with(magic))
}

/// Unpacks gzip, which is known by its beginning; other packings are refused by name.
pub(super) fn plain(begun: Begun, meter: &Meter, waits: bool) -> Result<Begun, FileError> {
    if let Some((_, what)) = FOREIGN
        .iter()
        .find(|(magic, _)| begun.head.starts_with(magic))
    {
        return Err(FileError::Refused(format!(
            "the file is {what}, expected text, gzip or zip"
        )));
    }
    if is_zip(&begun.head) {
        return Err(FileError::refused(
            "found an archive within another file, expected text",
        ));
    }
    if !begun.head.starts_with(GZIP) {
        return Ok(begun);
    }
    let packed = BufReader::with_capacity(1 << 17, begun.stream());
    let unpacked = Unpacked {
        inner: MultiGzDecoder::new(packed),
        meter: meter.clone(),
    };
    let begun = Begun::new(Box::new(unpacked), waits)?;
    if begun.head.starts_with(GZIP) || is_zip(&begun.head) {
        return Err(FileError::refused(
            "the file is packed twice, expected text inside",
        ));
    }
    Ok(begun)
}

/// Where a file of an archive lies in it.
#[derive(Clone, Debug)]
pub(super) struct Stretch {
    pub(super) start: u64,
    pub(super) packed: u64,
    pub(super) size: u64,
    pub(super) checksum: u32,
    pub(super) is_deflated: bool,
}

impl Stretch {
    /// The file as a stream of its own.
    pub(super) fn open(&self, archive: &Path, meter: &Meter) -> io::Result<Stream> {
        let mut file = File::open(archive)?;
        file.seek(SeekFrom::Start(self.start))?;
        let packed: Take<Packed<File>> = Packed::new(file, meter.clone()).take(self.packed);
        let packed = BufReader::with_capacity(1 << 16, packed);
        let inner: Box<dyn Read + Send> = if self.is_deflated {
            Box::new(DeflateDecoder::new(packed))
        } else {
            Box::new(packed)
        };
        Ok(Box::new(Checked {
            inner: Unpacked {
                inner,
                meter: meter.clone(),
            },
            checksum: flate2::Crc::new(),
            left: self.size,
            expected: self.checksum,
        }))
    }
}

/// Compares checksum and length at the end.
struct Checked<R> {
    inner: R,
    checksum: flate2::Crc,
    left: u64,
    expected: u32,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        let Some(left) = self.left.checked_sub(n as u64) else {
            return Err(invalid(
                "a file of the archive is longer than the archive says: it is damaged".to_owned(),
            ));
        };
        self.left = left;
        self.checksum.update(&buffer[..n]);
        if n == 0 && !buffer.is_empty() && (left > 0 || self.checksum.sum() != self.expected) {
            return Err(invalid(
                "the checksum of a file of the archive is wrong: it is damaged".to_owned(),
            ));
        }
        Ok(n)
    }
}

/// A stream with a buffer, as rows are cut out of it.
pub(super) type Input = Box<dyn BufRead + Send>;

pub(super) fn buffered(stream: impl Read + Send + 'static) -> Input {
    Box::new(BufReader::with_capacity(1 << 17, stream))
}
