use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use super::{document, dropped, ids, nothing_is_left, rows};
use crate::workbench::{Ran, Workbench};

const HIERARCHY: &str = "\
parent: None                                      child: Root     child-description: Root
parent: Root                                      child: CCAT     child-description: CORPORATE/INDUSTRIAL
parent: CCAT                                      child: C15      child-description: PERFORMANCE
parent: C15                                       child: C151     child-description: ACCOUNTS/EARNINGS
parent: Root                                      child: GCAT     child-description: GOVERNMENT/SOCIAL
";

/// With a topic and a document that are nowhere else, and two broken lines.
const QRELS: &str = "CCAT 2286 1\nC15 2286 1\nC151 2286 1\nGCAT 2287 1\nGCAT 2288 1\nGCAT 2289 1\nGCAT 2290 1\nC151 2291 1\nGCAT 2292 1\nGCAT 26151 1\nCCAT 26152 1\nGCAT 26154 1\nX99 2286 1\nGCAT 2286\nGCAT x 1\n";

/// What `NumPy` and scikit-learn make of seven documents, in order and shuffled before.
const ORDERED: [&[&str]; 2] = [&["2288", "2287", "2289", "2286", "2291", "2290"], &["2292"]];
const SHUFFLED: [&[&str]; 2] = [&["2286", "2291", "2292", "2288", "2287", "2289"], &["2290"]];

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn bench() -> Workbench {
    let bench = Workbench::empty();
    bench.write("hier.orig", &HIERARCHY);
    bench.write("qrels.gz", &gzip(QRELS));
    // Not in the order of the ids, which is the one that counts.
    let train: String = (2286..=2292)
        .rev()
        .map(|id| format!(".I {id}\n.W\nnews of\n{id}  \n\n"))
        .collect();
    bench.write("train.dat", &train);
    bench.write(
        "test.dat",
       & "stray words\n.I 26151\n.W\nlate news\n\n.I 26152\n.W\n\n.I 26153\n.W\nno topic\n\n.I many\n.W\nof nobody\n",
    );
    bench
}

fn tokens(bench: &Workbench, out: &str, more: &[&str]) -> Ran {
    let arguments = [
        "import",
        "rcv1",
        "--train-tokens",
        "train.dat",
        "--test-tokens",
        "test.dat",
        "--qrels",
        "qrels.gz",
        "--hierarchy",
        "hier.orig",
        "--out",
        out,
        "--json",
    ];
    bench.run(&[&arguments, more].concat())
}

#[test]
fn token_files_become_the_published_split() {
    let bench = bench();
    let summary = tokens(&bench, "rcv1", &[]).ended_with(0).json();
    let [train, validation, test] = ids(&bench, "rcv1");
    assert_eq!([train, validation], ORDERED.map(|ids| ids.to_vec()));
    assert_eq!(test, ["26151"]);
    assert_eq!(
        document(&bench, "rcv1", "2286"),
        json!({"id": "2286", "text": "news of 2286", "labels": ["CCAT", "C15", "C151"], "split": "train"})
    );
    assert_eq!(
        bench.read("rcv1/taxonomy.tsv"),
        "CCAT\tRoot\nC15\tCCAT\nC151\tC15\nGCAT\tRoot\n"
    );
    // The descriptions are names, for whoever shows or embeds them.
    let named: serde_json::Value = serde_json::from_str(&bench.read("rcv1/taxonomy.json")).unwrap();
    assert_eq!(
        named["labels"][2],
        json!({"id": "C151", "name": "ACCOUNTS/EARNINGS", "parents": ["C15"]})
    );
    // 2291 has C151 alone.
    assert_eq!(summary["unclosed_documents"], 1);
    assert_eq!(summary["labels_per_level"], json!([2, 1, 1]));
    assert_eq!(
        dropped(&summary),
        [
            ("malformed", 4),
            ("empty_text", 1),
            ("not_in_collection", 1),
            ("unknown_label", 1)
        ]
    );
    let rejects = bench.read("rcv1/rejects.jsonl");
    for part in [
        "qrels.gz:13",
        "`X99`",
        "qrels.gz:14",
        "found 2 fields",
        "test.dat:1\"",
        "test.dat:13",
        "`many`",
        "document 26152",
        "document 26153",
    ] {
        assert!(rejects.contains(part), "no {part:?} in {rejects}");
    }

    tokens(&bench, "shuffled", &["--validation", "shuffled"]).ended_with(0);
    let [train, validation, _] = ids(&bench, "shuffled");
    assert_eq!([train, validation], SHUFFLED.map(|ids| ids.to_vec()));
}

