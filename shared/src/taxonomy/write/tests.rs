use proptest::prelude::*;

use super::*;
use crate::fixtures::any_taxonomy;
use crate::taxonomy::formats::Holds;
use crate::taxonomy::{LabelDetails, LabelText, NewLabel, ParsedTaxonomy, parse};

fn text_of(taxonomy: &Taxonomy, format: TaxonomyFormat) -> String {
    let mut file = Vec::new();
    let origin = Origin {
        title: Some("Animals & plants"),
        version: Some("7"),
    };
    write(taxonomy, format, origin, &mut file).unwrap();
    String::from_utf8(file).unwrap()
}

/// Labels by id: formats may have an order of their own.
fn by_id(taxonomy: &Taxonomy, keeps_order: bool) -> Vec<NewLabel> {
    let mut labels = taxonomy.to_labels();
    if !keeps_order {
        labels.sort_by(|a, b| a.id.cmp(&b.id));
    }
    labels
}

fn any_id() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9]{1,6}",
        "[a-z./%:#& \\\\\"'<>äß日]{1,8}",
        "https?://[a-z]{1,5}\\.org/[a-z0-9/#]{1,6}",
        "urn:[a-z]{2,4}:[a-z0-9]{1,4}",
        Just("child".to_owned()),
        Just("uri".to_owned()),
    ]
    .prop_map(|id| {
        if id.trim().is_empty() {
            "blank".to_owned()
        } else {
            id
        }
    })
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z]{1,8}",
        "[a-z ,;\"'&<>\\\\/äß日\\n]{0,10}[a-z]",
        Just("Root".to_owned()),
        Just("level 1".to_owned()),
        Just("  blanks \n".to_owned()),
    ]
}

fn any_language() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "en", "de", "pt-BR", "zh-Hant"]).prop_map(str::to_owned)
}

fn any_texts() -> impl Strategy<Value = Vec<LabelText>> {
    let text = (any_text(), any_language());
    prop::collection::vec(
        text.prop_map(|(text, language)| LabelText { text, language }),
        0..3,
    )
}

fn any_details() -> impl Strategy<Value = LabelDetails> {
    let kinds = [NameKind::Preferred, NameKind::Alternative, NameKind::Hidden];
    let name = (
        any_text(),
        any_language(),
        prop::sample::select(kinds.to_vec()),
    );
    let name = name.prop_map(|(name, language, kind)| LabelName {
        name,
        language,
        kind,
    });
    (
        (any_language(), prop::collection::vec(name, 0..4)),
        (any_texts(), any_texts(), any_texts()),
        "[0-9.]{0,4}",
        prop::collection::vec(any_id(), 0..2),
        (any::<bool>(), prop::option::of(any_id()), any::<bool>()),
    )
        .prop_map(
            |(
                (language, mut names),
                texts,
                notation,
                related,
                (deprecated, replaced_by, in_order),
            )| {
                if in_order {
                    names.sort_by_key(|name| name.kind);
                }
                // One preferred name for each language, as an editor sees to.
                let mut known = vec![language.clone()];
                names.retain(|name| {
                    name.kind != NameKind::Preferred
                        || !known.contains(&name.language) && {
                            known.push(name.language.clone());
                            true
                        }
                });
                let (definitions, notes, examples) = texts;
                LabelDetails {
                    language,
                    names,
                    definitions,
                    notes,
                    examples,
                    notation,
                    related,
                    deprecated,
                    replaced_by,
                }
            },
        )
}

