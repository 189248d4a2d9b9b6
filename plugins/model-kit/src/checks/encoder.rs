//! An encoder on disk, tiny and with random weights, for trainings that read with one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::UNIX_EPOCH;

use tch::Device;

use crate::blocks::{Bert, MaskedHead, Pooler};
use crate::files::Durability;
use crate::initializer::Initializer;
use crate::parameters::Parameters;
use crate::pretrained::{BertConfig, small};

/// Directory of a tiny encoder whose pieces are the words of the conformance kit's corpus and of [`Corpus`](super::Corpus),
/// and letters. It stands beside the program that asks, made once for each build of it: every test is a process of its
/// own, and none would remove what it made for all of its process.
///
/// # Panics
/// When files cannot be written.
#[must_use]
pub fn tiny_encoder() -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let program = std::env::current_exe().unwrap();
        let built = fs::metadata(&program).unwrap().modified().unwrap();
        let built = built.duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let beside = program.parent().unwrap().join("tiny-encoders");
        let name = program.file_name().unwrap().to_string_lossy();
        let directory = beside.join(format!("{name}-{built}"));
        if !directory.is_dir() {
            fs::create_dir_all(&beside).unwrap();
            let partial = tempfile::tempdir_in(&beside).unwrap();
            write_encoder(partial.path(), true);
            // Fails when another process was quicker; what it wrote is the same.
            let _ = fs::rename(partial.path(), &directory);
            assert!(
                directory.is_dir(),
                "no tiny encoder in {}",
                beside.display()
            );
        }
        directory
    })
    .clone()
}

/// Writes such an encoder into a directory; `masked_head`: whether with the head that predicts masked pieces.
///
/// # Panics
/// When files cannot be written.
pub fn write_encoder(directory: &Path, masked_head: bool) {
    let pieces = pieces();
    let config = BertConfig {
        vocab_size: pieces.len() as i64,
        hidden_size: 24,
        intermediate_size: 32,
        max_position_embeddings: 64,
        ..small()
    };
    fs::write(directory.join("vocab.txt"), pieces.join("\n")).unwrap();
    config.save(directory).unwrap();
    let mut parameters = Parameters::fresh(Device::Cpu, 7);
    Bert::new(&mut parameters, &config).unwrap();
    Pooler::new(&mut parameters, &config).unwrap();
    if masked_head {
        MaskedHead::new(&mut parameters, &config).unwrap();
        let bias = [config.vocab_size];
        let start = Initializer::Constant(0.0);
        let _ = parameters
            .add("cls.predictions.bias", &bias, &start)
            .unwrap();
    }
    // As wide apart as those of an encoder that has learnt something.
    tch::no_grad(|| {
        for table in parameters.tables() {
            let _ = table.values().shallow_clone().g_mul_scalar_(20.0);
        }
    });
    let path = directory.join("model.safetensors");
    parameters.save(&path, Durability::Eventual).unwrap();
}

fn pieces() -> Vec<String> {
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(str::to_owned);
    let letters = ('a'..='z').chain('0'..='9');
    let letters = letters.flat_map(|letter| [letter.to_string(), format!("##{letter}")]);
    let kit = arborist_plugin_api::conformance::words().map(str::to_owned);
    let own = (0..12).flat_map(|label| {
        std::iter::once(format!("word{label}"))
            .chain((0..4).map(move |number| format!("word{label}x{number}")))
    });
    let fillers = (0..97).map(|number| format!("filler{number}"));
    let mut pieces: Vec<String> = Vec::new();
    for piece in special
        .into_iter()
        .chain(letters)
        .chain(kit)
        .chain(own)
        .chain(fillers)
    {
        if !pieces.contains(&piece) {
            pieces.push(piece);
        }
    }
    pieces
}
