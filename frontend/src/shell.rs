//! The frame around every page: masthead, navigation, jobs, keys.

pub mod finder;
pub mod help;
pub mod jobs;
pub mod jobs_drawer;
pub mod label_drawer;
pub mod masthead;
pub mod methods;
pub mod navigation;

use std::rc::Rc;

use arborist_shared::api::projects::Project;
use gloo_timers::callback::Timeout;
use web_sys::HtmlElement;
use yew::prelude::*;
use yew_router::prelude::*;

use crate::api;
use crate::components::Failure;
use crate::hooks::query::{Loading, Query};
use crate::hooks::theme::remember;
use crate::hooks::{use_query, use_title};
use crate::pages;
use crate::route::Route;

pub use help::is_typing;
pub use jobs::{Jobs, use_jobs};
pub use masthead::role_word;
pub use methods::{Methods, details, use_methods};

/// Key under which the last project is remembered.
pub const LAST_PROJECT: &str = "arborist:project";

/// The projects that the person may see.
#[derive(Clone, PartialEq)]
pub struct Projects {
    pub list: Rc<Vec<Project>>,
    pub reload: Callback<()>,
}

impl Projects {
    pub fn find(&self, project: i64) -> Option<&Project> {
        self.list.iter().find(|other| other.id == project)
    }
}

/// The projects that the person may see.
#[hook]
pub fn use_projects() -> Projects {
    use_context::<Projects>().unwrap_or(Projects {
        list: Rc::default(),
        reload: Callback::noop(),
    })
}

/// Frame and page.
#[component]
pub fn Shell() -> Html {
    let query = use_query((), |()| async {
        api::projects().await.map(|answer| answer.projects)
    });
    match &query.state {
        Loading::Waiting => {
            html! { <Frame query={query.clone()} projects={Projects { list: Rc::default(), reload: query.reload.clone() }} /> }
        }
        Loading::Failed(error) => html! {
            <main class="ab-lone"><Failure error={error.clone()} retry={query.reload.clone()} /></main>
        },
        Loading::Ready(loaded) => html! {
            <Frame query={query.clone()} projects={Projects { list: loaded.data.clone(), reload: query.reload.clone() }} />
        },
    }
}

#[derive(PartialEq, Properties)]
struct FrameProps {
    query: Query<Vec<Project>>,
    projects: Projects,
}

