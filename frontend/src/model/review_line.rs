//! Documents that wait for a person, as somebody works through them: which one is at hand, and what is chosen for it.
//! Sending decisions is left to the page.

use std::collections::BTreeSet;
use std::rc::Rc;

use arborist_shared::api::drafts::{ReviewPage, ReviewRow};
use arborist_shared::api::reviews::{NewDecision, ReviewProposal};

/// Candidates that have a digit of their own; 0 means none of them.
pub const DIGITS: usize = 9;

/// The documents that are known to wait, and the one at hand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReviewLine {
    /// In the order of the documents.
    pub rows: Vec<Rc<ReviewRow>>,
    at: usize,
    /// By the server's last answer.
    pub n_waiting: u64,
    pub n_decided: u64,
    /// Cursor of the page behind the rows; none where there is none.
    pub next: Option<String>,
}

impl ReviewLine {
    /// The line anew, with the same document at hand if it still waits.
    #[must_use]
    pub fn start(&self, page: &ReviewPage) -> Self {
        let hand = self.at_hand().map(|row| row.document);
        let rows: Vec<Rc<ReviewRow>> = page.reviews.iter().cloned().map(Rc::new).collect();
        let at = rows.iter().position(|row| Some(row.document) == hand);
        Self {
            at: at.unwrap_or(0),
            rows,
            n_waiting: page.n_documents,
            n_decided: page.n_decided,
            next: page.next.clone(),
        }
    }

    /// With another page behind it.
    #[must_use]
    pub fn longer(mut self, page: &ReviewPage) -> Self {
        let hand = self.at_hand().map(|row| row.document);
        for row in &page.reviews {
            // One may have been taken up before its page came.
            if let Err(at) = self.find(row.document) {
                self.rows.insert(at, Rc::new(row.clone()));
            }
        }
        let at = hand.and_then(|document| self.find(document).ok());
        self.at = at.unwrap_or(0);
        self.next.clone_from(&page.next);
        self.n_waiting = page.n_documents;
        self.n_decided = page.n_decided;
        self
    }

    pub fn at_hand(&self) -> Option<&Rc<ReviewRow>> {
        self.rows.get(self.at)
    }

    /// Place of the document at hand, from 0.
    pub fn place(&self) -> usize {
        self.at
    }

    /// More should be loaded: the end of what is known is near.
    pub fn is_short(&self) -> bool {
        self.next.is_some() && self.at + 10 >= self.rows.len()
    }

    /// Leaves the document for later; behind the last one comes the first.
    #[must_use]
    pub fn skip(mut self) -> Self {
        self.at = match self.at + 1 {
            next if next < self.rows.len() => next,
            _ => 0,
        };
        self
    }

    #[must_use]
    pub fn back(mut self) -> Self {
        self.at = self.at.saturating_sub(1);
        self
    }

    /// A document waits no more; the next one is at hand.
    #[must_use]
    pub fn take(mut self, document: i64) -> Self {
        if let Ok(at) = self.find(document) {
            self.rows.remove(at);
            if at < self.at {
                self.at -= 1;
            }
            if self.at >= self.rows.len() {
                self.at = 0;
            }
        }
        self
    }

    /// A document waits again, and is at hand.
    #[must_use]
    pub fn put_back(mut self, row: Rc<ReviewRow>) -> Self {
        self.at = match self.find(row.document) {
            Ok(at) => at,
            Err(at) => {
                self.rows.insert(at, row);
                at
            }
        };
        self
    }

    /// What the server says of the whole queue.
    #[must_use]
    pub fn counted(mut self, n_waiting: u64, n_decided: u64) -> Self {
        self.n_waiting = n_waiting;
        self.n_decided = n_decided;
        self
    }

    fn find(&self, document: i64) -> Result<usize, usize> {
        self.rows
            .binary_search_by_key(&document, |row| row.document)
    }
}

/// Labels to choose from for a document, each once, in the order of its reasons: each keeps its digit from one document
/// to the next.
pub fn candidates(row: &ReviewRow) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for id in row.reasons.iter().flat_map(|cause| &cause.candidates) {
        if !found.contains(id) {
            found.push(id.clone());
        }
    }
    found
}

/// What a person wants a document to have, against the labels that it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    added: Vec<String>,
    removed: BTreeSet<String>,
    /// None of the labels to choose from: it is right as it is.
    none: bool,
}

impl Chosen {
    /// Whether anything is chosen that could be sent.
    pub fn is_ready(&self) -> bool {
        self.none || !self.added.is_empty() || !self.removed.is_empty()
    }

    pub fn is_none(&self) -> bool {
        self.none
    }

    pub fn added(&self) -> &[String] {
        &self.added
    }

    pub fn is_removed(&self, label: &str) -> bool {
        self.removed.contains(label)
    }

    /// Whether the document will have a label, as given.
    pub fn has(&self, label: &str, explicit: &[String]) -> bool {
        match explicit.iter().any(|id| id == label) {
            true => !self.is_removed(label),
            false => self.added.iter().any(|id| id == label),
        }
    }

    /// Gives the document a label, or takes it away.
    #[must_use]
    pub fn toggled(mut self, label: &str, explicit: &[String]) -> Self {
        self.none = false;
        if explicit.iter().any(|id| id == label) {
            if !self.removed.remove(label) {
                self.removed.insert(label.to_owned());
            }
        } else if let Some(at) = self.added.iter().position(|id| id == label) {
            self.added.remove(at);
        } else {
            self.added.push(label.to_owned());
        }
        self
    }

    /// Says that the document is right as it is, or takes that back.
    #[must_use]
    pub fn toggled_none(self) -> Self {
        Self {
            none: !self.none,
            ..Self::default()
        }
    }

