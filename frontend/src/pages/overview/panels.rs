//! The overview's panels that need more than the overview's answer: best runs, changes, the taxonomy's problems.

use std::rc::Rc;

use arborist_shared::api::runs::Run;
use arborist_shared::split::Split;
use yew::prelude::*;

use super::standing::{NAMED, Ranked, Standing, best, changes, problems};
use crate::api;
use crate::components::figure::Figure;
use crate::components::label_path::LabelRef;
use crate::components::{Ago, Empty, Icon, LabelPath, Lines, Panel, RouteLink, icon, show};
use crate::format;
use crate::hooks::query::Query;
use crate::hooks::use_query;
use crate::model::metric::{HEADLINE, interval};
use crate::pages::guide::chapter;
use crate::route::Route;
use crate::shell::use_methods;

#[derive(PartialEq, Properties)]
pub struct StandingProps {
    pub project: i64,
    pub standing: Query<Standing>,
}

/// How a run is read: on test, else on validation.
const RANKED: [(Ranked, Ranked); 2] = [
    (
        |run| run.test.map(|figures| figures.micro_f1),
        |run| run.validation.map(|figures| figures.micro_f1),
    ),
    (
        |run| run.test.map(|figures| figures.macro_f1),
        |run| run.validation.map(|figures| figures.macro_f1),
    ),
];

/// The best run by micro F1 and the best by macro F1.
#[component]
pub fn BestRuns(props: &StandingProps) -> Html {
    html! {
        <Panel title="Best runs" testid="overview-best">
            { show(&props.standing, html! { <Lines count={4} /> }, |standing| {
                let rows: Vec<Html> = HEADLINE.iter().zip(RANKED).filter_map(|(metric, (on_test, on_validation))| {
                    let run = best(&standing.runs, on_test, on_validation)?;
                    let value = on_test(run).or_else(|| on_validation(run))?;
                    let split = if on_test(run).is_some() { Split::Test } else { Split::Validation };
                    Some(html! { <Best key={metric.key} project={props.project} run={Rc::new(run.clone())} {split} {value} metric={metric.key} title={metric.title} meaning={metric.meaning} /> })
                }).collect();
                if rows.is_empty() {
                    html! { <Empty icon={Icon::Runs} title="No finished run yet" compact=true guide={chapter::TRAIN}>{ "The runs with the best figures on test documents will stand here." }</Empty> }
                } else {
                    html! { <><ul class="ab-bests">{ for rows }</ul><p class="ab-muted">{ format!("{} in all", format::counted(standing.runs.len() as u64, "run", "runs")) }</p></> }
                }
            }) }
        </Panel>
    }
}

#[derive(PartialEq, Properties)]
struct BestProps {
    project: i64,
    run: Rc<Run>,
    split: Split,
    value: f64,
    metric: &'static str,
    title: &'static str,
    meaning: &'static str,
}

#[component]
fn Best(props: &BestProps) -> Html {
    let methods = use_methods();
    let run = &props.run;
    let intervals = use_query((run.id, props.split), |(run, split)| {
        api::intervals(run, split)
    });
    let known = intervals.data();
    let interval = known
        .as_deref()
        .and_then(Option::as_ref)
        .and_then(|known| interval(known, props.metric));
    let on = if props.split == Split::Test {
        "on test documents"
    } else {
        "on validation documents: there are no test documents"
    };
    html! {
        <li class="ab-best-run">
            <span class="ab-best-run__metric" title={props.meaning}>{ props.title }</span>
            <span class="ab-best-run__figure"><Figure value={props.value} metric={props.metric} strong=true {interval} /></span>
            <span class="ab-best-run__run"><RouteLink to={Route::Run { project: props.project, run: run.id }}>{ methods.run(run) }</RouteLink>
                <span class="ab-muted">{ on }if let Some(at) = &run.finished_at { { " · " }<Ago at={at.clone()} /> }</span></span>
        </li>
    }
}

/// What happened last.
#[component]
pub fn Changes(props: &StandingProps) -> Html {
    let methods = use_methods();
    html! {
        <Panel title="Recent changes" testid="overview-changes">
            { show(&props.standing, html! { <Lines count={4} /> }, |standing| {
                let changes = changes(props.project, standing, &methods);
                if changes.is_empty() {
                    html! { <Empty icon={Icon::Clock} title="Nothing has changed yet" compact=true>{ "New versions and runs show up here." }</Empty> }
                } else {
                    html! {
                        <ul class="ab-changes">
                            for (index, change) in changes.into_iter().enumerate() {
                                <li key={index}><RouteLink to={change.place}>{ change.words }</RouteLink><Ago at={change.at} /></li>
                            }
                        </ul>
                    }
                }
            }) }
        </Panel>
    }
}

/// What is wrong with the taxonomy, below its figures.
#[component]
pub fn Problems(props: &StandingProps) -> Html {
    html! {
        <div data-testid="overview-problems">{ show(&props.standing, html! { <Lines count={2} /> }, |standing| {
            let sentences = problems(standing);
            let unused = standing.unused.as_deref().unwrap_or_default();
            let Some(taxonomy) = standing.taxonomies.first() else { return Html::default() };
            if sentences.is_empty() && unused.is_empty() {
                let words = match standing.unused {
                    Some(_) => "No problems: every label has documents.",
                    None => "No problems found.",
                };
                return html! { <p class="ab-note ab-note--good">{ icon(Icon::Check) }{ words }</p> };
            }
            html! {
                <>
                    for (index, sentence) in sentences.into_iter().enumerate() { <p key={index} class="ab-note">{ icon(Icon::Warning) }<span>{ sentence }</span></p> }
                    if !unused.is_empty() {
                        <div class="ab-note">{ icon(Icon::Warning) }<span>{ format!("{} no documents, so nothing can learn {}:", if unused.len() == 1 { "One label has".to_owned() } else { format!("{} labels have", format::count(unused.len() as u64)) }, if unused.len() == 1 { "it" } else { "them" }) }</span>
                            <span class="ab-chips">
                                for label in unused.iter().take(NAMED) { <LabelPath key={label.id.clone()} path={label.path.clone()} chip=true card={LabelRef::id(Some(taxonomy.id), &label.id)} /> }
                                if unused.len() > NAMED { <span class="ab-more">{ format!("and {} more", format::count((unused.len() - NAMED) as u64)) }</span> }
                            </span>
                        </div>
                    }
                </>
            }
        }) }</div>
    }
}
