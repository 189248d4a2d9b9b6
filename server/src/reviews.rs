//! Documents that wait for a person since a taxonomy was published: what a model proposes, what people decide, and the
//! corpus version with what was decided.
//!
//! Who waits, and with which labels, is the corpora's business; what a model says, the runs'.

pub mod apply;
pub mod propose;
pub mod routes;
