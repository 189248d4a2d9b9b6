//! Corpora and taxonomies that are unusual and allowed.

use arborist_shared::corpus::SnapshotDocument;
use arborist_shared::manifest::HierarchyKind;
use arborist_shared::taxonomy::Taxonomy;

use super::assert_scores_are_fractions;
use crate::conformance::Kit;
use crate::conformance::corpus::label;
use crate::conformance::workbench::{Bench, Listener, predict};
use crate::host::CallError;
use crate::method::Method;

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

    /// A label with three parents: a method for DAGs trains; a method for trees reduces it or refuses it in words.
    pub fn survives_a_label_with_three_parents(&self) {
        let corpus = self.corpus();
        let mut labels = corpus.taxonomy.to_labels();
        for changed in &mut labels {
            if changed.id == "sailing" {
                *changed = label("sailing", &["sport", "science", "arts"]);
            }
        }
        let corpus = corpus.under(labels);
        let bench = Bench::new(self, &corpus);
        let plugin = self.plugin();
        let kind = M::manifest().hierarchy;
        match bench.train(self, &plugin, &Listener::default()) {
            Ok(()) => {
                let mut model = bench
                    .load(&plugin)
                    .expect("the trained model can be loaded");
                predict(&mut model, &corpus.unseen);
            }
            Err(CallError::Input(message)) if kind == HierarchyKind::Tree => {
                assert!(!message.is_empty(), "the refusal of a DAG has no words");
            }
            Err(error) => panic!("a label with three parents, method for {kind:?}: {error}"),
        }
    }

    /// There may be no validation split.
    pub fn survives_a_missing_validation_split(&self) {
        let corpus = self.corpus();
        let mut model = Bench::new(self, &corpus).without_validation().trained(self);
        predict(&mut model, &corpus.unseen);
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
