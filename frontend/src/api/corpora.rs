//! Calls about corpora: how a file is read, importing it, what a version is made of, its documents, and taking it away.

use arborist_shared::api::corpora::{
    CorpusChecks, CorpusDiff, CorpusPreview, CorpusStatistics, DocumentAnswer, DocumentPage,
    LabelChoice, LabelChoices,
};
use arborist_shared::api::exports::{Export, ExportList, NewExport};
use arborist_shared::api::jobs::Accepted;
use arborist_shared::corpus::Reading;
use gloo_net::http::Method;
use web_sys::Blob;

use super::{Answer, address, every_page, get, page, post, post_blob, send_json};

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

/// Has a job write a version as a file, unless there is one already.
pub async fn start_export(corpus: i64, format: &str, split: &str) -> Answer<Accepted> {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let new = NewExport {
        format: given(format),
        split: given(split),
    };
    post(&format!("/corpora/{corpus}/exports"), &[], &new).await
}

/// All files of a project that can be fetched, or are being written, newest first.
pub async fn exports(project: i64) -> Answer<Vec<Export>> {
    every_page(async |cursor| {
        let path = format!("/projects/{project}/exports");
        let page: ExportList = get(&path, &page(cursor)).await?;
        Ok((page.exports, page.next))
    })
    .await
}

/// Address of a finished file.
pub fn export_address(export: i64) -> String {
    address(&format!("/exports/{export}"), &[])
}

/// Address of the rows that an import refused.
pub fn rejects_address(corpus: i64) -> String {
    address(&format!("/corpora/{corpus}/rejects"), &[])
}

/// What the table of documents shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DocumentQuery {
    pub search: String,
    pub label: String,
    pub split: String,
    pub corpus: String,
    pub source: String,
    pub from: String,
    pub to: String,
    /// `true`, `false`, or nothing for both.
    pub annotated: String,
    pub level: String,
    pub labelled_from: String,
    pub labelled_to: String,
}

pub async fn documents(
    project: i64,
    query: &DocumentQuery,
    limit: u32,
    cursor: Option<String>,
) -> Answer<DocumentPage> {
    get(
        &format!("/projects/{project}/documents"),
        &[
            ("search", query.search.clone()),
            ("label", query.label.clone()),
            ("split", query.split.clone()),
            ("corpus", query.corpus.clone()),
            ("source", query.source.clone()),
            ("from", query.from.clone()),
            ("to", query.to.clone()),
            ("annotated", query.annotated.clone()),
            ("level", query.level.clone()),
            ("labelled_from", query.labelled_from.clone()),
            ("labelled_to", query.labelled_to.clone()),
            ("limit", limit.to_string()),
            ("cursor", cursor.unwrap_or_default()),
        ],
    )
    .await
}

pub async fn document(document: i64) -> Answer<DocumentAnswer> {
    get(&format!("/documents/{document}"), &[]).await
}
