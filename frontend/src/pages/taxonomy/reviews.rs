//! Documents that wait for a person since a taxonomy was published: their label was split or deleted. They are decided
//! one after another, or by what a run proposes, and a corpus version is made with that.

pub mod accept;
pub mod apply;
pub mod ask;
pub mod at_hand;
pub mod decided;
pub mod line;
pub mod waiting;

use std::rc::Rc;

use arborist_shared::api::accounts::Role;
use arborist_shared::api::corpora::Corpus;
use arborist_shared::api::drafts::ReviewPage;
use arborist_shared::api::jobs::{Job, JobStatus};
use arborist_shared::api::taxonomies::Taxonomy;
use yew::prelude::*;

use self::line::{News, use_desk};
use super::use_may;
use crate::api;
use crate::components::{
    Button, Empty, Icon, JobBar, Lines, Notice, NoticeKind, RouteLink, Toast, ToastKind, Variant,
    show, use_toaster,
};
use crate::format;
use crate::hooks::{use_search, use_url_query};
use crate::route::Route;
use crate::shell::{Jobs, use_jobs};

/// Jobs that change what stands here.
const PROPOSES: &str = "propose_reviews";
const APPLIES: &str = "apply_reviews";

#[derive(PartialEq, Properties)]
pub struct ReviewsProps {
    pub project: i64,
    pub taxonomy: Taxonomy,
}

#[component]
pub fn Reviews(props: &ReviewsProps) -> Html {
    let (project, taxonomy) = (props.project, props.taxonomy.id);
    let jobs = use_jobs();
    let corpora = use_search((project, jobs.ended), |(project, _)| async move {
        api::corpora(project).await.map(Rc::new)
    });
    html! {
        <>{ show(&corpora, html! { <Lines count={6} /> }, |corpora| {
            // Newest first: earlier ones of the same taxonomy are what decisions were made about.
            match corpora.iter().find(|corpus| corpus.taxonomy == taxonomy) {
                Some(corpus) => html! { <OfCorpus key={corpus.id} {project} {taxonomy} corpus={corpus.id} corpora={corpora.clone()} /> },
                None => nothing_waits(),
            }
        }) }</>
    }
}

fn nothing_waits() -> Html {
    html! {
        <Empty icon={Icon::Check} title="No document waits" testid="reviews-empty">{ "When a label is split, or deleted with a look at its documents, they wait here for a person." }</Empty>
    }
}

#[derive(PartialEq, Properties)]
struct OfCorpusProps {
    project: i64,
    taxonomy: i64,
    corpus: i64,
    /// Newest first.
    corpora: Rc<Vec<Corpus>>,
}

/// The newest of these jobs.
fn newest<'a>(jobs: &'a Jobs, kind: &str) -> Option<&'a Rc<Job>> {
    jobs.list.iter().find(|job| job.kind == kind)
}

#[component]
fn OfCorpus(props: &OfCorpusProps) -> Html {
    let jobs = use_jobs();
    // What a run proposes comes with the rows.
    let proposed = newest(&jobs, PROPOSES)
        .filter(|job| job.status == JobStatus::Succeeded)
        .map(|job| job.id);
    let queue = use_search((props.corpus, proposed), |(corpus, _)| async move {
        let page = api::reviews(corpus, line::PAGE, None).await?;
        Ok(Rc::new(page))
    });
    let (project, taxonomy, corpus) = (props.project, props.taxonomy, props.corpus);
    html! {
        <>
            <Applied {project} {corpus} corpora={props.corpora.clone()} />
            { show(&queue, html! { <Lines count={6} /> }, |page| match page.n_documents + page.n_decided {
                0 => nothing_waits(),
                _ => html! { <Queue {project} {taxonomy} {corpus} corpora={props.corpora.clone()} page={page.clone()} {proposed} reload={queue.reload.clone()} /> },
            }) }
        </>
    }
}

#[derive(PartialEq, Properties)]
struct AppliedProps {
    project: i64,
    corpus: i64,
    corpora: Rc<Vec<Corpus>>,
}

