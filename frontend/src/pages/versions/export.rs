//! A version as a file in the format of one's choice.

use arborist_shared::api::corpora::Corpus;
use arborist_shared::corpus::CorpusFormat;
use yew::prelude::*;

use crate::api;
use crate::components::field::{Choice, Field, Select};
use crate::components::{Icon, Panel, icon};
use crate::format;
use crate::hooks::use_url_query;

/// Formats that the server writes, and what each cannot hold.
const FORMATS: [(CorpusFormat, &str); 14] = [
    (CorpusFormat::Jsonl, "Holds everything."),
    (CorpusFormat::Csv, "Holds everything."),
    (CorpusFormat::Tsv, "Holds everything."),
    (
        CorpusFormat::HiAgm,
        "Words and labels with their ancestors. Documents without labels are left out; ids and parts are not written.",
    ),
    (
        CorpusFormat::NeuralClassifier,
        "Words and paths with their ancestors. Documents without labels are left out; ids and parts are not written.",
    ),
    (
        CorpusFormat::AnnifTsv,
        "One line a document. Documents to which no label applies are left out; ids and parts are not written.",
    ),
    (
        CorpusFormat::AnnifCsv,
        "Documents to which no label applies are left out.",
    ),
    (
        CorpusFormat::AnnifJson,
        "Holds everything; parts are metadata.",
    ),
    (
        CorpusFormat::LabelStudio,
        "Holds everything; parts are data of the task.",
    ),
    (CorpusFormat::Doccano, "Holds everything."),
    (
        CorpusFormat::FastText,
        "One line a document. Documents to which no label applies are left out; ids and parts are not written.",
    ),
    (
        CorpusFormat::Prodigy,
        "Holds everything; parts are metadata.",
    ),
    (
        CorpusFormat::LabelSleuth,
        "A row for each label; parts are not written.",
    ),
    (
        CorpusFormat::HiClass,
        "One path a document: those with several are left out; parts are not written.",
    ),
];

#[derive(PartialEq, Properties)]
pub struct ExportProps {
    pub corpus: Corpus,
}

#[component]
pub fn Export(props: &ExportProps) -> Html {
    let query = use_url_query();
    let chosen: CorpusFormat = query.text("format").parse().unwrap_or_default();
    let (chosen, note) = FORMATS
        .into_iter()
        .find(|(format, _)| *format == chosen)
        .unwrap_or(FORMATS[0]);
    let split = query.text("split");
    let set = |name: &'static str| {
        let query = query.clone();
        Callback::from(move |value: String| query.set(&[(name, Some(value))]))
    };
    let corpus = &props.corpus;
    let n = match split.as_str() {
        "train" => corpus.n_train,
        "validation" => corpus.n_validation,
        "test" => corpus.n_test,
        _ => corpus.n_documents,
    };
    let formats: Vec<Choice> = FORMATS
        .iter()
        .map(|(format, _)| (format.as_str().into(), format.title().into()))
        .collect();
    let parts: Vec<Choice> = vec![
        ("".into(), "All parts".into()),
        ("train".into(), "Train".into()),
        ("validation".into(), "Validation".into()),
        ("test".into(), "Test".into()),
    ];
    html! {
        <Panel title={format!("Export version {}", corpus.version)} testid="export">
            <div class="ab-form__row">
                <Field id="export-format" label="Format"><Select id="export-format" value={chosen.as_str()} onchange={set("format")} choices={formats} testid="export-format" /></Field>
                <Field id="export-split" label="Part"><Select id="export-split" value={split.clone()} onchange={set("split")} choices={parts} testid="export-split" /></Field>
            </div>
            <p data-testid="export-note">{ note }</p>
            <p class="ab-muted">{ "What is exported can be imported again, here and elsewhere." }</p>
            <div class="ab-form__actions">
                <a class="pf-v6-c-button pf-m-primary" href={api::corpus_export(corpus.id, chosen.as_str(), &split)} download="" data-testid="export-download">
                    <span class="pf-v6-c-button__icon pf-m-start">{ icon(Icon::Download) }</span>
                    <span class="pf-v6-c-button__text">{ format!("Download {}", format::counted(n, "document", "documents")) }</span>
                </a>
            </div>
        </Panel>
    }
}
