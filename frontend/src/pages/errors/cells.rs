//! What was predicted in place of what; every row opens the documents behind it.

use arborist_shared::api::analysis::{ConfusionCell, ConfusionPage};
use arborist_shared::confusion::ErrorKind;
use yew::prelude::*;

use super::documents::Documents;
use super::kinds::{self, KINDS};
use super::{Sight, look, place};
use crate::api;
use crate::components::field::{Choice, Select};
use crate::components::{Button, Empty, Failure, Icon, Lines, Panel, Variant, show};
use crate::format;
use crate::hooks::{Page, UrlQuery, use_more, use_query};

#[derive(PartialEq, Properties)]
pub struct CellsProps {
    pub sight: Sight,
    /// Depth of the taxonomy.
    pub levels: u32,
    pub query: UrlQuery,
}

fn split_page(page: &ConfusionPage) -> Page<ConfusionCell> {
    Page {
        rows: page.cells.clone(),
        next: page.next.clone(),
    }
}

/// The word of a kind in addresses.
fn word(kind: ErrorKind) -> &'static str {
    KINDS
        .iter()
        .find(|(known, ..)| *known == kind)
        .map_or("", |(_, word, ..)| word)
}

fn id(label: Option<&arborist_shared::api::analysis::PlacedLabel>) -> String {
    label.map(|label| label.label.clone()).unwrap_or_default()
}

#[component]
pub fn Cells(props: &CellsProps) -> Html {
    let query = &props.query;
    let (level, under) = (query.text("level"), query.text("label"));
    // What is right is of no interest here, unless it is asked for.
    let kind = query.get("kind").unwrap_or("wrong").to_owned();
    let asked = (props.sight.clone(), level.clone(), under, kind.clone());
    let first = use_query(asked.clone(), |(sight, level, under, kind)| async move {
        api::confusion(sight.run, sight.split, &level, &under, &kind, "").await
    });
    let more = use_more(first.data(), split_page, move |cursor| {
        let (sight, level, under, kind) = asked.clone();
        async move {
            api::confusion(sight.run, sight.split, &level, &under, &kind, &cursor)
                .await
                .map(|page| split_page(&page))
        }
    });
    let (gold, predicted, open) = (
        query.text("gold"),
        query.text("predicted"),
        query.text("open"),
    );
    let set = |name: &'static str| {
        let query = query.clone();
        Callback::from(move |value: String| look(&query, &[(name, Some(value))]))
    };
    let mut level_choices: Vec<Choice> = vec![("".into(), "Each label by itself".into())];
    level_choices.extend((1..=props.levels).map(|level| {
        (
            level.to_string().into(),
            format!("Collapsed to level {level}").into(),
        )
    }));
    let mut kind_choices: Vec<Choice> = vec![
        ("wrong".into(), "All errors".into()),
        ("all".into(), "Everything".into()),
    ];
    kind_choices.extend(
        KINDS
            .iter()
            .map(|(_, word, name, _)| ((*word).into(), (*name).into())),
    );
    let shown = !open.is_empty();
    html! {
        <Panel title="What goes where" testid="errors-cells" hint="Each end that is right beside what was predicted in its place. A row opens the documents behind it.">
            <div class="ab-toolbar">
                <Select id="errors-level" label="Level" value={level} onchange={set("level")} choices={level_choices} testid="errors-level" />
                <Select id="errors-kind" label="Kind" value={kind.clone()} onchange={set("kind")} choices={kind_choices} testid="errors-kind" />
                if let Some(page) = first.data() { <span class="ab-toolbar__count" role="status" data-testid="cells-total">{ format::counted(page.total, "end", "ends") }</span> }
            </div>
            { show(&first, html! { <Lines count={8} /> }, |page| if page.cells.is_empty() { html! {
                <Empty icon={Icon::Check} title="Nothing of the kind" testid="cells-empty">{ "No document fits what was picked." }</Empty>
            } } else { html! {
                <div class="ab-scroll" tabindex="0" role="region" aria-label="What goes where">
                    <table class="ab-table" data-testid="cells">
                        <thead><tr><th scope="col" class="ab-number">{ "Ends" }</th><th scope="col"><span class="pf-v6-screen-reader">{ "Documents" }</span></th><th scope="col">{ "Kind" }</th><th scope="col">{ "Right" }</th><th scope="col">{ "Predicted" }</th></tr></thead>
                        <tbody>{ for more.rows.iter().map(|cell| row(query, cell, shown && gold == id(cell.gold.as_ref()) && predicted == id(cell.predicted.as_ref()) && open == word(cell.kind))) }</tbody>
                    </table>
                </div>
            } }) }
            if let Some(error) = &more.error { <Failure error={error.clone()} retry={more.load.clone()} compact=true /> }
            if more.has_more { <Button label="Show more" busy={more.loading} testid="more-cells" onclick={more.load.reform(|_| ())} /> }
            if shown { <Documents sight={props.sight.clone()} level={query.text("level")} {gold} {predicted} kind={open} /> }
        </Panel>
    }
}

fn row(query: &UrlQuery, cell: &ConfusionCell, is_open: bool) -> Html {
    let (gold, predicted) = (id(cell.gold.as_ref()), id(cell.predicted.as_ref()));
    let onclick = {
        let (query, open) = (query.clone(), word(cell.kind).to_owned());
        let (gold, predicted) = (gold.clone(), predicted.clone());
        Callback::from(move |_: MouseEvent| {
            if is_open {
                look(&query, &[]);
            } else {
                look(
                    &query,
                    &[
                        ("gold", Some(gold.clone())),
                        ("predicted", Some(predicted.clone())),
                        ("open", Some(open.clone())),
                    ],
                );
            }
        })
    };
    html! {
        <tr key={format!("{gold} {predicted} {}", word(cell.kind))} class={is_open.then_some("ab-table__row--selected")} data-testid="cell">
            <td class="ab-number" data-count={cell.count.to_string()}>{ format::count(cell.count) }</td>
            <td><Button label={if is_open { "Close" } else { "Documents" }} variant={Variant::Link} small=true testid="open-cell" {onclick} /></td>
            <td>{ kinds::name(cell.kind) }</td>
            <td>{ place(cell.gold.as_ref(), "nothing") }</td>
            <td>{ place(cell.predicted.as_ref(), "nothing") }</td>
        </tr>
    }
}
