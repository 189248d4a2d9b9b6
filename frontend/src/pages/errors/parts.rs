//! Figures by level, by how often labels occur in training, and by length of documents.

use arborist_shared::api::analysis::Analysis;
use arborist_shared::metrics::breakdown::{Frequency, PartMetrics};
use yew::prelude::*;

use crate::components::Panel;
use crate::components::figure::{Figure, ShareBar};
use crate::format;

/// A row: what it is about, and its figures.
type Row = (String, PartMetrics);

pub fn parts(analysis: &Analysis) -> Html {
    let levels = analysis
        .levels
        .iter()
        .map(|row| (format!("Level {}", row.level), row.figures))
        .collect();
    let bounds = analysis.bounds;
    let frequency = analysis
        .frequency
        .iter()
        .map(|row| {
            let words = match row.frequency {
                Frequency::Many => format!("Many: more than {}", bounds.many_above),
                Frequency::Medium => {
                    format!("Medium: {} to {}", bounds.few_up_to + 1, bounds.many_above)
                }
                Frequency::Few => format!("Few: 1 to {}", bounds.few_up_to),
                Frequency::Zero => "None".to_owned(),
            };
            (words, row.figures)
        })
        .collect();
    let lengths = analysis
        .lengths
        .iter()
        .map(|row| {
            let words = match row.up_to {
                Some(up_to) => format!(
                    "{} to {} words",
                    format::count(u64::from(row.above) + 1),
                    format::count(u64::from(up_to))
                ),
                None => format!("more than {} words", format::count(u64::from(row.above))),
            };
            (
                format!(
                    "{words} · {}",
                    format::counted(row.documents, "document", "documents")
                ),
                row.figures,
            )
        })
        .collect();
    html! {
        <>
            { table("By level", "Levels count from the top.", "Level", levels, "errors-levels") }
            { table("By training documents of a label", "How well labels are found that are seldom seen in training.", "Training documents", frequency, "errors-frequency") }
            { table("By length of documents", "In parts of about as many documents.", "Length", lengths, "errors-lengths") }
        </>
    }
}

fn table(
    title: &'static str,
    hint: &'static str,
    what: &'static str,
    rows: Vec<Row>,
    testid: &'static str,
) -> Html {
    html! {
        <Panel {title} {hint} {testid}>
            <div class="ab-scroll" tabindex="0" role="region" aria-label={title}>
                <table class="ab-table">
                    <thead><tr><th scope="col">{ what }</th><th scope="col" class="ab-number">{ "Labels" }</th><th scope="col" class="ab-number">{ "Support" }</th><th scope="col" class="ab-number">{ "Precision" }</th><th scope="col" class="ab-number">{ "Recall" }</th><th scope="col" class="ab-number">{ "Micro F1" }</th><th scope="col"><span class="pf-v6-screen-reader">{ "Bar" }</span></th><th scope="col" class="ab-number">{ "Macro F1" }</th></tr></thead>
                    <tbody>
                        for (name, figures) in rows {
                            <tr key={name.clone()}>
                                <th scope="row">{ name }</th>
                                <td class="ab-number">{ format::count(figures.labels) }</td>
                                <td class="ab-number">{ format::count(figures.support) }</td>
                                <td class="ab-number"><Figure metric="micro_precision" value={figures.micro_precision} /></td>
                                <td class="ab-number"><Figure metric="micro_recall" value={figures.micro_recall} /></td>
                                <td class="ab-number"><Figure metric="micro_f1" value={figures.micro_f1} /></td>
                                <td class="ab-table__bar"><ShareBar share={figures.micro_f1} /></td>
                                <td class="ab-number"><Figure metric="macro_f1" value={figures.macro_f1} /></td>
                            </tr>
                        }
                    </tbody>
                </table>
            </div>
        </Panel>
    }
}
