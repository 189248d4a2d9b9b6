//! SKOS as others write it.

use super::*;
use crate::taxonomy::LabelDetails;

/// The reference of what is written, with relative IRIs and without a base.
const TURTLE: &str = r#"
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix owl:  <http://www.w3.org/2002/07/owl#> .
@prefix dct:  <http://purl.org/dc/terms/> .
<tax/1> a skos:ConceptScheme ; owl:versionInfo "7" ; skos:hasTopConcept <tax/1/c/10> .
<tax/1/c/10> a skos:Concept ; skos:inScheme <tax/1> ; skos:topConceptOf <tax/1> ; skos:prefLabel "Science"@en ; skos:notation "5" .
<tax/1/c/11> a skos:Concept ; skos:inScheme <tax/1> ; skos:broader <tax/1/c/10> ; skos:prefLabel "Physics"@en ; skos:altLabel "Natural philosophy"@en ; skos:scopeNote "…"@en .
<tax/1/c/12> a skos:Concept ; owl:deprecated true ; dct:isReplacedBy <tax/1/c/11> ; skos:prefLabel "Fysics"@en .
"#;

#[test]
fn relative_iris_go_below_the_base() {
    let notes = check(
        TURTLE,
        TaxonomyFormat::Skos,
        &[
            "urn:tax/1/c/10",
            "urn:tax/1/c/11<urn:tax/1/c/10",
            "urn:tax/1/c/12",
        ],
    );
    assert!(notes.is_empty(), "{notes:?}");
    let taxonomy = read(TURTLE).taxonomy;
    assert_eq!(taxonomy.path_names(1), ["Science", "Physics"]);
    let expected = r#"{"language":"en","names":[{"name":"Natural philosophy","language":"en","kind":"alternative"}],"notes":[{"text":"…","language":"en"}]}"#;
    let expected: LabelDetails = serde_json::from_str(expected).unwrap();
    assert_eq!(taxonomy.details(1), Some(&expected));
    assert_eq!(taxonomy.details(0).unwrap().notation, "5");
    assert!(taxonomy.is_deprecated(2));
    assert_eq!(
        taxonomy.details(2).unwrap().replaced_by.as_deref(),
        Some("urn:tax/1/c/11")
    );
}

const SKOS: &str =
    "@prefix s: <http://www.w3.org/2004/02/skos/core#> . @prefix x: <http://x.org/> .\n";

#[test]
fn edges_may_stand_at_either_end() {
    let text = format!(
        "{SKOS}x:scheme s:hasTopConcept x:a . x:a s:narrower x:b , x:c ; s:prefLabel \"A\" . x:b s:broader x:a ; s:prefLabel \"B\" . x:d a s:Concept ; s:broader x:c , x:b ."
    );
    let notes = check(
        &text,
        TaxonomyFormat::Skos,
        &[
            "http://x.org/a",
            "http://x.org/b<http://x.org/a",
            "http://x.org/d<http://x.org/c<http://x.org/b",
            "http://x.org/c<http://x.org/a",
        ],
    );
    assert_eq!(
        notes,
        ["concepts without a name are shown by their notation or the end of their IRI: 2"]
    );
    assert_eq!(read(&text).taxonomy.name(3), "c");
}

