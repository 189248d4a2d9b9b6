use super::{document, dropped, ids, nothing_is_left};
use crate::workbench::{Ran, Workbench};

const HEADER: [&str; 7] = ["Y1", "Y2", "Y", "Domain", "area", "keywords", "Abstract"];

/// Code of domain and area, their names, and the abstract. Blanks around names are in the published file as well.
const RECORDS: [(&str, &str, &str, &str, &str); 12] = [
    ("1", "9", "ECE ", " Electrical generator ", "zero"),
    ("1", "9", "ECE ", "Analog signal processing", "one"),
    ("1", "9", "ECE ", "Electrical generator", "two"),
    ("1", "9", "ECE ", "Analog signal processing", "three"),
    ("1", "9", "ECE ", "Analog signal processing", "four"),
    (
        "5",
        "7",
        "Medical ",
        "Atrial Fibrillation",
        "five, \"quoted\"",
    ),
    ("5", "7", "Medical ", "Depression", "six"),
    ("5", "7", "Medical ", "Atrial Fibrillation", "seven"),
    ("2", "3", "Psychology  ", "Depression", "eight"),
    (
        "2",
        "3",
        "Psychology  ",
        "Depression",
        "It's nine; raw TEXT (9).",
    ),
    ("0", "0", "CS ", "Computer vision", "ten"),
    ("0", "0", "CS ", "Computer vision", "eleven"),
];

/// What `NumPy` and scikit-learn make of twelve documents with the authors' recipe.
const SPLIT: [&[&str]; 3] = [
    &["2", "8", "1", "5", "10", "9", "6"],
    &["7", "3"],
    &["11", "4", "0"],
];

fn tsv() -> String {
    let mut text = HEADER.join("\t") + "\n";
    for (y1, y2, domain, area, abstract_) in RECORDS {
        text += &format!("{y1}\t{y2}\t99\t{domain}\t{area}\tkey; word\t{abstract_}\n");
    }
    text
}

fn import(bench: &Workbench, meta: &str, out: &str) -> Ran {
    bench.run(&["import", "wos", "--meta", meta, "--out", out, "--json"])
}

#[test]
fn the_meta_file_becomes_the_published_split_with_repaired_labels() {
    let bench = Workbench::empty();
    bench.write("Data.txt", &tsv());
    let summary = import(&bench, "Data.txt", "wos")
        .ended_with(0)
        .says(&["12 records, the published split is of 46985"])
        .json();
    assert_eq!(ids(&bench, "wos"), SPLIT.map(|ids| ids.to_vec()));
    // The first record comes before the name that would replace its own; the third does not.
    let labels = |id: &str| document(&bench, "wos", id)["labels"].clone();
    assert_eq!(
        labels("0"),
        serde_json::json!(["ECE", "Electrical generator"])
    );
    assert_eq!(
        labels("2"),
        serde_json::json!(["ECE", "Analog signal processing"])
    );
    assert_eq!(
        labels("6"),
        serde_json::json!(["Medical", "Atrial Fibrillation"])
    );
    assert_eq!(labels("8"), serde_json::json!(["Psychology", "Depression"]));
    assert_eq!(
        document(&bench, "wos", "9")["text"],
        "It's nine; raw TEXT (9)."
    );
    assert_eq!(
        bench.read("wos/taxonomy.tsv"),
        "ECE\tRoot\nMedical\tRoot\nPsychology\tRoot\nCS\tRoot\nElectrical generator\tECE\nAnalog signal processing\tECE\nAtrial Fibrillation\tMedical\nDepression\tPsychology\nComputer vision\tCS\n"
    );
    assert_eq!(summary["documents"]["train"], 7);
    assert_eq!(summary["labels_per_level"], serde_json::json!([4, 5]));
    assert_eq!(summary["labels_per_document"], 2.0);
    assert_eq!(summary["changes"][0]["count"], 2);
    assert_eq!(summary["as_published"], false);
    assert_eq!(summary["inputs"][0]["option"], "--meta");
    assert_eq!(summary["inputs"][0]["bytes"], tsv().len());
    let written: serde_json::Value = serde_json::from_str(&bench.read("wos/import.json")).unwrap();
    assert_eq!(written, summary);
    for file in summary["files"].as_array().unwrap() {
        assert!(
            bench.path("wos").join(file.as_str().unwrap()).is_file(),
            "{file}"
        );
    }
    // The same files, the same bytes.
    import(&bench, "Data.txt", "again").ended_with(0);
    for file in ["train.jsonl", "taxonomy.tsv", "import.json"] {
        assert_eq!(
            bench.read(&format!("wos/{file}")),
            bench.read(&format!("again/{file}"))
        );
    }
}

/// The sheet saved as CSV: quoted, in another order of columns, with a byte order mark.
#[test]
fn a_sheet_saved_as_csv_is_the_same() {
    let bench = Workbench::empty();
    bench.write("Data.txt", &tsv());
    let mut csv = "\u{feff}Abstract,Y1,Y2,Domain,area\r\n".to_owned();
    for (y1, y2, domain, area, abstract_) in RECORDS {
        let quoted = abstract_.replace('"', "\"\"");
        csv += &format!("\"{quoted}\",{y1},{y2},{domain},\"{area}\"\r\n");
    }
    bench.write("Data.csv", &csv);
    import(&bench, "Data.txt", "tsv").ended_with(0);
    import(&bench, "Data.csv", "csv").ended_with(0);
    for file in [
        "train.jsonl",
        "validation.jsonl",
        "test.jsonl",
        "taxonomy.tsv",
    ] {
        assert_eq!(
            bench.read(&format!("csv/{file}")),
            bench.read(&format!("tsv/{file}")),
            "{file}"
        );
    }
    assert_eq!(document(&bench, "csv", "5")["text"], "five, \"quoted\"");
}

