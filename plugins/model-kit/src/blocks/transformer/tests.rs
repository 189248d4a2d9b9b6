mod against_libtorch;

use tch::{Device, Kind};

use super::*;
use crate::testing::{MOMENT, assert_close, random, wanted};

const TINY: TransformerSizes = TransformerSizes {
    width: 8,
    heads: 2,
    intermediate: 12,
    layer_norm_eps: 1e-12,
    dropout: 0.0,
    attention_dropout: 0.0,
    training_kind: Kind::Float,
};

/// Heads of a width that the kernels' tiles do not divide.
const ODD: TransformerSizes = TransformerSizes {
    width: 60,
    heads: 3,
    intermediate: 75,
    ..TINY
};

/// Two heads of MiniLM's width.
const SMALL: TransformerSizes = TransformerSizes {
    width: 64,
    heads: 2,
    intermediate: 96,
    ..TINY
};

/// A layer whose values are all away from where they start.
fn layer(sizes: TransformerSizes, kind: Kind) -> (Parameters, TransformerLayer) {
    let fresh = Parameters::fresh(Device::Cpu, 5);
    let mut parameters = if kind == Kind::Double {
        fresh.in_double()
    } else {
        fresh
    };
    let layer = TransformerLayer::new(&mut parameters, "encoder.layer.0", sizes).unwrap();
    for (number, entry) in parameters.entries().iter().enumerate() {
        let moved = random(&entry.tensor.size(), 100 + number as u64) * 0.3;
        let _ = entry.tensor.detach().g_add_(&moved);
    }
    (parameters, layer)
}

/// Source rows that see each other, then rows that see those before them: `(length, source)` of each segment.
fn prefixed(segments: &[(usize, usize)]) -> Sight {
    let prefixes = segments
        .iter()
        .flat_map(|&(length, source)| (0..length).map(move |row| row.max(source) as u32))
        .collect();
    Sight::with_prefixes(
        segments.iter().map(|(length, _)| *length).collect(),
        prefixes,
    )
}

fn sights() -> [Sight; 4] {
    [
        Sight::whole(vec![5, 1, 37, 16]),
        Sight::whole(vec![20, 20]),
        prefixed(&[(9, 4), (2, 1), (40, 33)]),
        prefixed(&[(17, 17), (16, 1)]),
    ]
}

/// The attention by its definition, row after row.
fn by_definition(layer: &TransformerLayer, hidden: &Tensor, sight: &Sight) -> Tensor {
    let (width, heads) = (layer.sizes.width, layer.sizes.heads);
    let head = width / heads;
    let [query, key, value] = layer
        .projections
        .each_ref()
        .map(|projection| projection.forward(hidden));
    let mut rows = Vec::new();
    for segment in 0..sight.segments().len() {
        let range = sight.range(segment);
        for (position, row) in range.clone().enumerate() {
            let seen: Vec<i64> = range
                .clone()
                .enumerate()
                .filter(|(other, _)| match sight.prefixes(segment) {
                    Some(prefixes) => *other < prefixes[position] as usize || *other == position,
                    None => true,
                })
                .map(|(_, other)| other as i64)
                .collect();
            let seen = Tensor::from_slice(&seen);
            for part in 0..heads {
                let part = |x: &Tensor| x.narrow(1, part * head, head);
                let scores = part(&key)
                    .index_select(0, &seen)
                    .matmul(&part(&query).get(row as i64))
                    / (head as f64).sqrt();
                let weights = scores.softmax(0, scores.kind()).unsqueeze(0);
                rows.push(weights.matmul(&part(&value).index_select(0, &seen)));
            }
        }
    }
    let context = Tensor::cat(&rows, 0).view([-1, width]);
    layer.behind_attention(&Pass::evaluation(), hidden, &context)
}

#[test]
fn the_parameters_are_those_of_bert() {
    let mut parameters = Parameters::fresh(Device::Cpu, 1);
    let sizes = TransformerSizes {
        width: 768,
        heads: 12,
        intermediate: 3_072,
        ..TINY
    };
    TransformerLayer::new(&mut parameters, "bert.encoder.layer.0", sizes).unwrap();
    assert_eq!(parameters.count(), 7_087_872);
    let names: Vec<&str> = parameters
        .entries()
        .iter()
        .filter_map(|entry| entry.name.strip_prefix("bert.encoder.layer.0."))
        .collect();
    assert_eq!(
        names,
        [
            "attention.self.query.weight",
            "attention.self.query.bias",
            "attention.self.key.weight",
            "attention.self.key.bias",
            "attention.self.value.weight",
            "attention.self.value.bias",
            "attention.output.dense.weight",
            "attention.output.dense.bias",
            "intermediate.dense.weight",
            "intermediate.dense.bias",
            "output.dense.weight",
            "output.dense.bias",
            "attention.output.LayerNorm.weight",
            "attention.output.LayerNorm.bias",
            "output.LayerNorm.weight",
            "output.LayerNorm.bias",
        ]
    );
}

