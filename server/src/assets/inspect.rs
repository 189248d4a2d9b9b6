//! What is in an asset, and whether a method can use it.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;

/// Lines of word vectors of which every number is read; of the others, only their number of fields.
const STRICT_LINES: u64 = 1_000;
const MAX_LINE: u64 = 1 << 20;

/// Why an asset cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum AssetError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the archive cannot be read: {0}")]
    Archive(#[from] zip::result::ZipError),
    #[error("{0}")]
    Refused(String),
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    model_type: String,
    num_hidden_layers: Option<u64>,
    hidden_size: Option<u64>,
}

/// Describes the encoder in a folder.
pub(super) fn encoder(folder: &Path) -> Result<String, AssetError> {
    let refused = |text: String| AssetError::Refused(text);
    let config = fs::read(folder.join("config.json")).map_err(|_| {
        refused(
            "the archive has no config.json, expected a zip of a Hugging Face folder".to_owned(),
        )
    })?;
    let config: Config = serde_json::from_slice(&config)
        .map_err(|error| refused(format!("config.json cannot be read: {error}")))?;
    if config.model_type != "bert" {
        return Err(refused(format!(
            "the model type is `{}`, expected `bert`",
            config.model_type
        )));
    }
    let (Some(layers), Some(width)) = (config.num_hidden_layers, config.hidden_size) else {
        return Err(refused(
            "config.json lacks num_hidden_layers or hidden_size".to_owned(),
        ));
    };
    let mut has_weights = false;
    for entry in fs::read_dir(folder)? {
        has_weights |= entry?
            .path()
            .extension()
            .is_some_and(|extension| extension == "safetensors");
    }
    if !has_weights {
        return Err(refused(
            "the archive has no *.safetensors; weights in other formats are not loaded".to_owned(),
        ));
    }
    if !folder.join("vocab.txt").is_file() && !folder.join("tokenizer.json").is_file() {
        return Err(refused(
            "the archive has neither vocab.txt nor tokenizer.json".to_owned(),
        ));
    }
    Ok(format!("BERT, {layers} layers, {width} wide"))
}

/// Describes a file of word vectors: a word and its numbers on each line, with or without a first line of two counts.
pub(super) fn word_vectors(path: &Path) -> Result<String, AssetError> {
    let mut input = BufReader::with_capacity(1 << 18, File::open(path)?);
    let mut line = Vec::new();
    let mut number = 0;
    let mut words: u64 = 0;
    let mut width = None;
    loop {
        line.clear();
        let read = io::Read::take(&mut input, MAX_LINE).read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        number += 1;
        let refused = |text: String| AssetError::Refused(format!("line {number}: {text}"));
        let text = std::str::from_utf8(&line)
            .map_err(|_| refused("found bytes that are not UTF-8".to_owned()))?;
        let mut fields = text.split_ascii_whitespace();
        let n_fields = fields.clone().count();
        if n_fields == 0
            || (number == 1 && n_fields == 2 && fields.all(|field| field.parse::<u64>().is_ok()))
        {
            continue;
        }
        let width = *width.get_or_insert(n_fields - 1);
        if n_fields <= width || width == 0 {
            return Err(refused(format!(
                "found {n_fields} fields, expected a word and {width} numbers"
            )));
        }
        // A word may hold blanks itself: the numbers are the last fields.
        if number <= STRICT_LINES {
            let bad = text
                .split_ascii_whitespace()
                .skip(n_fields - width)
                .find(|field| field.parse::<f32>().is_err());
            if let Some(bad) = bad {
                let bad: String = bad.chars().take(40).collect();
                return Err(refused(format!("found `{bad}`, expected a number")));
            }
        }
        words += 1;
    }
    match width {
        Some(width) => Ok(format!("{words} words, {width} numbers each")),
        None => Err(AssetError::Refused("the file has no vectors".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<String, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        word_vectors(file.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn vectors_are_counted() {
        assert_eq!(
            check("the 0.1 -2e-3\nof 1 2\n").unwrap(),
            "2 words, 2 numbers each"
        );
        assert_eq!(
            check("2 2\nthe 0.1 0.2\nnew york 1 2\n").unwrap(),
            "2 words, 2 numbers each"
        );
        assert_eq!(
            check("the 0.1 0.2\nof 1\n").unwrap_err(),
            "line 2: found 2 fields, expected a word and 2 numbers"
        );
        assert_eq!(
            check("the 0.1 x\n").unwrap_err(),
            "line 1: found `x`, expected a number"
        );
        assert_eq!(check("\n").unwrap_err(), "the file has no vectors");
    }
}
