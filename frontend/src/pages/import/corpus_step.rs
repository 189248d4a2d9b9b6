//! The second step: files with documents, how they will be read, their parts, sending them.

use std::rc::Rc;

use arborist_shared::api::corpora::{CorpusChecks, CorpusPreview};
use arborist_shared::api::jobs::{Accepted, Job};
use arborist_shared::api::taxonomies::Taxonomy;
use arborist_shared::corpus::Reading;
use arborist_shared::split::Split;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Blob, File};
use yew::prelude::*;

use super::file_list::FileList;
use super::files::{is_archive, join, mark, slice};
use super::preview::{content, repeats};
use super::reading_form::ReadingForm;
use super::sending::{Following, Sending};
use super::splits::{Parts, SplitForm};
use crate::api::{self, Answer, ApiError, Parcel};
use crate::components::drop_zone::DropZone;
use crate::components::field::Checkbox;
use crate::components::{
    Button, Failure, Icon, Lines, Notice, NoticeKind, Panel, RouteLink, Variant, show,
};
use crate::format;
use crate::hooks::{use_query, use_url_query};
use crate::model::jsonl::split_of_name;
use crate::pages::guide;
use crate::pages::overview::stat;
use crate::route::Route;

/// The most that a preview looks at.
const PREVIEW_BYTES: f64 = 256.0 * 1024.0;
/// An archive has to be looked at as a whole, up to what the server takes.
const ARCHIVE_BYTES: f64 = 1024.0 * 1024.0;
/// Formats whose files can be joined line by line.
const JOINABLE: [&str; 3] = ["jsonl", "hiagm", "neuralclassifier"];

#[derive(PartialEq, Properties)]
pub struct CorpusStepProps {
    pub project: i64,
    pub taxonomy: Taxonomy,
}

/// A chosen file and the part that its rows go to; none: as the rows say.
#[derive(Clone, PartialEq)]
pub struct Chosen {
    pub file: File,
    pub part: Option<Split>,
}

/// What is sent, once it is ready, and where to.
#[derive(Clone, PartialEq)]
struct Ready {
    address: String,
    parcel: Parcel,
}

#[component]
pub fn CorpusStep(props: &CorpusStepProps) -> Html {
    let project = props.project;
    let query = use_url_query();
    let chosen = use_state(Vec::<Chosen>::new);
    let ready = use_state(|| None::<Ready>);
    let back = {
        let (query, chosen, ready) = (query.clone(), chosen.clone(), ready.clone());
        Callback::from(move |()| {
            chosen.set(Vec::new());
            ready.set(None);
            query.set(&[("job", None), ("step", Some("corpus".into()))]);
        })
    };
    if let Some(job) = query.id("job") {
        let done = {
            let back = back.clone();
            Callback::from(
                move |job: Rc<Job>| html! { <Summary {project} corpus={job.result.as_ref().map(|result| result.id)} onagain={back.clone()} /> },
            )
        };
        return html! { <Following {job} {done} onback={back} /> };
    }
    if let Some(Ready { address, parcel }) = &*ready {
        let ondone = {
            let query = query.clone();
            Callback::from(move |accepted: Accepted| {
                query.set(&[
                    ("job", Some(accepted.job.to_string())),
                    ("step", Some("corpus".into())),
                ])
            })
        };
        return html! { <Sending address={address.clone()} parcel={parcel.clone()} {ondone} onback={back} /> };
    }
    if chosen.is_empty() {
        let onfiles = {
            let chosen = chosen.clone();
            Callback::from(move |files: Vec<File>| {
                let several = files.len() > 1;
                chosen.set(
                    files
                        .into_iter()
                        .map(|file| Chosen {
                            part: if several {
                                split_of_name(&file.name())
                            } else {
                                None
                            },
                            file,
                        })
                        .collect(),
                );
            })
        };
        return html! {
            <>
                <DropZone id="corpus-file" title="Drop the documents here" multiple=true {onfiles} testid="corpus-file">
                    { "One file, or one for each part: train, validation and test. You see how they will be read before anything is sent." }
                </DropZone>
                <p class="ab-muted">{ format!("Labels are looked up in version {} of the taxonomy ({}).", props.taxonomy.version, format::counted(props.taxonomy.n_labels, "label", "labels")) }{ " " }<RouteLink to={Route::Guide} query={guide::at(guide::chapter::DOCUMENTS)}>{ "Read in the guide how documents are imported" }</RouteLink></p>
                <details class="ab-fold"><summary>{ "Which files work?" }</summary>
                    <dl class="ab-formats">
                        <div><dt>{ "JSON lines with text and labels" }</dt><dd><pre>{ "{\"text\": \"The choir sang until midnight.\", \"labels\": [\"Music\"]}\n{\"id\": \"d2\", \"text\": \"…\", \"labels\": [[\"Culture\", \"Film\"]], \"split\": \"test\"}" }</pre><p>{ "Labels by id, by unique name, or as a path. An empty list means that no label applies; without the field a document counts as not annotated." }</p></dd></div>
                        <div><dt>{ "Tables: CSV, TSV" }</dt><dd><pre>{ "title;text;topic\nConcert;The choir sang until midnight.;Culture > Music | Stage" }</pre><p>{ "With any column names and separators; which column is what is recognized and can be changed. Other columns stay with the documents." }</p></dd></div>
                        <div><dt>{ "Files of other tools" }</dt><dd><p>{ "HiAGM, HGCLR and NeuralClassifier, Annif, Label Studio, doccano, fastText, Prodigy, Label Sleuth, HiClass, PaddleNLP, Extreme Classification." }</p></dd></div>
                        <div><dt>{ "Packed" }</dt><dd><p>{ "gzip and zip. A zip may hold several files, a text file for each document in folders named like its labels, or a directory of Annif." }</p></dd></div>
                    </dl>
                </details>
            </>
        };
    }
    let onready = {
        let setter = ready.setter();
        Callback::from(move |ready: Ready| setter.set(Some(ready)))
    };
    let onchange = {
        let chosen = chosen.clone();
        Callback::from(move |next: Vec<Chosen>| chosen.set(next))
    };
    html! { <Review {project} taxonomy={props.taxonomy.id} chosen={(*chosen).clone()} {onchange} {onready} onback={back} /> }
}

