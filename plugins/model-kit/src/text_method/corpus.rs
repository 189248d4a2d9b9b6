//! Snapshots to vocabulary and token ids, read as streams.

use std::path::Path;

use arborist_plugin_api::{Document, Host, LabelIndex, TrainRequest};

use super::LabelSets;
use crate::batch::EncodedDocuments;
use crate::error::KitError;
use crate::settings::{CountedFrom, TextSettings};
use crate::text::{
    Reader, TextOptions, TextPipeline, VocabularyBuilder, VocabularyLimits, WordVectors,
};

/// Documents between two looks at the host.
const LOOK: u64 = 1_024;

/// Counts words and makes the pipeline.
pub(super) fn pipeline(
    settings: &TextSettings,
    vectors: Option<&WordVectors>,
    request: &TrainRequest,
    host: &Host<'_>,
) -> Result<TextPipeline, KitError> {
    let options = TextOptions {
        cleaning: settings.cleaning,
        stop_words: settings.stop_words,
        max_length: settings.max_length,
    };
    let limits = VocabularyLimits {
        min_frequency: settings.min_freq,
        max_size: settings.max_vocab,
    };
    let mut builder = VocabularyBuilder::default();
    if let Some(vectors) = vectors {
        for word in vectors.words() {
            builder.known(word, limits);
        }
    }
    let mut splits = vec![request.train.as_path()];
    if settings.vocabulary_from == CountedFrom::TrainValidation {
        splits.extend(request.validation.as_deref());
    }
    for split in splits {
        for_each_document(split, "counting words", request, host, |document| {
            options.for_each_word(document.text, |word| builder.count(word));
        })?;
    }
    Ok(TextPipeline::new(options, builder.finish(limits)))
}

/// Token ids and labels of a split.
pub(super) fn encode(
    split: &Path,
    reader: &Reader,
    sets: LabelSets,
    request: &TrainRequest,
    host: &Host<'_>,
) -> Result<EncodedDocuments, KitError> {
    let mut encoded = EncodedDocuments::joined_by(reader.joining());
    let mut texts: Vec<(String, Vec<LabelIndex>)> = Vec::new();
    let mut encode = |texts: &mut Vec<(String, Vec<LabelIndex>)>| {
        let strings: Vec<&str> = texts.iter().map(|(text, _)| text.as_str()).collect();
        for (parts, (_, labels)) in reader.parts_of_all(&strings).iter().zip(&*texts) {
            encoded.push_parts(parts, labels);
        }
        texts.clear();
    };
    for_each_document(split, "reading", request, host, |document| {
        let labels = match sets {
            LabelSets::Closed => document.labels.to_vec(),
            LabelSets::Explicit => {
                // They come in the order in which they were given.
                let mut labels = document.explicit.to_vec();
                labels.sort_unstable();
                labels.dedup();
                labels
            }
        };
        texts.push((document.text.to_owned(), labels));
        if texts.len() == LOOK as usize {
            encode(&mut texts);
        }
    })?;
    encode(&mut texts);
    Ok(encoded)
}

fn for_each_document(
    split: &Path,
    step: &str,
    request: &TrainRequest,
    host: &Host<'_>,
    mut visit: impl FnMut(Document<'_>),
) -> Result<(), KitError> {
    let mut reader = request.document_reader(split)?;
    let mut count = 0;
    while let Some(document) = reader.next_document()? {
        visit(document);
        count += 1;
        if count % LOOK == 0 {
            if host.is_cancelled() {
                return Err(KitError::Cancelled);
            }
            host.step(step, count, 0);
        }
    }
    Ok(())
}
