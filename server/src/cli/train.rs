//! `arborist train`: checks everything, freezes the corpus in a run directory, trains in a child process, reports.

use std::fs;
use std::path::{Path, PathBuf};

use arborist_plugin_api::host::FoundPlugin;
use arborist_shared::decode::DecodeOptions;
use arborist_shared::manifest::{AssetNeed, MethodManifest};
use arborist_shared::metrics::{GroupMetrics, Metrics};
use arborist_shared::run::RunRequest;
use arborist_shared::split::Split;
use arborist_shared::taxonomy::Taxonomy;
use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value};

use super::options::{Decoding, Formats, Places, TaxonomyFile, device, input_file};
use super::progress::Progress;
use super::snapshots::{Sources, import};
use super::{CliError, hyperparameters, output};
use crate::locations;
use crate::runs::directory::{RunDirectory, TAXONOMY_IN_REQUEST};
use crate::work::{ChildProgram, Ending, Executor, Exit, LocalExecutor, RunningChild};

#[derive(Debug, Args)]
pub(super) struct Train {
    /// Name of the method; `arborist plugins` lists them
    #[arg(long, value_name = "NAME")]
    pub(super) method: String,
    /// Training documents; rows may carry `split`
    #[arg(long, value_name = "FILE")]
    pub(super) train: PathBuf,
    /// Validation documents [default: a tenth of the training documents]
    #[arg(long, value_name = "FILE")]
    pub(super) validation: Option<PathBuf>,
    /// Test documents, which the method never sees
    #[arg(long, value_name = "FILE")]
    pub(super) test: Option<PathBuf>,
    #[command(flatten)]
    pub(super) taxonomy: TaxonomyFile,
    /// fast, balanced, best, code or paper [default: balanced]
    #[arg(long)]
    pub(super) preset: Option<String>,
    /// Hyperparameters as JSON, or TOML by its ending; they go before the preset's
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// A hyperparameter, JSON or text; goes before everything else
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = hyperparameters::setting)]
    pub(super) settings: Vec<(String, Value)>,
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(super) seed: u64,
    /// auto, cpu or cuda:N
    #[arg(long, default_value = "auto", value_parser = device)]
    pub(super) device: String,
    /// Pretrained encoder: `minilm`, or a Hugging Face directory with safetensors
    #[arg(long, value_name = "DIR|minilm")]
    pub(super) encoder: Option<String>,
    /// Pretrained word vectors as text, one word a line
    #[arg(long, value_name = "FILE")]
    pub(super) word_vectors: Option<PathBuf>,
    #[command(flatten)]
    pub(super) decoding: Decoding,
    /// Directory of the run; a run that was interrupted there goes on
    #[arg(long, value_name = "RUN")]
    pub(super) out: PathBuf,
    #[command(flatten)]
    pub(super) formats: Formats,
    #[command(flatten)]
    pub(super) places: Places,
    /// One JSON object as the last line
    #[arg(long)]
    pub(super) json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    /// The directory, as given.
    run: String,
    method: String,
    epochs: u32,
    train_seconds: f64,
    train_docs_per_s: f64,
    peak_memory_bytes: u64,
    device: String,
    validation: Option<Metrics>,
    test: Option<Metrics>,
    /// Rank figures of the test documents by label group; none without test documents.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    groups: Vec<GroupMetrics>,
}

/// Why a training has no result.
#[derive(Debug)]
pub(super) enum Unfinished {
    /// Somebody asked it to stop; the same training goes on where it stopped.
    Cancelled,
    Failed(CliError),
}

impl From<CliError> for Unfinished {
    fn from(error: CliError) -> Self {
        Self::Failed(error)
    }
}

impl Train {
    pub(super) async fn run(self) -> Result<(), CliError> {
        match self.carry_out().await {
            Ok(directory) => self.report(&directory),
            Err(Unfinished::Failed(error)) => Err(error),
            Err(Unfinished::Cancelled) => Err(CliError::Failed(
                "cancelled; the same command goes on where it stopped".to_owned(),
            )),
        }
    }

    /// Trains and tests; answers the finished run.
    pub(super) async fn carry_out(&self) -> Result<RunDirectory, Unfinished> {
        let (directory, is_new) = self.ready()?;
        let executor = LocalExecutor::new(ChildProgram::current().map_err(CliError::from)?);
        let mut child = executor.start(directory.path()).map_err(CliError::from)?;
        let exit = watch(&mut child).await;
        self.check_end(&directory, is_new, exit)?;
        Ok(directory)
    }

