//! Annif's vocabularies.

use super::*;

#[test]
fn rows_of_subjects() {
    let text = "<http://x.org/1>\tCats\t599.75\n<http://x.org/2>\tDogs\n";
    let notes = check(
        text,
        TaxonomyFormat::AnnifTsv,
        &["http://x.org/1", "http://x.org/2"],
    );
    assert_eq!(
        notes,
        ["the file has no hierarchy: all labels are below the root"]
    );
    assert_eq!(read(text).taxonomy.details(0).unwrap().notation, "599.75");
    // Without angle brackets as well.
    assert_eq!(read("http://x.org/1\tCats\n").taxonomy.name(0), "Cats");
}

#[test]
fn a_column_for_each_language() {
    let text = "uri,notation,label_en,label_pt-BR\n<http://x.org/1>,1,\"Cats, big\",Gatos\nhttp://x.org/2,2,,Cães\nhttp://x.org/3,3,,\n";
    let taxonomy = read(text).taxonomy;
    assert_eq!(read(text).format, TaxonomyFormat::AnnifCsv);
    let of = |label: LabelIndex| (taxonomy.name(label), taxonomy.details(label).unwrap());
    assert_eq!((of(0).0, of(0).1.language.as_str()), ("Cats, big", "en"));
    assert_eq!(of(0).1.names[0].name, "Gatos");
    assert_eq!((of(1).0, of(1).1.language.as_str()), ("Cães", "pt-BR"));
    // A row without any name is a deprecated subject.
    assert_eq!(
        (of(2).0, of(2).1.deprecated, of(1).1.deprecated),
        ("3", true, false)
    );
}

#[test]
fn faults_of_vocabularies() {
    let tsv = Some(TaxonomyFormat::AnnifTsv);
    let csv = Some(TaxonomyFormat::AnnifCsv);
    fail(
        "cats\tCats\n",
        tsv,
        "line 1, column 1: found `cats`, expected the URI of a label",
    );
    fail(
        "<http://x.org/1>\n",
        tsv,
        "line 1, column 1: found a URI alone, expected a TAB and the name of the label after it",
    );
    fail(
        "<http://x.org/1>\ta\n<http://x.org/1>\tb\n",
        tsv,
        "line 2, column 1: found the id `http://x.org/1` twice, expected every id once",
    );
    fail(
        "uri,name\n",
        csv,
        "line 1, column 5: found the column `name`, expected `uri`, `notation` or `label_` and a language",
    );
    fail(
        "label_en\nCats\n",
        csv,
        "line 1, column 1: found no column `uri`, expected one in the header",
    );
    fail(
        "uri,label_en\nhttp://x.org/1,a,b\n",
        csv,
        "line 2, column 1: found 3 cells, expected 2, as in the header",
    );
}
