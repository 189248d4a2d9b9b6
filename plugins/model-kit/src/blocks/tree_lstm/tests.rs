use arborist_shared::taxonomy::{NewLabel, Taxonomy};

use super::*;
use crate::cpu::noise::Noise;
use crate::testing::{MOMENT, assert_close, assert_values, parameters, random, values, wanted};

fn taxonomy(edges: &[(&str, Option<&str>)]) -> Taxonomy {
    let label = |(id, parent): &(&str, Option<&str>)| NewLabel {
        id: (*id).to_owned(),
        name: (*id).to_owned(),
        parents: parent.iter().map(|parent| (*parent).to_owned()).collect(),
        details: None,
    };
    Taxonomy::new(edges.iter().map(label).collect()).unwrap()
}

/// All gates and candidates are .5 whatever comes in.
fn halves(parameters: &Parameters) {
    for entry in parameters
        .entries()
        .iter()
        .filter(|entry| !entry.name.ends_with("edges"))
    {
        let _ = entry.tensor.detach().zero_();
        if entry.name.ends_with("x_iou.bias") {
            let memory = entry.tensor.size()[0] / 3;
            let _ = entry
                .tensor
                .detach()
                .narrow(0, 2 * memory, memory)
                .fill_(0.5_f64.atanh());
        }
    }
}

fn weight(parameters: &Parameters, name: &str, row: i64, column: i64, value: f64) {
    let entry = parameters
        .entries()
        .iter()
        .find(|entry| entry.name == name)
        .unwrap();
    let _ = entry.tensor.detach().get(row).get(column).fill_(value);
}

fn chain(index: TopDownIndex) -> (Parameters, TreeLstm) {
    let taxonomy = taxonomy(&[("A", None), ("B", Some("A")), ("C", Some("B"))]);
    let mut parameters = parameters();
    let options = TreeLstmOptions {
        top_down_index: index,
        dropout: 0.0,
        ..TreeLstmOptions::default()
    };
    // One document has all three labels: every prior is 1.
    let document: [&[u32]; 1] = [&[0, 1, 2]];
    let block = TreeLstm::new(
        &mut parameters,
        "tree",
        &Hierarchy::new(&taxonomy, document),
        2,
        options,
    )
    .unwrap();
    halves(&parameters);
    if index == TopDownIndex::Correct {
        weight(&parameters, "tree.top_down.edges", 1, 0, 0.5);
        weight(&parameters, "tree.top_down.edges", 2, 1, 1.0);
    }
    (parameters, block)
}

#[test]
fn a_chain_gives_the_numbers_by_hand() {
    let (_parameters, block) = chain(TopDownIndex::Correct);
    let x = random(&[1, 3, 2], 1);
    let [up, down] = block.memories(&x);
    assert_values(&up, &[0.4375, 0.375, 0.25], 1e-6, "memories bottom-up");
    assert_values(&down, &[0.25, 0.3125, 0.40625], 1e-6, "memories top-down");
    let output = block.forward(&Pass::evaluation(), &x);
    assert_values(
        &output.select(2, 0),
        &[0.205_785, 0.179_179, 0.122_459],
        1e-6,
        "states bottom-up",
    );
    assert_values(
        &output.select(2, 1),
        &[0.122_459, 0.151_355, 0.192_642],
        1e-6,
        "states top-down",
    );
}

#[test]
fn edges_start_at_the_priors() {
    let hierarchy = crate::structure::tests::t5_hierarchy();
    let edges = |index| {
        let mut parameters = parameters();
        let options = TreeLstmOptions {
            top_down_index: index,
            ..TreeLstmOptions::default()
        };
        let block = TreeLstm::new(&mut parameters, "tree", &hierarchy, 2, options).unwrap();
        [
            values(&block.bottom_up.edges),
            values(&block.top_down.edges),
        ]
    };
    // Labels by index: A, B, A1, A2, B1; rows receive.
    let mut expected = [vec![0.0; 25], vec![0.0; 25]];
    (expected[0][2], expected[0][3], expected[0][5 + 4]) = (1.0, 1.0, 1.0);
    (
        expected[1][2 * 5],
        expected[1][3 * 5],
        expected[1][4 * 5 + 1],
    ) = (0.75, 0.25, 1.0);
    assert_eq!(edges(TopDownIndex::Correct), expected);
}

