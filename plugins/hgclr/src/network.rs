//! The network: an encoder with a linear layer, and in training a second view of each document (METHODS 5.1).

use std::path::Path;

use arborist_model_kit::batch::Batch;
use arborist_model_kit::blocks::{
    Bert, CompiledBert, CompiledClassifier, FlatClassifier, Places, Precision, binary_cross_entropy,
};
use arborist_model_kit::error::KitError;
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::pass::Pass;
use arborist_model_kit::structure::Hierarchy;
use arborist_model_kit::text_method::{Inputs, Prepared, Purpose, TextNetwork, TrainedNetwork};
use arborist_model_kit::training::{Losses, Predicted, Trainable};
use arborist_model_kit::word_table::WordTable;
use arborist_shared::LabelIndex;
use tch::{Kind, Tensor};

use crate::contrast::{ContrastHead, nt_xent};
use crate::distances::Distances;
use crate::evidence::{self, Evidence};
use crate::graph::{LabelEncoder, Names};
use crate::hyperparameters::{Hyperparameters, Positive};
use crate::positives::{Choice, TokenLabels, gumbel_noise, keep};

/// Pieces of a label's name that are read.
const NAME_PIECES: usize = 30;

/// The network in training.
pub struct Network {
    parameters: Parameters,
    bert: Bert,
    classifier: FlatClassifier,
    views: Option<Views>,
    hierarchy: Hierarchy,
    special: Vec<u32>,
    hyperparameters: Hyperparameters,
}

/// What makes and compares second views.
struct Views {
    labels: LabelEncoder,
    tokens: TokenLabels,
    contrast: ContrastHead,
}

/// Documents of a batch that have labels, as rows of the batch.
struct Labelled {
    /// Places in the batch.
    documents: Vec<i64>,
    lengths: Vec<usize>,
    /// Rows of their tokens.
    rows: Vec<i64>,
    /// For each of those rows, the place of its document among these.
    owners: Vec<i64>,
}

impl Labelled {
    fn of(batch: &Batch) -> Self {
        let mut found = Self {
            documents: Vec::new(),
            lengths: Vec::new(),
            rows: Vec::new(),
            owners: Vec::new(),
        };
        let mut start = 0;
        for (document, (&length, labels)) in
            (0..).zip(batch.packing.lengths.iter().zip(&batch.labels))
        {
            if !labels.is_empty() {
                found
                    .owners
                    .extend(std::iter::repeat_n(found.documents.len() as i64, length));
                found.documents.push(document);
                found.lengths.push(length);
                found.rows.extend(start..start + length as i64);
            }
            start += length as i64;
        }
        found
    }
}

impl Network {
    /// Logits `[documents, L]`.
    pub fn logits(&self, pass: &Pass, batch: &Batch) -> Tensor {
        self.classifier.forward(pass, &self.texts(pass, batch))
    }

    /// The state of `[CLS]` of each document, `[documents, d]`.
    fn texts(&self, pass: &Pass, batch: &Batch) -> Tensor {
        let words = self.bert.words(pass, &batch.tokens);
        self.encode(pass, &words, &batch.packing.lengths)
    }

    /// `words`: `[Σ lengths, d]`; result: `[lengths, d]`.
    fn encode(&self, pass: &Pass, words: &Tensor, lengths: &[usize]) -> Tensor {
        let hidden = self.bert.embed(pass, words, &Places::of(lengths));
        let firsts = self.bert.encode_firsts(pass, hidden, lengths);
        pass.dropout(&firsts, self.bert.config().hidden_dropout_prob)
    }

    fn index(&self, places: &[i64]) -> Tensor {
        Tensor::from_slice(places).to_device(self.parameters.device())
    }

    /// What the words of documents with labels are multiplied with in their views, `[rows, 1]`, and the share that is kept.
    fn kept(
        &self,
        pass: &Pass,
        views: &Views,
        batch: &Batch,
        labelled: &Labelled,
        words: &Tensor,
        gold: &Tensor,
    ) -> (Tensor, Tensor) {
        let hyperparameters = &self.hyperparameters;
        let labels = views.labels.forward(pass, &self.bert);
        let like = Tensor::empty(
            [words.size()[0], labels.size()[0]],
            (words.kind(), words.device()),
        );
        let choice = Choice {
            input: hyperparameters.gumbel_input,
            temperature: hyperparameters.gumbel_tau,
            noise: tch::no_grad(|| gumbel_noise(&like)),
            gold: gold.shallow_clone(),
            owners: self.index(&labelled.owners),
        };
        let given = views.tokens.given(pass, words, &labels, &choice);
        let mut factors = keep(&given, hyperparameters.keep_threshold);
        if hyperparameters.protect_special {
            let special: Vec<f32> = labelled
                .rows
                .iter()
                .map(|row| f32::from(self.special.contains(&batch.tokens[*row as usize])))
                .collect();
            let special = Tensor::from_slice(&special)
                .to_kind(factors.kind())
                .to_device(factors.device());
            factors = &factors * (special.neg() + 1.0) + special;
        }
        let share = factors.detach().mean(Kind::Double);
        (factors.unsqueeze(1), share)
    }

