//! Overview: what the project has, what it needs next, its best runs, its jobs, what changed.

pub mod panels;
pub mod standing;

use arborist_shared::api::projects::Overview;
use yew::prelude::*;

use crate::api;
use crate::components::{
    Ago, Empty, Icon, JobBar, Lines, PageHeader, Panel, RouteLink, Variant, icon, show,
};
use crate::format;
use crate::hooks::query::Query;
use crate::hooks::{use_interval, use_query};
use crate::pages::guide::chapter;
use crate::route::Route;
use crate::shell::{use_jobs, use_projects};

#[derive(PartialEq, Properties)]
pub struct ProjectProps {
    pub project: i64,
}

/// The one thing to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Taxonomy,
    Corpus,
    /// Documents are there, but none of them can be learned from.
    Train,
    Wait,
    Test,
    Try,
}

/// What a project needs next.
pub fn next(overview: &Overview) -> Next {
    let is_busy = overview.jobs.iter().any(|job| !job.status.is_final());
    match (&overview.taxonomy, &overview.corpus) {
        (None, _) | (_, None) if is_busy => Next::Wait,
        (None, _) => Next::Taxonomy,
        (Some(_), None) => Next::Corpus,
        (Some(_), Some(_)) if overview.best_run.is_some() => Next::Try,
        (Some(_), Some(_)) if is_busy => Next::Wait,
        (Some(_), Some(corpus)) if corpus.n_test == 0 && overview.n_runs == 0 => Next::Test,
        _ => Next::Train,
    }
}

#[component]
pub fn OverviewPage(props: &ProjectProps) -> Html {
    let project = props.project;
    let jobs = use_jobs();
    let overview = use_query(project, api::overview);
    let standing = use_query(project, standing::standing);
    {
        let (reload, again) = (overview.reload.clone(), standing.reload.clone());
        let is_first = use_mut_ref(|| true);
        use_effect_with((jobs.ended, jobs.list.len()), move |_| {
            if !std::mem::replace(&mut *is_first.borrow_mut(), false) {
                reload.emit(());
                again.emit(());
            }
        });
    }
    let is_active = jobs.active().next().is_some();
    use_interval(5_000, is_active, overview.reload.clone());

    let name = use_projects()
        .find(project)
        .map(|project| project.name.clone())
        .unwrap_or_else(|| "Overview".into());
    let skeleton = html! {
        <div class="ab-grid">{ for (0..4).map(|index| html! { <div key={index} class="ab-panel"><div class="ab-panel__body"><Lines count={4} /></div></div> }) }</div>
    };
    html! {
        <div class="ab-page">
            <PageHeader title={format::middle(&name, 90)} />
            { show(&overview, skeleton, |overview| ready(project, overview, &standing, &jobs.refresh)) }
        </div>
    }
}

fn ready(
    project: i64,
    overview: &Overview,
    standing: &Query<standing::Standing>,
    refresh: &Callback<()>,
) -> Html {
    let standing = standing.clone();
    html! {
        <div class="ab-stack">
            { next_step(project, overview) }
            <div class="ab-overview">
                <panels::BestRuns {project} standing={standing.clone()} />
                { corpus(project, overview) }
                { taxonomy(project, overview, &standing) }
                { jobs(overview, refresh) }
                <panels::Changes {project} {standing} />
            </div>
        </div>
    }
}

