//! What training aims at besides the classification: mutual information and the label prior (METHODS 3.2, 3.3).

use arborist_model_kit::batch::Batch;
use arborist_model_kit::blocks::{
    Initialization, Linear, Text, padded_window_means, recorded_product, window_means,
};
use arborist_model_kit::cpu::noise::Noise;
use arborist_model_kit::error::KitError;
use arborist_model_kit::initializer::Initializer;
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::pass::Pass;
use tch::{Device, Tensor};

use crate::hyperparameters::{AblationGate, AuxWeight, Hyperparameters, Negatives};

/// Channels of the second convolution, and width of the layers that score.
const WIDTH: i64 = 512;
/// Words that a window of the convolutions sees.
const WINDOW: i64 = 3;
/// Positions that both convolutions need to give one.
const POSITIONS: i64 = 2 * WINDOW - 1;

/// Places of randomness.
const ORDER: u32 = 0;
const PRIOR: u32 = 1;

/// Both aims, with what they are measured by.
pub struct Auxiliary {
    /// `W_t`, `[d, d]`: labels as the aims see them.
    map: Tensor,
    information: Option<InformationDiscriminator>,
    prior: Option<PriorDiscriminator>,
    weights: Weights,
    negatives: Negatives,
    label_dim: i64,
}

/// Losses of both aims, and their weights.
#[derive(Debug)]
pub struct AuxiliaryLosses {
    /// Weighted sum, a scalar.
    pub total: Tensor,
    /// By name, scalars, unweighted; the gate as well where there is one.
    pub terms: Vec<(&'static str, Tensor)>,
}

enum Weights {
    Gate(Gate),
    Fixed { information: f64, prior: f64 },
}

impl Auxiliary {
    /// None when neither aim is on.
    ///
    /// # Errors
    /// When the checkpoint does not have the parameters in this shape.
    pub fn new(
        parameters: &mut Parameters,
        hyperparameters: &Hyperparameters,
        labels: i64,
    ) -> Result<Option<Self>, KitError> {
        if !hyperparameters.use_mi && !hyperparameters.use_label_prior {
            return Ok(None);
        }
        parameters
            .for_training(|parameters| Self::build(parameters, hyperparameters, labels))
            .map(Some)
    }

    fn build(
        parameters: &mut Parameters,
        hyperparameters: &Hyperparameters,
        labels: i64,
    ) -> Result<Self, KitError> {
        let label_dim = hyperparameters.la_label_dim;
        let map = parameters.add(
            "label_map.weight",
            &[label_dim, label_dim],
            &Initializer::xavier_uniform(label_dim, label_dim),
        )?;
        let judges = |parameters: &mut Parameters| {
            let information = hyperparameters
                .use_mi
                .then(|| InformationDiscriminator::new(parameters, label_dim))
                .transpose()?;
            let prior = hyperparameters
                .use_label_prior
                .then(|| PriorDiscriminator::new(parameters, label_dim))
                .transpose()?;
            Ok((
                information,
                prior,
                Weights::new(parameters, hyperparameters, labels)?,
            ))
        };
        let (information, prior, weights) = if hyperparameters.train_aux {
            judges(parameters)?
        } else {
            parameters.frozen(judges)?
        };
        Ok(Self {
            map,
            information,
            prior,
            weights,
            negatives: hyperparameters.negatives,
            label_dim,
        })
    }

