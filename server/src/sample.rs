//! The sample project: a taxonomy and a corpus that explain the product before anybody uploads anything.
//!
//! The texts are short reports of an invented local newspaper. A seeded generator draws them from hand-written
//! sentences (`sample/bank.txt`), so that they can be read, are nobody's property, and are the same everywhere.
//! This module only makes the two files and asks for their import; the rest is the work of other rooms.

pub mod routes;

use std::collections::HashSet;
use std::fmt::Write as _;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::json;

/// Name that the sample project is given.
pub const PROJECT_NAME: &str = "Sample: local news";
/// Documents in the sample corpus.
pub const DOCUMENTS: usize = 3_000;
/// Seed of the sample corpus and of its splits.
pub const SEED: u64 = 2026;

const BANK: &str = include_str!("sample/bank.txt");
const FILLER: &str = include_str!("sample/filler.txt");

/// The two files of the sample project, as a user would upload them.
pub struct Sample {
    /// Canonical taxonomy JSON: `{"labels":[{"id","name","parents"}]}`.
    pub taxonomy: String,
    /// JSON lines: `{"id","text","labels"}`, label ids not closed upwards.
    pub corpus: String,
}

/// Writes the sample's taxonomy and `documents` documents; the same seed gives the same bytes.
#[must_use]
pub fn generate(documents: usize, seed: u64) -> Sample {
    let bank = Bank::parse(BANK, FILLER);
    let labels: Vec<_> = bank
        .labels
        .iter()
        .map(|label| {
            let parents: Vec<&str> = label
                .parent
                .iter()
                .map(|&parent| bank.labels[parent].id.as_str())
                .collect();
            json!({"id": label.id, "name": label.name, "parents": parents})
        })
        .collect();
    let mut writer = Writer {
        bank: &bank,
        random: ChaCha8Rng::seed_from_u64(seed),
    };
    let mut seen = HashSet::new();
    let mut corpus = String::new();
    while seen.len() < documents {
        let (text, labels) = writer.document();
        if !seen.insert(text.clone()) {
            continue;
        }
        let row = json!({"id": format!("news-{:05}", seen.len()), "text": text, "labels": labels});
        let _ = writeln!(corpus, "{row}");
    }
    Sample {
        taxonomy: json!({ "labels": labels }).to_string(),
        corpus,
    }
}

/// A label and the sentences that speak of it.
struct BankLabel {
    id: String,
    name: String,
    parent: Option<usize>,
    level: usize,
    sentences: Vec<&'static str>,
}

/// All labels and the sentences that speak of none.
struct Bank {
    labels: Vec<BankLabel>,
    leaves: Vec<usize>,
    inner: Vec<usize>,
    filler: Vec<&'static str>,
}

impl Bank {
    /// Reads the bank: `#` … `###` head a label of level 1 to 3, other lines are its sentences.
    fn parse(bank: &'static str, filler: &'static str) -> Self {
        let mut labels: Vec<BankLabel> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        for line in bank.lines() {
            let level = line.bytes().take_while(|&byte| byte == b'#').count();
            if level == 0 {
                if let Some(&label) = open.last() {
                    labels[label].sentences.push(line);
                }
                continue;
            }
            let (id, name) = line[level..]
                .split_once('=')
                .unwrap_or((&line[level..], &line[level..]));
            open.truncate(level - 1);
            let parent = open.last().copied();
            open.push(labels.len());
            labels.push(BankLabel {
                id: id.trim().into(),
                name: name.trim().into(),
                parent,
                level,
                sentences: Vec::new(),
            });
        }
        let at_level = |deepest: bool| {
            (0..labels.len())
                .filter(|&label| (labels[label].level == 3) == deepest)
                .collect::<Vec<_>>()
        };
        let (leaves, inner) = (at_level(true), at_level(false));
        let inner = inner
            .into_iter()
            .filter(|&label| labels[label].level == 2)
            .collect();
        Self {
            leaves,
            inner,
            filler: filler.lines().collect(),
            labels,
        }
    }
}

