//! What can go wrong between the page and the server, in words.

use arborist_shared::api::problem::{FieldError, Problem};

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq)]
pub enum ApiError {
    /// The server could not be reached.
    Network { detail: String },
    /// The server said no, and why.
    Problem(Box<Problem>),
    /// The server, or something before it, answered without a problem document.
    Status { status: u16, body: String },
    /// The answer is not what this version of the page understands.
    Unreadable { detail: String },
    /// The person stopped it.
    Aborted,
    /// The server took it on, and a job of it did not succeed.
    Job { detail: String },
}

impl ApiError {
    pub(crate) fn from_request(error: gloo_net::Error) -> Self {
        Self::Unreadable {
            detail: error.to_string(),
        }
    }

    /// One line: what happened.
    pub fn title(&self) -> String {
        match self {
            Self::Network { .. } => "The server cannot be reached".into(),
            Self::Problem(problem) => problem.title.clone(),
            Self::Status { status, .. } => format!("The server answered with status {status}"),
            Self::Unreadable { .. } => "The answer cannot be read".into(),
            Self::Aborted => "Stopped".into(),
            Self::Job { .. } => "The job did not succeed".into(),
        }
    }

    /// One or two sentences: what was found, what to do.
    pub fn advice(&self) -> String {
        match self {
            Self::Network { .. } => {
                "Check that the server runs and that you are online, then try again.".into()
            }
            Self::Problem(problem) => sentence(&problem.detail),
            Self::Status {
                status: 502..=504, ..
            } => "The server is starting or busy. Try again in a moment.".into(),
            Self::Status { .. } => "Try again. If it stays, the server's log says more.".into(),
            Self::Unreadable { .. } => {
                "The page and the server may be of different versions. Load the page again.".into()
            }
            Self::Aborted => "You stopped it. Nothing was kept.".into(),
            Self::Job { detail } => sentence(detail.lines().next().unwrap_or_default()),
        }
    }

    /// What helps whoever repairs it; folded away on the page.
    pub fn technical(&self) -> Option<String> {
        match self {
            Self::Network { detail } | Self::Unreadable { detail } => Some(detail.clone()),
            Self::Problem(problem) => Some(match &problem.instance {
                Some(instance) => format!("{} · {} · {instance}", problem.kind, problem.status),
                None => format!("{} · {}", problem.kind, problem.status),
            }),
            Self::Status { body, .. } if !body.is_empty() => Some(body.clone()),
            Self::Job { detail } if detail.contains('\n') => Some(detail.clone()),
            Self::Status { .. } | Self::Aborted | Self::Job { .. } => None,
        }
    }

    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Problem(problem) => Some(problem.status),
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The stable code of a problem: `draft_stale`.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Problem(problem) => problem.kind.rsplit(':').next(),
            _ => None,
        }
    }

    /// Fields at fault, for forms.
    pub fn fields(&self) -> &[FieldError] {
        match self {
            Self::Problem(problem) => &problem.errors,
            _ => &[],
        }
    }
}

/// Error texts are written without capital and full stop; on the page they stand alone.
pub fn sentence(text: &str) -> String {
    let text = text.trim();
    let mut letters = text.chars();
    let Some(first) = letters.next() else {
        return String::new();
    };
    let mut sentence = quoted(&first.to_uppercase().chain(letters).collect::<String>());
    if !sentence.ends_with(['.', '?', ':', '…']) {
        sentence.push('.');
    }
    sentence
}

/// Backticks are for terminals; on a page names stand in quotation marks.
fn quoted(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // An odd one is part of what is quoted.
    if parts.len().is_multiple_of(2) {
        return text.to_owned();
    }
    let mut quoted = String::with_capacity(text.len());
    for (index, part) in parts.into_iter().enumerate() {
        match index {
            0 => {}
            _ if index % 2 == 1 => quoted.push('“'),
            _ => quoted.push('”'),
        }
        quoted.push_str(part);
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_known_by_their_codes() {
        let problem = serde_json::from_str(
            r#"{"type":"urn:arborist:draft_stale","title":"","status":409,"detail":""}"#,
        );
        let error = ApiError::Problem(Box::new(problem.expect("a problem")));
        assert_eq!(error.code(), Some("draft_stale"));
        assert_eq!(ApiError::Aborted.code(), None);
    }

    #[test]
    fn details_become_sentences() {
        assert_eq!(
            sentence("found the cycle `owls` → `fish`"),
            "Found the cycle “owls” → “fish”."
        );
        assert_eq!(sentence("found a ` alone"), "Found a ` alone.");
        assert_eq!(
            sentence("corpus 9 does not exist"),
            "Corpus 9 does not exist."
        );
        assert_eq!(sentence("Done."), "Done.");
        assert_eq!(sentence(" "), "");
    }
}
