//! Which documents are for training, validation and test.

use yew::prelude::*;

use crate::api::SplitChoice;
use crate::components::field::{Field, Input, Select};

/// How parts are given.
#[derive(Clone, Debug, PartialEq)]
pub struct Parts {
    /// By shares, or as the rows say.
    pub by_share: bool,
    /// In percent.
    pub shares: [String; 3],
    pub seed: String,
    /// What decides about the part.
    pub by: String,
    pub validation_from: String,
    pub test_from: String,
}

/// What may decide about the part of a document.
const BY: [(&str, &str); 4] = [
    ("document", "Each document by chance"),
    ("label", "Every label has its share"),
    ("group", "Documents of a group together"),
    ("time", "The newest for testing"),
];

impl Default for Parts {
    fn default() -> Self {
        Self {
            by_share: true,
            shares: ["80".into(), "10".into(), "10".into()],
            seed: "1".into(),
            by: "document".into(),
            validation_from: String::new(),
            test_from: String::new(),
        }
    }
}

impl Parts {
    /// What the import is told.
    ///
    /// # Errors
    /// Says what is wrong with the shares or the seed.
    pub fn choice(&self) -> Result<SplitChoice, String> {
        if !self.by_share {
            return Ok(SplitChoice::default());
        }
        if self.by == "time" {
            let date = |text: &str| {
                let text = text.trim();
                let is_date =
                    text.len() >= 4 && text.chars().all(|c| c.is_ascii_digit() || c == '-');
                (text.is_empty() || is_date).then(|| text.to_owned())
            };
            let wrong = "Dates are written 2024, 2024-05 or 2024-05-31.";
            let test_from = date(&self.test_from).ok_or(wrong)?;
            if test_from.is_empty() {
                return Err("Say from which date on documents are for testing.".into());
            }
            return Ok(SplitChoice {
                by: "time",
                validation_from: date(&self.validation_from).ok_or(wrong)?,
                test_from,
                ..SplitChoice::default()
            });
        }
        let mut shares = [0.0; 3];
        for (share, text) in shares.iter_mut().zip(&self.shares) {
            *share = text
                .trim()
                .trim_end_matches('%')
                .trim()
                .parse()
                .ok()
                .filter(|value: &f64| (0.0..=100.0).contains(value))
                .ok_or("Shares are numbers from 0 to 100.")?;
        }
        let sum: f64 = shares.iter().sum();
        if (sum - 100.0).abs() > 0.01 {
            return Err(format!(
                "The shares make {}%, they must make 100%.",
                crate::format::number(sum)
            ));
        }
        if shares[0] <= 0.0 {
            return Err("Without training documents nothing can be learned.".into());
        }
        let seed = self
            .seed
            .trim()
            .parse()
            .map_err(|_| "The seed is a whole number.".to_owned())?;
        let ratios = shares.map(|share| (share / 100.0).to_string()).join(",");
        Ok(SplitChoice {
            ratios: Some(ratios),
            seed: Some(seed),
            by: BY
                .iter()
                .map(|(word, _)| *word)
                .find(|word| *word == self.by)
                .unwrap_or(""),
            ..SplitChoice::default()
        })
    }
}

#[derive(PartialEq, Properties)]
pub struct SplitFormProps {
    pub parts: Parts,
    pub onchange: Callback<Parts>,
    /// Rows of the preview that name their split, and all of its rows.
    pub named: (u64, u64),
}

