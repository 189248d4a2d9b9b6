//! `cargo xtask bench`: measures the product against its peers, both sides in one run, alternating.
//!
//! A benchmark names its figures with what is required, aimed at and possible. What is
//! printed can be put into docs/performance.md with `--write`.

mod corpora;
mod corpus;
mod dashboard;
mod demo;
mod hiagm;
mod import;
mod latency;
mod linear;
mod methods;
mod minilm;
mod product;
mod queue;
mod report;
mod taxonomy;
mod word_vectors;

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::workspace::Workspace;

/// What one repetition of one side measured, by the keys of the figures.
pub(crate) type Measured = BTreeMap<&'static str, f64>;

/// One side's repetition.
type Repetition<'a> = Box<dyn FnMut() -> Result<Measured> + 'a>;

/// A benchmark, ready to run.
pub(crate) struct Benchmark<'a> {
    /// What goes in: sizes, threads.
    pub(crate) input: String,
    /// The first is ours; what it is compared with comes after.
    pub(crate) sides: Vec<Side<'a>>,
    pub(crate) figures: Vec<Figure>,
    /// Rounds that are run and thrown away.
    pub(crate) warm_up: usize,
    /// Fewer than five only where a repetition takes many minutes, or is a distribution itself.
    pub(crate) repetitions: usize,
}

/// A program that is measured.
pub(crate) struct Side<'a> {
    /// Name and version.
    pub(crate) program: String,
    pub(crate) repeat: Repetition<'a>,
}

/// One row of the table.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) key: &'static str,
    pub(crate) what: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) better: Better,
    pub(crate) required: Option<Goal>,
    pub(crate) aim: Option<Goal>,
    pub(crate) floor: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    Higher,
    Lower,
}

/// What a figure should reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    Absolute(f64),
    /// So many times as good as the peer of the same run.
    TimesPeer(f64),
}

/// Prepares a benchmark: data, peers, a server.
type Prepare = for<'a> fn(&'a Workspace) -> Result<Benchmark<'a>>;

/// All benchmarks: name, what it measures, whether it runs when none is named.
const BENCHMARKS: [(&str, &str, bool, Prepare); 18] = [
    (
        "linear",
        "linear's fit and prediction on chemical-exposure, beside scikit-learn",
        true,
        linear::chemical_exposure,
    ),
    (
        "linear-short",
        "linear's prediction on clinc150's short texts, beside scikit-learn",
        true,
        linear::clinc,
    ),
    (
        "linear-scale",
        "linear's time and memory at 30,000 labels and 200,000 documents",
        true,
        linear::scale,
    ),
    (
        "hiagm",
        "HiAGM's training and prediction at 256 tokens a document, beside the authors' formulas in PyTorch",
        true,
        hiagm::full_length,
    ),
    (
        "hiagm-lengths",
        "the same at RCV1's distribution of lengths",
        true,
        hiagm::rcv1_lengths,
    ),
    (
        "methods",
        "the methods over words beside each other, at RCV1's distribution of lengths",
        true,
        methods::rcv1_lengths,
    ),
    (
        "minilm",
        "MiniLM's training and prediction on the lengths of dbpedia-classes-5000, beside transformers",
        true,
        minilm::real_lengths,
    ),
    (
        "minilm-equal",
        "its prediction at 256 pieces a document, beside transformers",
        true,
        minilm::equal_lengths,
    ),
    (
        "encoders",
        "flat BERT, HGCLR and HBGL beside each other, with MiniLM",
        true,
        minilm::methods,
    ),
    (
        "word-vectors",
        "loading 400,000 word vectors of 300 numbers from text, beside Python with NumPy",
        true,
        word_vectors::load,
    ),
    (
        "api-predict",
        "latency of predicting one document over HTTP",
        true,
        latency::predict,
    ),
    (
        "dashboard",
        "download and first view of the dashboard in Chromium",
        true,
        dashboard::first_view,
    ),
    (
        "import",
        "importing a million short rows: time and the server's memory",
        true,
        import::million,
    ),
    (
        "corpus",
        "a corpus of a million short rows under work: searching, exporting",
        true,
        corpus::million,
    ),
    (
        "taxonomy",
        "a taxonomy of 100,000 labels under work: looking, searching, editing, merging",
        true,
        taxonomy::workbench,
    ),
    (
        "queue",
        "a queue of 10,000 waiting trainings: looking, moving, starting the next one",
        true,
        queue::long,
    ),
    (
        "demo",
        "`cargo xtask demo`, when everything is there already",
        true,
        demo::again,
    ),
    (
        "demo-from-nothing",
        "`cargo xtask demo` with empty cache and target folders",
        false,
        demo::from_nothing,
    ),
];

