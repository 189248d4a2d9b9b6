//! The papers' tables and figures as data: rows with method, hyperparameters and published figures.
//!
//! The data lies in `catalogue/*.toml`; a file of the same form may take its place. Nothing here trains or prints.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::cli::CliError;

/// The papers that come along.
const BUILT_IN: [(&str, &str); 5] = [
    ("hiagm.toml", include_str!("catalogue/hiagm.toml")),
    ("htcinfomax.toml", include_str!("catalogue/htcinfomax.toml")),
    ("himatch.toml", include_str!("catalogue/himatch.toml")),
    ("hgclr.toml", include_str!("catalogue/hgclr.toml")),
    ("hbgl.toml", include_str!("catalogue/hbgl.toml")),
];

/// The word for everything of a kind.
pub(super) const ALL: &str = "all";

/// Tables and figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Catalogue {
    #[serde(default, rename = "table")]
    pub(super) tables: Vec<Exhibit>,
    #[serde(default, rename = "figure")]
    pub(super) figures: Vec<Exhibit>,
}

/// A table or figure of a paper.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exhibit {
    /// Paper and number: `hiagm-4`.
    pub(super) name: String,
    pub(super) title: String,
    #[serde(default)]
    pub(super) view: View,
    /// Columns of published figures: corpora, or label groups.
    #[serde(default)]
    pub(super) corpora: Vec<String>,
    /// Trainings of each row, unless told otherwise.
    #[serde(default = "one")]
    pub(super) seeds: u64,
    /// Row that every other row is tested against.
    #[serde(default)]
    pub(super) against: Option<String>,
    /// Level of these tests.
    #[serde(default = "one_percent")]
    pub(super) alpha: f64,
    /// What the rows of a figure by rows are.
    #[serde(default)]
    pub(super) axis: String,
    /// Deeper levels count with this one, in a figure by levels.
    #[serde(default)]
    pub(super) deepest_level: Option<u32>,
    /// What a reader should know.
    #[serde(default)]
    pub(super) note: String,
    #[serde(rename = "row")]
    pub(super) rows: Vec<Row>,
}

/// Which figures are shown, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum View {
    /// Table of micro-F1 and macro-F1.
    #[default]
    Scores,
    /// Table of recall and gain by label group.
    Groups,
    /// Lines over the rows.
    Rows,
    /// A line per row over the levels.
    Levels,
}

/// A model of a table or figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) method: String,
    /// Whether it reads the text with a pretrained encoder.
    #[serde(default)]
    pub(super) encoder: bool,
    /// What makes the row what it is: goes before everything else.
    #[serde(default)]
    pub(super) set: Map<String, Value>,
    /// What the authors do for this row beyond the presets `code` and `paper`: only with these, and behind `--set`.
    #[serde(default)]
    pub(super) schedule: Map<String, Value>,
    /// In percent: micro-F1 and macro-F1, or R@5 and nDCG@5.
    #[serde(default)]
    pub(super) published: BTreeMap<String, [f64; 2]>,
}

fn one() -> u64 {
    1
}

fn one_percent() -> f64 {
    0.01
}

impl Catalogue {
    /// The papers that come along, or those of a file.
    pub(super) fn read(file: Option<&Path>) -> Result<Self, CliError> {
        let mut all = Self::default();
        match file {
            None => {
                for (name, text) in BUILT_IN {
                    all.extend(Self::parse(name, text)?);
                }
            }
            Some(path) => {
                let name = format!("--catalogue {}", path.display());
                let text = std::fs::read_to_string(path)
                    .map_err(|error| CliError::input(format!("{name}: {error}")))?;
                all.extend(Self::parse(&name, &text)?);
            }
        }
        Ok(all)
    }

    fn parse(name: &str, text: &str) -> Result<Self, CliError> {
        let catalogue: Self = toml::from_str(text).map_err(|error| {
            CliError::input(format!("{name}: {}", error.to_string().trim_end()))
        })?;
        catalogue
            .check()
            .map_err(|problem| CliError::input(format!("{name}: {problem}")))?;
        Ok(catalogue)
    }

    fn extend(&mut self, other: Self) {
        self.tables.extend(other.tables);
        self.figures.extend(other.figures);
    }