#[test]
fn rows_see_what_the_definition_says() {
    for sight in sights() {
        for sizes in [TINY, ODD, SMALL] {
            let (_parameters, layer) = layer(sizes, Kind::Double);
            let hidden = random(&[sight.rows() as i64, sizes.width], 1).to_kind(Kind::Double);
            let found = layer.forward(&Pass::evaluation(), &hidden, &sight);
            assert_close(
                &found,
                &by_definition(&layer, &hidden, &sight),
                1e-12,
                &format!("{sight:?}"),
            );
        }
    }
}

#[test]
fn gradients_are_slopes() {
    for sight in [Sight::whole(vec![3, 1, 4]), prefixed(&[(5, 2), (3, 3)])] {
        let (parameters, layer) = layer(TINY, Kind::Double);
        let rows = sight.rows() as i64;
        let hidden = random(&[rows, TINY.width], 1)
            .to_kind(Kind::Double)
            .set_requires_grad(true);
        let weights = random(&[rows, TINY.width], 2).to_kind(Kind::Double);
        let loss = || {
            let pass = Pass::training(MOMENT);
            let loss = (layer.forward(&pass, &hidden, &sight) * &weights).sum(Kind::Double);
            (pass, loss)
        };
        let mut leaves = wanted(&parameters);
        leaves.push(&hidden);
        let (pass, total) = loss();
        let gradients = pass.backward(&total, &leaves);
        for (number, (leaf, gradient)) in leaves.iter().zip(&gradients).enumerate() {
            let gradient = gradient.as_ref().unwrap();
            let directions = [
                gradient.copy(),
                random(&leaf.size(), 10 + number as u64).to_kind(Kind::Double),
            ];
            for direction in directions {
                let norm = direction.norm().double_value(&[]);
                if norm < 1e-9 {
                    continue;
                }
                let direction = direction / norm;
                let expected = (gradient * &direction).sum(Kind::Double).double_value(&[]);
                let at = |step: f64| {
                    let _ = leaf.detach().g_add_(&(&direction * step));
                    let value = loss().1.double_value(&[]);
                    let _ = leaf.detach().g_add_(&(&direction * -step));
                    value
                };
                let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
                assert!(
                    (slope - expected).abs() < 1e-6 * expected.abs() + 1e-7,
                    "leaf {number}: slope {slope}, gradient {expected}"
                );
            }
        }
    }
}

#[test]
fn documents_do_not_see_each_other() {
    let (_parameters, layer) = layer(SMALL, Kind::Float);
    let sight = Sight::whole(vec![5, 1, 37, 16]);
    let hidden = random(&[59, 64], 1);
    let pass = Pass::evaluation();
    let together = layer.forward(&pass, &hidden, &sight);
    for segment in 0..4 {
        let range = sight.range(segment);
        let rows = |x: &Tensor| x.narrow(0, range.start as i64, range.len() as i64);
        let alone = layer.forward(&pass, &rows(&hidden), &Sight::whole(vec![range.len()]));
        assert_close(&rows(&together), &alone, 2e-6, "a document alone");
    }
}

#[test]
fn the_compiled_layer_is_the_trained_one() {
    for sight in sights() {
        for sizes in [TINY, ODD, SMALL] {
            let (_parameters, layer) = layer(sizes, Kind::Float);
            let _guard = tch::no_grad_guard();
            let hidden = random(&[sight.rows() as i64, sizes.width], 1);
            let expected = layer.forward(&Pass::evaluation(), &hidden, &sight);
            let compiled = layer.into_trained(Precision::Single);
            assert_close(
                &compiled.forward(&hidden, &sight),
                &expected,
                5e-6,
                "compiled",
            );
        }
    }
}

