//! Figures: rounded for the eye, exact on hover and in the markup.

use yew::prelude::*;

use crate::format;

#[derive(PartialEq, Properties)]
pub struct FigureProps {
    /// A fraction.
    pub value: f64,
    /// Key of the metric, as in the interface.
    pub metric: AttrValue,
    #[prop_or_default]
    pub strong: bool,
    /// Ends of its 95 % interval, where they are known.
    #[prop_or_default]
    pub interval: Option<(f64, f64)>,
}

/// A metric as a percentage. `value` carries every digit of the interface's answer.
#[component]
pub fn Figure(props: &FigureProps) -> Html {
    let exact = format::exact(props.value);
    html! {
        <>
            <data class={classes!("ab-figure", props.strong.then_some("ab-figure--strong"))} value={exact.clone()} title={exact.clone()} data-metric={props.metric.clone()}>
                { format::percent(props.value) }
            </data>
            if let Some((low, high)) = props.interval {
                <span class="ab-figure__interval" title={format!("95% interval: {} to {}", format::percent(low), format::percent(high))} data-interval={props.metric.clone()}>{ format!(" {}", format::interval(props.value, low, high)) }</span>
            }
        </>
    }
}

#[derive(PartialEq, Properties)]
pub struct ShareBarProps {
    /// 0 to 1.
    pub share: f64,
    #[prop_or_default]
    pub tone: Option<AttrValue>,
}

/// A small bar behind a number in a table.
#[component]
pub fn ShareBar(props: &ShareBarProps) -> Html {
    let share =
        (props.share.clamp(0.0, 1.0) * 100.0).max(if props.share > 0.0 { 1.5 } else { 0.0 });
    html! {
        <span class={classes!("ab-spark", props.tone.as_ref().map(|tone| format!("ab-spark--{tone}")))} aria-hidden="true">
            <span style={format!("inline-size: {share:.1}%")} />
        </span>
    }
}
