use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use arborist_plugin_api::HostCallbacks;
use arborist_shared::run::RunEvent;
use proptest::prelude::*;
use tch::Device;

use super::*;
use crate::batch::EncodedDocuments;
use crate::initializer::Initializer;
use crate::parameters::Parameters;
use crate::testing::values;
use crate::text::{
    Cleaning, StopWords, TextOptions, TextPipeline, VocabularyBuilder, VocabularyLimits,
};

/// Hears everything, and asks to stop after so many questions.
struct Listener {
    heard: Mutex<Vec<RunEvent>>,
    questions: AtomicUsize,
    stop_at: usize,
}

impl Default for Listener {
    fn default() -> Self {
        Self {
            heard: Mutex::default(),
            questions: AtomicUsize::new(0),
            stop_at: usize::MAX,
        }
    }
}

impl HostCallbacks for Listener {
    fn emit(&self, event: RunEvent) {
        self.heard.lock().unwrap().push(event);
    }

    fn is_cancelled(&self) -> bool {
        self.questions.fetch_add(1, Ordering::Relaxed) >= self.stop_at
    }
}

impl Listener {
    fn warnings(&self) -> Vec<String> {
        let heard = self.heard.lock().unwrap();
        let warning = |event: &RunEvent| match event {
            RunEvent::Log { message, .. } => Some(message.clone()),
            _ => None,
        };
        heard.iter().filter_map(warning).collect()
    }

    /// What was said about a step: how far, of how much.
    fn steps(&self, name: &str) -> Vec<(u64, u64)> {
        let heard = self.heard.lock().unwrap();
        let steps = heard.iter().filter_map(|event| match event {
            RunEvent::Progress { steps, .. } => Some(&steps[0]),
            _ => None,
        });
        steps
            .filter(|step| step.name == name)
            .map(|step| (step.current, step.total))
            .collect()
    }
}

fn file(content: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    file
}

fn vocabulary<'a>(words: impl Iterator<Item = &'a str>) -> Vocabulary {
    let mut builder = VocabularyBuilder::default();
    for word in words {
        builder.count(word);
    }
    builder.finish(VocabularyLimits {
        min_frequency: 1,
        max_size: usize::MAX,
    })
}

fn table(rows: usize, width: usize) -> std::rc::Rc<WordTable> {
    let mut parameters = Parameters::fresh(Device::Cpu, 1);
    let shape = [rows as i64, width as i64];
    parameters
        .add_table("words", shape, &Initializer::Uniform(0.25), None)
        .unwrap()
}

type Read = Vec<(String, Vec<f32>)>;

/// Every word with its vector, in the order of the file.
fn read_with(content: &[u8], host: &Host<'_>, part: usize) -> Result<Read, KitError> {
    let file = file(content);
    let vectors = WordVectors::open_in_parts(file.path(), host, part)?;
    let vocabulary = vocabulary(vectors.words());
    let table = table(vocabulary.len(), vectors.width());
    let ids = vectors.fill(&table, &vocabulary, host)?;
    let row = |id: &u32| values(&table.values().get(i64::from(*id)));
    assert_eq!(ids.len(), vocabulary.words().len());
    Ok(vectors
        .words()
        .map(str::to_owned)
        .zip(ids.iter().map(row))
        .collect())
}

fn read(content: &[u8]) -> Result<Read, String> {
    read_with(content, &Host::new(&Listener::default()), PART).map_err(|error| error.to_string())
}

fn words(content: &[u8]) -> Vec<String> {
    let read = read(content).unwrap();
    read.into_iter().map(|(word, _)| word).collect()
}

#[track_caller]
fn assert_refused(content: &[u8], parts: &[&str]) {
    let message = read(content).unwrap_err();
    for part in parts {
        assert!(message.contains(part), "{message}");
    }
}

fn the_tree() -> Read {
    vec![
        ("the".to_owned(), vec![0.5, -1.0]),
        ("tree".to_owned(), vec![1.0, 2e-3]),
    ]
}

#[test]
fn words_and_numbers_are_read() {
    assert_eq!(read(b"the 0.5 -1\nTree 1 2e-3\n").unwrap(), the_tree());
    assert_eq!(
        read(b"the 5E-1 -1.0e+0\ntree +1. .002").unwrap(),
        the_tree()
    );
}

