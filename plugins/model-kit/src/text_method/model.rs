//! A trained model: texts in, scores out.

use arborist_plugin_api::{
    Evidence, Host, LabelIndex, LoadRequest, Model, ModelError, Predictions, Scores,
};
use tch::{Device, Kind, Tensor};

use super::checkpoint::Description;
use super::{Inputs, Purpose, Source, TextHyperparameters, TextNetwork, TrainedNetwork};
use crate::batch::{Batch, EncodedDocuments, JoinedScores, deal_sorted};
use crate::blocks::Precision;
use crate::error::KitError;
use crate::parameters::Parameters;
use crate::pretrained::BertConfig;
use crate::process;
use crate::structure::Hierarchy;
use crate::text::{Reader, TOKENIZER_FILE};
use crate::training::{self, MODEL_FILE, Predicted, Validation};

/// Documents of a batch: enough to read the large weights of the projection and the classifier seldom.
const DOCUMENTS: usize = 128;
/// Values of all labels' vectors that a batch may have.
const NODE_VALUES: usize = 1 << 23;
/// Word pieces of a batch that a pretrained encoder reads on a processor: what its layers pass on stays in the caches.
const PIECES: usize = 2_048;

/// A trained model.
pub struct TextModel<N: TextNetwork> {
    reader: Reader,
    network: N::Trained,
    threshold: f32,
    documents: usize,
    tokens: usize,
    /// Groups that a batch is cut into.
    groups: usize,
}

impl<N: TextNetwork> TextModel<N> {
    /// Loads what [`train`](super::train) wrote.
    ///
    /// # Errors
    /// When the checkpoint is incomplete or belongs to other labels.
    pub fn load(request: &LoadRequest) -> Result<Self, ModelError> {
        Self::load_with(request, None)
    }

    /// The same with another precision of the pretrained encoder than the hyperparameters say.
    pub(super) fn load_with(
        request: &LoadRequest,
        precision: Option<Precision>,
    ) -> Result<Self, ModelError> {
        let device = process::prepare(&request.device, request.threads)?;
        let taxonomy = request.taxonomy()?;
        let checkpoint = &request.checkpoint;
        let description = Description::<N::Hyperparameters>::load(N::NAME, checkpoint, &taxonomy)?;
        let hyperparameters = &description.hyperparameters;
        let reader = Reader::load(checkpoint)?;
        let encoder = checkpoint
            .join(TOKENIZER_FILE)
            .is_file()
            .then(|| BertConfig::read(checkpoint))
            .transpose()?;
        let words = match (&reader, &encoder) {
            (Reader::Words(pipeline), _) => pipeline.vocabulary().len(),
            (_, Some(config)) => config.vocab_size as usize,
            _ => 0,
        };
        if words != description.words {
            return Err(ModelError::Failed(format!(
                "the vocabulary has {words} words, the model {}",
                description.words
            )));
        }
        let parameters = Parameters::from_file(device, &checkpoint.join(MODEL_FILE))?;
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
            encoder: encoder.as_ref(),
            max_length: reader.max_length(),
            purpose: Purpose::Prediction,
        };
        let groups = parameters.groups();
        let network = N::build(parameters, hyperparameters, inputs)?;
        let precision = precision.unwrap_or(match hyperparameters.source() {
            Source::Words(_) => Precision::Single,
            Source::Pretrained { settings, .. } => settings.precision,
        });
        let mut network = network.into_trained(precision);
        network.complete(checkpoint)?;
        let per_document = taxonomy.len() * hyperparameters.label_width();
        let documents = (NODE_VALUES / per_document.max(1)).clamp(1, DOCUMENTS);
        Ok(Self {
            tokens: match &encoder {
                Some(_) if device == Device::Cpu => PIECES,
                _ => documents * reader.max_length(),
            },
            documents,
            groups,
            network,
            threshold: hyperparameters.training().threshold,
            reader,
        })
    }

    fn encode(&self, texts: &[&str]) -> EncodedDocuments {
        let mut encoded = EncodedDocuments::joined_by(self.reader.joining());
        for parts in self.reader.parts_of_all(texts) {
            encoded.push_parts(&parts, &[]);
        }
        encoded
    }

    /// Scores on documents with labels.
    ///
    /// # Errors
    /// [`KitError::Cancelled`] when the host asked to stop.
    pub(super) fn evaluate(
        &self,
        split: &EncodedDocuments,
        threshold: f32,
        host: &Host<'_>,
    ) -> Result<Validation, KitError> {
        training::evaluate_with(
            |batch| self.network.predict(batch),
            training::Split {
                documents: split,
                n_labels: self.network.n_labels(),
                groups: self.groups,
            },
            threshold,
            host,
        )
    }
}

impl<N: TextNetwork> Model for TextModel<N> {
    fn predict(&mut self, texts: &[&str]) -> Result<Predictions, ModelError> {
        let _guard = tch::no_grad_guard();
        let n_labels = self.network.n_labels();
        let encoded = self.encode(texts);
        let mut joined = JoinedScores::new(&encoded, n_labels);
        let mut decided = vec![None; encoded.len()];
        for documents in deal_sorted(&encoded, self.documents, self.tokens) {
            let batch = Batch::new(&encoded, &documents, self.groups);
            let predicted = self.network.predict(&batch);
            joined.add(&batch.documents, &on_host(&predicted));
            for (document, labels) in batch
                .documents
                .iter()
                .zip(predicted.decided.into_iter().flatten())
            {
                decided[*document] = Some(labels);
            }
        }
        // Of a text in several parts, the joined scores decide.
        let decided = if encoded.has_parts() {
            None
        } else {
            decided.into_iter().collect()
        };
        Ok(Predictions {
            scores: Scores::Dense {
                n_labels,
                values: joined.into_values(),
            },
            decided,
        })
    }

    fn threshold(&self) -> f32 {
        self.threshold
    }

    fn evidence(&mut self, text: &str, label: LabelIndex) -> Result<Vec<Evidence>, ModelError> {
        let _guard = tch::no_grad_guard();
        let Some(reader) = self.reader.pieces() else {
            return Err(ModelError::Unsupported);
        };
        let room = reader.options().max_length.saturating_sub(2).max(1);
        let pieces = reader.pieces().pieces_with_places(text, room);
        let special = reader.pieces().special();
        let ids: Vec<u32> = std::iter::once(special.cls)
            .chain(pieces.iter().map(|(id, _)| *id))
            .chain([special.sep])
            .collect();
        let mut encoded = EncodedDocuments::default();
        encoded.push(&ids, &[]);
        let batch = Batch::new(&encoded, &[0], 1);
        let Some(weights) = self.network.evidence(&batch, label) else {
            return Err(ModelError::Unsupported);
        };
        let places = pieces.into_iter().map(|(_, place)| place);
        Ok(places
            .zip(weights.into_iter().skip(1))
            .filter(|(_, weight)| *weight != 0.0)
            .map(|(place, weight)| Evidence {
                start: place.start as u32,
                end: place.end as u32,
                weight,
            })
            .collect())
    }
}

fn on_host(predicted: &Predicted) -> Tensor {
    predicted
        .scores
        .to_device(Device::Cpu)
        .to_kind(Kind::Float)
        .contiguous()
}
