//! Corpus: the documents, found as one types, each with its text and its labels in the tree.

pub mod document;
pub mod label_filter;
pub mod more_filters;

use std::rc::Rc;

use arborist_shared::api::corpora::{Corpus, Document, DocumentPage};
use arborist_shared::split::Split;
use wasm_bindgen::JsCast;
use web_sys::KeyboardEvent;
use yew::prelude::*;

use super::guide::chapter;
use super::overview::ProjectProps;
use crate::api::{self, DocumentQuery};
use crate::components::field::{Search, Select};
use crate::components::label_path::LabelRef;
use crate::components::{
    Button, Empty, Failure, Icon, LabelPath, Lines, PageHeader, RouteLink, Variant, VirtualList,
    show,
};
use crate::format;
use crate::hooks::{
    Loading, Page, use_debounced, use_more, use_query, use_search, use_url_query, use_window_event,
};
use crate::route::Route;
use crate::shell::use_jobs;

const PAGE: u32 = 100;
/// `.ab-document` in the style sheet is as high.
const ROW: f64 = 84.0;

#[component]
pub fn CorpusPage(props: &ProjectProps) -> Html {
    let project = props.project;
    let jobs = use_jobs();
    let corpora = use_query((project, jobs.ended), |(project, _)| async move {
        api::corpora(project).await
    });
    let import = html! {
        <RouteLink to={Route::Import { project }} query={vec![("step".to_owned(), "corpus".to_owned())]} button={Variant::Primary} icon={Icon::Upload} testid="import">{ "Import" }</RouteLink>
    };
    let about = |view: &str, title: &'static str, testid: &'static str| {
        html! {
            <RouteLink to={Route::Versions { project }} query={vec![("view".to_owned(), view.to_owned())]} button={Variant::Secondary} {testid}>{ title }</RouteLink>
        }
    };
    let actions = html! { <>{ about("statistics", "Statistics", "go-statistics") }{ about("versions", "Versions", "go-versions") }{ about("export", "Export", "go-export") }{ import.clone() }</> };
    let subtitle = match corpora
        .data()
        .as_deref()
        .and_then(|list| list.first().cloned())
    {
        Some(corpus) => html! {
            { format!("Version {} · {} · {:.1} labels per document", corpus.version, format::counted(corpus.n_documents, "document", "documents"), corpus.labels_per_document) }
        },
        None => Html::default(),
    };
    let is_empty = corpora.data().is_some_and(|list| list.is_empty());
    html! {
        <div class={classes!("ab-page", (!is_empty).then_some("ab-page--fill"))}>
            <PageHeader title="Corpus" {subtitle} actions={if is_empty { Html::default() } else { actions }} />
            { show(&corpora, html! { <Lines count={12} /> }, |corpora| {
                if corpora.is_empty() {
                    html! {
                        <Empty icon={Icon::Corpus} title="No documents yet" action={import} guide={chapter::DOCUMENTS}>
                            { "Documents with labels are what methods learn from. The import shows what it will read before it keeps anything." }
                        </Empty>
                    }
                } else {
                    html! { <Documents {project} corpora={Rc::new(corpora.clone())} /> }
                }
            }) }
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct DocumentsProps {
    project: i64,
    corpora: Rc<Vec<Corpus>>,
}

fn split_page(page: &DocumentPage) -> Page<Document> {
    Page {
        rows: page.documents.clone(),
        next: page.next.clone(),
    }
}

#[component]
fn Documents(props: &DocumentsProps) -> Html {
    let project = props.project;
    let query = use_url_query();
    let typed = use_state(|| query.text("search"));
    let search = use_debounced((*typed).clone(), 180);
    {
        let query = query.clone();
        use_effect_with(search.clone(), move |search| {
            query.set(&[("search", Some(search.trim().to_owned()))])
        });
    }
    // A search that comes with the address while the page is open, as from the search on top.
    {
        let (typed, search) = (typed.clone(), search.clone());
        use_effect_with(query.text("search"), move |wanted| {
            if *wanted != search.trim() {
                typed.set(wanted.clone());
            }
        });
    }
    let wanted = DocumentQuery {
        search: search.trim().to_owned(),
        label: query.text("label"),
        split: query.text("split"),
        corpus: query.text("corpus"),
        source: query.text("source"),
        from: query.text("from"),
        to: query.text("to"),
        annotated: query.text("annotated"),
        level: query.text("level"),
        labelled_from: query.text("labelled_from"),
        labelled_to: query.text("labelled_to"),
    };
    let first = use_search((project, wanted.clone()), |(project, wanted)| async move {
        api::documents(project, &wanted, PAGE, None).await
    });
    let more = {
        let wanted = wanted.clone();
        use_more(first.data(), split_page, move |cursor| {
            let wanted = wanted.clone();
            async move {
                api::documents(project, &wanted, PAGE, Some(cursor))
                    .await
                    .map(|page| split_page(&page))
            }
        })
    };
    let rows = more.rows.clone();
    let shown = query.id("document");
    let at = shown.and_then(|id| rows.iter().position(|document| document.id == id));
    let focus = use_state_eq(|| 0_usize);
    let focused = at.unwrap_or(*focus).min(rows.len().saturating_sub(1));

    let open = {
        let (query, rows, focus) = (query.clone(), rows.clone(), focus.setter());
        Callback::from(move |index: usize| {
            if let Some(document) = rows.get(index) {
                focus.set(index);
                query.set(&[("document", Some(document.id.to_string()))]);
            }
        })
    };
    let close = {
        let query = query.clone();
        Callback::from(move |()| query.set(&[("document", None)]))
    };
    let step = {
        let (open, focus, load, count, is_open) = (
            open.clone(),
            focus.setter(),
            more.load.clone(),
            rows.len(),
            shown.is_some(),
        );
        Callback::from(move |to: usize| {
            let to = to.min(count.saturating_sub(1));
            if is_open {
                open.emit(to)
            } else {
                focus.set(to)
            }
            if to + 10 >= count {
                load.emit(());
            }
        })
    };
    // Keys of FORMATS 3.8: J and K and arrows move, Home and End jump, Enter opens, Escape closes.
    let onkey = {
        let (step, open, close, count, is_open) = (
            step.clone(),
            open.clone(),
            close.clone(),
            rows.len(),
            shown.is_some(),
        );
        Callback::from(move |event: KeyboardEvent| {
            if crate::shell::is_typing(&event) || count == 0 {
                return;
            }
            match event.key().as_str() {
                "j" | "ArrowDown" => step.emit(focused + 1),
                "k" | "ArrowUp" => step.emit(focused.saturating_sub(1)),
                "ArrowRight" if is_open => step.emit(focused + 1),
                "ArrowLeft" if is_open => step.emit(focused.saturating_sub(1)),
                "Home" => step.emit(0),
                "End" => step.emit(count - 1),
                "Enter" if !is_open => open.emit(focused),
                "Escape" if is_open => close.emit(()),
                _ => return,
            }
            event.prevent_default();
        })
    };
    use_window_event("keydown", {
        let onkey = onkey.clone();
        Callback::from(move |event: Event| {
            // Buttons and links keep Enter and Space for themselves.
            let on_control = event
                .target()
                .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
                .is_some_and(|element| {
                    matches!(element.tag_name().as_str(), "BUTTON" | "A" | "SUMMARY")
                });
            if let Ok(event) = event.dyn_into::<KeyboardEvent>()
                && !(on_control && event.key() == "Enter")
            {
                onkey.emit(event);
            }
        })
    });

    let newest = props.corpora.first().cloned();
    let corpus = query
        .id("corpus")
        .and_then(|id| props.corpora.iter().find(|corpus| corpus.id == id).cloned())
        .or(newest);
    let set = |name: &'static str| {
        let query = query.clone();
        Callback::from(move |value: String| query.set(&[(name, Some(value)), ("document", None)]))
    };
    let ontyped = {
        let typed = typed.clone();
        Callback::from(move |value: String| typed.set(value))
    };
    let clear = {
        let (query, typed) = (query.clone(), typed.clone());
        Callback::from(move |_: MouseEvent| {
            typed.set(String::new());
            let always = ["search", "label", "split", "annotated", "document"];
            let names = always.into_iter().chain(more_filters::NAMES);
            let nothing: Vec<_> = names.map(|name| (name, None)).collect();
            query.set(&nothing);
        })
    };
    let is_filtered = wanted
        != DocumentQuery {
            corpus: wanted.corpus.clone(),
            ..DocumentQuery::default()
        };
    let total = first.data().map(|page| page.total);
    let taxonomy = corpus.as_ref().map(|corpus| corpus.taxonomy);
    let row = {
        let (rows, open) = (rows.clone(), open.clone());
        Callback::from(move |index: usize| match rows.get(index) {
            Some(document) => {
                html! { <Row key={document.id} document={document.clone()} {taxonomy} {index} selected={shown == Some(document.id)} active={index == focused} onopen={open.clone()} /> }
            }
            None => Html::default(),
        })
    };
    html! {
        <>
            <div class="ab-toolbar">
                <Search id="document-search" label="Search the texts" value={(*typed).clone()} onchange={ontyped} testid="document-search" />
                if let Some(corpus) = &corpus {
                    <label_filter::LabelFilter taxonomy={corpus.taxonomy} label={wanted.label.clone()} onchange={set("label")} />
                }
                <Select id="split" label="Split" value={wanted.split.clone()} onchange={set("split")} testid="document-split" choices={vec![
                    ("".into(), "All splits".into()), ("train".into(), "Train".into()), ("validation".into(), "Validation".into()), ("test".into(), "Test".into()),
                ]} />
                <Select id="annotated" label="Annotated" value={wanted.annotated.clone()} onchange={set("annotated")} testid="document-annotated" choices={vec![
                    ("".into(), "Annotated or not".into()), ("true".into(), "Annotated".into()), ("false".into(), "Not annotated".into()),
                ]} />
                <more_filters::MoreFilters {taxonomy} wanted={wanted.clone()} />
                if props.corpora.len() > 1 {
                    <Select id="corpus" label="Version" value={corpus.as_ref().map(|corpus| corpus.id.to_string()).unwrap_or_default()} onchange={set("corpus")} testid="document-corpus"
                        choices={props.corpora.iter().map(|corpus| (corpus.id.to_string().into(), format!("Version {}", corpus.version).into())).collect::<Vec<_>>()} />
                }
                <span class="ab-toolbar__count" role="status" data-testid="document-count">{ first.data().map(|page| counted(&page)).unwrap_or_default() }</span>
            </div>
            <div class={classes!("ab-split-view", shown.is_some().then_some("ab-split-view--open"))}>
                <div class="ab-split-view__list">
                    {
                        match &first.state {
                            Loading::Waiting => html! { <div data-testid="state-loading"><Lines count={10} height="64px" /></div> },
                            Loading::Failed(error) => html! { <Failure error={error.clone()} retry={first.reload.clone()} /> },
                            Loading::Ready(loaded) if loaded.data.documents.is_empty() => html! {
                                <Empty icon={Icon::Search} title="No document matches" compact=true action={html! { if is_filtered { <Button label="Clear the filters" onclick={clear} testid="clear-filters" /> } }}>
                                    { "Words are searched in the texts; a label finds its whole subtree." }
                                </Empty>
                            },
                            Loading::Ready(loaded) => html! {
                                <VirtualList
                                    class={classes!("ab-documents", loaded.outdated.then_some("ab-outdated"))}
                                    count={rows.len()}
                                    row_height={ROW}
                                    {row}
                                    role="listbox"
                                    label="Documents"
                                    focusable=true
                                    active={Some(focused)}
                                    active_id={rows.get(focused).map(|document| AttrValue::from(format!("document-{}", document.id)))}
                                    onend={more.load.clone()}
                                    testid="documents"
                                />
                            },
                        }
                    }
                    if let Some(error) = &more.error { <Failure error={error.clone()} retry={more.load.clone()} compact=true /> }
                </div>
                if let Some(id) = shown {
                    <document::DocumentPane {id} {taxonomy} known={at.and_then(|at| rows.get(at).cloned())} position={at.map(|at| (at, total.unwrap_or(rows.len() as u64)))} onstep={step} onclose={close} />
                }
            </div>
        </>
    }
}

/// How many documents match, as far as the server counts.
fn counted(page: &DocumentPage) -> String {
    let counted = format::counted(page.total, "document", "documents");
    if page.total_is_capped {
        format!("more than {counted}")
    } else {
        counted
    }
}

/// A split as people say it.
pub fn split_name(split: Split) -> &'static str {
    match split {
        Split::Train => "Train",
        Split::Validation => "Validation",
        Split::Test => "Test",
    }
}

