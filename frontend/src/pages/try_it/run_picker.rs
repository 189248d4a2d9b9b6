//! Which runs are asked.

use std::rc::Rc;

use arborist_shared::api::runs::Run;
use yew::prelude::*;

use super::MOST_RUNS;
use crate::components::Panel;
use crate::components::field::Checkbox;
use crate::components::figure::Figure;
use crate::pages::runs::headline;
use crate::shell::{details, use_methods};

#[derive(PartialEq, Properties)]
pub struct RunPickerProps {
    pub runs: Rc<Vec<Run>>,
    pub chosen: Vec<i64>,
    pub onchange: Callback<Vec<i64>>,
}

#[component]
pub fn RunPicker(props: &RunPickerProps) -> Html {
    let methods = use_methods();
    let toggle = |run: i64| {
        let (chosen, onchange) = (props.chosen.clone(), props.onchange.clone());
        Callback::from(move |on: bool| {
            let mut next: Vec<i64> = chosen
                .iter()
                .copied()
                .filter(|other| *other != run)
                .collect();
            if on {
                next.push(run);
            }
            onchange.emit(next);
        })
    };
    let is_full = props.chosen.len() >= MOST_RUNS;
    html! {
        <Panel title="Runs to ask" testid="run-picker" actions={html! { <span class="ab-muted">{ format!("{} of {}", props.chosen.len(), props.runs.len()) }</span> }}>
            <ul class="ab-picker">
                for run in props.runs.iter() {
                    { {
                        let id = format!("ask-{}", run.id);
                        let on = props.chosen.contains(&run.id);
                        html! {
                            <li key={run.id}>
                                <label class="ab-picker__run" for={id.clone()}>
                                    <Checkbox {id} checked={on} disabled={is_full && !on} onchange={toggle(run.id)} label={format!("Ask run {}", run.id)} testid={format!("ask-run-{}", run.id)} />
                                    <span><strong>{ methods.title(&run.method) }</strong><span class="ab-table__under">{ format!("{} · run {}", details(run), run.id) }</span></span>
                                    if let Some(figures) = headline(run) { <span class="ab-picker__figure" title="Macro F1"><Figure value={figures.macro_f1} metric="macro_f1" /></span> }
                                </label>
                            </li>
                        }
                    } }
                }
            </ul>
        </Panel>
    }
}
