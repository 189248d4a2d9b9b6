//! The parts of a corpus, and their assignment to documents.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

#[cfg(test)]
mod tests;

/// Part of a corpus that a document belongs to, frozen for the document's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Methods learn from these documents.
    Train,
    /// Methods choose checkpoints and thresholds by these.
    #[serde(alias = "val", alias = "valid", alias = "dev")]
    Validation,
    /// No method ever sees these.
    Test,
}

impl Split {
    /// The parts in their order.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// The word in JSON, SQL and URLs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no part of a corpus.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("found the split `{0}`, expected train, validation (also val, valid, dev) or test")]
pub struct UnknownSplit(pub String);

impl FromStr for Split {
    type Err = UnknownSplit;

    fn from_str(word: &str) -> Result<Self, UnknownSplit> {
        match word {
            "train" => Ok(Self::Train),
            "validation" | "val" | "valid" | "dev" => Ok(Self::Validation),
            "test" => Ok(Self::Test),
            _ => Err(UnknownSplit(word.to_owned())),
        }
    }
}

/// Shares of the three parts; they sum to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SplitRatios {
    /// Share of training documents.
    pub train: f64,
    /// Share of validation documents.
    pub validation: f64,
    /// Share of test documents.
    pub test: f64,
}

/// Why three numbers are no shares.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "found the split `{found}`, expected three shares for train, validation and test that sum to 1, such as 0.8,0.1,0.1"
)]
pub struct BadRatios {
    /// What was given.
    pub found: String,
}

impl SplitRatios {
    /// Everything in one part: `0,0,1` puts all in test.
    ///
    /// # Errors
    /// Negative shares, or a sum that is not 1 (to a millionth).
    pub fn new(train: f64, validation: f64, test: f64) -> Result<Self, BadRatios> {
        let shares = [train, validation, test];
        let is_valid = shares.iter().all(|share| (0.0..=1.0).contains(share))
            && (shares.iter().sum::<f64>() - 1.0).abs() <= 1e-6;
        if !is_valid {
            return Err(BadRatios {
                found: format!("{train},{validation},{test}"),
            });
        }
        Ok(Self {
            train,
            validation,
            test,
        })
    }
}

impl FromStr for SplitRatios {
    type Err = BadRatios;

    fn from_str(text: &str) -> Result<Self, BadRatios> {
        let bad = || BadRatios {
            found: text.to_owned(),
        };
        let shares: Result<Vec<f64>, _> = text
            .split(',')
            .map(|share| share.trim().parse::<f64>())
            .collect();
        match shares.map_err(|_| bad())?[..] {
            [train, validation, test] => Self::new(train, validation, test).map_err(|_| bad()),
            _ => Err(bad()),
        }
    }
}

/// The part of a document: a pure function of its id, the split seed and the shares, the same for ever and everywhere.
///
/// The first 53 bits of SHA-256 over seed (8 bytes, little endian) and id, as a fraction of 1, are compared with the
/// running sum of the shares. A part with share 0 gets nothing.
#[must_use]
pub fn assign(id: &str, seed: u64, ratios: SplitRatios) -> Split {
    let fraction = fraction(id, seed);
    let shares = [
        (Split::Train, ratios.train),
        (Split::Validation, ratios.validation),
        (Split::Test, ratios.test),
    ];
    let mut sum = 0.0;
    let mut chosen = Split::Train;
    for (split, share) in shares.into_iter().filter(|&(_, share)| share > 0.0) {
        sum += share;
        chosen = split;
        if fraction < sum {
            break;
        }
    }
    chosen
}

/// The first 53 bits of SHA-256 over seed (8 bytes, little endian) and id, as a fraction of 1.
fn fraction(id: &str, seed: u64) -> f64 {
    let mut hasher = Sha256::new();
    hasher.update(seed.to_le_bytes());
    hasher.update(id.as_bytes());
    let digest = hasher.finalize();
    let bits = digest
        .iter()
        .take(8)
        .fold(0_u64, |bits, &byte| (bits << 8) | u64::from(byte))
        >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

/// Deals documents out so that every stratum has its share of every part, as far as whole documents go.
///
/// Each document goes to the part that its stratum lacks most. The seed decides who lacks most at the beginning, so that
/// strata of a few documents do not all begin with the same part. Depends on the order of the documents.
#[derive(Clone, Debug)]
pub struct Stratified {
    ratios: SplitRatios,
    seed: u64,
    counts: std::collections::BTreeMap<u64, [u64; 3]>,
}

impl Stratified {
    /// Begins without any document.
    #[must_use]
    pub fn new(ratios: SplitRatios, seed: u64) -> Self {
        Self {
            ratios,
            seed,
            counts: std::collections::BTreeMap::new(),
        }
    }

    /// The part of the stratum's next document.
    pub fn next(&mut self, stratum: u64) -> Split {
        let ratios = [self.ratios.train, self.ratios.validation, self.ratios.test];
        let counts = self.counts.entry(stratum).or_default();
        let n = counts.iter().sum::<u64>() as f64 + 1.0;
        let mut chosen = (0, f64::NEG_INFINITY);
        for (part, (ratio, count)) in ratios.into_iter().zip(*counts).enumerate() {
            if ratio <= 0.0 {
                continue;
            }
            let id = format!("{stratum} {part}");
            let lead = fraction(&id, self.seed) * ratio;
            let lacks = ratio * n + lead - count as f64;
            if lacks > chosen.1 {
                chosen = (part, lacks);
            }
        }
        if let Some(count) = counts.get_mut(chosen.0) {
            *count += 1;
        }
        Split::ALL.get(chosen.0).copied().unwrap_or(Split::Train)
    }
}
