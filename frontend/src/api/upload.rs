//! Sending files with their progress. `fetch` cannot tell how much of a body has left; `XMLHttpRequest` can.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo_net::http::Method;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Blob, ProgressEvent, XmlHttpRequest};
use yew::Callback;

use super::{Answer, ApiError, judge, parse};

/// How much of an upload has left.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sent {
    pub bytes: f64,
    pub total: f64,
}

/// A running upload. It goes on when the page is left; only [`Upload::abort`] stops it.
#[derive(Clone)]
pub struct Upload {
    request: XmlHttpRequest,
    aborted: Rc<Cell<bool>>,
}

impl PartialEq for Upload {
    fn eq(&self, other: &Self) -> bool {
        self.request == other.request
    }
}

impl Upload {
    pub fn abort(&self) {
        self.aborted.set(true);
        // Aborting a finished request is no error worth telling.
        let _ = self.request.abort();
    }
}

type Listeners = (
    Closure<dyn FnMut(ProgressEvent)>,
    Closure<dyn FnMut(ProgressEvent)>,
);

/// Sends a file with one request.
pub(super) fn start<T: DeserializeOwned + 'static>(
    address: &str,
    body: &Blob,
    progress: Callback<Sent>,
    done: Callback<Answer<T>>,
) -> Answer<Upload> {
    let headers = [("content-type", "application/octet-stream".to_owned())];
    let done = done.reform(|answer: Answer<String>| answer.and_then(|body| parse(&body)));
    open(&Method::POST, address, &headers, body, progress, done)
}

/// Sends a body; `done` gets that of a good answer.
pub(super) fn open(
    method: &Method,
    address: &str,
    headers: &[(&str, String)],
    body: &Blob,
    progress: Callback<Sent>,
    done: Callback<Answer<String>>,
) -> Answer<Upload> {
    let unusable = |error| ApiError::Unreadable {
        detail: format!("{error:?}"),
    };
    let request = XmlHttpRequest::new().map_err(unusable)?;
    request.open(method.as_ref(), address).map_err(unusable)?;
    for (name, value) in headers {
        request.set_request_header(name, value).map_err(unusable)?;
    }
    request
        .set_request_header("accept", "application/json, application/problem+json")
        .map_err(unusable)?;

    let on_progress = Closure::<dyn FnMut(ProgressEvent)>::new(move |event: ProgressEvent| {
        progress.emit(Sent {
            bytes: event.loaded(),
            total: event.total(),
        });
    });
    let aborted = Rc::new(Cell::new(false));
    // The closures live until the request has ended, whichever way; `loadend` comes last and once.
    let keep: Rc<RefCell<Option<Listeners>>> = Rc::default();
    let on_end = {
        let (keep, request, aborted) = (keep.clone(), request.clone(), aborted.clone());
        Closure::<dyn FnMut(ProgressEvent)>::new(move |_| {
            let status = request.status().unwrap_or_default();
            let body = request.response_text().ok().flatten().unwrap_or_default();
            let answer = match status {
                0 if aborted.get() => Err(ApiError::Aborted),
                0 => Err(ApiError::Network {
                    detail: "the connection broke during the upload".into(),
                }),
                _ => judge(status, body),
            };
            done.emit(answer);
            // Dropping a closure while it runs is not allowed, so the last reference goes a tick later.
            let keep = keep.clone();
            wasm_bindgen_futures::spawn_local(async move { drop(keep.borrow_mut().take()) });
        })
    };
    if let Ok(target) = request.upload() {
        target.set_onprogress(Some(on_progress.as_ref().unchecked_ref()));
    }
    request.set_onloadend(Some(on_end.as_ref().unchecked_ref()));
    *keep.borrow_mut() = Some((on_progress, on_end));
    request.send_with_opt_blob(Some(body)).map_err(unusable)?;
    Ok(Upload { request, aborted })
}
