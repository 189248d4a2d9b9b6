//! The network: an encoder that reads a text and then its labels, level by level (METHODS 6.2).

mod generation;

use std::path::Path;

use arborist_model_kit::batch::Batch;
use arborist_model_kit::blocks::{
    BceReduction, Bert, FlatClassifier, Precision, binary_cross_entropy,
};
use arborist_model_kit::error::KitError;
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::pass::{Moment, Pass};
use arborist_model_kit::text_method::{Inputs, Prepared, Purpose, TextNetwork, TrainedNetwork};
use arborist_model_kit::training::{Losses, Predicted, Trainable};
use arborist_model_kit::word_table::WordTable;
use arborist_shared::LabelIndex;
use tch::{Kind, Reduction, Tensor};

use self::generation::Generation;
pub use self::generation::pooled;
use crate::decoding::{Frame, Rules, cut, logits, longest_text};
use crate::hyperparameters::{EmptyRow, Hyperparameters, LevelCandidates, Mode};
use crate::label_stage::{LabelStage, forget, multi_hot};
use crate::label_tree::LabelTree;
use crate::rows::{Layout, by_level, one_by_one};
use crate::trained::{TrainedHbgl, TrainedOutput, Written, save_frame};

/// Place of the noise that masks label rows of the input.
const MASKS: u32 = 1;

/// The network in training.
pub struct Network {
    parameters: Parameters,
    bert: Bert,
    output: Output,
    /// 0 for the topmost level.
    level_of: Vec<usize>,
    /// 1 for the labels of a level, and a level without any behind the deepest: `[levels + 1, L + 1]`.
    levels: Tensor,
    frame: Option<Frame>,
    /// Whether the encoder comes with a head for masked pieces.
    has_head: bool,
    longest: usize,
    hyperparameters: Hyperparameters,
    /// The network for prediction, while it is evaluated.
    evaluated: Option<TrainedHbgl>,
}

enum Output {
    Generation(Box<Generation>),
    Classes(FlatClassifier),
}

/// A batch with its label rows.
pub struct Teaching {
    /// Sets of each document, without the row that ends them.
    pub sets: Vec<Vec<Vec<LabelIndex>>>,
    pub layout: Layout,
    texts: Vec<Vec<u32>>,
}

impl Network {
    /// The label rows of each document: what it is taught.
    #[must_use]
    pub fn teaching(&self, batch: &Batch) -> Teaching {
        let rows = self.frame.map_or(1, |frame| frame.rows);
        let sets = batch
            .labels
            .iter()
            .map(|labels| {
                let mut sets = match self.hyperparameters.mode {
                    Mode::Seq2seq => one_by_one(labels, &self.level_of),
                    Mode::Local | Mode::MultiLabel => by_level(labels, &self.level_of),
                };
                sets.truncate(rows - 1);
                if self.hyperparameters.level_candidates == LevelCandidates::OwnLevel {
                    // Without an end every level has to be predicted, the empty ones too.
                    sets.resize_with(rows - 1, Vec::new);
                }
                sets
            })
            .collect();
        self.teaching_of(batch, sets)
    }

    /// The same with label rows of one's own, one list of sets for each document.
    #[must_use]
    pub fn teaching_of(&self, batch: &Batch, sets: Vec<Vec<Vec<LabelIndex>>>) -> Teaching {
        let texts = cut(batch, self.longest_text());
        let lengths: Vec<usize> = texts.iter().map(Vec::len).collect();
        let slots: Vec<usize> = sets.iter().map(|sets| sets.len() + 1).collect();
        Teaching {
            sets,
            layout: Layout::new(&lengths, &slots),
            texts,
        }
    }

    /// Pieces of a text at most: behind it there has to be room for the label rows.
    fn longest_text(&self) -> usize {
        longest_text(
            self.longest,
            self.bert.config().max_position_embeddings,
            self.frame,
        )
    }

