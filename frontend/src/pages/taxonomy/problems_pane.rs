//! What is wrong with a version, or with a draft as it is now.

use arborist_shared::taxonomy::Problem;
use yew::prelude::*;

use super::names::use_names_now;
use crate::api::{self, Problems, Source};
use crate::components::{Button, Empty, Failure, Icon, Lines, Variant, show};
use crate::format;
use crate::hooks::{Page, use_more, use_search};

#[derive(PartialEq, Properties)]
pub struct ProblemsPaneProps {
    pub source: Source,
    /// Of the draft.
    pub revision: i64,
    pub onclose: Callback<()>,
    /// Shows a label in the tree.
    pub onshow: Callback<String>,
}

fn split_page(page: &Problems) -> Page<Problem> {
    Page {
        rows: page.problems.clone(),
        next: page.next.clone(),
    }
}

#[component]
pub fn ProblemsPane(props: &ProblemsPaneProps) -> Html {
    let (source, revision) = (props.source, props.revision);
    let first = use_search((source, revision), |(source, _)| async move {
        api::problems(source, None).await
    });
    let more = use_more(first.data(), split_page, move |cursor| async move {
        let page = api::problems(source, Some(cursor)).await?;
        Ok(split_page(&page))
    });
    let ids = more
        .rows
        .iter()
        .flat_map(|problem| problem.labels.clone())
        .take(100);
    let names = use_names_now(source, revision, ids.collect());
    html! {
        <aside class="ab-pane" aria-label="Problems" data-testid="problems-pane">
            <header class="ab-pane__head"><span class="ab-pane__place">{ "Problems" }</span>
                <Button variant={Variant::Plain} icon={Icon::Close} title="Close" testid="pane-close" onclick={props.onclose.reform(|_| ())} />
            </header>
            <div class="ab-pane__body">
                { show(&first, html! { <Lines count={4} /> }, |page| if page.n_problems == 0 {
                    html! { <Empty icon={Icon::Check} title="No problems" compact=true>{ "No orphans, no cycles, no siblings with one name, and names and relations as SKOS wants them." }</Empty> }
                } else {
                    html! {
                        <>
                            <p>{ match (format::counted(page.n_problems, "problem", "problems"), page.n_earlier) {
                                (all, _) if matches!(source, Source::Version(_)) => format!("{all}. Labels can be used all the same; a draft mends them."),
                                (all, 0) => format!("{all}, all of them made in this draft."),
                                (all, earlier) if earlier == page.n_problems => format!("{all}, all of them in the version already."),
                                (all, earlier) => format!("{all}, {} of them in the version already.", format::count(earlier)),
                            } }</p>
                            <ul class="ab-entries">
                                for (at, problem) in more.rows.iter().enumerate() {
                                    <li key={at} class="ab-entry" data-testid="draft-problem">
                                        <p class="ab-entry__words" dir="auto">{ api::sentence(&problem.message) }</p>
                                        <p class="ab-chips">
                                            for id in problem.labels.iter().take(5) {
                                                <Button key={id.clone()} label={format!("Show {}", format::middle(&names.of(id), 40))} variant={Variant::Link} small=true testid="problem-show" onclick={let (onshow, id) = (props.onshow.clone(), id.clone()); Callback::from(move |_: MouseEvent| onshow.emit(id.clone()))} />
                                            }
                                        </p>
                                    </li>
                                }
                            </ul>
                            if let Some(error) = &more.error { <Failure error={error.clone()} compact=true /> }
                            if more.has_more { <Button label="Show more" busy={more.loading} onclick={more.load.reform(|_| ())} /> }
                        </>
                    }
                }) }
            </div>
        </aside>
    }
}
