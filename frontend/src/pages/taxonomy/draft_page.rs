//! A draft: the tree with everything that changes it, and the bar below.

use std::rc::Rc;

use arborist_shared::api::accounts::Role;
use arborist_shared::api::drafts::{Draft, DraftState, EntryKind};
use arborist_shared::api::taxonomies::Taxonomy;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::bar::Bar;
use super::begin::named;
use super::conflict::ConflictDialog;
use super::dialogs::Dialogs;
use super::edits_pane::EditsPane;
use super::impact::Impact;
use super::outcome::Outcome;
use super::problems_pane::ProblemsPane;
use super::workbench::{Ask, Workbench};
use super::{Tree, use_may};
use crate::api::{self, Source};
use crate::components::{
    Ago, Button, Dialog, Failure, Icon, JobBar, Lines, Notice, NoticeKind, PageHeader, RouteLink,
    Toast, ToastKind, Variant, use_toaster,
};
use crate::format;
use crate::hooks::{DraftSession, use_draft, use_url_query, use_window_event};
use crate::route::Route;
use crate::shell::use_jobs;

#[derive(PartialEq, Properties)]
pub struct DraftPageProps {
    pub project: i64,
    pub draft: i64,
    /// Newest first.
    pub taxonomies: Rc<Vec<Taxonomy>>,
}

#[component]
pub fn DraftPage(props: &DraftPageProps) -> Html {
    let session = use_draft(props.draft);
    let trail = html! { <RouteLink to={Route::Taxonomy { project: props.project }} testid="leave-draft">{ "Taxonomy" }</RouteLink> };
    let body = match (&session.view.draft, &session.view.error) {
        (Some(draft), _) => {
            return html! { <Body project={props.project} taxonomies={props.taxonomies.clone()} draft={draft.clone()} {session} {trail} /> };
        }
        (None, Some(error)) => {
            html! { <Failure error={error.clone()} retry={session.reload.clone()} /> }
        }
        (None, None) => html! { <div data-testid="state-loading"><Lines count={12} /></div> },
    };
    html! { <div class="ab-page ab-page--fill"><PageHeader title="Draft" {trail} />{ body }</div> }
}

#[derive(PartialEq, Properties)]
struct BodyProps {
    project: i64,
    taxonomies: Rc<Vec<Taxonomy>>,
    draft: Rc<Draft>,
    session: DraftSession,
    trail: Html,
}

