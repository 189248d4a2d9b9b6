//! The method's hyperparameters (METHODS 4.3, 4.4, 4.9): as a struct, as a JSON Schema, and the presets.

mod schema;

use std::collections::BTreeMap;

use arborist_model_kit::settings::presets;
use arborist_model_kit::settings::{
    ClassifierSettings, CountedFrom, EncoderKind, EncoderSettings, GraphSettings,
    PretrainedSettings, TextSettings, TrainingSettings,
};
use arborist_model_kit::text_method::{Evaluation, LabelSets, Source, TextHyperparameters};
use arborist_plugin_api::ModelError;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub(crate) use self::schema::schema;

/// Everything that can be chosen before a training. Defaults are the schema's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hyperparameters {
    pub scoring: Scoring,
    /// Weight of labels without documents, as wrong ones, with [`Scoring::DotProduct`].
    pub unseen_weight: f64,
    /// Updates between two evaluations within an epoch; 0 = none.
    pub eval_every: u64,
    /// Epochs that go by before evaluations within an epoch begin.
    pub eval_from_epoch: u32,
    #[serde(flatten)]
    pub matching: MatchingSettings,
    /// Whether the projected text is propagated along the tree.
    pub propagation_gcn: bool,
    /// Width of a label's vector in front of the classifier.
    pub node_size: i64,
    pub projection_dropout: f64,
    pub encoder: EncoderKind,
    #[serde(flatten)]
    pub training: TrainingSettings,
    #[serde(flatten)]
    pub text: TextSettings,
    #[serde(flatten)]
    pub rcnn: EncoderSettings,
    #[serde(flatten)]
    pub pretrained: PretrainedSettings,
    #[serde(flatten)]
    pub graph: GraphSettings,
    #[serde(flatten)]
    pub classifier: ClassifierSettings,
}

/// What scores labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scoring {
    /// One linear layer over all labels' vectors.
    #[default]
    Classifier,
    /// Products of what a label sees of the text with the label's own vector: labels without documents have scores too.
    DotProduct,
}

/// How texts and labels are matched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MatchingSettings {
    /// Whether texts are pulled to their labels.
    pub use_joint: bool,
    /// Whether wrong labels are ranked behind right ones.
    pub use_match: bool,
    /// Whether wrong labels are a parent, a sibling and another one; three others if not.
    pub hierarchy_sampling: bool,
    pub label_repr: LabelRepr,
    /// Updates between two readings of the labels' texts.
    pub label_refresh_steps: u64,
    /// Width of the common space.
    pub joint_dim: i64,
    pub head_dropout: f64,
    pub l2_norm: bool,
    pub distance: Distance,
    pub coarse_term: CoarseTerm,
    pub joint_labels: JointLabels,
    /// Labels that are sampled of each document; 0 = each that has no gold child.
    pub positive_num: usize,
    /// A model from before this choice has one.
    #[serde(default)]
    pub coarse_parents: CoarseParents,
    pub filter_gold_siblings: bool,
    pub gamma: f64,
    pub alpha: f64,
    pub beta: f64,
    /// Whether margins need not grow from coarse to sibling to other.
    pub any_margins: bool,
    pub lambda1: f64,
    pub lambda2: f64,
}

/// What the labels of the matching are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelRepr {
    /// Words typical of the label's documents, read by the text encoder.
    #[default]
    DescEncoder,
    /// The mean of the word vectors of the label's name, trained from there.
    NameGloveMean,
}

/// How far a text is from a label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distance {
    /// Mean of the squared differences.
    #[default]
    MeanSq,
    /// Euclidean distance of vectors of length 1.
    L2normEuclid,
}

/// How many coarse labels a label of several parents has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoarseParents {
    /// One of them, drawn.
    #[default]
    One,
    All,
}

/// What is asked of a coarse label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoarseTerm {
    /// That it is near.
    #[default]
    PullSlack,
    /// That it is farther than the fine one.
    Rank,
}

/// Labels that a text is pulled to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JointLabels {
    /// Those that were sampled: mean of their distances.
    #[default]
    Sampled,
    /// All: sum of their squared distances.
    Gold,
}

impl Default for MatchingSettings {
    fn default() -> Self {
        Self {
            use_joint: true,
            use_match: true,
            hierarchy_sampling: true,
            label_repr: LabelRepr::DescEncoder,
            label_refresh_steps: 50,
            joint_dim: 200,
            head_dropout: 0.5,
            l2_norm: false,
            distance: Distance::MeanSq,
            coarse_term: CoarseTerm::PullSlack,
            joint_labels: JointLabels::Sampled,
            positive_num: 1,
            coarse_parents: CoarseParents::One,
            filter_gold_siblings: true,
            gamma: 0.2,
            alpha: 0.01,
            beta: 0.5,
            any_margins: false,
            lambda1: 1.0,
            lambda2: 1.0,
        }
    }
}

