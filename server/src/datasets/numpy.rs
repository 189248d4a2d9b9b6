//! The random numbers that the published splits were drawn with: `NumPy`'s legacy `RandomState` and, on top of it, the
//! way in which scikit-learn holds documents out.
//!
//! Both are frozen by their projects, so that a split can be repeated for ever. Nothing else should use this.

use rand_mt::Mt;

/// `numpy.random.RandomState`, seeded with one integer.
pub(super) struct RandomState(Mt);

impl RandomState {
    pub(super) fn new(seed: u32) -> Self {
        Self(Mt::new(seed))
    }

    /// A number from 0 to `max`: bits are cut to those that `max` needs, and drawn again while they are too large.
    fn up_to(&mut self, max: u32) -> u32 {
        if max == 0 {
            return 0;
        }
        let mask = u32::MAX >> max.leading_zeros();
        loop {
            let drawn = self.0.next_u32() & mask;
            if drawn <= max {
                return drawn;
            }
        }
    }

    /// Fisher and Yates from the end, as in `RandomState.shuffle`.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        debug_assert!(u32::try_from(items.len()).is_ok());
        for last in (1..items.len()).rev() {
            let other = self.up_to(last as u32) as usize;
            items.swap(last, other);
        }
    }
}

/// `sklearn.model_selection.train_test_split(items, test_size=share, random_state=seed)`, as (rest, held out): of a
/// permutation of the items the first, rounded up, are held out, and the rest stays in the permutation's order.
pub(super) fn hold_out<T>(items: Vec<T>, share: f64, seed: u32) -> (Vec<T>, Vec<T>) {
    let n_held_out = (share * items.len() as f64).ceil() as usize;
    let mut order: Vec<usize> = (0..items.len()).collect();
    RandomState::new(seed).shuffle(&mut order);
    let mut items: Vec<Option<T>> = items.into_iter().map(Some).collect();
    let mut permuted: Vec<T> = order
        .into_iter()
        .filter_map(|position| items[position].take())
        .collect();
    let rest = permuted.split_off(n_held_out.min(permuted.len()));
    (rest, permuted)
}

#[cfg(test)]
mod tests {
    //! The expected numbers were computed with `NumPy` 2.4.6 and scikit-learn 1.9.1.

    use sha2::{Digest, Sha256};

    use super::*;
    use crate::hash::hex;

    /// SHA-256 of the numbers, joined with commas.
    fn hash(numbers: &[usize]) -> String {
        let text: Vec<String> = numbers.iter().map(usize::to_string).collect();
        hex(&Sha256::digest(text.join(",")))
    }

    #[test]
    fn permutations_are_those_of_numpy() {
        let mut ten: Vec<usize> = (0..10).collect();
        RandomState::new(0).shuffle(&mut ten);
        assert_eq!(ten, [2, 8, 4, 9, 1, 6, 7, 3, 0, 5]);
        let mut twelve: Vec<usize> = (0..12).collect();
        RandomState::new(7).shuffle(&mut twelve);
        assert_eq!(twelve, [7, 10, 2, 5, 0, 1, 11, 8, 3, 6, 9, 4]);
        let mut one = [1];
        RandomState::new(7).shuffle(&mut one);
        assert_eq!(one, [1]);
    }

    #[test]
    fn splits_of_few_are_rounded_as_scikit_learn_rounds() {
        let (rest, held_out) = hold_out((0..7).collect(), 0.1, 0);
        assert_eq!((rest, held_out), (vec![2, 1, 3, 0, 5, 4], vec![6]));
        assert_eq!(hold_out(Vec::<u8>::new(), 0.1, 0), (vec![], vec![]));
        assert_eq!(hold_out(vec![5], 0.2, 0), (vec![], vec![5]));
    }

    /// The held-out tenth of the 23,149 training documents of LYRL2004, in file order and shuffled before.
    #[test]
    fn the_validation_documents_of_rcv1_are_the_published_ones() {
        let (train, validation) = hold_out((0..23_149).collect(), 0.1, 0);
        assert_eq!((train.len(), validation.len()), (20_834, 2_315));
        assert_eq!(
            hash(&train),
            "4badcdc17570c4fc7c7bfd889f4e5772d0f40088ee96dfbfb04e0fc37ce9e1b3"
        );
        assert_eq!(
            hash(&validation),
            "d6215988b3b1c0c0297118c02b0d3f89e7d35c1ab86ce38610993bb31a445661"
        );
        let mut shuffled: Vec<usize> = (0..23_149).collect();
        RandomState::new(7).shuffle(&mut shuffled);
        let (train, validation) = hold_out(shuffled, 0.1, 0);
        assert_eq!(
            hash(&train),
            "6f7715531e4079a755a9e321957da4f4462f9366c09a37db5476e8bfa35a5ea1"
        );
        assert_eq!(
            hash(&validation),
            "d3fb5a62b6e41100c55c34a8ec7953d0e86bd058975243ba2da82252af90385a"
        );
    }

    #[test]
    fn the_split_of_the_web_of_science_is_the_published_one() {
        let [train, validation, test] = super::super::wos::published_split(46_985);
        assert_eq!(
            (train.len(), validation.len(), test.len()),
            (30_070, 7_518, 9_397)
        );
        assert_eq!(train[..4], [43_817, 20_131, 22_368, 39_288]);
        assert_eq!(
            hash(&train),
            "b7fcedff9356919f24fe2bbc13ac145e4ed3e7873b07f88df4d0821b33fe4702"
        );
        assert_eq!(
            hash(&validation),
            "500febfb9638923e22a5d2fa4eadee22edc2d91d5541ea26f757bee50a2e8c4f"
        );
        assert_eq!(
            hash(&test),
            "01c9499e50a92520f1fe27edf21e89c004c0d12221e02d5ef44483e014dd2dcc"
        );
        assert_eq!(
            super::super::wos::published_split(12),
            [vec![2, 8, 1, 5, 10, 9, 6], vec![7, 3], vec![11, 4, 0]]
        );
    }
}
