//! Cuts a text into words as scikit-learn's vectorizers do: lower case, runs of at least two letters, digits or underscores.
//!
//! One deviation, for scripts written without blanks: every Chinese or Japanese character is a word of its own, so
//! that n-grams of words become n-grams of characters there.

/// Calls `word` with every word of the text, in order. `buffer` holds the lower-cased text and is reused between calls.
pub(crate) fn for_each_word(text: &str, buffer: &mut String, mut word: impl FnMut(&str)) {
    buffer.clear();
    if text.is_ascii() {
        buffer.push_str(text);
        buffer.make_ascii_lowercase();
    } else {
        // Lower-casing as a whole first: it can change the length, and a final sigma depends on its neighbours.
        buffer.push_str(&text.to_lowercase());
    }
    let text = buffer.as_str();
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut start = None;
    let mut n_characters = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        let (kind, width) = if byte < 128 {
            (ASCII[byte as usize], 1)
        } else {
            let character = text[at..].chars().next().unwrap_or(' ');
            (kind(character), character.len_utf8())
        };
        match kind {
            Kind::Word => {
                if start.is_none() {
                    start = Some(at);
                    n_characters = 0;
                }
                n_characters += 1;
            }
            Kind::Gap | Kind::Alone => {
                if let Some(start) = start.take()
                    && n_characters > 1
                {
                    word(&text[start..at]);
                }
                if kind == Kind::Alone {
                    word(&text[at..at + width]);
                }
            }
        }
        at += width;
    }
    if let Some(start) = start
        && n_characters > 1
    {
        word(&text[start..]);
    }
}

/// The same words with their places in the text as it was given: `word(word, start, end)`.
///
/// Words are found before they are lower-cased here, which differs for the few letters whose small form is two characters.
pub(crate) fn for_each_place(text: &str, mut word: impl FnMut(&str, usize, usize)) {
    let mut start = None;
    let mut n_characters = 0;
    let end = std::iter::once((text.len(), ' '));
    for (at, character) in text.char_indices().chain(end) {
        let kind = kind(character);
        if kind == Kind::Word {
            start.get_or_insert(at);
            n_characters += 1;
            continue;
        }
        if let Some(start) = start.take()
            && n_characters > 1
        {
            word(&text[start..at].to_lowercase(), start, at);
        }
        n_characters = 0;
        if kind == Kind::Alone {
            word(
                &text[at..at + character.len_utf8()],
                at,
                at + character.len_utf8(),
            );
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Between words.
    Gap,
    /// Part of a word.
    Word,
    /// A word of its own.
    Alone,
}

const ASCII: [Kind; 128] = {
    let mut kinds = [Kind::Gap; 128];
    let mut byte = 0;
    while byte < 128 {
        if (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_' {
            kinds[byte] = Kind::Word;
        }
        byte += 1;
    }
    kinds
};

fn kind(character: char) -> Kind {
    if is_written_without_blanks(character) {
        Kind::Alone
    } else if character.is_alphanumeric() {
        Kind::Word
    } else {
        Kind::Gap
    }
}

/// Han, Hiragana and Katakana.
fn is_written_without_blanks(character: char) -> bool {
    matches!(character as u32,
        0x3041..=0x3096 | 0x309D..=0x309F | 0x30A1..=0x30FA | 0x30FC..=0x30FF | 0x31F0..=0x31FF
        | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0xFF66..=0xFF9D | 0x20000..=0x3FFFF)
}
