//! The document at hand: its text, why it waits, the labels that it has, and those to choose from. Everything by keys.

use std::rc::Rc;

use arborist_shared::api::corpora::Document;
use arborist_shared::api::drafts::{DraftLabel, ReviewCause, ReviewRow};
use arborist_shared::edits::ReviewReason;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};
use yew::prelude::*;

use super::line::Desk;
use crate::api::{self, Source};
use crate::components::figure::ShareBar;
use crate::components::label_path::{LabelRef, use_label_cards};
use crate::components::label_picker::LabelPicker;
use crate::components::{Button, Failure, Icon, LabelPath, Lines, Variant};
use crate::format;
use crate::hooks::{Loading, use_query, use_window_event};
use crate::model::review_line::{Chosen, DIGITS, accepted, best, candidates};
use crate::pages::corpus::split_tag;
use crate::pages::taxonomy::names::{Paths, use_paths_in};
use crate::shell::is_typing;

/// Where the focus goes when a document comes to hand.
const REGION: &str = "review-at-hand";

#[derive(PartialEq, Properties)]
pub struct AtHandProps {
    pub desk: Desk,
    pub row: Rc<ReviewRow>,
    pub taxonomy: i64,
    /// The person may decide.
    pub may_decide: bool,
    /// It is not the first document since the page was opened: the focus is where work goes on.
    pub goes_on: bool,
}

