//! The two line formats with TABs; labels go by their ids.

use std::collections::VecDeque;
use std::io::{self, Write};

use super::super::{ROOT, Taxonomy};
use crate::LabelIndex;

/// `child<TAB>parent`, a line for each parent.
pub(super) fn child_parent(taxonomy: &Taxonomy, sink: &mut impl Write) -> io::Result<()> {
    for label in taxonomy.indexes() {
        let parents = taxonomy.parents(label);
        if parents.is_empty() {
            writeln!(sink, "{}\t{ROOT}", taxonomy.id(label))?;
        }
        for &parent in parents {
            writeln!(sink, "{}\t{}", taxonomy.id(label), taxonomy.id(parent))?;
        }
    }
    Ok(())
}

/// `parent<TAB>child<TAB>child…` along primary parents, breadth first, so that every parent was a child before.
pub(super) fn parent_children(taxonomy: &Taxonomy, sink: &mut impl Write) -> io::Result<()> {
    let below = |label: LabelIndex| -> Vec<LabelIndex> {
        let children = taxonomy.children(label).iter().copied();
        children
            .filter(|&child| taxonomy.primary_parent(child) == Some(label))
            .collect()
    };
    let mut open = VecDeque::from([(ROOT, taxonomy.top_level().to_vec())]);
    while let Some((parent, children)) = open.pop_front() {
        sink.write_all(parent.as_bytes())?;
        for child in children {
            write!(sink, "\t{}", taxonomy.id(child))?;
            let of_child = below(child);
            if !of_child.is_empty() {
                open.push_back((taxonomy.id(child), of_child));
            }
        }
        sink.write_all(b"\n")?;
    }
    Ok(())
}
