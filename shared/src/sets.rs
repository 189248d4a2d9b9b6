//! Sets of label indexes as sorted slices without repetition.

use std::borrow::Cow;

use crate::LabelIndex;

/// Whether the slice is strictly ascending.
#[must_use]
pub fn is_sorted(labels: &[LabelIndex]) -> bool {
    labels.is_sorted_by(|a, b| a < b)
}

/// The labels in ascending order, each once; borrows where they already are.
#[must_use]
pub fn sorted(labels: &[LabelIndex]) -> Cow<'_, [LabelIndex]> {
    if is_sorted(labels) {
        return Cow::Borrowed(labels);
    }
    let mut owned = labels.to_vec();
    owned.sort_unstable();
    owned.dedup();
    Cow::Owned(owned)
}

/// Number of labels in both of two sorted sets.
#[must_use]
pub fn n_common(a: &[LabelIndex], b: &[LabelIndex]) -> u64 {
    let mut count = 0;
    for_each_common(a, b, |_| count += 1);
    count
}

/// Calls `visit` for every label in both of two sorted sets, in ascending order.
pub fn for_each_common(a: &[LabelIndex], b: &[LabelIndex], mut visit: impl FnMut(LabelIndex)) {
    let (mut i, mut j) = (0, 0);
    while let (Some(&left), Some(right)) = (a.get(i), b.get(j)) {
        match left.cmp(right) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                visit(left);
                i += 1;
                j += 1;
            }
        }
    }
}
