//! Formats in which a document is a JSON object.

use std::collections::BTreeMap;
use std::io;

use arborist_shared::LabelIndex;
use arborist_shared::corpus::CorpusFormat;
use arborist_shared::split::Split;
use arborist_shared::taxonomy::Taxonomy;
use serde::Serialize;
use serde_json::json;

use super::{LeftOut, Written, path_of};

/// Our own line.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    text: &'a str,
    /// Ids, as they were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<Vec<&'a str>>,
    /// Names of each label's path, for other tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    paths: Option<Vec<Vec<String>>>,
    split: Split,
    #[serde(skip_serializing_if = "Option::is_none")]
    lang: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    meta: &'a BTreeMap<String, String>,
}

/// Writes the document and a line break behind it, but in a list, whose parts are separated otherwise.
pub(super) fn document(
    format: CorpusFormat,
    document: &Written<'_>,
    taxonomy: &Taxonomy,
    line: &mut Vec<u8>,
) -> io::Result<Result<(), LeftOut>> {
    let written = match format {
        CorpusFormat::HiAgm | CorpusFormat::NeuralClassifier => {
            let Some(labels) = document.labels else {
                return Ok(Err(LeftOut::NotAnnotated));
            };
            if labels.is_empty() {
                return Ok(Err(LeftOut::NoLabel));
            }
            let tokens: Vec<&str> = document.text.split_whitespace().collect();
            let closed = taxonomy.close(labels);
            if format == CorpusFormat::HiAgm {
                json!({ "token": tokens, "label": ids(taxonomy, &closed) })
            } else {
                // Levels count only where they occur as labels of their own, so ancestors are written, too.
                let spelled: Vec<String> = closed
                    .iter()
                    .map(|&label| dashed(taxonomy, label))
                    .collect();
                json!({ "doc_label": spelled, "doc_token": tokens, "doc_keyword": [], "doc_topic": [] })
            }
        }
        CorpusFormat::AnnifJson => annif(document, taxonomy),
        CorpusFormat::LabelStudio => task(document, taxonomy),
        CorpusFormat::Doccano => {
            let mut object = json!({ "text": document.text, "split": document.split });
            insert_some(&mut object, "id", own_id(document));
            insert_some(
                &mut object,
                "label",
                document.labels.map(|it| ids(taxonomy, it)),
            );
            let meta = all_meta(document, false);
            insert_some(&mut object, "meta", (!meta.is_empty()).then_some(meta));
            object
        }
        CorpusFormat::Prodigy => {
            let mut object = json!({ "text": document.text, "meta": all_meta(document, true) });
            match document.labels {
                Some(labels) => {
                    let choice = |&label: &LabelIndex| json!({ "id": taxonomy.id(label), "text": taxonomy.path_names(label).join(" › ") });
                    let options: Vec<_> = labels.iter().map(choice).collect();
                    insert_some(&mut object, "options", Some(options));
                    insert_some(&mut object, "accept", Some(ids(taxonomy, labels)));
                    insert_some(&mut object, "answer", Some("accept"));
                }
                None => insert_some(&mut object, "answer", Some("ignore")),
            }
            object
        }
        _ => {
            let names = |&label: &LabelIndex| taxonomy.path_names(label);
            serde_json::to_writer(
                &mut *line,
                &Line {
                    id: own_id(document),
                    text: document.text,
                    labels: document.labels.map(|labels| ids(taxonomy, labels)),
                    paths: document
                        .labels
                        .map(|labels| labels.iter().map(names).collect()),
                    split: document.split,
                    lang: document.lang,
                    meta: document.meta,
                },
            )?;
            line.push(b'\n');
            return Ok(Ok(()));
        }
    };
    serde_json::to_writer(&mut *line, &written)?;
    if format != CorpusFormat::LabelStudio {
        line.push(b'\n');
    }
    Ok(Ok(()))
}

fn own_id<'a>(document: &Written<'a>) -> Option<&'a str> {
    (!document.id_is_hash).then_some(document.id)
}

fn ids<'t>(taxonomy: &'t Taxonomy, labels: &[LabelIndex]) -> Vec<&'t str> {
    labels.iter().map(|&label| taxonomy.id(label)).collect()
}

fn insert_some(object: &mut serde_json::Value, key: &str, value: Option<impl Serialize>) {
    let value = value.and_then(|value| serde_json::to_value(value).ok());
    if let (Some(object), Some(value)) = (object.as_object_mut(), value) {
        object.insert(key.to_owned(), value);
    }
}

/// A path in one string; the id where its names have the separator in them.
fn dashed(taxonomy: &Taxonomy, label: LabelIndex) -> String {
    match path_of(taxonomy, label) {
        Some(path) if path.len() > 1 && !path.iter().any(|name| name.contains("--")) => {
            path.join("--")
        }
        _ => taxonomy.id(label).to_owned(),
    }
}

/// Metadata, with what the format has no field for: part and language, and the id where asked.
fn all_meta(document: &Written<'_>, with_id_and_split: bool) -> BTreeMap<String, String> {
    let mut meta = document.meta.clone();
    if with_id_and_split {
        meta.insert("split".to_owned(), document.split.to_string());
        if let Some(id) = own_id(document) {
            meta.insert("id".to_owned(), id.to_owned());
        }
    }
    if let Some(lang) = document.lang {
        meta.insert("lang".to_owned(), lang.to_owned());
    }
    meta
}

fn annif(document: &Written<'_>, taxonomy: &Taxonomy) -> serde_json::Value {
    let mut meta = all_meta(document, true);
    meta.remove("id");
    let mut object = json!({ "text": document.text, "metadata": meta });
    insert_some(&mut object, "document_id", own_id(document));
    let subjects = document.labels.map(|labels| {
        let uris = labels
            .iter()
            .map(|&label| json!({ "uri": taxonomy.id(label) }));
        uris.collect::<Vec<_>>()
    });
    insert_some(&mut object, "subjects", subjects);
    object
}

fn task(document: &Written<'_>, taxonomy: &Taxonomy) -> serde_json::Value {
    let mut data = json!(all_meta(document, true));
    insert_some(&mut data, "text", Some(document.text));
    let Some(labels) = document.labels else {
        return json!({ "data": data });
    };
    let path = |&label: &LabelIndex| {
        path_of(taxonomy, label).unwrap_or_else(|| vec![taxonomy.id(label).to_owned()])
    };
    let paths: Vec<Vec<String>> = labels.iter().map(path).collect();
    let result = json!([{
        "from_name": "taxonomy", "to_name": "text", "type": "taxonomy", "value": { "taxonomy": paths },
    }]);
    json!({ "data": data, "annotations": [{ "result": result }] })
}
