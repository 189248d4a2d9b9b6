//! Word vectors in the text format of `GloVe`, fastText and word2vec (METHODS 1.4).

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use crate::error::KitError;

/// A file of word vectors: a word and its numbers a line. It is read as a stream, as often as needed.
#[derive(Clone, Debug)]
pub struct WordVectors {
    path: PathBuf,
    width: usize,
    has_header: bool,
}

impl WordVectors {
    /// Opens a file and finds the width of its vectors.
    ///
    /// # Errors
    /// When the file cannot be read or its first vector is none.
    pub fn open(path: &Path) -> Result<Self, KitError> {
        let mut reader = reader(path)?;
        let mut line = String::new();
        read_line(&mut reader, &mut line, path, 1)?;
        // "400000 300": number of words and width.
        let has_header = line.split_whitespace().count() == 2
            && line
                .split_whitespace()
                .all(|field| field.parse::<u64>().is_ok());
        if has_header {
            line.clear();
            read_line(&mut reader, &mut line, path, 2)?;
        }
        // A word may hold blanks, so the numbers are counted from the end.
        let numbers = line
            .split_whitespace()
            .rev()
            .take_while(|field| field.parse::<f32>().is_ok())
            .count();
        let width = numbers.min(line.split_whitespace().count().saturating_sub(1));
        if width == 0 {
            return Err(KitError::broken(
                path,
                "the first line holds no vector; expected a word and numbers, parted by blanks",
            ));
        }
        Ok(Self {
            path: path.to_owned(),
            width,
            has_header,
        })
    }

    /// Length of a vector.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Calls `visit` with each word, lower-cased as texts are, and its vector.
    ///
    /// # Errors
    /// When the file cannot be read, or a line holds no vector of the file's width.
    pub fn for_each(&self, mut visit: impl FnMut(&str, &[f32])) -> Result<(), KitError> {
        self.for_each_line(|word, numbers, line| {
            let mut vector = Vec::with_capacity(self.width);
            for number in numbers.split_whitespace() {
                let value = number.parse::<f32>().map_err(|_| {
                    KitError::broken(
                        &self.path,
                        format!("line {line}: found {number:?}, expected a number"),
                    )
                })?;
                vector.push(value);
            }
            visit(word, &vector);
            Ok(())
        })
    }

    /// Calls `visit` with each word, without reading its numbers.
    ///
    /// # Errors
    /// As [`WordVectors::for_each`].
    pub fn for_each_word(&self, mut visit: impl FnMut(&str)) -> Result<(), KitError> {
        self.for_each_line(|word, _, _| {
            visit(word);
            Ok(())
        })
    }

    fn for_each_line(
        &self,
        mut visit: impl FnMut(&str, &str, u64) -> Result<(), KitError>,
    ) -> Result<(), KitError> {
        let mut reader = reader(&self.path)?;
        let mut line = String::new();
        let mut number = 0;
        loop {
            line.clear();
            number += 1;
            if read_line(&mut reader, &mut line, &self.path, number)? == 0 {
                return Ok(());
            }
            let content = line.trim_end();
            if content.is_empty() || (number == 1 && self.has_header) {
                continue;
            }
            let mut start = content.len();
            for _ in 0..self.width {
                let found = content[..start]
                    .trim_end()
                    .rfind(|character: char| character.is_ascii_whitespace());
                let place = found.ok_or_else(|| {
                    KitError::broken(
                        &self.path,
                        format!(
                            "line {number}: fewer than {} numbers after the word",
                            self.width
                        ),
                    )
                })?;
                start = place;
            }
            let word = content[..start].trim().to_lowercase();
            visit(&word, &content[start..], number)?;
        }
    }
}

fn reader(path: &Path) -> Result<BufReader<File>, KitError> {
    Ok(BufReader::with_capacity(
        1 << 18,
        File::open(path).map_err(KitError::file("read", path))?,
    ))
}

fn read_line(
    reader: &mut BufReader<File>,
    line: &mut String,
    path: &Path,
    number: u64,
) -> Result<usize, KitError> {
    let mut bytes = Vec::new();
    let n_bytes = reader
        .read_until(b'\n', &mut bytes)
        .map_err(KitError::file("read", path))?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|error| KitError::broken(path, format!("line {number}: {error}")))?;
    line.push_str(text);
    Ok(n_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str) -> Result<Vec<(String, Vec<f32>)>, KitError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        let vectors = WordVectors::open(file.path())?;
        let mut all = Vec::new();
        vectors.for_each(|word, vector| all.push((word.to_owned(), vector.to_vec())))?;
        Ok(all)
    }

    #[test]
    fn words_and_numbers_are_read() {
        let expected = vec![
            ("the".to_owned(), vec![0.5, -1.0]),
            ("tree".to_owned(), vec![1.0, 2e-3]),
        ];
        assert_eq!(read("the 0.5 -1\nTree 1 2e-3\n").unwrap(), expected);
        assert_eq!(
            read("2 2\nthe 0.5 -1 \ntree 1 2e-3").unwrap(),
            expected,
            "a header of two fields is skipped"
        );
    }

    #[test]
    fn a_word_may_hold_blanks() {
        let all = read("the 1 2 3\n. . 4 5 6\nat name@domain 7 8 9\n").unwrap();
        assert_eq!(all[1], (". .".to_owned(), vec![4.0, 5.0, 6.0]));
        assert_eq!(all[2].0, "at name@domain");
    }

    #[test]
    fn broken_lines_are_named() {
        let message = |content| read(content).unwrap_err().to_string();
        assert!(
            message("the 1 2\ntree 1\n").contains("line 2"),
            "{}",
            message("the 1 2\ntree 1\n")
        );
        assert!(message("the 1 2\ntree 1 x\n").contains("expected a number"));
        assert!(message("words only\n").contains("no vector"));
        assert!(message("").contains("no vector"));
    }
}
