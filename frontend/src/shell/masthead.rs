//! The bar on top: project, search, jobs, theme, help, account.

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;
use yew_router::prelude::*;

use super::{use_jobs, use_projects};
use crate::api;
use crate::app::Account;
use crate::components::menu::Menu;
use crate::components::toast::{Toast, ToastKind, use_toaster};
use crate::components::{Button, Icon, RouteLink, Variant, icon};
use crate::format;
use crate::hooks::{ThemeChoice, use_theme};
use crate::model::progress::fraction;
use crate::route::Route;

#[derive(PartialEq, Properties)]
pub struct MastheadProps {
    pub route: Route,
    pub onnavigation: Callback<()>,
    pub navigation_open: bool,
    pub onsearch: Callback<()>,
    pub onjobs: Callback<()>,
    pub onhelp: Callback<()>,
}

#[component]
pub fn Masthead(props: &MastheadProps) -> Html {
    html! {
        <header class="ab-masthead">
            if props.route.project().is_some() {
                <Button class="ab-masthead__toggle" variant={Variant::Plain} icon={Icon::Bars} title="Navigation" testid="navigation-toggle" expanded={props.navigation_open} onclick={props.onnavigation.reform(|_| ())} />
            }
            <RouteLink to={Route::Projects} class="ab-brand" title="All projects" testid="brand">
                <span class="ab-brand__mark">{ icon(Icon::Mark) }</span><span class="ab-brand__name">{ "Arborist" }</span>
            </RouteLink>
            <ProjectSwitcher route={props.route} />
            <div class="ab-masthead__tools">
                if props.route.project().is_some() {
                    <button type="button" class="ab-masthead__search" aria-label="Search labels, documents and runs" aria-keyshortcuts="Control+K" aria-haspopup="dialog" data-testid="search" onclick={props.onsearch.reform(|_| ())}>
                        { icon(Icon::Search) }<span class="ab-masthead__search-words">{ "Search the project" }</span><kbd>{ "Ctrl K" }</kbd>
                    </button>
                    <JobsButton onclick={props.onjobs.clone()} />
                }
                <ThemeMenu />
                <Button variant={Variant::Plain} icon={Icon::Help} title="Guide and keys" testid="help" onclick={props.onhelp.reform(|_| ())} />
                <AccountMenu />
            </div>
        </header>
    }
}

#[derive(PartialEq, Properties)]
struct SwitcherProps {
    route: Route,
}

#[component]
fn ProjectSwitcher(props: &SwitcherProps) -> Html {
    let projects = use_projects();
    let Some(current) = props.route.project() else {
        return Html::default();
    };
    let name = projects
        .find(current)
        .map(|project| project.name.clone())
        .unwrap_or_default();
    html! {
        <Menu label="Project" testid="project-switcher" toggle={html! { <span class="ab-masthead__project" dir="auto">{ format::middle(&name, 32) }</span> }}>
            for project in projects.list.iter() {
                <RouteLink key={project.id} to={props.route.in_project(project.id)} class="ab-menu__item" role="menuitem" current={project.id == current} testid={format!("project-{}", project.id)}>
                    <span dir="auto">{ &project.name }</span>
                    if project.id == current { <span class="ab-menu__check">{ icon(Icon::Check) }</span> }
                </RouteLink>
            }
            <hr class="ab-menu__rule" />
            <RouteLink to={Route::Projects} class="ab-menu__item" role="menuitem" testid="all-projects">{ "All projects" }</RouteLink>
        </Menu>
    }
}

#[derive(PartialEq, Properties)]
struct JobsButtonProps {
    onclick: Callback<()>,
}