/// Says what the version has that is shown, where decisions made it.
#[component]
fn Applied(props: &AppliedProps) -> Html {
    let jobs = use_jobs();
    let made = newest(&jobs, APPLIES).and_then(|job| job.result.as_ref());
    let mut corpora = props.corpora.iter();
    let this = corpora.find(|corpus| corpus.id == props.corpus);
    let (Some(this), Some(_)) = (this, made.filter(|made| made.id == props.corpus)) else {
        return Html::default();
    };
    let mut query = vec![
        ("view".to_owned(), "versions".to_owned()),
        ("corpus".to_owned(), this.id.to_string()),
    ];
    query.extend(
        corpora
            .next()
            .map(|before| ("from".to_owned(), before.id.to_string())),
    );
    html! {
        <Notice kind={NoticeKind::Success} title={format!("Version {} of the corpus has what was decided", this.version)} testid="reviews-applied">
            <RouteLink to={Route::Versions { project: props.project }} {query} testid="reviews-applied-diff">{ "See what is different" }</RouteLink>
        </Notice>
    }
}

#[derive(PartialEq, Properties)]
struct QueueProps {
    project: i64,
    taxonomy: i64,
    corpus: i64,
    corpora: Rc<Vec<Corpus>>,
    page: Rc<ReviewPage>,
    /// The last job that proposed labels.
    proposed: Option<i64>,
    /// Looks at the queue again.
    reload: Callback<()>,
}

/// What is open above the queue.
#[derive(Clone, Copy, PartialEq)]
enum Open {
    Nothing,
    Ask,
    Accept,
    Apply,
}

