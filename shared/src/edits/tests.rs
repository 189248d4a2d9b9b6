mod impact;
mod migration;
mod models;
mod operations;
mod properties;
mod tree;

use super::*;
use crate::LabelIndex;
use crate::taxonomy::Taxonomy;

/// Edits as JSON lines, as they come over the wire.
fn edits(lines: &[&str]) -> Vec<Edit> {
    let read = |line: &&str| serde_json::from_str(line).unwrap();
    lines.iter().map(read).collect()
}

#[track_caller]
fn edited(taxonomy: &Taxonomy, lines: &[&str]) -> Edited {
    apply(taxonomy, &edits(lines)).unwrap()
}

/// Labels as `id<parent<parent`, in taxonomy order.
fn edges(taxonomy: &Taxonomy) -> String {
    let edge = |label: LabelIndex| {
        let parents = taxonomy.parents(label).iter().copied();
        let ids = [label].into_iter().chain(parents);
        let ids: Vec<&str> = ids.map(|label| taxonomy.id(label)).collect();
        ids.join("<")
    };
    taxonomy.indexes().map(edge).collect::<Vec<_>>().join(" ")
}

fn indexes(taxonomy: &Taxonomy, ids: &[&str]) -> Vec<LabelIndex> {
    let mut labels: Vec<LabelIndex> = ids
        .iter()
        .map(|id| taxonomy.index_of(id).unwrap())
        .collect();
    labels.sort_unstable();
    labels
}

fn ids(taxonomy: &Taxonomy, labels: &[LabelIndex]) -> String {
    let ids: Vec<&str> = labels.iter().map(|&label| taxonomy.id(label)).collect();
    ids.join(" ")
}
