//! Networks that train in no time.

use arborist_himatch::{
    CoarseParents, CoarseTerm, Distance, Hyperparameters, JointLabels, LabelRepr, MatchingSettings,
    Scoring,
};
use arborist_model_kit::checks;
use arborist_model_kit::settings::EncoderKind;

pub(crate) fn tiny() -> Hyperparameters {
    let (training, text, encoder) = checks::tiny();
    Hyperparameters {
        matching: MatchingSettings {
            joint_dim: 7,
            label_refresh_steps: 3,
            ..MatchingSettings::default()
        },
        node_size: 6,
        projection_dropout: 0.1,
        training,
        text,
        rcnn: encoder,
        ..Hyperparameters::default()
    }
}

pub(crate) fn of_the_paper() -> Hyperparameters {
    Hyperparameters {
        matching: MatchingSettings {
            label_repr: LabelRepr::NameGloveMean,
            distance: Distance::L2normEuclid,
            coarse_term: CoarseTerm::Rank,
            joint_labels: JointLabels::Gold,
            positive_num: 0,
            coarse_parents: CoarseParents::All,
            ..tiny().matching
        },
        ..tiny()
    }
}

/// Read by a pretrained encoder.
pub(crate) fn of_bert() -> Hyperparameters {
    let mut hyperparameters = Hyperparameters {
        encoder: EncoderKind::Bert,
        ..tiny()
    };
    hyperparameters.text.max_length = 48;
    hyperparameters.training.learning_rate = 0.003;
    hyperparameters
}

pub(crate) fn by_dot_product() -> Hyperparameters {
    Hyperparameters {
        scoring: Scoring::DotProduct,
        ..tiny()
    }
}

/// Without any dropout.
pub(crate) fn still(mut hyperparameters: Hyperparameters) -> Hyperparameters {
    hyperparameters.rcnn.embedding_dropout = 0.0;
    hyperparameters.pretrained.encoder_dropout = 0.0;
    hyperparameters.rcnn.rnn_dropout = 0.0;
    hyperparameters.graph.node_dropout = 0.0;
    hyperparameters.projection_dropout = 0.0;
    hyperparameters.matching.head_dropout = 0.0;
    hyperparameters.classifier.classifier_dropout = 0.0;
    hyperparameters
}
