//! Choosing a label by typing a part of its path.

use arborist_shared::api::drafts::DraftLabel;
use web_sys::HtmlElement;
use yew::prelude::*;

use super::{Icon, LabelPath, icon};
use crate::api::{self, Source};
use crate::format;
use crate::hooks::{use_debounced, use_search};

/// Labels that are offered.
const OFFERED: u32 = 12;

#[derive(PartialEq, Properties)]
pub struct LabelPickerProps {
    pub source: Source,
    /// Tells the parts of one picker from those of another on the same page.
    pub id: AttrValue,
    /// What is chosen here, for assistive technology.
    pub label: AttrValue,
    pub placeholder: AttrValue,
    /// Ids of labels that cannot be chosen.
    #[prop_or_default]
    pub except: Vec<String>,
    pub onchoose: Callback<DraftLabel>,
    #[prop_or_default]
    pub autofocus: bool,
    /// `/` puts the focus into it.
    #[prop_or_default]
    pub search_key: bool,
    pub testid: AttrValue,
}

/// On pressing, not on releasing: the field would lose the focus and the list would be gone before.
fn pick(choose: &Callback<DraftLabel>, label: &DraftLabel) -> Callback<MouseEvent> {
    let (choose, label) = (choose.clone(), label.clone());
    Callback::from(move |event: MouseEvent| {
        event.prevent_default();
        choose.emit(label.clone());
    })
}

/// A search field with the labels that it finds.
#[component]
pub fn LabelPicker(props: &LabelPickerProps) -> Html {
    let typed = use_state(String::new);
    let open = use_state_eq(|| false);
    let active = use_state_eq(|| 0_usize);
    let field = use_node_ref();
    let settled = use_debounced((*typed).clone(), 150);
    let found = use_search((props.source, settled), |(source, search)| async move {
        match search.trim() {
            "" => api::first_labels(source, "", OFFERED).await,
            words => api::found_labels(source, words, OFFERED).await,
        }
    });
    let labels: Vec<DraftLabel> = found
        .data()
        .map(|page| {
            let offered = page.labels.iter();
            let offered = offered.filter(|label| !props.except.contains(&label.id));
            offered.cloned().collect()
        })
        .unwrap_or_default();
    let at = (*active).min(labels.len().saturating_sub(1));
    {
        let field = field.clone();
        use_effect_with(props.autofocus, move |autofocus| {
            if *autofocus && let Some(field) = field.cast::<HtmlElement>() {
                let _ = field.focus();
            }
        });
    }

    let choose = {
        let (onchoose, open, typed) = (props.onchoose.clone(), open.clone(), typed.clone());
        Callback::from(move |label: DraftLabel| {
            open.set(false);
            typed.set(String::new());
            onchoose.emit(label);
        })
    };
    let onkeydown = {
        let (open, active, labels, choose, field) = (
            open.clone(),
            active.clone(),
            labels.clone(),
            choose.clone(),
            field.clone(),
        );
        Callback::from(move |event: KeyboardEvent| {
            match event.key().as_str() {
                "ArrowDown" => {
                    open.set(true);
                    active.set((at + 1).min(labels.len().saturating_sub(1)));
                }
                "ArrowUp" => active.set(at.saturating_sub(1)),
                "Enter" => match labels.get(at) {
                    Some(label) if *open => choose.emit(label.clone()),
                    _ => return,
                },
                "Escape" if *open => {
                    open.set(false);
                    if let Some(field) = field.cast::<HtmlElement>() {
                        let _ = field.focus();
                    }
                }
                _ => return,
            }
            event.prevent_default();
            event.stop_propagation();
        })
    };
    let oninput = {
        let (typed, open, active) = (typed.clone(), open.clone(), active.clone());
        Callback::from(move |event: InputEvent| {
            if let Some(input) = event.target_dyn_into::<web_sys::HtmlInputElement>() {
                typed.set(input.value());
                open.set(true);
                active.set(0);
            }
        })
    };
    let set_open = |value: bool| {
        let open = open.clone();
        move || open.set(value)
    };
    // Not on the focus alone: a field that has it when a dialog opens would cover what is below.
    let (show, hide) = (set_open(true), set_open(false));
    let (list, choice) = (
        format!("{}-choices", props.id),
        format!("{}-choice", props.id),
    );
    html! {
        <div class="ab-combo" onfocusout={Callback::from(move |_| hide())}>
            <div class="ab-search">
                <span class="ab-search__icon">{ icon(Icon::Taxonomy) }</span>
                <input
                    ref={field}
                    id={props.id.clone()}
                    class="ab-search__input"
                    type="text"
                    role="combobox"
                    aria-label={props.label.clone()}
                    aria-expanded={open.to_string()}
                    aria-controls={list.clone()}
                    aria-autocomplete="list"
                    aria-activedescendant={(*open && !labels.is_empty()).then(|| format!("{choice}-{at}"))}
                    placeholder={props.placeholder.clone()}
                    autocomplete="off"
                    dir="auto"
                    value={(*typed).clone()}
                    data-search={props.search_key.then_some("true")}
                    aria-keyshortcuts={props.search_key.then_some("/")}
                    data-testid={props.testid.clone()}
                    onclick={Callback::from(move |_| show())}
                    {oninput}
                    {onkeydown}
                />
            </div>
            if *open {
                <ul class="ab-combo__list" id={list} role="listbox" aria-label="Labels">
                    for (index, label) in labels.iter().enumerate() {
                        <li
                            key={label.id.clone()}
                            id={format!("{choice}-{index}")}
                            class={classes!("ab-combo__choice", (index == at).then_some("ab-combo__choice--active"))}
                            role="option"
                            aria-selected={(index == at).to_string()}
                            data-testid="label-choice"
                            data-label={label.id.clone()}
                            onmousedown={pick(&choose, label)}
                        >
                            <LabelPath path={label.path.clone()} level={label.level} />if label.deprecated { <span class="ab-tag">{ "deprecated" }</span> }<span class="ab-combo__count">{ format::count(label.n_documents) }</span>
                        </li>
                    }
                    if labels.is_empty() { <li class="ab-combo__none" role="presentation">{ if found.data().is_some() { "No label matches" } else { "Searching" } }</li> }
                </ul>
            }
        </div>
    }
}
