//! The label rows and their head.

use arborist_model_kit::blocks::MaskedHead;
use arborist_model_kit::error::KitError;
use arborist_model_kit::initializer::Initializer;
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::pretrained::BertConfig;
use arborist_model_kit::text_method::{Inputs, Prepared};
use tch::Tensor;

use crate::decoding::Frame;
use crate::hyperparameters::{Hyperparameters, NamePool};

/// Pieces of a label's name that are read.
const NAME_PIECES: usize = 30;

/// What labels are generated with: their rows and the head that scores them.
pub(super) struct Generation {
    /// `[L, d]`
    pub(super) labels: Tensor,
    /// Of labels, `[L]`, and of all pieces, `[pieces]`, as the encoder has them.
    pub(super) biases: Option<[Tensor; 2]>,
    pub(super) head: MaskedHead,
}

impl Generation {
    pub(super) fn new(
        parameters: &mut Parameters,
        hyperparameters: &Hyperparameters,
        inputs: &Inputs<'_>,
        config: &BertConfig,
    ) -> Result<Self, KitError> {
        let n_labels = inputs.hierarchy.n_labels() as i64;
        let zero = Initializer::Constant(0.0);
        let labels = parameters.add(
            "labels",
            &[n_labels, config.hidden_size],
            &Initializer::Normal(1.0),
        )?;
        let biases = if hyperparameters.tied_bias {
            Some([
                parameters.add("labels.bias", &[n_labels], &zero)?,
                parameters.add("cls.predictions.bias", &[config.vocab_size], &zero)?,
            ])
        } else {
            None
        };
        Ok(Self {
            labels,
            biases,
            head: MaskedHead::new(parameters, config)?,
        })
    }

    /// Biases of labels and of the end.
    pub(super) fn biases(&self, frame: Frame) -> Option<[Tensor; 2]> {
        let [labels, pieces] = self.biases.as_ref()?;
        Some([
            labels.shallow_clone(),
            pieces.narrow(0, i64::from(frame.sep), 1),
        ])
    }

    /// The labels' rows made of their names, `[L, d]`; labels without a name that the encoder can read stay as they are.
    /// `table`: vectors of the encoder's pieces.
    pub(super) fn of_names(&self, table: &Tensor, pool: NamePool, corpus: &Prepared<'_>) -> Tensor {
        let start = self.labels.detach().copy();
        for label in corpus.taxonomy.indexes() {
            let pieces = corpus.reader.name(corpus.taxonomy.name(label), NAME_PIECES);
            if pieces.is_empty() {
                continue;
            }
            let ids: Vec<i64> = pieces.into_iter().map(i64::from).collect();
            let ids = Tensor::from_slice(&ids).to_device(table.device());
            let row = pooled(&table.index_select(0, &ids), pool);
            start.get(i64::from(label)).copy_(&row);
        }
        start
    }
}

/// One vector of a name's pieces, `[d]`. `rows`: `[pieces, d]`.
pub fn pooled(rows: &Tensor, pool: NamePool) -> Tensor {
    match pool {
        NamePool::Sum => rows.sum_dim_intlist(0_i64, false, rows.kind()),
        NamePool::Mean => rows.mean_dim(0_i64, false, rows.kind()),
    }
}