/// What the command line asks for.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) names: Vec<String>,
    pub(crate) write: bool,
    pub(crate) repetitions: Option<usize>,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let known = || {
        BENCHMARKS
            .iter()
            .map(|(name, what, ..)| format!("  {name:18} {what}\n"))
            .collect::<String>()
    };
    if let Some(unknown) = options
        .names
        .iter()
        .find(|name| !BENCHMARKS.iter().any(|(known, ..)| known == name))
    {
        bail!("there is no benchmark `{unknown}`; there are\n{}", known());
    }
    let mut missed = Vec::new();
    for (name, what, by_default, prepare) in BENCHMARKS {
        let chosen = if options.names.is_empty() {
            by_default
        } else {
            options.names.iter().any(|wanted| wanted == name)
        };
        if !chosen {
            continue;
        }
        println!("\n== {name}: {what}");
        let mut benchmark = prepare(workspace)?;
        if let Some(repetitions) = options.repetitions {
            benchmark.repetitions = repetitions;
        }
        report::warn_of_company();
        let samples = measure(&mut benchmark)?;
        let report = report::Report::new(workspace, name, what, &benchmark, &samples)?;
        println!("\n{}", report.text());
        if options.write {
            report.write(workspace)?;
        }
        missed.extend(report.missed());
    }
    if !missed.is_empty() {
        bail!("not reached: {}", missed.join("; "));
    }
    Ok(())
}

/// Runs the sides in turn; every round begins with another one, so that none always has the warm caches.
fn measure(benchmark: &mut Benchmark<'_>) -> Result<Vec<Vec<Measured>>> {
    let count = benchmark.sides.len();
    let mut samples: Vec<Vec<Measured>> = vec![Vec::new(); count];
    for round in 0..benchmark.warm_up + benchmark.repetitions {
        for turn in 0..count {
            let index = (round + turn) % count;
            let side = &mut benchmark.sides[index];
            let started = Instant::now();
            let measured = (side.repeat)()?;
            let kept = round >= benchmark.warm_up;
            let what = if kept {
                format!("repetition {}", round + 1 - benchmark.warm_up)
            } else {
                "warm-up".to_owned()
            };
            eprintln!(
                "  {what}, {}: {} ({:.1} s)",
                side.program,
                line(&measured),
                started.elapsed().as_secs_f64()
            );
            if kept {
                samples[index].push(measured);
            }
        }
    }
    Ok(samples)
}

fn line(measured: &Measured) -> String {
    measured
        .iter()
        .map(|(key, value)| format!("{key} {}", report::number(*value)))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::{Benchmark, Measured, Side, measure};

    #[test]
    fn sides_alternate_and_warm_up_is_thrown_away() {
        let order = RefCell::new(String::new());
        let side = |name: &'static str| Side {
            program: name.to_owned(),
            repeat: Box::new(|| {
                order.borrow_mut().push_str(name);
                Ok(Measured::from([("seconds", 1.0)]))
            }),
        };
        let mut benchmark = Benchmark {
            input: String::new(),
            sides: vec![side("a"), side("b")],
            figures: Vec::new(),
            warm_up: 1,
            repetitions: 2,
        };
        let samples = measure(&mut benchmark).expect("nothing fails");
        assert_eq!(samples.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
        drop(benchmark);
        assert_eq!(order.into_inner(), "abbaab");
    }
}
