//! The tables as the stores see them, one module per table. Not serializable on purpose: what goes out is `shared::api`.

pub mod accounts;
pub mod corpora;
pub mod drafts;
pub mod jobs;
pub mod projects;
pub mod reviews;
pub mod runs;
pub mod taxonomies;
