//! Several JSONL files as one corpus: each row gets the split of its file.
//!
//! Works on pieces of any size, so that files of gigabytes never stand in memory.

use arborist_shared::split::Split;

/// The split that a file name speaks of: `train.jsonl`, `corpus-val.json`, `dev.jsonl`.
pub fn split_of_name(name: &str) -> Option<Split> {
    let name = name.to_lowercase();
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    words.find_map(|word| match word {
        "train" | "training" => Some(Split::Train),
        "val" | "valid" | "validation" | "dev" => Some(Split::Validation),
        "test" | "testing" => Some(Split::Test),
        _ => None,
    })
}

enum At {
    /// Before the first byte of a row that is not white space.
    Start,
    /// Just after the opening brace: the next byte tells whether a comma is due.
    Brace,
    Inside,
}

/// Writes `"split":"…"` as the first field of every row.
pub struct Marker {
    field: Option<String>,
    at: At,
    first: bool,
    ends_with_newline: bool,
}

impl Marker {
    /// Without a split, rows pass as they are; only line ends are seen to.
    pub fn new(split: Option<Split>) -> Self {
        let field = split.map(|split| format!("\"split\":\"{}\"", crate::api::split_word(split)));
        Self {
            field,
            at: At::Start,
            first: true,
            ends_with_newline: true,
        }
    }

    /// The next piece of the file.
    pub fn feed(&mut self, mut piece: &[u8]) -> Vec<u8> {
        if std::mem::take(&mut self.first) {
            // A mark of byte order in the middle of the joined file would break its row.
            piece = piece.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(piece);
        }
        let mut out = Vec::with_capacity(piece.len() + piece.len() / 8);
        for &byte in piece {
            match (&self.at, byte) {
                (_, b'\n') => {
                    self.at = At::Start;
                    out.push(byte);
                }
                (At::Start, b' ' | b'\t' | b'\r') | (At::Brace, b' ' | b'\t') => out.push(byte),
                (At::Start, b'{') => {
                    out.push(byte);
                    match &self.field {
                        Some(field) => {
                            out.extend_from_slice(field.as_bytes());
                            self.at = At::Brace;
                        }
                        None => self.at = At::Inside,
                    }
                }
                (At::Brace, _) => {
                    if byte != b'}' {
                        out.push(b',');
                    }
                    out.push(byte);
                    self.at = At::Inside;
                }
                (At::Start | At::Inside, _) => {
                    out.push(byte);
                    self.at = At::Inside;
                }
            }
        }
        if let Some(last) = out.last() {
            self.ends_with_newline = *last == b'\n';
        }
        out
    }

    /// What is due between this file and the next.
    pub fn end(&self) -> &'static [u8] {
        if self.ends_with_newline { b"" } else { b"\n" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(split: Option<Split>, pieces: &[&str]) -> String {
        let mut marker = Marker::new(split);
        let mut out = Vec::new();
        for piece in pieces {
            out.extend(marker.feed(piece.as_bytes()));
        }
        out.extend_from_slice(marker.end());
        String::from_utf8(out).expect("text stays text")
    }

    #[test]
    fn rows_get_the_split_wherever_pieces_are_cut() {
        let text = "{\"text\":\"a { b\"}\n {\"text\":\"\\n\"}\n{}\n\nnonsense\n{\"x\":{\"y\":1}}";
        let whole = mark(Some(Split::Validation), &[text]);
        assert_eq!(
            whole,
            "{\"split\":\"validation\",\"text\":\"a { b\"}\n {\"split\":\"validation\",\"text\":\"\\n\"}\n{\"split\":\"validation\"}\n\nnonsense\n{\"split\":\"validation\",\"x\":{\"y\":1}}\n"
        );
        for cut in 0..=text.len() {
            assert_eq!(
                mark(Some(Split::Validation), &[&text[..cut], &text[cut..]]),
                whole
            );
        }
    }

    #[test]
    fn byte_order_marks_go_and_line_ends_come() {
        assert_eq!(
            mark(None, &["\u{feff}{\"text\":\"ä\"}"]),
            "{\"text\":\"ä\"}\n"
        );
        assert_eq!(mark(None, &[""]), "");
    }

    #[test]
    fn names_tell_the_split() {
        assert_eq!(split_of_name("train.jsonl"), Some(Split::Train));
        assert_eq!(split_of_name("rcv1_val.json"), Some(Split::Validation));
        assert_eq!(split_of_name("News-DEV.jsonl"), Some(Split::Validation));
        assert_eq!(split_of_name("test.jsonl"), Some(Split::Test));
        assert_eq!(split_of_name("latest.jsonl"), None);
        assert_eq!(split_of_name("corpus.jsonl"), None);
    }
}
