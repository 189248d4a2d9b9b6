//! Addresses that lead nowhere.

use yew::prelude::*;

use crate::components::{Empty, Icon, RouteLink, Variant};
use crate::route::Route;

#[derive(PartialEq, Properties)]
pub struct NotFoundProps {
    /// What was looked for.
    pub what: AttrValue,
}

#[component]
pub fn NotFoundPage(props: &NotFoundProps) -> Html {
    html! {
        <div class="ab-page">
            <Empty
                icon={Icon::Search}
                title={format!("This {} does not exist", props.what)}
                testid="not-found"
                action={html! { <RouteLink to={Route::Projects} button={Variant::Primary}>{ "Go to the projects" }</RouteLink> }}
            >
                { "The address may be mistyped, or what stood there was deleted, or it is not yours to see." }
            </Empty>
        </div>
    }
}
