//! Checks that every network over words has to pass, and a small corpus to train on: for the tests of methods.
//!
//! Gradients are compared with differences of the loss in double precision, where every block computes with libtorch's
//! operations; then the kernels in single precision with that.
#![allow(clippy::unwrap_used, reason = "for tests")]

mod corpus;
mod encoder;
#[cfg(feature = "checks")]
mod papers;

use arborist_plugin_api::{Host, Method};
use arborist_shared::LabelIndex;
use arborist_shared::taxonomy::{NewLabel, Taxonomy};
use tch::{Device, Kind, Tensor};

use self::corpus::Listener;
pub use self::corpus::{Corpus, logged, scores};
pub use self::encoder::{tiny_encoder, write_encoder};
#[cfg(feature = "checks")]
pub use self::papers::rows_of_papers;
use crate::batch::{Batch, EncodedDocuments};
use crate::blocks::Precision;
use crate::cpu::noise::Noise;
use crate::parameters::Parameters;
use crate::pass::{Moment, Pass};
use crate::pretrained::{self, BertConfig};
use crate::settings::{EncoderSettings, TextSettings, TrainingSettings};
use crate::structure::Hierarchy;
use crate::text::{
    Cleaning, LongText, PieceOptions, PieceReader, Reader, StopWords, TextOptions, TextPipeline,
    VocabularyBuilder, VocabularyLimits, WordPieces,
};
use crate::text_method::{
    Inputs, Prepared, Purpose, Source, TextHyperparameters, TextNetwork, TrainedNetwork,
};

/// Settings with which a network trains in no time.
#[must_use]
pub fn tiny() -> (TrainingSettings, TextSettings, EncoderSettings) {
    let training = TrainingSettings {
        epochs: 10,
        patience: 0,
        learning_rate: 0.01,
        batch_size: 8,
        ..TrainingSettings::default()
    };
    let text = TextSettings {
        min_freq: 1,
        word_size: 12,
        ..TextSettings::default()
    };
    let encoder = EncoderSettings {
        rnn_hidden: 8,
        num_kernels: 10,
        ..EncoderSettings::default()
    };
    (training, text, encoder)
}

/// Trains a method on 200 documents and asks it for them again. The hyperparameters should be free of dropout.
///
/// # Panics
/// If it does not know them by heart.
pub fn learns_by_heart<M: Method>(hyperparameters: M::Hyperparameters)
where
    M::Hyperparameters: TextHyperparameters,
{
    let corpus = Corpus::to_overfit(&tree_of(12));
    let sets = hyperparameters.label_sets();
    corpus.train::<M>(hyperparameters).0.unwrap();
    let micro_f1 = corpus.micro_f1_on_train(&mut corpus.load::<M>().unwrap(), sets);
    assert!(
        micro_f1 > 0.99,
        "micro-F1 on the training documents is {micro_f1}"
    );
}

/// Words of the vocabulary of [`network`], without padding and unknown.
const WORDS: u32 = 18;

const MOMENT: Moment = Moment {
    seed: 3,
    stage: 0,
    step: 9,
};

/// Labels as `(id, parents)`.
#[must_use]
pub fn taxonomy(labels: &[(&str, &[&str])]) -> Taxonomy {
    let label = |(id, parents): &(&str, &[&str])| NewLabel {
        id: (*id).to_owned(),
        name: (*id).to_owned(),
        parents: parents.iter().map(|parent| (*parent).to_owned()).collect(),
        details: None,
    };
    Taxonomy::new(labels.iter().map(label).collect()).unwrap()
}

/// Root → A, B; A → A1, A2; B → B1 (METHODS 8).
#[must_use]
pub fn t5() -> Taxonomy {
    taxonomy(&[
        ("A", &[]),
        ("B", &[]),
        ("A1", &["A"]),
        ("A2", &["A"]),
        ("B1", &["B"]),
    ])
}

/// A tree of as many labels: four at the top, five children each.
#[must_use]
pub fn tree_of(labels: usize) -> Taxonomy {
    let names: Vec<String> = (0..labels).map(|label| format!("l{label}")).collect();
    let parents: Vec<Vec<&str>> = (0..labels)
        .map(|label| {
            if label < 4 {
                vec![]
            } else {
                vec![names[(label - 4) / 5].as_str()]
            }
        })
        .collect();
    let labels: Vec<(&str, &[&str])> = names
        .iter()
        .zip(&parents)
        .map(|(name, parents)| (name.as_str(), parents.as_slice()))
        .collect();
    taxonomy(&labels)
}

