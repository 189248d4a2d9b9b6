//! Networks that train in no time.

use arborist_htcinfomax::{Hyperparameters, TextFeatures};
use arborist_model_kit::checks;

pub(crate) fn tiny() -> Hyperparameters {
    let (training, text, encoder) = checks::tiny();
    Hyperparameters {
        la_label_dim: 16,
        training,
        text,
        rcnn: encoder,
        ..Hyperparameters::default()
    }
}

/// Labels that attend over features of convolutions.
pub(crate) fn of_convolutions() -> Hyperparameters {
    Hyperparameters {
        text_features: TextFeatures::Cnn,
        la_label_dim: 6,
        ..tiny()
    }
}

/// Without any dropout.
pub(crate) fn still(mut hyperparameters: Hyperparameters) -> Hyperparameters {
    hyperparameters.rcnn.embedding_dropout = 0.0;
    hyperparameters.pretrained.encoder_dropout = 0.0;
    hyperparameters.rcnn.rnn_dropout = 0.0;
    hyperparameters.structure.graph.node_dropout = 0.0;
    hyperparameters.label_dropout = 0.0;
    hyperparameters.classifier.classifier_dropout = 0.0;
    hyperparameters
}
