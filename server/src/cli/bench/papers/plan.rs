//! From rows to trainings: hyperparameters in their order of precedence, seeds, selections, and what each depends on.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use arborist_plugin_api::host::{FoundPlugin, FoundPlugins, SideManifest, sha256_of_file};
use arborist_shared::corpus::Reading;
use arborist_shared::manifest::{AssetNeed, MethodManifest};
use arborist_shared::taxonomy::Taxonomy;
use clap::ValueEnum;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::catalogue::{Exhibit, Row};
use super::results::Trial;
use crate::cli::CliError;
use crate::cli::hyperparameters;
use crate::cli::options::{Decoding, Formats, Places, TaxonomyFile};
use crate::cli::train::Train;
use crate::work::device_kind;

/// The hyperparameter that `--select` sets.
const SELECT: &str = "select";

/// Which checkpoint the figures come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Select {
    /// One checkpoint, the best on validation by macro-F1
    #[default]
    #[value(name = "macro_f1")]
    MacroF1,
    /// One checkpoint, the best on validation by micro-F1
    #[value(name = "micro_f1")]
    MicroF1,
    /// As the authors of HiAGM do: micro-F1 from the checkpoint that is best by micro-F1, macro-F1 from the other. Two trainings
    Author,
}

impl Select {
    /// The word in tables.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::MacroF1 => "macro_f1",
            Self::MicroF1 => "micro_f1",
            Self::Author => "author",
        }
    }

    /// A value of the hyperparameter, when it does not matter which.
    pub(super) fn any(self) -> &'static str {
        self.values()[1]
    }

    /// Values of the hyperparameter: where micro-F1 comes from, then macro-F1.
    fn values(self) -> [&'static str; 2] {
        match self {
            Self::MacroF1 => ["macro_f1"; 2],
            Self::MicroF1 => ["micro_f1"; 2],
            Self::Author => ["micro_f1", "macro_f1"],
        }
    }
}

/// What all rows have in common.
pub(super) struct Settings {
    pub(super) train: PathBuf,
    pub(super) validation: Option<PathBuf>,
    pub(super) test: PathBuf,
    pub(super) taxonomy: TaxonomyFile,
    pub(super) formats: Formats,
    pub(super) places: Places,
    pub(super) preset: String,
    pub(super) select: Select,
    pub(super) settings: Vec<(String, Value)>,
    pub(super) device: String,
    pub(super) encoder: Option<String>,
    pub(super) word_vectors: Option<PathBuf>,
    /// Unless they are given, the exhibit's own.
    pub(super) seeds: Option<Vec<u64>>,
}

impl Settings {
    pub(super) fn seeds(&self, exhibit: &Exhibit) -> Vec<u64> {
        self.seeds
            .clone()
            .unwrap_or_else(|| (1..=exhibit.seeds).collect())
    }