#[component]
pub fn AtHand(props: &AtHandProps) -> Html {
    let (desk, row) = (&props.desk, &props.row);
    let chosen = use_state_eq(Chosen::default);
    let document = use_query(row.document, |id| async move {
        api::document(id).await.map(|answer| answer.document)
    });
    let known = document.data();
    let explicit: Option<Vec<String>> = known.as_ref().and_then(|known| known.explicit.clone());
    let given = explicit.clone().unwrap_or_default();
    let offered = candidates(row);
    let mut ids = offered.clone();
    ids.extend(given.iter().chain(chosen.added()).cloned());
    ids.sort_unstable();
    ids.dedup();
    let paths = use_paths_in(props.taxonomy, ids);
    // The button that decided is gone with its document.
    use_effect_with(props.goes_on, |goes_on| {
        if *goes_on && has_no_focus() {
            focus_region();
        }
    });
    let is_ready = props.may_decide && known.is_some();
    let toggle = {
        let (chosen, given) = (chosen.clone(), given.clone());
        Callback::from(move |label: String| chosen.set((*chosen).clone().toggled(&label, &given)))
    };
    let none = {
        let chosen = chosen.clone();
        Callback::from(move |()| chosen.set((*chosen).clone().toggled_none()))
    };
    let decide = {
        let (desk, chosen, explicit, paths) = (
            desk.clone(),
            chosen.clone(),
            explicit.clone(),
            paths.clone(),
        );
        let document = row.document;
        Callback::from(move |()| {
            let path = |id: &str| paths.of(id);
            let decision = chosen.decision(document, explicit.as_deref(), &path);
            if let Some(decision) = decision.filter(|_| is_ready) {
                desk.decide(decision);
            }
        })
    };
    let proposed = best(row.proposal.as_ref()).map(|(label, _)| label.to_owned());
    let accept = {
        let (desk, document) = (desk.clone(), row.document);
        let may = is_ready && proposed.is_some();
        Callback::from(move |()| {
            if may {
                desk.decide(accepted(document));
            }
        })
    };
    use_window_event("keydown", {
        let (desk, toggle, none, decide, accept) = (
            desk.clone(),
            toggle.clone(),
            none.clone(),
            decide.clone(),
            accept.clone(),
        );
        let (offered, may_decide) = (offered.clone(), props.may_decide);
        Callback::from(move |event: Event| {
            let Ok(event) = event.dyn_into::<KeyboardEvent>() else {
                return;
            };
            if is_typing(&event) || (event.key() == "Enter" && is_on_control(&event)) {
                return;
            }
            match event.key().as_str() {
                "s" | "j" => desk.skip(),
                "k" => desk.back(),
                _ if !may_decide => return,
                "Enter" => decide.emit(()),
                "a" => accept.emit(()),
                "u" => desk.undo(None),
                "0" => none.emit(()),
                key => match key.parse::<usize>().ok().and_then(|at| offered.get(at - 1)) {
                    Some(label) => toggle.emit(label.clone()),
                    None => return,
                },
            }
            // A button that has the focus would keep the Enter that follows.
            if event.key().parse::<u8>().is_ok() {
                focus_region();
            }
            event.prevent_default();
        })
    });
    let onpicked = {
        let (toggle, chosen, given) = (toggle.clone(), chosen.clone(), given.clone());
        Callback::from(move |label: DraftLabel| {
            if !chosen.has(&label.id, &given) {
                toggle.emit(label.id);
            }
            focus_region();
        })
    };
    let searched: Vec<&String> = chosen
        .added()
        .iter()
        .filter(|id| !offered.contains(id))
        .collect();
    let nothing = match (offered.is_empty(), given.is_empty()) {
        (true, true) => "No label applies",
        (true, false) => "Its labels are right",
        (false, true) => "None of these: no label applies",
        (false, false) => "None of these: its labels are right",
    };
    let step = |to: fn(&Desk)| {
        let desk = desk.clone();
        Callback::from(move |_: MouseEvent| to(&desk))
    };
    let place = format!(
        "Document {} of {}",
        format::count(desk.line.place() as u64 + 1),
        format::count(desk.line.n_waiting.max(desk.line.rows.len() as u64))
    );
    html! {
        <section id={REGION} class="ab-hand" tabindex="-1" aria-label={place.clone()} data-testid="review" data-document={row.document.to_string()}>
            <div class="ab-hand__document">
                <header class="ab-hand__head">
                    <span class="ab-muted">{ place }</span>
                    <Button variant={Variant::Plain} icon={Icon::Up} title="The one before (K)" testid="review-back" disabled={desk.line.place() == 0} onclick={step(Desk::back)} />
                    <Button label="Skip" variant={Variant::Link} title="Later (S)" testid="review-skip" disabled={desk.line.rows.len() < 2} onclick={step(Desk::skip)} />
                </header>
                { match &document.state {
                    Loading::Ready(loaded) => text(&loaded.data),
                    Loading::Waiting => html! { <><p class="ab-text" dir="auto">{ &row.excerpt }</p><Lines count={1} /></> },
                    Loading::Failed(error) => html! { <Failure error={error.clone()} retry={document.reload.clone()} /> },
                } }
            </div>
            <div class="ab-hand__choices">
                <div class="ab-stack">{ for row.reasons.iter().map(cause) }</div>
                <h3 class="ab-pane__title">{ "Its labels" }</h3>
                if explicit.is_none() && known.is_some() { <p class="ab-muted">{ "None is left: nothing is known of it any more." }</p> }
                <ul class="ab-names" data-testid="review-labels">
                    for id in given.iter() { { kept(&paths, props, &chosen, id, &toggle) } }
                    for id in searched {
                        <li key={id.clone()}><LabelPath path={paths.of(id)} chip=true /><span class="ab-tag ab-tag--mark">{ "new" }</span>
                            <span class="ab-names__actions"><Button label="Take away" variant={Variant::Link} small=true onclick={let (toggle, id) = (toggle.clone(), id.clone()); Callback::from(move |_: MouseEvent| toggle.emit(id.clone()))} /></span>
                        </li>
                    }
                </ul>
                <h3 class="ab-pane__title">{ if offered.is_empty() { "Decide" } else { "Choose from" } }</h3>
                <div class="ab-candidates" role="group" aria-label="Labels to choose from">
                    for (at, id) in offered.iter().enumerate() {
                        <Candidate key={id.clone()} taxonomy={props.taxonomy} id={id.clone()} path={paths.of(id)} digit={(at < DIGITS).then_some(at + 1)} on={chosen.has(id, &given)} score={score(row, id)} is_best={proposed.as_ref() == Some(id)} disabled={!is_ready} onchoose={toggle.clone()} />
                    }
                    <button type="button" role="checkbox" aria-checked={chosen.is_none().to_string()} class={classes!("ab-candidate", chosen.is_none().then_some("ab-candidate--on"))} disabled={!is_ready} data-candidate="" data-testid="candidate-0" onclick={none.reform(|_: MouseEvent| ())}>
                        <kbd>{ "0" }</kbd><span>{ nothing }</span>
                    </button>
                </div>
                if props.may_decide {
                    <LabelPicker source={Source::Version(props.taxonomy)} id="review-label" label="Another label" placeholder="Another label ( / )" except={given.clone()} search_key=true onchoose={onpicked} testid="review-label" />
                    <div class="ab-form__actions">
                        <Button label="Decide" variant={Variant::Primary} title="Decide and go on (Enter)" disabled={!is_ready || !chosen.is_ready()} testid="review-decide" onclick={decide.reform(|_: MouseEvent| ())} />
                        if proposed.is_some() { <Button label="Accept the proposal" title="Accept and go on (A)" disabled={!is_ready} testid="review-accept" onclick={accept.reform(|_: MouseEvent| ())} /> }
                        <Button label="Undo the last" icon={Icon::Undo} variant={Variant::Link} title="Take the last decision back (U)" testid="review-undo" onclick={step(|desk| desk.undo(None))} />
                    </div>
                } else { <p class="ab-muted">{ "Annotators of the project decide here." }</p> }
            </div>
        </section>
    }
}