    /// Vectors of words in the documents' views, `[rows, d]`, and the share of tokens that are kept where labels say so.
    fn view(
        &self,
        pass: &Pass,
        views: &Views,
        batch: &Batch,
        labelled: &Labelled,
        words: &Tensor,
        gold: &Tensor,
    ) -> (Tensor, Option<Tensor>) {
        match self.hyperparameters.positive {
            Positive::Dropout => (words.shallow_clone(), None),
            Positive::Hierarchy => {
                let (factors, share) = self.kept(pass, views, batch, labelled, words, gold);
                (words * factors, Some(share))
            }
            Positive::RandomMask => {
                let (_, share) =
                    tch::no_grad(|| self.kept(pass, views, batch, labelled, words, gold));
                let chance = share.to_kind(words.kind());
                let kept = words.narrow(1, 0, 1).rand_like().lt_tensor(&chance);
                (words * kept.to_kind(words.kind()), Some(share))
            }
            Positive::Fgsm => (words + self.against(pass, labelled, words, gold), None),
        }
    }

    /// The step that makes the classification of documents worse, `[rows, d]`.
    fn against(&self, pass: &Pass, labelled: &Labelled, words: &Tensor, gold: &Tensor) -> Tensor {
        let Some(moment) = pass.moment() else {
            return words.zeros_like();
        };
        let words = words.detach().copy().set_requires_grad(true);
        let inner = Pass::training(moment);
        let texts = self.encode(&inner, &words, &labelled.lengths);
        let logits = self.classifier.forward(&inner, &texts);
        let loss = binary_cross_entropy(&logits, gold, self.hyperparameters.bce_reduction);
        match inner.backward(&loss, &[&words]).pop().flatten() {
            Some(gradient) => gradient.sign() * self.hyperparameters.fgsm_epsilon,
            None => words.detach().zeros_like(),
        }
    }
}

impl Trainable for Network {
    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn n_labels(&self) -> usize {
        self.hierarchy.n_labels()
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Losses {
        let reduction = self.hyperparameters.bce_reduction;
        let gold = batch.gold(self.n_labels(), self.parameters.options());
        // Both views and the choice of tokens go on from here.
        let words = pass.leaf(&self.bert.words(pass, &batch.tokens));
        let texts = self.encode(pass, &words, &batch.packing.lengths);
        let logits = self.classifier.forward(pass, &texts);
        let classification = binary_cross_entropy(&logits, &gold, reduction);
        let mut losses = Losses {
            total: classification.shallow_clone(),
            terms: vec![("classification", classification)],
        };
        let labelled = Labelled::of(batch);
        let Some(views) = self
            .views
            .as_ref()
            .filter(|_| !labelled.documents.is_empty())
        else {
            return losses;
        };
        let places = self.index(&labelled.documents);
        let gold = gold.index_select(0, &places);
        let own = pass.leaf(&words.index_select(0, &self.index(&labelled.rows)));
        let (view, share) = self.view(pass, views, batch, &labelled, &own, &gold);
        let seen = self.encode(pass, &view, &labelled.lengths);
        let logits = self.classifier.forward(pass, &seen);
        let positive = binary_cross_entropy(&logits, &gold, reduction);
        losses.total = &losses.total + &positive;
        losses.terms.push(("positive", positive));
        if self.hyperparameters.contrast && self.hyperparameters.contrast_weight > 0.0 {
            let texts = texts.index_select(0, &places);
            let contrast = nt_xent(
                &views.contrast.forward(pass, &texts),
                &views.contrast.forward(pass, &seen),
                self.hyperparameters.ntxent_tau,
            );
            losses.total = &losses.total + &contrast * self.hyperparameters.contrast_weight;
            losses.terms.push(("contrast", contrast));
        }
        if let Some(share) = share {
            losses.terms.push(("kept", share));
        }
        losses
    }

    fn predict(&self, batch: &Batch) -> Predicted {
        Predicted {
            scores: self.logits(&Pass::evaluation(), batch).sigmoid(),
            decided: None,
        }
    }
}

impl TextNetwork for Network {
    type Hyperparameters = Hyperparameters;
    type Trained = TrainedHgclr;

