//! Stories told against built binaries: the HTTP interface, crashes, the browser.
//!
//! One executable with modules: linking is most of the time of a test build.

mod alike;
mod browser;
mod crash;
mod large;
mod papers;
mod path;