#[component]
fn Body(props: &BodyProps) -> Html {
    let (project, draft) = (props.project, &props.draft);
    let query = use_url_query();
    let toaster = use_toaster();
    let jobs = use_jobs();
    let asked = use_state(|| None::<Ask>);
    let discarding = use_state_eq(|| false);
    let may_publish = use_may(project, Role::Manager);
    let may_edit = use_may(project, Role::Reviewer);
    let bench = Workbench {
        project,
        source: Source::Draft {
            draft: draft.id,
            taxonomy: draft.taxonomy,
        },
        session: props.session.clone(),
        ask: {
            let asked = asked.setter();
            Callback::from(move |ask: Ask| asked.set(Some(ask)))
        },
        may_edit,
        toaster,
    };
    // Undo and redo from anywhere but a field, which has its own.
    {
        let bench = bench.clone();
        use_window_event(
            "keydown",
            Callback::from(move |event: Event| {
                if let Some(kind) = turned(&event) {
                    event.prevent_default();
                    bench.turn(kind, None);
                }
            }),
        );
    }
    // The job list hears of a publication that somebody else began.
    {
        let refresh = jobs.refresh.clone();
        use_effect_with((draft.state as u8, draft.job), move |_| refresh.emit(()));
    }
    let onclose = {
        let asked = asked.clone();
        Callback::from(move |()| asked.set(None))
    };
    let onshow = {
        let query = query.clone();
        Callback::from(move |label: String| {
            query.set(&[("label", Some(label)), ("search", None), ("panel", None)]);
        })
    };
    let show_panel = {
        let query = query.clone();
        Callback::from(move |panel: &'static str| {
            let panel = Some(panel.to_owned()).filter(|panel| !panel.is_empty());
            query.push(&[("panel", panel)]);
        })
    };
    let close_panel = show_panel.reform(|()| "");
    let base = props
        .taxonomies
        .iter()
        .find(|taxonomy| taxonomy.id == draft.taxonomy);
    let version = base.map_or(0, |taxonomy| taxonomy.version);
    let subtitle = html! {
        <>{ format!("Draft of version {version} · begun by {} ", draft.author) }<Ago at={draft.created_at.clone()} />
            if props.session.view.is_behind { <span class="ab-bad" role="status" data-testid="draft-behind">{ " · the server cannot be reached: what others do is missing" }</span> }</>
    };
    let discard = {
        let discarding = discarding.clone();
        Callback::from(move |_: MouseEvent| discarding.set(true))
    };
    let actions = html! {
        <>
            if bench.is_open() { <Button label="Discard" icon={Icon::Trash} testid="discard-draft" onclick={discard} /> }
        </>
    };
    let panel = query.text("panel");
    let is_over = matches!(draft.state, DraftState::Published | DraftState::Discarded);
    let newest = props.taxonomies.first();
    let superseded = newest.filter(|newest| newest.id != draft.taxonomy && bench.is_open());
    let pane = match panel.as_str() {
        "edits" => {
            Some(html! { <EditsPane bench={bench.clone()} onclose={close_panel.clone()} /> })
        }
        "problems" => Some(
            html! { <ProblemsPane source={bench.source} revision={bench.seen()} onclose={close_panel.clone()} onshow={onshow.clone()} /> },
        ),
        _ => None,
    };
    let job = draft.job.and_then(|job| jobs.find(job).cloned());
    let stop_discarding = {
        let discarding = discarding.clone();
        Callback::from(move |()| discarding.set(false))
    };
    html! {
        <ContextProvider<Workbench> context={bench.clone()}>
            <div class={classes!("ab-page", (!is_over && panel != "impact").then_some("ab-page--fill"))} data-testid="draft-page">
                <PageHeader title={format::middle(&named(draft), 90)} trail={props.trail.clone()} {subtitle} {actions} />
                if let Some(newest) = superseded { <Superseded draft={draft.id} newest={newest.version} bench={bench.clone()} /> }
                {
                    match draft.state {
                        DraftState::Publishing => html! {
                            <Notice kind={NoticeKind::Info} title="The draft is being published" testid="draft-publishing">
                                if let Some(job) = job { <JobBar {job} bare=true oncancel={jobs.refresh.clone()} /> } else { <p>{ "It takes no edits until that has ended." }</p> }
                            </Notice>
                        },
                        DraftState::Discarded => html! {
                            <Notice kind={NoticeKind::Warning} title="The draft was discarded" testid="draft-discarded"><p>{ "Its edits stay readable here; nothing of them was published." }</p></Notice>
                        },
                        DraftState::Published | DraftState::Open => Html::default(),
                    }
                }
                {
                    match (draft.state, draft.published) {
                        (DraftState::Published, Some(taxonomy)) => html! { <Outcome {project} {taxonomy} taxonomies={props.taxonomies.clone()} is_news=true /> },
                        (DraftState::Published | DraftState::Discarded, _) => html! { <div class="ab-split-view ab-split-view--alone"><EditsPane bench={bench.clone()} onclose={None::<Callback<()>>} /></div> },
                        _ if panel == "impact" => html! { <Impact bench={bench.clone()} {may_publish} is_newest={superseded.is_none()} onclose={close_panel} /> },
                        _ => html! { <Tree {project} source={bench.source} revision={bench.seen()} versions={Html::default()} {pane} /> },
                    }
                }
                if !is_over { <Bar bench={bench.clone()} {panel} onpanel={show_panel} /> }
                if let Some(ask) = (*asked).clone() { <Dialogs bench={bench.clone()} {ask} {onclose} {onshow} /> }
                if props.session.view.conflict.is_some() { <ConflictDialog bench={bench.clone()} /> }
                if *discarding { <Discard {project} bench={bench.clone()} onclose={stop_discarding} /> }
            </div>
        </ContextProvider<Workbench>>
    }
}

