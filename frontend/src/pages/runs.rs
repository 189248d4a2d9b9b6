//! Runs: what was trained, how far it is, how good it is. Some of them side by side.

pub mod row;

use std::cmp::Ordering;
use std::rc::Rc;

use arborist_shared::api::runs::{Headline, Run, RunPage};
use yew::prelude::*;

use super::guide::chapter;
use super::overview::ProjectProps;
use crate::api;
use crate::components::field::Search;
use crate::components::{
    Button, Empty, Failure, Hint, Icon, Lines, PageHeader, RouteLink, Variant, icon, show,
};
use crate::format;
use crate::hooks::url::join;
use crate::hooks::{Page, use_interval, use_more, use_query, use_url_query};
use crate::model::metric::HEADLINE;
use crate::model::order::{Order, figures, texts};
use crate::route::Route;
use crate::shell::use_jobs;

const PAGE: u32 = 200;

/// Columns that can be sorted, and whether large values come first.
const COLUMNS: [(&str, &str, bool); 9] = [
    ("run", "Run", false),
    ("status", "Status", false),
    ("micro_f1", "Micro F1", true),
    ("macro_f1", "Macro F1", true),
    ("hierarchical_f1", "Hierarchical F1", true),
    ("exact_match", "Exact match", true),
    ("train_seconds", "Training", false),
    ("train_docs_per_s", "Documents/s", true),
    ("created_at", "Started", true),
];

/// The figures that stand in the table: test, else validation.
pub fn headline(run: &Run) -> Option<Headline> {
    run.test.or(run.validation)
}

/// Compares two runs by a column.
pub fn compare(order: &Order, a: &Run, b: &Run) -> Ordering {
    let figure = |run: &Run| match order.column.as_str() {
        "micro_f1" => headline(run).map(|figures| figures.micro_f1),
        "macro_f1" => headline(run).map(|figures| figures.macro_f1),
        "hierarchical_f1" => headline(run).map(|figures| figures.hierarchical_f1),
        "exact_match" => headline(run).map(|figures| figures.exact_match),
        "train_seconds" => run.train_seconds,
        "train_docs_per_s" => run.train_docs_per_s,
        _ => None,
    };
    let ordering = match order.column.as_str() {
        "run" => order.apply(texts(&a.method, &b.method).then(a.id.cmp(&b.id))),
        "status" => order.apply((a.status as u8).cmp(&(b.status as u8))),
        "created_at" => order.apply(a.created_at.cmp(&b.created_at)),
        _ => figures(figure(a), figure(b), order.descending),
    };
    ordering.then(b.id.cmp(&a.id))
}

fn split_page(page: &RunPage) -> Page<Run> {
    Page {
        rows: page.runs.clone(),
        next: page.next.clone(),
    }
}

#[component]
pub fn RunsPage(props: &ProjectProps) -> Html {
    let project = props.project;
    let query = use_url_query();
    let jobs = use_jobs();
    let first = use_query(project, |project| api::runs(project, PAGE, None));
    let more = use_more(first.data(), split_page, move |cursor| async move {
        api::runs(project, PAGE, Some(cursor))
            .await
            .map(|page| split_page(&page))
    });
    // Figures of a run come when its job ends; new runs when somebody starts them.
    {
        let reload = first.reload.clone();
        let is_first = use_mut_ref(|| true);
        use_effect_with((jobs.ended, jobs.list.len()), move |_| {
            if !std::mem::replace(&mut *is_first.borrow_mut(), false) {
                reload.emit(());
            }
        });
    }
    let is_active = more.rows.iter().any(|run| !run.status.is_final());
    use_interval(4_000, is_active, first.reload.clone());

    let train = html! { <RouteLink to={Route::Train { project }} button={Variant::Primary} icon={Icon::Train} testid="train">{ "Train" }</RouteLink> };
    let queue = html! { <RouteLink to={Route::Queue { project }} button={Variant::Secondary} icon={Icon::Jobs} testid="open-queue">{ "Queue" }</RouteLink> };
    let is_empty = first.data().is_some_and(|page| page.runs.is_empty());
    let known: Vec<&str> = COLUMNS.iter().map(|(key, _, _)| *key).collect();
    let order = Order::parse(query.get("sort"), &known, "-created_at");
    let filter = query.text("filter");
    let selected = query.ids("select");
    html! {
        <div class="ab-page">
            <PageHeader title="Runs" subtitle={html! { "A run is one training: what was asked for, how it went, how good the result is." }} actions={if is_empty { queue } else { html! { <>{ queue }{ train.clone() }</> } }} />
            { show(&first, html! { <Lines count={8} height="36px" /> }, |page| {
                if page.runs.is_empty() {
                    html! { <Empty icon={Icon::Runs} title="No runs yet" action={train} guide={chapter::TRAIN}>{ "Train a method, or several at once: their results will stand here, side by side." }</Empty> }
                } else {
                    let needle = filter.to_lowercase();
                    let matches = |run: &&Rc<Run>| needle.is_empty() || format!("{} {}", run.method, run.preset.as_deref().unwrap_or_default()).to_lowercase().contains(&needle);
                    let mut rows: Vec<Rc<Run>> = more.rows.iter().filter(matches).cloned().collect();
                    rows.sort_by(|a, b| compare(&order, a, b));
                    let onfilter = { let query = query.clone(); Callback::from(move |value: String| query.set(&[("filter", Some(value))])) };
                    let onorder = { let query = query.clone(); Callback::from(move |order: Order| query.set(&[("sort", Some(order.word()))])) };
                    let onselect = {
                        let (query, selected) = (query.clone(), selected.clone());
                        Callback::from(move |(run, on): (i64, bool)| {
                            let mut next: Vec<i64> = selected.iter().copied().filter(|other| *other != run).collect();
                            if on { next.push(run); }
                            query.set(&[("select", Some(join(next)))]);
                        })
                    };
                    html! {
                        <>
                            <div class="ab-toolbar">
                                <Search id="run-filter" label="Filter by method or preset" value={filter.clone()} onchange={onfilter} testid="run-filter" />
                                <span class="ab-toolbar__count" role="status">{ format::counted(rows.len() as u64, "run", "runs") }</span>
                            </div>
                            <Selection {project} selected={selected.clone()} />
                            { table(project, &rows, &order, &onorder, &selected, &onselect) }
                            if let Some(error) = &more.error { <Failure error={error.clone()} retry={more.load.clone()} compact=true /> }
                            if more.has_more { <Button label="Show older runs" busy={more.loading} testid="more-runs" onclick={more.load.reform(|_| ())} /> }
                        </>
                    }
                }
            }) }
        </div>
    }
}

