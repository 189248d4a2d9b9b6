//! Calls about corpora: how a file is read, importing it, and what a version is made of.

use arborist_shared::api::corpora::{
    CorpusChecks, CorpusDiff, CorpusPreview, CorpusStatistics, LabelChoice, LabelChoices,
};
use arborist_shared::corpus::Reading;
use gloo_net::http::Method;
use web_sys::Blob;

use super::{Answer, address, get, post_blob, send_json};

/// The pairs of a query that say how a file is read.
fn reading_pairs(reading: &Reading) -> Vec<(&'static str, String)> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    vec![
        (
            "format",
            reading.format.map(|it| it.to_string()).unwrap_or_default(),
        ),
        ("encoding", text(&reading.encoding)),
        ("delimiter", text(&reading.delimiter)),
        (
            "header",
            reading.header.map(|it| it.to_string()).unwrap_or_default(),
        ),
        ("text_column", text(&reading.text)),
        ("id_column", text(&reading.id)),
        ("label_columns", text(&reading.labels)),
        ("label_separator", text(&reading.label_separator)),
        ("path_separator", text(&reading.path_separator)),
        ("split_column", text(&reading.split)),
        ("date_column", text(&reading.date)),
        ("source_column", text(&reading.source)),
        ("group_column", text(&reading.group)),
    ]
}

pub async fn preview_corpus(
    project: i64,
    taxonomy: i64,
    reading: &Reading,
    partial: bool,
    body: &Blob,
) -> Answer<CorpusPreview> {
    let mut query = reading_pairs(reading);
    query.push(("taxonomy", taxonomy.to_string()));
    query.push((
        "partial",
        if partial {
            "true".into()
        } else {
            String::new()
        },
    ));
    post_blob(
        &format!("/projects/{project}/corpora/preview"),
        &query,
        body,
    )
    .await
}

/// How rows without a part of their own get one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SplitChoice {
    /// `0.8,0.1,0.1`; none: all train.
    pub ratios: Option<String>,
    pub seed: Option<u64>,
    /// `document`, `label`, `group` or `time`.
    pub by: &'static str,
    pub validation_from: String,
    pub test_from: String,
}

/// Address to which a corpus is sent.
pub fn corpus_upload(
    project: i64,
    taxonomy: i64,
    reading: &Reading,
    split: &SplitChoice,
    first_of_text: bool,
    name: &str,
) -> String {
    let mut query = reading_pairs(reading);
    let number = |number: Option<u64>| number.map(|it| it.to_string()).unwrap_or_default();
    query.extend([
        ("taxonomy", taxonomy.to_string()),
        ("split", split.ratios.clone().unwrap_or_default()),
        ("seed", number(split.seed)),
        ("split_by", split.by.to_owned()),
        ("validation_from", split.validation_from.clone()),
        ("test_from", split.test_from.clone()),
        (
            "first_of_text",
            if first_of_text {
                "true".into()
            } else {
                String::new()
            },
        ),
        ("name", name.to_owned()),
    ]);
    address(&format!("/projects/{project}/corpora"), &query)
}

pub async fn remember_choices(project: i64, choices: Vec<LabelChoice>) -> Answer<LabelChoices> {
    let path = format!("/projects/{project}/label-choices");
    send_json(Method::PUT, &path, &[], &LabelChoices { choices }).await
}

pub async fn checks(corpus: i64) -> Answer<CorpusChecks> {
    get(&format!("/corpora/{corpus}/checks"), &[]).await
}

pub async fn statistics(corpus: i64) -> Answer<CorpusStatistics> {
    get(&format!("/corpora/{corpus}/statistics"), &[]).await
}

pub async fn corpus_diff(corpus: i64, from: i64) -> Answer<CorpusDiff> {
    get(
        &format!("/corpora/{corpus}/diff"),
        &[("from", from.to_string())],
    )
    .await
}

/// Address of a version as a file.
pub fn corpus_export(corpus: i64, format: &str, split: &str) -> String {
    address(
        &format!("/corpora/{corpus}/export"),
        &[("format", format.to_owned()), ("split", split.to_owned())],
    )
}

/// Address of the rows that an import refused.
pub fn rejects_address(corpus: i64) -> String {
    address(&format!("/corpora/{corpus}/rejects"), &[])
}
