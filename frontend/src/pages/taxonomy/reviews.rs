//! Documents that wait for a person since a taxonomy was published: their label was split or deleted.

use arborist_shared::api::drafts::{ReviewCause, ReviewPage, ReviewRow};
use arborist_shared::api::taxonomies::Taxonomy;
use arborist_shared::edits::ReviewReason;
use yew::prelude::*;

use super::names::{Names, use_names_in};
use crate::api;
use crate::components::label_path::LabelRef;
use crate::components::{Button, Empty, Failure, Icon, LabelPath, Lines, RouteLink, show};
use crate::format;
use crate::hooks::{Page, use_more, use_query};
use crate::route::Route;

/// Documents of one request.
const PAGE: u32 = 100;

#[derive(PartialEq, Properties)]
pub struct ReviewsProps {
    pub project: i64,
    pub taxonomy: Taxonomy,
}

#[component]
pub fn Reviews(props: &ReviewsProps) -> Html {
    let (project, taxonomy) = (props.project, props.taxonomy.id);
    let queue = use_query((project, taxonomy), |(project, taxonomy)| async move {
        let corpora = api::corpora(project).await?;
        let corpus = corpora.iter().find(|corpus| corpus.taxonomy == taxonomy);
        match corpus {
            Some(corpus) => Ok(Some((
                corpus.id,
                api::reviews(corpus.id, PAGE, None).await?,
            ))),
            None => Ok(None),
        }
    });
    html! {
        <>{ show(&queue, html! { <Lines count={6} /> }, |queue| match queue {
            Some((corpus, page)) if page.n_documents > 0 => html! { <Queue {project} {taxonomy} corpus={*corpus} page={page.clone()} /> },
            _ => html! {
                <Empty icon={Icon::Check} title="No document waits" testid="reviews-empty">{ "When a label is split, or deleted with a look at its documents, they wait here for a person." }</Empty>
            },
        }) }</>
    }
}

#[derive(PartialEq, Properties)]
struct QueueProps {
    project: i64,
    taxonomy: i64,
    corpus: i64,
    page: ReviewPage,
}

fn split_page(page: &ReviewPage) -> Page<ReviewRow> {
    Page {
        rows: page.reviews.clone(),
        next: page.next.clone(),
    }
}

#[component]
fn Queue(props: &QueueProps) -> Html {
    let (project, corpus) = (props.project, props.corpus);
    let first = use_memo(props.page.clone(), ReviewPage::clone);
    let more = use_more(Some(first), split_page, move |cursor| async move {
        let page = api::reviews(corpus, PAGE, Some(cursor)).await?;
        Ok(split_page(&page))
    });
    let mut ids: Vec<String> = more
        .rows
        .iter()
        .flat_map(|row| &row.reasons)
        .flat_map(|cause| cause.candidates.iter().cloned())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let names = use_names_in(props.taxonomy, ids);
    html! {
        <>
            <p data-testid="reviews-count">{ match props.page.n_documents {
                1 => "1 document waits for a person: a label of it was split or deleted.".to_owned(),
                many => format!("{} documents wait for a person: a label of each was split or deleted.", format::count(many)),
            } }</p>
            <ul class="ab-entries" data-testid="reviews">
                for row in more.rows.iter() {
                    <li key={row.document} class="ab-entry" data-testid="review">
                        <RouteLink to={Route::Corpus { project }} query={vec![("document".to_owned(), row.document.to_string()), ("corpus".to_owned(), corpus.to_string())]} class="ab-examples__text" testid="review-document"><bdi>{ &row.excerpt }</bdi></RouteLink>
                        { for row.reasons.iter().map(|cause| reason(props.taxonomy, cause, &names)) }
                    </li>
                }
            </ul>
            if let Some(error) = &more.error { <Failure error={error.clone()} compact=true /> }
            if more.has_more { <div><Button label="Show more" busy={more.loading} testid="more-reviews" onclick={more.load.reform(|_| ())} /></div> }
        </>
    }
}

fn reason(taxonomy: i64, cause: &ReviewCause, names: &Names) -> Html {
    let words = match cause.reason {
        ReviewReason::Split => "was split",
        ReviewReason::Deleted => "was deleted",
        ReviewReason::NothingLeft => "was deleted, and no other label is left",
    };
    html! {
        <p key={cause.label.clone()} class="ab-entry__cause">
            <LabelPath path={cause.path.clone()} /><span class="ab-muted">{ words }</span>
            if !cause.candidates.is_empty() {
                <span class="ab-muted">{ "choose from" }</span>
                <span class="ab-chips">{ for cause.candidates.iter().map(|id| html! { <LabelPath key={id.clone()} path={vec![names.of(id)]} chip=true card={Some(LabelRef::id(Some(taxonomy), id))} /> }) }</span>
            }
        </p>
    }
}
