//! A label, always as its path: ancestors muted, the leaf strong, the level as a color. Where it is told which label it
//! is, it opens the label's card.

use yew::prelude::*;

use crate::format;

/// Longest name that is shown whole.
const LONGEST_NAME: usize = 44;
/// Paths with more steps than this hide those in the middle.
const MOST_STEPS: usize = 4;

/// A step of a path as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Name(String),
    /// Steps that were left out.
    Gap,
}

/// The steps that fit, and whether something was cut.
pub fn steps(path: &[String]) -> (Vec<Step>, bool) {
    let short = |at: usize| {
        let parent = at.checked_sub(1).map(|parent| path[parent].as_str());
        let name = format::below(&path[at], parent);
        (
            Step::Name(format::middle(name, LONGEST_NAME)),
            name.chars().count() > LONGEST_NAME,
        )
    };
    let shown: Vec<usize> = if path.len() <= MOST_STEPS {
        (0..path.len()).collect()
    } else {
        vec![0, path.len() - 2, path.len() - 1]
    };
    let has_gap = shown.len() < path.len();
    let mut is_cut = has_gap;
    let mut steps = Vec::new();
    for (place, at) in shown.into_iter().enumerate() {
        if has_gap && place == 1 {
            steps.push(Step::Gap);
        }
        let (step, cut) = short(at);
        steps.push(step);
        is_cut |= cut;
    }
    (steps, is_cut)
}

/// How a label is named: documents and previews carry paths, figures and answers carry ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    Id(String),
    Path(Vec<String>),
}

/// A label and the version of the taxonomy that it is from; none: the newest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelRef {
    pub taxonomy: Option<i64>,
    pub named: Named,
}

impl LabelRef {
    pub fn id(taxonomy: Option<i64>, id: &str) -> Self {
        Self {
            taxonomy,
            named: Named::Id(id.to_owned()),
        }
    }

    pub fn path(taxonomy: Option<i64>, path: &[String]) -> Self {
        Self {
            taxonomy,
            named: Named::Path(path.to_vec()),
        }
    }
}

/// Opens the cards of labels; the frame around the pages holds the card.
#[derive(Clone, PartialEq)]
pub struct LabelCards {
    pub onopen: Callback<LabelRef>,
}

impl LabelCards {
    pub fn open(&self, label: LabelRef) {
        self.onopen.emit(label);
    }
}

/// The way to a label's card from anywhere.
#[hook]
pub fn use_label_cards() -> LabelCards {
    use_context::<LabelCards>().unwrap_or(LabelCards {
        onopen: Callback::noop(),
    })
}

#[derive(PartialEq, Properties)]
pub struct LabelPathProps {
    /// Names, topmost first.
    pub path: Vec<String>,
    /// Level for the color; the path's length unless told.
    #[prop_or_default]
    pub level: Option<u32>,
    /// In a frame, for label sets.
    #[prop_or_default]
    pub chip: bool,
    /// Opens this label's card when it is clicked.
    #[prop_or_default]
    pub card: Option<LabelRef>,
}

/// A label's path.
#[component]
pub fn LabelPath(props: &LabelPathProps) -> Html {
    let (steps, cut) = steps(&props.path);
    let whole = props.path.join(" › ");
    let is_shortened = cut
        || props
            .path
            .windows(2)
            .any(|pair| format::below(&pair[1], Some(&pair[0])) != pair[1]);
    let level = props.level.unwrap_or(props.path.len() as u32).max(1);
    let last = steps.len().saturating_sub(1);
    let cards = use_label_cards();
    let onclick = props.card.clone().map(|label| {
        Callback::from(move |event: MouseEvent| {
            // The row around it has a click of its own.
            event.stop_propagation();
            cards.open(label.clone());
        })
    });
    let opens = onclick.is_some();
    html! {
        <@{if opens { "button" } else { "span" }}
            class={classes!("ab-path", props.chip.then_some("ab-path--chip"), opens.then_some("ab-path--opens"))}
            type={opens.then_some("button")}
            title={is_shortened.then(|| whole.clone())}
            tabindex={(cut && !opens).then_some("0")}
            data-testid={opens.then_some("label-chip")}
            data-whole={whole}
            {onclick}
            style={format!("--level: var(--ab-level-{})", (level - 1) % 6 + 1)}
        >
            <span class="ab-path__dot" aria-hidden="true" />
            <span class="ab-path__steps">
                for (index, step) in steps.iter().enumerate() {
                    if index > 0 { <span key={format!("s{index}")} class="ab-path__separator" aria-hidden="true">{ "›" }</span> }
                    {
                        match step {
                            Step::Gap => html! { <span key={index} class="ab-path__ancestor">{ "…" }</span> },
                            Step::Name(name) if index == last => html! { <bdi key={index} class="ab-path__leaf">{ name }</bdi> },
                            Step::Name(name) => html! { <bdi key={index} class="ab-path__ancestor">{ name }</bdi> },
                        }
                    }
                }
            </span>
        </@>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn short_paths_are_whole() {
        let (shown, cut) = steps(&path(&["Culture", "Music"]));
        assert_eq!(
            shown,
            vec![Step::Name("Culture".into()), Step::Name("Music".into())]
        );
        assert!(!cut);
    }

    #[test]
    fn long_paths_keep_both_ends() {
        let (shown, cut) = steps(&path(&["a", "b", "c", "d", "e", "f"]));
        assert_eq!(
            shown,
            vec![
                Step::Name("a".into()),
                Step::Gap,
                Step::Name("e".into()),
                Step::Name("f".into())
            ]
        );
        assert!(cut);
    }

    #[test]
    fn names_do_not_repeat_their_parents() {
        let (shown, cut) = steps(&path(&["travel", "travel/translate"]));
        assert_eq!(
            shown,
            vec![Step::Name("travel".into()), Step::Name("translate".into())]
        );
        assert!(!cut);
    }

    #[test]
    fn long_names_are_cut_and_said_to_be() {
        let (shown, cut) = steps(&["x".repeat(200)]);
        assert!(cut);
        let Step::Name(name) = &shown[0] else {
            panic!("a name")
        };
        assert_eq!(name.chars().count(), 44);
    }
}
