//! What the beginning of a file will become: its first rows, and what is wrong with others.

use arborist_shared::api::corpora::{CorpusPreview, Repeats};
use yew::prelude::*;

use super::unknown_labels::UnknownLabels;
use crate::api;
use crate::components::label_path::LabelRef;
use crate::components::{LabelPath, Notice, NoticeKind};
use crate::format;
use crate::pages::corpus::{path_chips, split_tag};

/// Draws a preview.
pub fn content(
    preview: &CorpusPreview,
    project: i64,
    taxonomy: i64,
    look_again: &Callback<()>,
) -> Html {
    if let Some(error) = &preview.error {
        return html! { <Notice kind={NoticeKind::Danger} title="This file cannot be read" testid="corpus-problem"><p>{ api::sentence(error) }</p></Notice> };
    }
    let rows = if preview.n_rows == 1 {
        "The first row looked at".to_owned()
    } else {
        format!("The first {} rows looked at", format::count(preview.n_rows))
    };
    html! {
        <>
            <p class="ab-muted">{ rows }
                if preview.n_unannotated > 0 { { format!(" · {} without labels, kept as not annotated", format::count(preview.n_unannotated)) } }
                if preview.n_empty > 0 { { format!(" · {} without any text", format::count(preview.n_empty)) } }
            </p>
            if preview.n_problems > 0 {
                <Notice kind={NoticeKind::Warning} title={format!("{} would be refused", format::counted(preview.n_problems, "row", "rows"))} testid="corpus-problems">
                    <p>{ "The others are kept. The refused ones can be downloaded after the import." }</p>
                    <details class="ab-fold" open={preview.n_problems <= 5}><summary>{ "Which and why" }</summary>
                        <ul class="ab-list">for problem in preview.problems.iter() { <li key={format!("{}-{}", problem.line, problem.column)}><strong>{ format!("Line {}, column {}: ", problem.line, problem.column) }</strong>{ api::sentence(&problem.reason) }</li> }</ul>
                    </details>
                </Notice>
            }
            if preview.n_unknown_labels > 0 {
                <UnknownLabels {project} {taxonomy} count={preview.n_unknown_labels} labels={preview.unknown_labels.clone()} onkept={look_again.clone()} />
            }
            { repeats(&preview.repeats) }
            <h3 class="ab-pane__title">{ "As it will be read" }</h3>
            <div class="ab-scroll" tabindex="0" role="region" aria-label="First rows">
                <table class="ab-table ab-table--preview" data-testid="corpus-rows">
                    <thead><tr><th scope="col">{ "Line" }</th><th scope="col">{ "Text" }</th><th scope="col">{ "Labels" }</th><th scope="col">{ "Part" }</th></tr></thead>
                    <tbody>
                        for row in preview.rows.iter() {
                            <tr key={row.line}>
                                <td class="ab-number" title={row.id.clone()}>{ row.line }</td>
                                <td><p class="ab-clip" dir="auto">{ row.text.chars().take(240).collect::<String>() }</p></td>
                                <td class="ab-table__labels">{
                                    match &row.paths {
                                        None => html! { <span class="ab-muted">{ "not annotated" }</span> },
                                        Some(paths) if paths.is_empty() => html! { <span class="ab-muted">{ "no label applies" }</span> },
                                        Some(paths) => path_chips(&format::deepest(paths), 3, |path| html! { <LabelPath path={path.clone()} chip=true card={LabelRef::path(Some(taxonomy), path)} /> }),
                                    }
                                }</td>
                                <td>{ row.split.map(split_tag).unwrap_or_else(|| html! { <span class="ab-muted">{ "–" }</span> }) }</td>
                            </tr>
                        }
                    </tbody>
                </table>
            </div>
        </>
    }
}

/// Texts that come several times, in a file or the part of it that was looked at.
pub fn repeats(repeats: &Repeats) -> Html {
    if repeats.n_duplicates == 0 {
        return Html::default();
    }
    let title = format!(
        "{} the text of an earlier one",
        format::counted(repeats.n_duplicates, "row has", "rows have")
    );
    html! {
        <Notice kind={NoticeKind::Warning} {title} testid="corpus-repeats">
            <ul class="ab-list">
                if repeats.n_contradictions > 0 { <li>{ format!("{} other labels than the earlier one: they contradict each other.", format::counted(repeats.n_contradictions, "of them has", "of them have")) }</li> }
                if repeats.n_leaks > 0 { <li>{ format!("{} in another part: what is tested was seen in training.", format::counted(repeats.n_leaks, "of them is", "of them are")) }</li> }
            </ul>
            <details class="ab-fold"><summary>{ "Which" }</summary>
                <ul class="ab-list">for repeat in repeats.examples.iter() {
                    <li key={repeat.line}>
                        <strong>{ format!("Line {} as line {}", repeat.line, repeat.first) }</strong>
                        { if repeat.contradicts { ", other labels" } else { "" } }{ if repeat.leaks { ", other part" } else { "" } }{ ": " }
                        <span dir="auto">{ &repeat.text }</span>
                    </li>
                }</ul>
            </details>
        </Notice>
    }
}
