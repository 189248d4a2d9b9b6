//! Every format there and back; files as people have them; files that mean harm.

mod hostile;

use std::collections::BTreeMap;
use std::io::Write as _;

use arborist_shared::LabelIndex;
use arborist_shared::corpus::{CorpusFormat, CorpusRow, Reading, resolve_labels, text_hash};
use arborist_shared::split::Split;
use arborist_shared::taxonomy::{NewLabel, Taxonomy};
use flate2::Compression;
use flate2::write::GzEncoder;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::write::{CorpusWriter, LeftOut, WRITABLE, Written};
use super::{CorpusFile, FileError};

fn taxonomy() -> Taxonomy {
    let label = |id: &str, name: &str, parents: &[&str]| NewLabel {
        id: id.to_owned(),
        name: name.to_owned(),
        parents: parents.iter().map(|&parent| parent.to_owned()).collect(),
        details: None,
    };
    Taxonomy::new(vec![
        label("A", "Arts", &[]),
        label("A1", "Music", &["A"]),
        label("A11", "Jazz, old and new", &["A1"]),
        label("B", "Science", &[]),
        label("B1", "Music", &["B"]),
        label("http://x.org/c;1", "Sound", &["B1", "A1"]),
    ])
    .unwrap()
}

/// A row as it is compared.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    id: Option<String>,
    text: String,
    labels: Option<Vec<LabelIndex>>,
    split: Option<Split>,
    lang: Option<String>,
    meta: BTreeMap<String, String>,
}

fn documents() -> Vec<Seen> {
    let meta = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    };
    let seen = |id: &str, text: &str, labels: Option<&[LabelIndex]>, split| Seen {
        id: (!id.is_empty()).then(|| id.to_owned()),
        text: text.to_owned(),
        labels: labels.map(<[LabelIndex]>::to_vec),
        split: Some(split),
        lang: None,
        meta: BTreeMap::new(),
    };
    let mut documents = vec![
        seen("d1", "plain words", Some(&[1]), Split::Train),
        seen(
            "d,\"2\"",
            "he said \"no\", twice;\tand\nwent",
            Some(&[2, 4]),
            Split::Test,
        ),
        seen(
            "",
            "ohne Kennung, mit Umlauten: äöü 😀",
            Some(&[0, 1, 2]),
            Split::Validation,
        ),
        seen("d4", "nobody judged this", None, Split::Train),
        seen("d5", "none applies", Some(&[]), Split::Test),
        seen("d6", "two parents", Some(&[5]), Split::Train),
        seen(
            "d7",
            "[\"not json\"] {\"neither\"}",
            Some(&[3]),
            Split::Train,
        ),
    ];
    documents[0].lang = Some("en".to_owned());
    documents[0].meta = meta(&[
        ("source", "a \"paper\""),
        ("date", "2024-05-01"),
        ("x", "1"),
    ]);
    documents
}

fn write(format: CorpusFormat, documents: &[Seen]) -> (Vec<u8>, Vec<LeftOut>) {
    let taxonomy = taxonomy();
    let mut out = Vec::new();
    let mut writer = CorpusWriter::new(format, &taxonomy).unwrap();
    writer.begin(&mut out).unwrap();
    let mut left_out = Vec::new();
    for document in documents {
        let hash = text_hash(&document.text);
        let written = Written {
            id: document.id.as_deref().unwrap_or(&hash),
            id_is_hash: document.id.is_none(),
            text: &document.text,
            labels: document.labels.as_deref(),
            split: document.split.unwrap_or(Split::Train),
            lang: document.lang.as_deref(),
            meta: &document.meta,
        };
        if let Err(reason) = writer.document(&written, &mut out).unwrap() {
            left_out.push(reason);
        }
    }
    writer.end(&mut out).unwrap();
    (out, left_out)
}

/// All rows of a file, or why it could not be read.
fn read(
    bytes: &[u8],
    reading: &Reading,
) -> Result<(CorpusFormat, Vec<Result<CorpusRow, String>>), FileError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let taxonomy = taxonomy();
    let mut file = CorpusFile::open(file.path(), reading, Some(&taxonomy))?;
    let format = file.format();
    let mut rows = Vec::new();
    while let Some(row) = file.next_row()? {
        rows.push(row.content.map_err(|error| error.to_string()));
    }
    Ok((format, rows))
}

