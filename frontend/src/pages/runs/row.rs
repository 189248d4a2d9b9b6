//! A run in the table.

use std::rc::Rc;

use arborist_shared::api::jobs::JobStatus;
use arborist_shared::api::runs::Run;
use yew::prelude::*;

use super::headline;
use crate::api;
use crate::components::field::Checkbox;
use crate::components::figure::{Figure, ShareBar};
use crate::components::{Ago, RouteLink, StatusChip};
use crate::format;
use crate::model::progress::{describe, fraction};
use crate::pages::run::fit::chip;
use crate::route::Route;
use crate::shell::{details, use_jobs, use_methods};

#[derive(PartialEq, Properties)]
pub struct RunRowProps {
    pub project: i64,
    pub run: Rc<Run>,
    pub selected: bool,
    pub onselect: Callback<(i64, bool)>,
}

#[component]
pub fn RunRow(props: &RunRowProps) -> Html {
    let run = &props.run;
    let jobs = use_jobs();
    let methods = use_methods();
    let job = jobs.find(run.job).cloned();
    let id = run.id;
    let progress = job
        .as_ref()
        .filter(|job| job.status == JobStatus::Running)
        .map(|job| (fraction(&job.progress), describe(&job.progress)));
    let on_validation = run.test.is_none() && run.validation.is_some();
    let figures = headline(run).map(|figures| {
        [
            ("micro_f1", figures.micro_f1),
            ("macro_f1", figures.macro_f1),
            ("raw.hierarchical_f1", figures.hierarchical_f1),
            ("exact_match", figures.exact_match),
        ]
    });
    html! {
        <tr class={props.selected.then_some("ab-table__row--selected")} data-testid={format!("run-{id}")}>
            <td class="ab-table__check"><Checkbox id={format!("select-{id}")} checked={props.selected} label={format!("Select {}", methods.run(run))} testid={format!("select-run-{id}")} onchange={props.onselect.reform(move |on| (id, on))} /></td>
            <th scope="row" class="ab-table__name">
                <RouteLink to={Route::Run { project: props.project, run: id }} testid={format!("open-run-{id}")}>{ methods.title(&run.method) }</RouteLink>
                <span class="ab-table__under">{ details(run) }</span>
                { chip(run.taxonomy_fit.as_ref()) }
            </th>
            <td>
                <StatusChip status={run.status} />
                if let Some((share, words)) = progress {
                    <span class="ab-table__progress" title={words}><ShareBar share={share.unwrap_or(0.0)} />{ share.map(|share| format!("{:.0}%", share * 100.0)).unwrap_or_default() }</span>
                } else if let Some(error) = run.error.as_deref().and_then(|error| error.lines().next()) {
                    <span class="ab-table__under ab-table__under--short" title={error.to_owned()}>{ api::sentence(error) }</span>
                }
            </td>
            {
                match figures {
                    Some(figures) => figures.into_iter().map(|(metric, value)| html! {
                        <td key={metric} class="ab-number"><span class="ab-figure-cell" title={on_validation.then_some("On validation documents")}><ShareBar share={value} /><Figure {value} {metric} />{ if on_validation { "*" } else { "" } }</span></td>
                    }).collect::<Html>(),
                    None => (0..4).map(|index| html! { <td key={index} class="ab-number ab-muted">{ "–" }</td> }).collect::<Html>(),
                }
            }
            <td class="ab-number">{ run.train_seconds.map_or_else(|| "–".into(), format::duration) }</td>
            <td class="ab-number">{ run.train_docs_per_s.map_or_else(|| "–".into(), |rate| format::count(rate.round() as u64)) }</td>
            <td><Ago at={run.created_at.clone()} /></td>
        </tr>
    }
}
