//! Tables as Markdown: what was published beside what was measured, in percent.

use std::fmt::Write as _;

use super::catalogue::{Exhibit, View};
use super::summary::{RowSummary, RowTest, Spread, Summary};

/// What stands where there is no figure.
const NONE: &str = "–";

/// What a reader has to know about all rows.
pub(super) struct Setting {
    pub(super) preset: String,
    pub(super) select: String,
    pub(super) device: String,
    pub(super) labels: usize,
}

/// A table with its notes.
pub(super) fn markdown(exhibit: &Exhibit, summary: &Summary, setting: &Setting) -> String {
    let mut text = format!("# {}\n\n", exhibit.title);
    match exhibit.view {
        View::Groups => by_group(exhibit, summary, &mut text),
        _ => by_row(exhibit, summary, &mut text),
    }
    if !summary.tests.is_empty() {
        tests(exhibit, &summary.tests, &mut text);
    }
    let measured = match exhibit.view {
        View::Groups => "R@5 / nDCG@5 on test",
        _ => "micro-F1 / macro-F1 of raw sets on test",
    };
    let _ = write!(
        text,
        "\nIn percent: {measured}; ours are mean ± standard deviation over the seeds. Preset `{}`, checkpoint by `{}`, device {}, {} labels.\n",
        setting.preset, setting.select, setting.device, setting.labels
    );
    if !exhibit.note.is_empty() {
        let _ = write!(text, "\n{}\n", exhibit.note);
    }
    let problems: Vec<&RowSummary> = summary
        .rows
        .iter()
        .filter(|row| row.problem.is_some())
        .collect();
    if !problems.is_empty() {
        text.push('\n');
    }
    for row in problems {
        let _ = writeln!(
            text,
            "- {}: {}",
            row.name,
            row.problem.as_deref().unwrap_or_default()
        );
    }
    text
}

fn by_row(exhibit: &Exhibit, summary: &Summary, text: &mut String) {
    let mut header = vec!["row".to_owned()];
    header.extend(
        exhibit
            .corpora
            .iter()
            .map(|corpus| format!("{corpus}, published")),
    );
    header.extend(["micro-F1", "macro-F1", "seeds", "s per training"].map(str::to_owned));
    let rows = summary.rows.iter().map(|row| {
        let mut cells = vec![row.name.clone()];
        cells.extend(exhibit.corpora.iter().map(|corpus| published(row, corpus)));
        cells.extend([
            percent(row.micro_f1),
            percent(row.macro_f1),
            row.seeds.len().to_string(),
            seconds(row.train_seconds),
        ]);
        cells
    });
    grid(&header, rows, text);
}

fn by_group(exhibit: &Exhibit, summary: &Summary, text: &mut String) {
    let header = [
        "row",
        "group",
        "labels",
        "documents",
        "published",
        "R@5",
        "nDCG@5",
        "seeds",
        "s per training",
    ]
    .map(str::to_owned);
    let rows = summary.rows.iter().flat_map(|row| {
        exhibit.corpora.iter().map(move |group| {
            let ours = row.groups.get(group);
            let count = |n: Option<u64>| n.map_or_else(|| NONE.to_owned(), |n| n.to_string());
            vec![
                row.name.clone(),
                group.clone(),
                count(ours.map(|ours| ours.labels)),
                count(ours.map(|ours| ours.documents)),
                published(row, group),
                percent(ours.map(|ours| ours.recall_at_5)),
                percent(ours.map(|ours| ours.ndcg_at_5)),
                row.seeds.len().to_string(),
                seconds(row.train_seconds),
            ]
        })
    });
    grid(&header, rows, text);
}

fn tests(exhibit: &Exhibit, tests: &[RowTest], text: &mut String) {
    let against = exhibit.against.as_deref().unwrap_or_default();
    let _ = write!(
        text,
        "\n{against} against each other row: difference of the means in points; p of the seeds (two-sided exact permutation test on the figures of the trainings, Holm); highest p of the documents (two-sided approximate randomization, seed by seed).\n\n"
    );
    let header = [
        "row",
        "figure",
        "difference",
        "p, seeds",
        "p, documents",
        "",
    ]
    .map(str::to_owned);
    let rows = tests.iter().map(|test| {
        let verdict = if test.significant {
            format!("p < {}", exhibit.alpha)
        } else {
            String::new()
        };
        vec![
            test.row.clone(),
            test.metric.replace("_f1", "-F1"),
            format!("{:+.2}", test.difference * 100.0),
            p(test.p_seeds),
            p(test.p_documents),
            verdict,
        ]
    });
    grid(&header, rows, text);
}

fn grid(header: &[String], rows: impl Iterator<Item = Vec<String>>, text: &mut String) {
    let line = |cells: &[String], text: &mut String| {
        let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    };
    line(header, text);
    let _ = writeln!(text, "|{}", "---|".repeat(header.len()));
    rows.for_each(|row| line(&row, text));
}

fn published(row: &RowSummary, column: &str) -> String {
    row.published.get(column).map_or_else(
        || NONE.to_owned(),
        |[first, second]| format!("{:.2} / {:.2}", first * 100.0, second * 100.0),
    )
}

/// `83.96 ± 0.12`.
fn percent(spread: Option<Spread>) -> String {
    match spread {
        None => NONE.to_owned(),
        Some(Spread { mean, sd: None }) => format!("{:.2}", mean * 100.0),
        Some(Spread { mean, sd: Some(sd) }) => {
            format!("{:.2} ± {:.2}", mean * 100.0, sd * 100.0)
        }
    }
}

fn seconds(spread: Option<Spread>) -> String {
    spread.map_or_else(|| NONE.to_owned(), |spread| format!("{:.1}", spread.mean))
}

fn p(value: Option<f64>) -> String {
    value.map_or_else(|| NONE.to_owned(), |p| format!("{p:.4}"))
}

#[cfg(test)]
mod tests_of_cells {
    use super::*;

    #[test]
    fn figures_are_percentages_with_their_spread() {
        let spread = |mean, sd| Some(Spread { mean, sd });
        assert_eq!(percent(spread(0.83964, Some(0.00126))), "83.96 ± 0.13");
        assert_eq!(percent(spread(0.5, None)), "50.00");
        assert_eq!(percent(None), "–");
    }

    #[test]
    fn a_cell_cannot_break_its_table() {
        let mut text = String::new();
        let header = ["a|b".to_owned()];
        grid(&header, std::iter::once(vec!["1".to_owned()]), &mut text);
        assert_eq!(text, "| a\\|b |\n|---|\n| 1 |\n");
    }
}
