//! The network in training and in prediction.

use arborist_hbgl::decoding::{Generated, Next, Rules};
use arborist_hbgl::network::Network;
use arborist_hbgl::{EmptyRow, Hbgl, Hyperparameters, LabelInit, LevelCandidates, Mode};
use arborist_model_kit::batch::{Batch, EncodedDocuments};
use arborist_model_kit::checks;
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::pass::{Moment, Pass};
use arborist_model_kit::pretrained::BertConfig;
use arborist_model_kit::structure::Hierarchy;
use arborist_model_kit::text_method::{Inputs, Purpose, TextNetwork as _};
use arborist_model_kit::training::Trainable as _;
use arborist_shared::LabelIndex;
use tch::{Device, Kind, Tensor};

use super::{still, tiny};

type Sets = Vec<Vec<LabelIndex>>;

const MOMENT: Moment = Moment {
    seed: 1,
    stage: 0,
    step: 0,
};

fn network(hyperparameters: &Hyperparameters) -> Network {
    checks::network(hyperparameters, &checks::t5(), 20, Kind::Float)
}

/// One document of five pieces.
fn document() -> Batch {
    let mut documents = EncodedDocuments::default();
    documents.push(&[2, 9, 11, 13, 3], &[0, 2]);
    Batch::new(&documents, &[0], 1)
}

/// Scores at the slots of the document with these label rows: `[slots, L + 1]`.
fn scores(network: &Network, sets: &[&[LabelIndex]]) -> Tensor {
    let sets: Sets = sets.iter().map(|set| set.to_vec()).collect();
    let batch = document();
    let pass = Pass::training(MOMENT);
    network
        .slot_logits(&pass, &network.teaching_of(&batch, vec![sets]))
        .detach()
}

fn apart(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

#[test]
fn the_network_for_prediction_scores_the_same() {
    checks::trained_scores::<Network>(&tiny());
}

#[test]
fn gradients_are_slopes() {
    checks::gradients::<Network>(&still(), &[]);
    for change in [
        |own: &mut Hyperparameters| own.mode = Mode::Seq2seq,
        |own: &mut Hyperparameters| own.mode = Mode::MultiLabel,
        |own: &mut Hyperparameters| own.tied_bias = false,
    ] {
        let mut hyperparameters = still();
        change(&mut hyperparameters);
        checks::gradients::<Network>(&hyperparameters, &[]);
    }
    // Of this bias only the end's is used, and labels of one level have no end among them.
    let mut hyperparameters = still();
    hyperparameters.level_candidates = LevelCandidates::OwnLevel;
    checks::gradients::<Network>(&hyperparameters, &["cls.predictions.bias"]);
}

#[test]
fn kernels_compute_what_libtorch_does() {
    checks::kernels::<Network>(&still());
}

#[test]
fn the_number_of_parameters_is_that_of_the_authors() {
    let config = BertConfig {
        vocab_size: 30_522,
        hidden_size: 768,
        num_hidden_layers: 12,
        num_attention_heads: 12,
        intermediate_size: 3_072,
        max_position_embeddings: 512,
        ..serde_json::from_str(
            r#"{"vocab_size": 1, "hidden_size": 1, "num_hidden_layers": 1, "num_attention_heads": 1,
                "intermediate_size": 1, "max_position_embeddings": 1}"#,
        )
        .unwrap()
    };
    let taxonomy = checks::tree_of(141);
    let hierarchy = Hierarchy::new(&taxonomy, []);
    let inputs = Inputs {
        hierarchy: &hierarchy,
        words: 30_522,
        word_size: 768,
        encoder: Some(&config),
        max_length: 509,
        purpose: Purpose::Training,
    };
    let parameters = Parameters::fresh(Device::Cpu, 1);
    let network = Network::build(parameters, &Hyperparameters::default(), inputs).unwrap();
    assert_eq!(network.parameters().count(), 109_622_727);
}

#[test]
fn what_is_to_be_predicted_is_not_seen() {
    let network = network(&still());
    let (one, other) = (
        scores(&network, &[&[0], &[2], &[]]),
        scores(&network, &[&[0], &[3], &[]]),
    );
    // The second level is not seen where the first and the second are predicted, but below.
    assert!(apart(&one.narrow(0, 0, 2), &other.narrow(0, 0, 2)) < 1e-6);
    assert!(apart(&one.narrow(0, 2, 2), &other.narrow(0, 2, 2)) > 1e-3);
}

