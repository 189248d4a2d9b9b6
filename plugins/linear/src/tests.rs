//! Tests of the parts together, the conformance kit, and figures on real corpora.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod large;
mod scale;
mod tfidf;
mod toy;
mod trees;
mod words;

use crate::Linear;

arborist_plugin_api::conformance!(Linear);

/// Every label among the documents of its parent.
mod kit_of_the_tree {
    use crate::Linear;

    arborist_plugin_api::conformance!(Linear, {"mode": "tree"});
}
