//! The first step: a file with the tree of labels, what is in it, sending it.

use arborist_shared::api::jobs::Accepted;
use arborist_shared::api::taxonomies::{Taxonomy, TaxonomyPreview};
use arborist_shared::taxonomy::TaxonomyFormat;
use web_sys::{Blob, File};
use yew::prelude::*;

use super::files::{mark, named_formats, slice};
use super::sending::{Following, Sending};
use crate::api::{self, Parcel};
use crate::components::drop_zone::DropZone;
use crate::components::field::{Field, Select};
use crate::components::{
    Ago, Button, Icon, LabelPath, Lines, Notice, NoticeKind, Panel, RouteLink, Variant, show,
};
use crate::format;
use crate::hooks::{use_query, use_url_query};
use crate::pages::guide;
use crate::pages::overview::stat;
use crate::route::Route;

/// The most that a preview looks at.
const PREVIEW_BYTES: f64 = 16.0 * 1024.0 * 1024.0;

#[derive(PartialEq, Properties)]
pub struct TaxonomyStepProps {
    pub project: i64,
    pub newest: Option<Taxonomy>,
}

#[component]
pub fn TaxonomyStep(props: &TaxonomyStepProps) -> Html {
    let project = props.project;
    let query = use_url_query();
    let file = use_state(|| None::<File>);
    let sending = use_state(|| None::<String>);
    let go_on = html! {
        <RouteLink to={Route::Import { project }} query={vec![("step".to_owned(), "corpus".to_owned())]} button={Variant::Primary} testid="continue">{ "Go on to the documents" }</RouteLink>
    };
    let back = {
        let (query, file, sending) = (query.clone(), file.clone(), sending.clone());
        Callback::from(move |()| {
            file.set(None);
            sending.set(None);
            query.set(&[
                ("job", None),
                ("step", Some("taxonomy".into())),
                ("new", Some("1".into())),
            ]);
        })
    };
    if let Some(job) = query.id("job") {
        let newest = props.newest.clone();
        let done = Callback::from(move |_| {
            html! {
                <Panel title="The taxonomy is in place" testid="taxonomy-done">
                    if let Some(taxonomy) = &newest { { facts(taxonomy) } } else { <Lines count={2} /> }
                    <div class="ab-form__actions">{ go_on.clone() }<RouteLink to={Route::Taxonomy { project }} button={Variant::Link}>{ "Look at it" }</RouteLink></div>
                </Panel>
            }
        });
        return html! { <Following {job} {done} onback={back} /> };
    }
    if let (Some(file), Some(format)) = (&*file, &*sending) {
        let ondone = {
            let query = query.clone();
            Callback::from(move |accepted: Accepted| {
                query.set(&[
                    ("job", Some(accepted.job.to_string())),
                    ("step", Some("taxonomy".into())),
                    ("new", None),
                ])
            })
        };
        let address = api::taxonomy_upload(project, format, &file.name());
        let parcel = Parcel {
            project,
            body: Blob::from(file.clone()),
            name: file.name(),
            mark: mark(file),
        };
        return html! { <Sending {address} {parcel} {ondone} onback={back} /> };
    }
    if let (Some(taxonomy), None, None) = (&props.newest, &*file, query.get("new")) {
        let another = {
            let query = query.clone();
            Callback::from(move |_: MouseEvent| query.set(&[("new", Some("1".into()))]))
        };
        return html! {
            <Panel title={format!("Version {} is in use", taxonomy.version)} testid="taxonomy-in-use">
                { facts(taxonomy) }
                <div class="ab-form__actions">{ go_on }<Button label="Upload another version" onclick={another} testid="taxonomy-new" /></div>
            </Panel>
        };
    }
    match &*file {
        None => {
            let onfiles = {
                let file = file.clone();
                Callback::from(move |mut files: Vec<File>| file.set(files.pop()))
            };
            html! {
                <>
                    <DropZone id="taxonomy-file" title="Drop the taxonomy here" {onfiles} testid="taxonomy-file">
                        { "A file with the tree of labels. The format is recognized; you see what is in it before it is sent." }
                    </DropZone>
                    <p><RouteLink to={Route::Guide} query={guide::at(guide::chapter::TAXONOMY)} class="ab-quiet">{ "Read about taxonomies in the guide" }</RouteLink></p>
                    <details class="ab-fold"><summary>{ "Which files work?" }</summary>
                        <dl class="ab-formats">
                            <div><dt>{ "Table of child and parent" }</dt><dd><pre>{ "Music\tCulture\nCulture\tRoot" }</pre></dd></div>
                            <div><dt>{ "HiAGM lines of parent and children" }</dt><dd><pre>{ "Root\tCulture\tSport\nCulture\tMusic\tFilm" }</pre></dd></div>
                            <div><dt>{ "CSV with a path on each row" }</dt><dd><pre>{ "level_1,level_2\nCulture,Music" }</pre></dd></div>
                            <div><dt>{ "Nested JSON" }</dt><dd><pre>{ "[{\"name\": \"Culture\",\n  \"children\": [{\"name\": \"Music\"}]}]" }</pre></dd></div>
                        </dl>
                    </details>
                </>
            }
        }
        Some(chosen) => {
            let onsend = {
                let sending = sending.clone();
                Callback::from(move |format: String| sending.set(Some(format)))
            };
            html! { <Preview {project} file={chosen.clone()} {onsend} onback={back} /> }
        }
    }
}

