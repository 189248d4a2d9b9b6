//! Links inside the dashboard: real addresses, so that a new tab, copying and middle click work.

use yew::prelude::*;
use yew_router::prelude::*;

use super::button::Variant;
use super::{Icon, icon};
use crate::hooks::url::Pairs;
use crate::route::Route;

#[derive(PartialEq, Properties)]
pub struct RouteLinkProps {
    pub to: Route,
    /// Pairs of the query.
    #[prop_or_default]
    pub query: Pairs,
    #[prop_or_default]
    pub class: Classes,
    /// Looks like a button.
    #[prop_or_default]
    pub button: Option<Variant>,
    #[prop_or_default]
    pub icon: Option<Icon>,
    #[prop_or_default]
    pub testid: Option<AttrValue>,
    /// The page that is open.
    #[prop_or_default]
    pub current: bool,
    #[prop_or_default]
    pub title: Option<AttrValue>,
    #[prop_or_default]
    pub role: Option<AttrValue>,
    #[prop_or_default]
    pub onclick: Callback<()>,
    #[prop_or_default]
    pub children: Html,
}

/// The address of a route with a query.
pub fn address(to: Route, query: &Pairs) -> String {
    let path = to.to_path();
    match serde_urlencoded::to_string(query) {
        Ok(query) if !query.is_empty() => format!("{path}?{query}"),
        _ => path,
    }
}

/// A link to a page.
#[component]
pub fn RouteLink(props: &RouteLinkProps) -> Html {
    let navigator = use_navigator();
    let onclick = {
        let (to, query, extra) = (props.to, props.query.clone(), props.onclick.clone());
        Callback::from(move |event: MouseEvent| {
            if event.meta_key() || event.ctrl_key() || event.shift_key() || event.alt_key() {
                return;
            }
            let Some(navigator) = &navigator else { return };
            event.prevent_default();
            extra.emit(());
            if query.is_empty() || navigator.push_with_query(&to, query.clone()).is_err() {
                navigator.push(&to);
            }
        })
    };
    let class = match props.button {
        Some(variant) => classes!("pf-v6-c-button", variant.class(), props.class.clone()),
        None => props.class.clone(),
    };
    let content = match (props.button, props.icon) {
        (Some(_), Some(kind)) => html! {
            <>
                <span class="pf-v6-c-button__icon pf-m-start">{ icon(kind) }</span>
                <span class="pf-v6-c-button__text">{ props.children.clone() }</span>
            </>
        },
        (Some(_), None) => {
            html! { <span class="pf-v6-c-button__text">{ props.children.clone() }</span> }
        }
        (None, _) => props.children.clone(),
    };
    html! {
        <a
            href={address(props.to, &props.query)}
            {class}
            {onclick}
            title={props.title.clone()}
            role={props.role.clone()}
            aria-current={props.current.then_some("page")}
            data-testid={props.testid.clone()}
        >
            { content }
        </a>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_carry_the_query() {
        assert_eq!(
            address(Route::Runs { project: 2 }, &Vec::new()),
            "/projects/2/runs"
        );
        assert_eq!(
            address(
                Route::Corpus { project: 2 },
                &vec![("label".into(), "a b/c".into())]
            ),
            "/projects/2/corpus?label=a+b%2Fc"
        );
    }
}