    /// Refuses hyperparameters that no row has.
    pub(super) fn check<'a>(
        &self,
        found: &FoundPlugins,
        rows: impl Iterator<Item = &'a Row>,
    ) -> Result<(), CliError> {
        if self.settings.iter().any(|(key, _)| key == SELECT) {
            return Err(CliError::input(
                "--set: found select, expected --select macro_f1, micro_f1 or author",
            ));
        }
        let plugins: Vec<&FoundPlugin> = rows.filter_map(|row| found.find(&row.method)).collect();
        for (key, _) in &self.settings {
            let is_known = |plugin: &&FoundPlugin| has(&plugin.side.manifest, key);
            if !plugins.is_empty() && !plugins.iter().any(is_known) {
                return Err(CliError::input(format!(
                    "--set: found `{key}`, which no method of these rows has"
                )));
            }
        }
        Ok(())
    }

    /// The hyperparameters that a row sets, the last of a key counts: the authors' schedule, the selection, `--set`
    /// where the method has the key, and what makes the row what it is.
    pub(super) fn overrides(
        &self,
        row: &Row,
        manifest: &MethodManifest,
        select: &str,
    ) -> Vec<(String, Value)> {
        let pairs = |map: &serde_json::Map<String, Value>| map.clone().into_iter();
        let mut overrides: Vec<(String, Value)> = Vec::new();
        if matches!(self.preset.as_str(), "code" | "paper") {
            overrides.extend(pairs(&row.schedule));
        }
        if has(manifest, SELECT) {
            overrides.push((SELECT.to_owned(), Value::from(select)));
        }
        let known = self.settings.iter().filter(|(key, _)| has(manifest, key));
        overrides.extend(known.cloned());
        overrides.extend(pairs(&row.set));
        overrides
    }

    /// The training of a row as `arborist train` would do it.
    pub(super) fn train(
        &self,
        row: &Row,
        manifest: &MethodManifest,
        seed: u64,
        select: &str,
        out: PathBuf,
    ) -> Train {
        let uses_encoder = row.encoder || manifest.encoder == AssetNeed::Required;
        let uses_vectors = !row.encoder && manifest.word_vectors != AssetNeed::None;
        Train {
            method: row.method.clone(),
            train: self.train.clone(),
            validation: self.validation.clone(),
            test: Some(self.test.clone()),
            taxonomy: self.taxonomy.clone(),
            preset: Some(self.preset.clone()),
            config: None,
            settings: self.overrides(row, manifest, select),
            seed,
            device: self.device.clone(),
            encoder: self.encoder.clone().filter(|_| uses_encoder),
            word_vectors: self.word_vectors.clone().filter(|_| uses_vectors),
            decoding: Decoding::default(),
            out,
            formats: self.formats.clone(),
            places: self.places.clone(),
            json: false,
        }
    }
}

fn has(manifest: &MethodManifest, key: &str) -> bool {
    manifest
        .hyperparameters
        .get("properties")
        .is_some_and(|properties| properties.get(key).is_some())
}

/// What a row cannot be trained for, as far as that is known before; the complete hyperparameters otherwise.
pub(super) fn resolve(
    settings: &Settings,
    row: &Row,
    found: &FoundPlugins,
    select: &str,
) -> Result<BTreeMap<String, Value>, String> {
    let Some(plugin) = found.find(&row.method) else {
        return Err(format!("the method `{}` is not installed", row.method));
    };
    if row.encoder && settings.encoder.is_none() {
        return Err("reads texts with a pretrained encoder: give --encoder".to_owned());
    }
    let manifest = &plugin.side.manifest;
    let overrides = settings.overrides(row, manifest, select);
    let resolved = hyperparameters::resolve(manifest, Some(&settings.preset), None, &overrides);
    match resolved {
        Ok(values) => Ok(values.into_iter().collect()),
        Err(error) => Err(error.to_string().replace('\n', "; ")),
    }
}

/// Contents that every training of these files depends on.
pub(super) struct Contents {
    common: BTreeMap<String, String>,
    /// Computed when a row needs it.
    encoder: Option<String>,
    word_vectors: Option<String>,
}

impl Contents {
    pub(super) fn read(settings: &Settings, taxonomy: &Taxonomy) -> Result<Self, CliError> {
        let mut common = BTreeMap::from([("taxonomy".to_owned(), taxonomy.content_hash())]);
        let files = [
            ("train", Some(&settings.train)),
            ("validation", settings.validation.as_ref()),
            ("test", Some(&settings.test)),
        ];
        for (role, path) in files {
            if let Some(path) = path {
                common.insert(role.to_owned(), hash(path)?);
            }
        }
        let reading = settings.formats.reading();
        if reading != Reading::default() {
            let described = serde_json::to_string(&reading).map_err(CliError::failed)?;
            common.insert("reading".to_owned(), described);
        }
        Ok(Self {
            common,
            encoder: None,
            word_vectors: None,
        })
    }

