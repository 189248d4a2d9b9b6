//! What corpus versions are made of: statistics, what is different between two of them, files to take away.

pub mod differences;
pub mod export;
pub mod statistics;
pub mod support;

use arborist_shared::api::corpora::Corpus;
use yew::prelude::*;

use super::guide::chapter;
use super::overview::ProjectProps;
use crate::api;
use crate::components::field::{Choice, Select};
use crate::components::{Ago, Empty, Icon, Lines, PageHeader, Panel, RouteLink, Variant, show};
use crate::format;
use crate::hooks::{UrlQuery, use_query, use_url_query};
use crate::route::Route;
use crate::shell::use_jobs;

/// Views of the page, as the address calls them.
const VIEWS: [(&str, &str); 3] = [
    ("statistics", "Statistics"),
    ("versions", "Versions"),
    ("export", "Export"),
];

#[component]
pub fn VersionsPage(props: &ProjectProps) -> Html {
    let project = props.project;
    let jobs = use_jobs();
    let query = use_url_query();
    let corpora = use_query((project, jobs.ended), |(project, _)| async move {
        api::corpora(project).await
    });
    let view = VIEWS
        .iter()
        .map(|(word, _)| *word)
        .find(|word| query.get("view") == Some(word))
        .unwrap_or("statistics");
    let trail = html! { <RouteLink to={Route::Corpus { project }}>{ "Corpus" }</RouteLink> };
    html! {
        <div class="ab-page">
            <PageHeader title="Statistics and versions" {trail} />
            { show(&corpora, html! { <Lines count={10} /> }, |corpora| {
                let shown = query.id("corpus").and_then(|id| corpora.iter().find(|it| it.id == id)).or(corpora.first());
                let Some(shown) = shown else {
                    return html! {
                        <Empty icon={Icon::Corpus} title="No documents yet" guide={chapter::DOCUMENTS}
                            action={html! { <RouteLink to={Route::Import { project }} button={Variant::Primary} icon={Icon::Upload} testid="import">{ "Import" }</RouteLink> }}>
                            { "Statistics count the documents of a corpus version; there is none in this project." }
                        </Empty>
                    };
                };
                html! {
                    <>
                        { toolbar(&query, view, corpora, shown) }
                        {
                            match view {
                                "versions" => html! { <><List corpora={corpora.clone()} shown={shown.id} /><differences::Differences corpora={corpora.clone()} to={shown.clone()} /></> },
                                "export" => html! { <export::Export corpus={shown.clone()} /> },
                                _ => html! { <statistics::Statistics corpus={shown.clone()} /> },
                            }
                        }
                    </>
                }
            }) }
        </div>
    }
}

fn toolbar(query: &UrlQuery, view: &str, corpora: &[Corpus], shown: &Corpus) -> Html {
    let choose = {
        let query = query.clone();
        Callback::from(move |value: String| {
            query.set(&[("corpus", Some(value)), ("from", None), ("label", None)])
        })
    };
    html! {
        <div class="ab-toolbar">
            <div class="pf-v6-c-tabs ab-tabs"><ul class="pf-v6-c-tabs__list" role="tablist" aria-label="Views">
                for (word, title) in VIEWS {
                    <li key={word} role="presentation" class={classes!("pf-v6-c-tabs__item", (word == view).then_some("pf-m-current"))}>
                        <button type="button" class="pf-v6-c-tabs__link" role="tab" aria-selected={(word == view).to_string()} data-testid={format!("view-{word}")}
                            onclick={let query = query.clone(); Callback::from(move |_: MouseEvent| query.set(&[("view", Some(word.to_owned()))]))}>
                            <span class="pf-v6-c-tabs__item-text">{ title }</span>
                        </button>
                    </li>
                }
            </ul></div>
            <Select id="corpus" label="Version" value={shown.id.to_string()} onchange={choose} testid="version" choices={versions(corpora)} />
        </div>
    }
}

/// Versions to choose from.
pub fn versions(corpora: &[Corpus]) -> Vec<Choice> {
    corpora
        .iter()
        .map(|corpus| {
            let name = format!("Version {}", corpus.version);
            (corpus.id.to_string().into(), name.into())
        })
        .collect()
}

#[derive(PartialEq, Properties)]
struct ListProps {
    corpora: Vec<Corpus>,
    shown: i64,
}

/// All versions with their counts.
#[component]
fn List(props: &ListProps) -> Html {
    html! {
        <Panel title="Versions">
            <div class="ab-scroll" tabindex="0" role="region" aria-label="Versions">
                <table class="ab-table" data-testid="versions">
                    <thead><tr>
                        <th scope="col">{ "Version" }</th><th scope="col">{ "File" }</th><th scope="col" class="ab-number">{ "Documents" }</th>
                        <th scope="col" class="ab-number">{ "Annotated" }</th><th scope="col" class="ab-number">{ "Train" }</th><th scope="col" class="ab-number">{ "Validation" }</th><th scope="col" class="ab-number">{ "Test" }</th>
                        <th scope="col" class="ab-number">{ "Refused rows" }</th><th scope="col">{ "Made" }</th>
                    </tr></thead>
                    <tbody>
                        for corpus in props.corpora.iter() {
                            <tr key={corpus.id} class={classes!((corpus.id == props.shown).then_some("ab-table__row--selected"))}>
                                <th scope="row">{ corpus.version }</th>
                                <td dir="auto">{ &corpus.name }</td>
                                <td class="ab-number">{ format::count(corpus.n_documents) }</td>
                                <td class="ab-number">{ format::count(corpus.n_annotated) }</td>
                                <td class="ab-number">{ format::count(corpus.n_train) }</td>
                                <td class="ab-number">{ format::count(corpus.n_validation) }</td>
                                <td class="ab-number">{ format::count(corpus.n_test) }</td>
                                <td class="ab-number">
                                    if corpus.n_rejected > 0 {
                                        <a href={api::rejects_address(corpus.id)} download={format!("corpus-{}-rejects.jsonl", corpus.id)}>{ format::count(corpus.n_rejected) }</a>
                                    } else { { "0" } }
                                </td>
                                <td><Ago at={corpus.created_at.clone()} /></td>
                            </tr>
                        }
                    </tbody>
                </table>
            </div>
        </Panel>
    }
}
