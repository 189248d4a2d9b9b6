//! Runs side by side: their figures in one table, by level, and what they cost. Whether a difference is
//! real is a question for a comparison; this page says so.

use std::collections::BTreeMap;
use std::rc::Rc;

use arborist_shared::api::runs::Run;
use arborist_shared::metrics::Metrics;
use arborist_shared::significance::Intervals;
use arborist_shared::split::Split;
use yew::prelude::*;

use super::guide::chapter;
use super::overview::ProjectProps;
use crate::api;
use crate::charts::{Chart, figures};
use crate::components::figure::Figure;
use crate::components::{
    Button, Empty, Hint, Icon, Lines, Notice, NoticeKind, PageHeader, Panel, RouteLink, Variant,
    show,
};
use crate::format;
use crate::hooks::url::join;
use crate::hooks::{use_query, use_url_query};
use crate::model::metric::{Metric, all, interval};
use crate::pages::corpus::split_name;
use crate::route::Route;
use crate::shell::{Methods, details, use_methods};

/// A run with what was measured on the chosen part.
struct Column {
    run: Run,
    metrics: Rc<Metrics>,
}

/// Runs with figures, and those that have none.
type Columns = (Vec<Column>, Vec<Run>);

async fn columns(ids: Vec<i64>, split: Split) -> api::Answer<Columns> {
    let (mut columns, mut missing) = (Vec::new(), Vec::new());
    for id in ids {
        let run = api::run(id).await?.run;
        let has_figures = if split == Split::Validation {
            run.validation.is_some()
        } else {
            run.test.is_some()
        };
        if has_figures {
            columns.push(Column {
                metrics: Rc::new(api::metrics(id, split).await?),
                run,
            });
        } else {
            missing.push(run);
        }
    }
    Ok((columns, missing))
}

/// Positions of the best figures as they are shown; several when they are equal, none when all are.
fn best(values: &[f64], up: bool) -> Vec<usize> {
    let shown: Vec<i64> = values
        .iter()
        .map(|value| (value * 1000.0).round() as i64)
        .collect();
    let top = if up {
        shown.iter().max()
    } else {
        shown.iter().min()
    };
    let winners: Vec<usize> = (0..shown.len())
        .filter(|at| Some(&shown[*at]) == top)
        .collect();
    if winners.len() == values.len() {
        Vec::new()
    } else {
        winners
    }
}

