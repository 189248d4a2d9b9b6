//! The HTTP server: starting and stopping it, and what all addresses have in common.
//!
//! Rooms bring their own addresses; here they are put together, wrapped in the layers that every request passes through,
//! and described as OpenAPI. The order of the layers is stated once, in [`start`].

mod health;
mod layers;
mod openapi;
pub mod paging;
pub mod problem;
mod ui;
pub mod upload;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header;
use actix_web::middleware::{Compress, from_fn};
use actix_web::web::{self, Bytes};
use actix_web::{App as ActixApp, HttpResponse, HttpServer};
use anyhow::Context;
use arborist_shared::api::jobs::Accepted;
use futures_util::{Stream, stream};
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tracing_actix_web::TracingLogger;
use utoipa_actix_web::AppExt;

use crate::accounts::{self, CallerCache, FirstStart, SignInLimit};
use crate::analysis::{self, AnalysisCache};
use crate::app::Folders;
use crate::db::{Db, DbErr};
use crate::devices::{self, Devices};
use crate::jobs::{self, Jobs, Runner};
use crate::projects::KnownProjects;
use crate::remote::{self, Attempts, RayExecutor};
use crate::runs::models::Models;
use crate::runs::{FitCache, IntervalCache, NewerCache};
use crate::uploads::{self, Uploads};
use crate::work::LocalExecutor;
use crate::{
    App, assets, comparisons, corpora, drafts, plugins, projects, reviews, runs, sample, taxonomies,
};

use problem::{ApiError, Code};

pub use crate::app::ServeOptions;
pub use openapi::document as openapi_document;

/// JSON bodies are small, except where an address says otherwise.
const JSON_LIMIT: usize = 1 << 20;
/// How long requests may take to end when the server stops.
const SHUTDOWN_S: u64 = 10;

/// Serves until the process is asked to stop (Ctrl-C, SIGTERM), then ends in order.
///
/// # Errors
/// When the data directory is in use or cannot be prepared, the database cannot be opened, or the address is taken.
pub async fn serve(options: ServeOptions) -> anyhow::Result<()> {
    let server = start(options).await?;
    server.announce()?;
    tokio::select! {
        ended = server.ended() => ended?,
        signal = stop_signal() => {
            signal?;
            tracing::info!("stopping");
        }
    }
    server.stop().await;
    Ok(())
}

async fn stop_signal() -> io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

/// A running server.
pub struct Server {
    app: Arc<App>,
    address: SocketAddr,
    first_start_token: Option<String>,
    handle: actix_web::dev::ServerHandle,
    serving: tokio::sync::Mutex<tokio::task::JoinHandle<io::Result<()>>>,
    runner: Runner,
    /// Held while the server runs: one server for a data directory.
    _lock: std::fs::File,
}

impl Server {
    /// What the parts of the server share.
    #[must_use]
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// URL for browsers, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.app.options.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", self.address),
        }
    }

    /// The one-time link that sets the administrator's password, while that is due.
    #[must_use]
    pub fn first_start_link(&self) -> Option<String> {
        self.first_start_token
            .as_ref()
            .map(|token| format!("{}/first-start?token={token}", self.url()))
    }

    /// Says on the console where the server is, and how to begin.
    fn announce(&self) -> io::Result<()> {
        let mut console = io::stdout().lock();
        writeln!(console, "Arborist listens on {}", self.url())?;
        if let Some(link) = self.first_start_link() {
            writeln!(
                console,
                "Set the administrator's password with this link, which works once:\n{link}"
            )?;
        }
        console.flush()
    }

    /// Waits until the server ends by itself, which it does not in order.
    async fn ended(&self) -> anyhow::Result<()> {
        (&mut *self.serving.lock().await)
            .await?
            .context("the HTTP server ended")
    }

    /// Ends in order: no new requests, no new jobs; jobs at work are put back and will be resumed.
    pub async fn stop(self) {
        let Self {
            app,
            handle,
            runner,
            serving,
            ..
        } = self;
        // First the jobs, so that those who watch them see the end of their streams.
        runner.stop(&app).await;
        app.models.close().await;
        handle.stop(true).await;
        if let Err(error) = serving.into_inner().await {
            tracing::error!(%error, "the HTTP server ended unexpectedly");
        }
        app.db.clone().close().await;
    }
}

