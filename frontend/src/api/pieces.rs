//! Large files in pieces: what has arrived is kept by the server, so that a lost connection, a pause or a page that was
//! loaded again cost no more than the piece that was under way.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use arborist_shared::api::uploads::{self, NewUpload, UploadAnswer, UploadList};
use gloo_net::http::Method;
use gloo_timers::future::TimeoutFuture;
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::Blob;
use yew::Callback;

use super::upload::{self, Sent, Upload};
use super::{Answer, ApiError, delete, get, post};

/// Bytes of a piece. Smaller files are sent at once.
pub const PIECE: f64 = 8.0 * 1024.0 * 1024.0;
/// Waiting before the connection is tried again; each time twice as long, up to the second.
const FIRST_WAIT_MS: u32 = 500;
const LONGEST_WAIT_MS: u32 = 10_000;
/// Whoever pauses is looked after this often.
const PAUSE_MS: u32 = 150;

/// How sending goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Course {
    /// Bytes that have left.
    Sent(Sent),
    /// The person paused it.
    Paused,
    /// The connection is lost; it is tried again.
    Lost(ApiError),
}

/// What is sent.
#[derive(Clone, PartialEq)]
pub struct Parcel {
    pub project: i64,
    pub body: Blob,
    pub name: String,
    /// What the same file is known by when it is chosen again.
    pub mark: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    GoOn,
    Pause,
    Stop,
}

/// Sending in pieces, to be paused and stopped. It goes on when the page is left within the dashboard.
#[derive(Clone)]
pub struct Pieces {
    wish: Rc<Cell<Wish>>,
    request: Rc<RefCell<Option<Upload>>>,
}

impl PartialEq for Pieces {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.wish, &other.wish)
    }
}

impl Pieces {
    /// Begins, or goes on with what an earlier visit has sent of the same file. `done` gets the id of the upload.
    pub fn start(
        parcel: Parcel,
        progress: Callback<Course>,
        done: Callback<Answer<String>>,
    ) -> Self {
        let pieces = Self {
            wish: Rc::new(Cell::new(Wish::GoOn)),
            request: Rc::default(),
        };
        let sender = Sender {
            pieces: pieces.clone(),
            parcel,
            progress,
        };
        spawn_local(async move { done.emit(sender.send().await) });
        pieces
    }

    pub fn pause(&self) {
        self.wish(Wish::Pause);
    }

    pub fn go_on(&self) {
        self.wish(Wish::GoOn);
    }

    /// Ends it; what has arrived is removed.
    pub fn stop(&self) {
        self.wish(Wish::Stop);
    }

    fn wish(&self, wish: Wish) {
        self.wish.set(wish);
        if let Some(request) = self.request.borrow_mut().take()
            && wish != Wish::GoOn
        {
            request.abort();
        }
    }
}

struct Sender {
    pieces: Pieces,
    parcel: Parcel,
    progress: Callback<Course>,
}

impl Sender {
    async fn send(&self) -> Answer<String> {
        let total = self.parcel.body.size();
        let mut upload = self.patiently(async || self.find_or_begin().await).await?;
        let mut at = upload.n_received as f64;
        loop {
            self.emit(at);
            match self.pieces.wish.get() {
                Wish::GoOn => {}
                Wish::Stop => {
                    delete(&format!("/uploads/{}", upload.id)).await?;
                    return Err(ApiError::Aborted);
                }
                Wish::Pause => {
                    self.progress.emit(Course::Paused);
                    while self.pieces.wish.get() == Wish::Pause {
                        TimeoutFuture::new(PAUSE_MS).await;
                    }
                    continue;
                }
            }
            if at >= total {
                return Ok(upload.id);
            }
            let end = (at + PIECE).min(total);
            match self.piece(&upload.id, at, end).await {
                Ok(()) => {
                    at = end;
                    continue;
                }
                Err(ApiError::Aborted) => {}
                Err(error) if is_passing(&error) => self.progress.emit(Course::Lost(error)),
                Err(error) => return Err(error),
            }
            // How much of the piece arrived, only the server knows.
            upload = self.patiently(async || self.ask(&upload.id).await).await?;
            at = upload.n_received as f64;
        }
    }

