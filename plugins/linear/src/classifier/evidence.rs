//! Which words of a text speak for a label.

use arborist_plugin_api::{Evidence, LabelIndex};
use rustc_hash::FxHashMap;

use super::{Classifier, Weights};
use crate::structure::ROOT;
use crate::vocabulary::Scratch;

impl Classifier {
    /// For each word of the text what it adds to the margins of the label and of its ancestors in the structure.
    ///
    /// What an n-gram adds is shared by its words; what a feature adds is shared by the places where it occurs.
    /// Words that add nothing are left out. Nothing for a label without training documents.
    pub(crate) fn evidence(&self, text: &str, label: LabelIndex) -> Vec<Evidence> {
        let Some(path) = self.path(label) else {
            return Vec::new();
        };
        let mut scratch = Scratch::default();
        self.vocabulary.vector(text, &mut scratch);
        let (places, occurrences) = self.vocabulary.occurrences(text);
        let mut counts: FxHashMap<u32, f32> = FxHashMap::default();
        for &(feature, ..) in &occurrences {
            *counts.entry(feature).or_default() += 1.0;
        }
        let contributions: FxHashMap<u32, f32> = scratch
            .features
            .iter()
            .zip(&scratch.values)
            .map(|(&feature, value)| {
                let weight: f32 = path
                    .iter()
                    .map(|&(parent, node)| self.weight(parent, node, feature))
                    .sum();
                (feature, value * weight)
            })
            .collect();
        let mut weights = vec![0.0; places.len()];
        for &(feature, first, length) in &occurrences {
            let contribution = contributions.get(&feature).copied().unwrap_or(0.0);
            let share = contribution / (counts[&feature] * length as f32);
            for weight in &mut weights[first..first + length] {
                *weight += share;
            }
        }
        places
            .into_iter()
            .zip(weights)
            .filter(|&(_, weight)| weight != 0.0)
            .map(|((start, end), weight)| Evidence {
                start: start as u32,
                end: end as u32,
                weight,
            })
            .collect()
    }

    /// Nodes on the way down to a label, each with its parent.
    fn path(&self, label: LabelIndex) -> Option<Vec<(u32, u32)>> {
        let mut node = self
            .structure
            .labels
            .iter()
            .position(|&other| other == label)? as u32;
        let mut path = Vec::new();
        while node != ROOT {
            // Breadth first: the parent is the last node whose first child is not behind this one.
            let parent = (0..node)
                .rev()
                .find(|&parent| self.structure.children(parent).contains(&node))?;
            path.push((parent, node));
            node = parent;
        }
        Some(path)
    }

    fn weight(&self, parent: u32, node: u32, feature: u32) -> f32 {
        match &self.weights {
            Weights::Dense(dense) => dense.values[feature as usize * dense.n_nodes + node as usize],
            Weights::Sparse(sparse) => sparse.weight(
                parent,
                node - self.structure.children(parent).start,
                feature,
            ),
        }
    }
}
