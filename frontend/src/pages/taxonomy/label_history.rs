//! How well runs find a label, and what versions changed of it. Earlier runs and versions are asked for when they are
//! opened: each costs the figures, or the differences, of all labels.

use std::rc::Rc;

use arborist_shared::api::drafts::ReadableChange;
use arborist_shared::api::jobs::JobStatus;
use arborist_shared::api::runs::Run;
use arborist_shared::edits::LabelChange;
use arborist_shared::metrics::LabelMetrics;
use arborist_shared::split::Split;
use yew::prelude::*;

use crate::api::{self, Answer};
use crate::components::figure::Figure;
use crate::components::{Ago, Lines, RouteLink, show};
use crate::format;
use crate::hooks::use_query;
use crate::route::Route;
use crate::shell::use_methods;

/// Runs among which those with figures are looked for.
const RUNS: u32 = 50;
/// Earlier runs whose figures are shown.
const EARLIER: usize = 5;
/// Versions that are looked through.
const VERSIONS: usize = 20;
/// Differences of a version that are looked through.
const CHANGES: u32 = 1_000;

/// Finished runs on a taxonomy that have figures, newest first.
async fn with_figures(project: i64, taxonomy: i64) -> Answer<Vec<Run>> {
    let runs = api::runs(project, RUNS, None).await?.runs;
    let has = |run: &Run| {
        run.status == JobStatus::Succeeded
            && run.taxonomy == taxonomy
            && (run.test.is_some() || run.validation.is_some())
    };
    Ok(runs.into_iter().filter(has).collect())
}

async fn of_run(run: Run, label: &str) -> Answer<Option<(Run, LabelMetrics)>> {
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
pub struct InRunsProps {
    pub project: i64,
    pub taxonomy: i64,
    pub label: String,
    pub onleave: Callback<()>,
}

/// The figures of the newest run, and of earlier ones.
#[component]
pub fn InRuns(props: &InRunsProps) -> Html {
    let methods = use_methods();
    let project = props.project;
    let open = use_state_eq(|| false);
    let key = (project, props.taxonomy, props.label.clone());
    let newest = use_query(key, |(project, taxonomy, label)| async move {
        let runs = with_figures(project, taxonomy).await?;
        let n_earlier = runs.len().saturating_sub(1);
        Ok(match runs.into_iter().next() {
            Some(run) => of_run(run, &label).await?.map(|found| (found, n_earlier)),
            None => None,
        })
    });
    let key = (project, props.taxonomy, props.label.clone(), *open);
    let earlier = use_query(key, |(project, taxonomy, label, open)| async move {
        let mut found = Vec::new();
        if open {
            let runs = with_figures(project, taxonomy).await?;
            for run in runs.into_iter().skip(1).take(EARLIER) {
                found.extend(of_run(run, &label).await?);
            }
        }
        Ok(found)
    });
    let one = |(run, figures): &(Run, LabelMetrics)| {
        html! {
            <>{ "F1 " }<Figure value={figures.f1} metric="f1" />{ format!(" over {} · ", format::counted(figures.support, "document", "documents")) }
                <RouteLink to={Route::Run { project, run: run.id }} onclick={props.onleave.clone()}>{ methods.run(run) }</RouteLink></>
        }
    };
    let newest = newest.data();
    let Some((found, n_earlier)) = newest.as_deref().and_then(Option::as_ref) else {
        return Html::default();
    };
    let ontoggle = toggled(&open);
    html! {
        <>
            <h3 class="ab-pane__title">{ "In the newest run" }</h3>
            <p data-testid="label-newest-run">{ one(found) }</p>
            if *n_earlier > 0 {
                <details class="ab-fold" {ontoggle} data-testid="label-earlier-runs"><summary>{ "In earlier runs" }</summary>
                    if *open { { show(&earlier, html! { <Lines count={3} /> }, |found| html! { <ul class="ab-names">{ for found.iter().map(|found| html! { <li key={found.0.id}>{ one(found) }</li> }) }</ul> }) } }
                </details>
            }
        </>
    }
}

fn toggled(open: &UseStateHandle<bool>) -> Callback<Event> {
    let open = open.clone();
    Callback::from(move |event: Event| {
        let is_open = event
            .target_dyn_into::<web_sys::Element>()
            .is_some_and(|details| details.has_attribute("open"));
        open.set(is_open);
    })
}

/// Whether a difference is about a label.
pub fn is_about(change: &LabelChange, id: &str) -> bool {
    match change {
        LabelChange::Merged { label, into, .. } => label == id || into == id,
        LabelChange::Split { label, into, .. } => label == id || into.iter().any(|part| part == id),
        LabelChange::Removed { label, .. }
        | LabelChange::Added { label, .. }
        | LabelChange::Renamed { label, .. }
        | LabelChange::Moved { label, .. }
        | LabelChange::Deprecated { label, .. }
        | LabelChange::Reinstated { label, .. }
        | LabelChange::Described { label, .. } => label == id,
    }
}

#[derive(PartialEq, Properties)]
pub struct OfVersionsProps {
    pub project: i64,
    pub label: String,
}

type Found = Vec<(i64, String, Vec<ReadableChange>)>;

/// What the newest versions changed of a label.
#[component]
pub fn OfVersions(props: &OfVersionsProps) -> Html {
    let open = use_state_eq(|| false);
    let key = (props.project, props.label.clone(), *open);
    let found = use_query(key, |(project, label, open)| async move {
        let mut found: Found = Vec::new();
        if open {
            let versions = api::taxonomies(project).await?;
            // The first version has nothing before it.
            let later = versions.iter().filter(|version| version.version > 1);
            for version in later.take(VERSIONS) {
                let diff = api::taxonomy_diff(version.id, None, CHANGES, None).await?;
                let changes = diff.changes.into_iter();
                let of_label: Vec<_> = changes
                    .filter(|change| is_about(&change.change, &label))
                    .collect();
                if !of_label.is_empty() {
                    found.push((version.version, version.created_at.clone(), of_label));
                }
            }
        }
        Ok(Rc::new(found))
    });
    html! {
        <details class="ab-fold" ontoggle={toggled(&open)} data-testid="label-history"><summary>{ "History" }</summary>
            if *open { { show(&found, html! { <Lines count={3} /> }, |found| if found.is_empty() {
                html! { <p class="ab-muted">{ format!("The last {VERSIONS} versions changed nothing of it.") }</p> }
            } else {
                html! {
                    <ul class="ab-names">
                        for (version, at, changes) in found.iter() {
                            for change in changes {
                                <li key={format!("{version} {}", change.sentence)}><span>{ format!("Version {version}: {}", api::sentence(&change.sentence)) }</span><span class="ab-muted"><Ago at={at.clone()} /></span></li>
                            }
                        }
                    </ul>
                }
            }) } }
        </details>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_found_by_every_label_in_them() {
        let split = LabelChange::Split {
            label: "a".into(),
            path: vec![],
            into: vec!["b".into(), "c".into()],
            keep: false,
        };
        assert!(is_about(&split, "a") && is_about(&split, "c") && !is_about(&split, "d"));
        let merged = LabelChange::Merged {
            label: "a".into(),
            path: vec![],
            into: "b".into(),
        };
        assert!(is_about(&merged, "b") && !is_about(&merged, "c"));
    }
}
