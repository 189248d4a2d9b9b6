//! What counts as a word.

use crate::tokens::for_each_word;

fn check(text: &str, expected: &[&str]) {
    let mut words = Vec::new();
    for_each_word(text, &mut String::new(), |word| words.push(word.to_owned()));
    assert_eq!(words, expected, "words of {text:?}");
}

#[test]
fn ascii_words_have_two_characters_and_are_lower_cased() {
    check(
        "The cat's 2 KITTENS, aged 10_a; x",
        &["the", "cat", "kittens", "aged", "10_a"],
    );
    check("", &[]);
    check("a b c . , !", &[]);
    check("end", &["end"]);
}

#[test]
fn letters_of_other_alphabets_count_and_lower_case_like_python() {
    check(
        "Ein Straßenköter in ΣΊΣΥΦΟΣ",
        &["ein", "straßenköter", "in", "σίσυφος"],
    );
    // Python lower-cases the whole text first, too: İ becomes an i and a combining dot, which is no letter.
    check("İstanbul", &["stanbul"]);
    check(
        "naïve—café\u{a0}übung №12",
        &["naïve", "café", "übung", "12"],
    );
}

#[test]
fn scripts_without_blanks_are_cut_into_characters() {
    check("税法 law と税", &["税", "法", "law", "と", "税"]);
    check("세금 법률", &["세금", "법률"]);
}
