//! Training on the generated corpus: that something is learned, kept, repeated, reported, and stopped.

use std::collections::BTreeMap;
use std::time::Duration;

use arborist_shared::LabelIndex;
use arborist_shared::manifest::Capability;
use arborist_shared::run::RunEvent;

use super::{assert_same, assert_scores_are_fractions};
use crate::conformance::Kit;
use crate::conformance::corpus::Corpus;
use crate::conformance::workbench::{Bench, Listener, micro_f1, predict, predicted_sets};
use crate::host::CallError;
use crate::method::{Method, Scores};

/// Longest time between the wish to stop and the end of the training.
const STOP_LIMIT: Duration = Duration::from_secs(10);

impl<M: Method> Kit<M> {
    /// Micro-F1 on documents that it did not see is above the one of the most frequent label set.
    pub fn beats_the_majority_label(&self) {
        let corpus = self.corpus();
        let mut model = Bench::new(self, &corpus).trained(self);
        let predictions = predict(&mut model, &corpus.unseen);
        assert_scores_are_fractions(model.n_labels(), &predictions);
        let sets = predicted_sets(&model, &predictions);
        let learned = micro_f1(&corpus, &corpus.unseen, &sets);
        let majority = majority_sets(&corpus)
            .into_iter()
            .map(|set| micro_f1(&corpus, &corpus.unseen, &vec![set; corpus.unseen.len()]))
            .fold(0.0, f64::max);
        assert!(
            learned > majority,
            "micro-F1 is {learned:.3}, predicting the same set for every text gives {majority:.3}; \
             if the method needs more training than the kit's hyperparameters allow, give it other ones"
        );
    }

    /// Loaded again, from another place and without the corpora, the model scores exactly the same.
    pub fn keeps_its_scores_when_saved_and_moved(&self) {
        let corpus = self.corpus();
        let mut bench = Bench::new(self, &corpus);
        let mut model = bench.trained(self);
        let before = predict(&mut model, &corpus.unseen);
        drop(model);
        bench.move_checkpoint();
        let mut model = bench
            .load(&self.plugin())
            .unwrap_or_else(|error| panic!("the moved checkpoint does not load: {error}"));
        let after = predict(&mut model, &corpus.unseen);
        assert_same(
            &before,
            &after,
            "loaded again, the model scores differently",
        );
    }

    /// Declared abilities work, the others say that they are not supported.
    pub fn gives_the_abilities_it_declares(&self) {
        let corpus = self.corpus();
        let mut model = Bench::new(self, &corpus).trained(self);
        let capabilities = M::manifest().capabilities;
        let declares = |capability| capabilities.contains(&capability);
        let predictions = predict(&mut model, &corpus.unseen);
        assert_eq!(
            predictions.decided.is_some(),
            declares(Capability::DecidedSets),
            "whether the method decides sets is not what its manifest declares (`decided_sets`)"
        );
        if matches!(predictions.scores, Scores::Sparse { .. }) {
            assert!(
                declares(Capability::SparseScores),
                "scores come as sparse rows, the manifest does not declare `sparse_scores`"
            );
        }
        let text = corpus.unseen[0].text.as_str();
        let answers = [
            (
                Capability::LabelEmbeddings,
                model.label_embeddings().map(drop),
            ),
            (
                Capability::TextEmbeddings,
                model.text_embeddings(&[text, ""]).map(drop),
            ),
            (Capability::Evidence, model.evidence(text, 0).map(drop)),
        ];
        for (capability, answer) in answers {
            match answer {
                Ok(()) => assert!(
                    declares(capability),
                    "{capability:?} works and is not declared"
                ),
                Err(CallError::Unsupported) => {
                    assert!(
                        !declares(capability),
                        "{capability:?} is declared and not supported"
                    );
                }
                Err(error) => panic!("{capability:?}: {error}"),
            }
        }
    }

    /// Two trainings with one seed score exactly the same.
    pub fn repeats_itself_with_the_same_seed(&self) {
        let corpus = self.corpus();
        let first = predict(&mut Bench::new(self, &corpus).trained(self), &corpus.unseen);
        let second = predict(&mut Bench::new(self, &corpus).trained(self), &corpus.unseen);
        assert_same(
            &first,
            &second,
            "two trainings with the same seed score differently",
        );
    }

