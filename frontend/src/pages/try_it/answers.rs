//! The answers in one tree: a row for each label, a column for each run, predicted ones strong.

use std::collections::HashMap;
use std::rc::Rc;

use arborist_shared::api::runs::{PredictedLabel, Run};
use yew::prelude::*;

use super::threshold::{self, Threshold, decided, use_taxonomies};
use super::{Question, Reply};
use crate::components::figure::ShareBar;
use crate::components::label_path::{LabelRef, use_label_cards};
use crate::components::{Failure, Icon, Panel, RouteLink, icon, states};
use crate::format;
use crate::hooks::use_url_query;
use crate::model::path_tree::{PathRow, rows};
use crate::route::Route;
use crate::shell::{Methods, use_methods};

/// Runner-ups of a run that are shown.
const SHOWN: usize = 40;

#[derive(PartialEq, Properties)]
pub struct AnswersProps {
    pub project: i64,
    pub runs: Rc<Vec<Run>>,
    pub question: Question,
    /// Text or runs have changed since.
    pub outdated: bool,
}

/// A label of one run.
pub struct Entry {
    pub run: i64,
    pub label: PredictedLabel,
}

/// A row of the tree with what each run says about it.
pub struct AnswerRow {
    pub row: PathRow,
    /// By run.
    pub labels: HashMap<i64, PredictedLabel>,
}

impl AnswerRow {
    fn is_predicted(&self) -> bool {
        self.labels.values().any(|label| label.predicted)
    }
}

/// The best labels, those that were decided for, and their ancestors, of labels that stand best first.
pub fn best(labels: Vec<PredictedLabel>, count: usize) -> Vec<PredictedLabel> {
    let is_kept = |(position, label): &(usize, &PredictedLabel)| {
        *position < count || label.predicted || label.raw_predicted == Some(true)
    };
    let kept: Vec<Vec<String>> = labels
        .iter()
        .enumerate()
        .filter(is_kept)
        .map(|(_, label)| label.path.clone())
        .collect();
    let mut labels = labels;
    labels.retain(|label| kept.iter().any(|path| path.starts_with(&label.path)));
    labels
}

/// The tree of all labels that the runs name; without runner-ups only those that some run decided for, and their ancestors.
pub fn arrange(mut entries: Vec<Entry>, runner_ups: bool) -> Vec<AnswerRow> {
    entries.retain(|entry| {
        runner_ups || entry.label.predicted || entry.label.raw_predicted == Some(true)
    });
    entries.sort_by(|a, b| {
        b.label
            .predicted
            .cmp(&a.label.predicted)
            .then(b.label.score.total_cmp(&a.label.score))
    });
    let paths: Vec<&[String]> = entries
        .iter()
        .map(|entry| entry.label.path.as_slice())
        .collect();
    rows(&paths)
        .into_iter()
        .map(|row| {
            let labels = row
                .entries
                .iter()
                .map(|index| (entries[*index].run, entries[*index].label.clone()))
                .collect();
            AnswerRow { row, labels }
        })
        .collect()
}

#[component]
pub fn Answers(props: &AnswersProps) -> Html {
    let query = use_url_query();
    let methods = use_methods();
    let cards = use_label_cards();
    let question = &props.question;
    let runner_ups = query.get("show") == Some("all");
    let chosen = query.get("threshold").and_then(threshold::read);
    let taxonomies = use_taxonomies(question, chosen.is_some());
    let mut entries = Vec::new();
    for (run, answer) in decided(question, chosen, taxonomies.data()) {
        let labels = best(answer.labels, SHOWN).into_iter();
        entries.extend(labels.map(|label| Entry { run, label }));
    }
    let rows = arrange(entries, runner_ups);
    let onthreshold = {
        let query = query.clone();
        Callback::from(move |threshold: Option<f32>| {
            query.set(&[(
                "threshold",
                threshold.map(|threshold| format!("{threshold:.2}")),
            )])
        })
    };
    let is_ready = question
        .replies
        .values()
        .any(|reply| matches!(reply, Reply::Said(answer) if answer.is_ok()));
    let is_waiting = question
        .replies
        .values()
        .all(|reply| *reply == Reply::Waiting);
    let toggle = |all: bool| {
        let query = query.clone();
        Callback::from(move |_: Event| query.set(&[("show", all.then(|| "all".to_owned()))]))
    };
    let open = {
        let asked = props
            .runs
            .iter()
            .find(|run| question.runs.contains(&run.id));
        let taxonomy = asked.map(|run| run.taxonomy);
        Callback::from(move |path: Vec<String>| cards.open(LabelRef::path(taxonomy, &path)))
    };
    let actions = html! {
        <div class="ab-segments" role="radiogroup" aria-label="Labels shown">
            <label class={classes!("ab-segments__one", (!runner_ups).then_some("ab-segments__one--on"))}><input type="radio" name="show" checked={!runner_ups} onchange={toggle(false)} data-testid="show-chosen" />{ "Found" }</label>
            <label class={classes!("ab-segments__one", runner_ups.then_some("ab-segments__one--on"))}><input type="radio" name="show" checked={runner_ups} onchange={toggle(true)} data-testid="show-all" />{ "With runner-ups" }</label>
        </div>
    };
    html! {
        <Panel title="Labels" flush=true {actions} testid="answers">
            if props.outdated { <p class="ab-answers__note" role="status">{ icon(Icon::Clock) }{ "The text or the runs have changed since. Classify again." }</p> }
            if is_ready { <Threshold {chosen} question={question.clone()} {taxonomies} onchange={onthreshold} /> }
            <div class="ab-scroll" tabindex="0" role="region" aria-label="Answers">
                <table class={classes!("ab-table", "ab-answers", props.outdated.then_some("ab-outdated"))} aria-busy={is_waiting.then_some("true")}>
                    <thead><tr><th scope="col">{ "Label" }</th>for run in question.runs.iter() { { heading(props, *run, &methods) } }</tr></thead>
                    <tbody data-testid="answer-rows">
                        for row in rows.iter() { { draw(row, &question.runs, &open) } }
                        if rows.is_empty() && is_ready { <tr><td colspan={(question.runs.len() + 1).to_string()} class="ab-muted">{ "No label passes the threshold. The runner-ups show what came close." }</td></tr> }
                    </tbody>
                </table>
            </div>
            for run in question.runs.iter() {
                if let Some(Reply::Said(answer)) = question.replies.get(run) && let Err(error) = &**answer {
                    <div class="ab-inset" key={*run}><p class="ab-review__refused">{ format!("Run {run} gave no answer") }</p><Failure error={error.clone()} compact=true /></div>
                }
            }
        </Panel>
    }
}

