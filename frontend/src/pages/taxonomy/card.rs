//! The card of a label beside the tree.

use yew::prelude::*;

use super::facts::LabelFacts;
use crate::components::label_path::LabelRef;
use crate::components::{Button, Icon, Variant};
use crate::hooks::use_url_query;

#[derive(PartialEq, Properties)]
pub struct LabelCardProps {
    pub project: i64,
    pub taxonomy: i64,
    pub label: String,
    pub onclose: Callback<()>,
}

#[component]
pub fn LabelCard(props: &LabelCardProps) -> Html {
    let query = use_url_query();
    let choose = Callback::from(move |label: String| query.set(&[("label", Some(label))]));
    html! {
        <aside class="ab-pane" aria-label="Label" data-testid="label-card">
            <header class="ab-pane__head"><span class="ab-pane__place">{ "Label" }</span>
                <Button variant={Variant::Plain} icon={Icon::Close} title="Close" testid="label-close" onclick={props.onclose.reform(|_| ())} />
            </header>
            <div class="ab-pane__body">
                <LabelFacts project={props.project} label={LabelRef::id(Some(props.taxonomy), &props.label)} onchoose={choose} />
            </div>
        </aside>
    }
}
