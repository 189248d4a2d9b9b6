//! BERT against Hugging Face's, and encoders on disk in all the spellings that there are.

mod training;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tch::{Device, Kind, Tensor};

use super::*;
use crate::batch::EncodedDocuments;
use crate::files::Durability;
use crate::parameters::{read_tensors, write_tensors};
use crate::pretrained::Pretrained;
use crate::text::LongText;

/// What `fixtures/bert_states.py` wrote.
#[derive(Deserialize)]
struct Fixture {
    max_length: usize,
    positions: Vec<i64>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    text: String,
    ids: Vec<u32>,
    /// `[positions, d]`
    states: Vec<Vec<f64>>,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../../../fixtures/minilm_states.json")).unwrap()
}

/// The encoder that set-up fetches.
fn minilm() -> PathBuf {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache/encoders/minilm");
    assert!(
        directory.is_dir(),
        "there is no {}: run `cargo xtask setup`",
        directory.display()
    );
    directory
}

fn bert(pretrained: Pretrained) -> (Bert, Parameters) {
    let config = pretrained.config.clone();
    let mut parameters = Parameters::fresh(Device::Cpu, 1).starting_from(pretrained.into_weights());
    (Bert::new(&mut parameters, &config).unwrap(), parameters)
}

/// States of one text, `[tokens, d]`.
fn states(batch: &Batch, found: &Tensor, document: usize) -> Tensor {
    let place = batch
        .documents
        .iter()
        .position(|&own| own == document)
        .unwrap();
    let starts = batch.packing.starts();
    found.narrow(0, starts[place] as i64, batch.packing.lengths[place] as i64)
}

#[test]
fn pieces_and_states_are_those_of_hugging_face() {
    let fixture = fixture();
    let pretrained = Pretrained::open(&minilm()).unwrap();
    let pieces = pretrained.pieces.clone();
    let (bert, _) = bert(pretrained);
    let mut documents = EncodedDocuments::default();
    for case in &fixture.cases {
        let read = pieces.parts(&case.text, fixture.max_length, LongText::Head);
        assert_eq!(read.concat(), case.ids, "pieces of {:?}", case.text);
        documents.push(&read[0], &[]);
    }
    let all: Vec<usize> = (0..documents.len()).collect();
    let batch = Batch::new(&documents, &all, 1);
    let _guard = tch::no_grad_guard();
    let training = bert.forward(&Pass::evaluation(), &batch);
    let compiled = bert.into_trained(Precision::Single).forward(&batch);
    for found in [training, compiled] {
        for (document, case) in fixture.cases.iter().enumerate() {
            let states = states(&batch, &found, document);
            let length = states.size()[0];
            for (position, expected) in fixture.positions.iter().zip(&case.states) {
                let row = states
                    .get((position + length) % length)
                    .to_kind(Kind::Double);
                let apart = (row - Tensor::from_slice(expected)).abs().max();
                let apart = apart.double_value(&[]);
                assert!(apart < 1e-4, "{apart} at {position} of {:?}", case.text);
            }
        }
    }
}

#[test]
fn first_states_are_computed_alone() {
    let pretrained = Pretrained::open(&minilm()).unwrap();
    let (bert, _) = bert(pretrained);
    let mut documents = EncodedDocuments::default();
    for case in &fixture().cases {
        documents.push(&case.ids, &[]);
    }
    documents.push(&[101], &[]);
    let all: Vec<usize> = (0..documents.len()).collect();
    let batch = Batch::new(&documents, &all, 1);
    let _guard = tch::no_grad_guard();
    let training = bert.first_states(&Pass::evaluation(), &batch);
    let compiled = bert.into_trained(Precision::Single);
    let expected = first_states(&compiled.forward(&batch), &batch);
    for found in [training, compiled.first_states(&batch)] {
        let apart = (found - &expected).abs().max().double_value(&[]);
        assert!(apart < 1e-5, "{apart}");
    }
}