/// Documents of 18 words over the labels of [`t5`], one of them without labels.
#[must_use]
pub fn documents() -> EncodedDocuments {
    let mut documents = EncodedDocuments::default();
    let sets: [(u32, &[LabelIndex]); 5] = [
        (4, &[0, 2]),
        (9, &[1, 4]),
        (1, &[]),
        (6, &[0, 3]),
        (7, &[0, 1, 2, 4]),
    ];
    for (length, labels) in sets {
        let tokens: Vec<u32> = (0..length)
            .map(|place| (place * 5 + length) % WORDS)
            .collect();
        documents.push(&tokens, labels);
    }
    documents
}

/// All of [`documents`].
#[must_use]
pub fn batch(groups: usize) -> Batch {
    let documents = documents();
    let all: Vec<usize> = (0..documents.len()).collect();
    Batch::new(&documents, &all, groups)
}

/// A network with the priors that one document of each label gives, prepared on [`documents`] and for its first step.
pub fn network<N: TextNetwork>(
    hyperparameters: &N::Hyperparameters,
    taxonomy: &Taxonomy,
    words: usize,
    kind: Kind,
) -> N {
    // Every edge has a prior: at weights of exactly 0 the ReLU has no slope.
    let sets: Vec<Vec<LabelIndex>> = taxonomy
        .indexes()
        .map(|label| taxonomy.close(&[label]))
        .collect();
    let sets = sets.iter().map(Vec::as_slice);
    let hierarchy = if N::works_on_trees(hyperparameters) {
        Hierarchy::new(taxonomy, sets)
    } else {
        Hierarchy::graph(taxonomy, sets)
    };
    let config = BertConfig {
        vocab_size: words as i64,
        ..pretrained::small()
    };
    let config = match hyperparameters.source() {
        Source::Words(_) => config,
        Source::Pretrained { settings, .. } => settings.applied_to(&config),
    };
    let inputs = Inputs {
        hierarchy: &hierarchy,
        words,
        word_size: match hyperparameters.source() {
            Source::Words(text) => text.word_size,
            Source::Pretrained { .. } => config.hidden_size,
        },
        encoder: hyperparameters.source().is_pretrained().then_some(&config),
        max_length: 256,
        purpose: Purpose::Training,
    };
    let fresh = Parameters::fresh(Device::Cpu, 1);
    let parameters = if kind == Kind::Double {
        fresh.in_double()
    } else {
        fresh
    };
    let mut network = N::build(parameters, hyperparameters, inputs).unwrap();
    let reader = if inputs.encoder.is_some() {
        pieces()
    } else {
        Reader::Words(pipeline())
    };
    let checkpoint = tempfile::tempdir().unwrap();
    network
        .prepare(&Prepared {
            taxonomy,
            hierarchy: &hierarchy,
            reader: &reader,
            train: &documents(),
            batches_per_epoch: 10,
            seed: 1,
            checkpoint: checkpoint.path(),
            host: &Host::new(&Listener::default()),
        })
        .unwrap();
    network.before_step(Moment { step: 0, ..MOMENT }).unwrap();
    network
}

/// Pieces that are called like labels, and others, behind those of no text.
fn pieces() -> Reader {
    let directory = tempfile::tempdir().unwrap();
    let words = [
        "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "a1", "a2", "b1",
    ];
    let others = (words.len()..WORDS as usize + 2).map(|word| format!("w{word:02}"));
    let list: Vec<String> = words.map(str::to_owned).into_iter().chain(others).collect();
    std::fs::write(directory.path().join("vocab.txt"), list.join("\n")).unwrap();
    let options = PieceOptions {
        max_length: 12,
        long_text: LongText::Head,
    };
    let pieces = WordPieces::open(directory.path()).unwrap();
    Reader::Pieces(Box::new(PieceReader::new(pieces, options)))
}

/// Words that are called like labels, and others.
fn pipeline() -> TextPipeline {
    let mut builder = VocabularyBuilder::default();
    let limits = VocabularyLimits {
        min_frequency: 1,
        max_size: WORDS as usize,
    };
    let names = ["a", "b", "a1", "a2", "b1"].map(str::to_owned);
    let others = (names.len()..WORDS as usize).map(|word| format!("w{word:02}"));
    for word in names.into_iter().chain(others) {
        builder.count(&word);
    }
    let options = TextOptions {
        cleaning: Cleaning::Words,
        stop_words: StopWords::Keep,
        max_length: 256,
    };
    TextPipeline::new(options, builder.finish(limits))
}

