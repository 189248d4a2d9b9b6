//! Corpora and taxonomies that are unusual and allowed.

use arborist_shared::corpus::SnapshotDocument;
use arborist_shared::manifest::HierarchyKind;
use arborist_shared::taxonomy::Taxonomy;

use super::{assert_same, assert_scores_are_fractions};
use crate::conformance::Kit;
use crate::conformance::corpus::{Corpus, label};
use crate::conformance::workbench::{Bench, Listener, predict};
use crate::host::CallError;
use crate::method::{Method, Predictions};

/// What a method says of labels that it cannot use as they are.
const SEVERAL_PARENTS: &str = "several parents";

impl<M: Method> Kit<M> {
    /// Empty texts, characters that it never saw and very long texts are trained on and scored.
    pub fn survives_strange_texts(&self) {
        let mut corpus = self.corpus();
        for (index, text) in strange_texts().into_iter().enumerate() {
            corpus.train[index].text.clone_from(&text);
            corpus.validation[index].text = text;
        }
        let mut model = Bench::new(self, &corpus).trained(self);
        let texts = strange_texts();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let together = model
            .predict(&texts)
            .unwrap_or_else(|error| panic!("strange texts are not scored: {error}"));
        assert_scores_are_fractions(model.n_labels(), &together);
        for text in texts {
            if let Err(error) = model.predict(&[text]) {
                let start: String = text.chars().take(20).collect();
                panic!("the text {start:?} alone is not scored: {error}");
            }
        }
        let nothing = model
            .predict(&[])
            .expect("a batch without texts is answered");
        assert!(nothing.scores.is_empty(), "scores without texts");
    }

    /// A label that no document has is scored like any other.
    pub fn survives_a_label_without_documents(&self) {
        let corpus = self.corpus();
        let mut labels = corpus.taxonomy.to_labels();
        labels.insert(0, label("politics", &[]));
        labels.push(label("chess", &["sport"]));
        let corpus = corpus.under(labels);
        let mut model = Bench::new(self, &corpus).trained(self);
        predict(&mut model, &corpus.unseen);
    }

    /// Documents to which no label applies are trained and validated on.
    pub fn survives_documents_without_labels(&self) {
        let mut corpus = self.corpus();
        let several = corpus
            .train
            .iter_mut()
            .chain(&mut corpus.validation)
            .step_by(5);
        for document in several {
            document.labels.clear();
            document.explicit.clear();
        }
        let mut model = Bench::new(self, &corpus).trained(self);
        predict(&mut model, &corpus.unseen);
    }

    /// A taxonomy of one label, which half of the documents have.
    pub fn survives_a_taxonomy_of_one_label(&self) {
        let mut corpus = self.corpus();
        let sport = corpus
            .taxonomy
            .index_of("sport")
            .expect("the corpus has sport");
        let one = |documents: &mut Vec<SnapshotDocument>| {
            for document in documents {
                let has = document.labels.contains(&sport);
                document.labels = if has { vec![0] } else { Vec::new() };
                document.explicit.clone_from(&document.labels);
            }
        };
        one(&mut corpus.train);
        one(&mut corpus.validation);
        one(&mut corpus.unseen);
        corpus.taxonomy =
            Taxonomy::new(vec![label("sport", &[])]).expect("one label is a taxonomy");
        let mut model = Bench::new(self, &corpus).trained(self);
        predict(&mut model, &corpus.unseen);
    }

    /// A label with three parents, the first of which lies deeper than the others, is what the manifest says it is.
    ///
    /// Of a method for trees: first parents alone give the same scores, or it refuses the others in words. Of a method for
    /// DAGs: it trains, and the others count; unless the first one counts no more than they do, or it says what it leaves out.
    pub fn treats_three_parents_as_declared(&self) {
        let dag = self.corpus_with_parents(["football", "science", "arts"]);
        let kind = M::manifest().hierarchy;
        let listener = Listener::default();
        let scores = match self.scores(&dag, &listener) {
            Ok(scores) => scores,
            Err(CallError::Input(message)) if kind == HierarchyKind::Tree => {
                assert!(
                    message.contains(SEVERAL_PARENTS),
                    "the refusal of a DAG does not say `{SEVERAL_PARENTS}`: {message}"
                );
                return;
            }
            Err(error) => panic!("a label with three parents, method for {kind:?}: {error}"),
        };
        // Documents keep their labels: sets are closed on the DAG, whatever the method understands.
        let reduced = Corpus {
            taxonomy: dag.taxonomy.to_tree(),
            ..dag
        };
        let unheard = Listener::default();
        let of_first_parents = self
            .scores(&reduced, &unheard)
            .unwrap_or_else(|error| panic!("the same label with its first parent: {error}"));
        match kind {
            HierarchyKind::Tree => assert_same(
                &scores,
                &of_first_parents,
                "the manifest declares `tree`, and parents other than the first change the scores",
            ),
            HierarchyKind::Dag => {
                if scores != of_first_parents || listener.has_heard(SEVERAL_PARENTS) {
                    return;
                }
                let turned = self.corpus_with_parents(["science", "arts", "football"]);
                let turned = self
                    .scores(&turned, &unheard)
                    .unwrap_or_else(|error| panic!("the same parents in another order: {error}"));
                assert_same(
                    &scores,
                    &turned,
                    "the manifest declares `dag`, and of several parents only the first changes the scores, \
                     which no line of the log says (`several parents`)",
                );
            }
        }
    }

    /// There may be no validation split.
    pub fn survives_a_missing_validation_split(&self) {
        let corpus = self.corpus();
        let mut model = Bench::new(self, &corpus).without_validation().trained(self);
        predict(&mut model, &corpus.unseen);
    }

    /// The corpus with other parents for one of its labels.
    fn corpus_with_parents(&self, parents: [&str; 3]) -> Corpus {
        let corpus = self.corpus();
        let mut labels = corpus.taxonomy.to_labels();
        for changed in &mut labels {
            if changed.id == "sailing" {
                *changed = label("sailing", &parents);
            }
        }
        corpus.under(labels)
    }

    /// Trains, and scores documents that were not seen.
    fn scores(&self, corpus: &Corpus, listener: &Listener) -> Result<Predictions, CallError> {
        let (bench, plugin) = (Bench::new(self, corpus), self.plugin());
        bench.train(self, &plugin, listener)?;
        Ok(predict(&mut bench.load(&plugin)?, &corpus.unseen))
    }
}

fn strange_texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        " ",
        "\n\t\r\n",
        "\u{0}",
        "\u{1}\u{7}\u{1b}[31m\u{7f}\u{9f}",
        "🏴‍☠️🧑🏽‍🚀👩‍👩‍👧‍👦 🇺🇳",
        "שלום עולם, مرحبا بالعالم",
        "\u{202e}reversed\u{202c} \u{feff}\u{200b}\u{200d}",
        "e\u{301}\u{301}\u{301}\u{301}\u{323} ﬃ Å İ ı ẞ",
        "目标 ゴール 골 เป้าหมาย",
        "\u{10ffff}\u{e000}\u{fffd}",
        "… — « » \u{a0}\u{2028}\u{2029}",
        "goal",
    ]
    .into_iter()
    .map(str::to_owned)
    .collect();
    texts.push("goal striker ".repeat(5_000));
    texts.push("x".repeat(20_000));
    texts
}