#[test]
fn eight_bits_are_near_enough() {
    let pretrained = Pretrained::open(&minilm()).unwrap();
    let (bert, _) = bert(pretrained);
    let mut documents = EncodedDocuments::default();
    for case in &fixture().cases {
        documents.push(&case.ids, &[]);
    }
    let all: Vec<usize> = (0..documents.len()).collect();
    let batch = Batch::new(&documents, &all, 1);
    let _guard = tch::no_grad_guard();
    let exact = first_states(&bert.forward(&Pass::evaluation(), &batch), &batch);
    let found = first_states(&bert.into_trained(Precision::Int8).forward(&batch), &batch);
    let cosine = Tensor::cosine_similarity(&exact, &found, 1, 1e-8).min();
    let cosine = cosine.double_value(&[]);
    assert!(cosine > 0.985, "cosine of the states {cosine}");
}

#[test]
fn the_number_of_parameters_is_that_of_the_configuration() {
    let pretrained = Pretrained::open(&minilm()).unwrap();
    let config = pretrained.config.clone();
    let (_, mut parameters) = bert(pretrained);
    assert_eq!(parameters.count(), config.parameters());
    assert_eq!(parameters.count(), 22_565_376);
    Pooler::new(&mut parameters, &config).unwrap();
    assert_eq!(parameters.count() - config.parameters(), 384 * 385);
}

#[test]
fn a_base_encoder_has_a_pooler_and_a_masked_head_of_its_size() {
    let config = BertConfig {
        hidden_size: 768,
        ..crate::pretrained::small()
    };
    let count = |add: fn(&mut Parameters, &BertConfig)| {
        let mut parameters = Parameters::fresh(Device::Cpu, 1);
        add(&mut parameters, &config);
        parameters.count()
    };
    let pooler = count(|parameters, config| drop(Pooler::new(parameters, config).unwrap()));
    assert_eq!(pooler, 590_592);
    let head = count(|parameters, config| drop(MaskedHead::new(parameters, config).unwrap()));
    assert_eq!(head, 592_128);
}

/// A small encoder, its tensors called by `name`.
fn renamed(name: impl Fn(&str) -> String) -> Pretrained {
    let directory = tempfile::tempdir().unwrap();
    crate::checks::write_encoder(directory.path(), true);
    let path = directory.path().join("model.safetensors");
    let tensors: Vec<(String, Tensor)> = read_tensors(&path)
        .unwrap()
        .into_iter()
        .map(|(own, tensor)| (name(&own), tensor))
        .collect();
    write_tensors(&tensors, &path, Durability::Eventual).unwrap();
    Pretrained::open(directory.path()).unwrap()
}

#[test]
fn tensors_may_be_called_as_in_older_files() {
    let plain = renamed(str::to_owned).into_weights();
    let older = renamed(|name| {
        name.replace("LayerNorm.weight", "LayerNorm.gamma")
            .replace("LayerNorm.bias", "LayerNorm.beta")
    });
    let bare = renamed(|name| name.strip_prefix("bert.").unwrap_or(name).to_owned());
    assert!(older.has_masked_head() && bare.has_masked_head());
    for other in [older, bare] {
        let other = other.into_weights();
        assert_eq!(
            other.keys().collect::<Vec<_>>(),
            plain.keys().collect::<Vec<_>>()
        );
        for (name, tensor) in &plain {
            assert!(tensor.equal(&other[name]), "{name}");
        }
    }
}

#[test]
fn an_incomplete_encoder_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    crate::checks::write_encoder(directory.path(), false);
    let pretrained = Pretrained::open(directory.path()).unwrap();
    assert!(!pretrained.has_masked_head());
    let path = directory.path().join("model.safetensors");
    let tensors: Vec<(String, Tensor)> = read_tensors(&path)
        .unwrap()
        .into_iter()
        .filter(|(name, _)| name != "bert.encoder.layer.1.output.dense.bias")
        .collect();
    write_tensors(&tensors, &path, Durability::Eventual).unwrap();
    let error = Pretrained::open(directory.path()).unwrap_err().to_string();
    assert!(
        error.contains("bert.encoder.layer.1.output.dense.bias"),
        "{error}"
    );
    std::fs::remove_file(&path).unwrap();
    let error = Pretrained::open(directory.path()).unwrap_err().to_string();
    assert!(error.contains("model.safetensors"), "{error}");
}
