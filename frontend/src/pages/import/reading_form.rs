//! How a file is read: its format, and for tables which column is what. Everything is recognized and can be changed.

use arborist_shared::api::corpora::CorpusPreview;
use arborist_shared::corpus::{CorpusFormat, Reading, RowKind};
use yew::prelude::*;

use crate::components::field::{Choice, Field, Input, Select};

/// Encodings that files of this kind usually have; any other one can be typed on the command line.
const ENCODINGS: [(&str, &str); 8] = [
    ("utf-8", "UTF-8"),
    ("windows-1252", "Western (Windows-1252)"),
    ("iso-8859-2", "Central European (ISO 8859-2)"),
    ("windows-1251", "Cyrillic (Windows-1251)"),
    ("utf-16le", "UTF-16"),
    ("gb18030", "Chinese (GB 18030)"),
    ("shift_jis", "Japanese (Shift JIS)"),
    ("euc-kr", "Korean (EUC-KR)"),
];

#[derive(PartialEq, Properties)]
pub struct ReadingFormProps {
    /// What people chose; the rest is recognized.
    pub reading: Reading,
    pub onchange: Callback<Reading>,
    /// What the server made of it.
    pub preview: Option<CorpusPreview>,
}

#[component]
pub fn ReadingForm(props: &ReadingFormProps) -> Html {
    let found = props
        .preview
        .as_ref()
        .map(|preview| preview.reading.clone());
    let found = found.unwrap_or_default();
    let columns = props
        .preview
        .as_ref()
        .map(|preview| preview.columns.clone());
    let columns = columns.unwrap_or_default();
    let set = |change: fn(&mut Reading, String)| {
        let (reading, onchange) = (props.reading.clone(), props.onchange.clone());
        Callback::from(move |value: String| {
            let mut reading = reading.clone();
            change(&mut reading, value);
            onchange.emit(reading);
        })
    };
    // Another format has other columns.
    let set_format = {
        let (reading, onchange) = (props.reading.clone(), props.onchange.clone());
        Callback::from(move |value: String| {
            onchange.emit(Reading {
                format: value.parse().ok(),
                encoding: reading.encoding.clone(),
                ..Reading::default()
            });
        })
    };
    let word = |format: Option<CorpusFormat>| format.map(CorpusFormat::as_str).unwrap_or_default();
    let is_table =
        found.format.is_some_and(|it| it.kind() == RowKind::Record) && !columns.is_empty();
    html! {
        <>
            <div class="ab-form__row">
                <Field id="format" label="Format"><Select id="format" value={word(props.reading.format)} onchange={set_format} testid="corpus-format" choices={formats(word(found.format))} /></Field>
                <Field id="encoding" label="Encoding"><Select id="encoding" value={props.reading.encoding.clone().unwrap_or_default()} onchange={set(|reading, value| reading.encoding = some(value))} testid="corpus-encoding" choices={encodings(&props.preview)} /></Field>
            </div>
            if is_table {
                <fieldset class="ab-fieldset" data-testid="corpus-columns">
                    <legend>{ "Columns" }</legend>
                    <div class="ab-form__row ab-form__row--wrap">
                        { column("text", "Text", &found.text, &columns, false, set(|reading, value| reading.text = some(value))) }
                        { column("labels", "Labels", &found.labels, &columns, true, set(|reading, value| reading.labels = Some(value))) }
                        { column("id", "Id", &found.id, &columns, true, set(|reading, value| reading.id = Some(value))) }
                        { column("split", "Part", &found.split, &columns, true, set(|reading, value| reading.split = Some(value))) }
                        { column("source", "Source", &found.source, &columns, true, set(|reading, value| reading.source = Some(value))) }
                        { column("date", "Date", &found.date, &columns, true, set(|reading, value| reading.date = Some(value))) }
                        <Field id="label-separator" label="Between labels"><Input id="label-separator" value={found.label_separator.clone().unwrap_or_default()} onchange={set(|reading, value| reading.label_separator = Some(value))} testid="label-separator" /></Field>
                        <Field id="path-separator" label="Between names of a path"><Input id="path-separator" value={found.path_separator.clone().unwrap_or_default()} onchange={set(|reading, value| reading.path_separator = Some(value))} testid="path-separator" /></Field>
                    </div>
                    <p class="ab-muted">{ "Other columns are kept with the documents." }</p>
                </fieldset>
            }
        </>
    }
}

fn some(value: String) -> Option<String> {
    (!value.is_empty()).then_some(value)
}

/// One column of the table, or several that were recognized together.
fn column(
    name: &'static str,
    title: &'static str,
    found: &Option<String>,
    columns: &[String],
    may_lack: bool,
    onchange: Callback<String>,
) -> Html {
    let value = found.clone().unwrap_or_default();
    let mut choices: Vec<Choice> = Vec::new();
    if may_lack || value.is_empty() {
        choices.push(("".into(), "None".into()));
    }
    if !value.is_empty() && !columns.contains(&value) {
        choices.push((value.clone().into(), value.replace(',', ", ").into()));
    }
    choices.extend(
        columns
            .iter()
            .map(|it| (it.clone().into(), it.clone().into())),
    );
    let id = format!("column-{name}");
    html! {
        <Field id={id.clone()} label={title}><Select id={id.clone()} {value} {onchange} {choices} testid={id} /></Field>
    }
}

fn formats(detected: &'static str) -> Vec<Choice> {
    let named: Vec<(&'static str, &'static str)> = CorpusFormat::ALL
        .into_iter()
        .map(|format| (format.as_str(), format.title()))
        .collect();
    super::files::named_formats(&named, detected)
}

fn encodings(preview: &Option<CorpusPreview>) -> Vec<Choice> {
    let found = preview.as_ref().map(|preview| preview.encoding.clone());
    let recognized = match found.filter(|name| !name.is_empty()) {
        Some(name) => format!("Recognized: {name}"),
        None => "Recognize it".to_owned(),
    };
    let mut choices: Vec<Choice> = vec![("".into(), recognized.into())];
    choices.extend(
        ENCODINGS
            .iter()
            .map(|&(word, name)| (AttrValue::Static(word), AttrValue::Static(name))),
    );
    choices
}
