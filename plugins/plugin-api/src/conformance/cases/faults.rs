//! What must not go through, and must not take the process with it.

use std::fs;
use std::marker::PhantomData;

use arborist_shared::manifest::MethodManifest;
use arborist_shared::run::RunEvent;

use crate::conformance::Kit;
use crate::conformance::workbench::{Bench, Listener, predict};
use crate::events::{Host, HostCallbacks};
use crate::host::{CallError, Plugin};
use crate::method::{Method, Model, ModelError, Predictions};
use crate::request::{LoadRequest, TrainRequest};

const INJECTED: &str = "injected panic";

impl<M: Method> Kit<M> {
    /// Loading from an empty directory is an error in words.
    pub fn refuses_a_missing_checkpoint(&self) {
        let bench = Bench::new(self, &self.corpus());
        match bench.load(&self.plugin()) {
            Err(CallError::Failed(message) | CallError::Input(message)) => {
                assert!(
                    !message.is_empty(),
                    "the refusal of an empty checkpoint has no words"
                );
            }
            other => panic!("an empty checkpoint: expected an error in words, found {other:?}"),
        }
    }

    /// Whichever file of the checkpoint is cut in half, loading does not panic.
    pub fn survives_a_damaged_checkpoint(&self) {
        let bench = Bench::new(self, &self.corpus());
        drop(bench.trained(self));
        let plugin = self.plugin();
        let files = bench.checkpoint_files();
        assert!(
            !files.is_empty(),
            "training wrote nothing to {}",
            bench.checkpoint().display()
        );
        for file in files {
            let whole = fs::read(&file).expect("the checkpoint can be read");
            fs::write(&file, &whole[..whole.len() / 2]).expect("the checkpoint can be written");
            if let Err(error @ (CallError::Panicked(_) | CallError::Protocol(_))) =
                bench.load(&plugin)
            {
                panic!("{} cut in half: {error}", file.display());
            }
            fs::write(&file, whole).expect("the checkpoint can be written");
        }
    }

    /// A panic in the middle of a training is reported as one, and the next training is fine.
    pub fn survives_a_panic_in_training(&self) {
        let corpus = self.corpus();
        let bench = Bench::new(self, &corpus);
        let faulty = Plugin::in_process::<Faulty<M>>("").expect("the method describes itself");
        let listener = Listener::default();
        match bench.train(self, &faulty, &listener) {
            Err(CallError::Panicked(message)) => {
                assert!(message.contains(INJECTED), "the message is {message:?}");
            }
            other => {
                panic!("a panic at the first event: expected it to be reported, found {other:?}")
            }
        }
        let mut model = Bench::new(self, &corpus).trained(self);
        predict(&mut model, &corpus.unseen);
    }

    /// A panic in a prediction is reported as one; the model is not used again, a fresh one is fine.
    pub fn survives_a_panic_in_prediction(&self) {
        let corpus = self.corpus();
        let bench = Bench::new(self, &corpus);
        drop(bench.trained(self));
        let faulty = Plugin::in_process::<Faulty<M>>("").expect("the method describes itself");
        let mut model = bench
            .load(&faulty)
            .expect("the trained model can be loaded");
        match model.predict(&["goal"]) {
            Err(CallError::Panicked(message)) => {
                assert!(message.contains(INJECTED), "the message is {message:?}");
            }
            other => panic!("a panic in a prediction: expected it to be reported, found {other:?}"),
        }
        assert!(
            matches!(model.predict(&["goal"]), Err(CallError::Failed(_))),
            "a model that panicked is used again"
        );
        drop(model);
        let mut model = bench
            .load(&self.plugin())
            .expect("the trained model can be loaded");
        predict(&mut model, &corpus.unseen);
    }
}

/// The method with a panic at its first event and one in every prediction, thrown on the plugin's side of the seam.
struct Faulty<M>(PhantomData<M>);

struct FaultyModel<T>(T);

struct PanickingHost;

impl<M: Method> Method for Faulty<M> {
    type Hyperparameters = M::Hyperparameters;
    type Model = FaultyModel<M::Model>;

    fn manifest() -> MethodManifest {
        M::manifest()
    }

    fn train(
        hyperparameters: Self::Hyperparameters,
        request: &TrainRequest,
        _host: &Host<'_>,
    ) -> Result<(), ModelError> {
        M::train(hyperparameters, request, &Host::new(&PanickingHost))
    }

    fn load(request: &LoadRequest) -> Result<Self::Model, ModelError> {
        M::load(request).map(FaultyModel)
    }
}

impl<T: Model> Model for FaultyModel<T> {
    fn predict(&mut self, texts: &[&str]) -> Result<Predictions, ModelError> {
        self.0.predict(texts)?;
        panic!("{INJECTED}");
    }

    fn threshold(&self) -> f32 {
        self.0.threshold()
    }
}

impl HostCallbacks for PanickingHost {
    fn emit(&self, _event: RunEvent) {
        panic!("{INJECTED}");
    }

    fn is_cancelled(&self) -> bool {
        false
    }
}
