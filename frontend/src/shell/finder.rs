//! Search from everywhere: labels, documents and runs of the project in one list, chosen with the keyboard or a click.

use arborist_shared::api::corpora::Document;
use arborist_shared::api::runs::Run;
use arborist_shared::api::taxonomies::LabelRow;
use futures_util::future::try_join3;
use web_sys::{HtmlInputElement, KeyboardEvent};
use yew::prelude::*;
use yew_router::prelude::*;

use super::{Methods, details, use_methods};
use crate::api::{self, Answer, DocumentQuery};
use crate::components::{Dialog, Empty, Icon, LabelPath, Lines, StatusChip, icon, show};
use crate::format;
use crate::hooks::url::Pairs;
use crate::hooks::{Loading, use_debounced, use_search};
use crate::route::Route;

/// Labels and documents that are shown.
const FEW: usize = 6;
/// Runs that are looked through, newest first.
const RUNS: u32 = 200;

/// Something that was found.
#[derive(Clone, Debug, PartialEq)]
pub enum Hit {
    Label(LabelRow),
    Document(Document),
    Run(Box<Run>),
}

impl Hit {
    /// The heading that it stands under.
    fn kind(&self) -> &'static str {
        match self {
            Self::Label(_) => "Labels",
            Self::Document(_) => "Documents",
            Self::Run(_) => "Runs",
        }
    }

    /// Where it is looked at.
    fn place(&self, project: i64, search: &str) -> (Route, Pairs) {
        let pair = |key: &str, value: String| (key.to_owned(), value);
        match self {
            Self::Label(label) => (
                Route::Taxonomy { project },
                vec![pair("label", label.id.clone())],
            ),
            Self::Document(document) => (
                Route::Corpus { project },
                vec![
                    pair("search", search.to_owned()),
                    pair("document", document.id.to_string()),
                ],
            ),
            Self::Run(run) => (
                Route::Run {
                    project,
                    run: run.id,
                },
                Vec::new(),
            ),
        }
    }
}

/// Whether a run is meant by `search`: by its method, its preset, its seed, or its number.
pub fn names_run(run: &Run, methods: &Methods, search: &str) -> bool {
    let name = format!(
        "{} {} run {}",
        run.method,
        methods.run(run).to_lowercase(),
        run.id
    );
    search
        .to_lowercase()
        .split_whitespace()
        .all(|word| name.contains(word))
}

async fn find(project: i64, search: String, methods: Methods) -> Answer<Vec<Hit>> {
    if search.is_empty() {
        return Ok(Vec::new());
    }
    let labels = async {
        match api::taxonomies(project).await?.first() {
            Some(taxonomy) => api::search_labels(taxonomy.id, &search, FEW as u32)
                .await
                .map(|page| page.labels),
            None => Ok(Vec::new()),
        }
    };
    let query = DocumentQuery {
        search: search.clone(),
        ..DocumentQuery::default()
    };
    let documents = api::documents(project, &query, FEW as u32, None);
    let (labels, documents, runs) =
        try_join3(labels, documents, api::runs(project, RUNS, None)).await?;
    let runs = runs
        .runs
        .into_iter()
        .filter(|run| names_run(run, &methods, &search))
        .take(FEW);
    Ok(labels
        .into_iter()
        .map(Hit::Label)
        .chain(documents.documents.into_iter().map(Hit::Document))
        .chain(runs.map(|run| Hit::Run(Box::new(run))))
        .collect())
}

#[derive(PartialEq, Properties)]
pub struct FinderProps {
    pub project: i64,
    pub onclose: Callback<()>,
}

