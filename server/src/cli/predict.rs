//! `arborist predict`: any rows with a text in, lines of predictions out, in the same order and in bounded memory.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use arborist_shared::corpus::Reading;
use arborist_shared::decode::{DecodeOptions, Selection, decode};
use arborist_shared::taxonomy::Taxonomy;
use clap::Args;
use serde::Serialize;
use tokio::sync::mpsc;

use super::corpus::{CorpusReader, Rejects, STDIN};
use super::options::{Decoding, Formats, Places, device, input_file};
use super::progress::Progress;
use super::scoring::{ScoredWindow, WINDOW_QUEUE, Window, open_run, score, start_model};
use super::{CliError, output};
use crate::runs::predictions::PredictionWriter;
use crate::work::Kept;
use crate::work::batches::window_is_full;

#[derive(Debug, Args)]
pub(super) struct Predict {
    /// Directory of a finished run
    #[arg(long, value_name = "RUN")]
    run: PathBuf,
    /// Documents; `-` reads standard input. Labels in the rows are ignored
    #[arg(long, value_name = "FILE|-")]
    input: PathBuf,
    /// Where predictions go; `-` writes standard output
    #[arg(long, value_name = "FILE|-")]
    output: PathBuf,
    /// Predict the labels with a raw score strictly above this, 0 to 1 [default: the method's own rule]
    #[arg(long, value_name = "X", value_parser = threshold, allow_negative_numbers = true)]
    threshold: Option<f32>,
    /// Predict at most this many labels, those with the highest raw scores, and their ancestors; without --threshold, just
    /// so many
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    top: Option<u32>,
    /// Thresholds of the levels from the top, such as 0.5,0.4,0.3; the last one goes for all below it
    #[arg(long, value_name = "X,…", value_parser = threshold, value_delimiter = ',', conflicts_with_all = ["threshold", "top"])]
    thresholds: Vec<f32>,
    #[command(flatten)]
    decoding: Decoding,
    /// Write the score of every label, not only the 64 highest and those above .01; to rank among rare labels. A --top
    /// above 64 and a --threshold below .01 ask for it as well
    #[arg(long)]
    all_scores: bool,
    /// auto, cpu or cuda:N
    #[arg(long, default_value = "auto", value_parser = device)]
    device: String,
    #[command(flatten)]
    formats: Formats,
    #[command(flatten)]
    places: Places,
    /// One JSON object as the last line, behind the predictions where they go to standard output
    #[arg(long)]
    json: bool,
}

fn threshold(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(threshold) if (0.0..=1.0).contains(&threshold) => Ok(threshold),
        _ => Err(format!("found `{text}`, expected 0 to 1")),
    }
}

/// What `--json` prints. The time counts from the moment when the model is loaded.
#[derive(Serialize)]
struct Report {
    documents: u64,
    seconds: f64,
    docs_per_s: f64,
}

impl Predict {
    pub(super) async fn run(self) -> Result<(), CliError> {
        let from_stdin = self.input == Path::new(STDIN);
        let to_stdout = self.output == Path::new(STDIN);
        if !from_stdin {
            input_file("--input", &self.input)?;
            refuse_same_file(&self.input, &self.output)?;
        }
        let run = open_run(&self.run)?;
        let taxonomy = run.taxonomy()?;
        let own = self.decoding.over(run.request()?.decoding);
        let options = DecodeOptions {
            selection: self.selection().unwrap_or(own.selection),
            ..own
        };
        let kept = if self.all_scores {
            Kept::All
        } else {
            Kept::for_answer(&options.selection, 0)
        };
        let model = start_model(&run, &self.places, &self.device).await?;
        let method_threshold = model.threshold();
        let file: Box<dyn Write + Send> = if to_stdout {
            Box::new(io::stdout())
        } else {
            let created = File::create(&self.output);
            Box::new(created.map_err(|error| {
                CliError::input(format!("--output: {}: {error}", self.output.display()))
            })?)
        };

        let start = Instant::now();
        let (window_sender, windows) = mpsc::channel(WINDOW_QUEUE);
        let (scored_sender, scored) = mpsc::channel(WINDOW_QUEUE);
        let (input, files) = (self.input.clone(), self.formats.reading());
        let reading = tokio::task::spawn_blocking(move || read(&input, &files, &window_sender));
        let writing = tokio::task::spawn_blocking(move || {
            let sink = Sink {
                taxonomy: &taxonomy,
                options,
                method_threshold,
            };
            sink.write(scored, BufWriter::with_capacity(1 << 20, file))
        });
        score(model, kept, windows, scored_sender).await?;
        let documents = writing.await.map_err(CliError::failed)??;
        let rejected = reading.await.map_err(CliError::failed)??;
        if documents == 0 && rejected > 0 {
            return Err(CliError::input(format!(
                "--input: no usable row, {rejected} rejected; expected rows with `text`"
            )));
        }
        let seconds = start.elapsed().as_secs_f64();
        let report = Report {
            documents,
            seconds,
            docs_per_s: documents as f64 / seconds,
        };
        let for_people = |report: &Report| {
            format!(
                "{} documents in {:.2} s, {:.0} documents/s",
                report.documents, report.seconds, report.docs_per_s
            )
        };
        if to_stdout && !self.json {
            eprintln!("{}", for_people(&report));
            return Ok(());
        }
        output::result(self.json, &report, for_people)
    }

