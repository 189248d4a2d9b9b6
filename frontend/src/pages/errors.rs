//! Where a run errs: by kind, by subtree, from label to label, and the documents behind each figure. What is looked at
//! stands in the address.

pub mod cells;
pub mod documents;
pub mod kinds;
pub mod parts;
pub mod scores;
pub mod subtrees;

use arborist_shared::api::analysis::PlacedLabel;
use arborist_shared::split::Split;
use yew::prelude::*;

use super::run::RunProps;
use crate::api;
use crate::components::field::{Choice, Select};
use crate::components::{Lines, PageHeader, RouteLink, show};
use crate::format;
use crate::hooks::{UrlQuery, use_query, use_url_query};
use crate::route::Route;
use crate::shell::{details, use_methods};

/// What is looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Sight {
    pub run: i64,
    pub split: Split,
}

/// Takes up what `changes` say; what was shown of a narrower question goes away.
fn look(query: &UrlQuery, changes: &[(&str, Option<String>)]) {
    let mut all: Vec<(&str, Option<String>)> =
        vec![("gold", None), ("predicted", None), ("open", None)];
    all.extend(changes.iter().cloned());
    query.set(&all);
}

#[component]
pub fn ErrorsPage(props: &RunProps) -> Html {
    let (project, id) = (props.project, props.run);
    let query = use_url_query();
    let methods = use_methods();
    let run = use_query(id, |id| async move {
        api::run(id).await.map(|answer| answer.run)
    });
    let split = match query.get("split") {
        Some("validation") => Split::Validation,
        _ => Split::Test,
    };
    let sight = Sight { run: id, split };
    let loaded = use_query((id, split), |(id, split)| api::analysis(id, split));
    let (data, whole) = (run.data(), loaded.data());
    let name = data
        .as_ref()
        .map_or_else(|| format!("Run {id}"), |run| methods.title(&run.method));
    let trail = html! {
        <>
            <RouteLink to={Route::Runs { project }}>{ "Runs" }</RouteLink>{ " › " }
            <RouteLink to={Route::Run { project, run: id }} testid="back-to-run">{ name }</RouteLink>
        </>
    };
    let subtitle = data.as_ref().map_or_else(
        Html::default,
        |run| html! { { format!("{} · run {}", details(run), run.id) } },
    );
    let onsplit = {
        let query = query.clone();
        Callback::from(move |word: String| look(&query, &[("split", Some(word))]))
    };
    let splits: Vec<Choice> = vec![
        ("test".into(), "Test documents".into()),
        ("validation".into(), "Validation documents".into()),
    ];
    let actions = html! { <Select id="errors-split" value={if split == Split::Validation { "validation" } else { "test" }} onchange={onsplit} choices={splits} testid="errors-split" /> };
    html! {
        <div class="ab-page">
            <PageHeader title="Where it errs" {subtitle} {trail} {actions} />
            { show(&loaded, html! { <Lines count={14} /> }, |analysis| html! {
                <div class="ab-stack ab-errors">
                    if let Some(whole) = &whole { <kinds::Kinds analysis={whole.clone()} query={query.clone()} /> }
                    <cells::Cells sight={sight.clone()} levels={analysis.levels.len() as u32} query={query.clone()} />
                    <subtrees::SubtreesPanel sight={sight.clone()} query={query.clone()} />
                    { parts::parts(analysis) }
                    { scores::scores(analysis) }
                </div>
            }) }
        </div>
    }
}

/// A label's path, or what stands for none.
fn place(label: Option<&PlacedLabel>, none: &'static str) -> Html {
    use crate::components::LabelPath;

    match label {
        Some(label) => html! { <LabelPath path={label.path.clone()} /> },
        None => html! { <span class="ab-muted">{ none }</span> },
    }
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn percent_of(part: u64, whole: u64) -> String {
    format::percent(share(part, whole))
}
