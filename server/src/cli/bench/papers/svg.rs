//! Line charts as SVG, drawn by hand: panels beside each other, a line per model, standard deviations as bars.
//!
//! Whoever wants another drawing has the numbers beside it as CSV.

use std::fmt::Write as _;

use super::summary::Spread;

const PANEL_WIDTH: f64 = 420.0;
const PLOT_LEFT: f64 = 58.0;
const PLOT_RIGHT: f64 = 400.0;
const PLOT_TOP: f64 = 64.0;
const PLOT_BOTTOM: f64 = 300.0;
const LEGEND_TOP: f64 = 352.0;
const LEGEND_LINE: f64 = 20.0;

/// Colours that people with colour blindness tell apart (Okabe and Ito), and a form of point for each.
const COLOURS: [&str; 7] = [
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000",
];

/// A drawing.
pub(super) struct Chart {
    pub(super) title: String,
    pub(super) panels: Vec<Panel>,
}

/// A system of coordinates.
pub(super) struct Panel {
    pub(super) title: String,
    /// What the ticks are.
    pub(super) axis: String,
    pub(super) ticks: Vec<String>,
    pub(super) lines: Vec<Line>,
}

/// A point for each tick, where there is a figure. A line without name is not in the legend.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<Option<Spread>>,
}

impl Chart {
    /// The document.
    pub(super) fn render(&self) -> String {
        let names: Vec<&str> = self.panels.first().map_or_else(Vec::new, |panel| {
            panel.lines.iter().map(|line| line.name.as_str()).collect()
        });
        let in_legend = names.iter().filter(|name| !name.is_empty()).count();
        let width = PANEL_WIDTH * self.panels.len() as f64;
        let height = LEGEND_TOP + LEGEND_LINE * in_legend as f64;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n<title>{title}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n<text x=\"{PLOT_LEFT}\" y=\"24\" font-size=\"15\">{title}</text>\n",
            title = escaped(&self.title)
        );
        for (position, panel) in self.panels.iter().enumerate() {
            let _ = writeln!(
                svg,
                "<g transform=\"translate({} 0)\">",
                PANEL_WIDTH * position as f64
            );
            panel.render(&mut svg);
            svg.push_str("</g>\n");
        }
        let named = names
            .iter()
            .enumerate()
            .filter(|(_, name)| !name.is_empty());
        for (place, (position, name)) in named.enumerate() {
            let y = LEGEND_TOP + LEGEND_LINE * place as f64;
            let colour = colour(position);
            let _ = writeln!(
                svg,
                "<line x1=\"{PLOT_LEFT}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\" stroke=\"{colour}\" stroke-width=\"2\"/>",
                PLOT_LEFT + 28.0
            );
            point(position, PLOT_LEFT + 14.0, y, &mut svg);
            text(PLOT_LEFT + 36.0, y + 4.0, "start", name, &mut svg);
        }
        svg.push_str("</svg>\n");
        svg
    }
}

impl Panel {
    fn render(&self, svg: &mut String) {
        text(PLOT_LEFT, PLOT_TOP - 14.0, "start", &self.title, svg);
        let scale = Scale::of(&self.lines);
        for value in scale.ticks() {
            let y = scale.y(value);
            let _ = writeln!(
                svg,
                "<line x1=\"{PLOT_LEFT}\" y1=\"{y:.1}\" x2=\"{PLOT_RIGHT}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>"
            );
            text(PLOT_LEFT - 6.0, y + 4.0, "end", &scale.label(value), svg);
        }
        for (position, tick) in self.ticks.iter().enumerate() {
            text(self.x(position), PLOT_BOTTOM + 18.0, "middle", tick, svg);
        }
        let middle = f64::midpoint(PLOT_LEFT, PLOT_RIGHT);
        text(middle, PLOT_BOTTOM + 36.0, "middle", &self.axis, svg);
        for (position, line) in self.lines.iter().enumerate() {
            self.draw(position, line, &scale, svg);
        }
    }

    fn draw(&self, position: usize, line: &Line, scale: &Scale, svg: &mut String) {
        let colour = colour(position);
        let points: Vec<(f64, f64, Spread)> = line
            .points
            .iter()
            .enumerate()
            .filter_map(|(tick, spread)| {
                spread.map(|spread| (self.x(tick), scale.y(spread.mean), spread))
            })
            .collect();
        let path: Vec<String> = points
            .iter()
            .map(|(x, y, _)| format!("{x:.1},{y:.1}"))
            .collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join(" ")
        );
        for (x, y, spread) in points {
            if let Some(sd) = spread.sd {
                let _ = writeln!(
                    svg,
                    "<line x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{:.1}\" stroke=\"{colour}\"/>",
                    scale.y(spread.mean - sd),
                    scale.y(spread.mean + sd)
                );
            }
            point(position, x, y, svg);
        }
    }

    fn x(&self, tick: usize) -> f64 {
        let step = (PLOT_RIGHT - PLOT_LEFT) / self.ticks.len().max(1) as f64;
        PLOT_LEFT + step * (tick as f64 + 0.5)
    }
}

