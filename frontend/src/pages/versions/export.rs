//! A version as a file in the format of one's choice.

use std::rc::Rc;

use arborist_shared::api::corpora::Corpus;
use arborist_shared::api::exports::Export as Exported;
use arborist_shared::api::jobs::Job;
use arborist_shared::corpus::CorpusFormat;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::api::{self, ApiError};
use crate::components::field::{Choice, Field, Select};
use crate::components::{Button, Failure, Icon, JobBar, Lines, Panel, Variant, icon, show};
use crate::format;
use crate::hooks::{use_query, use_url_query};
use crate::shell::use_jobs;

/// Documents from which on a download that breaks off is worth a file that it can go on from.
const MANY: u64 = 100_000;

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
    let jobs = use_jobs();
    let asked = use_state_eq(|| 0_u32);
    let error = use_state(|| None::<ApiError>);
    let prepare = {
        let (asked, error, refresh) = (asked.clone(), error.clone(), jobs.refresh.clone());
        let (corpus, format, split) = (props.corpus.id, chosen.as_str(), split.clone());
        Callback::from(move |_: MouseEvent| {
            let (asked, error, refresh) = (asked.clone(), error.clone(), refresh.clone());
            let split = split.clone();
            spawn_local(async move {
                let started = api::start_export(corpus, format, &split).await;
                error.set(started.err());
                asked.set(*asked + 1);
                refresh.emit(());
            });
        })
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
    // The one that the number of documents speaks for comes first.
    let is_large = n >= MANY;
    let download = html! {
        <a class={classes!("pf-v6-c-button", if is_large { "pf-m-secondary" } else { "pf-m-primary" })} href={api::corpus_export(corpus.id, chosen.as_str(), &split)} download="" data-testid="export-download">
            <span class="pf-v6-c-button__icon pf-m-start">{ icon(Icon::Download) }</span>
            <span class="pf-v6-c-button__text">{ format!("Download {}", format::counted(n, "document", "documents")) }</span>
        </a>
    };
    let variant = if is_large {
        Variant::Primary
    } else {
        Variant::Secondary
    };
    let prepare = html! { <Button label="Prepare a file" {variant} testid="export-prepare" onclick={prepare} /> };
    html! {
        <>
        <Panel title={format!("Export version {}", corpus.version)} testid="export">
            <div class="ab-form__row">
                <Field id="export-format" label="Format"><Select id="export-format" value={chosen.as_str()} onchange={set("format")} choices={formats} testid="export-format" /></Field>
                <Field id="export-split" label="Part"><Select id="export-split" value={split.clone()} onchange={set("split")} choices={parts} testid="export-split" /></Field>
            </div>
            <p data-testid="export-note">{ note }</p>
            <p class="ab-muted">{ "What is exported can be imported again, here and elsewhere. A prepared file stays on the server for a week: a download of it that breaks off goes on where it was." }</p>
            <div class="ab-form__actions">
                if is_large { { prepare }{ download } } else { { download }{ prepare } }
            </div>
            if let Some(error) = &*error { <Failure error={error.clone()} compact=true /> }
        </Panel>
        <Prepared project={corpus.project} corpus={corpus.id} asked={*asked} />
        </>
    }
}

#[derive(PartialEq, Properties)]
struct PreparedProps {
    project: i64,
    corpus: i64,
    /// Counts files that were asked for since the page was opened.
    asked: u32,
}

/// Files of the version that lie on the server, or are being written.
#[component]
fn Prepared(props: &PreparedProps) -> Html {
    let jobs = use_jobs();
    let key = (props.project, jobs.ended, props.asked);
    let exports = use_query(
        key,
        |(project, _, _)| async move { api::exports(project).await },
    );
    show(&exports, html! { <Lines count={2} /> }, |exports| {
        let own: Vec<&Exported> = exports
            .iter()
            .filter(|export| export.corpus == props.corpus)
            .collect();
        if own.is_empty() {
            return Html::default();
        }
        html! {
            <Panel title="Prepared files" testid="prepared">
                <ul class="ab-prepared">
                    for export in own { <li key={export.id} data-testid={format!("prepared-{}", export.id)}>{ prepared(export, jobs.find(export.id)) }</li> }
                </ul>
            </Panel>
        }
    })
}

fn prepared(export: &Exported, job: Option<&Rc<Job>>) -> Html {
    let (Some(n_bytes), Some(until)) = (export.n_bytes, &export.until) else {
        return match job {
            Some(job) => html! { <JobBar job={job.clone()} /> },
            None => html! { <p>{ format!("{} is being written", export.name) }</p> },
        };
    };
    html! {
        <>
            <a href={api::export_address(export.id)} download={export.name.clone()} data-testid="prepared-download">{ &export.name }</a>
            <span class="ab-muted">{ format!("{} · {} · until {}", export.format.title(), format::bytes(n_bytes), until.get(..10).unwrap_or(until)) }</span>
        </>
    }
}
