//! How often labels and levels occur, how many labels and words documents have, which labels occur together.

use std::rc::Rc;

use arborist_shared::api::corpora::{Bar, Corpus, CorpusStatistics};
use yew::prelude::*;

use super::support::Support;
use crate::api;
use crate::components::figure::ShareBar;
use crate::components::{LabelPath, Lines, Panel, show};
use crate::format;
use crate::hooks::use_query;
use crate::pages::overview::stat;

#[derive(PartialEq, Properties)]
pub struct StatisticsProps {
    pub corpus: Corpus,
}

#[component]
pub fn Statistics(props: &StatisticsProps) -> Html {
    let statistics = use_query(props.corpus.id, |corpus| async move {
        api::statistics(corpus).await.map(Rc::new)
    });
    html! {
        { show(&statistics, html! { <Lines count={14} /> }, |statistics| html! {
            <>
                { numbers(statistics) }
                { levels(statistics) }
                <Support statistics={statistics.clone()} />
                <div class="ab-columns">
                    { bars("Labels per document", "The deepest ones; of annotated documents.", &statistics.labels_per_document, "statistics-labels") }
                    { bars("Words per document", "Separated by blanks.", &statistics.lengths, "statistics-lengths") }
                </div>
                { pairs(statistics) }
            </>
        }) }
    }
}

fn numbers(statistics: &CorpusStatistics) -> Html {
    let all = |counts: &arborist_shared::api::corpora::SplitCounts| {
        counts.train + counts.validation + counts.test
    };
    let rare = statistics
        .labels
        .iter()
        .filter(|label| label.splits.train < statistics.rare_below)
        .count();
    let unused = statistics
        .labels
        .iter()
        .filter(|label| label.n_documents == 0)
        .count();
    html! {
        <dl class="ab-stats" data-testid="statistics">
            { stat(format::count(all(&statistics.documents)), "documents") }
            { stat(format::count(all(&statistics.annotated)), "annotated") }
            { stat(format!("{:.1}", statistics.words_per_document), "words per document") }
            { stat(format::count(rare as u64), "labels rare in training") }
            { stat(format::count(unused as u64), "labels without a document") }
            if statistics.n_empty_texts > 0 { { stat(format::count(statistics.n_empty_texts), "documents without any text") } }
        </dl>
    }
}

fn levels(statistics: &CorpusStatistics) -> Html {
    html! {
        <Panel title="Levels">
            <p class="ab-muted">{ format!("A label with fewer than {} training documents is rare.", statistics.rare_below) }</p>
            <div class="ab-scroll" tabindex="0" role="region" aria-label="Levels">
                <table class="ab-table" data-testid="statistics-levels">
                    <thead><tr><th scope="col" class="ab-number">{ "Level" }</th><th scope="col" class="ab-number">{ "Labels" }</th><th scope="col" class="ab-number">{ "With documents" }</th><th scope="col" class="ab-number">{ "Rare in training" }</th><th scope="col" class="ab-number">{ "Documents" }</th></tr></thead>
                    <tbody>
                        for level in statistics.levels.iter() {
                            <tr key={level.level}>
                                <th scope="row" class="ab-number">{ level.level }</th>
                                <td class="ab-number">{ format::count(level.n_labels) }</td>
                                <td class="ab-number">{ format::count(level.n_used) }</td>
                                <td class="ab-number">{ format::count(level.n_rare) }</td>
                                <td class="ab-number">{ format::count(level.n_documents) }</td>
                            </tr>
                        }
                    </tbody>
                </table>
            </div>
        </Panel>
    }
}

fn bars(title: &'static str, help: &'static str, bars: &[Bar], testid: &'static str) -> Html {
    let last = bars
        .iter()
        .rposition(|bar| bar.n_documents > 0)
        .map_or(0, |at| at + 1);
    let most = bars
        .iter()
        .map(|bar| bar.n_documents)
        .max()
        .unwrap_or(0)
        .max(1);
    let class = |bar: &Bar| match bar.to {
        None => format!("{} or more", format::count(bar.from)),
        Some(to) if to == bar.from => format::count(to),
        Some(to) => format!("{} to {}", format::count(bar.from), format::count(to)),
    };
    let bars: Rc<[Bar]> = bars.iter().take(last).copied().collect();
    html! {
        <Panel {title} {testid}>
            <p class="ab-muted">{ help }</p>
            <table class="ab-table ab-table--bars">
                <tbody>
                    for bar in bars.iter() {
                        <tr key={bar.from}>
                            <th scope="row" class="ab-number">{ class(bar) }</th>
                            <td class="ab-table__bar"><ShareBar share={bar.n_documents as f64 / most as f64} /></td>
                            <td class="ab-number">{ format::count(bar.n_documents) }</td>
                        </tr>
                    }
                </tbody>
            </table>
        </Panel>
    }
}

fn pairs(statistics: &CorpusStatistics) -> Html {
    if statistics.pairs.is_empty() {
        return Html::default();
    }
    html! {
        <Panel title="Labels that occur together" testid="statistics-pairs">
            <div class="ab-scroll" tabindex="0" role="region" aria-label="Labels that occur together">
                <table class="ab-table">
                    <thead><tr><th scope="col">{ "Label" }</th><th scope="col">{ "With" }</th><th scope="col" class="ab-number">{ "Documents" }</th></tr></thead>
                    <tbody>
                        for pair in statistics.pairs.iter() {
                            <tr><td><LabelPath path={pair.a.clone()} /></td><td><LabelPath path={pair.b.clone()} /></td><td class="ab-number">{ format::count(pair.n_documents) }</td></tr>
                        }
                    </tbody>
                </table>
            </div>
        </Panel>
    }
}
