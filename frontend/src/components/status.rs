//! Small marks: a job's status, a time.

use arborist_shared::api::jobs::JobStatus;
use yew::prelude::*;

use super::{Icon, icon};
use crate::format;
use crate::hooks::use_now;

/// The status as people say it.
pub fn status_word(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Queued => "Queued",
        JobStatus::Running => "Running",
        JobStatus::Succeeded => "Succeeded",
        JobStatus::Failed => "Failed",
        JobStatus::Cancelled => "Cancelled",
    }
}

#[derive(PartialEq, Properties)]
pub struct StatusChipProps {
    pub status: JobStatus,
}

/// A status with color, shape and word, so that none of them has to be told apart alone.
#[component]
pub fn StatusChip(props: &StatusChipProps) -> Html {
    let (class, mark) = match props.status {
        JobStatus::Queued => ("ab-status--queued", icon(Icon::Clock)),
        JobStatus::Running => (
            "ab-status--running",
            html! { <span class="ab-pulse" aria-hidden="true" /> },
        ),
        JobStatus::Succeeded => ("ab-status--succeeded", icon(Icon::Check)),
        JobStatus::Failed => ("ab-status--failed", icon(Icon::Alert)),
        JobStatus::Cancelled => ("ab-status--cancelled", icon(Icon::Stop)),
    };
    let word = serde_json::to_value(props.status)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned));
    html! {
        <span class={classes!("ab-status", class)} data-status={word}>{ mark }<span>{ status_word(props.status) }</span></span>
    }
}

#[derive(PartialEq, Properties)]
pub struct AgoProps {
    /// RFC 3339.
    pub at: AttrValue,
}

/// A time in words, the exact one on hover.
#[component]
pub fn Ago(props: &AgoProps) -> Html {
    let now = use_now(30_000);
    let Some(then) = format::parse_time(&props.at) else {
        return html! { <span>{ &props.at }</span> };
    };
    let exact = String::from(
        js_sys::Date::new(&then.into())
            .to_locale_string("en-GB", &wasm_bindgen::JsValue::UNDEFINED),
    );
    html! { <time datetime={props.at.clone()} title={exact}>{ format::relative(now, then) }</time> }
}
