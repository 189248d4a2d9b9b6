//! Speed of training and prediction on random words: `cargo run --release -p arborist-hiagm --example throughput -- --lengths rcv1`.

use arborist_hiagm::Hyperparameters;
use arborist_hiagm::network::Network;
use arborist_model_kit::throughput;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    throughput::run::<Network>(|options| {
        let mut hyperparameters = Hyperparameters::default();
        hyperparameters.text.max_length = options.length;
        hyperparameters
    })
}
