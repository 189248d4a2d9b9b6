//! A treemap that is drawn as SVG: areas say how much, colors what the page wants, one goes down by a click or a key. It
//! can be saved as it stands.

use std::rc::Rc;

use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, SvgElement};
use yew::prelude::*;

use crate::format;
use crate::hooks::{use_theme, use_window_event};
use crate::model::treemap::{Color, Palette, Rect, Tone, color, fitting, hex, squarify};

/// Tiles of one level that are drawn; the others stand for one together.
pub const MOST: usize = 150;
/// Height of the line with a tile's name, and the frame around what is below it.
const HEAD: f64 = 19.0;
const FRAME: f64 = 3.0;
/// A tile with less room than this shows nothing of what is below it.
const ROOM: f64 = 46.0;

/// A tile, and the ones within it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tile {
    /// Empty where it stands for several.
    pub id: String,
    pub name: String,
    /// Not negative; areas of tiles beside each other are in proportion to it.
    pub size: f64,
    pub tone: Tone,
    /// What it says on hover, and to those who cannot see it.
    pub words: String,
    /// One can go down into it.
    pub opens: bool,
    /// The largest first.
    pub below: Vec<Tile>,
}

#[derive(PartialEq, Properties)]
pub struct TreemapProps {
    /// The largest first.
    pub tiles: Rc<Vec<Tile>>,
    /// What the picture shows, in a sentence.
    pub label: AttrValue,
    /// Into a tile, by its id.
    pub ondown: Callback<String>,
    /// Back up; Backspace and Escape do it.
    #[prop_or_default]
    pub onup: Option<Callback<()>>,
    #[prop_or(360)]
    pub height: u32,
    /// The drawing, for saving it.
    #[prop_or_default]
    pub node: NodeRef,
    #[prop_or_default]
    pub testid: Option<AttrValue>,
}

/// The theme's colors as they are now.
fn palette() -> Option<Palette> {
    let window = web_sys::window()?;
    let root = window.document()?.document_element()?;
    let style = window.get_computed_style(&root).ok()??;
    let read = |name: &str| color(&style.get_property_value(name).ok()?);
    let levels: Vec<Color> = (1..=6)
        .filter_map(|level| read(&format!("--ab-level-{level}")))
        .collect();
    Some(Palette {
        surface: read("--ab-surface")?,
        text: read("--ab-text")?,
        line: read("--ab-line-strong")?,
        good: read("--ab-good")?,
        bad: read("--ab-danger")?,
        levels,
    })
}

/// A treemap as wide as there is room.
#[component]
pub fn Treemap(props: &TreemapProps) -> Html {
    let theme = use_theme();
    let frame = use_node_ref();
    let width = use_state_eq(|| 0_i32);
    let focus = use_state_eq(|| 0_usize);
    let measure = {
        let (frame, width) = (frame.clone(), width.setter());
        Callback::from(move |_: Event| {
            if let Some(frame) = frame.cast::<HtmlElement>() {
                width.set(frame.client_width());
            }
        })
    };
    {
        let (frame, width) = (frame.clone(), width.setter());
        use_effect_with((), move |()| {
            if let Some(frame) = frame.cast::<HtmlElement>() {
                width.set(frame.client_width());
            }
        });
    }
    use_window_event("resize", measure);
    // The first tile has the focus key when others come.
    {
        let focus = focus.setter();
        use_effect_with(props.tiles.clone(), move |_| focus.set(0));
    }
    let palette = use_memo(theme.dark, |_| palette());
    let area = Rect {
        width: f64::from(*width),
        height: f64::from(props.height),
        ..Rect::default()
    };
    let sizes: Vec<f64> = props.tiles.iter().map(|tile| tile.size).collect();
    let placed = squarify(&sizes, area);
    let at = (*focus).min(props.tiles.len().saturating_sub(1));
    let onkeydown = {
        let (tiles, focus, frame) = (props.tiles.clone(), focus.clone(), frame.clone());
        let (ondown, onup) = (props.ondown.clone(), props.onup.clone());
        Callback::from(move |event: KeyboardEvent| {
            let last = tiles.len().saturating_sub(1);
            let to = match event.key().as_str() {
                "ArrowRight" | "ArrowDown" => (at + 1).min(last),
                "ArrowLeft" | "ArrowUp" => at.saturating_sub(1),
                "Home" => 0,
                "End" => last,
                "Enter" | " " => {
                    if let Some(tile) = tiles.get(at).filter(|tile| tile.opens) {
                        ondown.emit(tile.id.clone());
                    }
                    at
                }
                "Backspace" | "Escape" => match &onup {
                    Some(onup) => {
                        onup.emit(());
                        at
                    }
                    None => return,
                },
                _ => return,
            };
            event.prevent_default();
            event.stop_propagation();
            focus.set(to);
            focus_tile(&frame, to);
        })
    };
    let Some(palette) = palette.as_ref() else {
        return Html::default();
    };
    html! {
        <div ref={frame} class="ab-treemap" style={format!("block-size: {}px", props.height)}>
            if *width > 0 {
                <svg ref={props.node.clone()} xmlns="http://www.w3.org/2000/svg" width={width.to_string()} height={props.height.to_string()} viewBox={format!("0 0 {} {}", *width, props.height)}
                    font-family="Red Hat Text, Helvetica Neue, Arial, sans-serif" font-size="12.5" role="group" aria-label={props.label.clone()} data-testid={props.testid.clone()} {onkeydown}>
                    for (index, (tile, rect)) in props.tiles.iter().zip(&placed).enumerate() {
                        { outer(tile, *rect, palette, index == at, tile_clicked(props, tile, index, &focus)) }
                    }
                </svg>
            }
        </div>
    }
}