/// The mean share done of what runs, as a ring.
#[component]
fn JobsButton(props: &JobsButtonProps) -> Html {
    let jobs = use_jobs();
    let shares: Vec<f64> = jobs
        .active()
        .map(|job| fraction(&job.progress).unwrap_or(0.0))
        .collect();
    let active = shares.len();
    let share = if active == 0 {
        0.0
    } else {
        shares.iter().sum::<f64>() / active as f64
    };
    let title = match active {
        0 => "No jobs running".to_owned(),
        _ => format!(
            "{} running, {:.0}% done",
            format::counted(active as u64, "job", "jobs"),
            share * 100.0
        ),
    };
    let round = 2.0 * std::f64::consts::PI * 10.0;
    html! {
        <button type="button" class="pf-v6-c-button pf-m-plain ab-jobs" title={title.clone()} aria-label={title} aria-haspopup="dialog" data-testid="jobs" onclick={props.onclick.reform(|_| ())}>
            if active > 0 {
                <svg class="ab-jobs__ring" viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
                    <circle cx="12" cy="12" r="10" class="ab-jobs__track" />
                    <circle cx="12" cy="12" r="10" class="ab-jobs__share" stroke-dasharray={format!("{:.1} {round:.1}", (share * round).max(1.5))} transform="rotate(-90 12 12)" />
                </svg>
                <span class="ab-jobs__count">{ active }</span>
            } else {
                <span class="pf-v6-c-button__icon">{ icon(Icon::Jobs) }</span>
            }
        </button>
    }
}

#[component]
fn ThemeMenu() -> Html {
    let theme = use_theme();
    let choices = [
        (ThemeChoice::Light, Icon::Sun, "Light", "theme-light"),
        (ThemeChoice::Dark, Icon::Moon, "Dark", "theme-dark"),
        (
            ThemeChoice::System,
            Icon::Monitor,
            "As the system",
            "theme-system",
        ),
    ];
    let shown = if theme.dark { Icon::Moon } else { Icon::Sun };
    html! {
        <Menu label="Theme" testid="theme" plain=true end=true toggle={html! { <span class="pf-v6-c-button__icon">{ icon(shown) }</span> }}>
            for (choice, kind, words, testid) in choices {
                <button key={words} type="button" class="ab-menu__item" role="menuitemradio" aria-checked={(theme.choice == choice).to_string()} data-testid={testid} onclick={theme.choose.reform(move |_: MouseEvent| choice)}>
                    { icon(kind) }<span>{ words }</span>
                    if theme.choice == choice { <span class="ab-menu__check">{ icon(Icon::Check) }</span> }
                </button>
            }
        </Menu>
    }
}

#[component]
fn AccountMenu() -> Html {
    let account = use_context::<Account>();
    let toaster = use_toaster();
    let navigator = use_navigator();
    let Some(account) = account else {
        return Html::default();
    };
    let sign_out = {
        let reload = account.reload.clone();
        Callback::from(move |_: MouseEvent| {
            let (reload, toaster, navigator) = (reload.clone(), toaster.clone(), navigator.clone());
            spawn_local(async move {
                match api::sign_out().await {
                    Ok(()) => {
                        if let Some(navigator) = navigator {
                            navigator.push(&Route::Home);
                        }
                        reload.emit(());
                    }
                    Err(error) => toaster.show(
                        Toast::new(ToastKind::Danger, "Signing out failed").text(error.advice()),
                    ),
                }
            });
        })
    };
    let initial: String = account
        .user
        .name
        .chars()
        .take(1)
        .flat_map(char::to_uppercase)
        .collect();
    html! {
        <Menu label="Account" testid="account" plain=true end=true toggle={html! { <span class="ab-avatar" aria-hidden="true">{ initial }</span> }}>
            <div class="ab-menu__note">
                <strong dir="auto">{ &account.user.name }</strong>
                <span>{ format!("{} · Arborist {}", role_word(account.user.role), account.version) }</span>
            </div>
            <hr class="ab-menu__rule" />
            <button type="button" class="ab-menu__item" role="menuitem" data-testid="sign-out" onclick={sign_out}>{ icon(Icon::SignOut) }<span>{ "Sign out" }</span></button>
        </Menu>
    }
}

/// A role as people say it.
pub fn role_word(role: arborist_shared::api::accounts::Role) -> &'static str {
    use arborist_shared::api::accounts::Role;
    match role {
        Role::Admin => "Admin",
        Role::Manager => "Manager",
        Role::Reviewer => "Reviewer",
        Role::Annotator => "Annotator",
        Role::Viewer => "Viewer",
    }
}
