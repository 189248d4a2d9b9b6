//! What people do to a draft, for those who read it: what an edit is about, what it says, what is in force, and whether
//! two edits get in each other's way.

use std::collections::{BTreeMap, BTreeSet};

use arborist_shared::api::drafts::{DraftEntry, EntryKind};
use arborist_shared::edits::{Edit, ModelChange, Rule};

/// Labels that an edit is about, by their ids: two edits that have one in common may contradict each other.
pub fn concerns(edit: &Edit) -> BTreeSet<String> {
    let mut ids = BTreeSet::from([edit.label().to_owned()]);
    match edit {
        Edit::Move {
            parent,
            from,
            before,
            ..
        } => ids.extend(parent.iter().chain(from).chain(before).cloned()),
        Edit::Merge { labels, .. } => ids.extend(labels.iter().cloned()),
        Edit::Split { into, .. } => {
            ids.extend(into.iter().map(|part| part.id.clone()));
            ids.extend(into.iter().flat_map(|part| part.children.iter().cloned()));
        }
        Edit::Add {
            parents, before, ..
        } => ids.extend(parents.iter().chain(before).cloned()),
        Edit::Deprecate { replaced_by, .. } => ids.extend(replaced_by.iter().cloned()),
        Edit::AddParent { parent, .. }
        | Edit::RemoveParent { parent, .. }
        | Edit::SetPrimaryParent { parent, .. } => {
            ids.insert(parent.clone());
        }
        Edit::Describe { details, .. } => {
            ids.extend(details.related.iter().flatten().cloned());
        }
        Edit::Rename { .. } | Edit::Delete { .. } => {}
    }
    ids
}

/// Whether an edit puts labels elsewhere, and does not only say something else of one.
pub fn is_structural(edit: &Edit) -> bool {
    !matches!(
        edit,
        Edit::Rename { .. } | Edit::Describe { .. } | Edit::Deprecate { .. }
    )
}

/// What others did to the same labels.
pub fn in_the_way<'a>(
    edits: &[Edit],
    meanwhile: &'a [DraftEntry],
) -> impl Iterator<Item = &'a DraftEntry> {
    let mine: BTreeSet<String> = edits.iter().flat_map(concerns).collect();
    meanwhile
        .iter()
        .filter(move |entry| !concerns(&entry.edit).is_disjoint(&mine))
}

/// The edits in force, in the order in which they are done.
pub fn in_force(entries: &[DraftEntry]) -> Vec<&DraftEntry> {
    let mut state: BTreeMap<i64, (&DraftEntry, bool)> = BTreeMap::new();
    for entry in entries {
        match entry.kind {
            EntryKind::Edit => {
                state.insert(entry.revision, (entry, true));
            }
            EntryKind::Undo | EntryKind::Redo => {
                if let Some((_, on)) = state.get_mut(&entry.of) {
                    *on = entry.kind == EntryKind::Redo;
                }
            }
        }
    }
    let on = state.into_values().filter(|(_, on)| *on);
    on.map(|(entry, _)| entry).collect()
}

/// Edits of a person that undoing and redoing would turn next: as the server chooses them.
pub fn turns<'a>(
    entries: &'a [DraftEntry],
    author: &str,
) -> (Option<&'a DraftEntry>, Option<&'a DraftEntry>) {
    let (mut done, mut undone): (Vec<&DraftEntry>, Vec<&DraftEntry>) = (Vec::new(), Vec::new());
    let find = |of: i64| entries.iter().find(|entry| entry.revision == of);
    for entry in entries {
        let Some(edit) = find(entry.of).filter(|edit| edit.author == author) else {
            continue;
        };
        match entry.kind {
            EntryKind::Edit => {
                undone.clear();
                done.push(edit);
            }
            EntryKind::Undo => {
                done.retain(|other| other.revision != edit.revision);
                undone.push(edit);
            }
            EntryKind::Redo => {
                undone.retain(|other| other.revision != edit.revision);
                done.push(edit);
                done.sort_by_key(|edit| edit.revision);
            }
        }
    }
    (done.last().copied(), undone.last().copied())
}

/// Names that edits give to labels, by id.
pub fn given_names<'a>(edits: impl Iterator<Item = &'a Edit>) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for edit in edits {
        match edit {
            Edit::Add { id, name, .. } if !name.is_empty() => {
                names.insert(id.clone(), name.clone());
            }
            Edit::Split { into, .. } => {
                let parts = into.iter().filter(|part| !part.name.is_empty());
                names.extend(parts.map(|part| (part.id.clone(), part.name.clone())));
            }
            _ => {}
        }
    }
    names
}