/// From fractions to heights.
struct Scale {
    low: f64,
    high: f64,
    step: f64,
}

impl Scale {
    /// Wide enough for all points with their deviations, on round numbers.
    fn of(lines: &[Line]) -> Self {
        let spreads = lines.iter().flat_map(|line| line.points.iter().flatten());
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for Spread { mean, sd } in spreads {
            low = low.min(mean - sd.unwrap_or(0.0));
            high = high.max(mean + sd.unwrap_or(0.0));
        }
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        let steps = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2];
        let fits = |step: &&f64| (high / **step).ceil() - (low / **step).floor() <= 8.0;
        let step = steps.iter().find(fits).copied().unwrap_or(0.25);
        let low = (low / step).floor() * step;
        let high = ((high / step).ceil() * step).max(low + step);
        Self { low, high, step }
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        let n = ((self.high - self.low) / self.step).round() as u32;
        let (low, step) = (self.low, self.step);
        (0..=n).map(move |tick| low + step * f64::from(tick))
    }

    /// In percent, with as many digits as neighbours need to differ.
    fn label(&self, value: f64) -> String {
        let digits = usize::from(self.step < 0.01);
        format!("{:.digits$}", value * 100.0)
    }

    fn y(&self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        PLOT_BOTTOM - share * (PLOT_BOTTOM - PLOT_TOP)
    }
}

fn colour(position: usize) -> &'static str {
    COLOURS[position % COLOURS.len()]
}

fn point(position: usize, x: f64, y: f64, svg: &mut String) {
    let colour = colour(position);
    let _ = match position % 3 {
        0 => writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"/>"
        ),
        1 => writeln!(
            svg,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"8\" height=\"8\" fill=\"{colour}\"/>",
            x - 4.0,
            y - 4.0
        ),
        _ => writeln!(
            svg,
            "<path d=\"M{x:.1} {:.1} l5 9 h-10 z\" fill=\"{colour}\"/>",
            y - 5.0
        ),
    };
}

fn text(x: f64, y: f64, anchor: &str, words: &str, svg: &mut String) {
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>",
        escaped(words)
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, means: &[f64]) -> Line {
        Line {
            name: name.to_owned(),
            points: means
                .iter()
                .map(|&mean| {
                    mean.is_finite().then_some(Spread {
                        mean,
                        sd: Some(0.01),
                    })
                })
                .collect(),
        }
    }

    #[test]
    fn scales_end_on_round_numbers() {
        let scale = Scale::of(&[line("", &[0.613, 0.742])]);
        assert!((scale.low - 0.6).abs() < 1e-12 && (scale.high - 0.76).abs() < 1e-12);
        assert_eq!(scale.y(scale.low), PLOT_BOTTOM);
        assert_eq!(scale.y(scale.high), PLOT_TOP);
        let labels: Vec<String> = scale.ticks().map(|tick| scale.label(tick)).collect();
        assert_eq!(labels.first().map(String::as_str), Some("60"));
        assert_eq!(labels.last().map(String::as_str), Some("76"));
        // Nothing to show, or one value only.
        assert_eq!(Scale::of(&[]).y(0.0), PLOT_BOTTOM);
        let narrow = Scale::of(&[Line {
            name: String::new(),
            points: vec![Some(Spread {
                mean: 0.5,
                sd: None,
            })],
        }]);
        assert!(narrow.high > narrow.low);
    }

    #[test]
    fn a_chart_has_every_line_and_no_open_markup() {
        let chart = Chart {
            title: "F1 <by> level & \"more\"".to_owned(),
            panels: vec![Panel {
                title: "micro-F1".to_owned(),
                axis: "level".to_owned(),
                ticks: vec!["1".to_owned(), "2".to_owned()],
                lines: vec![line("flat", &[0.8, 0.6]), line("tree", &[0.9, f64::NAN])],
            }],
        };
        let svg = chart.render();
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert!(svg.contains("F1 &lt;by&gt; level &amp; &quot;more&quot;"));
        assert!(svg.contains(">flat</text>") && svg.contains(">tree</text>"));
        assert!(svg.contains(&format!("stroke=\"{}\"", COLOURS[1])));
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        // Two points with their bars, and one: the missing one is not drawn at 0.
        assert_eq!(svg.matches("<circle").count(), 3);
        assert_eq!(svg.matches("width=\"8\"").count(), 2);
    }
}
