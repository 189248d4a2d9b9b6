//! The dashboard: a single page in WebAssembly on top of `/api/v1`.
//!
//! `pages/` draws, `components/` are the parts, `hooks/` hold state, `model/` computes without a browser,
//! `api` is the only place that fetches. It deliberately knows nothing that the server does not tell it.

pub mod api;
pub mod app;
pub mod charts;
pub mod components;
pub mod format;
pub mod hooks;
pub mod model;
pub mod pages;
pub mod route;
pub mod shell;

/// Draws the dashboard into the page's `#app`.
pub fn start() {
    std::panic::set_hook(Box::new(app::tell_of_panic));
    let root = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.get_element_by_id("app"));
    match root {
        Some(root) => drop(yew::Renderer::<app::App>::with_root(root).render()),
        None => drop(yew::Renderer::<app::App>::new().render()),
    }
}
