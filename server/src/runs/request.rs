//! What a request for a run has to fulfil before anything is queued.

use arborist_plugin_api::host::{FoundPlugin, validate_hyperparameters};
use arborist_shared::api::assets::AssetKind;
use arborist_shared::api::runs::NewRun;
use arborist_shared::manifest::{AssetNeed, DEFAULT_PRESET, MethodManifest};
use serde_json::{Map, Value};

use crate::corpora::CorpusRow;
use crate::http::problem::{ApiError, Code};
use crate::remote::RAY;
use crate::taxonomies::TaxonomyRow;
use crate::work::memory_total;
use crate::{App, assets, corpora, locations, taxonomies};

/// A request that can be carried out.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) plugin: FoundPlugin,
    pub(super) preset: String,
    /// Complete: schema defaults, preset and overrides are resolved.
    pub(super) hyperparameters: Map<String, Value>,
    pub(super) corpus: CorpusRow,
    pub(super) taxonomy: TaxonomyRow,
    pub(super) encoder: Option<String>,
    pub(super) word_vectors: Option<i64>,
    pub(super) seed: u64,
    pub(super) device: String,
}

/// Seed of a run when none is given, the same as the command line's.
const DEFAULT_SEED: u64 = 0;

/// Checks a request against project, method and machine.
pub(super) async fn check(app: &App, project: i64, new: NewRun) -> Result<Checked, ApiError> {
    let checked = understand(app, project, new).await?;
    check_memory(&checked)?;
    Ok(checked)
}

/// Checks everything but whether the machine has the memory.
pub(super) async fn understand(app: &App, project: i64, new: NewRun) -> Result<Checked, ApiError> {
    let plugins = app.plugins.list(app.options.plugin_search()).await?;
    let plugin = plugins.find(&new.method).cloned().ok_or_else(|| {
        let known: Vec<&str> = plugins
            .plugins
            .iter()
            .map(|plugin| plugin.side.name.as_str())
            .collect();
        let expected = if known.is_empty() {
            "none is installed".to_owned()
        } else {
            format!("there are {}", known.join(", "))
        };
        let message = format!("found `{}`, {expected}", new.method);
        ApiError::new(Code::PluginNotFound, message.clone()).with_error("/method", message)
    })?;
    let manifest = &plugin.side.manifest;

    let corpus = corpora::in_project(app, project, new.corpus)
        .await?
        .ok_or_else(|| {
            ApiError::field(
                "/corpus",
                format!("project {project} has no corpus {}", new.corpus),
            )
        })?;
    let taxonomy = taxonomies::in_project(app, project, new.taxonomy)
        .await?
        .ok_or_else(|| {
            ApiError::field(
                "/taxonomy",
                format!("project {project} has no taxonomy {}", new.taxonomy),
            )
        })?;
    if corpus.taxonomy_id != taxonomy.id {
        let message = format!(
            "corpus {} belongs to taxonomy {}, found {}",
            corpus.id, corpus.taxonomy_id, taxonomy.id
        );
        return Err(ApiError::field("/taxonomy", message));
    }
    if corpus.n_train_annotated == 0 {
        let message = format!(
            "corpus {} has no annotated documents in its train part",
            corpus.id
        );
        return Err(ApiError::field("/corpus", message));
    }

    let overrides = std::slice::from_ref(&new.hyperparameters);
    let hyperparameters = manifest
        .resolve(new.preset.as_deref(), overrides)
        .map_err(|error| ApiError::field("/preset", error.to_string()))?;
    check_hyperparameters(manifest, &hyperparameters)?;
    check_labels(manifest, &taxonomy)?;
    let encoder = check_encoder(
        app,
        project,
        manifest,
        &hyperparameters,
        new.encoder.as_ref(),
    )
    .await?;
    let word_vectors = check_word_vectors(app, project, manifest, new.word_vectors).await?;
    let device = check_device(new.device.as_deref(), app.devices.has_cluster())?;
    Ok(Checked {
        preset: new.preset.unwrap_or_else(|| DEFAULT_PRESET.to_owned()),
        hyperparameters,
        plugin,
        corpus,
        taxonomy,
        encoder,
        word_vectors,
        seed: new.seed.unwrap_or(DEFAULT_SEED),
        device,
    })
}

fn check_hyperparameters(
    manifest: &MethodManifest,
    hyperparameters: &Map<String, Value>,
) -> Result<(), ApiError> {
    validate_hyperparameters(manifest, hyperparameters).map_err(|errors| {
        let detail: Vec<String> = errors
            .iter()
            .map(|error| format!("{}: {}", error.field.trim_start_matches('/'), error.message))
            .collect();
        let problem = ApiError::new(Code::HyperparametersInvalid, detail.join("; "));
        errors.into_iter().fold(problem, |problem, error| {
            problem.with_error(&format!("/hyperparameters{}", error.field), error.message)
        })
    })
}

fn check_labels(manifest: &MethodManifest, taxonomy: &TaxonomyRow) -> Result<(), ApiError> {
    match manifest.max_labels {
        Some(max) if taxonomy.n_labels > max => {
            let detail = format!(
                "taxonomy {} has {} labels, {} takes at most {max}",
                taxonomy.id, taxonomy.n_labels, manifest.title
            );
            Err(ApiError::new(Code::RunTooLarge, detail))
        }
        _ => Ok(()),
    }
}

