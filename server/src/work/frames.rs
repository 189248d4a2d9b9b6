//! Frames on the pipes of a warm model: a `u32` length in little-endian order, then the body.
//!
//! The first frame that a child writes is [`Ready`] as JSON. After that, bodies are binary, because tens of thousands of
//! documents pass each second:
//!
//! - request: `u64` id, `u8` 1 for all scores, `u32` n, n × `u32` length of each text, the texts as UTF-8, one after the other;
//! - response: `u64` id, `u8` status; status 0: `u32` n, n documents; status 1: a message as UTF-8;
//! - document: `u32` n, n × (`u32` label, `u16` half-precision score), `u32` m, m × `u32` decided label, where m is
//!   `u32::MAX` when the model leaves the decision to the threshold.
//!
//! Both ends are the same executable: the format needs no version.

use std::io::{self, Read, Write};

use arborist_shared::decode::Selection;
use arborist_shared::scores::{DocumentScores, FLOOR, TOP};
use half::f16;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt};

/// No frame is longer: a length beyond it means that something else wrote on the pipe.
const MAX_FRAME: u32 = 1 << 30;
const STATUS_OK: u8 = 0;
const STATUS_ERROR: u8 = 1;
const NOT_DECIDED: u32 = u32::MAX;

/// First frame of a child whose model is loaded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ready {
    pub ready: bool,
    /// The method's own threshold.
    pub threshold: f32,
    pub n_labels: u32,
    /// Device that the model lies on.
    pub device: String,
}

/// How many scores of a document are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kept {
    /// The highest, and the likely ones.
    #[default]
    Best,
    All,
}

impl Kept {
    /// What it takes to decide by `selection` and to show the `shown` best labels.
    #[must_use]
    pub fn for_answer(selection: &Selection, shown: usize) -> Self {
        let reaches_further = match selection {
            Selection::Method => false,
            Selection::Threshold(threshold) => *threshold < FLOOR,
            Selection::Top(top) => *top > TOP,
            Selection::TopAbove(top, threshold) => *top > TOP && *threshold < FLOOR,
            Selection::Levels(thresholds) => thresholds.iter().any(|threshold| *threshold < FLOOR),
        };
        if reaches_further || shown > TOP {
            Self::All
        } else {
            Self::Best
        }
    }
}

/// Texts to score.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub id: u64,
    pub kept: Kept,
    pub texts: Texts,
}

/// Texts in one buffer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    pool: String,
    /// End of each text in `pool`.
    ends: Vec<usize>,
}

impl Texts {
    /// Number of texts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The texts in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let text = &self.pool[start..end];
            start = end;
            text
        })
    }
}

/// Answer to a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    pub id: u64,
    /// A document for each text, or what went wrong.
    pub outcome: Result<Vec<DocumentScores>, String>,
}

/// Body of a request.
#[must_use]
pub fn encode_request<T: AsRef<str>>(id: u64, kept: Kept, texts: &[T]) -> Vec<u8> {
    let bytes: usize = texts.iter().map(|text| text.as_ref().len()).sum();
    let mut body = Vec::with_capacity(13 + 4 * texts.len() + bytes);
    body.extend_from_slice(&id.to_le_bytes());
    body.push(u8::from(kept == Kept::All));
    body.extend_from_slice(&(texts.len() as u32).to_le_bytes());
    for text in texts {
        body.extend_from_slice(&(text.as_ref().len() as u32).to_le_bytes());
    }
    for text in texts {
        body.extend_from_slice(text.as_ref().as_bytes());
    }
    body
}

/// Reads the body of a request.
///
/// # Errors
/// When the body is not what [`encode_request`] writes.
pub fn decode_request(body: &[u8]) -> io::Result<Request> {
    let mut cursor = Cursor(body);
    let id = cursor.u64()?;
    let kept = match cursor.take(1)? {
        [0] => Kept::Best,
        [1] => Kept::All,
        _ => return Err(malformed()),
    };
    let n = cursor.u32()? as usize;
    let lengths = cursor.take(n.checked_mul(4).ok_or_else(malformed)?)?;
    let mut ends = Vec::with_capacity(n);
    let mut end = 0_usize;
    for length in lengths.chunks_exact(4) {
        end += u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize;
        ends.push(end);
    }
    let pool = String::from_utf8(cursor.take(end)?.to_vec()).map_err(|_| malformed())?;
    if !cursor.0.is_empty() || ends.iter().any(|&end| !pool.is_char_boundary(end)) {
        return Err(malformed());
    }
    Ok(Request {
        id,
        kept,
        texts: Texts { pool, ends },
    })
}

/// Body of a response.
#[must_use]
pub fn encode_response(response: &Response) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend_from_slice(&response.id.to_le_bytes());
    match &response.outcome {
        Err(message) => {
            body.push(STATUS_ERROR);
            body.extend_from_slice(message.as_bytes());
        }
        Ok(documents) => {
            body.push(STATUS_OK);
            body.extend_from_slice(&(documents.len() as u32).to_le_bytes());
            body.reserve(
                documents
                    .iter()
                    .map(|document| 8 + 6 * document.scores.len())
                    .sum(),
            );
            for document in documents {
                encode_document(document, &mut body);
            }
        }
    }
    body
}

