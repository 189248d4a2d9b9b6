//! Sparse rows: documents as features with values, in pieces, so that building them never copies or doubles memory.

/// Rows of a piece: a power of two.
pub(crate) const ROWS_PER_PIECE: usize = 1 << PIECE_BITS;
const PIECE_BITS: usize = 10;

/// `[rows, n_features]`, sparse. Features of a row are in increasing order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Matrix {
    pieces: Vec<Piece>,
    n_rows: usize,
    n_features: usize,
}

/// At most [`ROWS_PER_PIECE`] rows; row `i` ends at `ends[i]`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Piece {
    ends: Vec<u32>,
    features: Vec<u32>,
    values: Vec<f32>,
}

impl Piece {
    /// Appends a row.
    pub(crate) fn push(&mut self, features: &[u32], values: &[f32]) {
        self.features.extend_from_slice(features);
        self.values.extend_from_slice(values);
        self.ends.push(self.features.len() as u32);
    }

    fn row(&self, row: usize) -> Row<'_> {
        let start = if row == 0 {
            0
        } else {
            self.ends[row - 1] as usize
        };
        let end = self.ends[row] as usize;
        Row {
            features: &self.features[start..end],
            values: &self.values[start..end],
        }
    }
}

/// A row: features in increasing order and their values.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Row<'a> {
    pub(crate) features: &'a [u32],
    pub(crate) values: &'a [f32],
}

impl Row<'_> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, f32)> {
        self.features
            .iter()
            .copied()
            .zip(self.values.iter().copied())
    }

    /// Squared length.
    pub(crate) fn norm(&self) -> f32 {
        self.values.iter().map(|value| value * value).sum()
    }
}

impl Matrix {
    pub(crate) fn new(n_features: usize) -> Self {
        Self {
            pieces: Vec::new(),
            n_rows: 0,
            n_features,
        }
    }

    /// Appends rows. All pieces but the last must be full.
    pub(crate) fn push(&mut self, mut piece: Piece) {
        debug_assert_eq!(self.n_rows % ROWS_PER_PIECE, 0);
        piece.ends.shrink_to_fit();
        piece.features.shrink_to_fit();
        piece.values.shrink_to_fit();
        self.n_rows += piece.ends.len();
        self.pieces.push(piece);
    }

    pub(crate) fn n_rows(&self) -> usize {
        self.n_rows
    }

    pub(crate) fn n_features(&self) -> usize {
        self.n_features
    }

    /// Number of entries that are not zero.
    pub(crate) fn n_entries(&self) -> usize {
        self.pieces.iter().map(|piece| piece.features.len()).sum()
    }

    #[inline]
    pub(crate) fn row(&self, row: usize) -> Row<'_> {
        self.pieces[row >> PIECE_BITS].row(row & (ROWS_PER_PIECE - 1))
    }
}

/// Some rows of a matrix, with their own numbering of rows and features.
pub(crate) struct Part<'a> {
    rows: PartRows<'a>,
    /// Feature of the whole matrix for each of the part's; none when they are the same.
    features: Option<Vec<u32>>,
    n_features: usize,
}

enum PartRows<'a> {
    Whole(&'a Matrix),
    Some(&'a Matrix, &'a [u32]),
    Copied(Matrix),
}

impl<'a> Part<'a> {
    /// All rows and features.
    pub(crate) fn whole(matrix: &'a Matrix) -> Self {
        Self {
            rows: PartRows::Whole(matrix),
            features: None,
            n_features: matrix.n_features(),
        }
    }

    /// The rows in `documents`, in that order. Where they are few they are copied and only the features that occur in
    /// them are kept, so that everything indexed by feature is small.
    pub(crate) fn of(matrix: &'a Matrix, documents: &'a [u32], renumbering: &mut Vec<u32>) -> Self {
        if documents.len() * 2 > matrix.n_rows() {
            return Self {
                rows: PartRows::Some(matrix, documents),
                features: None,
                n_features: matrix.n_features(),
            };
        }
        renumbering.resize(matrix.n_features(), u32::MAX);
        let mut features = Vec::new();
        for &document in documents {
            for &feature in matrix.row(document as usize).features {
                let slot = &mut renumbering[feature as usize];
                if *slot == u32::MAX {
                    *slot = 0;
                    features.push(feature);
                }
            }
        }
        features.sort_unstable();
        for (number, &feature) in features.iter().enumerate() {
            renumbering[feature as usize] = number as u32;
        }
        let mut copy = Matrix::new(features.len());
        for documents in documents.chunks(ROWS_PER_PIECE) {
            let mut piece = Piece::default();
            for &document in documents {
                let row = matrix.row(document as usize);
                piece.features.extend(
                    row.features
                        .iter()
                        .map(|&feature| renumbering[feature as usize]),
                );
                piece.values.extend_from_slice(row.values);
                piece.ends.push(piece.features.len() as u32);
            }
            copy.push(piece);
        }
        for &feature in &features {
            renumbering[feature as usize] = u32::MAX;
        }
        let n_features = features.len();
        Self {
            rows: PartRows::Copied(copy),
            features: Some(features),
            n_features,
        }
    }

    pub(crate) fn n_rows(&self) -> usize {
        match &self.rows {
            PartRows::Whole(matrix) => matrix.n_rows(),
            PartRows::Some(_, documents) => documents.len(),
            PartRows::Copied(matrix) => matrix.n_rows(),
        }
    }

    pub(crate) fn n_features(&self) -> usize {
        self.n_features
    }

    #[inline]
    pub(crate) fn row(&self, row: usize) -> Row<'_> {
        match &self.rows {
            PartRows::Whole(matrix) => matrix.row(row),
            PartRows::Some(matrix, documents) => matrix.row(documents[row] as usize),
            PartRows::Copied(matrix) => matrix.row(row),
        }
    }

    /// Feature of the whole matrix.
    pub(crate) fn feature(&self, feature: u32) -> u32 {
        match &self.features {
            Some(features) => features[feature as usize],
            None => feature,
        }
    }
}