    /// The decision; none where nothing is chosen. `path` answers with the names of a label and those above it.
    ///
    /// Labels that are only added are sent as such: the server leaves out what they imply. Where one is taken away the
    /// whole set is sent, and what is above a chosen label is left out here.
    pub fn decision(
        &self,
        document: i64,
        explicit: Option<&[String]>,
        path: &dyn Fn(&str) -> Vec<String>,
    ) -> Option<NewDecision> {
        if !self.is_ready() {
            return None;
        }
        let mut decision = NewDecision {
            document,
            ..NewDecision::default()
        };
        if self.removed.is_empty() && !(self.none && explicit.is_none()) {
            decision.add = Some(self.added.clone());
            return Some(decision);
        }
        let below: Vec<Vec<String>> = self.added.iter().map(|id| path(id)).collect();
        let is_implied = |id: &str| {
            let above = path(id);
            below
                .iter()
                .any(|path| path.len() > above.len() && path.starts_with(&above))
        };
        let kept = explicit.unwrap_or_default().iter();
        let kept = kept.filter(|id| !self.is_removed(id) && !is_implied(id));
        decision.labels = Some(kept.chain(&self.added).cloned().collect());
        Some(decision)
    }
}

/// The label that a run proposes, with its score.
pub fn best(proposal: Option<&ReviewProposal>) -> Option<(&str, f32)> {
    let best = proposal?.labels.first()?;
    Some((&best.label, best.score))
}

/// Accepts what is proposed for a document.
pub fn accepted(document: i64) -> NewDecision {
    NewDecision {
        document,
        accept: true,
        ..NewDecision::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn page(documents: &[i64], next: Option<&str>) -> ReviewPage {
        let rows: Vec<_> = documents
            .iter()
            .map(|id| json!({"document": id, "key": "", "excerpt": "", "reasons": []}))
            .collect();
        serde_json::from_value(
            json!({"n_documents": 5, "n_decided": 0, "reviews": rows, "next": next}),
        )
        .expect("a page")
    }

    fn hand(line: &ReviewLine) -> Option<i64> {
        line.at_hand().map(|row| row.document)
    }

    #[test]
    fn a_line_is_worked_through_and_comes_round_to_what_was_skipped() {
        let line = ReviewLine::default().start(&page(&[1, 3, 5], None)).skip();
        assert_eq!(hand(&line), Some(3));
        let line = line.take(3);
        assert_eq!(hand(&line), Some(5));
        let line = line.take(5);
        assert_eq!(hand(&line), Some(1), "the one that was skipped");
        assert_eq!(hand(&line.take(1)), None);
    }

    #[test]
    fn a_document_that_waits_again_is_at_hand_in_its_place() {
        let line = ReviewLine::default().start(&page(&[1, 3, 5], Some("5")));
        let row = line.rows[1].clone();
        let line = line.take(3).take(1).put_back(row);
        assert_eq!((hand(&line), line.rows.len()), (Some(3), 2));
        let line = line.start(&page(&[1, 3], Some("3")));
        assert_eq!(hand(&line), Some(3), "a reload keeps the place");
        let line = line.longer(&page(&[3, 5], None));
        assert_eq!(line.rows.len(), 3, "no document twice");
    }

    #[test]
    fn what_is_taken_before_the_place_does_not_move_it() {
        let line = ReviewLine::default().start(&page(&[1, 3, 5], None));
        assert_eq!(hand(&line.skip().skip().take(1)), Some(5));
    }

    #[test]
    fn what_was_taken_up_early_keeps_its_place_when_its_page_comes() {
        let far = page(&[9], None).reviews.remove(0);
        let line = ReviewLine::default().start(&page(&[1, 3], Some("3")));
        let line = line.put_back(Rc::new(far)).longer(&page(&[5, 9], None));
        assert_eq!(
            (hand(&line), line.place(), line.rows.len()),
            (Some(9), 3, 4)
        );
    }

    fn path(id: &str) -> Vec<String> {
        let steps: Vec<&str> = match id {
            "carps" => vec!["Animals", "Fish", "Carps"],
            "fish" => vec!["Animals", "Fish"],
            other => vec![other],
        };
        steps.into_iter().map(str::to_owned).collect()
    }

    fn owned(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn what_is_chosen_becomes_the_smallest_decision() {
        let explicit = owned(&["fish", "oaks"]);
        let decide = |chosen: &Chosen, explicit: Option<&[String]>| {
            let decision = chosen.decision(7, explicit, &path);
            decision.map(|decision| (decision.add, decision.labels))
        };
        let nothing = Chosen::default();
        assert_eq!(decide(&nothing, Some(&explicit)), None);
        let one = nothing.clone().toggled("carps", &explicit);
        assert!(one.has("carps", &explicit) && one.has("oaks", &explicit));
        assert_eq!(
            decide(&one, Some(&explicit)),
            Some((Some(owned(&["carps"])), None))
        );
        let other = one.clone().toggled("oaks", &explicit);
        assert_eq!(
            decide(&other, Some(&explicit)),
            Some((None, Some(owned(&["carps"])))),
            "the whole set, without what the chosen label implies"
        );
        let back = other.toggled("oaks", &explicit).toggled("carps", &explicit);
        assert_eq!(back, nothing);
        let none = one.toggled_none();
        assert_eq!(
            decide(&none, Some(&explicit)),
            Some((Some(Vec::new()), None))
        );
        assert_eq!(decide(&none, None), Some((None, Some(Vec::new()))));
        assert!(!none.toggled_none().is_ready());
    }
}