/// A record that cannot be read keeps its position, so the others stay in their parts.
#[test]
fn damaged_records_are_listed_and_shift_nobody() {
    let bench = Workbench::empty();
    let mut lines: Vec<Vec<u8>> = tsv().lines().map(|line| line.as_bytes().to_vec()).collect();
    // Documents 4, 8 and 11: lines begin with the header.
    lines[5] = b"1\t9\t99\tECE\tAnalog signal processing".to_vec();
    lines[9] = b"2\t3\t99\tPsychology\t\tk\teight".to_vec();
    lines[12] = b"0\t0\t99\tCS\tComputer vision\tk\tel\xe9ven".to_vec();
    bench.write("Data.txt", &lines.join(&b'\n'));
    let summary = import(&bench, "Data.txt", "wos").ended_with(0).json();
    assert_eq!(
        ids(&bench, "wos"),
        [
            vec!["2", "1", "5", "10", "9", "6"],
            vec!["7", "3"],
            vec!["0"]
        ]
    );
    assert_eq!(dropped(&summary), [("malformed", 3)]);
    let rejects = bench.read("wos/rejects.jsonl");
    for part in [
        "Data.txt:6\"",
        "found 5 fields, expected 7",
        "Data.txt:10\"",
        "`area`: found \\\"\\\"",
        "Data.txt:13\"",
        "0xE9 in column 3",
    ] {
        assert!(rejects.contains(part), "no {part:?} in {rejects}");
    }
}

#[test]
fn files_of_another_form_are_refused() {
    let bench = Workbench::empty();
    bench.write("Data.txt", &tsv());
    bench.write("other.txt", &"id\ttext\n1\ta\n");
    bench.write("empty.txt", &"");
    bench.write("header.txt", &HEADER.join("\t"));
    bench.write("old/file", &"");
    for (file, parts) in [
        (
            "other.txt",
            &["other.txt:1: found no column `Y1`", "expected a header"][..],
        ),
        ("empty.txt", &["found no column `Y1`"]),
        ("header.txt", &["header.txt: found no usable record"]),
        ("nowhere.txt", &["nowhere.txt"]),
        ("old", &["--meta: old: found a directory, expected a file"]),
    ] {
        import(&bench, file, "wos").ended_with(2).says(parts);
        nothing_is_left(&bench, "wos");
    }
    import(&bench, "Data.txt", "old")
        .ended_with(2)
        .says(&["--out: old", "not empty"]);
    bench
        .run(&["import", "wos", "--out", "wos"])
        .ended_with(2)
        .says(&["--meta"]);
    bench
        .run(&["import", "wos", "--texts", "X.txt", "--out", "wos"])
        .ended_with(2)
        .says(&["--domains", "--areas"]);
}

#[test]
fn parallel_files_of_codes_give_the_same_split() {
    let bench = Workbench::empty();
    let column = |field: fn(&(&str, &str, &str, &str, &str)) -> String| {
        RECORDS
            .iter()
            .map(|record| field(record) + "\n")
            .collect::<String>()
    };
    bench.write("X.txt", &column(|record| record.4.to_owned()));
    bench.write("YL1.txt", &column(|record| record.0.to_owned()));
    bench.write("YL2.txt", &column(|record| record.1.to_owned()));
    let import = |areas: &str, out: &str| {
        bench.run(&[
            "import",
            "wos",
            "--texts",
            "X.txt",
            "--domains",
            "YL1.txt",
            "--areas",
            areas,
            "--out",
            out,
            "--json",
        ])
    };
    let summary = import("YL2.txt", "wos").ended_with(0).json();
    assert_eq!(ids(&bench, "wos"), SPLIT.map(|ids| ids.to_vec()));
    assert_eq!(
        document(&bench, "wos", "2")["labels"],
        serde_json::json!(["1", "1-9"])
    );
    assert_eq!(summary["labels_per_level"], serde_json::json!([4, 4]));
    bench.write("short.txt", &"9\n9\n");
    import("short.txt", "short")
        .ended_with(2)
        .says(&["short.txt: found 2 lines"]);
    bench.write(
        "odd.txt",
        &column(|record| record.1.to_owned()).replacen('9', "IX", 1),
    );
    let summary = import("odd.txt", "odd").ended_with(0).json();
    assert_eq!(dropped(&summary), [("malformed", 1)]);
    assert!(bench.read("odd/rejects.jsonl").contains("odd.txt:1"));
}

/// What was imported is what `train` reads.
#[test]
fn an_imported_corpus_trains() {
    let bench = Workbench::new();
    bench.write("Data.txt", &tsv());
    import(&bench, "Data.txt", "wos").ended_with(0);
    let report = bench
        .run(&[
            "train",
            "--method",
            "toy",
            "--train",
            "wos/train.jsonl",
            "--validation",
            "wos/validation.jsonl",
            "--test",
            "wos/test.jsonl",
            "--taxonomy",
            "wos/taxonomy.tsv",
            "--out",
            "run",
            "--json",
        ])
        .ended_with(0)
        .json();
    assert_eq!(report["validation"]["documents"], 2);
    assert_eq!(report["test"]["documents"], 3);
}