#[test]
fn a_header_is_skipped() {
    assert_eq!(read(b"2 2\nthe 0.5 -1\ntree 1 2e-3").unwrap(), the_tree());
    assert_eq!(
        read(b"2 2 \r\nthe 0.5 -1 \r\ntree 1 2e-3 \r\n").unwrap(),
        the_tree()
    );
    // Two fields that are no counts are a word and its one number.
    assert_eq!(read(b"a 2.5\nb 3\n").unwrap()[0].1, [2.5]);
    assert_refused(
        b"2 3\nthe 0.5 -1\ntree 1 2\n",
        &["line 1", "found 3", "2 numbers"],
    );
}

#[test]
fn a_file_shorter_than_its_header_says_is_noted() {
    let listener = Listener::default();
    read_with(b"3 2\nthe 0.5 -1\nThe 1 2\n", &Host::new(&listener), PART).unwrap();
    let warnings = listener.warnings();
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].contains("promises 3 words and 2 are there"),
        "{warnings:?}"
    );
}

#[test]
fn ends_of_lines_blanks_and_empty_lines_do_not_matter() {
    let content = b"\n  \nthe\t0.5  -1 \r\n\r\n \ntree 1 2e-3   ";
    assert_eq!(read(content).unwrap(), the_tree());
    assert_eq!(
        read(b"\xef\xbb\xbfthe 0.5 -1\ntree 1 2e-3\n").unwrap(),
        the_tree()
    );
}

#[test]
fn a_word_may_hold_blanks() {
    let content = b". . 4 5 6\nthe 1 2 3\nat name@domain 7 8 9\n  in 20 1 2 3\nto\t 4 5 6\n";
    let read = read(content).unwrap();
    assert_eq!(read[0], (". .".to_owned(), vec![4.0, 5.0, 6.0]));
    assert_eq!(read[2].0, "at name@domain");
    assert_eq!(read[3], ("in 20".to_owned(), vec![1.0, 2.0, 3.0]));
    assert_eq!(read[4], ("to".to_owned(), vec![4.0, 5.0, 6.0]));
}

#[test]
fn a_word_may_be_a_number() {
    let read = read(b"0 1 2\n7 3 4\n1 2 5 6\nthe 7 8\n").unwrap();
    assert_eq!(read[0], ("0".to_owned(), vec![1.0, 2.0]));
    assert_eq!(read[2], ("1 2".to_owned(), vec![5.0, 6.0]));
}

#[test]
fn numbers_behind_a_blank_have_no_word() {
    assert_eq!(words(b"the 1 2\n 3 4\ntree 5 6\n"), ["the", "tree"]);
}

#[test]
fn the_first_line_of_a_word_counts() {
    assert_eq!(
        read(b"the 0.5 -1\ntree 1 2e-3\nthe 7 7\nTREE 8 8\n").unwrap(),
        the_tree()
    );
    // A word in capitals is another word that lower-cased texts cannot tell from this one.
    assert_eq!(
        read(b"The 7 7\nTREE 8 8\nthe 0.5 -1\ntree 1 2e-3\nthe 9 9\n").unwrap(),
        the_tree()
    );
    assert_eq!(
        read(b"The 0.5 -1\ntree 1 2e-3\nTHE 8 8\n").unwrap(),
        the_tree()
    );
}

#[test]
fn words_are_lower_cased_as_texts_are() {
    let words = words("ÉCOLE 1\nΟΔΟΣ 2\nİZMİR 3\n目标 4\n".as_bytes());
    let options = TextOptions {
        cleaning: Cleaning::Blanks,
        stop_words: StopWords::Keep,
        max_length: 9,
    };
    let mut expected = Vec::new();
    options.for_each_word("ÉCOLE ΟΔΟΣ İZMİR 目标", |word| {
        expected.push(word.to_owned())
    });
    assert_eq!(words, expected);
}

#[test]
fn words_that_are_not_utf8_are_noted() {
    let listener = Listener::default();
    let content = b"2 1\nthe 1\nna\xefve 2\n\xff 3\n";
    let read = read_with(content, &Host::new(&listener), 8).unwrap();
    let words: Vec<&str> = read.iter().map(|(word, _)| word.as_str()).collect();
    assert_eq!(words, ["the", "na\u{fffd}ve", "\u{fffd}"]);
    let warnings = listener.warnings();
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].contains("2 words are not UTF-8, the first on line 3"),
        "{warnings:?}"
    );
}

