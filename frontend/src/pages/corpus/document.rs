//! A document beside the list: its text, its labels in the tree.

use std::rc::Rc;

use arborist_shared::api::corpora::Document;
use yew::prelude::*;

use super::split_tag;
use crate::api;
use crate::components::path_tree::PathTree;
use crate::components::{Ago, Button, Icon, Lines, Variant, show};
use crate::format;
use crate::hooks::use_query;

#[derive(PartialEq, Properties)]
pub struct DocumentPaneProps {
    pub id: i64,
    /// Whose labels the document has.
    pub taxonomy: Option<i64>,
    /// The row of the list, where it is there: shown at once.
    pub known: Option<Rc<Document>>,
    /// Place in the list and length of the list.
    pub position: Option<(usize, u64)>,
    pub onstep: Callback<usize>,
    pub onclose: Callback<()>,
}

#[component]
pub fn DocumentPane(props: &DocumentPaneProps) -> Html {
    let is_known = props.known.is_some();
    let query = use_query((props.id, is_known), move |(id, is_known)| async move {
        if is_known {
            Ok(None)
        } else {
            api::document(id).await.map(|answer| Some(answer.document))
        }
    });
    let step = |to: Option<usize>| {
        let onstep = props.onstep.clone();
        Callback::from(move |_: MouseEvent| {
            if let Some(to) = to {
                onstep.emit(to);
            }
        })
    };
    let place = props.position;
    html! {
        <aside class="ab-pane" aria-label="Document" data-testid="document-pane">
            <header class="ab-pane__head">
                <span class="ab-pane__place">{ place.map(|(at, total)| format!("{} of {}", format::count(at as u64 + 1), format::count(total))).unwrap_or_default() }</span>
                <Button variant={Variant::Plain} icon={Icon::Up} title="Previous document (K)" testid="document-previous" disabled={place.is_none_or(|(at, _)| at == 0)} onclick={step(place.and_then(|(at, _)| at.checked_sub(1)))} />
                <Button variant={Variant::Plain} icon={Icon::Down} title="Next document (J)" testid="document-next" disabled={place.is_none_or(|(at, total)| at as u64 + 1 >= total)} onclick={step(place.map(|(at, _)| at + 1))} />
                <Button variant={Variant::Plain} icon={Icon::Close} title="Close (Esc)" testid="document-close" onclick={props.onclose.reform(|_| ())} />
            </header>
            <div class="ab-pane__body">
                {
                    match &props.known {
                        Some(document) => content(document, props.taxonomy),
                        None => show(&query, html! { <Lines count={8} /> }, |document| document.as_ref().map(|document| content(document, props.taxonomy)).unwrap_or_default()),
                    }
                }
            </div>
        </aside>
    }
}

fn content(document: &Document, taxonomy: Option<i64>) -> Html {
    html! {
        <>
            <p class="ab-pane__facts">
                { split_tag(document.split) }<code title="Id of the document">{ format::middle(&document.key, 40) }</code>
                if let Some(at) = &document.labelled_at { <span class="ab-muted" title="When the version was made that gave it its labels">{ "labels since " }<Ago at={at.clone()} /></span> }
            </p>
            <p class="ab-text" dir="auto" data-testid="document-text">{ &document.text }</p>
            if document.lang.is_some() || !document.meta.is_empty() {
                <dl class="ab-facts" data-testid="document-meta">
                    if let Some(lang) = &document.lang { <div><dt>{ "language" }</dt><dd>{ lang }</dd></div> }
                    for (key, value) in document.meta.iter() { <div key={key.clone()}><dt dir="auto">{ key }</dt><dd dir="auto">{ value }</dd></div> }
                </dl>
            }
            <h3 class="ab-pane__title">{ "Labels" }</h3>
            {
                match &document.labels {
                    None => html! { <p class="ab-muted">{ "Nobody has judged this document yet." }</p> },
                    Some(labels) if labels.is_empty() => html! { <p class="ab-muted">{ "Judged: no label of the taxonomy applies." }</p> },
                    Some(_) => html! { <PathTree paths={document.paths.clone()} {taxonomy} /> },
                }
            }
        </>
    }
}