    const NAME: &'static str = "hgclr";

    fn build(
        mut parameters: Parameters,
        hyperparameters: &Hyperparameters,
        inputs: Inputs<'_>,
    ) -> Result<Self, KitError> {
        let Some(config) = inputs.encoder else {
            return Err(KitError::Input(
                "HGCLR needs a pretrained encoder".to_owned(),
            ));
        };
        let width = config.hidden_size;
        let bert = Bert::new(&mut parameters, config)?;
        let labels = inputs.hierarchy.n_labels() as i64;
        let classifier = FlatClassifier::behind_pretrained(&mut parameters, width, labels)?;
        let views = (inputs.purpose == Purpose::Training)
            .then(|| {
                parameters.for_training(|parameters| {
                    let distances = Distances::new(inputs.hierarchy);
                    Ok::<_, KitError>(Views {
                        labels: LabelEncoder::new(parameters, hyperparameters, &distances, width)?,
                        tokens: TokenLabels::new(parameters, width, hyperparameters.cross_heads)?,
                        contrast: ContrastHead::new(parameters, width, config.hidden_dropout_prob)?,
                    })
                })
            })
            .transpose()?;
        Ok(Self {
            parameters,
            bert,
            classifier,
            views,
            hierarchy: inputs.hierarchy.clone(),
            special: Vec::new(),
            hyperparameters: hyperparameters.clone(),
        })
    }

    fn table(&self) -> Option<&WordTable> {
        Some(self.bert.table())
    }

    fn prepare(&mut self, corpus: &Prepared<'_>) -> Result<(), KitError> {
        let Some(reader) = corpus.reader.pieces() else {
            return Err(KitError::Input("HGCLR reads word pieces".to_owned()));
        };
        let special = reader.pieces().special();
        self.special = vec![special.cls, special.sep];
        let Some(views) = &mut self.views else {
            return Ok(());
        };
        let mut names = Names::default();
        for label in corpus.taxonomy.indexes() {
            let name = corpus.reader.name(corpus.taxonomy.name(label), NAME_PIECES);
            let before = names.pieces.len();
            names.pieces.push(special.cls);
            names.pieces.extend(name);
            names.pieces.push(special.sep);
            names.lengths.push(names.pieces.len() - before);
        }
        views.labels.name(names);
        Ok(())
    }

    fn finish(&self, checkpoint: &Path) -> Result<(), KitError> {
        let Some(views) = &self.views else {
            return Ok(());
        };
        let pass = Pass::evaluation();
        let labels = tch::no_grad(|| views.labels.forward(&pass, &self.bert));
        let heads = self.hyperparameters.cross_heads;
        evidence::save(&self.parameters, &labels, heads, checkpoint)
    }

    fn into_trained(self, precision: Precision) -> TrainedHgclr {
        TrainedHgclr {
            n_labels: self.hierarchy.n_labels(),
            bert: self.bert.into_trained(precision),
            classifier: self.classifier.into_trained(),
            heads: self.hyperparameters.cross_heads,
            evidence: None,
        }
    }
}

/// The network in prediction: nothing of the labels but the classifier.
pub struct TrainedHgclr {
    bert: CompiledBert,
    classifier: CompiledClassifier,
    n_labels: usize,
    /// Of the tokens' attention over labels, at most.
    heads: i64,
    evidence: Option<Evidence>,
}

impl TrainedNetwork for TrainedHgclr {
    fn n_labels(&self) -> usize {
        self.n_labels
    }

    fn scores(&self, batch: &Batch) -> Tensor {
        let firsts = self.bert.first_states(batch);
        self.classifier.forward(&firsts).sigmoid()
    }

    fn complete(&mut self, checkpoint: &Path) -> Result<(), KitError> {
        let width = self.bert.config().hidden_size;
        let evidence = Evidence::load(checkpoint, self.n_labels, width, self.heads)?;
        self.evidence = Some(evidence);
        Ok(())
    }

    fn evidence(&self, batch: &Batch, label: LabelIndex) -> Option<Vec<f32>> {
        let words = self.bert.words(&batch.tokens);
        let evidence = self.evidence.as_ref()?;
        Some(evidence.weights(&words, label))
    }
}
