//! Timers, window events and the title as hooks.

use std::cell::RefCell;
use std::rc::Rc;

use gloo_events::EventListener;
use gloo_timers::callback::{Interval, Timeout};
use wasm_bindgen::JsCast;
use web_sys::{Blob, BlobPropertyBag, HtmlElement, Url};
use yew::prelude::*;

/// Calls back every `milliseconds` while `active` and the page is visible.
#[hook]
pub fn use_interval(milliseconds: u32, active: bool, callback: Callback<()>) {
    let latest = use_mut_ref(Callback::<()>::noop);
    *latest.borrow_mut() = callback;
    use_effect_with((milliseconds, active), move |(milliseconds, active)| {
        let interval = active.then(|| {
            let latest: Rc<RefCell<Callback<()>>> = latest.clone();
            Interval::new(*milliseconds, move || {
                if !is_hidden() {
                    let callback = latest.borrow().clone();
                    callback.emit(());
                }
            })
        });
        move || drop(interval)
    });
}

/// Whether the tab is in the background.
pub fn is_hidden() -> bool {
    web_sys::window()
        .and_then(|window| window.document())
        .is_some_and(|document| document.hidden())
}

/// The present time, renewed every `milliseconds`.
#[hook]
pub fn use_now(milliseconds: u32) -> f64 {
    let now = use_state(js_sys::Date::now);
    let setter = now.setter();
    use_interval(
        milliseconds,
        true,
        Callback::from(move |()| setter.set(js_sys::Date::now())),
    );
    *now
}

/// A value that has stood still for `milliseconds`.
#[hook]
pub fn use_debounced<T: Clone + PartialEq + 'static>(value: T, milliseconds: u32) -> T {
    let settled = use_state(|| value.clone());
    {
        let setter = settled.setter();
        use_effect_with(value, move |value| {
            let value = value.clone();
            let timeout = Timeout::new(milliseconds, move || setter.set(value));
            move || drop(timeout)
        });
    }
    (*settled).clone()
}

/// Listens to an event of the window for the life of the component.
#[hook]
pub fn use_window_event(name: &'static str, callback: Callback<Event>) {
    let latest = use_mut_ref(Callback::<Event>::noop);
    *latest.borrow_mut() = callback;
    use_effect_with(name, move |name| {
        let listener = web_sys::window().map(|window| {
            EventListener::new(&window, *name, move |event| {
                let callback = latest.borrow().clone();
                callback.emit(event.clone());
            })
        });
        move || drop(listener)
    });
}

/// Gives the person a file. A browser that refuses does nothing.
pub fn save_file(name: &str, kind: &str, text: &str) {
    let save = || {
        let document = web_sys::window()?.document()?;
        let options = BlobPropertyBag::new();
        options.set_type(kind);
        let parts = js_sys::Array::of1(&text.into());
        let blob = Blob::new_with_str_sequence_and_options(&parts, &options).ok()?;
        let address = Url::create_object_url_with_blob(&blob).ok()?;
        let link = document.create_element("a").ok()?;
        link.set_attribute("href", &address).ok()?;
        link.set_attribute("download", name).ok()?;
        link.dyn_into::<HtmlElement>().ok()?.click();
        Url::revoke_object_url(&address).ok()
    };
    let _: Option<()> = save();
}

/// Writes the title of the window: `Runs · News desk · Arborist`.
#[hook]
pub fn use_title(parts: Vec<String>) {
    use_effect_with(parts, |parts| {
        if let Some(document) = web_sys::window().and_then(|window| window.document()) {
            let mut parts: Vec<&str> = parts
                .iter()
                .map(String::as_str)
                .filter(|part| !part.is_empty())
                .collect();
            parts.push("Arborist");
            document.set_title(&parts.join(" · "));
        }
    });
}