/// A split with its color.
pub fn split_tag(split: Split) -> Html {
    let series = match split {
        Split::Train => 1,
        Split::Validation => 2,
        Split::Test => 3,
    };
    html! { <span class="ab-tag" style={format!("--tag: var(--ab-series-{series})")}>{ split_name(split) }</span> }
}

/// The label paths that fit, and how many do not.
pub fn path_chips(paths: &[Vec<String>], most: usize, chip: impl Fn(&Vec<String>) -> Html) -> Html {
    html! {
        <>
            { for paths.iter().take(most).map(chip) }
            if paths.len() > most { <span class="ab-more" title={paths[most..].iter().map(|path| path.join(" › ")).collect::<Vec<_>>().join("\n")}>{ format!("+{}", paths.len() - most) }</span> }
        </>
    }
}

#[derive(PartialEq, Properties)]
struct RowProps {
    document: Rc<Document>,
    taxonomy: Option<i64>,
    index: usize,
    selected: bool,
    active: bool,
    onopen: Callback<usize>,
}

#[component]
fn Row(props: &RowProps) -> Html {
    let document = &props.document;
    let excerpt: String = document.text.chars().take(320).collect();
    let onclick = {
        let (onopen, index) = (props.onopen.clone(), props.index);
        Callback::from(move |_: MouseEvent| onopen.emit(index))
    };
    html! {
        <div
            id={format!("document-{}", document.id)}
            class={classes!("ab-virtual__row", "ab-document", props.selected.then_some("ab-document--selected"), props.active.then_some("ab-document--active"))}
            role="option"
            aria-selected={props.selected.to_string()}
            data-testid="document"
            {onclick}
        >
            <p class="ab-document__text" dir="auto">{ excerpt }</p>
            <div class="ab-document__foot">
                { split_tag(document.split) }
                if let Some(source) = document.meta.get("source") { <span class="ab-muted" dir="auto" title="Source">{ source }</span> }
                if let Some(date) = document.meta.get("date") { <span class="ab-muted" title="Date">{ date }</span> }
                {
                    match &document.labels {
                        None => html! { <span class="ab-muted">{ "not annotated" }</span> },
                        Some(labels) if labels.is_empty() => html! { <span class="ab-muted">{ "no label applies" }</span> },
                        Some(_) => html! {
                            <>
                                <span class="ab-document__labels">{ path_chips(&document.paths, 8, |path| html! { <LabelPath path={path.clone()} chip=true passed_over=true card={LabelRef::path(props.taxonomy, path)} /> }) }</span>
                                if document.paths.len() > 1 { <span class="ab-more" title={document.paths.iter().map(|path| path.join(" › ")).collect::<Vec<_>>().join("\n")}>{ format!("{} labels", document.paths.len()) }</span> }
                            </>
                        },
                    }
                }
            </div>
        </div>
    }
}
