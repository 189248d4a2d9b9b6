//! Labels scored by what they see of a text, from their names and their place in the taxonomy (METHODS 4.8).
//!
//! The paper describes this for EURLEX57K in few words and its code for it does not run; what is computed here is the
//! reading of METHODS: label-wise attention as in the zero-shot methods that the paper cites. Three things are different.
//! A label is its name plus what the graph convolution makes of it: what passed a `ReLU` alone, times what a `ReLU` lets
//! through of the text, is never negative, so that no score would be below a half. All labels share one bias, for most
//! labels do not apply; it starts at the share that does. And the text's word vectors are compared with labels besides
//! the states that the encoder makes of them: names are made of word vectors, so a word that is like a name speaks for a
//! label that was never seen, where a map from states to names knows only the names it was trained on.
//!
//! The paper leaves open what unseen labels are compared with in training. With a loss over seen labels alone nothing
//! says that an unseen one does not apply, and most of them would rank above all seen ones. So unseen labels are wrong
//! labels of every training text here, with the weight `unseen_weight`. What they are made of learns nothing from that,
//! neither here nor from the matching: then each would learn by itself that it never applies.

use std::rc::Rc;

use arborist_model_kit::batch::Batch;
use arborist_model_kit::blocks::{
    BceReduction, Linear, Precision, Reading, StructureEncoder, StructureKind, StructureOptions,
    Text, TextEncoder, TreeLstmOptions, binary_cross_entropy,
};
use arborist_model_kit::error::KitError;
use arborist_model_kit::initializer::Initializer;
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::pass::Pass;
use arborist_model_kit::text_method::{Inputs, LabelSets, Prepared, Purpose};
use arborist_model_kit::training::Losses;
use arborist_model_kit::word_table::WordTable;
use tch::{Device, Kind, Tensor};

use crate::hyperparameters::Hyperparameters;
use crate::matching::Matching;

/// From a text to logits of all labels, those without documents among them.
pub(crate) struct ZeroShot {
    encoder: TextEncoder,
    /// `[e, 2h]`: tokens as labels look for them.
    look: Linear,
    /// `[e, 2h]`: what a label saw, as it is compared with the label.
    compare: Linear,
    /// `[1]`: how much it counts that a word of the text is like a label's name. None with a pretrained encoder, whose
    /// pieces are not what names are made of.
    words: Option<Tensor>,
    labels: Labels,
    /// `[1]`
    bias: Tensor,
    matching: Option<Matching>,
    /// Of word vectors.
    dropout: f64,
    /// Which labels training documents have; none before a training.
    seen: Option<Seen>,
}

/// Labels that training documents have, and those that none has.
struct Seen {
    /// Indexes.
    seen: Tensor,
    unseen: Tensor,
    /// `[L, 1]`: 1 at seen labels.
    mask: Tensor,
}

impl Seen {
    fn new(is_seen: &[bool], options: (Kind, Device)) -> Self {
        let indexes = |wanted: bool| {
            let chosen = (0_i64..)
                .zip(is_seen)
                .filter(|(_, is_seen)| **is_seen == wanted);
            let indexes: Vec<i64> = chosen.map(|(label, _)| label).collect();
            Tensor::from_slice(&indexes).to_device(options.1)
        };
        Self {
            seen: indexes(true),
            unseen: indexes(false),
            mask: Tensor::from_slice(is_seen)
                .to_kind(options.0)
                .to_device(options.1)
                .unsqueeze(1),
        }
    }

    /// The labels' vectors, of which those of unseen labels are constants. `labels`: `[L, e]`.
    fn held(&self, labels: &Tensor) -> Tensor {
        labels * &self.mask + labels.detach() * (1.0 - &self.mask)
    }

