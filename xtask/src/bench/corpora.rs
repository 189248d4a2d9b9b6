//! What benchmarks read: the real corpora where they are, and generated ones of any size.
//!
//! Generated texts are words drawn by Zipf's law by a fixed generator, so that everybody
//! measures the same bytes. They say nothing; only their lengths and their vocabulary count.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// A corpus as `arborist train` takes it.
#[derive(Clone, Debug)]
pub(super) struct Corpus {
    pub(super) train: PathBuf,
    pub(super) validation: PathBuf,
    pub(super) test: PathBuf,
    pub(super) taxonomy: PathBuf,
}

/// One of the corpora that `ARBORIST_CORPORA` holds.
pub(super) fn real(name: &str) -> Result<Corpus> {
    let Some(root) = std::env::var_os("ARBORIST_CORPORA") else {
        bail!(
            "ARBORIST_CORPORA is not set, and this benchmark is about the corpus {name}; set it to the folder with the corpora"
        );
    };
    let folder = PathBuf::from(root).join(name);
    anyhow::ensure!(folder.is_dir(), "{} does not exist", folder.display());
    Ok(Corpus {
        train: folder.join("train.jsonl"),
        validation: folder.join("val.jsonl"),
        test: folder.join("test.jsonl"),
        taxonomy: folder.join("taxonomy.tsv"),
    })
}

/// Writes the rows of `from` so many times over, each with an id of its own; returns the number of rows.
pub(super) fn repeat(from: &Path, times: usize, to: &Path) -> Result<usize> {
    let file = File::open(from).with_context(|| format!("cannot read {}", from.display()))?;
    let rows: Vec<String> = BufReader::new(file)
        .lines()
        .collect::<std::io::Result<_>>()?;
    let mut out = writer(to)?;
    for (number, row) in rows.iter().cycle().take(rows.len() * times).enumerate() {
        let mut row: Value = serde_json::from_str(row)
            .with_context(|| format!("{} is not JSON lines", from.display()))?;
        row["id"] = json!(format!("r{number}"));
        writeln!(out, "{row}")?;
    }
    out.flush()?;
    Ok(rows.len() * times)
}

/// Writes every so many-th row of `from`, at most so many.
pub(super) fn excerpt(from: &Path, every: usize, count: usize, to: &Path) -> Result<()> {
    let file = File::open(from).with_context(|| format!("cannot read {}", from.display()))?;
    let mut out = writer(to)?;
    for row in BufReader::new(file).lines().step_by(every).take(count) {
        writeln!(out, "{}", row?)?;
    }
    Ok(out.flush()?)
}

/// Number of lines of a file.
pub(super) fn count(path: &Path) -> Result<usize> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(BufReader::new(file).lines().count())
}

/// Lengths of generated documents, in words.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lengths {
    Fixed(usize),
    /// Log-normal like RCV1's news stories without stop words, cut at 256: a mean near 123 words.
    Rcv1,
}

/// What is generated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) train: usize,
    pub(super) validation: usize,
    pub(super) test: usize,
    pub(super) labels: usize,
    pub(super) vocabulary: usize,
    pub(super) lengths: Lengths,
}

/// Writes a corpus with a taxonomy of up to four levels into `folder`.
pub(super) fn generate(folder: &Path, shape: Shape) -> Result<Corpus> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let corpus = Corpus {
        train: folder.join("train.jsonl"),
        validation: folder.join("validation.jsonl"),
        test: folder.join("test.jsonl"),
        taxonomy: folder.join("taxonomy.tsv"),
    };
    // As in RCV1, a handful at the top and most two levels below.
    let parent = |label: usize| {
        if label < 4 {
            None
        } else {
            Some((label - 4) / 7)
        }
    };
    let mut taxonomy = writer(&corpus.taxonomy)?;
    for label in 0..shape.labels {
        let above = parent(label).map_or_else(|| "Root".to_owned(), |parent| format!("L{parent}"));
        writeln!(taxonomy, "L{label}\t{above}")?;
    }
    taxonomy.flush()?;
    let mut random = Random(0x5EED);
    let words = Zipf::new(shape.vocabulary);
    for (path, count, prefix) in [
        (&corpus.train, shape.train, "a"),
        (&corpus.validation, shape.validation, "v"),
        (&corpus.test, shape.test, "t"),
    ] {
        let mut out = writer(path)?;
        for number in 0..count {
            let label = random.below(shape.labels);
            let mut labels = vec![format!("L{label}")];
            let mut above = parent(label);
            while let Some(label) = above {
                labels.push(format!("L{label}"));
                above = parent(label);
            }
            let length = match shape.lengths {
                Lengths::Fixed(length) => length,
                Lengths::Rcv1 => (random.normal() * 0.62 + 4.62).exp().clamp(1.0, 256.0) as usize,
            };
            let mut text = String::with_capacity(length * 8);
            for place in 0..length {
                // A tenth of the words tell the label, so that training has something to find.
                let word = if place % 10 == 0 {
                    label * 7 + random.below(7)
                } else {
                    words.draw(&mut random)
                };
                if place > 0 {
                    text.push(' ');
                }
                text.push_str(&spell(word));
            }
            writeln!(
                out,
                "{}",
                json!({"id": format!("{prefix}{number}"), "text": text, "labels": labels})
            )?;
        }
        out.flush()?;
    }
    Ok(corpus)
}

/// A word of letters for each number, so that every tokenizer keeps it whole.
pub(super) fn spell(mut number: usize) -> String {
    const SYLLABLES: [&str; 16] = [
        "ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu",
        "va",
    ];
    let mut word = String::new();
    loop {
        word.push_str(SYLLABLES[number % 16]);
        number /= 16;
        if number == 0 {
            return word;
        }
    }
}

/// `SplitMix64`: the same numbers everywhere, without a crate.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        (self.uniform() * limit as f64) as usize
    }

    pub(super) fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Irwin and Hall's twelve summands: near enough to normal for lengths.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// Words by Zipf's law: the n-th most frequent has a share of 1/n.
struct Zipf(Vec<f64>);

impl Zipf {
    fn new(size: usize) -> Zipf {
        let mut total = 0.0;
        let sums = (1..=size)
            .map(|rank| {
                total += 1.0 / rank as f64;
                total
            })
            .collect();
        Zipf(sums)
    }

    fn draw(&self, random: &mut Random) -> usize {
        let total = self.0.last().copied().unwrap_or(0.0);
        let point = random.uniform() * total;
        self.0.partition_point(|sum| *sum < point)
    }
}

pub(super) fn writer(path: &Path) -> Result<BufWriter<File>> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(BufWriter::with_capacity(1 << 20, file))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Random, Zipf, spell};

    #[test]
    fn words_are_distinct() {
        let words: BTreeSet<String> = (0..5000).map(spell).collect();
        assert_eq!(words.len(), 5000);
    }

    #[test]
    fn frequent_words_are_frequent() {
        let zipf = Zipf::new(1000);
        let mut random = Random(1);
        let draws: Vec<usize> = (0..10_000).map(|_| zipf.draw(&mut random)).collect();
        let share = |word| draws.iter().filter(|drawn| **drawn == word).count() as f64 / 10_000.0;
        // 1 / (harmonic number of 1000) = 0.1336, and half of that.
        assert!((share(0) - 0.1336).abs() < 0.02, "{}", share(0));
        assert!((share(1) - 0.0668).abs() < 0.02, "{}", share(1));
    }
}