    /// Asks until the server answers, or nobody wants to know any more.
    async fn patiently<T>(&self, ask: impl AsyncFn() -> Answer<T>) -> Answer<T> {
        let mut wait = FIRST_WAIT_MS;
        loop {
            match ask().await {
                Err(error) if is_passing(&error) && self.pieces.wish.get() != Wish::Stop => {
                    self.progress.emit(Course::Lost(error));
                    TimeoutFuture::new(wait).await;
                    wait = (2 * wait).min(LONGEST_WAIT_MS);
                }
                Err(error) if self.pieces.wish.get() == Wish::Stop && is_passing(&error) => {
                    return Err(ApiError::Aborted);
                }
                answer => return answer,
            }
        }
    }

    async fn find_or_begin(&self) -> Answer<uploads::Upload> {
        let Parcel {
            project,
            body,
            name,
            mark,
        } = &self.parcel;
        let path = format!("/projects/{project}/uploads");
        let n_bytes = body.size() as u64;
        let open: UploadList = get(&path, &[("mark", mark.clone())]).await?;
        if let Some(upload) = open.uploads.into_iter().find(|it| it.n_bytes == n_bytes) {
            return Ok(upload);
        }
        let new = NewUpload {
            name: name.clone(),
            n_bytes,
            content_hash: None,
            mark: Some(mark.clone()),
        };
        let answer: UploadAnswer = post(&path, &[], &new).await?;
        Ok(answer.upload)
    }

    async fn ask(&self, id: &str) -> Answer<uploads::Upload> {
        match get::<UploadAnswer>(&format!("/uploads/{id}"), &[]).await {
            Ok(answer) => Ok(answer.upload),
            // It waited for too long; from the beginning, then.
            Err(error) if error.code() == Some("upload_not_found") => self.find_or_begin().await,
            Err(error) => Err(error),
        }
    }

    fn emit(&self, bytes: f64) {
        self.progress.emit(Course::Sent(Sent {
            bytes,
            total: self.parcel.body.size(),
        }));
    }

    async fn piece(&self, id: &str, at: f64, end: f64) -> Answer<()> {
        let unreadable = |error: JsValue| ApiError::Unreadable {
            detail: format!("the file could not be read: {error:?}"),
        };
        let body = &self.parcel.body;
        let piece = body.slice_with_f64_and_f64(at, end).map_err(unreadable)?;
        let progress = {
            let (progress, total) = (self.progress.clone(), body.size());
            Callback::from(move |sent: Sent| {
                progress.emit(Course::Sent(Sent {
                    bytes: at + sent.bytes,
                    total,
                }));
            })
        };
        let answer: Rc<RefCell<Option<Answer<String>>>> = Rc::default();
        let mut started = Ok(());
        let ended = Promise::new(&mut |resolve, _| {
            let answer = answer.clone();
            let done = Callback::from(move |given| {
                *answer.borrow_mut() = Some(given);
                // Resolving does not fail.
                let _ = resolve.call0(&JsValue::NULL);
            });
            let headers = [
                ("content-type", "application/offset+octet-stream".to_owned()),
                ("upload-offset", at.to_string()),
            ];
            let address = super::address(&format!("/uploads/{id}"), &[]);
            match upload::open(
                &Method::PATCH,
                &address,
                &headers,
                &piece,
                progress.clone(),
                done,
            ) {
                Ok(request) => *self.pieces.request.borrow_mut() = Some(request),
                Err(error) => started = Err(error),
            }
        });
        started?;
        // It is only ever resolved.
        let _ = JsFuture::from(ended).await;
        self.pieces.request.borrow_mut().take();
        let answer = answer.borrow_mut().take();
        answer.unwrap_or(Err(ApiError::Aborted)).map(drop)
    }
}

/// Whether it may go well the next time: the connection is lost, the server starts anew, or still holds the last request.
fn is_passing(error: &ApiError) -> bool {
    matches!(error, ApiError::Network { .. })
        || matches!(error.status(), Some(502..=504))
        || error.code() == Some("upload_offset")
}