/// Taxonomies with everything that a label can have.
fn any_described() -> impl Strategy<Value = Taxonomy> {
    any_taxonomy(9)
        .prop_flat_map(|taxonomy| {
            let n = taxonomy.len();
            let labels =
                prop::collection::vec((any_id(), any_text(), prop::option::of(any_details())), n);
            (Just(taxonomy), labels).prop_map(|(taxonomy, contents)| {
                let ids: Vec<String> = contents
                    .iter()
                    .enumerate()
                    .map(|(at, (id, ..))| {
                        let is_known = contents.iter().take(at).any(|(other, ..)| other == id);
                        if is_known {
                            format!("{id}{at}x")
                        } else {
                            id.clone()
                        }
                    })
                    .collect();
                let mut labels = taxonomy.to_labels();
                for (label, (at, (_, name, details))) in
                    labels.iter_mut().zip(contents.into_iter().enumerate())
                {
                    let of = |old: &String| ids[taxonomy.index_of(old).unwrap() as usize].clone();
                    label.id.clone_from(&ids[at]);
                    label.name = name;
                    label.parents = label.parents.iter().map(of).collect();
                    label.details = details.filter(|details| !details.is_empty()).map(Box::new);
                }
                Taxonomy::new(labels)
            })
        })
        .prop_filter_map("ids must differ", Result::ok)
}

/// What is left of a taxonomy in a format that holds so much.
fn reduced(taxonomy: &Taxonomy, holds: Holds, format: TaxonomyFormat) -> Taxonomy {
    let mut labels = taxonomy.to_labels();
    let trims = matches!(format, TaxonomyFormat::PathCsv | TaxonomyFormat::AnnifCsv);
    for label in &mut labels {
        if format == TaxonomyFormat::AnnifTsv {
            label.name = label.name.replace('\n', " ");
        }
        if trims {
            label.name = label.name.trim().to_owned();
        }
        if !holds.names {
            label.name.clone_from(&label.id);
        }
        if !holds.hierarchy {
            label.parents.clear();
        }
        if !holds.several_parents {
            label.parents.truncate(1);
        }
        let mut details = label
            .details
            .take()
            .map(|details| *details)
            .unwrap_or_default();
        if !holds.languages {
            details.language.clear();
        }
        let languages = holds.languages && format != TaxonomyFormat::AnnifCsv;
        details.names.sort_by_key(|name| name.kind);
        details.names.retain(|name| match name.kind {
            NameKind::Preferred => languages,
            _ => holds.other_names,
        });
        if !holds.texts {
            details.definitions.clear();
            details.notes.clear();
            details.examples.clear();
            details.related.clear();
        }
        if !holds.notation {
            details.notation.clear();
        }
        details.deprecated &= holds.deprecated && format != TaxonomyFormat::AnnifCsv;
        details.replaced_by = details.replaced_by.filter(|_| holds.replaced_by);
        label.details = Some(Box::new(details)).filter(|details| !details.is_empty());
    }
    if !holds.ids {
        // Ids that paths give.
        let tree = Taxonomy::new(labels.clone()).unwrap();
        let ids: Vec<String> = tree
            .indexes()
            .map(|label| {
                tree.path_names(label)
                    .iter()
                    .fold(String::new(), |above, name| {
                        crate::taxonomy::parse::path_id(&above, name)
                    })
            })
            .collect();
        let of = |id: &String| ids[tree.index_of(id).unwrap() as usize].clone();
        for label in &mut labels {
            label.parents = label.parents.iter().map(of).collect();
            label.id = of(&label.id);
        }
    }
    Taxonomy::new(labels).unwrap_or_else(|_| Taxonomy::new(vec![]).unwrap())
}

/// Whether labels come back in the order that they had.
fn keeps_order(format: TaxonomyFormat) -> bool {
    use TaxonomyFormat::{NestedJson, PathCsv};
    !matches!(format, TaxonomyFormat::Taxonomy | PathCsv | NestedJson)
}

fn any_format() -> impl Strategy<Value = TaxonomyFormat> {
    prop::sample::select(TaxonomyFormat::ALL.to_vec())
}

/// The format that a file is recognized as.
fn recognized(format: TaxonomyFormat) -> TaxonomyFormat {
    match format {
        TaxonomyFormat::NestedJson => TaxonomyFormat::Json,
        format => format,
    }
}

