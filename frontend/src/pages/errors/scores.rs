//! Whether scores mean what they say: of labels scored .7, seven in ten should be right.

use arborist_shared::api::analysis::{Analysis, LevelCalibration};
use arborist_shared::calibration::{Bin, LevelMap};
use yew::prelude::*;

use crate::components::Panel;
use crate::format;

/// Edge of the picture and its margin, in its own units.
const SIZE: f64 = 220.0;
const MARGIN: f64 = 26.0;

pub fn scores(analysis: &Analysis) -> Html {
    let Some(all) = analysis.calibration.first() else {
        return Html::default();
    };
    html! {
        <Panel title="What scores mean" testid="errors-scores" hint="Where the line lies below the diagonal, labels are right less often than their scores say.">
            <div class="ab-columns">
                <figure class="ab-reliability">{ picture(&all.scores.bins) }<figcaption class="ab-muted">{ "Share of labels that are right, by score; a dot's size tells how many labels have such a score." }</figcaption></figure>
                <div class="ab-scroll" tabindex="0" role="region" aria-label="What scores mean, by level">
                    <table class="ab-table" data-testid="calibration">
                        <thead><tr><th scope="col">{ "Level" }</th><th scope="col" class="ab-number">{ "ECE" }</th><th scope="col" class="ab-number">{ "ECE, tempered" }</th><th scope="col" class="ab-number">{ "Temperature" }</th><th scope="col" class="ab-number">{ "Brier" }</th></tr></thead>
                        <tbody>{ for analysis.calibration.iter().map(row) }</tbody>
                    </table>
                </div>
            </div>
            <p class="ab-muted">{ "The temperature of each level is fitted to the validation documents. Most labels are rightly scored near 0, so the expected distances of score and share (ECE) are small; compare them with each other." }</p>
        </Panel>
    }
}

fn row(level: &LevelCalibration) -> Html {
    let name = level
        .level
        .map_or_else(|| "All".to_owned(), |level| level.to_string());
    let temperature = match &level.map {
        Some(LevelMap::Temperature(temperature)) => format!("{temperature:.2}"),
        Some(LevelMap::Isotonic(_)) | None => String::new(),
    };
    let calibrated = level
        .calibrated
        .as_ref()
        .map_or_else(String::new, |it| format!("{:.4}", it.ece));
    html! {
        <tr key={name.clone()}>
            <th scope="row">{ name }</th>
            <td class="ab-number">{ format!("{:.4}", level.scores.ece) }</td>
            <td class="ab-number">{ calibrated }</td>
            <td class="ab-number">{ temperature }</td>
            <td class="ab-number">{ format!("{:.4}", level.scores.brier) }</td>
        </tr>
    }
}

/// Share against score, with the diagonal on which they are equal.
fn picture(bins: &[Bin]) -> Html {
    let at = |score: f64, right: f64| (MARGIN + score * SIZE, MARGIN + (1.0 - right) * SIZE);
    let used: Vec<&Bin> = bins.iter().filter(|bin| bin.count > 0).collect();
    let most = used.iter().map(|bin| bin.count).max().unwrap_or(1) as f64;
    let line: Vec<String> = used
        .iter()
        .map(|bin| {
            let (x, y) = at(bin.score, bin.right);
            format!("{x:.1},{y:.1}")
        })
        .collect();
    let words: Vec<String> = used
        .iter()
        .map(|bin| {
            format!(
                "score {}: {} right",
                format::percent(bin.score),
                format::percent(bin.right)
            )
        })
        .collect();
    let edge = SIZE + 2.0 * MARGIN;
    let radius = |count: u64| 2.0 + 5.0 * ((count as f64).ln_1p() / most.ln_1p());
    html! {
        <svg class="ab-reliability__picture" viewBox={format!("0 0 {edge} {edge}")} role="img" aria-label={format!("Reliability: {}.", words.join("; "))}>
            <rect x={MARGIN.to_string()} y={MARGIN.to_string()} width={SIZE.to_string()} height={SIZE.to_string()} class="ab-reliability__frame" />
            <line x1={MARGIN.to_string()} y1={(MARGIN + SIZE).to_string()} x2={(MARGIN + SIZE).to_string()} y2={MARGIN.to_string()} class="ab-reliability__diagonal" />
            <polyline points={line.join(" ")} class="ab-reliability__line" />
            for bin in &used {
                <circle cx={at(bin.score, bin.right).0.to_string()} cy={at(bin.score, bin.right).1.to_string()} r={format!("{:.1}", radius(bin.count))} class="ab-reliability__dot"><title>{ format!("{}: score {}, {} right", format::counted(bin.count, "label", "labels"), format::percent(bin.score), format::percent(bin.right)) }</title></circle>
            }
            <text x={(MARGIN + SIZE / 2.0).to_string()} y={(edge - 6.0).to_string()} text-anchor="middle">{ "score" }</text>
            <text x="12" y={(MARGIN + SIZE / 2.0).to_string()} text-anchor="middle" transform={format!("rotate(-90 12 {})", MARGIN + SIZE / 2.0)}>{ "right" }</text>
        </svg>
    }
}
