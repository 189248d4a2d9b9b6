//! Word pieces: how a pretrained encoder reads a text (METHODS 1.12).
//!
//! The cutting itself is the `tokenizers` crate's. Here is which pieces are read when a text has more than the encoder
//! takes.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::tokenizer::Tokenizer;

use crate::cpu::parallel;
use crate::error::KitError;
use crate::files;

/// Name of the tokenizer in encoder directories and checkpoints.
pub const TOKENIZER_FILE: &str = "tokenizer.json";

/// Bytes that are cut at a time: of a long text no more is looked at than is read.
const CHUNK: usize = 4_096;

/// Texts that are worth a thread of their own.
const TEXTS: usize = 8;

/// What is read of a text that is longer than the encoder takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LongText {
    /// Its beginning.
    #[default]
    Head,
    /// A quarter from the beginning, the rest from the end.
    HeadTail,
    /// All of it, in windows; a label's score is the mean over them.
    WindowsMean,
    /// All of it, in windows; a label's score is the highest of them.
    WindowsMax,
}

impl LongText {
    /// Whether a text may be read in several parts.
    #[must_use]
    pub fn in_windows(self) -> bool {
        matches!(self, Self::WindowsMean | Self::WindowsMax)
    }
}

/// Ids of the pieces that are no part of any text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpecialPieces {
    pub cls: u32,
    pub sep: u32,
    pub mask: u32,
    pub padding: u32,
}

/// Texts to word-piece ids.
#[derive(Clone)]
pub struct WordPieces {
    tokenizer: Tokenizer,
    special: SpecialPieces,
}

impl fmt::Debug for WordPieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WordPieces")
            .field("pieces", &self.len())
            .field("special", &self.special)
            .finish_non_exhaustive()
    }
}

impl WordPieces {
    /// Reads `tokenizer.json`, or `vocab.txt` where there is none, of a directory.
    ///
    /// # Errors
    /// When neither is there, or lacks one of `[CLS]`, `[SEP]`, `[MASK]`, `[PAD]`.
    pub fn open(directory: &Path) -> Result<Self, KitError> {
        let path = directory.join(TOKENIZER_FILE);
        if path.is_file() {
            let tokenizer =
                Tokenizer::from_file(&path).map_err(|error| KitError::broken(&path, error))?;
            return Self::new(tokenizer, &path);
        }
        let path = directory.join("vocab.txt");
        if !path.is_file() {
            return Err(KitError::broken(
                directory,
                format!("neither {TOKENIZER_FILE} nor vocab.txt is there"),
            ));
        }
        Self::from_vocabulary(&path, lower_case(directory)?)
    }

    /// Pieces from a list, one a line; `lower_case` strips accents as well.
    fn from_vocabulary(path: &Path, lower_case: bool) -> Result<Self, KitError> {
        let broken = |error| KitError::broken(path, error);
        let text = path
            .to_str()
            .ok_or_else(|| KitError::broken(path, "the path is no UTF-8"))?;
        let model = WordPiece::from_file(text)
            .unk_token("[UNK]".to_owned())
            .build()
            .map_err(broken)?;
        let mut tokenizer = Tokenizer::new(model);
        tokenizer
            .with_normalizer(Some(BertNormalizer::new(true, true, None, lower_case)))
            .map_err(broken)?
            .with_pre_tokenizer(Some(BertPreTokenizer));
        Self::new(tokenizer, path)
    }

    fn new(mut tokenizer: Tokenizer, path: &Path) -> Result<Self, KitError> {
        tokenizer
            .with_truncation(None)
            .map_err(|error| KitError::broken(path, error))?;
        tokenizer.with_padding(None);
        // A text that says "[SEP]" means the word.
        tokenizer.set_encode_special_tokens(true);
        let id = |piece: &str| {
            tokenizer
                .token_to_id(piece)
                .ok_or_else(|| KitError::broken(path, format!("there is no piece {piece}")))
        };
        let special = SpecialPieces {
            cls: id("[CLS]")?,
            sep: id("[SEP]")?,
            mask: id("[MASK]")?,
            padding: id("[PAD]")?,
        };
        Ok(Self { tokenizer, special })
    }

    #[must_use]
    pub fn special(&self) -> SpecialPieces {
        self.special
    }