fn heading(props: &AnswersProps, id: i64, methods: &Methods) -> Html {
    let run = props.runs.iter().find(|run| run.id == id);
    let state = match props.question.replies.get(&id) {
        Some(Reply::Waiting) | None => {
            html! { <span class="ab-table__under">{ states::spinner("sm") }{ " thinking" }</span> }
        }
        Some(Reply::Said(answer)) => match &**answer {
            Ok(response) => {
                html! { <span class="ab-table__under" data-testid={format!("latency-{id}")}>{ format!("{} ms", format::number((response.milliseconds * 10.0).round() / 10.0)) }</span> }
            }
            Err(_) => html! { <span class="ab-table__under ab-bad">{ "no answer" }</span> },
        },
    };
    let name = run.map_or_else(|| format!("run {id}"), |run| methods.title(&run.method));
    let title = run.map(|run| methods.run(run));
    html! { <th key={id} scope="col" class="ab-answers__run" {title}><RouteLink to={Route::Run { project: props.project, run: id }}>{ name }</RouteLink>{ state }</th> }
}

fn draw(answer: &AnswerRow, runs: &[i64], open: &Callback<Vec<String>>) -> Html {
    let row = &answer.row;
    let path = row.path.to_vec();
    let whole = row.path.join(" › ");
    html! {
        <tr key={row.path.join("\u{1f}")} class={classes!((!answer.is_predicted()).then_some("ab-answers__faint"))} data-testid="answer-row" data-path={row.path.join("/")}>
            <th scope="row" title={whole.clone()}>
                <span class="ab-answers__label" style={format!("--depth: {}; --level: var(--ab-level-{})", row.depth() - 1, (row.depth() - 1) % 6 + 1)}>
                    <span class="ab-path__dot" aria-hidden="true" /><button type="button" class="ab-bare" data-testid="label-chip" onclick={open.reform(move |_: MouseEvent| path.clone())}><bdi>{ format::middle(row.short_name(), 60) }</bdi></button><span class="pf-v6-screen-reader">{ format!(" ({whole})") }</span>
                </span>
            </th>
            for run in runs {
                <td key={*run}>{ match answer.labels.get(run) {
                    None => html! { <span class="ab-muted">{ "–" }</span> },
                    Some(label) => score(label),
                } }</td>
            }
        </tr>
    }
}

fn score(label: &PredictedLabel) -> Html {
    let raw = label
        .raw_score
        .map(|raw| format!(", the method's own score is {raw}"))
        .unwrap_or_default();
    html! {
        <span class={classes!("ab-score", label.predicted.then_some("ab-score--found"))} title={format!("Score {}{raw}", label.score)} data-predicted={label.predicted.to_string()}>
            <span class="ab-score__mark">if label.predicted { { icon(Icon::Check) } }</span>
            <ShareBar share={f64::from(label.score)} tone={(!label.predicted).then_some("quiet")} />
            <data class="ab-score__figure" value={format::score(label.score)}>{ format!("{:.2}", label.score) }</data>
        </span>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(run: i64, path: &str, score: f32, predicted: bool) -> Entry {
        let path: Vec<String> = path.split('/').map(str::to_owned).collect();
        Entry {
            run,
            label: PredictedLabel {
                label: path.join("/"),
                path,
                score,
                predicted,
                raw_score: None,
                raw_predicted: None,
            },
        }
    }

    #[test]
    fn the_best_stay_with_those_that_were_found_and_their_ancestors() {
        let labels = vec![
            entry(1, "Sport/Rowing", 0.9, false).label,
            entry(1, "Culture", 0.8, false).label,
            entry(1, "Sport", 0.2, false).label,
            entry(1, "Culture/Film", 0.1, false).label,
            entry(1, "Trade", 0.0, true).label,
        ];
        let kept = best(labels, 1);
        let ids: Vec<_> = kept.iter().map(|label| label.label.as_str()).collect();
        assert_eq!(ids, ["Sport/Rowing", "Sport", "Trade"]);
    }

    #[test]
    fn answers_of_runs_meet_in_one_tree() {
        let entries = || {
            vec![
                entry(1, "Sport", 0.9, true),
                entry(1, "Sport/Rowing", 0.8, true),
                entry(2, "Sport", 0.7, true),
                entry(2, "Culture", 0.4, false),
            ]
        };
        let found = arrange(entries(), false);
        let names: Vec<_> = found
            .iter()
            .map(|row| (row.row.name().to_owned(), row.labels.len()))
            .collect();
        assert_eq!(names, [("Sport".to_owned(), 2), ("Rowing".to_owned(), 1)]);
        let all = arrange(entries(), true);
        assert_eq!(all.len(), 3);
        assert!(!all[2].is_predicted());
    }
}
