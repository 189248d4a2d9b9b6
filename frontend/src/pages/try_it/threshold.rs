//! A threshold for all answers at once, decided here: what the server decides about documents is decided by the same
//! function about the scores that have arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use arborist_shared::api::runs::{PredictResponse, PredictedDocument};
use arborist_shared::decode::{
    DecodeOptions, PredictionError, Selection, decode, from_prediction, to_prediction,
};
use arborist_shared::scores::DocumentScores;
use arborist_shared::taxonomy::Taxonomy;
use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::{ASKED, Question, Reply};
use crate::api;
use crate::components::{Button, Failure, Variant, states};
use crate::hooks::{Loading, Query, use_query};

/// Runs store every label above this, and not every one below.
const LEAST: f32 = 0.01;
const MOST: f32 = 0.99;

/// Taxonomy versions by id.
pub type Taxonomies = BTreeMap<i64, Taxonomy>;

/// What `answer` would be had it been asked for with this threshold.
///
/// # Errors
/// Labels that the taxonomy does not have.
pub fn at_threshold(
    taxonomy: &Taxonomy,
    answer: &PredictedDocument,
    threshold: f32,
) -> Result<PredictedDocument, PredictionError> {
    let mut scores = from_prediction(taxonomy, answer)?.scores;
    // These were not scored; they are there because a label below them was found.
    scores.retain(|&(_, score)| score != 0.0);
    let scores = DocumentScores {
        scores,
        decided: None,
    };
    let options = DecodeOptions {
        selection: Selection::Threshold(threshold),
        ..DecodeOptions::default()
    };
    let decoded = decode(taxonomy, &scores, &options, threshold);
    Ok(to_prediction(
        taxonomy,
        answer.id.clone(),
        &decoded,
        Some(threshold),
    ))
}

/// The lowest threshold that these answers can be decided with: labels below the lowest score may not have arrived.
pub fn least<'a>(answers: impl IntoIterator<Item = &'a PredictedDocument>) -> f32 {
    let lowest = |answer: &PredictedDocument| {
        let lowest = answer.labels.last().map_or(0.0, |label| label.score);
        if answer.labels.len() < ASKED as usize {
            0.0
        } else {
            lowest
        }
    };
    let least = answers.into_iter().map(lowest).fold(LEAST, f32::max);
    ((least * 100.0).ceil() / 100.0).min(MOST)
}

/// The threshold in an address, if it is one.
pub fn read(text: &str) -> Option<f32> {
    let threshold: f32 = text.parse().ok()?;
    (LEAST..=MOST).contains(&threshold).then_some(threshold)
}

/// The answers that have arrived, by run.
pub fn said(question: &Question) -> impl Iterator<Item = (i64, &PredictResponse)> {
    let replies = question.replies.iter();
    replies.filter_map(|(run, reply)| match reply {
        Reply::Said(answer) => (**answer).as_ref().ok().map(|response| (*run, response)),
        Reply::Waiting => None,
    })
}

/// The taxonomies that are needed to decide about the answers; none are fetched before a threshold is chosen.
#[hook]
pub fn use_taxonomies(question: &Question, wanted: bool) -> Query<Taxonomies> {
    let versions: BTreeSet<i64> = said(question)
        .filter(|_| wanted)
        .map(|(_, response)| response.taxonomy)
        .collect();
    use_query(versions, |versions| async move {
        let mut taxonomies = Taxonomies::new();
        for version in versions {
            taxonomies.insert(version, api::hierarchy(version).await?);
        }
        Ok(taxonomies)
    })
}

#[derive(PartialEq, Properties)]
pub struct ThresholdProps {
    /// The chosen one; none leaves each run its own.
    pub chosen: Option<f32>,
    pub question: Question,
    pub taxonomies: Query<Taxonomies>,
    pub onchange: Callback<Option<f32>>,
}

#[component]
pub fn Threshold(props: &ThresholdProps) -> Html {
    let answers: Vec<&PredictedDocument> = said(&props.question)
        .filter_map(|(_, response)| response.documents.first())
        .collect();
    let own = answers.iter().find_map(|answer| answer.threshold);
    let least = least(answers.iter().copied());
    let shown = props.chosen.or(own).unwrap_or(0.5).max(least);
    let oninput = {
        let onchange = props.onchange.clone();
        Callback::from(move |event: InputEvent| {
            let input: HtmlInputElement = event.target_unchecked_into();
            onchange.emit(read(&input.value()));
        })
    };
    let reset = props.onchange.reform(|_: MouseEvent| None);
    let says = match props.chosen {
        Some(_) => format!("{shown:.2}"),
        None => "each run's own".to_owned(),
    };
    html! {
        <div class="ab-threshold">
            <label for="threshold">{ "Threshold" }</label>
            <input type="range" id="threshold" min={format!("{least:.2}")} max={MOST.to_string()} step="0.01" value={format!("{shown:.2}")} aria-valuetext={says.clone()} data-testid="threshold" {oninput} />
            <output for="threshold" class="ab-threshold__figure" data-testid="threshold-figure">{ says }</output>
            if props.chosen.is_some() {
                <Button label="Each run's own" variant={Variant::Link} small=true testid="threshold-reset" onclick={reset} />
                { match &props.taxonomies.state {
                    Loading::Waiting => states::spinner("sm"),
                    Loading::Failed(error) => html! { <Failure error={error.clone()} compact=true /> },
                    Loading::Ready(_) => Html::default(),
                } }
            }
        </div>
    }
}

