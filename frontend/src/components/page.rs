//! The frame of a page: header with actions, panels, explanations of words.

use yew::prelude::*;

use super::{Icon, icon};

#[derive(PartialEq, Properties)]
pub struct PageHeaderProps {
    pub title: AttrValue,
    #[prop_or_default]
    pub subtitle: Html,
    /// What stands before the title: links to where one came from.
    #[prop_or_default]
    pub trail: Html,
    /// Beside the title: a status.
    #[prop_or_default]
    pub mark: Html,
    #[prop_or_default]
    pub actions: Html,
}

/// Title, one line about it, and the page's actions. The title takes the focus when a page opens.
#[component]
pub fn PageHeader(props: &PageHeaderProps) -> Html {
    html! {
        <header class="ab-header">
            <div class="ab-header__text">
                if props.trail != Html::default() { <nav class="ab-trail" aria-label="Trail">{ props.trail.clone() }</nav> }
                <div class="ab-header__line">
                    <h1 class="ab-header__title" tabindex="-1" id="page-title" dir="auto">{ &props.title }</h1>
                    { props.mark.clone() }
                </div>
                if props.subtitle != Html::default() { <div class="ab-header__subtitle">{ props.subtitle.clone() }</div> }
            </div>
            if props.actions != Html::default() { <div class="ab-header__actions">{ props.actions.clone() }</div> }
        </header>
    }
}

#[derive(PartialEq, Properties)]
pub struct PanelProps {
    #[prop_or_default]
    pub title: Option<AttrValue>,
    #[prop_or_default]
    pub hint: Option<AttrValue>,
    #[prop_or_default]
    pub actions: Html,
    #[prop_or_default]
    pub class: Classes,
    /// No inner margin: tables and lists reach the edge.
    #[prop_or_default]
    pub flush: bool,
    #[prop_or_default]
    pub testid: Option<AttrValue>,
    #[prop_or_default]
    pub children: Html,
}

/// A framed part of a page.
#[component]
pub fn Panel(props: &PanelProps) -> Html {
    html! {
        <section class={classes!("ab-panel", props.flush.then_some("ab-panel--flush"), props.class.clone())} data-testid={props.testid.clone()} aria-label={props.title.clone()}>
            if props.title.is_some() || props.actions != Html::default() {
                <div class="ab-panel__head">
                    if let Some(title) = &props.title {
                        <h2 class="ab-panel__title">{ title }
                            if let Some(hint) = &props.hint { <Hint text={hint.clone()} /> }
                        </h2>
                    }
                    <div class="ab-panel__actions">{ props.actions.clone() }</div>
                </div>
            }
            <div class="ab-panel__body">{ props.children.clone() }</div>
        </section>
    }
}

#[derive(PartialEq, Properties)]
pub struct HintProps {
    pub text: AttrValue,
}

/// One sentence about a word, on hover and on focus.
#[component]
pub fn Hint(props: &HintProps) -> Html {
    html! {
        <span class="ab-hint" tabindex="0" role="note" aria-label={props.text.clone()} data-text={props.text.clone()}>{ icon(Icon::Info) }</span>
    }
}
