//! Taxonomy: the tree, searched as one types, and the card of the chosen label; drafts that change it, what they would
//! do, and how versions came about.

pub mod bar;
pub mod begin;
pub mod card;
pub mod conflict;
pub mod details;
pub mod dialogs;
pub mod draft_page;
pub mod edits_pane;
pub mod export;
pub mod facts;
pub mod gardener;
pub mod go_back;
pub mod history;
pub mod impact;
pub mod label_history;
pub mod menu;
pub mod names;
pub mod node_row;
pub mod outcome;
pub mod problems_pane;
pub mod reviews;
pub mod tree_view;
pub mod workbench;

use std::rc::Rc;

use arborist_shared::api::accounts::Role;
use arborist_shared::api::taxonomies::Taxonomy;
use yew::prelude::*;

use super::guide::chapter;
use super::overview::ProjectProps;
use crate::api::{self, Source};
use crate::components::field::{Search, Select};
use crate::components::tabs::PANEL;
use crate::components::{
    Ago, Button, Empty, Icon, Lines, PageHeader, RouteLink, Tabs, Variant, show,
};
use crate::format;
use crate::hooks::{UrlQuery, use_debounced, use_query, use_url_query};
use crate::route::Route;
use crate::shell::{use_jobs, use_projects};

/// Whether the person's role in the project is one of those that may do something.
#[hook]
pub fn use_may(project: i64, least: Role) -> bool {
    let projects = use_projects();
    // Each role may do all that the later ones may.
    projects
        .find(project)
        .is_some_and(|project| project.role <= least)
}

#[component]
pub fn TaxonomyPage(props: &ProjectProps) -> Html {
    let project = props.project;
    let jobs = use_jobs();
    let taxonomies = use_query((project, jobs.ended), |(project, _)| async move {
        api::taxonomies(project).await.map(Rc::new)
    });
    // What is shown stays while a job that has ended makes it load again.
    let kept = use_mut_ref(|| None::<Rc<Vec<Taxonomy>>>);
    if let Some(list) = taxonomies.data() {
        *kept.borrow_mut() = Some((*list).clone());
    }
    let query = use_url_query();
    let list = kept.borrow().clone();
    match (list, query.id("draft")) {
        (Some(taxonomies), Some(draft)) => {
            html! { <draft_page::DraftPage key={draft} {project} {draft} {taxonomies} /> }
        }
        (Some(taxonomies), None) if !taxonomies.is_empty() => {
            html! { <Reading {project} {taxonomies} /> }
        }
        _ => {
            let is_empty = taxonomies.data().is_some_and(|list| list.is_empty());
            html! {
                <div class={classes!("ab-page", (!is_empty).then_some("ab-page--fill"))}>
                    <PageHeader title="Taxonomy" />
                    { show(&taxonomies, html! { <Lines count={12} /> }, |_| html! {
                        <Empty icon={Icon::Taxonomy} title="No taxonomy yet" action={upload(project, true)} guide={chapter::TAXONOMY}>{ "The tree of labels that documents are sorted into. A table of children and parents is enough to begin." }</Empty>
                    }) }
                </div>
            }
        }
    }
}

fn upload(project: i64, is_first: bool) -> Html {
    let query = vec![
        ("step".to_owned(), "taxonomy".to_owned()),
        ("new".to_owned(), "1".to_owned()),
    ];
    let (button, words) = if is_first {
        (Variant::Primary, "Upload a taxonomy")
    } else {
        (Variant::Secondary, "Upload a version")
    };
    html! { <RouteLink to={Route::Import { project }} {query} {button} icon={Icon::Upload} testid="taxonomy-upload-link">{ words }</RouteLink> }
}

#[derive(PartialEq, Properties)]
struct ReadingProps {
    project: i64,
    /// Newest first; not empty.
    taxonomies: Rc<Vec<Taxonomy>>,
}

