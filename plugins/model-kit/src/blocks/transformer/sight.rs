//! Which rows of packed documents may look at which.

use std::cell::OnceCell;
use std::ops::Range;
use std::rc::Rc;

use tch::{Device, Tensor};

/// Rows of several documents, one document after the other, and what each row sees: only rows of its own document.
///
/// A clone is the same sight.
#[derive(Clone, Debug)]
pub struct Sight(Rc<Layout>);

#[derive(Debug)]
struct Layout {
    segments: Vec<usize>,
    /// First row of each segment, and the end of the last one.
    starts: Vec<usize>,
    prefixes: Option<Vec<u32>>,
    padded: OnceCell<Padded>,
}

impl Sight {
    /// Every row sees all rows of its segment. `segments`: their lengths, one after the other.
    #[must_use]
    pub fn whole(segments: Vec<usize>) -> Self {
        Self::new(segments, None)
    }

    fn new(segments: Vec<usize>, prefixes: Option<Vec<u32>>) -> Self {
        let mut starts = vec![0];
        starts.extend(segments.iter().scan(0, |end, length| {
            *end += length;
            Some(*end)
        }));
        Self(Rc::new(Layout {
            segments,
            starts,
            prefixes,
            padded: OnceCell::new(),
        }))
    }

    /// A row sees the first rows of its segment, as many as `prefixes` says for it, and itself.
    ///
    /// # Panics
    /// If there is not one prefix for each row, or one is longer than its segment.
    #[must_use]
    pub fn with_prefixes(segments: Vec<usize>, prefixes: Vec<u32>) -> Self {
        let sight = Self::new(segments, Some(prefixes));
        let count = sight.0.prefixes.as_ref().map_or(0, Vec::len);
        assert!(
            count == sight.rows(),
            "{} rows need as many prefixes, not {count}",
            sight.rows(),
        );
        for segment in 0..sight.segments().len() {
            let length = sight.segments()[segment];
            let mut prefixes = sight.prefixes(segment).into_iter().flatten();
            assert!(
                prefixes.all(|&prefix| prefix as usize <= length),
                "a prefix is at most as long as its segment"
            );
        }
        sight
    }

    /// Lengths of the segments.
    #[must_use]
    pub fn segments(&self) -> &[usize] {
        &self.0.segments
    }

    /// All rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.0.starts[self.0.segments.len()]
    }

    /// Rows of a segment.
    #[must_use]
    pub fn range(&self, segment: usize) -> Range<usize> {
        self.0.starts[segment]..self.0.starts[segment + 1]
    }

    /// Prefixes of a segment's rows, none when all rows see everything.
    #[must_use]
    pub fn prefixes(&self, segment: usize) -> Option<&[u32]> {
        let prefixes = self.0.prefixes.as_ref()?;
        Some(&prefixes[self.range(segment)])
    }

    /// The same for padded documents, made once: all layers of a pass use it.
    pub(super) fn padded(&self, device: Device) -> &Padded {
        self.0.padded.get_or_init(|| Padded::new(self, device))
    }
}

/// The rows as documents of one length, for libtorch's attention.
#[derive(Debug)]
pub(super) struct Padded {
    pub(super) documents: i64,
    pub(super) longest: i64,
    /// `[documents · longest]`: the row that stands there; the first one where there is none.
    pub(super) rows: Tensor,
    /// `[rows]`: where each row stands.
    pub(super) places: Tensor,
    /// `[documents, 1, longest, longest]`: whether a row sees another; none when all see all.
    pub(super) mask: Option<Tensor>,
}

impl Padded {
    fn new(sight: &Sight, device: Device) -> Self {
        let documents = sight.segments().len();
        let longest = sight.segments().iter().copied().max().unwrap_or(0);
        let mut rows = vec![0_i64; documents * longest];
        let mut places = Vec::with_capacity(sight.rows());
        for segment in 0..documents {
            for (position, row) in sight.range(segment).enumerate() {
                rows[segment * longest + position] = row as i64;
                places.push((segment * longest + position) as i64);
            }
        }
        let equal = sight.segments().iter().all(|&length| length == longest);
        let mask = (!equal || sight.0.prefixes.is_some()).then(|| {
            let shape = [documents as i64, 1, longest as i64, longest as i64];
            Tensor::from_slice(&mask(sight, longest))
                .view(shape)
                .to_device(device)
        });
        Self {
            documents: documents as i64,
            longest: longest as i64,
            rows: Tensor::from_slice(&rows).to_device(device),
            places: Tensor::from_slice(&places).to_device(device),
            mask,
        }
    }
}

/// `[documents, longest, longest]`. Padding sees itself: a softmax over nothing is not a number.
fn mask(sight: &Sight, longest: usize) -> Vec<bool> {
    let mut mask = vec![false; sight.segments().len() * longest * longest];
    for (segment, mask) in mask
        .chunks_exact_mut((longest * longest).max(1))
        .enumerate()
    {
        let length = sight.segments()[segment];
        let prefixes = sight.prefixes(segment);
        for (position, mask) in mask.chunks_exact_mut(longest).enumerate() {
            let seen = match prefixes {
                _ if position >= length => 0,
                Some(prefixes) => prefixes[position] as usize,
                None => length,
            };
            mask[..seen].fill(true);
            mask[position] = true;
        }
    }
    mask
}