/// Names in quotation marks: `“a”, “b” and “c”`, shortened where there are many.
pub fn listed(names: &[String]) -> String {
    const SHOWN: usize = 3;
    let quoted: Vec<String> = names.iter().map(|name| format!("“{name}”")).collect();
    if quoted.len() > SHOWN + 1 {
        let shown = quoted[..SHOWN].join(", ");
        return format!("{shown} and {} more", quoted.len() - SHOWN);
    }
    match quoted.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// An edit in words; `name` knows what labels are called.
pub fn sentence(edit: &Edit, name: &dyn Fn(&str) -> String) -> String {
    let quoted = |id: &str| format!("“{}”", name(id));
    let list = |ids: &mut dyn Iterator<Item = &String>| {
        let names: Vec<String> = ids.map(|id| name(id)).collect();
        listed(&names)
    };
    match edit {
        Edit::Rename { label, name: to } => format!("Rename {} to “{to}”", quoted(label)),
        Edit::Move {
            label,
            parent: Some(parent),
            before: Some(before),
            ..
        } => format!(
            "Move {} below {}, before {}",
            quoted(label),
            quoted(parent),
            quoted(before)
        ),
        Edit::Move {
            label,
            parent: Some(parent),
            ..
        } => format!("Move {} below {}", quoted(label), quoted(parent)),
        Edit::Move {
            label,
            parent: None,
            before: Some(before),
            ..
        } => format!(
            "Move {} to the top level, before {}",
            quoted(label),
            quoted(before)
        ),
        Edit::Move { label, .. } => format!("Move {} to the top level", quoted(label)),
        Edit::Merge { labels, into } => {
            format!("Merge {} into {}", list(&mut labels.iter()), quoted(into))
        }
        Edit::Split { label, into, keep } => {
            let parts: Vec<String> = into
                .iter()
                .map(|part| {
                    if part.name.is_empty() {
                        part.id.clone()
                    } else {
                        part.name.clone()
                    }
                })
                .collect();
            let kept = if *keep { ", which stay below it" } else { "" };
            format!("Split {} into {}{kept}", quoted(label), listed(&parts))
        }
        Edit::Add {
            id, name, parents, ..
        } => {
            let shown = if name.is_empty() { id } else { name };
            match parents.as_slice() {
                [] => format!("Add “{shown}” at the top level"),
                parents => format!("Add “{shown}” below {}", list(&mut parents.iter())),
            }
        }
        Edit::Delete {
            label,
            with_descendants,
            ..
        } => {
            let rest = if *with_descendants {
                " with everything below it"
            } else {
                ""
            };
            format!("Delete {}{rest}", quoted(label))
        }
        Edit::Deprecate {
            label,
            deprecated: false,
            ..
        } => format!("Use {} again", quoted(label)),
        Edit::Deprecate {
            label,
            replaced_by: Some(other),
            ..
        } => format!("Deprecate {} in favor of {}", quoted(label), quoted(other)),
        Edit::Deprecate { label, .. } => format!("Deprecate {}", quoted(label)),
        Edit::AddParent { label, parent } => {
            format!("Put {} below {} as well", quoted(label), quoted(parent))
        }
        Edit::RemoveParent { label, parent } => {
            format!("Take {} away from {}", quoted(label), quoted(parent))
        }
        Edit::SetPrimaryParent { label, parent } => {
            format!(
                "Make {} the first parent of {}",
                quoted(parent),
                quoted(label)
            )
        }
        Edit::Describe { label, details } => {
            let fields = [
                ("the language", details.language.is_some()),
                ("names", details.names.is_some()),
                ("definitions", details.definitions.is_some()),
                ("notes", details.notes.is_some()),
                ("examples", details.examples.is_some()),
                ("the notation", details.notation.is_some()),
                ("related labels", details.related.is_some()),
            ];
            let changed: Vec<&str> = fields
                .iter()
                .filter(|(_, is_changed)| *is_changed)
                .map(|(field, _)| *field)
                .collect();
            format!("Change {} of {}", changed.join(", "), quoted(label))
        }
    }
}

/// Every label that an edit names.
pub fn named(edits: &[Edit]) -> Vec<String> {
    let ids: BTreeSet<String> = edits.iter().flat_map(concerns).collect();
    ids.into_iter().collect()
}

/// What happens to documents, in words.
pub fn rule_words(rule: Rule) -> &'static str {
    match rule {
        Rule::Keep => "keep the label",
        Rule::RecomputeAncestors => "keep the label, get its new ancestors",
        Rule::Union => "get the label that it goes into",
        Rule::Split => "get its parents and wait for a person",
        Rule::RollUp => "get its parents",
        Rule::RollUpAndReview => "get its parents, a person looks at them",
    }
}

/// What happens to models until they are trained again, in words.
pub fn model_words(change: ModelChange) -> &'static str {
    match change {
        ModelChange::None => "nothing changes",
        ModelChange::NamesChanged => "same scores; methods that read names have read the old one",
        ModelChange::StructureChanged => "same scores over another hierarchy",
        ModelChange::Combined => "the highest score counts",
        ModelChange::StopsAtParent => "predict its parents",
        ModelChange::Masked => "no longer predict it",
        ModelChange::NewLabel => "cannot predict it yet",
    }
}

