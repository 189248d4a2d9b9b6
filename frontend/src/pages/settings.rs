//! Settings: API keys and plugins.

pub mod keys;
pub mod plugins;

use yew::prelude::*;

use super::overview::ProjectProps;
use crate::components::tabs::PANEL;
use crate::components::{PageHeader, Tabs};
use crate::hooks::use_url_query;

#[component]
pub fn SettingsPage(_props: &ProjectProps) -> Html {
    let query = use_url_query();
    let current = if query.get("tab") == Some("plugins") {
        "plugins"
    } else {
        "keys"
    };
    let onchoose = Callback::from(move |key: String| query.push(&[("tab", Some(key))]));
    let tabs = vec![("keys", "API keys".into()), ("plugins", "Plugins".into())];
    html! {
        <div class="ab-page">
            <PageHeader title="Settings" />
            <Tabs label="Settings" {tabs} {current} {onchoose} />
            <div id={PANEL} role="tabpanel" aria-labeledby={format!("tab-{current}")}>
                if current == "plugins" { <plugins::PluginList /> } else { <keys::KeyRing /> }
            </div>
        </div>
    }
}