#[derive(PartialEq, Properties)]
struct ReviewProps {
    project: i64,
    taxonomy: i64,
    chosen: Vec<Chosen>,
    onchange: Callback<Vec<Chosen>>,
    onready: Callback<Ready>,
    onback: Callback<()>,
}

/// What the server makes of each file's beginning.
pub type Previews = Vec<Answer<CorpusPreview>>;

#[component]
fn Review(props: &ReviewProps) -> Html {
    let reading = use_state_eq(Reading::default);
    let look = use_state_eq(|| 0_u32);
    let strict = use_state_eq(|| false);
    let parts = use_state_eq(Parts::default);
    let shown = use_state_eq(|| 0_usize);
    let joining = use_state_eq(|| None::<f64>);
    let error = use_state(|| None::<ApiError>);
    let files: Vec<File> = props
        .chosen
        .iter()
        .map(|chosen| chosen.file.clone())
        .collect();
    let previews = use_query(
        (
            props.project,
            props.taxonomy,
            files,
            (*reading).clone(),
            *look,
        ),
        |(project, taxonomy, files, reading, _)| async move {
            let mut previews: Previews = Vec::new();
            for file in files {
                // The list of an archive's files stands at its end.
                let most = if is_archive(&file) {
                    ARCHIVE_BYTES
                } else {
                    PREVIEW_BYTES
                };
                let (head, partial) = slice(&file, most);
                previews
                    .push(api::preview_corpus(project, taxonomy, &reading, partial, &head).await);
            }
            Ok(previews)
        },
    );
    // Rows that name their part decide by themselves unless somebody wants it otherwise.
    {
        let (parts, data) = (parts.clone(), previews.data());
        let address = data.as_ref().map(|data| Rc::as_ptr(data) as usize);
        use_effect_with(address, move |_| {
            if let Some([Ok(preview)]) = data.as_deref().map(Vec::as_slice)
                && preview.n_with_split > 0
            {
                parts.set(Parts {
                    by_share: preview.n_with_split < preview.n_rows,
                    ..(*parts).clone()
                });
            }
        });
    }
    let several = props.chosen.len() > 1;
    let at = (*shown).min(props.chosen.len() - 1);
    let data = previews.data();
    let detected = data
        .as_ref()
        .and_then(|previews| {
            previews
                .first()?
                .as_ref()
                .ok()
                .map(|preview| preview.format.clone())
        })
        .unwrap_or_default();
    // Files are joined line by line, so all of them must be of one format.
    let good = data.as_ref().is_some_and(|previews| {
        previews.iter().all(|preview| {
            preview
                .as_ref()
                .is_ok_and(|preview| preview.error.is_none() && preview.format == detected)
        })
    });
    let is_joinable = !several || JOINABLE.contains(&detected.as_str());
    // An archive that is too large to be looked at is read once it was sent.
    let is_unseen = !several
        && is_archive(&props.chosen[0].file)
        && props.chosen[0].file.size() > ARCHIVE_BYTES;
    let good = (good || is_unseen) && is_joinable;
    let choice = if several {
        Ok(api::SplitChoice::default())
    } else {
        parts.choice()
    };
    let named = data
        .as_ref()
        .and_then(|previews| {
            previews
                .first()?
                .as_ref()
                .ok()
                .map(|preview| (preview.n_with_split, preview.n_rows))
        })
        .unwrap_or_default();

    let send = {
        let (chosen, onready, joining, error, choice) = (
            props.chosen.clone(),
            props.onready.clone(),
            joining.clone(),
            error.clone(),
            choice.clone(),
        );
        let (project, taxonomy) = (props.project, props.taxonomy);
        // What was recognized is said again: joined files begin with a row of the first.
        let reading = Reading {
            format: reading.format.or_else(|| detected.parse().ok()),
            ..(*reading).clone()
        };
        let strict = *strict;
        Callback::from(move |_: MouseEvent| {
            let Ok(split) = &choice else { return };
            let name = match chosen.as_slice() {
                [one] => one.file.name(),
                many => format!(
                    "{} and {}",
                    many[0].file.name(),
                    format::counted(many.len() as u64 - 1, "other file", "other files")
                ),
            };
            let address = api::corpus_upload(project, taxonomy, &reading, split, strict, &name);
            let marks: Vec<String> = chosen
                .iter()
                .map(|chosen| {
                    let part = chosen.part.map(api::split_word).unwrap_or_default();
                    format!("{} {part}", mark(&chosen.file))
                })
                .collect();
            let ready = move |body: Blob| Ready {
                address,
                parcel: Parcel {
                    project,
                    body,
                    name,
                    mark: marks.join(", "),
                },
            };
            if let [one] = chosen.as_slice() {
                onready.emit(ready(Blob::from(one.file.clone())));
                return;
            }
            let files = chosen
                .iter()
                .map(|chosen| (chosen.file.clone(), chosen.part))
                .collect();
            let (onready, joining, error) = (onready.clone(), joining.clone(), error.clone());
            joining.set(Some(0.0));
            error.set(None);
            spawn_local(async move {
                let progress = {
                    let joining = joining.clone();
                    Callback::from(move |share: f64| joining.set(Some(share)))
                };
                match join(files, progress).await {
                    Ok(body) => onready.emit(ready(body)),
                    Err(problem) => {
                        joining.set(None);
                        error.set(Some(problem));
                    }
                }
            });
        })
    };
    let set_reading = {
        let reading = reading.clone();
        Callback::from(move |value: Reading| reading.set(value))
    };
    let look_again = {
        let look = look.clone();
        Callback::from(move |()| look.set(*look + 1))
    };
    let set_strict = {
        let strict = strict.clone();
        Callback::from(move |value: bool| strict.set(value))
    };
    let first = data
        .as_ref()
        .and_then(|previews| previews.first()?.as_ref().ok().cloned());
    let set_parts = {
        let parts = parts.clone();
        Callback::from(move |value: Parts| parts.set(value))
    };
    html! {
        <Panel title={if several { "Files".to_owned() } else { props.chosen[0].file.name() }} testid="corpus-preview"
            actions={html! { <span class="ab-muted">{ format::bytes(props.chosen.iter().map(|chosen| chosen.file.size()).sum::<f64>() as u64) }</span> }}>
            if let Some(error) = &*error { <Failure error={error.clone()} compact=true /> }
            if several {
                <FileList chosen={props.chosen.clone()} previews={data.clone()} shown={at} onshow={let shown = shown.clone(); Callback::from(move |index: usize| shown.set(index))} onchange={props.onchange.clone()} />
            } else {
                <ReadingForm reading={(*reading).clone()} onchange={set_reading} preview={first} />
            }
            if !is_joinable && !detected.is_empty() {
                <Notice kind={NoticeKind::Warning} title="Several files of this format come in an archive" testid="corpus-several"><p>{ "Put them into a zip archive; names such as train.csv and test.csv say their part." }</p></Notice>
            }
            { show(&previews, html! { <Lines count={8} /> }, |previews| match previews.get(at) {
                Some(Ok(_)) if is_unseen => html! { <Notice kind={NoticeKind::Info} title="A large archive is looked at once it was sent" testid="corpus-unseen"><p>{ "Rows that cannot be read are kept aside, and the import says which." }</p></Notice> },
                Some(Ok(preview)) => content(preview, props.project, props.taxonomy, &look_again),
                Some(Err(error)) => html! { <Failure error={error.clone()} retry={previews_retry(&props.onchange, &props.chosen)} /> },
                None => Html::default(),
            }) }
            if !several && good { <SplitForm parts={(*parts).clone()} onchange={set_parts} {named} /> }
            if good { <Checkbox id="first-of-text" checked={*strict} onchange={set_strict} text="Refuse rows whose text an earlier row has" testid="first-of-text" /> }
            <div class="ab-form__actions">
                <Button label={match *joining { Some(share) => format!("Preparing {:.0}%", share * 100.0), None => "Import".to_owned() }} variant={Variant::Primary} icon={Icon::Upload} disabled={!good || choice.is_err()} busy={joining.is_some()} testid="corpus-upload" onclick={send} />
                <Button label={if several { "Choose other files" } else { "Choose another file" }} variant={Variant::Link} testid="corpus-back" onclick={props.onback.reform(|_| ())} />
            </div>
        </Panel>
    }
}

