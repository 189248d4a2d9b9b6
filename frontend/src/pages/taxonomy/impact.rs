//! What publishing a draft would do, edit by edit, before anything is done; and publishing it.

use std::rc::Rc;

use arborist_shared::api::drafts::{DraftImpact, EntryKind, ImpactOfEdit, ReadableChange};
use arborist_shared::edits::Edit;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::names::{Names, use_names};
use super::workbench::Workbench;
use crate::api::{self, Answer, ApiError};
use crate::components::field::Select;
use crate::components::{
    Button, Empty, Failure, Hint, Icon, Lines, Panel, RouteLink, Toast, ToastKind, Variant, show,
};
use crate::format;
use crate::hooks::{Loading, Wish, use_search};
use crate::model::draft::{model_words, named, rule_words, sentence};
use crate::pages::overview::stat;
use crate::route::Route;
use crate::shell::use_jobs;

/// Edits and differences that are shown at first, and each time that more are asked for.
const SHOWN: usize = 100;

#[derive(PartialEq, Properties)]
pub struct ImpactProps {
    pub bench: Workbench,
    pub may_publish: bool,
    /// It changes the newest version.
    pub is_newest: bool,
    pub onclose: Callback<()>,
}

#[component]
pub fn Impact(props: &ImpactProps) -> Html {
    let bench = &props.bench;
    let draft = bench.draft().map_or(0, |draft| draft.id);
    let impact = use_search((draft, bench.seen()), |(draft, _)| async move {
        api::draft_impact(draft).await.map(Rc::new)
    });
    let is_current = matches!(&impact.state, Loading::Ready(loaded) if !loaded.outdated && loaded.data.revision == bench.seen());
    html! {
        <div class="ab-stack" data-testid="impact">
            { show(&impact, html! { <Lines count={10} /> }, |impact| if impact.edits.is_empty() {
                html! { <Empty icon={Icon::Pencil} title="No edits yet" action={html! { <Button label="Back to the labels" onclick={props.onclose.reform(|_: MouseEvent| ())} /> }}>{ "What they would do to documents, annotations and models stands here." }</Empty> }
            } else {
                html! { <Known bench={bench.clone()} impact={impact.clone()} {is_current} may_publish={props.may_publish} is_newest={props.is_newest} /> }
            }) }
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct KnownProps {
    bench: Workbench,
    impact: Rc<DraftImpact>,
    /// It shows everything that is known of the draft.
    is_current: bool,
    may_publish: bool,
    is_newest: bool,
}

#[component]
fn Known(props: &KnownProps) -> Html {
    let (bench, impact) = (&props.bench, &props.impact);
    let jobs = use_jobs();
    let most = use_state_eq(|| SHOWN);
    let busy = use_state_eq(|| false);
    let error = use_state(|| None::<ApiError>);
    let edits: Vec<Edit> = impact
        .edits
        .iter()
        .take(*most)
        .map(|one| one.edit.clone())
        .collect();
    let names = use_names(bench, named(&edits));
    let publish = {
        let (bench, revision, refresh) = (bench.clone(), impact.revision, jobs.refresh.clone());
        let (busy, error) = (busy.clone(), error.clone());
        Callback::from(move |_: MouseEvent| {
            let Some(draft) = bench.draft().map(|draft| draft.id) else {
                return;
            };
            busy.set(true);
            error.set(None);
            let (busy, error, refresh) = (busy.clone(), error.clone(), refresh.clone());
            spawn_local(async move {
                match api::publish_draft(draft, revision).await {
                    // The stream says how the draft stands from now on.
                    Ok(_) => refresh.emit(()),
                    Err(problem) => error.set(Some(problem)),
                }
                busy.set(false);
            });
        })
    };
    let more = {
        let most = most.clone();
        Callback::from(move |_: MouseEvent| most.set(*most + SHOWN))
    };
    let why = match (props.may_publish, props.is_newest) {
        (false, _) => "Managers of the project publish drafts.",
        (_, false) => "A newer version was published meanwhile; go on there.",
        _ => "",
    };
    let is_ready = why.is_empty() && props.is_current && bench.is_open();
    html! {
        <>
            <Panel title="What publishing would do" testid="impact-summary">
                if let Some(error) = &*error { <Failure error={error.clone()} compact=true /> }
                <dl class="ab-stats">
                    { stat(format::count(impact.edits.len() as u64), "edits") }
                    { stat(format::count(impact.n_documents), "documents touched") }
                    { stat(format::count(impact.n_review), "wait for a person") }
                    { stat(format::count(impact.n_runs), "runs that know these labels") }
                </dl>
                <p>{ if impact.corpus.is_some() { "A new version of the taxonomy is made, and one of the corpus with the label sets carried over, both at once or neither. Earlier versions stay, and publishing can be taken back." } else { "A new version of the taxonomy is made. There are no documents to carry over." } }</p>
                <div class="ab-form__actions">
                    <Button label="Publish" variant={Variant::Primary} busy={*busy} disabled={!is_ready} testid="publish-confirm" onclick={publish} />
                    if !why.is_empty() { <span class="ab-muted">{ why }</span> }
                </div>
            </Panel>
            <Panel title="Edit by edit" flush=true>
                <div class="ab-scroll" tabindex="0" role="region" aria-label="Edit by edit">
                    <table class="ab-table ab-table--impact" data-testid="impact-edits">
                        <thead><tr>
                            <th scope="col">{ "Edit" }</th>
                            <th scope="col" class="ab-number">{ "Documents" }<Hint text="With the edited labels or labels below them" /></th>
                            <th scope="col" class="ab-number">{ "Annotations" }<Hint text="Judged label sets with them" /></th>
                            <th scope="col" class="ab-number">{ "To review" }<Hint text="Documents that a person looks at afterwards" /></th>
                            <th scope="col">{ "Documents…" }</th>
                            <th scope="col">{ "Models…" }</th>
                            <th scope="col" class="ab-number">{ "Runs" }</th>
                            <th scope="col"><span class="pf-v6-screen-reader">{ "Undo" }</span></th>
                        </tr></thead>
                        <tbody>{ for impact.edits.iter().take(*most).map(|one| row(bench, one, &names)) }</tbody>
                    </table>
                </div>
                if impact.edits.len() > *most { <div class="ab-inset"><Button label="Show more edits" testid="more-edits" onclick={more} /></div> }
            </Panel>
            <Panel title="What will be different" hint="What a later edit takes back is not listed." testid="impact-changes"><Changes changes={Rc::new(impact.changes.clone())} /></Panel>
        </>
    }
}

fn row(bench: &Workbench, one: &ImpactOfEdit, names: &Names) -> Html {
    let impact = &one.impact;
    let words = sentence(&one.edit, &|id| names.of(id));
    let project = bench.project;
    let undo = {
        let (bench, of) = (bench.clone(), one.revision);
        Callback::from(move |_: MouseEvent| bench.turn(EntryKind::Undo, Some(of)))
    };
    html! {
        <tr key={one.revision} data-testid="impact-edit">
            <th scope="row" class="ab-table__wide"><bdi>{ words }</bdi></th>
            <td class="ab-number">{ format::count(impact.n_documents) }</td>
            <td class="ab-number">{ format::count(impact.n_annotations) }</td>
            <td class="ab-number">{ format::count(impact.n_review) }</td>
            <td class="ab-table__wide">
                if let Edit::Delete { review, .. } = &one.edit {
                    <Select id={format!("rule-{}", one.revision)} label="What happens to its documents" value={if *review { "review" } else { "roll_up" }} disabled={!bench.is_open()} testid={format!("rule-{}", one.revision)}
                        choices={vec![("roll_up".into(), "get its parents".into()), ("review".into(), "get its parents, a person looks".into())]}
                        onchange={change_rule(bench, one)} />
                } else { { rule_words(impact.rule) } }
            </td>
            <td class="ab-table__wide">{ model_words(impact.model) }</td>
            <td class="ab-number">
                if impact.runs.is_empty() { { "0" } } else {
                    <RouteLink to={match impact.runs.as_slice() { [run] => Route::Run { project, run: *run }, _ => Route::Runs { project } }} title={impact.runs.iter().map(|run| format!("run {run}")).collect::<Vec<_>>().join(", ")}>{ impact.runs.len() }</RouteLink>
                }
            </td>
            <td><Button label="Undo" variant={Variant::Link} small=true disabled={!bench.is_open()} testid={format!("impact-undo-{}", one.revision)} onclick={undo} /></td>
        </tr>
    }
}

/// The edit is undone and done with the other rule; where that cannot be, it is done as it was.
fn change_rule(bench: &Workbench, one: &ImpactOfEdit) -> Callback<String> {
    let (bench, revision, edit) = (bench.clone(), one.revision, one.edit.clone());
    Callback::from(move |rule: String| {
        let mut edit = edit.clone();
        if let Edit::Delete { review, .. } = &mut edit {
            *review = rule == "review";
        }
        let failed = |bench: &Workbench, error: &ApiError| {
            let toast = Toast::new(ToastKind::Danger, "The rule was not changed");
            bench.toaster.show(toast.text(error.advice()));
        };
        let after = bench.clone();
        let undone = Callback::from(move |answer: Answer<Vec<_>>| match answer {
            Err(error) => failed(&after, &error),
            Ok(entries) => {
                let seen = entries
                    .last()
                    .map_or(0, |entry: &arborist_shared::api::drafts::DraftEntry| {
                        entry.revision
                    });
                let bench = after.clone();
                let done = Callback::from(move |answer: Answer<Vec<_>>| {
                    if let Err(error) = answer {
                        failed(&bench, &error);
                        bench.turn(EntryKind::Redo, Some(revision));
                    }
                });
                after
                    .session
                    .propose(Wish::Edits(vec![edit.clone()]), seen, done);
            }
        });
        let wish = Wish::Turn(EntryKind::Undo, Some(revision));
        bench.session.propose(wish, bench.seen(), undone);
    })
}

#[derive(PartialEq, Properties)]
pub struct ChangesProps {
    pub changes: Rc<Vec<ReadableChange>>,
}

/// Differences as sentences.
#[component]
pub fn Changes(props: &ChangesProps) -> Html {
    let most = use_state_eq(|| SHOWN);
    let more = {
        let most = most.clone();
        Callback::from(move |_: MouseEvent| most.set(*most + SHOWN))
    };
    if props.changes.is_empty() {
        return html! { <p class="ab-muted">{ "Nothing: the edits take each other back." }</p> };
    }
    html! {
        <>
            <ul class="ab-diff" data-testid="changes">
                for (at, change) in props.changes.iter().take(*most).enumerate() { <li key={at} dir="auto">{ api::sentence(&change.sentence) }</li> }
            </ul>
            if props.changes.len() > *most { <div><Button label={format!("Show more of {}", format::count(props.changes.len() as u64))} testid="more-changes" onclick={more} /></div> }
        </>
    }
}
