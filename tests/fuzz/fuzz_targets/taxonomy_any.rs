//! Taxonomies of a format that is told by the content.

#![no_main]

use arborist_shared::taxonomy::fuzz;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz(bytes, None));
