//! What training may do with layers: compute them twice instead of keeping them, and multiply in fewer bits.

use super::*;
use crate::pretrained::{TrainingPrecision, small};
use crate::testing::{MOMENT, random, wanted};

/// A loss of a small encoder and the gradients of all its parameters.
struct Step {
    loss: f64,
    gradients: Vec<(String, Tensor)>,
}

#[derive(Clone, Copy, Debug)]
enum Way {
    All,
    Firsts,
    Linked,
}

const WAYS: [Way; 3] = [Way::All, Way::Firsts, Way::Linked];

fn config() -> BertConfig {
    BertConfig {
        hidden_dropout_prob: 0.1,
        attention_probs_dropout_prob: 0.1,
        ..small()
    }
}

fn step(config: &BertConfig, way: Way, in_double: bool) -> Step {
    let fresh = Parameters::fresh(Device::Cpu, 3);
    let mut parameters = if in_double { fresh.in_double() } else { fresh };
    let bert = Bert::new(&mut parameters, config).unwrap();
    let mut documents = EncodedDocuments::default();
    for document in [&[2_u32, 5, 7, 3][..], &[2, 3], &[2, 9, 9, 8, 6, 3]] {
        documents.push(document, &[]);
    }
    let batch = Batch::new(&documents, &[0, 1, 2], 1);
    let pass = Pass::training(MOMENT);
    let states = match way {
        Way::All => bert.forward(&pass, &batch),
        Way::Firsts => bert.first_states(&pass, &batch),
        Way::Linked => {
            let words = bert.words(&pass, &batch.tokens);
            let hidden = bert.embed(&pass, &words, &Places::of(&batch.packing.lengths));
            let rows = batch.tokens.len();
            let links: Vec<(u32, u32)> = (0..rows as u32)
                .flat_map(|row| [(row, row), (row, 0)])
                .collect();
            let links = Links::new(rows, &links, 1, Device::Cpu);
            bert.encode_linked(&pass, hidden, &links)
        }
    };
    let weights = random(&states.size(), 7).to_kind(states.kind());
    let loss = (&states * weights).sum(states.kind());
    let value = loss.double_value(&[]);
    let gradients = pass.backward(&loss, &wanted(&parameters));
    Step {
        loss: value,
        gradients: parameters
            .entries()
            .iter()
            .filter(|entry| entry.trained)
            .zip(gradients)
            .filter_map(|(entry, gradient)| Some((entry.name.clone(), gradient?)))
            .collect(),
    }
}

#[test]
fn layers_computed_twice_give_the_same_step() {
    for way in WAYS {
        let kept = step(&config(), way, false);
        let again = BertConfig {
            gradient_checkpointing: true,
            ..config()
        };
        let again = step(&again, way, false);
        assert_eq!(again.gradients.len(), kept.gradients.len(), "{way:?}");
        assert_eq!(again.loss, kept.loss, "{way:?}");
        for ((name, again), (_, kept)) in again.gradients.iter().zip(&kept.gradients) {
            let apart = (again - kept).abs().max().double_value(&[]);
            assert!(apart < 1e-6, "{way:?}, {name}: {apart}");
        }
    }
}

#[test]
fn layers_computed_twice_draw_the_same_dropout_from_libtorch_both_times() {
    // libtorch's own generator serves double precision; it is seeded anew for each stretch.
    let again = BertConfig {
        gradient_checkpointing: true,
        ..config()
    };
    let [first, second] = [(); 2].map(|()| step(&again, Way::All, true));
    assert_eq!(first.loss, second.loss);
    for ((name, first), (_, second)) in first.gradients.iter().zip(&second.gradients) {
        assert!(first.equal(second), "{name}");
    }
    // Σ gradient · weight of the last normalization is the loss itself: its output is linear in weight and bias.
    let last = format!(
        "bert.encoder.layer.{}.output.LayerNorm",
        again.num_hidden_layers - 1
    );
    let gradient = |name: &str| {
        let name = format!("{last}.{name}");
        let (_, gradient) = first
            .gradients
            .iter()
            .find(|(own, _)| *own == name)
            .unwrap();
        gradient.sum(Kind::Double).double_value(&[])
    };
    // They start as 1 and 0.
    assert!((gradient("weight") - first.loss).abs() < 1e-9);
}

#[test]
fn products_of_sixteen_bits_are_near_those_of_thirty_two() {
    let without_dropout = BertConfig {
        hidden_dropout_prob: 0.0,
        attention_probs_dropout_prob: 0.0,
        ..config()
    };
    for way in WAYS {
        let single = step(&without_dropout, way, false);
        let half = BertConfig {
            training_precision: TrainingPrecision::Bf16,
            ..without_dropout.clone()
        };
        let half = step(&half, way, false);
        assert!(
            (half.loss - single.loss).abs() < 0.05 * (1.0 + single.loss.abs()),
            "{way:?}: {} and {}",
            half.loss,
            single.loss
        );
        assert_ne!(
            half.loss, single.loss,
            "{way:?}: the products have fewer bits"
        );
        assert_eq!(half.gradients.len(), single.gradients.len());
        for ((name, half), (_, single)) in half.gradients.iter().zip(&single.gradients) {
            assert_eq!(
                half.kind(),
                Kind::Float,
                "{name}: gradients are summed in single precision"
            );
            let norm = single.norm().double_value(&[]);
            let apart = (half - single).norm().double_value(&[]);
            // A key's bias changes nothing: its gradient is rounding alone.
            assert!(
                apart < 0.05 * norm + 1e-3,
                "{way:?}, {name}: {apart} of {norm}"
            );
        }
    }
}

#[test]
fn sixteen_bits_are_for_gpus_unless_asked_for() {
    use TrainingPrecision::{Auto, Bf16, Single};
    let kinds = [Auto, Single, Bf16]
        .map(|precision| [Device::Cpu, Device::Cuda(0)].map(|device| precision.kind(device)));
    let (float, half) = (Kind::Float, Kind::BFloat16);
    assert_eq!(kinds, [[float, half], [float, float], [half, half]]);
}
