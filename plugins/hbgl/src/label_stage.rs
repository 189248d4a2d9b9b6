//! The label stage: vectors of labels that the frozen encoder can predict from each other along the tree (METHODS 6.1).
//!
//! In each step the labels stand in one sequence, in several copies; in each copy some are masked and are to be predicted
//! from those that they are linked with. Only the labels' vectors learn. A copy of thousands of labels is as long as a
//! book, but its rows see few others, so all but the scores of masked labels grows with the number of labels only; copies
//! that are too many to be computed at once are computed one after the other.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use arborist_model_kit::blocks::{
    BceReduction, Bert, Linear, Links, MaskedHead, Places, binary_cross_entropy, pretrained_linear,
};
use arborist_model_kit::cpu::noise::Noise;
use arborist_model_kit::cpu::parallel;
use arborist_model_kit::error::KitError;
use arborist_model_kit::files::Durability;
use arborist_model_kit::initializer::Initializer;
use arborist_model_kit::optimizer::{AdamOptions, Optimizer};
use arborist_model_kit::parameters::{Parameters, read_tensors, write_tensors};
use arborist_model_kit::pass::{Moment, Pass};
use arborist_model_kit::text_method::Prepared;
use arborist_shared::LabelIndex;
use tch::{Kind, Tensor};

use crate::hyperparameters::{GlobalLoss, Hyperparameters, LabelInit, SiblingTargets};
use crate::label_tree::{Judged, LabelTree, mask_ratio};
use crate::memory::STAGE_ROWS;

/// Number of the stage, for randomness.
const STAGE: u64 = 1;
/// Site of the noise that masks labels: not one of dropout.
const MASKS: u64 = u64::MAX - 2;
/// Rows of a step when the number of copies is left open: as many as 32 copies of the labels of Web of Science have.
const ROWS_PER_STEP: usize = 32 * 142;
/// Copies of a step at most when their number is left open.
const COPIES: usize = 32;
const STATE_INTERVAL: Duration = Duration::from_secs(30);
const STATE_FILE: &str = "resume-labels.safetensors";
/// Layers of graph attention in the encoder's place.
const GAT_LAYERS: usize = 2;

/// What the stage works with.
pub struct LabelStage<'a> {
    pub bert: &'a Bert,
    /// None where it is not to be used, or the encoder comes without.
    pub head: Option<&'a MaskedHead>,
    pub tree: &'a LabelTree,
    pub hyperparameters: &'a Hyperparameters,
    /// Pieces that stand for the root and for a masked label.
    pub cls: u32,
    pub mask: u32,
}

/// Labels that are masked in some copies.
struct Masked {
    copies: usize,
    /// `copies · labels`
    flags: Vec<bool>,
    /// For each masked label, its row among those of the copies.
    rows: Vec<i64>,
    targets: Vec<Vec<LabelIndex>>,
}

/// Labels' vectors in training, with what else learns.
struct Learner {
    parameters: Parameters,
    /// `[L, d]`
    labels: Tensor,
    attention: Vec<GraphAttention>,
}

