//! Pieces of files, and several files joined into one body.

use arborist_shared::split::Split;
use js_sys::{Array, Uint8Array};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, File};
use yew::{AttrValue, Callback};

use crate::api::ApiError;
use crate::components::field::Choice;
use crate::model::jsonl::Marker;

/// Bytes that are read at a time.
const PIECE: f64 = 4.0 * 1024.0 * 1024.0;

/// The beginning of a file, and whether something follows.
pub fn slice(file: &File, most: f64) -> (Blob, bool) {
    if file.size() <= most {
        return (Blob::from(file.clone()), false);
    }
    match file.slice_with_f64_and_f64(0.0, most) {
        Ok(head) => (head, true),
        Err(_) => (Blob::from(file.clone()), false),
    }
}

/// What a file is known by when it is chosen again: its name, its length, and when it was changed.
pub fn mark(file: &File) -> String {
    let changed = file.last_modified();
    format!("{} {} {changed}", file.name(), file.size())
}

/// Whether the file is a zip archive, by its name.
pub fn is_archive(file: &File) -> bool {
    file.name().to_ascii_lowercase().ends_with(".zip")
}

fn unreadable(error: &JsValue) -> ApiError {
    ApiError::Unreadable {
        detail: format!("the file could not be read: {error:?}"),
    }
}

/// Joins files of JSON lines; each row gets the split of its file. Pieces go straight into the browser's
/// own store of blobs, so memory stays small however large the files are.
pub async fn join(
    files: Vec<(File, Option<Split>)>,
    progress: Callback<f64>,
) -> Result<Blob, ApiError> {
    let total: f64 = files.iter().map(|(file, _)| file.size()).sum();
    let parts = Array::new();
    let mut done = 0.0;
    for (file, split) in files {
        let mut marker = Marker::new(split);
        let mut at = 0.0;
        while at < file.size() {
            let end = (at + PIECE).min(file.size());
            let piece = file
                .slice_with_f64_and_f64(at, end)
                .map_err(|error| unreadable(&error))?;
            let bytes = JsFuture::from(piece.array_buffer())
                .await
                .map_err(|error| unreadable(&error))?;
            parts.push(&JsValue::from(blob(
                &marker.feed(&Uint8Array::new(&bytes).to_vec()),
            )?));
            done += end - at;
            at = end;
            progress.emit(if total > 0.0 { done / total } else { 1.0 });
        }
        parts.push(&JsValue::from(blob(marker.end())?));
    }
    Blob::new_with_blob_sequence(&parts).map_err(|error| unreadable(&error))
}

fn blob(bytes: &[u8]) -> Result<Blob, ApiError> {
    let parts = Array::of1(&Uint8Array::from(bytes));
    Blob::new_with_u8_array_sequence(&parts).map_err(|error| unreadable(&error))
}

/// Choices of a format, the detected one first.
pub fn named_formats(formats: &[(&'static str, &'static str)], detected: &str) -> Vec<Choice> {
    let name = formats
        .iter()
        .find(|(word, _)| *word == detected)
        .map_or(detected, |(_, name)| *name);
    let automatic = if detected.is_empty() {
        "Recognize it".to_owned()
    } else {
        format!("Recognized: {name}")
    };
    let mut choices: Vec<Choice> = vec![("".into(), automatic.into())];
    choices.extend(
        formats
            .iter()
            .map(|(word, name)| (AttrValue::Static(word), AttrValue::Static(name))),
    );
    choices
}
