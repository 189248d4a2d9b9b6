//! Speed of a transformer, the kernels and libtorch in turns: `cargo run --release -p arborist-model-kit --example transformer`.
//!
//! Random rows instead of words. Prints one JSON object for each batch, in milliseconds; `ratio` is libtorch's time by
//! the kernels'.

use std::time::Instant;

use arborist_model_kit::blocks::{
    CompiledTransformerLayer, Precision, Sight, TransformerLayer, TransformerSizes,
};
use arborist_model_kit::cpu::noise::Noise;
use arborist_model_kit::error::KitError;
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::pass::{Moment, Pass};
use arborist_model_kit::process;
use tch::{Device, Kind, Tensor};

struct Options {
    layers: usize,
    width: i64,
    heads: i64,
    repetitions: usize,
    dropout: f64,
    threads: u32,
}

impl Options {
    /// MiniLM, if nothing else is said.
    fn parse() -> Result<Self, String> {
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
        let mut options = Self {
            layers: 6,
            width: 384,
            heads: 12,
            repetitions: 5,
            dropout: 0.1,
            threads: cores,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(key) = arguments.next() {
            let value = arguments
                .next()
                .ok_or_else(|| format!("{key} needs a value"))?;
            let number = || {
                value
                    .parse::<f64>()
                    .map_err(|_| format!("{key} needs a number, not {value}"))
            };
            match key.as_str() {
                "--layers" => options.layers = number()? as usize,
                "--width" => options.width = number()? as i64,
                "--heads" => options.heads = number()? as i64,
                "--repetitions" => options.repetitions = number()? as usize,
                "--dropout" => options.dropout = number()?,
                "--threads" => options.threads = number()? as u32,
                _ => return Err(format!("unknown option {key}")),
            }
        }
        Ok(options)
    }

    fn sizes(&self) -> TransformerSizes {
        TransformerSizes {
            width: self.width,
            heads: self.heads,
            intermediate: 4 * self.width,
            layer_norm_eps: 1e-12,
            dropout: self.dropout,
            attention_dropout: self.dropout,
            training_kind: Kind::Float,
        }
    }
}

/// Layers on top of each other, and their parameters.
struct Stack {
    parameters: Parameters,
    layers: Vec<TransformerLayer>,
}

/// Who computes.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Kernels,
    Libtorch,
}

impl Stack {
    fn new(options: &Options) -> Result<Self, KitError> {
        let mut parameters = Parameters::fresh(Device::Cpu, 1);
        let layers = (0..options.layers)
            .map(|layer| {
                let prefix = format!("encoder.layer.{layer}");
                TransformerLayer::new(&mut parameters, &prefix, options.sizes())
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { parameters, layers })
    }

    fn forward(&self, by: By, pass: &Pass, hidden: &Tensor, sight: &Sight) -> Tensor {
        self.layers
            .iter()
            .fold(hidden.shallow_clone(), |hidden, layer| match by {
                By::Kernels => layer.forward(pass, &hidden, sight),
                By::Libtorch => layer.forward_portable(pass, &hidden, sight),
            })
    }

    fn predict(&self, by: By, hidden: &Tensor, sight: &Sight) {
        let _guard = tch::no_grad_guard();
        let _ = self.forward(by, &Pass::evaluation(), hidden, sight);
    }

    fn train(&self, by: By, hidden: &Tensor, sight: &Sight) {
        let pass = Pass::training(Moment {
            seed: 1,
            stage: 0,
            step: 0,
        });
        let output = self.forward(by, &pass, hidden, sight);
        let wanted: Vec<&Tensor> = self
            .parameters
            .entries()
            .iter()
            .map(|entry| &entry.tensor)
            .collect();
        let _ = pass.backward(&output.square().sum(Kind::Float), &wanted);
    }
}

fn compiled(
    options: &Options,
    precision: Precision,
) -> Result<Vec<CompiledTransformerLayer>, KitError> {
    let layers = Stack::new(options)?.layers.into_iter();
    Ok(layers.map(|layer| layer.into_trained(precision)).collect())
}

/// Median milliseconds of each work, all in turns.
fn medians(repetitions: usize, works: &[&dyn Fn()]) -> Vec<f64> {
    let mut times = vec![Vec::new(); works.len()];
    for repetition in 0..=repetitions {
        for (times, work) in times.iter_mut().zip(works) {
            let started = Instant::now();
            work();
            if repetition > 0 {
                times.push(started.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    times
        .into_iter()
        .map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        })
        .collect()
}

/// Lengths between 20 and 400, most of them short.
fn mixed(documents: u32) -> Vec<usize> {
    let noise = Noise::new(1, 0, 0, 0);
    (0..documents)
        .map(|document| 20 + (380.0 * noise.unit(document).powi(2)) as usize)
        .collect()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse()?;
    process::prepare("cpu", options.threads)?;
    let stack = Stack::new(&options)?;
    let single = compiled(&options, Precision::Single)?;
    let int8 = compiled(&options, Precision::Int8)?;
    let batches = [
        ("12 × 128", vec![128; 12]),
        ("32 × 20..400", mixed(32)),
        ("1 × 100", vec![100]),
    ];
    for (name, segments) in batches {
        let sight = Sight::whole(segments);
        let rows = sight.rows() as i64;
        let hidden = Tensor::randn([rows, options.width], (Kind::Float, Device::Cpu));
        let run = |layers: &[CompiledTransformerLayer]| {
            let _guard = tch::no_grad_guard();
            let _ = layers.iter().fold(hidden.shallow_clone(), |hidden, layer| {
                layer.forward(&hidden, &sight)
            });
        };
        let times = medians(
            options.repetitions,
            &[
                &|| stack.predict(By::Libtorch, &hidden, &sight),
                &|| stack.predict(By::Kernels, &hidden, &sight),
                &|| run(&single),
                &|| run(&int8),
                &|| stack.train(By::Libtorch, &hidden, &sight),
                &|| stack.train(By::Kernels, &hidden, &sight),
            ],
        );
        let report = serde_json::json!({
            "batch": name,
            "rows": rows,
            "threads": options.threads,
            "forward": { "libtorch": times[0], "kernels": times[1], "ratio": times[0] / times[1] },
            "compiled": { "single": times[2], "ratio": times[0] / times[2] },
            "int8": { "kernels": times[3], "ratio": times[0] / times[3] },
            "training": { "libtorch": times[4], "kernels": times[5], "ratio": times[4] / times[5] },
        });
        #[expect(clippy::print_stdout, reason = "this is what a program calls")]
        {
            println!("{report}");
        }
    }
    Ok(())
}
