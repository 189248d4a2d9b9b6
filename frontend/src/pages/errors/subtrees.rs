//! Figures by subtree: one goes down by a click, and up by the path.

use arborist_shared::api::analysis::{Subtree, Subtrees};
use arborist_shared::metrics::breakdown::PartMetrics;
use yew::prelude::*;

use super::{Sight, look};
use crate::api;
use crate::components::figure::{Figure, ShareBar};
use crate::components::{Button, Empty, Icon, Lines, Panel, Variant, show};
use crate::format;
use crate::hooks::{UrlQuery, use_query};

#[derive(PartialEq, Properties)]
pub struct SubtreesProps {
    pub sight: Sight,
    pub query: UrlQuery,
}

#[component]
pub fn SubtreesPanel(props: &SubtreesProps) -> Html {
    let query = &props.query;
    let label = query.text("label");
    let rows = use_query((props.sight.clone(), label), |(sight, label)| async move {
        api::subtrees(sight.run, sight.split, &label).await
    });
    html! {
        <Panel title="By subtree" testid="errors-subtrees" hint="A label with all that is below it. What is opened here is also what the rows above are about.">
            { show(&rows, html! { <Lines count={6} /> }, |rows| html! { <>{ climb(query, rows) }{ table(query, rows) }</> }) }
        </Panel>
    }
}

fn go(query: &UrlQuery, label: Option<String>) -> Callback<MouseEvent> {
    let query = query.clone();
    Callback::from(move |_: MouseEvent| look(&query, &[("label", label.clone())]))
}

fn climb(query: &UrlQuery, rows: &Subtrees) -> Html {
    html! {
        <p class="ab-climb">
            <Button label="All labels" variant={Variant::Link} disabled={rows.below.is_none()} testid="subtrees-top" onclick={go(query, None)} />
            if let Some(below) = &rows.below {
                <span aria-hidden="true">{ " › " }</span><strong dir="auto">{ below.path.join(" › ") }</strong>
            }
        </p>
    }
}

fn table(query: &UrlQuery, rows: &Subtrees) -> Html {
    if rows.subtrees.is_empty() {
        return html! { <Empty icon={Icon::Check} title="Nothing below" testid="subtrees-empty">{ "The label has no children." }</Empty> };
    }
    let mut sorted: Vec<&Subtree> = rows.subtrees.iter().collect();
    // The worst first, as far as there is something to be right about.
    sorted.sort_by(|a, b| {
        (a.figures.support == 0)
            .cmp(&(b.figures.support == 0))
            .then(a.figures.micro_f1.total_cmp(&b.figures.micro_f1))
    });
    html! {
        <div class="ab-scroll" tabindex="0" role="region" aria-label="By subtree">
            <table class="ab-table" data-testid="subtrees">
                <thead><tr>
                    <th scope="col">{ "Label" }</th><th scope="col" class="ab-number">{ "Labels" }</th><th scope="col" class="ab-number">{ "In training" }</th><th scope="col" class="ab-number">{ "Support" }</th>
                    <th scope="col" class="ab-number">{ "Precision" }</th><th scope="col" class="ab-number">{ "Recall" }</th><th scope="col" class="ab-number">{ "Micro F1" }</th><th scope="col"><span class="pf-v6-screen-reader">{ "Bar" }</span></th><th scope="col" class="ab-number">{ "Macro F1" }</th>
                </tr></thead>
                <tbody>
                    if let Some(itself) = &rows.itself { { row(html! { <span class="ab-muted">{ "the label itself" }</span> }, None, itself, "itself") } }
                    for subtree in sorted {
                        { row(html! {
                            if subtree.has_children {
                                <Button label={subtree.label.path.last().cloned().unwrap_or_default()} variant={Variant::Link} testid={format!("subtree-{}", subtree.label.label)} onclick={go(query, Some(subtree.label.label.clone()))} />
                            } else { <bdi>{ subtree.label.path.last().cloned().unwrap_or_default() }</bdi> }
                        }, Some(subtree.training), &subtree.figures, &subtree.label.label) }
                    }
                </tbody>
            </table>
        </div>
    }
}

fn row(label: Html, training: Option<u64>, figures: &PartMetrics, key: &str) -> Html {
    let figure = |metric: &'static str, value: f64| {
        if figures.support == 0 && figures.predicted == 0 {
            html! { <span class="ab-muted">{ "–" }</span> }
        } else {
            html! { <Figure {metric} {value} /> }
        }
    };
    html! {
        <tr key={key.to_owned()}>
            <td>{ label }</td>
            <td class="ab-number">{ format::count(figures.labels) }</td>
            <td class="ab-number">{ training.map(format::count).unwrap_or_default() }</td>
            <td class="ab-number">{ format::count(figures.support) }</td>
            <td class="ab-number">{ figure("micro_precision", figures.micro_precision) }</td>
            <td class="ab-number">{ figure("micro_recall", figures.micro_recall) }</td>
            <td class="ab-number">{ figure("micro_f1", figures.micro_f1) }</td>
            <td class="ab-table__bar"><ShareBar share={figures.micro_f1} /></td>
            <td class="ab-number">{ figure("macro_f1", figures.macro_f1) }</td>
        </tr>
    }
}
