//! Where files are dropped or chosen.

use wasm_bindgen::JsCast;
use web_sys::{DragEvent, File, FileList, HtmlInputElement};
use yew::prelude::*;

use super::{Icon, icon};

#[derive(PartialEq, Properties)]
pub struct DropZoneProps {
    pub id: AttrValue,
    pub title: AttrValue,
    #[prop_or_default]
    pub children: Html,
    pub onfiles: Callback<Vec<File>>,
    #[prop_or_default]
    pub multiple: bool,
    #[prop_or_default]
    pub accept: Option<AttrValue>,
    #[prop_or_default]
    pub testid: Option<AttrValue>,
}

fn files(list: Option<FileList>) -> Vec<File> {
    list.map(|list| {
        (0..list.length())
            .filter_map(|index| list.item(index))
            .collect()
    })
    .unwrap_or_default()
}

/// A frame that takes files; the button inside opens the chooser.
#[component]
pub fn DropZone(props: &DropZoneProps) -> Html {
    let over = use_state_eq(|| false);
    let input = use_node_ref();
    let drag = |value: bool| {
        let over = over.setter();
        Callback::from(move |event: DragEvent| {
            event.prevent_default();
            over.set(value);
        })
    };
    let ondrop = {
        let (over, onfiles) = (over.setter(), props.onfiles.clone());
        Callback::from(move |event: DragEvent| {
            event.prevent_default();
            over.set(false);
            let files = files(event.data_transfer().and_then(|data| data.files()));
            if !files.is_empty() {
                onfiles.emit(files);
            }
        })
    };
    let onchange = {
        let onfiles = props.onfiles.clone();
        Callback::from(move |event: Event| {
            let Some(input) = event
                .target()
                .and_then(|target| target.dyn_into::<HtmlInputElement>().ok())
            else {
                return;
            };
            let files = files(input.files());
            // The same file may be chosen again after it was repaired.
            input.set_value("");
            if !files.is_empty() {
                onfiles.emit(files);
            }
        })
    };
    html! {
        <div
            class={classes!("ab-drop", over.then_some("ab-drop--over"))}
            ondragenter={drag(true)}
            ondragover={drag(true)}
            ondragleave={drag(false)}
            {ondrop}
        >
            <span class="ab-drop__icon">{ icon(Icon::Upload) }</span>
            <div class="ab-drop__text">
                <p class="ab-drop__title">{ &props.title }</p>
                <div class="ab-drop__help">{ props.children.clone() }</div>
            </div>
            <label class="pf-v6-c-button pf-m-secondary ab-drop__button">
                <input
                    ref={input}
                    id={props.id.clone()}
                    class="ab-drop__input"
                    type="file"
                    multiple={props.multiple}
                    accept={props.accept.clone()}
                    data-testid={props.testid.clone()}
                    {onchange}
                />
                <span class="pf-v6-c-button__text">{ if props.multiple { "Choose files" } else { "Choose a file" } }</span>
            </label>
        </div>
    }
}
