//! The plugin's side of the table: turns C calls into calls of the traits.

use std::any::Any;
use std::cell::RefCell;
use std::error::Error;
use std::ffi::c_void;
use std::fmt::Write as _;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use arborist_shared::LabelIndex;
use arborist_shared::run::RunEvent;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    ABI_VERSION, Buffer, HostTable, ModelFacts, PLUGIN_API_VERSION, PluginTable, RUSTC, RawMatrix,
    RawPredictions, Slice, TARGET, Texts, code,
};
use crate::events::{Host, HostCallbacks};
use crate::method::{Embeddings, Facts, Method, Model, ModelError, Predictions, Scores};
use crate::request::{LoadRequest, TrainRequest};

/// The table of a method; `torch_version` is empty when the plugin does without libtorch.
#[must_use]
pub const fn table<M: Method>(
    name: &'static str,
    plugin_version: &'static str,
    torch_version: &'static str,
) -> PluginTable {
    PluginTable {
        abi_version: ABI_VERSION,
        size: size_of::<PluginTable>() as u32,
        name: Slice::borrow(name.as_bytes()),
        plugin_api_version: Slice::borrow(PLUGIN_API_VERSION.as_bytes()),
        rustc: Slice::borrow(RUSTC.as_bytes()),
        target: Slice::borrow(TARGET.as_bytes()),
        torch_version: Slice::borrow(torch_version.as_bytes()),
        plugin_version: Slice::borrow(plugin_version.as_bytes()),
        describe: describe::<M>,
        check: check::<M>,
        memory: memory::<M>,
        train: train::<M>,
        load: load::<M>,
        predict: predict::<M>,
        unload: unload::<M>,
        free,
        label_embeddings: Some(label_embeddings::<M>),
        text_embeddings: Some(text_embeddings::<M>),
        evidence: Some(evidence::<M>),
    }
}

// The contract of all functions below is the one of the table's fields: slices are alive, out pointers are writable,
// handles come from `load` of the same table and are used by one thread at a time until `unload`.

unsafe extern "C" fn describe<M: Method>(answer: *mut Buffer) -> u32 {
    // SAFETY: `answer` is writable.
    unsafe { guard(answer, || to_json(&M::manifest())) }
}

unsafe extern "C" fn check<M: Method>(
    hyperparameters: Slice,
    facts: Slice,
    answer: *mut Buffer,
) -> u32 {
    let body = || {
        // SAFETY: both slices are alive until this function returns.
        let (hyperparameters, facts) = unsafe { (hyperparameters.as_bytes(), facts.as_bytes()) };
        let facts: Facts = from_json("facts", facts)?;
        M::check(&chosen::<M>(hyperparameters)?, &facts)?;
        Ok(Vec::new())
    };
    // SAFETY: `answer` is writable.
    unsafe { guard(answer, body) }
}

unsafe extern "C" fn memory<M: Method>(
    hyperparameters: Slice,
    facts: Slice,
    bytes: *mut u64,
    answer: *mut Buffer,
) -> u32 {
    let body = || {
        // SAFETY: both slices are alive until this function returns.
        let (hyperparameters, facts) = unsafe { (hyperparameters.as_bytes(), facts.as_bytes()) };
        let facts: Facts = from_json("facts", facts)?;
        let estimate = M::memory(&chosen::<M>(hyperparameters)?, &facts);
        // SAFETY: `bytes` is writable.
        unsafe { bytes.write(estimate) };
        Ok(Vec::new())
    };
    // SAFETY: `answer` is writable.
    unsafe { guard(answer, body) }
}

unsafe extern "C" fn train<M: Method>(
    hyperparameters: Slice,
    request: Slice,
    host: *const HostTable,
    answer: *mut Buffer,
) -> u32 {
    let body = || {
        // SAFETY: both slices are alive until this function returns.
        let (hyperparameters, request) =
            unsafe { (hyperparameters.as_bytes(), request.as_bytes()) };
        // SAFETY: the host's table is alive until this function returns.
        let table = unsafe { &*host };
        let remote = RemoteHost { table };
        let request: TrainRequest = from_json("train request", request)?;
        let hyperparameters = chosen::<M>(hyperparameters)?;
        M::train(hyperparameters, &request, &Host::new(&remote))?;
        Ok(Vec::new())
    };
    // SAFETY: `answer` is writable.
    unsafe { guard(answer, body) }
}

unsafe extern "C" fn load<M: Method>(
    request: Slice,
    model: *mut *mut c_void,
    answer: *mut Buffer,
) -> u32 {
    let body = || {
        // SAFETY: the slice is alive until this function returns.
        let request: LoadRequest = from_json("load request", unsafe { request.as_bytes() })?;
        let loaded = Box::new(M::load(&request)?);
        let facts = to_json(&ModelFacts {
            threshold: loaded.threshold(),
        })?;
        // SAFETY: `model` is writable.
        unsafe { model.write(Box::into_raw(loaded).cast()) };
        Ok(facts)
    };
    // SAFETY: `answer` is writable.
    unsafe { guard(answer, body) }
}

