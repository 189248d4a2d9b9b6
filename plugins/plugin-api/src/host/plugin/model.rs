//! A trained model that is loaded in this process.

use std::ffi::c_void;
use std::fmt;

use arborist_shared::LabelIndex;

use super::{CallError, call, take, to_json};
use crate::method::{Embeddings, Evidence, Predictions, Scores};
use crate::request::{LoadRequest, count_labels};
use crate::seam::{Buffer, ModelFacts, PluginTable, RawMatrix, RawPredictions, Slice, Texts};

/// A trained model. It belongs to the thread that loaded it and is unloaded when dropped.
///
/// After a panic it answers nothing any more: load it again, better in a new process.
pub struct LoadedModel {
    table: PluginTable,
    handle: *mut c_void,
    facts: ModelFacts,
    n_labels: usize,
    panicked: bool,
    /// Row in which a label was seen last, to find labels that come twice in a row. `[n_labels]`
    seen: Vec<u32>,
}

impl LoadedModel {
    pub(super) fn load(table: &PluginTable, request: &LoadRequest) -> Result<Self, CallError> {
        let n_labels = count_labels(&request.taxonomy)
            .map_err(|error| CallError::Failed(error.to_string()))?;
        let request = to_json(request)?;
        let mut handle = std::ptr::null_mut();
        // SAFETY: the slice borrows from a vector that outlives the call, and `handle` is a place to write to.
        let answer = unsafe {
            call(table, |answer| {
                (table.load)(Slice::borrow(&request), &raw mut handle, answer)
            })
        }?;
        if handle.is_null() {
            return Err(CallError::Protocol("it loaded no model".to_owned()));
        }
        let mut model = Self {
            table: *table,
            handle,
            facts: ModelFacts { threshold: 0.5 },
            n_labels,
            panicked: false,
            seen: vec![0; n_labels],
        };
        model.facts = serde_json::from_slice(&answer).map_err(|error| {
            CallError::Protocol(format!(
                "its answer to `load` cannot be understood: {error}"
            ))
        })?;
        if !model.facts.threshold.is_finite() {
            return Err(CallError::Protocol(
                "its threshold is not a number".to_owned(),
            ));
        }
        Ok(model)
    }

    /// The threshold that belongs to the scores: a label is predicted when its score is strictly above.
    #[must_use]
    pub fn threshold(&self) -> f32 {
        self.facts.threshold
    }

    /// Number of labels of the model's taxonomy.
    #[must_use]
    pub fn n_labels(&self) -> usize {
        self.n_labels
    }

    /// Scores texts: one row per text. Every label is one of the taxonomy, every score a finite number,
    /// and decided sets are sorted and without repetitions.
    ///
    /// # Errors
    /// [`CallError::Protocol`] when the answer is not like that.
    pub fn predict(&mut self, texts: &[&str]) -> Result<Predictions, CallError> {
        let texts = TextPool::new(texts);
        let mut raw = RawPredictions::EMPTY;
        let result = self.call(|table, handle, answer| {
            // SAFETY: the handle is alive, the texts outlive the call, and `raw` is a place to write to.
            unsafe { (table.predict)(handle, texts.borrow(), &raw mut raw, answer) }
        });
        // SAFETY: `predict` of this table made the buffers, or left them empty.
        let predictions = unsafe { self.take_predictions(raw) };
        result?;
        let mut predictions = predictions?;
        self.validate(&mut predictions, texts.count())?;
        Ok(predictions)
    }

    /// One vector per label. Capability `label_embeddings`.
    ///
    /// # Errors
    /// [`CallError::Unsupported`] unless the method has the capability.
    pub fn label_embeddings(&mut self) -> Result<Embeddings, CallError> {
        let function = self.table.label_embeddings.ok_or(CallError::Unsupported)?;
        let mut raw = RawMatrix::EMPTY;
        let result = self.call(|_, handle, answer| {
            // SAFETY: the handle is alive, and `raw` is a place to write to.
            unsafe { function(handle, &raw mut raw, answer) }
        });
        // SAFETY: the function of this table made the buffer, or left it empty.
        let embeddings = unsafe { self.take_matrix(raw) };
        result?;
        check_embeddings(embeddings?, self.n_labels)
    }

    /// One vector per text. Capability `text_embeddings`.
    ///
    /// # Errors
    /// [`CallError::Unsupported`] unless the method has the capability.
    pub fn text_embeddings(&mut self, texts: &[&str]) -> Result<Embeddings, CallError> {
        let function = self.table.text_embeddings.ok_or(CallError::Unsupported)?;
        let texts = TextPool::new(texts);
        let mut raw = RawMatrix::EMPTY;
        let result = self.call(|_, handle, answer| {
            // SAFETY: the handle is alive, the texts outlive the call, and `raw` is a place to write to.
            unsafe { function(handle, texts.borrow(), &raw mut raw, answer) }
        });
        // SAFETY: the function of this table made the buffer, or left it empty.
        let embeddings = unsafe { self.take_matrix(raw) };
        result?;
        check_embeddings(embeddings?, texts.count())
    }