#[test]
fn the_language_of_most_labels_is_shown() {
    let text = format!(
        "{SKOS}x:a a s:Concept ; s:prefLabel \"Tiere\"@de , \"Animals\"@en . x:b a s:Concept ; s:prefLabel \"Plants\"@EN-us , \"Plants\"@en .\n\
         x:c a s:Concept ; s:prefLabel \"Steine\"@de ; <http://purl.org/dc/terms/created> \"2020\" ; s:exactMatch x:z .\n\
         x:d a s:Concept ; s:prefLabel \"Wasser\"@de , \"Water\"@en ; <http://www.w3.org/2000/01/rdf-schema#label> \"Wasser\"@de ."
    );
    let parsed = read(&text);
    let names: Vec<&str> = parsed
        .taxonomy
        .indexes()
        .map(|l| parsed.taxonomy.name(l))
        .collect();
    // German and English stand at three concepts each; German came first.
    assert_eq!(names, ["Tiere", "Plants", "Steine", "Wasser"]);
    let details = parsed.taxonomy.details(1).unwrap();
    assert_eq!(
        (
            details.language.as_str(),
            details.names[0].language.as_str()
        ),
        ("en-US", "en")
    );
    assert_eq!(
        parsed.notes,
        [
            "statements that a label cannot hold were left out: 1 of dct:created, 1 of skos:exactMatch"
        ]
    );
}

#[test]
fn xml_and_json_say_the_same() {
    let xml = r#"<?xml version="1.0" encoding="UTF-8"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:skos="http://www.w3.org/2004/02/skos/core#">
  <skos:Concept rdf:about="http://x.org/a"><skos:prefLabel xml:lang="en">Fish &amp; chips</skos:prefLabel>
    <skos:narrower><skos:Concept rdf:about="http://x.org/b"><skos:prefLabel xml:lang="en">Chips</skos:prefLabel></skos:Concept></skos:narrower>
  </skos:Concept>
</rdf:RDF>"#;
    let json = r#"{"@context": {"skos": "http://www.w3.org/2004/02/skos/core#", "name": {"@id": "skos:prefLabel", "@language": "en"}},
 "@graph": [{"@id": "http://x.org/a", "@type": "skos:Concept", "name": "Fish & chips", "skos:narrower": {"@id": "http://x.org/b", "@type": "skos:Concept", "name": "Chips"}}]}"#;
    let expected = ["http://x.org/a", "http://x.org/b<http://x.org/a"];
    check(xml, TaxonomyFormat::SkosRdfXml, &expected);
    check(json, TaxonomyFormat::SkosJsonLd, &expected);
    assert_eq!(read(xml).taxonomy, read(json).taxonomy);
    assert_eq!(read(xml).taxonomy.name(0), "Fish & chips");
    // The one word stands for all notations.
    for text in [xml, json] {
        assert_eq!(
            parse(text.as_bytes(), Some(TaxonomyFormat::Skos)).unwrap(),
            read(text)
        );
    }
}

#[test]
fn faults_of_rdf_have_places() {
    let skos = Some(TaxonomyFormat::Skos);
    let cases = [
        (format!("{SKOS}x:a a s:Concept ;; s:prefLabel \"A .\n"), "line 2, column 32"),
        (format!("{SKOS}x:a s:broader y:b .\n"), "line 2, column 15"),
        ("<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n<a></b></rdf:RDF>".to_owned(), "line 2, column "),
        ("{\"@graph\": [\n{\"@id\": 3}]}".to_owned(), "line "),
    ];
    for (text, place) in cases {
        let message = parse(text.as_bytes(), skos).unwrap_err().to_string();
        assert!(message.starts_with(place), "{message}");
    }
    fail(
        &format!("{SKOS}x:a s:broader x:b . x:b s:broader x:a ."),
        None,
        "line 2, column 2: found the cycle `http://x.org/a` → `http://x.org/b` → `http://x.org/a`, expected a hierarchy without cycles",
    );
    fail(
        &format!("{SKOS}x:a s:broader x:b ."),
        None,
        "line 2, column 2: found the parent `http://x.org/b` of `http://x.org/a`, which is introduced nowhere, expected a label of the taxonomy",
    );
    fail(
        &format!("{SKOS}x:a a s:Concept , s:Collection ."),
        None,
        "line 2, column 2: found <http://x.org/a> as a concept and a scheme or collection, expected one of them",
    );
    fail(
        &format!("{SKOS}x:a a x:b ."),
        None,
        "line 1, column 1: found no label, expected at least one",
    );
}