fn facts(taxonomy: &Taxonomy) -> Html {
    html! {
        <>
            <dl class="ab-stats">
                { stat(format::count(taxonomy.n_labels), "labels") }
                { stat(taxonomy.depth.to_string(), "levels") }
                { stat(format::count(taxonomy.n_multi_parent), "with several parents") }
            </dl>
            <p class="ab-muted">{ format!("Version {} · uploaded ", taxonomy.version) }<Ago at={taxonomy.created_at.clone()} /></p>
        </>
    }
}

#[derive(PartialEq, Properties)]
struct PreviewProps {
    project: i64,
    file: File,
    onsend: Callback<String>,
    onback: Callback<()>,
}

#[component]
fn Preview(props: &PreviewProps) -> Html {
    let format = use_state_eq(String::new);
    let preview = use_query(
        (props.project, props.file.clone(), (*format).clone()),
        |(project, file, format)| async move {
            let (head, partial) = slice(&file, PREVIEW_BYTES);
            api::preview_taxonomy(project, &format, partial, &head).await
        },
    );
    let set_format = {
        let format = format.clone();
        Callback::from(move |value: String| format.set(value))
    };
    let good = preview
        .data()
        .is_some_and(|preview| preview.error.is_none());
    let detected = preview
        .data()
        .map(|preview| preview.format.clone())
        .unwrap_or_default();
    let send = {
        let (onsend, format) = (
            props.onsend.clone(),
            if format.is_empty() {
                detected.clone()
            } else {
                (*format).clone()
            },
        );
        Callback::from(move |_: MouseEvent| onsend.emit(format.clone()))
    };
    html! {
        <Panel title={props.file.name()} testid="taxonomy-preview" actions={html! { <span class="ab-muted">{ format::bytes(props.file.size() as u64) }</span> }}>
            <div class="ab-form__row">
                <Field id="format" label="Format">
                    <Select id="format" value={(*format).clone()} onchange={set_format} testid="taxonomy-format" choices={named_formats(&TaxonomyFormat::ALL.map(|format| (format.as_str(), format.title())), &detected)} />
                </Field>
            </div>
            { show(&preview, html! { <Lines count={6} /> }, content) }
            <div class="ab-form__actions">
                <Button label="Upload" variant={Variant::Primary} icon={Icon::Upload} disabled={!good} testid="taxonomy-upload" onclick={send} />
                <Button label="Choose another file" variant={Variant::Link} testid="taxonomy-back" onclick={props.onback.reform(|_| ())} />
            </div>
        </Panel>
    }
}

fn content(preview: &TaxonomyPreview) -> Html {
    if let Some(error) = &preview.error {
        return html! { <Notice kind={NoticeKind::Danger} title="This file cannot be read" testid="taxonomy-problem"><p>{ api::sentence(error) }</p></Notice> };
    }
    html! {
        <>
            <dl class="ab-stats">
                { stat(format::count(preview.n_labels), "labels") }
                { stat(preview.depth.to_string(), "levels") }
                { stat(format::count(preview.n_multi_parent), "with several parents") }
            </dl>
            <p class="ab-muted">{ preview.labels_per_level.iter().enumerate().map(|(level, count)| format!("level {}: {}", level + 1, format::count(*count))).collect::<Vec<_>>().join(" · ") }</p>
            if !preview.notes.is_empty() {
                <Notice kind={NoticeKind::Info} title="What the reader noticed">
                    <ul class="ab-list">for (index, note) in preview.notes.iter().enumerate() { <li key={index}>{ api::sentence(note) }</li> }</ul>
                </Notice>
            }
            <h3 class="ab-pane__title">{ "Labels below the root" }</h3>
            <ul class="ab-toplabels">
                for label in preview.top.iter() {
                    <li key={label.id.clone()}><LabelPath path={label.path.clone()} level={label.level} />
                        if label.n_children > 0 { <span class="ab-muted">{ format::counted(label.n_children, "child", "children") }</span> }
                    </li>
                }
            </ul>
        </>
    }
}
