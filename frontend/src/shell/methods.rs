//! The methods' names as people write them, for every page that shows a run.

use std::collections::BTreeMap;
use std::rc::Rc;

use arborist_shared::api::runs::Run;
use yew::prelude::*;

use crate::api;
use crate::hooks::use_query;

/// Titles by name; a method that is no longer installed keeps its name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Methods(Rc<BTreeMap<String, String>>);

impl Methods {
    pub fn title(&self, method: &str) -> String {
        self.0
            .get(method)
            .cloned()
            .unwrap_or_else(|| method.to_owned())
    }

    /// `HiAGM · balanced · seed 1`.
    pub fn run(&self, run: &Run) -> String {
        format!("{} · {}", self.title(&run.method), details(run))
    }
}

/// `balanced · seed 1`.
pub fn details(run: &Run) -> String {
    match &run.preset {
        Some(preset) => format!("{preset} · seed {}", run.seed),
        None => format!("seed {}", run.seed),
    }
}

/// The methods' names as people write them.
#[hook]
pub fn use_methods() -> Methods {
    use_context::<Methods>().unwrap_or_default()
}

/// Asks for the methods once.
#[component]
pub fn MethodsProvider(props: &yew::html::ChildrenProps) -> Html {
    let plugins = use_query((), |()| api::plugins());
    let data = plugins.data();
    let methods = use_memo(
        data.as_ref().map(|data| Rc::as_ptr(data) as usize),
        move |_| {
            let titles = data
                .iter()
                .flat_map(|plugins| &plugins.methods)
                .map(|plugin| (plugin.name.clone(), plugin.manifest.title.clone()));
            Methods(Rc::new(titles.collect()))
        },
    );
    html! { <ContextProvider<Methods> context={(*methods).clone()}>{ props.children.clone() }</ContextProvider<Methods>> }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn runs_are_named_after_their_method() {
        let run: Run = serde_json::from_value(json!({
            "id": 1, "project": 1, "job": 1, "method": "hiagm", "preset": "code", "hyperparameters": {}, "corpus": 1, "taxonomy": 1, "seed": 3,
            "device": "cpu", "status": "queued", "created_at": ""
        }))
        .expect("a run");
        let methods = Methods(Rc::new(BTreeMap::from([(
            "hiagm".to_owned(),
            "HiAGM".to_owned(),
        )])));
        assert_eq!(methods.run(&run), "HiAGM · code · seed 3");
        assert_eq!(
            Methods::default().run(&Run {
                preset: None,
                ..run
            }),
            "hiagm · seed 3"
        );
    }
}