    /// What a training with these hyperparameters depends on. The library counts by its contents: a version stays the
    /// same when what it computes is changed.
    pub(super) fn trial(
        &mut self,
        train: &Train,
        side: &SideManifest,
        hyperparameters: BTreeMap<String, Value>,
    ) -> Result<Trial, CliError> {
        let manifest = &side.manifest;
        let mut contents = self.common.clone();
        contents.insert("plugin".to_owned(), side.sha256.clone());
        if let Some(directory) = train.resolve_encoder(manifest, |key| hyperparameters.get(key))? {
            let known = match &self.encoder {
                Some(known) => known.clone(),
                None => hash_directory(&directory)?,
            };
            self.encoder = Some(known.clone());
            contents.insert("encoder".to_owned(), known);
        }
        if let Some(path) = &train.word_vectors {
            let known = match &self.word_vectors {
                Some(known) => known.clone(),
                None => hash(path)?,
            };
            self.word_vectors = Some(known.clone());
            contents.insert("word_vectors".to_owned(), known);
        }
        Ok(Trial {
            format: Trial::format(),
            method: manifest.name.clone(),
            version: manifest.version.clone(),
            hyperparameters,
            seed: train.seed,
            device: device_kind(&train.device).to_owned(),
            contents,
        })
    }
}

fn hash(path: &Path) -> Result<String, CliError> {
    sha256_of_file(path).map_err(CliError::input)
}

