//! The bar below a draft: edits, who else is there, undo and redo, problems, impact, publishing.

use arborist_shared::api::drafts::EntryKind;
use yew::prelude::*;

use super::names::use_names;
use super::workbench::Workbench;
use crate::api;
use crate::app::Account;
use crate::components::{Button, Icon, Variant, icon};
use crate::format;
use crate::hooks::use_search;
use crate::model::draft::{in_force, named, sentence, turns};

#[derive(PartialEq, Properties)]
pub struct BarProps {
    pub bench: Workbench,
    /// What is open beside or instead of the tree.
    pub panel: String,
    /// Opens something else; nothing for the card.
    pub onpanel: Callback<&'static str>,
}

#[component]
pub fn Bar(props: &BarProps) -> Html {
    let bench = &props.bench;
    let view = &bench.session.view;
    let me = use_context::<Account>().map_or_else(String::new, |account| account.user.name);
    let (undo, redo) = turns(&view.entries, &me);
    let next: Vec<_> = undo
        .iter()
        .chain(&redo)
        .map(|entry| entry.edit.clone())
        .collect();
    let names = use_names(bench, named(&next));
    let problems = use_search((bench.source, bench.seen()), |(source, _)| async move {
        api::problems(source, None).await
    });
    let n_edits = in_force(&view.entries).len() as u64;
    let others: Vec<String> = bench
        .draft()
        .map(|draft| {
            draft
                .people
                .iter()
                .filter(|name| **name != me)
                .cloned()
                .collect()
        })
        .unwrap_or_default();
    let is_open = bench.is_open();
    let panel = |key: &'static str| {
        let target = if props.panel == key { "" } else { key };
        props.onpanel.reform(move |_: MouseEvent| target)
    };
    let turn = |kind: EntryKind| {
        let bench = bench.clone();
        Callback::from(move |_: MouseEvent| bench.turn(kind, None))
    };
    let title =
        |word: &str, entry: Option<&arborist_shared::api::drafts::DraftEntry>, keys: &str| {
            entry.map_or_else(
                || format!("Nothing of yours to {}", word.to_lowercase()),
                |entry| {
                    format!(
                        "{word} ({keys}): {}",
                        sentence(&entry.edit, &|id| names.of(id))
                    )
                },
            )
        };
    let (n_problems, n_new) = problems.data().map_or((0, 0), |found| {
        (
            found.n_problems,
            found.n_problems.saturating_sub(found.n_earlier),
        )
    });
    let problem_words = match (n_problems, n_new) {
        (0, _) => "No problems".to_owned(),
        (all, 0) => format::counted(all, "problem", "problems"),
        (all, new) => format!("{}, {new} new", format::counted(all, "problem", "problems")),
    };
    html! {
        <div class="ab-draft-bar" role="toolbar" aria-label="Draft" data-testid="draft-bar" aria-busy={(view.n_waiting > 0).then_some("true")}>
            <div class="ab-draft-bar__group">
                <Button icon={Icon::Undo} variant={Variant::Plain} title={title("Undo", undo, "Ctrl Z")} disabled={!is_open || undo.is_none()} testid="draft-undo" onclick={turn(EntryKind::Undo)} />
                <Button icon={Icon::Redo} variant={Variant::Plain} title={title("Redo", redo, "Ctrl Shift Z")} disabled={!is_open || redo.is_none()} testid="draft-redo" onclick={turn(EntryKind::Redo)} />
                <Button label={format::counted(n_edits, "edit", "edits")} pressed={Some(props.panel == "edits")} small=true testid="draft-edits" onclick={panel("edits")} />
                <Button label={problem_words} icon={if n_new > 0 { Icon::Warning } else { Icon::Check }} pressed={Some(props.panel == "problems")} small=true class={classes!((n_new > 0).then_some("ab-warn"))} testid="draft-problems" onclick={panel("problems")} />
            </div>
            <span class="ab-draft-bar__people" role="status" title={others.join(", ")} data-testid="draft-people">
                if !others.is_empty() { { icon(Icon::People) }<bdi>{ crate::format::middle(&others.join(", "), 40) }</bdi><span>{ if others.len() == 1 { "is here too" } else { "are here too" } }</span> }
            </span>
            <div class="ab-draft-bar__group">
                if props.panel == "impact" {
                    <Button label="Back to the labels" testid="draft-tree" onclick={panel("impact")} />
                } else {
                    <Button label="Preview impact" disabled={n_edits == 0} testid="draft-impact" onclick={panel("impact")} />
                    <Button label="Publish" variant={Variant::Primary} disabled={n_edits == 0 || !is_open} testid="draft-publish" onclick={panel("impact")} />
                }
            </div>
        </div>
    }
}
