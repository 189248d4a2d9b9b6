//! Adding to a draft: edits, undoing and redoing. What is added is committed at the revision that its author has seen, or
//! refused with what others did since.

use arborist_shared::api::drafts::{DraftEdited, EntryKind, Meanwhile};
use arborist_shared::edits::{Edit, EditFault};

use super::live::catch_up;
use super::replica::{Replica, ReplicaError};
use super::store::{self, DraftRow, NewEntry};
use super::{Author, find, show, taxonomies};
use crate::App;
use crate::http::problem::{ApiError, Code};

/// Entries of others that are answered to somebody who is behind.
const MEANWHILE: u64 = 1_000;

/// What is to be done to a draft.
pub(super) enum Doing {
    /// All of these, in their order, or none.
    Edits(Vec<Edit>),
    /// Undo or redo an edit; the author's own last one unless its revision is given.
    Turn(EntryKind, Option<i64>),
}

/// Does it, and stores it.
///
/// # Errors
/// `draft_stale` when others were faster, `draft_closed` when the draft takes no edits, and what is wrong with an edit.
pub(super) async fn carry_out(
    app: &App,
    draft: i64,
    seen: Option<i64>,
    doing: Doing,
    author: Author,
) -> Result<DraftEdited, ApiError> {
    let live = app.drafts.get(draft);
    let mut slot = live.replica.lock().await;
    // Read under the lock: only other servers can be faster from here on.
    let row = find(app, draft).await?;
    expect_open(&row)?;
    if seen.is_some_and(|seen| seen != row.revision) {
        return Err(stale(app, &row, seen).await?);
    }
    let replica = catch_up(app, &row, slot.take()).await?;
    if let Doing::Edits(edits) = &doing {
        refuse_used_ids(app, &row, edits).await?;
    }
    let revision = replica.revision();
    let by = author.clone();
    // Where an edit cannot be done, or is not stored, the replica is made again of what is, unless it has not changed.
    let (replica, done) = tokio::task::spawn_blocking(move || act(replica, doing, &by)).await?;
    let done = match done {
        Ok(done) => done,
        Err(error) => {
            *slot = Some(replica).filter(|replica| replica.revision() == revision);
            return Err(error);
        }
    };
    let new: Vec<NewEntry<'_>> = done
        .iter()
        .map(|(kind, edit, of)| NewEntry {
            kind: *kind,
            edit,
            of: *of,
        })
        .collect();
    let transaction = app.db.begin().await?;
    let Some(entries) = store::append(&transaction, draft, revision, &new, &author).await? else {
        transaction.rollback().await?;
        let row = find(app, draft).await?;
        expect_open(&row)?;
        return Err(stale(app, &row, Some(revision)).await?);
    };
    transaction.commit().await?;
    *slot = Some(replica);
    drop(slot);
    app.drafts.tell(draft);
    let row = find(app, draft).await?;
    Ok(DraftEdited {
        draft: show(app, row).await?,
        entries,
    })
}

/// An entry to store: its kind, its edit, and for undoing and redoing the revision of the edit.
type Done = Vec<(EntryKind, Edit, Option<i64>)>;

fn act(mut replica: Replica, doing: Doing, author: &Author) -> (Replica, Result<Done, ApiError>) {
    let done = act_on(&mut replica, doing, author);
    (replica, done)
}

fn act_on(replica: &mut Replica, doing: Doing, author: &Author) -> Result<Done, ApiError> {
    let mut done = Vec::new();
    match doing {
        Doing::Edits(edits) => {
            for (position, edit) in edits.into_iter().enumerate() {
                let refused = replica.edit(edit.clone(), author.clone());
                refused.map_err(|error| refuse_edit(position, &edit, &error))?;
                done.push((EntryKind::Edit, edit, None));
            }
        }
        Doing::Turn(kind, of) => {
            let of = of.or_else(|| replica.next_turn(author, kind));
            let of = of.ok_or_else(|| {
                let word = if kind == EntryKind::Undo {
                    "undo"
                } else {
                    "redo"
                };
                ApiError::new(
                    Code::NothingToTurn,
                    format!("there is nothing of yours to {word}"),
                )
            })?;
            let turned = replica.turn(of, kind);
            let edit = turned.map_err(|error| match error {
                ReplicaError::NoSuchEdit { .. } => ApiError::field("/edit", error.to_string()),
                error => ApiError::new(Code::UndoRefused, format!("edit {of}: {error}")),
            })?;
            done.push((kind, edit, Some(of)));
        }
    }
    Ok(done)
}

fn refuse_edit(position: usize, edit: &Edit, error: &ReplicaError) -> ApiError {
    let detail = format!(
        "edit {} ({} `{}`): {error}",
        position + 1,
        edit.op(),
        edit.label()
    );
    ApiError::new(Code::EditRefused, detail)
        .with_error(&format!("/edits/{position}"), error.to_string())
}

/// Ids are never used again: what had one in another version of the project keeps it.
async fn refuse_used_ids(app: &App, row: &DraftRow, edits: &[Edit]) -> Result<(), ApiError> {
    let mut new: Vec<(usize, &Edit, &str)> = Vec::new();
    for (position, edit) in edits.iter().enumerate() {
        match edit {
            Edit::Add { id, .. } => new.push((position, edit, id)),
            Edit::Split { into, .. } => {
                new.extend(into.iter().map(|part| (position, edit, part.id.as_str())));
            }
            _ => {}
        }
    }
    if new.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = new.iter().map(|&(_, _, id)| id).collect();
    let used = taxonomies::used_ids(app, row.project_id, row.taxonomy_id, &ids).await?;
    match new.iter().find(|(_, _, id)| used.contains(*id)) {
        None => Ok(()),
        Some(&(position, edit, id)) => {
            let fault = EditFault::IdRetired { id: id.to_owned() };
            Err(refuse_edit(position, edit, &ReplicaError::Edit(fault)))
        }
    }
}

/// # Errors
/// `draft_closed`.
pub(super) fn expect_open(row: &DraftRow) -> Result<(), ApiError> {
    use arborist_shared::api::drafts::DraftState;

    let found = match row.state {
        DraftState::Open => return Ok(()),
        DraftState::Publishing => "is being published",
        DraftState::Published => "is published",
        DraftState::Discarded => "was discarded",
    };
    Err(ApiError::new(
        Code::DraftClosed,
        format!("draft {} {found}, expected an open one", row.id),
    ))
}

/// The refusal of somebody who has not seen what others did.
pub(super) async fn stale(
    app: &App,
    row: &DraftRow,
    seen: Option<i64>,
) -> Result<ApiError, ApiError> {
    let seen = seen.unwrap_or(0);
    let entries = store::entries(app.db.read(), row.id, seen, Some(MEANWHILE)).await?;
    let detail = format!(
        "found revision {} of draft {}, expected {seen}, which you have seen; look at what changed and send again",
        row.revision, row.id
    );
    let meanwhile = Meanwhile {
        revision: row.revision,
        entries: entries.into_iter().map(|(entry, _)| entry).collect(),
    };
    Ok(ApiError::new(Code::DraftStale, detail).with_meanwhile(meanwhile))
}