fn text(document: &Document) -> Html {
    html! {
        <>
            <p class="ab-pane__facts">{ split_tag(document.split) }<code title="Id of the document">{ format::middle(&document.key, 40) }</code></p>
            <p class="ab-text ab-hand__text" dir="auto" lang={document.lang.clone()} tabindex="0" data-testid="review-text">{ &document.text }</p>
        </>
    }
}

/// What became of a label, in a sentence.
pub fn cause(cause: &ReviewCause) -> Html {
    let words = match cause.reason {
        ReviewReason::Split => "was split",
        ReviewReason::Deleted => "was deleted",
        ReviewReason::NothingLeft => "was deleted, and no other label is left",
    };
    html! {
        <p key={cause.label.clone()} class="ab-entry__cause"><LabelPath path={cause.path.clone()} /><span class="ab-muted">{ words }</span></p>
    }
}

/// A label that the document has; it can be taken away.
fn kept(
    paths: &Paths,
    props: &AtHandProps,
    chosen: &Chosen,
    id: &str,
    toggle: &Callback<String>,
) -> Html {
    let is_removed = chosen.is_removed(id);
    let words = if is_removed { "Keep it" } else { "Take away" };
    let onclick = {
        let (toggle, id) = (toggle.clone(), id.to_owned());
        Callback::from(move |_: MouseEvent| toggle.emit(id.clone()))
    };
    html! {
        <li key={id.to_owned()} class={classes!(is_removed.then_some("ab-names__gone"))}>
            <LabelPath path={paths.of(id)} chip=true card={Some(LabelRef::id(Some(props.taxonomy), id))} />
            if props.may_decide { <span class="ab-names__actions"><Button label={words} variant={Variant::Link} small=true testid="review-toggle" {onclick} /></span> }
        </li>
    }
}

fn score(row: &ReviewRow, id: &str) -> Option<f32> {
    let labels = &row.proposal.as_ref()?.labels;
    let found = labels.iter().find(|label| label.label == id)?;
    Some(found.score)
}

#[derive(PartialEq, Properties)]
struct CandidateProps {
    taxonomy: i64,
    id: String,
    path: Vec<String>,
    /// Its key.
    digit: Option<usize>,
    on: bool,
    /// By the run that was asked.
    score: Option<f32>,
    is_best: bool,
    disabled: bool,
    onchoose: Callback<String>,
}

/// A label to choose from. It is a check box rather than a button: Enter decides, Space chooses.
#[component]
fn Candidate(props: &CandidateProps) -> Html {
    let cards = use_label_cards();
    let about = {
        let label = LabelRef::id(Some(props.taxonomy), &props.id);
        Callback::from(move |_: MouseEvent| cards.open(label.clone()))
    };
    let id = props.id.clone();
    html! {
        <div class="ab-candidates__one">
            <button type="button" role="checkbox" aria-checked={props.on.to_string()} aria-keyshortcuts={props.digit.map(|digit| digit.to_string())} class={classes!("ab-candidate", props.on.then_some("ab-candidate--on"))} disabled={props.disabled}
                data-candidate={id.clone()} data-testid={props.digit.map(|digit| format!("candidate-{digit}"))} onclick={props.onchoose.reform(move |_: MouseEvent| id.clone())}>
                if let Some(digit) = props.digit { <kbd>{ digit }</kbd> } else { <span /> }
                <LabelPath path={props.path.clone()} />
                <span class="ab-candidate__score">
                    if props.is_best { <span class="ab-tag ab-tag--mark">{ "proposed" }</span> }
                    if let Some(score) = props.score { <span class="ab-figure-cell"><ShareBar share={f64::from(score)} /><span class="ab-number">{ format::percent(f64::from(score)) }</span></span> }
                </span>
            </button>
            <Button variant={Variant::Plain} small=true icon={Icon::Info} title={format!("About {}", props.path.last().unwrap_or(&props.id))} onclick={about} />
        </div>
    }
}

/// Buttons and links keep Enter for themselves, but for the labels to choose from.
fn is_on_control(event: &KeyboardEvent) -> bool {
    let target = event.target().and_then(|it| it.dyn_into::<Element>().ok());
    target.is_some_and(|it| {
        matches!(it.tag_name().as_str(), "BUTTON" | "A" | "SUMMARY")
            && !it.has_attribute("data-candidate")
    })
}

fn has_no_focus() -> bool {
    let document = web_sys::window().and_then(|window| window.document());
    let active = document.and_then(|document| document.active_element());
    active.is_none_or(|active| active.tag_name() == "BODY")
}

fn focus_region() {
    let region = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.get_element_by_id(REGION))
        .and_then(|region| region.dyn_into::<HtmlElement>().ok());
    if let Some(region) = region {
        let _ = region.focus();
    }
}