/// A heading that sorts.
pub fn sortable(
    order: &Order,
    key: &'static str,
    title: &'static str,
    descending_first: bool,
    meaning: Option<&'static str>,
    onorder: &Callback<Order>,
    number: bool,
) -> Html {
    let is_current = order.column == key;
    let sort = is_current.then_some(if order.descending {
        "descending"
    } else {
        "ascending"
    });
    let next = order.clicked(key, descending_first);
    html! {
        <th key={key} scope="col" aria-sort={sort} class={number.then_some("ab-number")}>
            <button type="button" class={classes!("ab-sort", is_current.then_some("ab-sort--on"))} data-testid={format!("sort-{key}")} onclick={onorder.reform(move |_: MouseEvent| next.clone())}>
                { title }<span class="ab-sort__arrow" aria-hidden="true">{ if is_current { icon(if order.descending { Icon::Down } else { Icon::Up }) } else { Html::default() } }</span>
            </button>
            if let Some(meaning) = meaning { <Hint text={meaning} /> }
        </th>
    }
}

fn table(
    project: i64,
    rows: &[Rc<Run>],
    order: &Order,
    onorder: &Callback<Order>,
    selected: &[i64],
    onselect: &Callback<(i64, bool)>,
) -> Html {
    let meaning = |key: &str| {
        HEADLINE
            .iter()
            .find(|metric| metric.key.ends_with(key))
            .map(|metric| metric.meaning)
    };
    html! {
        <div class="ab-scroll ab-scroll--framed" tabindex="0" role="region" aria-label="Runs">
            <table class="ab-table" data-testid="runs">
                <thead><tr>
                    <th scope="col" class="ab-table__check"><span class="pf-v6-screen-reader">{ "Selected" }</span></th>
                    for (key, title, descending_first) in COLUMNS { { sortable(order, key, title, descending_first, meaning(key), onorder, !matches!(key, "run" | "status" | "created_at")) } }
                </tr></thead>
                <tbody>
                    for run in rows { <row::RunRow key={run.id} {project} run={run.clone()} selected={selected.contains(&run.id)} onselect={onselect.clone()} /> }
                </tbody>
            </table>
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct SelectionProps {
    project: i64,
    selected: Vec<i64>,
}

/// What can be done with the selected runs.
#[component]
fn Selection(props: &SelectionProps) -> Html {
    let query = use_url_query();
    let (project, count) = (props.project, props.selected.len());
    if count == 0 {
        return html! { <p class="ab-selection ab-selection--idle">{ "Select runs to see them side by side or to ask them about a text." }</p> };
    }
    let runs = vec![("runs".to_owned(), join(props.selected.iter().copied()))];
    html! {
        <div class="ab-selection" role="status" data-testid="selection">
            <strong>{ format!("{count} selected") }</strong>
            if count >= 2 {
                <RouteLink to={Route::SideBySide { project }} query={runs.clone()} button={Variant::Primary} testid="side-by-side">{ "Side by side" }</RouteLink>
            } else {
                <span class="ab-muted">{ "one more for side by side" }</span>
            }
            <RouteLink to={Route::TryIt { project }} query={runs} button={Variant::Secondary} testid="try-selected">{ "Try a text" }</RouteLink>
            <Button label="Clear" variant={Variant::Link} testid="clear-selection" onclick={Callback::from(move |_: MouseEvent| query.set(&[("select", None)]))} />
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(id: i64, method: &str, f1: Option<f64>) -> Run {
        let test = f1.map(
            |f1| json!({"micro_f1": f1, "macro_f1": f1, "hierarchical_f1": f1, "exact_match": f1}),
        );
        serde_json::from_value(json!({
            "id": id, "project": 1, "job": 1, "method": method, "preset": null, "hyperparameters": {}, "corpus": 1, "taxonomy": 1, "seed": 1,
            "device": "cpu", "status": "succeeded", "created_at": format!("2026-01-0{id}"), "test": test
        }))
        .expect("a run")
    }

    #[test]
    fn runs_sort_by_every_column() {
        let mut runs = vec![
            run(1, "linear", Some(0.5)),
            run(2, "hiagm", None),
            run(3, "flat", Some(0.7)),
        ];
        let ids = |runs: &[Run]| runs.iter().map(|run| run.id).collect::<Vec<_>>();
        let mut sort = |word: &str| {
            let order = Order::parse(Some(word), &["run", "macro_f1", "created_at"], "run");
            runs.sort_by(|a, b| compare(&order, a, b));
            ids(&runs)
        };
        assert_eq!(sort("-macro_f1"), [3, 1, 2]);
        assert_eq!(
            sort("macro_f1"),
            [1, 3, 2],
            "runs without a figure stay last"
        );
        assert_eq!(sort("run"), [3, 2, 1]);
        assert_eq!(sort("-created_at"), [3, 2, 1]);
    }
}