    /// Checks everything; answers the run that is to be worked on, and whether it was made for that.
    fn ready(&self) -> Result<(RunDirectory, bool), CliError> {
        for (option, path) in [
            ("--train", Some(&self.train)),
            ("--validation", self.validation.as_ref()),
            ("--test", self.test.as_ref()),
            ("--word-vectors", self.word_vectors.as_ref()),
        ] {
            if let Some(path) = path {
                input_file(option, path)?;
            }
        }
        let plugin = self
            .places
            .plugin_search()?
            .find(&self.method)
            .map_err(|error| CliError::input(format!("--method: {error}")))?;
        let manifest = &plugin.side.manifest;
        let values = hyperparameters::resolve(
            manifest,
            self.preset.as_deref(),
            self.config.as_deref(),
            &self.settings,
        )?;
        let taxonomy = self.taxonomy.read()?;
        check_taxonomy(manifest, &taxonomy)?;
        let request = self.request(&plugin, values)?;
        match self.interrupted(&request)? {
            Some(directory) => Ok((directory, false)),
            None => Ok((self.prepare(&plugin, &taxonomy, request)?, true)),
        }
    }

    /// What is asked for; the corpus follows.
    fn request(
        &self,
        plugin: &FoundPlugin,
        hyperparameters: Map<String, Value>,
    ) -> Result<RunRequest, CliError> {
        let manifest = &plugin.side.manifest;
        let encoder = self.resolve_encoder(manifest, |key| hyperparameters.get(key))?;
        let word_vectors = self.resolve_word_vectors(manifest)?;
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        Ok(RunRequest {
            run: self.out.file_name().map_or_else(
                || "run".to_owned(),
                |name| name.to_string_lossy().into_owned(),
            ),
            method: self.method.clone(),
            preset: self.preset.clone(),
            hyperparameters,
            seed: self.seed,
            device: self.device.clone(),
            threads: 0,
            plugin: text(plugin.library.clone()),
            taxonomy: TAXONOMY_IN_REQUEST.to_owned(),
            train: RunDirectory::corpus_in_request(Split::Train),
            validation: None,
            test: None,
            encoder: encoder.map(text),
            word_vectors: word_vectors.map(text),
            decoding: self.decoding.over(DecodeOptions::default()),
        })
    }