    /// The parts of `text` that speak for or against `label`, each within the text and on character borders. Capability `evidence`.
    ///
    /// # Errors
    /// [`CallError::Unsupported`] unless the method has the capability.
    pub fn evidence(&mut self, text: &str, label: LabelIndex) -> Result<Vec<Evidence>, CallError> {
        let function = self.table.evidence.ok_or(CallError::Unsupported)?;
        if label as usize >= self.n_labels {
            return Err(CallError::Input(format!(
                "label {label} is not one of the {} labels of the model",
                self.n_labels
            )));
        }
        let answer = self.call(|_, handle, answer| {
            // SAFETY: the handle is alive, and the text outlives the call.
            unsafe { function(handle, Slice::borrow(text.as_bytes()), label, answer) }
        })?;
        let evidence: Vec<Evidence> = serde_json::from_slice(&answer).map_err(|error| {
            CallError::Protocol(format!("its evidence cannot be understood: {error}"))
        })?;
        let inside = |part: &Evidence| text.get(part.start as usize..part.end as usize).is_some();
        match evidence.iter().find(|part| !inside(part)) {
            Some(part) => Err(CallError::Protocol(format!(
                "its evidence {}..{} is not a part of the text",
                part.start, part.end
            ))),
            None => Ok(evidence),
        }
    }

    /// Calls a function on the handle, unless the model panicked before.
    fn call(
        &mut self,
        function: impl FnOnce(&PluginTable, *mut c_void, *mut Buffer) -> u32,
    ) -> Result<Vec<u8>, CallError> {
        if self.panicked {
            return Err(CallError::Failed(
                "the model panicked before and is not used any more".to_owned(),
            ));
        }
        // SAFETY: the callers pass functions of this table and call them within their contract.
        let result = unsafe {
            call(&self.table, |answer| {
                function(&self.table, self.handle, answer)
            })
        };
        self.panicked = matches!(result, Err(CallError::Panicked(_)));
        result
    }

    /// # Safety
    /// A function of this table made the buffers, and they were not given back yet.
    unsafe fn take_predictions(&self, raw: RawPredictions) -> Result<Predictions, CallError> {
        let table = &self.table;
        // All buffers are given back before any of them is judged.
        // SAFETY: the caller says so, and each buffer is taken once.
        let (values, offsets, labels, decided_offsets, decided_labels) = unsafe {
            (
                take(table, raw.values, <[f32]>::to_vec),
                take(table, raw.offsets, <[u64]>::to_vec),
                take(table, raw.labels, <[u32]>::to_vec),
                take(table, raw.decided_offsets, <[u64]>::to_vec),
                take(table, raw.decided_labels, <[u32]>::to_vec),
            )
        };
        let scores = match raw.layout {
            0 => Scores::Dense {
                n_labels: usize::try_from(raw.n_labels)
                    .map_err(|_| protocol("a row of scores is too long"))?,
                values: values?,
            },
            1 => Scores::Sparse {
                offsets: offsets?,
                labels: labels?,
                values: values?,
            },
            unknown => return Err(protocol(format!("unknown layout {unknown} of scores"))),
        };
        let decided = match raw.has_decided {
            0 => None,
            _ => Some(split_sets(&decided_offsets?, &decided_labels?)?),
        };
        Ok(Predictions { scores, decided })
    }

    /// # Safety
    /// A function of this table made the buffer, and it was not given back yet.
    unsafe fn take_matrix(&self, raw: RawMatrix) -> Result<Embeddings, CallError> {
        // SAFETY: the caller says so.
        let values = unsafe { take(&self.table, raw.values, <[f32]>::to_vec) }?;
        let width =
            usize::try_from(raw.width).map_err(|_| protocol("a row of embeddings is too long"))?;
        Ok(Embeddings { width, values })
    }

    fn validate(&mut self, predictions: &mut Predictions, count: usize) -> Result<(), CallError> {
        let n_labels = self.n_labels;
        match &predictions.scores {
            Scores::Dense {
                n_labels: width,
                values,
            } => {
                if count > 0 && *width != n_labels {
                    return Err(protocol(format!(
                        "a row has {width} scores, the taxonomy has {n_labels} labels"
                    )));
                }
                if count.checked_mul(n_labels) != Some(values.len()) {
                    return Err(protocol(format!(
                        "{} scores for {count} texts and {n_labels} labels",
                        values.len()
                    )));
                }
                if let Some(position) = values.iter().position(|score| !score.is_finite()) {
                    return Err(protocol(format!(
                        "the score of label {} for text {} is not a finite number",
                        position % n_labels,
                        position / n_labels
                    )));
                }
            }
            Scores::Sparse {
                offsets,
                labels,
                values,
            } => self.validate_sparse(offsets, labels, values, count)?,
        }
        let Some(decided) = &mut predictions.decided else {
            return Ok(());
        };
        if decided.len() != count {
            return Err(protocol(format!(
                "{} decided sets for {count} texts",
                decided.len()
            )));
        }
        for (text, set) in decided.iter_mut().enumerate() {
            set.sort_unstable();
            set.dedup();
            if let Some(label) = set.last().filter(|label| **label as usize >= n_labels) {
                return Err(outside(*label, text, n_labels));
            }
        }
        Ok(())
    }

