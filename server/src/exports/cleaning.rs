//! How the authors' scripts cut English texts into words, to the letter, oddities included.
//!
//! For files that the authors' code reads. Our own methods have their own rules, which mend what is odd here.

use arborist_shared::stop_words::is_stop_word;

/// A rule that cuts a text into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleaning {
    /// The rule for Web of Science: letters and digits, punctuation parts words, words of one character go.
    Wos,
    /// The rule for the New York Times: letters only; commas, full stops and question marks vanish without a gap.
    Nyt,
    /// Words are what white space parts, and all of them stay as they are.
    Blanks,
}

/// Endings that are parted from their word, in lower case only.
const CLITICS: [&[u8]; 6] = [b"'s", b"'ve", b"n't", b"'re", b"'d", b"'ll"];

impl Cleaning {
    /// The words of a text.
    #[must_use]
    pub fn words(self, text: &str) -> Vec<String> {
        match self {
            Self::Blanks => text.split_whitespace().map(str::to_owned).collect(),
            Self::Wos => cut(&self.keep(text), 2),
            Self::Nyt => cut(&self.keep(text), 1),
        }
    }

    /// The characters that stay, blanks for those that part words.
    fn keep(self, text: &str) -> Vec<u8> {
        let mut kept = Vec::with_capacity(text.len());
        for character in text.trim().trim_matches('"').chars() {
            match character {
                'a'..='z' | 'A'..='Z' | '\'' | '`' => kept.push(character as u8),
                '0'..='9' if self == Self::Wos => kept.push(character as u8),
                ',' | '.' | '?' if self == Self::Nyt => {}
                _ => kept.push(b' '),
            }
        }
        kept
    }
}

/// Cuts at blanks and before clitics; stop words and words that are too short go.
fn cut(kept: &[u8], shortest: usize) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut end = |word: &mut String| {
        if word.len() >= shortest && !is_stop_word(word) {
            words.push(std::mem::take(word));
        }
        word.clear();
    };
    for (place, &byte) in kept.iter().enumerate() {
        let rest = &kept[place..];
        if byte == b' ' || CLITICS.iter().any(|clitic| rest.starts_with(clitic)) {
            end(&mut word);
        }
        if byte != b' ' {
            word.push(char::from(byte.to_ascii_lowercase()));
        }
    }
    end(&mut word);
    words
}

#[cfg(test)]
mod tests {
    //! Expected words were computed with the regular expressions of the authors' scripts, before stop words and short
    //! words go; those are marked by hand.

    use super::*;

    #[track_caller]
    fn check(text: &str, wos: &[&str], nyt: &[&str]) {
        assert_eq!(Cleaning::Wos.words(text), wos, "wos");
        assert_eq!(Cleaning::Nyt.words(text), nyt, "nyt");
    }

    #[test]
    fn words_are_those_of_the_scripts() {
        check(
            "\"It's 3 o'clock, isn't it?\"",
            &["'s", "o'clock", "n't"],
            &["'s", "o'clock", "n't"],
        );
        check(
            "We'll say: they've co-operated (twice).",
            &["'ll", "say", "'ve", "co", "operated", "twice"],
            &["'ll", "say", "'ve", "co", "operated", "twice"],
        );
        check("Größe x²y", &["gr"], &["gr", "e", "x"]);
        check(" \"\" ", &[], &[]);
    }

    /// Capitals keep their clitics, quotes stay on words, and the New York Times glues what a full stop parted.
    #[test]
    fn oddities_are_kept() {
        check(
            "IT'S 2.5 `quoted' U.S. e.g.this D'Arcy o'dell, can.'t",
            &["`quoted'", "d'arcy", "'dell", "'t"],
            &["`quoted'", "us", "egthis", "d'arcy", "'dell", "ca", "n't"],
        );
        check(
            "n't's'd''ll ''s",
            &["n't", "'s", "'d'", "'ll", "'s"],
            &["n't", "'s", "'d'", "'ll", "'", "'s"],
        );
    }

    #[test]
    fn texts_that_are_cut_already_stay_so() {
        let words = Cleaning::Blanks.words(" The  PCB-153,\nn't ");
        assert_eq!(words, ["The", "PCB-153,", "n't"]);
    }
}
