//! Which tokens are kept.

use arborist_hgclr::GumbelInput;
use arborist_hgclr::positives::{
    Choice, TokenLabels, given_to_gold, gumbel_noise, gumbel_softmax, keep,
};
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::pass::{Moment, Pass};
use tch::{Device, Kind, Tensor};

const FLOAT: (Kind, Device) = (Kind::Float, Device::Cpu);

/// Share of 100,000 tokens that is kept when all labels are alike.
fn rate(labels: i64, gold: i64, threshold: f64) -> f64 {
    tch::manual_seed(1);
    let scores = Tensor::full([100_000, labels], 1.0 / labels as f64, FLOAT);
    let choice = gumbel_softmax(&scores, &gumbel_noise(&scores), 1.0);
    let mut wanted = Tensor::zeros([1, labels], FLOAT);
    let _ = wanted.narrow(1, 0, gold).fill_(1.0);
    wanted = wanted.expand([100_000, labels], false);
    keep(&given_to_gold(&choice, &wanted), threshold)
        .mean(Kind::Double)
        .double_value(&[])
}

#[test]
fn as_much_is_kept_as_chance_keeps() {
    for (labels, gold, threshold, expected) in [
        (141, 2, 0.02, 0.124),
        (103, 3, 0.005, 0.785),
        (166, 8, 0.005, 0.944),
    ] {
        let rate = rate(labels, gold, threshold);
        assert!(
            (rate - expected).abs() < 0.005,
            "{rate} of {labels} labels, expected {expected}"
        );
    }
}

#[test]
fn equal_noise_leaves_the_softmax_of_the_scores() {
    let scores = Tensor::from_slice(&[0.1_f32, 0.7, 0.2]).view([1, 3]);
    let choice = gumbel_softmax(&scores, &scores.zeros_like(), 0.5);
    let expected = (&scores / 0.5).softmax(-1, None::<Kind>);
    assert!((choice - expected).abs().max().double_value(&[]) < 1e-7);
    let level = |value: f64| {
        let scores = Tensor::full([1, 3], value, FLOAT);
        gumbel_softmax(
            &scores,
            &Tensor::from_slice(&[0.5_f32, -1.0, 0.0]).view([1, 3]),
            1.0,
        )
    };
    assert!((level(0.0) - level(5.0)).abs().max().double_value(&[]) < 1e-6);
}

#[test]
fn what_is_kept_keeps_its_vector_and_its_slope() {
    let slopes = |given: f64| {
        let words = Tensor::from_slice(&[2.0_f32, -1.0])
            .view([1, 2])
            .set_requires_grad(true);
        let given = Tensor::full([1], given, FLOAT).set_requires_grad(true);
        let scaled = &words * keep(&given, 0.02).unsqueeze(1);
        let found = Vec::<f32>::try_from(scaled.detach().flatten(0, -1)).unwrap();
        let sum = scaled.sum(Kind::Float);
        let gradients = Tensor::run_backward(&[sum], &[&given, &words], false, false);
        let of_words = Vec::<f32>::try_from(gradients[1].flatten(0, -1)).unwrap();
        (found, gradients[0].double_value(&[0]), of_words)
    };
    let (found, of_given, of_words) = slopes(0.3);
    assert_eq!(found, [2.0, -1.0]);
    assert!((of_given - 1.0).abs() < 1e-6);
    assert_eq!(of_words, [1.0, 1.0]);
    assert_eq!(slopes(0.01), (vec![0.0, -0.0], 0.0, vec![0.0, 0.0]));
    assert_eq!(
        slopes(f64::from(0.02_f32)).0[0],
        0.0,
        "at the threshold: dropped"
    );
}

#[test]
fn tokens_may_choose_in_parts() {
    let mut parameters = Parameters::fresh(Device::Cpu, 1);
    let tokens = TokenLabels::new(&mut parameters, 16, 4).unwrap();
    tch::manual_seed(2);
    let words = Tensor::randn([23, 16], FLOAT).set_requires_grad(true);
    let labels = (Tensor::randn([7, 16], FLOAT) * 3.0).set_requires_grad(true);
    let choice = |input| Choice {
        input,
        temperature: 0.7,
        noise: gumbel_noise(&Tensor::empty([23, 7], FLOAT)),
        gold: Tensor::eye(7, FLOAT),
        owners: Tensor::arange(23, (Kind::Int64, Device::Cpu)).remainder(7),
    };
    for input in [GumbelInput::Probs, GumbelInput::Logits] {
        let choice = choice(input);
        let wanted: Vec<&Tensor> = parameters
            .entries()
            .iter()
            .map(|entry| &entry.tensor)
            .chain([&words, &labels])
            .collect();
        let with = |parts| {
            let moment = Moment {
                seed: 1,
                stage: 0,
                step: 0,
            };
            let pass = Pass::training(moment);
            let given = tokens.given_in_parts(&pass, &words, &labels, &choice, parts);
            let loss = (&given * &given).sum(Kind::Float);
            (given.detach(), pass.backward(&loss, &wanted))
        };
        let (expected, gradients) = with(1);
        for parts in [2, 5, 23] {
            let (found, own) = with(parts);
            assert!((&found - &expected).abs().max().double_value(&[]) < 1e-6);
            for (own, gradient) in own.iter().zip(&gradients) {
                let (own, gradient) = (own.as_ref().unwrap(), gradient.as_ref().unwrap());
                assert!((own - gradient).abs().max().double_value(&[]) < 1e-5);
            }
        }
    }
}
