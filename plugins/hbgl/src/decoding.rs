//! Prediction: label sets level by level, each step seeing the text and what the steps before predicted (METHODS 6.4).
//!
//! Texts and label rows never look at what comes after them, so what they offer in each layer is computed once and kept.

use arborist_model_kit::batch::Batch;
use arborist_model_kit::blocks::{
    CachedRow, CompiledBert, CompiledMaskedHead, LayerCache, Places, Sight,
};
use arborist_shared::LabelIndex;
use tch::{Device, Kind, Tensor};

use crate::hyperparameters::{EmptyRow, Hyperparameters, LevelCandidates, Mode};

/// Pieces with a meaning, and how long a list of label rows may get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Frame {
    pub cls: u32,
    pub sep: u32,
    pub mask: u32,
    /// Label rows at most, the closing one included.
    pub rows: usize,
}

/// Pieces of a text at most: behind it there has to be room for the label rows. `positions`: of the encoder.
pub(crate) fn longest_text(wanted: usize, positions: i64, frame: Option<Frame>) -> usize {
    let positions = positions as usize;
    let room = positions - frame.map_or(1, |frame| frame.rows).min(positions);
    wanted.min(room).max(2)
}

/// What decides what a step's scores mean.
#[derive(Clone, Debug)]
pub struct Rules {
    /// 0 for the topmost level.
    pub level_of: Vec<usize>,
    pub threshold: f32,
    pub mode: Mode,
    pub empty_row: EmptyRow,
    pub candidates: LevelCandidates,
    pub restrict_to_level: bool,
}

impl Rules {
    #[must_use]
    pub fn new(hyperparameters: &Hyperparameters, level_of: Vec<usize>) -> Self {
        Self {
            level_of,
            threshold: hyperparameters.training.threshold,
            mode: hyperparameters.mode,
            empty_row: hyperparameters.empty_row,
            candidates: hyperparameters.level_candidates,
            restrict_to_level: hyperparameters.restrict_to_level,
        }
    }
}

/// What a step says to go on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The sum of these labels' vectors is the next row.
    Labels(Vec<LabelIndex>),
    /// Nothing was predicted: a row of zeros.
    Zero,
    /// Nothing was predicted: the vector of `[SEP]`.
    Sep,
    /// The list has ended.
    End,
}

/// The labels of a document as they are generated.
#[derive(Clone, Debug)]
pub struct Generated {
    step: usize,
    /// For each label whether it is in the set.
    chosen: Vec<bool>,
    scores: Vec<f32>,
}

impl Generated {
    #[must_use]
    pub fn new(n_labels: usize) -> Self {
        Self {
            step: 0,
            chosen: vec![false; n_labels],
            scores: vec![0.0; n_labels],
        }
    }

    /// Takes a step's scores into account: one of each label and one of the end, each from 0 to 1.
    pub fn take(&mut self, rules: &Rules, scores: &[f32]) -> Next {
        let next = match rules.mode {
            Mode::Seq2seq => self.take_one(rules.threshold, scores),
            Mode::Local | Mode::MultiLabel => self.take_set(rules, scores),
        };
        self.step += 1;
        next
    }

    fn take_set(&mut self, rules: &Rules, scores: &[f32]) -> Next {
        let Some((&end, scores)) = scores.split_last() else {
            return Next::End;
        };
        let only_own = rules.candidates == LevelCandidates::OwnLevel;
        // Nothing is learnt about the end where a level chooses from its own labels.
        let ends = !only_own && end > rules.threshold;
        let mut fired = Vec::new();
        for (label, &score) in (0..).zip(scores) {
            let own = rules.level_of[label as usize] == self.step;
            if only_own && !own {
                continue;
            }
            let above = score > rules.threshold;
            let counts = !ends && (own || !rules.restrict_to_level);
            // What a step may not add never counts as much as what it may.
            let counted = if counts {
                score
            } else {
                let least = if ends { 1.0 - end } else { 1.0 };
                (score * least).min(rules.threshold)
            };
            let kept = &mut self.scores[label as usize];
            *kept = kept.max(counted);
            if above {
                fired.push(label);
                self.chosen[label as usize] |= counts;
            }
        }
        match (ends, fired.is_empty(), rules.empty_row) {
            (true, ..) => Next::End,
            (false, false, _) => Next::Labels(fired),
            (false, true, EmptyRow::Zero) => Next::Zero,
            (false, true, EmptyRow::Sep) => Next::Sep,
        }
    }

