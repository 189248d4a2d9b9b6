//! How many documents the labels below a label have, as areas and as a table; one goes down by a click or a key and up by
//! the path, which stands in the address.

use std::collections::HashMap;
use std::rc::Rc;

use arborist_shared::api::corpora::{CorpusStatistics, LabelSupport};
use yew::prelude::*;

use crate::charts::treemap::{MOST as MOST_TILES, Tile, Treemap, as_svg, largest};
use crate::components::figure::ShareBar;
use crate::components::{Button, Icon, Panel, Variant};
use crate::format;
use crate::hooks::{save_file, use_url_query};
use crate::model::treemap::{Tone, csv};

/// Children that the table names; beyond, the rest is counted.
const MOST: usize = 200;

/// The labels by their first parent, the most frequent first.
struct Index {
    /// Positions of labels by the id of their parent; none for those at the top.
    below: HashMap<Option<String>, Vec<usize>>,
    at: HashMap<String, usize>,
}

impl Index {
    fn new(labels: &[LabelSupport]) -> Self {
        let mut below: HashMap<Option<String>, Vec<usize>> = HashMap::new();
        for (at, label) in labels.iter().enumerate() {
            below.entry(label.parent.clone()).or_default().push(at);
        }
        for children in below.values_mut() {
            children.sort_by(|a, b| {
                let (a, b) = (&labels[*a], &labels[*b]);
                let by_support = b.n_documents.cmp(&a.n_documents);
                by_support.then_with(|| a.name.cmp(&b.name))
            });
        }
        let at = labels.iter().enumerate();
        Self {
            below,
            at: at.map(|(at, label)| (label.id.clone(), at)).collect(),
        }
    }

    /// Positions of the labels below one, or at the top.
    fn children(&self, of: Option<&str>) -> &[usize] {
        let found = self.below.get(&of.map(str::to_owned));
        found.map_or(&[], Vec::as_slice)
    }

    /// A label with those above it, topmost first.
    fn trail<'a>(&self, labels: &'a [LabelSupport], id: &str) -> Vec<&'a LabelSupport> {
        let find = |id: &str| labels.get(*self.at.get(id)?);
        let mut trail = Vec::new();
        let mut above = find(id);
        while let Some(label) = above {
            trail.push(label);
            above = label.parent.as_deref().and_then(find);
        }
        trail.reverse();
        trail
    }

    /// A label and everything below it, in the order of the tree.
    fn subtree(&self, labels: &[LabelSupport], of: Option<&str>) -> Vec<usize> {
        let mut open: Vec<usize> = self.children(of).iter().rev().copied().collect();
        let mut found = Vec::new();
        while let Some(at) = open.pop() {
            found.push(at);
            open.extend(self.children(Some(&labels[at].id)).iter().rev());
        }
        found
    }

    fn tile(&self, labels: &[LabelSupport], at: usize, most_below: usize) -> Tile {
        let label = &labels[at];
        let children = self.children(Some(&label.id));
        let below = match most_below {
            0 => Vec::new(),
            most => {
                let tiles = children.iter().map(|child| self.tile(labels, *child, 0));
                largest(tiles.collect(), most)
            }
        };
        Tile {
            id: label.id.clone(),
            name: label.name.clone(),
            size: label.n_documents as f64,
            tone: Tone::Level(label.level),
            words: format!(
                "{}: {}",
                label.name,
                format::counted(label.n_documents, "document", "documents")
            ),
            opens: !children.is_empty(),
            below,
        }
    }
}

/// Tiles that are drawn within each tile.
const MOST_BELOW: usize = 40;

