//! The projects: the list, a new one, the sample.

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;
use yew_router::prelude::*;

use crate::api::{self, ApiError};
use crate::components::field::{Field, Input};
use crate::components::{
    Ago, Button, Dialog, Failure, Icon, Lines, PageHeader, RouteLink, Variant, icon,
};
use crate::format;
use crate::hooks::theme::{remember, remembered};
use crate::hooks::{Loading, use_query, use_url_query};
use crate::pages::guide;
use crate::route::Route;
use crate::shell::{LAST_PROJECT, use_projects};

/// Leads to the project that was open last, else to the only one, else to the list.
#[component]
pub fn Home() -> Html {
    let projects = use_query((), |()| api::projects());
    match &projects.state {
        Loading::Waiting => {
            html! { <div class="ab-page" data-testid="state-loading"><Lines count={4} /></div> }
        }
        Loading::Failed(error) => {
            html! { <div class="ab-page"><Failure error={error.clone()} retry={projects.reload.clone()} /></div> }
        }
        Loading::Ready(loaded) => {
            let list = &loaded.data.projects;
            let last = remembered(LAST_PROJECT)
                .and_then(|id| id.parse::<i64>().ok())
                .filter(|id| list.iter().any(|project| project.id == *id));
            let only = if let [one] = list.as_slice() {
                Some(one.id)
            } else {
                None
            };
            match last.or(only) {
                Some(project) => html! { <Redirect<Route> to={Route::Overview { project }} /> },
                None => html! { <Redirect<Route> to={Route::Projects} /> },
            }
        }
    }
}