const TOWNS: &[&str] = &[
    "Aldermere",
    "Brackford",
    "Castle Hollin",
    "Dunwater",
    "Eastholme",
    "Fennick",
    "Greywick",
    "Harrow Bay",
    "Ilmstead",
    "Kirkbeck",
    "Lowmoor",
    "Marlbridge",
    "Northam",
    "Oxley",
    "Penhallow",
    "Quarry Bank",
    "Rivermouth",
    "Stonegate",
];
const STREETS: &[&str] = &[
    "Mill Street",
    "Station Road",
    "Market Square",
    "Abbey Lane",
    "Harbour Road",
    "Lime Avenue",
    "Tanner Street",
    "Bridge Street",
    "Orchard Road",
    "Castle Hill",
    "Weaver Lane",
    "School Street",
    "Gasworks Road",
    "Church Row",
];
const FIRST: &[&str] = &[
    "Anna", "Bela", "Carla", "David", "Elif", "Farid", "Greta", "Henrik", "Ines", "Jonas", "Katja",
    "Leo", "Mira", "Noah", "Olga", "Pavel", "Rosa", "Samir", "Tilda", "Viktor",
];
const LAST: &[&str] = &[
    "Abend",
    "Berger",
    "Castell",
    "Dorn",
    "Engels",
    "Fischer",
    "Grau",
    "Holm",
    "Ilic",
    "Jansen",
    "Keller",
    "Lindqvist",
    "Moreau",
    "Novak",
    "Okafor",
    "Petrov",
    "Quint",
    "Rossi",
    "Sander",
    "Thorne",
    "Ullman",
    "Vogt",
    "Weiss",
];
const FIRMS: &[&str] = &[
    "Halden Tools",
    "Weber and Sons",
    "Nordlicht Glass",
    "Brandt Logistics",
    "Kestrel Paper",
    "Ostara Foods",
    "Lumen Optics",
    "Feldmann Pumps",
    "Arden Textiles",
    "Corvus Software",
    "Rhea Packaging",
    "Tarn Chemicals",
];
const CLUBS: &[&str] = &[
    "United",
    "the Rovers",
    "the Wanderers",
    "Blue Star",
    "the Harriers",
    "Old Town Athletic",
];
const MONTHS: &[&str] = &[
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: &[&str] = &[
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// Draws documents.
struct Writer<'a> {
    bank: &'a Bank,
    random: ChaCha8Rng,
}

/// Names that stay the same throughout a document.
struct Cast {
    town: &'static str,
    street: &'static str,
    person: String,
    firm: &'static str,
    club: &'static str,
}

impl Writer<'_> {
    fn below(&mut self, n: usize) -> usize {
        (self.random.next_u64() % n as u64) as usize
    }

    fn chance(&mut self, per_cent: usize) -> bool {
        self.below(100) < per_cent
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// One report and the ids of its labels. Most have one or two topics, some three; every seventh stays general
    /// and carries a label of level 2 only, and some mention a neighbouring topic in passing without being about it.
    fn document(&mut self) -> (String, Vec<String>) {
        let cast = Cast {
            town: self.pick(TOWNS),
            street: self.pick(STREETS),
            person: format!("{} {}", self.pick(FIRST), self.pick(LAST)),
            firm: self.pick(FIRMS),
            club: self.pick(CLUBS),
        };
        let general = self.chance(14);
        let n_topics = match self.below(100) {
            0..52 => 1,
            52..88 => 2,
            _ => 3,
        };
        let mut topics: Vec<usize> = Vec::new();
        while topics.len() < n_topics {
            let topic = if general && topics.is_empty() {
                self.pick(&self.bank.inner)
            } else {
                self.skewed_leaf()
            };
            if !topics.contains(&topic) {
                topics.push(topic);
            }
        }
        let mut sentences: Vec<&'static str> = Vec::new();
        for &topic in &topics {
            let label = &self.bank.labels[topic];
            let parent = label.parent.map(|parent| &self.bank.labels[parent]);
            if label.level == 3 && self.chance(25) {
                // A report can open in general words.
                sentences.extend(parent.map(|parent| self.pick(&parent.sentences)));
            }
            let wanted = if label.level == 3 {
                1 + self.below(2)
            } else {
                2
            };
            for _ in 0..wanted {
                let sentence = self.pick(&label.sentences);
                if !sentences.contains(&sentence) {
                    sentences.push(sentence);
                }
            }
            if self.chance(20) {
                let top = parent.and_then(|parent| parent.parent).or(label.parent);
                sentences.extend(top.map(|top| self.pick(&self.bank.labels[top].sentences)));
            }
        }
        if self.chance(30) {
            let topic = self.pick(&topics);
            let siblings: Vec<usize> = self
                .siblings(topic)
                .filter(|sibling| !topics.contains(sibling))
                .collect();
            if !siblings.is_empty() {
                let sibling = self.pick(&siblings);
                sentences.push(self.pick(&self.bank.labels[sibling].sentences));
            }
        }
        for _ in 0..self.below(3) {
            let sentence = self.pick(&self.bank.filler);
            if !sentences.contains(&sentence) {
                sentences.push(sentence);
            }
        }
        let mut text = String::new();
        for sentence in sentences {
            if !text.is_empty() {
                text.push(' ');
            }
            let filled = self.fill(sentence, &cast);
            text.push_str(&filled);
        }
        topics.sort_unstable();
        (
            text,
            topics
                .into_iter()
                .map(|topic| self.bank.labels[topic].id.clone())
                .collect(),
        )
    }

    /// Topics beside this one under the same parent.
    fn siblings(&self, topic: usize) -> impl Iterator<Item = usize> + '_ {
        let parent = self.bank.labels[topic].parent;
        (0..self.bank.labels.len())
            .filter(move |&other| other != topic && self.bank.labels[other].parent == parent)
    }

    /// Some topics are in the paper every day and some once a month: half of the draws favour the front of the list.
    fn skewed_leaf(&mut self) -> usize {
        let n = self.bank.leaves.len();
        let a = self.below(n);
        let b = if self.chance(50) { self.below(n) } else { n };
        // Spread the frequent topics over the tree instead of favouring its beginning.
        self.bank.leaves[(a.min(b) * 17 + 5) % n]
    }

    /// Puts names and numbers into a sentence.
    fn fill(&mut self, sentence: &str, cast: &Cast) -> String {
        let mut filled = String::with_capacity(sentence.len() + 16);
        let mut rest = sentence;
        while let Some((before, after)) = rest.split_once('{') {
            let (slot, after) = after.split_once('}').unwrap_or((after, ""));
            filled.push_str(before);
            match slot {
                "town" => filled.push_str(cast.town),
                "street" => filled.push_str(cast.street),
                "person" => filled.push_str(&cast.person),
                "firm" => filled.push_str(cast.firm),
                "club" => filled.push_str(cast.club),
                "month" => filled.push_str(self.pick(MONTHS)),
                "day" => filled.push_str(self.pick(DAYS)),
                "n" => filled.push_str(&(4 + self.below(6)).to_string()),
                "pct" => filled.push_str(&(3 + self.below(46)).to_string()),
                "age" => filled.push_str(&(19 + self.below(62)).to_string()),
                "temp" => filled.push_str(&(31 + self.below(8)).to_string()),
                "number" => filled.push_str(&((3 + self.below(95)) * 10).to_string()),
                "big" => {
                    let _ = write!(
                        filled,
                        "{}.{} million",
                        1 + self.below(19),
                        1 + self.below(9)
                    );
                }
                other => unreachable!("the bank has no slot {other}"),
            }
            rest = after;
        }
        filled.push_str(rest);
        let capital = filled
            .chars()
            .next()
            .map(|first| first.to_uppercase().collect::<String>());
        if let Some(capital) = capital {
            let skip = filled.chars().next().map_or(0, char::len_utf8);
            filled.replace_range(..skip, &capital);
        }
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_promised_size_and_shape() {
        let sample = generate(DOCUMENTS, SEED);
        let taxonomy: serde_json::Value = serde_json::from_str(&sample.taxonomy).unwrap();
        assert_eq!(taxonomy["labels"].as_array().unwrap().len(), 67);
        let rows: Vec<serde_json::Value> = sample
            .corpus
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(rows.len(), DOCUMENTS);
        let multi = rows
            .iter()
            .filter(|row| row["labels"].as_array().unwrap().len() > 1)
            .count();
        assert!(
            (DOCUMENTS / 3..DOCUMENTS * 2 / 3).contains(&multi),
            "{multi} documents on several paths"
        );
        assert!(
            !sample.corpus.contains('{')
                || rows
                    .iter()
                    .all(|row| !row["text"].as_str().unwrap().contains('{'))
        );
    }

    #[test]
    fn every_label_has_documents_of_its_own() {
        let sample = generate(DOCUMENTS, SEED);
        let bank = Bank::parse(BANK, FILLER);
        for &leaf in &bank.leaves {
            let needle = format!("\"{}\"", bank.labels[leaf].id);
            let count = sample
                .corpus
                .lines()
                .filter(|line| line.contains(&needle))
                .count();
            assert!(
                count >= 10,
                "{} has {count} documents",
                bank.labels[leaf].id
            );
        }
    }

    #[test]
    fn is_the_same_for_the_same_seed() {
        assert_eq!(generate(50, 7).corpus, generate(50, 7).corpus);
        assert_ne!(generate(50, 7).corpus, generate(50, 8).corpus);
    }
}