    fn take_one(&mut self, threshold: f32, scores: &[f32]) -> Next {
        let best = scores
            .iter()
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)));
        let Some((best, _)) = best else {
            return Next::End;
        };
        // Shares of one step: what is generated comes above the threshold, what is not below.
        for (label, &score) in scores[..scores.len() - 1].iter().enumerate() {
            let counted = if label == best {
                threshold + (1.0 - threshold) * score
            } else {
                threshold * score
            };
            self.scores[label] = self.scores[label].max(counted);
        }
        if best + 1 == scores.len() {
            return Next::End;
        }
        self.chosen[best] = true;
        Next::Labels(vec![best as LabelIndex])
    }

    /// The label set, sorted, and a score for each label.
    #[must_use]
    pub fn finish(self) -> (Vec<LabelIndex>, Vec<f32>) {
        let labels = (0..).zip(&self.chosen).filter(|(_, chosen)| **chosen);
        (labels.map(|(label, _)| label).collect(), self.scores)
    }
}

/// What generates.
#[derive(Debug)]
pub struct Decoder {
    /// `[L, d]`
    pub labels: Tensor,
    /// `[L]` and that of the end, `[1]`.
    pub biases: Option<[Tensor; 2]>,
    pub head: CompiledMaskedHead,
    pub rules: Rules,
}

impl Decoder {
    /// Scores of states, one for each label and one for the end: `[rows, L + 1]`. `states`: `[rows, d]`, `sep`: `[1, d]`.
    fn scores(&self, states: &Tensor, sep: &Tensor) -> Tensor {
        let states = self.head.forward(states);
        let logits = logits(&states, &self.labels, sep, self.biases.as_ref());
        match self.rules.mode {
            Mode::Seq2seq => logits.softmax(-1, None::<Kind>),
            _ => logits.sigmoid(),
        }
    }

    /// Label sets and scores `[documents, L]` of a batch whose texts are not longer than the encoder takes.
    pub fn generate(
        &self,
        bert: &CompiledBert,
        frame: Frame,
        texts: &[&[u32]],
    ) -> Vec<(Vec<LabelIndex>, Vec<f32>)> {
        let lengths: Vec<usize> = texts.iter().map(|text| text.len()).collect();
        let mut caches = read(bert, texts, &lengths);
        let sep = bert.words(&[frame.sep]);
        let mask = bert.words(&[frame.mask]);
        let n_labels = self.labels.size()[0] as usize;
        let mut generated = vec![Generated::new(n_labels); texts.len()];
        let mut open: Vec<usize> = (0..texts.len()).collect();
        let mut before: Vec<Next> = Vec::new();
        for step in 0..frame.rows {
            if open.is_empty() {
                break;
            }
            let states = {
                let words = self.words(&before, &sep, &mask, open.len());
                let rows = Rows::new(&open, &lengths, step);
                let hidden = bert.embed(&words, &rows.places);
                let hidden = bert
                    .layers()
                    .iter()
                    .zip(&mut caches)
                    .fold(hidden, |hidden, (layer, cache)| {
                        layer.forward_cached(&hidden, &rows.cached, cache)
                    });
                let slots = Tensor::from_slice(&rows.slots).to_device(hidden.device());
                hidden.index_select(0, &slots)
            };
            let scores = self
                .scores(&states, &sep)
                .to_device(Device::Cpu)
                .to_kind(Kind::Float);
            let scores =
                Vec::<f32>::try_from(scores.reshape([-1])).expect("numbers in main memory");
            let mut still = Vec::with_capacity(open.len());
            before.clear();
            for (&document, scores) in open.iter().zip(scores.chunks_exact(n_labels + 1)) {
                match generated[document].take(&self.rules, scores) {
                    Next::End => {}
                    next => {
                        still.push(document);
                        before.push(next);
                    }
                }
            }
            open = still;
        }
        generated.into_iter().map(Generated::finish).collect()
    }

    /// Vectors of the rows of a step: for each open document its last label row, unless it is the first step, and the
    /// mask. `[rows, d]`.
    fn words(&self, before: &[Next], sep: &Tensor, mask: &Tensor, open: usize) -> Tensor {
        let width = mask.size()[1];
        let masks = mask.expand([open as i64, width], false);
        if before.is_empty() {
            return masks.contiguous();
        }
        let rows = sums(before, &self.labels, sep);
        Tensor::stack(&[rows, masks], 1).reshape([-1, width])
    }
}

