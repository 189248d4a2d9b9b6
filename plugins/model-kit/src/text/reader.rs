//! What turns texts into token ids: words with a vocabulary of the corpus, or the pieces of a pretrained encoder.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::pieces::TOKENIZER_FILE;
use super::{LongText, TextPipeline, WordPieces};
use crate::batch::Joining;
use crate::error::KitError;
use crate::files;

const OPTIONS_FILE: &str = "pieces.json";

/// Word pieces, and how many of them are read.
#[derive(Clone, Debug)]
pub struct PieceReader {
    pieces: WordPieces,
    options: PieceOptions,
}

/// How much of a text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PieceOptions {
    /// Pieces that the encoder gets at a time, `[CLS]` and `[SEP]` among them.
    pub max_length: usize,
    pub long_text: LongText,
}

impl PieceReader {
    #[must_use]
    pub fn new(pieces: WordPieces, options: PieceOptions) -> Self {
        Self { pieces, options }
    }

    #[must_use]
    pub fn pieces(&self) -> &WordPieces {
        &self.pieces
    }

    #[must_use]
    pub fn options(&self) -> PieceOptions {
        self.options
    }
}

/// Texts to token ids.
#[derive(Clone, Debug)]
pub enum Reader {
    Words(TextPipeline),
    Pieces(Box<PieceReader>),
}

impl Reader {
    /// The ids of a text, in one or several parts, none of them empty.
    #[must_use]
    pub fn parts(&self, text: &str) -> Vec<Vec<u32>> {
        match self {
            Self::Words(pipeline) => {
                let mut ids = Vec::new();
                pipeline.encode(text, &mut ids);
                vec![ids]
            }
            Self::Pieces(reader) => {
                let options = reader.options;
                reader
                    .pieces
                    .parts(text, options.max_length, options.long_text)
            }
        }
    }

    /// [`parts`](Self::parts) of every text, on all threads.
    #[must_use]
    pub fn parts_of_all(&self, texts: &[&str]) -> Vec<Vec<Vec<u32>>> {
        match self {
            Self::Words(pipeline) => pipeline
                .encode_all(texts)
                .into_iter()
                .map(|ids| vec![ids])
                .collect(),
            Self::Pieces(reader) => {
                let options = reader.options;
                reader
                    .pieces
                    .parts_of_all(texts, options.max_length, options.long_text)
            }
        }
    }

    /// How scores of a text's parts become those of the text.
    #[must_use]
    pub fn joining(&self) -> Joining {
        match self {
            Self::Pieces(reader) if reader.options.long_text == LongText::WindowsMax => {
                Joining::Highest
            }
            _ => Joining::Mean,
        }
    }

    /// Tokens of a part at most.
    #[must_use]
    pub fn max_length(&self) -> usize {
        match self {
            Self::Words(pipeline) => pipeline.options().max_length,
            Self::Pieces(reader) => reader.options.max_length,
        }
    }

    /// The ids of a label's name, at most `limit`: without anything around them, none that is unknown to the vocabulary.
    #[must_use]
    pub fn name(&self, name: &str, limit: usize) -> Vec<u32> {
        match self {
            Self::Words(pipeline) => {
                let mut ids = Vec::new();
                pipeline.options().for_each_word(name, |word| {
                    if word.chars().nth(1).is_some() {
                        ids.extend(pipeline.vocabulary().known_id(word));
                    }
                });
                ids.truncate(limit);
                ids
            }
            Self::Pieces(reader) => reader.pieces.pieces(&name.to_lowercase(), limit),
        }
    }

    /// Words or pieces by id, without those that stand for none.
    #[must_use]
    pub fn vocabulary(&self) -> Vec<String> {
        match self {
            Self::Words(pipeline) => {
                let words = pipeline.vocabulary().words();
                words.iter().map(ToString::to_string).collect()
            }
            Self::Pieces(reader) => (0..reader.pieces.len() as u32)
                .map(|id| reader.pieces.piece(id))
                .collect(),
        }
    }

    /// Whether an id stands for a word or piece of a text: not for padding, the unknown, or what frames a text.
    #[must_use]
    pub fn is_word(&self, id: u32) -> bool {
        match self {
            Self::Words(pipeline) => (id as usize) < pipeline.vocabulary().words().len(),
            Self::Pieces(reader) => reader.pieces.is_part_of_text(id),
        }
    }

    /// Ids as the encoder expects a text: with what frames it, and not longer than it reads.
    #[must_use]
    pub fn framed(&self, ids: &[u32]) -> Vec<u32> {
        match self {
            Self::Words(_) => ids.to_vec(),
            Self::Pieces(reader) => {
                let room = reader.options.max_length.saturating_sub(2).max(1);
                reader.pieces.framed(&[&ids[..ids.len().min(room)]])
            }
        }
    }

    /// The words, unless an encoder brought its pieces.
    #[must_use]
    pub fn words(&self) -> Option<&TextPipeline> {
        match self {
            Self::Words(pipeline) => Some(pipeline),
            Self::Pieces(_) => None,
        }
    }

    /// The encoder's pieces, unless there are words.
    #[must_use]
    pub fn pieces(&self) -> Option<&PieceReader> {
        match self {
            Self::Words(_) => None,
            Self::Pieces(reader) => Some(reader),
        }
    }

    /// Writes everything into a checkpoint.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, checkpoint: &Path) -> Result<(), KitError> {
        match self {
            Self::Words(pipeline) => pipeline.save(checkpoint),
            Self::Pieces(reader) => {
                reader.pieces.save(checkpoint)?;
                let path = checkpoint.join(OPTIONS_FILE);
                let json = serde_json::to_vec_pretty(&reader.options)
                    .map_err(|error| KitError::broken(&path, error))?;
                files::write(&path, &json)
            }
        }
    }

    /// Reads what [`Reader::save`] wrote.
    ///
    /// # Errors
    /// When a file is missing or broken.
    pub fn load(checkpoint: &Path) -> Result<Self, KitError> {
        if !checkpoint.join(TOKENIZER_FILE).is_file() {
            return Ok(Self::Words(TextPipeline::load(checkpoint)?));
        }
        let path = checkpoint.join(OPTIONS_FILE);
        let options = serde_json::from_slice(&files::read(&path)?)
            .map_err(|error| KitError::broken(&path, error))?;
        let pieces = WordPieces::open(checkpoint)?;
        Ok(Self::Pieces(Box::new(PieceReader::new(pieces, options))))
    }
}
