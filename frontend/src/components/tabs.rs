//! Tabs that change what a page shows; which one is open stands in the address.

use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct TabsProps {
    /// Name of the tabs for assistive technology.
    pub label: AttrValue,
    /// Key and title of each.
    pub tabs: Vec<(&'static str, AttrValue)>,
    pub current: AttrValue,
    pub onchoose: Callback<String>,
}

/// Id of the element that the tabs change.
pub const PANEL: &str = "tab-panel";

/// A row of tabs.
#[component]
pub fn Tabs(props: &TabsProps) -> Html {
    let tab = |(key, title): &(&'static str, AttrValue)| {
        let is_current = props.current == *key;
        let key = *key;
        let choose = props.onchoose.reform(move |_: MouseEvent| key.to_owned());
        html! {
            <li {key} class={classes!("pf-v6-c-tabs__item", is_current.then_some("pf-m-current"))} role="presentation">
                <button type="button" class="pf-v6-c-tabs__link" role="tab" id={format!("tab-{key}")} aria-selected={is_current.to_string()} aria-controls={PANEL} data-testid={format!("tab-{key}")} onclick={choose}>
                    <span class="pf-v6-c-tabs__item-text">{ title }</span>
                </button>
            </li>
        }
    };
    html! {
        <div class="pf-v6-c-tabs ab-tabs"><ul class="pf-v6-c-tabs__list" role="tablist" aria-label={props.label.clone()}>{ for props.tabs.iter().map(tab) }</ul></div>
    }
}