fn rows(bytes: &[u8]) -> Vec<CorpusRow> {
    let (_, rows) = read(bytes, &Reading::default()).unwrap();
    rows.into_iter().map(Result::unwrap).collect()
}

fn seen(rows: Vec<CorpusRow>) -> Vec<Seen> {
    let taxonomy = taxonomy();
    let labels = |row: &CorpusRow| {
        let labels = row.labels.as_deref()?;
        Some(resolve_labels(&taxonomy, labels).unwrap().explicit)
    };
    rows.into_iter()
        .map(|row| Seen {
            labels: labels(&row),
            id: row.id,
            text: row.text,
            split: row.split,
            lang: row.lang,
            meta: row.meta,
        })
        .collect()
}

/// What a format cannot say is taken off the originals: `keeps` lists what it holds.
fn as_written(documents: Vec<Seen>, format: CorpusFormat) -> Vec<Seen> {
    use CorpusFormat::*;
    let taxonomy = taxonomy();
    let is_lines = matches!(format, FastText | AnnifTsv);
    let is_words = matches!(format, HiAgm | NeuralClassifier);
    let is_gold = is_words;
    let no_empty = is_words || matches!(format, FastText | AnnifTsv | AnnifCsv | HiClass);
    documents
        .into_iter()
        .filter(|it| !(is_gold && it.labels.is_none()))
        .filter(|it| !(no_empty && it.labels.as_ref().is_some_and(Vec::is_empty)))
        .filter(|it| !(format == HiClass && it.labels.as_ref().is_some_and(|it| it.len() > 1)))
        .map(|mut it| {
            if is_lines {
                it.text = it.text.replace(['\t', '\n'], " ");
            }
            if is_words {
                it.text = it.text.split_whitespace().collect::<Vec<_>>().join(" ");
                it.labels = it.labels.map(|labels| taxonomy.close(&labels));
            }
            if is_lines || is_words {
                it.id = None;
            }
            if is_lines || is_words || matches!(format, LabelSleuth | HiClass) {
                it.split = None;
                it.lang = None;
                it.meta = BTreeMap::new();
            }
            it
        })
        .collect()
}

#[test]
fn every_format_is_read_as_it_was_written() {
    for format in WRITABLE {
        let (bytes, left_out) = write(format, &documents());
        let expected = as_written(documents(), format);
        assert_eq!(
            left_out.len(),
            documents().len() - expected.len(),
            "{format}"
        );
        let text = String::from_utf8(bytes.clone()).unwrap();
        // By its word, and detected.
        for asked in [Some(format), None] {
            let reading = Reading {
                format: asked,
                ..Reading::default()
            };
            let (found, rows) = read(&bytes, &reading).unwrap();
            assert_eq!(found, format, "{text}");
            let rows = rows.into_iter().map(Result::unwrap).collect();
            assert_eq!(seen(rows), expected, "{format}\n{text}");
        }
    }
}

