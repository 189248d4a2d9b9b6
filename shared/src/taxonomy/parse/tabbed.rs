//! The two line formats with TABs. In both the string is the label's identity.

use super::super::{ROOT, TaxonomyError};
use super::{Draft, Place};

/// A field with the place where it starts.
type Field<'a> = (&'a str, Place);

/// A line: its first field, and the others.
struct Row<'a> {
    first: Field<'a>,
    others: Vec<Field<'a>>,
}

/// Lines that are not blank, with their fields. TABs at the end of a line are dropped and counted in a note.
fn rows<'a>(text: &'a str, draft: &mut Draft) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    let mut trailing: Option<(u64, u64)> = None;
    for (line, content) in (1..).zip(text.split('\n')) {
        let content = content.strip_suffix('\r').unwrap_or(content);
        if content.trim().is_empty() {
            continue;
        }
        let trimmed = content.trim_end_matches('\t');
        if trimmed.len() < content.len() {
            trailing.get_or_insert((0, line)).0 += 1;
        }
        let mut column = 1;
        let mut fields = trimmed.split('\t').map(|field| {
            let place = Place { line, column };
            column += field.len() as u64 + 1;
            (field, place)
        });
        if let Some(first) = fields.next() {
            let others = fields.collect();
            rows.push(Row { first, others });
        }
    }
    if let Some((n, first)) = trailing {
        draft.note(format!(
            "TABs at the end of lines were ignored: {n}, the first on line {first}"
        ));
    }
    rows
}

fn check_name<'a>((field, place): Field<'a>, what: &str) -> Result<&'a str, TaxonomyError> {
    if field.trim().is_empty() {
        return Err(place.syntax("an empty field", what));
    }
    Ok(field)
}

/// `child<TAB>parent`.
pub(super) fn child_parent(text: &str, draft: &mut Draft) -> Result<(), TaxonomyError> {
    let mut rows = rows(text, draft);
    if has_header(&rows) {
        draft.note("the first line was taken as a header");
        rows.remove(0);
    }
    for row in &rows {
        let (child, others) = (row.first, &row.others[..]);
        let &[parent] = others else {
            let place = others.get(1).unwrap_or(&child).1;
            let found = match others.len() {
                0 => "1 field".to_owned(),
                more => format!("{} fields", more + 1),
            };
            return Err(place.syntax(found, "2 fields: the label, a TAB and its parent"));
        };
        let id = check_name(child, "a label")?;
        let above = check_name(parent, "the parent of the label, or `Root`")?;
        if id == ROOT {
            return Err(child
                .1
                .syntax("`Root` as a child", "a label: the root has no parent"));
        }
        let label = draft.introduce(id, id, child.1);
        draft.connect(label, (above != ROOT).then_some(above), parent.1);
    }
    Ok(())
}

/// Whether the first line says `child<TAB>parent` and nothing else in the file uses these words.
fn has_header(rows: &[Row<'_>]) -> bool {
    let is = |field: &Field<'_>, word: &str| field.0.trim().eq_ignore_ascii_case(word);
    let Some((header, rest)) = rows.split_first() else {
        return false;
    };
    let [parent] = &header.others[..] else {
        return false;
    };
    is(&header.first, "child")
        && is(parent, "parent")
        && !rest
            .iter()
            .flat_map(|row| std::iter::once(&row.first).chain(&row.others))
            .any(|field| is(field, "child") || is(field, "parent"))
}

/// `parent<TAB>child<TAB>child…`.
pub(super) fn parent_children(text: &str, draft: &mut Draft) -> Result<(), TaxonomyError> {
    let rows = rows(text, draft);
    if let Some(first) = rows.first()
        && !rows.iter().any(|row| row.first.0 == ROOT)
    {
        let (found, place) = first.first;
        return Err(place.syntax(
            format!("`{found}` and no line that starts with `Root`"),
            "a line `Root<TAB>label<TAB>…`",
        ));
    }
    let mut own_line: rustc_hash::FxHashMap<&str, u64> = rustc_hash::FxHashMap::default();
    let mut without_children: Option<(u64, u64)> = None;
    let mut continued: Option<(u64, String)> = None;
    // Children first: a parent's own line may come before the line that introduces it.
    for row in &rows {
        let parent = check_name(row.first, "a parent, or `Root`")?;
        let line = row.first.1.line;
        if let Some(first) = own_line.insert(parent, line) {
            continued
                .get_or_insert_with(|| (0, format!("`{parent}` on lines {first} and {line}")))
                .0 += 1;
        }
        if row.others.is_empty() {
            without_children.get_or_insert((0, line)).0 += 1;
        }
        for &child in &row.others {
            let id = check_name(child, "a child of the first label of the line")?;
            if id == ROOT {
                return Err(child
                    .1
                    .syntax("`Root` as a child", "a label: the root has no parent"));
            }
            let label = draft.introduce(id, id, child.1);
            draft.connect(label, (parent != ROOT).then_some(parent), child.1);
        }
    }
    for row in &rows {
        let (parent, place) = row.first;
        if parent != ROOT && draft.find(parent).is_none() {
            return Err(place.syntax(
                format!("the parent `{parent}`, which is a child on no line"),
                "a label that is a child of `Root` or of another label",
            ));
        }
    }
    if let Some((n, first)) = without_children {
        draft.note(format!(
            "lines with a parent and no children were ignored: {n}, the first is line {first}"
        ));
    }
    if let Some((n, first)) = continued {
        draft.note(format!(
            "parents with several lines were joined: {n}, the first {first}"
        ));
    }
    Ok(())
}