    /// Number of pieces.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes `tokenizer.json` into a directory.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, directory: &Path) -> Result<(), KitError> {
        let path = directory.join(TOKENIZER_FILE);
        let json = self
            .tokenizer
            .to_string(false)
            .map_err(|error| KitError::broken(&path, error))?;
        files::write(&path, json.as_bytes())
    }

    /// The pieces of a text without `[CLS]` and `[SEP]`, the first `limit` of them.
    #[must_use]
    pub fn pieces(&self, text: &str, limit: usize) -> Vec<u32> {
        let mut ids = Vec::new();
        for (_, chunk) in chunks(text) {
            // Without a truncation that could fail, nothing can.
            if let Ok(encoding) = self.tokenizer.encode_fast(chunk, false) {
                ids.extend_from_slice(encoding.get_ids());
            }
            if ids.len() >= limit {
                ids.truncate(limit);
                break;
            }
        }
        ids
    }

    /// The same with the bytes of the text that each piece stands for.
    #[must_use]
    pub fn pieces_with_places(&self, text: &str, limit: usize) -> Vec<(u32, Range<usize>)> {
        let mut pieces = Vec::new();
        for (start, chunk) in chunks(text) {
            if let Ok(encoding) = self.tokenizer.encode(chunk, false) {
                let places = encoding.get_ids().iter().zip(encoding.get_offsets());
                pieces.extend(places.map(|(id, (from, to))| (*id, start + from..start + to)));
            }
            if pieces.len() >= limit {
                pieces.truncate(limit);
                break;
            }
        }
        pieces
    }

    /// What is read of a text: one or several parts of at most `max_length` pieces, `[CLS]` and `[SEP]` among them.
    #[must_use]
    pub fn parts(&self, text: &str, max_length: usize, long_text: LongText) -> Vec<Vec<u32>> {
        let room = max_length.saturating_sub(2).max(1);
        let limit = match long_text {
            LongText::Head => room,
            _ => usize::MAX,
        };
        let pieces = self.pieces(text, limit);
        if pieces.len() <= room {
            return vec![self.framed(&[&pieces])];
        }
        match long_text {
            LongText::Head => vec![self.framed(&[&pieces[..room]])],
            LongText::HeadTail => {
                let head = room / 4;
                let tail = pieces.len() - (room - head);
                vec![self.framed(&[&pieces[..head], &pieces[tail..]])]
            }
            LongText::WindowsMean | LongText::WindowsMax => windows(pieces.len(), room)
                .map(|window| self.framed(&[&pieces[window]]))
                .collect(),
        }
    }

    /// [`parts`](Self::parts) of every text, on all threads.
    #[must_use]
    pub fn parts_of_all(
        &self,
        texts: &[&str],
        max_length: usize,
        long_text: LongText,
    ) -> Vec<Vec<Vec<u32>>> {
        let mut parts = vec![Vec::new(); texts.len()];
        let ranges = parallel::ranges(texts.len(), TEXTS);
        let tasks = ranges
            .iter()
            .map(|range| &texts[range.clone()])
            .zip(parallel::split_rows(&mut parts, &ranges, 1))
            .collect();
        parallel::run(tasks, |(texts, parts): (&[&str], &mut [Vec<Vec<u32>>])| {
            for (text, parts) in texts.iter().zip(parts) {
                *parts = self.parts(text, max_length, long_text);
            }
        });
        parts
    }

    /// A piece by its id; empty if there is none.
    #[must_use]
    pub fn piece(&self, id: u32) -> String {
        self.tokenizer.id_to_token(id).unwrap_or_default()
    }

    /// Whether a piece comes from texts: not `[CLS]`, `[SEP]`, `[MASK]`, `[PAD]`.
    #[must_use]
    pub fn is_part_of_text(&self, id: u32) -> bool {
        let SpecialPieces {
            cls,
            sep,
            mask,
            padding,
        } = self.special;
        ![cls, sep, mask, padding].contains(&id)
    }

    /// `[CLS]`, the pieces, `[SEP]`.
    pub(super) fn framed(&self, pieces: &[&[u32]]) -> Vec<u32> {
        let mut ids = vec![self.special.cls];
        for pieces in pieces {
            ids.extend_from_slice(pieces);
        }
        ids.push(self.special.sep);
        ids
    }
}

/// Windows of equal length that cover `length` pieces and overlap as little as they can, at most `room` long.
fn windows(length: usize, room: usize) -> impl Iterator<Item = Range<usize>> {
    let count = length.div_ceil(room).max(1);
    let width = room.min(length);
    (0..count).map(move |window| {
        let start = match count {
            1 => 0,
            _ => (length - width) * window / (count - 1),
        };
        start..start + width
    })
}

/// A text in chunks that end where white space begins, with the byte at which each starts.
fn chunks(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = text.get(start..).filter(|rest| !rest.is_empty())?;
        let length = rest
            .char_indices()
            .find(|(place, letter)| *place >= CHUNK && letter.is_whitespace())
            .map_or(rest.len(), |(place, _)| place);
        let chunk = (start, &rest[..length]);
        start += length;
        Some(chunk)
    })
}