#[test]
fn files_are_the_same_however_they_are_packed() {
    let (plain, _) = write(CorpusFormat::Jsonl, &documents());
    let expected = rows(&plain);
    assert_eq!(expected.len(), documents().len());
    assert_eq!(rows(&gzip(&plain)), expected);
    let halves = plain.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    let (first, second) = plain.split_at(halves);
    let archive = zip(&[
        ("b/2.jsonl", second),
        ("b/1.jsonl", first),
        ("__MACOSX/b/1.jsonl", b"x"),
    ]);
    assert_eq!(rows(&archive), expected);
    let gz = gzip(first);
    assert_eq!(
        rows(&zip(&[("1.jsonl.gz", &gz), ("2.jsonl", second)])),
        expected
    );
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Rows as text, labels as they are resolved, in short.
fn short(bytes: &[u8]) -> Vec<String> {
    let (format, rows) = read(bytes, &Reading::default()).unwrap();
    let taxonomy = taxonomy();
    let row = |row: Result<CorpusRow, String>| match row {
        Err(error) => error,
        Ok(row) => {
            let labels = row.labels.map(|labels| {
                resolve_labels(&taxonomy, &labels).map_or_else(
                    |error| error.to_string(),
                    |set| {
                        let ids = set.explicit.iter().map(|&label| taxonomy.id(label));
                        ids.collect::<Vec<_>>().join(" ")
                    },
                )
            });
            let id = row.id.map(|id| format!("{id}: ")).unwrap_or_default();
            let split = row
                .split
                .map(|split| format!(" ({split})"))
                .unwrap_or_default();
            format!(
                "{id}{} = {}{split}",
                row.text,
                labels.as_deref().unwrap_or("?")
            )
        }
    };
    let rows = rows.into_iter().map(row);
    std::iter::once(format.to_string()).chain(rows).collect()
}

#[test]
fn files_of_other_tools_are_understood() {
    for (file, expected) in [
        // Label Studio: cancelled answers do not count, declared truths go first.
        (
            r#"[{"id":7,"data":{"text":"t","source":"s"},"annotations":[{"was_cancelled":true,"result":[]},
            {"ground_truth":true,"result":[{"from_name":"x","type":"taxonomy","value":{"taxonomy":[["Arts","Music"],["Science"]]}}]},{"result":[]}]},
            {"id":8,"data":{"body":"u"},"predictions":[{"result":[]}]}]"#,
            vec!["label_studio", "7: t = A1 B", "8: u = ?"],
        ),
        (
            "{\"document_id\":\"1\",\"text\":\"t\",\"subjects\":[{\"uri\":\"<A1>\"},{\"label\":\"Arts\"}]}\n",
            vec!["annif_json", "1: t = A A1"],
        ),
        (
            "t one\t<A1> <B>\nt two\t<A>\n",
            vec!["annif_tsv", "t one = A1 B", "t two = A"],
        ),
        (
            "document_id,text,subject_uris,year\n1,\"a, b\",<A> <B>,2020\n",
            vec!["annif_csv", "1: a, b = A B"],
        ),
        (
            "{\"text\":\"t\",\"label\":[\"A\",\"Science\"]}\n{\"data\":\"u\",\"label\":\"A\",\"text\":null}\n",
            vec![
                "doccano",
                "t = A B",
                "line 2, column 30: duplicate field `text`",
            ],
        ),
        (
            "__label__A __label__A1 t one\nno label\n__label__ x\n",
            vec![
                "fasttext",
                "t one = A A1",
                "no label = ?",
                "line 3, column 1: found `__label__` alone, expected the label right behind it",
            ],
        ),
        (
            "{\"text\":\"t\",\"options\":[],\"accept\":[\"A\"],\"answer\":\"accept\"}\n{\"text\":\"u\",\"label\":\"A\",\"answer\":\"reject\"}\n",
            vec!["prodigy", "t = A", "u = ?"],
        ),
        (
            "text,category_name,label\nt,A,true\nu,A,false\nt,B,1\n",
            vec!["label_sleuth", "t = A B", "u = "],
        ),
        (
            "text,level_1,level_2\nt,A,A1\nu,Science,\n",
            vec!["hiclass", "t = A1", "u = B"],
        ),
        (
            "t\tArts##Music,B\nu\tA\n",
            vec!["paddlenlp", "t = A1 B", "u = A"],
        ),
        (
            "2 9 9\n 3:1\nA 1:1\n",
            vec![
                "xmc",
                "f3 = ",
                "line 3, column 1: found the label `A`, expected a number",
            ],
        ),
        // Tables: separators are those with which labels are known; quotation marks in TSV may be just that.
        (
            "headline;content;category\nx;one;Arts > Music | B\ny;two;A\n",
            vec!["csv", "one = A1 B", "two = A"],
        ),
        (
            "Text\tLabels\tSplit\n5\" disk\tA,B\tDEV\n",
            vec!["tsv", "5\" disk = A B (validation)"],
        ),
        (
            "this is the text of a document\tA\nand another one here\tB\n",
            vec![
                "tsv",
                "this is the text of a document = A",
                "and another one here = B",
            ],
        ),
        (
            "[\n {\n  \"text\": \"t\",\n  \"labels\": [\"A\"]\n },\n {\"text\": 5}\n]\n",
            vec![
                "jsonl",
                "t = A",
                "line 6, column 11: `text`: invalid type: integer `5`, expected a string",
            ],
        ),
        (
            "{\n \"text\": \"t\"\n}\n{\n \"text\": \"u\"\n}",
            vec!["jsonl", "t = ?", "u = ?"],
        ),
        (
            "{\"tokens\":[\"a\",\"b\"],\"text\":null,\"paths\":[[\"Arts\",\"Music\"]],\"meta\":{\"n\":1}}\n",
            vec!["jsonl", "a b = A1"],
        ),
        (
            "not json\nnor this\n",
            vec![
                "jsonl",
                "line 1, column 2: found broken JSON (expected ident), expected one JSON object",
                "line 2, column 2: found broken JSON (expected ident), expected one JSON object",
            ],
        ),
    ] {
        assert_eq!(short(file.as_bytes()), expected, "{file}");
    }
}