    /// Losses of a batch. `labels`: `[L, d]`, refined along the tree; `gold`: `[documents, L]`.
    pub fn losses(
        &self,
        pass: &Pass,
        batch: &Batch,
        text: &Text,
        labels: &Tensor,
        gold: &Tensor,
    ) -> AuxiliaryLosses {
        let labels = labels.matmul(&self.map);
        let information = self.information.as_ref().map(|discriminator| {
            // Known here, so that nothing waits for a device.
            let judged: Vec<i64> = (0..)
                .zip(&batch.labels)
                .filter(|(_, labels)| !labels.is_empty())
                .map(|(document, _)| document)
                .collect();
            if judged.is_empty() {
                return labels.sum(labels.kind()) * 0.0;
            }
            let n = judged.len();
            let judged = Tensor::from_slice(&judged).to_device(labels.device());
            let own = mean_of_gold(&labels, gold).index_select(0, &judged);
            let seen = discriminator
                .text(pass, batch, text, self.label_dim)
                .index_select(0, &judged);
            let order = reordered(n, self.negatives, pass.noise_of(ORDER));
            let order = Tensor::from_slice(&order).to_device(own.device());
            mutual_information(
                &discriminator.scores(&own, &seen),
                &discriminator.scores(&own, &seen.index_select(0, &order)),
            )
        });
        let prior = self
            .prior
            .as_ref()
            .map(|discriminator| discriminator.loss(pass, &labels));
        self.weights
            .weigh(information, prior, batch, text, &labels, self.label_dim)
    }
}

/// `y`: the mean of the vectors of each document's gold labels, `[documents, d]`; zeros without any.
pub fn mean_of_gold(labels: &Tensor, gold: &Tensor) -> Tensor {
    let counts = gold
        .sum_dim_intlist(1_i64, true, gold.kind())
        .clamp_min(1.0);
    gold.matmul(labels) / counts
}

/// `L_MI`: mean softplus of −paired, plus mean softplus of shuffled scores, `[documents]` each.
pub fn mutual_information(paired: &Tensor, shuffled: &Tensor) -> Tensor {
    (-paired).softplus().mean(paired.kind()) + shuffled.softplus().mean(shuffled.kind())
}

/// `L_pr` of raw scores before the sigmoid, `[L]` each: labels' vectors should look like draws from the prior.
pub fn label_prior(drawn: &Tensor, labels: &Tensor) -> Tensor {
    // −log σ(s) and −log(1 − σ(s)), which never reach infinity.
    (-drawn).softplus().mean(drawn.kind()) + labels.softplus().mean(labels.kind())
}

/// Another order of `n` documents; the same one outside training.
#[must_use]
pub fn reordered(n: usize, negatives: Negatives, noise: Option<Noise>) -> Vec<i64> {
    let mut order: Vec<i64> = (0..n as i64).collect();
    let Some(noise) = noise else { return order };
    let mut drawn = 0;
    let mut shuffle = |order: &mut Vec<i64>| {
        for last in (1..order.len()).rev() {
            let word = u64::from(noise.word(drawn));
            drawn = drawn.wrapping_add(1);
            order.swap(last, ((word * (last as u64 + 1)) >> 32) as usize);
        }
    };
    shuffle(&mut order);
    // One order in e leaves no document where it is.
    while negatives == Negatives::Derangement && n > 1 && (0..).zip(&order).any(|(a, b)| a == *b) {
        shuffle(&mut order);
    }
    order
}

/// Scores how well labels and a text belong together.
pub struct InformationDiscriminator {
    /// `[d, d, 3]` and `[512, d, 3]` with biases.
    convolutions: [(Tensor, Tensor); 2],
    layers: [Linear; 3],
}

impl InformationDiscriminator {
    /// # Errors
    /// When the checkpoint does not have the parameters in this shape.
    pub fn new(parameters: &mut Parameters, label_dim: i64) -> Result<Self, KitError> {
        let mut convolution = |name: &str, channels: i64| {
            let start = Initializer::fan_in(label_dim * WINDOW);
            Ok::<_, KitError>((
                parameters.add(
                    &format!("information.{name}.weight"),
                    &[channels, label_dim, WINDOW],
                    &start,
                )?,
                parameters.add(&format!("information.{name}.bias"), &[channels], &start)?,
            ))
        };
        let convolutions = [
            convolution("convolution1", label_dim)?,
            convolution("convolution2", WIDTH)?,
        ];
        let mut layer = |name: &str, inputs, outputs| {
            Linear::new(
                parameters,
                &format!("information.{name}"),
                inputs,
                outputs,
                Initialization::TorchDefault,
            )
        };
        let layers = [
            layer("layer1", label_dim + WIDTH, WIDTH)?,
            layer("layer2", WIDTH, WIDTH)?,
            layer("layer3", WIDTH, 1)?,
        ];
        Ok(Self {
            convolutions,
            layers,
        })
    }

    /// What it sees of texts, `[documents, 512]`: two convolutions over the text's vectors, then their mean over time.
    pub fn text(&self, pass: &Pass, batch: &Batch, text: &Text, label_dim: i64) -> Tensor {
        let [(first, first_bias), (second, second_bias)] = &self.convolutions;
        // Each vector times the weights of every place in a window: [3 · d, d], place by place.
        let places = first.permute([2, 0, 1]).reshape([-1, label_dim]);
        let shortest = POSITIONS as usize;
        // The second convolution is linear up to the mean over time, so the mean goes first.
        let means = match text {
            Text::Features(features) => {
                let texts = features.view([features.size()[0], -1, label_dim]);
                padded_window_means(&texts.matmul(&places.tr()), first_bias, shortest)
            }
            Text::States(states) => {
                let products = recorded_product(pass, states, &places);
                window_means(pass, batch, &products, first_bias, shortest)
            }
        };
        let weight = second.permute([0, 2, 1]).reshape([WIDTH, -1]);
        means.flatten(1, 2).linear(&weight, Some(second_bias))
    }

