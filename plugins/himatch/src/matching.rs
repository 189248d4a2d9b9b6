//! The common space of texts and labels, and what is asked of it (METHODS 4.1, 4.4).

use arborist_model_kit::batch::Batch;
use arborist_model_kit::blocks::{Initialization, Linear};
use arborist_model_kit::error::KitError;
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::pass::Pass;
use arborist_model_kit::structure::Hierarchy;
use arborist_model_kit::text_method::LabelSets;
use arborist_shared::LabelIndex;
use tch::Tensor;

use crate::hyperparameters::{CoarseTerm, Distance, JointLabels, MatchingSettings};
use crate::sampling::{Chance, Draw, Family};

/// Squared distance up to which a coarse label is near enough.
const SLACK: f64 = 0.01;
/// Place of randomness.
const DRAWS: u32 = 0;

/// Maps of texts and labels to the common space, and the losses there.
pub struct Matching {
    text: Head,
    label: Head,
    family: Family,
    settings: MatchingSettings,
}

/// Two layers with a `ReLU` and dropout between them.
struct Head {
    first: Linear,
    second: Linear,
    dropout: f64,
}

impl Head {
    fn new(
        parameters: &mut Parameters,
        name: &str,
        inputs: i64,
        settings: &MatchingSettings,
    ) -> Result<Self, KitError> {
        let width = settings.joint_dim;
        let mut layer = |place: &str, inputs| {
            Linear::new(
                parameters,
                &format!("{name}.{place}"),
                inputs,
                width,
                Initialization::TorchDefault,
            )
        };
        Ok(Self {
            first: layer("layer1", inputs)?,
            second: layer("layer2", width)?,
            dropout: settings.head_dropout,
        })
    }

    fn forward(&self, pass: &Pass, x: &Tensor) -> Tensor {
        // The first layer reads all labels' vectors of a text, side by side: nearly all that matching costs.
        let hidden = self.first.forward_recorded(pass, &pass.leaf(x));
        let hidden = pass.dropout(&hidden.relu(), self.dropout);
        self.second.forward(&hidden)
    }
}

impl Matching {
    /// The widths are of what the maps of texts and labels read.
    ///
    /// # Errors
    /// When the checkpoint does not have the parameters in this shape.
    pub fn new(
        parameters: &mut Parameters,
        hierarchy: &Hierarchy,
        settings: &MatchingSettings,
        gold_sets: LabelSets,
        [text_width, label_width]: [i64; 2],
    ) -> Result<Self, KitError> {
        Ok(Self {
            text: Head::new(parameters, "matching.text", text_width, settings)?,
            label: Head::new(parameters, "matching.label", label_width, settings)?,
            family: Family::new(hierarchy, gold_sets),
            settings: settings.clone(),
        })
    }

    /// Weighted sum of the losses of a batch, and each by name. `text`: `[documents, text_width]`; `labels`:
    /// `[L, label_width]`.
    pub fn losses(
        &self,
        pass: &Pass,
        batch: &Batch,
        text: &Tensor,
        labels: &Tensor,
    ) -> (Tensor, Vec<(&'static str, Tensor)>) {
        let texts = self.text.forward(pass, text);
        let labels = self.label.forward(pass, labels);
        let draws = pass.noise_of(DRAWS).map_or_else(Vec::new, |noise| {
            self.family
                .draw(&batch.labels, &self.settings, &mut Chance::new(noise))
        });
        losses(&self.settings, &texts, &labels, &batch.labels, &draws)
    }
}

/// Losses of texts `[documents, d]` and labels `[L, d]` in the common space. `gold`: labels of each document.
pub fn losses(
    settings: &MatchingSettings,
    texts: &Tensor,
    labels: &Tensor,
    gold: &[impl AsRef<[LabelIndex]>],
    draws: &[Draw],
) -> (Tensor, Vec<(&'static str, Tensor)>) {
    let space = Space {
        settings,
        texts: of_length_one(settings, texts),
        labels: of_length_one(settings, labels),
    };
    let mut total = Tensor::zeros([], (texts.kind(), texts.device()));
    let mut terms = Vec::new();
    if settings.use_joint {
        let joint = space.joint(gold, draws);
        total = &total + &joint * settings.lambda1;
        terms.push(("joint", joint));
    }
    if settings.use_match {
        let matched = space.matched(draws);
        total = &total + &matched * settings.lambda2;
        terms.push(("match", matched));
    }
    (total, terms)
}

fn of_length_one(settings: &MatchingSettings, x: &Tensor) -> Tensor {
    if settings.l2_norm || settings.distance == Distance::L2normEuclid {
        let lengths = x
            .square()
            .sum_dim_intlist(1_i64, true, x.kind())
            .clamp_min(1e-24)
            .sqrt();
        x / lengths
    } else {
        x.shallow_clone()
    }
}

struct Space<'a> {
    settings: &'a MatchingSettings,
    texts: Tensor,
    labels: Tensor,
}

impl Space<'_> {
    /// Squared distances of documents and labels, one each.
    fn squares(&self, pairs: &[(usize, LabelIndex)]) -> Tensor {
        let index = |rows: Vec<i64>| Tensor::from_slice(&rows).to_device(self.texts.device());
        let documents = index(pairs.iter().map(|(document, _)| *document as i64).collect());
        let labels = index(pairs.iter().map(|(_, label)| i64::from(*label)).collect());
        (self.texts.index_select(0, &documents) - self.labels.index_select(0, &labels))
            .square()
            .sum_dim_intlist(1_i64, false, self.texts.kind())
    }

