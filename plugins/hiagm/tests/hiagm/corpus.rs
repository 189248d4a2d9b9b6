//! A network that trains in no time.

use arborist_hiagm::Hyperparameters;
use arborist_model_kit::checks;
use arborist_model_kit::settings::ClassifierSettings;

pub(crate) fn tiny() -> Hyperparameters {
    let (training, text, encoder) = checks::tiny();
    Hyperparameters {
        training,
        text,
        rcnn: encoder,
        node_size: 6,
        projection_dropout: 0.1,
        classifier: ClassifierSettings {
            classifier_dropout: 0.0,
            ..ClassifierSettings::default()
        },
        ..Hyperparameters::default()
    }
}

/// Without any dropout.
pub(crate) fn still(mut hyperparameters: Hyperparameters) -> Hyperparameters {
    hyperparameters.rcnn.embedding_dropout = 0.0;
    hyperparameters.pretrained.encoder_dropout = 0.0;
    hyperparameters.rcnn.rnn_dropout = 0.0;
    hyperparameters.structure.graph.node_dropout = 0.0;
    hyperparameters.projection_dropout = 0.0;
    hyperparameters.label_dropout = 0.0;
    hyperparameters.classifier.classifier_dropout = 0.0;
    hyperparameters
}
