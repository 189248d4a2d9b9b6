//! What a run is worth for the newest taxonomy, where that is another one than it was trained on, and why.

use std::rc::Rc;

use arborist_shared::api::runs::{Run, RunTaxonomy, TaxonomyFit};
use arborist_shared::edits::{Retrain, RetrainReason};
use yew::prelude::*;

use crate::api;
use crate::components::label_path::{LabelRef, use_label_cards};
use crate::components::{Icon, Lines, Notice, NoticeKind, RouteLink, Variant, show};
use crate::format;
use crate::hooks::use_query;
use crate::model::draft::listed;
use crate::pages::taxonomy::names::{Names, use_names_in};
use crate::route::Route;

/// Labels that are listed.
const SHOWN: usize = 100;

#[derive(PartialEq, Properties)]
pub struct FitProps {
    pub project: i64,
    pub run: Rc<Run>,
}

/// A notice on the run's page; nothing where the taxonomy is the run's own.
#[component]
pub fn Fit(props: &FitProps) -> Html {
    let open = use_state_eq(|| false);
    let key = (props.run.id, props.run.taxonomy_fit.clone(), *open);
    let found = use_query(key, |(run, fit, open)| async move {
        match fit.filter(|_| open) {
            Some(fit) => api::run_taxonomy(run, fit.taxonomy).await.map(Some),
            None => Ok(None),
        }
    });
    let Some(fit) = &props.run.taxonomy_fit else {
        return Html::default();
    };
    let ontoggle = {
        let open = open.clone();
        Callback::from(move |event: Event| {
            let details = event.target_dyn_into::<web_sys::Element>();
            open.set(details.is_some_and(|details| details.has_attribute("open")));
        })
    };
    let kind = if fit.n_retrain > 0 {
        NoticeKind::Warning
    } else {
        NoticeKind::Info
    };
    html! {
        <Notice {kind} title={format!("For version {} of the taxonomy: {}", fit.version, fit.sentence)} testid="run-fit">
            <div class="ab-stack">
            <p>{ "It answers over the newer taxonomy with what it has learnt until it is trained again." }</p>
            <details class="ab-fold" {ontoggle} data-testid="run-fit-why"><summary>{ "Why" }</summary>
                if *open { { show(&found, html! { <Lines count={3} /> }, |found| match found {
                    Some(found) => html! { <Why found={Rc::new(found.clone())} /> },
                    None => Html::default(),
                }) } }
            </details>
            <RouteLink to={Route::Train { project: props.project }} query={vec![("clone".to_owned(), props.run.id.to_string())]} button={Variant::Secondary} icon={Icon::Train} testid="run-fit-train">{ "Train again" }</RouteLink>
            </div>
        </Notice>
    }
}

#[derive(PartialEq, Properties)]
struct WhyProps {
    found: Rc<RunTaxonomy>,
}

#[component]
fn Why(props: &WhyProps) -> Html {
    let found = &props.found;
    let cards = use_label_cards();
    let now = found
        .retrain
        .iter()
        .take(SHOWN)
        .map(|one| one.label.clone());
    let now = now.chain(found.renamed.iter().take(SHOWN).cloned());
    let names = use_names_in(found.fit.taxonomy, now.collect());
    let before = found.retrain.iter().take(SHOWN);
    let before = before.flat_map(|one| one.from.iter().cloned());
    let earlier = use_names_in(found.trained_on, before.collect());
    let open = |id: &str| {
        let (cards, label) = (cards.clone(), LabelRef::id(Some(found.fit.taxonomy), id));
        Callback::from(move |_: MouseEvent| cards.open(label.clone()))
    };
    let counts: Vec<String> = [
        (found.n_kept, "mean the same label"),
        (
            found.n_combined,
            "count for the label that theirs went into",
        ),
        (found.n_stopped, "are answered with the labels above theirs"),
        (found.n_masked, "mean nothing any more"),
    ]
    .iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, words)| format!("{} {words}", format::count(*count)))
    .collect();
    html! {
        <div class="ab-stack">
            <p>{ format!("Of its outputs {}.", counts.join(", ")) }</p>
            if !found.retrain.is_empty() {
                <ul class="ab-names" data-testid="run-fit-labels">
                    for one in found.retrain.iter().take(SHOWN) {
                        <li key={one.label.clone()}><button type="button" class="ab-bare" onclick={open(&one.label)}><bdi>{ names.of(&one.label) }</bdi></button><span class="ab-muted">{ reason(one, &earlier) }</span></li>
                    }
                    if found.retrain.len() > SHOWN { <li class="ab-muted">{ format!("and {} more", format::count((found.retrain.len() - SHOWN) as u64)) }</li> }
                </ul>
            }
            if !found.renamed.is_empty() {
                <p class="ab-muted">{ format!("Names have changed of {}; that matters to methods that read names.", listed(&found.renamed.iter().take(SHOWN).map(|id| names.of(id)).collect::<Vec<_>>())) }</p>
            }
        </div>
    }
}

fn reason(one: &Retrain, earlier: &Names) -> String {
    let from: Vec<String> = one.from.iter().map(|id| earlier.of(id)).collect();
    match one.reason {
        RetrainReason::Added => "is new".to_owned(),
        RetrainReason::Split => format!("is a part of {}", listed(&from)),
        RetrainReason::Merged => format!("took in {}", listed(&from)),
    }
}

/// In a table of runs: in a few words, all of them on hover.
pub fn chip(fit: Option<&TaxonomyFit>) -> Html {
    let Some(fit) = fit else {
        return Html::default();
    };
    let title = format!(
        "For version {} of the taxonomy: {}",
        fit.version, fit.sentence
    );
    html! { <span class="ab-table__under ab-table__fit" {title} data-testid="run-fit-chip">{ &fit.sentence }</span> }
}
