//! The words of SKOS and its neighbours, as IRIs.

use oxrdf::NamedNodeRef;

/// Prefixes that files are written with.
pub(super) const PREFIXES: [(&str, &str); 4] = [
    ("skos", "http://www.w3.org/2004/02/skos/core#"),
    ("owl", "http://www.w3.org/2002/07/owl#"),
    ("dct", "http://purl.org/dc/terms/"),
    ("rdfs", "http://www.w3.org/2000/01/rdf-schema#"),
];

macro_rules! words {
    ($($name:ident = $iri:literal;)*) => {
        $(pub(super) const $name: NamedNodeRef<'static> = NamedNodeRef::new_unchecked($iri);)*
    };
}

words! {
    CONCEPT = "http://www.w3.org/2004/02/skos/core#Concept";
    CONCEPT_SCHEME = "http://www.w3.org/2004/02/skos/core#ConceptScheme";
    COLLECTION = "http://www.w3.org/2004/02/skos/core#Collection";
    ORDERED_COLLECTION = "http://www.w3.org/2004/02/skos/core#OrderedCollection";
    IN_SCHEME = "http://www.w3.org/2004/02/skos/core#inScheme";
    HAS_TOP_CONCEPT = "http://www.w3.org/2004/02/skos/core#hasTopConcept";
    TOP_CONCEPT_OF = "http://www.w3.org/2004/02/skos/core#topConceptOf";
    BROADER = "http://www.w3.org/2004/02/skos/core#broader";
    NARROWER = "http://www.w3.org/2004/02/skos/core#narrower";
    RELATED = "http://www.w3.org/2004/02/skos/core#related";
    PREF_LABEL = "http://www.w3.org/2004/02/skos/core#prefLabel";
    ALT_LABEL = "http://www.w3.org/2004/02/skos/core#altLabel";
    HIDDEN_LABEL = "http://www.w3.org/2004/02/skos/core#hiddenLabel";
    NOTATION = "http://www.w3.org/2004/02/skos/core#notation";
    DEFINITION = "http://www.w3.org/2004/02/skos/core#definition";
    SCOPE_NOTE = "http://www.w3.org/2004/02/skos/core#scopeNote";
    NOTE = "http://www.w3.org/2004/02/skos/core#note";
    HISTORY_NOTE = "http://www.w3.org/2004/02/skos/core#historyNote";
    EDITORIAL_NOTE = "http://www.w3.org/2004/02/skos/core#editorialNote";
    CHANGE_NOTE = "http://www.w3.org/2004/02/skos/core#changeNote";
    EXAMPLE = "http://www.w3.org/2004/02/skos/core#example";
    BROADER_TRANSITIVE = "http://www.w3.org/2004/02/skos/core#broaderTransitive";
    NARROWER_TRANSITIVE = "http://www.w3.org/2004/02/skos/core#narrowerTransitive";
    RDFS_LABEL = "http://www.w3.org/2000/01/rdf-schema#label";
    DEPRECATED = "http://www.w3.org/2002/07/owl#deprecated";
    VERSION_INFO = "http://www.w3.org/2002/07/owl#versionInfo";
    IS_REPLACED_BY = "http://purl.org/dc/terms/isReplacedBy";
    TITLE = "http://purl.org/dc/terms/title";
}

/// An IRI with the prefix that people know it by.
pub(super) fn shortened(iri: &str) -> String {
    for (prefix, start) in PREFIXES {
        if let Some(name) = iri.strip_prefix(start) {
            return format!("{prefix}:{name}");
        }
    }
    format!("<{iri}>")
}
