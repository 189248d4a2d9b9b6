//! The model on disk: `model.json` says what it is, `vocabulary.txt` holds the words, one per line, and
//! `model.safetensors` all numbers. Nothing in them is executed, and nothing is trusted: positions are checked.
//!
//! `model.json` is written last, so that an interrupted training leaves no model.

mod tensors;

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;

use arborist_plugin_api::ModelError;
use serde::{Deserialize, Serialize};

use self::tensors::{Reader, Tensor, write};
use crate::calibration::Slopes;
use crate::classifier::{Classifier, Dense, Sparse, Weights};
use crate::structure::Structure;
use crate::tables::Words;
use crate::vocabulary::Vocabulary;

const VERSION: u32 = 1;
const MODEL: &str = "model.json";
const VOCABULARY: &str = "vocabulary.txt";
const TENSORS: &str = "model.safetensors";

/// `model.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Header {
    version: u32,
    /// Labels of the taxonomy.
    n_labels: usize,
    ngram_max: usize,
    beam: usize,
    threshold: f32,
    /// Whether the weights are stored densely.
    dense: bool,
}

/// Removes what an earlier attempt may have left.
pub(crate) fn clear(directory: &Path) -> Result<(), ModelError> {
    for name in [MODEL, VOCABULARY, TENSORS] {
        let path = directory.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(ModelError::io(format!("cannot remove {}", path.display()))(
                    error,
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Writes a model to a directory.
pub(crate) fn save(
    directory: &Path,
    classifier: &Classifier,
    threshold: f32,
) -> Result<(), ModelError> {
    let Classifier {
        vocabulary,
        structure,
        weights,
        intercepts,
        slopes,
        n_labels,
        beam,
    } = classifier;
    let path = directory.join(VOCABULARY);
    write_words(&path, vocabulary)
        .map_err(ModelError::io(format!("cannot write {}", path.display())))?;

    let grams: Vec<u32> = vocabulary
        .grams()
        .iter()
        .flat_map(|&(start, word)| [start, word])
        .collect();
    let slopes: Vec<f32> = slopes
        .iter()
        .flat_map(|slopes| [slopes.below, slopes.above])
        .collect();
    let n_nodes = structure.len();
    let mut tensors = vec![
        (
            "vocabulary.grams",
            Tensor::U32(&grams, vec![vocabulary.grams().len(), 2]),
        ),
        (
            "vocabulary.features",
            Tensor::U32(
                vocabulary.node_features(),
                vec![vocabulary.node_features().len()],
            ),
        ),
        (
            "vocabulary.idf",
            Tensor::F32(vocabulary.idf(), vec![vocabulary.n_features()]),
        ),
        (
            "structure.labels",
            Tensor::U32(&structure.labels, vec![n_nodes]),
        ),
        (
            "structure.first_children",
            Tensor::U32(&structure.first_children, vec![n_nodes]),
        ),
        (
            "structure.n_children",
            Tensor::U32(&structure.n_children, vec![n_nodes]),
        ),
        ("intercepts", Tensor::F32(intercepts, vec![n_nodes])),
        ("slopes", Tensor::F32(&slopes, vec![n_nodes, 2])),
    ];
    let nodes: Vec<u32>;
    match weights {
        Weights::Dense(dense) => {
            tensors.push((
                "weights",
                Tensor::F32(&dense.values, vec![vocabulary.n_features(), n_nodes]),
            ));
        }
        Weights::Sparse(sparse) => {
            nodes = sparse.nodes.as_flattened().to_vec();
            let n_entries = sparse.features.len();
            tensors.push(("weights.nodes", Tensor::U32(&nodes, vec![n_nodes, 2])));
            tensors.push((
                "weights.features",
                Tensor::U32(&sparse.features, vec![n_entries]),
            ));
            tensors.push(("weights.ends", Tensor::U64(&sparse.ends, vec![n_entries])));
            tensors.push((
                "weights.children",
                Tensor::U32(&sparse.children, vec![sparse.children.len()]),
            ));
            tensors.push((
                "weights.values",
                Tensor::F32(&sparse.values, vec![sparse.values.len()]),
            ));
        }
    }
    write(&directory.join(TENSORS), tensors)?;

    let header = Header {
        version: VERSION,
        n_labels: *n_labels,
        ngram_max: vocabulary.ngram_max(),
        beam: *beam,
        threshold,
        dense: matches!(weights, Weights::Dense(_)),
    };
    let path = directory.join(MODEL);
    let text = serde_json::to_vec_pretty(&header)
        .map_err(|error| ModelError::failed("cannot describe the model", error))?;
    write_synced(&path, &text).map_err(ModelError::io(format!("cannot write {}", path.display())))
}

/// Reads what [`save`] wrote: the model and its threshold.
pub(crate) fn load(directory: &Path) -> Result<(Classifier, f32), ModelError> {
    let path = directory.join(MODEL);
    let bytes =
        fs::read(&path).map_err(ModelError::io(format!("cannot read {}", path.display())))?;
    let header: Header = serde_json::from_slice(&bytes)
        .map_err(|error| ModelError::failed(format!("cannot read {}", path.display()), error))?;
    if header.version != VERSION {
        return Err(ModelError::Failed(format!(
            "{} has version {}, this plugin reads version {VERSION}",
            path.display(),
            header.version
        )));
    }
    let words = read_words(&directory.join(VOCABULARY))?;
    let path = directory.join(TENSORS);
    let mut tensors = Reader::open(&path)?;
    let broken = |what: &str| ModelError::Failed(format!("{} is damaged: {what}", path.display()));

    let grams = tensors
        .u32("vocabulary.grams")?
        .as_chunks()
        .0
        .iter()
        .map(|&[start, word]| (start, word))
        .collect();
    let features = tensors.u32("vocabulary.features")?;
    let idf = tensors.f32("vocabulary.idf")?;
    let vocabulary = Vocabulary::from_parts(words, grams, features, idf, header.ngram_max.max(1))
        .map_err(|error| broken(&error.to_string()))?;
    let structure = Structure {
        labels: tensors.u32("structure.labels")?,
        first_children: tensors.u32("structure.first_children")?,
        n_children: tensors.u32("structure.n_children")?,
    };
    if !structure.is_valid(header.n_labels) {
        return Err(broken("the structure is no tree over the labels"));
    }
    let intercepts = tensors.f32("intercepts")?;
    let slopes: Vec<Slopes> = tensors
        .f32("slopes")?
        .as_chunks()
        .0
        .iter()
        .map(|&[below, above]| Slopes { below, above })
        .collect();
    if intercepts.len() != structure.len() || slopes.len() != structure.len() {
        return Err(broken("not one intercept and two slopes per node"));
    }
    let weights = if header.dense {
        let dense = Dense {
            n_nodes: structure.len(),
            values: tensors.f32("weights")?,
        };
        if dense.values.len() != dense.n_nodes * vocabulary.n_features() {
            return Err(broken("not one weight per feature and node"));
        }
        Weights::Dense(dense)
    } else {
        let sparse = Sparse {
            nodes: tensors.u32("weights.nodes")?.as_chunks().0.to_vec(),
            features: tensors.u32("weights.features")?,
            ends: tensors.u64("weights.ends")?,
            children: tensors.u32("weights.children")?,
            values: tensors.f32("weights.values")?,
        };
        if !sparse.is_valid(&structure.n_children, vocabulary.n_features()) {
            return Err(broken("weights do not fit the structure"));
        }
        Weights::Sparse(sparse)
    };
    let classifier = Classifier {
        vocabulary,
        structure,
        weights,
        intercepts,
        slopes,
        n_labels: header.n_labels,
        beam: header.beam.max(1),
    };
    Ok((classifier, header.threshold))
}

fn write_words(path: &Path, vocabulary: &Vocabulary) -> std::io::Result<()> {
    let mut file = BufWriter::new(fs::File::create(path)?);
    for word in vocabulary.words() {
        file.write_all(word.as_bytes())?;
        file.write_all(b"\n")?;
    }
    file.into_inner()?.sync_all()
}

fn read_words(path: &Path) -> Result<Words, ModelError> {
    let text = fs::read_to_string(path)
        .map_err(ModelError::io(format!("cannot read {}", path.display())))?;
    let mut words = Words::default();
    for (number, line) in text.split_terminator('\n').enumerate() {
        if words.add(line) != u32::try_from(number).ok() {
            return Err(ModelError::Failed(format!(
                "{}, line {}: found a word twice",
                path.display(),
                number + 1
            )));
        }
    }
    Ok(words)
}

fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