#[component]
pub fn SideBySidePage(props: &ProjectProps) -> Html {
    let project = props.project;
    let query = use_url_query();
    let methods = use_methods();
    let ids = query.ids("runs");
    let split = if query.get("split") == Some("validation") {
        Split::Validation
    } else {
        Split::Test
    };
    let loaded = use_query((ids.clone(), split), |(ids, split)| columns(ids, split));
    let data = loaded.data();
    // They take the server a moment each; the table does not wait for them.
    let intervals = use_query((ids.clone(), split), |(ids, split)| async move {
        let mut known = BTreeMap::new();
        for id in ids {
            if let Ok(Some(intervals)) = api::intervals(id, split).await {
                known.insert(id, intervals);
            }
        }
        Ok(known)
    })
    .data()
    .unwrap_or_default();
    let charts = use_memo(
        (
            data.as_ref().map(|data| Rc::as_ptr(data) as usize),
            methods.clone(),
        ),
        {
            let data = data.clone();
            move |(_, methods)| {
                data.as_deref().map(|(columns, _)| {
                    let levels: Vec<_> = columns
                        .iter()
                        .map(|column| (methods.run(&column.run), column.metrics.clone()))
                        .collect();
                    let costs: Vec<_> = columns
                        .iter()
                        .filter_map(|column| {
                            Some((
                                methods.run(&column.run),
                                column.run.train_seconds?,
                                column.metrics.macro_f1,
                            ))
                        })
                        .collect();
                    (figures::levels_of_runs(&levels), figures::cost(&costs))
                })
            }
        },
    );
    let trail = html! { <RouteLink to={Route::Runs { project }}>{ "Runs" }</RouteLink> };
    if ids.len() < 2 {
        return html! {
            <div class="ab-page"><PageHeader title="Side by side" {trail} />
                <Empty icon={Icon::Runs} title="Choose at least two runs" guide={chapter::COMPARE} action={html! { <RouteLink to={Route::Runs { project }} button={Variant::Primary}>{ "Choose runs" }</RouteLink> }}>{ "Their figures will stand here, side by side." }</Empty>
            </div>
        };
    }
    let actions = html! { <RouteLink to={Route::TryIt { project }} query={vec![("runs".to_owned(), join(ids.iter().copied()))]} button={Variant::Secondary} icon={Icon::Try}>{ "Ask them about a text" }</RouteLink> };
    let choose = |split: Split| {
        let query = query.clone();
        Callback::from(move |_: Event| {
            query.set(&[("split", Some(api::split_word(split).to_owned()))])
        })
    };
    html! {
        <div class="ab-page">
            <PageHeader title="Side by side" {trail} {actions} />
            <div class="ab-toolbar">
                <div class="ab-segments" role="radiogroup" aria-label="Part of the corpus">
                    for one in [Split::Test, Split::Validation] {
                        <label key={api::split_word(one)} class={classes!("ab-segments__one", (one == split).then_some("ab-segments__one--on"))}>
                            <input type="radio" name="split" checked={one == split} onchange={choose(one)} data-testid={format!("split-{}", api::split_word(one))} />{ split_name(one) }
                        </label>
                    }
                </div>
            </div>
            { show(&loaded, html! { <Lines count={14} /> }, |(columns, missing)| html! {
                <div class="ab-stack">
                    if !missing.is_empty() {
                        <Notice kind={NoticeKind::Warning} title={format!("{} no figures on this part", if missing.len() == 1 { "One run has" } else { "Some runs have" })}>
                            <ul class="ab-list">for run in missing.iter() { <li key={run.id}><RouteLink to={Route::Run { project, run: run.id }}>{ methods.run(run) }</RouteLink></li> }</ul>
                        </Notice>
                    }
                    if let Some(note) = unequal(columns) { <Notice kind={NoticeKind::Warning} title="These runs did not see the same documents"><p>{ note }</p></Notice> }
                    if !columns.is_empty() {
                        { table(project, columns, &intervals, &ids, &query, &methods) }
                        <p class="ab-muted">{ "The best figure of each row is marked. A small difference may be chance, the more so where the 95% intervals (± is half of one, brackets hold both ends) overlap: repeat a run with other seeds before you build on it." }</p>
                        if let Some((levels, cost)) = &*charts {
                            <div class="ab-grid ab-grid--wide">
                                <Panel title="Macro F1 by level"><Chart option={levels.clone()} label={describe(columns, &methods)} /></Panel>
                                <Panel title="Macro F1 against training time"><Chart option={cost.clone()} label={describe_cost(columns, &methods)} /></Panel>
                            </div>
                        }
                    }
                </div>
            }) }
        </div>
    }
}

fn unequal(columns: &[Column]) -> Option<String> {
    let first = columns.first()?;
    let differs = |column: &&Column| {
        column.run.corpus != first.run.corpus || column.run.taxonomy != first.run.taxonomy
    };
    columns.iter().find(differs).map(|_| "They were trained on different versions of the corpus or the taxonomy, so their figures cannot be set against each other.".to_owned())
}

