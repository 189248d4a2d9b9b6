//! Buttons in `PatternFly`'s dress. patternfly-yew's button gives up focus when clicked, which would throw
//! keyboard users out of their place, and takes no test id.

use yew::prelude::*;

use super::{Icon, icon};

/// How loud a button is; one primary per view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Variant {
    Primary,
    #[default]
    Secondary,
    Danger,
    Link,
    /// An icon alone, or text in a toolbar.
    Plain,
}

impl Variant {
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Primary => "pf-m-primary",
            Self::Secondary => "pf-m-secondary",
            Self::Danger => "pf-m-danger",
            Self::Link => "pf-m-link pf-m-inline",
            Self::Plain => "pf-m-plain",
        }
    }
}

#[derive(PartialEq, Properties)]
pub struct ButtonProps {
    #[prop_or_default]
    pub label: AttrValue,
    #[prop_or_default]
    pub variant: Variant,
    #[prop_or_default]
    pub icon: Option<Icon>,
    #[prop_or_default]
    pub onclick: Callback<MouseEvent>,
    #[prop_or_default]
    pub disabled: bool,
    /// The click is being worked on.
    #[prop_or_default]
    pub busy: bool,
    #[prop_or_default]
    pub small: bool,
    #[prop_or_default]
    pub submit: bool,
    #[prop_or_default]
    pub block: bool,
    /// Name for assistive technology and on hover, where the label does not stand on the button.
    #[prop_or_default]
    pub title: Option<AttrValue>,
    #[prop_or_default]
    pub testid: Option<AttrValue>,
    #[prop_or_default]
    pub class: Classes,
    #[prop_or_default]
    pub expanded: Option<bool>,
    #[prop_or_default]
    pub pressed: Option<bool>,
    #[prop_or_default]
    pub node: NodeRef,
}

/// A button.
#[component]
pub fn Button(props: &ButtonProps) -> Html {
    let class = classes!(
        "pf-v6-c-button",
        props.variant.class(),
        props.small.then_some("pf-m-small"),
        props.block.then_some("pf-m-block"),
        props.busy.then_some("pf-m-progress pf-m-in-progress"),
        props.class.clone(),
    );
    let aria_label = if props.label.is_empty() {
        props.title.clone()
    } else {
        None
    };
    html! {
        <button
            ref={props.node.clone()}
            type={if props.submit { "submit" } else { "button" }}
            {class}
            onclick={props.onclick.clone()}
            disabled={props.disabled || props.busy}
            title={props.title.clone()}
            aria-label={aria_label}
            aria-expanded={props.expanded.map(|value| value.to_string())}
            aria-pressed={props.pressed.map(|value| value.to_string())}
            aria-busy={props.busy.then_some("true")}
            data-testid={props.testid.clone()}
        >
            if props.busy {
                <span class="pf-v6-c-button__progress">{ super::states::spinner("md") }</span>
            }
            if let Some(kind) = props.icon {
                <span class={classes!("pf-v6-c-button__icon", (!props.label.is_empty()).then_some("pf-m-start"))}>{ icon(kind) }</span>
            }
            if !props.label.is_empty() {
                <span class="pf-v6-c-button__text">{ &props.label }</span>
            }
        </button>
    }
}