#[component]
pub fn SplitForm(props: &SplitFormProps) -> Html {
    let parts = &props.parts;
    let (named, rows) = props.named;
    let set = |change: fn(&mut Parts, String)| {
        let (parts, onchange) = (parts.clone(), props.onchange.clone());
        Callback::from(move |value: String| {
            let mut parts = parts.clone();
            change(&mut parts, value);
            onchange.emit(parts);
        })
    };
    let choose = |by_share: bool| {
        let (parts, onchange) = (parts.clone(), props.onchange.clone());
        Callback::from(move |_: Event| {
            onchange.emit(Parts {
                by_share,
                ..parts.clone()
            })
        })
    };
    let error = parts.choice().err();
    let as_named = match named {
        0 => "All documents are for training".to_owned(),
        _ if named == rows => "As the rows say".to_owned(),
        _ => "As the rows say; the others are for training".to_owned(),
    };
    html! {
        <fieldset class="ab-fieldset" data-testid="split-form">
            <legend>{ "Parts" }</legend>
            <div class="pf-v6-c-radio">
                <input class="pf-v6-c-radio__input" type="radio" name="parts" id="parts-share" checked={parts.by_share} onchange={choose(true)} data-testid="split-shares" />
                <label class="pf-v6-c-radio__label" for="parts-share">{ if named > 0 { "Divide the rows that do not name their part" } else { "Divide them" } }</label>
            </div>
            if parts.by_share {
                <div class="ab-form__row ab-form__row--inset">
                    <Field id="split-by" label="How"><Select id="split-by" value={parts.by.clone()} onchange={set(|parts, value| parts.by = value)} testid="split-by"
                        choices={BY.iter().map(|&(word, name)| (AttrValue::Static(word), AttrValue::Static(name))).collect::<Vec<_>>()} /></Field>
                </div>
            }
            if parts.by_share && parts.by == "time" {
                <div class="ab-form__row ab-form__row--inset">
                    <Field id="validation-from" label="Validation from"><Input id="validation-from" placeholder="2023" value={parts.validation_from.clone()} onchange={set(|parts, value| parts.validation_from = value)} testid="validation-from" /></Field>
                    <Field id="test-from" label="Test from"><Input id="test-from" placeholder="2024-05" value={parts.test_from.clone()} onchange={set(|parts, value| parts.test_from = value)} invalid={error.is_some()} testid="test-from" /></Field>
                </div>
                if let Some(error) = &error { <p class="ab-field__error" role="alert">{ error }</p> }
            } else if parts.by_share {
                <div class="ab-form__row ab-form__row--inset">
                    <Field id="share-train" label="Train, %"><Input id="share-train" inputmode="decimal" value={parts.shares[0].clone()} onchange={set(|parts, value| parts.shares[0] = value)} invalid={error.is_some()} testid="share-train" /></Field>
                    <Field id="share-validation" label="Validation, %"><Input id="share-validation" inputmode="decimal" value={parts.shares[1].clone()} onchange={set(|parts, value| parts.shares[1] = value)} invalid={error.is_some()} testid="share-validation" /></Field>
                    <Field id="share-test" label="Test, %"><Input id="share-test" inputmode="decimal" value={parts.shares[2].clone()} onchange={set(|parts, value| parts.shares[2] = value)} invalid={error.is_some()} testid="share-test" /></Field>
                    <Field id="share-seed" label="Seed"><Input id="share-seed" inputmode="numeric" value={parts.seed.clone()} onchange={set(|parts, value| parts.seed = value)} testid="share-seed" /></Field>
                </div>
                if let Some(error) = error { <p class="ab-field__error" role="alert">{ error }</p> }
            }
            <div class="pf-v6-c-radio">
                <input class="pf-v6-c-radio__input" type="radio" name="parts" id="parts-named" checked={!parts.by_share} onchange={choose(false)} data-testid="split-named" />
                <label class="pf-v6-c-radio__label" for="parts-named">{ as_named }</label>
            </div>
            <p class="ab-field__help">{ "A document keeps its part in all later versions of the corpus, so that results stay comparable." }</p>
        </fieldset>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(shares: [&str; 3]) -> Parts {
        Parts {
            shares: shares.map(str::to_owned),
            ..Parts::default()
        }
    }

    #[test]
    fn shares_become_ratios() {
        let choice = Parts::default().choice().expect("a choice");
        assert_eq!(
            choice,
            SplitChoice {
                ratios: Some("0.8,0.1,0.1".into()),
                seed: Some(1),
                by: "document",
                ..SplitChoice::default()
            }
        );
        let named = Parts {
            by_share: false,
            ..Parts::default()
        };
        assert_eq!(named.choice(), Ok(SplitChoice::default()));
    }

    #[test]
    fn wrong_shares_are_explained() {
        assert_eq!(
            parts(["80", "10", "20"]).choice(),
            Err("The shares make 110%, they must make 100%.".into())
        );
        assert_eq!(
            parts(["0", "50", "50"]).choice(),
            Err("Without training documents nothing can be learned.".into())
        );
        assert!(parts(["most", "1", "1"]).choice().is_err());
        assert!(parts(["33.3", "33.3", "33.4"]).choice().is_ok());
    }
}
