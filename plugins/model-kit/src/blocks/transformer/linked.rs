//! Attention of rows over few others, along links: for graphs of labels, where most rows don't see most others.
//!
//! Work and memory grow with the links, not with the square of the rows. Computed with libtorch's operations.

use tch::{Device, Kind, Tensor};

use super::TransformerLayer;
use crate::blocks::Linear;
use crate::blocks::bert::firsts;
use crate::pass::Pass;

/// Which rows see which. Every row should see at least one.
#[derive(Debug)]
pub struct Links {
    rows: i64,
    /// `[links]`: rows that see.
    seers: Tensor,
    /// `[links]`: the row that each of them sees.
    seen: Tensor,
}

impl Links {
    /// The same links, `(seer, seen)`, in each of several copies of `rows` rows, one copy after the other.
    #[must_use]
    pub fn new(rows: usize, links: &[(u32, u32)], copies: usize, device: Device) -> Self {
        let part = |which: fn(&(u32, u32)) -> u32| {
            let places: Vec<i64> = (0..copies)
                .flat_map(|copy| {
                    let start = (copy * rows) as i64;
                    links.iter().map(move |link| start + i64::from(which(link)))
                })
                .collect();
            Tensor::from_slice(&places).to_device(device)
        };
        Self {
            rows: (rows * copies) as i64,
            seers: part(|link| link.0),
            seen: part(|link| link.1),
        }
    }

    /// A value of the seeing row for each link: `[links, …]`, from `[rows, …]`.
    pub fn of_seers(&self, rows: &Tensor) -> Tensor {
        rows.index_select(0, &self.seers)
    }

    /// A value of the row that is seen for each link: `[links, …]`, from `[rows, …]`.
    pub fn of_seen(&self, rows: &Tensor) -> Tensor {
        rows.index_select(0, &self.seen)
    }

    /// Sums over what each row sees: `[rows, n]`, from `[links, n]`.
    pub fn sums(&self, values: &Tensor) -> Tensor {
        Tensor::zeros(
            [self.rows, values.size()[1]],
            (values.kind(), values.device()),
        )
        .index_add(0, &self.seers, values)
    }

    /// Softmax over what each row sees. `scores` and result: `[links, heads]`.
    pub fn softmax(&self, scores: &Tensor) -> Tensor {
        let kind = scores.kind();
        // In double precision one highest score for all rows will do: nothing within 700 of it vanishes.
        let scores = scores.to_kind(Kind::Double);
        let highest = scores.detach().amax([0], true);
        let shares = (scores - highest).exp();
        let sums = self.sums(&shares);
        (shares / self.of_seers(&sums)).to_kind(kind)
    }
}

impl Links {
    /// The same links: their tensors are shared.
    #[must_use]
    pub fn shallow_clone(&self) -> Self {
        Self {
            rows: self.rows,
            seers: self.seers.shallow_clone(),
            seen: self.seen.shallow_clone(),
        }
    }

    /// The first row of each segment sees all of its segment; seers are counted by segment.
    fn of_firsts(segments: &[usize], device: Device) -> Self {
        let seers: Vec<i64> = (0..)
            .zip(segments)
            .flat_map(|(segment, &length)| std::iter::repeat_n(segment, length))
            .collect();
        Self {
            rows: segments.len() as i64,
            seen: Tensor::arange(seers.len() as i64, (Kind::Int64, device)),
            seers: Tensor::from_slice(&seers).to_device(device),
        }
    }
}

impl TransformerLayer {
    /// The first row of each segment, where nobody asks for the others: `[segments, width]`. All rows see all of their
    /// segment. Of the others only keys and values are computed, a sixth of what a layer does.
    pub fn forward_firsts(&self, pass: &Pass, hidden: &Tensor, segments: &[usize]) -> Tensor {
        let (heads, width) = (self.sizes.heads, self.sizes.width);
        // Several blocks go on from here.
        let hidden = &pass.leaf(hidden);
        let firsts = firsts(hidden, segments);
        let links = Links::of_firsts(segments, hidden.device());
        let [query, key, value] = &self.projections;
        let by_head = |rows: &Tensor| rows.view([-1, heads, width / heads]);
        let queries = by_head(&links.of_seers(&query.forward(&firsts)));
        let recorded = |layer: &Linear| match self.kind(pass, hidden) {
            kind if kind == hidden.kind() => layer.forward_recorded(pass, hidden),
            kind => layer.forward_in(kind, hidden).to_kind(hidden.kind()),
        };
        let keys = by_head(&recorded(key));
        let scores = (queries * keys).sum_dim_intlist(2_i64, false, None::<Kind>)
            / ((width / heads) as f64).sqrt();
        let shares = pass.dropout(&links.softmax(&scores), self.sizes.attention_dropout);
        let values = by_head(&recorded(value));
        let context = links.sums(&(values * shares.unsqueeze(2)).view([-1, width]));
        self.behind_attention(pass, &firsts, &context)
    }

    /// The layer on rows that see along links. `hidden` and result: `[rows, width]`.
    pub fn forward_linked(&self, pass: &Pass, hidden: &Tensor, links: &Links) -> Tensor {
        let (heads, width) = (self.sizes.heads, self.sizes.width);
        let projections = self.projections(pass, hidden).to_kind(hidden.kind());
        let part = |number: i64| projections.narrow(1, number * width, width);
        let by_head = |rows: &Tensor| rows.view([-1, heads, width / heads]);
        let queries = by_head(&links.of_seers(&part(0)));
        let keys = by_head(&links.of_seen(&part(1)));
        let scores = (queries * keys).sum_dim_intlist(2_i64, false, None::<Kind>)
            / ((width / heads) as f64).sqrt();
        let shares = pass.dropout(&links.softmax(&scores), self.sizes.attention_dropout);
        let values = by_head(&links.of_seen(&part(2)));
        let context = links.sums(&(values * shares.unsqueeze(2)).view([-1, width]));
        self.behind_attention(pass, hidden, &context)
    }
}
