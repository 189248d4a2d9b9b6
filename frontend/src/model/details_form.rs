//! What is known of a label, as a form: only fields that were changed are sent, so that two people can change different
//! ones at once.

use arborist_shared::edits::DetailsChange;
use arborist_shared::taxonomy::{LabelDetails, LabelName, LabelText, NameKind};

/// The kinds of names, as they stand in a form.
pub const KINDS: [(NameKind, &str, &str); 3] = [
    (NameKind::Preferred, "preferred", "Shown in its language"),
    (NameKind::Alternative, "alternative", "Another word for it"),
    (NameKind::Hidden, "hidden", "Found, but not shown"),
];

/// The word of a kind.
pub fn kind_word(kind: NameKind) -> &'static str {
    KINDS
        .iter()
        .find(|(other, ..)| *other == kind)
        .map_or("", |(_, word, _)| word)
}

/// The kind of a word.
pub fn kind_of(word: &str) -> NameKind {
    KINDS
        .iter()
        .find(|(_, other, _)| *other == word)
        .map_or(NameKind::Alternative, |(kind, ..)| *kind)
}

fn texts(texts: &[LabelText]) -> Vec<LabelText> {
    let trimmed = texts.iter().map(|text| LabelText {
        text: text.text.trim().to_owned(),
        language: text.language.trim().to_owned(),
    });
    trimmed.filter(|text| !text.text.is_empty()).collect()
}

fn names(names: &[LabelName]) -> Vec<LabelName> {
    let trimmed = names.iter().map(|name| LabelName {
        name: name.name.trim().to_owned(),
        language: name.language.trim().to_owned(),
        kind: name.kind,
    });
    trimmed.filter(|name| !name.name.is_empty()).collect()
}

/// What was changed in the form; none where nothing was. Lines that were left empty are no lines.
pub fn change(before: &LabelDetails, after: &LabelDetails) -> Option<DetailsChange> {
    fn other<T: PartialEq>(before: &T, after: T) -> Option<T> {
        (*before != after).then_some(after)
    }
    let change = DetailsChange {
        language: other(&before.language, after.language.trim().to_owned()),
        names: other(&before.names, names(&after.names)),
        definitions: other(&before.definitions, texts(&after.definitions)),
        notes: other(&before.notes, texts(&after.notes)),
        examples: other(&before.examples, texts(&after.examples)),
        notation: other(&before.notation, after.notation.trim().to_owned()),
        related: other(&before.related, after.related.clone()),
    };
    (change != DetailsChange::default()).then_some(change)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_changed_is_sent() {
        let before = LabelDetails {
            notation: "598".into(),
            notes: vec![LabelText {
                text: "Birds of the night.".into(),
                language: "en".into(),
            }],
            ..LabelDetails::default()
        };
        assert_eq!(change(&before, &before), None);
        let mut after = before.clone();
        after.names.push(LabelName {
            name: " Eulen ".into(),
            language: "de".into(),
            kind: NameKind::Preferred,
        });
        after.notes.push(LabelText::default());
        let sent = change(&before, &after).expect("a change");
        let names = sent.names.expect("names");
        assert_eq!((names.len(), names[0].name.as_str()), (1, "Eulen"));
        assert_eq!(sent.notes, None, "an empty line is no change");
        after.notation = String::new();
        let sent = change(&before, &after).expect("a change");
        assert_eq!(sent.notation.as_deref(), Some(""), "it is taken away");
    }

    #[test]
    fn kinds_are_read_back() {
        for (kind, word, _) in KINDS {
            assert_eq!((kind_of(word), kind_word(kind)), (kind, word));
        }
    }
}