    /// The directory of the encoder that the method will use.
    pub(super) fn resolve_encoder<'a>(
        &self,
        manifest: &MethodManifest,
        value: impl FnOnce(&str) -> Option<&'a Value>,
    ) -> Result<Option<PathBuf>, CliError> {
        let need = manifest.encoder_need(value);
        Ok(match (need, self.encoder.as_deref()) {
            (AssetNeed::None, Some(_)) => {
                eprintln!(
                    "note: {} uses no pretrained encoder{}: --encoder has no effect",
                    manifest.title,
                    match &manifest.encoder_when {
                        Some(chosen) => {
                            format!(" unless {} is {}", chosen.hyperparameter, chosen.value)
                        }
                        None => String::new(),
                    }
                );
                None
            }
            (AssetNeed::None | AssetNeed::Optional, None) => None,
            (AssetNeed::Required, None) => Some(locations::encoder(locations::MINILM)?),
            (AssetNeed::Required | AssetNeed::Optional, Some(name)) => {
                Some(locations::encoder(name)?)
            }
        })
    }

    fn resolve_word_vectors(&self, manifest: &MethodManifest) -> Result<Option<PathBuf>, CliError> {
        let title = &manifest.title;
        match (manifest.word_vectors, &self.word_vectors) {
            (AssetNeed::None, Some(_)) => {
                eprintln!("note: {title} uses no word vectors: --word-vectors has no effect");
                Ok(None)
            }
            (AssetNeed::Required, None) => Err(CliError::input(format!(
                "{title} needs pretrained word vectors: give --word-vectors"
            ))),
            (_, given) => given.as_ref().map(|path| absolute(path)).transpose(),
        }
    }

    /// The run in `--out`, when it asks for the same and did not get to its end.
    fn interrupted(&self, request: &RunRequest) -> Result<Option<RunDirectory>, CliError> {
        let out = self.out.display();
        let Ok(directory) = RunDirectory::open(&self.out) else {
            if RunDirectory::is_vacant(&self.out) {
                return Ok(None);
            }
            return Err(CliError::input(format!(
                "--out: {out} is not empty and holds no run, expected a new directory"
            )));
        };
        if directory.is_finished() {
            return Err(CliError::input(format!(
                "--out: {out} holds a finished run, which never changes; expected a new directory"
            )));
        }
        let earlier = directory.request()?;
        let same = RunRequest {
            run: earlier.run.clone(),
            validation: earlier.validation.clone(),
            test: earlier.test.clone(),
            ..request.clone()
        };
        if earlier != same {
            return Err(CliError::input(format!(
                "--out: {out} holds an unfinished run with other settings, expected a new directory or the same settings"
            )));
        }
        eprintln!(
            "note: {out} holds this run, unfinished: it goes on with the documents that it began with"
        );
        Ok(Some(directory))
    }

    /// Makes the run directory, ready to be worked on.
    fn prepare(
        &self,
        plugin: &FoundPlugin,
        taxonomy: &Taxonomy,
        mut request: RunRequest,
    ) -> Result<RunDirectory, CliError> {
        let manifest = &plugin.side.manifest;
        let directory = RunDirectory::create(&self.out)
            .map_err(|error| CliError::failed(format!("--out: {error}")))?;
        let sources = Sources {
            train: &self.train,
            validation: self.validation.as_deref(),
            test: self.test.as_deref(),
            reading: self.formats.reading(),
        };
        let imported = import(&sources, taxonomy, self.seed, &directory)?;
        let snapshot =
            |split, documents| (documents > 0).then(|| RunDirectory::corpus_in_request(split));
        request.validation = snapshot(Split::Validation, imported.validation);
        request.test = snapshot(Split::Test, imported.test);
        directory
            .write_taxonomy(taxonomy)
            .map_err(CliError::failed)?;
        directory
            .write_manifest(manifest)
            .map_err(CliError::failed)?;
        directory
            .write_request(&request)
            .map_err(CliError::failed)?;
        eprintln!(
            "{}: {} training, {} validation and {} test documents, {} labels",
            manifest.title,
            imported.train,
            imported.validation,
            imported.test,
            taxonomy.len()
        );
        Ok(directory)
    }

    /// `is_new`: the directory was made by this command.
    fn check_end(
        &self,
        directory: &RunDirectory,
        is_new: bool,
        exit: Exit,
    ) -> Result<(), Unfinished> {
        let message = exit
            .message
            .unwrap_or_else(|| "no reason was given".to_owned());
        match exit.outcome {
            Ending::Done => Ok(()),
            Ending::Cancelled => Err(Unfinished::Cancelled),
            Ending::Refused => {
                // Nothing was learnt; what is left would stand in the way of the mended command.
                if is_new && let Err(error) = fs::remove_dir_all(directory.path()) {
                    eprintln!(
                        "warning: cannot remove {}: {error}",
                        directory.path().display()
                    );
                }
                Err(Unfinished::Failed(CliError::Input(format!(
                    "{}: {message}",
                    self.method
                ))))
            }
            Ending::Failed | Ending::Panicked | Ending::Crashed => {
                Err(Unfinished::Failed(CliError::Failed(format!(
                    "{} failed: {message}\nThe whole log: {}",
                    self.method,
                    directory.log().display()
                ))))
            }
        }
    }

    fn report(&self, directory: &RunDirectory) -> Result<(), CliError> {
        let training = directory.training()?.unwrap_or_default();
        let metrics = directory
            .metrics()?
            .ok_or_else(|| CliError::Failed("the run ended without metrics".to_owned()))?;
        let report = Report {
            run: self.out.display().to_string(),
            method: self.method.clone(),
            epochs: training.epochs,
            train_seconds: training.train_seconds,
            train_docs_per_s: training.train_docs_per_s,
            peak_memory_bytes: training.peak_memory_bytes,
            device: training.device,
            validation: metrics.validation,
            test: metrics.test,
            groups: metrics.groups,
        };
        output::result(self.json, &report, |report| {
            let mut text = format!(
                "{}: {} epochs in {:.1} s on {}, {:.0} documents/s, {:.0} MB at most\n",
                report.run,
                report.epochs,
                report.train_seconds,
                report.device,
                report.train_docs_per_s,
                report.peak_memory_bytes as f64 / 1e6
            );
            for (split, metrics) in [("validation", &report.validation), ("test", &report.test)] {
                if let Some(metrics) = metrics {
                    text += &output::headline(split, metrics);
                    text.push('\n');
                }
            }
            text
        })
    }
}

/// Shows the events of a child until it ends. The first Ctrl-C asks it to stop, the second kills it.
async fn watch(child: &mut RunningChild) -> Exit {
    let canceller = child.canceller();
    let interrupts = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            eprintln!("stopping at the next step; Ctrl-C again kills");
            canceller.cancel();
            if tokio::signal::ctrl_c().await.is_ok() {
                canceller.kill();
            }
        }
    });
    let mut progress = Progress::new();
    while let Some(event) = child.events().next().await {
        progress.event(&event);
    }
    let exit = child.wait().await;
    interrupts.abort();
    exit
}

fn check_taxonomy(manifest: &MethodManifest, taxonomy: &Taxonomy) -> Result<(), CliError> {
    match manifest.max_labels {
        Some(most) if taxonomy.len() as u64 > most => Err(CliError::input(format!(
            "--taxonomy: found {} labels, {} accepts {most} at most",
            taxonomy.len(),
            manifest.title
        ))),
        _ => Ok(()),
    }
}

fn absolute(path: &Path) -> Result<PathBuf, CliError> {
    path.canonicalize()
        .map_err(|error| CliError::input(format!("{}: {error}", path.display())))
}
