//! Going back to an earlier version: first what that does, then the job.

use std::rc::Rc;

use arborist_shared::api::taxonomies::Taxonomy;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::impact::Changes;
use crate::api::{self, ApiError};
use crate::components::{Button, Dialog, Failure, Lines, Variant, show};
use crate::format;
use crate::hooks::use_query;
use crate::shell::use_jobs;

/// Differences that are shown beforehand.
const SHOWN: u32 = 500;

#[derive(PartialEq, Properties)]
pub struct GoBackProps {
    pub newest: Taxonomy,
    /// The version whose content comes back.
    pub to: Taxonomy,
    pub onclose: Callback<()>,
}

#[component]
pub fn GoBack(props: &GoBackProps) -> Html {
    let jobs = use_jobs();
    let busy = use_state_eq(|| false);
    let error = use_state(|| None::<ApiError>);
    let (newest, to) = (&props.newest, &props.to);
    let diff = use_query((to.id, newest.id), |(to, from)| async move {
        api::taxonomy_diff(to, Some(from), SHOWN, None).await
    });
    let go = {
        let (from, target) = (newest.id, to.id);
        let (busy, error, refresh, onclose) = (
            busy.clone(),
            error.clone(),
            jobs.refresh.clone(),
            props.onclose.clone(),
        );
        Callback::from(move |_: MouseEvent| {
            busy.set(true);
            error.set(None);
            let (busy, error, refresh, onclose) = (
                busy.clone(),
                error.clone(),
                refresh.clone(),
                onclose.clone(),
            );
            spawn_local(async move {
                match api::undo_taxonomy(from, Some(target)).await {
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
    html! {
        <Dialog title={format!("Go back to version {}", to.version)} onclose={props.onclose.clone()} testid="go-back-dialog">
            if let Some(error) = &*error { <Failure error={error.clone()} compact=true /> }
            <p>{ format!("Nothing goes away: version {} is made with the content of version {}. Documents that have the labels which publishing gave them get the ones again that they had before; those that were changed since keep what was said of them, and wait for a person where a label is gone.", newest.version + 1, to.version) }</p>
            { show(&diff, html! { <Lines count={3} /> }, |diff| html! {
                <>
                    <p>{ format!("Against version {}: {}.", newest.version, format::counted(diff.n_changes, "difference", "differences")) }</p>
                    if diff.n_changes > 0 { <Changes changes={Rc::new(diff.changes.clone())} /> }
                </>
            }) }
            <div class="ab-form__actions">
                <Button label={format!("Go back to version {}", to.version)} variant={Variant::Danger} busy={*busy} testid="go-back-confirm" onclick={go} />
                <Button label="Cancel" variant={Variant::Link} onclick={props.onclose.reform(|_| ())} />
            </div>
        </Dialog>
    }
}
