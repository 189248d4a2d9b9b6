//! Labels that the taxonomy does not know: what each of them means, remembered for later imports. A label of the taxonomy
//! that is meant, a new one that is added to it, or nothing.

pub mod create;

use std::collections::BTreeMap;

use arborist_shared::api::corpora::{Choice, LabelChoice, UnknownLabel};
use arborist_shared::api::drafts::DraftLabel;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use self::create::{NewLabel, create};
use crate::api::{self, Answer, ApiError, Source};
use crate::components::field::{self, Field, Input, Select};
use crate::components::label_picker::LabelPicker;
use crate::components::{Button, Failure, LabelPath, Notice, NoticeKind, Variant};
use crate::format;
use crate::pages::taxonomy::facts::by_path;
use crate::shell::use_jobs;

/// Words of the choices that are no label.
const REFUSE: &str = "";
const IGNORE: &str = "\u{0}ignore";
const OTHER: &str = "\u{0}other";
const NEW: &str = "\u{0}new";

/// What stands between the names of a path.
const STEP: &str = " › ";

/// What a label of the file means.
#[derive(Clone, Debug, PartialEq)]
enum Meaning {
    Ignore,
    /// A label that was proposed, by its id.
    Proposed(String),
    /// One that was searched for; none yet.
    Other(Option<DraftLabel>),
    New(NewLabel),
}

impl Meaning {
    fn value(&self) -> &str {
        match self {
            Self::Ignore => IGNORE,
            Self::Proposed(id) => id,
            Self::Other(_) => OTHER,
            Self::New(_) => NEW,
        }
    }

    /// Nothing is missing.
    fn is_complete(&self) -> bool {
        match self {
            Self::Other(label) => label.is_some(),
            Self::New(label) => !label.name.trim().is_empty(),
            Self::Ignore | Self::Proposed(_) => true,
        }
    }
}

/// The meanings as choices to remember; new labels are made first. Says whether there were any.
async fn keep(project: i64, taxonomy: i64, meanings: &BTreeMap<String, Meaning>) -> Answer<bool> {
    let new: Vec<NewLabel> = meanings
        .values()
        .filter_map(|meaning| match meaning {
            Meaning::New(label) => Some(NewLabel {
                name: label.name.trim().to_owned(),
                parent: label.parent.clone(),
            }),
            _ => None,
        })
        .collect();
    let has_new = !new.is_empty();
    let ids = match has_new {
        true => create(taxonomy, &new).await?,
        false => Vec::new(),
    };
    let mut ids = ids.into_iter();
    let choices = meanings.iter().filter_map(|(label, meaning)| {
        let choice = match meaning {
            Meaning::Ignore => Choice::Ignore,
            Meaning::Proposed(id) => Choice::Label(id.clone()),
            Meaning::Other(other) => Choice::Label(other.as_ref()?.id.clone()),
            Meaning::New(_) => Choice::Label(ids.next()?),
        };
        Some(LabelChoice {
            label: label.clone(),
            choice,
        })
    });
    api::remember_choices(project, choices.collect()).await?;
    Ok(has_new)
}

#[derive(PartialEq, Properties)]
pub struct UnknownLabelsProps {
    pub project: i64,
    /// The newest version.
    pub taxonomy: i64,
    /// All of them.
    pub count: u64,
    /// The most frequent ones.
    pub labels: Vec<UnknownLabel>,
    /// Choices are kept: the file can be looked at again.
    pub onkept: Callback<()>,
}

