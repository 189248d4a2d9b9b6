//! What there is to know of a label: its place, what is written about it, how well runs find it, examples, its children.

use std::rc::Rc;

use arborist_shared::api::corpora::Document;
use arborist_shared::api::drafts::{DraftLabel, LabelCard};
use yew::prelude::*;

use super::details::Details;
use super::label_history::{InRuns, OfVersions};
use super::workbench::use_workbench;
use crate::api::{self, Answer, DocumentQuery, Source};
use crate::components::label_path::{LabelRef, Named};
use crate::components::{Empty, Icon, LabelPath, Lines, RouteLink, Variant, show};
use crate::format;
use crate::hooks::{use_query, use_search};
use crate::pages::overview::stat;
use crate::route::Route;

/// Most children that the card names.
const MOST: u32 = 100;
/// Most matches among which the label is looked for; those that are named exactly so come first.
const MATCHES: u32 = 200;
/// Documents that are shown as examples.
const EXAMPLES: u32 = 3;

/// Where a label is looked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// In a version, or the newest.
    Label(LabelRef),
    /// In a version or a draft, by its id, at a revision.
    In(Source, String, i64),
}

/// The label's card and where it is from; none where there is no such label.
async fn find(project: i64, wanted: Wanted) -> Answer<Option<(Source, Rc<LabelCard>)>> {
    let (source, id) = match wanted {
        Wanted::In(source, id, _) => (source, id),
        Wanted::Label(label) => {
            let newest = match label.taxonomy {
                Some(taxonomy) => Some(taxonomy),
                None => api::taxonomies(project)
                    .await?
                    .first()
                    .map(|taxonomy| taxonomy.id),
            };
            let Some(source) = newest.map(Source::Version) else {
                return Ok(None);
            };
            let id = match label.named {
                Named::Id(id) => Some(id),
                Named::Path(path) => by_path(source, &path).await?.map(|label| label.id),
            };
            match id {
                Some(id) => (source, id),
                None => return Ok(None),
            }
        }
    };
    let card = api::find_label(source, &id).await?;
    Ok(card.map(|card| (source, Rc::new(card))))
}

/// The label with this path of names; none where there is none.
pub async fn by_path(source: Source, path: &[String]) -> Answer<Option<DraftLabel>> {
    let name = path.last().map_or("", String::as_str);
    let found = api::found_labels(source, name, MATCHES).await?;
    Ok(found.labels.into_iter().find(|label| label.path == path))
}

#[derive(PartialEq, Properties)]
pub struct LabelFactsProps {
    pub project: i64,
    pub wanted: Wanted,
    /// A label was chosen, by its id.
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
    // What is shown stays while an edit changes it; another label starts with an empty card.
    let card = use_search(
        (props.project, props.wanted.clone()),
        |(project, wanted)| find(project, wanted),
    );
    let name = match &props.wanted {
        Wanted::In(_, id, _) => id.clone(),
        Wanted::Label(label) => match &label.named {
            Named::Id(id) => id.clone(),
            Named::Path(path) => path.join(" › "),
        },
    };
    html! {
        <>{ show(&card, html! { <Lines count={6} /> }, |card| match card {
            None => html! { <Empty icon={Icon::Search} title="There is no such label here" compact=true>{ name }</Empty> },
            Some((source, card)) => html! {
                <Known key={card.label.id.clone()} project={props.project} source={*source} card={card.clone()} onchoose={props.onchoose.clone()} elsewhere={props.elsewhere} onleave={props.onleave.clone()} />
            },
        }) }</>
    }
}

#[derive(PartialEq, Properties)]
struct KnownProps {
    project: i64,
    source: Source,
    card: Rc<LabelCard>,
    onchoose: Callback<String>,
    elsewhere: bool,
    onleave: Callback<()>,
}

#[component]
fn Known(props: &KnownProps) -> Html {
    let (project, source, row) = (props.project, props.source, &props.card.label);
    let seen = use_workbench().map_or(0, |bench| bench.seen());
    let children = use_search(
        (source, row.id.clone(), seen),
        |(source, label, _)| async move { api::first_labels(source, &label, MOST).await },
    );
    let examples = use_query((project, row.id.clone()), |(project, label)| async move {
        let query = DocumentQuery {
            label,
            ..DocumentQuery::default()
        };
        api::documents(project, &query, EXAMPLES, None).await
    });
    let of_label = vec![("label".to_owned(), row.id.clone())];
    html! {
        <>
            <h2 class="ab-pane__name" dir="auto">{ &row.name }</h2>
            { for props.card.paths.iter().enumerate().map(|(at, path)| html! { <p key={at}><LabelPath path={path.clone()} level={row.level} /></p> }) }
            if row.id != row.name { <p class="ab-pane__facts">{ "Id " }<code>{ &row.id }</code></p> }
            <dl class="ab-stats">
                { stat(row.level.to_string(), "level") }
                { stat(format::count(row.n_children), "children") }
                { stat(format::count(row.n_documents), "documents") }
            </dl>
            <Details card={props.card.clone()} {source} onchoose={props.onchoose.clone()} />
            <InRuns {project} taxonomy={source.taxonomy()} label={row.id.clone()} onleave={props.onleave.clone()} />
            <div class="ab-form__actions">
                if props.elsewhere {
                    <RouteLink to={Route::Taxonomy { project }} query={of_label.clone()} button={Variant::Secondary} icon={Icon::Taxonomy} testid="label-in-taxonomy" onclick={props.onleave.clone()}>{ "Open in the taxonomy" }</RouteLink>
                }
                if row.n_documents > 0 {
                    <RouteLink to={Route::Corpus { project }} query={of_label} button={Variant::Secondary} icon={Icon::Corpus} testid="label-documents" onclick={props.onleave.clone()}>{ "See its documents" }</RouteLink>
                }
            </div>
            if row.n_documents > 0 {
                { show(&examples, Html::default(), |page| if page.documents.is_empty() { Html::default() } else { html! {
                    <>
                        <h3 class="ab-pane__title">{ "Documents" }</h3>
                        <ul class="ab-examples" data-testid="label-examples">{ for page.documents.iter().map(|document| example(project, document, &props.onleave)) }</ul>
                    </>
                } }) }
            }
            { show(&children, Html::default(), |page| if page.labels.is_empty() { Html::default() } else { html! {
                <>
                    <h3 class="ab-pane__title">{ "Children" }</h3>
                    <ul class="ab-children">{ for page.labels.iter().map(|child| one_child(child, &props.onchoose)) }</ul>
                    if page.next.is_some() { <p class="ab-muted">{ format!("The first {MOST} are shown; the tree has all of them.") }</p> }
                </>
            } }) }
            <OfVersions {project} label={row.id.clone()} />
        </>
    }
}

fn example(project: i64, document: &Document, onleave: &Callback<()>) -> Html {
    html! {
        <li key={document.id}><RouteLink to={Route::Corpus { project }} query={vec![("document".to_owned(), document.id.to_string())]} class="ab-examples__text" onclick={onleave.clone()}><bdi>{ document.text.chars().take(220).collect::<String>() }</bdi></RouteLink></li>
    }
}

fn one_child(child: &DraftLabel, onchoose: &Callback<String>) -> Html {
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