    fn check(&self) -> Result<(), String> {
        for (kind, exhibits) in [("table", &self.tables), ("figure", &self.figures)] {
            for (position, exhibit) in exhibits.iter().enumerate() {
                let at = format!("{kind} `{}`", exhibit.name);
                let is_file_name = !exhibit.name.is_empty()
                    && exhibit
                        .name
                        .chars()
                        .all(|sign| sign.is_ascii_alphanumeric() || "-_".contains(sign));
                if !is_file_name || exhibit.name == ALL {
                    return Err(format!("{at}: expected a name of letters, digits, - and _"));
                }
                if exhibits[..position]
                    .iter()
                    .any(|other| other.name == exhibit.name)
                {
                    return Err(format!("{at} stands twice"));
                }
                let is_table = matches!(exhibit.view, View::Scores | View::Groups);
                if is_table != (kind == "table") {
                    return Err(format!(
                        "{at}: tables have the view `scores` or `groups`, figures `rows` or `levels`"
                    ));
                }
                exhibit
                    .check()
                    .map_err(|problem| format!("{at}: {problem}"))?;
            }
        }
        Ok(())
    }
}

impl Exhibit {
    fn check(&self) -> Result<(), String> {
        if self.rows.is_empty() || self.seeds == 0 {
            return Err("expected at least one row and one seed".to_owned());
        }
        for (position, row) in self.rows.iter().enumerate() {
            if self.rows[..position]
                .iter()
                .any(|other| other.name == row.name)
            {
                return Err(format!("row `{}` stands twice", row.name));
            }
            if let Some(column) = row
                .published
                .keys()
                .find(|column| !self.corpora.contains(column))
            {
                return Err(format!(
                    "row `{}` has figures for `{column}`, which is not among `corpora`",
                    row.name
                ));
            }
        }
        match &self.against {
            Some(name) if !self.rows.iter().any(|row| row.name == *name) => {
                Err(format!("there is no row `{name}` to test against"))
            }
            _ => Ok(()),
        }
    }
}

