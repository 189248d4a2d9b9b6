//! A draft whose version is not the newest any more goes on over the newest one.
//!
//! Its edits in force are done again, one after another, by those who made them; one that cannot be done there is told and
//! left out. The earlier draft stays as it is.

use arborist_shared::api::drafts::{EntryKind, Rebased, RefusedEdit};

use super::live::catch_up;
use super::replica::Replica;
use super::store::{self, DraftRow, NewEntry};
use super::{Author, show};
use crate::App;
use crate::http::problem::{ApiError, Code};
use crate::taxonomies;

/// Makes a draft of the newest version out of one of an earlier version.
///
/// # Errors
/// `draft_current` when the draft changes the newest version already.
pub(super) async fn onto_newest(
    app: &App,
    row: &DraftRow,
    author: &Author,
) -> Result<Rebased, ApiError> {
    let newest = taxonomies::newest_row(app.db.read(), row.project_id).await?;
    let newest = newest.filter(|newest| newest.id != row.taxonomy_id);
    let newest = newest.ok_or_else(|| {
        ApiError::new(
            Code::DraftCurrent,
            format!(
                "draft {} changes taxonomy {}, which is the newest one",
                row.id, row.taxonomy_id
            ),
        )
    })?;
    let base = taxonomies::load(app, newest.id).await?;
    let earlier = catch_up(app, row, None).await?;
    let (done, refused) = tokio::task::spawn_blocking(move || {
        let mut replica = Replica::new(base);
        let (mut done, mut refused) = (Vec::new(), Vec::new());
        for (revision, edit, by) in earlier.in_force_by() {
            match replica.edit(edit.clone(), by.clone()) {
                Ok(()) => done.push((edit, by)),
                Err(error) => refused.push(RefusedEdit {
                    revision,
                    edit,
                    message: error.to_string(),
                }),
            }
        }
        (done, refused)
    })
    .await?;
    let transaction = app.db.begin().await?;
    let made = store::insert(&transaction, row.project_id, newest.id, &row.name, author).await?;
    for (revision, (edit, by)) in (0..).zip(&done) {
        let entry = NewEntry {
            kind: EntryKind::Edit,
            edit,
            of: None,
        };
        store::append(&transaction, made.id, revision, &[entry], by).await?;
    }
    transaction.commit().await?;
    let made = super::find(app, made.id).await?;
    Ok(Rebased {
        draft: show(app, made).await?,
        refused,
    })
}