/// Whether a key undoes or redoes.
fn turned(event: &Event) -> Option<EntryKind> {
    let event = event.dyn_ref::<KeyboardEvent>()?;
    if !(event.ctrl_key() || event.meta_key()) || event.alt_key() || event.default_prevented() {
        return None;
    }
    let is_elsewhere = event
        .target()
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
        .and_then(|element| {
            element
                .closest("input, textarea, select, dialog")
                .ok()
                .flatten()
        })
        .is_some();
    match (event.key().to_lowercase().as_str(), event.shift_key()) {
        _ if is_elsewhere => None,
        ("z", false) => Some(EntryKind::Undo),
        ("z", true) | ("y", false) => Some(EntryKind::Redo),
        _ => None,
    }
}

#[derive(PartialEq, Properties)]
struct SupersededProps {
    draft: i64,
    newest: i64,
    bench: Workbench,
}

/// Somebody published another version meanwhile: the edits can be done again over that.
#[component]
fn Superseded(props: &SupersededProps) -> Html {
    let query = use_url_query();
    let busy = use_state_eq(|| false);
    let go_on = {
        let (busy, draft, toaster) = (busy.clone(), props.draft, props.bench.toaster.clone());
        Callback::from(move |_: MouseEvent| {
            busy.set(true);
            let (busy, toaster, query) = (busy.clone(), toaster.clone(), query.clone());
            spawn_local(async move {
                match api::rebase_draft(draft).await {
                    Ok(rebased) => {
                        for refused in &rebased.refused {
                            let edit = crate::model::draft::sentence(&refused.edit, &str::to_owned);
                            toaster.show(
                                Toast::new(ToastKind::Warning, format!("Left out: {edit}"))
                                    .text(api::sentence(&refused.message)),
                            );
                        }
                        let draft = rebased.draft.id.to_string();
                        query.push(&[("draft", Some(draft)), ("panel", None)]);
                    }
                    Err(error) => toaster.show(
                        Toast::new(ToastKind::Danger, "The edits could not be done again")
                            .text(error.advice()),
                    ),
                }
                busy.set(false);
            });
        })
    };
    html! {
        <Notice kind={NoticeKind::Warning} title={format!("Version {} was published meanwhile", props.newest)} testid="draft-superseded">
            <p>{ "This draft changes an earlier version and cannot be published. Go on in a new draft with all edits that can be done there; this one stays as it is." }</p>
            <Button label={format!("Go on with version {}", props.newest)} small=true busy={*busy} testid="rebase-draft" onclick={go_on} />
        </Notice>
    }
}

#[derive(PartialEq, Properties)]
struct DiscardProps {
    project: i64,
    bench: Workbench,
    onclose: Callback<()>,
}

#[component]
fn Discard(props: &DiscardProps) -> Html {
    let busy = use_state_eq(|| false);
    let error = use_state(|| None::<api::ApiError>);
    let view = &props.bench.session.view;
    let n_edits = crate::model::draft::in_force(&view.entries).len() as u64;
    let draft = props.bench.draft().map_or(0, |draft| draft.id);
    let discard = {
        let (busy, error, onclose) = (busy.clone(), error.clone(), props.onclose.clone());
        Callback::from(move |_: MouseEvent| {
            busy.set(true);
            let (busy, error, onclose) = (busy.clone(), error.clone(), onclose.clone());
            spawn_local(async move {
                match api::discard_draft(draft).await {
                    // The stream says that it is discarded.
                    Ok(()) => onclose.emit(()),
                    Err(problem) => {
                        error.set(Some(problem));
                        busy.set(false);
                    }
                }
            });
        })
    };
    html! {
        <Dialog title="Discard the draft" onclose={props.onclose.clone()} testid="discard-dialog">
            if let Some(error) = &*error { <Failure error={error.clone()} compact=true /> }
            <p>{ format!("{} will not be published, also not those of others. They stay readable, and the taxonomy stays as it is. A discarded draft is not opened again.", format::counted(n_edits, "edit", "edits")) }</p>
            <div class="ab-form__actions">
                <Button label="Discard" variant={Variant::Danger} busy={*busy} testid="discard-confirm" onclick={discard} />
                <Button label="Keep it" variant={Variant::Link} onclick={props.onclose.reform(|_| ())} />
            </div>
        </Dialog>
    }
}
