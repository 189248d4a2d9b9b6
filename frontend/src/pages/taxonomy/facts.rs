//! What there is to know of a label: its place, how well the newest run finds it, examples, its children.

use std::rc::Rc;

use arborist_shared::api::corpora::Document;
use arborist_shared::api::jobs::JobStatus;
use arborist_shared::api::runs::Run;
use arborist_shared::api::taxonomies::LabelRow;
use arborist_shared::metrics::LabelMetrics;
use arborist_shared::split::Split;
use yew::prelude::*;

use crate::api::{self, Answer, DocumentQuery};
use crate::components::figure::Figure;
use crate::components::label_path::{LabelRef, Named};
use crate::components::{Empty, Icon, LabelPath, Lines, RouteLink, Variant, show};
use crate::format;
use crate::hooks::use_query;
use crate::pages::overview::stat;
use crate::route::Route;
use crate::shell::use_methods;

/// Most children that the card names.
const MOST: u32 = 100;
/// Most matches among which the label is looked for; those that are named exactly so come first.
const MATCHES: u32 = 200;
/// Documents that are shown as examples.
const EXAMPLES: u32 = 3;
/// Runs among which the newest with figures is looked for.
const RUNS: u32 = 50;

/// The taxonomy and the label's row in it; none where this version has no such label.
async fn find(project: i64, label: LabelRef) -> Answer<Option<(i64, LabelRow)>> {
    let newest = match label.taxonomy {
        Some(taxonomy) => Some(taxonomy),
        None => api::taxonomies(project)
            .await?
            .first()
            .map(|taxonomy| taxonomy.id),
    };
    let Some(taxonomy) = newest else {
        return Ok(None);
    };
    let words = match &label.named {
        Named::Id(id) => id.as_str(),
        Named::Path(path) => path.last().map_or("", String::as_str),
    };
    let page = api::search_labels(taxonomy, words, MATCHES).await?;
    let row = page.labels.into_iter().find(|row| match &label.named {
        Named::Id(id) => row.id == *id,
        Named::Path(path) => row.path == *path,
    });
    Ok(row.map(|row| (taxonomy, row)))
}

/// The newest run with figures on this taxonomy, and what it says about the label.
async fn in_newest_run(
    project: i64,
    taxonomy: i64,
    label: String,
) -> Answer<Option<(Run, LabelMetrics)>> {
    let runs = api::runs(project, RUNS, None).await?.runs;
    let Some(run) = runs.into_iter().find(|run| {
        run.status == JobStatus::Succeeded
            && run.taxonomy == taxonomy
            && (run.test.is_some() || run.validation.is_some())
    }) else {
        return Ok(None);
    };
    let split = if run.test.is_some() {
        Split::Test
    } else {
        Split::Validation
    };
    let metrics = api::metrics(run.id, split).await?;
    let figures = metrics.labels.into_iter().find(|other| other.id == label);
    Ok(figures.map(|figures| (run, figures)))
}

#[derive(PartialEq, Properties)]
pub struct LabelFactsProps {
    pub project: i64,
    pub label: LabelRef,
    /// A child was chosen, by its id.
    pub onchoose: Callback<String>,
    /// A link leads to the tree, where the card stands elsewhere.
    #[prop_or_default]
    pub elsewhere: bool,
    /// A link was followed.
    #[prop_or_default]
    pub onleave: Callback<()>,
}

#[component]
pub fn LabelFacts(props: &LabelFactsProps) -> Html {
    let row = use_query((props.project, props.label.clone()), |(project, label)| {
        find(project, label)
    });
    let name = match &props.label.named {
        Named::Id(id) => id.clone(),
        Named::Path(path) => path.join(" › "),
    };
    html! {
        <>{ show(&row, html! { <Lines count={6} /> }, |row| match row {
            None => html! { <Empty icon={Icon::Search} title="This version has no such label" compact=true>{ name }</Empty> },
            Some((taxonomy, row)) => html! {
                <Known key={row.id.clone()} project={props.project} taxonomy={*taxonomy} row={Rc::new(row.clone())} onchoose={props.onchoose.clone()} elsewhere={props.elsewhere} onleave={props.onleave.clone()} />
            },
        }) }</>
    }
}

#[derive(PartialEq, Properties)]
struct KnownProps {
    project: i64,
    taxonomy: i64,
    row: Rc<LabelRow>,
    onchoose: Callback<String>,
    elsewhere: bool,
    onleave: Callback<()>,
}

