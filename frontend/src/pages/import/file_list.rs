//! Several files: what each of them is, and the part that its rows go to.

use std::rc::Rc;

use arborist_shared::api::corpora::CorpusPreview;
use arborist_shared::split::Split;
use yew::prelude::*;

use super::corpus_step::{Chosen, Previews};
use crate::api::{self, Answer};
use crate::components::field::Select;
use crate::components::{Button, Icon, Notice, NoticeKind, Variant, icon};
use crate::format;

#[derive(PartialEq, Properties)]
pub struct FileListProps {
    pub chosen: Vec<Chosen>,
    pub previews: Option<Rc<Previews>>,
    pub shown: usize,
    pub onshow: Callback<usize>,
    pub onchange: Callback<Vec<Chosen>>,
}

#[component]
pub fn FileList(props: &FileListProps) -> Html {
    let part = |index: usize| {
        let (chosen, onchange) = (props.chosen.clone(), props.onchange.clone());
        Callback::from(move |value: String| {
            let mut chosen = chosen.clone();
            chosen[index].part = serde_json::from_value(value.into()).ok();
            onchange.emit(chosen);
        })
    };
    let remove = |index: usize| {
        let (chosen, onchange) = (props.chosen.clone(), props.onchange.clone());
        Callback::from(move |_: MouseEvent| {
            let mut chosen = chosen.clone();
            chosen.remove(index);
            onchange.emit(chosen);
        })
    };
    let detected = props
        .previews
        .as_deref()
        .and_then(|previews| {
            previews
                .first()?
                .as_ref()
                .ok()
                .map(|preview| preview.format.clone())
        })
        .unwrap_or_default();
    html! {
        <>
            <ul class="ab-files" data-testid="corpus-files">
                for (index, chosen) in props.chosen.iter().enumerate() {
                    <li key={index} class={classes!("ab-files__file", (index == props.shown).then_some("ab-files__file--shown"))}>
                        <button type="button" class="ab-files__name" aria-pressed={(index == props.shown).to_string()} onclick={let onshow = props.onshow.clone(); Callback::from(move |_: MouseEvent| onshow.emit(index))}>
                            <bdi>{ format::middle(&chosen.file.name(), 48) }</bdi><span class="ab-muted">{ format::bytes(chosen.file.size() as u64) }</span>
                        </button>
                        { verdict(props.previews.as_deref().and_then(|previews| previews.get(index)), &detected) }
                        <Select id={format!("part-{index}")} label={format!("Part of {}", chosen.file.name())} value={chosen.part.map(api::split_word).unwrap_or_default()} onchange={part(index)} testid={format!("part-{index}")} choices={vec![
                            ("".into(), "As the rows say".into()), ("train".into(), "Train".into()), ("validation".into(), "Validation".into()), ("test".into(), "Test".into()),
                        ]} />
                        <Button variant={Variant::Plain} icon={Icon::Trash} title="Leave this file out" onclick={remove(index)} />
                    </li>
                }
            </ul>
            if !props.chosen.iter().any(|chosen| chosen.part == Some(Split::Test)) {
                <Notice kind={NoticeKind::Warning} title="No file is for testing"><p>{ "Without test documents the quality of a run cannot be measured." }</p></Notice>
            }
        </>
    }
}

fn verdict(preview: Option<&Answer<CorpusPreview>>, detected: &str) -> Html {
    match preview {
        Some(Ok(preview)) if preview.error.is_some() || preview.format != detected => {
            html! { <span class="ab-verdict ab-verdict--bad">{ icon(Icon::Alert) }{ if preview.error.is_some() { "unreadable" } else { "another format than the first file" } }</span> }
        }
        Some(Ok(preview)) if preview.n_problems > 0 => {
            html! { <span class="ab-verdict ab-verdict--warn">{ icon(Icon::Warning) }{ format::counted(preview.n_problems, "problem", "problems") }</span> }
        }
        Some(Ok(_)) => {
            html! { <span class="ab-verdict ab-verdict--good">{ icon(Icon::Check) }{ "readable" }</span> }
        }
        Some(Err(_)) => {
            html! { <span class="ab-verdict ab-verdict--bad">{ icon(Icon::Alert) }{ "no preview" }</span> }
        }
        None => html! { <span class="ab-verdict">{ "reading" }</span> },
    }
}
