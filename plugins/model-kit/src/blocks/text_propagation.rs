//! A vector for each label, made of the text and propagated along the tree (METHODS 2.1).

use tch::Tensor;

use super::{CompiledLinear, Initialization, Linear, StructureEncoder, StructureOptions};
use crate::error::KitError;
use crate::parameters::Parameters;
use crate::pass::Pass;
use crate::structure::Hierarchy;

/// Sizes and rates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextPropagationOptions {
    /// Features of a text.
    pub features: i64,
    /// Width of a label's vector.
    pub node_size: i64,
    /// On the projected text.
    pub dropout: f64,
    pub structure: StructureOptions,
    pub initialization: Initialization,
}

/// Projection onto labels, and a structure encoder over them.
pub struct TextPropagation {
    /// `[L · node_size, features]`, label by label.
    projection: Projection,
    structure: StructureEncoder,
    labels: i64,
    node_size: i64,
    dropout: f64,
}

enum Projection {
    Trained(Linear),
    Compiled(CompiledLinear),
}

impl Projection {
    fn forward(&self, pass: &Pass, features: &Tensor) -> Tensor {
        match self {
            Self::Trained(layer) => layer.forward_recorded(pass, features),
            Self::Compiled(layer) => layer.forward(features),
        }
    }
}

impl TextPropagation {
    /// # Errors
    /// When the checkpoint does not have the parameters in this shape, or the structure encoder cannot have this width.
    pub fn new(
        parameters: &mut Parameters,
        hierarchy: &Hierarchy,
        options: TextPropagationOptions,
    ) -> Result<Self, KitError> {
        let (labels, node_size) = (hierarchy.n_labels() as i64, options.node_size);
        Ok(Self {
            projection: Projection::Trained(Linear::new(
                parameters,
                "projection",
                options.features,
                labels * node_size,
                options.initialization,
            )?),
            structure: StructureEncoder::new(
                parameters,
                "",
                hierarchy,
                node_size,
                &options.structure,
            )?,
            labels,
            node_size,
            dropout: options.dropout,
        })
    }

    /// The block for prediction.
    #[must_use]
    pub fn into_trained(self) -> Self {
        let projection = match self.projection {
            Projection::Trained(layer) => Projection::Compiled(layer.into_trained()),
            compiled @ Projection::Compiled(_) => compiled,
        };
        Self { projection, ..self }
    }

    /// What the structure encoder gets: `[documents, L, node_size]`. `features`: `[documents, features]`.
    pub fn inputs(&self, pass: &Pass, features: &Tensor) -> Tensor {
        self.projection
            .forward(pass, features)
            .view([-1, self.labels, self.node_size])
    }

    /// The labels' vectors side by side: `[documents, L · node_size]`. `features`: `[documents, features]`.
    pub fn forward(&self, pass: &Pass, features: &Tensor) -> Tensor {
        let nodes = self.projection.forward(pass, features);
        self.structure
            .forward(pass, &nodes, self.dropout)
            .view([-1, self.labels * self.node_size])
    }
}