/// What each run says, with the threshold that was chosen; until its taxonomy is there, with its own.
pub fn decided(
    question: &Question,
    threshold: Option<f32>,
    taxonomies: Option<Rc<Taxonomies>>,
) -> Vec<(i64, PredictedDocument)> {
    let decide = |(run, response): (i64, &PredictResponse)| {
        let answer = response.documents.first()?;
        let taxonomy = taxonomies
            .as_ref()
            .and_then(|taxonomies| taxonomies.get(&response.taxonomy));
        let decided = threshold.zip(taxonomy).and_then(|(threshold, taxonomy)| {
            at_threshold(taxonomy, answer, threshold.max(least([answer]))).ok()
        });
        Some((run, decided.unwrap_or_else(|| answer.clone())))
    };
    said(question).filter_map(decide).collect()
}

#[cfg(test)]
mod tests {
    use arborist_shared::taxonomy::NewLabel;

    use super::*;

    /// A, B; A1 below A and B; scores of a run whose own threshold is .5.
    fn answer() -> (Taxonomy, PredictedDocument) {
        let label = |id: &str, parents: &[&str]| NewLabel {
            id: id.to_owned(),
            name: id.to_owned(),
            parents: parents.iter().map(|&parent| parent.to_owned()).collect(),
            details: None,
        };
        let labels = vec![
            label("A", &[]),
            label("B", &[]),
            label("A1", &["A", "B"]),
            label("C", &[]),
        ];
        let taxonomy = Taxonomy::new(labels).unwrap();
        let scores = DocumentScores {
            scores: vec![(2, 0.7), (0, 0.4), (3, 0.3)],
            decided: None,
        };
        let decoded = decode(&taxonomy, &scores, &DecodeOptions::default(), 0.5);
        let answer = to_prediction(&taxonomy, "text", &decoded, Some(0.5));
        (taxonomy, answer)
    }

    fn predicted(answer: &PredictedDocument) -> Vec<(&str, f32)> {
        let labels = answer.labels.iter().filter(|label| label.predicted);
        labels
            .map(|label| (label.label.as_str(), label.score))
            .collect()
    }

    #[test]
    fn a_threshold_brings_labels_with_all_their_ancestors_and_takes_them_away() {
        let (taxonomy, answer) = answer();
        let with_ancestors = [("A", 0.7), ("B", 0.7), ("A1", 0.7)];
        assert_eq!(predicted(&answer), with_ancestors);
        let lower = at_threshold(&taxonomy, &answer, 0.25).unwrap();
        assert_eq!(predicted(&lower)[..3], with_ancestors);
        assert_eq!(predicted(&lower)[3], ("C", 0.3));
        let higher = at_threshold(&taxonomy, &answer, 0.75).unwrap();
        assert_eq!(predicted(&higher), []);
        // Without the label below, an ancestor has its own score again; the one that was not scored is gone.
        let scores: Vec<_> = higher
            .labels
            .iter()
            .map(|label| (label.label.as_str(), label.score))
            .collect();
        assert_eq!(scores, [("A1", 0.7), ("A", 0.4), ("C", 0.3)]);
        assert_eq!(at_threshold(&taxonomy, &lower, 0.5).unwrap(), answer);
    }

    #[test]
    fn what_was_cut_bounds_the_threshold() {
        let (_, mut answer) = answer();
        assert_eq!(least([&answer]), LEAST);
        assert_eq!(least([]), LEAST);
        let filler = answer.labels[0].clone();
        answer.labels.resize(ASKED as usize - 1, filler);
        answer.labels.push(answer.labels[0].clone());
        answer.labels.last_mut().unwrap().score = 0.123;
        assert_eq!(least([&answer]), 0.13);
    }

    #[test]
    fn only_thresholds_are_read() {
        assert_eq!(read("0.35"), Some(0.35));
        for text in ["", "x", "0", "1", "-0.2", "NaN", "inf"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