#[test]
fn broken_lines_are_named() {
    assert_refused(
        b"the 1 2\ntree 1\n",
        &["line 2", "found 2 fields", "2 numbers"],
    );
    assert_refused(
        b"the 1 2\n\ntree 1 x\n",
        &["line 3", "`x`", "expected a number"],
    );
    assert_refused(b"2 2\nthe 1 2\ntree 1\n", &["line 3"]);
    assert_refused(b"the 1 2\ntree \xff 2\n", &["line 2", "expected a number"]);
    assert_refused(b"words only\n", &["no vector"]);
    assert_refused(b"2 2\n", &["no vector"]);
    assert_refused(b"", &["no vector"]);
    // In whatever part of the file they are, and the first of several.
    let mut content: Vec<u8> = (0..900)
        .flat_map(|line| format!("word{line} 1 2\n").into_bytes())
        .collect();
    content.extend_from_slice(b"short 1\nword 1 2\nshort\n");
    for part in [1, 64, 5_000, PART] {
        let host = Listener::default();
        let error = read_with(&content, &Host::new(&host), part).unwrap_err();
        assert!(error.to_string().contains("line 901:"), "{part}: {error}");
    }
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    for number in ["nan", "NaN", "inf", "-Infinity", "1e39"] {
        let content = format!("the 1 2\ntree 1 {number}\n");
        assert_refused(
            content.as_bytes(),
            &["line 2", &format!("`{number}`"), "finite"],
        );
    }
}

#[test]
fn only_numbers_of_wanted_words_are_read() {
    let file = file(b"the 0.5 -1\nnever x y\ntree 1 2e-3\n");
    let listener = Listener::default();
    let host = Host::new(&listener);
    let vectors = WordVectors::open(file.path(), &host).unwrap();
    let vocabulary = vocabulary(["tree", "other", "the"].into_iter());
    let table = table(vocabulary.len(), 2);
    let before = values(table.values());
    assert_eq!(vectors.fill(&table, &vocabulary, &host).unwrap(), [2, 0]);
    let after = values(table.values());
    assert_eq!(after[..2], [1.0, 2e-3]);
    assert_eq!(after[4..6], [0.5, -1.0]);
    assert_eq!(
        (&after[2..4], &after[6..]),
        (&before[2..4], &before[6..]),
        "rows without a vector stay"
    );
}

#[test]
fn packed_files_are_refused_in_words() {
    for (format, content) in [
        ("gzip", &b"\x1f\x8b\x08\0\0"[..]),
        ("zip", b"PK\x03\x04\x14\0"),
        ("xz", b"\xfd7zXZ\0\0"),
        ("zstd", b"\x28\xb5\x2f\xfd\0"),
    ] {
        assert_refused(content, &["packed", format, "unpack it first"]);
    }
}

#[test]
fn files_that_are_none_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let listener = Listener::default();
    let open = |path: &Path| WordVectors::open(path, &Host::new(&listener)).unwrap_err();
    assert!(
        open(directory.path())
            .to_string()
            .contains("expected an ordinary file")
    );
    assert!(matches!(
        open(&directory.path().join("none")),
        KitError::File { .. }
    ));
}

fn many(lines: usize) -> Vec<u8> {
    (0..lines)
        .flat_map(|line| format!("Word{} {line} {}e-1\n", line % 700, line % 13).into_bytes())
        .collect()
}

#[test]
fn the_host_hears_how_far_it_is() {
    let content = many(800);
    let listener = Listener::default();
    read_with(&content, &Host::new(&listener), 256).unwrap();
    for (name, total) in [
        ("finding words in the vectors", content.len() as u64),
        ("reading vectors", 700),
    ] {
        let steps = listener.steps(name);
        assert!(
            steps.is_sorted() && steps.len() <= 51,
            "{name}: {} reports",
            steps.len()
        );
        assert_eq!(steps.last(), Some(&(total, total)));
    }
    assert!(listener.steps("finding words in the vectors").len() > 20);
}

#[test]
fn the_host_can_stop_it() {
    let content = many(800);
    let questions = {
        let listener = Listener::default();
        read_with(&content, &Host::new(&listener), 256).unwrap();
        listener.questions.into_inner()
    };
    for stop_at in 0..questions {
        let listener = Listener {
            stop_at,
            ..Listener::default()
        };
        let result = read_with(&content, &Host::new(&listener), 256);
        assert!(
            matches!(result, Err(KitError::Cancelled)),
            "stopped at question {stop_at}: {result:?}"
        );
    }
}

