//! How a text is cut into lower-cased words.

use arborist_shared::stop_words::is_stop_word;
use serde::{Deserialize, Serialize};

/// A rule that cuts texts into words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cleaning {
    /// Letters and digits of any script make words; everything else parts them, but an apostrophe within a word.
    #[default]
    Words,
    /// The authors' rule for English: ASCII letters, clitics detached, everything else blank (METHODS 1.2).
    English,
    /// The same with digits.
    EnglishDigits,
    /// Words are what white space parts, as they are but in lower case: for texts that are already cut.
    Blanks,
}

/// Which words are dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopWords {
    /// The 179 English stop words of NLTK.
    #[default]
    English,
    Keep,
}

impl StopWords {
    pub(super) fn drop(self, word: &str) -> bool {
        self == Self::English && is_stop_word(word)
    }
}

/// Endings that the authors' rule detaches.
const CLITICS: [&str; 6] = ["'s", "'ve", "n't", "'re", "'d", "'ll"];

impl Cleaning {
    /// Calls `visit` with each word until it returns false.
    pub(super) fn for_each_word(self, text: &str, visit: impl FnMut(&str) -> bool) {
        match self {
            Self::Words => words(text, visit),
            Self::English => english(text, |character| character.is_ascii_alphabetic(), visit),
            Self::EnglishDigits => {
                english(text, |character| character.is_ascii_alphanumeric(), visit)
            }
            Self::Blanks => blanks(text, visit),
        }
    }
}

fn blanks(text: &str, mut visit: impl FnMut(&str) -> bool) {
    let mut word = String::new();
    for part in text.split_whitespace() {
        lower_case(part, &mut word);
        if !visit(&word) {
            return;
        }
    }
}

fn words(text: &str, mut visit: impl FnMut(&str) -> bool) {
    let mut word = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(char::is_alphanumeric) {
        rest = &rest[start..];
        let mut end = rest.len();
        let mut characters = rest.char_indices().peekable();
        while let Some((place, character)) = characters.next() {
            let next_is_letter = characters
                .peek()
                .is_some_and(|(_, next)| next.is_alphanumeric());
            let belongs = character.is_alphanumeric()
                || is_mark(character)
                || (matches!(character, '\'' | '’') && next_is_letter);
            if !belongs {
                end = place;
                break;
            }
        }
        lower_case(&rest[..end], &mut word);
        if word.contains('’') {
            word = word.replace('’', "'");
        }
        if !visit(&word) {
            return;
        }
        rest = &rest[end..];
    }
}

/// Combining marks, which are no letters by themselves and belong to the letter before.
fn is_mark(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}' | '\u{64b}'..='\u{65f}'
        | '\u{93a}'..='\u{94f}' | '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}' | '\u{200d}')
}

fn english(text: &str, is_letter: impl Fn(char) -> bool, mut visit: impl FnMut(&str) -> bool) {
    let text = text.trim().trim_matches('"');
    let keep = |character: char| is_letter(character) || matches!(character, '\'' | '`');
    for part in text
        .split(|character| !keep(character))
        .filter(|part| !part.is_empty())
    {
        let part = part.to_ascii_lowercase();
        if !detach(&part, &mut visit) {
            return;
        }
    }
}

/// Visits the pieces of a word with its clitics detached. Quotes around a piece go, the apostrophe of a clitic stays.
fn detach(part: &str, visit: &mut impl FnMut(&str) -> bool) -> bool {
    let mut rest = part;
    loop {
        let cut = CLITICS
            .iter()
            .filter_map(|clitic| rest.find(clitic).map(|place| (place, clitic.len())))
            .min();
        let Some((place, length)) = cut else {
            return piece(rest, visit);
        };
        if !piece(&rest[..place], visit) || !visit(&rest[place..place + length]) {
            return false;
        }
        rest = &rest[place + length..];
    }
}

fn piece(piece: &str, visit: &mut impl FnMut(&str) -> bool) -> bool {
    let piece = piece.trim_matches(['\'', '`']);
    piece.is_empty() || visit(piece)
}

/// Writes `from` in lower case over `to`, character by character.
pub(super) fn lower_case(from: &str, to: &mut String) {
    to.clear();
    if from.is_ascii() {
        to.push_str(from);
        to.make_ascii_lowercase();
    } else {
        to.extend(from.chars().flat_map(char::to_lowercase));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cleaning: Cleaning, text: &str, expected: &[&str]) {
        let mut words = Vec::new();
        cleaning.for_each_word(text, |word| {
            words.push(word.to_owned());
            true
        });
        assert_eq!(words, expected);
    }

    #[test]
    fn the_authors_rule_detaches_clitics_and_blanks_the_rest() {
        check(
            Cleaning::English,
            "\"It's 3 o'clock, isn't it?\"",
            &["it", "'s", "o'clock", "is", "n't", "it"],
        );
        check(
            Cleaning::English,
            "We'll say: they've co-operated (twice).",
            &["we", "'ll", "say", "they", "'ve", "co", "operated", "twice"],
        );
        check(
            Cleaning::English,
            "PCB-153 Düsseldorf",
            &["pcb", "d", "sseldorf"],
        );
        check(Cleaning::EnglishDigits, "PCB-153", &["pcb", "153"]);
    }

    #[test]
    fn words_of_any_script_are_words() {
        check(
            Cleaning::Words,
            "Düsseldorf’s 2nd UNESCO–Straße, x_y",
            &["düsseldorf's", "2nd", "unesco", "straße", "x", "y"],
        );
        check(
            Cleaning::Words,
            "目标 שלום مرحبا e\u{301}tude",
            &["目标", "שלום", "مرحبا", "e\u{301}tude"],
        );
        check(
            Cleaning::Words,
            "'quoted' rock'n'roll '",
            &["quoted", "rock'n'roll"],
        );
        check(Cleaning::Words, "\u{0}\n…", &[]);
    }

    #[test]
    fn texts_that_are_cut_already_stay_so() {
        check(
            Cleaning::Blanks,
            " A  ( PCBs ) n't\n",
            &["a", "(", "pcbs", ")", "n't"],
        );
    }
}
