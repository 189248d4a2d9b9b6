//! Label sets as the database holds them: positions in the taxonomy, `u32` little-endian, one after the other.

use arborist_shared::LabelIndex;
use arborist_shared::taxonomy::Taxonomy;

pub(super) fn encode(labels: &[LabelIndex]) -> Vec<u8> {
    labels
        .iter()
        .flat_map(|label| label.to_le_bytes())
        .collect()
}

pub(super) fn decode(bytes: &[u8]) -> Vec<LabelIndex> {
    bytes
        .chunks_exact(4)
        .map(|bytes| LabelIndex::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        .collect()
}

/// Level of the deepest label of a closed set; 0 without labels.
pub(super) fn level(taxonomy: &Taxonomy, closed: &[LabelIndex]) -> u32 {
    let levels = closed.iter().map(|&label| taxonomy.level(label));
    levels.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_survive() {
        for labels in [vec![], vec![0], vec![7, 300, 99_999]] {
            assert_eq!(decode(&encode(&labels)), labels);
        }
    }
}
