//! Renders the user guide once, when the dashboard is built, so that its page needs no network and no markdown reader.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};

const GUIDE: &str = "../docs/guide.md";

fn main() {
    println!("cargo::rerun-if-changed={GUIDE}");
    let text = fs::read_to_string(GUIDE).expect("docs/guide.md is part of the repository");
    let (chapters, page) = render(&text);
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("guide.html"), page).expect("cargo's folder can be written to");
    let mut list = String::from("&[");
    for (id, title) in chapters {
        write!(list, "({id:?}, {title:?}),").expect("a string takes everything");
    }
    list.push(']');
    fs::write(out.join("guide_chapters.rs"), list).expect("cargo's folder can be written to");
}

/// The chapters by id and title, and the page, whose headings carry the ids. The title of the whole is left out: the
/// page's header shows it.
fn render(text: &str) -> (Vec<(String, String)>, String) {
    let mut chapters = Vec::new();
    let mut events: Vec<Event<'_>> = Vec::new();
    let mut heading: Option<usize> = None;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match &event {
            Event::Start(Tag::Heading { .. }) => heading = Some(events.len()),
            Event::End(TagEnd::Heading(level)) => {
                let start = heading.take().expect("a heading that ends has begun");
                if *level as usize == 1 {
                    events.truncate(start);
                    continue;
                }
                let title: String = events[start..]
                    .iter()
                    .filter_map(|event| match event {
                        Event::Text(text) | Event::Code(text) => Some(text.as_ref()),
                        _ => None,
                    })
                    .collect();
                let id = title.to_lowercase().replace(' ', "-");
                if let Event::Start(Tag::Heading { id: slot, .. }) = &mut events[start] {
                    *slot = Some(CowStr::from(id.clone()));
                }
                chapters.push((id, title));
            }
            _ => {}
        }
        events.push(event);
    }
    let mut page = String::new();
    html::push_html(&mut page, events.into_iter());
    // A wide table scrolls by itself, not the page.
    let page = page
        .replace("<table>", "<div class=\"ab-scroll\" tabindex=\"0\"><table>")
        .replace("</table>", "</table></div>");
    (chapters, page)
}
