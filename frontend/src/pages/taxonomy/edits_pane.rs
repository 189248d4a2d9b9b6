//! Everything that was done to a draft, the newest first; each edit can be undone, one's own or another's.

use std::collections::BTreeSet;

use arborist_shared::api::drafts::{DraftEntry, EntryKind};
use yew::prelude::*;

use super::names::use_names;
use super::workbench::Workbench;
use crate::components::{Ago, Button, Empty, Icon, Variant};
use crate::model::draft::{in_force, named, sentence};

/// Entries that are shown at first, and each time that more are asked for.
const SHOWN: usize = 100;

/// What an entry says.
pub fn entry_words(entry: &DraftEntry, name: &dyn Fn(&str) -> String) -> String {
    let words = sentence(&entry.edit, name);
    match entry.kind {
        EntryKind::Edit => words,
        EntryKind::Undo => format!("Undone: {words}"),
        EntryKind::Redo => format!("Redone: {words}"),
    }
}

/// How an entry looks that is not, or not by itself, in force.
fn off(entry: &DraftEntry, on: &BTreeSet<i64>) -> Option<&'static str> {
    match entry.kind {
        EntryKind::Undo | EntryKind::Redo => Some("ab-entry--quiet"),
        EntryKind::Edit => (!on.contains(&entry.revision)).then_some("ab-entry--off"),
    }
}

#[derive(PartialEq, Properties)]
pub struct EditsPaneProps {
    pub bench: Workbench,
    /// None: it stands alone.
    pub onclose: Option<Callback<()>>,
}

#[component]
pub fn EditsPane(props: &EditsPaneProps) -> Html {
    let bench = &props.bench;
    let most = use_state_eq(|| SHOWN);
    let entries = &bench.session.view.entries;
    let shown: Vec<&DraftEntry> = entries.iter().rev().take(*most).collect();
    let edits: Vec<_> = shown.iter().map(|entry| entry.edit.clone()).collect();
    let names = use_names(bench, named(&edits));
    let name = |id: &str| names.of(id);
    let on: BTreeSet<i64> = in_force(entries)
        .iter()
        .map(|entry| entry.revision)
        .collect();
    let is_open = bench.is_open();
    let turn = |entry: &DraftEntry, kind: EntryKind| {
        let (bench, of) = (bench.clone(), entry.revision);
        Callback::from(move |_: MouseEvent| bench.turn(kind, Some(of)))
    };
    let more = {
        let most = most.clone();
        Callback::from(move |_: MouseEvent| most.set(*most + SHOWN))
    };
    html! {
        <aside class="ab-pane" aria-label="Edits" data-testid="edits-pane">
            <header class="ab-pane__head"><span class="ab-pane__place">{ "Edits, the newest first" }</span>
                if let Some(onclose) = &props.onclose { <Button variant={Variant::Plain} icon={Icon::Close} title="Close" testid="pane-close" onclick={onclose.reform(|_| ())} /> }
            </header>
            <div class="ab-pane__body">
                if entries.is_empty() { <Empty icon={Icon::Pencil} title="No edits yet" compact=true>{ "Click a label with the right button, drag it, or press F2 to rename it." }</Empty> }
                <ol class="ab-entries">
                    for entry in shown.iter() {
                        <li key={entry.revision} class={classes!("ab-entry", off(entry, &on))} data-testid="draft-entry">
                            <p class="ab-entry__words" dir="auto">{ entry_words(entry, &name) }</p>
                            <p class="ab-muted">{ format!("{} · ", entry.author) }<Ago at={entry.at.clone()} /></p>
                            if is_open && entry.kind == EntryKind::Edit {
                                if on.contains(&entry.revision) {
                                    <Button label="Undo" variant={Variant::Link} small=true testid={format!("undo-{}", entry.revision)} onclick={turn(entry, EntryKind::Undo)} />
                                } else {
                                    <Button label="Redo" variant={Variant::Link} small=true testid={format!("redo-{}", entry.revision)} onclick={turn(entry, EntryKind::Redo)} />
                                }
                            }
                        </li>
                    }
                </ol>
                if entries.len() > *most { <Button label="Show older edits" testid="older-edits" onclick={more} /> }
            </div>
        </aside>
    }
}
