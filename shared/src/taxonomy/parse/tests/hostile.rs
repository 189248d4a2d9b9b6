//! Files that nobody means well: every reader answers, and says no more than that something is wrong.

use super::*;

#[test]
fn nesting_without_end() {
    let n = 10_000;
    let json = "[".repeat(n) + &"]".repeat(n);
    let children = "{\"name\":\"a\",\"children\":[".repeat(n) + &"]}".repeat(n);
    let xml = "<?xml version=\"1.0\"?>".to_owned() + &"<a>".repeat(n) + &"</a>".repeat(n);
    let striped = format!(
        "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" xmlns:x=\"http://x.org/\">{}{}</rdf:RDF>",
        "<x:a><x:b>".repeat(n),
        "</x:b></x:a>".repeat(n)
    );
    let turtle = "@prefix x: <http://x.org/> .\nx:a x:b ".to_owned()
        + &"[ x:b ".repeat(n)
        + &"]".repeat(n)
        + " .";
    let lists = "@prefix x: <http://x.org/> .\nx:a x:b ".to_owned()
        + &"( ".repeat(n)
        + &")".repeat(n)
        + " .";
    let json_ld = "{\"@graph\":".repeat(n) + "1" + &"}".repeat(n);
    for text in [&json, &children, &xml, &striped, &turtle, &lists, &json_ld] {
        every_format(text.as_bytes());
    }
    assert!(parse(json.as_bytes(), None).is_err());
    assert!(parse(json_ld.as_bytes(), Some(TaxonomyFormat::SkosJsonLd)).is_err());
}

fn every_format(bytes: &[u8]) {
    for format in TaxonomyFormat::ALL.map(Some).into_iter().chain([None]) {
        fuzz(bytes, format);
    }
}

#[test]
fn lines_without_end() {
    let n = 1 << 18;
    for text in [
        "a", "a\t", "a,", "\"", "<", "<a", "[", "{\"a\":", " ", "@prefix ",
    ] {
        every_format(text.repeat(n / text.len()).as_bytes());
    }
    let long = "a".repeat(n);
    every_format(format!("{long}\t{long}b\n").as_bytes());
    every_format(format!("[{{\"id\":\"{long}\"}},{{\"id\":\"{long}\"}}]").as_bytes());
    fail(
        &format!("{long}\tRoot\n"),
        None,
        "line 1, column 1: found an id of 262144 bytes, expected at most 10000",
    );
}

#[test]
fn bytes_that_are_no_text() {
    every_format(&[]);
    every_format(&[0; 64]);
    every_format(&[0xff, 0xfe, b'A', 0, b'\t', 0]);
    every_format("A\u{0}\tRoot\n".as_bytes());
    let message = parse(&[0xff, 0xfe, b'A', 0], None).unwrap_err().to_string();
    assert!(message.contains("UTF-16"), "{message}");
    let message = parse(b"caf\xe9\tRoot\n", None).unwrap_err().to_string();
    assert_eq!(
        message,
        "line 1, column 4: found the byte 0xE9, expected UTF-8 text"
    );
    let message = parse(b"A\tRoot\nB\0\tRoot\n", None)
        .unwrap_err()
        .to_string();
    assert_eq!(
        message,
        "line 2, column 2: found the byte 0x00, expected UTF-8 text"
    );
}

/// Whole files of every format, to be broken.
fn seeds() -> Vec<String> {
    let labels = r#"[{"id":"A","details":{"language":"en","names":[{"name":"a","kind":"hidden"}],"notation":"1"}},{"id":"B","parents":["A"]},{"id":"C","parents":["A","B"],"details":{"deprecated":true,"replaced_by":"B"}}]"#;
    let taxonomy = read(labels).taxonomy;
    let file = |format| {
        let mut file = Vec::new();
        let origin = crate::taxonomy::Origin::default();
        crate::taxonomy::write(&taxonomy, format, origin, &mut file).unwrap();
        String::from_utf8(file).unwrap()
    };
    TaxonomyFormat::ALL.map(file).to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The entry points of the fuzz targets, without a fuzzer.
    #[test]
    fn broken_files_break_nothing(
        seed in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..6),
    ) {
        let seeds = seeds();
        let mut bytes = seed.get(&seeds).clone().into_bytes();
        for (at, byte, kind) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => bytes.truncate(at),
                _ => {
                    let copy = bytes[at..].to_vec();
                    bytes.extend(copy);
                }
            }
        }
        every_format(&bytes);
    }

    #[test]
    fn noise_breaks_nothing(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        every_format(&bytes);
    }
}
