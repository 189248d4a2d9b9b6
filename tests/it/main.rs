//! Stories told against built binaries: the HTTP interface, crashes, the browser.
//!
//! One executable with modules: linking is most of the time of a test build.

mod account;
mod alike;
mod browser;
mod chaos;
mod clone;
mod crash;
mod decided_here;
mod errors;
mod foreign;
mod formats;
mod import;
mod keyboard;
mod keys;
mod large;
mod live;
mod papers;
mod path;
mod queue;
mod ray;
mod resume;
mod sample;
mod scale;
mod states;
mod upload;
mod workbench;
