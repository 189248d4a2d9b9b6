//! A method's preset and hyperparameters, in a form made from its JSON Schema.

use arborist_shared::api::plugins::Plugin;
use serde_json::{Map, Value};
use yew::prelude::*;

use crate::components::field::{Checkbox, Input, Select};
use crate::components::{Button, Hint, Variant};
use crate::model::schema_form::{
    Field, Kind, fields, preset, preset_meaning, presets, same, written,
};
use crate::model::train_form::{MethodChoice, TrainForm};

#[derive(PartialEq, Properties)]
pub struct MethodSettingsProps {
    pub plugin: Plugin,
    pub form: TrainForm,
    pub onchange: Callback<TrainForm>,
}

#[component]
pub fn MethodSettings(props: &MethodSettingsProps) -> Html {
    let manifest = &props.plugin.manifest;
    let Some(choice) = props.form.choice(&props.plugin.name).cloned() else {
        return Html::default();
    };
    let base = preset(manifest, &choice.preset).unwrap_or_default();
    let paper = preset(manifest, "paper");
    let change = {
        let (form, onchange, method) = (
            props.form.clone(),
            props.onchange.clone(),
            props.plugin.name.clone(),
        );
        Callback::from(move |next: MethodChoice| {
            let mut form = form.clone();
            if let Some(choice) = form
                .methods
                .iter_mut()
                .find(|choice| choice.method == method)
            {
                *choice = next;
            }
            onchange.emit(form);
        })
    };
    let all = fields(&manifest.hyperparameters);
    let (advanced, basic): (Vec<Field>, Vec<Field>) =
        all.into_iter().partition(|field| field.advanced);
    let deviations = choice
        .changes
        .iter()
        .filter(|(key, text)| deviates(&basic, &advanced, &base, key, text))
        .count();
    let changed_advanced = advanced
        .iter()
        .any(|field| choice.changes.contains_key(&field.key));
    let reset = {
        let (change, choice) = (change.clone(), choice.clone());
        Callback::from(move |_: MouseEvent| {
            change.emit(MethodChoice {
                changes: Default::default(),
                ..choice.clone()
            })
        })
    };
    let draw = |field: &Field| html! { <Setting key={field.key.clone()} method={props.plugin.name.clone()} field={field.clone()} choice={choice.clone()} base={base.get(&field.key).cloned().unwrap_or_default()} paper={paper.as_ref().and_then(|values| values.get(&field.key)).cloned()} onchange={change.clone()} /> };
    html! {
        <div class="ab-settings" data-testid={format!("settings-{}", props.plugin.name)}>
            <div class="ab-settings__head">
                <h3 class="ab-settings__title">{ &manifest.title }</h3>
                <div class="ab-segments" role="radiogroup" aria-label={format!("Preset of {}", manifest.title)}>
                    for name in presets(manifest) {
                        <label key={name.clone()} class={classes!("ab-segments__one", (name == choice.preset).then_some("ab-segments__one--on"))} title={preset_meaning(&name)}>
                            <input type="radio" name={format!("preset-{}", props.plugin.name)} value={name.clone()} checked={name == choice.preset} data-testid={format!("preset-{}-{name}", props.plugin.name)} onchange={pick(&change, &choice, &name)} />
                            { &name }
                        </label>
                    }
                </div>
                if deviations > 0 {
                    <span class="ab-settings__note">{ format!("{deviations} changed") }<Button label="Back to the preset" variant={Variant::Link} testid={format!("reset-{}", props.plugin.name)} onclick={reset} /></span>
                } else {
                    <span class="ab-settings__note">{ preset_meaning(&choice.preset) }</span>
                }
            </div>
            <div class="ab-form__grid">for field in basic.iter() { { draw(field) } }</div>
            if !advanced.is_empty() {
                <details class="ab-fold" open={changed_advanced}>
                    <summary data-testid={format!("advanced-{}", props.plugin.name)}>{ format!("Advanced ({})", advanced.len()) }</summary>
                    <div class="ab-form__grid">for field in advanced.iter() { { draw(field) } }</div>
                </details>
            }
        </div>
    }
}

fn deviates(
    basic: &[Field],
    advanced: &[Field],
    base: &Map<String, Value>,
    key: &str,
    text: &str,
) -> bool {
    let field = basic.iter().chain(advanced).find(|field| field.key == key);
    match field.map(|field| field.read(text)) {
        Some(Ok(value)) => base.get(key).is_none_or(|from| !same(from, &value)),
        _ => true,
    }
}

fn pick(change: &Callback<MethodChoice>, choice: &MethodChoice, name: &str) -> Callback<Event> {
    let (change, choice, name) = (change.clone(), choice.clone(), name.to_owned());
    Callback::from(move |_: Event| {
        change.emit(MethodChoice {
            preset: name.clone(),
            ..choice.clone()
        })
    })
}

