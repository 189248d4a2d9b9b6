//! Formats in which a line is a document and there is no JSON.

use super::CorpusFormat;
use super::row::{CorpusRow, RowLabel};

const FASTTEXT_PREFIX: &str = "__label__";
/// A feature that is counted more often is written so many times and no more.
const MAX_REPEATS: u32 = 1_000;

/// A row, or the column (from 1, in bytes) and what was found and expected there.
pub(super) fn parse(format: CorpusFormat, line: &str) -> Result<CorpusRow, (usize, String)> {
    match format {
        CorpusFormat::FastText => fasttext(line),
        CorpusFormat::PaddleNlp => tabbed(line, |labels| {
            let pieces = labels
                .split(',')
                .map(str::trim)
                .filter(|piece| !piece.is_empty());
            pieces.map(paddle_path).collect()
        }),
        CorpusFormat::Xmc => sparse(line),
        _ => tabbed(line, |subjects| subject_uris(subjects).collect()),
    }
}

fn fasttext(line: &str) -> Result<CorpusRow, (usize, String)> {
    let mut labels = Vec::new();
    let mut rest = line.trim_start();
    while let Some(after) = rest.strip_prefix(FASTTEXT_PREFIX) {
        let end = after.find(char::is_whitespace).unwrap_or(after.len());
        let (label, left) = after.split_at(end);
        if label.is_empty() {
            let column = line.len() - rest.len() + 1;
            return Err((
                column,
                format!("found `{FASTTEXT_PREFIX}` alone, expected the label right behind it"),
            ));
        }
        labels.push(RowLabel::Name(label.to_owned()));
        rest = left.trim_start();
    }
    Ok(CorpusRow {
        text: rest.to_owned(),
        labels: (!labels.is_empty()).then_some(labels),
        ..CorpusRow::default()
    })
}

/// `text<TAB>labels`; nothing behind the tab = not annotated.
fn tabbed(
    line: &str,
    labels: impl Fn(&str) -> Vec<RowLabel>,
) -> Result<CorpusRow, (usize, String)> {
    let Some((text, behind)) = line.split_once('\t') else {
        let reason = "found no TAB, expected the text, a TAB and its labels";
        return Err((line.len().max(1), reason.to_owned()));
    };
    let labels = labels(behind);
    Ok(CorpusRow {
        text: text.to_owned(),
        labels: (!labels.is_empty()).then_some(labels),
        ..CorpusRow::default()
    })
}

fn paddle_path(piece: &str) -> RowLabel {
    if piece.contains("##") {
        RowLabel::Path(piece.split("##").map(str::to_owned).collect())
    } else {
        RowLabel::Name(piece.to_owned())
    }
}

/// Subjects of Annif, separated by white space, with or without angle brackets.
pub(super) fn subject_uris(text: &str) -> impl Iterator<Item = RowLabel> + '_ {
    text.split_whitespace()
        .map(|word| RowLabel::Name(bare_uri(word).to_owned()))
}

pub(super) fn bare_uri(word: &str) -> &str {
    word.strip_prefix('<')
        .and_then(|word| word.strip_suffix('>'))
        .unwrap_or(word)
}

/// `l1,l2 f1:v1 f2:v2`. Features become words, as often as they were counted.
fn sparse(line: &str) -> Result<CorpusRow, (usize, String)> {
    let (labels, features) = match line.split_once(' ') {
        // A document without labels begins with the blank.
        Some((labels, features)) => (labels, features),
        None => (line.trim(), ""),
    };
    let (labels, features) = if labels.contains(':') {
        ("", line)
    } else {
        (labels, features)
    };
    let column = |word: &str| word.as_ptr().addr() - line.as_ptr().addr() + 1;
    let mut found = Vec::new();
    for label in labels.split(',').filter(|label| !label.is_empty()) {
        if !label.bytes().all(|byte| byte.is_ascii_digit()) {
            let reason = format!("found the label `{label}`, expected a number");
            return Err((column(label), reason));
        }
        found.push(RowLabel::Name(label.to_owned()));
    }
    let mut text = String::new();
    for word in features.split_whitespace() {
        let pair = word.split_once(':');
        let value = pair.and_then(|(number, value)| {
            number.parse::<u64>().ok()?;
            value.parse::<f64>().ok().filter(|value| value.is_finite())
        });
        let (Some((number, _)), Some(value)) = (pair, value) else {
            let reason = format!("found `{word}`, expected a feature and its value: `12:1.5`");
            return Err((column(word), reason));
        };
        let is_count = value >= 1.0 && value.fract() == 0.0;
        let times = if is_count {
            (value as u32).min(MAX_REPEATS)
        } else {
            1
        };
        for _ in 0..times {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push('f');
            text.push_str(number);
        }
    }
    Ok(CorpusRow {
        text,
        labels: Some(found),
        ..CorpusRow::default()
    })
}