/// Compares the gradient of every trained tensor with differences of the loss, in double precision: along the gradient
/// and in two random directions.
///
/// # Panics
/// If they differ, or a tensor that is not in `without` has no gradient or one that is 0 everywhere: comparing zeros
/// would check nothing.
pub fn gradients<N: TextNetwork>(hyperparameters: &N::Hyperparameters, without: &[&str]) {
    let network: N = network(hyperparameters, &t5(), WORDS as usize + 2, Kind::Double);
    // Two groups: what computes elsewhere than on a processor must not take one for granted.
    let batch = batch(2);
    let tensors = tensors(&network);
    // Biases that start at zero put units on the edge between passing and not.
    for (number, (_, tensor)) in tensors.iter().enumerate() {
        let moved = random(&tensor.size(), 1_000 + number as u64) * 0.05;
        let _ = tensor.detach().g_add_(&moved);
    }
    let found = backward(&network, &batch, &tensors);
    for (number, ((name, tensor), gradient)) in tensors.iter().zip(&found).enumerate() {
        let Some(gradient) = gradient else {
            assert!(without.contains(&name.as_str()), "no gradient of {name}");
            continue;
        };
        assert_eq!(
            gradient.kind(),
            Kind::Double,
            "{name} is computed in single precision"
        );
        assert!(
            without.contains(&name.as_str()) || gradient.norm().double_value(&[]) > 0.0,
            "the gradient of {name} is 0, of {hyperparameters:?}"
        );
        let directions = [
            gradient.copy(),
            random(&tensor.size(), 2 * number as u64),
            random(&tensor.size(), 2 * number as u64 + 1),
        ];
        for direction in directions {
            let norm = direction.norm().double_value(&[]);
            if norm == 0.0 {
                continue;
            }
            let direction = direction / norm;
            let expected = (gradient * &direction).sum(Kind::Double).double_value(&[]);
            let at = |step: f64| {
                let before = tensor.detach().copy();
                let _ = tensor.detach().g_add_(&(&direction * step));
                let loss = loss(&network, &batch);
                tensor.detach().copy_(&before);
                loss
            };
            let step = 1e-6;
            let slope = (at(step) - at(-step)) / (2.0 * step);
            assert!(
                (slope - expected).abs() < 1e-5 * expected.abs() + 1e-7,
                "{name} of {hyperparameters:?}: slope {slope}, gradient {expected}"
            );
        }
    }
}

/// Sets all rates of dropout to 0, then each of `names` alone to a half: the loss of a training step has to change.
///
/// # Panics
/// If it does not, or there is no such hyperparameter.
pub fn dropouts_are_felt<N: TextNetwork>(hyperparameters: &N::Hyperparameters, names: &[&str]) {
    let loss_with = |dropped: Option<&str>| {
        let mut values = serde_json::to_value(hyperparameters).unwrap();
        for (name, value) in values.as_object_mut().unwrap() {
            if name.ends_with("dropout") && value.is_number() {
                *value = if dropped == Some(name) { 0.5 } else { 0.0 }.into();
            }
        }
        assert!(
            dropped.is_none_or(|name| values[name] == 0.5),
            "there is no rate {dropped:?}"
        );
        let hyperparameters = serde_json::from_value(values).unwrap();
        let network: N = network(&hyperparameters, &t5(), WORDS as usize + 2, Kind::Float);
        loss(&network, &batch(1))
    };
    let still = loss_with(None);
    for name in names {
        let dropped = loss_with(Some(name));
        assert!(
            (dropped - still).abs() > 1e-6,
            "{name} changes nothing of {hyperparameters:?}"
        );
    }
}

