//! SKOS S13 and S14: what a label is called, language by language.

use super::{Outline, Problem, ProblemKind};
use crate::LabelIndex;
use crate::taxonomy::{LabelDetails, NameKind};

/// Checks names and language tags of one label. Its own name counts as preferred in its own language.
pub(super) fn check(
    outline: &impl Outline,
    key: LabelIndex,
    details: &LabelDetails,
    problems: &mut Vec<Problem>,
) {
    let id = outline.id(key);
    // Tags of languages are compared without regard to case; names are compared exactly.
    let mut names: Vec<(String, &str, NameKind)> = vec![(
        details.language.to_ascii_lowercase(),
        outline.name(key),
        NameKind::Preferred,
    )];
    for name in &details.names {
        names.push((name.language.to_ascii_lowercase(), &name.name, name.kind));
    }
    languages(id, details, problems);
    names.sort_unstable();
    names.dedup();
    for of_language in names.chunk_by(|a, b| a.0 == b.0) {
        let Some((language, ..)) = of_language.first() else {
            continue;
        };
        let tag = if language.is_empty() {
            "without language".to_owned()
        } else {
            format!("in `{language}`")
        };
        let preferred: Vec<String> = of_language
            .iter()
            .filter(|(_, _, kind)| *kind == NameKind::Preferred)
            .map(|(_, name, _)| format!("`{name}`"))
            .collect();
        if preferred.len() > 1 {
            let message = format!(
                "found the preferred names {} of `{id}` {tag}, expected one for each language (SKOS S14)",
                preferred.join(", ")
            );
            problems.push(Problem::new(
                ProblemKind::SeveralPreferredNames,
                &[id],
                message,
            ));
        }
        for of_name in of_language.chunk_by(|a, b| a.1 == b.1) {
            let [(_, name, _), _, ..] = of_name else {
                continue;
            };
            let kinds: Vec<&str> = of_name.iter().map(|&(_, _, kind)| word(kind)).collect();
            let message = format!(
                "found the name `{name}` of `{id}` {tag} as {} name, expected only one of them (SKOS S13)",
                kinds.join(" and ")
            );
            problems.push(Problem::new(ProblemKind::NameOverlap, &[id], message));
        }
    }
}

fn word(kind: NameKind) -> &'static str {
    match kind {
        NameKind::Preferred => "preferred",
        NameKind::Alternative => "alternative",
        NameKind::Hidden => "hidden",
    }
}

fn languages(id: &str, details: &LabelDetails, problems: &mut Vec<Problem>) {
    let texts = [&details.definitions, &details.notes, &details.examples];
    let texts = texts.into_iter().flatten().map(|text| &text.language);
    let names = details.names.iter().map(|name| &name.language);
    let mut wrong: Vec<&str> = [&details.language]
        .into_iter()
        .chain(names)
        .chain(texts)
        .map(String::as_str)
        .filter(|tag| !tag.is_empty() && !is_language(tag))
        .collect();
    wrong.sort_unstable();
    wrong.dedup();
    for tag in wrong {
        let message = format!(
            "found the language `{tag}` at `{id}`, expected a BCP 47 tag such as `en` or `pt-BR`"
        );
        problems.push(Problem::new(ProblemKind::Language, &[id], message));
    }
}

/// Whether a tag has the form that BCP 47 asks for; not whether anybody speaks it.
pub(in crate::taxonomy) fn is_language(tag: &str) -> bool {
    let is_subtag = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let mut parts = tag.split('-');
    let primary = parts.next().unwrap_or_default();
    is_subtag(primary)
        && primary.bytes().all(|byte| byte.is_ascii_alphabetic())
        && parts.all(is_subtag)
}
