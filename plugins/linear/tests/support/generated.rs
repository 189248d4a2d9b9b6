//! A corpus that is always the same: what runs where the real ones are not there.
//!
//! Twenty-four leaves below six tops; a document has one leaf or two. Words of its leaves and of their tops are mixed with
//! words that all documents share and with words of other leaves, so that no method gets everything right.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

/// Documents of each part.
const PARTS: [(&str, usize); 3] = [("train", 900), ("val", 150), ("test", 300)];
const TOPS: usize = 6;
const LEAVES: usize = 4;

/// Numbers that are the same everywhere: `SplitMix64`.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) % limit as u64) as usize
    }
}

/// Writes `taxonomy.tsv`, `train.jsonl`, `val.jsonl` and `test.jsonl`, labels closed upwards.
pub(crate) fn write(to: &Path) -> io::Result<()> {
    let mut taxonomy = String::new();
    for top in 0..TOPS {
        let _ = writeln!(taxonomy, "top{top}\tRoot");
        for leaf in 0..LEAVES {
            let _ = writeln!(taxonomy, "leaf{top}-{leaf}\ttop{top}");
        }
    }
    fs::write(to.join("taxonomy.tsv"), taxonomy)?;
    let mut numbers = Numbers(1);
    for (part, n_documents) in PARTS {
        let rows: String = (0..n_documents).map(|_| row(&mut numbers)).collect();
        fs::write(to.join(format!("{part}.jsonl")), rows)?;
    }
    Ok(())
}

fn row(numbers: &mut Numbers) -> String {
    // The smaller of two draws: some leaves are rare.
    let mut draw = |limit: usize| numbers.below(limit).min(numbers.below(limit));
    let mut leaves = vec![(draw(TOPS), draw(LEAVES))];
    if draw(3) == 0 {
        leaves.push((draw(TOPS), draw(LEAVES)));
        leaves.sort_unstable();
        leaves.dedup();
    }
    let mut words = Vec::new();
    for _ in 0..20 + numbers.below(20) {
        let (top, leaf) = leaves[numbers.below(leaves.len())];
        words.push(match numbers.below(10) {
            0 => format!("t{top}w{}", numbers.below(12)),
            1 => format!("l{top}{leaf}w{}", numbers.below(15)),
            2 => format!(
                "l{}{}w{}",
                numbers.below(TOPS),
                numbers.below(LEAVES),
                numbers.below(15)
            ),
            _ => format!("common{}", numbers.below(300)),
        });
    }
    let mut labels: Vec<String> = Vec::new();
    for (top, leaf) in leaves {
        labels.push(format!("\"top{top}\""));
        labels.push(format!("\"leaf{top}-{leaf}\""));
    }
    labels.sort_unstable();
    labels.dedup();
    format!(
        "{{\"text\":\"{}\",\"labels\":[{}]}}\n",
        words.join(" "),
        labels.join(",")
    )
}
