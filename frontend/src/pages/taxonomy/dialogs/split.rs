//! One label becomes several.

use std::collections::BTreeMap;
use std::rc::Rc;

use arborist_shared::edits::{Edit, Part};
use yew::prelude::*;

use super::add::free_id;
use super::{EditDialog, TaskProps, about};
use crate::api;
use crate::components::field::{Checkbox, Field, Input, Select};
use crate::components::{Button, Icon, Variant, show};
use crate::format;
use crate::hooks::{Loading, use_debounced, use_query, use_search};

/// Children that can be given to parts one by one; more stay where they are.
const CHILDREN: u32 = 200;

/// Parts with the children that go below them.
fn parts(names: &[String], ids: &[String], given: &BTreeMap<String, usize>) -> Vec<Part> {
    names
        .iter()
        .zip(ids)
        .enumerate()
        .map(|(at, (name, id))| {
            let children = given.iter().filter(|(_, part)| **part == at);
            Part {
                id: id.clone(),
                name: name.trim().to_owned(),
                children: children.map(|(child, _)| child.clone()).collect(),
                details: None,
            }
        })
        .collect()
}

#[component]
pub fn Split(props: &TaskProps) -> Html {
    let (label, source) = (&props.label, props.bench.source);
    let names = use_state(|| vec![String::new(), String::new()]);
    let keep = use_state_eq(|| true);
    let given = use_state(BTreeMap::<String, usize>::new);
    let children = use_query((source, label.id.clone()), |(source, id)| async move {
        api::first_labels(source, &id, CHILDREN).await
    });
    // Ids as they are around the label, or below it where it stays.
    let above = if *keep {
        Some((label.id.clone(), label.name.clone()))
    } else {
        let name = label.path.iter().rev().nth(1).cloned().unwrap_or_default();
        label.parents.first().map(|id| (id.clone(), name))
    };
    let trimmed: Vec<String> = names.iter().map(|name| name.trim().to_owned()).collect();
    let settled = use_debounced((trimmed.clone(), above), 150);
    let ids = use_search(settled.clone(), move |(names, above)| async move {
        let mut ids: Vec<String> = Vec::with_capacity(names.len());
        for name in names {
            ids.push(free_id(source, name, above.clone()).await?);
        }
        Ok(ids)
    });
    let is_settled =
        settled.0 == trimmed && matches!(&ids.state, Loading::Ready(loaded) if !loaded.outdated);
    let is_complete = is_settled && trimmed.iter().all(|name| !name.is_empty());
    let edits = ids.data().filter(|_| is_complete).map(|ids| {
        vec![Edit::Split {
            label: label.id.clone(),
            into: parts(&names, &ids, &given),
            keep: *keep,
        }]
    });
    let rename = |at: usize| {
        let names = names.clone();
        Callback::from(move |name: String| {
            let mut all = (*names).clone();
            all[at] = name;
            names.set(all);
        })
    };
    let remove = |at: usize| {
        let (names, given) = (names.clone(), given.clone());
        Callback::from(move |_: MouseEvent| {
            let mut all = (*names).clone();
            all.remove(at);
            names.set(all);
            let left = given.iter().filter(|(_, part)| **part != at);
            let moved = left.map(|(child, part)| (child.clone(), part - usize::from(*part > at)));
            given.set(moved.collect());
        })
    };
    let add = {
        let names = names.clone();
        Callback::from(move |_: MouseEvent| {
            let mut all = (*names).clone();
            all.push(String::new());
            names.set(all);
        })
    };
    let give = |child: &str| {
        let (given, child) = (given.clone(), child.to_owned());
        Callback::from(move |value: String| {
            let mut all = (*given).clone();
            match value.parse() {
                Ok(part) => all.insert(child.clone(), part),
                Err(_) => all.remove(&child),
            };
            given.set(all);
        })
    };
    let onkeep = {
        let keep = keep.clone();
        Callback::from(move |on: bool| keep.set(on))
    };
    let stays = if *keep {
        "stays directly below"
    } else {
        "goes up in its place"
    };
    let choices: Vec<(AttrValue, AttrValue)> = std::iter::once(("".into(), stays.into()))
        .chain(names.iter().enumerate().map(|(at, name)| {
            let words = match name.trim() {
                "" => format!("below part {}", at + 1),
                name => format!("below {}", format::middle(name, 40)),
            };
            (at.to_string().into(), words.into())
        }))
        .collect();
    let choices = Rc::new(choices);
    html! {
        <EditDialog bench={props.bench.clone()} title="Split the label" seen={props.ask.seen} {edits} words="Split" ondone={props.onclose.clone()} onclose={props.onclose.clone()} testid="split-dialog">
            { about(label) }
            <p>{ format!("Documents do not say which part they mean: those that have the label wait for a person, and have {} until then. {} with it or a label below it.", if *keep { "the label" } else { "its parents" }, format::counted(label.n_documents, "document", "documents")) }</p>
            for (at, name) in names.iter().enumerate() {
                <div key={at} class="ab-line">
                    <Input id={format!("split-{at}")} label={format!("Name of part {}", at + 1)} placeholder={format!("Name of part {}", at + 1)} value={name.clone()} onchange={rename(at)} autofocus={at == 0} autocomplete="off" testid={format!("split-name-{at}")} />
                    <Button variant={Variant::Plain} icon={Icon::Close} title="Take the part away" disabled={names.len() <= 2} onclick={remove(at)} />
                </div>
            }
            <div><Button label="Another part" icon={Icon::Plus} small=true testid="split-add" onclick={add} /></div>
            <Checkbox id="split-keep" checked={*keep} text="The label stays, above its parts" onchange={onkeep} testid="split-keep" />
            { show(&children, Html::default(), |page| if page.labels.is_empty() { Html::default() } else { html! {
                <fieldset class="ab-fieldset">
                    <legend>{ "Labels below it" }</legend>
                    for child in page.labels.iter() {
                        <Field key={child.id.clone()} id={format!("split-child-{}", child.id)} label={child.name.clone()} class="ab-field--side">
                            <Select id={format!("split-child-{}", child.id)} value={given.get(&child.id).map(ToString::to_string).unwrap_or_default()} choices={(*choices).clone()} onchange={give(&child.id)} testid="split-child" />
                        </Field>
                    }
                    if page.next.is_some() { <p class="ab-muted">{ format!("The first {CHILDREN} are listed; the others stay together.") }</p> }
                </fieldset>
            } }) }
        </EditDialog>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_go_below_the_parts_that_they_were_given_to() {
        let names = ["Owls ".to_owned(), "Hawks".to_owned()];
        let ids = ["owls".to_owned(), "hawks".to_owned()];
        let given = BTreeMap::from([
            ("a".to_owned(), 1),
            ("b".to_owned(), 0),
            ("c".to_owned(), 1),
        ]);
        let parts = parts(&names, &ids, &given);
        assert_eq!(
            (parts[0].name.as_str(), parts[0].id.as_str()),
            ("Owls", "owls")
        );
        assert_eq!(parts[0].children, ["b"]);
        assert_eq!(parts[1].children, ["a", "c"]);
    }
}
