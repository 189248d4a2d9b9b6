//! A corpus of a million short rows under work: searching it, and the beginning of its export.
//!
//! What importing it takes is the business of `import`.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;

use super::corpora::{Random, spell};
use super::import::{self, COMMON, VOCABULARY};
use super::{Benchmark, Better, Figure, Goal, Measured, Side, product};
use crate::http::Client;
use crate::server::Server;
use crate::workspace::Workspace;

/// Searches of one kind in a repetition; the middle one counts.
const TRIES: usize = 15;

pub(super) fn million(workspace: &Workspace) -> Result<Benchmark<'_>> {
    product::build_server(workspace)?;
    let scratch = product::scratch(workspace, "corpus")?;
    let (rows, taxonomy) = (scratch.join("rows.jsonl"), scratch.join("taxonomy.tsv"));
    import::write(&rows, &taxonomy)?;
    // All repetitions look at the same corpus.
    let data = scratch.join("data");
    let mut imported = import::import(workspace, &data, &rows, &taxonomy)?;
    imported.server.stop()?;
    let (project, corpus) = (imported.project, imported.corpus);
    let mut number = 0;
    let ours = move || {
        number += 1;
        repetition(workspace, &data, project, corpus, number)
    };
    let figure = |key, what, required: f64| Figure {
        key,
        what,
        unit: "ms",
        better: Better::Lower,
        required: Some(Goal::Absolute(required)),
        aim: Some(Goal::Absolute(required / 2.0)),
        floor: "–",
    };
    Ok(Benchmark {
        input: import::input(),
        sides: vec![Side {
            program: product::version(workspace)?,
            repeat: Box::new(ours),
        }],
        figures: vec![
            figure("cold_ms", "first search after the server's start", 200.0),
            figure("word_ms", "search for a word of some hundred rows", 200.0),
            figure("half_ms", "search for the word of half of them", 200.0),
            figure("two_ms", "search for both", 200.0),
            figure("beginning_ms", "search for the beginning of a word", 200.0),
            figure(
                "filtered_ms",
                "search for the word of half of them, with a label and a part",
                200.0,
            ),
            figure("export_ms", "first byte of the export", 1_000.0),
            figure(
                "export_part_ms",
                "first byte of the test part as CSV",
                1_000.0,
            ),
        ],
        warm_up: 1,
        repetitions: 5,
    })
}

/// A query that a word is searched with.
type Search<'a> = &'a dyn Fn(&str) -> String;

fn repetition(
    workspace: &Workspace,
    data: &Path,
    project: i64,
    corpus: i64,
    number: u64,
) -> Result<Measured> {
    let mut server = Server::start(workspace, data, None)?;
    let mut client = server.client()?;
    let mut measured = Measured::new();
    let mut random = Random(number);
    let mut word = || spell(random.below(VOCABULARY));
    let search = |client: &mut Client, query: String| {
        let path = format!("/api/v1/projects/{project}/documents?limit=50&{query}");
        let started = Instant::now();
        let page = client.get(&path)?;
        let seconds = started.elapsed().as_secs_f64();
        anyhow::ensure!(
            page["documents"]
                .as_array()
                .is_some_and(|it| !it.is_empty()),
            "`{query}` found nothing"
        );
        Ok(seconds * 1e3)
    };

    measured.insert(
        "cold_ms",
        search(&mut client, format!("search={}+", word()))?,
    );
    let kinds: [(&str, Search<'_>); 5] = [
        ("word_ms", &|word| format!("search={word}+")),
        ("half_ms", &|_| format!("search={COMMON}+")),
        ("two_ms", &|word| format!("search={COMMON}+{word}+")),
        ("beginning_ms", &|word| {
            let beginning: String = word.chars().take(3).collect();
            format!("search={beginning}")
        }),
        ("filtered_ms", &|_| {
            format!("search={COMMON}+&label=L7&split=test")
        }),
    ];
    for (key, query) in kinds {
        let mut times = Vec::with_capacity(TRIES);
        for _ in 0..TRIES {
            times.push(search(&mut client, query(&word()))?);
        }
        times.sort_by(f64::total_cmp);
        measured.insert(key, times[TRIES / 2]);
    }
    for (key, query) in [
        ("export_ms", ""),
        ("export_part_ms", "?format=csv&split=test"),
    ] {
        let path = format!("/api/v1/corpora/{corpus}/export{query}");
        let taken = client.first_byte(&path)?;
        measured.insert(key, taken.as_secs_f64() * 1e3);
    }
    server.stop()?;
    Ok(measured)
}