/// The exhibits with these names, in the order asked for; `all` are all of them.
pub(super) fn choose(
    option: &str,
    exhibits: &[Exhibit],
    names: &[String],
) -> Result<Vec<Exhibit>, CliError> {
    let mut chosen: Vec<Exhibit> = Vec::new();
    for name in names {
        let before = chosen.len();
        for exhibit in exhibits
            .iter()
            .filter(|exhibit| name == ALL || exhibit.name == *name)
        {
            if !chosen.iter().any(|known| known.name == exhibit.name) {
                chosen.push(exhibit.clone());
            }
        }
        let is_known = name == ALL || exhibits.iter().any(|exhibit| exhibit.name == *name);
        if chosen.len() == before && !is_known {
            let known: Vec<&str> = exhibits
                .iter()
                .map(|exhibit| exhibit.name.as_str())
                .collect();
            return Err(CliError::input(format!(
                "{option}: found `{name}`, expected {ALL} or one of {}",
                known.join(", ")
            )));
        }
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_are_all_there() {
        let catalogue = Catalogue::read(None).unwrap();
        let names = |exhibits: &[Exhibit]| {
            exhibits
                .iter()
                .map(|exhibit| exhibit.name.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            names(&catalogue.tables),
            [
                "hiagm-2",
                "hiagm-3",
                "hiagm-4",
                "hiagm-5",
                "htcinfomax-2",
                "htcinfomax-3",
                "himatch-2",
                "himatch-3",
                "himatch-4",
                "himatch-5",
                "himatch-6",
                "hgclr-2",
                "hgclr-3",
                "hgclr-4",
                "hgclr-5",
                "hbgl-2",
                "hbgl-3",
                "hbgl-4"
            ]
        );
        assert_eq!(
            names(&catalogue.figures),
            ["hiagm-4", "hiagm-5", "himatch-5", "hgclr-3", "hgclr-4"]
        );
        let rows: usize = catalogue.tables.iter().map(|table| table.rows.len()).sum();
        let of_words = 6 + 7 + 12 + 7 + 4 + 3 + 5 + 5 + 1 + 4 + 7;
        assert_eq!(rows, of_words + 5 + 6 + 4 + 4 + 3 + 4 + 3);
        for table in &catalogue.tables {
            for row in &table.rows {
                // Of these two the specification has no figures.
                let unknown = ["BERT + HTCInfoMax", "BERT + HiMatch"].contains(&row.name.as_str())
                    && table.name == "hgclr-2";
                assert_eq!(
                    row.published.is_empty(),
                    unknown,
                    "{}: {}",
                    table.name,
                    row.name
                );
                for figures in row.published.values() {
                    assert!(figures.iter().all(|figure| (30.0..100.0).contains(figure)));
                }
            }
        }
        for table in ["htcinfomax-2", "htcinfomax-3"] {
            let table = &choose("--table", &catalogue.tables, &[table.to_owned()]).unwrap()[0];
            assert_eq!((table.seeds, table.alpha), (8, 0.01));
        }
    }

    /// The same training under several names has the same published figures.
    #[test]
    fn the_tables_agree_with_each_other() {
        let catalogue = Catalogue::read(None).unwrap();
        let mut known: BTreeMap<String, ([f64; 2], String)> = BTreeMap::new();
        for table in catalogue
            .tables
            .iter()
            .filter(|table| table.view == View::Scores)
        {
            // Rows of the margins' table use another loss than the same names elsewhere.
            // HGCLR's ablations are figures of validation.
            if ["himatch-6", "hgclr-3", "hgclr-4", "hgclr-5"].contains(&table.name.as_str()) {
                continue;
            }
            // HiMatch's BERT is not HGCLR's.
            let own_bert = table.name.starts_with("himatch");
            for row in table.rows.iter().filter(|row| !(own_bert && row.encoder)) {
                for (corpus, figures) in &row.published {
                    let mut set = row.set.clone();
                    // What the schema's defaults are anyway.
                    for (key, value) in [
                        ("recursive_reg", true),
                        ("prior_trainable", true),
                        ("use_mi", true),
                        ("use_label_prior", true),
                    ] {
                        if set.get(key) == Some(&Value::Bool(value)) {
                            set.remove(key);
                        }
                    }
                    for (key, value) in [("prior_top_down", "prior"), ("prior_bottom_up", "one")] {
                        if set.get(key) == Some(&Value::from(value)) {
                            set.remove(key);
                        }
                    }
                    let key = format!(
                        "{} {} {corpus}",
                        row.method,
                        serde_json::to_string(&set).unwrap()
                    );
                    let here = format!("{}: {}", table.name, row.name);
                    let (first, place) =
                        known.entry(key).or_insert_with(|| (*figures, here.clone()));
                    assert_eq!(first, figures, "{here} and {place}");
                }
            }
        }
    }

    #[test]
    fn mistakes_in_a_file_are_named() {
        let row = "[[table.row]]\nname = \"a\"\nmethod = \"toy\"\n";
        for (text, problem) in [
            (
                "[[table]]\nname = \"t\"\ntitle = \"\"\n",
                "missing field `row`",
            ),
            (
                &format!("[[table]]\nname = \"t/u\"\ntitle = \"\"\n{row}"),
                "letters, digits",
            ),
            (
                &format!("[[table]]\nname = \"t\"\ntitle = \"\"\nagainst = \"b\"\n{row}"),
                "no row `b`",
            ),
            (
                &format!("[[table]]\nname = \"t\"\ntitle = \"\"\n{row}{row}"),
                "`a` stands twice",
            ),
            (
                &format!("[[table]]\nname = \"t\"\ntitle = \"\"\nview = \"levels\"\n{row}"),
                "tables have the view",
            ),
            (
                &format!(
                    "[[table]]\nname = \"t\"\ntitle = \"\"\n{row}published = {{ WOS = [1, 2] }}\n"
                ),
                "not among `corpora`",
            ),
        ] {
            let error = Catalogue::parse("papers.toml", text)
                .unwrap_err()
                .to_string();
            assert!(
                error.contains(problem) && error.contains("papers.toml"),
                "{error}"
            );
        }
        let error = choose("--table", &[], &["t".to_owned()]).unwrap_err();
        assert!(error.to_string().contains("found `t`"), "{error}");
    }
}
