//! Which labels a text is matched with: right ones, and wrong ones by their place in the taxonomy (METHODS 4.3).

use std::collections::BTreeSet;

use arborist_model_kit::cpu::noise::Noise;
use arborist_model_kit::structure::Hierarchy;
use arborist_model_kit::text_method::LabelSets;
use arborist_shared::LabelIndex;

use crate::hyperparameters::{CoarseParents, MatchingSettings};

/// Labels that a text is matched with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draw {
    /// Row of the document in its batch.
    pub document: usize,
    /// One of its labels.
    pub positive: LabelIndex,
    /// Parents of it, or itself on the top level; where ancestors are not gold, those that the document does not have. One
    /// of them is drawn unless all are asked for. Empty where there is none, and without sampling by the hierarchy.
    pub coarse: Vec<LabelIndex>,
    /// A wrong sibling, or any wrong label where there is none. None when no label is wrong.
    pub sibling: Option<LabelIndex>,
    /// Wrong labels from anywhere: one, or three without sampling by the hierarchy. Empty when no label is wrong.
    pub others: Vec<LabelIndex>,
}

/// Parents and children of all labels.
#[derive(Clone, Debug)]
pub struct Family {
    parents: Vec<Vec<LabelIndex>>,
    children: Vec<Vec<LabelIndex>>,
    tops: Vec<LabelIndex>,
    /// Whether the ancestors of a gold label are gold.
    gold_sets: LabelSets,
}

/// Numbers, one after the other.
pub struct Chance {
    noise: Noise,
    drawn: u32,
}

impl Chance {
    #[must_use]
    pub fn new(noise: Noise) -> Self {
        Self { noise, drawn: 0 }
    }

    /// A number below `n`, which is not 0.
    fn below(&mut self, n: usize) -> usize {
        let word = u64::from(self.noise.word(self.drawn));
        self.drawn = self.drawn.wrapping_add(1);
        ((word * n as u64) >> 32) as usize
    }

    fn one_of<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        if from.is_empty() {
            return None;
        }
        let place = self.below(from.len());
        from.get(place).copied()
    }
}

impl Family {
    #[must_use]
    pub fn new(hierarchy: &Hierarchy, gold_sets: LabelSets) -> Self {
        let n = hierarchy.n_labels();
        let (mut parents, mut children) = (vec![Vec::new(); n], vec![Vec::new(); n]);
        for edge in hierarchy.edges() {
            parents[edge.child as usize].push(edge.parent);
            children[edge.parent as usize].push(edge.child);
        }
        let tops = (0..n as LabelIndex)
            .filter(|label| parents[*label as usize].is_empty())
            .collect();
        Self {
            parents,
            children,
            tops,
            gold_sets,
        }
    }

    fn n_labels(&self) -> usize {
        self.parents.len()
    }

    /// Draws for the documents of a batch; those without labels get none. `gold`: sorted label sets, row by row.
    pub fn draw(
        &self,
        gold: &[impl AsRef<[LabelIndex]>],
        settings: &MatchingSettings,
        chance: &mut Chance,
    ) -> Vec<Draw> {
        let mut draws = Vec::new();
        for (document, gold) in gold.iter().enumerate() {
            let gold = gold.as_ref();
            if settings.positive_num == 0 {
                for &positive in gold.iter().filter(|label| self.is_fine(**label, gold)) {
                    draws.push(self.draw_for(document, positive, gold, settings, chance));
                }
                continue;
            }
            for _ in 0..settings.positive_num {
                if let Some(positive) = chance.one_of(gold) {
                    draws.push(self.draw_for(document, positive, gold, settings, chance));
                }
            }
        }
        draws
    }

    /// Whether the document has no child of a label that it has.
    fn is_fine(&self, label: LabelIndex, gold: &[LabelIndex]) -> bool {
        !self.children[label as usize]
            .iter()
            .any(|child| gold.binary_search(child).is_ok())
    }

    fn draw_for(
        &self,
        document: usize,
        positive: LabelIndex,
        gold: &[LabelIndex],
        settings: &MatchingSettings,
        chance: &mut Chance,
    ) -> Draw {
        if !settings.hierarchy_sampling {
            return Draw {
                document,
                positive,
                coarse: Vec::new(),
                sibling: None,
                others: (0..3).filter_map(|_| self.wrong(gold, chance)).collect(),
            };
        }
        let parents = &self.parents[positive as usize];
        let parent = chance.one_of(parents);
        let family = parent.map_or(&self.tops, |parent| &self.children[parent as usize]);
        let siblings: Vec<LabelIndex> = family
            .iter()
            .copied()
            .filter(|label| *label != positive)
            .filter(|label| !settings.filter_gold_siblings || gold.binary_search(label).is_err())
            .collect();
        Draw {
            document,
            positive,
            coarse: match (self.gold_sets, settings.coarse_parents) {
                (LabelSets::Closed, CoarseParents::All) if !parents.is_empty() => parents.clone(),
                (LabelSets::Closed, _) => vec![parent.unwrap_or(positive)],
                (LabelSets::Explicit, CoarseParents::All) => self.wrong_ancestors(positive, gold),
                (LabelSets::Explicit, CoarseParents::One) => {
                    let above = self.wrong_ancestors(positive, gold);
                    chance.one_of(&above).into_iter().collect()
                }
            },
            sibling: chance
                .one_of(&siblings)
                .or_else(|| self.wrong(gold, chance)),
            others: self.wrong(gold, chance).into_iter().collect(),
        }
    }

    /// Ancestors that the document does not have, sorted.
    fn wrong_ancestors(&self, label: LabelIndex, gold: &[LabelIndex]) -> Vec<LabelIndex> {
        let mut above = BTreeSet::new();
        let mut rest = vec![label];
        while let Some(label) = rest.pop() {
            rest.extend(
                self.parents[label as usize]
                    .iter()
                    .filter(|parent| above.insert(**parent)),
            );
        }
        above
            .into_iter()
            .filter(|label| gold.binary_search(label).is_err())
            .collect()
    }

    /// A label that the document does not have.
    fn wrong(&self, gold: &[LabelIndex], chance: &mut Chance) -> Option<LabelIndex> {
        let wrong = self.n_labels() - gold.len();
        if wrong == 0 {
            return None;
        }
        // The place among wrong labels, moved behind each right one before it.
        let mut label = chance.below(wrong) as LabelIndex;
        for right in gold {
            if *right <= label {
                label += 1;
            }
        }
        Some(label)
    }
}
