//! Objects with `children`: every label below its primary parent, which is how people write trees by hand.

use std::io::{self, Write};

use serde::Serialize;

use super::super::{LabelDetails, Taxonomy};
use crate::LabelIndex;

#[derive(Serialize)]
struct Node<'a> {
    id: &'a str,
    name: &'a str,
    /// Those beside the one that it stands below.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parents: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a LabelDetails>,
}

/// Writes the tree; deep ones need no deep stack.
pub(super) fn write(taxonomy: &Taxonomy, sink: &mut impl Write) -> io::Result<()> {
    let mut children: Vec<Vec<LabelIndex>> = vec![Vec::new(); taxonomy.len()];
    for label in taxonomy.indexes() {
        let above = taxonomy.primary_parent(label);
        if let Some(row) = above.and_then(|above| children.get_mut(above as usize)) {
            row.push(label);
        }
    }
    // Labels that are yet to be written, in reverse; none closes the list of children that is open.
    let mut open: Vec<Option<LabelIndex>> = taxonomy
        .top_level()
        .iter()
        .rev()
        .copied()
        .map(Some)
        .collect();
    let mut is_first = true;
    sink.write_all(b"[")?;
    while let Some(next) = open.pop() {
        let Some(label) = next else {
            sink.write_all(b"]}")?;
            is_first = false;
            continue;
        };
        sink.write_all(if is_first { b"\n" } else { b",\n" })?;
        let others = taxonomy.parents(label).iter().skip(1);
        let node = Node {
            id: taxonomy.id(label),
            name: taxonomy.name(label),
            parents: others.map(|&parent| taxonomy.id(parent)).collect(),
            details: taxonomy.details(label),
        };
        let json = serde_json::to_string(&node)?;
        let below = children.get(label as usize).map_or(&[][..], Vec::as_slice);
        is_first = !below.is_empty();
        if below.is_empty() {
            sink.write_all(json.as_bytes())?;
            continue;
        }
        sink.write_all(json.strip_suffix('}').unwrap_or(&json).as_bytes())?;
        sink.write_all(b",\"children\":[")?;
        open.push(None);
        open.extend(below.iter().rev().copied().map(Some));
    }
    sink.write_all(b"\n]\n")
}