    fn validate_sparse(
        &mut self,
        offsets: &[u64],
        labels: &[LabelIndex],
        values: &[f32],
        count: usize,
    ) -> Result<(), CallError> {
        if labels.len() != values.len() {
            return Err(protocol(format!(
                "{} labels and {} scores",
                labels.len(),
                values.len()
            )));
        }
        check_offsets(offsets, labels.len(), count)?;
        self.seen.fill(0);
        for (text, pair) in offsets.windows(2).enumerate() {
            let row = pair
                .first()
                .zip(pair.last())
                .map(|(start, end)| *start as usize..*end as usize)
                .unwrap_or_default();
            let entries = labels.get(row.clone()).zip(values.get(row));
            let (labels, values) = entries.unwrap_or_default();
            let mark = text as u32 + 1;
            for (label, value) in labels.iter().zip(values) {
                let Some(seen) = self.seen.get_mut(*label as usize) else {
                    return Err(outside(*label, text, self.n_labels));
                };
                if *seen == mark {
                    return Err(protocol(format!("label {label} twice for text {text}")));
                }
                *seen = mark;
                if !value.is_finite() {
                    return Err(protocol(format!(
                        "the score of label {label} for text {text} is not a finite number"
                    )));
                }
            }
        }
        Ok(())
    }
}

impl Drop for LoadedModel {
    fn drop(&mut self) {
        // SAFETY: the handle is alive and given up here. A panic of the model's destructor is caught on the other side
        // and there is nobody to tell.
        let _ = unsafe {
            call(&self.table, |answer| {
                (self.table.unload)(self.handle, answer)
            })
        };
    }
}

impl fmt::Debug for LoadedModel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LoadedModel")
            .field("n_labels", &self.n_labels)
            .field("threshold", &self.facts.threshold)
            .finish_non_exhaustive()
    }
}

/// Texts one after the other, as they cross the seam.
struct TextPool {
    pool: String,
    offsets: Vec<u64>,
}

impl TextPool {
    fn new(texts: &[&str]) -> Self {
        let mut pool = String::with_capacity(texts.iter().map(|text| text.len()).sum());
        let mut offsets = Vec::with_capacity(texts.len() + 1);
        offsets.push(0);
        for text in texts {
            pool.push_str(text);
            offsets.push(pool.len() as u64);
        }
        Self { pool, offsets }
    }

    fn count(&self) -> usize {
        self.offsets.len() - 1
    }

    fn borrow(&self) -> Texts {
        Texts {
            pool: Slice::borrow(self.pool.as_bytes()),
            offsets: self.offsets.as_ptr(),
            count: self.count(),
        }
    }
}

fn protocol(message: impl Into<String>) -> CallError {
    CallError::Protocol(message.into())
}

fn outside(label: LabelIndex, text: usize, n_labels: usize) -> CallError {
    protocol(format!(
        "label {label} for text {text}, the taxonomy has {n_labels} labels"
    ))
}

fn check_offsets(offsets: &[u64], entries: usize, count: usize) -> Result<(), CallError> {
    let well_formed = offsets.len() == count + 1
        && offsets.first() == Some(&0)
        && offsets.last() == Some(&(entries as u64))
        && offsets.is_sorted();
    if well_formed {
        Ok(())
    } else {
        Err(protocol(format!(
            "the offsets do not cut {entries} entries into {count} rows"
        )))
    }
}

fn split_sets(offsets: &[u64], labels: &[LabelIndex]) -> Result<Vec<Vec<LabelIndex>>, CallError> {
    check_offsets(offsets, labels.len(), offsets.len().saturating_sub(1))?;
    let set = |pair: &[u64]| match *pair {
        [start, end] => labels
            .get(start as usize..end as usize)
            .unwrap_or_default()
            .to_vec(),
        _ => Vec::new(),
    };
    Ok(offsets.windows(2).map(set).collect())
}

fn check_embeddings(embeddings: Embeddings, rows: usize) -> Result<Embeddings, CallError> {
    if rows.checked_mul(embeddings.width) != Some(embeddings.values.len()) {
        return Err(protocol(format!(
            "{} numbers for {rows} vectors of width {}",
            embeddings.values.len(),
            embeddings.width
        )));
    }
    if embeddings.values.iter().any(|value| !value.is_finite()) {
        return Err(protocol("an embedding is not a finite number"));
    }
    Ok(embeddings)
}