/// SHA-256 over names and contents of the files that lie in a directory.
fn hash_directory(directory: &Path) -> Result<String, CliError> {
    let at = |error: std::io::Error| CliError::input(format!("{}: {error}", directory.display()));
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(at)? {
        let path = entry.map_err(at)?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    let mut hasher = Sha256::new();
    for path in files {
        hasher.update(path.file_name().unwrap_or_default().as_encoded_bytes());
        hasher.update([0]);
        hasher.update(hash(&path)?);
    }
    Ok(hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// The trainings of a row: for each seed, the one that micro-F1 comes from and the one that macro-F1 comes from.
pub(super) struct Planned {
    pub(super) seed: u64,
    pub(super) trials: [Trial; 2],
}

/// Plans a row.
pub(super) fn plan(
    settings: &Settings,
    exhibit: &Exhibit,
    row: &Row,
    found: &FoundPlugins,
    contents: &mut Contents,
) -> Result<Vec<Planned>, String> {
    let [micro, macro_] = settings.select.values();
    let values = [
        resolve(settings, row, found, micro)?,
        resolve(settings, row, found, macro_)?,
    ];
    let Some(plugin) = found.find(&row.method) else {
        return Ok(Vec::new());
    };
    let manifest = &plugin.side.manifest;
    let mut planned = Vec::new();
    for seed in settings.seeds(exhibit) {
        let mut trial = |select, values: &BTreeMap<String, Value>| {
            let train = settings.train(row, manifest, seed, select, PathBuf::new());
            contents
                .trial(&train, &plugin.side, values.clone())
                .map_err(|error| error.to_string())
        };
        planned.push(Planned {
            seed,
            trials: [trial(micro, &values[0])?, trial(macro_, &values[1])?],
        });
    }
    Ok(planned)
}

impl Planned {
    /// Each training once, with the selection it is made with.
    pub(super) fn different(&self, select: Select) -> Vec<(&Trial, &'static str)> {
        let [micro, macro_] = select.values();
        let mut trials = vec![(&self.trials[0], micro)];
        if self.trials[1] != self.trials[0] {
            trials.push((&self.trials[1], macro_));
        }
        trials
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn manifest() -> MethodManifest {
        let property = |default: Value| json!({"title": "", "description": "", "default": default});
        serde_json::from_value(json!({
            "name": "tree", "title": "Tree", "version": "1", "summary": "", "hierarchy": "tree", "paths": "multi",
            "word_vectors": "optional",
            "memory": {"base": 0.0, "per_document": 0.0, "per_token": 0.0, "per_label": 0.0, "per_label_squared": 0.0},
            "presets": {"code": {}, "balanced": {}},
            "hyperparameters": {"type": "object", "properties": {
                "epochs": property(json!(250)), "layers": property(json!(1)), "select": property(json!("macro_f1"))
            }}
        }))
        .unwrap()
    }

    fn row() -> Row {
        Row {
            name: "two layers".to_owned(),
            method: "tree".to_owned(),
            encoder: false,
            set: json!({"layers": 2}).as_object().unwrap().clone(),
            schedule: json!({"epochs": 200}).as_object().unwrap().clone(),
            published: BTreeMap::new(),
        }
    }

    fn settings(preset: &str, select: Select, set: &[(&str, Value)]) -> Settings {
        Settings {
            train: PathBuf::new(),
            validation: None,
            test: PathBuf::new(),
            taxonomy: TaxonomyFile {
                taxonomy: PathBuf::new(),
                taxonomy_format: None,
            },
            formats: Formats::default(),
            places: Places {
                plugins: None,
                data_dir: None,
            },
            preset: preset.to_owned(),
            select,
            settings: set
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect(),
            device: "cpu".to_owned(),
            encoder: Some("bert".to_owned()),
            word_vectors: Some(PathBuf::from("glove.txt")),
            seeds: None,
        }
    }

    #[track_caller]
    fn check(settings: &Settings, expected: &Value) {
        let manifest = manifest();
        let overrides = settings.overrides(&row(), &manifest, settings.select.any());
        let resolved = hyperparameters::resolve(&manifest, Some("code"), None, &overrides).unwrap();
        assert_eq!(&Value::Object(resolved), expected);
    }

    #[test]
    fn what_makes_a_row_goes_before_everything() {
        let expected =
            |epochs: u32, select: &str| json!({"epochs": epochs, "layers": 2, "select": select});
        check(
            &settings("code", Select::MacroF1, &[]),
            &expected(200, "macro_f1"),
        );
        // The authors' schedule belongs to the authors' presets.
        check(
            &settings("balanced", Select::MicroF1, &[]),
            &expected(250, "micro_f1"),
        );
        let set = [
            ("epochs", json!(3)),
            ("layers", json!(4)),
            ("other", json!(1)),
        ];
        check(
            &settings("code", Select::MacroF1, &set),
            &expected(3, "macro_f1"),
        );
    }

    #[test]
    fn the_authors_selection_is_two_trainings() {
        let (manifest, row) = (manifest(), row());
        let trial = |settings: &Settings, select: &str| Trial {
            format: Trial::format(),
            method: "tree".to_owned(),
            version: "1".to_owned(),
            hyperparameters: settings
                .overrides(&row, &manifest, select)
                .into_iter()
                .collect(),
            seed: 1,
            device: "cpu".to_owned(),
            contents: BTreeMap::new(),
        };
        let words = |select: Select| -> Vec<&'static str> {
            let settings = settings("code", select, &[]);
            let planned = Planned {
                seed: 1,
                trials: select.values().map(|value| trial(&settings, value)),
            };
            let different = planned.different(select);
            different.iter().map(|(_, word)| *word).collect()
        };
        assert_eq!(words(Select::MacroF1), ["macro_f1"]);
        assert_eq!(words(Select::MicroF1), ["micro_f1"]);
        assert_eq!(words(Select::Author), ["micro_f1", "macro_f1"]);
    }

    #[test]
    fn a_plugin_that_was_built_anew_is_trained_again() {
        let settings = settings("code", Select::MacroF1, &[]);
        let mut contents = Contents {
            common: BTreeMap::new(),
            encoder: None,
            word_vectors: Some("00".to_owned()),
        };
        let mut hash = |sha256: &str| {
            let side = SideManifest {
                name: "tree".to_owned(),
                abi: 1,
                version: "1".to_owned(),
                sha256: sha256.to_owned(),
                torch: None,
                plugin_api: String::new(),
                rustc: String::new(),
                target: String::new(),
                library: None,
                manifest: manifest(),
            };
            let train = settings.train(&row(), &side.manifest, 1, "macro_f1", PathBuf::new());
            let trial = contents.trial(&train, &side, BTreeMap::new()).unwrap();
            trial.hash()
        };
        let first = hash("01");
        assert_eq!(hash("01"), first);
        assert_ne!(hash("02"), first);
    }

    #[test]
    fn weights_go_to_the_rows_that_use_them() {
        let settings = settings("code", Select::MacroF1, &[]);
        let weights = |row: &Row| {
            let train = settings.train(row, &manifest(), 1, "macro_f1", PathBuf::new());
            (train.encoder.is_some(), train.word_vectors.is_some())
        };
        assert_eq!(weights(&row()), (false, true));
        let with_encoder = Row {
            encoder: true,
            ..row()
        };
        assert_eq!(weights(&with_encoder), (true, false));
    }
}
