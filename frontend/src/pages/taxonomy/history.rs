//! Versions on a line of time: who made them, what is different in each, and the way back.

use std::rc::Rc;

use arborist_shared::api::accounts::Role;
use arborist_shared::api::taxonomies::Taxonomy;
use yew::prelude::*;

use super::go_back::GoBack;
use super::outcome::Outcome;
use super::use_may;
use crate::components::{Ago, Button, Icon, RouteLink, Variant, icon};
use crate::format;
use crate::hooks::use_url_query;
use crate::route::Route;

#[derive(PartialEq, Properties)]
pub struct HistoryProps {
    pub project: i64,
    /// Newest first; not empty.
    pub taxonomies: Rc<Vec<Taxonomy>>,
}

#[component]
pub fn History(props: &HistoryProps) -> Html {
    let project = props.project;
    let query = use_url_query();
    let may = use_may(project, Role::Manager);
    let back_to = use_state(|| None::<Taxonomy>);
    let newest = props.taxonomies.first().cloned();
    // The newest is open unless the address says another.
    let opened = query
        .id("version")
        .or(newest.as_ref().map(|newest| newest.version));
    let toggle = |version: i64| {
        let (query, is_open) = (query.clone(), opened == Some(version));
        Callback::from(move |_: MouseEvent| {
            let to = if is_open { 0 } else { version };
            query.set(&[("version", Some(to.to_string()))]);
        })
    };
    let go_back = |taxonomy: &Taxonomy| {
        let (back_to, taxonomy) = (back_to.clone(), taxonomy.clone());
        Callback::from(move |_: MouseEvent| back_to.set(Some(taxonomy.clone())))
    };
    let close = {
        let back_to = back_to.clone();
        Callback::from(move |()| back_to.set(None))
    };
    let is_other = |taxonomy: &Taxonomy| {
        newest
            .as_ref()
            .is_some_and(|newest| newest.content_hash != taxonomy.content_hash)
    };
    html! {
        <>
            <ol class="ab-timeline" data-testid="history">
                for taxonomy in props.taxonomies.iter() {
                    <li key={taxonomy.id} class="ab-timeline__one" data-testid={format!("version-{}", taxonomy.version)}>
                        <span class="ab-timeline__dot" aria-hidden="true" />
                        <div class="ab-timeline__head">
                            <button type="button" class="ab-timeline__title" aria-expanded={(opened == Some(taxonomy.version)).to_string()} data-testid={format!("toggle-version-{}", taxonomy.version)} onclick={toggle(taxonomy.version)}>
                                <span class={classes!("ab-node__toggle", (opened == Some(taxonomy.version)).then_some("ab-node__toggle--open"))}>{ icon(Icon::ChevronRight) }</span>
                                <strong>{ format!("Version {}", taxonomy.version) }</strong>
                                if !taxonomy.name.is_empty() { <bdi class="ab-timeline__name">{ format::middle(&taxonomy.name, 80) }</bdi> }
                            </button>
                            <span class="ab-muted">{ format!("{} on {} · ", format::counted(taxonomy.n_labels, "label", "labels"), format::counted(u64::from(taxonomy.depth), "level", "levels")) }<Ago at={taxonomy.created_at.clone()} /></span>
                            <span class="ab-timeline__actions">
                                <RouteLink to={Route::Taxonomy { project }} query={vec![("version".to_owned(), taxonomy.version.to_string())]} button={Variant::Link}>{ "Open" }</RouteLink>
                                if may && is_other(taxonomy) { <Button label="Restore" variant={Variant::Link} testid={format!("restore-{}", taxonomy.version)} onclick={go_back(taxonomy)} /> }
                            </span>
                        </div>
                        if opened == Some(taxonomy.version) { <Outcome {project} taxonomy={taxonomy.id} taxonomies={props.taxonomies.clone()} /> }
                    </li>
                }
            </ol>
            if let (Some(newest), Some(to)) = (newest, (*back_to).clone()) { <GoBack {newest} {to} onclose={close} /> }
        </>
    }
}