#[test]
fn archives_of_texts_are_understood() {
    let annif = zip(&[
        ("c/1.txt", "\u{feff}one".as_bytes()),
        ("c/1.tsv", b"<A1>\tMusic\n<B>\tScience\n"),
        ("c/2.txt", b"two"),
        ("c/2.key", b"Jazz, old and new\n"),
        ("c/3.txt", b"three"),
    ]);
    assert_eq!(
        short(&annif),
        [
            "annif_directory",
            "1: one = A1 B",
            "2: two = A11",
            "3: three = ?"
        ]
    );
    let folders = zip(&[
        ("data/train/A/A1/1.txt", b"one"),
        ("data/train/B/2.txt", b"two"),
        ("data/test/A/3.txt", b"three"),
    ]);
    assert_eq!(
        short(&folders),
        [
            "txt",
            "3: three = A (test)",
            "1: one = A1 (train)",
            "2: two = B (train)"
        ]
    );
    // One folder for all is a label when it is one.
    let one = zip(&[("B/1.txt", b"one"), ("B/2.txt", b"two")]);
    assert_eq!(short(&one), ["txt", "1: one = B", "2: two = B"]);
    let parts = zip(&[
        ("wos_train.json", b"{\"token\":[\"a\"],\"label\":[\"A\"]}"),
        ("wos_test.json", b"{\"token\":[\"b\"],\"label\":[\"B\"]}"),
    ]);
    assert_eq!(short(&parts), ["hiagm", "b = B (test)", "a = A (train)"]);
}

#[test]
fn encodings_are_found() {
    let text = "id,text,labels\n1,Größe und Übermaß,A\n2,Käse für Bären,B\n3,Ärger über Öl,A\n";
    let expected: Vec<String> = short(text.as_bytes());
    assert!(expected[1].contains("Größe"), "{expected:?}");
    let (latin, _, _) = encoding_rs::WINDOWS_1252.encode(text);
    assert_eq!(short(&latin), expected);
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(short(&wide), expected);
    let marked: Vec<u8> = "\u{feff}"
        .encode_utf16()
        .chain(text.encode_utf16())
        .flat_map(u16::to_be_bytes)
        .collect();
    assert_eq!(short(&marked), expected);
    assert_eq!(short(format!("\u{feff}{text}").as_bytes()), expected);
    // One damaged line is damage.
    let damaged =
        b"{\"text\":\"fine\"}\n{\"text\":\"\xE9t\xE9\"}\n{\"text\":\"\xC3\xA9t\xC3\xA9\"}\n";
    assert_eq!(
        short(damaged),
        [
            "jsonl",
            "fine = ?",
            "line 2, column 10: found the byte 0xE9, expected UTF-8 text",
            "été = ?"
        ]
    );
    let asked = Reading {
        encoding: Some("latin-4711".to_owned()),
        ..Reading::default()
    };
    let error = read(text.as_bytes(), &asked).unwrap_err().to_string();
    assert!(
        error.starts_with("found the encoding `latin-4711`"),
        "{error}"
    );
}
