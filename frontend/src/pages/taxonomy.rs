//! Taxonomy: the tree, searched as one types, and the card of the chosen label. Reading only.

pub mod card;
pub mod facts;
pub mod tree_view;

use arborist_shared::api::taxonomies::Taxonomy;
use yew::prelude::*;

use super::guide::chapter;
use super::overview::ProjectProps;
use crate::api;
use crate::components::field::{Search, Select};
use crate::components::{Ago, Empty, Icon, Lines, PageHeader, RouteLink, Variant, show};
use crate::format;
use crate::hooks::{use_debounced, use_query, use_url_query};
use crate::route::Route;
use crate::shell::use_jobs;

#[component]
pub fn TaxonomyPage(props: &ProjectProps) -> Html {
    let project = props.project;
    let jobs = use_jobs();
    let taxonomies = use_query((project, jobs.ended), |(project, _)| async move {
        api::taxonomies(project).await
    });
    let query = use_url_query();
    let chosen = |list: &[Taxonomy]| {
        query
            .id("version")
            .and_then(|version| list.iter().find(|taxonomy| taxonomy.version == version))
            .or(list.first())
            .cloned()
    };
    let current: Option<Taxonomy> = taxonomies.data().and_then(|list| chosen(&list));
    let is_empty = taxonomies.data().is_some_and(|list| list.is_empty());
    let upload = html! {
        <RouteLink to={Route::Import { project }} query={vec![("step".to_owned(), "taxonomy".to_owned()), ("new".to_owned(), "1".to_owned())]} button={if is_empty { Variant::Primary } else { Variant::Secondary }} icon={Icon::Upload} testid="taxonomy-upload-link">{ if is_empty { "Upload a taxonomy" } else { "Upload a version" } }</RouteLink>
    };
    let subtitle = current.as_ref().map_or_else(Html::default, |taxonomy| {
        html! {
            <>
                { format!("{} on {} · ", format::counted(taxonomy.n_labels, "label", "labels"), format::counted(u64::from(taxonomy.depth), "level", "levels")) }
                if taxonomy.n_multi_parent > 0 { { format!("{} with several parents · ", format::count(taxonomy.n_multi_parent)) } }
                <Ago at={taxonomy.created_at.clone()} />
            </>
        }
    });
    html! {
        <div class={classes!("ab-page", (!is_empty).then_some("ab-page--fill"))}>
            <PageHeader title="Taxonomy" {subtitle} actions={if is_empty { Html::default() } else { upload.clone() }} />
            { show(&taxonomies, html! { <Lines count={12} /> }, |list| match current.clone() {
                None => html! {
                    <Empty icon={Icon::Taxonomy} title="No taxonomy yet" action={upload} guide={chapter::TAXONOMY}>{ "The tree of labels that documents are sorted into. A table of children and parents is enough to begin." }</Empty>
                },
                Some(taxonomy) => html! { <Tree key={taxonomy.id} {project} taxonomy={taxonomy.clone()} versions={list.iter().map(|other| other.version).collect::<Vec<_>>()} /> },
            }) }
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct TreeProps {
    project: i64,
    taxonomy: Taxonomy,
    versions: Vec<i64>,
}

#[component]
fn Tree(props: &TreeProps) -> Html {
    let query = use_url_query();
    let typed = use_state(|| query.text("search"));
    let search = use_debounced((*typed).trim().to_owned(), 150);
    {
        let query = query.clone();
        use_effect_with(search.clone(), move |search| {
            query.set(&[("search", Some(search.clone()))])
        });
    }
    // A search that comes with the address while the page is open, as from the search on top.
    {
        let (typed, search) = (typed.clone(), search.clone());
        use_effect_with(query.text("search"), move |wanted| {
            if *wanted != search {
                typed.set(wanted.clone());
            }
        });
    }
    let ontyped = {
        let typed = typed.clone();
        Callback::from(move |value: String| typed.set(value))
    };
    let onversion = {
        let query = query.clone();
        Callback::from(move |value: String| {
            query.push(&[("version", Some(value)), ("label", None)])
        })
    };
    let onchoose = {
        let query = query.clone();
        Callback::from(move |label: String| query.set(&[("label", Some(label))]))
    };
    let onclose = {
        let query = query.clone();
        Callback::from(move |()| query.set(&[("label", None)]))
    };
    // Choosing a search result shows it in the tree, where it belongs.
    let onreveal = {
        let (query, typed) = (query.clone(), typed.clone());
        Callback::from(move |label: String| {
            typed.set(String::new());
            query.set(&[("label", Some(label)), ("search", None)]);
        })
    };
    let chosen = query.text("label");
    html! {
        <>
            <div class="ab-toolbar">
                <Search id="label-search" label="Search the labels" value={(*typed).clone()} onchange={ontyped} testid="taxonomy-search" />
                if props.versions.len() > 1 {
                    <Select id="version" label="Version" value={props.taxonomy.version.to_string()} onchange={onversion} testid="taxonomy-version"
                        choices={props.versions.iter().map(|version| (version.to_string().into(), format!("Version {version}").into())).collect::<Vec<_>>()} />
                }
            </div>
            <div class={classes!("ab-split-view", "ab-split-view--tree", (!chosen.is_empty()).then_some("ab-split-view--open"))}>
                <div class="ab-split-view__list">
                    if search.is_empty() {
                        <tree_view::TreeView taxonomy={props.taxonomy.id} chosen={chosen.clone()} {onchoose} />
                    } else {
                        <tree_view::Found taxonomy={props.taxonomy.id} search={search.clone()} onchoose={onreveal} />
                    }
                </div>
                if chosen.is_empty() {
                    <aside class="ab-pane ab-pane--idle"><Empty icon={Icon::Taxonomy} title="No label chosen" compact=true>{ "Choose a label to see its place, its children and its documents." }</Empty></aside>
                } else {
                    <card::LabelCard project={props.project} taxonomy={props.taxonomy.id} label={chosen} {onclose} />
                }
            </div>
        </>
    }
}