    /// Scores before the sigmoid at the slots of all documents, one for each label and one for the end: `[slots, L + 1]`.
    ///
    /// # Panics
    /// In mode `multi_label`, or before the network was prepared.
    pub fn slot_logits(&self, pass: &Pass, teaching: &Teaching) -> Tensor {
        let (Output::Generation(generation), Some(frame)) = (&self.output, self.frame) else {
            panic!("nothing is generated")
        };
        let words = self.input(pass, generation, frame, teaching);
        let layout = &teaching.layout;
        let hidden = self.bert.embed(pass, &words, &layout.places);
        let states = self.bert.encode(pass, hidden, &layout.sight);
        let states = generation
            .head
            .forward(&states.index_select(0, &self.index(&layout.slots)));
        let sep = self.bert.words(pass, &[frame.sep]);
        let biases = generation.biases(frame);
        logits(&states, &generation.labels, &sep, biases.as_ref())
    }

    /// Vectors of all rows without those of their places: `[rows, d]`.
    fn input(
        &self,
        pass: &Pass,
        generation: &Generation,
        frame: Frame,
        teaching: &Teaching,
    ) -> Tensor {
        let layout = &teaching.layout;
        let rows = layout.sight.rows();
        // Texts, and the mask at all other places.
        let mut ids = vec![frame.mask; rows];
        for (row, token) in layout.sources.iter().zip(teaching.texts.iter().flatten()) {
            ids[*row as usize] = *token;
        }
        let hyperparameters = &self.hyperparameters;
        let noise = pass
            .noise_of(MASKS)
            .filter(|_| hyperparameters.target_mask_prob > 0.0);
        let is_masked = |target: usize| {
            noise.is_some_and(|noise| {
                f64::from(noise.unit(target as u32)) < hyperparameters.target_mask_prob
            })
        };
        let (mut labels, mut owners, mut closing, mut masked) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut target = 0;
        for sets in &teaching.sets {
            for place in 0..=sets.len() {
                let row = layout.targets[target];
                match sets.get(place) {
                    _ if is_masked(target) => masked.push(row),
                    Some(set) if set.is_empty() && hyperparameters.empty_row == EmptyRow::Sep => {
                        closing.push(row);
                    }
                    Some(set) => {
                        labels.extend(set.iter().map(|label| i64::from(*label)));
                        owners.extend(std::iter::repeat_n(row, set.len()));
                    }
                    None => closing.push(row),
                }
                target += 1;
            }
        }
        let words = self.bert.words(pass, &ids);
        let device = words.device();
        // Label rows come from elsewhere, so what was looked up for them is taken out again.
        let mut own = vec![1.0_f32; rows];
        for row in &layout.targets {
            own[*row as usize] = 0.0;
        }
        let own = Tensor::from_slice(&own)
            .to_kind(words.kind())
            .to_device(device)
            .unsqueeze(1);
        let detached = hyperparameters.detach_target_embeddings;
        let vectors = generation.labels.index_select(0, &self.index(&labels));
        let frames = self.bert.words(pass, &[frame.sep, frame.mask]);
        let special = |place: i64, rows: &[i64]| {
            frames.index_select(
                0,
                &Tensor::full([rows.len() as i64], place, (Kind::Int64, device)),
            )
        };
        let kept = |rows: Tensor| if detached { rows.detach() } else { rows };
        let added = Tensor::zeros(words.size(), (words.kind(), device))
            .index_add(0, &self.index(&owners), &kept(vectors))
            .index_add(0, &self.index(&closing), &kept(special(0, &closing)))
            .index_add(0, &self.index(&masked), &kept(special(1, &masked)));
        words * own + added
    }

    fn index(&self, places: &[i64]) -> Tensor {
        Tensor::from_slice(places).to_device(self.parameters.device())
    }

    /// What the slots should say: `[slots, L + 1]`.
    fn gold(&self, teaching: &Teaching) -> Tensor {
        let n_labels = self.level_of.len();
        let rows: Vec<Vec<LabelIndex>> = teaching
            .sets
            .iter()
            .flat_map(|sets| sets.iter().cloned().chain([vec![n_labels as LabelIndex]]))
            .collect();
        multi_hot(&rows, n_labels as i64 + 1, self.parameters.options())
    }