/// Rows of label vectors: `[rows, d]`.
fn sums(rows: &[Next], labels: &Tensor, sep: &Tensor) -> Tensor {
    let (mut ids, mut owners, mut closing) = (Vec::new(), Vec::new(), Vec::new());
    for (row, next) in (0_i64..).zip(rows) {
        match next {
            Next::Labels(set) => {
                ids.extend(set.iter().map(|label| i64::from(*label)));
                owners.extend(std::iter::repeat_n(row, set.len()));
            }
            Next::Sep => closing.push(row),
            Next::Zero | Next::End => {}
        }
    }
    let device = labels.device();
    let index = |values: &[i64]| Tensor::from_slice(values).to_device(device);
    let zeros = Tensor::zeros(
        [rows.len() as i64, labels.size()[1]],
        (labels.kind(), device),
    );
    let added = zeros.index_add(0, &index(&owners), &labels.index_select(0, &index(&ids)));
    let closing = index(&closing);
    let seps = sep.index_select(0, &closing.zeros_like());
    added.index_add(0, &closing, &seps)
}

/// Scores before sigmoid or softmax, `[rows, L + 1]`. `states`: `[rows, d]`, `labels`: `[L, d]`, `sep`: `[1, d]`,
/// `biases`: `[L]` and `[1]`.
pub(crate) fn logits(
    states: &Tensor,
    labels: &Tensor,
    sep: &Tensor,
    biases: Option<&[Tensor; 2]>,
) -> Tensor {
    let parts = [
        states.matmul(&labels.tr()),
        // A sum, not a product: of one output, the rounding of products depends on how many rows there are.
        (states * sep).sum_dim_intlist(1_i64, true, states.kind()),
    ];
    let logits = Tensor::cat(&parts, 1);
    match biases {
        Some(biases) => logits + Tensor::cat(biases, 0),
        None => logits,
    }
}

/// Reads the texts; what later rows see of them in each layer.
fn read(bert: &CompiledBert, texts: &[&[u32]], lengths: &[usize]) -> Vec<LayerCache> {
    let tokens = texts.concat();
    let sight = Sight::whole(lengths.to_vec());
    let mut hidden = bert.embed(&bert.words(&tokens), &Places::of(lengths));
    let count = bert.layers().len();
    let mut caches = Vec::with_capacity(count);
    for (number, layer) in bert.layers().iter().enumerate() {
        let mut cache = LayerCache::new();
        if number + 1 < count {
            hidden = layer.forward_caching(&hidden, &sight, &mut cache);
        } else {
            // Nobody asks what the texts themselves come to.
            let (keys, values) = layer.keys_values(&hidden);
            cache.fill(&keys, &values, &sight);
        }
        caches.push(cache);
    }
    caches
}

/// The rows of a step.
struct Rows {
    cached: Vec<CachedRow>,
    places: Places,
    slots: Vec<i64>,
}

impl Rows {
    fn new(open: &[usize], lengths: &[usize], step: usize) -> Self {
        let mut rows = Self {
            cached: Vec::new(),
            places: Places::default(),
            slots: Vec::new(),
        };
        for &document in open {
            let mut push = |position: usize, kept: bool| {
                rows.cached.push(CachedRow { document, kept });
                rows.places.positions.push(position as i64);
                rows.places.segments.push(1);
            };
            if step > 0 {
                push(lengths[document] + step - 1, true);
            }
            push(lengths[document] + step, false);
            rows.slots.push(rows.cached.len() as i64 - 1);
        }
        rows
    }
}

/// The texts of a batch, cut to `longest` with their last piece kept.
pub(crate) fn cut(batch: &Batch, longest: usize) -> Vec<Vec<u32>> {
    let mut start = 0;
    batch
        .packing
        .lengths
        .iter()
        .map(|&length| {
            let text = &batch.tokens[start..start + length];
            start += length;
            match text.split_last() {
                Some((last, _)) if length > longest => text[..longest.saturating_sub(1)]
                    .iter()
                    .chain([last])
                    .copied()
                    .collect(),
                _ => text.to_vec(),
            }
        })
        .collect()
}