/// Source rows first, then target after target with a slot behind each, as a decoder computes them.
#[test]
fn cached_rows_are_those_of_the_whole() {
    let (sources, targets) = ([7_usize, 20], 18_usize);
    for kind in [Kind::Float, Kind::Double] {
        for sizes in [ODD, SMALL] {
            let (_parameters, layer) = layer(sizes, kind);
            let _guard = tch::no_grad_guard();
            // Of each document: sources, targets, slots. Target and slot k see the sources and the targets before k.
            let lengths: Vec<usize> = sources.iter().map(|source| source + 2 * targets).collect();
            let prefixes = sources
                .iter()
                .flat_map(|&source| {
                    let behind = (0..targets).map(move |target| (source + target) as u32);
                    std::iter::repeat_n(source as u32, source)
                        .chain(behind.clone())
                        .chain(behind)
                })
                .collect();
            let sight = Sight::with_prefixes(lengths, prefixes);
            let hidden = random(&[sight.rows() as i64, sizes.width], 1).to_kind(kind);
            let compiled = layer.into_trained(Precision::Single);
            let expected = compiled.forward(&hidden, &sight);

            let take = |x: &Tensor, rows: &[usize]| {
                let rows: Vec<i64> = rows.iter().map(|row| *row as i64).collect();
                x.index_select(0, &Tensor::from_slice(&rows))
            };
            let starts = [0, 1].map(|document| sight.range(document).start);
            let first: Vec<usize> = [0, 1]
                .iter()
                .flat_map(|&document| starts[document]..starts[document] + sources[document])
                .collect();
            let mut cache = LayerCache::new();
            let found = compiled.forward_caching(
                &take(&hidden, &first),
                &Sight::whole(sources.to_vec()),
                &mut cache,
            );
            assert_close(&found, &take(&expected, &first), 1e-5, "the sources");
            let (keys, values) = compiled.keys_values(&take(&hidden, &first));
            let mut by_hand = LayerCache::new();
            by_hand.fill(&keys, &values, &Sight::whole(sources.to_vec()));
            for mut cache in [cache, by_hand] {
                for step in 0..targets {
                    let mut places = Vec::new();
                    let mut rows = Vec::new();
                    for document in 0..2 {
                        let target = starts[document] + sources[document] + step;
                        if step > 0 {
                            places.push(target - 1);
                            rows.push(CachedRow {
                                document,
                                kept: true,
                            });
                        }
                        places.push(target + targets);
                        rows.push(CachedRow {
                            document,
                            kept: false,
                        });
                    }
                    let found = compiled.forward_cached(&take(&hidden, &places), &rows, &mut cache);
                    assert_close(&found, &take(&expected, &places), 1e-5, "a step");
                    assert_eq!(cache.rows(0), sources[0] + step);
                }
            }
        }
    }
}

/// Who sees whom, `(seer, seen)`.
fn links_of(sight: &Sight) -> Vec<(u32, u32)> {
    let mut links = Vec::new();
    for segment in 0..sight.segments().len() {
        let range = sight.range(segment);
        for (position, row) in range.clone().enumerate() {
            for (other, seen) in range.clone().enumerate() {
                let sees = match sight.prefixes(segment) {
                    Some(prefixes) => other < prefixes[position] as usize || other == position,
                    None => true,
                };
                if sees {
                    links.push((row as u32, seen as u32));
                }
            }
        }
    }
    links
}

#[test]
fn linked_rows_see_what_the_definition_says() {
    let _guard = tch::no_grad_guard();
    for kind in [Kind::Float, Kind::Double] {
        let (_parameters, layer) = layer(SMALL, kind);
        for sight in sights() {
            let rows = sight.rows();
            let hidden = random(&[2 * rows as i64, SMALL.width], 3).to_kind(kind) * 3.0;
            let links = Links::new(rows, &links_of(&sight), 2, Device::Cpu);
            let found = layer.forward_linked(&Pass::evaluation(), &hidden, &links);
            for copy in 0..2 {
                let part = |x: &Tensor| x.narrow(0, copy * rows as i64, rows as i64);
                let expected = by_definition(&layer, &part(&hidden), &sight);
                let apart = (part(&found) - expected).abs().max().double_value(&[]);
                assert!(apart < 1e-5, "{apart}");
            }
        }
    }
}

#[test]
fn first_rows_alone_have_the_gradients_of_the_whole() {
    for kind in [Kind::Float, Kind::Double] {
        let (parameters, layer) = layer(SMALL, kind);
        let segments = vec![5, 1, 37, 16];
        let sight = Sight::whole(segments.clone());
        let starts = Tensor::from_slice(&[0_i64, 5, 6, 43]);
        let start = random(&[59, SMALL.width], 4).to_kind(kind);
        let wanted: Vec<&Tensor> = parameters
            .entries()
            .iter()
            .map(|entry| &entry.tensor)
            .collect();
        let with = |firsts: bool, computed: bool| {
            let input = start.copy().set_requires_grad(true);
            let pass = Pass::training(MOMENT);
            // Behind a layer the rows are a leaf, behind the embeddings libtorch computed them.
            let hidden = if computed {
                &input * 1.0
            } else {
                input.shallow_clone()
            };
            let rows = if firsts {
                layer.forward_firsts(&pass, &hidden, &segments)
            } else {
                layer
                    .forward(&pass, &hidden, &sight)
                    .index_select(0, &starts)
            };
            let loss = (&rows * &rows * &rows).mean(kind);
            let mut leaves = wanted.clone();
            leaves.push(&input);
            (rows.detach(), pass.backward(&loss, &leaves))
        };
        let (expected, gradients) = with(false, false);
        for computed in [false, true] {
            let (found, own) = with(true, computed);
            assert_close(&found, &expected, 1e-4, "rows");
            for (own, gradient) in own.iter().zip(&gradients) {
                assert_close(
                    own.as_ref().unwrap(),
                    gradient.as_ref().unwrap(),
                    1e-3,
                    "a gradient",
                );
            }
        }
    }
}
