//! Layers that methods are made of. Each block is a struct with its parameters; shapes are in the documentation.

mod adjacency;
mod bert;
mod gcn;
mod gru;
mod label_attention;
mod linear;
mod loss;
mod pooled_convolution;
mod structure_encoder;
mod text_encoder;
mod text_propagation;
mod text_rcnn;
mod text_rnn;
mod transformer;
mod tree_lstm;
mod window_means;

pub use self::adjacency::{EdgeStart, Propagation};
pub use self::bert::{
    Bert, CompiledBert, CompiledMaskedHead, MaskedHead, Places, Pooler, first_states,
    pretrained_linear,
};
pub use self::gcn::{Gcn, GcnOptions};
pub use self::gru::Gru;
pub use self::label_attention::{
    LabelAttention, LabelAttentionOptions, LabelTable, attend, attend_tokens,
};
pub use self::linear::{CompiledLinear, Linear, recorded_product};
pub use self::loss::{
    BceReduction, CompiledClassifier, DropoutSite, FlatClassifier, binary_cross_entropy,
    recursive_regularization,
};
pub use self::pooled_convolution::{ConvolutionTail, PooledConvolution};
pub use self::structure_encoder::{StructureEncoder, StructureKind, StructureOptions};
pub use self::text_encoder::{Reading, Text, TextEncoder};
pub use self::text_propagation::{TextPropagation, TextPropagationOptions};
pub use self::text_rcnn::{CompiledTextRcnn, TextRcnn, TextRcnnOptions};
pub use self::text_rnn::{TextRnn, TextRnnOptions};
pub use self::transformer::{
    CachedRow, CompiledTransformerLayer, LayerCache, LayerNorm, Links, Precision, Sight,
    TransformerLayer, TransformerSizes,
};
pub use self::tree_lstm::{TopDownIndex, TreeLstm, TreeLstmOptions};
pub use self::window_means::{padded_window_means, window_means};

use serde::{Deserialize, Serialize};

use crate::initializer::Initializer;

/// How linear layers, convolutions and recurrences start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Initialization {
    /// The framework's defaults: uniform `±1/√fan_in`, biases too; recurrences `±1/√units`.
    #[default]
    TorchDefault,
    /// Xavier uniform weights, zero biases (the paper of HiAGM).
    Xavier,
}

impl Initialization {
    fn weight(self, fan_in: i64, fan_out: i64) -> Initializer {
        match self {
            Self::TorchDefault => Initializer::fan_in(fan_in),
            Self::Xavier => Initializer::xavier_uniform(fan_in, fan_out),
        }
    }

    fn bias(self, fan_in: i64) -> Initializer {
        match self {
            Self::TorchDefault => Initializer::fan_in(fan_in),
            Self::Xavier => Initializer::Constant(0.0),
        }
    }
}