fn read(file: &str, format: Option<TaxonomyFormat>) -> Result<ParsedTaxonomy, TestCaseError> {
    parse(file.as_bytes(), format).map_err(|error| TestCaseError::fail(format!("{error}\n{file}")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_a_format_holds_comes_back(taxonomy in any_described(), format in any_format()) {
        let taxonomy = reduced(&taxonomy, format.holds(), format);
        prop_assume!(!taxonomy.is_empty() && check_writable(&taxonomy, format).is_ok());
        prop_assert_eq!(losses(&taxonomy, format), vec![]);
        let file = text_of(&taxonomy, format);
        let back = read(&file, Some(format))?.taxonomy;
        let order = keeps_order(format);
        prop_assert_eq!(by_id(&back, order), by_id(&taxonomy, order), "{}", file);
    }

    #[test]
    fn what_does_not_come_back_is_told(taxonomy in any_described(), format in any_format()) {
        prop_assume!(check_writable(&taxonomy, format).is_ok());
        let file = text_of(&taxonomy, format);
        let back = read(&file, Some(format))?.taxonomy;
        prop_assert_eq!(back.len(), taxonomy.len());
        let order = keeps_order(format);
        let is_same = by_id(&back, order) == by_id(&taxonomy, order);
        prop_assert!(is_same || !losses(&taxonomy, format).is_empty(), "{}", file);
    }

    #[test]
    fn files_are_recognized(taxonomy in any_taxonomy(9), format in any_format()) {
        let file = text_of(&reduced(&taxonomy, format.holds(), format), format);
        if !file.is_empty() && check_writable(&taxonomy, format).is_ok() {
            prop_assert_eq!(read(&file, None)?.format, recognized(format), "{}", file);
        }
    }
}

/// A dog with a second parent, and what replaced it.
fn animals() -> Taxonomy {
    let details = r#"{"language":"en","names":[{"name":"Hund","language":"de","kind":"preferred"},{"name":"hound","language":"en","kind":"alternative"}],"notes":[{"text":"Not wolves.","language":"en"}],"notation":"599.77","deprecated":true,"replaced_by":"Pet"}"#;
    let label = |id: &str, parents: &[&str]| NewLabel {
        id: id.to_owned(),
        name: id.to_owned(),
        parents: parents.iter().map(|&parent| parent.to_owned()).collect(),
        details: None,
    };
    let mut dog = label("Dog", &["Animal", "Pet"]);
    dog.details = serde_json::from_str(details).unwrap();
    Taxonomy::new(vec![label("Animal", &[]), label("Pet", &[]), dog]).unwrap()
}

#[test]
fn turtle_reads_like_the_reference() {
    let file = text_of(&animals(), TaxonomyFormat::Skos);
    assert_eq!(
        file,
        r#"@base <urn:arborist:import:> .
@prefix dct: <http://purl.org/dc/terms/> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
<urn:arborist:taxonomy> a skos:ConceptScheme ;
	dct:title "Animals & plants" ;
	owl:versionInfo "7" ;
	skos:hasTopConcept <urn:arborist:import:Animal> , <urn:arborist:import:Pet> .
<urn:arborist:import:Animal> a skos:Concept ;
	skos:inScheme <urn:arborist:taxonomy> ;
	skos:topConceptOf <urn:arborist:taxonomy> ;
	skos:prefLabel "Animal" .
<urn:arborist:import:Pet> a skos:Concept ;
	skos:inScheme <urn:arborist:taxonomy> ;
	skos:topConceptOf <urn:arborist:taxonomy> ;
	skos:prefLabel "Pet" .
<urn:arborist:import:Dog> a skos:Concept ;
	skos:inScheme <urn:arborist:taxonomy> ;
	skos:broader <urn:arborist:import:Animal> , <urn:arborist:import:Pet> ;
	dct:isReplacedBy <urn:arborist:import:Pet> ;
	owl:deprecated true ;
	rdfs:label "Dog"@en ;
	skos:prefLabel "Dog"@en , "Hund"@de ;
	skos:altLabel "hound"@en ;
	skos:notation "599.77" ;
	skos:scopeNote "Not wolves."@en .
"#
    );
}

#[test]
fn the_other_formats_are_as_their_tools_read_them() {
    let file = |format| text_of(&animals(), format);
    assert_eq!(
        file(TaxonomyFormat::Tsv),
        "Animal\tRoot\nPet\tRoot\nDog\tAnimal\nDog\tPet\n"
    );
    assert_eq!(
        file(TaxonomyFormat::Taxonomy),
        "Root\tAnimal\tPet\nAnimal\tDog\n"
    );
    assert_eq!(
        file(TaxonomyFormat::PathCsv),
        "level 1,level 2\nAnimal,\nPet,\nAnimal,Dog\n"
    );
    assert_eq!(
        file(TaxonomyFormat::AnnifTsv),
        "<urn:arborist:import:Animal>\tAnimal\n<urn:arborist:import:Pet>\tPet\n<urn:arborist:import:Dog>\tDog\t599.77\n"
    );
    assert_eq!(
        file(TaxonomyFormat::AnnifCsv),
        "uri,notation,label_und,label_en,label_de\nurn:arborist:import:Animal,,Animal,,\nurn:arborist:import:Pet,,Pet,,\nurn:arborist:import:Dog,599.77,,,\n"
    );
    assert!(file(TaxonomyFormat::NestedJson).starts_with(
        "[\n{\"id\":\"Animal\",\"name\":\"Animal\",\"children\":[\n{\"id\":\"Dog\",\"name\":\"Dog\",\"parents\":[\"Pet\"],"
    ));
}

#[test]
fn losses_are_named_and_counted() {
    let told = |format| {
        let losses = losses(&animals(), format);
        losses.iter().map(Loss::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        told(TaxonomyFormat::Taxonomy),
        [
            "only the first parent stays: 1 label",
            "languages and names in further ones are left out: 1 label",
            "alternative and hidden names are left out: 1 label",
            "definitions, notes and examples are left out: 1 label",
            "notations are left out: 1 label",
            "nothing says that labels are deprecated: 1 label",
            "replacements are left out: 1 label",
        ]
    );
    assert_eq!(told(TaxonomyFormat::Json), [] as [&str; 0]);
    assert_eq!(told(TaxonomyFormat::SkosJsonLd), [] as [&str; 0]);
    assert_eq!(
        told(TaxonomyFormat::PathCsv)[0],
        "ids become paths of names: 1 label"
    );
}

#[test]
fn what_a_format_would_confuse_is_refused() {
    let label = |id: &str, name: &str| NewLabel {
        id: id.to_owned(),
        name: name.to_owned(),
        ..NewLabel::default()
    };
    let refuse = |labels: Vec<NewLabel>, format| {
        let taxonomy = Taxonomy::new(labels).unwrap();
        let refused = write(&taxonomy, format, Origin::default(), Vec::new());
        refused.unwrap_err().to_string()
    };
    assert_eq!(
        refuse(vec![label("a\tb", "")], TaxonomyFormat::Tsv),
        "the format tsv cannot hold the label `a\tb`: found a TAB or a line break in the id, expected an id that a line with TABs can hold"
    );
    assert_eq!(
        refuse(vec![label("Root", "x")], TaxonomyFormat::Taxonomy),
        "the format taxonomy cannot hold the label `Root`: found the name of the root as an id, expected an id that a line with TABs can hold"
    );
    assert_eq!(
        refuse(
            vec![label("1", "x"), label("2", "x ")],
            TaxonomyFormat::PathCsv
        ),
        "the format path_csv cannot hold the label `2`: found the name `x ` twice below one parent, expected siblings with different names"
    );
    assert_eq!(
        refuse(vec![label("1", "Root")], TaxonomyFormat::PathCsv),
        "the format path_csv cannot hold the label `1`: found the name of the root for the only label below it, expected another name"
    );
}
