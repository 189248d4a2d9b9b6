//! Sorting of tables, as it stands in the address: `test.macro_f1` or `-test.macro_f1`.

use std::cmp::Ordering;

/// A column and its direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub column: String,
    pub descending: bool,
}

impl Order {
    /// Reads `column` or `-column`; anything else than a known column falls back.
    pub fn parse(text: Option<&str>, known: &[&str], fallback: &str) -> Self {
        let read = |text: &str| match text.strip_prefix('-') {
            Some(column) => Self {
                column: column.to_owned(),
                descending: true,
            },
            None => Self {
                column: text.to_owned(),
                descending: false,
            },
        };
        text.map(read)
            .filter(|order| known.contains(&order.column.as_str()))
            .unwrap_or_else(|| read(fallback))
    }

    /// As it stands in the address.
    pub fn word(&self) -> String {
        if self.descending {
            format!("-{}", self.column)
        } else {
            self.column.clone()
        }
    }

    /// After a click on a column: the other direction, or the column with the direction that is wanted first.
    #[must_use]
    pub fn clicked(&self, column: &str, descending_first: bool) -> Self {
        let descending = if self.column == column {
            !self.descending
        } else {
            descending_first
        };
        Self {
            column: column.to_owned(),
            descending,
        }
    }

    pub fn apply(&self, ordering: Ordering) -> Ordering {
        if self.descending {
            ordering.reverse()
        } else {
            ordering
        }
    }
}

/// Compares figures that may be missing; missing ones come last whatever the direction.
pub fn figures(a: Option<f64>, b: Option<f64>, descending: bool) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => {
            let ordering = a.total_cmp(&b);
            if descending {
                ordering.reverse()
            } else {
                ordering
            }
        }
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

/// Texts as people order them: without regard to case.
pub fn texts(a: &str, b: &str) -> Ordering {
    a.to_lowercase()
        .cmp(&b.to_lowercase())
        .then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read_written_and_turned() {
        let known = ["name", "f1"];
        let order = Order::parse(Some("-f1"), &known, "name");
        assert_eq!(
            order,
            Order {
                column: "f1".into(),
                descending: true
            }
        );
        assert_eq!(order.word(), "-f1");
        assert_eq!(order.clicked("f1", true).word(), "f1");
        assert_eq!(order.clicked("name", false).word(), "name");
        assert_eq!(
            Order::parse(Some("drop table"), &known, "-f1").word(),
            "-f1"
        );
        assert_eq!(Order::parse(None, &known, "name").word(), "name");
    }

    #[test]
    fn missing_figures_come_last_both_ways() {
        let mut up = vec![None, Some(2.0), Some(1.0)];
        let mut down = up.clone();
        up.sort_by(|a, b| figures(*a, *b, false));
        down.sort_by(|a, b| figures(*a, *b, true));
        assert_eq!(up, vec![Some(1.0), Some(2.0), None]);
        assert_eq!(down, vec![Some(2.0), Some(1.0), None]);
    }

    #[test]
    fn texts_ignore_case() {
        let mut names = vec!["beta", "Alpha", "alpha"];
        names.sort_by(|a, b| texts(a, b));
        assert_eq!(names, vec!["Alpha", "alpha", "beta"]);
    }
}
