//! Choosing a label by typing a part of its name.

use arborist_shared::api::taxonomies::LabelRow;
use web_sys::HtmlElement;
use yew::prelude::*;

use crate::api;
use crate::components::{Icon, LabelPath, icon};
use crate::format;
use crate::hooks::{use_debounced, use_query, use_search};

#[derive(PartialEq, Properties)]
pub struct LabelFilterProps {
    pub taxonomy: i64,
    /// Id of the chosen label, or empty.
    pub label: String,
    pub onchange: Callback<String>,
}

/// A search field for labels, or the chosen one with a way to drop it.
#[component]
pub fn LabelFilter(props: &LabelFilterProps) -> Html {
    let chosen = use_query(
        (props.taxonomy, props.label.clone()),
        |(taxonomy, label)| async move {
            if label.is_empty() {
                return Ok(None);
            }
            let found = api::search_labels(taxonomy, &label, 50).await?;
            Ok(found.labels.into_iter().find(|row| row.id == label))
        },
    );
    if props.label.is_empty() {
        return html! { <Finder taxonomy={props.taxonomy} onchoose={props.onchange.clone()} /> };
    }
    let path = chosen
        .data()
        .and_then(|row| (*row).clone())
        .map_or_else(|| vec![props.label.clone()], |row| row.path);
    html! {
        <span class="ab-filter" data-testid="label-filter">
            <LabelPath {path} />
            <button type="button" class="ab-search__clear" aria-label="All labels" title="All labels" data-testid="label-filter-clear" onclick={props.onchange.reform(|_: MouseEvent| String::new())}>{ icon(Icon::Close) }</button>
        </span>
    }
}

/// On pressing, not on releasing: the field would lose the focus and the list would be gone before.
fn pick(choose: &Callback<String>, label: &str) -> Callback<MouseEvent> {
    let (choose, label) = (choose.clone(), label.to_owned());
    Callback::from(move |event: MouseEvent| {
        event.prevent_default();
        choose.emit(label.clone());
    })
}

#[derive(PartialEq, Properties)]
struct FinderProps {
    taxonomy: i64,
    onchoose: Callback<String>,
}

#[component]
fn Finder(props: &FinderProps) -> Html {
    let typed = use_state(String::new);
    let open = use_state_eq(|| false);
    let active = use_state_eq(|| 0_usize);
    let field = use_node_ref();
    let settled = use_debounced((*typed).clone(), 150);
    let found = use_search((props.taxonomy, settled), |(taxonomy, search)| async move {
        if search.trim().is_empty() {
            api::labels(taxonomy, Some(""), 12, None)
                .await
                .map(|page| page.labels)
        } else {
            api::search_labels(taxonomy, search.trim(), 12)
                .await
                .map(|page| page.labels)
        }
    });
    let labels: Vec<LabelRow> = found
        .data()
        .map(|labels| (*labels).clone())
        .unwrap_or_default();
    let at = (*active).min(labels.len().saturating_sub(1));

    let choose = {
        let (onchoose, open, typed) = (props.onchoose.clone(), open.clone(), typed.clone());
        Callback::from(move |label: String| {
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
                    Some(label) if *open => choose.emit(label.id.clone()),
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
    let (show, hide) = (set_open(true), set_open(false));
    html! {
        <div class="ab-combo" onfocusout={Callback::from(move |_| hide())}>
            <div class="ab-search">
                <span class="ab-search__icon">{ icon(Icon::Taxonomy) }</span>
                <input
                    ref={field}
                    class="ab-search__input"
                    type="text"
                    role="combobox"
                    aria-label="Filter by label"
                    aria-expanded={open.to_string()}
                    aria-controls="label-choices"
                    aria-autocomplete="list"
                    aria-activedescendant={(*open && !labels.is_empty()).then(|| format!("label-choice-{at}"))}
                    placeholder="All labels"
                    autocomplete="off"
                    value={(*typed).clone()}
                    data-testid="label-search"
                    onfocus={Callback::from(move |_| show())}
                    {oninput}
                    {onkeydown}
                />
            </div>
            if *open {
                <ul class="ab-combo__list" id="label-choices" role="listbox" aria-label="Labels">
                    for (index, label) in labels.iter().enumerate() {
                        <li
                            key={label.id.clone()}
                            id={format!("label-choice-{index}")}
                            class={classes!("ab-combo__choice", (index == at).then_some("ab-combo__choice--active"))}
                            role="option"
                            aria-selected={(index == at).to_string()}
                            data-testid="label-choice"
                            onmousedown={pick(&choose, &label.id)}
                        >
                            <LabelPath path={label.path.clone()} level={label.level} /><span class="ab-combo__count">{ format::count(label.n_documents) }</span>
                        </li>
                    }
                    if labels.is_empty() { <li class="ab-combo__none" role="presentation">{ if found.data().is_some() { "No label matches" } else { "Searching" } }</li> }
                </ul>
            }
        </div>
    }
}
