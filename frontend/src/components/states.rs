//! The states of everything that loads: skeleton, failed, stale, empty. Pages draw only the ready one.

use patternfly_yew::prelude::Skeleton;
use yew::prelude::*;

use super::button::{Button, Variant};
use super::{Icon, RouteLink, icon};
use crate::api::ApiError;
use crate::format;
use crate::hooks::query::{Loading, Query};
use crate::hooks::use_now;
use crate::pages::guide;
use crate::route::Route;

/// A spinner of `PatternFly`'s size `sm`, `md`, `lg` or `xl`.
pub fn spinner(size: &'static str) -> Html {
    html! {
        <svg class={classes!("pf-v6-c-spinner", format!("pf-m-{size}"))} role="progressbar" viewBox="0 0 100 100" aria-label="Working">
            <circle class="pf-v6-c-spinner__path" cx="50" cy="50" r="45" fill="none" />
        </svg>
    }
}

/// Draws what a query has: the skeleton while it loads, what went wrong, or the data.
pub fn show<T>(query: &Query<T>, skeleton: Html, ready: impl FnOnce(&T) -> Html) -> Html {
    match &query.state {
        Loading::Waiting => {
            html! { <div aria-busy="true" data-testid="state-loading">{ skeleton }</div> }
        }
        Loading::Failed(error) => {
            html! { <Failure error={error.clone()} retry={query.reload.clone()} /> }
        }
        Loading::Ready(loaded) => html! {
            <>
                if let Some(error) = &loaded.stale {
                    <Stale error={error.clone()} since={loaded.at} retry={query.reload.clone()} />
                }
                <div class={classes!("ab-ready", loaded.outdated.then_some("ab-outdated"))} aria-busy={loaded.outdated.then_some("true")}>{ ready(&loaded.data) }</div>
            </>
        },
    }
}

#[derive(PartialEq, Properties)]
pub struct LinesProps {
    #[prop_or(5)]
    pub count: usize,
    #[prop_or_default]
    pub height: Option<String>,
}

/// Gray lines in place of text that is on its way.
#[component]
pub fn Lines(props: &LinesProps) -> Html {
    const WIDTHS: [&str; 5] = ["92%", "78%", "85%", "64%", "72%"];
    html! {
        <div class="ab-lines">
            for index in 0..props.count {
                <Skeleton
                    key={index}
                    width={WIDTHS[index % WIDTHS.len()].to_string()}
                    height={props.height.clone()}
                    screenreader_text={if index == 0 { "Loading" } else { "" }}
                />
            }
        </div>
    }
}

#[derive(PartialEq, Properties)]
pub struct FailureProps {
    pub error: ApiError,
    #[prop_or_default]
    pub retry: Option<Callback<()>>,
    /// Within a form: less room around.
    #[prop_or_default]
    pub compact: bool,
}

/// What happened, what to do, and the technical detail folded away.
#[component]
pub fn Failure(props: &FailureProps) -> Html {
    let error = &props.error;
    html! {
        <div class={classes!("ab-failure", props.compact.then_some("ab-failure--compact"))} role="alert" data-testid="state-failed">
            <span class="ab-failure__icon">{ icon(Icon::Alert) }</span>
            <div class="ab-failure__body">
                <p class="ab-failure__title">{ error.title() }</p>
                <p>{ error.advice() }</p>
                if !error.fields().is_empty() {
                    <ul class="ab-failure__fields">
                        for field in error.fields() {
                            <li key={field.field.clone()}><code>{ field.field.trim_start_matches('/').replace('/', " › ") }</code>{ " " }{ &field.message }</li>
                        }
                    </ul>
                }
                if let Some(technical) = error.technical() {
                    <details class="ab-fold"><summary>{ "Technical detail" }</summary><code>{ technical }</code></details>
                }
                if let Some(retry) = &props.retry {
                    <Button label="Try again" icon={Icon::Refresh} small=true testid="retry" onclick={retry.reform(|_| ())} />
                }
            </div>
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct StaleProps {
    error: ApiError,
    since: f64,
    retry: Callback<()>,
}

#[component]
fn Stale(props: &StaleProps) -> Html {
    let now = use_now(10_000);
    html! {
        <div class="ab-stale" role="status" data-testid="state-stale">
            { icon(Icon::Clock) }
            <span>{ format!("What you see is from {}. {}.", format::relative(now, props.since), props.error.title()) }</span>
            <Button label="Refresh" variant={Variant::Link} onclick={props.retry.reform(|_| ())} />
        </div>
    }
}

#[derive(PartialEq, Properties)]
pub struct EmptyProps {
    pub icon: Icon,
    pub title: AttrValue,
    /// What this is for, and the one button that starts it.
    #[prop_or_default]
    pub children: Html,
    #[prop_or_default]
    pub action: Html,
    /// Chapter of the guide that explains it.
    #[prop_or_default]
    pub guide: Option<&'static str>,
    #[prop_or_default]
    pub compact: bool,
    #[prop_or_default]
    pub testid: Option<AttrValue>,
}

/// Nothing here yet: what it is for, one button to start, and where to read on.
#[component]
pub fn Empty(props: &EmptyProps) -> Html {
    html! {
        <div class={classes!("ab-empty", props.compact.then_some("ab-empty--compact"))} data-testid={props.testid.clone().unwrap_or(AttrValue::Static("state-empty"))}>
            <span class="ab-empty__icon">{ icon(props.icon) }</span>
            <h2 class="ab-empty__title">{ &props.title }</h2>
            <div class="ab-empty__text">{ props.children.clone() }</div>
            <div class="ab-empty__action">{ props.action.clone() }</div>
            if let Some(chapter) = props.guide {
                <RouteLink to={Route::Guide} query={guide::at(chapter)} class="ab-quiet" testid="empty-guide">{ "Read about it in the guide" }</RouteLink>
            }
        </div>
    }
}

/// How a notice looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    Info,
    Success,
    Warning,
    Danger,
}

impl NoticeKind {
    pub fn class(self) -> &'static str {
        match self {
            Self::Info => "pf-m-info",
            Self::Success => "pf-m-success",
            Self::Warning => "pf-m-warning",
            Self::Danger => "pf-m-danger",
        }
    }

    pub fn icon(self) -> Icon {
        match self {
            Self::Info => Icon::Info,
            Self::Success => Icon::Check,
            Self::Warning => Icon::Warning,
            Self::Danger => Icon::Alert,
        }
    }
}

#[derive(PartialEq, Properties)]
pub struct NoticeProps {
    pub kind: NoticeKind,
    pub title: AttrValue,
    #[prop_or_default]
    pub children: Html,
    #[prop_or_default]
    pub testid: Option<AttrValue>,
}

/// An inline message.
#[component]
pub fn Notice(props: &NoticeProps) -> Html {
    html! {
        <div class={classes!("pf-v6-c-alert", "pf-m-inline", props.kind.class())} data-testid={props.testid.clone()}>
            <div class="pf-v6-c-alert__icon">{ icon(props.kind.icon()) }</div>
            <p class="pf-v6-c-alert__title">{ &props.title }</p>
            if props.children != Html::default() {
                <div class="pf-v6-c-alert__description">{ props.children.clone() }</div>
            }
        </div>
    }
}
