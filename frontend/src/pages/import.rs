//! Import: first the taxonomy, then the documents. Each step shows what will be read before it is kept,
//! and each step's job stands in the address, so that leaving and coming back loses nothing.

pub mod corpus_step;
pub mod file_list;
pub mod files;
pub mod preview;
pub mod reading_form;
pub mod sending;
pub mod splits;
pub mod taxonomy_step;
pub mod unknown_labels;

use yew::prelude::*;

use super::overview::ProjectProps;
use crate::api;
use crate::components::{Icon, Lines, PageHeader, RouteLink, icon, show};
use crate::hooks::{use_search, use_url_query};
use crate::route::Route;
use crate::shell::use_jobs;

#[component]
pub fn ImportPage(props: &ProjectProps) -> Html {
    let project = props.project;
    let jobs = use_jobs();
    let query = use_url_query();
    // What was chosen so far stays while a job that has ended makes the list load again.
    let taxonomies = use_search((project, jobs.ended), |(project, _)| async move {
        api::taxonomies(project).await
    });
    let has_taxonomy = taxonomies.data().is_some_and(|list| !list.is_empty());
    let step = match query.get("step") {
        Some("taxonomy") => "taxonomy",
        Some("corpus") if taxonomies.data().is_none() || has_taxonomy => "corpus",
        None if has_taxonomy => "corpus",
        _ => "taxonomy",
    };
    let trail = html! { <RouteLink to={Route::Corpus { project }}>{ "Corpus" }</RouteLink> };
    html! {
        <div class="ab-page">
            <PageHeader title="Import" {trail} />
            { steps(project, step, has_taxonomy) }
            { show(&taxonomies, html! { <Lines count={6} /> }, |taxonomies| {
                let newest = taxonomies.first().cloned();
                match (step, newest) {
                    ("corpus", Some(taxonomy)) => html! { <corpus_step::CorpusStep {project} {taxonomy} /> },
                    (_, newest) => html! { <taxonomy_step::TaxonomyStep {project} {newest} /> },
                }
            }) }
        </div>
    }
}

fn steps(project: i64, current: &str, has_taxonomy: bool) -> Html {
    let entry = |number: u32, key: &'static str, title: &'static str, done: bool, open: bool| {
        let class = classes!(
            "ab-steps__step",
            (key == current).then_some("ab-steps__step--current"),
            done.then_some("ab-steps__step--done")
        );
        let mark = if done && key != current {
            icon(Icon::Check)
        } else {
            html! { { number } }
        };
        let inner =
            html! { <><span class="ab-steps__mark">{ mark }</span><span>{ title }</span></> };
        html! {
            <li {class} key={key} aria-current={(key == current).then_some("step")}>
                if open && key != current {
                    <RouteLink to={Route::Import { project }} query={vec![("step".to_owned(), key.to_owned())]} testid={format!("step-{key}")}>{ inner }</RouteLink>
                } else {
                    <span class="ab-steps__text">{ inner }</span>
                }
            </li>
        }
    };
    html! {
        <ol class="ab-steps" aria-label="Steps">
            { entry(1, "taxonomy", "Taxonomy", has_taxonomy, true) }
            { entry(2, "corpus", "Documents", false, has_taxonomy) }
        </ol>
    }
}