#[component]
pub fn ProjectsPage() -> Html {
    let shared = use_projects();
    let projects = use_query((), |()| api::projects());
    let query = use_url_query();
    let navigator = use_navigator();
    let sample_busy = use_state_eq(|| false);
    let sample_error = use_state(|| None::<ApiError>);

    let create = {
        let query = query.clone();
        Callback::from(move |_: MouseEvent| query.push(&[("new", Some("1".into()))]))
    };
    let start_sample = {
        let (busy, error, reload) = (
            sample_busy.clone(),
            sample_error.clone(),
            shared.reload.clone(),
        );
        Callback::from(move |_: MouseEvent| {
            let (busy, error, reload, navigator) = (
                busy.clone(),
                error.clone(),
                reload.clone(),
                navigator.clone(),
            );
            busy.set(true);
            error.set(None);
            spawn_local(async move {
                match api::sample_project().await {
                    Ok(sample) => {
                        reload.emit(());
                        if let Some(navigator) = navigator {
                            navigator.push(&Route::Overview {
                                project: sample.project.id,
                            });
                        }
                    }
                    Err(problem) => error.set(Some(problem)),
                }
                busy.set(false);
            });
        })
    };
    let actions = html! {
        <>
            <Button label="Start with the sample project" icon={Icon::Train} busy={*sample_busy} testid="sample-project" onclick={start_sample} />
            <Button label="New project" variant={Variant::Primary} icon={Icon::Plus} testid="new-project" onclick={create} />
        </>
    };
    let body = match &projects.state {
        Loading::Waiting => {
            html! { <div class="ab-cards" data-testid="state-loading">{ for (0..3).map(|index| html! { <div key={index} class="ab-panel"><div class="ab-panel__body"><Lines count={3} /></div></div> }) }</div> }
        }
        Loading::Failed(error) => {
            html! { <Failure error={error.clone()} retry={projects.reload.clone()} /> }
        }
        Loading::Ready(loaded) if loaded.data.projects.is_empty() => html! {
            <div class="ab-welcome" data-testid="state-empty">
                <h2 class="ab-welcome__title">{ "What would you like to start with?" }</h2>
                <p class="ab-welcome__text">{ "A project holds a taxonomy, documents with labels from it, and the methods trained on them." }</p>
                <div class="ab-welcome__ways">
                    <div class="ab-way">
                        <span class="ab-way__icon">{ icon(Icon::Train) }</span>
                        <h3>{ "The sample project" }</h3>
                        <p>{ "3,000 short news texts with 67 labels on three levels. Taxonomy and corpus are filled in; training is the next step. The quickest way to look around." }</p>
                    </div>
                    <div class="ab-way">
                        <span class="ab-way__icon">{ icon(Icon::Corpus) }</span>
                        <h3>{ "Your own documents" }</h3>
                        <p>{ "You need a taxonomy as a table of children and parents, and documents as JSON lines with a text and its labels. The import shows what it will read before it does." }</p>
                    </div>
                </div>
                <p class="ab-welcome__guide"><RouteLink to={Route::Guide} query={guide::at(guide::chapter::PROJECT)} testid="empty-guide">{ "Read in the guide how a project goes" }</RouteLink></p>
            </div>
        },
        Loading::Ready(loaded) => html! {
            <ul class="ab-cards" role="list">
                for project in loaded.data.projects.iter() {
                    <li key={project.id}>
                        <RouteLink to={Route::Overview { project: project.id }} class="ab-card" testid={format!("open-project-{}", project.id)}>
                            <span class="ab-card__title" dir="auto">{ format::middle(&project.name, 90) }</span>
                            <span class="ab-card__text">{ "Created " }<Ago at={project.created_at.clone()} /></span>
                            <span class="ab-card__go">{ icon(Icon::ArrowRight) }</span>
                        </RouteLink>
                    </li>
                }
            </ul>
        },
    };
    let close = {
        let query = query.clone();
        Callback::from(move |()| query.set(&[("new", None)]))
    };
    html! {
        <div class="ab-page">
            <PageHeader title="Projects" subtitle={html! { "One project at a time: its taxonomy, its corpus, its runs." }} {actions} />
            if let Some(error) = &*sample_error { <Failure error={error.clone()} /> }
            { body }
            if query.get("new").is_some() { <NewProject onclose={close} reload={shared.reload.clone()} /> }
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct NewProjectProps {
    onclose: Callback<()>,
    reload: Callback<()>,
}

#[component]
fn NewProject(props: &NewProjectProps) -> Html {
    let name = use_state(String::new);
    let error = use_state(|| None::<ApiError>);
    let busy = use_state_eq(|| false);
    let navigator = use_navigator();
    let onsubmit = {
        let (name, error, busy, reload) = (
            name.clone(),
            error.clone(),
            busy.clone(),
            props.reload.clone(),
        );
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let wanted = name.trim().to_owned();
            if wanted.is_empty() || *busy {
                return;
            }
            let (error, busy, reload, navigator) = (
                error.clone(),
                busy.clone(),
                reload.clone(),
                navigator.clone(),
            );
            busy.set(true);
            error.set(None);
            spawn_local(async move {
                match api::create_project(wanted).await {
                    Ok(project) => {
                        remember(LAST_PROJECT, &project.id.to_string());
                        reload.emit(());
                        if let Some(navigator) = navigator {
                            navigator.push(&Route::Overview {
                                project: project.id,
                            });
                        }
                    }
                    Err(problem) => {
                        error.set(Some(problem));
                        busy.set(false);
                    }
                }
            });
        })
    };
    let onchange = {
        let name = name.clone();
        Callback::from(move |value: String| name.set(value))
    };
    html! {
        <Dialog title="New project" onclose={props.onclose.clone()} testid="new-project-dialog">
            <form class="ab-form" {onsubmit} novalidate=true>
                if let Some(error) = &*error { <Failure error={error.clone()} compact=true /> }
                <Field id="project-name" label="Name" help={html! { "What the documents are about." }}>
                    <Input id="project-name" value={(*name).clone()} {onchange} autofocus=true required=true autocomplete="off" testid="project-name" />
                </Field>
                <div class="ab-form__actions">
                    <Button label="Create" variant={Variant::Primary} submit=true busy={*busy} disabled={name.trim().is_empty()} testid="create-project" />
                    <Button label="Cancel" variant={Variant::Link} onclick={props.onclose.reform(|_| ())} />
                </div>
            </form>
        </Dialog>
    }
}