fn encode_document(document: &DocumentScores, body: &mut Vec<u8>) {
    body.extend_from_slice(&(document.scores.len() as u32).to_le_bytes());
    for &(label, score) in &document.scores {
        body.extend_from_slice(&label.to_le_bytes());
        // Stored scores are representable in half precision, so nothing is lost.
        body.extend_from_slice(&f16::from_f32(score).to_le_bytes());
    }
    match &document.decided {
        None => body.extend_from_slice(&NOT_DECIDED.to_le_bytes()),
        Some(labels) => {
            body.extend_from_slice(&(labels.len() as u32).to_le_bytes());
            for label in labels {
                body.extend_from_slice(&label.to_le_bytes());
            }
        }
    }
}

/// Reads the body of a response.
///
/// # Errors
/// When the body is not what [`encode_response`] writes.
pub fn decode_response(body: &[u8]) -> io::Result<Response> {
    let mut cursor = Cursor(body);
    let id = cursor.u64()?;
    let status = cursor.take(1)?[0];
    if status == STATUS_ERROR {
        let message = String::from_utf8_lossy(cursor.0).into_owned();
        return Ok(Response {
            id,
            outcome: Err(message),
        });
    }
    let n = cursor.u32()? as usize;
    // Each document takes at least 8 bytes: a wrong count cannot make this allocate without bound.
    let mut documents = Vec::with_capacity(n.min(cursor.0.len() / 8));
    for _ in 0..n {
        documents.push(decode_document(&mut cursor)?);
    }
    if !cursor.0.is_empty() {
        return Err(malformed());
    }
    Ok(Response {
        id,
        outcome: Ok(documents),
    })
}

fn decode_document(cursor: &mut Cursor<'_>) -> io::Result<DocumentScores> {
    let n = cursor.u32()? as usize;
    let rows = cursor.take(n.checked_mul(6).ok_or_else(malformed)?)?;
    let scores = rows
        .chunks_exact(6)
        .map(|row| {
            let label = u32::from_le_bytes([row[0], row[1], row[2], row[3]]);
            (label, f16::from_le_bytes([row[4], row[5]]).to_f32())
        })
        .collect();
    let decided = match cursor.u32()? {
        NOT_DECIDED => None,
        n => {
            let labels = cursor.take((n as usize).checked_mul(4).ok_or_else(malformed)?)?;
            Some(
                labels
                    .chunks_exact(4)
                    .map(|label| u32::from_le_bytes([label[0], label[1], label[2], label[3]]))
                    .collect(),
            )
        }
    };
    Ok(DocumentScores { scores, decided })
}

/// Writes one frame and flushes.
///
/// # Errors
/// When the pipe is closed, or the body is longer than a frame may be.
pub fn write_frame(to: &mut impl Write, body: &[u8]) -> io::Result<()> {
    to.write_all(&header(body)?)?;
    to.write_all(body)?;
    to.flush()
}

/// Length in front of a body.
///
/// # Errors
/// When the body is longer than a frame may be.
pub fn header(body: &[u8]) -> io::Result<[u8; 4]> {
    match u32::try_from(body.len()) {
        Ok(length) if length <= MAX_FRAME => Ok(length.to_le_bytes()),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("a frame of {} bytes is too long", body.len()),
        )),
    }
}

/// Reads one frame; none at the end of the stream.
///
/// # Errors
/// When the stream ends within a frame or is not framed.
pub fn read_frame(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut header = [0_u8; 4];
    let mut filled = 0;
    while filled < header.len() {
        match from.read(&mut header[filled..]) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let mut body = vec![0; checked_length(header)?];
    from.read_exact(&mut body)?;
    Ok(Some(body))
}

/// [`read_frame`] for tokio's pipes.
///
/// # Errors
/// As [`read_frame`].
pub async fn read_frame_async(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut header = [0_u8; 4];
    let first = from.read(&mut header).await?;
    if first == 0 {
        return Ok(None);
    }
    from.read_exact(&mut header[first..]).await?;
    let mut body = vec![0; checked_length(header)?];
    from.read_exact(&mut body).await?;
    Ok(Some(body))
}

fn checked_length(header: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_le_bytes(header);
    if length > MAX_FRAME {
        Err(malformed())
    } else {
        Ok(length as usize)
    }
}

fn malformed() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "malformed frame: something else was written on the pipe",
    )
}

/// Reads from the front of a body.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, n: usize) -> io::Result<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(n).ok_or_else(malformed)?;
        self.0 = tail;
        Ok(head)
    }

    fn u32(&mut self) -> io::Result<u32> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn u64(&mut self) -> io::Result<u64> {
        let low = u64::from(self.u32()?);
        let high = u64::from(self.u32()?);
        Ok(low | high << 32)
    }
}

#[cfg(test)]
mod tests;
