//! Ids of labels as IRIs, for formats that know nothing else.
//!
//! An id that is an absolute IRI stands for itself. Any other becomes one below [`BASE`], with everything but letters,
//! digits, `-`, `.`, `_` and `~` as percent-encoded bytes, and back again.

use std::borrow::Cow;

/// Where ids go that are no IRIs, and what relative IRIs of a file are resolved against.
pub(super) const BASE: &str = "urn:arborist:import:";

/// The IRI of a label.
pub(super) fn of_id(id: &str) -> Cow<'_, str> {
    if is_absolute(id) && !id.starts_with(BASE) {
        return Cow::Borrowed(id);
    }
    let mut iri = String::with_capacity(BASE.len() + id.len());
    iri.push_str(BASE);
    encode(id, &mut iri);
    Cow::Owned(iri)
}

/// The id that a label with this IRI has here.
pub(super) fn to_id(iri: &str) -> String {
    let decoded = iri.strip_prefix(BASE).and_then(decode);
    // Only what [`of_id`] would write again: two IRIs never become one id.
    decoded
        .filter(|id| *of_id(id) == *iri)
        .unwrap_or_else(|| iri.to_owned())
}

/// The last part of an IRI, to show where a label has no name.
pub(super) fn last_part(iri: &str) -> &str {
    let part = iri
        .trim_end_matches(['/', '#'])
        .rsplit(['/', '#', ':'])
        .next();
    part.filter(|part| !part.is_empty()).unwrap_or(iri)
}

fn is_kept(character: char) -> bool {
    match character {
        '-' | '.' | '_' | '~' => true,
        character if character.is_ascii() => character.is_ascii_alphanumeric(),
        character => character.is_alphanumeric() && !is_private(character),
    }
}

/// What an IRI may not hold although it is no ASCII.
fn is_private(character: char) -> bool {
    !matches!(u32::from(character), 0xA0..=0xD7FF | 0xF900..=0xFDCF | 0xFDF0..=0xFFEF | 0x1_0000..=0xD_FFFD)
}

fn encode(id: &str, iri: &mut String) {
    let mut bytes = [0; 4];
    for character in id.chars() {
        if is_kept(character) {
            iri.push(character);
        } else {
            for byte in character.encode_utf8(&mut bytes).bytes() {
                iri.push_str(&format!("%{byte:02X}"));
            }
        }
    }
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// Whether an id is an absolute IRI that every reader takes as it is. Cautious: where it says no, the id is encoded.
fn is_absolute(id: &str) -> bool {
    let Some((scheme, rest)) = id.split_once(':') else {
        return false;
    };
    let is_scheme = scheme
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    // Longer than one letter: `C:notes` is no IRI that anybody meant.
    if !is_scheme || scheme.len() < 2 || rest.is_empty() {
        return false;
    }
    if let Some(authority) = rest.strip_prefix("//") {
        let host = authority.split(['/', '?', '#']).next().unwrap_or_default();
        let (host, port) = host.split_once(':').unwrap_or((host, ""));
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        if host.is_empty()
            || !host.bytes().all(is_host)
            || !port.bytes().all(|b| b.is_ascii_digit())
        {
            return false;
        }
    }
    let has_dots = rest
        .split(['/', '?', '#'])
        .any(|part| part == "." || part == "..");
    let percents = rest.split('%').skip(1);
    let mut escapes =
        percents.map(|after| after.bytes().take(2).filter(u8::is_ascii_hexdigit).count());
    !has_dots
        && rest.matches('#').count() <= 1
        && escapes.all(|digits| digits == 2)
        && rest
            .chars()
            .all(|character| is_kept(character) || "%:/?#@!$&'()*+,;=".contains(character))
}

// Cases are made of patterns of text, which proptest has not got in a browser.
#[cfg(test)]
#[cfg(not(target_family = "wasm"))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_become_iris() {
        for (id, iri) in [
            (
                "http://www.yso.fi/onto/yso/p2557",
                "http://www.yso.fi/onto/yso/p2557",
            ),
            ("urn:tax/1/c/10", "urn:tax/1/c/10"),
            ("CCAT", "urn:arborist:import:CCAT"),
            (
                "Wissen/Physik & so",
                "urn:arborist:import:Wissen%2FPhysik%20%26%20so",
            ),
            ("Straße", "urn:arborist:import:Straße"),
            ("C:notes", "urn:arborist:import:C%3Anotes"),
            ("http://a b", "urn:arborist:import:http%3A%2F%2Fa%20b"),
            (
                "urn:arborist:import:A",
                "urn:arborist:import:urn%3Aarborist%3Aimport%3AA",
            ),
        ] {
            assert_eq!(of_id(id), iri);
            assert_eq!(to_id(iri), id);
        }
        // What somebody else wrote below the base stays apart from what we would write.
        assert_eq!(
            to_id("urn:arborist:import:a%2fb"),
            "urn:arborist:import:a%2fb"
        );
        assert_eq!(last_part("http://example.org/a#b"), "b");
        assert_eq!(last_part("http://example.org/a/"), "a");
    }

    proptest! {
        #[test]
        fn ids_come_back(id in any::<String>().prop_filter("ids are not empty", |id| !id.is_empty())) {
            let iri = of_id(&id);
            prop_assert_eq!(to_id(&iri), id);
        }

        #[test]
        fn iris_never_become_one_id(a in "urn:arborist:import:[a-c%2F]{0,6}", b in "urn:arborist:import:[a-c%2F]{0,6}") {
            prop_assert_eq!(to_id(&a) == to_id(&b), a == b);
        }
    }
}
