//! The methods as cards: the idea in two lines, the paper, what it needs.

use std::rc::Rc;

use arborist_shared::api::corpora::Corpus;
use arborist_shared::manifest::{AssetNeed, HierarchyKind, MethodManifest, PathKind};
use yew::prelude::*;

use super::Known;
use crate::components::field::Checkbox;
use crate::components::{Icon, icon};
use crate::format;
use crate::model::train_form::TrainForm;

#[derive(PartialEq, Properties)]
pub struct MethodCardsProps {
    pub known: Rc<Known>,
    pub form: TrainForm,
    pub onchange: Callback<TrainForm>,
    pub corpus: Option<Corpus>,
}

/// Words of a document, for an estimate before the documents were counted.
const WORDS: u64 = 200;

#[component]
pub fn MethodCards(props: &MethodCardsProps) -> Html {
    html! {
        <ul class="ab-methods" role="list">
            for plugin in props.known.plugins.methods.iter() {
                { card(props, &plugin.manifest) }
            }
        </ul>
    }
}

fn card(props: &MethodCardsProps, manifest: &MethodManifest) -> Html {
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
    let memory = props
        .corpus
        .as_ref()
        .map(|corpus| {
            manifest
                .memory
                .estimate(corpus.n_train, corpus.n_train * WORDS, props.known.n_labels)
        })
        .filter(|bytes| *bytes > 0);
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
                if let Some(memory) = memory { <li title={format!("Estimated for this corpus at {WORDS} words a document, with the balanced preset.")}>{ format!("about {} of memory", format::bytes(memory)) }</li> }
            </ul>
            if too_many { <p class="ab-field__error">{ format!("Takes at most {} labels; this taxonomy has {}.", format::count(manifest.max_labels.unwrap_or_default()), format::count(props.known.n_labels)) }</p> }
        </li>
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
