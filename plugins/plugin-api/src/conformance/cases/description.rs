//! What a method says about itself.

use serde_json::Value;

use crate::conformance::Kit;
use crate::host::{manifest_problems, validate_hyperparameters};
use crate::method::{Facts, Method};

const FACTS: Facts = Facts {
    documents: 240,
    tokens: 5_000,
    labels: 12,
    depth: 2,
};

impl<M: Method> Kit<M> {
    /// The manifest crosses the seam unchanged and is the same at every call.
    pub fn describes_itself(&self) {
        let plugin = self.plugin();
        assert_eq!(
            *plugin.manifest(),
            M::manifest(),
            "the manifest changes on its way through JSON or from call to call"
        );
    }

    /// Every hyperparameter has title, description and default; five presets exist; all of them pass the schema.
    pub fn keeps_the_rules_for_manifests(&self) {
        let problems = manifest_problems(&M::manifest());
        assert!(
            problems.is_empty(),
            "the manifest breaks the rules:\n{}",
            problems.join("\n")
        );
    }

    /// What the schema accepts, the method's own struct and `check` accept too; memory is estimated above nothing.
    pub fn accepts_its_presets(&self) {
        let plugin = self.plugin();
        let manifest = M::manifest();
        for preset in manifest.presets.keys() {
            let resolved = manifest
                .resolve(Some(preset), &[])
                .expect("the preset is listed");
            let hyperparameters = Value::Object(resolved);
            if let Err(error) = plugin.check(&hyperparameters, &FACTS) {
                panic!("preset `{preset}` is refused: {error}");
            }
            match plugin.memory(&hyperparameters, &FACTS) {
                Ok(0) => panic!("preset `{preset}` is estimated to need no memory"),
                Ok(_) => {}
                Err(error) => panic!("no estimate of memory for preset `{preset}`: {error}"),
            }
        }
        if let Err(error) = plugin.check(&self.hyperparameters(), &FACTS) {
            panic!("the hyperparameters given to the kit are refused: {error}");
        }
    }

    /// A misspelled key is refused by the host, and the right one is suggested.
    pub fn refuses_unknown_hyperparameters(&self) {
        let manifest = M::manifest();
        let mut hyperparameters = manifest
            .resolve(None, &[])
            .expect("the preset `balanced` exists");
        let Some((key, value)) = hyperparameters.iter().next() else {
            return;
        };
        let (misspelled, value) = (format!("{key}x"), value.clone());
        let expected = format!("did you mean `{key}`?");
        hyperparameters.insert(misspelled.clone(), value);
        let errors = validate_hyperparameters(&manifest, &hyperparameters)
            .expect_err("an unknown key is refused");
        let error = errors
            .iter()
            .find(|error| error.field == format!("/{misspelled}"));
        let message = &error.expect("the error names the key").message;
        assert!(
            message.contains(&expected),
            "found {message:?}, expected it to contain {expected:?}"
        );
    }
}
