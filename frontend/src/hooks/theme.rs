//! Light, dark, or as the system says; remembered in this browser.

use gloo_events::EventListener;
use web_sys::MediaQueryList;
use yew::prelude::*;

/// What the person chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThemeChoice {
    Light,
    Dark,
    #[default]
    System,
}

impl ThemeChoice {
    fn word(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
            Self::System => "system",
        }
    }

    fn from_word(word: &str) -> Self {
        match word {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::System,
        }
    }
}

/// The theme in force; charts draw themselves anew when it changes.
#[derive(Clone, PartialEq)]
pub struct Theme {
    pub dark: bool,
    pub choice: ThemeChoice,
    pub choose: Callback<ThemeChoice>,
}

const KEY: &str = "arborist:theme";

fn storage() -> Option<web_sys::Storage> {
    web_sys::window()?.local_storage().ok().flatten()
}

/// Text remembered in this browser.
pub fn remembered(key: &str) -> Option<String> {
    storage()?.get_item(key).ok().flatten()
}

/// Remembers a text in this browser; a browser that does not want to is left alone.
pub fn remember(key: &str, value: &str) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(key, value);
    }
}

/// What the system prefers, and whoever tells when that changes.
fn system_query() -> Option<MediaQueryList> {
    web_sys::window()?
        .match_media("(prefers-color-scheme: dark)")
        .ok()
        .flatten()
}

fn system_is_dark() -> bool {
    system_query().is_some_and(|query| query.matches())
}

fn apply(dark: bool) {
    let root = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.document_element());
    if let Some(root) = root {
        let _ = root
            .class_list()
            .toggle_with_force("pf-v6-theme-dark", dark);
    }
}

/// Gives [`use_theme`] to everything below.
#[component]
pub fn ThemeProvider(props: &yew::html::ChildrenProps) -> Html {
    let choice = use_state(|| {
        remembered(KEY)
            .map(|word| ThemeChoice::from_word(&word))
            .unwrap_or_default()
    });
    // Systems turn dark in the evening, under pages that are open.
    let system = use_state_eq(system_is_dark);
    {
        let system = system.setter();
        use_effect_with((), move |()| {
            let listener = system_query().map(|query| {
                EventListener::new(&query, "change", move |_| system.set(system_is_dark()))
            });
            move || drop(listener)
        });
    }
    let dark = match *choice {
        ThemeChoice::Light => false,
        ThemeChoice::Dark => true,
        ThemeChoice::System => *system,
    };
    // Before the children draw, so that charts read the right colors.
    use_memo(dark, |dark| apply(*dark));
    let choose = use_callback((), {
        let setter = choice.setter();
        move |choice: ThemeChoice, ()| {
            remember(KEY, choice.word());
            setter.set(choice);
        }
    });
    html! {
        <ContextProvider<Theme> context={Theme { dark, choice: *choice, choose }}>{ props.children.clone() }</ContextProvider<Theme>>
    }
}

/// The theme in force.
#[hook]
pub fn use_theme() -> Theme {
    use_context::<Theme>().unwrap_or(Theme {
        dark: false,
        choice: ThemeChoice::System,
        choose: Callback::noop(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_read_back() {
        for choice in [ThemeChoice::Light, ThemeChoice::Dark, ThemeChoice::System] {
            assert_eq!(ThemeChoice::from_word(choice.word()), choice);
        }
        assert_eq!(ThemeChoice::from_word("sepia"), ThemeChoice::System);
    }
}