/// Asking again is choosing the same files again.
fn previews_retry(onchange: &Callback<Vec<Chosen>>, chosen: &[Chosen]) -> Callback<()> {
    let (onchange, chosen) = (onchange.clone(), chosen.to_vec());
    Callback::from(move |()| onchange.emit(chosen.clone()))
}

#[derive(PartialEq, Properties)]
struct SummaryProps {
    project: i64,
    corpus: Option<i64>,
    onagain: Callback<()>,
}

/// What the import made.
#[component]
fn Summary(props: &SummaryProps) -> Html {
    let project = props.project;
    let corpus = use_query((project, props.corpus), |(project, corpus)| async move {
        api::corpora(project)
            .await
            .map(|answer| answer.into_iter().find(|other| Some(other.id) == corpus))
    });
    let checks = use_query(props.corpus, |corpus| async move {
        match corpus {
            Some(corpus) => api::checks(corpus).await,
            None => Ok(CorpusChecks::default()),
        }
    });
    html! {
        <Panel title="The documents are in place" testid="corpus-done">
            { show(&corpus, html! { <Lines count={3} /> }, |corpus| match corpus {
                None => html! { <p>{ "The job ended without a corpus." }</p> },
                Some(corpus) => html! {
                    <>
                        <dl class="ab-stats">
                            { stat(format::count(corpus.n_documents), "documents") }
                            { stat(format::count(corpus.n_train), "train") }
                            { stat(format::count(corpus.n_validation), "validation") }
                            { stat(format::count(corpus.n_test), "test") }
                            { stat(format!("{:.1}", corpus.labels_per_document), "labels per document") }
                        </dl>
                        if corpus.n_rejected > 0 {
                            <Notice kind={NoticeKind::Warning} title={format::counted(corpus.n_rejected, "row was refused", "rows were refused")} testid="corpus-rejects">
                                <p><a href={api::rejects_address(corpus.id)} download={format!("corpus-{}-rejects.jsonl", corpus.id)} data-testid="rejects-download">{ "Download them" }</a>{ ": each with its line, its column and the reason. Repair them and import the file again." }</p>
                            </Notice>
                        } else {
                            <p class="ab-muted">{ "Every row was kept." }</p>
                        }
                        { checks.data().map(|checks| repeats(&checks.repeats)).unwrap_or_default() }
                    </>
                },
            }) }
            <div class="ab-form__actions">
                <RouteLink to={Route::Train { project }} button={Variant::Primary} icon={Icon::Train} testid="go-train">{ "Train methods on it" }</RouteLink>
                <RouteLink to={Route::Corpus { project }} button={Variant::Secondary} testid="go-corpus">{ "See the documents" }</RouteLink>
                <Button label="Import more" variant={Variant::Link} onclick={props.onagain.reform(|_| ())} />
            </div>
        </Panel>
    }
}
