//! Tests of the author's side; the seam itself is tested from `tests/`, through real libraries.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;

use arborist_shared::run::{LogLevel, ProgressStep, RunEvent};

use crate::method::ScoreRow;
use crate::seam::method_name;
use crate::{
    Document, DocumentReader, Documents, Host, HostCallbacks, ModelError, ReadError, Scores,
};

fn snapshot(text: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("train.jsonl");
    fs::write(&path, text).unwrap();
    (directory, path)
}

#[test]
fn documents_come_back_as_written() {
    let (_directory, path) = snapshot(concat!(
        "{\"id\":\"a\",\"text\":\"eins\",\"labels\":[0,2],\"explicit\":[2]}\n",
        "\n",
        "{\"id\":\"ü\",\"text\":\"\",\"labels\":[],\"explicit\":[]}\r\n",
        "{\"id\":\"c\",\"text\":\"z\\u00e4h\\n\\ud83c\\udf33\",\"labels\":[1],\"explicit\":[1],\"later\":true}",
    ));
    let documents = Documents::read(&path, 3).unwrap();
    assert_eq!(documents.len(), 3);
    assert_eq!(
        documents.document(0),
        Document {
            id: "a",
            text: "eins",
            labels: &[0, 2],
            explicit: &[2]
        }
    );
    assert_eq!(documents.id(1), "ü");
    assert!(documents.labels(1).is_empty());
    assert_eq!(documents.text(2), "zäh\n🌳");
    assert_eq!(documents.explicit(2), [1]);
    assert_eq!(
        documents.texts().collect::<Vec<_>>(),
        ["eins", "", "zäh\n🌳"]
    );
    assert_eq!(documents.text_bytes(), 4 + 9);

    let mut reader = DocumentReader::open(&path, 3).unwrap();
    let mut streamed = Documents::default();
    while let Some(document) = reader.next_document().unwrap() {
        streamed.push(document);
    }
    assert_eq!(streamed, documents);
}

#[test]
fn an_empty_snapshot_has_no_documents() {
    let (_directory, path) = snapshot("");
    assert!(Documents::read(&path, 3).unwrap().is_empty());
}

fn check_error(line: &str, position: (Option<u64>, Option<u64>), reason: &str) {
    let good = "{\"id\":\"a\",\"text\":\"b\",\"labels\":[0],\"explicit\":[0]}\n";
    let (_directory, path) = snapshot(&format!("{good}{line}\n{good}"));
    let error = Documents::read(&path, 3).unwrap_err();
    assert_eq!((error.line, error.column), position, "{error}");
    assert_eq!(error.reason, reason);
}

#[test]
fn errors_name_line_and_column() {
    check_error(
        "{\"id\":\"a\",\"text\":\"b\",\"labels\":[0}",
        (Some(2), Some(33)),
        "expected `,` or `]`",
    );
    check_error(
        "{\"id\":\"a\",\"labels\":[0]}",
        (Some(2), Some(23)),
        "missing field `text`",
    );
    check_error(
        "{\"id\":\"a\",\"text\":\"b\",\"labels\":null}",
        (Some(2), Some(34)),
        "invalid type: null, expected a sequence",
    );
    check_error(
        "{\"id\":\"a\",\"text\":\"b\",\"labels\":[0],\"explicit\":[3]}",
        (Some(2), None),
        "`explicit` names label 3, expected a position below 3, the number of labels of the taxonomy",
    );
    check_error(
        "{\"id\":\"a\",\"text\":\"b\",\"labels\":[1,0]}",
        (Some(2), None),
        "`labels` must be in increasing order, each label once",
    );
}

#[test]
fn a_read_error_says_where() {
    let error = ReadError {
        path: PathBuf::from("/run/train.jsonl"),
        line: Some(2),
        column: Some(7),
        reason: "expected `,`".to_owned(),
    };
    assert_eq!(
        error.to_string(),
        "/run/train.jsonl, line 2, column 7: expected `,`"
    );
    let missing = Documents::read("/nowhere/train.jsonl".as_ref(), 1).unwrap_err();
    assert!(
        missing
            .to_string()
            .starts_with("/nowhere/train.jsonl: cannot be read: No such file"),
        "{missing}"
    );
}

#[derive(Default)]
struct Notebook(Mutex<Vec<RunEvent>>);

impl HostCallbacks for Notebook {
    fn emit(&self, event: RunEvent) {
        self.0.lock().unwrap().push(event);
    }

    fn is_cancelled(&self) -> bool {
        self.0.lock().unwrap().len() > 1
    }
}

#[test]
fn a_host_hears_progress_and_log_lines() {
    let notebook = Notebook::default();
    let host = Host::new(&notebook);
    host.check_cancelled().unwrap();
    host.step("documents", 1, 2);
    host.warning("slow");
    assert!(matches!(host.check_cancelled(), Err(ModelError::Cancelled)));
    let heard = notebook.0.into_inner().unwrap();
    let step = ProgressStep {
        name: "documents".to_owned(),
        current: 1,
        total: 2,
    };
    assert_eq!(
        heard,
        [
            RunEvent::Progress {
                at_ms: 0,
                steps: vec![step]
            },
            RunEvent::Log {
                at_ms: 0,
                level: LogLevel::Warning,
                message: "slow".to_owned()
            },
        ]
    );
}

#[test]
fn numbers_that_json_cannot_hold_become_a_warning() {
    let notebook = Notebook::default();
    let losses = BTreeMap::from([("total".to_owned(), f64::NAN), ("label".to_owned(), 1.0)]);
    Host::new(&notebook).emit(RunEvent::Step {
        at_ms: 0,
        epoch: 1,
        step: 1,
        losses,
        learning_rate: f64::INFINITY,
        documents_per_second: 3.0,
    });
    let heard = notebook.0.into_inner().unwrap();
    let RunEvent::Log { message, .. } = &heard[0] else {
        panic!("{heard:?}")
    };
    assert_eq!(message, "not a finite number: loss `total`, learning rate");
    let RunEvent::Step {
        losses,
        learning_rate,
        ..
    } = &heard[1]
    else {
        panic!("{heard:?}")
    };
    assert_eq!(losses.keys().collect::<Vec<_>>(), ["label"]);
    assert!(learning_rate.abs() < f64::EPSILON);
}

#[test]
fn rows_of_scores() {
    let dense = Scores::Dense {
        n_labels: 2,
        values: vec![0.1, 0.2, 0.3, 0.4],
    };
    assert_eq!(dense.len(), 2);
    assert_eq!(dense.row(1), Some(ScoreRow::Dense(&[0.3, 0.4])));
    assert_eq!(dense.row(2), None);
    let sparse = Scores::Sparse {
        offsets: vec![0, 0, 2],
        labels: vec![2, 0],
        values: vec![0.5, 0.6],
    };
    assert_eq!(sparse.len(), 2);
    assert_eq!(sparse.row(0).unwrap().to_dense(3), [0.0, 0.0, 0.0]);
    assert_eq!(sparse.row(1).unwrap().to_dense(3), [0.6, 0.0, 0.5]);
    assert_eq!(sparse.row(2), None);
}

#[test]
fn methods_are_named_after_their_package() {
    assert_eq!(method_name("arborist-hiagm"), "hiagm");
    assert_eq!(method_name("my-method"), "my-method");
    assert_eq!(method_name("arb"), "arb");
}
