//! A run's figures on one part of the corpus: headlines, all of them, per level, per label.

use std::rc::Rc;

use arborist_shared::api::runs::Run;
use arborist_shared::metrics::Metrics;
use arborist_shared::split::Split;
use yew::prelude::*;

use super::label_table::LabelTable;
use crate::api;
use crate::charts::{Chart, figures};
use crate::components::figure::Figure;
use crate::components::{Hint, Lines, Panel, show};
use crate::format;
use crate::hooks::{use_query, use_url_query};
use crate::model::metric::{DECODED, HEADLINE, Metric, PAIRED, RAW, interval};
use crate::pages::corpus::split_name;

#[derive(PartialEq, Properties)]
pub struct FiguresProps {
    pub run: Rc<Run>,
    pub split: Split,
}

/// The four figures on top, and which part they are from.
#[component]
pub fn Figures(props: &FiguresProps) -> Html {
    let query = use_url_query();
    let run = &props.run;
    let intervals = use_query((run.id, props.split), |(run, split)| {
        api::intervals(run, split)
    });
    let headline = if props.split == Split::Validation {
        run.validation
    } else {
        run.test
    };
    let Some(headline) = headline else {
        return Html::default();
    };
    let intervals = intervals.data();
    let known = intervals.as_deref().and_then(Option::as_ref);
    let values = [
        headline.micro_f1,
        headline.macro_f1,
        headline.hierarchical_f1,
        headline.exact_match,
    ];
    let choose = |split: Split| {
        let query = query.clone();
        Callback::from(move |_: Event| {
            query.set(&[("split", Some(api::split_word(split).to_owned()))])
        })
    };
    let there = [
        (Split::Test, run.test.is_some()),
        (Split::Validation, run.validation.is_some()),
    ];
    html! {
        <section class="ab-headline" aria-label="Figures" data-testid="headline">
            <div class="ab-segments" role="radiogroup" aria-label="Part of the corpus">
                for (split, is_there) in there {
                    <label key={api::split_word(split)} class={classes!("ab-segments__one", (split == props.split).then_some("ab-segments__one--on"), (!is_there).then_some("ab-segments__one--off"))}>
                        <input type="radio" name="split" checked={split == props.split} disabled={!is_there} onchange={choose(split)} data-testid={format!("split-{}", api::split_word(split))} />
                        { split_name(split) }
                    </label>
                }
            </div>
            <dl class="ab-headline__figures">
                for (metric, value) in HEADLINE.iter().zip(values) {
                    <div key={metric.key} class="ab-headline__figure"><dt>{ metric.title }<Hint text={metric.meaning} /></dt><dd><Figure {value} metric={metric.key} strong=true interval={known.and_then(|known| interval(known, metric.key))} /></dd></div>
                }
            </dl>
            if known.is_some() {
                <p class="ab-headline__note">{ "± is half of the 95% interval; where its sides differ, both ends stand in brackets" }<Hint text="How much a figure would move with other documents of the same kind: they are drawn again and again from those of this part. Another seed is another matter." /></p>
            }
        </section>
    }
}

/// Everything that was measured.
#[component]
pub fn Details(props: &FiguresProps) -> Html {
    let metrics = use_query((props.run.id, props.split), |(run, split)| {
        api::metrics(run, split)
    });
    let data = metrics.data();
    let levels = use_memo(data.as_ref().map(|data| Rc::as_ptr(data) as usize), {
        let data = data.clone();
        move |_| data.as_deref().map(figures::levels)
    });
    let address = api::metrics_address(props.run.id, props.split);
    html! {
        <>{ show(&metrics, html! { <Panel title="Figures"><Lines count={10} /></Panel> }, |metrics| html! {
            <div class="ab-stack">
                <div class="ab-grid ab-grid--wide">
                    <Panel title="All figures" testid="figures" actions={html! { <a class="ab-quiet" href={address.clone()} target="_blank" rel="noreferrer">{ "as JSON" }</a> }}>{ all(metrics) }</Panel>
                    <Panel title="By level" testid="levels">
                        if let Some(option) = &*levels { <Chart option={option.clone()} height=200 label={describe_levels(metrics)} /> }
                        { level_table(metrics) }
                    </Panel>
                </div>
                <LabelTable taxonomy={props.run.taxonomy} metrics={data.clone()} />
            </div>
        }) }</>
    }
}

