//! A label, always as its path: ancestors muted, the leaf strong, the level as a color.

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
    html! {
        <span
            class={classes!("ab-path", props.chip.then_some("ab-path--chip"))}
            title={is_shortened.then(|| whole.clone())}
            tabindex={cut.then_some("0")}
            data-whole={whole}
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
        </span>
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
