//! Texts that come more than once in a file: duplicates, contradictions, and tests whose answer is in the training part.
//!
//! Of each text 40 bytes are held.

use std::hash::BuildHasher as _;

use arborist_shared::LabelIndex;
use arborist_shared::api::corpora::{CorpusChecks, Repeat};
use arborist_shared::corpus::text_hash;
use arborist_shared::split::Split;
use rustc_hash::{FxBuildHasher, FxHashMap};

const EXAMPLES: usize = 20;
const EXCERPT: usize = 160;

/// The texts so far, and what was noticed.
#[derive(Debug, Default)]
pub(super) struct Texts {
    seen: FxHashMap<u128, First>,
    pub(super) checks: CorpusChecks,
}

/// The first row with a text.
#[derive(Clone, Copy, Debug)]
struct First {
    line: u32,
    split: Split,
    /// Hash of its labels; none = not annotated.
    labels: Option<u64>,
}

impl Texts {
    /// Notes a text; answers the line that had it before.
    pub(super) fn see(
        &mut self,
        line: u64,
        text: &str,
        labels: Option<&[LabelIndex]>,
        split: Split,
    ) -> Option<u32> {
        if text.trim().is_empty() {
            self.checks.n_empty += 1;
            return None;
        }
        let labels = labels.map(|labels| FxBuildHasher.hash_one(labels));
        let hash = u128::from_str_radix(text_hash(text).get(..32).unwrap_or_default(), 16);
        // The hash is written in hexadecimal.
        let hash = hash.unwrap_or_default();
        let row = First {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            split,
            labels,
        };
        let first = *self.seen.entry(hash).or_insert(row);
        if first.line == row.line {
            return None;
        }
        let contradicts = match (first.labels, row.labels) {
            (Some(a), Some(b)) => a != b,
            _ => false,
        };
        let leaks = first.split != split;
        let repeats = &mut self.checks.repeats;
        repeats.n_duplicates += 1;
        repeats.n_contradictions += u64::from(contradicts);
        repeats.n_leaks += u64::from(leaks);
        if repeats.examples.len() < EXAMPLES {
            repeats.examples.push(Repeat {
                line,
                first: u64::from(first.line),
                contradicts,
                leaks,
                text: text.chars().take(EXCERPT).collect(),
            });
        }
        Some(first.line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_texts_are_noticed() {
        let mut texts = Texts::default();
        assert_eq!(texts.see(1, "an owl", Some(&[1]), Split::Train), None);
        assert_eq!(texts.see(2, "a fish", Some(&[2]), Split::Train), None);
        assert_eq!(texts.see(3, " an  owl ", Some(&[1]), Split::Train), Some(1));
        assert_eq!(texts.see(4, "an owl", Some(&[2]), Split::Test), Some(1));
        assert_eq!(texts.see(5, "a fish", None, Split::Train), Some(2));
        assert_eq!(texts.see(6, "", None, Split::Train), None);
        assert_eq!(texts.see(7, " ", None, Split::Train), None);
        let checks = texts.checks;
        assert_eq!(checks.n_empty, 2);
        let repeats = checks.repeats;
        assert_eq!(
            (
                repeats.n_duplicates,
                repeats.n_contradictions,
                repeats.n_leaks
            ),
            (3, 1, 1)
        );
        assert_eq!(
            (repeats.examples[1].line, repeats.examples[1].first),
            (4, 1)
        );
    }
}