/// Prepares the data directory and the database, and starts to serve and to work on jobs.
///
/// # Errors
/// As [`serve`].
pub async fn start(options: ServeOptions) -> anyhow::Result<Server> {
    crate::app::make_private(&options.data_dir).with_context(|| {
        format!(
            "cannot make the data directory {}",
            options.data_dir.display()
        )
    })?;
    let lock = lock(&options.data_dir)?;
    let folders =
        Folders::prepare(&options.data_dir).context("cannot prepare the data directory")?;
    let db = Db::open(&options.database_url())
        .await
        .context("cannot open the database")?;
    let (first_start, first_start_token) = FirstStart::begin(&db).await?;
    let executor = Arc::new(LocalExecutor::new(options.program.clone()));
    let attempts = Arc::new(Attempts::default());
    let ray = options.ray.clone().map(|ray| {
        RayExecutor::new(
            ray,
            options.program.clone(),
            Arc::clone(&attempts),
            folders.passing(),
            options.public_url.clone(),
        )
    });
    let bind = options.bind.clone();
    let owner = instance_name(&options.data_dir).context("cannot write into the data directory")?;
    let app = Arc::new(App {
        devices: Devices::find(
            options.training_slots,
            options.simulated.clone(),
            options.ray.as_ref(),
        ),
        owner,
        models: Models::new(options.model_memory),
        options,
        db,
        folders,
        callers: CallerCache::default(),
        first_start,
        sign_in_limit: SignInLimit::default(),
        projects: KnownProjects::default(),
        taxonomies: taxonomies::Taxonomies::default(),
        label_counts: corpora::LabelCounts::default(),
        drafts: drafts::Drafts::default(),
        plugins: plugins::PluginCache::default(),
        jobs: Jobs::default(),
        uploads: Uploads::default(),
        intervals: IntervalCache::default(),
        analyses: AnalysisCache::default(),
        fits: FitCache::default(),
        newer: NewerCache::default(),
        executor,
        ray,
        attempts,
        runtime: tokio::runtime::Handle::current(),
    });
    accounts::forget_expired_sessions(&app).await?;
    app.devices.remember(&app, &app.owner).await?;
    jobs::clear_up(&app).await?;

    let data = web::Data::from(Arc::clone(&app));
    let server = HttpServer::new(move || {
        // The layer that is wrapped last is passed first.
        ActixApp::new()
            .app_data(data.clone())
            .app_data(json_config())
            .app_data(query_config())
            .app_data(path_config())
            .wrap(from_fn(layers::authenticate))
            .wrap(Compress::default())
            .wrap(from_fn(layers::problems))
            .wrap(from_fn(layers::security_headers))
            .wrap(TracingLogger::<Spans>::new())
            .into_utoipa_app()
            .openapi(openapi::frame())
            .service(utoipa_actix_web::scope("/api/v1").configure(rooms))
            .into_app()
            .configure(openapi::configure)
            .configure(health::configure)
            .configure(ui::configure)
    })
    .disable_signals()
    .shutdown_timeout(SHUTDOWN_S)
    .keep_alive(Duration::from_secs(75))
    .bind(&bind)
    .with_context(|| format!("cannot listen on {bind}"))?;
    let address = *server
        .addrs()
        .first()
        .context("the server has no address")?;
    if let Some(ray) = &app.ray {
        ray.listens_on(address);
    }
    let server = server.run();
    let handle = server.handle();
    let serving = tokio::sync::Mutex::new(tokio::spawn(server));

    let runner = Runner::start(&app).await?;
    tracing::info!(%address, "listening");
    Ok(Server {
        app,
        address,
        first_start_token,
        handle,
        serving,
        runner,
        _lock: lock,
    })
}

/// All addresses under `/api/v1`.
fn rooms(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    accounts::routes::configure(config);
    projects::routes::configure(config);
    taxonomies::routes::configure(config);
    drafts::routes::configure(config);
    corpora::routes::configure(config);
    reviews::routes::configure(config);
    assets::routes::configure(config);
    uploads::routes::configure(config);
    jobs::routes::configure(config);
    devices::routes::configure(config);
    remote::routes::configure(config);
    plugins::routes::configure(config);
    runs::routes::configure(config);
    analysis::routes::configure(config);
    comparisons::routes::configure(config);
    sample::routes::configure(config);
}