#[component]
fn Known(props: &KnownProps) -> Html {
    let (project, row) = (props.project, &props.row);
    let methods = use_methods();
    let key = (project, props.taxonomy, row.id.clone());
    let children = use_query(key.clone(), |(_, taxonomy, label)| async move {
        api::labels(taxonomy, Some(&label), MOST, None).await
    });
    let newest = use_query(key.clone(), |(project, taxonomy, label)| {
        in_newest_run(project, taxonomy, label)
    });
    let examples = use_query(key, |(project, _, label)| async move {
        let query = DocumentQuery {
            label,
            ..DocumentQuery::default()
        };
        api::documents(project, &query, EXAMPLES, None).await
    });
    let newest = newest.data();
    let of_label = vec![("label".to_owned(), row.id.clone())];
    html! {
        <>
            <h2 class="ab-pane__name" dir="auto">{ &row.name }</h2>
            <p><LabelPath path={row.path.clone()} level={row.level} /></p>
            if row.id != row.name { <p class="ab-pane__facts">{ "Id " }<code>{ &row.id }</code></p> }
            <dl class="ab-stats">
                { stat(row.level.to_string(), "level") }
                { stat(format::count(row.n_children), "children") }
                { stat(format::count(row.n_documents), "documents") }
            </dl>
            if let Some((run, figures)) = newest.as_deref().and_then(Option::as_ref) {
                <h3 class="ab-pane__title">{ "In the newest run" }</h3>
                <p data-testid="label-newest-run">{ "F1 " }<Figure value={figures.f1} metric="f1" />{ format!(" over {} · ", format::counted(figures.support, "document", "documents")) }
                    <RouteLink to={Route::Run { project, run: run.id }} onclick={props.onleave.clone()}>{ methods.run(run) }</RouteLink></p>
            }
            <div class="ab-form__actions">
                if props.elsewhere {
                    <RouteLink to={Route::Taxonomy { project }} query={of_label.clone()} button={Variant::Secondary} icon={Icon::Taxonomy} testid="label-in-taxonomy" onclick={props.onleave.clone()}>{ "Open in the taxonomy" }</RouteLink>
                }
                if row.n_documents > 0 {
                    <RouteLink to={Route::Corpus { project }} query={of_label} button={Variant::Secondary} icon={Icon::Corpus} testid="label-documents" onclick={props.onleave.clone()}>{ "See its documents" }</RouteLink>
                }
            </div>
            { show(&examples, Html::default(), |page| if page.documents.is_empty() { Html::default() } else { html! {
                <>
                    <h3 class="ab-pane__title">{ "Examples" }</h3>
                    <ul class="ab-examples" data-testid="label-examples">{ for page.documents.iter().map(|document| example(project, document, &props.onleave)) }</ul>
                </>
            } }) }
            { show(&children, Html::default(), |page| if page.labels.is_empty() { Html::default() } else { html! {
                <>
                    <h3 class="ab-pane__title">{ "Children" }</h3>
                    <ul class="ab-children">{ for page.labels.iter().map(|child| one_child(child, &props.onchoose)) }</ul>
                    if page.next.is_some() { <p class="ab-muted">{ format!("The first {MOST} are shown; the tree has all of them.") }</p> }
                </>
            } }) }
        </>
    }
}

fn example(project: i64, document: &Document, onleave: &Callback<()>) -> Html {
    html! {
        <li key={document.id}><RouteLink to={Route::Corpus { project }} query={vec![("document".to_owned(), document.id.to_string())]} class="ab-examples__text" onclick={onleave.clone()}><bdi>{ document.text.chars().take(220).collect::<String>() }</bdi></RouteLink></li>
    }
}

fn one_child(child: &LabelRow, onchoose: &Callback<String>) -> Html {
    let parent = child
        .path
        .len()
        .checked_sub(2)
        .map(|at| child.path[at].as_str());
    let id = child.id.clone();
    html! {
        <li key={child.id.clone()}><button type="button" class="ab-children__child" onclick={onchoose.reform(move |_: MouseEvent| id.clone())}><bdi>{ format::middle(format::below(&child.name, parent), 60) }</bdi><span class="ab-number ab-muted">{ format::count(child.n_documents) }</span></button></li>
    }
}
