//! Modal dialogs on the browser's own `<dialog>`: it keeps the focus inside, closes on Escape and gives
//! the focus back, none of which patternfly-yew's modal does.

use web_sys::HtmlDialogElement;
use yew::prelude::*;

use super::Icon;
use super::button::{Button, Variant};

#[derive(PartialEq, Properties)]
pub struct DialogProps {
    pub title: AttrValue,
    pub onclose: Callback<()>,
    #[prop_or_default]
    pub footer: Html,
    /// Slides in from the side, as high as the window.
    #[prop_or_default]
    pub side: bool,
    #[prop_or_default]
    pub testid: Option<AttrValue>,
    #[prop_or_default]
    pub children: Html,
}

/// Shown as long as it is rendered.
#[component]
pub fn Dialog(props: &DialogProps) -> Html {
    let node = use_node_ref();
    {
        let node = node.clone();
        use_effect_with((), move |()| {
            let dialog = node.cast::<HtmlDialogElement>();
            if let Some(dialog) = &dialog {
                // Fails only when it is open already.
                let _ = dialog.show_modal();
            }
            move || {
                if let Some(dialog) = dialog {
                    dialog.close();
                }
            }
        });
    }
    let oncancel = {
        let onclose = props.onclose.clone();
        Callback::from(move |event: Event| {
            event.prevent_default();
            onclose.emit(());
        })
    };
    // A click on the backdrop has the dialog itself as its target.
    let onclick = {
        let (onclose, node) = (props.onclose.clone(), node.clone());
        Callback::from(move |event: MouseEvent| {
            let hit = event.target_dyn_into::<HtmlDialogElement>();
            if hit.is_some() && hit == node.cast::<HtmlDialogElement>() {
                onclose.emit(());
            }
        })
    };
    html! {
        <dialog
            ref={node}
            class={classes!("ab-dialog", props.side.then_some("ab-dialog--side"))}
            aria-label={props.title.clone()}
            data-testid={props.testid.clone()}
            {oncancel}
            {onclick}
        >
            <div class="ab-dialog__frame">
                <header class="ab-dialog__head">
                    <h2 class="ab-dialog__title">{ &props.title }</h2>
                    <Button variant={Variant::Plain} icon={Icon::Close} title="Close" testid="dialog-close" onclick={props.onclose.reform(|_| ())} />
                </header>
                <div class="ab-dialog__body">{ props.children.clone() }</div>
                if props.footer != Html::default() { <footer class="ab-dialog__foot">{ props.footer.clone() }</footer> }
            </div>
        </dialog>
    }
}
