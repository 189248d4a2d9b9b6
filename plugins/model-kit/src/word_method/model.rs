//! A trained model: texts in, scores out.

use arborist_plugin_api::{LoadRequest, Model, ModelError, Predictions, Scores};
use tch::{Device, Kind, Tensor};

use super::checkpoint::Description;
use super::{Inputs, Purpose, TrainedNetwork, WordHyperparameters, WordNetwork};
use crate::batch::{Batch, EncodedDocuments, deal_sorted};
use crate::cpu::parallel;
use crate::parameters::Parameters;
use crate::process;
use crate::structure::Hierarchy;
use crate::text::TextPipeline;
use crate::training::MODEL_FILE;

/// Documents of a batch: enough to read the large weights of the projection and the classifier seldom.
const DOCUMENTS: usize = 128;
/// Values of all labels' vectors that a batch may have.
const NODE_VALUES: usize = 1 << 23;

/// A trained model.
pub struct WordModel<N: WordNetwork> {
    pipeline: TextPipeline,
    network: N::Trained,
    threshold: f32,
    documents: usize,
    max_length: usize,
}

impl<N: WordNetwork> WordModel<N> {
    /// Loads what [`train`](super::train) wrote.
    ///
    /// # Errors
    /// When the checkpoint is incomplete or belongs to other labels.
    pub fn load(request: &LoadRequest) -> Result<Self, ModelError> {
        let device = process::prepare(&request.device, request.threads)?;
        let taxonomy = request.taxonomy()?;
        let description =
            Description::<N::Hyperparameters>::load(N::NAME, &request.checkpoint, &taxonomy)?;
        let hyperparameters = &description.hyperparameters;
        let pipeline = TextPipeline::load(&request.checkpoint)?;
        if pipeline.vocabulary().len() != description.words {
            return Err(ModelError::Failed(format!(
                "the vocabulary has {} words, the model {}",
                pipeline.vocabulary().len(),
                description.words
            )));
        }
        let parameters = Parameters::from_file(device, &request.checkpoint.join(MODEL_FILE))?;
        // Priors are in the weights.
        let hierarchy = if N::works_on_trees(hyperparameters) {
            Hierarchy::new(&taxonomy, [])
        } else {
            Hierarchy::graph(&taxonomy, [])
        };
        let inputs = Inputs {
            hierarchy: &hierarchy,
            words: description.words,
            word_size: description.word_size,
            purpose: Purpose::Prediction,
        };
        let network = N::build(parameters, hyperparameters, inputs)?;
        let per_document = taxonomy.len() * hyperparameters.label_width();
        Ok(Self {
            pipeline,
            network: network.into_trained(),
            threshold: hyperparameters.training().threshold,
            documents: (NODE_VALUES / per_document.max(1)).clamp(1, DOCUMENTS),
            max_length: hyperparameters.text().max_length,
        })
    }

    fn encode(&self, texts: &[&str]) -> EncodedDocuments {
        let mut encoded = EncodedDocuments::default();
        for ids in self.pipeline.encode_all(texts) {
            encoded.push(&ids, &[]);
        }
        encoded
    }
}

impl<N: WordNetwork> Model for WordModel<N> {
    fn predict(&mut self, texts: &[&str]) -> Result<Predictions, ModelError> {
        let _guard = tch::no_grad_guard();
        let n_labels = self.network.n_labels();
        let encoded = self.encode(texts);
        let mut values = vec![0.0_f32; texts.len() * n_labels];
        for documents in deal_sorted(&encoded, self.documents, self.documents * self.max_length) {
            let batch = Batch::new(&encoded, &documents, parallel::threads());
            let scores = self
                .network
                .scores(&batch)
                .to_device(Device::Cpu)
                .to_kind(Kind::Float)
                .contiguous();
            let rows = rows(&scores)?;
            for (row, &document) in rows.chunks_exact(n_labels).zip(&batch.documents) {
                values[document * n_labels..(document + 1) * n_labels].copy_from_slice(row);
            }
        }
        Ok(Predictions {
            scores: Scores::Dense { n_labels, values },
            decided: None,
        })
    }

    fn threshold(&self) -> f32 {
        self.threshold
    }
}

fn rows(scores: &Tensor) -> Result<Vec<f32>, ModelError> {
    Vec::try_from(scores.flatten(0, -1))
        .map_err(|error| ModelError::failed("cannot read the scores", error))
}
