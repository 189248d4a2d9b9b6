//! A long list of which only the visible rows exist. Rows are all of one height, which is what makes
//! 100,000 of them as quick as ten.

use std::ops::Range;

use web_sys::HtmlElement;
use yew::prelude::*;

use crate::hooks::use_window_event;

/// Rows drawn beyond the edges, so that scrolling does not show gaps.
const MARGIN: usize = 8;

/// The rows to draw for a scroll position.
pub fn window(scroll: f64, height: f64, row: f64, count: usize) -> Range<usize> {
    let first = (scroll / row).floor().max(0.0) as usize;
    let visible = (height / row).ceil().max(1.0) as usize;
    let start = first.saturating_sub(MARGIN).min(count);
    let end = (first + visible + MARGIN).min(count);
    start..end.max(start)
}

#[derive(PartialEq, Properties)]
pub struct VirtualListProps {
    pub count: usize,
    /// Height of a row in pixels; the style sheet must agree.
    pub row_height: f64,
    /// Draws a row; its element takes `position` from the style sheet's `.ab-virtual__row`.
    pub row: Callback<usize, Html>,
    /// Stays on top while rows scroll.
    #[prop_or_default]
    pub header: Html,
    /// This row is scrolled into view when it changes.
    #[prop_or_default]
    pub active: Option<usize>,
    /// The end comes into view.
    #[prop_or_default]
    pub onend: Callback<()>,
    #[prop_or_default]
    pub class: Classes,
    #[prop_or(AttrValue::Static("list"))]
    pub role: AttrValue,
    #[prop_or_default]
    pub label: Option<AttrValue>,
    #[prop_or_default]
    pub onkeydown: Callback<KeyboardEvent>,
    /// Id of the active row, for trees and lists that keep the focus on the whole.
    #[prop_or_default]
    pub active_id: Option<AttrValue>,
    #[prop_or_default]
    pub focusable: bool,
    #[prop_or_default]
    pub row_count: Option<u64>,
    #[prop_or_default]
    pub testid: Option<AttrValue>,
    #[prop_or_default]
    pub node: NodeRef,
}

/// A scrolling list.
#[component]
pub fn VirtualList(props: &VirtualListProps) -> Html {
    let own = use_node_ref();
    let node = if props.node == NodeRef::default() {
        own
    } else {
        props.node.clone()
    };
    let seen = use_state_eq(|| (0_usize, 40_usize));

    let measure = {
        let (node, seen, row, count) = (node.clone(), seen.setter(), props.row_height, props.count);
        Callback::from(move |()| {
            if let Some(element) = node.cast::<HtmlElement>() {
                let range = window(
                    f64::from(element.scroll_top()),
                    f64::from(element.client_height()),
                    row,
                    count,
                );
                seen.set((range.start, range.end));
            }
        })
    };
    {
        let measure = measure.clone();
        use_effect_with(props.count, move |_| measure.emit(()));
    }
    use_window_event("resize", measure.reform(|_| ()));
    {
        let (node, row) = (node.clone(), props.row_height);
        use_effect_with(props.active, move |active| {
            if let (Some(active), Some(element)) = (*active, node.cast::<HtmlElement>()) {
                let (top, height) = (
                    f64::from(element.scroll_top()),
                    f64::from(element.client_height()),
                );
                let at = active as f64 * row;
                if at < top {
                    element.set_scroll_top(at as i32);
                } else if at + row * 2.0 > top + height {
                    element.set_scroll_top((at + row * 2.0 - height) as i32);
                }
            }
        });
    }
    let (start, end) = (seen.0.min(props.count), seen.1.min(props.count));
    {
        let onend = props.onend.clone();
        use_effect_with((end, props.count), move |(end, count)| {
            if end == count && *count > 0 {
                onend.emit(());
            }
        });
    }
    html! {
        <div
            ref={node}
            class={classes!("ab-virtual", props.class.clone())}
            role={props.role.clone()}
            aria-label={props.label.clone()}
            aria-activedescendant={props.active_id.clone()}
            aria-rowcount={props.row_count.map(|count| count.to_string())}
            tabindex={props.focusable.then_some("0")}
            onscroll={measure.reform(|_| ())}
            onkeydown={props.onkeydown.clone()}
            data-testid={props.testid.clone()}
        >
            { props.header.clone() }
            <div class="ab-virtual__all" role="presentation" style={format!("block-size: {}px", props.count as f64 * props.row_height)}>
                <div class="ab-virtual__part" role="presentation" style={format!("transform: translateY({}px)", start as f64 * props.row_height)}>
                    for index in start..end { { props.row.emit(index) } }
                </div>
            </div>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rows_around_the_view_are_drawn() {
        assert_eq!(window(0.0, 400.0, 40.0, 100_000), 0..18);
        assert_eq!(window(40_000.0, 400.0, 40.0, 100_000), 992..1018);
        assert_eq!(window(0.0, 400.0, 40.0, 3), 0..3);
        assert_eq!(
            window(90_000.0, 400.0, 40.0, 3),
            3..3,
            "a list that shrank is drawn anew after the next scroll"
        );
        assert_eq!(window(0.0, 0.0, 40.0, 0), 0..0);
    }
}
