//! Try it: a text, the runs to ask, and their answers side by side in one tree.
//!
//! The runs stand in the query of the address, a short text in its fragment: that part never leaves the browser.

pub mod answers;
pub mod curl;
pub mod run_picker;
pub mod threshold;

use std::collections::BTreeMap;
use std::rc::Rc;

use arborist_shared::api::jobs::JobStatus;
use arborist_shared::api::runs::{PredictDocument, PredictRequest, PredictResponse, Run};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::guide::chapter;
use super::overview::ProjectProps;
use crate::api::{self, Answer};
use crate::components::field::TextArea;
use crate::components::{Button, Empty, Icon, Lines, PageHeader, Panel, RouteLink, Variant, show};
use crate::format;
use crate::hooks::url::join;
use crate::hooks::{use_query, use_url_query};
use crate::route::Route;

/// Labels that are asked for: the best of them are shown, all of them can be decided about.
pub const ASKED: u32 = 500;
/// Longest text that goes into the address.
const LONGEST: usize = 4_000;
/// Runs that can be asked at once.
pub const MOST_RUNS: usize = 10;

/// What a run said, or that it is still thinking.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    Waiting,
    Said(Box<Answer<PredictResponse>>),
}

/// One question and the replies to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Question {
    pub text: String,
    pub runs: Vec<i64>,
    pub replies: BTreeMap<i64, Reply>,
    turn: u32,
}

/// What happens to a question.
pub enum Action {
    Ask(String, Vec<i64>),
    Reply(u32, i64, Box<Answer<PredictResponse>>),
}

impl Reducible for Question {
    type Action = Action;

    fn reduce(self: Rc<Self>, action: Action) -> Rc<Self> {
        match action {
            Action::Ask(text, runs) => {
                let replies = runs.iter().map(|run| (*run, Reply::Waiting)).collect();
                Rc::new(Self {
                    text,
                    runs,
                    replies,
                    turn: self.turn + 1,
                })
            }
            // A reply to an earlier text says nothing about this one.
            Action::Reply(turn, _, _) if turn != self.turn => self,
            Action::Reply(turn, run, answer) => {
                let mut replies = self.replies.clone();
                replies.insert(run, Reply::Said(answer));
                Rc::new(Self {
                    text: self.text.clone(),
                    runs: self.runs.clone(),
                    replies,
                    turn,
                })
            }
        }
    }
}

/// The text in the fragment of the address.
fn text_in_address() -> String {
    let hash = web_sys::window()
        .and_then(|window| window.location().hash().ok())
        .unwrap_or_default();
    let pairs = crate::hooks::url::parse(hash.trim_start_matches('#'));
    pairs
        .into_iter()
        .find(|(key, _)| key == "text")
        .map(|(_, text)| text)
        .unwrap_or_default()
}

fn put_in_address(text: &str) {
    let Some(window) = web_sys::window() else {
        return;
    };
    let location = window.location();
    let (path, search) = (
        location.pathname().unwrap_or_default(),
        location.search().unwrap_or_default(),
    );
    let hash = if text.is_empty() || text.chars().count() > LONGEST {
        String::new()
    } else {
        format!(
            "#{}",
            serde_urlencoded::to_string([("text", text)]).unwrap_or_default()
        )
    };
    if let Ok(history) = window.history() {
        let state = history.state().unwrap_or(wasm_bindgen::JsValue::NULL);
        // A browser that refuses to change its address shows the same page without it.
        let _ = history.replace_state_with_url(&state, "", Some(&format!("{path}{search}{hash}")));
    }
}

