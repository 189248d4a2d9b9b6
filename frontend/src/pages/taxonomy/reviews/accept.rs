//! Accepting what a run proposes for all documents of which it is sure enough: first how many, then all of them, and the
//! way back.

use std::rc::Rc;

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::api::{self, Answer, ApiError, MOST_DECISIONS};
use crate::components::{Button, Dialog, Failure, LabelPath, Lines, Variant, show};
use crate::format;
use crate::hooks::{use_debounced, use_search};
use crate::model::review_line::accepted;
use crate::pages::taxonomy::names::use_paths_in;

/// Proposals that are shown beforehand.
const SHOWN: u32 = 5;
/// Confidence at first, as a percentage.
const FIRST: u32 = 90;

#[derive(PartialEq, Properties)]
pub struct AcceptProps {
    pub taxonomy: i64,
    pub corpus: i64,
    /// Something was decided, or taken back.
    pub onchange: Callback<()>,
    pub onclose: Callback<()>,
}

/// How far it is.
#[derive(Clone, PartialEq)]
enum Stage {
    Choosing,
    /// So many of so many.
    Working(u64, u64),
    /// What was decided, by id.
    Done(Rc<Vec<i64>>),
}

/// Accepts page by page until nothing is left above the threshold; ids of what was decided are kept as they come, so that
/// whatever was done can be taken back.
async fn accept_all(
    corpus: i64,
    at_least: f64,
    total: u64,
    made: &mut Vec<i64>,
    told: impl Fn(u64, u64),
) -> Answer<()> {
    loop {
        let page = api::proposals(corpus, at_least, MOST_DECISIONS as u32).await?;
        if page.proposals.is_empty() {
            return Ok(());
        }
        let decisions = page.proposals.iter();
        let decisions = decisions.map(|one| accepted(one.document)).collect();
        let decided = api::decide(corpus, decisions).await?;
        made.extend(decided.decisions.iter().map(|decision| decision.id));
        told(made.len() as u64, total);
    }
}

async fn take_back(corpus: i64, made: &[i64]) -> Answer<()> {
    for ids in made.chunks(MOST_DECISIONS) {
        api::undo_decisions(corpus, ids.to_vec()).await?;
    }
    Ok(())
}

