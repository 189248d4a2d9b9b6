//! A document as HBGL generates it: the text, rows of labels, and for each row a place to predict it (METHODS 6.2).
//!
//! A document's rows are its text, then its label rows from the top level down with a row that only ends the list, then
//! as many slots. A label row sees the text and the rows up to itself, a slot the text, the label rows before its own, and
//! itself; nobody else sees a slot.

use arborist_model_kit::blocks::{Places, Sight};
use arborist_shared::LabelIndex;

/// A document's labels level by level, topmost first; levels without any are left out. `level_of`: 0 for the topmost.
#[must_use]
pub fn by_level(labels: &[LabelIndex], level_of: &[usize]) -> Vec<Vec<LabelIndex>> {
    let mut rows: Vec<Vec<LabelIndex>> = Vec::new();
    for &label in labels {
        let level = level_of[label as usize];
        if rows.len() <= level {
            rows.resize_with(level + 1, Vec::new);
        }
        rows[level].push(label);
    }
    rows.retain(|row| !row.is_empty());
    rows
}

/// A document's labels one by one, topmost level first.
#[must_use]
pub fn one_by_one(labels: &[LabelIndex], level_of: &[usize]) -> Vec<Vec<LabelIndex>> {
    let mut sorted = labels.to_vec();
    sorted.sort_by_key(|label| (level_of[*label as usize], *label));
    sorted.into_iter().map(|label| vec![label]).collect()
}

/// Where the rows of several documents stand.
#[derive(Debug)]
pub struct Layout {
    pub places: Places,
    pub sight: Sight,
    /// For each row of all texts, its row.
    pub sources: Vec<i64>,
    /// For each label row, its row; the one that ends the list is the last of its document.
    pub targets: Vec<i64>,
    /// For each label row, the row where it is predicted.
    pub slots: Vec<i64>,
}

impl Layout {
    /// `texts`: their lengths; `slots`: how many label rows each document has, the last one included.
    #[must_use]
    pub fn new(texts: &[usize], slots: &[usize]) -> Self {
        let mut places = Places::default();
        let mut prefixes = Vec::new();
        let mut segments = Vec::new();
        let (mut sources, mut targets, mut predicted) = (Vec::new(), Vec::new(), Vec::new());
        let mut row = 0;
        for (&text, &count) in texts.iter().zip(slots) {
            segments.push(text + 2 * count);
            places.positions.extend(0..text as i64);
            places.segments.extend(std::iter::repeat_n(0, text));
            prefixes.extend(std::iter::repeat_n(text as u32, text));
            sources.extend(row..row + text as i64);
            row += text as i64;
            for (rows, own) in [(&mut targets, 1), (&mut predicted, 0)] {
                for slot in 0..count {
                    places.positions.push((text + slot) as i64);
                    places.segments.push(1);
                    prefixes.push((text + slot + own) as u32);
                    rows.push(row);
                    row += 1;
                }
            }
        }
        Self {
            places,
            sight: Sight::with_prefixes(segments, prefixes),
            sources,
            targets,
            slots: predicted,
        }
    }
}
