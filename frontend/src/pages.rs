//! The pages, one file or folder for each.

pub mod corpus;
pub mod errors;
pub mod first_start;
pub mod guide;
pub mod import;
pub mod not_found;
pub mod overview;
pub mod projects;
pub mod queue;
pub mod run;
pub mod runs;
pub mod settings;
pub mod side_by_side;
pub mod sign_in;
pub mod taxonomy;
pub mod train;
pub mod try_it;
pub mod versions;
