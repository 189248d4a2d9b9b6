//! Files that are damaged, or that mean harm.

use arborist_shared::corpus::{CorpusFormat, Reading};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::{documents, gzip, read, short, write, zip};
use crate::corpus_files::write::WRITABLE;
use crate::corpus_files::{FileError, MAX_ROW, try_bytes};

#[track_caller]
fn refused(bytes: &[u8], reason: &str) {
    match read(bytes, &Reading::default()) {
        Err(FileError::Refused(found)) => assert!(found.contains(reason), "{found}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn files_that_are_damaged_or_mean_harm_are_refused() {
    let (plain, _) = write(CorpusFormat::Jsonl, &documents());
    let packed = gzip(&plain.repeat(200));
    refused(&packed[..packed.len() / 2], "cut off");
    let mut damaged = packed.clone();
    let end = damaged.len() - 6;
    damaged[end] ^= 0xFF;
    refused(&damaged, "corrupt gzip");
    refused(&gzip(&packed), "packed twice");
    refused(
        &zip(&[("../../etc/passwd.jsonl", &plain)]),
        "outside of itself",
    );
    refused(
        &zip(&[("inner.gz", &zip(&[("a.jsonl", &plain)]))]),
        "archive within",
    );
    refused(&zip(&[]), "no files");
    refused(b"PK\x03\x04 and no more", "archive cannot be read");
    let mut archive = zip(&[("a.jsonl", &plain.repeat(50))]);
    archive[200] ^= 0xFF;
    let damage = read(&archive, &Reading::default());
    assert!(matches!(damage, Err(FileError::Refused(_))), "{damage:?}");
    refused(b"%PDF-1.7 ...", "a PDF");
    let asked = Reading {
        text: Some("c".to_owned()),
        ..Reading::default()
    };
    let error = read(b"a,b\n1,2\n", &asked).unwrap_err().to_string();
    assert_eq!(
        error,
        "found no column `c` for the text, expected one of `a`, `b`"
    );
}

#[test]
fn bombs_go_off_in_little_memory() {
    // Zeros, packed into almost nothing.
    struct Zeros(u64);
    impl std::io::Read for Zeros {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let n = buffer
                .len()
                .min(usize::try_from(self.0).unwrap_or(usize::MAX));
            buffer[..n].fill(b'0');
            self.0 -= n as u64;
            Ok(n)
        }
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    std::io::copy(&mut Zeros(32 << 20), &mut encoder).unwrap();
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 4 << 20);
    refused(&bomb, "unpacks to more than 100 times its size");
}

#[test]
fn rows_that_mean_harm_are_rejects() {
    let fine = "{\"text\":\"fine\"}";
    let deep = format!(
        "{{\"text\":\"t\",\"meta\":{}{}}}",
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    let file = format!("{deep}\n{fine}\n");
    let lines = short(file.as_bytes());
    assert!(lines[1].contains("recursion limit"), "{}", lines[1]);
    assert_eq!(lines[2], "fine = ?");
    let array = short(format!("[{deep},{fine}]").as_bytes());
    assert!(array[1].contains("recursion limit"), "{}", array[1]);
    assert_eq!(array[2], "fine = ?");
    assert_eq!(
        short(format!("[{fine},").as_bytes()).last().unwrap(),
        "line 1, column 1: found the end of the file within the array, expected `]`"
    );

    let long = "x".repeat(MAX_ROW + 10);
    for file in [
        format!("{fine}\n{{\"text\":\"{long}\"}}\n{fine}\n"),
        format!("[{fine},{{\"text\":\"{long}\"}},{fine}]"),
    ] {
        let lines = short(file.as_bytes());
        assert!(
            lines[2].contains("expected at most 16777216"),
            "{}",
            &lines[2][..100]
        );
        assert_eq!((lines.len(), lines[3].as_str()), (4, "fine = ?"));
    }
    let lines = short(format!("id,text\n1,\"a\nb\"\n2,\"{long}\"\n3,c\n").as_bytes());
    assert_eq!(
        (lines[1].as_str(), lines[3].as_str()),
        ("1: a\nb = ?", "3: c = ?")
    );
    assert!(
        lines[2].starts_with("line 4, column 1: found a row of"),
        "{}",
        &lines[2][..100]
    );
    let many = format!("id,text\n1,{}\n{}", ",".repeat(50_000), "3,c\n".repeat(20));
    let lines = short(many.as_bytes());
    assert!(
        lines[1].starts_with("line 2") && lines[2] == "3: c = ?",
        "{lines:?}"
    );
}

/// The same entry point as the fuzz target of corpus files, over damaged files of every format.
#[test]
fn damaged_files_never_end_the_server() {
    let mut random = 1_u64;
    let mut next = |n: usize| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % n.max(1)
    };
    for format in WRITABLE {
        let (whole, _) = write(format, &documents());
        for _ in 0..60 {
            let mut bytes = whole.clone();
            for _ in 0..=next(6) {
                let at = next(bytes.len());
                match next(4) {
                    0 => bytes[at] = next(256) as u8,
                    1 => bytes.truncate(at),
                    2 => bytes.insert(at, b"\"[]{},\t\n\0"[next(9)]),
                    _ => {
                        let to = (at + next(40)).min(bytes.len());
                        bytes.drain(at..to);
                    }
                }
                if bytes.is_empty() {
                    break;
                }
            }
            // Whatever comes out, it comes to an end.
            try_bytes(&bytes);
        }
    }
}
