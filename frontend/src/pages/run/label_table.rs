//! The figures of every label: sorted, filtered, and quick with 100,000 of them.

use std::collections::HashMap;
use std::rc::Rc;

use arborist_shared::metrics::{LabelMetrics, Metrics};
use yew::prelude::*;

use crate::api::{self, Answer};
use crate::components::field::Search;
use crate::components::figure::{Figure, ShareBar};
use crate::components::label_path::LabelRef;
use crate::components::{Icon, LabelPath, Panel, VirtualList, icon};
use crate::format;
use crate::hooks::{use_debounced, use_query, use_url_query};
use crate::model::order::{Order, figures, texts};

/// `.ab-label-row` in the style sheet is as high.
const ROW: f64 = 36.0;
/// Labels of one request.
const PAGE: u32 = 5_000;

/// Paths and levels by label id.
type Paths = HashMap<String, (Vec<String>, u32)>;

async fn paths(taxonomy: i64) -> Answer<Paths> {
    let mut paths = Paths::new();
    let mut cursor = None;
    loop {
        let page = api::labels(taxonomy, None, PAGE, cursor).await?;
        paths.extend(
            page.labels
                .into_iter()
                .map(|label| (label.id, (label.path, label.level))),
        );
        cursor = page.next;
        if cursor.is_none() {
            return Ok(paths);
        }
    }
}

/// Positions of the labels that match, in order.
pub fn arrange(
    labels: &[LabelMetrics],
    order: &Order,
    keep: impl Fn(&LabelMetrics) -> bool,
) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..labels.len())
        .filter(|index| keep(&labels[*index]))
        .collect();
    rows.sort_by(|a, b| {
        let (x, y) = (&labels[*a], &labels[*b]);
        let ordering = match order.column.as_str() {
            "precision" => figures(Some(x.precision), Some(y.precision), order.descending),
            "recall" => figures(Some(x.recall), Some(y.recall), order.descending),
            "f1" => figures(Some(x.f1), Some(y.f1), order.descending),
            "support" => order.apply(x.support.cmp(&y.support)),
            "label" => order.apply(texts(&x.name, &y.name)),
            // As in the taxonomy.
            _ => order.apply(a.cmp(b)),
        };
        ordering.then(a.cmp(b))
    });
    rows
}

#[derive(PartialEq, Properties)]
pub struct LabelTableProps {
    pub taxonomy: i64,
    pub metrics: Option<Rc<Metrics>>,
}

const COLUMNS: [(&str, &str, bool); 5] = [
    ("label", "Label", false),
    ("support", "Support", true),
    ("precision", "Precision", true),
    ("recall", "Recall", true),
    ("f1", "F1", true),
];

