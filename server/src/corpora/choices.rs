//! What people said unknown labels mean, kept for the project; and which labels of the taxonomy an unknown one is most like.

use std::collections::BTreeMap;
use std::sync::Arc;

use arborist_shared::LabelIndex;
use arborist_shared::api::corpora::LabelProposal;
use arborist_shared::corpus::{RowLabel, resolve_labels};
use arborist_shared::taxonomy::Taxonomy;

/// Proposals for one unknown label.
const PROPOSALS: usize = 3;
/// Less alike than this is no proposal: 0 = nothing in common, 1 = the same.
const LEAST: f64 = 0.6;

/// Choices by the unknown label as it is shown: the label meant, or none to pass it over.
#[derive(Clone, Debug, Default)]
pub(super) struct Choices(Arc<BTreeMap<String, Option<LabelIndex>>>);

impl Choices {
    /// Choices whose label the taxonomy does not have count for nothing: the label is unknown again.
    pub(super) fn new(rows: Vec<(String, Option<String>)>, taxonomy: &Taxonomy) -> Self {
        let known = rows.into_iter().filter_map(|(label, choice)| match choice {
            None => Some((label, None)),
            Some(id) => Some((label, Some(taxonomy.index_of(&id)?))),
        });
        Self(Arc::new(known.collect()))
    }

    /// The labels of a row with what was chosen for those that the taxonomy does not know.
    pub(super) fn apply(&self, taxonomy: &Taxonomy, labels: &mut Vec<RowLabel>) {
        if self.0.is_empty() {
            return;
        }
        labels.retain_mut(|label| {
            let Some(choice) = self.0.get(&label.to_string()) else {
                return true;
            };
            if resolve_labels(taxonomy, std::slice::from_ref(label)).is_ok() {
                return true;
            }
            match choice {
                Some(meant) => {
                    *label = RowLabel::Name(taxonomy.id(*meant).to_owned());
                    true
                }
                None => false,
            }
        });
    }
}

/// Names of a taxonomy, prepared to be compared with.
pub(super) struct Matcher<'t> {
    taxonomy: &'t Taxonomy,
    /// By label: its id and its name, in small letters.
    spellings: Vec<(LabelIndex, String)>,
}

impl<'t> Matcher<'t> {
    pub(super) fn new(taxonomy: &'t Taxonomy) -> Self {
        let mut spellings = Vec::with_capacity(2 * taxonomy.len());
        for label in taxonomy.indexes() {
            let (id, name) = (folded(taxonomy.id(label)), folded(taxonomy.name(label)));
            if id != name {
                spellings.push((label, id));
            }
            spellings.push((label, name));
        }
        Self {
            taxonomy,
            spellings,
        }
    }

    /// The labels that are most like what was written, best first. Of a path its last name counts most; the names above
    /// decide between labels of one name.
    pub(super) fn proposals(&self, label: &RowLabel) -> Vec<LabelProposal> {
        let (last, above) = match label {
            RowLabel::Name(name) => (folded(name), Vec::new()),
            RowLabel::Path(names) => {
                let mut names: Vec<String> = names.iter().map(|name| folded(name)).collect();
                (names.pop().unwrap_or_default(), names)
            }
        };
        let mut best: BTreeMap<LabelIndex, f64> = BTreeMap::new();
        for (label, spelling) in &self.spellings {
            let alike = likeness(&last, spelling);
            if alike >= LEAST {
                let kept = best.entry(*label).or_insert(alike);
                *kept = kept.max(alike);
            }
        }
        let mut found: Vec<(f64, LabelIndex)> = best
            .into_iter()
            .map(|(label, alike)| (alike + 0.1 * self.shared(label, &above), label))
            .collect();
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        found.truncate(PROPOSALS);
        found
            .into_iter()
            .map(|(alike, label)| LabelProposal {
                id: self.taxonomy.id(label).to_owned(),
                path: self.taxonomy.path_names(label),
                likeness: alike.min(1.0),
            })
            .collect()
    }

    /// Share of the names above that the label has above it, too.
    fn shared(&self, label: LabelIndex, above: &[String]) -> f64 {
        if above.is_empty() {
            return 0.0;
        }
        let ancestors = self.taxonomy.ancestors(label);
        let names: Vec<String> = ancestors
            .iter()
            .map(|&ancestor| folded(self.taxonomy.name(ancestor)))
            .collect();
        let found = above.iter().filter(|name| names.contains(name)).count();
        found as f64 / above.len() as f64
    }
}

fn folded(text: &str) -> String {
    let letters = text
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { ' ' });
    let text: String = letters.flat_map(char::to_lowercase).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How alike two texts are, 0 to 1. Two that differ in length by more than their half are not compared letter by letter.
fn likeness(a: &str, b: &str) -> f64 {
    if a.is_empty() || b.is_empty() {
        return 0.0;
    }
    if a == b {
        return 1.0;
    }
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    if short.len() >= 4 && long.split(' ').any(|word| word == short) {
        return 0.9;
    }
    if short.len() * 2 < long.len() {
        return 0.0;
    }
    strsim::normalized_damerau_levenshtein(a, b)
}

#[cfg(test)]
mod tests {
    use arborist_shared::taxonomy::NewLabel;

    use super::*;

    fn taxonomy() -> Taxonomy {
        let label = |id: &str, name: &str, parents: &[&str]| NewLabel {
            id: id.to_owned(),
            name: name.to_owned(),
            parents: parents.iter().map(|&parent| parent.to_owned()).collect(),
            details: None,
        };
        Taxonomy::new(vec![
            label("1", "Culture", &[]),
            label("2", "Music", &["1"]),
            label("3", "Nature", &[]),
            label("4", "Music", &["3"]),
            label("5", "Fishing boats", &["3"]),
        ])
        .unwrap()
    }

    fn ids(label: &RowLabel) -> Vec<String> {
        let taxonomy = taxonomy();
        let found = Matcher::new(&taxonomy).proposals(label);
        found.into_iter().map(|proposal| proposal.id).collect()
    }

    #[test]
    fn misspelt_labels_find_what_was_meant() {
        let name = |name: &str| RowLabel::Name(name.to_owned());
        assert_eq!(ids(&name("Cultrue")), ["1"]);
        assert_eq!(ids(&name("FISHING-BOATS")), ["5"]);
        assert_eq!(ids(&name("boats")), ["5"]);
        assert_eq!(ids(&name("music.")), ["2", "4"]);
        assert_eq!(ids(&name("quantum")), [] as [&str; 0]);
        let path = RowLabel::Path(vec!["nature".to_owned(), "Musik".to_owned()]);
        assert_eq!(ids(&path), ["4", "2"]);
    }

    #[test]
    fn choices_stand_for_unknown_labels_only() {
        let taxonomy = taxonomy();
        let rows = [
            ("Musik", Some("2")),
            ("Noise", None),
            ("Culture", Some("3")),
            ("Gone", Some("9")),
        ];
        let rows = rows.map(|(label, choice)| (label.to_owned(), choice.map(str::to_owned)));
        let choices = Choices::new(rows.to_vec(), &taxonomy);
        let name = |name: &str| RowLabel::Name(name.to_owned());
        let mut labels = vec![name("Musik"), name("Noise"), name("Culture"), name("Gone")];
        choices.apply(&taxonomy, &mut labels);
        assert_eq!(labels, [name("2"), name("Culture"), name("Gone")]);
    }
}
