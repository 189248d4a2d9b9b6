//! Documents as the interface shows them.

use std::collections::HashMap;

use arborist_shared::LabelIndex;
use arborist_shared::api::corpora::Document;
use arborist_shared::taxonomy::Taxonomy;

use super::label_set;
use super::store::DocumentRow;
use crate::db::{Timestamp, rfc3339};

/// A document with its labels by id and by path.
pub(super) fn show(
    row: DocumentRow,
    taxonomy: &Taxonomy,
    made_at: &HashMap<i64, Timestamp>,
) -> Document {
    let explicit = row.explicit.as_deref().map(label_set::decode);
    let closed = explicit.as_deref().map(|labels| taxonomy.close(labels));
    let ids = |labels: &[LabelIndex]| {
        labels
            .iter()
            .map(|&label| taxonomy.id(label).to_owned())
            .collect::<Vec<_>>()
    };
    let paths = deepest(taxonomy, closed.as_deref().unwrap_or_default());
    let meta = row.metadata();
    Document {
        labelled_at: row
            .labelled_in
            .and_then(|version| made_at.get(&version))
            .map(|&at| rfc3339(at)),
        lang: row.lang.clone(),
        meta,
        id: row.id,
        key: row.key,
        text: row.text,
        split: row.split.into(),
        explicit: explicit.as_deref().map(ids),
        labels: closed.as_deref().map(ids),
        paths: paths
            .into_iter()
            .map(|label| taxonomy.path_names(label))
            .collect(),
    }
}

/// The labels of a closed set none of whose children is in it.
fn deepest(taxonomy: &Taxonomy, closed: &[LabelIndex]) -> Vec<LabelIndex> {
    let has_child = |label: LabelIndex| {
        closed
            .iter()
            .any(|&other| taxonomy.parents(other).contains(&label))
    };
    closed
        .iter()
        .copied()
        .filter(|&label| !has_child(label))
        .collect()
}
