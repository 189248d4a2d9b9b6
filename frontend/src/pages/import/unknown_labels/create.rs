//! Labels that a file has and the taxonomy has not, added to it: a draft with nothing else, published at once.

use arborist_shared::api::drafts::DraftLabel;
use arborist_shared::api::jobs::JobStatus;
use arborist_shared::edits::Edit;
use gloo_timers::future::TimeoutFuture;

use crate::api::{self, Answer, ApiError, Source};
use crate::pages::taxonomy::dialogs::add::free_id;

/// Time between two looks at the job that publishes.
const LOOK_MS: u32 = 250;

/// A label that is to be.
#[derive(Clone, Debug, PartialEq)]
pub struct NewLabel {
    pub name: String,
    /// None: at the top level.
    pub parent: Option<DraftLabel>,
}

/// Adds labels to the newest version of a taxonomy, which makes a newer one; answers their ids in the same order. Two of
/// one name below one parent are one label. Nothing has changed where this fails.
pub async fn create(taxonomy: i64, labels: &[NewLabel]) -> Answer<Vec<String>> {
    let draft = api::new_draft(taxonomy, "Labels of an import".to_owned()).await?;
    let ended = fill_and_publish(draft.id, draft.revision, taxonomy, labels).await;
    if ended.is_err() {
        // One that cannot be given up stays among the drafts, where it does no harm.
        let _ = api::discard_draft(draft.id).await;
    }
    ended
}

async fn fill_and_publish(
    draft: i64,
    revision: i64,
    taxonomy: i64,
    labels: &[NewLabel],
) -> Answer<Vec<String>> {
    let source = Source::Draft { draft, taxonomy };
    let mut ids: Vec<String> = Vec::with_capacity(labels.len());
    let mut revision = revision;
    for (at, label) in labels.iter().enumerate() {
        if let Some(same) = labels.iter().take(at).position(|other| other == label) {
            ids.push(ids[same].clone());
            continue;
        }
        let parent = label.parent.as_ref();
        let above = parent.map(|parent| (parent.id.clone(), parent.name.clone()));
        let id = free_id(source, label.name.clone(), above).await?;
        let add = Edit::Add {
            id: id.clone(),
            name: label.name.clone(),
            parents: parent.iter().map(|parent| parent.id.clone()).collect(),
            before: None,
            details: None,
        };
        let edited = api::edit_draft(draft, revision, vec![add]).await?;
        revision = edited.draft.revision;
        ids.push(id);
    }
    let accepted = api::publish_draft(draft, revision).await?;
    loop {
        let job = api::job(accepted.job).await?;
        match job.status {
            JobStatus::Succeeded => return Ok(ids),
            JobStatus::Queued | JobStatus::Running => TimeoutFuture::new(LOOK_MS).await,
            JobStatus::Failed | JobStatus::Cancelled => {
                let detail = job.error.unwrap_or_else(|| "it was cancelled".to_owned());
                return Err(ApiError::Job { detail });
            }
        }
    }
}
