//! A whole corpus file: packing, encoding, format, separators, rows.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| arborist_server::corpus_files::try_bytes(bytes));