fn table(
    project: i64,
    columns: &[Column],
    intervals: &BTreeMap<i64, Intervals>,
    ids: &[i64],
    query: &crate::hooks::UrlQuery,
    methods: &Methods,
) -> Html {
    let drop = |run: i64| {
        let (query, rest) = (
            query.clone(),
            join(ids.iter().copied().filter(|other| *other != run)),
        );
        Callback::from(move |_: MouseEvent| query.set(&[("runs", Some(rest.clone()))]))
    };
    let figure = |metric: &Metric| {
        let values: Vec<f64> = columns
            .iter()
            .map(|column| (metric.read)(&column.metrics))
            .collect();
        let winners = best(&values, metric.up);
        let title = if metric.key.starts_with("raw.")
            && !metric.key.contains("hierarchical")
            && !metric.key.contains("constrained")
            && !metric.key.contains("inconsistency")
        {
            format!("{}, raw", metric.title)
        } else {
            metric.title.to_owned()
        };
        html! {
            <tr key={metric.key}><th scope="row">{ title }<Hint text={metric.meaning} /></th>
                for (index, value) in values.iter().enumerate() {
                    <td key={index} class={classes!("ab-number", winners.contains(&index).then_some("ab-best"))}><Figure value={*value} metric={metric.key} interval={intervals.get(&columns[index].run.id).and_then(|known| interval(known, metric.key))} /></td>
                }
            </tr>
        }
    };
    let plain = |title: &'static str, read: &dyn Fn(&Run) -> String| {
        html! { <tr key={title}><th scope="row">{ title }</th>for (index, column) in columns.iter().enumerate() { <td key={index} class="ab-number">{ read(&column.run) }</td> }</tr> }
    };
    html! {
        <div class="ab-scroll ab-scroll--framed" tabindex="0" role="region" aria-label="Figures side by side">
            <table class="ab-table ab-table--side" data-testid="side-by-side-table">
                <thead><tr>
                    <th scope="col"><span class="pf-v6-screen-reader">{ "Metric" }</span></th>
                    for column in columns {
                        <th key={column.run.id} scope="col" class="ab-number"><span class="ab-side__head">
                            <RouteLink to={Route::Run { project, run: column.run.id }}>{ methods.title(&column.run.method) }</RouteLink>
                            <Button variant={Variant::Plain} icon={Icon::Close} small=true title={format!("Take {} away", methods.run(&column.run))} testid={format!("drop-run-{}", column.run.id)} onclick={drop(column.run.id)} />
                        </span><span class="ab-table__under">{ details(&column.run) }</span></th>
                    }
                </tr></thead>
                <tbody>
                    for metric in all() { { figure(&metric) } }
                    { plain("Training time", &|run| run.train_seconds.map_or_else(|| "–".into(), format::duration)) }
                    { plain("Documents per second", &|run| run.train_docs_per_s.map_or_else(|| "–".into(), |rate| format::count(rate.round() as u64))) }
                    { plain("Highest memory", &|run| run.peak_memory_bytes.map_or_else(|| "–".into(), format::bytes)) }
                </tbody>
            </table>
        </div>
    }
}

fn describe(columns: &[Column], methods: &Methods) -> String {
    let run = |column: &Column| {
        let levels: Vec<String> = column
            .metrics
            .levels
            .iter()
            .map(|level| format!("level {} {}", level.level, format::percent(level.macro_f1)))
            .collect();
        format!("{}: {}.", methods.run(&column.run), levels.join(", "))
    };
    columns.iter().map(run).collect::<Vec<_>>().join(" ")
}

fn describe_cost(columns: &[Column], methods: &Methods) -> String {
    let run = |column: &Column| {
        format!(
            "{}: {} in {}.",
            methods.run(&column.run),
            format::percent(column.metrics.macro_f1),
            column
                .run
                .train_seconds
                .map_or_else(|| "an unknown time".into(), format::duration)
        )
    };
    columns.iter().map(run).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_marked_only_when_there_is_one() {
        assert_eq!(best(&[0.5, 0.7, 0.7], true), [1, 2]);
        assert_eq!(best(&[0.1, 0.0], false), [1]);
        assert!(best(&[0.5, 0.5], true).is_empty());
        assert!(
            best(&[0.50001, 0.5], true).is_empty(),
            "what cannot be seen is not marked"
        );
        assert!(best(&[], true).is_empty());
    }
}