#[test]
fn coverage_counts_words_and_running_words() {
    let vocabulary = vocabulary(["the", "tree", "root", "leaf"].into_iter());
    let options = TextOptions {
        cleaning: Cleaning::Blanks,
        stop_words: StopWords::Keep,
        max_length: 9,
    };
    let pipeline = TextPipeline::new(options, vocabulary.clone());
    let mut documents = EncodedDocuments::default();
    let mut ids = Vec::new();
    for text in ["the tree the", "", "root unheard"] {
        pipeline.encode(text, &mut ids);
        documents.push(&ids, &[]);
    }
    let the = vocabulary.id("the");
    let leaf = vocabulary.id("leaf");
    let coverage = Coverage::new(&[the, leaf], &vocabulary, &documents);
    assert_eq!(
        coverage,
        Coverage {
            words: 4,
            known_words: 2,
            running_words: 5,
            known_running_words: 2
        }
    );
    assert_eq!(
        coverage.to_string(),
        "2 of 4 words have a vector in the file (40.0 % of the running words of the training documents)"
    );
}

/// The obvious way to read a file without a header: line by line, as text.
fn naive(content: &str, width: usize) -> Read {
    let mut read: Vec<(String, bool, Vec<f32>)> = Vec::new();
    for line in content.lines() {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        if fields.is_empty() {
            continue;
        }
        let numbers = &fields[fields.len() - width..];
        let start = numbers[0].as_ptr() as usize - line.as_ptr() as usize;
        let spelled = line[..start].trim();
        let word = spelled.to_lowercase();
        let vector: Vec<f32> = numbers
            .iter()
            .map(|number| number.parse().unwrap())
            .collect();
        let verbatim = word == spelled;
        match read.iter_mut().find(|(known, ..)| *known == word) {
            Some((_, known, _)) if *known || !verbatim => {}
            Some(entry) => *entry = (word, verbatim, vector),
            None => read.push((word, verbatim, vector)),
        }
    }
    read.into_iter()
        .map(|(word, _, vector)| (word, vector))
        .collect()
}

fn number() -> impl Strategy<Value = String> {
    let finite = any::<u32>().prop_map(|bits| {
        let value = f32::from_bits(bits);
        if value.is_finite() { value } else { 0.25 }
    });
    prop_oneof![
        (-10_000_i32..10_000).prop_map(|value| format!("{:.5}", f64::from(value) / 1e4)),
        finite.clone().prop_map(|value| format!("{value}")),
        finite.prop_map(|value| format!("{value:e}")),
        "[0-9]{1,30}\\.[0-9]{0,30}".prop_map(|number| number),
    ]
}

fn line(width: usize) -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[a-cA-C]{1,2}",
        "[éÉ目xß]{1,3}",
        "[a-b.] {1,2}[C-D]",
        "[!-/]{1,40}",
    ];
    let numbers = prop::collection::vec((" |\t|  ", number()), width);
    let end = " {0,2}\r?\n";
    let full = (word, numbers, end).prop_map(|(word, numbers, end)| {
        let numbers: String = numbers
            .into_iter()
            .map(|(blank, number)| blank + &number)
            .collect();
        word + &numbers + &end
    });
    prop_oneof![9 => full, 1 => "[ \t]{0,2}\n"]
}

fn content() -> impl Strategy<Value = (usize, String)> {
    let lines = |width| {
        prop::collection::vec(line(width), 1..30).prop_map(move |lines| (width, lines.concat()))
    };
    (1_usize..5).prop_flat_map(lines)
}

proptest! {
    #[test]
    fn it_reads_what_a_naive_reader_reads((width, content) in content(), part in 1_usize..200, threads in 1..5, has_header in any::<bool>()) {
        let expected = naive(&content, width);
        prop_assume!(!expected.is_empty());
        let content = content.trim_end_matches('\n');
        let whole = if has_header { format!("1 {width}\n{content}") } else { content.to_owned() };
        tch::set_num_threads(threads);
        let found = read_with(whole.as_bytes(), &Host::new(&Listener::default()), part);
        let bits = |read: Read| -> Vec<(String, Vec<u32>)> {
            read.into_iter().map(|(word, vector)| (word, vector.into_iter().map(f32::to_bits).collect())).collect()
        };
        prop_assert_eq!(bits(found.unwrap()), bits(expected));
    }
}
