//! Settings: API keys and plugins.

pub mod keys;
pub mod plugins;

use yew::prelude::*;

use super::overview::ProjectProps;
use crate::components::PageHeader;
use crate::hooks::use_url_query;

#[component]
pub fn SettingsPage(_props: &ProjectProps) -> Html {
    let query = use_url_query();
    let current = if query.get("tab") == Some("plugins") {
        "plugins"
    } else {
        "keys"
    };
    let tab = |key: &'static str, title: &'static str| {
        let query = query.clone();
        let is_current = key == current;
        let choose =
            Callback::from(move |_: MouseEvent| query.push(&[("tab", Some(key.to_owned()))]));
        html! {
            <li class={classes!("pf-v6-c-tabs__item", is_current.then_some("pf-m-current"))} role="presentation">
                <button type="button" class="pf-v6-c-tabs__link" role="tab" id={format!("tab-{key}")} aria-selected={is_current.to_string()} aria-controls="tab-panel" data-testid={format!("tab-{key}")} onclick={choose}>
                    <span class="pf-v6-c-tabs__item-text">{ title }</span>
                </button>
            </li>
        }
    };
    html! {
        <div class="ab-page">
            <PageHeader title="Settings" />
            <div class="pf-v6-c-tabs ab-tabs"><ul class="pf-v6-c-tabs__list" role="tablist">{ tab("keys", "API keys") }{ tab("plugins", "Plugins") }</ul></div>
            <div id="tab-panel" role="tabpanel" aria-labeledby={format!("tab-{current}")}>
                if current == "plugins" { <plugins::PluginList /> } else { <keys::KeyRing /> }
            </div>
        </div>
    }
}
