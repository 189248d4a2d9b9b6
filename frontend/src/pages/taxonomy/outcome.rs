//! How a version came about: who published it, what is different, what became of the documents, and the way back.

use std::rc::Rc;

use arborist_shared::api::accounts::Role;
use arborist_shared::api::drafts::{Publication, ReadableChange, TaxonomyDiffPage};
use arborist_shared::api::taxonomies::Taxonomy;
use yew::prelude::*;

use super::go_back::GoBack;
use super::impact::Changes;
use super::use_may;
use crate::api;
use crate::components::{
    Ago, Button, Failure, Icon, Lines, Notice, NoticeKind, Panel, RouteLink, Variant, show,
};
use crate::format;
use crate::hooks::{Page, use_more, use_query};
use crate::route::Route;

/// Differences of one request.
const PAGE: u32 = 500;

#[derive(PartialEq, Properties)]
pub struct OutcomeProps {
    pub project: i64,
    /// The version that was made.
    pub taxonomy: i64,
    /// Newest first.
    pub taxonomies: Rc<Vec<Taxonomy>>,
    /// It was published a moment ago, from this page.
    #[prop_or_default]
    pub is_news: bool,
}

#[component]
pub fn Outcome(props: &OutcomeProps) -> Html {
    let project = props.project;
    let publication = use_query(props.taxonomy, |taxonomy| async move {
        api::publication(taxonomy).await.map(Rc::new)
    });
    let going_back = use_state_eq(|| false);
    let may = use_may(project, Role::Manager);
    let find = |id: i64| {
        props
            .taxonomies
            .iter()
            .find(|other| other.id == id)
            .cloned()
    };
    let made = find(props.taxonomy);
    let is_newest = props.taxonomies.first().map(|newest| newest.id) == Some(props.taxonomy);
    let version = made.as_ref().map_or(0, |made| made.version);
    let open = {
        let going_back = going_back.clone();
        Callback::from(move |_: MouseEvent| going_back.set(true))
    };
    let close = {
        let going_back = going_back.clone();
        Callback::from(move |()| going_back.set(false))
    };
    let of_version = |tab: &str| {
        let mut query = vec![("version".to_owned(), version.to_string())];
        if !tab.is_empty() {
            query.push(("tab".to_owned(), tab.to_owned()));
        }
        query
    };
    html! {
        <div class="ab-stack" data-testid="outcome">
            if props.is_news && made.is_some() { <Notice kind={NoticeKind::Success} title={format!("Published as version {version}")} testid="published" /> }
            <Panel>
                { show(&publication, html! { <Lines count={3} /> }, |publication| match &**publication {
                    None => html! { <p class="ab-muted">{ "Read from a file." }</p> },
                    Some(publication) => html! {
                        <>
                            <p data-testid="outcome-words">{ words(publication, &find) }<Ago at={publication.at.clone()} /></p>
                            <div class="ab-form__actions">
                                if props.is_news { <RouteLink to={Route::Taxonomy { project }} query={of_version("")} button={Variant::Primary} testid="open-version">{ format!("Open version {version}") }</RouteLink> }
                                if publication.n_review > 0 { <RouteLink to={Route::Taxonomy { project }} query={of_version("reviews")} button={Variant::Secondary} testid="open-reviews">{ format!("{} to review", format::counted(publication.n_review, "document", "documents")) }</RouteLink> }
                                if is_newest && may { <Button label="Undo publishing" icon={Icon::Undo} testid="undo-publish" onclick={open.clone()} /> }
                            </div>
                            if let (true, Some(newest), Some(to)) = (*going_back, made.clone(), find(publication.base)) { <GoBack {newest} {to} onclose={close.clone()} /> }
                        </>
                    },
                }) }
                <Diff taxonomy={props.taxonomy} />
            </Panel>
        </div>
    }
}

fn words(publication: &Publication, find: &dyn Fn(i64) -> Option<Taxonomy>) -> String {
    let version =
        |id: i64| find(id).map_or_else(|| "?".to_owned(), |other| other.version.to_string());
    let origin = match publication.restores {
        Some(restored) => format!(
            "Version {} was taken back: the content is that of version {} again",
            version(publication.base),
            version(restored)
        ),
        None => format!("Made of version {}", version(publication.base)),
    };
    let documents = match publication.corpus {
        None => String::new(),
        Some(_) => format!(
            ", {} carried over with other labels, {} to review",
            format::counted(publication.n_migrated, "document", "documents"),
            format::count(publication.n_review)
        ),
    };
    format!(
        "{origin}. {}{documents}. By {}, ",
        format::counted(publication.n_changes, "difference", "differences"),
        publication.author
    )
}

#[derive(PartialEq, Properties)]
struct DiffProps {
    taxonomy: i64,
}

fn split_page(page: &TaxonomyDiffPage) -> Page<ReadableChange> {
    Page {
        rows: page.changes.clone(),
        next: page.next.clone(),
    }
}

/// What is different in a version.
#[component]
fn Diff(props: &DiffProps) -> Html {
    let taxonomy = props.taxonomy;
    let first = use_query(taxonomy, |taxonomy| async move {
        api::taxonomy_diff(taxonomy, None, PAGE, None).await
    });
    let more = use_more(first.data(), split_page, move |cursor| async move {
        let page = api::taxonomy_diff(taxonomy, None, PAGE, Some(cursor)).await?;
        Ok(split_page(&page))
    });
    let changes: Vec<ReadableChange> = more.rows.iter().map(|row| (**row).clone()).collect();
    html! {
        <>{ show(&first, html! { <Lines count={4} /> }, |page| match page.from {
            None => html! { <p class="ab-muted">{ "The first version: there is nothing before it." }</p> },
            Some(_) => html! {
                <>
                    <h3 class="ab-pane__title">{ "What is different" }</h3>
                    if page.n_changes == 0 { <p class="ab-muted">{ "Nothing that a label shows." }</p> } else { <Changes changes={Rc::new(changes)} /> }
                    if let Some(error) = &more.error { <Failure error={error.clone()} compact=true /> }
                    if more.has_more { <div><Button label="Load more" busy={more.loading} onclick={more.load.reform(|_| ())} /></div> }
                </>
            },
        }) }</>
    }
}
