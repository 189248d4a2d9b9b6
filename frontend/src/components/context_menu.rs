//! A menu at a place of the page, as a click with the right button opens it.

use gloo_events::EventListener;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, Node};
use yew::prelude::*;

use super::menu::{focus, focus_by_key};
use super::{Icon, icon};
use crate::hooks::use_window_event;

#[derive(PartialEq, Properties)]
pub struct ContextMenuProps {
    /// Place in the window, in pixels from its left and upper edge.
    pub at: (i32, i32),
    /// What the menu is about.
    pub label: AttrValue,
    /// Closed, with or without a choice.
    pub onclose: Callback<()>,
    /// Items: elements with `role="menuitem"`.
    pub children: Html,
}

/// A menu that is open as long as it is rendered. The focus goes back to where it was.
#[component]
pub fn ContextMenu(props: &ContextMenuProps) -> Html {
    let list = use_node_ref();
    let shift = use_state_eq(|| (0, 0));
    // A menu that would stick out of the window stands further inside.
    let fit = {
        let (list, shift, (x, y)) = (list.clone(), shift.setter(), props.at);
        Callback::from(move |()| {
            let root = web_sys::window()
                .and_then(|window| window.document())
                .and_then(|document| document.document_element());
            if let (Some(list), Some(root)) = (list.cast::<HtmlElement>(), root) {
                let over = |at: i32, size: i32, all: i32| (at + size + 8 - all).max(0).min(at);
                shift.set((
                    over(x, list.offset_width(), root.client_width()),
                    over(y, list.offset_height(), root.client_height()),
                ));
            }
        })
    };
    use_window_event("resize", fit.reform(|_| ()));
    {
        let (list, onclose) = (list.clone(), props.onclose.clone());
        use_effect_with(props.at, move |_| {
            fit.emit(());
            let document = web_sys::window().and_then(|window| window.document());
            let before = document
                .as_ref()
                .and_then(|document| document.active_element());
            focus(&list, 0);
            let inside = list.clone();
            let listener = document.map(|document| {
                EventListener::new(&document, "pointerdown", move |event| {
                    let target = event
                        .target()
                        .and_then(|target| target.dyn_into::<Node>().ok());
                    let is_inside = inside
                        .cast::<Node>()
                        .is_some_and(|list| list.contains(target.as_ref()));
                    if !is_inside {
                        onclose.emit(());
                    }
                })
            });
            move || {
                drop(listener);
                // A dialog that a choice has opened keeps the focus.
                let is_lost = web_sys::window()
                    .and_then(|window| window.document())
                    .and_then(|document| document.active_element())
                    .is_none_or(|active| active.tag_name() == "BODY");
                if let Some(before) =
                    before.and_then(|before| before.dyn_into::<HtmlElement>().ok())
                    && is_lost
                {
                    let _ = before.focus();
                }
            }
        });
    }
    let onkeydown = {
        let (list, onclose) = (list.clone(), props.onclose.clone());
        Callback::from(move |event: KeyboardEvent| match event.key().as_str() {
            "Escape" | "Tab" => {
                event.prevent_default();
                event.stop_propagation();
                onclose.emit(());
            }
            _ => focus_by_key(&list, &event),
        })
    };
    let (x, y) = (props.at.0 - shift.0, props.at.1 - shift.1);
    html! {
        <div
            ref={list}
            class="ab-menu__list ab-menu__list--free"
            role="menu"
            aria-label={props.label.clone()}
            style={format!("inset-block-start: {y}px; left: {x}px")}
            data-testid="context-menu"
            {onkeydown}
            onclick={props.onclose.reform(|_: MouseEvent| ())}
        >
            { props.children.clone() }
        </div>
    }
}

/// An item of a menu, with the key that does the same.
pub fn item(
    kind: Icon,
    words: &'static str,
    keys: &'static str,
    testid: &'static str,
    onclick: Callback<MouseEvent>,
) -> Html {
    html! {
        <button type="button" class="ab-menu__item" role="menuitem" tabindex="-1" data-testid={testid} {onclick}>
            { icon(kind) }<span>{ words }</span>
            if !keys.is_empty() { <kbd class="ab-menu__keys" aria-hidden="true">{ keys }</kbd> }
        </button>
    }
}