/// Versions, as they are.
#[component]
fn Reading(props: &ReadingProps) -> Html {
    let project = props.project;
    let query = use_url_query();
    let may_edit = use_may(project, Role::Reviewer);
    let chosen = query
        .id("version")
        .and_then(|version| {
            let mut all = props.taxonomies.iter();
            all.find(|taxonomy| taxonomy.version == version)
        })
        .or(props.taxonomies.first());
    let problems = use_query(chosen.map(|chosen| chosen.id), |version| async move {
        match version {
            Some(version) => Ok(api::problems(Source::Version(version), None)
                .await?
                .n_problems),
            None => Ok(0),
        }
    });
    let Some(taxonomy) = chosen.cloned() else {
        return Html::default();
    };
    let subtitle = html! {
        <>
            { format!("{} on {} · ", format::counted(taxonomy.n_labels, "label", "labels"), format::counted(u64::from(taxonomy.depth), "level", "levels")) }
            if taxonomy.n_multi_parent > 0 { { format!("{} with several parents · ", format::count(taxonomy.n_multi_parent)) } }
            { format!("version {} · ", taxonomy.version) }<Ago at={taxonomy.created_at.clone()} />
        </>
    };
    let edit = {
        let query = query.clone();
        Callback::from(move |_: MouseEvent| query.set(&[("edit", Some("1".to_owned()))]))
    };
    let source = Source::Version(taxonomy.id);
    let panel = {
        let query = query.clone();
        Callback::from(move |open: bool| query.push(&[("panel", open.then(|| "problems".into()))]))
    };
    let onshow = {
        let query = query.clone();
        Callback::from(move |label: String| {
            query.push(&[("label", Some(label)), ("search", None), ("panel", None)]);
        })
    };
    let pane = (query.get("panel") == Some("problems")).then(|| html! {
        <problems_pane::ProblemsPane {source} revision={0} onclose={panel.reform(|()| false)} {onshow} />
    });
    let actions = html! {
        <>
            if let Some(n_problems) = problems.data().map(|n| *n).filter(|n| *n > 0) {
                <Button label={format::counted(n_problems, "problem", "problems")} icon={Icon::Warning} testid="taxonomy-problems" onclick={panel.reform(|_: MouseEvent| true)} />
            }
            { upload(project, false) }
            if may_edit { <Button label="Edit" icon={Icon::Pencil} variant={Variant::Primary} testid="taxonomy-edit" onclick={edit} /> }
        </>
    };
    let tab = query.text("tab");
    let current = match tab.as_str() {
        "history" => "history",
        "reviews" => "reviews",
        "export" => "export",
        _ => "tree",
    };
    let onchoose = {
        let query = query.clone();
        Callback::from(move |key: String| {
            query.push(&[("tab", Some(key).filter(|key| key != "tree"))])
        })
    };
    let tabs = vec![
        ("tree", "Labels".into()),
        ("history", "History".into()),
        ("reviews", "To review".into()),
        ("export", "Export".into()),
    ];
    let close = {
        let query = query.clone();
        Callback::from(move |()| query.set(&[("edit", None)]))
    };
    html! {
        <div class={classes!("ab-page", (current == "tree").then_some("ab-page--fill"))}>
            <PageHeader title="Taxonomy" {subtitle} {actions} />
            <Tabs label="Taxonomy" {tabs} {current} {onchoose} />
            <div class="ab-ready" id={PANEL} role="tabpanel" aria-labelledby={format!("tab-{current}")}>
                {
                    match current {
                        "history" => html! { <history::History {project} taxonomies={props.taxonomies.clone()} /> },
                        "reviews" => html! { <reviews::Reviews key={taxonomy.id} {project} taxonomy={taxonomy.clone()} /> },
                        "export" => html! { <export::Export key={taxonomy.id} {project} taxonomy={taxonomy.clone()} /> },
                        _ => html! { <Tree key={taxonomy.id} {project} {source} revision={0} versions={versions(&query, &props.taxonomies, &taxonomy)} {pane} /> },
                    }
                }
            </div>
            if query.get("edit").is_some() { <begin::Begin {project} taxonomies={props.taxonomies.clone()} onclose={close} /> }
        </div>
    }
}

/// The choice of a version.
fn versions(query: &UrlQuery, taxonomies: &[Taxonomy], shown: &Taxonomy) -> Html {
    if taxonomies.len() < 2 {
        return Html::default();
    }
    let query = query.clone();
    let onchange = Callback::from(move |value: String| {
        query.push(&[("version", Some(value)), ("label", None)])
    });
    let choices: Vec<(AttrValue, AttrValue)> = taxonomies
        .iter()
        .map(|other| {
            let version = other.version;
            (
                version.to_string().into(),
                format!("Version {version}").into(),
            )
        })
        .collect();
    html! { <Select id="version" label="Version" value={shown.version.to_string()} {onchange} {choices} testid="taxonomy-version" /> }
}

#[derive(PartialEq, Properties)]
pub struct TreeProps {
    pub project: i64,
    pub source: Source,
    /// Of the draft.
    pub revision: i64,
    /// Beside the search.
    pub versions: Html,
    /// Beside the tree in the place of the card.
    pub pane: Option<Html>,
}

/// The tree with its search, and the card of the chosen label.
#[component]
pub fn Tree(props: &TreeProps) -> Html {
    let source = props.source;
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
    // A pane in its place goes when a label is chosen.
    let onchoose = {
        let query = query.clone();
        Callback::from(move |label: String| query.set(&[("label", Some(label)), ("panel", None)]))
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
            query.set(&[("label", Some(label)), ("search", None), ("panel", None)]);
        })
    };
    let chosen = query.text("label");
    let is_open = !chosen.is_empty() || props.pane.is_some();
    html! {
        <>
            <div class="ab-toolbar">
                <Search id="label-search" label="Search the labels" value={(*typed).clone()} onchange={ontyped} testid="taxonomy-search" />
                { props.versions.clone() }
            </div>
            <div class={classes!("ab-split-view", "ab-split-view--tree", is_open.then_some("ab-split-view--open"))}>
                <div class="ab-split-view__list">
                    <div class={classes!("ab-split-view__list", (!search.is_empty()).then_some("ab-split-view__list--behind"))}>
                        <tree_view::TreeView {source} chosen={chosen.clone()} {onchoose} />
                    </div>
                    if !search.is_empty() {
                        <tree_view::Found {source} search={search.clone()} revision={props.revision} onchoose={onreveal} />
                    }
                </div>
                if let Some(pane) = &props.pane {
                    { pane.clone() }
                } else if chosen.is_empty() {
                    <aside class="ab-pane ab-pane--idle"><Empty icon={Icon::Taxonomy} title="No label chosen" compact=true>{ "Choose a label to see its place, its children and its documents." }</Empty></aside>
                } else {
                    <card::LabelCard project={props.project} {source} label={chosen} {onclose} />
                }
            </div>
        </>
    }
}
