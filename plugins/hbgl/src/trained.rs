//! The network in prediction: what generates, or classifies, with weights that do not change any more (METHODS 6.4).

use std::path::Path;

use arborist_model_kit::batch::Batch;
use arborist_model_kit::blocks::{CompiledBert, CompiledClassifier, MaskedHead};
use arborist_model_kit::error::KitError;
use arborist_model_kit::files;
use arborist_model_kit::text_method::TrainedNetwork;
use arborist_model_kit::training::Predicted;
use arborist_shared::LabelIndex;
use tch::{Device, Kind, Tensor};

use crate::decoding::{Decoder, Frame, Rules, cut, longest_text};

/// What decoding needs besides weights, in a checkpoint.
const FRAME_FILE: &str = "decoding.json";

/// Labels of each document whose scores are over the threshold. `scores`: `[documents, L]`.
fn above(scores: &Tensor, threshold: f32) -> Vec<Vec<LabelIndex>> {
    let n_labels = scores.size()[1] as usize;
    let values = scores.to_device(Device::Cpu).to_kind(Kind::Float);
    let values = Vec::<f32>::try_from(values.reshape([-1])).expect("numbers in main memory");
    values
        .chunks_exact(n_labels.max(1))
        .map(|scores| {
            (0..)
                .zip(scores)
                .filter(|(_, score)| **score > threshold)
                .map(|(label, _)| label)
                .collect()
        })
        .collect()
}

/// The network in prediction.
pub struct TrainedHbgl {
    pub(crate) n_labels: usize,
    pub(crate) bert: CompiledBert,
    pub(crate) output: TrainedOutput,
    pub(crate) rules: Rules,
    /// Pieces of a text that are read, if the encoder has room for them.
    pub(crate) longest: usize,
    pub(crate) frame: Option<Frame>,
}

pub(crate) enum TrainedOutput {
    Generation(Box<Written>),
    Classes(CompiledClassifier),
}

/// What generates, once it is known how lists of labels end.
pub(crate) struct Written {
    /// `[L, d]`
    pub(crate) labels: Tensor,
    /// Of labels, `[L]`, and of all pieces, `[pieces]`.
    pub(crate) biases: Option<[Tensor; 2]>,
    pub(crate) head: Option<MaskedHead>,
    pub(crate) decoder: Option<Decoder>,
}

impl TrainedHbgl {
    /// Makes it ready to generate lists that begin and end like this.
    pub(crate) fn begin(&mut self, frame: Frame) {
        self.frame = Some(frame);
        let TrainedOutput::Generation(written) = &mut self.output else {
            return;
        };
        let Some(head) = written.head.take() else {
            return;
        };
        written.decoder = Some(Decoder {
            labels: written.labels.shallow_clone(),
            biases: written.biases.as_ref().map(|[labels, pieces]| {
                let end = pieces.narrow(0, i64::from(frame.sep), 1);
                [labels.shallow_clone(), end]
            }),
            head: head.into_trained(),
            rules: self.rules.clone(),
        });
    }
}

/// Writes what [`TrainedHbgl`] is completed with.
pub(crate) fn save_frame(frame: Option<Frame>, checkpoint: &Path) -> Result<(), KitError> {
    let path = checkpoint.join(FRAME_FILE);
    let json = serde_json::to_vec(&frame).map_err(|error| KitError::broken(&path, error))?;
    files::write(&path, &json)
}

impl TrainedNetwork for TrainedHbgl {
    fn n_labels(&self) -> usize {
        self.n_labels
    }

    fn scores(&self, batch: &Batch) -> Tensor {
        self.predict(batch).scores
    }

    fn predict(&self, batch: &Batch) -> Predicted {
        let written = match &self.output {
            TrainedOutput::Classes(classifier) => {
                let firsts = self.bert.first_states(batch);
                let scores = classifier.forward(&firsts).sigmoid();
                return Predicted {
                    decided: Some(above(&scores, self.rules.threshold)),
                    scores,
                };
            }
            TrainedOutput::Generation(written) => written,
        };
        let (Some(decoder), Some(frame)) = (&written.decoder, self.frame) else {
            panic!("a model for prediction was completed")
        };
        let positions = self.bert.config().max_position_embeddings;
        let texts = cut(batch, longest_text(self.longest, positions, Some(frame)));
        let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
        let (decided, scores): (Vec<_>, Vec<_>) = decoder
            .generate(&self.bert, frame, &texts)
            .into_iter()
            .unzip();
        let scores =
            Tensor::from_slice(&scores.concat()).view([texts.len() as i64, self.n_labels as i64]);
        Predicted {
            scores,
            decided: Some(decided),
        }
    }

    fn complete(&mut self, checkpoint: &Path) -> Result<(), KitError> {
        let path = checkpoint.join(FRAME_FILE);
        let frame: Option<Frame> = serde_json::from_slice(&files::read(&path)?)
            .map_err(|error| KitError::broken(&path, error))?;
        if let Some(frame) = frame {
            self.begin(frame);
        }
        Ok(())
    }
}
