//! Documents of a label only: the label is chosen by typing a part of its name.

use arborist_shared::api::drafts::DraftLabel;
use yew::prelude::*;

use crate::api::{self, Source};
use crate::components::label_picker::LabelPicker;
use crate::components::{Icon, LabelPath, icon};
use crate::hooks::use_query;

#[derive(PartialEq, Properties)]
pub struct LabelFilterProps {
    pub taxonomy: i64,
    /// Id of the chosen label, or empty.
    pub label: String,
    pub onchange: Callback<String>,
}

/// A search field for labels, or the chosen one with a way to drop it.
#[component]
pub fn LabelFilter(props: &LabelFilterProps) -> Html {
    let source = Source::Version(props.taxonomy);
    let chosen = use_query(
        (source, props.label.clone()),
        |(source, label)| async move {
            match label.as_str() {
                "" => Ok(None),
                label => api::find_label(source, label).await,
            }
        },
    );
    if props.label.is_empty() {
        let onchoose = props.onchange.reform(|label: DraftLabel| label.id);
        return html! { <LabelPicker {source} id="label-filter" label="Filter by label" placeholder="All labels" {onchoose} testid="label-search" /> };
    }
    let path = chosen
        .data()
        .and_then(|card| card.as_ref().as_ref().map(|card| card.label.path.clone()))
        .unwrap_or_else(|| vec![props.label.clone()]);
    html! {
        <span class="ab-filter" data-testid="label-filter">
            <LabelPath {path} />
            <button type="button" class="ab-search__clear" aria-label="All labels" title="All labels" data-testid="label-filter-clear" onclick={props.onchange.reform(|_: MouseEvent| String::new())}>{ icon(Icon::Close) }</button>
        </span>
    }
}
