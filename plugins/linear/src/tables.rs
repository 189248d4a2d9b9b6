//! Hash tables for what happens per word of every text: words to numbers, and pairs of numbers to numbers.
//!
//! Open addressing with linear probing; nothing is ever removed. Numbers are given in order of first insertion, so
//! that they depend on the texts alone.

use std::hash::Hasher;

use rustc_hash::FxHasher;

/// No entry.
pub(crate) const NONE: u32 = u32::MAX;

/// Words, numbered in order of insertion.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    text: String,
    /// Word `i` ends here in `text`.
    ends: Vec<u32>,
    /// Upper half of the hash, and the word's number; the number is [`NONE`] where the slot is free.
    slots: Vec<(u32, u32)>,
}

impl Words {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The word with this number.
    pub(crate) fn word(&self, number: u32) -> &str {
        let number = number as usize;
        let start = if number == 0 {
            0
        } else {
            self.ends[number - 1] as usize
        };
        &self.text[start..self.ends[number] as usize]
    }

    /// The number of a word, if it is there.
    pub(crate) fn find(&self, word: &str) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let hash = hash_word(word);
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let (tag, number) = self.slots[slot];
            if number == NONE {
                return None;
            }
            if tag == (hash >> 32) as u32 && self.word(number) == word {
                return Some(number);
            }
            slot = (slot + 1) & mask;
        }
    }

    /// The number of a word, which is added where it is new. None when 4 GB of words are there.
    pub(crate) fn add(&mut self, word: &str) -> Option<u32> {
        if (self.len() + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let hash = hash_word(word);
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let (tag, number) = self.slots[slot];
            if number == NONE {
                let end = u32::try_from(self.text.len() + word.len()).ok()?;
                let number = u32::try_from(self.len()).ok()?;
                self.text.push_str(word);
                self.ends.push(end);
                self.slots[slot] = ((hash >> 32) as u32, number);
                return Some(number);
            }
            if tag == (hash >> 32) as u32 && self.word(number) == word {
                return Some(number);
            }
            slot = (slot + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(64);
        self.slots = vec![(0, NONE); size];
        for number in 0..self.len() as u32 {
            let hash = hash_word(self.word(number));
            let mut slot = hash as usize & (size - 1);
            while self.slots[slot].1 != NONE {
                slot = (slot + 1) & (size - 1);
            }
            self.slots[slot] = ((hash >> 32) as u32, number);
        }
    }
}

fn hash_word(word: &str) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(word.as_bytes());
    mix(hasher.finish())
}

/// Spreads all bits over all bits.
pub(crate) fn mix(mut bits: u64) -> u64 {
    bits ^= bits >> 32;
    bits = bits.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits ^ (bits >> 29)
}

/// A pair of numbers as one.
pub(crate) fn pair(first: u32, second: u32) -> u64 {
    u64::from(first) << 32 | u64::from(second)
}

/// A fixed map from pairs of numbers to numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pairs {
    slots: Vec<(u64, u32)>,
}

impl Pairs {
    /// A map of these entries; every key at most once.
    pub(crate) fn new(entries: impl ExactSizeIterator<Item = (u64, u32)>) -> Self {
        let size = (entries.len() * 2).next_power_of_two().max(2);
        let mut slots = vec![(0, NONE); size];
        for (key, value) in entries {
            let mut slot = mix(key) as usize & (size - 1);
            while slots[slot].1 != NONE {
                slot = (slot + 1) & (size - 1);
            }
            slots[slot] = (key, value);
        }
        Self { slots }
    }

    /// The value of a key, or [`NONE`].
    #[inline]
    pub(crate) fn find(&self, key: u64) -> u32 {
        if self.slots.is_empty() {
            return NONE;
        }
        let mask = self.slots.len() - 1;
        let mut slot = mix(key) as usize & mask;
        loop {
            let (found, value) = self.slots[slot];
            if value == NONE || found == key {
                return value;
            }
            slot = (slot + 1) & mask;
        }
    }
}

/// How often, and in how many documents, each of many keys occurs. Documents come one after the other.
#[derive(Debug)]
pub(crate) struct Counter {
    slots: Vec<Count>,
    len: usize,
}

/// What is known of a key.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    pub(crate) key: u64,
    /// Occurrences; 0 where the slot is free.
    pub(crate) occurrences: u32,
    pub(crate) documents: u32,
    last_document: u32,
}

impl Counter {
    pub(crate) fn new(expected: usize) -> Self {
        Self {
            slots: vec![Count::default(); (expected * 2).next_power_of_two().max(64)],
            len: 0,
        }
    }

    pub(crate) fn count(&mut self, key: u64, hash: u64, document: u32) {
        if (self.len + 1) * 8 > self.slots.len() * 5 {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let count = &mut self.slots[slot];
            if count.occurrences == 0 {
                *count = Count {
                    key,
                    occurrences: 1,
                    documents: 1,
                    last_document: document,
                };
                self.len += 1;
                return;
            }
            if count.key == key {
                count.occurrences = count.occurrences.saturating_add(1);
                if count.last_document != document {
                    count.last_document = document;
                    count.documents += 1;
                }
                return;
            }
            slot = (slot + 1) & mask;
        }
    }

    /// All keys in at least `min_documents` documents, in no particular order.
    pub(crate) fn into_frequent(self, min_documents: u32) -> Vec<Count> {
        self.slots
            .into_iter()
            .filter(|count| count.occurrences > 0 && count.documents >= min_documents)
            .collect()
    }

    fn grow(&mut self) {
        let size = self.slots.len() * 2;
        let old = std::mem::replace(&mut self.slots, vec![Count::default(); size]);
        for count in old {
            if count.occurrences > 0 {
                let mut slot = mix(count.key) as usize & (size - 1);
                while self.slots[slot].occurrences > 0 {
                    slot = (slot + 1) & (size - 1);
                }
                self.slots[slot] = count;
            }
        }
    }
}
