//! Which run is asked what fits the documents that wait.

use arborist_shared::api::jobs::JobStatus;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::api::{self, ApiError};
use crate::components::field::{self, Field, Select};
use crate::components::{Button, Dialog, Failure, Lines, Variant, show};
use crate::hooks::use_query;
use crate::shell::{details, use_jobs, use_methods};

#[derive(PartialEq, Properties)]
pub struct AskProps {
    pub project: i64,
    pub corpus: i64,
    pub onclose: Callback<()>,
}

#[component]
pub fn Ask(props: &AskProps) -> Html {
    let (jobs, methods) = (use_jobs(), use_methods());
    let chosen = use_state_eq(String::new);
    let busy = use_state_eq(|| false);
    let error = use_state(|| None::<ApiError>);
    let runs = use_query(props.project, |project| async move {
        let runs = api::every_run(project).await?;
        let with_model = runs
            .into_iter()
            .filter(|run| run.status == JobStatus::Succeeded);
        Ok(with_model.collect::<Vec<_>>())
    });
    let ask = {
        let (corpus, run) = (props.corpus, chosen.parse::<i64>().ok());
        let (busy, error) = (busy.clone(), error.clone());
        let (refresh, onclose) = (jobs.refresh.clone(), props.onclose.clone());
        Callback::from(move |_: MouseEvent| {
            busy.set(true);
            let (busy, error) = (busy.clone(), error.clone());
            let (refresh, onclose) = (refresh.clone(), onclose.clone());
            spawn_local(async move {
                match api::propose(corpus, run).await {
                    Ok(_) => {
                        refresh.emit(());
                        onclose.emit(());
                    }
                    Err(problem) => {
                        error.set(Some(problem));
                        busy.set(false);
                    }
                }
            });
        })
    };
    let onchange = {
        let chosen = chosen.clone();
        Callback::from(move |value: String| chosen.set(value))
    };
    html! {
        <Dialog title="Ask a run" onclose={props.onclose.clone()} testid="ask-dialog">
            if let Some(error) = &*error { <Failure error={error.clone()} compact=true /> }
            <p>{ "The run says of every document that waits which of the labels to choose from fits best. Nothing is decided by that. A run knows labels that existed when it was trained: parts of a label that was split only from a version that has some documents with them." }</p>
            { show(&runs, html! { <Lines count={2} /> }, |runs| {
                let mut choices: Vec<field::Choice> = vec![("".into(), "The one that knows most of the labels".into())];
                choices.extend(runs.iter().map(|run| {
                    let words = format!("Run {}: {}, {}", run.id, methods.title(&run.method), details(run));
                    (run.id.to_string().into(), words.into())
                }));
                html! {
                    <>
                        if runs.is_empty() { <p class="ab-muted">{ "No run of the project has ended yet; train one first." }</p> }
                        <Field id="ask-run" label="Run"><Select id="ask-run" value={(*chosen).clone()} {choices} onchange={onchange.clone()} testid="ask-run" /></Field>
                    </>
                }
            }) }
            <div class="ab-form__actions">
                <Button label="Ask" variant={Variant::Primary} busy={*busy} disabled={runs.data().is_none_or(|runs| runs.is_empty())} testid="ask-confirm" onclick={ask} />
                <Button label="Cancel" variant={Variant::Link} onclick={props.onclose.reform(|_| ())} />
            </div>
        </Dialog>
    }
}