fn next_step(project: i64, overview: &Overview) -> Html {
    let (kind, title, text, action) = match next(overview) {
        Next::Taxonomy => (
            Icon::Taxonomy,
            "Next: upload the taxonomy",
            "The tree of labels that documents are sorted into. A table of children and parents is enough.",
            html! { <RouteLink to={Route::Import { project }} button={Variant::Primary} testid="next-step">{ "Upload a taxonomy" }</RouteLink> },
        ),
        Next::Corpus => (
            Icon::Corpus,
            "Next: import documents",
            "Texts with labels from the taxonomy, as JSON lines. You see how they will be read before anything is kept.",
            html! { <RouteLink to={Route::Import { project }} query={vec![("step".to_owned(), "corpus".to_owned())]} button={Variant::Primary} testid="next-step">{ "Import documents" }</RouteLink> },
        ),
        Next::Wait => (
            Icon::Clock,
            "Work is under way",
            "Nothing to do for you at the moment. You can leave this page; a message tells when it ends.",
            Html::default(),
        ),
        Next::Test => (
            Icon::Warning,
            "Next: set some documents aside for testing",
            "This corpus has no test documents, so the quality of a run could not be measured. Import it again and let part of it be test.",
            html! { <><RouteLink to={Route::Import { project }} query={vec![("step".to_owned(), "corpus".to_owned())]} button={Variant::Primary} testid="next-step">{ "Import again with a split" }</RouteLink><RouteLink to={Route::Train { project }} button={Variant::Secondary}>{ "Train anyway" }</RouteLink></> },
        ),
        Next::Train => (
            Icon::Train,
            "Next: train a first method",
            "Start with the linear baseline: it takes seconds and shows what the documents give away easily.",
            html! { <RouteLink to={Route::Train { project }} button={Variant::Primary} testid="next-step">{ "Choose methods" }</RouteLink> },
        ),
        Next::Try => {
            let run = overview
                .best_run
                .as_ref()
                .map(|run| run.id.to_string())
                .unwrap_or_default();
            (
                Icon::Try,
                "Next: try a text",
                "Paste a text that nobody has labeled yet and see which labels the best run finds.",
                html! { <><RouteLink to={Route::TryIt { project }} query={vec![("runs".to_owned(), run)]} button={Variant::Primary} testid="next-step">{ "Try a text" }</RouteLink><RouteLink to={Route::Train { project }} button={Variant::Secondary}>{ "Train another method" }</RouteLink></> },
            )
        }
    };
    html! {
        <section class="ab-next" aria-label="Next step" data-testid="next-step-card">
            <span class="ab-next__icon">{ icon(kind) }</span>
            <div class="ab-next__text"><h2>{ title }</h2><p>{ text }</p></div>
            <div class="ab-next__action">{ action }</div>
        </section>
    }
}

/// A big number with its word.
pub fn stat(value: String, word: &'static str) -> Html {
    html! { <div class="ab-stat"><dd>{ value }</dd><dt>{ word }</dt></div> }
}

fn corpus(project: i64, overview: &Overview) -> Html {
    let Some(corpus) = &overview.corpus else {
        return html! { <Panel title="Corpus" testid="overview-corpus"><Empty icon={Icon::Corpus} title="No documents yet" compact=true guide={chapter::DOCUMENTS}>{ "Documents are what methods learn from." }</Empty></Panel> };
    };
    let share = if corpus.n_documents == 0 {
        0.0
    } else {
        corpus.n_annotated as f64 / corpus.n_documents as f64
    };
    let parts = [
        ("Train", corpus.n_train, 1),
        ("Validation", corpus.n_validation, 2),
        ("Test", corpus.n_test, 3),
    ];
    let actions = html! { <RouteLink to={Route::Corpus { project }}>{ format!("Version {}", corpus.version) }</RouteLink> };
    html! {
        <Panel title="Corpus" {actions} testid="overview-corpus">
            <dl class="ab-stats">
                { stat(format::count(corpus.n_documents), "documents") }
                { stat(format!("{:.1}", corpus.labels_per_document), "labels per document") }
                { stat(format!("{:.0}%", share * 100.0), "annotated") }
            </dl>
            <div class="ab-split" role="img" aria-label={parts.iter().map(|(name, count, _)| format!("{name} {}", format::count(*count))).collect::<Vec<_>>().join(", ")}>
                for (name, count, series) in parts {
                    if count > 0 { <span key={name} style={format!("flex-grow: {count}; background: var(--ab-series-{series})")} title={format!("{name}: {}", format::count(count))} /> }
                }
            </div>
            <ul class="ab-legend">
                for (name, count, series) in parts { <li key={name}><span style={format!("background: var(--ab-series-{series})")} />{ format!("{name} {}", format::count(count)) }</li> }
            </ul>
            if corpus.n_rejected > 0 {
                <p class="ab-note">{ icon(Icon::Warning) }{ format!("{} at the import. ", format::counted(corpus.n_rejected, "row was refused", "rows were refused")) }<a href={api::rejects_address(corpus.id)} download={format!("corpus-{}-rejects.jsonl", corpus.id)}>{ "Download them" }</a></p>
            }
        </Panel>
    }
}

