//! Making a corpus version with what was decided: first what that does, then the job.

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::api::{self, ApiError};
use crate::components::{Button, Dialog, Failure, Variant};
use crate::format;
use crate::shell::use_jobs;

#[derive(PartialEq, Properties)]
pub struct ApplyProps {
    pub corpus: i64,
    pub n_decided: u64,
    pub n_waiting: u64,
    pub onclose: Callback<()>,
}

#[component]
pub fn Apply(props: &ApplyProps) -> Html {
    let jobs = use_jobs();
    let busy = use_state_eq(|| false);
    let error = use_state(|| None::<ApiError>);
    let apply = {
        let corpus = props.corpus;
        let (busy, error) = (busy.clone(), error.clone());
        let (refresh, onclose) = (jobs.refresh.clone(), props.onclose.clone());
        Callback::from(move |_: MouseEvent| {
            busy.set(true);
            let (busy, error) = (busy.clone(), error.clone());
            let (refresh, onclose) = (refresh.clone(), onclose.clone());
            spawn_local(async move {
                match api::apply_reviews(corpus).await {
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
    let decided = match props.n_decided {
        1 => "1 document gets the labels that were decided for it".to_owned(),
        many => format!(
            "{} documents get the labels that were decided for them",
            format::count(many)
        ),
    };
    let waiting = match props.n_waiting {
        0 => "none waits any more".to_owned(),
        many => format!(
            "{} on waiting there",
            format::counted(many, "document goes", "documents go")
        ),
    };
    html! {
        <Dialog title="Apply the decisions" onclose={props.onclose.clone()} testid="apply-dialog">
            if let Some(error) = &*error { <Failure error={error.clone()} compact=true /> }
            <p data-testid="apply-words">{ format!("A new version of the corpus is made: {decided}, {waiting}.") }</p>
            <p>{ "The version before stays as it is, with its runs. A decision is taken back before it is applied; afterwards the document is changed in the version that has it." }</p>
            <div class="ab-form__actions">
                <Button label="Make the version" variant={Variant::Primary} busy={*busy} testid="apply-confirm" onclick={apply} />
                <Button label="Cancel" variant={Variant::Link} onclick={props.onclose.reform(|_| ())} />
            </div>
        </Dialog>
    }
}