impl MatchingSettings {
    /// Whether there is any matching.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.use_joint || self.use_match
    }
}

impl Default for Hyperparameters {
    fn default() -> Self {
        Self {
            scoring: Scoring::Classifier,
            unseen_weight: 0.1,
            eval_every: 0,
            eval_from_epoch: 0,
            matching: MatchingSettings::default(),
            propagation_gcn: true,
            node_size: 300,
            projection_dropout: 0.5,
            encoder: EncoderKind::Rcnn,
            training: TrainingSettings::default(),
            text: TextSettings::default(),
            pretrained: PretrainedSettings::default(),
            rcnn: EncoderSettings {
                rnn_hidden: 100,
                ..EncoderSettings::default()
            },
            graph: GraphSettings::default(),
            classifier: ClassifierSettings::default(),
        }
    }
}

impl Hyperparameters {
    /// What is chosen other than the default though dot products do without it. The presets choose some of it.
    pub(crate) fn without_effect(&self) -> Vec<&'static str> {
        if self.scoring != Scoring::DotProduct {
            return Vec::new();
        }
        let default = Self::default();
        let (matching, usual) = (&self.matching, &default.matching);
        let (rcnn, usual_rcnn) = (&self.rcnn, &default.rcnn);
        [
            ("label_repr", matching.label_repr != usual.label_repr),
            (
                "label_refresh_steps",
                matching.label_refresh_steps != usual.label_refresh_steps,
            ),
            (
                "propagation_gcn",
                self.propagation_gcn != default.propagation_gcn,
            ),
            ("node_size", self.node_size != default.node_size),
            (
                "projection_dropout",
                self.projection_dropout != default.projection_dropout,
            ),
            ("num_kernels", rcnn.num_kernels != usual_rcnn.num_kernels),
            ("kernel_sizes", rcnn.kernel_sizes != usual_rcnn.kernel_sizes),
            ("top_k", rcnn.top_k != usual_rcnn.top_k),
            ("conv_tail", rcnn.conv_tail != usual_rcnn.conv_tail),
            (
                "classifier_dropout",
                self.classifier.classifier_dropout != default.classifier.classifier_dropout,
            ),
            (
                "classifier_dropout_site",
                self.classifier.classifier_dropout_site
                    != default.classifier.classifier_dropout_site,
            ),
        ]
        .into_iter()
        .filter(|(_, is_chosen)| *is_chosen)
        .map(|(name, _)| name)
        .collect()
    }

    /// Refuses what the schema cannot: combinations.
    pub(crate) fn check(&self) -> Result<(), ModelError> {
        self.rcnn.check().map_err(ModelError::Input)?;
        self.graph.check().map_err(ModelError::Input)?;
        let matching = &self.matching;
        if matching.alpha >= matching.beta && !matching.any_margins {
            return Err(ModelError::Input(format!(
                "alpha is {} and beta {}: a coarse label's margin must be smaller than a sibling's. any_margins = true allows it",
                matching.alpha, matching.beta
            )));
        }
        if matching.beta >= 1.0 && !matching.any_margins {
            return Err(ModelError::Input(format!(
                "beta is {}: a sibling's margin must be smaller than that of other labels, beta below 1. any_margins = true allows it",
                matching.beta
            )));
        }
        Ok(())
    }
}

impl TextHyperparameters for Hyperparameters {
    fn source(&self) -> Source<'_> {
        Source::of(self.encoder, &self.text, &self.pretrained)
    }

    fn training(&self) -> &TrainingSettings {
        &self.training
    }

    fn evaluation(&self) -> Evaluation {
        Evaluation {
            every: self.eval_every,
            from_epoch: self.eval_from_epoch,
        }
    }

    fn prior_from(&self) -> CountedFrom {
        self.graph.prior_from
    }

    fn label_sets(&self) -> LabelSets {
        match self.scoring {
            Scoring::Classifier => LabelSets::Closed,
            Scoring::DotProduct => LabelSets::Explicit,
        }
    }

    fn label_width(&self) -> usize {
        match self.scoring {
            Scoring::Classifier => self.node_size as usize,
            Scoring::DotProduct => 2 * self.text.max_length + 2 * self.text.word_size as usize,
        }
    }
}

/// Values of each preset that differ from the defaults.
pub(crate) fn presets() -> BTreeMap<String, Map<String, Value>> {
    presets::presets(
        json!({
            "prior_from": "train_validation", "epochs": 150, "patience": 0, "max_vocab": 60_000,
            "eval_every": 200, "eval_from_epoch": 20, "filter_gold_siblings": false
        }),
        json!({
            "epochs": 150, "patience": 0, "min_freq": 5, "init": "torch_default", "adam_eps": 1e-8,
            "label_repr": "name_glove_mean", "distance": "l2norm_euclid", "coarse_term": "rank", "joint_labels": "gold", "positive_num": 0,
            "coarse_parents": "all"
        }),
    )
}