#[component]
pub fn UnknownLabels(props: &UnknownLabelsProps) -> Html {
    let (project, taxonomy) = (props.project, props.taxonomy);
    let jobs = use_jobs();
    let chosen = use_reducer(Meanings::default);
    let busy = use_state_eq(|| false);
    let error = use_state(|| None::<ApiError>);
    let meanings = &chosen.0;
    let is_complete = meanings.values().all(Meaning::is_complete);
    let n_new = meanings
        .values()
        .filter(|meaning| matches!(meaning, Meaning::New(_)))
        .count();
    let remember = {
        let (chosen, busy, error) = (chosen.clone(), busy.clone(), error.clone());
        let (onkept, refresh) = (props.onkept.clone(), jobs.refresh.clone());
        Callback::from(move |_: MouseEvent| {
            let (chosen, busy, error) = (chosen.clone(), busy.clone(), error.clone());
            let (onkept, refresh) = (onkept.clone(), refresh.clone());
            busy.set(true);
            error.set(None);
            spawn_local(async move {
                match keep(project, taxonomy, &chosen.0).await {
                    Ok(has_new) => {
                        chosen.dispatch(Change::Forget);
                        // With the version that was made the file is looked at again by itself.
                        match has_new {
                            true => refresh.emit(()),
                            false => onkept.emit(()),
                        }
                    }
                    Err(problem) => error.set(Some(problem)),
                }
                busy.set(false);
            });
        })
    };
    let propose = {
        let (chosen, labels) = (chosen.dispatcher(), props.labels.clone());
        Callback::from(move |_: MouseEvent| {
            for label in &labels {
                if let Some(best) = label.proposals.first() {
                    let meaning = Meaning::Proposed(best.id.clone());
                    chosen.dispatch(Change::Fill(label.label.clone(), meaning));
                }
            }
        })
    };
    let onmean = {
        let chosen = chosen.dispatcher();
        Callback::from(move |(label, meaning): (String, Option<Meaning>)| {
            chosen.dispatch(Change::Set(label, meaning));
        })
    };
    let has_proposals = props.labels.iter().any(|label| !label.proposals.is_empty());
    let title = format!(
        "{} not in the taxonomy",
        format::counted(props.count, "label is", "labels are")
    );
    html! {
        <Notice kind={NoticeKind::Warning} {title} testid="corpus-unknown">
            <p>{ "Say what they mean; the project remembers it for later files. Rows with a label that means nothing are refused." }</p>
            if let Some(error) = &*error { <Failure error={error.clone()} compact=true /> }
            <ul class="ab-unknown">
                for (at, unknown) in props.labels.iter().enumerate() {
                    <UnknownRow key={unknown.label.clone()} {at} {taxonomy} unknown={unknown.clone()} meaning={meanings.get(&unknown.label).cloned()} onmean={onmean.clone()} />
                }
            </ul>
            if n_new > 0 { <p data-testid="unknown-new">{ format!("{} added: a new version of the taxonomy is published with nothing else in it.", format::counted(n_new as u64, "label is", "labels are")) }</p> }
            <div class="ab-form__actions">
                <Button label={if n_new > 0 { "Add, remember and look again" } else { "Remember and look again" }} variant={Variant::Secondary} disabled={meanings.is_empty() || !is_complete} busy={*busy} testid="unknown-keep" onclick={remember} />
                if has_proposals { <Button label="Take the nearest ones" variant={Variant::Link} testid="unknown-propose" onclick={propose} /> }
            </div>
        </Notice>
    }
}

/// What was chosen, by the label of the file.
#[derive(Clone, Default, PartialEq)]
struct Meanings(BTreeMap<String, Meaning>);

enum Change {
    Set(String, Option<Meaning>),
    /// Where nothing is chosen yet.
    Fill(String, Meaning),
    Forget,
}

impl Reducible for Meanings {
    type Action = Change;

    fn reduce(self: std::rc::Rc<Self>, change: Change) -> std::rc::Rc<Self> {
        let mut all = (*self).clone();
        match change {
            Change::Set(label, Some(meaning)) => drop(all.0.insert(label, meaning)),
            Change::Set(label, None) => drop(all.0.remove(&label)),
            Change::Fill(label, meaning) => drop(all.0.entry(label).or_insert(meaning)),
            Change::Forget => all = Self::default(),
        }
        all.into()
    }
}

#[derive(PartialEq, Properties)]
struct UnknownRowProps {
    /// Tells its fields from those of others.
    at: usize,
    taxonomy: i64,
    unknown: UnknownLabel,
    meaning: Option<Meaning>,
    onmean: Callback<(String, Option<Meaning>)>,
}

