//! News in XML: decoding, and the paragraphs and classifiers that the importers look for.

use std::borrow::Cow;

use roxmltree::{Document, Node, ParsingOptions};

use super::input::utf8;

/// How far into a file its XML declaration is looked for.
const DECLARATION: usize = 200;

/// Gives `read` the root of the document.
///
/// # Errors
/// Says what is wrong with the file, and where.
pub(super) fn with_root<T>(
    bytes: &[u8],
    read: impl FnOnce(Node<'_, '_>) -> T,
) -> Result<T, String> {
    let text = decode(bytes)?;
    let options = ParsingOptions {
        // NITF names its document type; nothing is fetched for it.
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(&text, options)
        .map_err(|error| format!("found broken XML ({error}), expected one document"))?;
    Ok(read(document.root_element()))
}

/// UTF-8, or ISO 8859-1 where the declaration says so, as in Reuters' files.
fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, String> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let head = &bytes[..bytes.len().min(DECLARATION)];
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let declaration = head.split("?>").next().unwrap_or_default();
    let is_latin = declaration.starts_with("<?xml")
        && ["iso-8859-1", "latin1", "windows-1252"]
            .iter()
            .any(|name| declaration.contains(name));
    if is_latin {
        Ok(bytes.iter().copied().map(char::from).collect())
    } else {
        utf8(bytes).map(Cow::Borrowed)
    }
}

/// The texts of all `<p>` but the first `skip`, in document order.
pub(super) fn paragraphs(root: Node<'_, '_>, skip: usize, separator: &str) -> String {
    let paragraphs: Vec<String> = root
        .descendants()
        .filter(|node| node.has_tag_name("p"))
        .skip(skip)
        .map(text)
        .collect();
    paragraphs.join(separator)
}

/// All text of an element, that of inner elements too.
pub(super) fn text(node: Node<'_, '_>) -> String {
    node.descendants()
        .filter(Node::is_text)
        .filter_map(|node| node.text())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(xml: &[u8], skip: usize, separator: &str, expected: &str) {
        let found = with_root(xml, |root| paragraphs(root, skip, separator)).unwrap();
        assert_eq!(found, expected);
    }

    #[test]
    fn paragraphs_are_joined_as_told() {
        let xml = b"<a><p>one</p><b><p>two &amp; <i>three</i></p><p/></b><q>no</q></a>";
        check(xml, 0, "", "onetwo & three");
        check(xml, 1, "", "two & three");
        check(xml, 0, " ", "one two & three ");
        check(b"<a/>", 1, "", "");
    }

    #[test]
    fn encodings_are_those_that_files_declare() {
        check(
            b"<?xml version=\"1.0\" encoding=\"iso-8859-1\" ?><a><p>\xa3 2</p></a>",
            0,
            "",
            "£ 2",
        );
        check("\u{feff}<a><p>£</p></a>".as_bytes(), 0, "", "£");
        let message = with_root(b"<a><p>\xa3</p></a>", |_| ()).unwrap_err();
        assert_eq!(
            message,
            "found the byte 0xA3 in column 7, expected UTF-8 text"
        );
    }

    #[test]
    fn document_types_are_read_over_and_faults_located() {
        check(
            b"<!DOCTYPE nitf SYSTEM \"http://www.nitf.org/nitf-3-3.dtd\"><nitf><p>x</p></nitf>",
            0,
            "",
            "x",
        );
        let message = with_root(b"<a>\n<p></a>", |_| ()).unwrap_err();
        assert!(
            message.contains("broken XML") && message.contains("2:4"),
            "{message}"
        );
    }
}
