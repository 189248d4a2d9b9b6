//! What the end-to-end tests share: the built executable, a running server, a corpus to feed it and a browser.
//!
//! The tests themselves are in `it/`. They run against built binaries, which `cargo xtask test` makes first and names
//! in the environment: `ARBORIST_BIN` (the executable), `ARBORIST_PLUGINS` (the folder of plugins).

mod browser;
mod corpus;
mod server;

pub use browser::Browser;
pub use corpus::{TinyCorpus, tiny_corpus};
pub use server::{Client, PASSWORD, Server, command, database_url, executable, plugins, wait_for};