/// A label of the file, and what it means.
#[component]
fn UnknownRow(props: &UnknownRowProps) -> Html {
    let (at, unknown, source) = (props.at, &props.unknown, Source::Version(props.taxonomy));
    let mean = {
        let (onmean, label) = (props.onmean.clone(), unknown.label.clone());
        move |meaning: Option<Meaning>| onmean.emit((label.clone(), meaning))
    };
    let onchange = {
        let (mean, label) = (mean.clone(), unknown.label.clone());
        Callback::from(move |value: String| match value.as_str() {
            REFUSE => mean(None),
            IGNORE => mean(Some(Meaning::Ignore)),
            OTHER => mean(Some(Meaning::Other(None))),
            NEW => {
                let (above, name) = match label.rsplit_once(STEP) {
                    Some((above, name)) => (above.to_owned(), name.to_owned()),
                    None => (String::new(), label.clone()),
                };
                let new = move |parent| {
                    Meaning::New(NewLabel {
                        name: name.clone(),
                        parent,
                    })
                };
                mean(Some(new(None)));
                // The path of the file says where it belongs, if the taxonomy has that.
                if !above.is_empty() {
                    let mean = mean.clone();
                    spawn_local(async move {
                        let path: Vec<String> = above.split(STEP).map(str::to_owned).collect();
                        if let Ok(Some(parent)) = by_path(source, &path).await {
                            mean(Some(new(Some(parent))));
                        }
                    });
                }
            }
            id => mean(Some(Meaning::Proposed(id.to_owned()))),
        })
    };
    let more = match &props.meaning {
        Some(Meaning::Other(label)) => {
            let mean = mean.clone();
            let onchoose = Callback::from(move |label| mean(Some(Meaning::Other(Some(label)))));
            html! {
                <>
                    if let Some(label) = label { <LabelPath path={label.path.clone()} level={label.level} chip=true /> }
                    <LabelPicker {source} id={format!("unknown-other-{at}")} label={format!("The label that {} means", unknown.label)} placeholder="Search the labels" {onchoose} testid={format!("unknown-other-{at}")} />
                </>
            }
        }
        Some(Meaning::New(new)) => {
            let rename = {
                let (mean, parent) = (mean.clone(), new.parent.clone());
                Callback::from(move |name| {
                    let parent = parent.clone();
                    mean(Some(Meaning::New(NewLabel { name, parent })));
                })
            };
            let (mean, name) = (mean.clone(), new.name.clone());
            let onchoose = Callback::from(move |parent| {
                let (name, parent) = (name.clone(), Some(parent));
                mean(Some(Meaning::New(NewLabel { name, parent })));
            });
            let (name_id, parent_id) =
                (format!("unknown-name-{at}"), format!("unknown-parent-{at}"));
            html! {
                <div class="ab-unknown__new">
                    <Field id={name_id.clone()} label="Name"><Input id={name_id.clone()} value={new.name.clone()} onchange={rename} autocomplete="off" testid={name_id} /></Field>
                    <Field id={parent_id.clone()} label="Below">
                        if let Some(parent) = &new.parent { <div><LabelPath path={parent.path.clone()} level={parent.level} chip=true /></div> }
                        <LabelPicker {source} id={parent_id.clone()} label="Parent" placeholder={if new.parent.is_some() { "Another parent" } else { "Top level" }} {onchoose} testid={parent_id} />
                    </Field>
                </div>
            }
        }
        _ => Html::default(),
    };
    let value = props.meaning.as_ref().map_or(REFUSE, Meaning::value);
    html! {
        <li class="ab-unknown__one">
            <span class="ab-unknown__label"><strong dir="auto" title={api::sentence(&unknown.reason)}>{ &unknown.label }</strong><span class="ab-muted">{ format::counted(unknown.n_rows, "row", "rows") }</span></span>
            <Select id={format!("unknown-{at}")} label={format!("What {} means", unknown.label)} testid={format!("unknown-{at}")} value={value.to_owned()} {onchange} choices={choices(unknown)} />
            { more }
        </li>
    }
}

fn choices(unknown: &UnknownLabel) -> Vec<field::Choice> {
    let mut choices: Vec<field::Choice> = vec![(REFUSE.into(), "Refuse its rows".into())];
    choices.extend(unknown.proposals.iter().map(|proposal| {
        let name = proposal.path.join(STEP);
        (proposal.id.clone().into(), name.into())
    }));
    choices.push((OTHER.into(), "Another label of the taxonomy…".into()));
    choices.push((NEW.into(), "A new label…".into()));
    choices.push((IGNORE.into(), "Ignore the label".into()));
    choices
}