/// The labels below one as a table for other programs.
fn table(labels: &[LabelSupport], rows: &[usize]) -> String {
    let head = [
        "label",
        "name",
        "parent",
        "level",
        "documents",
        "deepest",
        "train",
        "validation",
        "test",
    ];
    let rows = rows.iter().map(|at| {
        let label = &labels[*at];
        vec![
            label.id.clone(),
            label.name.clone(),
            label.parent.clone().unwrap_or_default(),
            label.level.to_string(),
            label.n_documents.to_string(),
            label.n_deepest.to_string(),
            label.splits.train.to_string(),
            label.splits.validation.to_string(),
            label.splits.test.to_string(),
        ]
    });
    csv(std::iter::once(head.map(str::to_owned).to_vec()).chain(rows))
}

#[derive(PartialEq, Properties)]
pub struct SupportProps {
    pub statistics: Rc<CorpusStatistics>,
}

#[component]
pub fn Support(props: &SupportProps) -> Html {
    let query = use_url_query();
    let statistics = &props.statistics;
    let labels = &statistics.labels;
    let drawing = use_node_ref();
    let index = use_memo(Rc::as_ptr(statistics) as usize, |_| Index::new(labels));
    let trail = index.trail(labels, &query.text("label"));
    let here: Option<String> = trail.last().map(|label| label.id.clone());
    let tiles = use_memo(
        (Rc::as_ptr(statistics) as usize, here.clone()),
        |(_, here)| {
            let children = index.children(here.as_deref()).iter();
            let tiles = children.map(|at| index.tile(labels, *at, MOST_BELOW));
            largest(tiles.collect(), MOST_TILES)
        },
    );
    let children = index.children(here.as_deref());
    let most = children
        .first()
        .map_or(1, |at| labels[*at].n_documents.max(1));
    let go = |id: Option<String>| {
        let query = query.clone();
        Callback::from(move |_: MouseEvent| query.push(&[("label", id.clone())]))
    };
    let ondown = {
        let query = query.clone();
        Callback::from(move |id: String| query.push(&[("label", Some(id))]))
    };
    let onup = here.is_some().then(|| {
        let (query, above) = (query.clone(), trail.iter().rev().nth(1));
        let above = above.map(|label| label.id.clone());
        Callback::from(move |()| query.push(&[("label", above.clone())]))
    });
    let name = here.clone().unwrap_or_else(|| "all labels".to_owned());
    let save_svg = {
        let (drawing, name) = (drawing.clone(), name.clone());
        Callback::from(move |_: MouseEvent| {
            if let Some(svg) = as_svg(&drawing) {
                save_file(&format!("support of {name}.svg"), "image/svg+xml", &svg);
            }
        })
    };
    let save_csv = {
        let (statistics, index, here) = (statistics.clone(), index.clone(), here.clone());
        Callback::from(move |_: MouseEvent| {
            let rows = index.subtree(&statistics.labels, here.as_deref());
            let text = table(&statistics.labels, &rows);
            save_file(&format!("support of {name}.csv"), "text/csv", &text);
        })
    };
    let actions = html! {
        <>
            <Button label="SVG" icon={Icon::Download} variant={Variant::Link} small=true title="Save the picture" disabled={tiles.is_empty()} testid="support-svg" onclick={save_svg} />
            <Button label="CSV" icon={Icon::Download} variant={Variant::Link} small=true title="Save the figures, with all labels below" disabled={children.is_empty()} testid="support-csv" onclick={save_csv} />
        </>
    };
    let said = format!(
        "Support of {}, the most frequent first",
        format::counted(children.len() as u64, "label", "labels")
    );
    html! {
        <Panel title="Support of labels" hint="Documents with a label or one below it. A document with several labels counts for each, so that areas compare labels beside each other." {actions} testid="statistics-support">
            <nav class="ab-climb" aria-label="Path">
                <Button label="All labels" variant={Variant::Link} disabled={trail.is_empty()} testid="support-top" onclick={go(None)} />
                for (position, label) in trail.iter().enumerate() {
                    <span aria-hidden="true">{ " › " }</span>
                    <Button label={label.name.clone()} variant={Variant::Link} disabled={position + 1 == trail.len()} onclick={go(Some(label.id.clone()))} />
                }
            </nav>
            if children.is_empty() { <p class="ab-muted">{ "No label is below this one." }</p> }
            else if tiles.is_empty() { <p class="ab-muted">{ "No document has a label of these." }</p> }
            else { <Treemap {tiles} label={said} {ondown} {onup} node={drawing} testid="support-treemap" /> }
            if !children.is_empty() {
                <div class="ab-scroll" tabindex="0" role="region" aria-label="Support">
                    <table class="ab-table" data-testid="support-table">
                        <thead><tr><th scope="col">{ "Label" }</th><th scope="col" class="ab-number">{ "Documents" }</th><th scope="col"><span class="pf-v6-screen-reader">{ "Share" }</span></th><th scope="col" class="ab-number">{ "Train" }</th><th scope="col" class="ab-number">{ "Validation" }</th><th scope="col" class="ab-number">{ "Test" }</th></tr></thead>
                        <tbody>
                            for label in children.iter().take(MOST).map(|at| &labels[*at]) {
                                <tr key={label.id.clone()}>
                                    <td dir="auto">
                                        if !index.children(Some(&label.id)).is_empty() {
                                            <Button label={label.name.clone()} variant={Variant::Link} onclick={go(Some(label.id.clone()))} />
                                        } else { { &label.name } }
                                        if label.splits.train < statistics.rare_below { <span class="ab-muted">{ " rare" }</span> }
                                    </td>
                                    <td class="ab-number">{ format::count(label.n_documents) }</td>
                                    <td class="ab-table__bar" title={format!("{} of the most frequent one beside it", format::percent(label.n_documents as f64 / most as f64))}><ShareBar share={label.n_documents as f64 / most as f64} /></td>
                                    <td class="ab-number">{ format::count(label.splits.train) }</td>
                                    <td class="ab-number">{ format::count(label.splits.validation) }</td>
                                    <td class="ab-number">{ format::count(label.splits.test) }</td>
                                </tr>
                            }
                        </tbody>
                    </table>
                </div>
            }
            if children.len() > MOST { <p class="ab-muted">{ format!("and {} more with fewer documents", format::count((children.len() - MOST) as u64)) }</p> }
        </Panel>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn labels() -> Vec<LabelSupport> {
        let label = |id: &str, parent: Option<&str>, n: u64| {
            json!({"id": id, "name": id.to_uppercase(), "parent": parent, "level": 1, "n_documents": n, "n_deepest": 0,
                "splits": {"train": n, "validation": 0, "test": 0}})
        };
        let all = [
            label("a", None, 3),
            label("b", None, 7),
            label("b1", Some("b"), 2),
            label("b2", Some("b"), 6),
            label("b21", Some("b2"), 1),
        ];
        serde_json::from_value(json!(all)).expect("labels")
    }

    #[test]
    fn one_goes_down_and_up() {
        let labels = labels();
        let index = Index::new(&labels);
        assert_eq!(index.children(None), [1, 0], "the most frequent first");
        assert_eq!(index.children(Some("b")), [3, 2]);
        let trail = index.trail(&labels, "b21");
        let ids: Vec<&str> = trail.iter().map(|label| label.id.as_str()).collect();
        assert_eq!(ids, ["b", "b2", "b21"]);
        assert!(index.trail(&labels, "nowhere").is_empty());
        let tile = index.tile(&labels, 1, MOST_BELOW);
        assert_eq!((tile.below.len(), tile.opens), (2, true));
        assert!(tile.below[0].below.is_empty(), "two levels are drawn");
    }

    #[test]
    fn the_table_has_everything_below() {
        let labels = labels();
        let index = Index::new(&labels);
        let text = table(&labels, &index.subtree(&labels, Some("b")));
        let firsts: Vec<&str> = text
            .lines()
            .filter_map(|line| line.split(',').next())
            .collect();
        assert_eq!(firsts, ["label", "b2", "b21", "b1"]);
        assert_eq!(
            table(&labels, &index.subtree(&labels, None))
                .lines()
                .count(),
            6
        );
    }
}
