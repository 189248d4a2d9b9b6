//! Speed of training and prediction on random words: `cargo run --release -p arborist-himatch --example throughput_himatch -- --lengths rcv1`.

use arborist_himatch::Hyperparameters;
use arborist_himatch::network::Network;
use arborist_model_kit::throughput;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    throughput::run::<Network>(|options| {
        let mut hyperparameters = Hyperparameters::default();
        hyperparameters.text.max_length = options.length;
        hyperparameters
    })
}