#[component]
fn Queue(props: &QueueProps) -> Html {
    let (project, taxonomy, corpus) = (props.project, props.taxonomy, props.corpus);
    let jobs = use_jobs();
    let query = use_url_query();
    let toaster = use_toaster();
    let open = use_state_eq(|| Open::Nothing);
    // Rises with every decision that is made or taken back.
    let stamp = use_state_eq(|| 0_u32);
    let count = use_mut_ref(|| 0_u32);
    let newest_corpus = props.corpora.first().map(|corpus| corpus.id);
    let is_newest = newest_corpus == Some(corpus);
    let may_decide = use_may(project, Role::Annotator) && is_newest;
    let may_change = use_may(project, Role::Reviewer) && is_newest;
    let changed = {
        let (stamp, count) = (stamp.setter(), count.clone());
        Callback::from(move |()| {
            *count.borrow_mut() += 1;
            stamp.set(*count.borrow());
        })
    };
    let onnews = {
        let (changed, toaster) = (changed.clone(), toaster.clone());
        Callback::from(move |news: News| match news {
            News::Changed => changed.emit(()),
            News::NothingToUndo => toaster.show(
                Toast::new(ToastKind::Info, "Nothing was decided here yet")
                    .text("What was decided before stands among those that are decided."),
            ),
            News::Failed(error) => {
                let title = match error.code() {
                    Some("review_settled") => "Somebody else was quicker",
                    Some("corpus_superseded") => "There is a newer version of the corpus",
                    _ => "That was not decided",
                };
                toaster.show(Toast::new(ToastKind::Danger, title).text(error.advice()));
                changed.emit(());
            }
        })
    };
    let accepted = {
        let (changed, reload) = (changed.clone(), props.reload.clone());
        Callback::from(move |()| {
            changed.emit(());
            reload.emit(());
        })
    };
    let desk = use_desk(corpus, props.page.clone(), onnews);
    let line = desk.line.clone();
    let sure = use_search(
        (corpus, props.proposed, *stamp),
        |(corpus, _, _)| async move { Ok(api::proposals(corpus, 0.0, 1).await?.n_documents) },
    );
    let n_sure = sure.data().map_or(0, |n| *n);
    let view = query.text("queue");
    let hand = line.at_hand().cloned();
    let first = use_mut_ref(|| None::<i64>);
    let goes_on = {
        let mut first = first.borrow_mut();
        let document = hand.as_ref().map(|row| row.document);
        *first = first.or(document);
        *first != document
    };
    let opens = |what: Open| {
        let open = open.clone();
        Callback::from(move |_: MouseEvent| open.set(what))
    };
    let onclose = {
        let open = open.clone();
        Callback::from(move |()| open.set(Open::Nothing))
    };
    let views = [
        ("", "At hand".to_owned()),
        (
            "waiting",
            format!("All that wait ({})", format::count(line.n_waiting)),
        ),
        (
            "decided",
            format!("Decided ({})", format::count(line.n_decided)),
        ),
    ];
    let work = [PROPOSES, APPLIES].map(|kind| {
        let job = newest(&jobs, kind)?;
        // What has failed is said until it is tried again.
        let is_news = !job.status.is_final() || job.status == JobStatus::Failed;
        is_news.then(|| job.clone())
    });
    html! {
        <div class="ab-stack" data-testid="reviews">
            <p data-testid="reviews-count">{ words(line.n_waiting, line.n_decided) }</p>
            if !is_newest {
                <Notice kind={NoticeKind::Info} title="A newer version of the corpus was made since" testid="reviews-superseded">
                    <RouteLink to={Route::Taxonomy { project }} query={vec![("tab".to_owned(), "reviews".to_owned())]}>{ "Go on there" }</RouteLink>
                </Notice>
            }
            <div class="ab-toolbar">
                <div class="ab-segments" role="group" aria-label="Documents shown">
                    for (word, title) in views {
                        <button key={word} type="button" class={classes!("ab-segments__one", (view == word).then_some("ab-segments__one--on"))} aria-pressed={(view == word).to_string()} data-testid={format!("queue-{}", if word.is_empty() { "hand" } else { word })}
                            onclick={let query = query.clone(); Callback::from(move |_: MouseEvent| query.set(&[("queue", Some(word.to_owned()))]))}>{ title }</button>
                    }
                </div>
                <div class="ab-toolbar__end">
                    if may_change && line.n_waiting > 0 { <Button label="Ask a run" icon={Icon::Try} testid="reviews-ask" onclick={opens(Open::Ask)} /> }
                    if may_decide && n_sure > 0 { <Button label="Accept proposals" icon={Icon::Check} testid="reviews-accept" onclick={opens(Open::Accept)} /> }
                    if may_change { <Button label={match line.n_decided { 0 => "Apply".to_owned(), n => format!("Apply {}", format::counted(n, "decision", "decisions")) }} variant={Variant::Primary} disabled={line.n_decided == 0} testid="reviews-apply" onclick={opens(Open::Apply)} /> }
                </div>
            </div>
            for job in work.into_iter().flatten() { <div key={job.id} class="ab-panel ab-inset"><JobBar {job} /></div> }
            {
                match view.as_str() {
                    "waiting" => html! { <waiting::Waiting {project} {taxonomy} {corpus} desk={desk.clone()} /> },
                    "decided" => html! { <decided::Decided {project} {taxonomy} {corpus} stamp={*stamp} may={may_decide} desk={desk.clone()} /> },
                    _ => match hand {
                        Some(row) => html! { <at_hand::AtHand key={row.document} {desk} row={row.clone()} {taxonomy} {may_decide} {goes_on} /> },
                        None => html! { <Empty icon={Icon::Check} title="Every document is decided" testid="reviews-done">{ "Apply the decisions: a version of the corpus is made that has them." }</Empty> },
                    },
                }
            }
            {
                match *open {
                    Open::Nothing => Html::default(),
                    Open::Ask => html! { <ask::Ask {project} {corpus} {onclose} /> },
                    Open::Accept => html! { <accept::Accept {taxonomy} {corpus} onchange={accepted} {onclose} /> },
                    Open::Apply => html! { <apply::Apply {corpus} n_decided={line.n_decided} n_waiting={line.n_waiting} {onclose} /> },
                }
            }
        </div>
    }
}

fn words(n_waiting: u64, n_decided: u64) -> String {
    let waiting = match n_waiting {
        0 => "No document waits any more".to_owned(),
        1 => "1 document waits for a person: a label of it was split or deleted".to_owned(),
        many => format!(
            "{} documents wait for a person: a label of each was split or deleted",
            format::count(many)
        ),
    };
    match n_decided {
        0 => format!("{waiting}."),
        n => format!(
            "{waiting}. {} not yet part of a version.",
            format::counted(n, "decision is", "decisions are")
        ),
    }
}