    fn generation_loss(&self, pass: &Pass, batch: &Batch) -> Tensor {
        let teaching = self.teaching(batch);
        let logits = self.slot_logits(pass, &teaching);
        let gold = self.gold(&teaching);
        if self.hyperparameters.mode == Mode::Seq2seq {
            let shares = logits.log_softmax(-1, None::<Kind>);
            let rows = gold.size()[0] as f64;
            return -(shares * gold).sum(self.parameters.kind()) / rows;
        }
        match self.hyperparameters.level_candidates {
            LevelCandidates::AllPlusSep => binary_cross_entropy(&logits, &gold, BceReduction::Mean),
            LevelCandidates::OwnLevel => {
                let own = self.own_levels(&teaching);
                logits.binary_cross_entropy_with_logits::<Tensor>(
                    &gold,
                    Some(own),
                    None,
                    Reduction::Sum,
                )
            }
        }
    }

    /// 1 for the labels of a slot's level: `[slots, L + 1]`.
    fn own_levels(&self, teaching: &Teaching) -> Tensor {
        let levels: Vec<i64> = teaching
            .sets
            .iter()
            .flat_map(|sets| (0..sets.len() as i64).chain([self.deepest() as i64]))
            .collect();
        self.levels.index_select(0, &self.index(&levels))
    }

    /// Number of levels.
    fn deepest(&self) -> usize {
        self.level_of.iter().max().map_or(0, |level| level + 1)
    }

    /// The network for prediction, sharing all tensors that it does not arrange.
    fn compiled(&self, precision: Precision) -> TrainedHbgl {
        let output = match &self.output {
            Output::Classes(classifier) => {
                TrainedOutput::Classes(classifier.shallow_clone().into_trained())
            }
            Output::Generation(generation) => TrainedOutput::Generation(Box::new(Written {
                labels: generation.labels.detach(),
                biases: generation
                    .biases
                    .as_ref()
                    .map(|biases| biases.each_ref().map(Tensor::detach)),
                decoder: None,
                head: Some(generation.head.shallow_clone()),
            })),
        };
        let mut trained = TrainedHbgl {
            n_labels: self.level_of.len(),
            bert: self.bert.shallow_clone().into_trained(precision),
            output,
            rules: Rules::new(&self.hyperparameters, self.level_of.clone()),
            longest: match self.hyperparameters.max_source_test {
                0 => self.longest,
                length => length,
            },
            frame: None,
        };
        if let Some(frame) = self.frame {
            trained.begin(frame);
        }
        trained
    }

    /// Logits `[documents, L]` of a network that says all labels at once.
    fn class_logits(&self, pass: &Pass, batch: &Batch, classifier: &FlatClassifier) -> Tensor {
        let firsts = self.bert.first_states(pass, batch);
        let dropout = self.bert.config().hidden_dropout_prob;
        classifier.forward(pass, &pass.dropout(&firsts, dropout))
    }

    fn prepare_labels(&self, frame: Frame, corpus: &Prepared<'_>) -> Result<(), KitError> {
        let Output::Generation(generation) = &self.output else {
            return Ok(());
        };
        let options = &self.hyperparameters;
        if !self.has_head && options.has_label_stage() {
            corpus.host.info(
                "the encoder comes without a head for masked pieces: the label stage goes without, and it starts as if it were not there",
            );
        }
        let mut start = if options.label_init == crate::LabelInit::Random {
            generation.labels.detach().copy()
        } else {
            let table = self.bert.table().values();
            tch::no_grad(|| generation.of_names(table, options.name_pool, corpus))
        };
        if options.has_label_stage() {
            let tree = LabelTree::new(corpus.taxonomy);
            let stage = LabelStage {
                bert: &self.bert,
                head: Some(&generation.head)
                    .filter(|_| self.has_head && options.global_mlm_transform),
                tree: &tree,
                hyperparameters: options,
                cls: frame.cls,
                mask: frame.mask,
            };
            start = stage.train(&start, corpus)?;
        }
        tch::no_grad(|| generation.labels.detach().copy_(&start));
        Ok(())
    }

    /// Label rows at most, the closing one included.
    fn rows(&self, corpus: &Prepared<'_>) -> usize {
        let most = match self.hyperparameters.mode {
            Mode::MultiLabel => return 1,
            Mode::Local => self.deepest(),
            Mode::Seq2seq => corpus.train.label_sets().map(<[_]>::len).max().unwrap_or(0),
        };
        match self.hyperparameters.max_target {
            0 => most + 1,
            chosen => chosen.min(most + 1),
        }
    }
}

