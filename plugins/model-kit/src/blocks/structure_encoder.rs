//! What carries information along the label tree, behind one face: GCN, `TreeLSTM`, or nothing.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::{Gcn, GcnOptions, TreeLstm, TreeLstmOptions};
use crate::error::KitError;
use crate::parameters::Parameters;
use crate::pass::Pass;
use crate::structure::Hierarchy;

/// The kind of structure encoder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StructureKind {
    /// A graph convolution (METHODS 1.7).
    #[default]
    Gcn,
    /// A bidirectional tree LSTM (METHODS 1.8).
    TreeLstm,
    /// Labels know nothing of each other.
    None,
}

/// Options of either encoder; the other's are not looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StructureOptions {
    pub kind: StructureKind,
    pub gcn: GcnOptions,
    pub tree_lstm: TreeLstmOptions,
}

/// A structure encoder over vectors of all labels.
pub struct StructureEncoder {
    labels: i64,
    width: i64,
    kind: Kind,
}

enum Kind {
    Gcn(Gcn),
    TreeLstm(TreeLstm),
    None,
}

impl StructureEncoder {
    /// `name` stands before the names of the parameters, with a dot.
    ///
    /// # Errors
    /// When the checkpoint does not have the parameters in this shape, or the width of a `TreeLSTM` is odd.
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        hierarchy: &Hierarchy,
        width: i64,
        options: &StructureOptions,
    ) -> Result<Self, KitError> {
        let kind = match options.kind {
            StructureKind::Gcn => Kind::Gcn(Gcn::new(
                parameters,
                &format!("{name}gcn"),
                hierarchy,
                width,
                options.gcn,
            )?),
            StructureKind::TreeLstm => Kind::TreeLstm(TreeLstm::new(
                parameters,
                &format!("{name}tree_lstm"),
                hierarchy,
                width,
                options.tree_lstm,
            )?),
            StructureKind::None => Kind::None,
        };
        Ok(Self {
            labels: hierarchy.n_labels() as i64,
            width,
            kind,
        })
    }

    /// `nodes`: vectors of `[documents, L, d]` in any shape; result: `[documents, L, d]`. Dropout `p` acts on the inputs.
    pub fn forward(&self, pass: &Pass, nodes: &Tensor, p: f64) -> Tensor {
        let shape = [-1, self.labels, self.width];
        match &self.kind {
            Kind::Gcn(gcn) => gcn.forward(pass, nodes, p).view(shape),
            Kind::TreeLstm(tree) => tree.forward(pass, &pass.dropout(&nodes.view(shape), p)),
            Kind::None => pass.dropout(&nodes.view(shape), p),
        }
    }
}
