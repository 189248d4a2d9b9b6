//! Labels that the taxonomy does not know: what each of them means, remembered for later imports.

use std::collections::BTreeMap;

use arborist_shared::api::corpora::{Choice, LabelChoice, UnknownLabel};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::api::{self, ApiError};
use crate::components::field::{self, Select};
use crate::components::{Button, Failure, Notice, NoticeKind, Variant};
use crate::format;

/// Words of the choices that are no label.
const REFUSE: &str = "";
const IGNORE: &str = "\u{0}ignore";

#[derive(PartialEq, Properties)]
pub struct UnknownLabelsProps {
    pub project: i64,
    /// All of them.
    pub count: u64,
    /// The most frequent ones.
    pub labels: Vec<UnknownLabel>,
    /// Choices are kept: the file can be looked at again.
    pub onkept: Callback<()>,
}

#[component]
pub fn UnknownLabels(props: &UnknownLabelsProps) -> Html {
    let chosen = use_state(BTreeMap::<String, String>::new);
    let busy = use_state_eq(|| false);
    let error = use_state(|| None::<ApiError>);
    let choose = |label: &str| {
        let (chosen, label) = (chosen.clone(), label.to_owned());
        Callback::from(move |value: String| {
            let mut next = (*chosen).clone();
            next.insert(label.clone(), value);
            chosen.set(next);
        })
    };
    let n_chosen = chosen.values().filter(|value| *value != REFUSE).count();
    let keep = {
        let (chosen, busy, error) = (chosen.clone(), busy.clone(), error.clone());
        let (project, onkept) = (props.project, props.onkept.clone());
        Callback::from(move |_: MouseEvent| {
            let choices = chosen
                .iter()
                .filter(|(_, value)| *value != REFUSE)
                .map(|(label, value)| LabelChoice {
                    label: label.clone(),
                    choice: match value.as_str() {
                        IGNORE => Choice::Ignore,
                        id => Choice::Label(id.to_owned()),
                    },
                })
                .collect();
            let (chosen, busy, error, onkept) =
                (chosen.clone(), busy.clone(), error.clone(), onkept.clone());
            busy.set(true);
            spawn_local(async move {
                match api::remember_choices(project, choices).await {
                    Ok(_) => {
                        chosen.set(BTreeMap::new());
                        error.set(None);
                        onkept.emit(());
                    }
                    Err(problem) => error.set(Some(problem)),
                }
                busy.set(false);
            });
        })
    };
    let propose = {
        let (chosen, labels) = (chosen.clone(), props.labels.clone());
        Callback::from(move |_: MouseEvent| {
            let mut next = (*chosen).clone();
            for label in &labels {
                if let Some(best) = label.proposals.first() {
                    next.entry(label.label.clone())
                        .or_insert_with(|| best.id.clone());
                }
            }
            chosen.set(next);
        })
    };
    let has_proposals = props.labels.iter().any(|label| !label.proposals.is_empty());
    let title = format!(
        "{} not in the taxonomy",
        format::counted(props.count, "label is", "labels are")
    );
    html! {
        <Notice kind={NoticeKind::Warning} {title} testid="corpus-unknown">
            <p>{ "Say what they mean; the project remembers it for later files. Rows with a label that means nothing are refused." }</p>
            if let Some(error) = &*error { <Failure error={error.clone()} compact=true /> }
            <div class="ab-scroll" tabindex="0" role="region" aria-label="Unknown labels">
            <table class="ab-table">
                <thead><tr><th scope="col">{ "In the file" }</th><th scope="col" class="ab-number">{ "Rows" }</th><th scope="col">{ "Means" }</th></tr></thead>
                <tbody>
                    for (at, unknown) in props.labels.iter().enumerate() {
                        <tr key={unknown.label.clone()}>
                            <td><strong dir="auto" title={api::sentence(&unknown.reason)}>{ &unknown.label }</strong></td>
                            <td class="ab-number">{ format::counted(unknown.n_rows, "row", "rows") }</td>
                            <td><Select id={format!("unknown-{at}")} label={format!("What {} means", unknown.label)} testid={format!("unknown-{at}")}
                                value={chosen.get(&unknown.label).cloned().unwrap_or_default()} onchange={choose(&unknown.label)} choices={choices(unknown)} /></td>
                        </tr>
                    }
                </tbody>
            </table>
            </div>
            <div class="ab-form__actions">
                <Button label="Remember and look again" variant={Variant::Secondary} disabled={n_chosen == 0} busy={*busy} testid="unknown-keep" onclick={keep} />
                if has_proposals { <Button label="Take the nearest ones" variant={Variant::Link} testid="unknown-propose" onclick={propose} /> }
            </div>
        </Notice>
    }
}

fn choices(unknown: &UnknownLabel) -> Vec<field::Choice> {
    let mut choices: Vec<field::Choice> = vec![(REFUSE.into(), "Refuse its rows".into())];
    choices.extend(unknown.proposals.iter().map(|proposal| {
        let name = proposal.path.join(" › ");
        (proposal.id.clone().into(), name.into())
    }));
    choices.push((IGNORE.into(), "Ignore the label".into()));
    choices
}
