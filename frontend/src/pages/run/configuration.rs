//! What was asked for and what it cost.

use std::rc::Rc;

use arborist_shared::api::runs::Run;
use patternfly_yew::prelude::{DescriptionGroup, DescriptionList};
use serde_json::Value;
use yew::prelude::*;

use crate::api;
use crate::components::{Ago, Panel, RouteLink};
use crate::format;
use crate::hooks::use_query;
use crate::model::schema_form::{fields, preset, same, written};
use crate::route::Route;

/// An encoder that comes along, as people know it.
pub fn encoder_name(key: &str) -> &str {
    match key {
        "minilm" => "MiniLM, delivered with Arborist",
        other => other,
    }
}

#[derive(PartialEq, Properties)]
pub struct ConfigurationProps {
    pub project: i64,
    pub run: Rc<Run>,
}

#[component]
pub fn Configuration(props: &ConfigurationProps) -> Html {
    let run = &props.run;
    let project = props.project;
    // Titles and preset values are a help; without them the keys stand alone.
    let plugins = use_query((), |()| api::plugins());
    let corpora = use_query(project, api::corpora);
    let assets = use_query(
        (project, run.encoder.clone(), run.word_vectors),
        |(project, encoder, vectors)| async move {
            // Most runs start from nothing that was uploaded.
            match (encoder.as_ref().and_then(Value::as_i64), vectors) {
                (None, None) => Ok(Vec::new()),
                _ => api::assets(project).await,
            }
        },
    );
    let asset = |id: i64| {
        assets
            .data()
            .and_then(|assets| assets.iter().find(|asset| asset.id == id).cloned())
            .map_or_else(|| format!("Asset {id}"), |asset| asset.name)
    };
    let mut origins: Vec<(&str, &str, String)> = Vec::new();
    if let Some(encoder) = &run.encoder {
        let name = match encoder.as_i64() {
            Some(id) => asset(id),
            None => encoder_name(&written(encoder)).to_owned(),
        };
        origins.push(("encoder", "Pretrained encoder", name));
    }
    if let Some(id) = run.word_vectors {
        origins.push(("word_vectors", "Word vectors", asset(id)));
    }
    let manifest = plugins.data().and_then(|plugins| {
        plugins
            .methods
            .iter()
            .find(|plugin| plugin.name == run.method)
            .map(|plugin| plugin.manifest.clone())
    });
    let base = manifest
        .as_ref()
        .zip(run.preset.as_ref())
        .and_then(|(manifest, name)| preset(manifest, name));
    let known = manifest
        .as_ref()
        .map(|manifest| fields(&manifest.hyperparameters))
        .unwrap_or_default();
    let title = |key: &str| {
        known
            .iter()
            .find(|field| field.key == key)
            .map_or_else(|| format::words(key), |field| field.title.clone())
    };
    let version = corpora.data().and_then(|answer| {
        answer
            .iter()
            .find(|corpus| corpus.id == run.corpus)
            .map(|corpus| corpus.version)
    });
    let mut keys: Vec<&String> = run.hyperparameters.keys().collect();
    keys.sort_by_key(|key| {
        known
            .iter()
            .position(|field| field.key == **key)
            .unwrap_or(usize::MAX)
    });
    html! {
        <div class="ab-grid ab-grid--wide">
            <Panel title="Configuration" testid="configuration">
                if keys.is_empty() && origins.is_empty() {
                    <p class="ab-muted">{ "No hyperparameters." }</p>
                } else {
                    <dl class="ab-pairs">
                        for (key, title, name) in origins {
                            <div key={key}><dt title={key}>{ title }</dt><dd title={name.clone()}>{ format::middle(&name, 40) }</dd></div>
                        }
                        for key in keys {
                            { {
                                let value = &run.hyperparameters[key];
                                let from = base.as_ref().and_then(|base| base.get(key));
                                let is_changed = base.is_some() && from.is_none_or(|from| !same(from, value));
                                let shown = if value.is_null() { "none".to_owned() } else { written(value) };
                                html! {
                                    <div key={key.clone()} class={is_changed.then_some("ab-pairs__changed")} title={is_changed.then(|| format!("Preset: {}", from.map(written).unwrap_or_default()))}>
                                        <dt title={key.clone()}>{ title(key) }</dt><dd>{ shown }</dd>
                                    </div>
                                }
                            } }
                        }
                    </dl>
                    if base.is_some() { <p class="ab-muted">{ "Values that deviate from the preset are marked." }</p> }
                }
            </Panel>
            <Panel title="Cost and origin" testid="cost">
                <DescriptionList compact=true>
                    <DescriptionGroup term="Device">{ &run.device }</DescriptionGroup>
                    if let Some(seconds) = run.train_seconds { <DescriptionGroup term="Training time"><span title={format!("{seconds} s")}>{ format::duration(seconds) }</span></DescriptionGroup> }
                    if let Some(rate) = run.train_docs_per_s { <DescriptionGroup term="Speed">{ format::rate(rate, "documents") }</DescriptionGroup> }
                    if let Some(bytes) = run.peak_memory_bytes { <DescriptionGroup term="Highest memory">{ format::bytes(bytes) }</DescriptionGroup> }
                    if let Some(epochs) = run.epochs { <DescriptionGroup term="Epochs">{ epochs }</DescriptionGroup> }
                    <DescriptionGroup term="Corpus"><RouteLink to={Route::Corpus { project }} query={vec![("corpus".to_owned(), run.corpus.to_string())]}>{ version.map_or_else(|| format!("Corpus {}", run.corpus), |version| format!("Version {version}")) }</RouteLink></DescriptionGroup>
                    <DescriptionGroup term="Seed">{ run.seed }</DescriptionGroup>
                    if let Some(at) = &run.started_at { <DescriptionGroup term="Started"><Ago at={at.clone()} /></DescriptionGroup> }
                    if let Some(at) = &run.finished_at { <DescriptionGroup term="Ended"><Ago at={at.clone()} /></DescriptionGroup> }
                </DescriptionList>
            </Panel>
        </div>
    }
}