impl LabelStage<'_> {
    /// Trains the labels' vectors from `start`, `[L, d]`. An interrupted stage is taken up where it was.
    ///
    /// # Errors
    /// [`KitError::Cancelled`] when the host asked to stop, and errors of files.
    pub fn train(&self, start: &Tensor, corpus: &Prepared<'_>) -> Result<Tensor, KitError> {
        if self.tree.is_empty() {
            return Ok(start.copy());
        }
        let steps = self.hyperparameters.global_steps;
        let learner = self.learner(start, corpus.seed)?;
        let mut optimizer = Optimizer::new(
            &learner.parameters,
            AdamOptions {
                learning_rate: self.hyperparameters.global_lr,
                ..AdamOptions::default()
            },
        );
        let state = State::new(self, start, corpus);
        let mut step = state.load(&learner.parameters, &mut optimizer)?;
        let links = self.tree.links(
            self.hyperparameters.global_self_attention,
            self.hyperparameters.global_loss == GlobalLoss::SoftmaxCe,
        );
        let mut written = Instant::now();
        let mut said = Instant::now();
        let mut loss = None;
        let first = step;
        while step < steps {
            if step == first || said.elapsed() >= Duration::from_secs(1) {
                corpus.host.step("label vectors", step, steps);
                said = Instant::now();
            }
            let computed = self.gradients(&learner, &optimizer.wanted(), &links, corpus, step);
            let Some((of_step, gradients)) = computed else {
                state.save(&learner.parameters, &optimizer, step)?;
                return Err(KitError::Cancelled);
            };
            optimizer.update(&gradients, self.hyperparameters.global_lr, 1.0);
            loss = of_step.or(loss);
            step += 1;
            if written.elapsed() >= STATE_INTERVAL || step == steps {
                state.save(&learner.parameters, &optimizer, step)?;
                written = Instant::now();
            }
        }
        if let Some(loss) = loss {
            corpus.host.info(format!(
                "label vectors: {steps} steps over {} labels, loss at the end {:.4}",
                self.tree.len(),
                loss.double_value(&[])
            ));
        }
        Ok(learner.labels.detach().copy())
    }

    fn learner(&self, start: &Tensor, seed: u64) -> Result<Learner, KitError> {
        let size = start.size();
        let given = BTreeMap::from([("labels".to_owned(), start.detach())]);
        let mut parameters = Parameters::fresh(start.device(), seed).starting_from(given);
        let labels = parameters.add("labels", &size, &Initializer::Constant(0.0))?;
        let layers = match self.hyperparameters.label_init {
            LabelInit::GlobalGat => GAT_LAYERS,
            _ => 0,
        };
        let attention = (0..layers)
            .map(|layer| GraphAttention::new(&mut parameters, layer, size[1]))
            .collect::<Result<_, _>>()?;
        Ok(Learner {
            parameters,
            labels,
            attention,
        })
    }

    /// Copies of the sequence in a step.
    fn copies(&self) -> usize {
        match self.hyperparameters.global_batch {
            0 => (ROWS_PER_STEP / (self.tree.len() + 1)).clamp(1, COPIES),
            chosen => chosen,
        }
    }

    /// Loss of a step and its gradients for `wanted`; no loss where no label was masked. None when the host asked to stop.
    fn gradients(
        &self,
        learner: &Learner,
        wanted: &[&Tensor],
        links: &[(u32, u32)],
        corpus: &Prepared<'_>,
        step: u64,
    ) -> Option<(Option<Tensor>, Vec<Option<Tensor>>)> {
        let seed = corpus.seed;
        let options = self.hyperparameters;
        let ratio = mask_ratio(
            options.mask_ratio_start,
            options.mask_ratio_end,
            step,
            options.global_steps,
        );
        let noise = Noise::new(seed, STAGE, step, MASKS);
        let labels = self.tree.len();
        let flags: Vec<bool> = (0..self.copies() * labels)
            .map(|place| f64::from(noise.unit(place as u32)) < ratio)
            .collect();
        let total = flags.iter().filter(|flag| **flag).count();
        let together = (STAGE_ROWS / (labels + 1)).max(1);
        let mut sums: Vec<Option<Tensor>> = wanted.iter().map(|_| None).collect();
        let mut loss: Option<Tensor> = None;
        for (part, flags) in flags.chunks(together * labels).enumerate() {
            if corpus.host.is_cancelled() {
                return None;
            }
            let masked = self.masked(flags);
            if masked.rows.is_empty() {
                continue;
            }
            let moment = Moment {
                seed,
                stage: STAGE,
                step: step * self.copies() as u64 + part as u64,
            };
            let pass = if options.global_dropout {
                Pass::training(moment)
            } else {
                Pass::evaluation()
            };
            let share = masked.rows.len() as f64 / total as f64;
            let own = self.loss(learner, &pass, links, &masked) * share;
            let gradients = Tensor::run_backward(&[&own], wanted, false, false);
            for (sum, gradient) in sums.iter_mut().zip(gradients) {
                *sum = Some(match sum.take() {
                    Some(sum) => sum + gradient,
                    None => gradient,
                });
            }
            let own = own.detach();
            loss = Some(match loss {
                Some(loss) => loss + own,
                None => own,
            });
        }
        Some((loss, sums))
    }

    /// `flags`: copy after copy.
    fn masked(&self, flags: &[bool]) -> Masked {
        let labels = self.tree.len();
        let judged = match self.hyperparameters.sibling_targets {
            SiblingTargets::Correct => Judged::ByItself,
            SiblingTargets::Shifted => Judged::ByTheOneBefore,
        };
        let mut masked = Masked {
            copies: flags.len() / labels,
            flags: flags.to_vec(),
            rows: Vec::new(),
            targets: Vec::new(),
        };
        for (copy, flags) in flags.chunks_exact(labels).enumerate() {
            let start = (copy * (labels + 1) + 1) as i64;
            let chosen = (0..).zip(flags).filter(|(_, flag)| **flag);
            masked
                .rows
                .extend(chosen.clone().map(|(label, _)| start + label));
            if self.hyperparameters.global_loss == GlobalLoss::SoftmaxCe {
                let alone = chosen.map(|(label, _)| vec![label as LabelIndex]);
                masked.targets.extend(alone);
            } else {
                masked.targets.extend(self.tree.targets(flags, judged));
            }
        }
        masked
    }

    /// Loss of some copies, the mean over their masked labels.
    fn loss(
        &self,
        learner: &Learner,
        pass: &Pass,
        links: &[(u32, u32)],
        masked: &Masked,
    ) -> Tensor {
        let rows = learner.labels.size()[0] + 1;
        let copies = masked.copies;
        let options = (learner.labels.kind(), learner.labels.device());
        let links = Links::new(rows as usize, links, copies, options.1);
        let hidden = self.embed(learner, pass, masked);
        let states = if learner.attention.is_empty() {
            self.bert.encode_linked(pass, hidden, &links)
        } else {
            let layers = learner.attention.iter();
            layers.fold(hidden, |hidden, layer| layer.forward(&hidden, &links))
        };
        let places = Tensor::from_slice(&masked.rows).to_device(options.1);
        let states = states.index_select(0, &places);
        let states = match self.head {
            Some(head) => head.forward(&states),
            None => states,
        };
        let scores = states.matmul(&learner.labels.tr());
        let gold = multi_hot(&masked.targets, rows - 1, options);
        match self.hyperparameters.global_loss {
            GlobalLoss::Bce => binary_cross_entropy(&scores, &gold, BceReduction::Mean),
            GlobalLoss::SoftmaxCe => {
                let shares = scores.log_softmax(-1, None::<Kind>);
                -(shares * gold).sum(options.0) / masked.rows.len() as f64
            }
        }
    }

    /// What the first layer reads: `[copies · (L + 1), d]`.
    fn embed(&self, learner: &Learner, pass: &Pass, masked: &Masked) -> Tensor {
        let labels = &learner.labels;
        let (rows, width) = (labels.size()[0] + 1, labels.size()[1]);
        let copies = masked.copies as i64;
        let device = labels.device();
        let table = self.bert.table().values();
        let piece = |id: u32| table.narrow(0, i64::from(id), 1).detach();
        let one = Tensor::cat(&[&piece(self.cls), labels], 0);
        let flags = Tensor::from_slice(&masked.flags)
            .view([copies, rows - 1])
            .to_device(device);
        // The root is never masked.
        let flags = flags.constant_pad_nd([1, 0]).unsqueeze(2);
        let words = one
            .unsqueeze(0)
            .expand([copies, rows, width], false)
            .where_self(&flags.logical_not(), &piece(self.mask).unsqueeze(0))
            .reshape([-1, width]);
        let positions = self.tree.positions();
        let segment = self.hyperparameters.global_segment;
        let places = Places {
            positions: (0..copies).flat_map(|_| positions.clone()).collect(),
            segments: vec![segment; (copies * rows) as usize],
        };
        self.bert.embed(pass, &words, &places)
    }
}