#[component]
pub fn Accept(props: &AcceptProps) -> Html {
    let corpus = props.corpus;
    let percent = use_state_eq(|| FIRST);
    let stage = use_state_eq(|| Stage::Choosing);
    let error = use_state(|| None::<ApiError>);
    let settled = use_debounced(*percent, 150);
    let found = use_search(
        (corpus, settled, matches!(*stage, Stage::Choosing)),
        |(corpus, percent, _)| async move {
            api::proposals(corpus, f64::from(percent) / 100.0, SHOWN).await
        },
    );
    let ids = found.data().map_or_else(Vec::new, |page| {
        let labels = page.proposals.iter();
        labels.map(|one| one.label.clone()).collect()
    });
    let paths = use_paths_in(props.taxonomy, ids);
    let n_found = found.data().map_or(0, |page| page.n_documents);
    let is_current = *percent == settled && found.data().is_some();
    let oninput = {
        let percent = percent.clone();
        Callback::from(move |event: InputEvent| {
            let input = event.target_dyn_into::<web_sys::HtmlInputElement>();
            if let Some(value) = input.and_then(|input| input.value().parse().ok()) {
                percent.set(value);
            }
        })
    };
    let accept = {
        let (stage, error, onchange) = (stage.setter(), error.setter(), props.onchange.clone());
        let at_least = f64::from(*percent) / 100.0;
        Callback::from(move |_: MouseEvent| {
            let (stage, error, onchange) = (stage.clone(), error.clone(), onchange.clone());
            error.set(None);
            stage.set(Stage::Working(0, n_found));
            spawn_local(async move {
                let mut made = Vec::new();
                let told = |done, of| stage.set(Stage::Working(done, of));
                let ended = accept_all(corpus, at_least, n_found, &mut made, told).await;
                error.set(ended.err());
                stage.set(match made.is_empty() {
                    true => Stage::Choosing,
                    false => Stage::Done(Rc::new(made)),
                });
                onchange.emit(());
            });
        })
    };
    let undo = |made: &Rc<Vec<i64>>| {
        let (stage, error, onchange) = (stage.setter(), error.setter(), props.onchange.clone());
        let made = made.clone();
        Callback::from(move |_: MouseEvent| {
            let (stage, error, onchange) = (stage.clone(), error.clone(), onchange.clone());
            let made = made.clone();
            spawn_local(async move {
                match take_back(corpus, &made).await {
                    Ok(()) => stage.set(Stage::Choosing),
                    Err(problem) => error.set(Some(problem)),
                }
                onchange.emit(());
            });
        })
    };
    let onclose = match *stage {
        // What is on its way is seen to its end.
        Stage::Working(..) => Callback::noop(),
        _ => props.onclose.clone(),
    };
    html! {
        <Dialog title="Accept proposals" onclose={onclose.clone()} testid="accept-dialog">
            if let Some(error) = &*error { <Failure error={error.clone()} compact=true /> }
            {
                match &*stage {
                    Stage::Done(made) => html! {
                        <>
                            <p data-testid="accept-done">{ format!("{} as proposed.", format::counted(made.len() as u64, "document is decided", "documents are decided")) }</p>
                            <div class="ab-form__actions">
                                <Button label="Done" variant={Variant::Primary} testid="accept-close" onclick={onclose.reform(|_| ())} />
                                <Button label="Undo all of them" variant={Variant::Link} testid="accept-undo" onclick={undo(made)} />
                            </div>
                        </>
                    },
                    Stage::Working(done, of) => html! {
                        <p role="status">{ format!("{} of {} decided", format::count(*done), format::count(*of)) }</p>
                    },
                    Stage::Choosing => html! {
                        <>
                            <div class="ab-threshold">
                                <label for="accept-confidence">{ "Confidence at least" }</label>
                                <input type="range" id="accept-confidence" min="0" max="100" step="1" value={percent.to_string()} aria-valuetext={format!("{}%", *percent)} data-testid="accept-confidence" {oninput} />
                                <output for="accept-confidence" class="ab-threshold__figure">{ format!("{}%", *percent) }</output>
                            </div>
                            { show(&found, html! { <Lines count={3} /> }, |page| html! {
                                <>
                                    <p data-testid="accept-count">{ match page.n_documents {
                                        0 => "The run is so sure of none.".to_owned(),
                                        1 => "1 document would get the label that is proposed for it.".to_owned(),
                                        many => format!("{} documents would get the label that is proposed for each.", format::count(many)),
                                    } }</p>
                                    <ul class="ab-entries">
                                        for one in page.proposals.iter() {
                                            <li key={one.document} class="ab-entry"><span class="ab-examples__text"><bdi>{ &one.excerpt }</bdi></span>
                                                <p class="ab-entry__cause"><LabelPath path={paths.of(&one.label)} chip=true /><span class="ab-number">{ format::percent(f64::from(one.score)) }</span></p>
                                            </li>
                                        }
                                    </ul>
                                    if page.n_documents > u64::from(SHOWN) { <p class="ab-muted">{ format!("and {} more", format::count(page.n_documents - u64::from(SHOWN))) }</p> }
                                </>
                            }) }
                            <div class="ab-form__actions">
                                <Button label={format!("Accept {}", format::count(n_found))} variant={Variant::Primary} disabled={!is_current || n_found == 0} testid="accept-confirm" onclick={accept} />
                                <Button label="Cancel" variant={Variant::Link} onclick={onclose.reform(|_| ())} />
                            </div>
                        </>
                    },
                }
            }
        </Dialog>
    }
}
