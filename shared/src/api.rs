//! Wire types of `/api/v1`, shared by the server and the dashboard.
//!
//! One file per room. Database entities never appear here. Timestamps are RFC 3339 in UTC.
//! Envelopes: one object as `{"project": {…}}`, collections as `{"projects": […], "next": cursor or null}`.

pub mod accounts;
pub mod agent;
pub mod analysis;
pub mod assets;
pub mod comparisons;
pub mod corpora;
pub mod drafts;
pub mod exports;
pub mod groups;
pub mod jobs;
pub mod plugins;
pub mod problem;
pub mod projects;
pub mod queue;
pub mod reviews;
pub mod runs;
pub mod taxonomies;
pub mod uploads;
