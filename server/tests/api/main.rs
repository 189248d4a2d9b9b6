//! The HTTP interface from outside: a real server on a free port, real requests, a real plugin in real child processes.
//!
//! One executable, since linking is most of the time of a test build.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is missing"
)]

mod accepted;
mod accounts;
mod agents;
mod analysis;
mod apart;
mod assets;
mod comparisons;
mod corpora;
mod decoding;
mod drafts;
mod exports;
mod files;
mod formats;
mod house;
mod jobs;
mod members;
mod openapi;
mod paging;
mod predict;
mod problems;
mod projects;
mod publishing;
mod queue;
mod reviews;
mod runs;
mod sample;
mod taxonomies;
mod uploads;
mod versions;
