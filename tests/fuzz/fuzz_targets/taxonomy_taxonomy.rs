//! Taxonomies: lines of a parent and its children.

#![no_main]

use arborist_shared::taxonomy::{TaxonomyFormat, fuzz};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz(bytes, Some(TaxonomyFormat::Taxonomy)));