#[test]
fn masked_levels_are_not_seen_at_all() {
    let with = |target_mask_prob| Hyperparameters {
        target_mask_prob,
        ..still()
    };
    let masked = network(&with(1.0));
    let (one, other) = (
        scores(&masked, &[&[0], &[2]]),
        scores(&masked, &[&[1], &[4]]),
    );
    assert!(apart(&one, &other) < 1e-6);
    let seen = network(&with(0.0));
    let (one, other) = (scores(&seen, &[&[0], &[2]]), scores(&seen, &[&[1], &[4]]));
    assert!(apart(&one, &other) > 1e-3);
}

#[test]
fn the_loss_is_about_the_true_labels_whatever_is_masked() {
    let loss = |target_mask_prob, labels: &[LabelIndex]| {
        let network = network(&Hyperparameters {
            target_mask_prob,
            ..still()
        });
        let mut documents = EncodedDocuments::default();
        documents.push(&[2, 9, 11, 13, 3], labels);
        let batch = Batch::new(&documents, &[0], 1);
        network
            .losses(&batch, &Pass::training(MOMENT))
            .total
            .double_value(&[])
    };
    assert!((loss(1.0, &[0, 2]) - loss(1.0, &[0, 3])).abs() > 1e-4);
}

#[test]
fn the_order_of_labels_in_a_level_does_not_matter() {
    let network = network(&still());
    let (one, other) = (
        scores(&network, &[&[0, 1], &[2]]),
        scores(&network, &[&[1, 0], &[2]]),
    );
    assert!(apart(&one, &other) < 1e-5);
}

#[test]
fn a_network_that_says_nothing_loses_a_bit_by_slot_and_label() {
    let network = network(&still());
    let norm = checks::parameter(&network, "cls.predictions.transform.LayerNorm.weight");
    let _ = norm.detach().zero_();
    let loss = network
        .losses(&checks::batch(1), &Pass::training(MOMENT))
        .total
        .double_value(&[]);
    assert!((loss - std::f64::consts::LN_2).abs() < 1e-6, "{loss}");
}

#[test]
fn labels_are_tied_to_their_scores() {
    let network = network(&still());
    let bias = checks::parameter(&network, "labels.bias");
    assert_eq!(bias.abs().max().double_value(&[]), 0.0);
    let before = scores(&network, &[]);
    let _ = checks::parameter(&network, "labels")
        .detach()
        .get(3)
        .g_mul_scalar_(2.0);
    let moved = (scores(&network, &[]) - before).abs().amax([0], false);
    let moved: Vec<f64> = Vec::try_from(moved.to_kind(Kind::Double)).unwrap();
    for (label, moved) in moved.iter().enumerate() {
        assert_eq!(*moved > 1e-6, label == 3, "{label} by {moved}");
    }
}

/// Gradient of the labels' vectors.
fn of_labels(hyperparameters: &Hyperparameters) -> Tensor {
    let gradients = checks::gradients_by_name(&network(hyperparameters));
    let (_, gradient) = gradients
        .into_iter()
        .find(|(name, _)| name == "labels")
        .unwrap();
    gradient.unwrap()
}

#[test]
fn labels_learn_as_answers_unless_they_may_learn_as_input() {
    let with = |detach_target_embeddings, target_mask_prob| {
        of_labels(&Hyperparameters {
            detach_target_embeddings,
            target_mask_prob,
            ..still()
        })
    };
    // Where no label is in the input both are the same.
    assert!(apart(&with(true, 1.0), &with(false, 1.0)) < 1e-7);
    assert!(apart(&with(true, 0.0), &with(false, 0.0)) > 1e-5);
}

/// Label sets and scores of each document by reading everything anew at each step, with the network in training.
fn generated_anew(
    network: &Network,
    hyperparameters: &Hyperparameters,
    level_of: &[usize],
    batch: &Batch,
) -> Vec<(Vec<LabelIndex>, Vec<f32>)> {
    let rules = Rules::new(hyperparameters, level_of.to_vec());
    (0..batch.len())
        .map(|document| {
            let mut documents = EncodedDocuments::default();
            let start: usize = batch.packing.lengths[..document].iter().sum();
            let length = batch.packing.lengths[document];
            documents.push(&batch.tokens[start..start + length], &[]);
            let alone = Batch::new(&documents, &[0], 1);
            let mut sets: Sets = Vec::new();
            let mut generated = Generated::new(level_of.len());
            // Two levels and the end; the longest list of the documents and the end.
            let rows = match hyperparameters.mode {
                Mode::Seq2seq => 5,
                _ => 3,
            };
            for _ in 0..rows {
                let teaching = network.teaching_of(&alone, vec![sets.clone()]);
                let logits = network.slot_logits(&Pass::evaluation(), &teaching);
                let last = logits.get(sets.len() as i64);
                let scores = if hyperparameters.mode == Mode::Seq2seq {
                    last.softmax(-1, None::<Kind>)
                } else {
                    last.sigmoid()
                };
                let scores = Vec::<f32>::try_from(scores).unwrap();
                match generated.take(&rules, &scores) {
                    Next::Labels(set) => sets.push(set),
                    Next::Zero | Next::Sep => sets.push(Vec::new()),
                    Next::End => break,
                }
            }
            generated.finish()
        })
        .collect()
}

