//! The labels of a document as a small tree: those that were given strong, their ancestors muted.

use yew::prelude::*;

use crate::model::path_tree::rows;

#[derive(PartialEq, Properties)]
pub struct PathTreeProps {
    /// Name paths, topmost first.
    pub paths: Vec<Vec<String>>,
}

/// Label paths as a tree.
#[component]
pub fn PathTree(props: &PathTreeProps) -> Html {
    let paths: Vec<&[String]> = props.paths.iter().map(Vec::as_slice).collect();
    html! {
        <ul class="ab-tree-small" role="list">
            for row in rows(&paths) {
                <li
                    key={row.path.join("\u{1f}")}
                    class={classes!("ab-tree-small__row", (!row.entries.is_empty()).then_some("ab-tree-small__row--given"))}
                    style={format!("--depth: {}; --level: var(--ab-level-{})", row.depth() - 1, (row.depth() - 1) % 6 + 1)}
                    title={row.path.join(" › ")}
                >
                    <span class="ab-path__dot" aria-hidden="true" /><bdi>{ row.short_name() }</bdi>
                </li>
            }
        </ul>
    }
}