fn tile_clicked(
    props: &TreemapProps,
    tile: &Tile,
    index: usize,
    focus: &UseStateHandle<usize>,
) -> Callback<MouseEvent> {
    let (ondown, focus) = (props.ondown.clone(), focus.clone());
    let id = tile.opens.then(|| tile.id.clone());
    Callback::from(move |_: MouseEvent| {
        focus.set(index);
        if let Some(id) = &id {
            ondown.emit(id.clone());
        }
    })
}

fn focus_tile(frame: &NodeRef, index: usize) {
    let tile = frame.cast::<HtmlElement>().and_then(|frame| {
        let tiles = frame.query_selector_all("[data-tile]").ok()?;
        tiles.item(index as u32)?.dyn_into::<SvgElement>().ok()
    });
    if let Some(tile) = tile {
        let _ = tile.focus();
    }
}

fn drawn(rect: Rect, fill: Color, line: Color) -> Html {
    html! {
        <rect x={format!("{:.1}", rect.x + 0.5)} y={format!("{:.1}", rect.y + 0.5)} width={format!("{:.1}", (rect.width - 1.0).max(0.0))} height={format!("{:.1}", (rect.height - 1.0).max(0.0))} rx="3" fill={hex(fill)} stroke={hex(line)} />
    }
}

fn name(tile: &Tile, rect: Rect, palette: &Palette) -> Html {
    let words = (rect.height >= HEAD)
        .then(|| fitting(&tile.name, rect.width - 10.0))
        .flatten();
    html! {
        if let Some(words) = words { <text x={format!("{:.1}", rect.x + 6.0)} y={format!("{:.1}", rect.y + 14.5)} fill={hex(palette.text)}>{ words }</text> }
    }
}

fn outer(
    tile: &Tile,
    rect: Rect,
    palette: &Palette,
    is_reached: bool,
    onclick: Callback<MouseEvent>,
) -> Html {
    let inner = rect.within(HEAD, FRAME);
    let shows = inner.width >= ROOM && inner.height >= ROOM / 2.0 && !tile.below.is_empty();
    let sizes: Vec<f64> = tile.below.iter().map(|tile| tile.size).collect();
    let placed = if shows {
        squarify(&sizes, inner)
    } else {
        Vec::new()
    };
    html! {
        <g key={if tile.id.is_empty() { tile.name.clone() } else { tile.id.clone() }} class={classes!("ab-treemap__tile", tile.opens.then_some("ab-treemap__tile--opens"))} role={if tile.opens { "button" } else { "img" }} tabindex={if is_reached { "0" } else { "-1" }} aria-label={tile.words.clone()} data-tile="" data-label={tile.id.clone()} {onclick}>
            <title>{ &tile.words }</title>
            { drawn(rect, palette.ground(tile.tone), palette.line) }
            { name(tile, rect, palette) }
            for (below, rect) in tile.below.iter().zip(&placed) {
                <g key={below.id.clone()} aria-hidden="true">
                    <title>{ &below.words }</title>
                    { drawn(*rect, palette.ground(below.tone), palette.line) }
                    { name(below, *rect, palette) }
                </g>
            }
        </g>
    }
}

/// The largest tiles, the largest first, and one for all others together.
pub fn largest(mut tiles: Vec<Tile>, most: usize) -> Vec<Tile> {
    tiles.retain(|tile| tile.size > 0.0);
    tiles.sort_by(|a, b| b.size.total_cmp(&a.size).then_with(|| a.name.cmp(&b.name)));
    if tiles.len() > most {
        let rest = tiles.split_off(most);
        let words = format!("{} others", format::count(rest.len() as u64));
        tiles.push(Tile {
            id: String::new(),
            name: words.clone(),
            size: rest.iter().map(|tile| tile.size).sum(),
            tone: Tone::Unknown,
            words,
            opens: false,
            below: Vec::new(),
        });
    }
    tiles
}

/// The drawing as a file.
pub fn as_svg(node: &NodeRef) -> Option<String> {
    let drawing = node.cast::<web_sys::Element>()?;
    Some(drawing.outer_html())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_tiles_stand_together() {
        let tile = |name: &str, size: f64| Tile {
            id: name.to_owned(),
            name: name.to_owned(),
            size,
            tone: Tone::Level(1),
            words: String::new(),
            opens: true,
            below: Vec::new(),
        };
        let tiles = vec![
            tile("a", 1.0),
            tile("b", 3.0),
            tile("c", 0.0),
            tile("d", 2.0),
        ];
        let kept = largest(tiles, 1);
        let names: Vec<&str> = kept.iter().map(|tile| tile.name.as_str()).collect();
        assert_eq!(names, ["b", "2 others"]);
        assert!((kept[1].size - 3.0).abs() < 1e-9);
    }
}
