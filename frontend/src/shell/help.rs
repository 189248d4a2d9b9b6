//! Keys that hold everywhere, and the list of them that `?` opens.

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, KeyboardEvent};
use yew::prelude::*;
use yew_router::prelude::*;

use crate::components::{Dialog, RouteLink};
use crate::hooks::use_window_event;
use crate::route::Route;

#[derive(PartialEq, Properties)]
pub struct KeysProps {
    pub project: Option<i64>,
    pub onhelp: Callback<()>,
    pub onsearch: Callback<()>,
}

/// Whether a key belongs to what has the focus and not to the page.
pub fn is_typing(event: &KeyboardEvent) -> bool {
    if event.ctrl_key() || event.meta_key() || event.alt_key() || event.default_prevented() {
        return true;
    }
    let Some(element) = event
        .target()
        .and_then(|target| target.dyn_into::<Element>().ok())
    else {
        return false;
    };
    matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
        || element
            .closest("dialog, [role='menu']")
            .ok()
            .flatten()
            .is_some()
}

fn destination(letter: &str, project: i64) -> Option<Route> {
    Some(match letter {
        "o" => Route::Overview { project },
        "c" => Route::Corpus { project },
        "t" => Route::Taxonomy { project },
        "n" => Route::Train { project },
        "r" => Route::Runs { project },
        "y" => Route::TryIt { project },
        "s" => Route::Settings { project },
        "p" => Route::Projects,
        _ => return None,
    })
}

/// Listens to the keys of every page.
#[component]
pub fn Keys(props: &KeysProps) -> Html {
    let navigator = use_navigator();
    let going = use_mut_ref(|| false);
    let (project, onhelp, onsearch) = (props.project, props.onhelp.clone(), props.onsearch.clone());
    use_window_event(
        "keydown",
        Callback::from(move |event: Event| {
            let Ok(event) = event.dyn_into::<KeyboardEvent>() else {
                return;
            };
            // From anywhere, also from a field; the browser's own search bar stays on other keys.
            if (event.ctrl_key() || event.meta_key())
                && event.key().eq_ignore_ascii_case("k")
                && project.is_some()
            {
                event.prevent_default();
                onsearch.emit(());
                return;
            }
            if is_typing(&event) {
                return;
            }
            let key = event.key();
            if std::mem::take(&mut *going.borrow_mut()) {
                if let (Some(project), Some(navigator)) = (project, &navigator)
                    && let Some(route) = destination(&key, project)
                {
                    event.prevent_default();
                    navigator.push(&route);
                }
                return;
            }
            match key.as_str() {
                "?" => onhelp.emit(()),
                "g" => *going.borrow_mut() = true,
                "/" => {
                    let search = web_sys::window()
                        .and_then(|window| window.document())
                        .and_then(|document| {
                            document.query_selector("[data-search]").ok().flatten()
                        })
                        .and_then(|element| element.dyn_into::<HtmlElement>().ok());
                    event.prevent_default();
                    match search {
                        Some(search) => drop(search.focus()),
                        None => onsearch.emit(()),
                    }
                }
                _ => {}
            }
        }),
    );
    Html::default()
}

type Key = (&'static [&'static str], &'static str);

const EVERYWHERE: [Key; 4] = [
    (&["?"], "Show these keys"),
    (&["Ctrl", "K"], "Search labels, documents and runs"),
    (&["/"], "Search on this page"),
    (&["Esc"], "Close what is open"),
];

const GO: [Key; 8] = [
    (&["g", "o"], "Overview"),
    (&["g", "c"], "Corpus"),
    (&["g", "t"], "Taxonomy"),
    (&["g", "n"], "Train"),
    (&["g", "r"], "Runs"),
    (&["g", "y"], "Try it"),
    (&["g", "s"], "Settings"),
    (&["g", "p"], "Projects"),
];

fn page_keys(route: Route) -> &'static [Key] {
    match route {
        Route::Corpus { .. } => &[
            (&["J", "→"], "Next document"),
            (&["K", "←"], "Previous document"),
            (&["Home", "End"], "First and last document"),
            (&["Enter"], "Open the document"),
        ],
        Route::Taxonomy { .. } => &[
            (&["↑", "↓"], "Previous and next label"),
            (&["→", "←"], "Open and close a branch"),
            (&["*"], "Open all branches of this level"),
            (&["Home", "End"], "First and last label"),
            (&["Enter"], "Choose the label"),
            (&["a–z"], "Next label with this letter"),
            (&["⇧ F10"], "In a draft: what can be done to the label"),
            (&["F2"], "In a draft: rename it"),
            (&["Ins", "⇧ Ins"], "In a draft: add a label below, beside"),
            (&["Del"], "In a draft: delete it"),
            (
                &["Alt ↑", "Alt ↓"],
                "In a draft: move it among its siblings",
            ),
            (&["Alt →", "Alt ←"], "In a draft: move it a level down, up"),
            (
                &["Ctrl X", "Ctrl V"],
                "In a draft: cut it, put it below another",
            ),
            (&["Ctrl Z", "Ctrl Y"], "In a draft: undo, redo"),
            (&["1–9", "0"], "To review: choose a label, or none of them"),
            (&["Enter"], "To review: decide and go on"),
            (&["A"], "To review: accept what is proposed and go on"),
            (&["S", "K"], "To review: leave it for later, go back"),
            (&["U"], "To review: take the last decision back"),
        ],
        Route::TryIt { .. } => &[(&["Ctrl", "Enter"], "Classify the text")],
        Route::Runs { .. } => &[(&["Space"], "Select the run that has the focus")],
        _ => &[],
    }
}

#[derive(PartialEq, Properties)]
pub struct HelpProps {
    pub route: Route,
    pub onclose: Callback<()>,
}

/// The list of keys.
#[component]
pub fn Help(props: &HelpProps) -> Html {
    let list = |keys: &'static [Key]| {
        html! {
            <dl class="ab-keys">
                for (keys, meaning) in keys {
                    <div key={*meaning}><dt>for key in keys.iter() { <kbd key={*key}>{ *key }</kbd> }</dt><dd>{ *meaning }</dd></div>
                }
            </dl>
        }
    };
    let of_page = page_keys(props.route);
    html! {
        <Dialog title="Help" onclose={props.onclose.clone()} testid="help-dialog">
            <p>{ "How a project goes, step by step, and what the figures mean: " }<RouteLink to={Route::Guide} onclick={props.onclose.clone()} testid="open-guide">{ "the guide" }</RouteLink>{ "." }</p>
            if !of_page.is_empty() {
                <h3 class="ab-drawer__title">{ format!("Keys on the page {}", props.route.title()) }</h3>
                { list(of_page) }
            }
            <h3 class="ab-drawer__title">{ "Keys everywhere" }</h3>
            { list(&EVERYWHERE) }
            <h3 class="ab-drawer__title">{ "Go to" }</h3>
            { list(&GO) }
            <p class="ab-muted">{ "Everything the pages do is also an interface: " }<a href="/api/docs/">{ "try it" }</a>{ ", or read " }<a href="/api/openapi.json">{ "its description" }</a>{ "." }</p>
        </Dialog>
    }
}
