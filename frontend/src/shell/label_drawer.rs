//! The card of a label over any page: every label that stands somewhere opens it.

use yew::prelude::*;

use crate::components::Dialog;
use crate::components::label_path::{LabelCards as Cards, LabelRef};
use crate::pages::taxonomy::facts::{LabelFacts, Wanted};

#[derive(PartialEq, Properties)]
pub struct LabelCardsProps {
    pub project: Option<i64>,
    pub children: Html,
}

/// Holds the card that is open.
#[component]
pub fn LabelCards(props: &LabelCardsProps) -> Html {
    let shown = use_state_eq(|| None::<LabelRef>);
    let onopen = use_callback((), {
        let shown = shown.setter();
        move |label: LabelRef, ()| shown.set(Some(label))
    });
    // A card of a project that was left would ask the wrong one.
    {
        let shown = shown.setter();
        use_effect_with(props.project, move |_| shown.set(None));
    }
    let close = {
        let shown = shown.setter();
        Callback::from(move |()| shown.set(None))
    };
    let taxonomy = shown.as_ref().and_then(|label| label.taxonomy);
    let choose = onopen.reform(move |id: String| LabelRef::id(taxonomy, &id));
    html! {
        <ContextProvider<Cards> context={Cards { onopen }}>
            { props.children.clone() }
            if let (Some(project), Some(label)) = (props.project, (*shown).clone()) {
                <Dialog title="Label" side=true onclose={close.clone()} testid="label-drawer">
                    <div class="ab-pane__body ab-pane__body--bare"><LabelFacts {project} wanted={Wanted::Label(label)} onchoose={choose} elsewhere=true onleave={close} /></div>
                </Dialog>
            }
        </ContextProvider<Cards>>
    }
}
