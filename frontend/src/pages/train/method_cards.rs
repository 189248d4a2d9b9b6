//! The methods as cards: the idea in two lines, the paper, what it needs, what it costs on this corpus.

use std::collections::BTreeMap;
use std::rc::Rc;

use arborist_shared::api::corpora::Corpus;
use arborist_shared::api::runs::{NewRun, RunEstimate};
use arborist_shared::manifest::{AssetNeed, HierarchyKind, MethodManifest, PathKind};
use yew::prelude::*;

use super::{Known, cost};
use crate::api;
use crate::components::field::Checkbox;
use crate::components::{Icon, icon};
use crate::format;
use crate::hooks::{use_debounced, use_query};
use crate::model::train_form::TrainForm;

#[derive(PartialEq, Properties)]
pub struct MethodCardsProps {
    pub project: i64,
    pub known: Rc<Known>,
    pub form: TrainForm,
    pub onchange: Callback<TrainForm>,
    pub corpus: Option<Corpus>,
}

/// What each method would cost as it comes, without changes.
#[component]
pub fn MethodCards(props: &MethodCardsProps) -> Html {
    let asked: Vec<NewRun> = props
        .corpus
        .iter()
        .flat_map(|corpus| {
            let methods = &props.known.plugins.methods;
            let mut form = TrainForm {
                device: props.form.device.clone(),
                encoder: props.form.encoder.clone(),
                word_vectors: props.form.word_vectors.clone(),
                ..TrainForm::default()
            };
            for plugin in methods {
                form.toggle(&plugin.name, &plugin.manifest);
            }
            form.requests(methods, corpus)
        })
        .collect();
    let asked = use_debounced(asked, 300);
    let costs = use_query((props.project, asked), |(project, asked)| async move {
        let mut costs = BTreeMap::new();
        for run in asked {
            // A method that cannot be trained like this has no cost; its form says why.
            if let Ok(estimate) = api::estimate(project, &run).await {
                costs.insert(run.method, estimate);
            }
        }
        Ok(costs)
    })
    .data()
    .unwrap_or_default();
    html! {
        <ul class="ab-methods" role="list">
            for plugin in props.known.plugins.methods.iter() {
                { card(props, &plugin.manifest, costs.get(&plugin.name)) }
            }
        </ul>
    }
}

fn card(props: &MethodCardsProps, manifest: &MethodManifest, cost: Option<&RunEstimate>) -> Html {
    let name = manifest.name.clone();
    let picked = props.form.choice(&name).is_some();
    let toggle = {
        let (form, onchange, manifest) =
            (props.form.clone(), props.onchange.clone(), manifest.clone());
        Callback::from(move |_: bool| {
            let mut form = form.clone();
            form.toggle(&manifest.name, &manifest);
            onchange.emit(form);
        })
    };
    let too_many = manifest
        .max_labels
        .is_some_and(|most| props.known.n_labels > most);
    let id = format!("method-{name}");
    html! {
        <li key={name.clone()} class={classes!("ab-method", picked.then_some("ab-method--picked"), too_many.then_some("ab-method--unfit"))} data-testid={format!("card-{name}")}>
            <label class="ab-method__head" for={id.clone()}>
                <Checkbox {id} checked={picked} onchange={toggle} disabled={too_many} label={format!("Train {}", manifest.title)} testid={format!("pick-{name}")} />
                <span class="ab-method__title">{ &manifest.title }</span>
            </label>
            <p class="ab-method__summary">{ &manifest.summary }</p>
            if let Some(paper) = &manifest.paper {
                <p class="ab-method__paper">
                    if let Some(url) = &paper.url { <a href={url.clone()} target="_blank" rel="noreferrer" title={paper.title.clone()}>{ &paper.venue }{ " " }{ icon(Icon::External) }</a> } else { <span title={paper.title.clone()}>{ &paper.venue }</span> }
                </p>
            }
            <ul class="ab-method__needs">
                for (index, need) in needs(manifest).into_iter().enumerate() { <li key={index}>{ need }</li> }
            </ul>
            { cost_line(&name, cost) }
            if too_many { <p class="ab-field__error">{ format!("Takes at most {} labels; this taxonomy has {}.", format::count(manifest.max_labels.unwrap_or_default()), format::count(props.known.n_labels)) }</p> }
        </li>
    }
}

/// The line stands there before its words are known: nothing moves when they come, under nobody's pointer.
fn cost_line(name: &str, cost: Option<&RunEstimate>) -> Html {
    let Some(cost) = cost else {
        return html! { <p class="ab-method__cost ab-method__cost--unknown" aria-hidden="true">{ icon(Icon::Clock) }<span>{ "…" }</span></p> };
    };
    let unfit = (!cost.fits).then_some("ab-method__cost--unfit");
    html! {
        <p class={classes!("ab-method__cost", unfit)} data-testid={format!("cost-{name}")} title={cost::whence(cost)}>{ icon(if cost.fits { Icon::Clock } else { Icon::Warning }) }<span>{ cost::words(cost) }</span></p>
    }
}

fn needs(manifest: &MethodManifest) -> Vec<&'static str> {
    let mut needs = Vec::new();
    match manifest.encoder {
        AssetNeed::Required => needs.push("needs a pretrained encoder"),
        AssetNeed::Optional => needs.push("can use a pretrained encoder"),
        AssetNeed::None => {}
    }
    match manifest.word_vectors {
        AssetNeed::Required => needs.push("needs word vectors"),
        AssetNeed::Optional => needs.push("can use word vectors"),
        AssetNeed::None => {}
    }
    needs.push(match manifest.hierarchy {
        HierarchyKind::Tree => "one parent per label",
        HierarchyKind::Dag => "several parents per label",
    });
    if manifest.paths == PathKind::Single {
        needs.push("one path per document");
    }
    needs
}
