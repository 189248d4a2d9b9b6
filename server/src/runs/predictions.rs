//! Lines of predictions, and the figures that are computed from them.
//!
//! A line is `shared::api::runs::PredictedDocument`. It repeats label ids and paths for every label of every document, so
//! the writer keeps those rendered: what it writes equals what serde would write, at many times the speed.

use std::io::Write;

use arborist_shared::LabelIndex;
use arborist_shared::decode::{Decoded, DecodingRule, Judged};
use arborist_shared::metrics::{DecodingRecord, Metrics, MetricsBuilder};
use arborist_shared::taxonomy::Taxonomy;
use half::f16;

/// Writes lines of predictions for one taxonomy.
#[derive(Debug)]
pub struct PredictionWriter {
    /// `{"label":…,"path":[…],"score":` of every label, one after the other.
    fragments: Vec<u8>,
    /// End of each label's fragment.
    ends: Vec<usize>,
    /// Numbers as they are written, by the bits of the half-precision float. Filled as they occur.
    numbers: Vec<Number>,
}

/// A short piece of text; empty = not known yet.
#[derive(Clone, Copy, Debug, Default)]
struct Number {
    length: u8,
    digits: [u8; 15],
}

impl PredictionWriter {
    /// Renders the labels of a taxonomy.
    #[must_use]
    pub fn new(taxonomy: &Taxonomy) -> Self {
        let mut fragments = Vec::new();
        let mut ends = Vec::with_capacity(taxonomy.len());
        for label in taxonomy.indexes() {
            fragments.extend_from_slice(b"{\"label\":");
            write_json(&mut fragments, taxonomy.id(label));
            fragments.extend_from_slice(b",\"path\":");
            write_json(&mut fragments, &taxonomy.path_names(label));
            fragments.extend_from_slice(b",\"score\":");
            ends.push(fragments.len());
        }
        Self {
            fragments,
            ends,
            numbers: vec![Number::default(); 1 << 16],
        }
    }

    /// Appends the line of a document with its line feed. `threshold`: the one that made the raw set, if one did.
    pub fn write(&mut self, id: &str, decoded: &Decoded, threshold: Option<f32>, to: &mut Vec<u8>) {
        to.extend_from_slice(b"{\"id\":");
        write_json(to, id);
        to.extend_from_slice(b",\"labels\":[");
        for (position, &(label, score, raw_score)) in decoded.shown.iter().enumerate() {
            if position > 0 {
                to.push(b',');
            }
            let predicted = decoded.labels.binary_search(&label).is_ok();
            let raw_predicted = decoded.raw.binary_search(&label).is_ok();
            to.extend_from_slice(self.fragment(label));
            self.write_number(score, to);
            to.extend_from_slice(b",\"predicted\":");
            to.extend_from_slice(boolean(predicted));
            if raw_score != score {
                to.extend_from_slice(b",\"raw_score\":");
                self.write_number(raw_score, to);
            }
            if raw_predicted != predicted {
                to.extend_from_slice(b",\"raw_predicted\":");
                to.extend_from_slice(boolean(raw_predicted));
            }
            to.push(b'}');
        }
        to.push(b']');
        if let Some(threshold) = threshold {
            to.extend_from_slice(b",\"threshold\":");
            self.write_number(threshold, to);
        }
        to.extend_from_slice(b"}\n");
    }

    fn fragment(&self, label: LabelIndex) -> &[u8] {
        let label = label as usize;
        let start = if label == 0 { 0 } else { self.ends[label - 1] };
        &self.fragments[start..self.ends[label]]
    }

    fn write_number(&mut self, number: f32, to: &mut Vec<u8>) {
        let half = f16::from_f32(number);
        if half.to_f32().to_bits() != number.to_bits() {
            return write_json(to, &number);
        }
        let known = &mut self.numbers[usize::from(half.to_bits())];
        if known.length == 0 {
            let start = to.len();
            write_json(to, &number);
            let written = &to[start..];
            if let Some(digits) = known.digits.get_mut(..written.len()) {
                digits.copy_from_slice(written);
                known.length = written.len() as u8;
            }
        } else {
            to.extend_from_slice(&known.digits[..usize::from(known.length)]);
        }
    }
}

fn boolean(value: bool) -> &'static [u8] {
    if value { b"true" } else { b"false" }
}

fn write_json<T: serde::Serialize + ?Sized>(to: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(to.by_ref(), value)
        .expect("strings and numbers can be written to memory");
}

/// Figures over judged documents, with the record of how their sets were made.
#[derive(Debug)]
pub struct Tallied<'t> {
    builder: MetricsBuilder<'t>,
    threshold: Option<Option<f32>>,
}

impl<'t> Tallied<'t> {
    /// No documents yet.
    #[must_use]
    pub fn new(taxonomy: &'t Taxonomy, rule: DecodingRule) -> Self {
        let builder = MetricsBuilder::new(
            taxonomy,
            DecodingRecord {
                rule,
                threshold: None,
            },
        );
        Self {
            builder,
            threshold: None,
        }
    }

    /// Adds a document: its labels closed upwards, what was predicted, and the threshold that made the raw set.
    pub fn add(&mut self, gold: &[LabelIndex], judged: &Judged, threshold: Option<f32>) {
        self.builder.add(gold, judged);
        match self.threshold {
            None => self.threshold = Some(threshold),
            // Sets that were made in different ways have no threshold in common.
            Some(common) if common != threshold => self.threshold = Some(None),
            Some(_) => {}
        }
    }

    /// The figures.
    #[must_use]
    pub fn finish(self) -> Metrics {
        let mut metrics = self.builder.finish();
        metrics.decoding.threshold = self.threshold.flatten();
        metrics
    }
}

#[cfg(test)]
mod tests;