#[derive(PartialEq, Properties)]
struct SettingProps {
    method: String,
    field: Field,
    choice: MethodChoice,
    /// Value of the preset.
    base: Value,
    /// Value of the preset `paper`, where there is one.
    paper: Option<Value>,
    onchange: Callback<MethodChoice>,
}

#[component]
fn Setting(props: &SettingProps) -> Html {
    let field = &props.field;
    let id = format!("{}-{}", props.method, field.key);
    let from = written(&props.base);
    let text = props
        .choice
        .changes
        .get(&field.key)
        .cloned()
        .unwrap_or_else(|| from.clone());
    let read = field.read(&text);
    let is_changed = props.choice.changes.contains_key(&field.key)
        && read
            .as_ref()
            .map_or(true, |value| !same(value, &props.base));
    let set = {
        let (choice, onchange, key, base, field) = (
            props.choice.clone(),
            props.onchange.clone(),
            field.key.clone(),
            props.base.clone(),
            field.clone(),
        );
        Callback::from(move |value: String| {
            let mut choice = choice.clone();
            // What equals the preset again is no change, unless it is still being typed.
            let is_same = value == written(&base)
                || field
                    .read(&value)
                    .is_ok_and(|read| same(&read, &base) && written(&read) == value);
            if is_same {
                choice.changes.remove(&key);
            } else {
                choice.changes.insert(key.clone(), value);
            }
            onchange.emit(choice);
        })
    };
    let error = read.as_ref().err().cloned();
    let paper = props
        .paper
        .as_ref()
        .filter(|paper| read.as_ref().map_or(true, |value| !same(value, paper)));
    let take_paper = {
        let (set, paper) = (set.clone(), paper.map(written).unwrap_or_default());
        Callback::from(move |_: MouseEvent| set.emit(paper.clone()))
    };
    let undo = {
        let (set, from) = (set.clone(), from.clone());
        Callback::from(move |_: MouseEvent| set.emit(from.clone()))
    };
    let testid = format!("field-{id}");
    let control = match &field.kind {
        Kind::Switch => {
            html! { <Checkbox id={id.clone()} checked={text == "true"} onchange={set.reform(|on: bool| on.to_string())} text="On" {testid} /> }
        }
        Kind::Choice(choices) => {
            let mut shown: Vec<(AttrValue, AttrValue)> = choices
                .iter()
                .map(|choice| (written(choice).into(), written(choice).into()))
                .collect();
            if field.nullable {
                shown.insert(0, ("".into(), "none".into()));
            }
            html! { <Select id={id.clone()} value={text.clone()} choices={shown} onchange={set.clone()} invalid={error.is_some()} {testid} /> }
        }
        kind => {
            let inputmode = match kind {
                Kind::Integer(_) => Some(AttrValue::Static("numeric")),
                Kind::Number(_) => Some(AttrValue::Static("decimal")),
                _ => None,
            };
            html! { <Input id={id.clone()} value={text.clone()} onchange={set.clone()} {inputmode} invalid={error.is_some()} placeholder={field.nullable.then_some("none")} {testid} /> }
        }
    };
    let meaning = field.meaning_of_zero().filter(|_| text.parse() == Ok(0.0));
    let range = match &field.kind {
        Kind::Integer(limits) | Kind::Number(limits) => limits.words(),
        _ => String::new(),
    };
    html! {
        <div class={classes!("ab-field", "ab-setting", is_changed.then_some("ab-setting--changed"))}>
            <div class="ab-field__head">
                <label class="ab-field__label" for={id.clone()}>{ &field.title }</label>
                if !field.description.is_empty() { <Hint text={field.description.clone()} /> }
                if !range.is_empty() { <span class="ab-setting__range">{ range }</span> }
            </div>
            { control }
            if let Some(error) = &error { <p class="ab-field__error" id={format!("{id}-error")} role="alert">{ error }</p> }
            if let Some(meaning) = meaning { <p class="ab-field__help" data-testid={format!("zero-{id}")}>{ format!("0 = {meaning}") }</p> }
            if is_changed || paper.is_some() {
                <p class="ab-setting__foot">
                    if is_changed { <Button label={format!("Preset: {}", if from.is_empty() { "none" } else { &from })} variant={Variant::Link} title="Back to the preset's value" testid={format!("undo-{id}")} onclick={undo} /> }
                    if let Some(paper) = paper { <Button label={format!("Paper: {}", if paper.is_null() { "none".to_owned() } else { written(paper) })} variant={Variant::Link} title="Take the paper's value" testid={format!("paper-{id}")} onclick={take_paper} /> }
                </p>
            }
        </div>
    }
}