#[test]
fn what_is_kept_of_former_steps_changes_nothing() {
    let _guard = tch::no_grad_guard();
    let level_of = [0, 0, 1, 1, 1];
    let with = |threshold: f32, change: fn(&mut Hyperparameters)| {
        let mut hyperparameters = Hyperparameters {
            label_init: LabelInit::Random,
            ..tiny()
        };
        hyperparameters.training.threshold = threshold;
        change(&mut hyperparameters);
        hyperparameters
    };
    let mut went_on = 0;
    for hyperparameters in [
        with(0.5, |_| {}),
        with(0.5, |own| own.restrict_to_level = true),
        with(0.999_999, |own| own.empty_row = EmptyRow::Sep),
        with(0.999_999, |own| own.empty_row = EmptyRow::Zero),
        with(0.5, |own| own.level_candidates = LevelCandidates::OwnLevel),
        with(0.5, |own| own.mode = Mode::Seq2seq),
    ] {
        let network = network(&hyperparameters);
        // What ends a list would otherwise do so at once, by chance.
        let bias = checks::parameter(&network, "cls.predictions.bias");
        let _ = bias.detach().fill_(-5.0);
        let batch = checks::batch(2);
        let predicted = network.predict(&batch);
        let sets = predicted.decided.unwrap();
        let anew = generated_anew(&network, &hyperparameters, &level_of, &batch);
        for (document, (labels, scores)) in anew.iter().enumerate() {
            assert_eq!(&sets[document], labels, "document {document}");
            let found = predicted.scores.get(document as i64);
            let apart = apart(&found, &Tensor::from_slice(scores));
            assert!(apart < 1e-5, "document {document} by {apart}");
            went_on += labels.len();
        }
    }
    assert!(went_on > 20, "{went_on} labels in all");
}

#[test]
fn a_level_is_the_sum_of_its_labels() {
    let network = network(&still());
    let both = scores(&network, &[&[0, 1]]);
    let labels = checks::parameter(&network, "labels").detach();
    labels.get(0).copy_(&(labels.get(0) + labels.get(1)));
    let sum = scores(&network, &[&[0]]);
    // The label that became a sum scores differently itself.
    assert!(apart(&both.narrow(1, 1, 5), &sum.narrow(1, 1, 5)) < 1e-5);
    let other = scores(&network, &[&[1]]);
    assert!(apart(&both.narrow(1, 1, 5), &other.narrow(1, 1, 5)) > 1e-4);
}

#[test]
fn longer_texts_than_there_are_places_are_cut_alike() {
    let network = network(&still());
    let positions = arborist_model_kit::pretrained::small().max_position_embeddings;
    let mut documents = EncodedDocuments::default();
    let text: Vec<u32> = std::iter::once(2)
        .chain((0..100).map(|piece| 5 + piece % 13))
        .chain([3])
        .collect();
    documents.push(&text, &[0, 2]);
    let batch = Batch::new(&documents, &[0], 1);
    let teaching = network.teaching(&batch);
    // Two levels and the end take the last places of the encoder.
    let last = teaching.layout.places.positions.iter().max().unwrap();
    assert_eq!(*last, positions - 1);
    assert_eq!(teaching.layout.sources.len() as i64, positions - 3);
    let losses = network.losses(&batch, &Pass::training(MOMENT));
    assert!(losses.total.double_value(&[]).is_finite());
    let cut: Vec<u32> = [&text[..positions as usize - 4], &[3]].concat();
    let mut documents = EncodedDocuments::default();
    documents.push(&cut, &[]);
    let alone = tch::no_grad(|| network.predict(&Batch::new(&documents, &[0], 1)));
    let predicted = tch::no_grad(|| network.predict(&batch));
    assert!(apart(&predicted.scores, &alone.scores) < 1e-6);
}

#[test]
fn a_network_without_dropout_learns_200_documents_by_heart() {
    let mut hyperparameters = still();
    hyperparameters.training.epochs = 40;
    hyperparameters.global_steps = 30;
    checks::learns_by_heart::<Hbgl>(hyperparameters);
}