unsafe extern "C" fn predict<M: Method>(
    model: *mut c_void,
    texts: Texts,
    predictions: *mut RawPredictions,
    answer: *mut Buffer,
) -> u32 {
    let body = || {
        // SAFETY: the handle is a live `M::Model` that nobody else uses now, and the texts are alive until this function returns.
        let (model, texts) = unsafe { (&mut *model.cast::<M::Model>(), split_texts(texts)?) };
        let predicted = into_raw(model.predict(&texts)?);
        // SAFETY: `predictions` is writable.
        unsafe { predictions.write(predicted) };
        Ok(Vec::new())
    };
    // SAFETY: `answer` is writable.
    unsafe { guard(answer, body) }
}

unsafe extern "C" fn unload<M: Method>(model: *mut c_void, answer: *mut Buffer) -> u32 {
    let body = || {
        // SAFETY: the handle came from `Box::into_raw` in `load`, and the host gives it up with this call.
        drop(unsafe { Box::from_raw(model.cast::<M::Model>()) });
        Ok(Vec::new())
    };
    // SAFETY: `answer` is writable.
    unsafe { guard(answer, body) }
}

unsafe extern "C" fn free(buffer: Buffer) {
    // SAFETY: the host gives back what a function of this table made.
    unsafe { buffer.free() }
}

unsafe extern "C" fn label_embeddings<M: Method>(
    model: *mut c_void,
    matrix: *mut RawMatrix,
    answer: *mut Buffer,
) -> u32 {
    let body = || {
        // SAFETY: the handle is a live `M::Model` that nobody else uses now.
        let model = unsafe { &mut *model.cast::<M::Model>() };
        let raw = into_raw_matrix(model.label_embeddings()?);
        // SAFETY: `matrix` is writable.
        unsafe { matrix.write(raw) };
        Ok(Vec::new())
    };
    // SAFETY: `answer` is writable.
    unsafe { guard(answer, body) }
}

unsafe extern "C" fn text_embeddings<M: Method>(
    model: *mut c_void,
    texts: Texts,
    matrix: *mut RawMatrix,
    answer: *mut Buffer,
) -> u32 {
    let body = || {
        // SAFETY: the handle is a live `M::Model` that nobody else uses now, and the texts are alive until this function returns.
        let (model, texts) = unsafe { (&mut *model.cast::<M::Model>(), split_texts(texts)?) };
        let raw = into_raw_matrix(model.text_embeddings(&texts)?);
        // SAFETY: `matrix` is writable.
        unsafe { matrix.write(raw) };
        Ok(Vec::new())
    };
    // SAFETY: `answer` is writable.
    unsafe { guard(answer, body) }
}

unsafe extern "C" fn evidence<M: Method>(
    model: *mut c_void,
    text: Slice,
    label: LabelIndex,
    answer: *mut Buffer,
) -> u32 {
    let body = || {
        // SAFETY: the handle is a live `M::Model` that nobody else uses now, and the text is alive until this function returns.
        let (model, text) = unsafe { (&mut *model.cast::<M::Model>(), text.as_bytes()) };
        let text =
            std::str::from_utf8(text).map_err(|error| ModelError::Input(error.to_string()))?;
        to_json(&model.evidence(text, label)?)
    };
    // SAFETY: `answer` is writable.
    unsafe { guard(answer, body) }
}

/// Runs `body`, catches what it throws, and writes its result or its message to `answer`.
///
/// # Safety
/// `answer` is writable.
unsafe fn guard(answer: *mut Buffer, body: impl FnOnce() -> Result<Vec<u8>, ModelError>) -> u32 {
    watch_panics();
    PANIC_LOCATION.with(RefCell::take);
    // A model that panicked is not used again (the host sees to it), so no broken invariant is ever observed.
    let (code, bytes) = match panic::catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(bytes)) => (code::OK, bytes),
        Ok(Err(error)) => (code_of(&error), with_causes(&error).into_bytes()),
        Err(payload) => (code::PANICKED, panic_message(payload).into_bytes()),
    };
    // SAFETY: the caller says so.
    unsafe { answer.write(Buffer::from_vec(bytes)) };
    code
}

fn code_of(error: &ModelError) -> u32 {
    match error {
        ModelError::Failed(_) | ModelError::Read(_) | ModelError::Io { .. } => code::FAILED,
        ModelError::Input(_) => code::INPUT,
        ModelError::Cancelled => code::CANCELLED,
        ModelError::Unsupported => code::UNSUPPORTED,
    }
}

/// The error and its causes in one line: `cannot write model.json: no space left on device`.
fn with_causes(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a string cannot fail.
        let _ = write!(message, ": {error}");
        cause = error.source();
    }
    message
}

thread_local! {
    /// Where the last panic of this thread happened.
    static PANIC_LOCATION: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Notes where panics happen, which their payload does not say. What was installed before still runs.
fn watch_panics() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let location = info
                .location()
                .map(|location| format!("{}:{}", location.file(), location.line()));
            // A thread that is being torn down has no thread-locals any more; then the place is not reported.
            let _ = PANIC_LOCATION.try_with(|slot| slot.replace(location));
            previous(info);
        }));
    });
}

