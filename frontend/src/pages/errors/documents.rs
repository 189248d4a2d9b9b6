//! The documents behind a cell: text, what is right, what was predicted.

use arborist_shared::api::analysis::{JudgedDocument, JudgedPage};
use yew::prelude::*;

use super::{Sight, kinds, place};
use crate::api;
use crate::components::{Button, Failure, LabelPath, Lines, show};
use crate::hooks::{Page, use_more, use_query};

#[derive(PartialEq, Properties)]
pub struct DocumentsProps {
    pub sight: Sight,
    /// As in the rows: labels below it stand for their ancestors on it.
    pub level: String,
    pub gold: String,
    pub predicted: String,
    pub kind: String,
}

fn split_page(page: &JudgedPage) -> Page<JudgedDocument> {
    Page {
        rows: page.documents.clone(),
        next: page.next.clone(),
    }
}

#[component]
pub fn Documents(props: &DocumentsProps) -> Html {
    let asked = (
        props.sight.clone(),
        props.level.clone(),
        props.gold.clone(),
        props.predicted.clone(),
        props.kind.clone(),
    );
    let first = use_query(
        asked.clone(),
        |(sight, level, gold, predicted, kind)| async move {
            api::judged(sight.run, sight.split, &level, &gold, &predicted, &kind, "").await
        },
    );
    let more = use_more(first.data(), split_page, move |cursor| {
        let (sight, level, gold, predicted, kind) = asked.clone();
        async move {
            api::judged(
                sight.run,
                sight.split,
                &level,
                &gold,
                &predicted,
                &kind,
                &cursor,
            )
            .await
            .map(|page| split_page(&page))
        }
    });
    html! {
        <section class="ab-behind" aria-label="Documents behind the row" data-testid="behind">
            { show(&first, html! { <Lines count={4} /> }, |_| html! {
                <ul class="ab-entries">{ for more.rows.iter().map(|document| entry(document)) }</ul>
            }) }
            if let Some(error) = &more.error { <Failure error={error.clone()} retry={more.load.clone()} compact=true /> }
            if more.has_more { <Button label="Show more documents" busy={more.loading} testid="more-behind" onclick={more.load.reform(|_| ())} /> }
        </section>
    }
}

fn entry(document: &JudgedDocument) -> Html {
    let score = |label: &str| {
        let found = document
            .predicted
            .iter()
            .find(|end| end.label.label == label);
        found.and_then(|end| end.score)
    };
    html! {
        <li key={document.id.clone()} class="ab-entry" data-testid="behind-document">
            <p class="ab-behind__text" dir="auto"><span class="ab-muted">{ format!("{} ", document.id) }</span>{ &document.text }</p>
            <div class="ab-scroll" tabindex="0" role="region" aria-label="What became of its labels"><table class="ab-table">
                <thead><tr><th scope="col">{ "Right" }</th><th scope="col">{ "Predicted" }</th><th scope="col" class="ab-number">{ "Score" }</th><th scope="col">{ "Kind" }</th></tr></thead>
                <tbody>
                    for (index, outcome) in document.outcomes.iter().enumerate() {
                        <tr key={index}>
                            <td>{ place(outcome.gold.as_ref(), "nothing") }</td>
                            <td>{ match &outcome.predicted { Some(label) => html! { <LabelPath path={label.path.clone()} /> }, None => html! { <span class="ab-muted">{ "nothing" }</span> } } }</td>
                            <td class="ab-number">{ outcome.predicted.as_ref().and_then(|label| score(&label.label)).map(|score| format!("{score:.2}")).unwrap_or_default() }</td>
                            <td>{ kinds::name(outcome.kind) }</td>
                        </tr>
                    }
                </tbody>
            </table></div>
            if document.outcomes.is_empty() { <p class="ab-muted">{ "No label is right, and none was predicted." }</p> }
        </li>
    }
}
