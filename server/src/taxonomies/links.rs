//! Links by which other tools read the newest taxonomy of a project, live.
//!
//! What is answered is Label Studio's protocol for remote taxonomies: items with `value`, `alias`, `isLeaf`, and the
//! children of one node at a time. A link holds an unguessable secret in its address, since a browser of another tool has
//! no other way to show it; it shows names and notes of labels and nothing else, until it is revoked.

use arborist_shared::LabelIndex;
use arborist_shared::api::taxonomies::{RemoteItem, RemoteItems};
use arborist_shared::taxonomy::Taxonomy;

use crate::http::problem::{ApiError, Code};

/// The items below a path of ids; below the root where it is empty.
///
/// # Errors
/// `label_not_found` when the path leads nowhere.
pub(super) fn items(taxonomy: &Taxonomy, path: &[&str]) -> Result<RemoteItems, ApiError> {
    let mut above: Option<LabelIndex> = None;
    for id in path {
        let label = taxonomy.index_of(id).filter(|&label| match above {
            None => taxonomy.parents(label).is_empty(),
            Some(above) => taxonomy.parents(label).contains(&above),
        });
        let label = label.ok_or_else(|| {
            let place = above.map_or("the root".to_owned(), |above| {
                format!("`{}`", taxonomy.id(above))
            });
            ApiError::new(
                Code::LabelNotFound,
                format!("found `{id}` in `path`, expected the id of a label below {place}"),
            )
        })?;
        above = Some(label);
    }
    let in_use = in_use(taxonomy);
    let is_shown = |label: &LabelIndex| in_use.get(*label as usize).copied().unwrap_or(false);
    let below = match above {
        None => taxonomy.top_level(),
        Some(above) => taxonomy.children(above),
    };
    let items = below.iter().copied().filter(is_shown).map(|label| {
        let details = taxonomy.details(label);
        let texts = details.and_then(|details| {
            let texts = details.definitions.iter().chain(&details.notes);
            texts.map(|text| text.text.clone()).next()
        });
        RemoteItem {
            value: taxonomy.name(label).to_owned(),
            alias: taxonomy.id(label).to_owned(),
            is_leaf: !taxonomy.children(label).iter().any(is_shown),
            hint: texts,
        }
    });
    Ok(RemoteItems {
        items: items.collect(),
    })
}

/// Which labels are to be chosen from: those in use, and deprecated ones above such.
fn in_use(taxonomy: &Taxonomy) -> Vec<bool> {
    let mut shown = vec![false; taxonomy.len()];
    for &label in taxonomy.topological().iter().rev() {
        let any_below = taxonomy
            .children(label)
            .iter()
            .any(|&child| shown.get(child as usize).copied().unwrap_or(false));
        if let Some(shown) = shown.get_mut(label as usize) {
            *shown = any_below || !taxonomy.is_deprecated(label);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use arborist_shared::taxonomy::parse;

    use super::*;

    #[test]
    fn deprecated_labels_are_not_offered() {
        let text = r#"[{"id":"a","children":[{"id":"a1","details":{"deprecated":true}}]},{"id":"b","details":{"deprecated":true},"children":[{"id":"b1","details":{"notes":[{"text":"Barn."}]}}]}]"#;
        let taxonomy = parse(text.as_bytes(), None).unwrap().taxonomy;
        let shown = |path: &[&str]| -> Vec<(String, bool)> {
            let items = items(&taxonomy, path).unwrap().items.into_iter();
            items.map(|item| (item.alias, item.is_leaf)).collect()
        };
        assert_eq!(
            shown(&[]),
            [("a".to_owned(), true), ("b".to_owned(), false)]
        );
        assert_eq!(shown(&["a"]), []);
        assert_eq!(shown(&["b"]), [("b1".to_owned(), true)]);
        for path in [&["b1"][..], &["a", "b1"], &["c"]] {
            assert!(items(&taxonomy, path).is_err(), "{path:?}");
        }
    }
}