/// The dialog with the search.
#[component]
pub fn Finder(props: &FinderProps) -> Html {
    let project = props.project;
    let methods = use_methods();
    let navigator = use_navigator();
    let typed = use_state(String::new);
    let active = use_state_eq(|| 0_usize);
    let search = use_debounced(typed.trim().to_owned(), 180);
    let found = use_search(
        (project, search.clone(), methods.clone()),
        |(project, search, methods)| find(project, search, methods),
    );
    let hits = found.data();
    let count = hits.as_ref().map_or(0, |hits| hits.len());
    let at = (*active).min(count.saturating_sub(1));
    let go = {
        let (hits, onclose, search) = (hits.clone(), props.onclose.clone(), search.clone());
        Callback::from(move |index: usize| {
            let Some(hit) = hits.as_ref().and_then(|hits| hits.get(index)) else {
                return;
            };
            let (route, query) = hit.place(project, &search);
            if let Some(navigator) = &navigator
                && (query.is_empty() || navigator.push_with_query(&route, query).is_err())
            {
                navigator.push(&route);
            }
            onclose.emit(());
        })
    };
    let hurried = use_state_eq(|| false);
    let oninput = {
        let (typed, active, hurried) = (typed.clone(), active.clone(), hurried.clone());
        Callback::from(move |event: InputEvent| {
            if let Some(input) = event.target_dyn_into::<HtmlInputElement>() {
                active.set(0);
                hurried.set(false);
                typed.set(input.value());
            }
        })
    };
    // Enter may come before the answer: it waits for the one that belongs to what was typed.
    let is_settled = search == typed.trim()
        && matches!(&found.state, Loading::Ready(loaded) if !loaded.outdated);
    {
        let (hurried, go) = (hurried.clone(), go.clone());
        use_effect_with((is_settled, *hurried), move |(is_settled, is_hurried)| {
            if *is_settled && *is_hurried {
                hurried.set(false);
                go.emit(at);
            }
        });
    }
    let onkeydown = {
        let (active, hurried) = (active.clone(), hurried.clone());
        Callback::from(move |event: KeyboardEvent| {
            match event.key().as_str() {
                "ArrowDown" if count > 0 => active.set((at + 1) % count),
                "ArrowUp" if count > 0 => active.set((at + count - 1) % count),
                "Enter" => hurried.set(true),
                _ => return,
            }
            event.prevent_default();
        })
    };
    let is_asked = !search.is_empty();
    html! {
        <Dialog title="Search" onclose={props.onclose.clone()} testid="finder">
            <div class="ab-search ab-finder__field">
                <span class="ab-search__icon">{ icon(Icon::Search) }</span>
                <input type="search" class="ab-search__input" value={(*typed).clone()} placeholder="Labels, documents, runs" aria-label="Search labels, documents and runs" autofocus=true autocomplete="off" spellcheck="false" dir="auto"
                    role="combobox" aria-expanded={(count > 0).to_string()} aria-controls="finder-list" aria-activedescendant={(count > 0).then(|| format!("hit-{at}"))} data-testid="finder-input" {oninput} {onkeydown} />
            </div>
            // Until the answer is there, nothing found is not known yet.
            if is_asked && count == 0 && !is_settled && matches!(found.state, Loading::Ready(_)) {
                <Lines count={5} />
            } else if is_asked {
                { show(&found, html! { <Lines count={5} /> }, |hits| if hits.is_empty() {
                    html! { <Empty icon={Icon::Search} title="Nothing matches" compact=true testid="finder-nothing">{ "Names and ids of labels, words in documents, methods and numbers of runs are searched." }</Empty> }
                } else {
                    list(hits, at, &methods, &go)
                }) }
            } else {
                <p class="ab-muted">{ "A part of a label's name, words of a text, a method, or the number of a run." }</p>
            }
        </Dialog>
    }
}

fn list(hits: &[Hit], at: usize, methods: &Methods, go: &Callback<usize>) -> Html {
    html! {
        <ul class="ab-finder" id="finder-list" role="listbox" aria-label="Found">
            for (index, hit) in hits.iter().enumerate() {
                if index == 0 || hits[index - 1].kind() != hit.kind() { <li key={hit.kind()} class="ab-drawer__title" role="presentation">{ hit.kind() }</li> }
                <li key={index} id={format!("hit-{index}")} class={classes!("ab-finder__hit", (index == at).then_some("ab-finder__hit--active"))} role="option" aria-selected={(index == at).to_string()} data-testid="hit" onclick={go.reform(move |_: MouseEvent| index)}>{ draw(hit, methods) }</li>
            }
        </ul>
    }
}

fn draw(hit: &Hit, methods: &Methods) -> Html {
    match hit {
        Hit::Label(label) => html! {
            <><LabelPath path={label.path.clone()} level={label.level} /><span class="ab-number ab-muted">{ format::count(label.n_documents) }</span></>
        },
        Hit::Document(document) => html! {
            <span class="ab-finder__text" dir="auto">{ document.text.chars().take(160).collect::<String>() }</span>
        },
        Hit::Run(run) => html! {
            <><span><strong>{ methods.title(&run.method) }</strong><span class="ab-muted">{ format!(" · {} · run {}", details(run), run.id) }</span></span><StatusChip status={run.status} /></>
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run() -> Run {
        serde_json::from_value(json!({
            "id": 12, "project": 1, "job": 1, "method": "hiagm", "preset": "fast", "hyperparameters": {}, "corpus": 1, "taxonomy": 1, "seed": 3,
            "device": "cpu", "status": "queued", "created_at": ""
        }))
        .expect("a run")
    }

    #[test]
    fn runs_are_found_by_all_of_their_words() {
        let methods = Methods::default();
        for search in ["hiagm", "HiAGM fast", "run 12", "seed 3"] {
            assert!(names_run(&run(), &methods, search), "{search}");
        }
        assert!(!names_run(&run(), &methods, "hiagm best"));
    }

    #[test]
    fn a_document_opens_among_those_that_match() {
        let document = serde_json::from_value(json!({
            "id": 7, "key": "k", "text": "a choir", "split": "train", "explicit": null, "labels": null, "paths": []
        }))
        .expect("a document");
        let (route, query) = Hit::Document(document).place(3, "choir");
        assert_eq!(route, Route::Corpus { project: 3 });
        assert_eq!(
            query,
            [
                ("search".to_owned(), "choir".to_owned()),
                ("document".to_owned(), "7".to_owned())
            ]
        );
    }
}