/// Compares loss and gradients of the kernels in single precision with libtorch's operations in double precision. The
/// hyperparameters must be free of dropout, whose randomness differs.
///
/// # Panics
/// If they differ.
pub fn kernels<N: TextNetwork>(hyperparameters: &N::Hyperparameters) {
    let of = |kind| -> (f64, Vec<(String, Option<Tensor>)>) {
        let network: N = network(hyperparameters, &t5(), WORDS as usize + 2, kind);
        let batch = batch(1);
        let tensors = tensors(&network);
        let gradients = backward(&network, &batch, &tensors);
        let names = tensors.into_iter().map(|(name, _)| name);
        (loss(&network, &batch), names.zip(gradients).collect())
    };
    let (exact, gradients) = of(Kind::Double);
    let (found, kernels) = of(Kind::Float);
    assert!(
        (found - exact).abs() < 1e-5 * (1.0 + exact.abs()),
        "loss {found} with kernels, {exact} without, of {hyperparameters:?}"
    );
    for ((name, exact), (_, found)) in gradients.iter().zip(&kernels) {
        let (Some(exact), Some(found)) = (exact, found) else {
            assert_eq!(exact.is_some(), found.is_some(), "{name}");
            continue;
        };
        let largest = exact.abs().max().double_value(&[]);
        let difference = (exact - found.to_kind(Kind::Double))
            .abs()
            .max()
            .double_value(&[]);
        assert!(
            difference < 1e-4 * largest + 1e-7,
            "gradient of {name}: {difference} apart at {largest}, of {hyperparameters:?}"
        );
    }
}

/// Compares the scores of the network for prediction with those in training.
///
/// # Panics
/// If they differ.
pub fn trained_scores<N: TextNetwork>(hyperparameters: &N::Hyperparameters) {
    let network: N = network(hyperparameters, &t5(), WORDS as usize + 2, Kind::Float);
    let _guard = tch::no_grad_guard();
    let expected = network.predict(&batch(2)).scores;
    let found = network
        .into_trained(Precision::Single)
        .predict(&batch(2))
        .scores;
    assert_eq!(found.size(), expected.size());
    assert!(
        (found - expected).abs().max().double_value(&[]) < 1e-6,
        "scores of {hyperparameters:?}"
    );
}

/// Value of a parameter.
///
/// # Panics
/// If there is none of this name.
pub fn parameter<'a>(network: &'a impl crate::training::Trainable, name: &str) -> &'a Tensor {
    let entries = network.parameters().entries();
    let entry = entries.iter().find(|entry| entry.name == name);
    &entry
        .unwrap_or_else(|| panic!("no parameter {name}"))
        .tensor
}

/// Gradients of the loss of [`batch`] for the trained parameters, by name.
pub fn gradients_by_name<N: TextNetwork>(network: &N) -> Vec<(String, Option<Tensor>)> {
    let tensors = tensors(network);
    let gradients = backward(network, &batch(1), &tensors);
    tensors
        .into_iter()
        .map(|(name, _)| name)
        .zip(gradients)
        .collect()
}

/// Trained parameters and tables, by name.
fn tensors<N: TextNetwork>(network: &N) -> Vec<(String, Tensor)> {
    let parameters = network.parameters();
    let entries = parameters.entries().iter().filter(|entry| entry.trained);
    entries
        .map(|entry| (entry.name.clone(), entry.tensor.shallow_clone()))
        .chain(
            parameters
                .tables()
                .iter()
                .map(|table| (table.name().to_owned(), table.values().shallow_clone())),
        )
        .collect()
}

fn backward<N: TextNetwork>(
    network: &N,
    batch: &Batch,
    tensors: &[(String, Tensor)],
) -> Vec<Option<Tensor>> {
    let tables = network.parameters().tables();
    let dense = tensors.len() - tables.len();
    let wanted: Vec<&Tensor> = tensors[..dense].iter().map(|(_, tensor)| tensor).collect();
    let pass = Pass::training(MOMENT);
    let loss = network.losses(batch, &pass).total;
    let mut gradients = pass.backward(&loss, &wanted);
    gradients.extend(tables.iter().map(|table| table.take_dense_gradient()));
    gradients
}

fn loss<N: TextNetwork>(network: &N, batch: &Batch) -> f64 {
    network
        .losses(batch, &Pass::training(MOMENT))
        .total
        .to_kind(Kind::Double)
        .double_value(&[])
}

fn random(shape: &[i64], number: u64) -> Tensor {
    let noise = Noise::new(number, 0, 0, 0);
    let length: i64 = shape.iter().product();
    let values: Vec<f64> = (0..length)
        .map(|place| 2.0 * f64::from(noise.unit(place as u32)) - 1.0)
        .collect();
    Tensor::from_slice(&values).view(shape)
}