/// An id for a new label: as those around it are, and made of its name.
///
/// Ids that are paths go on with the name; others are its words. `taken` is said of ids that labels have.
pub fn new_id(name: &str, parent: Option<(&str, &str)>, taken: &dyn Fn(&str) -> bool) -> String {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let separator = parent.and_then(|(id, parent)| {
        let start = id.strip_suffix(parent)?;
        let separator = start.chars().next_back()?;
        (!separator.is_alphanumeric()).then_some(separator)
    });
    let wanted = match (parent, separator) {
        (Some((id, _)), Some(separator)) => format!("{id}{separator}{name}"),
        _ => name,
    };
    if wanted.is_empty() || !taken(&wanted) {
        return wanted;
    }
    (2..)
        .map(|number| format!("{wanted} {number}"))
        .find(|id| !taken(id))
        .unwrap_or(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rename(label: &str, name: &str) -> Edit {
        Edit::Rename {
            label: label.into(),
            name: name.into(),
        }
    }

    fn to(label: &str, parent: Option<&str>) -> Edit {
        Edit::Move {
            label: label.into(),
            parent: parent.map(str::to_owned),
            from: None,
            before: None,
        }
    }

    fn entry(revision: i64, kind: EntryKind, of: i64, author: &str, edit: Edit) -> DraftEntry {
        DraftEntry {
            revision,
            kind,
            edit,
            of,
            author: author.into(),
            at: String::new(),
        }
    }

    fn history() -> Vec<DraftEntry> {
        vec![
            entry(1, EntryKind::Edit, 1, "ann", rename("a", "A")),
            entry(2, EntryKind::Edit, 2, "ben", to("b", Some("a"))),
            entry(3, EntryKind::Edit, 3, "ann", rename("c", "C")),
            entry(4, EntryKind::Undo, 3, "ann", rename("c", "C")),
        ]
    }

    #[test]
    fn what_is_in_force_and_what_is_turned_next() {
        let mut entries = history();
        let revisions = |entries: &[DraftEntry]| {
            in_force(entries)
                .iter()
                .map(|entry| entry.revision)
                .collect::<Vec<_>>()
        };
        let next = |entries: &[DraftEntry], author: &str| {
            let (undo, redo) = turns(entries, author);
            (undo.map(|e| e.revision), redo.map(|e| e.revision))
        };
        assert_eq!(revisions(&entries), [1, 2]);
        assert_eq!(next(&entries, "ann"), (Some(1), Some(3)));
        assert_eq!(next(&entries, "ben"), (Some(2), None));
        entries.push(entry(5, EntryKind::Redo, 3, "ann", rename("c", "C")));
        assert_eq!(revisions(&entries), [1, 2, 3]);
        assert_eq!(next(&entries, "ann"), (Some(3), None));
        entries.push(entry(6, EntryKind::Undo, 1, "ann", rename("a", "A")));
        entries.push(entry(7, EntryKind::Edit, 7, "ann", rename("d", "D")));
        assert_eq!(
            next(&entries, "ann"),
            (Some(7), None),
            "a new edit is not gone on from what was undone before"
        );
    }

    #[test]
    fn edits_of_the_same_label_get_in_each_others_way() {
        let entries = history();
        let found = |edit: Edit| {
            in_the_way(&[edit], &entries)
                .map(|entry| entry.revision)
                .collect::<Vec<_>>()
        };
        assert_eq!(found(rename("a", "Z")), [1, 2], "also as a new parent");
        assert_eq!(found(rename("x", "Z")), [] as [i64; 0]);
        assert_eq!(found(to("x", Some("c"))), [3, 4]);
        let merge = Edit::Merge {
            labels: vec!["b".into()],
            into: "x".into(),
        };
        assert_eq!(found(merge), [2]);
    }

    #[test]
    fn edits_read_as_sentences() {
        let name = |id: &str| id.to_uppercase();
        let said = |edit: &Edit| sentence(edit, &name);
        assert_eq!(said(&rename("a", "Owls")), "Rename “A” to “Owls”");
        assert_eq!(said(&to("a", None)), "Move “A” to the top level");
        assert_eq!(said(&to("a", Some("b"))), "Move “A” below “B”");
        let merge = Edit::Merge {
            labels: vec!["a".into(), "b".into(), "c".into()],
            into: "d".into(),
        };
        assert_eq!(said(&merge), "Merge “A”, “B” and “C” into “D”");
        let many: Vec<String> = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
        assert_eq!(listed(&many), "“a”, “b”, “c” and 2 more");
    }

    #[test]
    fn new_ids_are_like_those_around_them() {
        let taken = |id: &str| matches!(id, "Owls" | "Owls 2" | "Animals/Owls");
        assert_eq!(new_id(" Barn  owls ", None, &taken), "Barn owls");
        assert_eq!(new_id("Owls", None, &taken), "Owls 3");
        assert_eq!(
            new_id("Bats", Some(("Nature/Animals", "Animals")), &taken),
            "Nature/Animals/Bats"
        );
        assert_eq!(
            new_id("Bats", Some(("animals", "Animals")), &taken),
            "Bats",
            "an id that is no path says nothing"
        );
        assert_eq!(new_id("Bats", Some(("Animals", "Animals")), &taken), "Bats");
    }
}
