//! One row in every format whose rows are lines or objects.

#![no_main]

use arborist_shared::corpus::{CorpusFormat, parse_row_as};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for format in CorpusFormat::ALL {
        let _ = parse_row_as(format, bytes, 1);
    }
});