/// 1 where a row has a label, 0 elsewhere: `[rows, labels]`.
pub(crate) fn multi_hot(
    rows: &[Vec<LabelIndex>],
    labels: i64,
    options: (Kind, tch::Device),
) -> Tensor {
    let mut values = vec![0.0_f32; rows.len() * labels as usize];
    for (row, set) in values.chunks_exact_mut((labels as usize).max(1)).zip(rows) {
        for &label in set {
            row[label as usize] = 1.0;
        }
    }
    Tensor::from_slice(&values)
        .view([rows.len() as i64, labels])
        .to_kind(options.0)
        .to_device(options.1)
}

/// A layer of graph attention with one head, added to what comes in.
struct GraphAttention {
    layer: Linear,
    /// `[d, 1]` each.
    own: Tensor,
    other: Tensor,
}

impl GraphAttention {
    fn new(parameters: &mut Parameters, layer: usize, width: i64) -> Result<Self, KitError> {
        let start = Initializer::xavier_uniform(width, 1);
        let name = format!("attention.{layer}");
        Ok(Self {
            layer: pretrained_linear(parameters, &name, width, width)?,
            own: parameters.add(&format!("{name}.own"), &[width, 1], &start)?,
            other: parameters.add(&format!("{name}.other"), &[width, 1], &start)?,
        })
    }

