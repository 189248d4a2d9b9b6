//! A menu that opens from a button: arrows move, Escape closes and gives the focus back.

use gloo_events::EventListener;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, Node};
use yew::prelude::*;

use super::{Icon, icon};

#[derive(PartialEq, Properties)]
pub struct MenuProps {
    /// What stands on the button.
    pub toggle: Html,
    /// Name of the button for assistive technology.
    pub label: AttrValue,
    #[prop_or_default]
    pub testid: Option<AttrValue>,
    /// An icon alone, without frame and arrow.
    #[prop_or_default]
    pub plain: bool,
    /// Opens towards the left edge.
    #[prop_or_default]
    pub end: bool,
    /// Items: elements with `role="menuitem"` or `menuitemradio`.
    #[prop_or_default]
    pub children: Html,
}

/// A button with a menu.
#[component]
pub fn Menu(props: &MenuProps) -> Html {
    let open = use_state_eq(|| false);
    let root = use_node_ref();
    let list = use_node_ref();
    let button = use_node_ref();

    {
        let (root, list, open_setter) = (root.clone(), list.clone(), open.setter());
        use_effect_with(*open, move |open| {
            let mut listener = None;
            if *open {
                focus(&list, 0);
                if let Some(document) = web_sys::window().and_then(|window| window.document()) {
                    listener = Some(EventListener::new(&document, "pointerdown", move |event| {
                        let target = event
                            .target()
                            .and_then(|target| target.dyn_into::<Node>().ok());
                        let inside = root
                            .cast::<Node>()
                            .is_some_and(|root| root.contains(target.as_ref()));
                        if !inside {
                            open_setter.set(false);
                        }
                    }));
                }
            }
            move || drop(listener)
        });
    }

    let toggle = {
        let open = open.clone();
        Callback::from(move |_: MouseEvent| open.set(!*open))
    };
    let onkeydown = {
        let (open, list, button) = (open.clone(), list.clone(), button.clone());
        Callback::from(move |event: KeyboardEvent| {
            if !*open {
                if event.key() == "ArrowDown" {
                    event.prevent_default();
                    open.set(true);
                }
                return;
            }
            match event.key().as_str() {
                "Escape" => {
                    event.prevent_default();
                    event.stop_propagation();
                    open.set(false);
                    if let Some(button) = button.cast::<HtmlElement>() {
                        let _ = button.focus();
                    }
                }
                "Tab" => open.set(false),
                _ => focus_by_key(&list, &event),
            }
        })
    };
    let close = {
        let open = open.clone();
        Callback::from(move |_: MouseEvent| open.set(false))
    };
    html! {
        <div class={classes!("ab-menu", props.end.then_some("ab-menu--end"))} ref={root} {onkeydown}>
            <button
                ref={button}
                type="button"
                class={if props.plain { "pf-v6-c-button pf-m-plain" } else { "ab-menu__toggle" }}
                aria-haspopup="menu"
                aria-expanded={open.to_string()}
                aria-label={props.label.clone()}
                title={props.label.clone()}
                data-testid={props.testid.clone()}
                onclick={toggle}
            >
                { props.toggle.clone() }
                if !props.plain { <span class="ab-menu__arrow">{ icon(Icon::ChevronDown) }</span> }
            </button>
            if *open {
                <div class="ab-menu__list" role="menu" ref={list} aria-label={props.label.clone()} onclick={close}>{ props.children.clone() }</div>
            }
        </div>
    }
}

/// Moves the focus as a key says.
pub(super) fn focus_by_key(list: &NodeRef, event: &KeyboardEvent) {
    let step = match event.key().as_str() {
        "ArrowDown" => 1,
        "ArrowUp" => -1,
        "Home" => 0,
        _ => return,
    };
    event.prevent_default();
    focus(list, step);
}

/// Moves the focus by `step` items; 0 goes to the first.
pub(super) fn focus(list: &NodeRef, step: i32) {
    let Some(list) = list.cast::<HtmlElement>() else {
        return;
    };
    let Ok(items) = list.query_selector_all("[role^='menuitem']") else {
        return;
    };
    let items: Vec<HtmlElement> = (0..items.length())
        .filter_map(|index| items.item(index)?.dyn_into().ok())
        .collect();
    if items.is_empty() {
        return;
    }
    let active = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.active_element());
    let current = items.iter().position(|item| {
        active
            .as_ref()
            .is_some_and(|active| active.is_same_node(Some(item)))
    });
    let next = match (current, step) {
        (_, 0) | (None, _) => 0,
        (Some(current), step) => (current as i32 + step).rem_euclid(items.len() as i32) as usize,
    };
    let _ = items[next].focus();
}