fn panic_message(payload: Box<dyn Any + Send>) -> String {
    let text = payload
        .downcast_ref::<&'static str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned());
    // Dropping a payload may panic again; then that panic's payload is leaked.
    if let Err(again) = panic::catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(again);
    }
    match PANIC_LOCATION.with(RefCell::take) {
        Some(location) => format!("{text} (at {location})"),
        None => text,
    }
}

fn to_json(value: &impl Serialize) -> Result<Vec<u8>, ModelError> {
    serde_json::to_vec(value).map_err(|error| ModelError::failed("cannot write JSON", error))
}

fn from_json<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, ModelError> {
    serde_json::from_slice(bytes)
        .map_err(|error| ModelError::Input(format!("the {what} cannot be understood: {error}")))
}

/// Hyperparameters from JSON. What is not said has the schema's default; what the schema does not have is refused.
fn chosen<M: Method>(bytes: &[u8]) -> Result<M::Hyperparameters, ModelError> {
    const WHAT: &str = "hyperparameters";
    let mut said: Value = from_json(WHAT, bytes)?;
    let schema = M::manifest().hyperparameters;
    if let (Some(said), Some(properties)) = (
        said.as_object_mut(),
        schema.get("properties").and_then(Value::as_object),
    ) {
        if let Some(unknown) = said.keys().find(|key| !properties.contains_key(*key)) {
            return Err(ModelError::Input(format!(
                "the {WHAT} hold `{unknown}`, which this method does not have"
            )));
        }
        for (key, property) in properties {
            if let (false, Some(default)) = (said.contains_key(key), property.get("default")) {
                said.insert(key.clone(), default.clone());
            }
        }
    }
    serde_json::from_value(said)
        .map_err(|error| ModelError::Input(format!("the {WHAT} cannot be understood: {error}")))
}

/// # Safety
/// The texts are alive, and stay so for `'a`.
unsafe fn split_texts<'a>(texts: Texts) -> Result<Vec<&'a str>, ModelError> {
    if texts.count == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: the caller says so; there is one offset more than texts.
    let (pool, offsets) = unsafe {
        (
            texts.pool.as_bytes(),
            std::slice::from_raw_parts(texts.offsets, texts.count + 1),
        )
    };
    let slice = |(index, pair): (usize, &[u64])| {
        let [start, end] = *pair else {
            return Err(ModelError::Input(format!("text {index} has no end")));
        };
        usize::try_from(start)
            .ok()
            .zip(usize::try_from(end).ok())
            .and_then(|(start, end)| pool.get(start..end))
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .ok_or_else(|| ModelError::Input(format!("text {index} is not UTF-8")))
    };
    offsets.windows(2).enumerate().map(slice).collect()
}

fn into_raw(predictions: Predictions) -> RawPredictions {
    let mut raw = RawPredictions::EMPTY;
    match predictions.scores {
        Scores::Dense { n_labels, values } => {
            raw.n_labels = n_labels as u64;
            raw.values = Buffer::from_vec(values);
        }
        Scores::Sparse {
            offsets,
            labels,
            values,
        } => {
            raw.layout = 1;
            raw.offsets = Buffer::from_vec(offsets);
            raw.labels = Buffer::from_vec(labels);
            raw.values = Buffer::from_vec(values);
        }
    }
    if let Some(decided) = predictions.decided {
        let mut offsets = Vec::with_capacity(decided.len() + 1);
        let mut labels = Vec::with_capacity(decided.iter().map(Vec::len).sum());
        offsets.push(0_u64);
        for set in decided {
            labels.extend(set);
            offsets.push(labels.len() as u64);
        }
        raw.has_decided = 1;
        raw.decided_offsets = Buffer::from_vec(offsets);
        raw.decided_labels = Buffer::from_vec(labels);
    }
    raw
}

fn into_raw_matrix(embeddings: Embeddings) -> RawMatrix {
    RawMatrix {
        width: embeddings.width as u64,
        values: Buffer::from_vec(embeddings.values),
    }
}

/// The host as the plugin sees it.
struct RemoteHost<'a> {
    table: &'a HostTable,
}

// SAFETY: the host promises that both functions may be called from any thread.
unsafe impl Sync for RemoteHost<'_> {}

impl HostCallbacks for RemoteHost<'_> {
    fn emit(&self, event: RunEvent) {
        // An event has string keys and finite numbers only (`Host::emit` sees to it), so it can always be written.
        if let Ok(json) = serde_json::to_vec(&event) {
            // SAFETY: the table is alive for the call, and the slice until `emit` returns.
            unsafe { (self.table.emit)(self.table.context, Slice::borrow(&json)) }
        }
    }

    fn is_cancelled(&self) -> bool {
        // SAFETY: the table is alive for the call.
        unsafe { (self.table.is_cancelled)(self.table.context) != 0 }
    }
}
