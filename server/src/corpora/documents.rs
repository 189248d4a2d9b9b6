//! Documents as the interface shows them.

use arborist_shared::LabelIndex;
use arborist_shared::api::corpora::Document;
use arborist_shared::taxonomy::Taxonomy;

use super::label_set;
use super::store::DocumentRow;

/// A document with its labels by id and by path.
pub(super) fn show(row: DocumentRow, taxonomy: &Taxonomy) -> Document {
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
