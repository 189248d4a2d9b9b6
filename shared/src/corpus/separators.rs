//! What stands between the labels of a cell, and between the names of a path.

use super::row::RowLabel;

/// Two separators; without one, a cell is one label, or a label one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Separators {
    /// Between labels.
    pub labels: Option<String>,
    /// Between the names of a path.
    pub path: Option<String>,
}

const BETWEEN_LABELS: [&str; 5] = [";", "|", ",", "\n", " "];
const BETWEEN_NAMES: [&str; 9] = [" > ", " › ", " / ", "--", "##", ">", "/", "::", "."];

impl Separators {
    /// The labels that a cell names. A JSON array is read as such, so that every name can be written; an empty cell was
    /// not annotated.
    #[must_use]
    pub fn cut(&self, cell: &str) -> Option<Vec<RowLabel>> {
        let cell = cell.trim();
        if cell.is_empty() {
            return None;
        }
        if cell.starts_with('[')
            && let Ok(labels) = serde_json::from_str::<Vec<super::row::Label>>(cell)
        {
            return Some(labels.into_iter().map(|label| label.0).collect());
        }
        let pieces: Vec<&str> = match &self.labels {
            Some(separator) if !separator.is_empty() => cell.split(separator.as_str()).collect(),
            _ => vec![cell],
        };
        let pieces = pieces.into_iter().map(str::trim);
        Some(
            pieces
                .filter(|piece| !piece.is_empty())
                .map(|piece| self.label(piece))
                .collect(),
        )
    }

    fn label(&self, piece: &str) -> RowLabel {
        match &self.path {
            Some(separator) if !separator.is_empty() && piece.contains(separator.as_str()) => {
                let names = piece.split(separator.as_str()).map(str::trim);
                RowLabel::Path(
                    names
                        .filter(|name| !name.is_empty())
                        .map(str::to_owned)
                        .collect(),
                )
            }
            _ => RowLabel::Name(piece.to_owned()),
        }
    }

    /// The separators with which most labels of these cells are known. Where nothing is known, they are guessed from what
    /// is seldom part of a name.
    #[must_use]
    pub fn guess(cells: &[&str], is_known: Option<&dyn Fn(&RowLabel) -> bool>) -> Self {
        let occurs = |separator: &str| cells.iter().any(|cell| cell.contains(separator));
        let options = |candidates: &[&str]| -> Vec<Option<String>> {
            let found = candidates.iter().filter(|separator| occurs(separator));
            std::iter::once(None)
                .chain(found.map(|separator| Some((*separator).to_owned())))
                .collect()
        };
        let Some(is_known) = is_known else {
            let first = |candidates: &[&str]| {
                let found = candidates.iter().find(|separator| occurs(separator));
                found.map(|separator| (*separator).to_owned())
            };
            return Self {
                labels: first(&[";", "|", ",", "\n"]),
                path: first(&[" > ", " › ", "--", "##"]),
            };
        };
        let mut best = (Self::default(), -1.0);
        for labels in options(&BETWEEN_LABELS) {
            for path in options(&BETWEEN_NAMES) {
                if path.is_some() && path == labels {
                    continue;
                }
                let candidate = Self {
                    labels: labels.clone(),
                    path,
                };
                let score = candidate.share_known(cells, is_known);
                if score > best.1 + 1e-9 {
                    best = (candidate, score);
                }
            }
        }
        best.0
    }

    /// Share of the labels that are known.
    fn share_known(&self, cells: &[&str], is_known: &dyn Fn(&RowLabel) -> bool) -> f64 {
        let labels = || cells.iter().filter_map(|cell| self.cut(cell)).flatten();
        let n = labels().count();
        if n == 0 {
            return 0.0;
        }
        labels().filter(|label| is_known(label)).count() as f64 / n as f64
    }
}
