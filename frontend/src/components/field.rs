//! Form fields with label, help, and what is wrong with them, tied together for assistive technology.

use web_sys::{HtmlInputElement, HtmlSelectElement, HtmlTextAreaElement};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct FieldProps {
    /// Id of the control, which `children` must carry.
    pub id: AttrValue,
    pub label: AttrValue,
    #[prop_or_default]
    pub help: Option<Html>,
    #[prop_or_default]
    pub error: Option<AttrValue>,
    #[prop_or_default]
    pub required: bool,
    /// Beside the label.
    #[prop_or_default]
    pub aside: Html,
    #[prop_or_default]
    pub class: Classes,
    pub children: Html,
}

/// Label, control, help and error.
#[component]
pub fn Field(props: &FieldProps) -> Html {
    html! {
        <div class={classes!("ab-field", props.class.clone())}>
            <div class="ab-field__head">
                <label class="ab-field__label" for={props.id.clone()}>{ &props.label }
                    if props.required { <span class="ab-field__required" aria-hidden="true">{ " *" }</span> }
                </label>
                { props.aside.clone() }
            </div>
            { props.children.clone() }
            if let Some(error) = &props.error {
                <p class="ab-field__error" id={format!("{}-error", props.id)} role="alert">{ error }</p>
            }
            if let Some(help) = &props.help {
                <div class="ab-field__help" id={format!("{}-help", props.id)}>{ help.clone() }</div>
            }
        </div>
    }
}

#[derive(PartialEq, Properties)]
pub struct InputProps {
    pub id: AttrValue,
    pub value: AttrValue,
    pub onchange: Callback<String>,
    #[prop_or(AttrValue::Static("text"))]
    pub kind: AttrValue,
    #[prop_or_default]
    pub placeholder: Option<AttrValue>,
    #[prop_or_default]
    pub autocomplete: Option<AttrValue>,
    #[prop_or_default]
    pub inputmode: Option<AttrValue>,
    #[prop_or_default]
    pub invalid: bool,
    #[prop_or_default]
    pub required: bool,
    #[prop_or_default]
    pub disabled: bool,
    #[prop_or_default]
    pub autofocus: bool,
    /// Name where there is no visible label.
    #[prop_or_default]
    pub label: Option<AttrValue>,
    #[prop_or_default]
    pub testid: Option<AttrValue>,
    #[prop_or_default]
    pub node: NodeRef,
}

/// A one-line text.
#[component]
pub fn Input(props: &InputProps) -> Html {
    let oninput = props.onchange.reform(|event: InputEvent| {
        event
            .target_dyn_into::<HtmlInputElement>()
            .map(|input| input.value())
            .unwrap_or_default()
    });
    {
        let node = props.node.clone();
        use_effect_with(props.autofocus, move |autofocus| {
            if *autofocus && let Some(input) = node.cast::<HtmlInputElement>() {
                let _ = input.focus();
            }
        });
    }
    html! {
        <span class={classes!("pf-v6-c-form-control", props.invalid.then_some("pf-m-error"), props.disabled.then_some("pf-m-disabled"))}>
            <input
                ref={props.node.clone()}
                id={props.id.clone()}
                type={props.kind.clone()}
                value={props.value.clone()}
                placeholder={props.placeholder.clone()}
                autocomplete={props.autocomplete.clone()}
                inputmode={props.inputmode.clone()}
                required={props.required}
                disabled={props.disabled}
                aria-label={props.label.clone()}
                aria-invalid={props.invalid.then_some("true")}
                aria-describedby={if props.invalid { format!("{}-error", props.id) } else { format!("{}-help", props.id) }}
                dir="auto"
                data-testid={props.testid.clone()}
                {oninput}
            />
        </span>
    }
}

#[derive(PartialEq, Properties)]
pub struct TextAreaProps {
    pub id: AttrValue,
    pub value: AttrValue,
    pub onchange: Callback<String>,
    #[prop_or(8)]
    pub rows: u32,
    #[prop_or_default]
    pub placeholder: Option<AttrValue>,
    #[prop_or_default]
    pub testid: Option<AttrValue>,
    #[prop_or_default]
    pub onkeydown: Callback<KeyboardEvent>,
}

/// A text of several lines.
#[component]
pub fn TextArea(props: &TextAreaProps) -> Html {
    let oninput = props.onchange.reform(|event: InputEvent| {
        event
            .target_dyn_into::<HtmlTextAreaElement>()
            .map(|input| input.value())
            .unwrap_or_default()
    });
    html! {
        <span class="pf-v6-c-form-control pf-m-textarea pf-m-resize-vertical">
            <textarea
                id={props.id.clone()}
                rows={props.rows.to_string()}
                value={props.value.clone()}
                placeholder={props.placeholder.clone()}
                dir="auto"
                data-testid={props.testid.clone()}
                onkeydown={props.onkeydown.clone()}
                {oninput}
            />
        </span>
    }
}

