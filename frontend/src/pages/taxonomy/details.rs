//! What is written about a label: whether it is still used, what is wrong with it, names, notes, parents.

use std::rc::Rc;

use arborist_shared::api::drafts::LabelCard;
use arborist_shared::edits::Edit;
use arborist_shared::taxonomy::{LabelName, LabelText, NameKind};
use yew::prelude::*;

use super::names::use_names_now;
use super::workbench::{Workbench, use_workbench};
use crate::api::{self, Source};
use crate::components::{Button, Notice, NoticeKind, Variant};
use crate::model::details_form::kind_word;

#[derive(PartialEq, Properties)]
pub struct DetailsProps {
    pub card: Rc<LabelCard>,
    /// Where the card is from.
    pub source: Source,
    pub onchoose: Callback<String>,
}

#[component]
pub fn Details(props: &DetailsProps) -> Html {
    let (card, details) = (&props.card, &props.card.details);
    let bench = use_workbench();
    let seen = bench.as_ref().map_or(0, Workbench::seen);
    let bench = bench.filter(Workbench::is_open);
    let mut ids = card.label.parents.clone();
    ids.extend(details.related.iter().chain(&details.replaced_by).cloned());
    let names = use_names_now(props.source, seen, ids);
    let link = |id: &str| {
        let (words, id) = (names.of(id), id.to_owned());
        html! { <button type="button" class="ab-bare" onclick={props.onchoose.reform(move |_: MouseEvent| id.clone())}><bdi>{ words }</bdi></button> }
    };
    let shown: Vec<&LabelName> = details
        .names
        .iter()
        .filter(|name| name.kind != NameKind::Hidden || bench.is_some())
        .collect();
    html! {
        <>
            if details.deprecated {
                <Notice kind={NoticeKind::Warning} title="Should not be used any more" testid="label-deprecated">
                    if let Some(other) = &details.replaced_by { <p>{ "Use instead: " }{ link(other) }</p> }
                </Notice>
            }
            for (at, problem) in card.problems.iter().enumerate() {
                <Notice key={at} kind={NoticeKind::Warning} title={api::sentence(&problem.message)} testid="label-problem" />
            }
            if !details.notation.is_empty() { <p class="ab-pane__facts">{ "Notation " }<code data-testid="label-notation">{ &details.notation }</code></p> }
            { texts("Definition", &details.definitions) }
            { texts("Notes", &details.notes) }
            { texts("Examples", &details.examples) }
            if !shown.is_empty() || !details.language.is_empty() {
                <h3 class="ab-pane__title">{ "Names" }</h3>
                <ul class="ab-names" data-testid="label-names">
                    if !details.language.is_empty() { <li><bdi>{ &card.label.name }</bdi><span class="ab-tag">{ &details.language }</span></li> }
                    for (at, name) in shown.into_iter().enumerate() {
                        <li key={at}><bdi lang={lang(&name.language)}>{ &name.name }</bdi>
                            if !name.language.is_empty() { <span class="ab-tag">{ &name.language }</span> }
                            if name.kind != NameKind::Preferred { <span class="ab-muted">{ kind_word(name.kind) }</span> }
                        </li>
                    }
                </ul>
            }
            if card.label.parents.len() > 1 || (bench.is_some() && !card.label.parents.is_empty()) {
                <h3 class="ab-pane__title">{ "Parents" }</h3>
                <ul class="ab-names" data-testid="label-parents">
                    for (at, parent) in card.label.parents.iter().enumerate() {
                        <li key={parent.clone()}>
                            { link(parent) }
                            if at == 0 && card.label.parents.len() > 1 { <span class="ab-muted">{ "first" }</span> }
                            if let Some(bench) = &bench { { parent_actions(bench, &card.label.id, parent, at, card.label.parents.len()) } }
                        </li>
                    }
                </ul>
            }
            if !details.related.is_empty() {
                <h3 class="ab-pane__title">{ "Related" }</h3>
                <ul class="ab-names" data-testid="label-related">{ for details.related.iter().map(|id| html! { <li key={id.clone()}>{ link(id) }</li> }) }</ul>
            }
        </>
    }
}

/// Another parent can become the first one, and any of several can go.
fn parent_actions(bench: &Workbench, label: &str, parent: &str, at: usize, of: usize) -> Html {
    let edit = |edit: Edit| {
        let bench = bench.clone();
        Callback::from(move |_: MouseEvent| bench.edit(vec![edit.clone()]))
    };
    let (label, parent) = (label.to_owned(), parent.to_owned());
    let first = Edit::SetPrimaryParent {
        label: label.clone(),
        parent: parent.clone(),
    };
    let away = Edit::RemoveParent { label, parent };
    html! {
        <span class="ab-names__actions">
            if at > 0 { <Button label="Make it the first" variant={Variant::Link} small=true testid="parent-first" onclick={edit(first)} /> }
            if of > 1 { <Button label="Take away" variant={Variant::Link} small=true testid="parent-away" onclick={edit(away)} /> }
        </span>
    }
}

fn lang(tag: &str) -> Option<AttrValue> {
    (!tag.is_empty()).then(|| AttrValue::from(tag.to_owned()))
}

fn texts(title: &'static str, texts: &[LabelText]) -> Html {
    if texts.is_empty() {
        return Html::default();
    }
    html! {
        <>
            <h3 class="ab-pane__title">{ title }</h3>
            for (at, text) in texts.iter().enumerate() {
                <p key={at} class="ab-pane__text" dir="auto" lang={lang(&text.language)}>{ &text.text }
                    if !text.language.is_empty() { { " " }<span class="ab-tag">{ &text.language }</span> }
                </p>
            }
        </>
    }
}
