//! JSON: the canonical form, nested objects with `children`, and objects of objects.
//!
//! Values are visited as raw slices of the text, so that every fault is reported at its place. A label without
//! `id` is identified by its path; in a flat list with `parents` by its name.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::super::{ROOT, TaxonomyError};
use super::{Draft, MAX_DEPTH, Place, nesting, path_id};

pub(super) fn read(text: &str, draft: &mut Draft) -> Result<(), TaxonomyError> {
    // A level of labels is an object with a list.
    nesting::check(text, 2 * MAX_DEPTH + 2)?;
    let whole: &RawValue = serde_json::from_str(text).map_err(|error| syntax(text, &error))?;
    let mut reader = Reader {
        text,
        newlines: newlines(text),
        draft,
    };
    let top = Above {
        label: None,
        path: String::new(),
        depth: 0,
    };
    if !whole.get().starts_with('{') {
        return reader.children(whole, &top);
    }
    let entries = reader.entries(whole)?;
    let value = |key: &str| {
        entries
            .iter()
            .find(|(name, _)| name == key)
            .map(|&(_, value)| value)
    };
    let named = ["id", "name"]
        .into_iter()
        .filter_map(value)
        .find_map(scalar);
    let listed = ["labels", "taxonomy", "children"]
        .into_iter()
        .filter_map(value)
        .find(|value| is_container(value));
    match (named, listed) {
        (None, Some(listed)) => reader.children(listed, &top),
        (Some(name), Some(listed)) if name == ROOT => reader.children(listed, &top),
        (Some(_), _) => reader.node(whole, &top),
        (None, None) => match &entries[..] {
            [(key, value)] if key == ROOT => reader.children(value, &top),
            _ => reader.children(whole, &top),
        },
    }
}

/// The label under which values are read.
struct Above {
    /// Id; none below the root.
    label: Option<String>,
    /// Names so far, as a path id.
    path: String,
    depth: usize,
}

type Entry<'a> = (Cow<'a, str>, &'a RawValue);

struct Reader<'a, 'd> {
    text: &'a str,
    newlines: Vec<usize>,
    draft: &'d mut Draft,
}