fn taxonomy(project: i64, overview: &Overview, standing: &Query<standing::Standing>) -> Html {
    let Some(taxonomy) = &overview.taxonomy else {
        return html! { <Panel title="Taxonomy" testid="overview-taxonomy"><Empty icon={Icon::Taxonomy} title="No taxonomy yet" compact=true guide={chapter::TAXONOMY}>{ "The tree of labels comes first: documents refer to it." }</Empty></Panel> };
    };
    let actions = html! { <RouteLink to={Route::Taxonomy { project }}>{ format!("Version {}", taxonomy.version) }</RouteLink> };
    html! {
        <Panel title="Taxonomy" {actions} testid="overview-taxonomy">
            <dl class="ab-stats">
                { stat(format::count(taxonomy.n_labels), "labels") }
                { stat(taxonomy.depth.to_string(), "levels") }
                { stat(format::count(taxonomy.n_multi_parent), "with several parents") }
            </dl>
            <panels::Problems {project} standing={standing.clone()} />
            <p class="ab-muted">{ "Uploaded " }<Ago at={taxonomy.created_at.clone()} /></p>
        </Panel>
    }
}

fn jobs(overview: &Overview, refresh: &Callback<()>) -> Html {
    html! {
        <Panel title="Jobs" testid="overview-jobs">
            if overview.jobs.is_empty() {
                <Empty icon={Icon::Jobs} title="No jobs yet" compact=true>{ "Imports and training show up here." }</Empty>
            } else {
                <ul class="ab-joblist">
                    for job in overview.jobs.iter().take(5) {
                        <li key={job.id}><JobBar job={std::rc::Rc::new(job.clone())} oncancel={refresh.clone()} /></li>
                    }
                </ul>
            }
        </Panel>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn overview(taxonomy: bool, corpus: bool, best: bool, busy: bool) -> Overview {
        let run = json!({"id": 1, "project": 1, "job": 1, "method": "linear", "preset": null, "hyperparameters": {}, "corpus": 1, "taxonomy": 1, "seed": 1, "device": "cpu", "status": "succeeded", "created_at": ""});
        let or = |there: bool, value: Value| if there { value } else { Value::Null };
        serde_json::from_value(json!({
            "project": {"id": 1, "name": "p", "created_at": "", "role": "admin"},
            "taxonomy": or(taxonomy, json!({"id": 1, "project": 1, "version": 1, "content_hash": "", "n_labels": 3, "depth": 2, "n_multi_parent": 0, "created_at": ""})),
            "corpus": or(corpus, json!({"id": 1, "project": 1, "taxonomy": 1, "version": 1, "content_hash": "", "n_documents": 9, "n_annotated": 9, "n_train": 8, "n_validation": 0, "n_test": 1, "n_rejected": 0, "labels_per_document": 1.0, "created_at": ""})),
            "best_run": or(best, run),
            "n_runs": u64::from(best),
            "jobs": if busy { json!([{"id": 1, "kind": "train", "project": 1, "status": "running", "progress": [], "created_at": ""}]) } else { json!([]) },
        }))
        .expect("an overview")
    }

    #[test]
    fn there_is_always_one_next_step() {
        assert_eq!(next(&overview(false, false, false, false)), Next::Taxonomy);
        assert_eq!(next(&overview(false, false, false, true)), Next::Wait);
        assert_eq!(next(&overview(true, false, false, false)), Next::Corpus);
        assert_eq!(next(&overview(true, true, false, false)), Next::Train);
        assert_eq!(next(&overview(true, true, false, true)), Next::Wait);
        assert_eq!(next(&overview(true, true, true, true)), Next::Try);
        let mut without_test = overview(true, true, false, false);
        without_test.corpus.as_mut().expect("a corpus").n_test = 0;
        assert_eq!(next(&without_test), Next::Test);
    }
}
