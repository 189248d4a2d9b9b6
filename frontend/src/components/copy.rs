//! A button that puts a text on the clipboard.

use gloo_timers::callback::Timeout;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use yew::prelude::*;

use super::Icon;
use super::button::{Button, Variant};
use super::toast::{Toast, ToastKind, use_toaster};

#[derive(PartialEq, Properties)]
pub struct CopyProps {
    pub text: AttrValue,
    #[prop_or(AttrValue::Static("Copy"))]
    pub label: AttrValue,
    #[prop_or_default]
    pub testid: Option<AttrValue>,
}

/// Copies, and says so.
#[component]
pub fn CopyButton(props: &CopyProps) -> Html {
    let done = use_state_eq(|| false);
    let toaster = use_toaster();
    {
        let setter = done.setter();
        use_effect_with(*done, move |done| {
            let timeout = done.then(|| Timeout::new(2_000, move || setter.set(false)));
            move || drop(timeout)
        });
    }
    let onclick = {
        let (text, done) = (props.text.clone(), done.clone());
        Callback::from(move |_: MouseEvent| {
            let (text, done, toaster) = (text.clone(), done.clone(), toaster.clone());
            spawn_local(async move {
                // Pages that do not come over https, or from this machine, have no clipboard.
                let clipboard = web_sys::window()
                    .map(|window| window.navigator())
                    .filter(|navigator| {
                        js_sys::Reflect::get(navigator, &"clipboard".into())
                            .is_ok_and(|value| !value.is_undefined())
                    })
                    .map(|navigator| navigator.clipboard());
                let copied = match clipboard {
                    Some(clipboard) => JsFuture::from(clipboard.write_text(&text)).await.is_ok(),
                    None => false,
                };
                if copied {
                    done.set(true);
                } else {
                    toaster.show(
                        Toast::new(
                            ToastKind::Warning,
                            "The browser does not let this page copy",
                        )
                        .text("Select the text and copy it yourself."),
                    );
                }
            });
        })
    };
    html! { <Button label={if *done { AttrValue::Static("Copied") } else { props.label.clone() }} icon={if *done { Icon::Check } else { Icon::Copy }} variant={Variant::Secondary} small=true testid={props.testid.clone()} {onclick} /> }
}
