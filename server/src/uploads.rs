//! Uploads in pieces: a file that is sent with many requests, and goes on where it broke off.
//!
//! Sending follows the core of tus 1.0: `HEAD` tells how much has arrived, `PATCH` goes on from there. What has arrived lies
//! in the folder of uploads, with a small file beside it that says what it is and whose, so that it outlives the server;
//! how much there is, its length says. Only who began it goes on, and what nobody goes on with is removed after a while.
//! Receiving a file with one request is the business of `http::upload`; both end in the same kind of file.

mod arrival;
pub mod routes;
mod session;

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use actix_web::HttpRequest;
use actix_web::web::Payload;

use crate::App;
use crate::accounts::Caller;
use crate::http::problem::{ApiError, Code};
use crate::http::upload::{self, Upload};

use session::{About, Owner, Session};

/// How long an upload waits for more of it, or for its use.
const KEPT: Duration = Duration::from_secs(48 * 3600);
/// Uploads that one caller may have open.
const MAX_OPEN: usize = 20;

/// Uploads that were asked for since the server started.
#[derive(Debug, Default)]
pub struct Uploads {
    open: Mutex<HashMap<String, Arc<Session>>>,
}

impl Uploads {
    fn open(&self) -> MutexGuard<'_, HashMap<String, Arc<Session>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An upload that is in memory or on disk.
    fn find(&self, app: &App, id: &str) -> std::io::Result<Option<Arc<Session>>> {
        // It becomes the name of a file.
        if id.len() != 32 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let mut open = self.open();
        if let Some(session) = open.get(id) {
            return Ok(Some(Arc::clone(session)));
        }
        let Some(about) = About::read(&app.folders.uploads(), id)? else {
            return Ok(None);
        };
        let session = Arc::new(Session::new(app.folders.uploads(), id.to_owned(), about));
        open.insert(id.to_owned(), Arc::clone(&session));
        Ok(Some(session))
    }

    fn forget(&self, session: &Session) {
        self.open().remove(&session.id);
    }
}

/// An upload of the caller.
///
/// # Errors
/// `upload_not_found`, also where it is somebody else's.
async fn own(app: &App, caller: &Caller, id: &str) -> Result<Arc<Session>, ApiError> {
    let not_found = || {
        ApiError::new(
            Code::UploadNotFound,
            format!("there is no upload `{id}` of yours; it may be too old, begin a new one"),
        )
    };
    let session = app.uploads.find(app, id)?.ok_or_else(not_found)?;
    if session.about.owner != Owner::from(caller) || is_over(&session)? {
        return Err(not_found());
    }
    Ok(session)
}

fn is_over(session: &Session) -> std::io::Result<bool> {
    match session.touched() {
        Ok(touched) => Ok(SystemTime::now() > touched + KEPT),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// All uploads on disk, also those that nobody asked for since the server started.
fn all(app: &App) -> std::io::Result<Vec<Arc<Session>>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(app.folders.uploads())? {
        let name = entry?.file_name();
        let id = name.to_str().and_then(session::id_of);
        if let Some(session) = id.map(|id| app.uploads.find(app, id)).transpose()? {
            all.extend(session);
        }
    }
    all.sort_by_key(|upload| std::cmp::Reverse(upload.about.created_at));
    Ok(all)
}

/// Removes uploads that nobody went on with. Answers the names of the files that others keep.
///
/// # Errors
/// When the folder cannot be read.
pub fn clear_up(app: &App) -> std::io::Result<Vec<String>> {
    let mut kept = Vec::new();
    for session in all(app)? {
        if is_over(&session)? {
            tracing::info!(
                upload = session.id,
                "removes an upload that nobody went on with"
            );
            session.remove()?;
            app.uploads.forget(&session);
        } else {
            kept.extend(session.files());
        }
    }
    Ok(kept)
}

/// A file for an import: it came with the request, or was sent before.
pub struct Incoming {
    pub upload: Upload,
    session: Option<Arc<Session>>,
}

impl Incoming {
    /// The job that reads the file is in the queue; the upload is its own now.
    pub fn used(mut self, app: &App) {
        let Some(session) = self.session.take() else {
            return;
        };
        // The file stays: the job removes it.
        if let Err(error) = session.forget_about() {
            tracing::warn!(upload = session.id, %error, "could not forget an upload");
        }
        app.uploads.forget(&session);
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // No job was queued: another request may take it.
        if let Some(session) = &self.session {
            session.is_taken.store(false, Ordering::Release);
        }
    }
}

/// Where a file comes from, and how large it may be.
pub struct Wanted<'a> {
    pub project: i64,
    /// Id of an upload that was sent in pieces; none where the body is the file.
    pub upload: Option<&'a str>,
    /// What the query calls it.
    pub name: Option<&'a str>,
    pub max_bytes: u64,
}

/// Receives the body, or takes what was sent before.
///
/// # Errors
/// As [`upload::receive`]; `upload_not_found`; `upload_incomplete`, where not all of it has arrived.
pub async fn take(
    app: &App,
    caller: &Caller,
    request: &HttpRequest,
    payload: Payload,
    wanted: Wanted<'_>,
) -> Result<Incoming, ApiError> {
    let Some(id) = wanted.upload.filter(|id| !id.is_empty()) else {
        let upload = upload::receive(app, request, payload, wanted.name, wanted.max_bytes).await?;
        return Ok(Incoming {
            upload,
            session: None,
        });
    };
    let session = own(app, caller, id).await?;
    if session.about.project != wanted.project {
        return Err(ApiError::field(
            "upload",
            format!(
                "it was sent for project {}, expected one for project {}",
                session.about.project, wanted.project
            ),
        ));
    }
    let n_bytes = session.about.n_bytes;
    if n_bytes > wanted.max_bytes {
        return Err(upload::too_large(wanted.max_bytes));
    }
    let content_hash = arrival::content_hash(&session).await?;
    if session.is_taken.swap(true, Ordering::AcqRel) {
        return Err(ApiError::new(
            Code::UploadNotFound,
            "another request takes this upload",
        ));
    }
    let name = wanted.name.filter(|name| !name.is_empty());
    Ok(Incoming {
        upload: Upload {
            file: session.id.clone(),
            name: upload::display_name(name.unwrap_or(&session.about.name)),
            n_bytes,
            content_hash,
        },
        session: Some(session),
    })
}
