//! The pages of a project.

use yew::prelude::*;

use crate::components::{Icon, RouteLink, icon};
use crate::route::Route;

#[derive(PartialEq, Properties)]
pub struct NavigationProps {
    pub route: Route,
    pub project: i64,
}

/// The entry that a page belongs to.
fn home(route: Route, project: i64) -> Route {
    match route.in_project(project) {
        // The queue is a part of the runs.
        Route::Queue { project } => Route::Runs { project },
        other => other,
    }
}

#[component]
pub fn Navigation(props: &NavigationProps) -> Html {
    let project = props.project;
    let entries = [
        (
            Route::Overview { project },
            Icon::Overview,
            "navigation-overview",
        ),
        (Route::Corpus { project }, Icon::Corpus, "navigation-corpus"),
        (
            Route::Taxonomy { project },
            Icon::Taxonomy,
            "navigation-taxonomy",
        ),
        (Route::Train { project }, Icon::Train, "navigation-train"),
        (Route::Runs { project }, Icon::Runs, "navigation-runs"),
        (Route::TryIt { project }, Icon::Try, "navigation-try"),
        (
            Route::Settings { project },
            Icon::Settings,
            "navigation-settings",
        ),
    ];
    let current = home(props.route, project);
    html! {
        <nav class="ab-navigation" aria-label="Project">
            <ul>
                for (to, kind, testid) in entries {
                    <li key={testid}>
                        <RouteLink {to} class={classes!("ab-navigation__link", (to == current).then_some("ab-navigation__link--current"))} current={to == current} {testid}>
                            { icon(kind) }<span>{ to.title() }</span>
                        </RouteLink>
                    </li>
                }
            </ul>
        </nav>
    }
}