/// A body that may be left out.
///
/// # Errors
/// `malformed_json`.
pub(crate) fn optional<T: Default + serde::de::DeserializeOwned>(
    body: &[u8],
) -> Result<T, ApiError> {
    if body.trim_ascii().is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(body)
        .map_err(|error| ApiError::new(Code::MalformedJson, error.to_string()))
}

/// One server at a time: its jobs are known to be dead when it is.
fn lock(data_dir: &std::path::Path) -> anyhow::Result<std::fs::File> {
    let path = data_dir.join("server.lock");
    let file = std::fs::File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            anyhow::bail!(
                "another server uses the data directory {}: stop it first",
                data_dir.display()
            )
        }
        Err(std::fs::TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

/// Name of this data directory in leases: the same after a restart, different from every other server's.
fn instance_name(data_dir: &std::path::Path) -> io::Result<String> {
    let path = data_dir.join("instance");
    match std::fs::read_to_string(&path) {
        Ok(name) if !name.trim().is_empty() => Ok(name.trim().to_owned()),
        _ => {
            let name = format!("{:032x}", rand::random::<u128>());
            crate::runs::directory::write_durably(&path, |file| file.write_all(name.as_bytes()))?;
            Ok(name)
        }
    }
}

/// `202 Accepted`, with the job to watch.
#[must_use]
pub fn accepted(job: i64, run: Option<i64>) -> HttpResponse {
    HttpResponse::Accepted()
        .insert_header((header::LOCATION, format!("/api/v1/jobs/{job}")))
        .json(Accepted { job, run })
}

/// A file as the body of an answer.
pub fn file_stream(file: File) -> impl Stream<Item = io::Result<Bytes>> {
    const CHUNK: usize = 1 << 16;
    stream::try_unfold(file, |mut file| async move {
        let mut chunk = Vec::with_capacity(CHUNK);
        let read = file.read_buf(&mut chunk).await?;
        Ok((read > 0).then(|| (Bytes::from(chunk), file)))
    })
}

fn json_config() -> web::JsonConfig {
    use actix_web::error::JsonPayloadError;

    web::JsonConfig::default()
        .limit(JSON_LIMIT)
        .error_handler(|error, _| {
            let (code, detail) = match &error {
                JsonPayloadError::ContentType => (
                    Code::UnsupportedMediaType,
                    "expected `Content-Type: application/json`".to_owned(),
                ),
                JsonPayloadError::Overflow { limit } => (
                    Code::PayloadTooLarge,
                    format!("at most {limit} bytes are accepted here"),
                ),
                JsonPayloadError::OverflowKnownLength { length, limit } => (
                    Code::PayloadTooLarge,
                    format!("found {length} bytes, at most {limit} are accepted here"),
                ),
                JsonPayloadError::Deserialize(error) => (Code::MalformedJson, error.to_string()),
                error => (Code::MalformedJson, error.to_string()),
            };
            ApiError::new(code, detail).into()
        })
}

fn query_config() -> web::QueryConfig {
    web::QueryConfig::default()
        .error_handler(|error, _| ApiError::new(Code::MalformedQuery, error.to_string()).into())
}

fn path_config() -> web::PathConfig {
    web::PathConfig::default().error_handler(|error, _| {
        ApiError::new(
            Code::RouteNotFound,
            format!("an id in the path is not a number: {error}"),
        )
        .into()
    })
}

/// What is recorded of a request: never its body, nor its query, which holds what people search for.
struct Spans;

impl tracing_actix_web::RootSpanBuilder for Spans {
    fn on_request_start(request: &actix_web::dev::ServiceRequest) -> tracing::Span {
        tracing::info_span!(
            "request",
            // Shown to nobody, so short: it only ties lines of the log together.
            request.id = format!("{:016x}", rand::random::<u64>()),
            http.method = %request.method(),
            http.route = request.match_pattern().unwrap_or_default(),
            http.path = request.path(),
            http.status = tracing::field::Empty,
        )
    }

    fn on_request_end<B: actix_web::body::MessageBody>(
        span: tracing::Span,
        outcome: &Result<actix_web::dev::ServiceResponse<B>, actix_web::Error>,
    ) {
        let status = match outcome {
            Ok(response) => response.status().as_u16(),
            Err(error) => error.as_response_error().status_code().as_u16(),
        };
        span.record("http.status", status);
    }
}

/// The database's state, for the readiness check.
async fn is_ready(app: &App) -> Result<(), DbErr> {
    app.db.ping().await
}
