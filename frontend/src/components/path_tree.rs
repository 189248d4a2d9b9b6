//! The labels of a document as a small tree: those that were given strong, their ancestors muted.

use yew::prelude::*;

use super::label_path::{LabelRef, use_label_cards};
use crate::model::path_tree::rows;

#[derive(PartialEq, Properties)]
pub struct PathTreeProps {
    /// Name paths, topmost first.
    pub paths: Vec<Vec<String>>,
    /// Where the labels are from; none: the newest version.
    #[prop_or_default]
    pub taxonomy: Option<i64>,
}

/// Label paths as a tree.
#[component]
pub fn PathTree(props: &PathTreeProps) -> Html {
    let cards = use_label_cards();
    let paths: Vec<&[String]> = props.paths.iter().map(Vec::as_slice).collect();
    let open = |path: &[String]| {
        let (cards, label) = (cards.clone(), LabelRef::path(props.taxonomy, path));
        Callback::from(move |_: MouseEvent| cards.open(label.clone()))
    };
    html! {
        <ul class="ab-tree-small" role="list">
            for row in rows(&paths) {
                <li
                    key={row.path.join("\u{1f}")}
                    class={classes!("ab-tree-small__row", (!row.entries.is_empty()).then_some("ab-tree-small__row--given"))}
                    style={format!("--depth: {}; --level: var(--ab-level-{})", row.depth() - 1, (row.depth() - 1) % 6 + 1)}
                    title={row.path.join(" › ")}
                >
                    <span class="ab-path__dot" aria-hidden="true" /><button type="button" class="ab-bare" onclick={open(&row.path)}><bdi>{ row.short_name() }</bdi></button>
                </li>
            }
        </ul>
    }
}
