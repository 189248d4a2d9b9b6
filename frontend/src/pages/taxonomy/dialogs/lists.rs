//! Lists of names and texts in the form of a label's details: a line each, with its language.

use arborist_shared::taxonomy::{LabelName, LabelText};
use yew::prelude::*;

use crate::components::field::{Input, Select, TextArea};
use crate::components::{Button, Icon, Variant};
use crate::model::details_form::{KINDS, kind_of, kind_word};

/// A line of such a list.
pub trait Line: Clone + Default + PartialEq + 'static {
    fn text(&self) -> &str;
    fn set_text(&mut self, text: String);
    fn language(&self) -> &str;
    fn set_language(&mut self, language: String);
    /// What the text is for, where that is to be chosen.
    fn kind(&self) -> Option<&'static str>;
    fn set_kind(&mut self, word: &str);
    /// Whether it may be long.
    const LONG: bool;
}

impl Line for LabelName {
    fn text(&self) -> &str {
        &self.name
    }

    fn set_text(&mut self, text: String) {
        self.name = text;
    }

    fn language(&self) -> &str {
        &self.language
    }

    fn set_language(&mut self, language: String) {
        self.language = language;
    }

    fn kind(&self) -> Option<&'static str> {
        Some(kind_word(self.kind))
    }

    fn set_kind(&mut self, word: &str) {
        self.kind = kind_of(word);
    }

    const LONG: bool = false;
}

impl Line for LabelText {
    fn text(&self) -> &str {
        &self.text
    }

    fn set_text(&mut self, text: String) {
        self.text = text;
    }

    fn language(&self) -> &str {
        &self.language
    }

    fn set_language(&mut self, language: String) {
        self.language = language;
    }

    fn kind(&self) -> Option<&'static str> {
        None
    }

    fn set_kind(&mut self, _: &str) {}

    const LONG: bool = true;
}

/// What a list is about.
#[derive(Clone, Copy)]
pub struct Words {
    /// Also the beginning of ids and test ids.
    pub key: &'static str,
    pub title: &'static str,
    pub one: &'static str,
    pub help: &'static str,
}

/// A list that is edited line by line.
pub fn lines<T: Line>(words: Words, lines: &[T], onchange: &Callback<Vec<T>>) -> Html {
    let change = |at: usize, change: fn(&mut T, String)| {
        let (all, onchange) = (lines.to_vec(), onchange.clone());
        Callback::from(move |value: String| {
            let mut all = all.clone();
            if let Some(line) = all.get_mut(at) {
                change(line, value);
            }
            onchange.emit(all);
        })
    };
    let remove = |at: usize| {
        let (all, onchange) = (lines.to_vec(), onchange.clone());
        Callback::from(move |_: MouseEvent| {
            let mut all = all.clone();
            all.remove(at);
            onchange.emit(all);
        })
    };
    let add = {
        let (all, onchange) = (lines.to_vec(), onchange.clone());
        Callback::from(move |_: MouseEvent| {
            let mut all = all.clone();
            all.push(T::default());
            onchange.emit(all);
        })
    };
    let Words {
        key,
        title,
        one,
        help,
    } = words;
    html! {
        <fieldset class="ab-fieldset">
            <legend>{ title }</legend>
            <p class="ab-muted">{ help }</p>
            for (at, line) in lines.iter().enumerate() {
                <div key={at} class="ab-line">
                    if T::LONG {
                        <TextArea id={format!("{key}-{at}")} rows=2 value={line.text().to_owned()} placeholder={one} onchange={change(at, T::set_text)} testid={format!("{key}-{at}")} />
                    } else {
                        <Input id={format!("{key}-{at}")} label={one} value={line.text().to_owned()} placeholder={one} onchange={change(at, T::set_text)} autocomplete="off" testid={format!("{key}-{at}")} />
                    }
                    if let Some(kind) = line.kind() {
                        <Select id={format!("{key}-kind-{at}")} label="What it is for" value={kind} onchange={change(at, |line, word| line.set_kind(&word))} testid={format!("{key}-kind-{at}")}
                            choices={KINDS.iter().map(|(_, word, meaning)| ((*word).into(), (*meaning).into())).collect::<Vec<_>>()} />
                    }
                    <span class="ab-line__language"><Input id={format!("{key}-language-{at}")} label="Language" value={line.language().to_owned()} placeholder="en" onchange={change(at, T::set_language)} autocomplete="off" testid={format!("{key}-language-{at}")} /></span>
                    <Button variant={Variant::Plain} icon={Icon::Close} title="Take the line away" testid={format!("{key}-remove-{at}")} onclick={remove(at)} />
                </div>
            }
            <div><Button label={one} icon={Icon::Plus} small=true testid={format!("{key}-add")} onclick={add} /></div>
        </fieldset>
    }
}