#[component]
pub fn TryItPage(props: &ProjectProps) -> Html {
    let project = props.project;
    let runs = use_query(project, |project| async move {
        let mut runs = api::every_run(project).await?;
        runs.retain(|run| run.status == JobStatus::Succeeded);
        Ok(runs)
    });
    html! {
        <div class="ab-page">
            <PageHeader title="Try it" subtitle={html! { "Paste a text and see which labels the runs find." }} />
            { show(&runs, html! { <Lines count={10} /> }, |runs| if runs.is_empty() {
                html! { <Empty icon={Icon::Try} title="No run to ask yet" guide={chapter::TRY} action={html! { <RouteLink to={Route::Train { project }} button={Variant::Primary}>{ "Train a method" }</RouteLink> }}>{ "When a run is done, it can be asked about any text." }</Empty> }
            } else {
                html! { <Desk {project} runs={Rc::new(runs.clone())} /> }
            }) }
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct DeskProps {
    project: i64,
    runs: Rc<Vec<Run>>,
}

#[component]
fn Desk(props: &DeskProps) -> Html {
    let query = use_url_query();
    let text = use_state(text_in_address);
    let question = use_reducer_eq(Question::default);
    let known: Vec<i64> = props.runs.iter().map(|run| run.id).collect();
    let mut chosen: Vec<i64> = query
        .ids("runs")
        .into_iter()
        .filter(|run| known.contains(run))
        .take(MOST_RUNS)
        .collect();
    if chosen.is_empty() && query.get("runs").is_none() {
        chosen.extend(best_of(&props.runs));
    }

    let ask = {
        let (question, chosen) = (question.clone(), chosen.clone());
        Callback::from(move |text: String| {
            let text = text.trim().to_owned();
            if text.is_empty() || chosen.is_empty() {
                return;
            }
            put_in_address(&text);
            let turn = question.turn + 1;
            question.dispatch(Action::Ask(text.clone(), chosen.clone()));
            for run in chosen.clone() {
                let (dispatcher, text) = (question.dispatcher(), text.clone());
                spawn_local(async move {
                    let request = PredictRequest {
                        documents: vec![PredictDocument {
                            id: "text".into(),
                            text,
                        }],
                        limit: Some(ASKED),
                        threshold: None,
                        decoding: None,
                    };
                    let answer = api::predict(run, &request).await;
                    dispatcher.dispatch(Action::Reply(turn, run, Box::new(answer)));
                });
            }
        })
    };
    // A link with a text asks at once.
    {
        let (ask, text) = (ask.clone(), (*text).clone());
        use_effect_with((), move |()| {
            if !text.is_empty() {
                ask.emit(text);
            }
        });
    }
    let ontext = {
        let text = text.clone();
        Callback::from(move |value: String| text.set(value))
    };
    let onclick = {
        let (ask, text) = (ask.clone(), text.clone());
        Callback::from(move |_: MouseEvent| ask.emit((*text).clone()))
    };
    let onkeydown = {
        let (ask, text) = (ask.clone(), text.clone());
        Callback::from(move |event: KeyboardEvent| {
            if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) {
                event.prevent_default();
                ask.emit((*text).clone());
            }
        })
    };
    let onruns = {
        let query = query.clone();
        Callback::from(move |runs: Vec<i64>| {
            query.set(&[(
                "runs",
                Some(if runs.is_empty() {
                    "none".to_owned()
                } else {
                    join(runs)
                }),
            )])
        })
    };
    // On a narrow page the answers stand below what was asked.
    let answers = use_node_ref();
    {
        let answers = answers.clone();
        use_effect_with(question.turn, move |turn| {
            let is_narrow = web_sys::window()
                .and_then(|window| window.inner_width().ok()?.as_f64())
                .is_some_and(|width| width < 1_100.0);
            if *turn > 0
                && is_narrow
                && let Some(answers) = answers.cast::<web_sys::Element>()
            {
                answers.scroll_into_view();
            }
        });
    }
    let is_waiting = question
        .replies
        .values()
        .any(|reply| *reply == Reply::Waiting);
    let is_outdated =
        !question.text.is_empty() && (question.text != text.trim() || question.runs != chosen);
    let words = text.split_whitespace().count() as u64;
    html! {
        <div class="ab-desk">
            <div class="ab-desk__ask">
                <Panel title="Text" actions={html! { <span class="ab-muted">{ format::counted(words, "word", "words") }</span> }}>
                    <TextArea id="text" rows={9} value={(*text).clone()} onchange={ontext} placeholder="Paste or type a text" testid="try-text" {onkeydown} />
                    <div class="ab-form__actions">
                        <Button label="Classify" variant={Variant::Primary} busy={is_waiting} disabled={text.trim().is_empty() || chosen.is_empty()} testid="classify" {onclick} />
                        <span class="ab-muted"><kbd>{ "Ctrl" }</kbd>{ " " }<kbd>{ "Enter" }</kbd></span>
                    </div>
                </Panel>
                <run_picker::RunPicker runs={props.runs.clone()} chosen={chosen.clone()} onchange={onruns} />
            </div>
            <div class="ab-desk__answers" ref={answers}>
                if question.runs.is_empty() {
                    <div class="ab-panel"><Empty icon={Icon::Try} title="The answers will stand here" compact=true>{ "In one tree, a column for each run, with the score of every label." }</Empty></div>
                } else {
                    <answers::Answers project={props.project} runs={props.runs.clone()} question={(*question).clone()} outdated={is_outdated} />
                    <curl::Curl run={question.runs[0]} text={question.text.clone()} threshold={query.get("threshold").and_then(threshold::read)} />
                }
            </div>
        </div>
    }
}

/// The run with the best macro F1.
fn best_of(runs: &[Run]) -> Option<i64> {
    let score = |run: &&Run| {
        run.test
            .or(run.validation)
            .map(|figures| figures.macro_f1)
            .unwrap_or(-1.0)
    };
    runs.iter()
        .max_by(|a, b| score(a).total_cmp(&score(b)))
        .map(|run| run.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_to_an_earlier_text_are_dropped() {
        let error = || Box::new(Err(crate::api::ApiError::Aborted));
        let question = Rc::new(Question::default()).reduce(Action::Ask("a".into(), vec![1]));
        let question = question.reduce(Action::Ask("b".into(), vec![1, 2]));
        let question = question.reduce(Action::Reply(1, 1, error()));
        assert_eq!(question.replies[&1], Reply::Waiting);
        let question = question.reduce(Action::Reply(2, 1, error()));
        assert!(matches!(question.replies[&1], Reply::Said(_)));
        assert_eq!(question.replies[&2], Reply::Waiting);
    }
}