    /// Binary cross-entropy over seen labels, and that of unseen ones, none of which applies, with a weight.
    fn loss(
        &self,
        logits: &Tensor,
        gold: &Tensor,
        reduction: BceReduction,
        unseen_weight: f64,
    ) -> Tensor {
        let over = |labels: &Tensor| {
            binary_cross_entropy(
                &logits.index_select(1, labels),
                &gold.index_select(1, labels),
                reduction,
            )
        };
        let seen = over(&self.seen);
        if unseen_weight == 0.0 || self.unseen.numel() == 0 {
            return seen;
        }
        seen + over(&self.unseen) * unseen_weight
    }
}

enum Labels {
    Trained {
        /// `[L, e]`: means of the word vectors of names.
        names: Tensor,
        structure: Box<StructureEncoder>,
    },
    /// `[L, e]`
    Kept(Tensor),
}

impl ZeroShot {
    pub(crate) fn new(
        parameters: &mut Parameters,
        hyperparameters: &Hyperparameters,
        inputs: Inputs<'_>,
    ) -> Result<Self, KitError> {
        let settings = &hyperparameters.rcnn;
        let (width, states) = (inputs.word_size, 2 * settings.rnn_hidden);
        let reading = Reading::Tokens { width: states };
        let encoder = inputs.text_encoder(parameters, reading, settings)?;
        let look = Linear::new(parameters, "look", states, width, settings.init)?;
        let compare = Linear::new(parameters, "compare", states, width, settings.init)?;
        let names = parameters.add_frozen(
            "label_names",
            &[inputs.hierarchy.n_labels() as i64, width],
            &Initializer::Uniform(0.25),
        )?;
        let words = inputs
            .encoder
            .is_none()
            .then(|| {
                let start = Initializer::Constant((width as f64).sqrt().recip());
                parameters.add("words_weight", &[1], &start)
            })
            .transpose()?;
        let bias = parameters.add("bias", &[1], &Initializer::Constant(0.0))?;
        let options = StructureOptions {
            kind: StructureKind::Gcn,
            gcn: hyperparameters.graph.options(),
            tree_lstm: TreeLstmOptions::default(),
        };
        let structure = StructureEncoder::new(parameters, "", inputs.hierarchy, width, &options)?;
        let wanted = inputs.purpose == Purpose::Training && hyperparameters.matching.is_on();
        let matching = wanted
            .then(|| {
                parameters.for_training(|parameters| {
                    Matching::new(
                        parameters,
                        inputs.hierarchy,
                        &hyperparameters.matching,
                        LabelSets::Explicit,
                        [states, width],
                    )
                })
            })
            .transpose()?;
        Ok(Self {
            encoder,
            look,
            compare,
            words,
            labels: Labels::Trained {
                names,
                structure: Box::new(structure),
            },
            bias,
            matching,
            dropout: settings.embedding_dropout,
            seen: None,
        })
    }

    pub(crate) fn table(&self) -> Option<&WordTable> {
        self.encoder.table().map(Rc::as_ref)
    }

    pub(crate) fn prepare(&mut self, corpus: &Prepared<'_>) -> Result<(), KitError> {
        let mut seen = vec![false; corpus.taxonomy.len()];
        for label in corpus.train.label_sets().flatten() {
            seen[*label as usize] = true;
        }
        let right: usize = corpus.train.label_sets().map(<[u32]>::len).sum();
        let all = corpus.train.len() * seen.iter().filter(|seen| **seen).count();
        if 0 < right && right < all {
            let odds = right as f64 / (all - right) as f64;
            let _ = tch::no_grad(|| self.bias.shallow_clone().fill_(odds.ln()));
        }
        self.seen = Some(Seen::new(&seen, (self.bias.kind(), self.bias.device())));
        match &self.labels {
            Labels::Trained { names, .. } => match self.table() {
                Some(words) => corpus.name_vectors(words, names),
                None => Ok(()),
            },
            Labels::Kept(_) => Ok(()),
        }
    }

