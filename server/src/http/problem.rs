//! Errors as people and programs see them: `application/problem+json` (RFC 9457).
//!
//! Handlers return [`ApiError`] and nothing else. Every kind of problem is a line of the table [`Code`], which fixes its
//! stable name, status and title; what varies goes into `detail`. Rooms whose logic has an error type of its own turn it
//! into an `ApiError` by a `From` in their `routes.rs`. What is nobody's fault but ours becomes `internal`: it is logged
//! here, once, with its sources, and shown without them. `anyhow` does not occur in the request cycle.

use std::error::Error;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use arborist_shared::api::drafts::Meanwhile;
use arborist_shared::api::problem::{FieldError, Problem};

/// Writes the table of codes.
macro_rules! codes {
    ($($variant:ident = $name:literal, $status:literal, $title:literal;)+) => {
        /// Every problem that the interface can answer with.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code { $($variant,)+ }

        impl Code {
            /// All codes, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Stable name, also the end of the problem's `type`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Status of the answer.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }

            /// One sentence, the same for every occurrence.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }
        }
    };
}

codes! {
    BadRequest = "bad_request", 400, "The request could not be understood";
    MalformedJson = "malformed_json", 400, "The body is not the JSON that was expected";
    MalformedQuery = "malformed_query", 400, "The query string has a wrong or missing value";
    MalformedUpload = "malformed_upload", 400, "The upload could not be read";
    CursorInvalid = "cursor_invalid", 400, "The cursor does not belong to this list";
    SignInRequired = "sign_in_required", 401, "Sign in, or send an API key";
    SignInRefused = "sign_in_refused", 401, "Name or password is wrong";
    FirstStartRefused = "first_start_refused", 401, "The first-start link is not valid";
    Forbidden = "forbidden", 403, "Your role does not allow this";
    ForeignOrigin = "foreign_origin", 403, "The request comes from another site";
    RouteNotFound = "route_not_found", 404, "There is nothing at this address";
    ProjectNotFound = "project_not_found", 404, "There is no such project";
    TaxonomyNotFound = "taxonomy_not_found", 404, "There is no such taxonomy";
    CorpusNotFound = "corpus_not_found", 404, "There is no such corpus";
    DocumentNotFound = "document_not_found", 404, "There is no such document";
    AssetNotFound = "asset_not_found", 404, "There is no such asset";
    ExportNotFound = "export_not_found", 404, "There is no such export";
    JobNotFound = "job_not_found", 404, "There is no such job";
    RunNotFound = "run_not_found", 404, "There is no such run";
    MetricsNotFound = "metrics_not_found", 404, "The run has no figures for this split";
    ComparisonNotFound = "comparison_not_found", 404, "There is no such comparison";
    DraftNotFound = "draft_not_found", 404, "There is no such draft";
    LabelNotFound = "label_not_found", 404, "There is no such label";
    LinkNotFound = "link_not_found", 404, "There is no such link";
    UploadNotFound = "upload_not_found", 404, "There is no such upload";
    DeviceNotFound = "device_not_found", 404, "There is no such device";
    GroupNotFound = "group_not_found", 404, "There is no such group";
    KeyNotFound = "key_not_found", 404, "There is no such key";
    ContentNotFound = "content_not_found", 404, "There is no such content";
    MethodNotAllowed = "method_not_allowed", 405, "This address does not know the method";
    JobNotWaiting = "job_not_waiting", 409, "The job does not wait";
    JobNotEnded = "job_not_ended", 409, "The job cannot be queued again";
    ExportNotReady = "export_not_ready", 409, "The export is not written yet";
    UploadOffset = "upload_offset", 409, "The bytes do not go on where the last ones ended";
    UploadIncomplete = "upload_incomplete", 409, "Not all of the file has arrived";
    RunNotReady = "run_not_ready", 409, "The run has no usable model";
    DraftStale = "draft_stale", 409, "Others changed the draft meanwhile";
    DraftClosed = "draft_closed", 409, "The draft takes no edits";
    DraftEmpty = "draft_empty", 409, "The draft changes nothing";
    DraftCurrent = "draft_current", 409, "The draft changes the newest taxonomy";
    UndoRefused = "undo_refused", 409, "Something that was edited later stands in the way";
    NothingToTurn = "nothing_to_turn", 409, "There is nothing to undo or redo";
    ReviewSettled = "review_settled", 409, "Nothing waits for this decision";
    CorpusSuperseded = "corpus_superseded", 409, "There is a newer corpus";
    TaxonomySuperseded = "taxonomy_superseded", 409, "There is a newer taxonomy";
    TaxonomyNotPublished = "taxonomy_not_published", 409, "The taxonomy did not come out of another one";
    FirstStartDone = "first_start_done", 409, "The administrator's password is already set";
    AttemptEnded = "attempt_ended", 410, "The attempt has ended";
    PayloadTooLarge = "payload_too_large", 413, "The body is larger than allowed";
    UnsupportedMediaType = "unsupported_media_type", 415, "The content type is not supported";
    RangeNotSatisfiable = "range_not_satisfiable", 416, "The file does not have the bytes asked for";
    FieldInvalid = "field_invalid", 422, "A field has a value that cannot be used";
    ContentRefused = "content_refused", 422, "A file of an attempt cannot be taken";
    UploadCorrupt = "upload_corrupt", 422, "What has arrived is not what was sent";
    EditRefused = "edit_refused", 422, "An edit cannot be done";
    PluginNotFound = "plugin_not_found", 422, "No such method is installed";
    HyperparametersInvalid = "hyperparameters_invalid", 422, "The hyperparameters do not fit the method";
    RunTooLarge = "run_too_large", 422, "The run would not fit into memory";
    ComparisonImpossible = "comparison_impossible", 422, "These runs cannot be compared";
    TooManyUploads = "too_many_uploads", 429, "Too many uploads are open";
    TooManyJobs = "too_many_jobs", 429, "Too many jobs wait already";
    TooManyRequests = "too_many_requests", 429, "Too many attempts";
    Internal = "internal", 500, "The server failed";
    PredictionFailed = "prediction_failed", 502, "The model failed";
    Unavailable = "unavailable", 503, "The server is busy or stopping";
    StorageFull = "storage_full", 507, "The server's disk is full";
}

