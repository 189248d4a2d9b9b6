use serde_json::json;

use super::{document, dropped, ids, nothing_is_left};
use crate::workbench::{Ran, Workbench};

/// `Top/News/World` is left out, so one label's parent is not its next prefix.
const LABELS: &str = "Root\nTop/News\nTop/News/Sports\nTop/News/Sports/Hockey\nTop/News/World/Africa\nTop/Features\nTop/Features/Arts\n";

fn article(classifiers: &[(&str, &str)], body: &str) -> String {
    let classifiers: String = classifiers
        .iter()
        .map(|(kind, path)| {
            format!("<classifier class=\"online_producer\" type=\"{kind}\">{path}</classifier>\n")
        })
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE nitf SYSTEM \"http://www.nitf.org/IPTC/NITF/3.3/specification/dtd/nitf-3-3.dtd\">\n<nitf><head><docdata><identified-content>\n{classifiers}</identified-content></docdata></head><body><body.head><hedline><hl1>Headline</hl1></hedline></body.head>\n<body.content>{body}</body.content></body></nitf>\n"
    )
}

const BODY: &str = "<block class=\"lead_paragraph\"><p>First.</p></block><block class=\"full_text\"><p>First.</p><p>Zürich &amp; co.</p></block>";
const KIND: &str = "taxonomic_classifier";

fn bench() -> Workbench {
    let bench = Workbench::empty();
    bench.write("labels.vocab", &LABELS);
    let sports = article(
        &[
            (KIND, "Top/News/Sports/Hockey/National Hockey League"),
            (KIND, "Top/News/Sports/Hockey"),
            // Too short to count, and of another kind.
            (KIND, "Top/Features"),
            ("descriptor", "Top/Features/Arts"),
        ],
        BODY,
    );
    bench.write("corpus/1987/01/01/0000001.xml", &sports);
    let africa = article(&[(KIND, "Top/News/World/Africa")], BODY);
    bench.write("corpus/1987/01/02/0000002.xml", &africa);
    let arts = article(&[(KIND, "Top/Features/Arts")], BODY);
    bench.write("corpus/2007/06/19/1855000.xml", &arts);
    bench.write("corpus/2007/06/19/1855001.xml", &article(&[], BODY));
    let single = article(&[(KIND, "Top/Features/Arts")], "<p>Only a lead.</p>");
    bench.write("corpus/2007/06/19/1855002.xml", &single);
    bench.write("corpus/2007/06/19/1855003.xml", &"<nitf><body>");
    // In no list.
    bench.write("corpus/2007/06/19/1855004.xml", &article(&[], BODY));
    bench.write(
        "train.json",
       & "Nytimes/2007/1855000.xml\nNytimes/1987/0000001.xml\nNytimes/2007/1855002.xml\nNytimes/2007/1855003.xml\nNytimes/1990/0300000.xml\nnothing\n",
    );
    bench.write("val.json", &"Nytimes/1987/0000002.xml\r\n");
    bench.write("test.json", &"1855001\n0000001\n");
    bench
}

fn import(bench: &Workbench, labels: [&str; 2], out: &str, more: &[&str]) -> Ran {
    let arguments = [
        "import",
        "nyt",
        "--corpus",
        "corpus",
        "--train-ids",
        "train.json",
        "--validation-ids",
        "val.json",
        "--test-ids",
        "test.json",
        labels[0],
        labels[1],
        "--out",
        out,
        "--json",
    ];
    bench.run(&[&arguments, more].concat())
}

#[test]
fn listed_articles_get_the_labels_of_their_classifiers() {
    let bench = bench();
    let summary = import(&bench, ["--labels", "labels.vocab"], "nyt", &[])
        .ended_with(0)
        .json();
    assert_eq!(
        ids(&bench, "nyt"),
        [vec!["1855000", "0000001"], vec!["0000002"], vec!["1855001"]]
    );
    let labels = |id: &str| document(&bench, "nyt", id)["labels"].clone();
    assert_eq!(
        labels("0000001"),
        json!(["Top/News", "Top/News/Sports", "Top/News/Sports/Hockey"])
    );
    assert_eq!(
        labels("0000002"),
        json!(["Top/News", "Top/News/World/Africa"])
    );
    assert_eq!(
        labels("1855000"),
        json!(["Top/Features", "Top/Features/Arts"])
    );
    assert_eq!(labels("1855001"), json!([]));
    // All paragraphs but the first, glued.
    assert_eq!(
        document(&bench, "nyt", "0000001")["text"],
        "First.Zürich & co."
    );
    assert_eq!(
        bench.read("nyt/taxonomy.tsv"),
        "Top/News\tRoot\nTop/News/Sports\tTop/News\nTop/News/Sports/Hockey\tTop/News/Sports\nTop/News/World/Africa\tTop/News\nTop/Features\tRoot\nTop/Features/Arts\tTop/Features\n"
    );
    assert!(
        bench
            .read("nyt/taxonomy.json")
            .contains("\"name\":\"Hockey\"")
    );
    assert_eq!(summary["unlabelled_documents"], 1);
    assert_eq!(summary["unclosed_documents"], 0);
    assert_eq!(summary["labels_per_level"], json!([2, 3, 1]));
    assert_eq!(
        dropped(&summary),
        [
            ("malformed", 2),
            ("duplicate_id", 1),
            ("empty_text", 1),
            ("missing_file", 1)
        ]
    );
    let rejects = bench.read("nyt/rejects.jsonl");
    for part in [
        "train.json:6",
        "1855003.xml",
        "train.json:5",
        "0300000.xml",
        "0000001` a second time",
    ] {
        assert!(rejects.contains(part), "no {part:?} in {rejects}");
    }

    import(
        &bench,
        ["--labels", "labels.vocab"],
        "parted",
        &["--paragraph-separator", "\n"],
    )
    .ended_with(0);
    assert_eq!(
        document(&bench, "parted", "0000001")["text"],
        "First.\nZürich & co."
    );
}

#[test]
fn labels_may_come_from_a_taxonomy() {
    let bench = bench();
    bench.write(
        "nyt.taxonomy",
       & "Root\tTop/News\tTop/Features\nTop/News\tTop/News/Sports\tTop/News/World/Africa\nTop/Features\tTop/Features/Arts\nTop/News/Sports\tTop/News/Sports/Hockey\n",
    );
    import(&bench, ["--taxonomy", "nyt.taxonomy"], "tree", &[]).ended_with(0);
    import(&bench, ["--labels", "labels.vocab"], "list", &[]).ended_with(0);
    for file in ["train.jsonl", "validation.jsonl", "test.jsonl"] {
        assert_eq!(
            bench.read(&format!("tree/{file}")),
            bench.read(&format!("list/{file}")),
            "{file}"
        );
    }
    bench.write("broken.taxonomy", &"A\tB\nB\tA\n");
    import(&bench, ["--taxonomy", "broken.taxonomy"], "out", &[])
        .ended_with(2)
        .says(&["broken.taxonomy", "line"]);
    nothing_is_left(&bench, "out");
}

#[test]
fn files_of_another_form_are_refused() {
    let bench = bench();
    bench.write("odd.vocab", &"Top/News\nSports\n");
    import(&bench, ["--labels", "odd.vocab"], "out", &[])
        .ended_with(2)
        .says(&["odd.vocab:2: found \"Sports\"", "Top/News/Sports"]);
    bench.write("val.json", &"\n");
    import(&bench, ["--labels", "labels.vocab"], "out", &[])
        .ended_with(2)
        .says(&["val.json: found no article"]);
    nothing_is_left(&bench, "out");
}