impl<'a> Reader<'a, '_> {
    fn place(&self, value: &RawValue) -> Place {
        // Raw values are slices of `text`.
        let offset = (value.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let line = self.newlines.partition_point(|&newline| newline < offset);
        let line_start = line
            .checked_sub(1)
            .and_then(|before| self.newlines.get(before))
            .map_or(0, |newline| newline + 1);
        Place {
            line: line as u64 + 1,
            column: (offset - line_start) as u64 + 1,
        }
    }

    fn entries(&self, object: &'a RawValue) -> Result<Vec<Entry<'a>>, TaxonomyError> {
        let mut deserializer = serde_json::Deserializer::from_str(object.get());
        let entries = deserializer.deserialize_map(Entries);
        entries.map_err(|error| {
            self.place(object)
                .syntax(excerpt(object), format!("a valid object ({error})"))
        })
    }

    fn elements(&self, array: &'a RawValue) -> Result<Vec<&'a RawValue>, TaxonomyError> {
        serde_json::from_str(array.get()).map_err(|error| {
            self.place(array)
                .syntax(excerpt(array), format!("a valid array ({error})"))
        })
    }

    /// A list of nodes, or an object whose keys are the names of the labels.
    fn children(&mut self, value: &'a RawValue, above: &Above) -> Result<(), TaxonomyError> {
        if above.depth > MAX_DEPTH {
            return Err(self
                .place(value)
                .syntax("deeper nesting", format!("at most {MAX_DEPTH} levels")));
        }
        match value.get().as_bytes().first() {
            Some(b'n') => Ok(()),
            Some(b'[') => self
                .elements(value)?
                .into_iter()
                .try_for_each(|element| self.node(element, above)),
            Some(b'{') => self
                .entries(value)?
                .into_iter()
                .try_for_each(|(key, value)| self.keyed(&key, value, above)),
            _ => Err(self
                .place(value)
                .syntax(excerpt(value), "a list or an object of labels")),
        }
    }

    /// An element of a list: a name, or an object with `id`, `name`, `parents`, `children`; else an object of labels.
    fn node(&mut self, value: &'a RawValue, above: &Above) -> Result<(), TaxonomyError> {
        if let Some(name) = scalar(value) {
            return self.label(
                value,
                &Fields {
                    name: Some(name),
                    ..Fields::default()
                },
                above,
            );
        }
        if !value.get().starts_with('{') {
            return Err(self
                .place(value)
                .syntax(excerpt(value), "a label: an object or a name"));
        }
        let entries = self.entries(value)?;
        let fields = self.fields(&entries)?;
        if fields.is_node() {
            return self.label(value, &fields, above);
        }
        if entries.is_empty() || fields.children.is_some() || fields.parents.is_some() {
            return Err(self
                .place(value)
                .syntax("a label without `id` and `name`", "at least one of them"));
        }
        self.children(value, above)
    }

    /// `"name": value` in an object of labels.
    fn keyed(
        &mut self,
        key: &str,
        value: &'a RawValue,
        above: &Above,
    ) -> Result<(), TaxonomyError> {
        if key.is_empty() {
            return Err(self
                .place(value)
                .syntax("an empty name", "the name of a label"));
        }
        let named = Fields {
            name: Some(key.to_owned()),
            ..Fields::default()
        };
        if value.get().starts_with('{') {
            let entries = self.entries(value)?;
            let fields = self.fields(&entries)?;
            if fields.is_node() || fields.children.is_some_and(is_container) {
                let name = fields.name.clone().or(named.name);
                return self.label(value, &Fields { name, ..fields }, above);
            }
        }
        self.label(
            value,
            &Fields {
                children: Some(value),
                ..named
            },
            above,
        )
    }

    fn fields(&self, entries: &[Entry<'a>]) -> Result<Fields<'a>, TaxonomyError> {
        let value = |key: &str| {
            entries
                .iter()
                .find(|(name, _)| name == key)
                .map(|&(_, value)| value)
        };
        let parents = match (value("parents"), value("parent")) {
            (Some(list), _) if list.get().starts_with('[') => Some(self.elements(list)?),
            (Some(one), _) | (None, Some(one)) if is_null(one) => Some(Vec::new()),
            (Some(one), _) | (None, Some(one)) => scalar(one).map(|_| vec![one]),
            (None, None) => None,
        };
        Ok(Fields {
            id: value("id").and_then(scalar),
            name: ["name", "label"]
                .into_iter()
                .filter_map(value)
                .find_map(scalar),
            parents,
            children: value("children"),
            details: value("details").filter(|value| value.get().starts_with('{')),
        })
    }

    fn label(
        &mut self,
        value: &'a RawValue,
        fields: &Fields<'a>,
        above: &Above,
    ) -> Result<(), TaxonomyError> {
        let place = self.place(value);
        let (id, name) = match (&fields.id, &fields.name) {
            (Some(id), name) => (id.clone(), name.clone().unwrap_or_else(|| id.clone())),
            (None, Some(name)) if fields.parents.is_some() => (name.clone(), name.clone()),
            (None, Some(name)) => (path_id(&above.path, name), name.clone()),
            (None, None) => return Err(place.syntax(excerpt(value), "a label with `id` or `name`")),
        };
        if id.is_empty() {
            return Err(place.syntax("an empty id", "the id of a label"));
        }
        if let Some(known) = self.draft.label(&id) {
            let may_repeat =
                fields.parents.is_none() && (fields.id.is_none() || above.label.is_some());
            if !may_repeat {
                return Err(place.duplicate(id));
            }
            let first = &known.name;
            if *first != name {
                let found = format!("`{id}` with the name `{name}`");
                return Err(place.syntax(found, format!("the name `{first}`, which it had before")));
            }
        }
        let label = self.draft.introduce(&id, &name, place);
        if let Some(value) = fields.details {
            let details = serde_json::from_str(value.get()).map_err(|error| {
                self.place(value)
                    .syntax(excerpt(value), format!("details of a label ({error})"))
            })?;
            self.draft.describe(label, details);
        }
        let listed = fields.parents.as_deref().unwrap_or_default();
        if above.label.is_some() || listed.is_empty() {
            self.draft.connect(label, above.label.as_deref(), place);
        }
        for &parent in listed {
            let place = self.place(parent);
            let id = scalar(parent)
                .ok_or_else(|| place.syntax(excerpt(parent), "the id of a parent"))?;
            self.draft.connect(label, Some(&id), place);
        }
        if let Some(children) = fields.children {
            let path = path_id(&above.path, &name);
            self.children(
                children,
                &Above {
                    label: Some(id),
                    path,
                    depth: above.depth + 1,
                },
            )?;
        }
        Ok(())
    }
}

/// What an object says about a label.
#[derive(Default)]
struct Fields<'a> {
    id: Option<String>,
    name: Option<String>,
    parents: Option<Vec<&'a RawValue>>,
    children: Option<&'a RawValue>,
    details: Option<&'a RawValue>,
}

impl Fields<'_> {
    fn is_node(&self) -> bool {
        self.id.is_some() || self.name.is_some()
    }
}

/// A string, or a number as text.
fn scalar(value: &RawValue) -> Option<String> {
    match value.get().as_bytes().first()? {
        b'"' => serde_json::from_str(value.get()).ok(),
        b'-' | b'0'..=b'9' => Some(value.get().to_owned()),
        _ => None,
    }
}

fn is_null(value: &RawValue) -> bool {
    value.get() == "null"
}

fn is_container(value: &RawValue) -> bool {
    value.get().starts_with(['[', '{'])
}

fn excerpt(value: &RawValue) -> String {
    let mut text: String = value.get().chars().take(40).collect();
    if text.len() < value.get().len() {
        text.push('…');
    }
    format!("`{text}`")
}

fn newlines(text: &str) -> Vec<usize> {
    text.bytes()
        .enumerate()
        .filter(|&(_, byte)| byte == b'\n')
        .map(|(offset, _)| offset)
        .collect()
}

fn syntax(text: &str, error: &serde_json::Error) -> TaxonomyError {
    let (line, column) = (error.line().max(1), error.column().max(1));
    let message = error.to_string();
    let message = message
        .split(" at line ")
        .next()
        .unwrap_or_default()
        .to_owned();
    let content = text.lines().nth(line - 1).unwrap_or_default();
    let rest = content.get(column - 1..).filter(|rest| !rest.is_empty());
    let found = rest.map_or("the end of the line".to_owned(), |rest| {
        format!("`{}`", rest.chars().take(20).collect::<String>())
    });
    Place {
        line: line as u64,
        column: column as u64,
    }
    .syntax(found, format!("valid JSON ({message})"))
}

/// Keeps the order of an object's keys.
struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Vec<Entry<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
            entries.push((key.0, value));
        }
        Ok(entries)
    }
}

/// A key, borrowed unless it holds escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