#[component]
pub fn LabelTable(props: &LabelTableProps) -> Html {
    let query = use_url_query();
    let typed = use_state(|| query.text("label"));
    let search = use_debounced((*typed).trim().to_lowercase(), 120);
    {
        let query = query.clone();
        use_effect_with(search.clone(), move |search| {
            query.set(&[("label", Some(search.clone()))])
        });
    }
    let paths = use_query(props.taxonomy, paths);
    let known = paths.data();
    let order = Order::parse(
        query.get("labels"),
        &["label", "support", "precision", "recall", "f1", "taxonomy"],
        "taxonomy",
    );
    let metrics = props.metrics.clone();
    let rows = use_memo(
        (
            order.clone(),
            search,
            metrics.as_ref().map(|metrics| Rc::as_ptr(metrics) as usize),
            known.is_some(),
        ),
        {
            let (metrics, known) = (metrics.clone(), known.clone());
            move |(order, search, _, _)| {
                let Some(metrics) = metrics else {
                    return Vec::new();
                };
                arrange(&metrics.labels, order, |label| {
                    let path = known.as_ref().and_then(|known| known.get(&label.id));
                    search.is_empty()
                        || label.name.to_lowercase().contains(search)
                        || path.is_some_and(|(path, _)| {
                            path.iter().any(|name| name.to_lowercase().contains(search))
                        })
                })
            }
        },
    );
    let Some(metrics) = metrics else {
        return Html::default();
    };
    let most = metrics
        .labels
        .iter()
        .map(|label| label.support)
        .max()
        .unwrap_or(1)
        .max(1);
    let ontyped = {
        let typed = typed.clone();
        Callback::from(move |value: String| typed.set(value))
    };
    let heading = |(key, title, descending_first): (&'static str, &'static str, bool)| {
        let is_current = order.column == key;
        let next = order.clicked(key, descending_first).word();
        let query = query.clone();
        html! {
            <div key={key} role="columnheader" class={classes!("ab-label-row__cell", (key != "label").then_some("ab-number"))} aria-sort={is_current.then_some(if order.descending { "descending" } else { "ascending" })}>
                <button type="button" class={classes!("ab-sort", is_current.then_some("ab-sort--on"))} data-testid={format!("sort-labels-{key}")} onclick={Callback::from(move |_: MouseEvent| query.set(&[("labels", Some(next.clone()))]))}>
                    { title }<span class="ab-sort__arrow" aria-hidden="true">{ if is_current { icon(if order.descending { Icon::Down } else { Icon::Up }) } else { Html::default() } }</span>
                </button>
            </div>
        }
    };
    let header = html! { <div class="ab-label-row ab-label-row--head" role="row">{ for COLUMNS.map(heading) }</div> };
    let row = {
        let (rows, metrics, known, taxonomy) =
            (rows.clone(), metrics.clone(), known.clone(), props.taxonomy);
        Callback::from(move |index: usize| {
            let Some(label) = rows.get(index).and_then(|at| metrics.labels.get(*at)) else {
                return Html::default();
            };
            let (path, level) = known
                .as_ref()
                .and_then(|known| known.get(&label.id))
                .cloned()
                .unwrap_or_else(|| (vec![label.name.clone()], 1));
            html! {
                <div key={label.id.clone()} class="ab-virtual__row ab-label-row" role="row" aria-rowindex={(index + 2).to_string()} data-label={label.id.clone()} data-testid="label-row">
                    <div class="ab-label-row__cell" role="rowheader"><LabelPath {path} level={Some(level)} card={LabelRef::id(Some(taxonomy), &label.id)} /></div>
                    <div class="ab-label-row__cell ab-number" role="cell"><span class="ab-figure-cell"><ShareBar share={label.support as f64 / most as f64} tone="quiet" />{ format::count(label.support) }</span></div>
                    <div class="ab-label-row__cell ab-number" role="cell"><Figure value={label.precision} metric="precision" /></div>
                    <div class="ab-label-row__cell ab-number" role="cell"><Figure value={label.recall} metric="recall" /></div>
                    <div class="ab-label-row__cell ab-number" role="cell"><span class="ab-figure-cell"><ShareBar share={label.f1} /><Figure value={label.f1} metric="f1" /></span></div>
                </div>
            }
        })
    };
    let height = (rows.len() as f64 * ROW + ROW + 2.0).clamp(ROW * 3.0, 640.0);
    html! {
        <Panel title="By label" flush=true testid="labels" hint="Figures on the decoded sets. A label with neither gold nor predicted documents counts 0."
            actions={html! { <><span class="ab-muted" role="status">{ format::counted(rows.len() as u64, "label", "labels") }</span><Search id="label-filter" label="Filter the labels" value={(*typed).clone()} onchange={ontyped} testid="label-filter" /></> }}>
            <div style={format!("block-size: {height}px")}>
                <VirtualList class="ab-labels" count={rows.len()} row_height={ROW} {row} {header} role="table" label="Figures by label" row_count={Some(rows.len() as u64 + 1)} focusable=true testid="label-table" />
            </div>
        </Panel>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(name: &str, support: u64, f1: f64) -> LabelMetrics {
        LabelMetrics {
            id: name.into(),
            name: name.into(),
            support,
            precision: f1,
            recall: f1,
            f1,
        }
    }

    #[test]
    fn labels_are_arranged_and_filtered() {
        let labels = [label("b", 5, 0.2), label("A", 9, 0.9), label("c", 1, 0.2)];
        let arranged = |word: &str| {
            arrange(
                &labels,
                &Order::parse(
                    Some(word),
                    &["label", "support", "f1", "taxonomy"],
                    "taxonomy",
                ),
                |_| true,
            )
        };
        assert_eq!(arranged("taxonomy"), [0, 1, 2]);
        assert_eq!(arranged("label"), [1, 0, 2]);
        assert_eq!(arranged("-support"), [1, 0, 2]);
        assert_eq!(
            arranged("f1"),
            [0, 2, 1],
            "equal figures keep the taxonomy's order"
        );
        let order = Order::parse(None, &[], "taxonomy");
        assert_eq!(arrange(&labels, &order, |label| label.support > 1), [0, 1]);
    }
}