#[component]
fn Frame(props: &FrameProps) -> Html {
    let route = use_route::<Route>().unwrap_or(Route::NotFound);
    let project = route.project();
    let navigation_open = use_state_eq(|| false);
    let jobs_open = use_state_eq(|| false);
    let help_open = use_state_eq(|| false);
    let finder_open = use_state_eq(|| false);
    let main = use_node_ref();
    let is_loading = matches!(props.query.state, Loading::Waiting);

    let name = project
        .and_then(|project| props.projects.find(project))
        .map(|project| project.name.clone());
    use_title(vec![
        route.title().to_owned(),
        name.clone().unwrap_or_default(),
    ]);
    use_effect_with(project, |project| {
        if let Some(project) = project {
            remember(LAST_PROJECT, &project.to_string());
        }
    });
    // A new page starts at its top, with the focus on its title; the first one leaves the focus alone.
    {
        let (main, navigation_open) = (main.clone(), navigation_open.setter());
        let is_first = use_mut_ref(|| true);
        use_effect_with(route, move |_| {
            navigation_open.set(false);
            let is_first = std::mem::replace(&mut *is_first.borrow_mut(), false);
            let timeout = (!is_first).then(|| {
                Timeout::new(0, move || {
                    if let Some(main) = main.cast::<HtmlElement>() {
                        main.set_scroll_top(0);
                    }
                    let title = web_sys::window()
                        .and_then(|window| window.document())
                        .and_then(|document| document.get_element_by_id("page-title"));
                    if let Some(title) = title
                        .and_then(|title| wasm_bindgen::JsCast::dyn_into::<HtmlElement>(title).ok())
                    {
                        let _ = title.focus();
                    }
                })
            });
            move || drop(timeout)
        });
    }
    let open = |state: &UseStateHandle<bool>| {
        let state = state.clone();
        Callback::from(move |()| state.set(true))
    };
    let close = |state: &UseStateHandle<bool>| {
        let state = state.clone();
        Callback::from(move |()| state.set(false))
    };
    let toggle_navigation = {
        let state = navigation_open.clone();
        Callback::from(move |()| state.set(!*state))
    };
    // A project that was made a moment ago is not in the list yet: look again before saying that it does not exist.
    let looked = use_mut_ref(|| None::<(i64, f64)>);
    let unlisted = project.filter(|_| name.is_none() && !is_loading);
    {
        let (looked, reload) = (looked.clone(), props.projects.reload.clone());
        use_effect_with(unlisted, move |unlisted| {
            if let Some(project) = *unlisted {
                *looked.borrow_mut() = Some((project, js_sys::Date::now()));
                reload.emit(());
            }
        });
    }
    let listed_at = if let Loading::Ready(loaded) = &props.query.state {
        loaded.at
    } else {
        0.0
    };
    let missing = matches!((unlisted, *looked.borrow()), (Some(project), Some((other, at))) if project == other && listed_at > at);
    let page = if missing {
        html! { <pages::not_found::NotFoundPage what="project" /> }
    } else {
        html! { <Switch<Route> render={page} /> }
    };
    html! {
        <ContextProvider<Projects> context={props.projects.clone()}>
            <methods::MethodsProvider><jobs::JobsProvider {project}><label_drawer::LabelCards {project}>
                <help::Keys {project} onhelp={open(&help_open)} onsearch={open(&finder_open)} />
                <a class="ab-skip" href="#main">{ "Skip to the content" }</a>
                <div class={classes!("ab-shell", project.is_none().then_some("ab-shell--bare"), navigation_open.then_some("ab-shell--open"))}>
                    <masthead::Masthead {route} onnavigation={toggle_navigation} navigation_open={*navigation_open} onsearch={open(&finder_open)} onjobs={open(&jobs_open)} onhelp={open(&help_open)} />
                    if let Some(project) = project {
                        <navigation::Navigation {route} {project} />
                        if *navigation_open { <div class="ab-scrim" onclick={close(&navigation_open).reform(|_: MouseEvent| ())} /> }
                    }
                    <main class="ab-main" id="main" ref={main} tabindex="-1">{ page }</main>
                </div>
                if *jobs_open { <jobs_drawer::JobsDrawer onclose={close(&jobs_open)} /> }
                if *help_open { <help::Help {route} onclose={close(&help_open)} /> }
                if let Some(project) = project.filter(|_| *finder_open) { <finder::Finder {project} onclose={close(&finder_open)} /> }
            </label_drawer::LabelCards></jobs::JobsProvider></methods::MethodsProvider>
        </ContextProvider<Projects>>
    }
}

fn page(route: Route) -> Html {
    match route {
        Route::Home | Route::SignIn | Route::FirstStart => html! { <pages::projects::Home /> },
        Route::Projects => html! { <pages::projects::ProjectsPage /> },
        Route::Guide => html! { <pages::guide::GuidePage /> },
        Route::Overview { project } => {
            html! { <pages::overview::OverviewPage {project} key={project} /> }
        }
        Route::Corpus { project } => {
            html! { <pages::corpus::CorpusPage {project} key={project} /> }
        }
        Route::Versions { project } => {
            html! { <pages::versions::VersionsPage {project} key={project} /> }
        }
        Route::Import { project } => {
            html! { <pages::import::ImportPage {project} key={project} /> }
        }
        Route::Taxonomy { project } => {
            html! { <pages::taxonomy::TaxonomyPage {project} key={project} /> }
        }
        Route::Train { project } => html! { <pages::train::TrainPage {project} key={project} /> },
        Route::Runs { project } => html! { <pages::runs::RunsPage {project} key={project} /> },
        Route::Errors { project, run } => {
            html! { <pages::errors::ErrorsPage {project} {run} key={run} /> }
        }
        Route::Run { project, run } => html! { <pages::run::RunPage {project} {run} key={run} /> },
        Route::Queue { project } => html! { <pages::queue::QueuePage {project} key={project} /> },
        Route::SideBySide { project } => {
            html! { <pages::side_by_side::SideBySidePage {project} key={project} /> }
        }
        Route::TryIt { project } => html! { <pages::try_it::TryItPage {project} key={project} /> },
        Route::Settings { project } => {
            html! { <pages::settings::SettingsPage {project} key={project} /> }
        }
        Route::NotFound => html! { <pages::not_found::NotFoundPage what="page" /> },
    }
}
