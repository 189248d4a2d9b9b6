//! Filters that are not always at hand: level, source, date, when the labels changed.

use yew::prelude::*;

use crate::api::{self, DocumentQuery};
use crate::components::field::{Choice, Field, Input, Select};
use crate::hooks::{use_query, use_url_query};

/// Their names in the address.
pub const NAMES: [&str; 6] = [
    "level",
    "source",
    "from",
    "to",
    "labelled_from",
    "labelled_to",
];

#[derive(PartialEq, Properties)]
pub struct MoreFiltersProps {
    pub taxonomy: Option<i64>,
    pub wanted: DocumentQuery,
}

/// A fold with the fields; it is open where one of them is set.
#[component]
pub fn MoreFilters(props: &MoreFiltersProps) -> Html {
    let query = use_url_query();
    let taxonomy = use_query(props.taxonomy, |taxonomy| async move {
        match taxonomy {
            Some(taxonomy) => api::taxonomy(taxonomy).await.map(Some),
            None => Ok(None),
        }
    });
    let depth = taxonomy
        .data()
        .and_then(|answer| answer.as_ref().as_ref().map(|it| it.taxonomy.depth))
        .unwrap_or(0);
    let wanted = &props.wanted;
    let fields = [
        &wanted.level,
        &wanted.source,
        &wanted.from,
        &wanted.to,
        &wanted.labelled_from,
        &wanted.labelled_to,
    ];
    let is_set = fields.iter().any(|text| !text.is_empty());
    let set = |name: &'static str| {
        let query = query.clone();
        Callback::from(move |value: String| query.set(&[(name, Some(value)), ("document", None)]))
    };
    let mut levels: Vec<Choice> = vec![
        ("".into(), "Any level".into()),
        ("0".into(), "No label applies".into()),
    ];
    levels.extend((1..=depth).map(|level| {
        let title = format!("Level {level}");
        (level.to_string().into(), title.into())
    }));
    html! {
        <details class="ab-fold ab-more-filters" open={is_set}><summary data-testid="more-filters">{ "Level, source and date" }</summary>
            <div class="ab-form__row">
                <Field id="level" label="Deepest label on"><Select id="level" value={wanted.level.clone()} onchange={set("level")} choices={levels} testid="document-level" /></Field>
                <Field id="source" label="Source"><Input id="source" value={wanted.source.clone()} onchange={set("source")} testid="document-source" /></Field>
                <Field id="from" label="Dated from"><Input id="from" placeholder="2023" value={wanted.from.clone()} onchange={set("from")} testid="document-from" /></Field>
                <Field id="to" label="Dated up to"><Input id="to" placeholder="2024-05" value={wanted.to.clone()} onchange={set("to")} testid="document-to" /></Field>
                <Field id="labelled-from" label="Labels changed from"><Input id="labelled-from" placeholder="2026-11-01" value={wanted.labelled_from.clone()} onchange={set("labelled_from")} testid="document-labelled-from" /></Field>
                <Field id="labelled-to" label="Labels changed up to"><Input id="labelled-to" placeholder="2026-11" value={wanted.labelled_to.clone()} onchange={set("labelled_to")} testid="document-labelled-to" /></Field>
            </div>
        </details>
    }
}