fn row(metric: &Metric, cells: Html) -> Html {
    html! { <tr key={metric.key}><th scope="row">{ metric.title }<Hint text={metric.meaning} /></th>{ cells }</tr> }
}

fn cell(metric: &Metric, metrics: &Metrics) -> Html {
    html! { <td class="ab-number"><Figure value={(metric.read)(metrics)} metric={metric.key} /></td> }
}

fn all(metrics: &Metrics) -> Html {
    let none = html! { <td class="ab-number ab-muted">{ "–" }</td> };
    let decoding = &metrics.decoding;
    html! {
        <>
            <div class="ab-scroll"><table class="ab-table ab-table--figures">
                <thead><tr>
                    <th scope="col"><span class="pf-v6-screen-reader">{ "Metric" }</span></th>
                    <th scope="col" class="ab-number">{ "Decoded" }<Hint text="The label sets that a user gets: ancestors are added, so that they never contradict the tree." /></th>
                    <th scope="col" class="ab-number">{ "Raw" }<Hint text="The label sets before decoding, as the papers count them." /></th>
                </tr></thead>
                <tbody>
                    for (decoded, raw) in PAIRED.iter() { { row(decoded, html! { <>{ cell(decoded, metrics) }{ cell(raw, metrics) }</> }) } }
                    for metric in DECODED.iter() { { row(metric, html! { <>{ cell(metric, metrics) }{ none.clone() }</> }) } }
                    for metric in RAW.iter() { { row(metric, html! { <>{ none.clone() }{ cell(metric, metrics) }</> }) } }
                </tbody>
            </table></div>
            <p class="ab-muted">{ format!(
                "Measured on {}. Decoding added {} and removed {}, in {}.",
                format::counted(metrics.documents, "document", "documents"),
                format::counted(decoding.labels_added, "label", "labels"),
                format::count(decoding.labels_removed),
                format::counted(decoding.documents_changed, "document", "documents"),
            ) }</p>
        </>
    }
}

fn level_table(metrics: &Metrics) -> Html {
    html! {
        <div class="ab-scroll"><table class="ab-table ab-table--figures">
            <thead><tr><th scope="col">{ "Level" }</th><th scope="col" class="ab-number">{ "Micro F1" }</th><th scope="col" class="ab-number">{ "Macro F1" }</th><th scope="col" class="ab-number">{ "Support" }<Hint text="Gold labels on this level." /></th></tr></thead>
            <tbody>
                for level in metrics.levels.iter() {
                    <tr key={level.level}>
                        <th scope="row"><span class="ab-path__dot" style={format!("--level: var(--ab-level-{})", (level.level.max(1) - 1) % 6 + 1)} />{ level.level }</th>
                        <td class="ab-number"><Figure value={level.micro_f1} metric={format!("micro_f1_level_{}", level.level)} /></td>
                        <td class="ab-number"><Figure value={level.macro_f1} metric={format!("macro_f1_level_{}", level.level)} /></td>
                        <td class="ab-number">{ format::count(level.support) }</td>
                    </tr>
                }
            </tbody>
        </table></div>
    }
}

fn describe_levels(metrics: &Metrics) -> String {
    metrics
        .levels
        .iter()
        .map(|level| {
            format!(
                "Level {}: micro F1 {}, macro F1 {}.",
                level.level,
                format::percent(level.micro_f1),
                format::percent(level.macro_f1)
            )
        })
        .collect::<Vec<_>>()
        .join(" ")
}