/// A choice: its value and how it reads.
pub type Choice = (AttrValue, AttrValue);

#[derive(PartialEq, Properties)]
pub struct SelectProps {
    pub id: AttrValue,
    pub value: AttrValue,
    pub choices: Vec<Choice>,
    pub onchange: Callback<String>,
    #[prop_or_default]
    pub disabled: bool,
    #[prop_or_default]
    pub invalid: bool,
    #[prop_or_default]
    pub label: Option<AttrValue>,
    #[prop_or_default]
    pub testid: Option<AttrValue>,
}

/// One of several.
#[component]
pub fn Select(props: &SelectProps) -> Html {
    let onchange = props.onchange.reform(|event: Event| {
        event
            .target_dyn_into::<HtmlSelectElement>()
            .map(|select| select.value())
            .unwrap_or_default()
    });
    html! {
        <span class={classes!("pf-v6-c-form-control", "ab-select", props.disabled.then_some("pf-m-disabled"))}>
            <select
                id={props.id.clone()}
                {onchange}
                disabled={props.disabled}
                aria-label={props.label.clone()}
                aria-invalid={props.invalid.then_some("true")}
                data-testid={props.testid.clone()}
            >
                for (value, text) in props.choices.iter() {
                    <option key={value.to_string()} value={value.clone()} selected={*value == props.value}>{ text }</option>
                }
            </select>
            <span class="ab-select__arrow">{ super::icon(super::Icon::ChevronDown) }</span>
        </span>
    }
}

#[derive(PartialEq, Properties)]
pub struct CheckboxProps {
    pub id: AttrValue,
    pub checked: bool,
    pub onchange: Callback<bool>,
    /// Name where there is no visible label.
    #[prop_or_default]
    pub label: Option<AttrValue>,
    #[prop_or_default]
    pub text: Option<AttrValue>,
    #[prop_or_default]
    pub disabled: bool,
    #[prop_or_default]
    pub testid: Option<AttrValue>,
}

/// On or off.
#[component]
pub fn Checkbox(props: &CheckboxProps) -> Html {
    let onchange = props.onchange.reform(|event: Event| {
        event
            .target_dyn_into::<HtmlInputElement>()
            .is_some_and(|input| input.checked())
    });
    html! {
        <div class={classes!("pf-v6-c-check", props.text.is_none().then_some("pf-m-standalone"))}>
            <input
                class="pf-v6-c-check__input"
                type="checkbox"
                id={props.id.clone()}
                checked={props.checked}
                disabled={props.disabled}
                aria-label={props.label.clone()}
                data-testid={props.testid.clone()}
                {onchange}
            />
            if let Some(text) = &props.text { <label class="pf-v6-c-check__label" for={props.id.clone()}>{ text }</label> }
        </div>
    }
}

#[derive(PartialEq, Properties)]
pub struct SearchProps {
    pub id: AttrValue,
    pub value: AttrValue,
    pub onchange: Callback<String>,
    pub label: AttrValue,
    #[prop_or_default]
    pub testid: Option<AttrValue>,
    #[prop_or_default]
    pub onkeydown: Callback<KeyboardEvent>,
    #[prop_or_default]
    pub node: NodeRef,
}

/// A search field; `/` puts the focus into it.
#[component]
pub fn Search(props: &SearchProps) -> Html {
    let oninput = props.onchange.reform(|event: InputEvent| {
        event
            .target_dyn_into::<HtmlInputElement>()
            .map(|input| input.value())
            .unwrap_or_default()
    });
    let clear = props.onchange.reform(|_: MouseEvent| String::new());
    html! {
        <div class="ab-search">
            <span class="ab-search__icon">{ super::icon(super::Icon::Search) }</span>
            <input
                ref={props.node.clone()}
                id={props.id.clone()}
                type="search"
                class="ab-search__input"
                value={props.value.clone()}
                placeholder={props.label.clone()}
                aria-label={props.label.clone()}
                aria-keyshortcuts="/"
                data-search="true"
                data-testid={props.testid.clone()}
                autocomplete="off"
                spellcheck="false"
                dir="auto"
                onkeydown={props.onkeydown.clone()}
                {oninput}
            />
            if !props.value.is_empty() {
                <button type="button" class="ab-search__clear" aria-label="Clear the search" onclick={clear}>{ super::icon(super::Icon::Close) }</button>
            }
        </div>
    }
}