    /// Raw scores `[documents]` of labels `[documents, d]` with texts `[documents, 512]`.
    pub fn scores(&self, labels: &Tensor, texts: &Tensor) -> Tensor {
        let [first, second, third] = &self.layers;
        let hidden = first.forward(&Tensor::cat(&[labels, texts], 1)).relu();
        third
            .forward(&second.forward(&hidden).relu())
            .squeeze_dim(1)
    }
}

/// Tells labels' vectors from draws of the prior.
struct PriorDiscriminator {
    layers: [Linear; 3],
}

impl PriorDiscriminator {
    fn new(parameters: &mut Parameters, label_dim: i64) -> Result<Self, KitError> {
        let mut layer = |name: &str, inputs, outputs| {
            Linear::new(
                parameters,
                &format!("prior.{name}"),
                inputs,
                outputs,
                Initialization::TorchDefault,
            )
        };
        Ok(Self {
            layers: [
                layer("layer1", label_dim, 1_000)?,
                layer("layer2", 1_000, 200)?,
                layer("layer3", 200, 1)?,
            ],
        })
    }

    /// Scores before the sigmoid, `[L]`.
    fn scores(&self, vectors: &Tensor) -> Tensor {
        let [first, second, third] = &self.layers;
        let hidden = second.forward(&first.forward(vectors).relu()).relu();
        third.forward(&hidden).squeeze_dim(1)
    }

    /// `labels`: `[L, d]`. The prior is uniform in 0 to 1 in each value.
    fn loss(&self, pass: &Pass, labels: &Tensor) -> Tensor {
        label_prior(&self.scores(&drawn(pass, labels)), &self.scores(labels))
    }
}

/// As many draws of the prior as there are values; its mean outside training.
fn drawn(pass: &Pass, like: &Tensor) -> Tensor {
    let Some(noise) = pass.noise_of(PRIOR) else {
        return like.detach().full_like(0.5);
    };
    if like.device() != Device::Cpu {
        // Where it is needed, by libtorch's own generator, which the pass has seeded: nothing waits for a copy.
        return like.detach().rand_like();
    }
    let drawn: Vec<f32> = (0..like.numel() as u32)
        .map(|place| noise.unit(place))
        .collect();
    Tensor::from_slice(&drawn)
        .view_as(like)
        .to_kind(like.kind())
}

/// `F = σ(w₁·x̄ + b₁ + w₂·vec(Y) + b₂)`, one for a batch.
struct Gate {
    text: Linear,
    labels: Linear,
}

impl Weights {
    fn new(
        parameters: &mut Parameters,
        hyperparameters: &Hyperparameters,
        labels: i64,
    ) -> Result<Self, KitError> {
        if hyperparameters.aux_weight == AuxWeight::Fixed {
            return Ok(Self::Fixed {
                information: hyperparameters.mi_weight,
                prior: hyperparameters.label_prior_weight,
            });
        }
        let one = hyperparameters.use_mi != hyperparameters.use_label_prior;
        if one && hyperparameters.ablation_gate == AblationGate::UnitWeight {
            return Ok(Self::Fixed {
                information: 1.0,
                prior: 1.0,
            });
        }
        let width = hyperparameters.la_label_dim;
        let mut layer = |name: &str, inputs| {
            Linear::new(parameters, name, inputs, 1, Initialization::TorchDefault)
        };
        Ok(Self::Gate(Gate {
            text: layer("gate.text", width)?,
            labels: layer("gate.labels", width * labels)?,
        }))
    }

    fn weigh(
        &self,
        information: Option<Tensor>,
        prior: Option<Tensor>,
        batch: &Batch,
        text: &Text,
        labels: &Tensor,
        label_dim: i64,
    ) -> AuxiliaryLosses {
        let mut terms = Vec::new();
        let (weighted_information, weighted_prior) = match self {
            Self::Fixed {
                information: of_information,
                prior: of_prior,
            } => (
                information.as_ref().map(|loss| loss * *of_information),
                prior.as_ref().map(|loss| loss * *of_prior),
            ),
            Self::Gate(gate) => {
                let open = gate.forward(batch, text, labels, label_dim);
                terms.push(("gate", open.detach()));
                (
                    information.as_ref().map(|loss| loss * &open),
                    prior.as_ref().map(|loss| loss * (1.0 - &open)),
                )
            }
        };
        let total = match (weighted_information, weighted_prior) {
            (Some(information), Some(prior)) => information + prior,
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => Tensor::zeros([], (labels.kind(), labels.device())),
        };
        terms.extend(information.map(|loss| ("mutual_information", loss)));
        terms.extend(prior.map(|loss| ("label_prior", loss)));
        AuxiliaryLosses { total, terms }
    }
}

impl Gate {
    fn forward(&self, batch: &Batch, text: &Text, labels: &Tensor, label_dim: i64) -> Tensor {
        let mean = match text {
            Text::Features(features) => {
                features
                    .view([-1, label_dim])
                    .mean_dim(0_i64, false, features.kind())
            }
            // Positions behind a text's end are zeros that count.
            Text::States(states) => {
                let positions = (batch.len() * batch.packing.longest).max(1) as f64;
                states.sum_dim_intlist(0_i64, false, states.kind()) / positions
            }
        };
        (self.text.forward(&mean) + self.labels.forward(&labels.flatten(0, -1)))
            .sigmoid()
            .squeeze()
    }
}
