//! What pages compute, without a browser: forms from schemas, trees, orders, progress. All of it is tested on the host.

pub mod details_form;
pub mod draft;
pub mod jsonl;
pub mod metric;
pub mod moves;
pub mod order;
pub mod path_tree;
pub mod progress;
pub mod review_line;
pub mod schema_form;
pub mod train_form;
pub mod tree;
pub mod treemap;