impl Checked {
    /// Memory that training needs, by the method's formula.
    pub(super) fn memory_bytes(&self) -> u64 {
        self.plugin.side.manifest.memory.estimate(
            self.corpus.n_train_annotated,
            self.corpus.n_train_words,
            self.taxonomy.n_labels,
        )
    }
}

/// Whether an estimate fits; what is not known is not in the way.
pub(super) fn fits(memory_bytes: u64, available: Option<u64>) -> bool {
    available.is_none_or(|available| memory_bytes <= available)
}

/// Refuses what would not fit into the memory of this machine, with the number.
///
/// Only a child process loads plugins, so this is the manifest's formula, which knows no hyperparameters. The child asks
/// the method itself, with those that were chosen, before it trains (`work::train`).
fn check_memory(checked: &Checked) -> Result<(), ApiError> {
    let (needed, available) = (checked.memory_bytes(), memory_total());
    // What a cluster has is its own to know.
    if checked.device == RAY || fits(needed, available) {
        return Ok(());
    }
    let detail = format!(
        "{} needs about {} for {} documents and {} labels, this machine has {}",
        checked.plugin.side.manifest.title,
        gibibytes(needed),
        checked.corpus.n_train_annotated,
        checked.taxonomy.n_labels,
        gibibytes(available.unwrap_or_default())
    );
    Err(ApiError::new(Code::RunTooLarge, detail))
}

fn gibibytes(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}

/// The encoder by asset id, or by the name of the one that comes along. A path is neither.
async fn check_encoder(
    app: &App,
    project: i64,
    manifest: &MethodManifest,
    hyperparameters: &Map<String, Value>,
    given: Option<&Value>,
) -> Result<Option<String>, ApiError> {
    const FIELD: &str = "/encoder";
    let need = manifest.encoder_need(|key| hyperparameters.get(key));
    let name = match given {
        None | Some(Value::Null) if need == AssetNeed::Required => locations::MINILM.to_owned(),
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(name)) if name == locations::MINILM => name.clone(),
        Some(Value::String(text)) if text.parse::<i64>().is_ok() => text.clone(),
        Some(Value::Number(id)) if id.is_i64() => id.to_string(),
        Some(other) => {
            let message = format!(
                "found {other}, expected the id of an asset or `{}`",
                locations::MINILM
            );
            return Err(ApiError::field(FIELD, message));
        }
    };
    if need == AssetNeed::None {
        return Err(ApiError::field(
            FIELD,
            format!(
                "{} uses no encoder with these hyperparameters",
                manifest.title
            ),
        ));
    }
    if name == locations::MINILM {
        locations::encoder(&name).map_err(|error| ApiError::field(FIELD, error.to_string()))?;
    } else if let Ok(id) = name.parse::<i64>() {
        check_asset(app, project, FIELD, AssetKind::Encoder, id).await?;
    }
    Ok(Some(name))
}

async fn check_word_vectors(
    app: &App,
    project: i64,
    manifest: &MethodManifest,
    given: Option<i64>,
) -> Result<Option<i64>, ApiError> {
    const FIELD: &str = "/word_vectors";
    match given {
        None if manifest.word_vectors == AssetNeed::Required => Err(ApiError::field(
            FIELD,
            format!(
                "{} needs word vectors: upload some and name them",
                manifest.title
            ),
        )),
        None => Ok(None),
        Some(_) if manifest.word_vectors == AssetNeed::None => Err(ApiError::field(
            FIELD,
            format!("{} uses no word vectors", manifest.title),
        )),
        Some(id) => {
            check_asset(app, project, FIELD, AssetKind::WordVectors, id).await?;
            Ok(Some(id))
        }
    }
}

async fn check_asset(
    app: &App,
    project: i64,
    field: &str,
    kind: AssetKind,
    id: i64,
) -> Result<(), ApiError> {
    let asset = assets::in_project(app, project, id).await?;
    match asset {
        Some(asset) if asset.kind == kind => Ok(()),
        Some(_) => Err(ApiError::field(
            field,
            format!("asset {id} is of the other kind"),
        )),
        None => Err(ApiError::field(
            field,
            format!("project {project} has no asset {id}"),
        )),
    }
}

fn check_device(given: Option<&str>, has_cluster: bool) -> Result<String, ApiError> {
    let device = given.unwrap_or("auto");
    let is_cuda = device
        .strip_prefix("cuda:")
        .is_some_and(|index| index.parse::<u8>().is_ok());
    let is_cluster = device == RAY && has_cluster;
    if matches!(device, "auto" | "cpu") || is_cuda || is_cluster {
        return Ok(device.to_owned());
    }
    let expected = if has_cluster {
        "`auto`, `cpu`, `cuda:N` or `ray`"
    } else {
        "`auto`, `cpu` or `cuda:N`"
    };
    Err(ApiError::field(
        "/device",
        format!("found `{device}`, expected {expected}"),
    ))
}