/// Whether an encoder without `tokenizer.json` reads lower case: as its `tokenizer_config.json` says, yes if nothing does.
fn lower_case(directory: &Path) -> Result<bool, KitError> {
    #[derive(Deserialize)]
    struct TokenizerConfig {
        do_lower_case: Option<bool>,
    }
    let path = directory.join("tokenizer_config.json");
    if !path.is_file() {
        return Ok(true);
    }
    let config: TokenizerConfig = serde_json::from_slice(&files::read(&path)?)
        .map_err(|error| KitError::broken(&path, error))?;
    Ok(config.do_lower_case.unwrap_or(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces_of(lower_case: &str) -> (tempfile::TempDir, WordPieces) {
        let directory = tempfile::tempdir().unwrap();
        let words = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nun\n##aff\n##able\ncafe\n,\nuber\na\n##a\n[\n]\nsep\n";
        std::fs::write(directory.path().join("vocab.txt"), words).unwrap();
        std::fs::write(directory.path().join("tokenizer_config.json"), lower_case).unwrap();
        let pieces = WordPieces::open(directory.path()).unwrap();
        (directory, pieces)
    }

    fn uncased() -> WordPieces {
        pieces_of(r#"{"do_lower_case": true}"#).1
    }

    #[test]
    fn words_are_cut_as_bert_cuts_them() {
        let pieces = uncased();
        assert_eq!(pieces.pieces("unaffable", 10), [5, 6, 7]);
        assert_eq!(pieces.pieces("café, ÜBER", 10), [8, 9, 10]);
        assert_eq!(pieces.pieces(&"a".repeat(100), 200).len(), 100);
        assert_eq!(pieces.pieces(&"a".repeat(101), 200), [1], "too long a word");
        assert_eq!(pieces.pieces("a\0a", 10), pieces.pieces("aa", 10));
        assert_eq!(pieces.pieces("\0", 10), [0; 0]);
        assert_eq!(
            pieces.pieces("[SEP]", 10),
            [13, 15, 14],
            "a word like others"
        );
    }

    #[test]
    fn case_matters_where_the_configuration_says_so() {
        let (_directory, cased) = pieces_of(r#"{"do_lower_case": false}"#);
        assert_eq!(cased.pieces("UBER uber", 10), [1, 10]);
    }

    #[test]
    fn long_texts_are_read_in_part_or_in_windows() {
        let pieces = uncased();
        let text = "un cafe , uber a un cafe , uber a";
        let read = |long_text| pieces.parts(text, 6, long_text);
        assert_eq!(read(LongText::Head), [vec![2, 5, 8, 9, 10, 3]]);
        assert_eq!(read(LongText::HeadTail), [vec![2, 5, 9, 10, 11, 3]]);
        let windows = [
            vec![2, 5, 8, 9, 10, 3],
            vec![2, 10, 11, 5, 8, 3],
            vec![2, 8, 9, 10, 11, 3],
        ];
        assert_eq!(read(LongText::WindowsMean), windows);
        assert_eq!(pieces.parts("", 6, LongText::WindowsMax), [vec![2, 3]]);
        assert_eq!(pieces.parts("un", 6, LongText::WindowsMax), [vec![2, 5, 3]]);
    }

    #[test]
    fn chunks_change_nothing() {
        let pieces = uncased();
        let text = "unaffable café, a ".repeat(2_000);
        let whole = pieces.tokenizer.encode_fast(text.as_str(), false).unwrap();
        assert_eq!(pieces.pieces(&text, usize::MAX), whole.get_ids());
        assert_eq!(pieces.pieces(&text, 700), whole.get_ids()[..700]);
        let places = pieces.pieces_with_places(&text, usize::MAX);
        let (_, last) = places.iter().rev().nth(1).unwrap();
        assert_eq!(&text[last.clone()], ",");
        let (_, cafe) = places.iter().find(|(id, _)| *id == 8).unwrap();
        assert_eq!(&text[cafe.clone()], "café");
    }

    #[test]
    fn a_saved_tokenizer_reads_the_same() {
        let (directory, pieces) = pieces_of("{}");
        pieces.save(directory.path()).unwrap();
        let again = WordPieces::open(directory.path()).unwrap();
        assert_eq!(again.special(), pieces.special());
        assert_eq!(
            again.pieces("unaffable [SEP] ÜBER", 10),
            pieces.pieces("unaffable [SEP] ÜBER", 10)
        );
    }

    #[test]
    fn a_directory_without_pieces_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let error = WordPieces::open(directory.path()).unwrap_err().to_string();
        assert!(error.contains("vocab.txt"), "{error}");
        std::fs::write(directory.path().join("vocab.txt"), "[UNK]\na\n").unwrap();
        let error = WordPieces::open(directory.path()).unwrap_err().to_string();
        assert!(error.contains("[CLS]"), "{error}");
    }
}