    /// `[L, e]`
    fn labels(&self, pass: &Pass) -> Tensor {
        match &self.labels {
            Labels::Trained { names, structure } => {
                structure.forward(pass, names, 0.0).squeeze_dim(0) + names
            }
            Labels::Kept(labels) => labels.shallow_clone(),
        }
    }

    /// `[tokens, 2h]`
    fn states(&self, pass: &Pass, batch: &Batch) -> Tensor {
        match self.encoder.forward(pass, batch) {
            Text::States(states) | Text::Features(states) => states,
        }
    }

    /// Logits `[documents, L]`. `states`: `[tokens, 2h]`; `labels`: `[L, e]`.
    fn compared(&self, pass: &Pass, batch: &Batch, states: &Tensor, labels: &Tensor) -> Tensor {
        let (tokens, mask) = batch.pad_rows(states);
        let looks = self.look.forward(&tokens).tanh().matmul(&labels.tr());
        let alike = self.alike(pass, batch, labels);
        let looks = match &alike {
            Some(alike) => looks + alike,
            None => looks,
        };
        let weights = looks
            .masked_fill(&mask.unsqueeze(2).eq(0.0), f64::NEG_INFINITY)
            .softmax(1, states.kind());
        let saw = weights.transpose(1, 2).matmul(&tokens);
        let agreement = self.compare.forward(&saw).relu() * labels;
        let logits = agreement.sum_dim_intlist(2_i64, false, states.kind()) + &self.bias;
        match alike {
            Some(alike) => logits + (weights * alike).sum_dim_intlist(1_i64, false, states.kind()),
            None => logits,
        }
    }

    /// How much each word is like each label, `[documents, tokens, L]`.
    fn alike(&self, pass: &Pass, batch: &Batch, labels: &Tensor) -> Option<Tensor> {
        let (weight, table) = (self.words.as_ref()?, self.table()?);
        let words = table.lookup(pass, &batch.tokens, self.dropout);
        Some(batch.pad_rows(&words).0.matmul(&(labels * weight).tr()))
    }

    pub(crate) fn logits(&self, pass: &Pass, batch: &Batch) -> Tensor {
        self.compared(pass, batch, &self.states(pass, batch), &self.labels(pass))
    }

    /// `gold`: `[documents, L]`.
    pub(crate) fn losses(
        &self,
        pass: &Pass,
        batch: &Batch,
        gold: &Tensor,
        hyperparameters: &Hyperparameters,
    ) -> Losses {
        // Scores and matching read both.
        let states = pass.leaf(&self.states(pass, batch));
        let labels = self.labels(pass);
        let labels = self
            .seen
            .as_ref()
            .map_or_else(|| labels.shallow_clone(), |seen| seen.held(&labels));
        let labels = pass.leaf(&labels);
        let logits = self.compared(pass, batch, &states, &labels);
        let reduction = hyperparameters.classifier.bce_reduction;
        let classification = match &self.seen {
            Some(seen) => seen.loss(&logits, gold, reduction, hyperparameters.unseen_weight),
            None => binary_cross_entropy(&logits, gold, reduction),
        };
        let mut losses = Losses {
            total: classification.shallow_clone(),
            terms: vec![("classification", classification)],
        };
        if let Some(matching) = &self.matching {
            let (tokens, mask) = batch.pad_rows(&states);
            let lengths = mask
                .sum_dim_intlist(1_i64, true, states.kind())
                .clamp_min(1.0);
            let means = tokens.sum_dim_intlist(1_i64, false, states.kind()) / lengths;
            let (total, terms) = matching.losses(pass, batch, &means, &labels);
            losses.total = &losses.total + total;
            losses.terms.extend(terms);
        }
        losses
    }

    pub(crate) fn into_trained(self, precision: Precision) -> Self {
        let labels = tch::no_grad(|| self.labels(&Pass::evaluation()));
        Self {
            encoder: self.encoder.into_trained(precision),
            labels: Labels::Kept(labels),
            matching: None,
            ..self
        }
    }
}