    /// None: that of the run.
    fn selection(&self) -> Option<Selection> {
        match (self.threshold, self.top) {
            (Some(threshold), None) => Some(Selection::Threshold(threshold)),
            (Some(threshold), Some(top)) => Some(Selection::TopAbove(top as usize, threshold)),
            (None, Some(top)) => Some(Selection::Top(top as usize)),
            (None, None) if !self.thresholds.is_empty() => {
                Some(Selection::Levels(self.thresholds.clone()))
            }
            (None, None) => None,
        }
    }
}

/// Creating the output would empty the input.
fn refuse_same_file(input: &Path, output: &Path) -> Result<(), CliError> {
    match (input.canonicalize(), output.canonicalize()) {
        (Ok(input), Ok(output)) if input == output => Err(CliError::input(format!(
            "--output: {} is the input, expected another file",
            output.display()
        ))),
        _ => Ok(()),
    }
}

/// Reads documents into windows; answers the number of rejected rows.
fn read(path: &Path, reading: &Reading, to: &mpsc::Sender<Window>) -> Result<u64, CliError> {
    let mut reader = CorpusReader::open(path, reading, None)?;
    let name = reader.name().to_owned();
    let mut rejects = Rejects::default();
    let mut window = Window::default();
    let mut bytes = 0;
    while let Some(row) = reader.next_row()? {
        let numbered_id = row.numbered_id();
        match row.content {
            Ok(content) => {
                bytes += content.text.len();
                window.ids.push(content.id.unwrap_or(numbered_id));
                window.texts.push(content.text);
            }
            Err(error) => rejects.add(&name, row.raw, &error)?,
        }
        if window_is_full(window.ids.len(), bytes) {
            bytes = 0;
            if to.blocking_send(std::mem::take(&mut window)).is_err() {
                // Whoever stopped listening says why.
                return Ok(rejects.count());
            }
        }
    }
    if !window.ids.is_empty() {
        let _ = to.blocking_send(window);
    }
    rejects.finish(None)
}

/// Turns scores into lines.
struct Sink<'a> {
    taxonomy: &'a Taxonomy,
    options: DecodeOptions,
    method_threshold: f32,
}

impl Sink<'_> {
    /// Writes the lines of all documents; answers their number.
    fn write(
        &self,
        mut from: mpsc::Receiver<ScoredWindow>,
        mut to: BufWriter<Box<dyn Write + Send>>,
    ) -> Result<u64, CliError> {
        let failed =
            |error: io::Error| CliError::failed(format!("cannot write predictions: {error}"));
        let mut writer = PredictionWriter::new(self.taxonomy);
        let mut progress = Progress::new();
        let mut documents = 0;
        let mut line = Vec::new();
        while let Some(window) = from.blocking_recv() {
            for (id, scores) in window.ids.iter().zip(&window.scores) {
                let decoded = decode(self.taxonomy, scores, &self.options, self.method_threshold);
                line.clear();
                writer.write(
                    id,
                    &decoded,
                    self.options.threshold(scores, self.method_threshold),
                    &mut line,
                );
                to.write_all(&line).map_err(failed)?;
            }
            documents += window.ids.len() as u64;
            progress.step("predict", documents, 0);
        }
        to.flush().map_err(failed)?;
        Ok(documents)
    }
}