impl Trainable for Network {
    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn n_labels(&self) -> usize {
        self.level_of.len()
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Losses {
        let total = match &self.output {
            Output::Generation(_) => self.generation_loss(pass, batch),
            Output::Classes(classifier) => {
                let gold = batch.gold(self.n_labels(), self.parameters.options());
                let logits = self.class_logits(pass, batch, classifier);
                binary_cross_entropy(&logits, &gold, BceReduction::Mean)
            }
        };
        Losses {
            terms: vec![("classification", total.shallow_clone())],
            total,
        }
    }

    fn predict(&self, batch: &Batch) -> Predicted {
        match &self.evaluated {
            Some(trained) => trained.predict(batch),
            None => self.compiled(Precision::Single).predict(batch),
        }
    }

    fn before_step(&mut self, _moment: Moment) -> Result<(), KitError> {
        self.evaluated = None;
        Ok(())
    }

    fn before_evaluation(&mut self) {
        let _guard = tch::no_grad_guard();
        self.evaluated = Some(self.compiled(Precision::Single));
    }
}

impl TextNetwork for Network {
    type Hyperparameters = Hyperparameters;
    type Trained = TrainedHbgl;

    const NAME: &'static str = "hbgl";

    fn build(
        mut parameters: Parameters,
        hyperparameters: &Hyperparameters,
        inputs: Inputs<'_>,
    ) -> Result<Self, KitError> {
        let Some(config) = inputs.encoder else {
            return Err(KitError::Input(
                "HBGL needs a pretrained encoder".to_owned(),
            ));
        };
        if hyperparameters.mode != Mode::MultiLabel && config.type_vocab_size < 2 {
            return Err(KitError::Input(
                "HBGL sets labels apart from texts by segments, and this encoder knows only one"
                    .to_owned(),
            ));
        }
        let has_head = inputs.purpose == Purpose::Training
            && parameters.is_given("cls.predictions.transform.dense.weight");
        let bert = Bert::new(&mut parameters, config)?;
        let n_labels = inputs.hierarchy.n_labels();
        let output = if hyperparameters.mode == Mode::MultiLabel {
            let width = config.hidden_size;
            let classifier =
                FlatClassifier::behind_pretrained(&mut parameters, width, n_labels as i64)?;
            Output::Classes(classifier)
        } else {
            let generation = Generation::new(&mut parameters, hyperparameters, &inputs, config)?;
            Output::Generation(Box::new(generation))
        };
        let mut level_of = vec![0; n_labels];
        for (level, labels) in inputs.hierarchy.levels().iter().enumerate() {
            for label in labels {
                level_of[*label as usize] = level;
            }
        }
        let mut of_level = inputs.hierarchy.levels().to_vec();
        of_level.push(Vec::new());
        let levels = multi_hot(&of_level, n_labels as i64 + 1, parameters.options());
        Ok(Self {
            parameters,
            bert,
            output,
            level_of,
            levels,
            frame: None,
            has_head,
            longest: inputs.max_length,
            hyperparameters: hyperparameters.clone(),
            evaluated: None,
        })
    }

    fn table(&self) -> Option<&WordTable> {
        Some(self.bert.table())
    }

    fn prepare(&mut self, corpus: &Prepared<'_>) -> Result<(), KitError> {
        let Some(reader) = corpus.reader.pieces() else {
            return Err(KitError::Input("HBGL reads word pieces".to_owned()));
        };
        let useless = self.hyperparameters.without_effect();
        if !useless.is_empty() {
            corpus.host.info(format!(
                "without effect in this mode: {}",
                useless.join(", ")
            ));
        }
        let special = reader.pieces().special();
        let frame = Frame {
            cls: special.cls,
            sep: special.sep,
            mask: special.mask,
            rows: self.rows(corpus),
        };
        let positions = self.bert.config().max_position_embeddings;
        if frame.rows as i64 + 2 > positions {
            return Err(KitError::Input(format!(
                "there are up to {} label rows behind a text, and the encoder has {positions} positions for both; max_target makes them fewer",
                frame.rows
            )));
        }
        self.frame = Some(frame);
        self.prepare_labels(frame, corpus)
    }

    fn finish(&self, checkpoint: &Path) -> Result<(), KitError> {
        save_frame(self.frame, checkpoint)?;
        forget(checkpoint)
    }

    fn into_trained(self, precision: Precision) -> TrainedHbgl {
        self.compiled(precision)
    }
}
