//! A convolution whose maps are only averaged over time, for texts that are packed (METHODS 3.2).

use tch::Tensor;

use crate::batch::Batch;
use crate::cpu::window_means::{self as kernel, Windows};
use crate::cpu::{self, parallel, slices, sums};
use crate::packing::Packing;
use crate::pass::Pass;

/// For each place of a window the mean, over the windows from there on, of a convolution's maps behind a `ReLU`.
///
/// `products`: `[tokens, places · width]`, each token times the weights of every place; `bias`: `[width]`; result:
/// `[documents, places, width]`. A text counts as padded with zeros to the longest of the batch, and to `shortest` tokens
/// at least. Recorded as a block on a processor.
pub fn window_means(
    pass: &Pass,
    batch: &Batch,
    products: &Tensor,
    bias: &Tensor,
    shortest: usize,
) -> Tensor {
    if !cpu::serves(products) {
        return padded_window_means(&batch.pad_rows(products).0, bias, shortest);
    }
    recorded(pass, &batch.packing, products, bias, shortest)
}

/// The same of texts that are padded already: `products` are `[documents, n, places · width]`.
pub fn padded_window_means(products: &Tensor, bias: &Tensor, shortest: usize) -> Tensor {
    let width = bias.size()[0];
    let places = products.size()[2] / width;
    let short = shortest as i64 - products.size()[1];
    let products = if short > 0 {
        products.constant_pad_nd([0, 0, 0, short])
    } else {
        products.shallow_clone()
    };
    let windows = products.size()[1] - places + 1;
    let maps = (0..places)
        .map(|place| {
            products
                .narrow(1, place, windows)
                .narrow(2, place * width, width)
        })
        .fold(bias.shallow_clone(), |sum, part| sum + part)
        .relu();
    let counted = windows - places + 1;
    let means: Vec<Tensor> = (0..places)
        .map(|place| {
            let maps = maps.narrow(1, place, counted);
            maps.mean_dim(1_i64, false, maps.kind())
        })
        .collect();
    Tensor::stack(&means, 1)
}

fn recorded(
    pass: &Pass,
    packing: &Packing,
    products: &Tensor,
    bias: &Tensor,
    shortest: usize,
) -> Tensor {
    let _guard = tch::no_grad_guard();
    let width = bias.size()[0] as usize;
    let places = products.size()[1] as usize / width;
    let work = Work {
        products: products.detach().contiguous(),
        bias: bias.detach().contiguous(),
        packing: packing.clone(),
        places,
        windows: packing.longest.max(shortest) + 1 - places,
    };
    let documents = packing.documents() as i64;
    let mut means = slices::unset(&[documents, places as i64, width as i64]);
    work.forward(slices::write(&mut means));
    pass.record(means, &[products, bias], move |gradient| {
        let (of_products, of_bias) = work.backward(slices::read(gradient));
        vec![Some(of_products), Some(of_bias)]
    })
}

struct Work {
    /// `[tokens, places · width]`
    products: Tensor,
    /// `[width]`
    bias: Tensor,
    packing: Packing,
    places: usize,
    windows: usize,
}

impl Work {
    /// Values of a token, and of a document's means.
    fn row(&self) -> usize {
        self.places * self.bias.numel()
    }

