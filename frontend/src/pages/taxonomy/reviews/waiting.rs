//! All documents that wait, as a list: one of them is taken up.

use std::rc::Rc;

use arborist_shared::api::drafts::ReviewRow;
use yew::prelude::*;

use super::at_hand::cause;
use super::line::{Desk, PAGE};
use crate::api;
use crate::components::label_path::LabelRef;
use crate::components::{Button, Failure, LabelPath, Lines, RouteLink, Variant, show};
use crate::format;
use crate::hooks::{Page, use_more, use_query, use_url_query};
use crate::model::review_line::{best, candidates};
use crate::pages::taxonomy::names::use_paths_in;
use crate::route::Route;

#[derive(PartialEq, Properties)]
pub struct WaitingProps {
    pub project: i64,
    pub taxonomy: i64,
    pub corpus: i64,
    pub desk: Desk,
}

#[component]
pub fn Waiting(props: &WaitingProps) -> Html {
    let (project, taxonomy, corpus) = (props.project, props.taxonomy, props.corpus);
    let query = use_url_query();
    let first = use_query(corpus, |corpus| async move {
        api::reviews(corpus, PAGE, None).await
    });
    let more = use_more(
        first.data(),
        |page| Page {
            rows: page.reviews.clone(),
            next: page.next.clone(),
        },
        move |cursor| async move {
            let page = api::reviews(corpus, PAGE, Some(cursor)).await?;
            Ok(Page {
                rows: page.reviews,
                next: page.next,
            })
        },
    );
    let mut ids: Vec<String> = more.rows.iter().flat_map(|row| candidates(row)).collect();
    ids.sort_unstable();
    ids.dedup();
    let paths = use_paths_in(taxonomy, ids);
    let take_up = |row: &Rc<ReviewRow>| {
        let (desk, query, row) = (props.desk.clone(), query.clone(), row.clone());
        Callback::from(move |_: MouseEvent| {
            desk.take_up(row.clone());
            query.set(&[("queue", None)]);
        })
    };
    html! {
        <>{ show(&first, html! { <Lines count={8} /> }, |_| html! {
            <>
                if more.rows.is_empty() { <p class="ab-muted">{ "None." }</p> }
                <ul class="ab-entries" data-testid="reviews-waiting">
                    for row in more.rows.iter() {
                        <li key={row.document} class="ab-entry">
                            <RouteLink to={Route::Corpus { project }} query={vec![("document".to_owned(), row.document.to_string()), ("corpus".to_owned(), corpus.to_string())]} class="ab-examples__text" testid="review-document"><bdi>{ &row.excerpt }</bdi></RouteLink>
                            { for row.reasons.iter().map(cause) }
                            <p class="ab-entry__cause"><span class="ab-muted">{ "Choose from" }</span>
                                { for candidates(row).iter().map(|id| html! { <LabelPath key={id.clone()} path={paths.of(id)} chip=true card={Some(LabelRef::id(Some(taxonomy), id))} /> }) }
                            </p>
                            if let Some((label, score)) = best(row.proposal.as_ref()) {
                                <p class="ab-entry__cause"><span class="ab-muted">{ "Proposed" }</span><LabelPath path={paths.of(label)} /><span class="ab-number">{ format::percent(f64::from(score)) }</span></p>
                            }
                            <Button label="Take it up" variant={Variant::Link} small=true testid="review-take-up" onclick={take_up(row)} />
                        </li>
                    }
                </ul>
                if let Some(error) = &more.error { <Failure error={error.clone()} compact=true /> }
                if more.has_more { <div><Button label="Show more" busy={more.loading} testid="more-reviews" onclick={more.load.reform(|_| ())} /></div> }
            </>
        }) }</>
    }
}
