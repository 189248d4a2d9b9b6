//! What is different between two versions.

use arborist_shared::api::corpora::{ChangedDocument, Corpus, CorpusDiff, DocumentExcerpt};
use yew::prelude::*;

use super::versions;
use crate::api;
use crate::components::field::Select;
use crate::components::{Empty, Icon, LabelPath, Lines, Panel, show};
use crate::format;
use crate::hooks::{use_query, use_url_query};
use crate::pages::overview::stat;

#[derive(PartialEq, Properties)]
pub struct DifferencesProps {
    /// Newest first.
    pub corpora: Vec<Corpus>,
    pub to: Corpus,
}

#[component]
pub fn Differences(props: &DifferencesProps) -> Html {
    let query = use_url_query();
    let others: Vec<Corpus> = props
        .corpora
        .iter()
        .filter(|other| other.id != props.to.id)
        .cloned()
        .collect();
    let before = others.iter().find(|other| other.version < props.to.version);
    let from = query
        .id("from")
        .and_then(|id| others.iter().find(|other| other.id == id))
        .or(before)
        .or(others.first())
        .map(|other| other.id);
    let diff = use_query((props.to.id, from), |(to, from)| async move {
        match from {
            Some(from) => api::corpus_diff(to, from).await.map(Some),
            None => Ok(None),
        }
    });
    let choose = {
        let query = query.clone();
        Callback::from(move |value: String| query.set(&[("from", Some(value))]))
    };
    let title = format!("What changed in version {}", props.to.version);
    if from.is_none() {
        return html! {
            <Panel {title}>
                <Empty icon={Icon::Corpus} title="Only one version so far" compact=true>{ "An import or a published taxonomy makes the next one; what is different then stands here." }</Empty>
            </Panel>
        };
    }
    let actions = html! {
        <Select id="from" label="Compared with" value={from.map(|id| id.to_string()).unwrap_or_default()} onchange={choose} testid="diff-from" choices={versions(&others)} />
    };
    html! {
        <Panel {title} {actions} testid="diff">
            { show(&diff, html! { <Lines count={8} /> }, |diff| diff.as_ref().map(content).unwrap_or_default()) }
        </Panel>
    }
}

fn content(diff: &CorpusDiff) -> Html {
    html! {
        <>
            <dl class="ab-stats">
                { stat(format::count(diff.n_added), "added") }
                { stat(format::count(diff.n_removed), "removed") }
                { stat(format::count(diff.n_text_changed), "with another text") }
                { stat(format::count(diff.n_labels_changed), "with other labels") }
                { stat(format::count(diff.n_unchanged), "unchanged") }
            </dl>
            if !diff.labels.is_empty() {
                <h3 class="ab-pane__title">{ "Labels with more or fewer documents" }</h3>
                <div class="ab-scroll" tabindex="0" role="region" aria-label="Labels">
                    <table class="ab-table" data-testid="diff-labels">
                        <thead><tr><th scope="col">{ "Label" }</th><th scope="col" class="ab-number">{ "Before" }</th><th scope="col" class="ab-number">{ "After" }</th><th scope="col" class="ab-number">{ "Difference" }</th></tr></thead>
                        <tbody>
                            for label in diff.labels.iter() {
                                <tr key={label.id.clone()}>
                                    <td><LabelPath path={label.path.clone()} /></td>
                                    <td class="ab-number">{ format::count(label.before) }</td>
                                    <td class="ab-number">{ format::count(label.after) }</td>
                                    <td class="ab-number">{ difference(label.before, label.after) }</td>
                                </tr>
                            }
                        </tbody>
                    </table>
                </div>
            }
            { relabelled(diff.n_labels_changed, &diff.labels_changed) }
            { excerpts("Added", diff.n_added, &diff.added) }
            { excerpts("Removed", diff.n_removed, &diff.removed) }
            { excerpts("With another text", diff.n_text_changed, &diff.text_changed) }
        </>
    }
}

/// A number with its sign.
fn difference(before: u64, after: u64) -> String {
    let by = format::count(after.abs_diff(before));
    if after < before {
        format!("−{by}")
    } else {
        format!("+{by}")
    }
}

fn excerpts(title: &str, n: u64, documents: &[DocumentExcerpt]) -> Html {
    if documents.is_empty() {
        return Html::default();
    }
    html! {
        <details class="ab-fold">
            <summary>{ format!("{title}: {}", format::counted(n, "document", "documents")) }</summary>
            <ul class="ab-list">
                for document in documents { <li key={document.id}><code>{ format::middle(&document.key, 24) }</code>{ " " }<span dir="auto">{ &document.excerpt }</span></li> }
            </ul>
            { more(n, documents.len()) }
        </details>
    }
}

fn relabelled(n: u64, documents: &[ChangedDocument]) -> Html {
    if documents.is_empty() {
        return Html::default();
    }
    let paths = |paths: &Option<Vec<Vec<String>>>| match paths {
        None => "not annotated".to_owned(),
        Some(paths) if paths.is_empty() => "no label applies".to_owned(),
        Some(paths) => paths
            .iter()
            .map(|path| path.join(" › "))
            .collect::<Vec<_>>()
            .join("; "),
    };
    html! {
        <details class="ab-fold" data-testid="diff-relabelled">
            <summary>{ format!("With other labels: {}", format::counted(n, "document", "documents")) }</summary>
            <ul class="ab-list">
                for changed in documents {
                    <li key={changed.document.id}>
                        <code>{ format::middle(&changed.document.key, 24) }</code>{ " " }<span dir="auto">{ &changed.document.excerpt }</span>
                        <br /><del dir="auto">{ paths(&changed.labels.before) }</del>{ " → " }<ins dir="auto">{ paths(&changed.labels.after) }</ins>
                    </li>
                }
            </ul>
            { more(n, documents.len()) }
        </details>
    }
}

fn more(n: u64, shown: usize) -> Html {
    let left = n.saturating_sub(shown as u64);
    if left == 0 {
        return Html::default();
    }
    html! { <p class="ab-muted">{ format!("and {} more", format::count(left)) }</p> }
}