#[test]
fn edges_start_as_they_are_told() {
    let hierarchy = crate::structure::tests::t5_hierarchy();
    let edges = |prior_top_down, prior_bottom_up| {
        let mut parameters = parameters();
        let options = TreeLstmOptions {
            prior_top_down,
            prior_bottom_up,
            ..TreeLstmOptions::default()
        };
        let block = TreeLstm::new(&mut parameters, "tree", &hierarchy, 2, options).unwrap();
        [
            values(&block.bottom_up.edges),
            values(&block.top_down.edges),
        ]
    };
    let [up, down] = edges(EdgeStart::One, EdgeStart::Prior);
    assert_eq!((up[2], up[3], up[5 + 4]), (0.75, 0.25, 1.0));
    assert_eq!((down[2 * 5], down[3 * 5], down[4 * 5 + 1]), (1.0, 1.0, 1.0));
    for edges in edges(EdgeStart::Random, EdgeStart::Random) {
        let bound = (6.0_f32 / 10.0).sqrt();
        assert!(
            edges
                .iter()
                .all(|weight| *weight != 0.0 && weight.abs() <= bound)
        );
    }
}

#[test]
fn the_released_index_starts_with_weights_of_zero() {
    let (_parameters, block) = chain(TopDownIndex::AsReleasedZero);
    let [_, down] = block.memories(&random(&[1, 3, 2], 1));
    assert_values(&down, &[0.25, 0.25, 0.25], 1e-6, "memories top-down");
}

#[test]
fn each_child_has_its_own_forget_gate() {
    let taxonomy = taxonomy(&[("A", None), ("A1", Some("A")), ("A2", Some("A"))]);
    let mut parameters = parameters();
    let options = TreeLstmOptions {
        dropout: 0.0,
        ..TreeLstmOptions::default()
    };
    let block = TreeLstm::new(
        &mut parameters,
        "tree",
        &Hierarchy::new(&taxonomy, []),
        2,
        options,
    )
    .unwrap();
    halves(&parameters);
    let x = random(&[1, 3, 2], 1);
    let [up, _] = block.memories(&x);
    assert_values(&up, &[0.5, 0.25, 0.25], 1e-6, "memories bottom-up");
    // A gate looks at its own child: .25 + 2 · .25 · σ(.122459); one gate that looks at both gives .530463.
    weight(&parameters, "tree.bottom_up.h_forget.weight", 0, 0, 1.0);
    let [up, _] = block.memories(&x);
    assert_values(&up, &[0.515_288, 0.25, 0.25], 1e-6, "memories bottom-up");
}

/// The definition of METHODS 1.8, node by node.
struct Recursive<'a> {
    cell: &'a Cell,
    x: &'a Tensor,
    memory: i64,
}

impl Recursive<'_> {
    fn node(&self, label: i64, incoming: &[(Tensor, Tensor)]) -> (Tensor, Tensor) {
        let x = self.x.select(1, label);
        let zeros = Tensor::zeros(
            [x.size()[0], self.memory],
            (tch::Kind::Float, tch::Device::Cpu),
        );
        let hidden = incoming
            .iter()
            .fold(zeros.copy(), |sum, (hidden, _)| sum + hidden);
        let gates = (self.cell.x_iou.forward(&x) + self.cell.h_iou.forward(&hidden)).chunk(3, 1);
        let mut memory = gates[0].sigmoid() * gates[2].tanh();
        for (hidden, before) in incoming {
            memory += (self.cell.x_forget.forward(&x) + self.cell.h_forget.forward(hidden))
                .sigmoid()
                * before;
        }
        (gates[1].sigmoid() * memory.tanh(), memory)
    }

    fn scaled(
        &self,
        row: i64,
        column: i64,
        (hidden, memory): &(Tensor, Tensor),
    ) -> (Tensor, Tensor) {
        let weight = self.cell.edges.get(row).get(column);
        (hidden * &weight, memory * &weight)
    }
}