    /// What each group reads.
    fn tasks(&self) -> impl Iterator<Item = Windows<'_>> {
        let products = slices::read(&self.products);
        self.packing.groups.iter().map(move |group| Windows {
            products: &products[group.first_token * self.row()..][..group.tokens * self.row()],
            bias: slices::read(&self.bias),
            places: self.places,
            starts: &group.starts,
            windows: self.windows,
        })
    }

    fn forward(&self, means: &mut [f32]) {
        let means = parallel::split_rows(means, &self.packing.document_ranges(), self.row());
        let tasks = self.tasks().zip(means).collect();
        parallel::run(tasks, |(windows, means): (Windows<'_>, &mut [f32])| {
            kernel::forward(windows, means);
        });
    }

    /// Gradients of products and biases.
    fn backward(&self, gradient: &[f32]) -> (Tensor, Tensor) {
        let mut of_products = slices::unset(&self.products.size());
        let tokens = self.packing.token_ranges();
        let parts = parallel::split_rows(slices::write(&mut of_products), &tokens, self.row());
        let mut of_bias = vec![vec![0.0; self.bias.numel()]; tokens.len()];
        let documents = self.packing.document_ranges();
        let gradients = documents
            .iter()
            .map(|range| &gradient[range.start * self.row()..range.end * self.row()]);
        let tasks = self
            .tasks()
            .zip(gradients)
            .zip(parts.into_iter().zip(&mut of_bias))
            .collect();
        type Task<'a> = ((Windows<'a>, &'a [f32]), (&'a mut [f32], &'a mut Vec<f32>));
        parallel::run(
            tasks,
            |((windows, gradient), (of_products, of_bias)): Task<'_>| {
                kernel::backward(windows, gradient, of_products, of_bias);
            },
        );
        (of_products, Tensor::from_slice(&sums::added(of_bias)))
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;
    use crate::pass::Moment;

    /// The same with libtorch's operations, one document after another.
    fn plain(packing: &Packing, products: &Tensor, bias: &Tensor, shortest: usize) -> Tensor {
        let longest = packing.longest.max(shortest);
        let rows: Vec<Tensor> = packing
            .starts()
            .windows(2)
            .map(|ends| {
                let (start, n) = (ends[0] as i64, (ends[1] - ends[0]) as i64);
                let text = products.narrow(0, start, n).unsqueeze(0);
                let text = text.constant_pad_nd([0, 0, 0, longest as i64 - n]);
                padded_window_means(&text, bias, shortest)
            })
            .collect();
        Tensor::cat(&rows, 0)
    }

    #[test]
    fn a_mean_by_hand() {
        // Two places of one number; maps of the windows: relu(1 + 2 − 1), relu(4 + 0 − 1), where 0 is padding.
        let products = Tensor::from_slice(&[1.0_f32, 9.0, 4.0, 2.0]).view([1, 2, 2]);
        let bias = Tensor::from_slice(&[-1.0_f32]);
        let found = padded_window_means(&products, &bias, 3);
        assert_eq!(
            Vec::<f32>::try_from(found.flatten(0, -1)).unwrap(),
            [2.0, 3.0]
        );
    }

    #[test]
    fn means_and_gradients_are_those_of_libtorch() {
        let options = (Kind::Float, Device::Cpu);
        for (lengths, places) in [
            (vec![5_usize, 1, 9, 3, 17, 16], 3),
            (vec![2, 1, 4], 3),
            (vec![7, 7], 2),
        ] {
            tch::manual_seed(5);
            let (packing, _) = Packing::arrange(&lengths, 2);
            let products = Tensor::randn([packing.tokens as i64, places * 20], options)
                .set_requires_grad(true);
            let bias = Tensor::randn([20], options).set_requires_grad(true);
            let outer = Tensor::randn([lengths.len() as i64, places, 20], options);
            let wanted = [&products, &bias];

            let expected = plain(&packing, &products, &bias, 5);
            let loss = (&expected * &outer).sum(Kind::Float);
            let expected_gradients = Tensor::run_backward(&[loss], &wanted, false, false);

            let pass = Pass::training(Moment {
                seed: 1,
                stage: 0,
                step: 0,
            });
            let found = recorded(&pass, &packing, &products, &bias, 5);
            let far = |a: &Tensor, b: &Tensor| (a - b).abs().max().double_value(&[]);
            assert!(far(&found, &expected) < 1e-5, "{lengths:?}");
            let gradients = pass.backward(&(found * outer).sum(Kind::Float), &wanted);
            for (found, expected) in gradients.iter().zip(expected_gradients) {
                assert!(
                    far(found.as_ref().unwrap(), &expected) < 1e-5,
                    "{lengths:?}"
                );
            }
        }
    }
}
