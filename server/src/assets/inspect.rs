//! What is in an asset, and whether a method can use it.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;

use arborist_shared::word_vectors::{Line, Outline, SAMPLE, take_apart};
use serde::Deserialize;

/// Bytes of a line of word vectors.
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

/// Describes a file of word vectors, which is taken if methods can read it: `shared::word_vectors` says what a line is.
pub(super) fn word_vectors(path: &Path) -> Result<String, AssetError> {
    let mut input = BufReader::with_capacity(1 << 18, File::open(path)?);
    let outline = Outline::of(&first_lines(path)?).map_err(AssetError::Refused)?;
    input.seek(SeekFrom::Start(outline.start as u64))?;
    let mut line = Vec::new();
    let mut words: usize = 0;
    for number in outline.first_line.. {
        line.clear();
        let read = io::Read::take(&mut input, MAX_LINE).read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        if read as u64 == MAX_LINE && line.last() != Some(&b'\n') {
            return Err(AssetError::Refused(format!(
                "line {number}: found more than {MAX_LINE} bytes, expected a word and {} numbers",
                outline.width
            )));
        }
        match take_apart(line.strip_suffix(b"\n").unwrap_or(&line), outline.width) {
            Line::Blank => {}
            Line::Nameless | Line::Word { .. } => words += 1,
            Line::Short { fields } => {
                return Err(AssetError::Refused(format!(
                    "line {number}: found {fields} fields, expected a word and {} numbers",
                    outline.width
                )));
            }
        }
    }
    let mut summary = format!("{words} words, {} numbers each", outline.width);
    if let Some(promised) = outline.n_words.filter(|promised| words < *promised) {
        // Training takes such a file, with a warning; who uploads it is the first to know.
        summary.push_str(&format!(
            "; the first line promises {promised}, the file may be cut off"
        ));
    }
    Ok(summary)
}

/// As many whole lines as the outline of a file looks at.
fn first_lines(path: &Path) -> io::Result<Vec<u8>> {
    let mut input = BufReader::with_capacity(1 << 18, File::open(path)?);
    let mut bytes = Vec::new();
    for _ in 0..=SAMPLE {
        io::Read::take(&mut input, MAX_LINE).read_until(b'\n', &mut bytes)?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: impl AsRef<[u8]>) -> Result<String, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), content).unwrap();
        word_vectors(file.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn vectors_are_counted() {
        for content in [
            &b"the 0.1 -2e-3\nof 1 2\n"[..],
            b"2 2\nthe 0.1 0.2\nnew york 1 2\n",
            // As methods read it: Windows line ends, a mark at the beginning, words that are no UTF-8 or no word at all,
            // a first word with blanks, blanks at the end, no line break at the end.
            b"\xef\xbb\xbfthe 0.1 0.2\r\n\r\nof 1 2\r\n",
            b"na\xefve 1 2\n 3 4\n",
            b"new york city 1 2\nthe 1 2 \nof 1 2",
        ] {
            let words = if content.starts_with(b"new") { 3 } else { 2 };
            assert_eq!(
                check(content).unwrap(),
                format!("{words} words, 2 numbers each"),
                "{}",
                String::from_utf8_lossy(content)
            );
        }
        assert_eq!(
            check("3 2\nthe 1 2\n").unwrap(),
            "1 words, 2 numbers each; the first line promises 3, the file may be cut off"
        );
    }

    #[test]
    fn what_holds_no_vectors_is_refused_with_its_line() {
        for (content, reason) in [
            (
                &b"the 0.1 0.2\nof 1\nand 1 2\n"[..],
                "line 2: found 2 fields, expected a word and 2 numbers",
            ),
            (b"2 3\nthe 1 2\nof 1 2\n", "line 1: found 3"),
            (b"the 0.1 x\n", "the first lines hold no vector"),
            (b"\n", "the first lines hold no vector"),
            (b"\x1f\x8b\x08 packed", "unpack it first"),
        ] {
            let error = check(content).unwrap_err();
            assert!(error.contains(reason), "{error}, expected {reason}");
        }
        let long = format!("the 1 2\n{}\n", "x".repeat(MAX_LINE as usize));
        let error = check(long).unwrap_err();
        assert!(error.starts_with("line 2: found more than"), "{error}");
    }
}
