//! What was decided and is not yet part of a version: by whom, and the way back.

use arborist_shared::api::reviews::{DecisionPage, ReviewDecision};
use yew::prelude::*;

use super::line::{Desk, PAGE};
use crate::api;
use crate::components::label_path::LabelRef;
use crate::components::{
    Ago, Button, Empty, Failure, Icon, LabelPath, Lines, RouteLink, Variant, show,
};
use crate::hooks::{Page, use_more, use_search};
use crate::pages::taxonomy::names::use_paths_in;
use crate::route::Route;

#[derive(PartialEq, Properties)]
pub struct DecidedProps {
    pub project: i64,
    pub taxonomy: i64,
    pub corpus: i64,
    /// Rises when there are others.
    pub stamp: u32,
    /// The person may take them back.
    pub may: bool,
    pub desk: Desk,
}

fn split_page(page: &DecisionPage) -> Page<ReviewDecision> {
    Page {
        rows: page.decisions.clone(),
        next: page.next.clone(),
    }
}

#[component]
pub fn Decided(props: &DecidedProps) -> Html {
    let (project, taxonomy, corpus) = (props.project, props.taxonomy, props.corpus);
    let first = use_search((corpus, props.stamp), |(corpus, _)| async move {
        api::decisions(corpus, PAGE, None).await
    });
    let more = use_more(first.data(), split_page, move |cursor| async move {
        let page = api::decisions(corpus, PAGE, Some(cursor)).await?;
        Ok(split_page(&page))
    });
    let mut ids: Vec<String> = more
        .rows
        .iter()
        .flat_map(|row| row.explicit.iter().cloned())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let paths = use_paths_in(taxonomy, ids);
    let undo = |id: i64| {
        let desk = props.desk.clone();
        Callback::from(move |_: MouseEvent| desk.undo(Some(id)))
    };
    html! {
        <>{ show(&first, html! { <Lines count={8} /> }, |page| if page.decisions.is_empty() {
            html! { <Empty icon={Icon::Check} title="Nothing is decided yet" compact=true>{ "What is decided stands here until a version of the corpus has it." }</Empty> }
        } else { html! {
            <>
                <ul class="ab-entries" data-testid="reviews-decided">
                    for row in more.rows.iter() {
                        <li key={row.id} class="ab-entry" data-testid="decision" data-document={row.document.to_string()}>
                            <RouteLink to={Route::Corpus { project }} query={vec![("document".to_owned(), row.document.to_string()), ("corpus".to_owned(), corpus.to_string())]} class="ab-examples__text"><bdi>{ &row.excerpt }</bdi></RouteLink>
                            <p class="ab-entry__cause">
                                if row.explicit.is_empty() { <span class="ab-muted">{ "no label applies" }</span> }
                                { for row.explicit.iter().map(|id| html! { <LabelPath key={id.clone()} path={paths.of(id)} chip=true card={Some(LabelRef::id(Some(taxonomy), id))} /> }) }
                            </p>
                            <p class="ab-entry__cause ab-muted">
                                <span>{ format!("By {}, ", row.author) }<Ago at={row.at.clone()} /></span>
                                if let Some(run) = row.run { <RouteLink to={Route::Run { project, run }}>{ format!("as run {run} proposed") }</RouteLink> }
                            </p>
                            if props.may { <Button label="Undo" icon={Icon::Undo} variant={Variant::Link} small=true testid={format!("undo-decision-{}", row.document)} onclick={undo(row.id)} /> }
                        </li>
                    }
                </ul>
                if let Some(error) = &more.error { <Failure error={error.clone()} compact=true /> }
                if more.has_more { <div><Button label="Show more" busy={more.loading} onclick={more.load.reform(|_| ())} /></div> }
            </>
        } }) }</>
    }
}
