//! What became of the ends of label paths, by kind; one of them can be picked.

use std::rc::Rc;

use arborist_shared::api::analysis::Analysis;
use arborist_shared::confusion::ErrorKind;
use yew::prelude::*;

use super::{look, percent_of, share};
use crate::components::figure::ShareBar;
use crate::components::{Button, Panel, Variant};
use crate::format;
use crate::hooks::UrlQuery;
use crate::pages::overview::stat;

/// Kind, its word in the address, its name, and what it means.
pub const KINDS: [(ErrorKind, &str, &str, &str); 7] = [
    (ErrorKind::Right, "right", "Right", "predicted as it is"),
    (
        ErrorKind::TooShallow,
        "too_shallow",
        "Too shallow",
        "the prediction ends above what is right",
    ),
    (
        ErrorKind::TooDeep,
        "too_deep",
        "Too deep",
        "the prediction goes on below what is right",
    ),
    (
        ErrorKind::WrongSibling,
        "wrong_sibling",
        "Wrong sibling",
        "another label below the same parent",
    ),
    (
        ErrorKind::WrongBranch,
        "wrong_branch",
        "Wrong branch",
        "a label elsewhere in the tree",
    ),
    (
        ErrorKind::Missed,
        "missed",
        "Missed",
        "nothing was predicted for it",
    ),
    (
        ErrorKind::Extra,
        "extra",
        "Extra",
        "predicted beyond what is right",
    ),
];

/// Name of a kind.
pub fn name(kind: ErrorKind) -> &'static str {
    KINDS
        .iter()
        .find(|(known, ..)| *known == kind)
        .map_or("", |(_, _, name, _)| name)
}

#[derive(PartialEq, Properties)]
pub struct KindsProps {
    pub analysis: Rc<Analysis>,
    pub query: UrlQuery,
}

#[component]
pub fn Kinds(props: &KindsProps) -> Html {
    let (analysis, query) = (&props.analysis, &props.query);
    let total: u64 = analysis.kinds.iter().map(|it| it.count).sum();
    let picked = query.text("kind");
    let count = |kind: ErrorKind| {
        let found = analysis.kinds.iter().find(|it| it.kind == kind);
        found.map_or(0, |it| it.count)
    };
    let effect = &analysis.decoding;
    html! {
        <Panel title="Kinds of errors" testid="errors-kinds" hint="A set of labels is looked at through the ends of its paths; what lies above them follows.">
            <dl class="ab-stats">
                { stat(format::count(analysis.documents), "documents") }
                { stat(percent_of(analysis.right_documents, analysis.documents), "with all labels right") }
                { stat(format!("{:.2}", analysis.mean_distance), "edges from right to predicted, on average") }
                { stat(format::count(effect.contradictions), "raw sets that contradict the tree") }
            </dl>
            <div class="ab-scroll" tabindex="0" role="region" aria-label="Kinds of errors">
                <table class="ab-table" data-testid="kinds">
                    <thead><tr><th scope="col">{ "Kind" }</th><th scope="col">{ "Meaning" }</th><th scope="col" class="ab-number">{ "Ends" }</th><th scope="col" class="ab-number">{ "Share" }</th><th scope="col"><span class="pf-v6-screen-reader">{ "Bar" }</span></th></tr></thead>
                    <tbody>
                        for (kind, word, name, meaning) in KINDS {
                            <tr key={word} class={(picked == word).then_some("ab-table__row--selected")} data-testid={format!("kind-{word}")}>
                                <td><Button label={name} variant={Variant::Link} disabled={count(kind) == 0} testid={format!("pick-{word}")} onclick={ let query = query.clone(); Callback::from(move |_: MouseEvent| look(&query, &[("kind", Some(word.to_owned()))])) } /></td>
                                <td class="ab-muted">{ meaning }</td>
                                <td class="ab-number" data-count={count(kind).to_string()}>{ format::count(count(kind)) }</td>
                                <td class="ab-number">{ percent_of(count(kind), total) }</td>
                                <td class="ab-table__bar"><ShareBar share={share(count(kind), total)} /></td>
                            </tr>
                        }
                    </tbody>
                </table>
            </div>
            if effect.changed > 0 {
                <p class="ab-muted" data-testid="decoding-effect">{ format!("Decoding changed the sets of {}: it added {}, of which {} are right, and took {}, of which {} are right.",
                    format::counted(effect.changed, "document", "documents"), format::counted(effect.added, "label", "labels"), format::count(effect.added_right), format::count(effect.removed), format::count(effect.removed_right)) }</p>
            }
        </Panel>
    }
}