    fn width(&self) -> f64 {
        self.texts.size()[1] as f64
    }

    fn distances(&self, pairs: &[(usize, LabelIndex)]) -> Tensor {
        let squares = self.squares(pairs);
        match self.settings.distance {
            Distance::MeanSq => squares / self.width(),
            // The root has no slope at zero.
            Distance::L2normEuclid => squares.clamp_min(1e-12).sqrt(),
        }
    }

    fn joint(&self, gold: &[impl AsRef<[LabelIndex]>], draws: &[Draw]) -> Tensor {
        match self.settings.joint_labels {
            JointLabels::Sampled => {
                let pairs: Vec<(usize, LabelIndex)> = draws
                    .iter()
                    .map(|draw| (draw.document, draw.positive))
                    .collect();
                if pairs.is_empty() {
                    return self.nothing();
                }
                (self.squares(&pairs) / self.width()).mean(self.texts.kind())
            }
            JointLabels::Gold => {
                let pairs: Vec<(usize, LabelIndex)> = gold
                    .iter()
                    .enumerate()
                    .flat_map(|(document, labels)| {
                        labels.as_ref().iter().map(move |label| (document, *label))
                    })
                    .collect();
                if pairs.is_empty() {
                    return self.nothing();
                }
                self.squares(&pairs).sum(self.texts.kind()) / gold.len() as f64
            }
        }
    }

    fn matched(&self, draws: &[Draw]) -> Tensor {
        let settings = self.settings;
        let mut coarse = Vec::new();
        let mut sibling = Vec::new();
        // Of several others, each is a term of its own, as the three kinds are.
        let mut others: Vec<Vec<(usize, LabelIndex, LabelIndex)>> = Vec::new();
        for draw in draws {
            let pair = |label| (draw.document, draw.positive, label);
            coarse.extend(draw.coarse.iter().copied().map(pair));
            sibling.extend(draw.sibling.map(pair));
            for (place, label) in draw.others.iter().enumerate() {
                if others.len() == place {
                    others.push(Vec::new());
                }
                others[place].push(pair(*label));
            }
        }
        let mut hinges = Vec::new();
        if !coarse.is_empty() {
            hinges.push(match settings.coarse_term {
                CoarseTerm::PullSlack => {
                    let pairs: Vec<(usize, LabelIndex)> = coarse
                        .iter()
                        .map(|(document, _, label)| (*document, *label))
                        .collect();
                    ((self.squares(&pairs) - SLACK) / self.width()).relu()
                }
                CoarseTerm::Rank => self.hinge(&coarse, settings.alpha * settings.gamma),
            });
        }
        if !sibling.is_empty() {
            hinges.push(self.hinge(&sibling, settings.beta * settings.gamma));
        }
        for others in &others {
            hinges.push(self.hinge(others, settings.gamma));
        }
        if hinges.is_empty() {
            return self.nothing();
        }
        let kind = self.texts.kind();
        match settings.distance {
            // The code adds the means of three terms, the paper averages over all pairs.
            Distance::MeanSq => {
                let means: Vec<Tensor> = hinges.iter().map(|hinge| hinge.mean(kind)).collect();
                Tensor::stack(&means, 0).sum(kind)
            }
            Distance::L2normEuclid => Tensor::cat(&hinges, 0).mean(kind),
        }
    }

    /// How far the distance to the right label is from being smaller than that to the wrong one by a margin.
    fn hinge(&self, triples: &[(usize, LabelIndex, LabelIndex)], margin: f64) -> Tensor {
        let right: Vec<(usize, LabelIndex)> = triples
            .iter()
            .map(|(document, right, _)| (*document, *right))
            .collect();
        let wrong: Vec<(usize, LabelIndex)> = triples
            .iter()
            .map(|(document, _, wrong)| (*document, *wrong))
            .collect();
        (self.distances(&right) - self.distances(&wrong) + margin).relu()
    }

    /// A loss of nothing.
    fn nothing(&self) -> Tensor {
        Tensor::zeros([], (self.texts.kind(), self.texts.device()))
    }
}
