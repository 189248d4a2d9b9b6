//! Where the rectangles of a treemap go, what colors they have, and the same figures as a table.
//!
//! Laid out by the squarified algorithm (Bruls, Huizing, van Wijk 2000). The two crates that have it were last released
//! in 2019 and 2021; it is forty lines.

/// A part of the plane.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Rect {
    /// What is left within a frame; empty where there is not enough.
    #[must_use]
    pub fn within(self, top: f64, side: f64) -> Self {
        Self {
            x: self.x + side,
            y: self.y + top,
            width: (self.width - 2.0 * side).max(0.0),
            height: (self.height - top - side).max(0.0),
        }
    }

    fn area(self) -> f64 {
        self.width * self.height
    }
}

/// Rectangles in `area`, as square as can be where the sizes descend. From the first size on that is not above zero they
/// are empty.
pub fn squarify(sizes: &[f64], area: Rect) -> Vec<Rect> {
    let total: f64 = sizes.iter().take_while(|size| **size > 0.0).sum();
    let mut placed = Vec::with_capacity(sizes.len());
    if total > 0.0 && area.area() > 0.0 {
        let scale = area.area() / total;
        let sizes: Vec<f64> = sizes
            .iter()
            .take_while(|size| **size > 0.0)
            .map(|size| size * scale)
            .collect();
        let mut rest = area;
        let mut start = 0;
        while start < sizes.len() {
            let side = rest.width.min(rest.height);
            let mut end = start + 1;
            while end < sizes.len()
                && worst(&sizes[start..=end], side) <= worst(&sizes[start..end], side)
            {
                end += 1;
            }
            rest = row(&sizes[start..end], rest, &mut placed);
            start = end;
        }
    }
    placed.resize(sizes.len(), Rect::default());
    placed
}

/// The least square of the areas, laid in a row along a side: its longer side by its shorter one.
fn worst(areas: &[f64], side: f64) -> f64 {
    let sum: f64 = areas.iter().sum();
    let largest = areas.iter().copied().fold(0.0, f64::max);
    let smallest = areas.iter().copied().fold(f64::INFINITY, f64::min);
    let (side, sum) = (side * side, sum * sum);
    (side * largest / sum).max(sum / (side * smallest))
}

/// Lays a row along the shorter side; answers what is left.
fn row(areas: &[f64], rest: Rect, placed: &mut Vec<Rect>) -> Rect {
    let sum: f64 = areas.iter().sum();
    let is_upright = rest.width >= rest.height;
    let thick = if is_upright {
        (sum / rest.height).min(rest.width)
    } else {
        (sum / rest.width).min(rest.height)
    };
    let mut at = 0.0;
    for area in areas {
        let long = area / thick;
        placed.push(if is_upright {
            Rect {
                x: rest.x,
                y: rest.y + at,
                width: thick,
                height: long,
            }
        } else {
            Rect {
                x: rest.x + at,
                y: rest.y,
                width: long,
                height: thick,
            }
        });
        at += long;
    }
    if is_upright {
        Rect {
            x: rest.x + thick,
            width: (rest.width - thick).max(0.0),
            ..rest
        }
    } else {
        Rect {
            y: rest.y + thick,
            height: (rest.height - thick).max(0.0),
            ..rest
        }
    }
}

/// What the color of a tile says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tone {
    /// The color of a level.
    Level(u32),
    /// A value from 0 to 1: the higher, the fuller the color.
    Scale(f64),
    /// A difference from -1 to 1: worse, the same, better.
    Delta(f64),
    /// Nothing is known.
    Unknown,
}

/// A color by its parts.
pub type Color = [u8; 3];

/// `#1b6b4a` as a color.
pub fn color(text: &str) -> Option<Color> {
    let digits = text.trim().strip_prefix('#')?;
    let part = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    (digits.len() == 6).then_some(())?;
    Some([part(0)?, part(2)?, part(4)?])
}

pub fn hex([red, green, blue]: Color) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// `share` of one color in the other.
fn mixed(color: Color, into: Color, share: f64) -> Color {
    let share = share.clamp(0.0, 1.0);
    std::array::from_fn(|at| {
        let (color, into) = (f64::from(color[at]), f64::from(into[at]));
        (color * share + into * (1.0 - share)).round() as u8
    })
}

/// The theme's colors.
#[derive(Clone, Debug, PartialEq)]
pub struct Palette {
    pub surface: Color,
    pub text: Color,
    pub line: Color,
    pub good: Color,
    pub bad: Color,
    /// One after another for the levels.
    pub levels: Vec<Color>,
}

impl Palette {
    /// The ground of a tile; text in the theme's color can be read on it.
    pub fn ground(&self, tone: Tone) -> Color {
        match tone {
            Tone::Level(level) => {
                let at = level.saturating_sub(1) as usize % self.levels.len().max(1);
                let level = self.levels.get(at).copied().unwrap_or(self.good);
                mixed(level, self.surface, 0.22)
            }
            Tone::Scale(value) => mixed(self.good, self.surface, 0.06 + 0.44 * value),
            Tone::Delta(value) if value < 0.0 => {
                mixed(self.bad, self.surface, 0.06 + 0.44 * -value)
            }
            Tone::Delta(value) => mixed(self.good, self.surface, 0.06 + 0.44 * value),
            Tone::Unknown => mixed(self.line, self.surface, 0.5),
        }
    }
}

