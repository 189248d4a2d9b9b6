//! The flat classifier over label-wise features, its loss and its regularizer (METHODS 1.9).

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::bert::pretrained_linear;
use super::{CompiledLinear, Initialization, Linear};
use crate::cpu::graph::{self, Coupling, Edges};
use crate::cpu::{self, parallel, slices};
use crate::error::KitError;
use crate::parameters::Parameters;
use crate::pass::Pass;
use crate::settings::ClassifierSettings;
use crate::structure::Hierarchy;

/// Where the classifier's dropout acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropoutSite {
    /// On the logits, behind the layer, as the authors' code has it.
    #[default]
    Logits,
    /// On the features.
    Input,
    None,
}

/// How losses of single labels become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BceReduction {
    #[default]
    Mean,
    Sum,
}

/// One linear layer from all features to all labels.
#[derive(Debug)]
pub struct FlatClassifier {
    layer: Linear,
    dropout: f64,
    site: DropoutSite,
}

impl FlatClassifier {
    /// The same layer: its tensors are shared.
    #[must_use]
    pub fn shallow_clone(&self) -> Self {
        Self {
            layer: self.layer.shallow_clone(),
            dropout: self.dropout,
            site: self.site,
        }
    }

    /// # Errors
    /// When the checkpoint does not have the parameters in this shape.
    pub fn new(
        parameters: &mut Parameters,
        inputs: i64,
        labels: i64,
        settings: &ClassifierSettings,
        initialization: Initialization,
    ) -> Result<Self, KitError> {
        Ok(Self {
            layer: Linear::new(parameters, "classifier", inputs, labels, initialization)?,
            dropout: settings.classifier_dropout,
            site: settings.classifier_dropout_site,
        })
    }

    /// The classifier behind a pretrained encoder: it starts as the encoder's own layers do, and drops nothing itself.
    ///
    /// # Errors
    /// When the checkpoint does not have the parameters in this shape.
    pub fn behind_pretrained(
        parameters: &mut Parameters,
        inputs: i64,
        labels: i64,
    ) -> Result<Self, KitError> {
        Ok(Self {
            layer: pretrained_linear(parameters, "classifier", inputs, labels)?,
            site: DropoutSite::None,
            dropout: 0.0,
        })
    }

    /// `features`: `[documents, inputs]`; result: logits `[documents, labels]`.
    pub fn forward(&self, pass: &Pass, features: &Tensor) -> Tensor {
        match self.site {
            DropoutSite::Logits => pass.dropout(&self.layer.forward(features), self.dropout),
            DropoutSite::Input => self.layer.forward(&pass.dropout(features, self.dropout)),
            DropoutSite::None => self.layer.forward(features),
        }
    }

    /// The classifier for prediction.
    #[must_use]
    pub fn into_trained(self) -> CompiledClassifier {
        CompiledClassifier(self.layer.into_trained())
    }

    /// `[labels, inputs]`
    pub fn weight(&self) -> &Tensor {
        &self.layer.weight
    }
}

/// [`FlatClassifier`] in prediction.
#[derive(Debug)]
pub struct CompiledClassifier(CompiledLinear);

impl CompiledClassifier {
    /// `features`: `[documents, inputs]`; result: logits `[documents, labels]`.
    pub fn forward(&self, features: &Tensor) -> Tensor {
        self.0.forward(features)
    }
}

/// Binary cross-entropy of logits `[documents, labels]`, a scalar.
pub fn binary_cross_entropy(logits: &Tensor, gold: &Tensor, reduction: BceReduction) -> Tensor {
    let reduction = match reduction {
        BceReduction::Mean => tch::Reduction::Mean,
        BceReduction::Sum => tch::Reduction::Sum,
    };
    logits.binary_cross_entropy_with_logits::<Tensor>(gold, None, None, reduction)
}

/// `½ Σ ‖w_parent − w_child‖²` over the edges below the top level; `weight`: `[labels, width]`, one row per label.
pub fn recursive_regularization(pass: &Pass, weight: &Tensor, hierarchy: &Hierarchy) -> Tensor {
    if hierarchy.edges().is_empty() {
        return Tensor::zeros([], (weight.kind(), weight.device()));
    }
    let rows = weight.detach();
    let differences = tch::no_grad(|| {
        if cpu::serves(weight) {
            differences_here(&rows, hierarchy.neighbors())
        } else {
            differences_there(&rows, hierarchy)
        }
    });
    // Σ over edges of ‖w_p − w_c‖² is the sum of w ⊙ (Laplacian · w).
    let value = tch::no_grad(|| rows.flatten(0, -1).dot(&differences.flatten(0, -1)) * 0.5);
    pass.record(value, &[weight], move |gradient| {
        vec![Some(differences * gradient)]
    })
}

fn differences_here(rows: &Tensor, neighbors: &Edges) -> Tensor {
    let mut differences = slices::unset(&rows.size());
    let width = rows.size()[1] as usize;
    let ranges = parallel::ranges(width, 16);
    let mut parts: Vec<Vec<&mut [f32]>> = ranges.iter().map(|_| Vec::new()).collect();
    for row in slices::write(&mut differences).chunks_exact_mut(width) {
        for (part, columns) in parts.iter_mut().zip(parallel::split_rows(row, &ranges, 1)) {
            part.push(columns);
        }
    }
    let rows = slices::read(rows);
    let tasks = ranges
        .into_iter()
        .zip(parts)
        .map(|(columns, differences)| Coupling {
            rows,
            width,
            columns,
            neighbors,
            differences,
        })
        .collect();
    parallel::run(tasks, graph::couple);
    differences
}

fn differences_there(rows: &Tensor, hierarchy: &Hierarchy) -> Tensor {
    let index = |ends: Vec<i64>| Tensor::from_slice(&ends).to_device(rows.device());
    let parents = index(
        hierarchy
            .edges()
            .iter()
            .map(|edge| i64::from(edge.parent))
            .collect(),
    );
    let children = index(
        hierarchy
            .edges()
            .iter()
            .map(|edge| i64::from(edge.child))
            .collect(),
    );
    let apart = rows.index_select(0, &parents) - rows.index_select(0, &children);
    rows.zeros_like()
        .index_add_(0, &parents, &apart)
        .index_add_(0, &children, &-apart)
}

#[cfg(test)]
mod tests;
