//! The user guide. `docs/guide.md` becomes HTML when the dashboard is built, so that the page works without a network.

use gloo_timers::callback::Timeout;
use yew::prelude::*;

use crate::components::{PageHeader, RouteLink};
use crate::hooks::use_url_query;
use crate::route::Route;

/// The page without its title.
const GUIDE: &str = include_str!(concat!(env!("OUT_DIR"), "/guide.html"));
/// Id and title of each chapter, in order.
const CHAPTERS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/guide_chapters.rs"));

/// The chapters that pages link to, by id.
pub mod chapter {
    pub const PROJECT: &str = "start-a-project";
    pub const TAXONOMY: &str = "upload-the-taxonomy";
    pub const DOCUMENTS: &str = "import-documents";
    pub const TRAIN: &str = "train";
    pub const RUN: &str = "read-a-run";
    pub const COMPARE: &str = "compare-runs";
    pub const TRY: &str = "try-it";
}

/// The query that opens the guide at a chapter.
pub fn at(chapter: &str) -> Vec<(String, String)> {
    vec![("at".to_owned(), chapter.to_owned())]
}

#[component]
pub fn GuidePage() -> Html {
    let query = use_url_query();
    let wanted = query.text("at");
    use_effect_with(wanted.clone(), |wanted| {
        let wanted = wanted.clone();
        // After the frame, which begins every new page at its top.
        let timeout = Timeout::new(30, move || {
            let heading = web_sys::window()
                .and_then(|window| window.document())
                .and_then(|document| document.get_element_by_id(&wanted));
            if let Some(heading) = heading {
                heading.scroll_into_view();
            }
        });
        move || drop(timeout)
    });
    html! {
        <div class="ab-page ab-page--guide">
            <PageHeader title="Guide" subtitle={html! { "From a first project to a text that is sorted." }} trail={html! { <RouteLink to={Route::Home}>{ "Back to the project" }</RouteLink> }} />
            <div class="ab-guide">
                <nav class="ab-guide__chapters" aria-label="Chapters" data-testid="guide-chapters">
                    <ul>
                        for (id, title) in CHAPTERS.iter() {
                            <li key={*id}><RouteLink to={Route::Guide} query={at(id)} current={wanted == *id}>{ *title }</RouteLink></li>
                        }
                    </ul>
                </nav>
                <article class="ab-guide__text" data-testid="guide">{ Html::from_html_unchecked(AttrValue::Static(GUIDE)) }</article>
            </div>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_link_to_chapters_that_exist() {
        for id in [
            chapter::PROJECT,
            chapter::TAXONOMY,
            chapter::DOCUMENTS,
            chapter::TRAIN,
            chapter::RUN,
            chapter::COMPARE,
            chapter::TRY,
        ] {
            assert!(CHAPTERS.iter().any(|(other, _)| *other == id), "{id}");
            assert!(GUIDE.contains(&format!("id=\"{id}\"")), "{id}");
        }
    }

    #[test]
    fn what_the_guide_shows_as_code_and_tables_arrives_as_such() {
        assert!(GUIDE.contains("<table>") && GUIDE.contains("<pre><code"));
        assert!(!GUIDE.contains("<h1"), "the header shows the title");
    }
}