/// A problem on its way to the client.
#[derive(Debug)]
pub struct ApiError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    code: Code,
    detail: String,
    errors: Vec<FieldError>,
    meanwhile: Option<Box<Meanwhile>>,
    retry_after_s: Option<u64>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl ApiError {
    /// A problem with its particulars: what was found, where, and what was expected.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            meanwhile: None,
            retry_after_s: None,
            source: None,
        }))
    }

    /// A failure of our own. The sources are logged; the client learns only that it happened and where to look.
    #[must_use]
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let mut error = Self::new(
            Code::Internal,
            "something failed on our side; the server's log says what",
        );
        error.0.source = Some(source.into());
        error
    }

    /// The same, of something that is part of a larger request: its fields are below this JSON pointer.
    #[must_use]
    pub fn within(mut self, pointer: &str) -> Self {
        for error in &mut self.0.errors {
            error.field = format!("{pointer}{}", error.field);
        }
        self
    }

    /// One field that cannot be used; `field` is a JSON pointer or the name of a query parameter.
    #[must_use]
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::new(Code::FieldInvalid, format!("{field}: {message}")).with_error(field, message)
    }

    /// Adds a field at fault.
    #[must_use]
    pub fn with_error(mut self, field: &str, message: impl Into<String>) -> Self {
        self.0.errors.push(FieldError {
            field: field.to_owned(),
            message: message.into(),
        });
        self
    }

    /// Says what others did.
    #[must_use]
    pub fn with_meanwhile(mut self, meanwhile: Meanwhile) -> Self {
        self.0.meanwhile = Some(Box::new(meanwhile));
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }

    /// Kind of the problem.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The body, for the request path `instance`.
    #[must_use]
    pub fn body(&self, instance: Option<&str>) -> Problem {
        Problem {
            kind: format!("urn:arborist:{}", self.0.code.name()),
            title: self.0.code.title().to_owned(),
            status: self.0.code.status(),
            detail: self.0.detail.clone(),
            instance: instance.map(str::to_owned),
            errors: self.0.errors.clone(),
            meanwhile: self.0.meanwhile.clone(),
        }
    }

    /// The answer, for the request path `instance`.
    #[must_use]
    pub fn response(&self, instance: Option<&str>) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response
            .content_type("application/problem+json")
            .insert_header((header::CACHE_CONTROL, "no-store"));
        if let Some(seconds) = self.0.retry_after_s {
            response.insert_header((header::RETRY_AFTER, HeaderValue::from(seconds)));
        }
        if self.0.code.status() == 401 {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        let body = serde_json::to_vec(&self.body(instance)).unwrap_or_default();
        response.body(body)
    }

    /// Logs what the client is not told.
    pub fn log(&self) {
        if let Some(source) = &self.0.source {
            let mut chain = source.to_string();
            let mut next = source.source();
            while let Some(source) = next {
                chain.push_str(": ");
                chain.push_str(&source.to_string());
                next = source.source();
            }
            tracing::error!(error = %chain, "a request failed on our side");
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.name(), self.0.detail)
    }
}

impl Error for ApiError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        self.response(None)
    }
}

impl From<crate::db::DbErr> for ApiError {
    fn from(error: crate::db::DbErr) -> Self {
        Self::internal(error)
    }
}

impl From<std::io::Error> for ApiError {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::StorageFull {
            tracing::error!("the disk is full");
            return Self::new(
                Code::StorageFull,
                "nothing more can be written there; what was written stays",
            );
        }
        Self::internal(error)
    }
}

impl From<serde_json::Error> for ApiError {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(error)
    }
}

impl From<tokio::task::JoinError> for ApiError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::internal(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_named_once() {
        let mut names: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
        let n = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), n);
    }

    #[test]
    fn internal_problems_do_not_show_their_source() {
        let error = ApiError::internal("the password is hunter2");
        assert!(
            !serde_json::to_string(&error.body(None))
                .unwrap()
                .contains("hunter2")
        );
        assert_eq!(error.status_code(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