fn news(id: u32, body: &str) -> Vec<u8> {
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"iso-8859-1\" ?>\n<newsitem itemid=\"{id}\" id=\"root\" date=\"1996-08-20\" xml:lang=\"en\">\n<title>Title</title>\n<headline>Headline</headline>\n<text>\n{body}\n</text>\n<metadata><codes class=\"bip:topics:1.0\"><code code=\"C15\"/></codes></metadata>\n</newsitem>\n"
    )
    .into_bytes();
    // The pound sign of ISO 8859-1.
    for byte in &mut xml {
        if *byte == b'$' {
            *byte = 0xa3;
        }
    }
    xml
}

#[test]
fn the_newswire_gives_the_same_split() {
    let bench = bench();
    for id in (2286..=2292).chain([26_151, 26_153]) {
        let day = if id < 10_000 { "19960820" } else { "19960831" };
        let body = "<p>It rose $2.</p>\n<p>Then &amp; now it fell.</p>";
        bench.write(&format!("xml/{day}/{id}newsML.xml"), &news(id, body));
    }
    bench.write("xml/19960831/26152newsML.xml", &news(26_152, ""));
    bench.write("xml/19960831/26154newsML.xml", &"<newsitem><p>broken");
    bench.write("xml/19960831/readme.txt", &"");
    let import = |ids: &str, out: &str, more: &[&str]| {
        let arguments = [
            "import",
            "rcv1",
            "--xml",
            "xml",
            "--train-ids",
            ids,
            "--qrels",
            "qrels.gz",
            "--hierarchy",
            "hier.orig",
            "--out",
            out,
            "--json",
        ];
        bench.run(&[&arguments, more].concat())
    };
    let summary = import("train.dat", "rcv1", &[]).ended_with(0).json();
    let [train, validation, test] = ids(&bench, "rcv1");
    assert_eq!([train, validation], ORDERED.map(|ids| ids.to_vec()));
    assert_eq!(test, ["26151"]);
    // No headline, and paragraphs glued, as in the papers.
    assert_eq!(
        document(&bench, "rcv1", "26151")["text"],
        "It rose £2.Then & now it fell."
    );
    assert_eq!(
        dropped(&summary),
        [
            ("malformed", 3),
            ("empty_text", 1),
            ("not_in_collection", 1),
            ("unknown_label", 1)
        ]
    );
    assert!(bench.read("rcv1/rejects.jsonl").contains("26154newsML.xml"));
    let inputs = summary["inputs"].as_array().unwrap();
    assert_eq!(inputs.last().unwrap()["files"], 11);

    // A list of numbers says the same; 2285 has no file.
    bench.write(
        "ids.txt",
        &"2285\n2292\n2286\n2287\n2288\n2289\n2290\n2291\n",
    );
    let summary = import("ids.txt", "listed", &["--paragraph-separator", " "])
        .ended_with(0)
        .json();
    assert!(dropped(&summary).contains(&("missing_file", 1)));
    assert_eq!(ids(&bench, "listed"), ids(&bench, "rcv1"));
    assert_eq!(
        rows(&bench, "listed/test.jsonl")[0]["text"],
        "It rose £2. Then & now it fell."
    );
}

#[test]
fn files_of_another_form_are_refused() {
    let bench = bench();
    bench.write("empty", &"");
    let run = |changes: &[(&str, &str)]| {
        let mut arguments = vec![
            "import",
            "rcv1",
            "--train-tokens",
            "train.dat",
            "--qrels",
            "qrels.gz",
            "--hierarchy",
            "hier.orig",
            "--out",
            "out",
        ];
        for (from, to) in changes {
            let position = arguments
                .iter()
                .position(|argument| argument == from)
                .unwrap();
            arguments[position] = to;
        }
        bench.run(&arguments)
    };
    for (changes, parts) in [
        (
            &[("hier.orig", "train.dat")][..],
            &["train.dat:1: found \".I 2292\", expected `parent:"][..],
        ),
        (&[("hier.orig", "empty")], &["empty: found no line"]),
        (
            &[("qrels.gz", "hier.orig")],
            &["hier.orig: found no usable line", "GCAT 2286 1"],
        ),
        (&[("train.dat", "nowhere.dat")], &["nowhere.dat"]),
        (
            &[("--train-tokens", "--xml"), ("train.dat", "nowhere")],
            &["--train-ids"],
        ),
    ] {
        run(changes).ended_with(2).says(parts);
        nothing_is_left(&bench, "out");
    }
    bench.write(
        "cycle",
        &"parent: A child: B child-description: b\nparent: B child: A child-description: a\n",
    );
    run(&[("hier.orig", "cycle")])
        .ended_with(2)
        .says(&["cycle: found the cycle"]);
    bench.write("hollow/readme", &"");
    bench
        .run(&[
            "import",
            "rcv1",
            "--xml",
            "hollow",
            "--train-ids",
            "train.dat",
            "--qrels",
            "qrels.gz",
            "--hierarchy",
            "hier.orig",
            "--out",
            "out",
        ])
        .ended_with(2)
        .says(&["hollow: found no file `<id>newsML.xml`"]);
}