    /// The host hears where the training stands, and what it hears makes sense.
    pub fn reports_progress(&self) {
        let corpus = self.corpus();
        let bench = Bench::new(self, &corpus);
        let listener = Listener::default();
        if let Err(error) = bench.train(self, &self.plugin(), &listener) {
            panic!("training failed: {error}");
        }
        let heard = listener.heard();
        let is_progress = |event: &&RunEvent| {
            matches!(
                event,
                RunEvent::Progress { .. } | RunEvent::Step { .. } | RunEvent::Epoch { .. }
            )
        };
        assert!(
            heard.iter().any(|event| is_progress(&event)),
            "no event of kind progress, step or epoch among the {} heard",
            heard.len()
        );
        for event in &heard {
            let RunEvent::Progress { steps, .. } = event else {
                continue;
            };
            assert!(!steps.is_empty(), "a progress event without steps");
            for step in steps {
                assert!(
                    step.total == 0 || step.current <= step.total,
                    "step `{}` stands at {} of {}",
                    step.name,
                    step.current,
                    step.total
                );
            }
        }
    }

    /// Asked to stop after its first event, the training ends soon and says that it was cancelled.
    pub fn stops_when_asked(&self) {
        let corpus = self.corpus();
        let bench = Bench::new(self, &corpus);
        let listener = Listener::stopping_after(1);
        let result = bench.train(self, &self.plugin(), &listener);
        let waited = listener
            .since_stop()
            .expect("the method emits events or asks whether to stop");
        assert_eq!(
            result,
            Err(CallError::Cancelled),
            "asked to stop after its first event"
        );
        assert!(
            waited < STOP_LIMIT,
            "it took {waited:?} to stop, {STOP_LIMIT:?} are allowed"
        );
    }

    /// A training that is cancelled before it starts does not go through.
    pub fn does_not_start_when_cancelled_before(&self) {
        let corpus = self.corpus();
        let bench = Bench::new(self, &corpus);
        let result = bench.train(self, &self.plugin(), &Listener::stopping_after(0));
        assert_eq!(
            result,
            Err(CallError::Cancelled),
            "the host wanted to stop from the beginning"
        );
    }

    /// Interrupted in the middle and started again in the same directory, it ends where an unbroken training ends.
    pub fn goes_on_after_an_interruption(&self) {
        let corpus = self.corpus();
        let plugin = self.plugin();
        let unbroken = Bench::new(self, &corpus);
        let listener = Listener::default();
        if let Err(error) = unbroken.train(self, &plugin, &listener) {
            panic!("training failed: {error}");
        }
        assert!(
            listener.questions() > 0,
            "the method never asks whether to stop"
        );
        let mut model = unbroken
            .load(&plugin)
            .expect("an unbroken training can be loaded");
        let expected = predict(&mut model, &corpus.unseen);

        let broken = Bench::new(self, &corpus);
        // Events may be thinned out by the clock, so the middle is counted in questions.
        let halfway = Listener::stopping_at_question(listener.questions() / 2);
        match broken.train(self, &plugin, &halfway) {
            // Finished: the questions come by the clock, too, and there were fewer this time.
            Err(CallError::Cancelled) | Ok(()) => {}
            Err(error) => panic!("asked to stop in the middle: {error}"),
        }
        let mut model = broken.trained(self);
        let resumed = predict(&mut model, &corpus.unseen);
        assert_same(
            &expected,
            &resumed,
            "a training that was interrupted and started again scores differently from an unbroken one",
        );
    }
}

/// The most frequent label set, and the most frequent top-level label alone.
fn majority_sets(corpus: &Corpus) -> Vec<Vec<LabelIndex>> {
    let mut frequencies: BTreeMap<&[LabelIndex], usize> = BTreeMap::new();
    for document in &corpus.train {
        *frequencies.entry(&document.labels).or_default() += 1;
    }
    let mut sets: Vec<Vec<LabelIndex>> = corpus
        .taxonomy
        .top_level()
        .iter()
        .map(|top| vec![*top])
        .collect();
    let most_frequent = frequencies
        .into_iter()
        .max_by_key(|(_, frequency)| *frequency);
    sets.extend(most_frequent.map(|(set, _)| set.to_vec()));
    sets
}
