//! Charts: options are made with charming, drawn by `ECharts`, which is fetched when the first chart appears. What has to
//! be reached by the keyboard part by part is drawn here as SVG.

pub mod curves;
pub mod figures;
pub mod treemap;

use std::cell::RefCell;
use std::rc::Rc;

use charming::Chart as Options;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::spawn_local;
use web_sys::Element;
use yew::prelude::*;

use crate::components::states::Lines;
use crate::hooks::use_theme;

#[wasm_bindgen]
extern "C" {
    /// Promise of the module `charts.js`; `boot.js` knows its hashed name.
    #[wasm_bindgen(js_name = arboristCharts, catch)]
    async fn load() -> Result<JsValue, JsValue>;

    type Module;
    #[wasm_bindgen(method, catch)]
    fn create(this: &Module, element: &Element, option: &str) -> Result<Handle, JsValue>;

    type Handle;
    #[wasm_bindgen(method, catch)]
    fn update(this: &Handle, option: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method)]
    fn dispose(this: &Handle);
}

/// Axes of this name show fractions as percentages; see `charts.js`.
pub const PERCENT_AXIS: &str = "percent";

/// Name of a series whose values are fractions.
pub fn percent_series(name: &str) -> String {
    format!("{name} (percent)")
}

/// The option as the script takes it.
pub fn json(options: &Options) -> Rc<str> {
    serde_json::to_string(options)
        .unwrap_or_else(|_| "{}".into())
        .into()
}

#[derive(PartialEq, Properties)]
pub struct ChartProps {
    pub option: Rc<str>,
    /// What the chart shows, in a sentence with its main figures, for those who cannot see it.
    pub label: AttrValue,
    #[prop_or(240)]
    pub height: u32,
    #[prop_or_default]
    pub testid: Option<AttrValue>,
}

/// A chart that follows its option, its size and the theme.
#[component]
pub fn Chart(props: &ChartProps) -> Html {
    let node = use_node_ref();
    let handle = use_mut_ref(|| None::<Handle>);
    let failed = use_state_eq(|| false);
    let ready = use_state_eq(|| false);
    let theme = use_theme();
    let latest = use_mut_ref(|| props.option.clone());
    latest.borrow_mut().clone_from(&props.option);

    {
        let (node, handle, failed, ready, latest) = (
            node.clone(),
            handle.clone(),
            failed.setter(),
            ready.setter(),
            latest.clone(),
        );
        use_effect_with(theme.dark, move |_| {
            let gone = Rc::new(RefCell::new(false));
            {
                let (gone, handle) = (gone.clone(), handle.clone());
                spawn_local(async move {
                    let module = load().await;
                    let (Ok(module), Some(element), false) =
                        (module, node.cast::<Element>(), *gone.borrow())
                    else {
                        failed.set(!*gone.borrow());
                        return;
                    };
                    let option = latest.borrow().clone();
                    match wasm_bindgen::JsCast::unchecked_into::<Module>(module)
                        .create(&element, &option)
                    {
                        Ok(created) => {
                            *handle.borrow_mut() = Some(created);
                            failed.set(false);
                            ready.set(true);
                        }
                        Err(_) => failed.set(true),
                    }
                });
            }
            move || {
                *gone.borrow_mut() = true;
                if let Some(handle) = handle.borrow_mut().take() {
                    handle.dispose();
                }
            }
        });
    }
    {
        let failed = failed.setter();
        use_effect_with(props.option.clone(), move |option| {
            if let Some(handle) = &*handle.borrow()
                && handle.update(option).is_err()
            {
                failed.set(true);
            }
        });
    }
    html! {
        <div class="ab-chart" style={format!("block-size: {}px", props.height)} role="img" aria-label={props.label.clone()} data-testid={props.testid.clone()}>
            if *failed {
                <p class="ab-chart__failed">{ "The chart could not be loaded. Its figures stand in the tables." }</p>
            } else if !*ready {
                <div class="ab-chart__wait"><Lines count={4} /></div>
            }
            <div class="ab-chart__canvas" ref={node} />
        </div>
    }
}
