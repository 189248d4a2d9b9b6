//! The state of the train page, which is also its address: a link shows a colleague the same form.

use std::collections::BTreeMap;

use arborist_shared::api::corpora::Corpus;
use arborist_shared::api::plugins::Plugin;
use arborist_shared::api::runs::{NewRun, Run};
use arborist_shared::manifest::{AssetNeed, DEFAULT_PRESET, MethodManifest};
use serde_json::{Map, Value};

use super::schema_form::{fields, preset, same, written};

/// A method that was picked, its preset and what deviates from it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MethodChoice {
    pub method: String,
    pub preset: String,
    /// As typed.
    pub changes: BTreeMap<String, String>,
}

/// Everything that was chosen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrainForm {
    pub methods: Vec<MethodChoice>,
    pub corpus: Option<i64>,
    /// `1, 2, 3`; each seed is a run of its own.
    pub seeds: String,
    pub device: String,
    /// `minilm`, an asset's id, or empty.
    pub encoder: String,
    /// An asset's id, or empty.
    pub word_vectors: String,
}

type Pairs = Vec<(String, String)>;

impl TrainForm {
    /// Reads the query of the address.
    pub fn from_pairs(pairs: &Pairs) -> Self {
        let text = |name: &str| {
            pairs
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.clone())
                .unwrap_or_default()
        };
        let mut form = Self {
            methods: Vec::new(),
            corpus: text("corpus").parse().ok(),
            seeds: text("seeds"),
            device: text("device"),
            encoder: text("encoder"),
            word_vectors: text("word_vectors"),
        };
        for word in text("methods").split(',').filter(|word| !word.is_empty()) {
            let (method, preset) = word.split_once(':').unwrap_or((word, DEFAULT_PRESET));
            if form.choice(method).is_none() {
                form.methods.push(MethodChoice {
                    method: method.into(),
                    preset: preset.into(),
                    changes: BTreeMap::new(),
                });
            }
        }
        for (_, set) in pairs.iter().filter(|(key, _)| key == "set") {
            let Some((target, value)) = set.split_once('=') else {
                continue;
            };
            let Some((method, key)) = target.split_once('.') else {
                continue;
            };
            if let Some(choice) = form
                .methods
                .iter_mut()
                .find(|choice| choice.method == method)
            {
                choice.changes.insert(key.to_owned(), value.to_owned());
            }
        }
        form
    }

    /// The query that reads back as this form.
    pub fn to_pairs(&self) -> Pairs {
        let methods: Vec<String> = self
            .methods
            .iter()
            .map(|choice| format!("{}:{}", choice.method, choice.preset))
            .collect();
        let mut pairs = vec![("methods".to_owned(), methods.join(","))];
        for choice in &self.methods {
            for (key, value) in &choice.changes {
                pairs.push(("set".into(), format!("{}.{key}={value}", choice.method)));
            }
        }
        pairs.push((
            "corpus".into(),
            self.corpus
                .map(|corpus| corpus.to_string())
                .unwrap_or_default(),
        ));
        for (key, value) in [
            ("seeds", &self.seeds),
            ("device", &self.device),
            ("encoder", &self.encoder),
            ("word_vectors", &self.word_vectors),
        ] {
            pairs.push((key.into(), value.clone()));
        }
        pairs.retain(|(_, value)| !value.is_empty());
        pairs
    }

    /// A form that repeats a run.
    pub fn from_run(run: &Run, manifest: Option<&MethodManifest>) -> Self {
        let preset_name = run.preset.clone().unwrap_or_else(|| DEFAULT_PRESET.into());
        let base = manifest
            .and_then(|manifest| preset(manifest, &preset_name))
            .unwrap_or_default();
        let changes = run
            .hyperparameters
            .iter()
            .filter(|(key, value)| base.get(*key).is_none_or(|from| !same(from, value)))
            .map(|(key, value)| (key.clone(), written(value)))
            .collect();
        Self {
            methods: vec![MethodChoice {
                method: run.method.clone(),
                preset: preset_name,
                changes,
            }],
            corpus: Some(run.corpus),
            seeds: run.seed.to_string(),
            device: run.device.clone(),
            encoder: run.encoder.as_ref().map(written).unwrap_or_default(),
            word_vectors: run
                .word_vectors
                .map(|asset| asset.to_string())
                .unwrap_or_default(),
        }
    }

    pub fn choice(&self, method: &str) -> Option<&MethodChoice> {
        self.methods.iter().find(|choice| choice.method == method)
    }

    /// Picks a method, or drops it.
    pub fn toggle(&mut self, method: &str, manifest: &MethodManifest) {
        if self.choice(method).is_some() {
            self.methods.retain(|choice| choice.method != method);
        } else {
            let preset = if manifest.presets.contains_key(DEFAULT_PRESET) {
                DEFAULT_PRESET.to_owned()
            } else {
                manifest.presets.keys().next().cloned().unwrap_or_default()
            };
            self.methods.push(MethodChoice {
                method: method.into(),
                preset,
                changes: BTreeMap::new(),
            });
        }
    }

    /// The seeds, or what is wrong with them.
    ///
    /// # Errors
    /// Says what is expected.
    pub fn seeds(&self) -> Result<Vec<u64>, String> {
        if self.seeds.trim().is_empty() {
            return Ok(vec![1]);
        }
        let mut seeds = Vec::new();
        for part in self
            .seeds
            .split([',', ' '])
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let seed = part.parse().map_err(|_| {
                format!("Whole numbers with commas between them; “{part}” is none.")
            })?;
            if !seeds.contains(&seed) {
                seeds.push(seed);
            }
        }
        if seeds.len() > 20 {
            return Err("At most 20 seeds at once.".into());
        }
        Ok(seeds)
    }

    /// What keeps the form from being started, as (method or empty, field, message).
    pub fn problems(&self, methods: &[Plugin]) -> Vec<(String, String, String)> {
        let mut problems = Vec::new();
        if self.methods.is_empty() {
            problems.push((
                String::new(),
                "methods".into(),
                "Pick at least one method.".into(),
            ));
        }
        if let Err(message) = self.seeds() {
            problems.push((String::new(), "seeds".into(), message));
        }
        for choice in &self.methods {
            let Some(plugin) = methods.iter().find(|plugin| plugin.name == choice.method) else {
                problems.push((
                    choice.method.clone(),
                    "methods".into(),
                    format!("The method {} is not installed here.", choice.method),
                ));
                continue;
            };
            let known = fields(&plugin.manifest.hyperparameters);
            for (key, text) in &choice.changes {
                match known.iter().find(|field| field.key == *key) {
                    Some(field) => {
                        if let Err(message) = field.read(text) {
                            problems.push((choice.method.clone(), key.clone(), message));
                        }
                    }
                    None => problems.push((
                        choice.method.clone(),
                        key.clone(),
                        format!("{} has no setting of this name.", plugin.manifest.title),
                    )),
                }
            }
            if plugin.manifest.encoder == AssetNeed::Required && self.encoder.is_empty() {
                problems.push((
                    choice.method.clone(),
                    "encoder".into(),
                    format!("{} needs a pretrained encoder.", plugin.manifest.title),
                ));
            }
            if plugin.manifest.word_vectors == AssetNeed::Required && self.word_vectors.is_empty() {
                problems.push((
                    choice.method.clone(),
                    "word_vectors".into(),
                    format!("{} needs word vectors.", plugin.manifest.title),
                ));
            }
        }
        problems
    }

    /// The runs to start, one for each method and seed. Call it when there are no [`problems`](Self::problems).
    pub fn requests(&self, methods: &[Plugin], corpus: &Corpus) -> Vec<NewRun> {
        let seeds = self.seeds().unwrap_or_default();
        let mut requests = Vec::new();
        for choice in &self.methods {
            let Some(plugin) = methods.iter().find(|plugin| plugin.name == choice.method) else {
                continue;
            };
            let known = fields(&plugin.manifest.hyperparameters);
            let base = preset(&plugin.manifest, &choice.preset).unwrap_or_default();
            let mut hyperparameters = Map::new();
            for (key, text) in &choice.changes {
                if let Some(value) = known
                    .iter()
                    .find(|field| field.key == *key)
                    .and_then(|field| field.read(text).ok())
                    && base.get(key).is_none_or(|from| !same(from, &value))
                {
                    hyperparameters.insert(key.clone(), value);
                }
            }
            let takes = |need: AssetNeed, asset: &str| need != AssetNeed::None && !asset.is_empty();
            let encoder = plugin
                .manifest
                .encoder_need(|key| hyperparameters.get(key).or_else(|| base.get(key)));
            for seed in &seeds {
                requests.push(NewRun {
                    method: choice.method.clone(),
                    preset: Some(choice.preset.clone()).filter(|preset| !preset.is_empty()),
                    hyperparameters: hyperparameters.clone(),
                    corpus: corpus.id,
                    taxonomy: corpus.taxonomy,
                    encoder: takes(encoder, &self.encoder).then(|| {
                        self.encoder
                            .parse::<i64>()
                            .map_or_else(|_| Value::from(self.encoder.clone()), Value::from)
                    }),
                    word_vectors: if takes(plugin.manifest.word_vectors, &self.word_vectors) {
                        self.word_vectors.parse().ok()
                    } else {
                        None
                    },
                    seed: Some(*seed),
                    device: Some(self.device.clone()).filter(|device| !device.is_empty()),
                    priority: None,
                    after: Vec::new(),
                });
            }
        }
        requests
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::schema_form::tests::manifest;
    use serde_json::json;

    fn plugin() -> Plugin {
        Plugin {
            name: "hiagm".into(),
            version: "0.0.0".into(),
            abi: 1,
            libtorch: None,
            manifest: manifest(),
        }
    }

    fn corpus() -> Corpus {
        serde_json::from_value(json!({
            "id": 3, "project": 1, "taxonomy": 2, "version": 1, "content_hash": "", "n_documents": 10, "n_annotated": 10, "n_train": 8,
            "n_validation": 1, "n_test": 1, "n_rejected": 0, "labels_per_document": 2.0, "created_at": ""
        }))
        .expect("a corpus")
    }

    fn form() -> TrainForm {
        let mut form = TrainForm {
            seeds: "1, 2".into(),
            corpus: Some(3),
            ..TrainForm::default()
        };
        form.toggle("hiagm", &manifest());
        form.methods[0]
            .changes
            .insert("learning_rate".into(), "0.01".into());
        form
    }

    #[test]
    fn the_address_reads_back_as_the_form() {
        let form = form();
        let pairs = form.to_pairs();
        assert!(pairs.contains(&("methods".into(), "hiagm:balanced".into())));
        assert!(pairs.contains(&("set".into(), "hiagm.learning_rate=0.01".into())));
        assert_eq!(TrainForm::from_pairs(&pairs), form);
        assert_eq!(TrainForm::from_pairs(&Vec::new()), TrainForm::default());
    }

    #[test]
    fn a_run_for_each_method_and_seed() {
        let mut form = form();
        form.methods[0].changes.insert("epochs".into(), "25".into());
        assert!(form.problems(&[plugin()]).is_empty());
        let requests = form.requests(&[plugin()], &corpus());
        assert_eq!(
            requests.iter().map(|run| run.seed).collect::<Vec<_>>(),
            [Some(1), Some(2)]
        );
        assert_eq!(
            Value::Object(requests[0].hyperparameters.clone()),
            json!({"learning_rate": 0.01}),
            "what equals the preset is not sent"
        );
        assert_eq!((requests[0].corpus, requests[0].taxonomy), (3, 2));
        assert_eq!(requests[0].preset.as_deref(), Some("balanced"));
    }

    #[test]
    fn problems_name_their_field() {
        let mut form = form();
        form.seeds = "1, two".into();
        form.methods[0]
            .changes
            .insert("epochs".into(), "many".into());
        form.methods[0].changes.insert("color".into(), "red".into());
        let fields: Vec<_> = form
            .problems(&[plugin()])
            .into_iter()
            .map(|(_, field, _)| field)
            .collect();
        assert_eq!(fields, ["seeds", "color", "epochs"]);
        assert_eq!(TrainForm::default().problems(&[])[0].1, "methods");
        assert_eq!(
            form.problems(&[])[1].2,
            "The method hiagm is not installed here."
        );
    }

    #[test]
    fn cloning_keeps_only_what_deviates() {
        let run: Run = serde_json::from_value(json!({
            "id": 9, "project": 1, "job": 4, "method": "hiagm", "preset": "fast", "corpus": 3, "taxonomy": 2, "seed": 7, "device": "cpu",
            "status": "succeeded", "created_at": "",
            "hyperparameters": {"epochs": 3, "learning_rate": 0.5, "dropout": 0.5, "variant": "tp", "tie": false, "max_length": null, "sizes": [2, 3]}
        }))
        .expect("a run");
        let form = TrainForm::from_run(&run, Some(&manifest()));
        assert_eq!(
            form.methods[0].changes,
            BTreeMap::from([("learning_rate".to_owned(), "0.5".to_owned())])
        );
        assert_eq!((form.seeds.as_str(), form.corpus), ("7", Some(3)));
        assert_eq!(
            (form.encoder.as_str(), form.word_vectors.as_str()),
            ("", "")
        );
    }

    #[test]
    fn cloning_keeps_what_a_run_started_from() {
        let run = |encoder: Value| -> Run {
            serde_json::from_value(json!({
                "id": 9, "project": 1, "job": 4, "method": "hiagm", "preset": "fast", "corpus": 3, "taxonomy": 2, "seed": 7, "device": "cpu",
                "status": "succeeded", "created_at": "", "hyperparameters": {}, "encoder": encoder, "word_vectors": 12
            }))
            .expect("a run")
        };
        for (encoder, text) in [(json!(11), "11"), (json!("minilm"), "minilm")] {
            let form = TrainForm::from_run(&run(encoder), Some(&manifest()));
            assert_eq!(
                (form.encoder.as_str(), form.word_vectors.as_str()),
                (text, "12")
            );
            assert_eq!(TrainForm::from_pairs(&form.to_pairs()), form);
        }
    }
}
