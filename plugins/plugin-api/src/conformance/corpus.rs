//! The generated corpus: a small tree, and texts made of words that belong to its labels.

use arborist_shared::LabelIndex;
use arborist_shared::corpus::SnapshotDocument;
use arborist_shared::taxonomy::{NewLabel, Taxonomy};

/// A leaf and the words that give it away.
type Leaf = (&'static str, [&'static str; 5]);

/// Top-level labels, their leaves.
const TREE: [(&str, [Leaf; 3]); 3] = [
    (
        "sport",
        [
            (
                "football",
                ["goal", "striker", "penalty", "league", "midfield"],
            ),
            (
                "tennis",
                ["racket", "serve", "volley", "court", "tournament"],
            ),
            ("sailing", ["boat", "wind", "harbor", "mast", "regatta"]),
        ],
    ),
    (
        "science",
        [
            ("biology", ["cell", "gene", "species", "protein", "enzyme"]),
            (
                "astronomy",
                ["planet", "telescope", "orbit", "galaxy", "comet"],
            ),
            (
                "chemistry",
                ["acid", "molecule", "reaction", "solvent", "catalyst"],
            ),
        ],
    ),
    (
        "arts",
        [
            (
                "music",
                ["melody", "violin", "concert", "rhythm", "orchestra"],
            ),
            (
                "painting",
                ["canvas", "brush", "gallery", "portrait", "color"],
            ),
            (
                "theater",
                ["stage", "actor", "scene", "rehearsal", "curtain"],
            ),
        ],
    ),
];

const FILLERS: [&str; 24] = [
    "the", "a", "of", "and", "in", "was", "with", "this", "year", "people", "new", "report",
    "after", "first", "many", "city", "found", "said", "work", "today", "again", "small", "large",
    "between",
];

/// All words of the corpus: labels' names, what gives them away, and what says nothing.
pub fn words() -> impl Iterator<Item = &'static str> {
    let labels = TREE.iter().flat_map(|(top, leaves)| {
        let leaves = leaves
            .iter()
            .flat_map(|(leaf, words)| std::iter::once(*leaf).chain(words.iter().copied()));
        std::iter::once(*top).chain(leaves)
    });
    labels.chain(FILLERS)
}

/// A taxonomy with its documents, split.
#[derive(Clone, Debug)]
pub(super) struct Corpus {
    pub(super) taxonomy: Taxonomy,
    pub(super) train: Vec<SnapshotDocument>,
    pub(super) validation: Vec<SnapshotDocument>,
    /// Documents that no training sees.
    pub(super) unseen: Vec<SnapshotDocument>,
}

impl Corpus {
    /// 240 documents to train, 60 to validate, 100 to judge; some have labels on two paths when `several_paths`.
    pub(super) fn generate(several_paths: bool) -> Self {
        let mut labels = Vec::new();
        for (top, leaves) in &TREE {
            labels.push(label(top, &[]));
            labels.extend(leaves.iter().map(|(leaf, _)| label(leaf, &[top])));
        }
        let taxonomy = Taxonomy::new(labels).expect("the generated taxonomy is sound");
        let mut random = Random(20_261_120);
        let mut documents =
            (0..400).map(|index| document(&taxonomy, &mut random, index, several_paths));
        Self {
            train: documents.by_ref().take(240).collect(),
            validation: documents.by_ref().take(60).collect(),
            unseen: documents.collect(),
            taxonomy,
        }
    }

    /// The same documents under another taxonomy that has all labels of the old one; sets are closed anew.
    pub(super) fn under(mut self, labels: Vec<NewLabel>) -> Self {
        let new = Taxonomy::new(labels).expect("the generated taxonomy is sound");
        let old = std::mem::replace(&mut self.taxonomy, new.clone());
        for document in self.all_documents() {
            let moved =
                |label: &LabelIndex| new.index_of(old.id(*label)).expect("no label went away");
            document.explicit = document.explicit.iter().map(moved).collect();
            document.explicit.sort_unstable();
            document.labels = new.close(&document.explicit);
        }
        self
    }

    fn all_documents(&mut self) -> impl Iterator<Item = &mut SnapshotDocument> {
        self.train
            .iter_mut()
            .chain(&mut self.validation)
            .chain(&mut self.unseen)
    }
}

pub(super) fn label(id: &str, parents: &[&str]) -> NewLabel {
    NewLabel {
        id: id.to_owned(),
        name: id.to_owned(),
        parents: parents.iter().map(|parent| (*parent).to_owned()).collect(),
        details: None,
    }
}

fn document(
    taxonomy: &Taxonomy,
    random: &mut Random,
    index: usize,
    several_paths: bool,
) -> SnapshotDocument {
    let first = random.below(9);
    let second = random.below(9);
    let mut leaves = vec![first];
    if several_paths && second != first && random.below(6) == 0 {
        leaves.push(second);
    }
    let n_words = 12 + random.below(18);
    let words: Vec<&str> = (0..n_words)
        .map(|_| {
            let leaf = leaves[random.below(leaves.len())];
            let (_, words) = &TREE[leaf / 3].1[leaf % 3];
            match random.below(3) {
                0 => words[random.below(words.len())],
                _ => FILLERS[random.below(FILLERS.len())],
            }
        })
        .collect();
    let explicit: Vec<LabelIndex> = leaves
        .iter()
        .map(|leaf| TREE[leaf / 3].1[leaf % 3].0)
        .map(|id| taxonomy.index_of(id).expect("the taxonomy has every leaf"))
        .collect();
    SnapshotDocument {
        id: format!("document-{index}"),
        text: words.join(" "),
        labels: taxonomy.close(&explicit),
        explicit: {
            let mut sorted = explicit;
            sorted.sort_unstable();
            sorted
        },
    }
}

/// `SplitMix64`: enough for word salad, and the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        (mixed % limit as u64) as usize
    }
}
