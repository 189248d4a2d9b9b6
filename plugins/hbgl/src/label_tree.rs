//! The tree as the label stage sees it: who sees whom, and what a masked label is to predict (METHODS 6.1).

use arborist_shared::LabelIndex;
use arborist_shared::taxonomy::Taxonomy;

/// A tree of labels.
#[derive(Clone, Debug)]
pub struct LabelTree {
    parents: Vec<Option<LabelIndex>>,
    levels: Vec<usize>,
    leaves: Vec<bool>,
    /// The label before each in the alphabetical order of ids.
    before: Vec<Option<usize>>,
}

/// Whose leaf status and parent decide about siblings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    ByItself,
    /// By the label before it in alphabetical order, as in the authors' code.
    ByTheOneBefore,
}

impl LabelTree {
    /// Of several parents the first one counts.
    #[must_use]
    pub fn new(taxonomy: &Taxonomy) -> Self {
        let tree;
        let taxonomy = if taxonomy.is_tree() {
            taxonomy
        } else {
            tree = taxonomy.to_tree();
            &tree
        };
        let mut order: Vec<LabelIndex> = taxonomy.indexes().collect();
        order.sort_by_key(|label| taxonomy.id(*label));
        let mut before = vec![None; order.len()];
        for pair in order.windows(2) {
            before[pair[1] as usize] = Some(pair[0] as usize);
        }
        Self {
            before,
            parents: taxonomy
                .indexes()
                .map(|label| taxonomy.parents(label).first().copied())
                .collect(),
            levels: taxonomy
                .indexes()
                .map(|label| taxonomy.level(label) as usize)
                .collect(),
            leaves: taxonomy
                .indexes()
                .map(|label| taxonomy.children(label).is_empty())
                .collect(),
        }
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.parents.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parents.is_empty()
    }

    /// Position of each row: 0 for `[CLS]`, then the labels' levels, 1 for the topmost.
    #[must_use]
    pub fn positions(&self) -> Vec<i64> {
        std::iter::once(0)
            .chain(self.levels.iter().map(|level| *level as i64))
            .collect()
    }

    /// Who sees whom, `(seer, seen)`: row 0 is `[CLS]`, the root; label `v` is row `v + 1`. As in the authors' code parents
    /// and children see each other, the root counts as a parent, and nobody sees itself.
    /// `self_attention`: as in the paper, labels see themselves and there is no root.
    /// `upwards`: labels see their parents only.
    #[must_use]
    pub fn links(&self, self_attention: bool, upwards: bool) -> Vec<(u32, u32)> {
        let mut links = Vec::new();
        for (label, parent) in (1..).zip(&self.parents) {
            if self_attention {
                links.push((label, label));
            }
            match parent {
                Some(parent) => {
                    links.push((label, parent + 1));
                    if !upwards {
                        links.push((parent + 1, label));
                    }
                }
                None if self_attention => {}
                None => links.extend([(label, 0), (0, label)]),
            }
        }
        if self_attention {
            links.push((0, 0));
        }
        links.sort_unstable();
        links
    }

    /// What each masked label is to predict: itself, and if it is a leaf, masked leaves beside it. In the order of the
    /// labels; each list is sorted. `masked`: one per label.
    #[must_use]
    pub fn targets(&self, masked: &[bool], judged: Judged) -> Vec<Vec<LabelIndex>> {
        let place = |label: usize| match judged {
            Judged::ByItself => self.leaves[label].then_some(self.parents[label]),
            Judged::ByTheOneBefore => self.before[label]
                .filter(|before| self.leaves[*before])
                .map(|before| self.parents[before]),
        };
        let chosen: Vec<usize> = (0..self.len()).filter(|label| masked[*label]).collect();
        // Leaves of one parent, gathered once: among thousands of labels all pairs would be too many.
        let mut families: std::collections::HashMap<Option<LabelIndex>, Vec<LabelIndex>> =
            std::collections::HashMap::new();
        for &label in &chosen {
            if let Some(parent) = place(label) {
                families
                    .entry(parent)
                    .or_default()
                    .push(label as LabelIndex);
            }
        }
        chosen
            .into_iter()
            .map(|label| match place(label) {
                Some(parent) => families[&parent].clone(),
                None => vec![label as LabelIndex],
            })
            .collect()
    }
}

/// Share of labels that are masked at a step: from `start` to `end` in equal parts.
#[must_use]
pub fn mask_ratio(start: f64, end: f64, step: u64, steps: u64) -> f64 {
    start + (end - start) * step as f64 / steps.max(1) as f64
}