/// The characters of a name that fit, with an ellipsis where not all do; none where hardly any does.
pub fn fitting(name: &str, width: f64) -> Option<String> {
    /// A letter of the size in which names are written is about so wide.
    const LETTER: f64 = 6.9;
    let room = (width / LETTER).floor() as usize;
    if name.chars().count() <= room {
        return Some(name.to_owned());
    }
    let kept: String = name.chars().take(room.checked_sub(1)?).collect();
    (room >= 4).then(|| format!("{}…", kept.trim_end()))
}

/// Rows as CSV (RFC 4180).
pub fn csv(rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let cell = |text: String| match text.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    };
    let line = |row: Vec<String>| row.into_iter().map(cell).collect::<Vec<_>>().join(",");
    let lines = rows.into_iter().map(|row| line(row) + "\r\n");
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREA: Rect = Rect {
        x: 10.0,
        y: 20.0,
        width: 600.0,
        height: 400.0,
    };

    #[test]
    fn the_example_of_the_paper_comes_out_as_it_does_there() {
        let area = Rect {
            width: 6.0,
            height: 4.0,
            ..Rect::default()
        };
        let placed = squarify(&[6.0, 6.0, 4.0, 3.0, 2.0, 2.0, 1.0], area);
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(near(placed[0].width, 3.0) && near(placed[0].height, 2.0));
        assert!(near(placed[1].y, 2.0));
        assert!(near(placed[2].width, 12.0 / 7.0) && near(placed[2].height, 7.0 / 3.0));
        assert!(near(placed[4].width, 1.2) && near(placed[6].width, 0.6));
    }

    #[test]
    fn areas_are_in_proportion_within_the_frame_and_apart() {
        let sizes: Vec<f64> = (1..=40).rev().map(|n| f64::from(n * n)).collect();
        let placed = squarify(&sizes, AREA);
        let total: f64 = sizes.iter().sum();
        for (rect, size) in placed.iter().zip(&sizes) {
            let share = rect.area() / AREA.area();
            assert!((share - size / total).abs() < 1e-9);
            assert!(rect.x >= AREA.x - 1e-6 && rect.y >= AREA.y - 1e-6);
            assert!(rect.x + rect.width <= AREA.x + AREA.width + 1e-6);
            assert!(rect.y + rect.height <= AREA.y + AREA.height + 1e-6);
        }
        for (at, one) in placed.iter().enumerate() {
            for other in &placed[at + 1..] {
                let wide = (one.x + one.width).min(other.x + other.width) - one.x.max(other.x);
                let high = (one.y + one.height).min(other.y + other.height) - one.y.max(other.y);
                assert!(wide < 1e-6 || high < 1e-6, "{one:?} over {other:?}");
            }
        }
    }

    #[test]
    fn nothing_takes_no_room() {
        assert_eq!(squarify(&[], AREA), Vec::new());
        assert_eq!(squarify(&[0.0, 0.0], AREA), vec![Rect::default(); 2]);
        let placed = squarify(&[2.0, 0.0], AREA);
        assert_eq!(placed, vec![AREA, Rect::default()]);
        assert_eq!(squarify(&[1.0], Rect::default()), vec![Rect::default()]);
    }

    #[test]
    fn colors_are_read_mixed_and_written() {
        assert_eq!(color(" #1b6b4a"), Some([0x1b, 0x6b, 0x4a]));
        assert_eq!(color("green"), None);
        assert_eq!(hex(mixed([255, 0, 0], [0, 0, 255], 0.5)), "#800080");
        let palette = Palette {
            surface: [255; 3],
            text: [0; 3],
            line: [200; 3],
            good: [0, 128, 0],
            bad: [128, 0, 0],
            levels: vec![[0, 0, 128]],
        };
        assert_ne!(
            palette.ground(Tone::Delta(-0.5)),
            palette.ground(Tone::Delta(0.5))
        );
        assert_eq!(
            palette.ground(Tone::Level(1)),
            palette.ground(Tone::Level(2))
        );
    }

    #[test]
    fn names_are_cut_to_their_tiles() {
        assert_eq!(fitting("Owls", 100.0).as_deref(), Some("Owls"));
        assert_eq!(
            fitting("Long-eared owls", 60.0).as_deref(),
            Some("Long-ea…")
        );
        assert_eq!(fitting("Owls and hawks", 12.0), None);
        assert_eq!(fitting("Owls", 0.0), None);
    }

    #[test]
    fn tables_quote_what_they_have_to() {
        let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect();
        let table = csv([row(&["name", "documents"]), row(&["Owls, \"wise\"", "3"])]);
        assert_eq!(table, "name,documents\r\n\"Owls, \"\"wise\"\"\",3\r\n");
    }
}