#[test]
fn levels_agree_with_the_recursive_definition() {
    let names: Vec<String> = (0..30).map(|label| format!("l{label}")).collect();
    // Three at the top; each further one below any of those before it. Labels are numbered in another order.
    let noise = Noise::new(1, 0, 0, 0);
    let numbered = |place: usize| (place * 11 + 7) % 30;
    let mut parents = [None; 30];
    for place in 3..30 {
        let parent = noise.word(place as u32) as usize % place;
        parents[numbered(place)] = Some(names[numbered(parent)].as_str());
    }
    let labels = names.iter().map(String::as_str);
    let edges: Vec<(&str, Option<&str>)> = labels.zip(parents).collect();
    let taxonomy = taxonomy(&edges);
    let sets: Vec<Vec<u32>> = (0..30).map(|label| taxonomy.close(&[label])).collect();
    let hierarchy = Hierarchy::new(&taxonomy, sets.iter().map(Vec::as_slice));
    assert!(hierarchy.levels().len() > 3);
    assert!(!hierarchy.levels().concat().is_sorted());
    let mut parameters = parameters();
    let block = TreeLstm::new(
        &mut parameters,
        "tree",
        &hierarchy,
        10,
        TreeLstmOptions {
            dropout: 0.0,
            ..TreeLstmOptions::default()
        },
    )
    .unwrap();
    let x = random(&[4, 30, 10], 1);
    let output = block.forward(&Pass::evaluation(), &x);

    let order: Vec<i64> = taxonomy
        .topological()
        .iter()
        .map(|label| i64::from(*label))
        .collect();
    let up = Recursive {
        cell: &block.bottom_up,
        x: &x,
        memory: 5,
    };
    let mut states: Vec<Option<(Tensor, Tensor)>> = (0..30).map(|_| None).collect();
    for &label in order.iter().rev() {
        let children = taxonomy.children(label as u32).iter();
        let incoming: Vec<_> = children
            .map(|child| {
                up.scaled(
                    label,
                    i64::from(*child),
                    states[*child as usize].as_ref().unwrap(),
                )
            })
            .collect();
        states[label as usize] = Some(up.node(label, &incoming));
    }
    let hidden = |states: &[Option<(Tensor, Tensor)>]| {
        Tensor::stack(
            &states
                .iter()
                .map(|state| state.as_ref().unwrap().0.shallow_clone())
                .collect::<Vec<_>>(),
            1,
        )
    };
    assert_close(&output.narrow(2, 0, 5), &hidden(&states), 1e-6, "bottom-up");

    let down = Recursive {
        cell: &block.top_down,
        x: &x,
        memory: 5,
    };
    let mut states: Vec<Option<(Tensor, Tensor)>> = (0..30).map(|_| None).collect();
    for &label in &order {
        let parent = taxonomy.primary_parent(label as u32);
        let incoming: Vec<_> = parent
            .iter()
            .map(|parent| {
                down.scaled(
                    label,
                    i64::from(*parent),
                    states[*parent as usize].as_ref().unwrap(),
                )
            })
            .collect();
        states[label as usize] = Some(down.node(label, &incoming));
    }
    assert_close(&output.narrow(2, 5, 5), &hidden(&states), 1e-6, "top-down");
}

#[test]
fn every_parameter_gets_a_gradient() {
    let taxonomy = taxonomy(&[
        ("A", None),
        ("A1", Some("A")),
        ("A2", Some("A")),
        ("B", None),
    ]);
    let mut parameters = parameters();
    let block = TreeLstm::new(
        &mut parameters,
        "tree",
        &Hierarchy::new(&taxonomy, []),
        4,
        TreeLstmOptions::default(),
    )
    .unwrap();
    let pass = Pass::training(MOMENT);
    let loss = block
        .forward(&pass, &random(&[3, 4, 4], 1))
        .square()
        .sum(tch::Kind::Float);
    let gradients = pass.backward(&loss, &wanted(&parameters));
    assert!(gradients.iter().all(Option::is_some));
}

#[test]
fn fixed_edges_keep_their_priors() {
    let hierarchy = crate::structure::tests::t5_hierarchy();
    for prior_trainable in [false, true] {
        let mut parameters = parameters();
        let options = TreeLstmOptions {
            prior_trainable,
            ..TreeLstmOptions::default()
        };
        let block = TreeLstm::new(&mut parameters, "tree", &hierarchy, 4, options).unwrap();
        let edges = |entry: &&crate::parameters::Parameter| entry.name.ends_with("edges");
        let entries: Vec<_> = parameters.entries().iter().filter(edges).collect();
        assert_eq!(entries.len(), 2);
        let pass = Pass::training(MOMENT);
        let loss = block
            .forward(&pass, &random(&[3, 5, 4], 1))
            .square()
            .sum(tch::Kind::Float);
        let wanted: Vec<&Tensor> = wanted(&parameters);
        let gradients = pass.backward(&loss, &wanted);
        for entry in entries {
            assert_eq!(entry.trained, prior_trainable, "{}", entry.name);
            let is_wanted = |tensor: &&Tensor| tensor.data_ptr() == entry.tensor.data_ptr();
            let place = wanted.iter().position(is_wanted);
            let found = place.and_then(|place| gradients[place].as_ref());
            assert_eq!(found.is_some(), prior_trainable, "{}", entry.name);
        }
    }
}

#[test]
fn a_tree_of_one_label_works() {
    let mut parameters = parameters();
    let block = TreeLstm::new(
        &mut parameters,
        "tree",
        &Hierarchy::new(&taxonomy(&[("A", None)]), []),
        4,
        TreeLstmOptions::default(),
    )
    .unwrap();
    assert_eq!(
        block
            .forward(&Pass::evaluation(), &random(&[3, 1, 4], 1))
            .size(),
        [3, 1, 4]
    );
}
