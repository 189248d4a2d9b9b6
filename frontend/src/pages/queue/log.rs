//! The log of a run in a drawer: it grows while the run is at work, and can be searched.

use std::rc::Rc;

use arborist_shared::api::queue::LogLine;
use arborist_shared::run::LogLevel;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::api::{self, ApiError};
use crate::components::field::Search;
use crate::components::{Dialog, Failure};
use crate::hooks::{use_debounced, use_interval};

/// Time between two looks for more.
const LOOK_MS: u32 = 1_500;
/// Lines that are kept on the page; older ones can be found by searching.
const KEPT: usize = 5_000;

#[derive(PartialEq, Properties)]
pub struct LogDrawerProps {
    pub run: i64,
    pub onclose: Callback<()>,
}

#[derive(Clone, Default, PartialEq)]
struct Seen {
    search: String,
    cursor: String,
    lines: Rc<Vec<LogLine>>,
    error: Option<ApiError>,
}

enum Told {
    Search(String),
    Page {
        search: String,
        cursor: String,
        page: api::Answer<arborist_shared::api::queue::RunLog>,
    },
}

impl Reducible for Seen {
    type Action = Told;

    fn reduce(self: Rc<Self>, told: Told) -> Rc<Self> {
        match told {
            Told::Search(search) if search == self.search => self,
            Told::Search(search) => Rc::new(Self {
                search,
                ..Self::default()
            }),
            // An answer to what nobody asks any more.
            Told::Page { search, cursor, .. } if search != self.search || cursor != self.cursor => {
                self
            }
            Told::Page {
                page: Err(error), ..
            } => Rc::new(Self {
                error: Some(error),
                ..(*self).clone()
            }),
            Told::Page { page: Ok(page), .. } => {
                let mut lines = (*self.lines).clone();
                lines.extend(page.lines);
                let surplus = lines.len().saturating_sub(KEPT);
                lines.drain(..surplus);
                Rc::new(Self {
                    search: self.search.clone(),
                    cursor: page.next,
                    lines: Rc::new(lines),
                    error: None,
                })
            }
        }
    }
}

#[component]
pub fn LogDrawer(props: &LogDrawerProps) -> Html {
    let run = props.run;
    let typed = use_state_eq(String::new);
    let search = use_debounced((*typed).clone(), 250);
    let seen = use_reducer(Seen::default);
    let look = {
        let (dispatcher, search, cursor) =
            (seen.dispatcher(), seen.search.clone(), seen.cursor.clone());
        Callback::from(move |()| {
            let (dispatcher, search, cursor) = (dispatcher.clone(), search.clone(), cursor.clone());
            spawn_local(async move {
                let page = api::run_log(run, &search, &cursor).await;
                dispatcher.dispatch(Told::Page {
                    search,
                    cursor,
                    page,
                });
            });
        })
    };
    {
        let dispatcher = seen.dispatcher();
        use_effect_with(search, move |search| {
            dispatcher.dispatch(Told::Search(search.clone()))
        });
    }
    {
        let look = look.clone();
        use_effect_with((seen.search.clone(), seen.cursor.clone()), move |_| {
            look.emit(())
        });
    }
    use_interval(LOOK_MS, true, look);
    // As long as the reader stands at the end, the end is what they see.
    let end = use_node_ref();
    {
        let end = end.clone();
        use_effect_with(seen.lines.len(), move |_| {
            if let Some(list) = end.cast::<web_sys::Element>() {
                let below = list.scroll_height() - list.scroll_top() - list.client_height();
                if below < 200 {
                    list.set_scroll_top(list.scroll_height());
                }
            }
        });
    }
    let onchange = {
        let typed = typed.clone();
        Callback::from(move |value: String| typed.set(value))
    };
    html! {
        <Dialog title={format!("Log of run {run}")} side=true onclose={props.onclose.clone()} testid="log-drawer">
            <Search id="log-search" label="Search the log" value={(*typed).clone()} {onchange} testid="log-search" />
            if let Some(error) = &seen.error { <Failure error={error.clone()} compact=true /> }
            if seen.lines.is_empty() && seen.error.is_none() {
                <p class="ab-muted" data-testid="log-empty">{ if seen.search.is_empty() { "Nothing was said yet." } else { "No line has that." } }</p>
            }
            <div ref={end} class="ab-log ab-log--whole" tabindex="0" role="log" aria-label="Lines" data-testid="log-lines">
                { for seen.lines.iter().enumerate().map(|(index, line)| html! { <div key={index} class={class(line)}><span class="ab-log__time">{ time(line) }</span>{ &line.text }</div> }) }
            </div>
        </Dialog>
    }
}

fn class(line: &LogLine) -> Classes {
    let level = match line.level {
        Some(LogLevel::Error) => Some("ab-log__line--error"),
        Some(LogLevel::Warning) => Some("ab-log__line--warning"),
        Some(LogLevel::Info) => None,
        None => Some("ab-log__line--output"),
    };
    classes!("ab-log__line", level)
}

fn time(line: &LogLine) -> String {
    line.at_ms.map_or_else(String::new, |at| {
        let seconds = at / 1_000;
        format!(
            "{:02}:{:02}:{:02}",
            seconds / 3_600,
            seconds / 60 % 60,
            seconds % 60
        )
    })
}
