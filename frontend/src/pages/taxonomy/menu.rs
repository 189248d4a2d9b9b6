//! What can be done to a label, in a menu: at the tree's rows, and on the card.

use arborist_shared::api::drafts::DraftLabel;
use yew::prelude::*;

use super::workbench::{Task, Workbench};
use crate::components::Icon;
use crate::components::context_menu::{ContextMenu, item};

#[derive(PartialEq, Properties)]
pub struct LabelMenuProps {
    pub bench: Workbench,
    pub label: DraftLabel,
    /// Id of the parent at the place where the label was met.
    pub parent: Option<String>,
    pub at: (i32, i32),
    pub onclose: Callback<()>,
}

/// The menu of a row.
#[component]
pub fn LabelMenu(props: &LabelMenuProps) -> Html {
    html! {
        <ContextMenu at={props.at} label={format!("Edit {}", props.label.name)} onclose={props.onclose.clone()}>
            { items(&props.bench, &props.label, props.parent.as_deref()) }
        </ContextMenu>
    }
}

/// All that can be done to a label.
pub fn items(bench: &Workbench, label: &DraftLabel, parent: Option<&str>) -> Html {
    let one = |kind: Icon, words: &'static str, keys, testid, task: Task| {
        let (bench, label, parent) = (bench.clone(), label.clone(), parent.map(str::to_owned));
        let ask = Callback::from(move |_: MouseEvent| {
            bench.ask(task, Some(label.clone()), parent.clone());
        });
        item(kind, words, keys, testid, ask)
    };
    let use_words = if label.deprecated {
        one(
            Icon::Archive,
            "Use again",
            "",
            "do-reinstate",
            Task::Reinstate,
        )
    } else {
        one(
            Icon::Archive,
            "Deprecate",
            "",
            "do-deprecate",
            Task::Deprecate,
        )
    };
    html! {
        <>
            { one(Icon::Plus, "Add a label below", "Ins", "do-add-below", Task::AddBelow) }
            { one(Icon::Plus, "Add a label beside", "⇧ Ins", "do-add-beside", Task::AddBeside) }
            <hr class="ab-menu__rule" />
            { one(Icon::Pencil, "Rename", "F2", "do-rename", Task::Rename) }
            { one(Icon::Corpus, "Edit details", "", "do-describe", Task::Describe) }
            <hr class="ab-menu__rule" />
            { one(Icon::Move, "Move", "Ctrl X, V", "do-move", Task::Move) }
            { one(Icon::Branch, "Add a parent", "", "do-add-parent", Task::AddParent) }
            { one(Icon::Merge, "Merge", "", "do-merge", Task::Merge) }
            { one(Icon::Split, "Split", "", "do-split", Task::Split) }
            <hr class="ab-menu__rule" />
            { use_words }
            { one(Icon::Trash, "Delete", "Del", "do-delete", Task::Delete) }
        </>
    }
}
