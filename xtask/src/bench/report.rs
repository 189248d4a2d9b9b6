//! What a benchmark says: median and spread of both sides, the machine, the versions, and whether it is good enough.

use std::fs;

use anyhow::{Context, Result};

use super::{Benchmark, Better, Figure, Goal, Measured};
use crate::process::cmd;
use crate::workspace::Workspace;

/// A finished benchmark as a section of Markdown.
pub(super) struct Report {
    text: String,
    missed: Vec<String>,
}

/// Median, lowest and highest of some repetitions.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Spread {
    median: f64,
    low: f64,
    high: f64,
}

impl Report {
    pub(super) fn new(
        workspace: &Workspace,
        name: &str,
        what: &str,
        benchmark: &Benchmark<'_>,
        samples: &[Vec<Measured>],
    ) -> Result<Report> {
        let programs: Vec<&str> = benchmark
            .sides
            .iter()
            .map(|side| side.program.as_str())
            .collect();
        let commit = cmd("git")
            .args(["describe", "--always", "--dirty", "--abbrev=10"])
            .dir(&workspace.root)
            .quiet()
            .read()
            .unwrap_or_else(|_| "unknown".to_owned());
        let date = cmd("date").args(["-u", "+%Y-%m-%d"]).quiet().read()?;
        let rustc = cmd("rustc").arg("--version").quiet().read()?;
        let mut text = format!(
            "### {name}, {date}\n\n{what}. {} repetitions, sides alternating, {} thrown away before.\n\n\
             Input: {}. Machine: {}. Commit {commit}, {}. Programs: {}.\n\n",
            benchmark.repetitions,
            benchmark.warm_up,
            benchmark.input,
            machine(),
            rustc.split(" (").next().unwrap_or_default(),
            programs.join("; "),
        );
        let spread = |side: usize, figure: &Figure| {
            let side = samples.get(side)?;
            Spread::of(side, figure.key)
        };
        let aimless = |figure: &Figure| figure.required.is_none() && figure.aim.is_none();
        if benchmark.figures.iter().all(aimless) {
            text.push_str(&programs_by_figures(&programs, &benchmark.figures, spread));
            return Ok(Report {
                text,
                missed: Vec::new(),
            });
        }
        let peers: String = programs
            .iter()
            .skip(1)
            .map(|program| format!(" {program} |"))
            .collect();
        text.push_str(&format!(
            "| figure | ours |{peers} required | aim | floor | verdict |\n"
        ));
        text.push_str(&format!(
            "|---|---|{}---|---|---|---|\n",
            "---|".repeat(programs.len() - 1)
        ));
        let mut missed = Vec::new();
        for figure in &benchmark.figures {
            let spreads: Vec<Option<Spread>> = (0..samples.len())
                .map(|side| spread(side, figure))
                .collect();
            if spreads.iter().all(Option::is_none) {
                continue;
            }
            let ours = spreads.first().copied().flatten();
            let peer = spreads.get(1).copied().flatten();
            let verdict = ours.map_or(Verdict::None, |ours| {
                verdict(figure, ours.median, peer.map(|peer| peer.median))
            });
            if let Some(ours) = ours.filter(|_| verdict == Verdict::Missed) {
                missed.push(format!(
                    "{name}: {} is {} {}",
                    figure.what,
                    number(ours.median),
                    figure.unit
                ));
            }
            let cells: String = spreads.iter().copied().map(cell).collect();
            text.push_str(&format!(
                "| {}, {} |{cells} {} | {} | {} | {} |\n",
                figure.what,
                figure.unit,
                goal(figure.required),
                goal(figure.aim),
                figure.floor,
                verdict.text(),
            ));
        }
        Ok(Report { text, missed })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn missed(&self) -> Vec<String> {
        self.missed.clone()
    }

    /// Puts the table among the newest; one of the same name goes to the earlier ones.
    pub(super) fn write(&self, workspace: &Workspace) -> Result<()> {
        let path = workspace.root.join("docs/performance.md");
        let page =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let page = with_table(&page, &self.text)
            .with_context(|| format!("{} has no `{NEWEST}`", path.display()))?;
        fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// A table of programs of which none has to reach anything: a row each.
fn programs_by_figures(
    programs: &[&str],
    figures: &[Figure],
    spread: impl Fn(usize, &Figure) -> Option<Spread>,
) -> String {
    let heads: String = figures
        .iter()
        .map(|figure| format!(" {}, {} |", figure.what, figure.unit))
        .collect();
    let mut text = format!("| |{heads}\n|---|{}\n", "---|".repeat(figures.len()));
    for (side, program) in programs.iter().enumerate() {
        let cells: String = figures
            .iter()
            .map(|figure| cell(spread(side, figure)))
            .collect();
        text.push_str(&format!("| {program} |{cells}\n"));
    }
    text
}

fn cell(spread: Option<Spread>) -> String {
    match spread {
        Some(spread) => format!(" {} |", spread.text()),
        None => " – |".to_owned(),
    }
}

const NEWEST: &str = "## Tables";
const EARLIER: &str = "## Earlier tables";

/// The page with one more table, which begins with `### NAME, DATE`; none when the page has no place for tables.
fn with_table(page: &str, table: &str) -> Option<String> {
    let (text, tables) = page.split_once(&format!("\n{NEWEST}\n"))?;
    let (newest, earlier) = tables
        .split_once(&format!("\n{EARLIER}\n"))
        .unwrap_or((tables, ""));
    let sections = |part: &str| -> Vec<String> {
        let sections = part.split("\n### ").skip(1);
        sections
            .map(|section| format!("### {}\n", section.trim_end()))
            .collect()
    };
    let name = |section: &str| {
        let title = section.trim_start_matches("### ").lines().next();
        title
            .unwrap_or_default()
            .split(',')
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let (former, mut newest): (Vec<String>, Vec<String>) = sections(newest)
        .into_iter()
        .partition(|section| name(section) == name(table));
    newest.push(format!("{}\n", table.trim_end()));
    newest.sort_by_key(|section| name(section));
    let mut page = format!("{text}\n{NEWEST}\n\n{}", newest.join("\n"));
    let earlier = [former, sections(earlier)].concat();
    if !earlier.is_empty() {
        page.push_str(&format!("\n{EARLIER}\n\n{}", earlier.join("\n")));
    }
    Some(page)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Nothing is asked of the figure.
    None,
    Missed,
    Required,
    Aim,
}

impl Verdict {
    fn text(self) -> &'static str {
        match self {
            Verdict::None => "",
            Verdict::Missed => "**missed**",
            Verdict::Required => "required",
            Verdict::Aim => "aim",
        }
    }
}

fn verdict(figure: &Figure, ours: f64, peer: Option<f64>) -> Verdict {
    let reaches = |goal: Goal| {
        let wanted = match (goal, peer, figure.better) {
            (Goal::Absolute(value), ..) => value,
            (Goal::TimesPeer(times), Some(peer), Better::Higher) => peer * times,
            (Goal::TimesPeer(times), Some(peer), Better::Lower) => peer / times,
            // Without the peer there is nothing to say.
            (Goal::TimesPeer(_), None, _) => return false,
        };
        match figure.better {
            Better::Higher => ours >= wanted,
            Better::Lower => ours <= wanted,
        }
    };
    match (figure.required, figure.aim) {
        (_, Some(aim)) if reaches(aim) => Verdict::Aim,
        (Some(required), _) if reaches(required) => Verdict::Required,
        (Some(_), _) => Verdict::Missed,
        (None, _) => Verdict::None,
    }
}

impl Spread {
    fn of(side: &[Measured], key: &str) -> Option<Spread> {
        let mut values: Vec<f64> = side
            .iter()
            .filter_map(|measured| measured.get(key).copied())
            .collect();
        values.sort_by(f64::total_cmp);
        let (low, high) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 {
            values[middle]
        } else {
            (values[middle - 1] + values[middle]) / 2.0
        };
        Some(Spread { median, low, high })
    }

    fn text(&self) -> String {
        if self.low == self.high {
            return number(self.median);
        }
        format!(
            "{} ({}–{})",
            number(self.median),
            number(self.low),
            number(self.high)
        )
    }
}

/// Three digits, and thousands separated: enough to compare, no more than repeats.
pub(super) fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    let whole = text.find('.').unwrap_or(text.len());
    let mut grouped = String::new();
    for (place, digit) in text.chars().enumerate() {
        if place > 0 && place < whole && (whole - place) % 3 == 0 && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn goal(goal: Option<Goal>) -> String {
    match goal {
        None => "–".to_owned(),
        Some(Goal::Absolute(value)) => number(value),
        Some(Goal::TimesPeer(1.0)) => "equal".to_owned(),
        Some(Goal::TimesPeer(times)) => format!("{times} × as good"),
    }
}

fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1))
        .unwrap_or("unknown processor");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{model}, {cores} cores")
}

/// Figures taken beside another program are worth nothing.
pub(super) fn warn_of_company() {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let running = load
        .split_whitespace()
        .nth(3)
        .and_then(|text| text.split('/').next()?.parse::<u32>().ok())
        .unwrap_or(1);
    if running > 1 {
        eprintln!(
            "warning: {} other programs are running now; the figures will be off",
            running - 1
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{Better, Figure, Goal, Measured, Spread, Verdict, number, verdict, with_table};

    #[test]
    fn a_table_takes_the_place_of_an_earlier_one() {
        let page = "# Page\n\n## Tables\n\n### b, one\n\nB1\n\n### a, one\n\nA1\n";
        let page = with_table(page, "### b, two\n\nB2\n").unwrap();
        let expected = "# Page\n\n## Tables\n\n### a, one\n\nA1\n\n### b, two\n\nB2\n\n\
                        ## Earlier tables\n\n### b, one\n\nB1\n";
        assert_eq!(page, expected);
        let page = with_table(&page, "### b, three\n\nB3\n").unwrap();
        assert!(page.contains(
            "A1\n\n### b, three\n\nB3\n\n## Earlier tables\n\n### b, two\n\nB2\n\n### b, one"
        ));
        assert_eq!(page.matches("## Earlier tables").count(), 1);
        assert_eq!(with_table("no place", "### b, two"), None);
    }

    #[test]
    fn numbers_are_short_and_grouped() {
        let shown: Vec<String> = [0.0123, 1.5, 12.34, 123.4, 1234.5, 1_234_567.0]
            .map(number)
            .to_vec();
        assert_eq!(
            shown,
            ["0.012", "1.50", "12.3", "123", "1,234", "1,234,567"]
        );
    }

    #[test]
    fn the_spread_is_that_of_the_key() {
        let side: Vec<Measured> = [3.0, 1.0, 2.0, 8.0]
            .map(|value| Measured::from([("s", value)]))
            .to_vec();
        assert_eq!(
            Spread::of(&side, "s"),
            Some(Spread {
                median: 2.5,
                low: 1.0,
                high: 8.0
            })
        );
        assert_eq!(Spread::of(&side, "t"), None);
    }

    #[test]
    fn a_verdict_knows_the_direction_and_the_peer() {
        let figure = |better, required, aim| Figure {
            key: "k",
            what: "w",
            unit: "u",
            better,
            required: Some(required),
            aim: Some(aim),
            floor: "–",
        };
        let seconds = figure(Better::Lower, Goal::TimesPeer(1.0), Goal::TimesPeer(2.0));
        assert_eq!(verdict(&seconds, 5.0, Some(5.6)), Verdict::Required);
        assert_eq!(verdict(&seconds, 2.8, Some(5.6)), Verdict::Aim);
        assert_eq!(verdict(&seconds, 6.0, Some(5.6)), Verdict::Missed);
        let rate = figure(Better::Higher, Goal::Absolute(210.0), Goal::Absolute(300.0));
        assert_eq!(verdict(&rate, 209.0, None), Verdict::Missed);
        assert_eq!(verdict(&rate, 210.0, None), Verdict::Required);
    }
}