    fn forward(&self, hidden: &Tensor, links: &Links) -> Tensor {
        let mapped = self.layer.forward(hidden);
        let scores =
            links.of_seers(&mapped.matmul(&self.own)) + links.of_seen(&mapped.matmul(&self.other));
        let scores = scores.clamp_min(0.0) + scores.clamp_max(0.0) * 0.2;
        let seen = links.sums(&(links.of_seen(&mapped) * links.softmax(&scores)));
        hidden + seen.elu()
    }
}

/// The stage's state on disk, from which an interrupted one goes on.
struct State {
    path: PathBuf,
    /// Of what the stage depends on.
    key: i64,
}

/// Removes the state when nobody needs it any more.
pub(crate) fn forget(checkpoint: &Path) -> Result<(), KitError> {
    let path = checkpoint.join(STATE_FILE);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(KitError::file("remove", path)(error))
        }
        _ => Ok(()),
    }
}

impl State {
    fn new(stage: &LabelStage<'_>, start: &Tensor, corpus: &Prepared<'_>) -> Self {
        let mut hasher = DefaultHasher::new();
        format!("{:?}", stage.hyperparameters).hash(&mut hasher);
        corpus.taxonomy.content_hash().hash(&mut hasher);
        corpus.seed.hash(&mut hasher);
        format!("{:?}", stage.bert.config()).hash(&mut hasher);
        // Of the encoder: names start from its vectors.
        let sum = start.sum(Kind::Double).double_value(&[]);
        sum.to_bits().hash(&mut hasher);
        format!("{:?}", start.device()).hash(&mut hasher);
        parallel::threads().hash(&mut hasher);
        Self {
            path: corpus.checkpoint.join(STATE_FILE),
            key: hasher.finish() as i64,
        }
    }

    fn save(
        &self,
        parameters: &Parameters,
        optimizer: &Optimizer,
        step: u64,
    ) -> Result<(), KitError> {
        let mut tensors = optimizer.state();
        for entry in parameters.entries() {
            tensors.push((format!("value.{}", entry.name), entry.tensor.detach()));
        }
        let numbers = Tensor::from_slice(&[self.key, step as i64]);
        tensors.push(("numbers".to_owned(), numbers));
        write_tensors(&tensors, &self.path, Durability::Synced)
    }

    /// Steps that are done. A state of another request, or one that cannot be read, is as good as none.
    fn load(&self, parameters: &Parameters, optimizer: &mut Optimizer) -> Result<u64, KitError> {
        if !self.path.is_file() {
            return Ok(0);
        }
        let Ok(mut tensors) = read_tensors(&self.path) else {
            return Ok(0);
        };
        let numbers: Vec<i64> = match tensors.remove("numbers") {
            Some(numbers) => Vec::try_from(numbers).unwrap_or_default(),
            None => Vec::new(),
        };
        let &[key, step] = numbers.as_slice() else {
            return Ok(0);
        };
        if key != self.key {
            return Ok(0);
        }
        for entry in parameters.entries() {
            let Some(value) = tensors.remove(&format!("value.{}", entry.name)) else {
                return Ok(0);
            };
            tch::no_grad(|| entry.tensor.shallow_clone().f_copy_(&value).map(|_| ()))?;
        }
        optimizer.restore(tensors, step as u32)?;
        Ok(step as u64)
    }
}
