//! The card of a label: its place, its children, its documents.

use yew::prelude::*;

use crate::api;
use crate::components::figure::Figure;
use crate::components::{Button, Empty, Icon, LabelPath, Lines, RouteLink, Variant, show};
use crate::format;
use crate::hooks::{use_query, use_url_query};
use crate::pages::overview::stat;
use crate::route::Route;
use crate::shell::use_methods;
use arborist_shared::split::Split;

#[derive(PartialEq, Properties)]
pub struct LabelCardProps {
    pub project: i64,
    pub taxonomy: i64,
    pub label: String,
    pub onclose: Callback<()>,
}

/// Most children that the card names.
const MOST: u32 = 100;

#[component]
pub fn LabelCard(props: &LabelCardProps) -> Html {
    let project = props.project;
    let query = use_url_query();
    let methods = use_methods();
    let row = use_query(
        (props.taxonomy, props.label.clone()),
        |(taxonomy, label)| async move {
            let found = api::search_labels(taxonomy, &label, 200).await?;
            Ok(found.labels.into_iter().find(|row| row.id == label))
        },
    );
    let children = use_query(
        (props.taxonomy, props.label.clone()),
        |(taxonomy, label)| async move { api::labels(taxonomy, Some(&label), MOST, None).await },
    );
    // How well the best run finds the label.
    let best = use_query(project, |project| async move {
        let Some(run) = api::overview(project).await?.best_run else {
            return Ok(None);
        };
        let split = if run.test.is_some() {
            Split::Test
        } else {
            Split::Validation
        };
        let metrics = api::metrics(run.id, split).await?;
        Ok(Some((run, metrics)))
    });
    let choose = |label: String| {
        let query = query.clone();
        Callback::from(move |_: MouseEvent| query.set(&[("label", Some(label.clone()))]))
    };
    html! {
        <aside class="ab-pane" aria-label="Label" data-testid="label-card">
            <header class="ab-pane__head"><span class="ab-pane__place">{ "Label" }</span>
                <Button variant={Variant::Plain} icon={Icon::Close} title="Close" testid="label-close" onclick={props.onclose.reform(|_| ())} />
            </header>
            <div class="ab-pane__body">
                { show(&row, html! { <Lines count={6} /> }, |row| match row {
                    None => html! { <Empty icon={Icon::Search} title="This version has no such label" compact=true>{ &props.label }</Empty> },
                    Some(row) => html! {
                        <>
                            <h2 class="ab-pane__name" dir="auto">{ &row.name }</h2>
                            <p><LabelPath path={row.path.clone()} level={row.level} /></p>
                            if row.id != row.name { <p class="ab-pane__facts">{ "Id " }<code>{ &row.id }</code></p> }
                            <dl class="ab-stats">
                                { stat(row.level.to_string(), "level") }
                                { stat(format::count(row.n_children), "children") }
                                { stat(format::count(row.n_documents), "documents") }
                            </dl>
                            if let Some((run, metrics)) = best.data().as_deref().and_then(Option::as_ref) && let Some(figures) = metrics.labels.iter().find(|label| label.id == row.id) {
                                <h3 class="ab-pane__title">{ "In the best run" }</h3>
                                <p>{ "F1 " }<Figure value={figures.f1} metric="f1" />{ format!(" over {} · ", format::counted(figures.support, "document", "documents")) }
                                    <RouteLink to={Route::Run { project, run: run.id }}>{ methods.run(run) }</RouteLink></p>
                            }
                            if row.n_documents > 0 {
                                <RouteLink to={Route::Corpus { project }} query={vec![("label".to_owned(), row.id.clone())]} button={Variant::Secondary} icon={Icon::Corpus} testid="label-documents">{ "See its documents" }</RouteLink>
                            }
                        </>
                    },
                }) }
                { show(&children, Html::default(), |page| if page.labels.is_empty() { Html::default() } else { html! {
                    <>
                        <h3 class="ab-pane__title">{ "Children" }</h3>
                        <ul class="ab-children">
                            for child in page.labels.iter() {
                                <li key={child.id.clone()}><button type="button" class="ab-children__child" onclick={choose(child.id.clone())}><bdi>{ format::middle(format::below(&child.name, child.path.len().checked_sub(2).map(|at| child.path[at].as_str())), 60) }</bdi><span class="ab-number ab-muted">{ format::count(child.n_documents) }</span></button></li>
                            }
                        </ul>
                        if page.next.is_some() { <p class="ab-muted">{ format!("The first {MOST} are shown; the tree has all of them.") }</p> }
                    </>
                } }) }
            </div>
        </aside>
    }
}
