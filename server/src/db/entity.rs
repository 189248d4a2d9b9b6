//! The tables as the stores see them, one module per table. Not serializable on purpose: what goes out is `shared::api`.

pub mod account;
pub mod corpus;
pub mod job;
pub mod project;
pub mod run;
pub mod taxonomy;
